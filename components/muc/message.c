/* SPDX-License-Identifier: MIT */
/* A message of an occupant is reflected as it is: its bytes are those that came, under a new start
 * tag.  Only what pretends to be the room's own word is taken out, which costs a new serialisation.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/metrics.h>
#include <base/rnd.h>

#include "message.h"
#include "occupant.h"
#include "retract.h"
#include "subject.h"

enum { ID_LEN = 16 };

static struct metric m_messages =
    METRIC_COUNTER("switchyard_muc_messages_total", "Messages reflected to rooms.", NULL);

/* --- reflecting --------------------------------------------------------------------------------
 */

int message_reflect(struct room *r, struct el *msg)
{
	struct comp_many *many;
	int ret;

	el_freeze(msg);
	many = comp_many_begin(r->m->c, msg);
	MAP_EACH (it, &r->by_jid)
		comp_many_add(many, MAP_ENTRY(it, struct session, node)->jid.s);
	ret = comp_many_end(many);
	if (ret < 0)
		return -COND_RESOURCE_CONSTRAINT;
	metric_add(&m_messages, 1);
	return 0;
}

int message_to(const struct room *r, struct el *msg, bool (*is_meant)(const struct occupant *o))
{
	struct comp_many *many;
	int n = 0, ret;

	el_freeze(msg);
	many = comp_many_begin(r->m->c, msg);
	LIST_EACH (it, &r->occupants) {
		const struct occupant *o = LIST_ENTRY(it, struct occupant, link);

		if (!is_meant(o))
			continue;
		LIST_EACH (s, &o->sessions) {
			comp_many_add(many, LIST_ENTRY(s, struct session, link)->jid.s);
			n++;
		}
	}
	ret = comp_many_end(many);
	return ret < 0 ? ret : n;
}

void message_codes(struct room *r, const unsigned *codes, unsigned n)
{
	EL_AUTO struct el *msg = el_message("groupchat", NULL);
	struct el *x = el_add(msg, "x", NS_MUC_USER);
	char id[ID_LEN + 1];

	rnd_id(id, ID_LEN);
	el_set(msg, "id", id);
	el_set(msg, "from", r->jid);
	for (unsigned i = 0; i < n; i++)
		el_setf(el_add(x, "status", NULL), "code", "%u", codes[i]);
	(void)message_reflect(r, msg);
}

/* --- what may not be said ----------------------------------------------------------------------
 */

/* However it is spelt; an address that cannot be prepared is nobody's. */
static bool is_room(const struct room *r, const char *s)
{
	struct arena *a = arena_new();
	struct jid j, room = jid_view(r->jid);
	bool is = jid_parse(&j, a, s) == 0 && jid_same_bare(&j, &room);

	arena_free(a);
	return is;
}

/* Status codes, invitations and ids of occupants are muc's to send; delays and ids "by" the room
 * are the room's (XEP-0359's business rules). */
static bool is_forged(const struct room *r, const struct el *child)
{
	const char *ns = el_ns(child), *by;

	if (!strcmp(ns, NS_MUC_USER) || occupant_id_is(child))
		return true;
	if (!strcmp(ns, NS_DELAY))
		by = el_attr(child, "from");
	else if (!strcmp(ns, NS_SID) && !strcmp(el_name(child), "stanza-id"))
		by = el_attr(child, "by");
	else
		return false;
	return by && is_room(r, by);
}

void message_strip(const struct room *r, struct el *msg)
{
	const struct el *child = el_child(msg, NULL, NULL), *next;

	for (; child; child = next) {
		next = el_next(child, NULL, NULL);
		if (is_forged(r, child))
			el_remove(msg, child);
	}
}

bool message_rate(struct session *s, double cost)
{
	const struct muc *m = s->occ->room->m;

	return rate_take(&s->rate, &m->occupant_rate, cost, muc_now(m));
}

bool message_afford(const struct muc *m, const struct room *r, const struct jid *who, double n)
{
	struct session *s = r ? room_session(r, who) : NULL;
	struct arena *a;
	bool ok;

	if (s)
		return rate_charge(&s->rate, &m->occupant_rate, n, muc_now(m));
	a = arena_new();
	ok = rate_table_charge(m->outsiders, jid_bare(who, a).s, n, muc_now(m));
	arena_free(a);
	return ok;
}

