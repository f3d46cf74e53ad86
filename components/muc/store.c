/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>

#include "invite.h"
#include "occupant.h"
#include "register.h"
#include "store.h"

/* flags: enum flag; times are Unix milliseconds; body: what is between a message's tags. */
const struct db_step store_schema[STORE_SCHEMA_N] = {
	{ 1, "CREATE TABLE room ("
	     " name TEXT PRIMARY KEY,"
	     " title TEXT, description TEXT, lang TEXT, password TEXT,"
	     " flags INTEGER NOT NULL,"
	     " allow_pm INTEGER NOT NULL,"
	     " max_users INTEGER NOT NULL,"
	     " history INTEGER NOT NULL,"
	     " broadcast INTEGER NOT NULL,"
	     " member_list INTEGER NOT NULL,"
	     " subject TEXT, subject_nick TEXT, subject_at INTEGER NOT NULL DEFAULT 0"
	     ") WITHOUT ROWID;"
	     "CREATE TABLE affiliation ("
	     " room TEXT NOT NULL REFERENCES room(name) ON DELETE CASCADE,"
	     " jid TEXT NOT NULL,"
	     " affiliation INTEGER NOT NULL,"
	     " nick TEXT, reason TEXT,"
	     " PRIMARY KEY (room, jid)"
	     ") WITHOUT ROWID;"
	     "CREATE TABLE history ("
	     " room TEXT NOT NULL REFERENCES room(name) ON DELETE CASCADE,"
	     " seq INTEGER NOT NULL,"
	     " at INTEGER NOT NULL,"
	     " nick TEXT NOT NULL, id TEXT, lang TEXT,"
	     " body TEXT NOT NULL,"
	     " PRIMARY KEY (room, seq)"
	     ") WITHOUT ROWID;" },
	/* Sessions in rooms.  presence: what is between its tags; came, spoke: struct session */
	{ 2, "CREATE TABLE occupant ("
	     " room TEXT NOT NULL REFERENCES room(name) ON DELETE CASCADE,"
	     " jid TEXT NOT NULL,"
	     " nick TEXT NOT NULL,"
	     " role INTEGER NOT NULL,"
	     " came INTEGER NOT NULL, spoke INTEGER NOT NULL,"
	     " presence TEXT NOT NULL,"
	     " PRIMARY KEY (room, jid)"
	     ") WITHOUT ROWID;"
	     "CREATE TABLE invited ("
	     " room TEXT NOT NULL REFERENCES room(name) ON DELETE CASCADE,"
	     " who TEXT NOT NULL, inviter TEXT NOT NULL,"
	     " seq INTEGER NOT NULL,"
	     " PRIMARY KEY (room, who)"
	     ") WITHOUT ROWID;" },
	/* Requests for membership. */
	{ 3, "CREATE TABLE waiting ("
	     " room TEXT NOT NULL REFERENCES room(name) ON DELETE CASCADE,"
	     " who TEXT NOT NULL, nick TEXT NOT NULL,"
	     " seq INTEGER NOT NULL,"
	     " PRIMARY KEY (room, who)"
	     ") WITHOUT ROWID;" },
};

enum flag {
	FLAG_PUBLIC = 1,
	FLAG_MEMBERS_ONLY = 2,
	FLAG_MODERATED = 4,
	FLAG_NONANON = 8,
	FLAG_CHANGE_SUBJECT = 16,
	FLAG_ALLOW_INVITES = 32,
	FLAG_TEMPORARY = 64,
	FLAG_LOCKED = 128,
	FLAG_REGISTER_NONE = 512, /* neither of them: by approval */
	FLAG_REGISTER_OPEN = 1024,
	FLAG_LOCK_NICKS = 2048,
};

static struct db_q q_rooms = {
	"SELECT name, title, description, lang, password, flags, allow_pm, max_users, history,"
	" broadcast, member_list, subject, subject_nick, subject_at FROM room ORDER BY name"
};
static struct db_q q_affs = {
	"SELECT jid, affiliation, nick, reason FROM affiliation WHERE room = $1"
};
static struct db_q q_history = {
	"SELECT seq, at, nick, id, lang, body FROM history WHERE room = $1 ORDER BY seq"
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
	" history, broadcast, member_list) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
	" ON CONFLICT (name) DO UPDATE SET title = excluded.title,"
	" description = excluded.description, lang = excluded.lang,"
	" password = excluded.password, flags = excluded.flags, allow_pm = excluded.allow_pm,"
	" max_users = excluded.max_users, history = excluded.history,"
	" broadcast = excluded.broadcast, member_list = excluded.member_list"
};
static struct db_q q_put_subject = {
	"UPDATE room SET subject = $2, subject_nick = $3, subject_at = $4 WHERE name = $1"
};
static struct db_q q_put_aff = {
	"INSERT INTO affiliation (room, jid, affiliation, nick, reason) VALUES ($1, $2, $3, $4, $5)"
	" ON CONFLICT (room, jid) DO UPDATE SET affiliation = excluded.affiliation,"
	" nick = excluded.nick, reason = excluded.reason"
};
static struct db_q q_del_aff = { "DELETE FROM affiliation WHERE room = $1 AND jid = $2" };
static struct db_q q_put_said = { "INSERT INTO history (room, seq, at, nick, id, lang, body)"
				  " VALUES ($1, $2, $3, $4, $5, $6, $7)" };
