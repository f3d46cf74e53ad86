/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "store.h"

/* An id is 16 bytes, in the order of time.  In body, (a, a_id) and (b, b_id) are the owners and ids
 * that it was kept under, 0 and nothing where there is but one; a_peer and b_peer who the other
 * side is in their archives, NULL where it only waits; origin what it can be taken back by, 0 where
 * nothing can.  Up to filed.upto all of that stands in entry, too, and beyond it nothing does.  The
 * content stands last, so that what does not need it does not read it. */
const struct db_step store_schema[STORE_SCHEMA_N] = {
	{ 1, "CREATE TABLE account ("
	     " id INTEGER PRIMARY KEY, jid TEXT UNIQUE, waiting INTEGER NOT NULL DEFAULT 0);"
	     "CREATE INDEX account_gone ON account(id) WHERE jid IS NULL;"
	     "CREATE TABLE body ("
	     " id INTEGER PRIMARY KEY,"
	     " a INTEGER NOT NULL, a_id BLOB NOT NULL, a_peer TEXT, a_resource TEXT,"
	     " b INTEGER NOT NULL, b_id BLOB NOT NULL, b_peer TEXT, b_resource TEXT,"
	     " origin INTEGER NOT NULL, head BLOB NOT NULL, content BLOB NOT NULL);"
	     "CREATE TABLE filed (one INTEGER PRIMARY KEY CHECK (one = 1), upto INTEGER NOT NULL);"
	     "INSERT INTO filed VALUES (1, 0);"
	     "CREATE TABLE entry ("
	     " owner INTEGER NOT NULL, id BLOB NOT NULL, peer TEXT NOT NULL, resource TEXT,"
	     " body INTEGER NOT NULL, origin INTEGER NOT NULL,"
	     " PRIMARY KEY (owner, id)) WITHOUT ROWID;"
	     "CREATE INDEX entry_peer ON entry(owner, peer, id, origin);"
	     "CREATE TABLE offline ("
	     " owner INTEGER NOT NULL, id BLOB NOT NULL, body INTEGER NOT NULL,"
	     " PRIMARY KEY (owner, id)) WITHOUT ROWID;"
	     "CREATE TABLE prefs (owner INTEGER PRIMARY KEY, prefs TEXT NOT NULL);"
	     "CREATE TABLE told (host TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;"
	     "CREATE VIEW unused AS SELECT id FROM body WHERE"
	     " NOT EXISTS (SELECT 1 FROM entry e"
	     "  WHERE e.owner = a AND e.id = a_id AND e.body = body.id)"
	     " AND NOT EXISTS (SELECT 1 FROM offline e"
	     "  WHERE e.owner = a AND e.id = a_id AND e.body = body.id)"
	     " AND NOT EXISTS (SELECT 1 FROM entry e"
	     "  WHERE e.owner = b AND e.id = b_id AND e.body = body.id)"
	     " AND NOT EXISTS (SELECT 1 FROM offline e"
	     "  WHERE e.owner = b AND e.id = b_id AND e.body = body.id)"
	     " AND ((a_peer IS NULL AND b_peer IS NULL)"
	     "  OR id <= (SELECT upto FROM filed));"
	     "CREATE TRIGGER entry_gone AFTER DELETE ON entry BEGIN"
	     " DELETE FROM body WHERE id = (SELECT id FROM unused WHERE id = OLD.body);"
	     " END;"
	     "CREATE TRIGGER offline_gone AFTER DELETE ON offline BEGIN"
	     " UPDATE account SET waiting = waiting - 1 WHERE id = OLD.owner;"
	     " DELETE FROM body WHERE id = (SELECT id FROM unused WHERE id = OLD.body);"
	     " END;"
	     "CREATE TRIGGER offline_new AFTER INSERT ON offline BEGIN"
	     " UPDATE account SET waiting = waiting + 1 WHERE id = NEW.owner;"
	     " END;" },
};

#define COLUMNS "e.id, e.peer, e.resource, b.head, b.content"
#define BODY " CROSS JOIN body b ON b.id = e.body"
#define OF_ALL " WHERE e.owner = $1 AND e.id > $2 AND e.id < $3"
#define OF_PEER " WHERE e.owner = $1 AND e.peer = $5 AND e.id > $2 AND e.id < $3"

static struct db_q q_numbers = {
	"SELECT (SELECT max(id) FROM account),"
	" max((SELECT upto FROM filed), (SELECT coalesce(max(id), 0) FROM body))"
};
static struct db_q q_account = { "SELECT id FROM account WHERE jid = $1" };
static struct db_q q_all = { "SELECT " COLUMNS " FROM entry e" BODY OF_ALL
			     " ORDER BY e.id LIMIT $4" };
