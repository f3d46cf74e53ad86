/* SPDX-License-Identifier: MIT */
/* Presence of local sessions (RFC 6121 4): broadcast, directed, and the end of a session.
 *
 * A session is available while im.presence stands; this file alone changes it.  What a contact or
 * a component sends in is presence_in.c's business, subscriptions are subscribe.c's. */
#include <errno.h>
#include <string.h>

#include <base/arena.h>
#include <base/log.h>

#include "conf.h"
#include "core/route.h"
#include "core/session.h"
#include "core/stanza.h"
#include "im/blocking.h"
#include "im/directed.h"
#include "im/extra.h"
#include "im/last.h"
#include "im/offline.h"
#include "im/presence.h"
#include "im/presence_send.h"
#include "im/roster_internal.h"
#include "im/subscribe.h"
#include "links/privilege.h"
#include "router.h"

/* --- priority ------------------------------------------------------------------------------- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* 4.7.2.3: an xs:byte, 0 if there is none. */
static bool priority_parse(const struct el *presence, int *out)
{
	const char *p = el_child_text(presence, "priority", NS_CLIENT);
	bool minus, digits = false;
	int n = 0;

	*out = 0;
	if (!p)
		return true;
	while (is_space(*p))
		p++;
	minus = *p == '-';
	if (*p == '-' || *p == '+')
		p++;
	for (; *p >= '0' && *p <= '9' && n <= 128; p++) {
		n = n * 10 + (*p - '0');
		digits = true;
	}
	while (is_space(*p))
		p++;
	*out = minus ? -n : n;
	return digits && !*p && *out >= -128 && *out <= 127;
}

/* --- broadcast ------------------------------------------------------------------------------ */

/* To those who may see it (4.2.2, 4.4.2, 4.5.2), and to the account's own available sessions, the
 * one that sent it included.  el has from and no to. */
static void broadcast(struct session *s, struct roster *ro, const struct el *el)
{
	struct router *r = s->router;

	presence_send(r, el, &s->user->jid);
	if (!session_available(s))
		session_send_addr(s, el, NULL, s->user->jid.s);
	if (!ro)
		return;
	MAP_EACH (n, &ro->items) {
		const struct roster_item *it = MAP_ENTRY(n, struct roster_item, node);

		if (it->sub & SUB_FROM)
			presence_send(r, el, &it->jid);
	}
}

/* What a local contact's sessions have said last; no roster but those of online contacts is looked
 * at, and these are in memory. */
static void gather_local(struct session *s, const struct jid *contact)
{
	struct user *u = sessions_user(s->router->sessions, contact);

	if (!u || !roster_sees(s->router, contact, &s->jid))
		return;
	LIST_EACH (it, &u->sessions) {
		struct session *other = LIST_ENTRY(it, struct session, of_user);

		if (session_available(other) &&
		    blocking_judge(s->router, &other->jid, &s->jid) == BLOCKING_PASS)
			session_send_addr(s, other->im.presence, NULL, s->jid.s);
	}
}

/* A session that has become available sees what there is to see (4.2.2): its contacts, the other
 * sessions of its account, and who waits for the user's answer (3.1.3). */
static void gather(struct session *s, struct roster *ro)
{
	EL_AUTO struct el *probe = el_presence("probe", NULL);

	el_set(probe, "from", s->user->jid.s);
	LIST_EACH (it, &s->user->sessions) {
		struct session *other = LIST_ENTRY(it, struct session, of_user);

		if (other != s && session_available(other))
			session_send_addr(s, other->im.presence, NULL, s->jid.s);
	}
	MAP_EACH (n, &ro->items) {
		const struct roster_item *it = MAP_ENTRY(n, struct roster_item, node);

		if ((it->sub & SUB_TO) && presence_is_local(s->router, &it->jid))
			gather_local(s, &it->jid);
		else if (it->sub & SUB_TO)
			presence_send(s->router, probe, &it->jid);
		if (it->pending && it->request && !blocking_refuses(s->router, &s->jid, &it->jid))
			session_send(s, it->request);
	}
}

static void available(struct router *r, struct stanza *st)
{
	struct session *s = st->session;
	struct el *before = s->im.presence;
	bool was_told = before && s->im.priority >= 0;
	struct roster *ro;
	int priority;

	if (!priority_parse(st->el, &priority)) {
		route_bounce(r, st, COND_BAD_REQUEST, "priority is a number from -128 to 127");
		return;
	}
	ro = roster_any(r->rosters, &s->jid);
	if (!ro) {
		route_bounce(r, st, COND_RESOURCE_CONSTRAINT, "the roster cannot be read now");
		return;
	}
	last_status(s, NULL);
	s->im.presence = el_dup(st->el);
	s->im.priority = priority;
	extra_apply(r, &s->user->jid, s->im.presence);
	broadcast(s, ro, s->im.presence);
	privilege_available(s, ro, before);
	el_free(before);
	if (!before)
		gather(s, ro);
	if (priority < 0)
		offline_session_end(s);
	else if (!was_told)
		offline_available(s);
}

