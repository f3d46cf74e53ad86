/* SPDX-License-Identifier: MIT */
/* libcomp's own tables in the component's database, DATA_DIR/<name>.db:
 *
 *   comp_link      one row: whose it is, the link's session, how far both directions have come
 *   comp_outbox    what was sent and is not acknowledged, one row a transaction
 *   comp_deferred  requests that were deferred and not answered
 *   comp_told      what the server has delegated and granted in this session
 *
 * Every batch moves comp_link on from the number that the batch before it left (seq).  So none is
 * committed after one that was not, and none at all once another process has opened the database
 * and raised the incarnation: a process that was stopped and wakes can do no harm.
 *
 * Must not: decide anything; SQL about the link stands here and nowhere else. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <xmpp/xml.h>

#include "comp_internal.h"

static const struct log_tag tag = { .mod = "comp" };

static const struct db_step schema[] = {
	/* Numbers go on over all sessions of the link.  n: of the last stanza in the row. */
	{ 1, "CREATE TABLE comp_link ("
	     " one INTEGER PRIMARY KEY CHECK (one = 1),"
	     " domain TEXT NOT NULL,"
	     " incarnation INTEGER NOT NULL,"
	     " seq INTEGER NOT NULL DEFAULT 0,"
	     " sm_id TEXT,"
	     " in_total INTEGER NOT NULL DEFAULT 0,"
	     " in_base INTEGER NOT NULL DEFAULT 0,"
	     " out_total INTEGER NOT NULL DEFAULT 0,"
	     " out_base INTEGER NOT NULL DEFAULT 0,"
	     " out_acked INTEGER NOT NULL DEFAULT 0"
	     ");"
	     "CREATE TABLE comp_outbox ("
	     " n INTEGER PRIMARY KEY, count INTEGER NOT NULL, stanzas BLOB NOT NULL"
	     ");"
	     "CREATE TABLE comp_deferred (n INTEGER PRIMARY KEY, stanza TEXT NOT NULL);" },
	/* The newest message of each host in each namespace. */
	{ 2, "CREATE TABLE comp_told ("
	     " host TEXT NOT NULL, ns TEXT NOT NULL, stanza TEXT NOT NULL,"
	     " PRIMARY KEY (host, ns)"
	     ") WITHOUT ROWID" },
};

/* --- statements ------------------------------------------------------------------------------- */

void ledger_put_counts(struct comp *c, struct db_batch *b, uint64_t in, uint64_t out)
{
	static struct db_q q = { "UPDATE comp_link SET seq = seq + 1, in_total = $3,"
				 " out_total = $4, out_acked = $5"
				 " WHERE one = 1 AND incarnation = $1 AND seq = $2" };
	struct ledger *d = &c->ledger;

	db_batch_must(b, &q, "iiiii", d->incarnation, d->seq, (int64_t)in, (int64_t)out,
	    (int64_t)d->out_acked);
	d->seq++;
}

void ledger_put_out(struct db_batch *b, const struct tx *t)
{
	static struct db_q q = { "INSERT INTO comp_outbox(n, count, stanzas) VALUES($1, $2, $3)" };

	db_batch_add(b, &q, "iib", (int64_t)t->last, (int64_t)t->count, sbuf_data(&t->out),
	    sbuf_len(&t->out));
}

void ledger_put_trim(struct db_batch *b, uint64_t upto)
{
	static struct db_q q = { "DELETE FROM comp_outbox WHERE n <= $1" };

	db_batch_add(b, &q, "i", (int64_t)upto);
}

void ledger_put_session(struct comp *c, struct db_batch *b)
{
	static struct db_q q = { "UPDATE comp_link SET sm_id = $1, in_base = $2, out_base = $3" };
	static struct db_q told = { "DELETE FROM comp_told" }; /* it tells anew */
	struct ledger *d = &c->ledger;

	db_batch_add(b, &q, "sii", d->sm_id, (int64_t)d->in_base, (int64_t)d->out_base);
	db_batch_add(b, &told, "");
}

void ledger_put_deferred(struct db_batch *b, uint64_t n, const struct el *stanza)
{
	static struct db_q q = { "INSERT INTO comp_deferred(n, stanza) VALUES($1, $2)" };
	struct sbuf text = SBUF_INIT;

	el_write(&text, stanza, NS_CLIENT);
	db_batch_add(b, &q, "is", (int64_t)n, sbuf_str(&text));
	sbuf_done(&text);
}