static struct db_q q_all_back = { "SELECT " COLUMNS " FROM entry e" BODY OF_ALL
				  " ORDER BY e.id DESC LIMIT $4" };
static struct db_q q_peer = { "SELECT " COLUMNS " FROM entry e INDEXED BY entry_peer" BODY OF_PEER
			      " ORDER BY e.id LIMIT $4" };
static struct db_q q_peer_back = { "SELECT " COLUMNS
				   " FROM entry e INDEXED BY entry_peer" BODY OF_PEER
				   " ORDER BY e.id DESC LIMIT $4" };
static struct db_q q_one = { "SELECT " COLUMNS " FROM entry e" BODY
			     " WHERE e.owner = $1 AND e.id = $2" };
static struct db_q q_has = { "SELECT 1 FROM entry WHERE owner = $1 AND id = $2" };
static struct db_q q_count_all = { "SELECT count(*) FROM (SELECT 1 FROM entry e" OF_ALL
				   " LIMIT $4)" };
static struct db_q q_count_peer = {
	"SELECT count(*) FROM (SELECT 1 FROM entry e INDEXED BY entry_peer" OF_PEER " LIMIT $4)"
};
static struct db_q q_first = { "SELECT id FROM entry WHERE owner = $1 ORDER BY id LIMIT 1" };
static struct db_q q_last = { "SELECT id FROM entry WHERE owner = $1 ORDER BY id DESC LIMIT 1" };
static struct db_q q_offline = { "SELECT e.id, (SELECT peer FROM entry k WHERE k.owner = e.owner"
				 " AND k.id = e.id), NULL, b.head, b.content FROM offline e" BODY
				 " WHERE e.owner = $1 AND e.id > $2 ORDER BY e.id LIMIT $3" };
static struct db_q q_prefs = { "SELECT prefs FROM prefs WHERE owner = $1" };
static struct db_q q_told = { "SELECT n FROM told WHERE host = $1" };

static struct db_q q_put_account = { "INSERT INTO account (id, jid) VALUES ($1, $2)" };
#define UNFILED "id > (SELECT upto FROM filed)"
static struct db_q q_file = { "INSERT INTO entry (owner, id, peer, resource, body, origin)"
			      " SELECT a, a_id, a_peer, a_resource, id, origin FROM body"
			      "  WHERE " UNFILED " AND a_peer IS NOT NULL UNION ALL"
			      " SELECT b, b_id, b_peer, b_resource, id, origin FROM body"
			      "  WHERE " UNFILED " AND b_peer IS NOT NULL ORDER BY 1, 2"
			      " ON CONFLICT DO NOTHING" };
static struct db_q q_filed = { "UPDATE filed SET upto = $1" };
static struct db_q q_unfiled = { "SELECT 1 FROM body WHERE " UNFILED " LIMIT 1" };
static struct db_q q_last_ids = { "SELECT a_id, b_id FROM body ORDER BY id DESC LIMIT 1" };
/* What is in its archive already is not kept again. */
static struct db_q q_put_offline = {
	"INSERT INTO offline (owner, id, body) SELECT $1, $2,"
	" coalesce((SELECT body FROM entry WHERE owner = $1 AND id = $2), $3)"
	" WHERE $4 = 0 OR (SELECT waiting FROM account WHERE id = $1) < $4"
	" ON CONFLICT DO NOTHING"
};
static struct db_q q_put_offline_known = {
	"INSERT INTO offline (owner, id, body) SELECT owner, id, body FROM entry"
	" WHERE owner = $1 AND id = $2"
	" AND ($3 = 0 OR (SELECT waiting FROM account WHERE id = $1) < $3)"
	" ON CONFLICT DO NOTHING"
};
#define PUT_BODY                                                              \
	"INSERT INTO body (id, a, a_id, a_peer, a_resource, b, b_id, b_peer," \
	" b_resource, origin, head, content)"
#define BODY_VALUES " $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12"
static struct db_q q_put_body = { PUT_BODY " VALUES (" BODY_VALUES ")" };
#define WAITS(owner, id) \
	"EXISTS (SELECT 1 FROM offline WHERE owner = " owner " AND id = " id " AND body = $1)"
static struct db_q q_put_waiting = { PUT_BODY
	" SELECT" BODY_VALUES " WHERE " WAITS("$2", "$3") " OR " WAITS("$6", "$7") };
