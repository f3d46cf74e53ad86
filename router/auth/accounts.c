/* SPDX-License-Identifier: MIT */
/* Accounts in the database, and a bounded memory of which names exist.
 *
 * That memory is corrected by the completion of each write, so it never knows less than the last
 * commit whose completion has run; what it does not know is one indexed read.
 *
 * Must not: keep passwords, or decide who may log in (sasl.h). */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <base/db.h>
#include <base/list.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/map.h>
#include <base/mem.h>

#include "auth/accounts.h"
#include "auth/tokens.h"
#include "core/session.h"
#include "im/blocking.h"
#include "im/prefs.h"
#include "im/roster.h"
#include "links/events.h"
#include "router.h"

#define KNOWN_MAX 16384 /* names remembered, existing or not */

struct accounts {
	struct router *router;
	struct map known;   /* struct known.node, by bare JID */
	struct list by_use; /* struct known.link, the stalest first */
};

struct known {
	struct map_node node;
	struct list link;
	bool exists;
	char jid[];
};

static struct db_q q_get = { "SELECT disabled, iterations, salt256, stored256, server256,"
			     " salt1, stored1, server1 FROM account WHERE jid = $1" };
static struct db_q q_exists = { "SELECT 1 FROM account WHERE jid = $1" };
static struct db_q q_list = { "SELECT jid, disabled FROM account WHERE jid > $1"
			      " ORDER BY jid LIMIT $2" };
static struct db_q q_add = { "INSERT INTO account (jid, created, iterations,"
			     " salt256, stored256, server256, salt1, stored1, server1)"
			     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)" };
static struct db_q q_passwd = { "UPDATE account SET iterations = $2,"
				" salt256 = $3, stored256 = $4, server256 = $5,"
				" salt1 = $6, stored1 = $7, server1 = $8 WHERE jid = $1" };
static struct db_q q_disabled = { "UPDATE account SET disabled = $2"
				  " WHERE jid = $1 AND disabled <> $2" };
static struct db_q q_delete = { "DELETE FROM account WHERE jid = $1" };

/* --- which names exist ------------------------------------------------------------------------ */

static void known_drop(struct accounts *a, struct known *k)
{
	map_del(&a->known, &k->node);
	list_del(&k->link);
	free(k);
}

static struct known *known_find(const struct accounts *a, const char *bare, size_t len)
{
	struct map_node *n = map_get(&a->known, bare, len);

	return n ? MAP_ENTRY(n, struct known, node) : NULL;
}

static void known_set(struct accounts *a, const char *bare, size_t len, bool exists)
{
	struct known *k = known_find(a, bare, len);

	if (!k) {
		if (map_len(&a->known) >= KNOWN_MAX)
			known_drop(a, LIST_ENTRY(a->by_use.next, struct known, link));
		k = xmalloc(sizeof(*k) + len + 1);
		memcpy(k->jid, bare, len);
		k->jid[len] = '\0';
		list_init(&k->link);
		map_put(&a->known, &k->node, k->jid, len);
	}
	k->exists = exists;
	list_del(&k->link);
	list_add_tail(&a->by_use, &k->link);
}

static void known_forget(struct accounts *a, const char *bare, size_t len)
{
	struct known *k = known_find(a, bare, len);

	if (k)
		known_drop(a, k);
}

int accounts_open(struct accounts **out, struct router *r)
{
	struct accounts *a = xzalloc(sizeof(*a));

	a->router = r;
	map_init(&a->known);
	list_init(&a->by_use);
	*out = a;
	return 0;
}

