/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "avatar.h"
#include "message.h"
#include "occupant.h"
#include "relay.h"

#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
enum { ASK_MS = 30 * 1000 };

/* --- private messages --------------------------------------------------------------------------
 */

static bool may_whisper(const struct occupant *o)
{
	switch (o->room->conf.allow_pm) {
	case PM_ANYONE:
		return true;
	case PM_PARTICIPANTS:
		return o->role >= ROLE_PARTICIPANT;
	case PM_MODERATORS:
		return o->role == ROLE_MODERATOR;
	default:
		return false;
	}
}

/* 7.5: from the occupant, with the empty <x/> that tells it from other chats. */
static struct el *whisper(const struct session *by, const struct el *msg)
{
	struct el *out = el_dup(msg);

	message_strip(by->occ->room, out);
	el_add(out, "x", NS_MUC_USER);
	occupant_id_add(out, by->occ->id);
	el_set(out, "from", by->occ->jid);
	el_set(out, "to", NULL);
	el_freeze(out);
	return out;
}

static int may_send(struct muc *m, struct session *by, struct comp_req *rq)
{
	if (!may_whisper(by->occ))
		return -COND_FORBIDDEN;
	if (el_wire_len(comp_el(rq)) > (size_t)m->conf->max_message)
		return handler_refuse(
		    rq, COND_POLICY_VIOLATION, "modify", "The message is too large.");
	if (!message_rate(by, 1))
		return handler_refuse(
		    rq, COND_RESOURCE_CONSTRAINT, "wait", "Too many messages; slow down.");
	return 0;
}

/* Never 0. */
static uint64_t whisper_hash(const struct occupant *by, const char *id)
{
	return (map_hash(by->nick, strlen(by->nick)) * 31 + map_hash(id, strlen(id))) | 1;
}

static void note_whisper(struct session *to, const struct occupant *by, const char *id)
{
	if (id)
		to->whispers[to->n_whispers++ % SESSION_WHISPERS] = whisper_hash(by, id);
}

bool relay_was_whispered(struct session *to, const struct occupant *by, const char *id)
{
	uint64_t h = id ? whisper_hash(by, id) : 0;

	for (int i = 0; h && i < SESSION_WHISPERS; i++) {
		if (to->whispers[i] == h) {
			to->whispers[i] = 0;
			return true;
		}
	}
	return false;
}

void relay_hide_maker(struct el *error)
{
	const struct el *e = el_child(error, "error", NULL);

	if (e)
		el_set(el_mut(e), "by", NULL);
}

int relay_message(struct muc *m, struct room *r, struct comp_req *rq)
{
	const char *type = el_attr(comp_el(rq), "type");
	struct session *by;
	struct occupant *to;
	int ret;

	if (!r)
		return -COND_ITEM_NOT_FOUND;
	if (type && !strcmp(type, "groupchat"))
		return -COND_BAD_REQUEST;
	by = room_session(r, comp_from(rq));
	if (!by)
		return -COND_NOT_ACCEPTABLE;
	to = room_occupant(r, jid_resource(comp_to(rq)));
	if (!to)
		return -COND_ITEM_NOT_FOUND;
	ret = may_send(m, by, rq);
	if (ret != 0)
		return ret;

	EL_AUTO struct el *out = whisper(by, comp_el(rq));

	struct comp_many *many = comp_many_begin(m->c, out);

	LIST_EACH (it, &to->sessions) {
		struct session *s = LIST_ENTRY(it, struct session, link);

		note_whisper(s, by->occ, el_attr(out, "id"));
		comp_many_add(many, s->jid.s);
	}
	return comp_many_end(many) < 0 ? -COND_RESOURCE_CONSTRAINT : HANDLED;
}

/* --- questions ---------------------------------------------------------------------------------
 */

struct asking {
	struct comp_req *rq;
	unsigned *count; /* of the asker's account */
};

/* In how many rooms somebody is, and with how many clients, makes no difference: libcomp's own
 * bound is one for everybody. */
static unsigned *count_of(struct muc *m, const struct jid *who)
{
	return &m->asks[map_hash(who->s, jid_bare_len(who)) % MUC_ASKERS];
}

static void on_answer(struct comp *c, int err, const struct el *answer, void *arg)
{
	struct asking *a = arg;

	(void)c;
	--*a->count;
	if (answer) { /* result or error, whole, but from the occupant */
		struct el *out = el_dup(answer);

		el_set(out, "from", comp_to(a->rq)->s);
		el_set(out, "to", comp_from(a->rq)->s);
		el_set(out, "id", el_attr(comp_el(a->rq), "id"));
		relay_hide_maker(out);
		comp_reply(a->rq, out);
	} else {
		(void)err;
		(void)handler_refuse(
		    a->rq, COND_RECIPIENT_UNAVAILABLE, "wait", "The occupant did not answer.");
	}
	free(a);
}

/* What a client's server answers for it goes to the bare JID. */
static bool is_for_account(const struct el *payload)
{
	return !strcmp(el_ns(payload), NS_VCARD) || !strcmp(el_ns(payload), NS_PUBSUB);
}

static void ask(struct muc *m, struct session *by, struct occupant *to, struct comp_req *rq)
{
	const struct jid *real = &occupant_main(to)->jid;
	struct el *iq = el_iq(el_attr(comp_el(rq), "type"), NULL);
	struct asking *a = xmalloc(sizeof(*a));

	if (is_for_account(comp_payload(rq)))
		el_setf(iq, "to", "%.*s", (int)jid_bare_len(real), real->s);
	else
		el_set(iq, "to", real->s);
	el_set(iq, "from", by->occ->jid);
	el_add_copy(iq, comp_payload(rq));
	*a = (struct asking){ comp_defer(rq), count_of(m, &by->jid) };
	++*a->count;
	(void)comp_ask(m->c, iq, ASK_MS, on_answer, a);
}

/* Who is not in the room: XEP-0410 3 for pings, XEP-0045 6.6 for disco. */
static int stranger(const struct el *payload)
{
	const char *ns = el_ns(payload);

	if (!strcmp(ns, NS_DISCO_INFO) || !strcmp(ns, NS_DISCO_ITEMS))
		return -COND_BAD_REQUEST;
	return -COND_NOT_ACCEPTABLE;
}

int relay_iq(struct muc *m, struct room *r, struct comp_req *rq)
{
	const struct el *payload = comp_payload(rq);
	struct session *by = r ? room_session(r, comp_from(rq)) : NULL;
	struct occupant *to;

	if (!by)
		return stranger(payload);
	to = room_occupant(r, jid_resource(comp_to(rq)));
	if (!to)
		return -COND_ITEM_NOT_FOUND;
	if (to == by->occ && el_is(payload, "ping", NS_PING))
		return HANDLED;
	if (!message_rate(by, 1) || *count_of(m, &by->jid) >= MUC_ASKS_MAX)
		return handler_refuse(rq, COND_RESOURCE_CONSTRAINT, "wait", "Slow down.");
	ask(m, by, to, rq);
	return ANSWERED;
}