/* A conversation is gone back through as far as that; its index has all that is looked at. */
static struct db_q q_retract = {
	"UPDATE body SET content = $4 WHERE id = (SELECT body FROM entry WHERE owner = $1 AND id ="
	" (SELECT id FROM (SELECT id, origin FROM entry INDEXED BY entry_peer"
	" WHERE owner = $1 AND peer = $2 ORDER BY id DESC LIMIT $5) AS talk WHERE origin = $3"
	" LIMIT 1))"
};
static struct db_q q_del_offline = { "DELETE FROM offline WHERE owner = $1 AND id <= $2" };
static struct db_q q_put_prefs = { "INSERT INTO prefs (owner, prefs) VALUES ($1, $2)"
				   " ON CONFLICT (owner) DO UPDATE SET prefs = excluded.prefs" };
static struct db_q q_put_told = { "INSERT INTO told (host, n) VALUES ($1, $2)"
				  " ON CONFLICT (host) DO UPDATE SET n = excluded.n" };

static struct db_q q_put_gone = { "UPDATE account SET jid = NULL WHERE id = $1" };
static struct db_q q_gone = { "SELECT id FROM account WHERE jid IS NULL ORDER BY id LIMIT 1" };
static struct db_q q_has_rows = { "SELECT EXISTS (SELECT 1 FROM entry WHERE owner = $1)"
				  " OR EXISTS (SELECT 1 FROM offline WHERE owner = $1)" };
static struct db_q q_cut_entry = {
	"DELETE FROM entry WHERE owner = $1 AND id IN"
	" (SELECT id FROM entry WHERE owner = $1 ORDER BY id LIMIT $2)"
};
static struct db_q q_cut_offline = {
	"DELETE FROM offline WHERE owner = $1 AND id IN"
	" (SELECT id FROM offline WHERE owner = $1 ORDER BY id LIMIT $2)"
};
static struct db_q q_del_prefs = { "DELETE FROM prefs WHERE owner = $1" };
static struct db_q q_del_account = { "DELETE FROM account WHERE id = $1" };
static struct db_q q_bodies = { "SELECT id, a, a_id, b, b_id FROM body"
				" WHERE id > $1 ORDER BY id LIMIT $2" };
static struct db_q q_del_entry = { "DELETE FROM entry WHERE owner = $1 AND id = $2" };

/* --- reading -----------------------------------------------------------------------------------
 */

/* One number, or none: 1 or 0; at the first row the query is over. */
static int read_number(struct db *db, struct db_q *q, int64_t *out)
{
	int r = db_next(db, q);

	if (r > 0) {
		*out = db_int(db, q, 0);
		db_reset(db, q);
	}
	return r;
}

int store_read_numbers(struct archive *a)
{
	struct db *db = comp_db(a->c);
	int r = db_query(db, &q_numbers, "");

	if (r == 0)
		r = db_next(db, &q_numbers);
	if (r > 0) {
		a->last_account = db_int(db, &q_numbers, 0);
		a->last_body = db_int(db, &q_numbers, 1);
		db_reset(db, &q_numbers);
	}
	return r < 0 ? r : 0;
}

int store_read_account(struct archive *a, const char *jid, int64_t *ret_id)
{
	struct db *db = comp_db(a->c);
	int r = db_query(db, &q_account, "s", jid);

	*ret_id = 0;
	return r < 0 ? r : read_number(db, &q_account, ret_id);
}

static bool read_uid(struct db *db, struct db_q *q, int col, struct uid *out)
{
	size_t n;
	const void *p = db_blob(db, q, col, &n);

	if (n != UID_LEN)
		return false;
	memcpy(out->b, p, UID_LEN);
	return true;
}

/* Rows that another hand has put there are passed over. */
static int read_rows(struct db *db, struct db_q *q, store_row_fn *fn, void *arg)
{
	bool more = true;
	int r, n = 0;

	while (more && (r = db_next(db, q)) > 0) {
		struct store_row row = { 0 };

		n++;
		row.peer = db_is_null(db, q, 1) ? NULL : db_text(db, q, 1);
		row.resource = db_is_null(db, q, 2) ? NULL : db_text(db, q, 2);
		row.head = db_blob(db, q, 3, &row.head_len);
		row.content = db_blob(db, q, 4, &row.len);
		if (read_uid(db, q, 0, &row.uid))
			more = fn(&row, arg);
	}
	if (!more)
		db_reset(db, q);
	return !more || r == 0 ? n : r;
}