void accounts_close(struct accounts *a)
{
	if (!a)
		return;
	LIST_EACH_SAFE (it, &a->by_use)
		known_drop(a, LIST_ENTRY(it, struct known, link));
	map_done(&a->known);
	free(a);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* -EBUSY passes, all else is the database's trouble, which is in the log already. */
static int read_error(int err)
{
	return err == -EBUSY ? -EBUSY : -EIO;
}

/* The bare part as a string of its own: $1 of every query. */
static char *bare_of(const struct jid *jid)
{
	return xstrndup(jid->s, jid_bare_len(jid));
}

/* A blob of exactly this many bytes. */
static bool get_blob(struct db *db, struct db_q *q, int col, uint8_t *out, size_t len)
{
	size_t n;
	const void *p = db_blob(db, q, col, &n);

	if (n != len)
		return false;
	memcpy(out, p, len);
	return true;
}

static bool get_keys(struct db *db, int col, enum digest_alg alg, struct scram_keys *out)
{
	int64_t iterations = db_int(db, &q_get, 1);
	size_t len = digest_len(alg);

	memset(out, 0, sizeof(*out));
	out->alg = alg;
	out->iterations = (unsigned)iterations;
	return iterations > 0 && iterations <= INT32_MAX &&
	       get_blob(db, &q_get, col, out->salt, sizeof(out->salt)) &&
	       get_blob(db, &q_get, col + 1, out->stored, len) &&
	       get_blob(db, &q_get, col + 2, out->server, len);
}

static int get_row(struct db *db, const char *bare, struct account *out)
{
	int r = db_query(db, &q_get, "s", bare);

	if (r == 0)
		r = db_next(db, &q_get);
	if (r < 0)
		return read_error(r);
	if (r == 0)
		return -ENOENT;
	out->disabled = db_int(db, &q_get, 0) != 0;
	if (!get_keys(db, 2, DIGEST_SHA256, &out->sha256) ||
	    !get_keys(db, 5, DIGEST_SHA1, &out->sha1)) {
		log_error(NULL, "the keys of account %s in the database are damaged", bare);
		r = -EIO;
	}
	db_reset(db, &q_get);
	return r < 0 ? r : 0;
}

int accounts_get(struct accounts *a, const struct jid *jid, struct account *out)
{
	char *bare = bare_of(jid);
	int r = get_row(a->router->db, bare, out);

	free(bare);
	return r;
}

/* Whether it exists, by the database; < 0: unknown. */
static int ask_exists(struct db *db, const char *bare)
{
	int r = db_query(db, &q_exists, "s", bare);

	if (r == 0)
		r = db_next(db, &q_exists);
	if (r > 0)
		db_reset(db, &q_exists);
	return r;
}

bool accounts_exist(struct accounts *a, const struct jid *jid)
{
	size_t len = jid_bare_len(jid);
	struct known *k = known_find(a, jid->s, len);
	char *bare;
	int r;

	if (k) {
		list_del(&k->link);
		list_add_tail(&a->by_use, &k->link);
		return k->exists;
	}
	if (!jid->dom || !router_serves(a->router, jid_domain(jid), jid_domain_len(jid)))
		return false;
	bare = bare_of(jid);
	r = ask_exists(a->router->db, bare);
	free(bare);
	if (r < 0)
		return true;
	known_set(a, jid->s, len, r > 0);
	return r > 0;
}

int accounts_list(struct accounts *a, const char *after, unsigned n,
    void (*fn)(const char *bare, bool disabled, void *arg), void *arg)
{
	struct db *db = a->router->db;
	int r = db_query(db, &q_list, "si", after ? after : "", (int64_t)n);

	if (r < 0)
		return read_error(r);
	while ((r = db_next(db, &q_list)) > 0)
		fn(db_text(db, &q_list, 0), db_int(db, &q_list, 1) != 0, arg);
	return r < 0 ? read_error(r) : 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

enum change_kind { CHANGE_ADD, CHANGE_PASSWD, CHANGE_DISABLE, CHANGE_ENABLE, CHANGE_DELETE };

struct change {
	struct accounts *accounts;
	struct jid jid; /* bare, owned */
	enum change_kind kind;
	accounts_done *done;
	void *arg;
};

static struct change *change_new(struct accounts *a, const struct jid *bare, enum change_kind kind,
    accounts_done *done, void *arg)
{
	struct change *c = xzalloc(sizeof(*c));

	c->accounts = a;
	c->kind = kind;
	c->jid = jid_dup(bare);
	c->done = done;
	c->arg = arg;
	return c;
}

static void end_sessions(struct router *r, const struct jid *jid, const char *why)
{
	struct user *u;

	if (r->stopping) /* all sessions are ending, and at the last the table is gone */
		return;
	u = sessions_user(r->sessions, jid);
	if (!u)
		return;
	LIST_EACH_SAFE (it, &u->sessions)
		session_kick(LIST_ENTRY(it, struct session, of_user), STREAM_E_NOT_AUTHORIZED, why);
}

/* What the batch's error means for this change. */
static int outcome(const struct change *c, int err)
{
	struct account acc;
	bool same;

	if (err == -EEXIST && c->kind == CHANGE_ADD &&
	    events_removing(c->accounts->router->events, &c->jid))
		return -EINPROGRESS;
	if (err != -ENOENT || (c->kind != CHANGE_DISABLE && c->kind != CHANGE_ENABLE) ||
	    accounts_get(c->accounts, &c->jid, &acc) < 0)
		return err;
	same = acc.disabled == (c->kind == CHANGE_DISABLE); /* it was so before */
	mem_wipe(&acc, sizeof(acc));
	return same ? 0 : err;
}

static void forget(struct router *r, const struct jid *jid)
{
	blocking_forget(r->blocking, jid);
	prefs_forget(r->prefs, jid);
}

static void change_done(int err, void *arg)
{
	struct change *c = arg;
	struct router *r = c->accounts->router;
	const struct jid *jid = &c->jid;

	err = outcome(c, err);
	if (err == 0)
		known_set(c->accounts, jid->s, jid->len, c->kind != CHANGE_DELETE);
	else
		known_forget(c->accounts, jid->s, jid->len);
	if (err == 0 && c->kind == CHANGE_DELETE)
		forget(r, jid);
	if (c->done)
		c->done(err, c->arg); /* first: whoever ended his own account gets an answer */
	if (err == 0 && c->kind == CHANGE_DELETE)
		end_sessions(r, jid, "the account was deleted");
	if (err == 0 && c->kind == CHANGE_DISABLE)
		end_sessions(r, jid, "the account was disabled");
	if (err == 0 && c->kind != CHANGE_PASSWD)
		events_committed(r->events);
	jid_done(&c->jid);
	free(c);
}

static bool is_ours(const struct accounts *a, const struct jid *jid)
{
	return jid->dom && jid_is_bare(jid) &&
	       router_serves(a->router, jid_domain(jid), jid_domain_len(jid));
}

struct both_keys {
	struct scram_keys sha256, sha1;
};

static int derive_both(struct both_keys *out, const char *password)
{
	int r = -EINVAL;

	if (password)
		r = scram_derive(&out->sha256, DIGEST_SHA256, password, SCRAM_ITERATIONS);
	return r < 0 ? r : scram_derive(&out->sha1, DIGEST_SHA1, password, SCRAM_ITERATIONS);
}

#define KEY_ARGS(k)                                                            \
	(const void *)(k)->salt, sizeof((k)->salt), (const void *)(k)->stored, \
	    digest_len((k)->alg), (const void *)(k)->server, digest_len((k)->alg)

int accounts_add(struct accounts *a, const struct jid *bare, const char *password,
    accounts_done *done, void *arg)
{
	return accounts_add_in(a, db_batch_new(a->router->db), bare, password, done, arg);
}

int accounts_add_in(struct accounts *a, struct db_batch *b, const struct jid *bare,
    const char *password, accounts_done *done, void *arg)
{
	struct both_keys k = { 0 };

	if (!is_ours(a, bare) || derive_both(&k, password) < 0) {
		db_batch_free(b);
		return -EINVAL;
	}
	events_guard(a->router->events, b, bare);
	db_batch_add(b, &q_add, "siibbbbbb", bare->s, loop_wall_ms(a->router->loop),
	    (int64_t)SCRAM_ITERATIONS, KEY_ARGS(&k.sha256), KEY_ARGS(&k.sha1));
	events_add(a->router->events, b, bare, EVENT_CREATED);
	mem_wipe(&k, sizeof(k));
	db_submit(b, change_done, change_new(a, bare, CHANGE_ADD, done, arg));
	return 0;
}

int accounts_passwd(struct accounts *a, const struct jid *bare, const char *password,
    accounts_done *done, void *arg)
{
	struct both_keys k = { 0 };
	struct db_batch *b;

	if (!is_ours(a, bare) || derive_both(&k, password) < 0)
		return -EINVAL;
	b = db_batch_new(a->router->db);
	db_batch_must(b, &q_passwd, "sibbbbbb", bare->s, (int64_t)SCRAM_ITERATIONS,
	    KEY_ARGS(&k.sha256), KEY_ARGS(&k.sha1));
	mem_wipe(&k, sizeof(k));
	tokens_revoke(b, bare->s);
	db_submit(b, change_done, change_new(a, bare, CHANGE_PASSWD, done, arg));
	return 0;
}

static int set_disabled(
    struct accounts *a, const struct jid *bare, bool disabled, accounts_done *done, void *arg)
{
	struct db_batch *b;

	if (!is_ours(a, bare))
		return -EINVAL;
	b = db_batch_new(a->router->db);
	db_batch_must(b, &q_disabled, "si", bare->s, (int64_t)disabled);
	if (disabled)
		tokens_revoke(b, bare->s);
	events_add(a->router->events, b, bare, disabled ? EVENT_DISABLED : EVENT_ENABLED);
	db_submit(b, change_done,
	    change_new(a, bare, disabled ? CHANGE_DISABLE : CHANGE_ENABLE, done, arg));
	return 0;
}

int accounts_disable(struct accounts *a, const struct jid *bare, accounts_done *done, void *arg)
{
	return set_disabled(a, bare, true, done, arg);
}

int accounts_enable(struct accounts *a, const struct jid *bare, accounts_done *done, void *arg)
{
	return set_disabled(a, bare, false, done, arg);
}

int accounts_delete(struct accounts *a, const struct jid *bare, accounts_done *done, void *arg)
{
	struct db_batch *b;

	if (!is_ours(a, bare))
		return -EINVAL;
	b = db_batch_new(a->router->db);
	/* The roster's memory changes at once: not for an account that is not there. */
	if (accounts_exist(a, bare))
		roster_delete_account(a->router->rosters, bare, b);
	db_batch_must(b, &q_delete, "s", bare->s);
	events_add(a->router->events, b, bare, EVENT_DELETED);
	db_submit(b, change_done, change_new(a, bare, CHANGE_DELETE, done, arg));
	return 0;
}
