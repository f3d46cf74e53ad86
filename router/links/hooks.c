/* SPDX-License-Identifier: MIT */
#include "links/events.h"
#include "links/fanout.h"
#include "links/hooks.h"
#include "router.h"

void hooks_online(struct router *r, struct component *c, bool resumed)
{
	(void)resumed; /* nothing is sent twice in either case */
	events_online(r->events, c);
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
	events_features(c, out);
	fanout_feature(out);
}
