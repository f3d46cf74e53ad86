/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "store_said.h"

/* Rows that are looked at for those that are shown to who enters. */
enum { LOOK_BACK = 5000 };

#define COLUMNS "seq, salt, flags, nick, jid, id, lang, body"
/* 2: SAID_KEPT */
#define IN_RANGE " FROM said WHERE room = $1 AND seq > $2 AND seq < $3 AND flags & 2"

static struct db_q q_history = { "SELECT " COLUMNS
				 " FROM said WHERE room = $1 ORDER BY seq DESC LIMIT $2" };
static struct db_q q_last = { "SELECT seq FROM said WHERE room = $1 ORDER BY seq DESC LIMIT 1" };
static struct db_q q_oldest = { "SELECT seq FROM said WHERE room = $1 ORDER BY seq LIMIT 1" };
static struct db_q q_forwards = { "SELECT " COLUMNS IN_RANGE " ORDER BY seq LIMIT $4" };
static struct db_q q_backwards = { "SELECT " COLUMNS IN_RANGE " ORDER BY seq DESC LIMIT $4" };
static struct db_q q_count = { "SELECT count(*) FROM (SELECT 1" IN_RANGE " LIMIT $4)" };
static struct db_q q_one = { "SELECT " COLUMNS
			     " FROM said WHERE room = $1 AND seq = $2 AND salt = $3" };
static struct db_q q_first_kept = {
	"SELECT seq, salt FROM said WHERE room = $1 AND flags & 2 ORDER BY seq LIMIT 1"
};
static struct db_q q_last_kept = {
	"SELECT seq, salt FROM said WHERE room = $1 AND flags & 2 ORDER BY seq DESC LIMIT 1"
};
static struct db_q q_put = { "INSERT INTO said (room, seq, salt, flags, nick, jid, id, lang, body)"
			     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)" };
static struct db_q q_del = { "DELETE FROM said WHERE room = $1 AND seq = $2" };
/* 4: SAID_GONE, 12: that or SAID_NOTICE */
static struct db_q q_blank = {
	"UPDATE said SET body = $5, flags = flags | 4"
	" WHERE room = $1 AND seq = $2 AND salt = $3 AND flags & 12 = 0"
	" AND ($4 IS NULL OR jid = $4 OR substr(jid, 1, length($4) + 1) = $4 || '/')"
};
static struct db_q q_cut = { "DELETE FROM said WHERE room = $1 AND seq IN (SELECT seq FROM said"
			     " WHERE room = $1 AND seq < $2 ORDER BY seq LIMIT $3)" };
static struct db_q q_gone = { "SELECT room FROM gone ORDER BY room LIMIT 1" };
static struct db_q q_del_gone = { "DELETE FROM gone WHERE room = $1" };

/* --- reading -----------------------------------------------------------------------------------
 */

static const char *text_or_null(struct db *db, struct db_q *q, int col)
{
	return db_is_null(db, q, col) ? NULL : db_text(db, q, col);
}

static int read_rows(struct db *db, struct db_q *q, said_row_fn *fn, void *arg)
{
	bool more = true;
	int r = 0, n = 0;

	while (more && (r = db_next(db, q)) > 0) {
		struct said_row row = {
			.sid = { db_int(db, q, 0), db_int(db, q, 1) },
			.flags = (unsigned)db_int(db, q, 2),
			.nick = text_or_null(db, q, 3),
			.jid = text_or_null(db, q, 4),
			.id = text_or_null(db, q, 5),
			.lang = text_or_null(db, q, 6),
			.inner = db_text(db, q, 7),
		};

		row.len = strlen(row.inner);
		n++;
		more = fn(&row, arg);
	}
	if (!more)
		db_reset(db, q);
	return !more || r == 0 ? n : r;
}

