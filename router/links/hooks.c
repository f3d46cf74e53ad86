/* SPDX-License-Identifier: MIT */
#include "links/fanout.h"
#include "links/hooks.h"

void hooks_online(struct router *r, struct component *c, bool resumed)
{
	(void)r;
	(void)c;
	(void)resumed;
}

void hooks_away(struct router *r, struct component *c)
{
	(void)r;
	(void)c;
}

void hooks_changed(struct router *r, struct component *c)
{
	(void)r;
	(void)c;
}

void hooks_removed(struct router *r, struct component *c)
{
	(void)r;
	(void)c;
}

void hooks_features(const struct component *c, struct sbuf *out)
{
	(void)c;
	fanout_feature(out);
}
