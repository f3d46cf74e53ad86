/* SPDX-License-Identifier: MIT */
/* A session that may be gone is a suspect: it waits in muc->suspects, is pinged (XEP-0199) by the
 * room, at most MUC_PINGS_MAX at once, and stays unless its server says that it is gone or nothing
 * comes back.  A client that knows no pings says so otherwise, or is not asked again before the
 * next error. */
#include <errno.h>

#include <base/log.h>
#include <base/rnd.h>

#include "ghost.h"
#include "invite.h"
#include "leave.h"
#include "message.h"
#include "reach.h"
#include "relay.h"

enum { PING_MS = 30 * 1000, AGAIN_MS = 1000 };

static const struct log_tag tag = { .mod = "room" };

/* 18.1.2 */
static bool means_gone(enum el_cond c)
{
	switch (c) {
	case COND_GONE:
	case COND_ITEM_NOT_FOUND:
	case COND_RECIPIENT_UNAVAILABLE:
	case COND_REDIRECT:
	case COND_REMOTE_SERVER_NOT_FOUND:
	case COND_REMOTE_SERVER_TIMEOUT:
		return true;
	default:
		return false;
	}
}

static void remove_ghost(struct session *s, const char *why)
{
	struct room *r = s->occ->room;
	struct note n = { .gone = true };

	log_info(&tag, "%s is gone from %s: %s", s->jid.s, r->local, why);
	note_code(&n, 333);
	leave_session(s, &n);
}

/* --- suspects ----------------------------------------------------------------------------------
 */

static void suspect(struct session *s)
{
	if (!s->ping && list_empty(&s->suspect))
		list_add_tail(&s->occ->room->m->suspects, &s->suspect);
}

/* Not now: the link was not there all the time, or has too much to do. */
static void ask_again(struct session *s)
{
	struct muc *m = s->occ->room->m;

	suspect(s);
	if (!timer_armed(&m->again))
		timer_set(&m->again, AGAIN_MS);
}

static void on_silence(struct session *s)
{
	struct room *r = s->occ->room;

	if (!comp_online(r->m->c) || s->pinged_at < r->m->online_at || !reach_may_leave(s)) {
		ask_again(s);
		return;
	}
	remove_ghost(s, "no answer");
	room_settle(r);
}

static void ping_suspects(struct muc *m);

/* Servers answer service-unavailable for a session that they do not have (RFC 6121 8.5.3.2.3). */
static void on_pong(struct comp *c, int err, const struct el *answer, void *arg)
{
	struct session *s = arg;
	struct room *r = s->occ->room;
	struct muc *m = r->m;
	enum el_cond cond = err == -EBADMSG ? el_error(answer, NULL) : 0;

	(void)c;
	s->ping = NULL;
	m->pings--;
	if (!room_is_ours(r)) { /* another process finds out, unless it comes back */
		if (err != -ECANCELED)
			ask_again(s);
		return;
	}
	if (means_gone(cond) || cond == COND_SERVICE_UNAVAILABLE) {
		remove_ghost(s, el_cond_name(cond));
		room_settle(r);
	} else if (err == -ETIMEDOUT) {
		on_silence(s);
	} else if (err == -ENOBUFS) {
		ask_again(s);
	}
	if (err != -ECANCELED)
		ping_suspects(m);
}

static void ping_suspects(struct muc *m)
{
	while (m->pings < MUC_PINGS_MAX && !list_empty(&m->suspects)) {
		struct session *s = LIST_FIRST(&m->suspects, struct session, suspect);
		struct el *iq = el_iq("get", s->jid.s);

		list_del(&s->suspect);
		el_set(iq, "from", s->occ->room->jid);
		el_add(iq, "ping", NS_PING);
		s->pinged_at = muc_now(m);
		m->pings++;
		s->ping = comp_ask(m->c, iq, PING_MS, on_pong, s);
	}
}

