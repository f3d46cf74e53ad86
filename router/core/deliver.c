/* SPDX-License-Identifier: MIT */
/* RFC 6121 section 8, for what is addressed to local accounts and served domains. */
#include <errno.h>
#include <string.h>

#include "auth/register.h"
#include "conf.h"
#include "core/deliver.h"
#include "core/disco.h"
#include "core/host.h"
#include "core/route.h"
#include "core/session.h"
#include "core/session_sm.h"
#include "core/stanza.h"
#include "im/blocking.h"
#include "im/carbons.h"
#include "im/last.h"
#include "im/presence.h"
#include "im/roster.h"
#include "im/tapped.h"
#include "links/delegate.h"
#include "links/privilege.h"
#include "router.h"

/* --- nobody --------------------------------------------------------------------------------- */

static bool iq_is_request(const struct stanza *st)
{
	return st->type == ST_IQ_GET || st->type == ST_IQ_SET;
}

void deliver_nobody(struct router *r, struct stanza *st)
{
	/* A chat message for a full JID falls back on the account (8.5.3.2.1). */
	bool account = !st->to.res || st->type == ST_MSG_CHAT;

	if (st->kind == EL_PRESENCE || st->type == ST_MSG_HEADLINE || st->type == ST_MSG_ERROR ||
	    (st->kind == EL_IQ && !iq_is_request(st)))
		return;
	route_bounce(r, st, COND_SERVICE_UNAVAILABLE,
	    st->kind == EL_MESSAGE && account && st->type != ST_MSG_GROUPCHAT
		? "the recipient is offline"
		: NULL);
}

/* No session has taken it; why is what session_send() said.  Only who has it is told that it has
 * arrived: also of the one that found the queue full. */
static void undelivered(struct router *r, struct stanza *st, int why)
{
	if (tapped_offline(st))
		return;
	if (why == -ENOBUFS && st->type != ST_MSG_HEADLINE)
		route_bounce(r, st, COND_RESOURCE_CONSTRAINT, "too much waits for the recipient");
	else
		deliver_nobody(r, st);
}

/* --- messages ------------------------------------------------------------------------------- */

/* To the sessions that the rules for a bare JID choose (8.5.2.1): a headline to all of non-negative
 * priority, all else to the highest of these (all of them on a tie).  0, or why none took it. */
static int message_fan(struct user *u, struct stanza *st)
{
	int top = 0, ret = -ENOTCONN;

	if (st->type != ST_MSG_HEADLINE) {
		LIST_EACH (it, &u->sessions) {
			struct session *s = LIST_ENTRY(it, struct session, of_user);

			if (session_available(s) && s->im.priority > top)
				top = s->im.priority;
		}
	}
	LIST_EACH (it, &u->sessions) {
		struct session *s = LIST_ENTRY(it, struct session, of_user);

		if (!session_available(s) || s->im.priority < top)
			continue;
		int sent = session_send(s, st->el);

		if (ret < 0 && sent != -ENOTCONN)
			ret = sent;
	}
	if (ret == 0)
		carbons_received(u, st, NULL, top);
	return ret;
}

static void message_to_bare(struct router *r, struct stanza *st)
{
	struct user *u = sessions_user(r->sessions, &st->to);
	bool fans = st->type != ST_MSG_ERROR && st->type != ST_MSG_GROUPCHAT; /* 8.5.2.1.1 */
	int why = -ENOTCONN;

	if (fans && u) {
		session_delivery_begin(u);
		why = message_fan(u, st);
		session_delivery_end(u);
	}

	/* Nobody is there and nothing keeps it: the same answer for an account and for none. */
	if (why < 0)
		undelivered(r, st, why);
}

static void message_to_full(struct router *r, struct stanza *st)
{
	struct session *s = sessions_find(r->sessions, &st->to);
	int why = -ENOTCONN;

	if (s) {
		session_delivery_begin(s->user);
		why = session_send(s, st->el);
		if (why == 0)
			carbons_received(s->user, st, s, 0);
		session_delivery_end(s->user);
	}
	if (why == -ENOTCONN && st->type == ST_MSG_CHAT) /* 8.5.3.2.1 */
		message_to_bare(r, st);
	else if (why < 0)
		undelivered(r, st, why);
}