static int ask_range(struct db *db, struct db_q *q, const struct store_range *g)
{
	if (g->peer)
		return db_query(db, q, "ibbis", g->owner, (const void *)g->low.b, g->low.n,
		    (const void *)g->high.b, g->high.n, g->most, g->peer);
	return db_query(db, q, "ibbi", g->owner, (const void *)g->low.b, g->low.n,
	    (const void *)g->high.b, g->high.n, g->most);
}

int store_read_range(
    struct archive *a, const struct store_range *range, store_row_fn *fn, void *arg)
{
	struct db *db = comp_db(a->c);
	struct db_q *q = range->backwards ? &q_all_back : &q_all;
	int r;

	if (range->peer)
		q = range->backwards ? &q_peer_back : &q_peer;
	r = ask_range(db, q, range);
	return r < 0 ? r : read_rows(db, q, fn, arg);
}

int store_read_one(
    struct archive *a, int64_t owner, const struct uid *uid, store_row_fn *fn, void *arg)
{
	struct db *db = comp_db(a->c);
	int r = db_query(db, &q_one, "ib", owner, (const void *)uid->b, (size_t)UID_LEN);

	return r < 0 ? r : read_rows(db, &q_one, fn, arg);
}

int store_has(struct archive *a, int64_t owner, const struct uid *uid)
{
	struct db *db = comp_db(a->c);
	int r = db_query(db, &q_has, "ib", owner, (const void *)uid->b, (size_t)UID_LEN);
	int64_t one;

	return r < 0 ? r : read_number(db, &q_has, &one);
}

int store_count(struct archive *a, const struct store_range *range)
{
	struct db *db = comp_db(a->c);
	struct db_q *q = range->peer ? &q_count_peer : &q_count_all;
	int64_t n = 0;
	int r = ask_range(db, q, range);

	if (r == 0)
		r = read_number(db, q, &n);
	return r < 0 ? r : (int)n;
}

int store_read_end(struct archive *a, int64_t owner, bool last, struct uid *out)
{
	struct db *db = comp_db(a->c);
	struct db_q *q = last ? &q_last : &q_first;
	int r = db_query(db, q, "i", owner);

	if (r < 0)
		return r;
	r = db_next(db, q);
	if (r > 0) {
		r = read_uid(db, q, 0, out);
		db_reset(db, q);
	}
	return r;
}

int store_read_offline(struct archive *a, int64_t owner, const struct uid_end *low, int64_t most,
    store_row_fn *fn, void *arg)
{
	struct db *db = comp_db(a->c);
	int r = db_query(db, &q_offline, "ibi", owner, (const void *)low->b, low->n, most);

	return r < 0 ? r : read_rows(db, &q_offline, fn, arg);
}

int store_read_prefs(struct archive *a, int64_t owner, struct sbuf *out)
{
	struct db *db = comp_db(a->c);
	int r = db_query(db, &q_prefs, "i", owner);

	if (r < 0)
		return r;
	r = db_next(db, &q_prefs);
	if (r > 0) {
		sbuf_puts(out, db_text(db, &q_prefs, 0));
		db_reset(db, &q_prefs);
	}
	return r;
}

int store_read_told(struct archive *a, const char *host, int64_t *ret_n)
{
	struct db *db = comp_db(a->c);
	int r = db_query(db, &q_told, "s", host);

	*ret_n = 0;
	return r < 0 ? r : read_number(db, &q_told, ret_n);
}

int store_has_unfiled(struct archive *a)
{
	struct db *db = comp_db(a->c);
	int r = db_query(db, &q_unfiled, "");
	int64_t one;

	return r < 0 ? r : read_number(db, &q_unfiled, &one);
}

int store_read_last(struct archive *a, struct uid *out)
{
	struct db *db = comp_db(a->c);
	int r = db_query(db, &q_last_ids, "");
	struct uid uid;

	*out = (struct uid){ 0 };
	if (r == 0)
		r = db_next(db, &q_last_ids);
	if (r <= 0)
		return r;
	for (int i = 0; i < 2; i++) {
		if (read_uid(db, &q_last_ids, i, &uid) && uid_cmp(&uid, out) > 0)
			*out = uid;
	}
	db_reset(db, &q_last_ids);
	return 0;
}

/* --- writing -----------------------------------------------------------------------------------
 */

void store_put_account(struct db_batch *b, int64_t id, const char *jid)
{
	db_batch_add(b, &q_put_account, "is", id, jid);
}