void ghost_forget(struct session *s)
{
	struct muc *m = s->occ->room->m;

	list_del(&s->suspect);
	if (!s->ping)
		return;
	comp_ask_cancel(s->ping);
	s->ping = NULL;
	m->pings--;
	if (!list_empty(&m->suspects) && !timer_armed(&m->again))
		timer_set(&m->again, AGAIN_MS);
}

static void on_again(void *arg)
{
	ping_suspects(arg);
}

void ghost_init(struct muc *m)
{
	list_init(&m->suspects);
	timer_init(&m->again, comp_loop(m->c), on_again, m);
}

/* --- errors ------------------------------------------------------------------------------------
 */

/* The error to a private message goes to who had sent it.  One to a message of the room's does not:
 * it has reached the room, and what became of a copy is between the room and its recipient. */
static void pass_back(const struct room *r, struct session *from, const struct comp_req *rq)
{
	const char *nick = jid_resource(comp_to(rq));
	const struct occupant *to = nick ? room_occupant(r, nick) : NULL;
	struct comp_many *many;

	if (!to || !relay_was_whispered(from, to, el_attr(comp_el(rq), "id")) ||
	    !message_rate(from, 1))
		return;

	EL_AUTO struct el *out = el_dup(comp_el(rq));

	el_set(out, "from", from->occ->jid);
	el_set(out, "to", NULL);
	relay_hide_maker(out);
	el_freeze(out);
	many = comp_many_begin(r->m->c, out);
	LIST_EACH (it, &to->sessions)
		comp_many_add(many, LIST_ENTRY(it, struct session, link)->jid.s);
	(void)comp_many_end(many); /* all or none: an error more or less */
}

int ghost_error(struct muc *m, struct room *r, struct comp_req *rq)
{
	struct session *s = r ? room_session(r, comp_from(rq)) : NULL;
	enum el_cond cond = el_error(comp_el(rq), NULL);

	if (!r)
		return HANDLED;
	if (!s) {
		if (el_kind(comp_el(rq)) == EL_MESSAGE && jid_is_bare(comp_to(rq)))
			invite_bounced(r, comp_from(rq));
		return HANDLED;
	}
	if (el_kind(comp_el(rq)) == EL_MESSAGE)
		pass_back(r, s, rq);
	if (means_gone(cond)) {
		remove_ghost(s, el_cond_name(cond));
	} else {
		suspect(s);
		ping_suspects(m);
	}
	return HANDLED;
}

/* --- the link ----------------------------------------------------------------------------------
 */

/* All of a room at once; what the link does not take now is asked one by one. */
static void probe(struct room *r, struct el *msg)
{
	struct comp_many *many;
	char id[13];

	rnd_id(id, sizeof(id) - 1);
	el_set(msg, "id", id);
	el_set(msg, "from", r->jid);
	many = comp_many_begin(r->m->c, msg);
	MAP_EACH (it, &r->by_jid)
		comp_many_add(many, MAP_ENTRY(it, struct session, node)->jid.s);
	if (comp_many_end(many) == 0)
		return;
	MAP_EACH (it, &r->by_jid)
		suspect(MAP_ENTRY(it, struct session, node));
}

static void probe_all(struct muc *m)
{
	EL_AUTO struct el *msg = el_message("groupchat", NULL);

	el_add(msg, "no-store", NS_HINTS);
	el_freeze(msg);
	for (size_t i = 0; i < m->sorted.n; i++)
		probe(m->sorted.v[i], msg);
	ping_suspects(m);
}

void ghost_online(struct muc *m, bool resumed)
{
	m->online_at = muc_now(m);
	if (resumed)
		return;
	m->probes = muc_shares(m); /* as soon as it is known which rooms are ours */
	if (!m->probes)
		probe_all(m);
}

void ghost_loaded(struct muc *m)
{
	if (m->probes)
		probe_all(m);
	m->probes = false;
}
