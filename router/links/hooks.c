/* SPDX-License-Identifier: MIT */
#include "im/offline.h"
#include "links/delegate.h"
#include "links/entered.h"
#include "links/events.h"
#include "links/fanout.h"
#include "links/hooks.h"
#include "links/info.h"
#include "links/privilege.h"
#include "links/tap.h"
#include "router.h"

void hooks_online(struct router *r, struct component *c, bool resumed)
{
	bool asked = delegate_online(r, c, resumed);

	privilege_online(r, c, resumed);
	offline_online(r, c, resumed);
	events_online(r->events, c); /* nothing is sent twice in either case */
	if (!asked && !resumed)
		info_ask(r, c);
}

void hooks_away(struct router *r, struct component *c)
{
	delegate_away(r, c);
	entered_over(r, c);
}

void hooks_changed(struct router *r, struct component *c)
{
	delegate_changed(r, c);
	privilege_changed(r, c);
}

void hooks_removed(struct router *r, struct component *c)
{
	delegate_removed(r, c);
}

void hooks_gone(struct component *c)
{
	privilege_removed(c);
}

void hooks_features(const struct component *c, struct sbuf *out)
{
	tap_features(c, out);
	fanout_feature(out);
}
