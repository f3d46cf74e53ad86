/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <base/rnd.h>

#include "invite.h"
#include "occupant.h"
#include "register.h"
#include "store.h"
#include "store_said.h"

static const struct log_tag tag = { .mod = "room" };

enum flag {
	FLAG_PUBLIC = 1,
	FLAG_MEMBERS_ONLY = 2,
	FLAG_MODERATED = 4,
	FLAG_NONANON = 8,
	FLAG_CHANGE_SUBJECT = 16,
	FLAG_ALLOW_INVITES = 32,
	FLAG_TEMPORARY = 64,
	FLAG_LOCKED = 128,
	FLAG_NO_ARCHIVE = 256,
	FLAG_REGISTER_NONE = 512, /* neither of them: by approval */
	FLAG_REGISTER_OPEN = 1024,
	FLAG_LOCK_NICKS = 2048,
};

static struct db_q q_rooms = {
	"SELECT name, title, description, lang, password, flags, allow_pm, max_users, history,"
	" broadcast, member_list, subject, subject_nick, subject_at, no, subject_by, slow_mode"
	" FROM room ORDER BY name"
};
static struct db_q q_affs = {
	"SELECT jid, affiliation, nick, reason FROM affiliation WHERE room = $1"
};
static struct db_q q_occupants = {
	"SELECT room, jid, nick, role, came, spoke, presence FROM occupant ORDER BY came"
};
static struct db_q q_invited = {
	"SELECT who, inviter, seq FROM invited WHERE room = $1 ORDER BY seq"
};
static struct db_q q_waiting = {
	"SELECT who, nick, seq FROM waiting WHERE room = $1 ORDER BY seq"
};
static struct db_q q_put_conf = {
	"INSERT INTO room (name, title, description, lang, password, flags, allow_pm, max_users,"
	" history, broadcast, member_list, no, slow_mode)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
	" ON CONFLICT (name) DO UPDATE SET title = excluded.title,"
	" description = excluded.description, lang = excluded.lang,"
	" password = excluded.password, flags = excluded.flags, allow_pm = excluded.allow_pm,"
	" max_users = excluded.max_users, history = excluded.history,"
	" broadcast = excluded.broadcast, member_list = excluded.member_list,"
	" slow_mode = excluded.slow_mode"
};
static struct db_q q_put_subject = {
	"UPDATE room SET subject = $2, subject_nick = $3, subject_at = $4, subject_by = $5"
	" WHERE name = $1"
};
static struct db_q q_put_aff = {
	"INSERT INTO affiliation (room, jid, affiliation, nick, reason) VALUES ($1, $2, $3, $4, $5)"
	" ON CONFLICT (room, jid) DO UPDATE SET affiliation = excluded.affiliation,"
	" nick = excluded.nick, reason = excluded.reason"
};
static struct db_q q_del_aff = { "DELETE FROM affiliation WHERE room = $1 AND jid = $2" };
static struct db_q q_put_session = {
	"INSERT INTO occupant (room, jid, nick, role, came, spoke, presence)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7)"
	" ON CONFLICT (room, jid) DO UPDATE SET nick = excluded.nick, role = excluded.role,"
	" spoke = excluded.spoke, presence = excluded.presence"
};
static struct db_q q_del_session = { "DELETE FROM occupant WHERE room = $1 AND jid = $2" };
static struct db_q q_put_invited = { "INSERT INTO invited (room, who, inviter, seq)"
				     " VALUES ($1, $2, $3, $4)" };
static struct db_q q_del_invited = { "DELETE FROM invited WHERE room = $1 AND who = $2" };
static struct db_q q_put_gone = { "INSERT INTO gone (room) SELECT no FROM room WHERE name = $1" };
static struct db_q q_about = { "SELECT room, what, value FROM about" };
static struct db_q q_put_about = {
	"INSERT INTO about (room, what, value) VALUES ($1, $2, $3)"
	" ON CONFLICT (room, what) DO UPDATE SET value = excluded.value"
};
static struct db_q q_del_about = { "DELETE FROM about WHERE room = $1 AND what = $2" };
static struct db_q q_secret = { "SELECT value FROM secret WHERE name = $1" };
static struct db_q q_put_secret = { "INSERT INTO secret (name, value) VALUES ($1, $2)"
				    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
				    " WHERE length(value) <> length(excluded.value)" };
