/* SPDX-License-Identifier: MIT */
#include "comp_internal.h"

/* A link is plain XEP-0114: it has no features. */
bool comp_offers(const struct comp *c, const char *ns)
{
	(void)c;
	(void)ns;
	return false;
}