void ledger_put_told(
    struct db_batch *b, const char *host, const struct el *said, const struct el *stanza)
{
	static struct db_q q = { "INSERT OR REPLACE INTO comp_told(host, ns, stanza)"
				 " VALUES($1, $2, $3)" };
	struct sbuf text = SBUF_INIT;

	el_write(&text, stanza, NS_CLIENT);
	db_batch_add(b, &q, "sss", host, el_ns(said), sbuf_str(&text));
	sbuf_done(&text);
}

void ledger_del_deferred(struct db_batch *b, uint64_t n)
{
	static struct db_q q = { "DELETE FROM comp_deferred WHERE n = $1" };

	db_batch_add(b, &q, "i", (int64_t)n);
}

void ledger_put_recovery(struct comp *c, struct db_batch *b)
{
	static struct db_q count = { "UPDATE comp_link SET seq = seq + 1,"
				     " in_total = max(in_total, $2), out_total = out_total + $3"
				     " WHERE one = 1 AND incarnation = $1" };
	static struct db_q answer = { "INSERT INTO comp_outbox(n, count, stanzas)"
				      " SELECT out_total, 1, $1 FROM comp_link WHERE one = 1" };
	struct ledger *d = &c->ledger;
	bool refused = d->sm_id && sbuf_len(&d->refusal) > 0;

	db_batch_must(
	    b, &count, "iii", d->incarnation, (int64_t)d->skip_in, (int64_t)(refused ? 1 : 0));
	if (refused)
		db_batch_add(b, &answer, "b", sbuf_data(&d->refusal), sbuf_len(&d->refusal));
	if (d->skip_row > 0)
		ledger_del_deferred(b, d->skip_row);
}