static struct db_q q_put_waiting = { "INSERT INTO waiting (room, who, nick, seq)"
				     " VALUES ($1, $2, $3, $4)" };
static struct db_q q_del_waiting = { "DELETE FROM waiting WHERE room = $1 AND who = $2" };
static struct db_q q_del_room = { "DELETE FROM room WHERE name = $1" };

/* --- reading -----------------------------------------------------------------------------------
 */

void store_read_flags(int64_t flags, struct listed *l)
{
	l->members_only = flags & FLAG_MEMBERS_ONLY;
	l->nonanon = flags & FLAG_NONANON;
}

static int registration_of(int64_t flags)
{
	if (flags & FLAG_REGISTER_NONE)
		return REGISTER_NONE;
	return flags & FLAG_REGISTER_OPEN ? REGISTER_OPEN : REGISTER_APPROVAL;
}

static void read_conf(struct db *db, struct db_q *q, struct room_conf *c)
{
	int64_t flags = db_int(db, q, 5);

	config_done(c);
	c->name = db_text_dup(db, q, 1);
	c->desc = db_text_dup(db, q, 2);
	c->lang = db_text_dup(db, q, 3);
	c->password = db_text_dup(db, q, 4);
	c->persistent = !(flags & FLAG_TEMPORARY);
	c->public = flags & FLAG_PUBLIC;
	c->members_only = flags & FLAG_MEMBERS_ONLY;
	c->moderated = flags & FLAG_MODERATED;
	c->nonanon = flags & FLAG_NONANON;
	c->archive = !(flags & FLAG_NO_ARCHIVE);
	c->change_subject = flags & FLAG_CHANGE_SUBJECT;
	c->allow_invites = flags & FLAG_ALLOW_INVITES;
	c->registration = registration_of(flags);
	c->lock_nicks = flags & FLAG_LOCK_NICKS;
	c->allow_pm = (int)(db_int(db, q, 6) & 3);
	c->max_users = db_int(db, q, 7);
	c->history = db_int(db, q, 8);
	c->broadcast = (unsigned)db_int(db, q, 9) & ROLES_ALL;
	c->member_list = (unsigned)db_int(db, q, 10) & ROLES_ALL;
	c->slow_mode = db_int(db, q, 16);
	if (c->slow_mode < 0 || c->slow_mode > SLOW_SECONDS_MAX)
		c->slow_mode = 0;
}

static int load_rooms(struct muc *m)
{
	struct db *db = comp_db(m->c);
	struct db_q *q = &q_rooms;
	int r = db_query(db, q, "");

	if (r < 0)
		return r;
	while ((r = db_next(db, q)) > 0) {
		const char *name = db_text(db, q, 0);
		struct room *room;

		if (!*name || rooms_find(m, name, strlen(name)) || !rooms_own(m, name))
			continue;
		room = room_new(m, name);
		room->loaded = false;
		room->loading = true;
		if (muc_shares(m))
			log_debug(&tag, "%s is this process's now", room->jid);
		room->no = db_int(db, q, 14);
		room->locked = db_int(db, q, 5) & FLAG_LOCKED;
		read_conf(db, q, &room->conf);
		listing_update(room);
		room_set_subject(room, db_text(db, q, 11), db_text(db, q, 12), db_text(db, q, 15),
		    db_int(db, q, 13));
	}
	return r;
}

struct room *store_loading(const struct muc *m, const char *name)
{
	struct room *r = rooms_find(m, name, strlen(name));

	return r && r->loading ? r : NULL;
}

static int load_about(struct muc *m)
{
	struct db *db = comp_db(m->c);
	struct db_q *q = &q_about;
	int r = db_query(db, q, "");

	while (r >= 0 && (r = db_next(db, q)) > 0) {
		const char *name = db_text(db, q, 0);
		int64_t what = db_int(db, q, 1);
		struct room *room = store_loading(m, name);

		if (room && what >= 0 && what < ABOUT_N && !room->conf.about[what])
			room->conf.about[what] = db_text_dup(db, q, 2);
	}
	return r;
}

/* What comes now gets a later number. */
static void count_on(struct muc *m, int64_t seq)
{
	if (seq > m->seq)
		m->seq = seq;
}

