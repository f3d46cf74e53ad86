/* SPDX-License-Identifier: MIT */
#include <base/sbuf.h>

#include "conf.h"
#include "im/offline.h"
#include "links/component.h"
#include "links/delegate.h"
#include "links/events.h"
#include "links/fanout.h"
#include "links/hooks.h"
#include "links/info.h"
#include "links/privilege.h"
#include "links/tap.h"
#include "router.h"

void hooks_online(struct router *r, struct component *c, struct member *m, bool resumed)
{
	bool only = component_is_only(c, m), asked = delegate_online(r, c, m, only, resumed);

	privilege_online(r, c, m, resumed);
	offline_online(r, c, resumed);
	events_online(r->events, c); /* nothing is sent twice in either case */
	if (!asked && !resumed && only)
		info_ask(r, c);
}

void hooks_away(struct router *r, struct component *c)
{
	delegate_away(r, c);
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
	if (component_conf_of(c)->connections == COMP_SHARE)
		sbuf_puts(out, "<share xmlns='" NS_SHARE "'/>");
}
