/* SPDX-License-Identifier: MIT */
#include "links/hooks.h"
#include "links/privilege.h"

void hooks_online(struct router *r, struct component *c, bool resumed)
{
	privilege_online(r, c, resumed);
}

void hooks_away(struct router *r, struct component *c)
{
	(void)r;
	(void)c;
}

void hooks_changed(struct router *r, struct component *c)
{
	privilege_changed(r, c);
}

void hooks_removed(struct router *r, struct component *c)
{
	(void)r;
	privilege_removed(c);
}

void hooks_features(const struct component *c, struct sbuf *out)
{
	(void)c;
	(void)out;
}