void store_file(struct db_batch *b, int64_t upto)
{
	db_batch_add(b, &q_file, "");
	db_batch_add(b, &q_filed, "i", upto);
}

void store_put_offline(struct db_batch *b, const struct store_ref *ref, int64_t body, int64_t limit)
{
	db_batch_add(b, &q_put_offline, "ibii", ref->owner, (const void *)ref->uid.b,
	    (size_t)UID_LEN, body, limit);
}

void store_put_offline_known(struct db_batch *b, const struct store_ref *ref, int64_t limit)
{
	db_batch_add(b, &q_put_offline_known, "ibi", ref->owner, (const void *)ref->uid.b,
	    (size_t)UID_LEN, limit);
}

void store_put_body(
    struct db_batch *b, int64_t id, const struct store_entry v[2], const struct message *m)
{
	bool kept = v[0].peer || v[1].peer;
	const char *text = sbuf_data(&m->text);

	db_batch_add(b, kept ? &q_put_body : &q_put_waiting, "iibssibssibb", id, v[0].ref.owner,
	    (const void *)v[0].ref.uid.b, (size_t)UID_LEN, v[0].peer, v[0].resource, v[1].ref.owner,
	    (const void *)v[1].ref.uid.b, (size_t)(v[1].ref.owner ? UID_LEN : 0), v[1].peer,
	    v[1].resource, m->origin, (const void *)text, m->head, (const void *)(text + m->at),
	    m->len);
}

void store_retract(
    struct db_batch *b, const struct store_entry *e, int64_t origin, const struct sbuf *tombstone)
{
	db_batch_add(b, &q_retract, "isibi", e->ref.owner, e->peer, origin,
	    (const void *)sbuf_data(tombstone), sbuf_len(tombstone), (int64_t)ARCHIVE_RETRACT);
}

void store_del_offline(struct db_batch *b, int64_t owner, const struct uid *last)
{
	db_batch_add(b, &q_del_offline, "ib", owner, (const void *)last->b, (size_t)UID_LEN);
}

void store_put_prefs(struct db_batch *b, int64_t owner, const char *prefs)
{
	db_batch_add(b, &q_put_prefs, "is", owner, prefs);
}

void store_put_told(struct db_batch *b, const char *host, int64_t n)
{
	db_batch_add(b, &q_put_told, "si", host, n);
}

/* --- removing bit by bit -----------------------------------------------------------------------
 */

void store_put_gone(struct db_batch *b, int64_t owner)
{
	db_batch_add(b, &q_put_gone, "i", owner);
}

int store_read_gone(struct archive *a, int64_t *ret_owner)
{
	struct db *db = comp_db(a->c);
	int r = db_query(db, &q_gone, "");

	*ret_owner = 0;
	return r < 0 ? r : read_number(db, &q_gone, ret_owner);
}

int store_has_rows(struct archive *a, int64_t owner)
{
	struct db *db = comp_db(a->c);
	int r = db_query(db, &q_has_rows, "i", owner);
	int64_t has = 0;

	if (r == 0)
		r = read_number(db, &q_has_rows, &has);
	return r < 0 ? r : has != 0;
}

void store_cut_owner(struct db_batch *b, int64_t owner, int64_t rows)
{
	db_batch_add(b, &q_cut_entry, "ii", owner, rows);
	db_batch_add(b, &q_cut_offline, "ii", owner, rows);
}

void store_del_owner(struct db_batch *b, int64_t owner)
{
	db_batch_add(b, &q_del_prefs, "i", owner);
	db_batch_add(b, &q_del_account, "i", owner);
}

int store_read_bodies(struct archive *a, int64_t above, int64_t most, store_old_fn *fn, void *arg)
{
	struct db *db = comp_db(a->c);
	int r = db_query(db, &q_bodies, "ii", above, most);
	bool more = true;

	if (r < 0)
		return r;
	while (more && (r = db_next(db, &q_bodies)) > 0) {
		struct store_ref refs[2] = { 0 };

		for (int i = 0; i < 2; i++) {
			if (read_uid(db, &q_bodies, 2 + 2 * i, &refs[i].uid))
				refs[i].owner = db_int(db, &q_bodies, 1 + 2 * i);
		}
		more = fn(db_int(db, &q_bodies, 0), refs, arg);
	}
	if (!more)
		db_reset(db, &q_bodies);
	return more ? r : 0;
}

void store_del_entry(struct db_batch *b, const struct store_ref *ref)
{
	db_batch_add(b, &q_del_entry, "ib", ref->owner, (const void *)ref->uid.b, (size_t)UID_LEN);
}