static struct db_q q_trim_said = { "DELETE FROM history WHERE room = $1 AND seq <= $2" };
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
static struct db_q q_put_waiting = { "INSERT INTO waiting (room, who, nick, seq)"
				     " VALUES ($1, $2, $3, $4)" };
static struct db_q q_del_waiting = { "DELETE FROM waiting WHERE room = $1 AND who = $2" };
static struct db_q q_del_room = { "DELETE FROM room WHERE name = $1" };

/* --- reading -----------------------------------------------------------------------------------
 */

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
	c->change_subject = flags & FLAG_CHANGE_SUBJECT;
	c->allow_invites = flags & FLAG_ALLOW_INVITES;
	c->registration = registration_of(flags);
	c->lock_nicks = flags & FLAG_LOCK_NICKS;
	c->allow_pm = (int)(db_int(db, q, 6) & 3);
	c->max_users = db_int(db, q, 7);
	c->history = db_int(db, q, 8);
	c->broadcast = (unsigned)db_int(db, q, 9) & ROLES_ALL;
	c->member_list = (unsigned)db_int(db, q, 10) & ROLES_ALL;
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

		if (!*name || rooms_find(m, name, strlen(name)))
			continue;
		room = room_new(m, name);
		room->loaded = false;
		room->locked = db_int(db, q, 5) & FLAG_LOCKED;
		read_conf(db, q, &room->conf);
		listing_update(room);
		room_set_subject(room, db_text(db, q, 11), db_text(db, q, 12), db_int(db, q, 13));
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
	struct room *room = rooms_find(m, name, strlen(name));
	struct arena *a;
	struct jid jid;
	int r = room ? room_load(room) : -EINVAL;

	if (r < 0)
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

int store_load_rooms(struct muc *m)
{
	int r = load_rooms(m);

	return r < 0 ? r : load_occupants(m);
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

static int load_history(struct room *room)
{
	struct db *db = comp_db(room->m->c);
	struct db_q *q = &q_history;
	int r = db_query(db, q, "s", room->local);

	if (r < 0)
		return r;
	while ((r = db_next(db, q)) > 0) {
		struct said *s = xzalloc(sizeof(*s));

		s->seq = db_int(db, q, 0);
		s->at = db_int(db, q, 1);
		s->nick = xstrdup(db_text(db, q, 2));
		s->id = db_text_dup(db, q, 3);
		s->lang = db_text_dup(db, q, 4);
		s->inner = xstrdup(db_text(db, q, 5));
		s->len = strlen(s->inner);
		history_add(room, s);
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
	return ret < 0 ? ret : load_history(r);
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
	       (c->allow_invites ? FLAG_ALLOW_INVITES : 0) |
	       (c->registration == REGISTER_NONE ? FLAG_REGISTER_NONE : 0) |
	       (c->registration == REGISTER_OPEN ? FLAG_REGISTER_OPEN : 0) |
	       (c->lock_nicks ? FLAG_LOCK_NICKS : 0);
}

void store_put_conf(struct db_batch *b, const struct room *r)
{
	const struct room_conf *c = &r->conf;

	db_batch_add(b, &q_put_conf, "sssssiiiiii", r->local, c->name, c->desc, c->lang,
	    c->password, flags_of(r), (int64_t)c->allow_pm, c->max_users, c->history,
	    (int64_t)c->broadcast, (int64_t)c->member_list);
}

void store_put_subject(
    struct db_batch *b, const char *room, const char *subject, const char *nick, int64_t at)
{
	db_batch_add(b, &q_put_subject, "sssi", room, subject, nick, at);
}

void store_put_aff(struct db_batch *b, const char *room, const char *jid, enum aff aff,
    const char *nick, const char *reason)
{
	if (aff == AFF_NONE)
		db_batch_add(b, &q_del_aff, "ss", room, jid);
	else
		db_batch_add(b, &q_put_aff, "ssiss", room, jid, (int64_t)aff, nick, reason);
}

void store_put_said(struct db_batch *b, const char *room, const struct said *s)
{
	db_batch_add(
	    b, &q_put_said, "siissss", room, s->seq, s->at, s->nick, s->id, s->lang, s->inner);
}

void store_trim_said(struct db_batch *b, const char *room, int64_t seq)
{
	db_batch_add(b, &q_trim_said, "si", room, seq);
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
	db_batch_add(b, &q_del_room, "s", room);
}
