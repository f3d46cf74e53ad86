/* SPDX-License-Identifier: MIT */
/* One look-up of the domain decides; see route.h for the order of things. */
#include <string.h>

#include <base/metrics.h>

#include "conf.h"
#include "core/deliver.h"
#include "core/policy.h"
#include "core/route.h"
#include "core/session.h"
#include "core/stanza.h"
#include "im/blocking.h"
#include "im/carbons.h"
#include "im/presence.h"
#include "im/subscribe.h"
#include "im/tapped.h"
#include "links/component.h"
#include "links/entered.h"
#include "router.h"

static struct metric m_routed[] = {
	[EL_OTHER] =
	    METRIC_COUNTER("switchyard_stanzas_total", "Stanzas routed.", "kind=\"other\""),
	[EL_IQ] = METRIC_COUNTER("switchyard_stanzas_total", "Stanzas routed.", "kind=\"iq\""),
	[EL_MESSAGE] =
	    METRIC_COUNTER("switchyard_stanzas_total", "Stanzas routed.", "kind=\"message\""),
	[EL_PRESENCE] =
	    METRIC_COUNTER("switchyard_stanzas_total", "Stanzas routed.", "kind=\"presence\""),
};
static struct metric m_bounced =
    METRIC_COUNTER("switchyard_bounces_total", "Stanzas answered with an error.", NULL);

void route_count(enum el_kind kind)
{
	metric_add(&m_routed[kind], 1);
}

bool router_serves(const struct router *r, const char *domain, size_t len)
{
	return conf_list_has(&r->conf->domains, domain, len);
}

void route_reply(struct router *r, struct stanza *st, const struct el *reply)
{
	if (st->session)
		session_send(st->session, reply);
	else if (st->component)
		(void)component_send_el(st->component, reply); /* away: nobody is left to tell */
	else if (st->proxy)
		st->proxy->answer(r, st, reply);
}

void route_reply_ok(struct router *r, struct stanza *st)
{
	EL_AUTO struct el *res = el_result(st->el);

	route_reply(r, st, res);
}

void route_bounce_type(
    struct router *r, struct stanza *st, enum el_cond cond, const char *type, const char *text)
{
	EL_AUTO struct el *err = NULL;

	st->bounced = true;
	if (!st->session && !st->component && !st->proxy)
		return;
	err = el_error_reply_type(st->el, cond, type, text);
	if (!err)
		return;
	/* No address was given: the account answers (RFC 6120 10.3). */
	if (!st->to.s)
		el_set(err, "from", NULL);
	metric_add(&m_bounced, 1);
	route_reply(r, st, err);
}

void route_bounce(struct router *r, struct stanza *st, enum el_cond cond, const char *text)
{
	route_bounce_type(r, st, cond, NULL, text);
}

/* The answers for a component that cannot take it: docs/component-protocol.md, "away". */
static void component_refused(struct router *r, struct stanza *st, enum component_verdict v)
{
	if (st->kind == EL_PRESENCE)
		return;
	if (v == COMPONENT_TOO_LONG)
		route_bounce(r, st, COND_NOT_ACCEPTABLE, "too long for this component");
	else if (v == COMPONENT_FULL && st->type != ST_IQ_GET)
		route_bounce(r, st, COND_RESOURCE_CONSTRAINT, "the component is overloaded");
	else
		route_bounce(r, st, COND_SERVICE_UNAVAILABLE, "the component is not connected");
}

/* Does the router itself say this? */
static bool is_own(const struct stanza *st)
{
	return !st->session && !st->component && !st->proxy;
}

/* A component believes what comes from a served domain: account events, delegation, privileges.
 * Who may write in the domain's name (`message=outgoing`) may do so to all but components. */
static bool is_servers_word(const struct router *r, const struct stanza *st)
{
	return st->from.s && !st->from.dom &&
	       router_serves(r, jid_domain(&st->from), jid_domain_len(&st->from));
}

void route_to(struct router *r, struct stanza *st)
{
	const char *domain = jid_domain(&st->to);
	size_t len = jid_domain_len(&st->to);
	enum component_verdict v;
	struct component *c;

	if (router_serves(r, domain, len)) {
		if (st->to.dom)
			deliver_user(r, st);
		else
			deliver_host(r, st);
		return;
	}
	c = components_find(r->components, domain, len);
	if (!c || (component_internal(c) && !is_own(st))) {
		/* Of presence, only what waits for an answer is worth one. */
		if (st->kind != EL_PRESENCE || st->type == ST_PRES_SUBSCRIBE ||
		    st->type == ST_PRES_AVAILABLE)
			route_bounce(r, st, COND_REMOTE_SERVER_NOT_FOUND, NULL);
		return;
	}
	if (!is_own(st) && is_servers_word(r, st)) {
		route_bounce(r, st, COND_FORBIDDEN, "only the server itself says this");
		return;
	}
	entered_note(st);
	v = component_send(c, st);
	if (v != COMPONENT_TAKEN)
		component_refused(r, st, v);
}

/* A client's message without an address is for its own account (RFC 6120 10.3.1). */
static bool address_own(struct stanza *st)
{
	struct jid own;

	if (!st->session && !st->proxy)
		return false;
	own = jid_bare(&st->from, el_arena(st->el));
	stanza_set_to(st, &own);
	return true;
}

/* What a service sends to a session that has sent it presence: a room, and one of its occupants is
 * blocked.  An error would take the one who blocks out of the room (XEP-0045 18.1.2), and the
 * occupant would not see it as his own. */
static bool is_of_joined_room(struct router *r, const struct stanza *st)
{
	struct session *s;

	if (st->kind != EL_MESSAGE || st->session || !st->to.res)
		return false;
	s = sessions_find(r->sessions, &st->to);
	return s && presence_directed_to(s, &st->from);
}

/* XEP-0191: what both ends think of each other. */
static bool unblocked(struct router *r, struct stanza *st)
{
	enum sub_event ev;

	switch (blocking_judge(r, &st->from, &st->to)) {
	case BLOCKING_BY_SENDER:
		blocking_bounce(r, st);
		return false;
	case BLOCKING_BY_RECIPIENT:
		/* The sender's roster changes as if nobody answered: subscribe.c sees to that. */
		if (st->session && subscribe_event(st, &ev))
			return true;
		if (!is_of_joined_room(r, st))
			deliver_nobody(r, st);
		return false;
	default:
		return true;
	}
}

static void message(struct router *r, struct stanza *st)
{
	if (!tapped_begin(r, st))
		return;
	if (st->session || st->proxy)
		carbons_sent(r, st);
	tapped_stamp(st);
	route_to(r, st);
	tapped_end(r, st);
}

void route_stanza(struct router *r, struct stanza *st)
{
	route_count(st->kind);
	if (st->kind == EL_PRESENCE && st->session) {
		if (!st->to.s || unblocked(r, st))
			presence_from_session(r, st);
		return;
	}
	if (st->kind == EL_IQ && !st->to.s) {
		deliver_own_account(r, st);
		return;
	}
	if (!st->to.s && !address_own(st))
		return; /* a component must address what it sends: link.c has seen to it */
	if (st->kind == EL_MESSAGE && !policy_admits(r, st))
		return;
	if (!unblocked(r, st))
		return;
	if (st->kind == EL_MESSAGE)
		message(r, st);
	else
		route_to(r, st);
}

void route_own(struct router *r, struct el *el)
{
	struct stanza *st = NULL;

	if (stanza_new(&st, el) == 0 && st->to.s)
		route_to(r, st);
	stanza_release(st);
}
