/* SPDX-License-Identifier: MIT */
/* Three things have the same shape, presence to room@service/nick: who is not in the room and says
 * <x xmlns='…muc'/> enters; who is in it under this nick shows something new, or, with <x/>, has
 * lost track and is sent everything again; who is in it under another nick changes it. */
#include <stdio.h>
#include <string.h>

#include <base/arena.h>
#include <base/digest.h>
#include <base/sbuf.h>

#include "avatar.h"
#include "join.h"
#include "message.h"
#include "nick.h"
#include "presence.h"
#include "reach.h"
#include "register.h"
#include "store.h"
#include "subject.h"

/* --- who may enter -----------------------------------------------------------------------------
 */

static bool password_fits(const struct room *r, const struct el *x)
{
	const char *given = el_child_text(x, "password", NS_MUC);
	size_t n = strlen(r->conf.password);

	return given && strlen(given) == n && digest_same(given, r->conf.password, n);
}

/* 7.10: where nicks are locked down, the one that is reserved for who comes. */
static const char *locked_nick(const struct room *r, const struct jid *who, const char *nick)
{
	const char *own = r->conf.lock_nicks ? room_reserved_nick(r, who) : NULL;

	return own ? own : nick;
}

static int refuse_full(struct comp_req *rq)
{
	return handler_refuse(rq, COND_SERVICE_UNAVAILABLE, "wait", "The room is full.");
}

/* 7.2.5 to 7.2.10.  0 or the answer. */
static int may_enter(
    const struct room *r, struct comp_req *rq, const struct el *x, const char *nick)
{
	const struct jid *who = comp_from(rq);
	enum aff aff = room_aff(r, who);

	if (aff == AFF_OUTCAST)
		return -COND_FORBIDDEN;
	if (r->locked && aff != AFF_OWNER)
		return -COND_ITEM_NOT_FOUND;
	if (r->conf.members_only && aff < AFF_MEMBER)
		return -COND_REGISTRATION_REQUIRED;
	if (r->conf.password && !password_fits(r, x))
		return -COND_NOT_AUTHORIZED;
	if (room_nick_taken(r, nick, who))
		return -COND_CONFLICT;
	return room_full(r, aff) || room_crowded(r, aff, nick) ? refuse_full(rq) : 0;
}

/* XEP-0106 4.1: an escaped space neither begins nor ends a local part. */
static bool is_spaced(const char *local)
{
	size_t n = strlen(local);

	return !strncmp(local, "\\20", 3) || (n >= 3 && !strcmp(local + n - 3, "\\20"));
}

/* 10.1.1.  0 and a new, locked room of which who is the owner, or the answer. */
static int create(struct muc *m, struct comp_req *rq, struct room **out)
{
	const struct jid *who = comp_from(rq), *to = comp_to(rq);
	struct arena *a = arena_new();
	char *local = arena_strndup(a, to->s, jid_local_len(to));
	struct jid bare = jid_bare(who, a);
	int ret = 0;

	if (strlen(local) > (size_t)m->conf->max_room_name || is_spaced(local))
		ret = -COND_NOT_ACCEPTABLE;
	else if (!muc_may_create(m, who))
		ret = -COND_NOT_ALLOWED;
	else if (rooms_full(m))
		ret = handler_refuse(
		    rq, COND_RESOURCE_CONSTRAINT, "wait", "There are too many rooms.");
	else if (!rate_table_take(m->creates, bare.s, 1, muc_now(m)))
		ret = handler_refuse(
		    rq, COND_RESOURCE_CONSTRAINT, "wait", "Too many new rooms; slow down.");
	if (ret == 0) {
		*out = room_new(m, local);
		(*out)->locked = true;
		affs_put(&(*out)->affs, bare.s, AFF_OWNER, NULL, NULL);
		store_put_room(comp_tx(m->c), *out);
	}
	arena_free(a);
	return ret;
}

/* --- entering ----------------------------------------------------------------------------------
 */

/* The presence that is to be shown, the last of n; more: bytes of the others.  entry: and
 * everything to s.  Taken, or the answer that refuses and nothing has changed. */
static int take_presence(
    struct session *s, const struct comp_req *rq, unsigned n, size_t more, bool entry)
{
	struct sbuf shown = SBUF_INIT;
	int ret = session_read_presence(comp_el(rq), &shown);