/* A session's row that only another hand can have written is left out. */
static bool makes_sense(const struct room *r, const char *nick, const struct jid *who, int64_t role)
{
	const struct occupant *o = room_occupant(r, nick);

	return role >= ROLE_NONE && role <= ROLE_MODERATOR && !room_session(r, who) &&
	       (!o || occupant_is(o, who));
}

/* One row: its room is loaded first, for what an occupant is follows from the lists. */
static int restore_session(struct muc *m, struct db *db, struct db_q *q)
{
	const char *name = db_text(db, q, 0);
	int64_t role = db_int(db, q, 3), came = db_int(db, q, 4), spoke = db_int(db, q, 5);
	struct room *room = store_loading(m, name);
	struct arena *a;
	struct jid jid;
	int r = room ? room_load(room) : 0;

	if (!room || r < 0)
		return r;
	a = arena_new();
	if (jid_parse(&jid, a, db_text(db, q, 1)) == 0 &&
	    makes_sense(room, db_text(db, q, 2), &jid, role))
		session_restore(
		    room, db_text(db, q, 2), &jid, (enum role)role, came, spoke, db_text(db, q, 6));
	arena_free(a);
	count_on(m, spoke);
	return 0;
}

static int load_occupants(struct muc *m)
{
	struct db *db = comp_db(m->c);
	struct db_q *q = &q_occupants;
	int r = db_query(db, q, "");

	if (r < 0)
		return r;
	while ((r = db_next(db, q)) > 0) {
		r = restore_session(m, db, q);
		if (r < 0) {
			db_reset(db, q);
			break;
		}
	}
	return r;
}

/* Made at the first start; what is made of it leaves when it is committed, and not before. */
int store_load_key(struct muc *m)
{
	static const char name[] = "occupant-id";
	struct db *db = comp_db(m->c);
	bool found = false;
	int r = db_query(db, &q_secret, "s", name);

	while (r >= 0 && (r = db_next(db, &q_secret)) > 0) {
		size_t n;
		const void *key = db_blob(db, &q_secret, 0, &n);

		found = n == OCCUPANT_ID_KEY;
		if (found)
			memcpy(m->id_key, key, n);
	}
	if (r < 0 || found)
		return r;
	rnd_bytes(m->id_key, OCCUPANT_ID_KEY);
	db_batch_add(comp_tx(m->c), &q_put_secret, "sb", name, m->id_key, (size_t)OCCUPANT_ID_KEY);
	return 0;
}

int store_load_rooms(struct muc *m)
{
	int r = load_rooms(m);

	if (r == 0)
		r = load_about(m);
	if (r == 0)
		r = store_load_vcards(m);
	if (r == 0)
		r = load_occupants(m);
	for (size_t i = 0; i < m->sorted.n; i++)
		m->sorted.v[i]->loading = false;
	return r;
}

static int load_affs(struct room *room)
{
	struct db *db = comp_db(room->m->c);
	struct db_q *q = &q_affs;
	int r = db_query(db, q, "s", room->local);

	if (r < 0)
		return r;
	while ((r = db_next(db, q)) > 0) {
		int64_t aff = db_int(db, q, 1);

		if (aff < AFF_OUTCAST || aff > AFF_OWNER)
			continue;
		affs_put(&room->affs, db_text(db, q, 0), (enum aff)aff,
		    db_is_null(db, q, 2) ? NULL : db_text(db, q, 2),
		    db_is_null(db, q, 3) ? NULL : db_text(db, q, 3));
	}
	return r;
}

static int load_invited(struct room *room)
{
	struct db *db = comp_db(room->m->c);
	struct db_q *q = &q_invited;
	struct arena *a = arena_new();
	int r = db_query(db, q, "s", room->local);

	while (r >= 0 && (r = db_next(db, q)) > 0) {
		struct jid by;

		if (jid_parse(&by, a, db_text(db, q, 1)) == 0)
			invite_restore(room, db_text(db, q, 0), &by);
		count_on(room->m, db_int(db, q, 2));
	}
	arena_free(a);
	return r;
}

static int load_waiting(struct room *room)
{
	struct db *db = comp_db(room->m->c);
	struct db_q *q = &q_waiting;
	int r = db_query(db, q, "s", room->local);

	while (r >= 0 && (r = db_next(db, q)) > 0) {
		register_restore(room, db_text(db, q, 0), db_text(db, q, 1));
		count_on(room->m, db_int(db, q, 2));
	}
	return r;
}

