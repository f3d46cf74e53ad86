/* SPDX-License-Identifier: MIT */
/* The tables that know users and not nodes: sessions, capabilities, account events. */
#include <base/sbuf.h>

#include "store.h"

static struct db_q q_sessions = { "SELECT jid, caps, seen FROM session" };
static struct db_q q_put_session = {
	"INSERT INTO session (jid, caps, seen) VALUES ($1, $2, $3)"
	" ON CONFLICT (jid) DO UPDATE SET caps = excluded.caps, seen = excluded.seen"
};
static struct db_q q_del_session = { "DELETE FROM session WHERE jid = $1" };
static struct db_q q_del_sessions = { "DELETE FROM session" };
static struct db_q q_caps = { "SELECT names FROM caps WHERE key = $1" };
static struct db_q q_put_caps = {
	"INSERT INTO caps (key, at, names) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING"
};
static struct db_q q_cut_caps = { "DELETE FROM caps WHERE key IN"
				  " (SELECT key FROM caps ORDER BY at DESC LIMIT -1 OFFSET $1)" };
static struct db_q q_subscribed = {
	"SELECT DISTINCT n.owner FROM subscription s JOIN node n ON n.id = s.node"
	" WHERE s.bare = $1 AND n.owner <> $2 ORDER BY n.owner LIMIT $3"
};
static struct db_q q_told = { "SELECT n FROM told WHERE host = $1" };
static struct db_q q_put_told = { "INSERT INTO told (host, n) VALUES ($1, $2)"
				  " ON CONFLICT (host) DO UPDATE SET n = excluded.n" };

/* --- sessions ----------------------------------------------------------------------------------
 */

int store_read_sessions(struct pubsub *p, store_session_fn *fn, void *arg)
{
	struct db *db = comp_db(p->c);
	int r = db_query(db, &q_sessions, "");

	if (r < 0)
		return r;
	while ((r = db_next(db, &q_sessions)) > 0)
		fn(p, db_text(db, &q_sessions, 0),
		    db_is_null(db, &q_sessions, 1) ? NULL : db_text(db, &q_sessions, 1),
		    db_is_null(db, &q_sessions, 2) ? NULL : db_text(db, &q_sessions, 2), arg);
	return r;
}

void store_put_session(struct db_batch *b, const char *jid, const char *caps, const char *seen)
{
	db_batch_add(b, &q_put_session, "sss", jid, caps, seen);
}

void store_del_session(struct db_batch *b, const char *jid)
{
	db_batch_add(b, &q_del_session, "s", jid);
}

void store_del_sessions(struct db_batch *b)
{
	db_batch_add(b, &q_del_sessions, "");
}

/* --- capabilities ------------------------------------------------------------------------------
 */

int store_read_caps(struct pubsub *p, const char *key, struct sbuf *out)
{
	struct db *db = comp_db(p->c);
	int r = db_query(db, &q_caps, "s", key);
	const void *names;
	size_t n;

	if (r < 0)
		return r;
	r = db_next(db, &q_caps);
	if (r > 0) {
		names = db_blob(db, &q_caps, 0, &n);
		if (names)
			sbuf_add(out, names, n);
		db_reset(db, &q_caps);
	}
	return r;
}

void store_put_caps(struct db_batch *b, const char *key, const char *names, size_t len, int64_t at)
{
	db_batch_add(b, &q_put_caps, "sib", key, at, names, len);
}

void store_cut_caps(struct db_batch *b, int64_t keep)
{
	db_batch_add(b, &q_cut_caps, "i", keep);
}

/* --- subscriptions -----------------------------------------------------------------------------
 */

int store_read_subscribed(
    struct pubsub *p, const char *bare, int64_t most, store_account_fn *fn, void *arg)
{
	struct db *db = comp_db(p->c);
	int r = db_query(db, &q_subscribed, "ssi", bare, comp_domain(p->c), most);

	if (r < 0)
		return r;
	while ((r = db_next(db, &q_subscribed)) > 0)
		fn(db_text(db, &q_subscribed, 0), arg);
	return r;
}

/* --- account events ----------------------------------------------------------------------------
 */

int store_read_told(struct pubsub *p, const char *host, int64_t *ret_n)
{
	struct db *db = comp_db(p->c);
	int r = db_query(db, &q_told, "s", host);

	*ret_n = 0;
	if (r < 0)
		return r;
	r = db_number(db, &q_told, ret_n);
	return r < 0 ? r : 0;
}

void store_put_told(struct db_batch *b, const char *host, int64_t n)
{
	db_batch_add(b, &q_put_told, "si", host, n);
}