static char *dup(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static bool on_history(const struct said_row *row, void *arg)
{
	struct said *s;

	if (!(row->flags & SAID_SHOWN))
		return true;
	s = xzalloc(sizeof(*s));
	*s = (struct said){
		.sid = row->sid,
		.flags = row->flags,
		.nick = dup(row->nick),
		.jid = dup(row->jid),
		.id = dup(row->id),
		.lang = dup(row->lang),
		.inner = xstrdup(row->inner),
		.len = row->len,
	};
	list_init(&s->link);
	if (history_restore(arg, s))
		return true;
	said_free(s);
	return false;
}

int store_load_history(struct room *r)
{
	struct db *db = comp_db(r->m->c);
	int ret = db_query(db, &q_last, "i", r->no);

	if (ret == 0)
		ret = db_number(db, &q_last, &r->history.seq);
	if (ret <= 0)
		return ret;
	ret = db_query(db, &q_history, "ii", r->no, (int64_t)LOOK_BACK);
	if (ret == 0)
		ret = read_rows(db, &q_history, on_history, r);
	return ret < 0 ? ret : 0;
}

static int ask_range(struct db *db, struct db_q *q, const struct said_range *g)
{
	return db_query(db, q, "iiii", g->room, g->low, g->high, g->most);
}

int store_read_range(struct muc *m, const struct said_range *range, said_row_fn *fn, void *arg)
{
	struct db *db = comp_db(m->c);
	struct db_q *q = range->backwards ? &q_backwards : &q_forwards;
	int r = ask_range(db, q, range);

	return r < 0 ? r : read_rows(db, q, fn, arg);
}

int store_read_said(struct muc *m, int64_t room, const struct sid *id, said_row_fn *fn, void *arg)
{
	struct db *db = comp_db(m->c);
	int r = db_query(db, &q_one, "iii", room, id->seq, id->salt);

	return r < 0 ? r : read_rows(db, &q_one, fn, arg);
}

int store_count(struct muc *m, const struct said_range *range)
{
	struct db *db = comp_db(m->c);
	int64_t n = 0;
	int r = ask_range(db, &q_count, range);

	if (r == 0)
		r = db_number(db, &q_count, &n);
	return r < 0 ? r : (int)n;
}

int store_read_end(struct muc *m, int64_t room, bool last, struct sid *out)
{
	struct db *db = comp_db(m->c);
	struct db_q *q = last ? &q_last_kept : &q_first_kept;
	int r = db_query(db, q, "i", room);

	if (r < 0)
		return r;
	r = db_next(db, q);
	if (r > 0) {
		*out = (struct sid){ db_int(db, q, 0), db_int(db, q, 1) };
		db_reset(db, q);
	}
	return r;
}

/* --- writing -----------------------------------------------------------------------------------
 */

void store_put_said(struct db_batch *b, const struct room *r, const struct said *s)
{
	db_batch_add(b, &q_put, "iiiisssss", r->no, s->sid.seq, s->sid.salt, (int64_t)s->flags,
	    s->nick, s->jid, s->id, s->lang, s->inner);
}

void store_del_said(struct db_batch *b, const struct room *r, int64_t seq)
{
	db_batch_add(b, &q_del, "ii", r->no, seq);
}

void store_blank_said(struct db_batch *b, const struct room *r, const struct sid *id,
    const char *author, const char *tombstone)
{
	db_batch_add(b, &q_blank, "iiiss", r->no, id->seq, id->salt, author, tombstone);
}

/* --- removing bit by bit -----------------------------------------------------------------------
 */

int store_read_oldest(struct muc *m, int64_t room, int64_t *ret_seq)
{
	struct db *db = comp_db(m->c);
	int r = db_query(db, &q_oldest, "i", room);

	return r < 0 ? r : db_number(db, &q_oldest, ret_seq);
}

void store_cut_said(struct db_batch *b, int64_t room, int64_t below, int64_t rows)
{
	db_batch_add(b, &q_cut, "iii", room, below, rows);
}

int store_read_gone(struct muc *m, int64_t *ret_room)
{
	struct db *db = comp_db(m->c);
	int r = db_query(db, &q_gone, "");

	return r < 0 ? r : db_number(db, &q_gone, ret_room);
}

void store_del_gone(struct db_batch *b, int64_t room)
{
	db_batch_add(b, &q_del_gone, "i", room);
}
