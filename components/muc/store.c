/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "store.h"

/* flags: enum flag; times are Unix milliseconds; body: what is between a message's tags. */
const struct db_step store_schema[] = {
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
};
const size_t store_schema_n = sizeof(store_schema) / sizeof(store_schema[0]);

enum flag {
	FLAG_PUBLIC = 1,
	FLAG_MEMBERS_ONLY = 2,
	FLAG_MODERATED = 4,
	FLAG_NONANON = 8,
	FLAG_CHANGE_SUBJECT = 16,
	FLAG_ALLOW_INVITES = 32,
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
static struct db_q q_del_room = { "DELETE FROM room WHERE name = $1" };

/* --- reading -----------------------------------------------------------------------------------
 */

static char *text_or_null(struct db *db, struct db_q *q, int col)
{
	return db_is_null(db, q, col) ? NULL : xstrdup(db_text(db, q, col));
}

static void read_conf(struct db *db, struct db_q *q, struct room_conf *c)
{
	int64_t flags = db_int(db, q, 5);

	config_done(c);
	c->name = text_or_null(db, q, 1);
	c->desc = text_or_null(db, q, 2);
	c->lang = text_or_null(db, q, 3);
	c->password = text_or_null(db, q, 4);
	c->persistent = true;
	c->public = flags & FLAG_PUBLIC;
	c->members_only = flags & FLAG_MEMBERS_ONLY;
	c->moderated = flags & FLAG_MODERATED;
	c->nonanon = flags & FLAG_NONANON;
	c->change_subject = flags & FLAG_CHANGE_SUBJECT;
	c->allow_invites = flags & FLAG_ALLOW_INVITES;
	c->allow_pm = (int)(db_int(db, q, 6) & 3);
	c->max_users = db_int(db, q, 7);
	c->history = db_int(db, q, 8);
	c->broadcast = (unsigned)db_int(db, q, 9) & ROLES_ALL;
	c->member_list = (unsigned)db_int(db, q, 10) & ROLES_ALL;
}

int store_load_rooms(struct muc *m)
{
	struct db *db = m->db;
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
		read_conf(db, q, &room->conf);
		room_set_subject(room, db_text(db, q, 11), db_text(db, q, 12), db_int(db, q, 13));
	}
	return r;
}

static int load_affs(struct room *room)
{
	struct db *db = room->m->db;
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
	struct db *db = room->m->db;
	struct db_q *q = &q_history;
	int r = db_query(db, q, "s", room->local);

	if (r < 0)
		return r;
	while ((r = db_next(db, q)) > 0) {
		struct said *s = xzalloc(sizeof(*s));

		s->seq = db_int(db, q, 0);
		s->at = db_int(db, q, 1);
		s->nick = xstrdup(db_text(db, q, 2));
		s->id = text_or_null(db, q, 3);
		s->lang = text_or_null(db, q, 4);
		s->inner = xstrdup(db_text(db, q, 5));
		s->len = strlen(s->inner);
		history_add(room, s);
	}
	return r;
}

int store_load_room(struct room *r)
{
	int ret = load_affs(r);

	return ret < 0 ? ret : load_history(r);
}

/* --- writing -----------------------------------------------------------------------------------
 */

static int64_t flags_of(const struct room_conf *c)
{
	return (c->public ? FLAG_PUBLIC : 0) | (c->members_only ? FLAG_MEMBERS_ONLY : 0) |
	       (c->moderated ? FLAG_MODERATED : 0) | (c->nonanon ? FLAG_NONANON : 0) |
	       (c->change_subject ? FLAG_CHANGE_SUBJECT : 0) |
	       (c->allow_invites ? FLAG_ALLOW_INVITES : 0);
}

void store_put_conf(struct db_batch *b, const char *room, const struct room_conf *c)
{
	db_batch_add(b, &q_put_conf, "sssssiiiiii", room, c->name, c->desc, c->lang, c->password,
	    flags_of(c), (int64_t)c->allow_pm, c->max_users, c->history, (int64_t)c->broadcast,
	    (int64_t)c->member_list);
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

void store_put_room(struct db_batch *b, const struct room *r, const struct room_conf *c)
{
	store_del_room(b, r->local); /* nothing should be there; nothing old may stay */
	store_put_conf(b, r->local, c);
	if (r->subject_at)
		store_put_subject(b, r->local, r->subject, r->subject_nick, r->subject_at);
	MAP_EACH (it, &r->affs.map) {
		const struct aff_entry *e = MAP_ENTRY(it, struct aff_entry, node);

		store_put_aff(b, r->local, e->jid, e->aff, e->nick, e->reason);
	}
	LIST_EACH (it, &r->history.said)
		store_put_said(b, r->local, LIST_ENTRY(it, struct said, link));
}

void store_del_room(struct db_batch *b, const char *room)
{
	db_batch_add(b, &q_del_room, "s", room);
}