	if (ret == 0 && !reach_fits_session(s, n, sbuf_len(&shown) + more, entry))
		ret = -COND_RESOURCE_CONSTRAINT;
	if (ret == 0)
		session_set_presence(s, &shown);
	sbuf_done(&shown);
	return ret;
}

/* 7.1: the others, itself, what was said, the subject. */
static void send_all(struct session *s, const struct note *n, const struct el *x, bool tell_others)
{
	struct room *r = s->occ->room;
	struct history_limits l;

	presence_roster(s);
	if (tell_others)
		presence_tell(s->occ, n);
	else
		presence_tell_one(s->occ, n, s);
	avatar_tell_one(r, s);
	history_limits(&l, x, muc_wall(r->m));
	history_send(r, s, &l);
	subject_send(r, s);
}

/* Of what others learn: 7.2.3, 7.2.12 */
static void note_warnings(struct note *n, const struct room_conf *c)
{
	if (c->nonanon)
		note_self(n, 100);
	if (c->archive)
		note_self(n, 170);
}

/* Codes of the first presence; 7.2.8, 10.1.1 */
static void note_enter(
    struct note *n, const struct room *r, const struct comp_req *rq, bool renamed, bool created)
{
	n->id = el_attr(comp_el(rq), "id");
	note_warnings(n, &r->conf);
	if (created)
		note_self(n, 201);
	if (renamed)
		note_self(n, 210);
}

static int enter(
    struct room *r, struct comp_req *rq, const struct el *x, const char *nick, bool created)
{
	bool renamed = strcmp(nick, jid_resource(comp_to(rq))) != 0;
	struct session *s = session_new(r, nick, comp_from(rq));
	struct note n = { 0 };
	int ret = reach_may_enter(s) ? take_presence(s, rq, 1, 0, true) : -COND_NOT_ACCEPTABLE;

	if (ret < 0) {
		(void)session_free(s);
		return ret;
	}
	session_keep(s);
	note_enter(&n, r, rq, renamed, created);
	send_all(s, &n, x, true);
	register_remind(s);
	return HANDLED;
}

/* Coming and going costs the others more than talking. */
static bool join_rate(const struct muc *m, const struct comp_req *rq)
{
	struct arena *a = arena_new();
	struct jid who = jid_bare(comp_from(rq), a), room = jid_bare(comp_to(rq), a);
	size_t n = (size_t)who.len + room.len + 2;
	char *key = arena_alloc(a, n);
	bool ok;

	(void)snprintf(key, n, "%s %s", room.s, who.s);
	ok = rate_table_take(m->joins, key, 1, muc_now(m));
	arena_free(a);
	return ok;
}

static int join(
    struct muc *m, struct room *r, struct comp_req *rq, const struct el *x, const char *nick)
{
	bool created = r == NULL;
	int ret = 0;

	if (!nick)
		return -COND_NOT_ACCEPTABLE;
	if (!join_rate(m, rq))
		return handler_refuse(
		    rq, COND_RESOURCE_CONSTRAINT, "wait", "Too many joins; slow down.");
	if (created) {
		ret = create(m, rq, &r);
	} else {
		nick = locked_nick(r, comp_from(rq), nick);
		ret = may_enter(r, rq, x, nick);
	}
	if (ret == 0) {
		ret = enter(r, rq, x, nick, created);
		if (ret < 0)
			room_settle(r);
	}
	return ret;
}

/* --- who is in the room already ----------------------------------------------------------------
 */

/* 17.3: a full synchronisation. */
static void synchronise(struct session *s, const struct el *x, const char *id)
{
	struct note n = { .id = id };

	note_warnings(&n, &s->occ->room->conf);
	send_all(s, &n, x, false);
}

static int show(struct session *s, struct comp_req *rq, const struct el *x)
{
	struct note n = { .id = el_attr(comp_el(rq), "id") };
	int ret = take_presence(s, rq, 1, 0, x != NULL);

	if (ret < 0)
		return ret;
	session_speaks(s);
	session_keep(s);
	if (x)
		synchronise(s, x, n.id);
	else
		presence_tell(s->occ, &n);
	return HANDLED;
}