void presence_renew(struct router *r, const struct jid *account,
    void (*change)(struct el *presence, void *arg), void *arg)
{
	struct user *u = sessions_user(r->sessions, account);
	struct roster *ro = u ? roster_any(r->rosters, account) : NULL;

	if (!u)
		return;
	LIST_EACH (it, &u->sessions) {
		struct session *s = LIST_ENTRY(it, struct session, of_user);

		if (!session_available(s))
			continue;
		change(s->im.presence, arg);
		broadcast(s, ro, s->im.presence);
	}
}

/* --- the end -------------------------------------------------------------------------------- */

struct goodbye {
	const struct el *el;
	struct roster *ro; /* NULL: it was not broadcast */
};

/* Nobody is told twice (4.6.3): a bare JID, and an available session here, have it by the
 * broadcast.
 */
static bool has_it_already(struct session *s, struct roster *ro, const struct jid *to)
{
	const struct session *other = to->res ? sessions_find(s->router->sessions, to) : NULL;
	const struct roster_item *it;

	if (!ro || (to->res && !(other && session_available(other))))
		return false;
	if (jid_same_bare(to, &s->jid))
		return true;
	it = roster_find(ro, to);
	return it && (it->sub & SUB_FROM);
}

static void goodbye_directed(struct session *s, const struct jid *to, void *arg)
{
	const struct goodbye *g = arg;

	if (!has_it_already(s, g->ro, to))
		presence_send(s->router, g->el, to);
}

/* el has from and no to. */
static void unavailable(struct session *s, const struct el *el)
{
	struct goodbye g = { .el = el };

	if (session_available(s)) {
		el_free(s->im.presence);
		s->im.presence = NULL;
		s->im.priority = 0;
		offline_session_end(s);
		g.ro = roster_any(s->router->rosters, &s->jid);
		broadcast(s, g.ro, el);
		privilege_unavailable(s, g.ro, el);
	}
	directed_flush(s, goodbye_directed, &g);
}

void presence_session_end(struct session *s)
{
	EL_AUTO struct el *gone = presence_gone(&s->jid);

	unavailable(s, gone);
	last_session_end(s);
	s->im.interested = false;
	if (s->user->n_sessions == 1)
		roster_unpin(s->router->rosters, &s->jid);
}

/* --- directed ------------------------------------------------------------------------------- */

static void directed(struct router *r, struct stanza *st)
{
	struct session *s = st->session;

	if (st->type == ST_PRES_UNAVAILABLE) {
		directed_remove(s, &st->to);
	} else if (!directed_add(s, &st->to)) {
		/* Who could not be told of the end must not hear of the beginning. */
		route_bounce(
		    r, st, COND_RESOURCE_CONSTRAINT, "directed presence to too many addresses");
		return;
	}
	if (st->type == ST_PRES_AVAILABLE)
		extra_apply(r, &s->user->jid, st->el);
	route_to(r, st);
}

/* --- the entry ------------------------------------------------------------------------------ */

static void undirected(struct router *r, struct stanza *st)
{
	switch (st->type) {
	case ST_PRES_AVAILABLE:
		available(r, st);
		break;
	case ST_PRES_UNAVAILABLE:
		last_status(st->session, st->el);
		unavailable(st->session, st->el);
		break;
	case ST_PRES_ERROR:
		break;
	default:
		route_bounce(r, st, COND_BAD_REQUEST, "this needs an address");
	}
}

/* One presence is kept, and becomes as many as there are contacts, or occupants of a room. */
static bool is_too_long(const struct router *r, const struct stanza *st)
{
	int64_t max = r->conf->limit.presence;

	return max > 0 && st->bytes > max;
}

void presence_from_session(struct router *r, struct stanza *st)
{
	enum sub_event ev;

	if (is_too_long(r, st))
		route_bounce(r, st, COND_POLICY_VIOLATION, "this is too long for a presence");
	else if (!st->to.s)
		undirected(r, st);
	else if (subscribe_event(st, &ev))
		subscribe_out(r, st, ev);
	else if (st->type == ST_PRES_AVAILABLE || st->type == ST_PRES_UNAVAILABLE)
		directed(r, st);
	else
		route_to(r, st); /* errors; and probes, which clients should not send (4.3.1) */
}