bool ledger_mine(struct comp *c)
{
	static struct db_q q = { "SELECT incarnation FROM comp_link WHERE one = 1" };
	struct db *db = c->ledger.db;
	bool mine = true; /* as long as nothing says otherwise: each write asks again */

	if (db_query(db, &q, "") < 0)
		return true;
	if (db_next(db, &q) > 0) {
		mine = db_int(db, &q, 0) == c->ledger.incarnation;
		db_reset(db, &q);
	}
	return mine;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int read_row(struct comp *c)
{
	static struct db_q q = { "SELECT incarnation, seq, sm_id, in_total, in_base, out_total,"
				 " out_base, out_acked FROM comp_link WHERE one = 1" };
	struct ledger *d = &c->ledger;
	int r = db_query(d->db, &q, "");

	if (r == 0)
		r = db_next(d->db, &q);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	if (d->incarnation == 0)
		d->incarnation = db_int(d->db, &q, 0);
	d->seq = db_int(d->db, &q, 1);
	free(d->sm_id);
	d->sm_id = db_text_dup(d->db, &q, 2);
	d->in_done = d->in_safe = d->in_noted = (uint64_t)db_int(d->db, &q, 3);
	d->in_base = (uint64_t)db_int(d->db, &q, 4);
	d->out_last = d->out_safe = (uint64_t)db_int(d->db, &q, 5);
	d->out_base = (uint64_t)db_int(d->db, &q, 6);
	d->out_acked = d->out_sent = d->out_trimmed = (uint64_t)db_int(d->db, &q, 7);
	db_reset(d->db, &q);
	return 0;
}

static int read_outbox(struct comp *c)
{
	static struct db_q q = { "SELECT n, count, stanzas FROM comp_outbox WHERE n > $1"
				 " ORDER BY n" };
	struct ledger *d = &c->ledger;
	int r = db_query(d->db, &q, "i", (int64_t)d->out_acked);

	while (r == 0 && (r = db_next(d->db, &q)) > 0) {
		struct tx *t = xzalloc(sizeof(*t));
		size_t len;
		const void *p = db_blob(d->db, &q, 2, &len);

		list_init(&t->link);
		t->c = c;
		t->kept = true;
		t->last = (uint64_t)db_int(d->db, &q, 0);
		t->count = (uint32_t)db_int(d->db, &q, 1);
		sbuf_add(&t->out, p, len);
		r = out_unpack(c, t);
		if (r < 0)
			db_reset(d->db, &q);
	}
	return r;
}

/* A stanza as ledger_put_deferred() wrote it; NULL: it is none. */
static struct el *parse(const char *text)
{
	static const struct xml_limits lim = { .tag = XML_TAG_LINK };

	return xml_read(text, &lim);
}

static int read_deferred(struct comp *c)
{
	static struct db_q q = { "SELECT n, stanza FROM comp_deferred ORDER BY n" };
	struct ledger *d = &c->ledger;
	int r = db_query(d->db, &q, "");

	while (r == 0 && (r = db_next(d->db, &q)) > 0) {
		struct el *el = parse(db_text(d->db, &q, 1));

		if (el)
			inbox_add(c, el, (uint64_t)db_int(d->db, &q, 0), true);
		else
			log_error(&tag, "%s: a deferred request is no stanza", d->path);
		r = 0;
	}
	return r;
}

/* Once: later it is in memory, and what a failed commit takes back the server sends again. */
static int read_told(struct comp *c)
{
	static struct db_q q = { "SELECT stanza FROM comp_told" };
	struct ledger *d = &c->ledger;
	int r = db_query(d->db, &q, "");

	while (r == 0 && (r = db_next(d->db, &q)) > 0) {
		struct el *el = parse(db_text(d->db, &q, 0));

		if (el)
			comp_told_before(c, el);
		else
			log_error(&tag, "%s: what the server told is no stanza", d->path);
		el_free(el);
		r = 0;
	}
	return r;
}

int ledger_read(struct comp *c)
{
	int r = read_row(c);

	if (r == 0)
		r = read_outbox(c);
	if (r == 0)
		r = read_deferred(c);
	return r;
}

/* --- opening ---------------------------------------------------------------------------------- */

static void on_done(int err, void *arg)
{
	*(int *)arg = err;
}

/* Before anything is read: what an earlier process has not committed by now, it never will. */
static int raise_incarnation(struct comp *c)
{
	static struct db_q q = { "INSERT INTO comp_link(one, domain, incarnation) VALUES(1, $1, 1)"
				 " ON CONFLICT (one) DO UPDATE SET incarnation = incarnation + 1" };
	struct db_batch *b = db_batch_new(c->ledger.db);
	int r = 0;

	db_batch_add(b, &q, "s", c->domain);
	db_submit(b, on_done, &r);
	db_sync(c->ledger.db);
	return r;
}

static bool same_domain(struct comp *c)
{
	static struct db_q q = { "SELECT domain FROM comp_link WHERE one = 1" };
	struct db *db = c->ledger.db;
	bool same = true;

	if (db_query(db, &q, "") < 0)
		return true;
	if (db_next(db, &q) > 0) {
		same = strcmp(db_text(db, &q, 0), c->domain) == 0;
		db_reset(db, &q);
	}
	return same;
}

/* What waits to be sent is from addresses that the component no longer has, and the session was
 * another domain's. */
static int change_domain(struct comp *c)
{
	static struct db_q row = { "UPDATE comp_link SET domain = $1, sm_id = NULL, seq = seq + 1,"
				   " out_acked = out_total" };
	static struct db_q outbox = { "DELETE FROM comp_outbox" };
	static struct db_q deferred = { "DELETE FROM comp_deferred" };
	static struct db_q told = { "DELETE FROM comp_told" };
	struct db_batch *b = db_batch_new(c->ledger.db);
	int r = 0;

	log_warn(&tag, "%s was another domain's: what it had to send is dropped", c->ledger.path);
	db_batch_add(b, &row, "s", c->domain);
	db_batch_add(b, &outbox, "");
	db_batch_add(b, &deferred, "");
	db_batch_add(b, &told, "");
	db_submit(b, on_done, &r);
	db_sync(c->ledger.db);
	return r;
}

int ledger_open(struct comp *c, char *err, size_t err_len)
{
	struct ledger *d = &c->ledger;
	const struct db_part parts[] = {
		{ c->ops->name, c->ops->schema, c->ops->n_schema },
		{ "libcomp", schema, sizeof(schema) / sizeof(schema[0]) },
	};
	int r;

	d->path = xasprintf("%s/%s.db", c->conf->daemon.data_dir, c->ops->name);
	r = db_open_parts(
	    &d->db, c->loop, d->path, parts, sizeof(parts) / sizeof(parts[0]), err, err_len);
	if (r < 0)
		return r;
	r = raise_incarnation(c);
	if (r == 0 && !same_domain(c))
		r = change_domain(c);
	if (r < 0) {
		(void)snprintf(err, err_len, "%s: cannot be written: %s", d->path, strerror(-r));
		return r;
	}
	r = ledger_read(c);
	if (r == 0)
		r = read_told(c);
	if (r < 0)
		(void)snprintf(err, err_len, "%s: cannot be read: %s", d->path, strerror(-r));
	return r;
}