/* --- iq ------------------------------------------------------------------------------------- */

/* XEP-0199, for whoever we speak for. */
static bool iq_ping(struct router *r, struct stanza *st)
{
	if (st->type != ST_IQ_GET || !el_is(stanza_payload(st), "ping", NS_PING))
		return false;
	route_reply_ok(r, st);
	return true;
}

/* XEP-0077: clients name their server, where their own account is meant. */
static bool iq_register(struct router *r, struct stanza *st)
{
	if (!st->session || strcmp(el_ns(stanza_payload(st)), NS_REGISTER) != 0 ||
	    !jid_has_domain(&st->from, st->to.s))
		return false;
	register_own(r, st);
	return true;
}

void deliver_own_account(struct router *r, struct stanza *st)
{
	const struct el *payload = stanza_payload(st);
	const char *ns = payload ? el_ns(payload) : "";

	if (!iq_is_request(st) || delegate_iq(r, st))
		return;
	if (!st->session && !st->proxy) {
		route_bounce(r, st, COND_SERVICE_UNAVAILABLE, NULL);
		return;
	}
	if (!strcmp(ns, NS_ROSTER))
		roster_iq(r, st, &st->from);
	else if (!strcmp(ns, NS_BLOCKING))
		blocking_iq(r, st);
	else if (!strcmp(ns, NS_CARBONS))
		carbons_iq(r, st);
	else if (!strcmp(ns, NS_REGISTER) && st->session)
		register_own(r, st);
	else if (!strcmp(ns, NS_SESSION) && st->type == ST_IQ_SET)
		route_reply_ok(r, st); /* RFC 6121 appendix E: a no-op that old clients send */
	else if (!strcmp(ns, NS_BIND))
		route_bounce(r, st, COND_NOT_ALLOWED, "a resource is bound already");
	else if (!iq_ping(r, st) && !disco_account(r, st) && !last_account(r, st))
		route_bounce(r, st, COND_SERVICE_UNAVAILABLE, NULL);
}

static void iq_to_bare(struct router *r, struct stanza *st)
{
	if (!iq_is_request(st)) {
		privilege_iq_answer(r, st); /* else (8.5.2.3): that nobody here asked for */
		return;
	}
	if ((st->session || st->proxy) && jid_same_bare(&st->from, &st->to)) {
		deliver_own_account(r, st);
		return;
	}
	if (!delegate_iq(r, st) && !disco_account(r, st) && !last_account(r, st))
		route_bounce(r, st, COND_SERVICE_UNAVAILABLE, NULL);
}

static void iq_to_full(struct router *r, struct stanza *st)
{
	struct session *s = sessions_find(r->sessions, &st->to);
	int why;

	if (s && !last_admits(r, st, s))
		return;
	why = s ? session_send(s, st->el) : -ENOTCONN;
	if (why < 0)
		undelivered(r, st, why); /* 8.5.3.2.3 */
}

/* --- entries -------------------------------------------------------------------------------- */

void deliver_user(struct router *r, struct stanza *st)
{
	bool bare = jid_is_bare(&st->to);

	switch (st->kind) {
	case EL_PRESENCE:
		presence_to_user(r, st);
		return;
	case EL_MESSAGE:
		if (bare)
			message_to_bare(r, st);
		else
			message_to_full(r, st);
		return;
	default:
		if (bare)
			iq_to_bare(r, st);
		else
			iq_to_full(r, st);
	}
}

void deliver_host(struct router *r, struct stanza *st)
{
	switch (st->kind) {
	case EL_PRESENCE:
		return; /* a domain is nobody's contact */
	case EL_MESSAGE:
		if (st->type != ST_MSG_HEADLINE)
			route_bounce(r, st, COND_SERVICE_UNAVAILABLE, NULL);
		return;
	default:
		if (iq_is_request(st) && !delegate_iq(r, st) && !iq_ping(r, st) &&
		    !iq_register(r, st) && !disco_host(r, st) && !host_iq(r, st))
			route_bounce(r, st, COND_SERVICE_UNAVAILABLE, NULL);
	}
}