int message_charge(const struct room *r, struct comp_req *rq, double n)
{
	if (message_afford(r->m, r, comp_from(rq), n))
		return 0;
	return handler_refuse(
	    rq, COND_RESOURCE_CONSTRAINT, "wait", "Too many requests; slow down.");
}

/* XEP-0500, which spares whom the room trusts.  What is encrypted counts as well. */
static bool is_slowed(const struct session *by, const struct el *msg)
{
	const struct room *r = by->occ->room;

	return r->conf.slow_mode > 0 && by->occ->role != ROLE_MODERATOR && history_has_content(msg);
}

static int check_slow(struct room *r, const struct session *by, struct comp_req *rq)
{
	char text[128];
	int64_t wait;

	if (!is_slowed(by, comp_el(rq)))
		return 0;
	wait = slow_wait(&r->slow, &by->jid, r->conf.slow_mode, muc_now(r->m));
	if (wait <= 0)
		return 0;
	(void)snprintf(text, sizeof(text),
	    "Slow mode: %lld seconds between two messages; you may go on in %lld.",
	    (long long)r->conf.slow_mode, (long long)wait);
	return handler_refuse(rq, COND_POLICY_VIOLATION, "wait", text);
}

/* 0 or the answer that refuses. */
static int check(struct room *r, struct session *by, struct comp_req *rq)
{
	const struct muc *m = r->m;
	size_t size = el_wire_len(comp_el(rq));

	if (r->conf.moderated && by->occ->role < ROLE_PARTICIPANT)
		return -COND_FORBIDDEN;
	if (size > (size_t)m->conf->max_message)
		return handler_refuse(
		    rq, COND_POLICY_VIOLATION, "modify", "The message is too large.");
	if (!message_rate(by, 1) || !rate_take(&r->rate, &m->room_rate, 1, muc_now(m)))
		return handler_refuse(
		    rq, COND_RESOURCE_CONSTRAINT, "wait", "Too many messages; slow down.");
	return check_slow(r, by, rq);
}

/* --- the way of a message ----------------------------------------------------------------------
 */

/* What the others get: the message from the occupant, with its ids. */
static struct el *reflection(const struct room *r, const struct session *by, const struct el *msg)
{
	struct el *out = el_dup(msg);

	message_strip(r, out);
	el_set(out, "from", by->occ->jid);
	el_set(out, "to", NULL); /* each copy's own */
	if (!el_attr(out, "id")) {
		char id[ID_LEN + 1];

		rnd_id(id, ID_LEN);
		el_set(out, "id", id);
	}
	occupant_id_sign(out, by->occ->id);
	return out;
}

/* The same to all, and to those who come later: under one id. */
static int take(struct room *r, struct session *by, struct el *msg)
{
	struct said *s = said_new(r, msg, by);
	int ret;

	if (s)
		said_stamp(r, s, msg);
	ret = subject_is_change(msg) ? subject_change(by, msg) : message_reflect(r, msg);
	if (ret != 0) {
		said_free(s);
		return ret;
	}
	if (s)
		history_keep(r, s);
	if (is_slowed(by, msg))
		slow_spoke(&r->slow, &by->jid, r->conf.slow_mode, muc_now(r->m));
	retract_own(r, by, msg);
	return 0;
}

int message_groupchat(struct muc *m, struct room *r, struct comp_req *rq)
{
	struct session *by;
	struct el *msg;
	int ret;

	(void)m;
	if (!r || (r->locked && !room_session(r, comp_from(rq))))
		return -COND_ITEM_NOT_FOUND;
	by = room_session(r, comp_from(rq));
	if (!by)
		return -COND_NOT_ACCEPTABLE;
	ret = check(r, by, rq);
	if (ret == 0)
		ret = retract_check(r, by, comp_el(rq));
	if (ret != 0)
		return ret;
	msg = reflection(r, by, comp_el(rq));
	ret = take(r, by, msg);
	el_free(msg);
	return ret;
}
