/* SPDX-License-Identifier: MIT */
/* A copy is a start tag and the same bytes for each session that gets it. */
#include <string.h>

#include "core/route.h"
#include "core/session.h"
#include "core/stanza.h"
#include "im/carbons.h"
#include "im/keep.h"
#include "im/stanza_id.h"
#include "router.h"

/* --- switched on and off ------------------------------------------------------------------------
 */

void carbons_iq(struct router *r, struct stanza *st)
{
	const struct el *payload = stanza_payload(st);
	bool on = el_is(payload, "enable", NS_CARBONS);

	if (st->type != ST_IQ_SET || (!on && !el_is(payload, "disable", NS_CARBONS))) {
		route_bounce(r, st, COND_BAD_REQUEST, NULL);
	} else if (!st->session) {
		route_bounce(r, st, COND_NOT_ALLOWED, NULL); /* 4: not a client of this server */
	} else {
		st->session->im.carbons = on;
		route_reply_ok(r, st);
	}
}

/* --- which messages -----------------------------------------------------------------------------
 */

/* 6.1: what instant messaging consists of. */
static bool has_talk(const struct el *el)
{
	EL_EACH (it, el, NULL, NULL) {
		const char *ns = el_ns(it);

		if (el_is(it, "body", NS_CLIENT) || !strcmp(ns, NS_RECEIPTS) ||
		    !strcmp(ns, NS_CHATSTATES) || !strcmp(ns, NS_MARKERS) ||
		    el_is(it, "x", NS_CONFERENCE) || keep_is_encrypted(it))
			return true;
		if (el_is(it, "x", NS_MUC_USER) && el_child(it, "invite", NS_MUC_USER))
			return true;
	}
	return false;
}

/* Both are asked for by the sender: XEP-0280 9 and XEP-0334 4.4. */
static bool is_private(const struct el *el)
{
	return el_child(el, "private", NS_CARBONS) || el_child(el, "no-copy", NS_HINTS);
}

/* 15.2: nobody but an account's own server forwards, and that is not forwarded again. */
static bool is_copy(const struct el *el)
{
	return el_child(el, "sent", NS_CARBONS) || el_child(el, "received", NS_CARBONS);
}

bool carbons_apply(const struct stanza *st)
{
	if (st->kind != EL_MESSAGE || st->type == ST_MSG_GROUPCHAT || st->type == ST_MSG_HEADLINE)
		return false;
	if (st->type != ST_MSG_CHAT && !has_talk(st->el))
		return false;
	return !is_private(st->el) && !is_copy(st->el);
}

/* What an occupant says in private: the room tells all sessions that are in it. */
static bool is_of_occupant(const struct stanza *st)
{
	const struct el *x = el_child(st->el, "x", NS_MUC_USER);

	return x && st->from.res && !el_child(x, "invite", NS_MUC_USER);
}

const struct el *carbons_inside(const struct user *u, const struct el *message, const char *way)
{
	const char *from = el_attr(message, "from");
	const struct el *copy, *f;

	if (!from || strcmp(from, u->jid.s) != 0)
		return NULL;
	copy = el_child(message, way, NS_CARBONS);
	f = copy ? el_child(copy, "forwarded", NS_FORWARD) : NULL;
	return f ? el_child(f, "message", NS_CLIENT) : NULL;
}

/* --- copies -------------------------------------------------------------------------------------
 */

struct copy { /* made when somebody gets one */
	const struct stanza *st;
	const struct user *u;
	bool sent; /* or received */
	struct el *el;
};

static void make(struct copy *c)
{
	struct el *way, *copy;

	c->el = el_message(el_attr(c->st->el, "type"), NULL);
	el_set(c->el, "from", c->u->jid.s);
	way = el_add(c->el, c->sent ? "sent" : "received", NS_CARBONS);
	copy = el_add_copy(el_add(way, "forwarded", NS_FORWARD), c->st->el);
	if (c->sent && c->st->sent_id)
		stanza_id_add(copy, c->u->jid.s, c->st->sent_id);
	el_freeze(c->el);
}

/* 11: what becomes of it is nobody's business. */
static void give(struct copy *c, struct session *s)
{
	if (!c->el)
		make(c);
	(void)session_send_addr(s, c->el, NULL, s->jid.s);
}

/* Most have one session: what it says or is told is not looked at for nobody. */
static bool has_one(const struct user *u)
{
	return u->n_sessions == 1;
}

void carbons_sent(struct router *r, struct stanza *st)
{
	struct copy c = { .st = st, .sent = true };
	struct user *u;

	if ((st->session && has_one(st->session->user)) || !carbons_apply(st))
		return;
	u = sessions_user(r->sessions, &st->from);
	/* To oneself: it is received as well, and so copied. */
	if (!u || (st->to.s && jid_same_bare(&st->from, &st->to)))
		return;
	c.u = u;
	LIST_EACH (it, &u->sessions) {
		struct session *s = LIST_ENTRY(it, struct session, of_user);

		if (s->im.carbons && s != st->session)
			give(&c, s);
	}
	el_free(c.el);
}

static bool has_got_it(const struct session *s, const struct session *only, int top)
{
	return only ? s == only : session_available(s) && s->im.priority >= top;
}

void carbons_received(struct user *u, struct stanza *st, const struct session *only, int top)
{
	struct copy c = { st, u, false, NULL };

	if (has_one(u) || !carbons_apply(st) || is_of_occupant(st))
		return;
	LIST_EACH (it, &u->sessions) {
		struct session *s = LIST_ENTRY(it, struct session, of_user);

		if (s->im.carbons && s != st->session && !has_got_it(s, only, top))
			give(&c, s);
	}
	el_free(c.el);
}