int store_load_room(struct room *r)
{
	int ret = load_affs(r);

	if (ret == 0)
		ret = load_invited(r);
	if (ret == 0)
		ret = load_waiting(r);
	if (ret == 0)
		ret = store_load_hats(r);
	return ret < 0 ? ret : store_load_history(r);
}

/* --- writing -----------------------------------------------------------------------------------
 */

static int64_t flags_of(const struct room *r)
{
	const struct room_conf *c = &r->conf;

	return (r->locked ? FLAG_LOCKED : 0) | (c->persistent ? 0 : FLAG_TEMPORARY) |
	       (c->public ? FLAG_PUBLIC : 0) | (c->members_only ? FLAG_MEMBERS_ONLY : 0) |
	       (c->moderated ? FLAG_MODERATED : 0) | (c->nonanon ? FLAG_NONANON : 0) |
	       (c->change_subject ? FLAG_CHANGE_SUBJECT : 0) |
	       (c->allow_invites ? FLAG_ALLOW_INVITES : 0) | (c->archive ? 0 : FLAG_NO_ARCHIVE) |
	       (c->registration == REGISTER_NONE ? FLAG_REGISTER_NONE : 0) |
	       (c->registration == REGISTER_OPEN ? FLAG_REGISTER_OPEN : 0) |
	       (c->lock_nicks ? FLAG_LOCK_NICKS : 0);
}

void store_put_conf(struct db_batch *b, const struct room *r)
{
	const struct room_conf *c = &r->conf;

	db_batch_add(b, &q_put_conf, "sssssiiiiiiii", r->local, c->name, c->desc, c->lang,
	    c->password, flags_of(r), (int64_t)c->allow_pm, c->max_users, c->history,
	    (int64_t)c->broadcast, (int64_t)c->member_list, r->no, c->slow_mode);
	for (int i = 0; i < ABOUT_N; i++) {
		if (c->about[i])
			db_batch_add(b, &q_put_about, "sis", r->local, (int64_t)i, c->about[i]);
		else
			db_batch_add(b, &q_del_about, "si", r->local, (int64_t)i);
	}
}

void store_put_subject(struct db_batch *b, const struct room *r)
{
	db_batch_add(b, &q_put_subject, "sssis", r->local, r->subject, r->subject_nick,
	    r->subject_at, r->subject_by);
}

void store_put_aff(struct db_batch *b, const char *room, const char *jid, enum aff aff,
    const char *nick, const char *reason)
{
	if (aff == AFF_NONE)
		db_batch_add(b, &q_del_aff, "ss", room, jid);
	else
		db_batch_add(b, &q_put_aff, "ssiss", room, jid, (int64_t)aff, nick, reason);
}

void store_put_session(struct db_batch *b, const struct session *s)
{
	const struct occupant *o = s->occ;

	db_batch_add(b, &q_put_session, "sssiiis", o->room->local, s->jid.s, o->nick,
	    (int64_t)o->role, s->came, s->spoke, s->pres);
}

void store_del_session(struct db_batch *b, const char *room, const char *jid)
{
	db_batch_add(b, &q_del_session, "ss", room, jid);
}

void store_put_invited(
    struct db_batch *b, const char *room, const char *who, const char *by, int64_t seq)
{
	db_batch_add(b, &q_put_invited, "sssi", room, who, by, seq);
}

void store_del_invited(struct db_batch *b, const char *room, const char *who)
{
	db_batch_add(b, &q_del_invited, "ss", room, who);
}

void store_put_waiting(
    struct db_batch *b, const char *room, const char *who, const char *nick, int64_t seq)
{
	db_batch_add(b, &q_put_waiting, "sssi", room, who, nick, seq);
}

void store_del_waiting(struct db_batch *b, const char *room, const char *who)
{
	db_batch_add(b, &q_del_waiting, "ss", room, who);
}

void store_put_room(struct db_batch *b, const struct room *r)
{
	store_put_conf(b, r);
	MAP_EACH (it, &r->affs.map) {
		const struct aff_entry *e = MAP_ENTRY(it, struct aff_entry, node);

		store_put_aff(b, r->local, e->jid, e->aff, e->nick, e->reason);
	}
}

void store_del_room(struct db_batch *b, const char *room)
{
	db_batch_add(b, &q_put_gone, "s", room);
	db_batch_add(b, &q_del_room, "s", room);
}