/* The old nick leaves with code 303, the new one comes (7.6). */
static void rename_occupant(struct occupant *o, const char *nick, const struct note *here)
{
	struct note gone = { .gone = true, .stays = true, .new_nick = nick };
	bool seen = o->visible;

	note_code(&gone, 303);
	presence_tell(o, &gone);
	occupant_rename(o, nick);
	occupant_keep(o);
	o->visible = seen;
	presence_tell(o, here);
}

/* A nick that the user has twice, or will have: for the others an occupant of its own appears, or
 * the old one goes; who stays behind in the old nick is from now on another for s. */
static void part(struct session *s, const char *nick, const struct note *here)
{
	static const struct note as_is = { 0 };
	struct note gone = { .gone = true, .stays = true, .new_nick = nick };
	struct occupant *o = s->occ;
	bool last = o->sessions.next == o->sessions.prev, was_main = occupant_main(o) == s;

	note_code(&gone, 303);
	session_speaks(s); /* so that the JID in it is its own */
	if (last)
		presence_tell(o, &gone);
	else
		presence_tell_one(o, &gone, s);
	session_move(s, nick);
	session_keep(s);
	if (!last && o->visible && was_main)
		presence_tell(o, &as_is);
	else if (!last && o->visible)
		presence_tell_one(o, &as_is, s);
	presence_tell(s->occ, here);
}

/* Of a change of nick, besides the new presence: the new nick, in what goes and in what comes, and
 * what the others of the user's sessions show. */
static size_t nick_bytes(const struct session *s, const char *nick)
{
	size_t most = 0;

	LIST_EACH (it, &s->occ->sessions) {
		const struct session *other = LIST_ENTRY(it, struct session, link);

		if (other != s && other->pres_len + reach_text(other->jid.s) > most)
			most = other->pres_len + reach_text(other->jid.s);
	}
	return 2 * reach_text(nick) + most;
}

static int change_nick(struct session *s, struct comp_req *rq, const struct el *x, const char *nick)
{
	struct occupant *o = s->occ;
	struct room *r = o->room;
	struct note here = { .id = el_attr(comp_el(rq), "id") };
	bool several = o->sessions.next != o->sessions.prev;
	int ret;

	if (strcmp(locked_nick(r, comp_from(rq), nick), nick) != 0) /* 7.6 */
		return -COND_NOT_ACCEPTABLE;
	if (room_nick_taken(r, nick, comp_from(rq)))
		return -COND_CONFLICT;
	if (several && room_crowded(r, room_aff(r, comp_from(rq)), nick))
		return refuse_full(rq); /* as it would be if it left and came again */
	ret = take_presence(s, rq, 3, nick_bytes(s, nick), x != NULL);
	if (ret < 0)
		return ret;
	if (strcmp(nick, jid_resource(comp_to(rq))) != 0)
		note_self(&here, 210);
	if (several || room_occupant(r, nick))
		part(s, nick, &here);
	else
		rename_occupant(o, nick, &here);
	if (x)
		synchronise(s, x, NULL);
	return HANDLED;
}

/* --- the entry ---------------------------------------------------------------------------------
 */

int join_available(struct muc *m, struct room *r, struct comp_req *rq)
{
	const struct el *x = el_child(comp_el(rq), "x", NS_MUC);
	const char *asked = jid_resource(comp_to(rq));
	struct session *s = r ? room_session(r, comp_from(rq)) : NULL;
	struct arena *a = el_arena(comp_el(rq));
	const char *nick;

	if (!asked) /* 7.2.1 */
		return -COND_JID_MALFORMED;
	nick = nick_clean(a, asked, (size_t)m->conf->max_nick);
	if (!s && !x) {
		presence_not_here(m, comp_to(rq), comp_from(rq));
		return HANDLED;
	}
	if (!s)
		return join(m, r, rq, x, nick);
	if (!message_rate(s, 1) || (x && !join_rate(m, rq)))
		return handler_refuse(rq, COND_RESOURCE_CONSTRAINT, "wait", "Slow down.");
	if (!nick)
		return -COND_NOT_ACCEPTABLE;
	return strcmp(nick, s->occ->nick) == 0 ? show(s, rq, x) : change_nick(s, rq, x, nick);
}
