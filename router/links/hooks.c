/* SPDX-License-Identifier: MIT */
#include "links/delegate.h"
#include "links/hooks.h"

void hooks_online(struct router *r, struct component *c, bool resumed)
{
	delegate_online(r, c, resumed);
}

void hooks_away(struct router *r, struct component *c)
{
	delegate_away(r, c);
}

void hooks_changed(struct router *r, struct component *c)
{
	delegate_changed(r, c);
}

void hooks_removed(struct router *r, struct component *c)
{
	delegate_removed(r, c);
}

void hooks_features(const struct component *c, struct sbuf *out)
{
	(void)c;
	(void)out;
}
