/* SPDX-License-Identifier: MIT */
/* libcomp's own tables in the component's database, DATA_DIR/<name>.db:
 *
 *   comp_link      whose it is, the link's session, how far both directions have come
 *   comp_outbox    what was sent and is not acknowledged, one row a transaction
 *   comp_deferred  requests that were deferred and not answered
 *   comp_told      what the server has delegated and granted in this session
 *   comp_adopted   how far sessions had come that another one has taken over
 *
 * comp_link has one row, slot 1; where several processes share the domain each has one, and what
 * else is here names its slot (comp_slot.c).  Deferred requests of a slot that has no row are
 * whoever's who serves their key (comp_claim.c).
 *
 * Every batch moves the row on from the number that the batch before it left (seq).  So none is
 * committed after one that was not, and none at all once another process has taken the row over
 * and raised the incarnation: a process that was stopped and wakes can do no harm.
 *
 * Must not: decide anything.  SQL about the link stands here and in comp_slot.c, comp_adopt.c and
 * comp_claim.c, and nowhere else. */
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
	/* What there was is slot 1's.  AUTOINCREMENT: what a slot left behind never becomes another
	 * one's.  member: the session's id among those that share the domain, since when (Unix
	 * time, ms); newest, settled: who they are (comp_share.c). */
	{ 3, "ALTER TABLE comp_link RENAME TO comp_link_2;"
	     "CREATE TABLE comp_link ("
	     " slot INTEGER PRIMARY KEY AUTOINCREMENT,"
	     " domain TEXT NOT NULL,"
	     " incarnation INTEGER NOT NULL,"
	     " seq INTEGER NOT NULL DEFAULT 0,"
	     " sm_id TEXT,"
	     " member TEXT,"
	     " since INTEGER NOT NULL DEFAULT 0,"
	     " newest TEXT,"
	     " settled TEXT,"
	     " in_total INTEGER NOT NULL DEFAULT 0,"
	     " in_base INTEGER NOT NULL DEFAULT 0,"
	     " out_total INTEGER NOT NULL DEFAULT 0,"
	     " out_base INTEGER NOT NULL DEFAULT 0,"
	     " out_acked INTEGER NOT NULL DEFAULT 0"
	     ");"
	     "INSERT INTO comp_link(slot, domain, incarnation, seq, sm_id, in_total, in_base,"
	     " out_total, out_base, out_acked)"
	     " SELECT 1, domain, incarnation, seq, sm_id, in_total, in_base,"
	     " out_total, out_base, out_acked FROM comp_link_2;"
	     "DROP TABLE comp_link_2;"
	     "ALTER TABLE comp_outbox RENAME TO comp_outbox_2;"
	     "CREATE TABLE comp_outbox ("
	     " slot INTEGER NOT NULL, n INTEGER NOT NULL,"
	     " count INTEGER NOT NULL, stanzas BLOB NOT NULL,"
	     " PRIMARY KEY (slot, n)"
	     ") WITHOUT ROWID;"
	     "INSERT INTO comp_outbox SELECT 1, n, count, stanzas FROM comp_outbox_2;"
	     "DROP TABLE comp_outbox_2;"
	     "ALTER TABLE comp_deferred RENAME TO comp_deferred_2;"
	     "CREATE TABLE comp_deferred ("
	     " slot INTEGER NOT NULL, n INTEGER NOT NULL, stanza TEXT NOT NULL,"
	     " PRIMARY KEY (slot, n)"
	     ") WITHOUT ROWID;"
	     "INSERT INTO comp_deferred SELECT 1, n, stanza FROM comp_deferred_2;"
	     "DROP TABLE comp_deferred_2;"
	     "ALTER TABLE comp_told RENAME TO comp_told_2;"
	     "CREATE TABLE comp_told ("
	     " slot INTEGER NOT NULL,"
	     " host TEXT NOT NULL, ns TEXT NOT NULL, stanza TEXT NOT NULL,"
	     " PRIMARY KEY (slot, host, ns)"
	     ") WITHOUT ROWID;"
	     "INSERT INTO comp_told SELECT 1, host, ns, stanza FROM comp_told_2;"
	     "DROP TABLE comp_told_2;"
	     "CREATE TABLE comp_adopted ("
	     " id TEXT PRIMARY KEY, h INTEGER NOT NULL, at INTEGER NOT NULL"
	     ") WITHOUT ROWID" },
};

/* --- statements ------------------------------------------------------------------------------- */

void ledger_put_counts(struct comp *c, struct db_batch *b, uint64_t in, uint64_t out)
{
	static struct db_q q = { "UPDATE comp_link SET seq = seq + 1, in_total = $4,"
				 " out_total = $5, out_acked = $6"
				 " WHERE slot = $1 AND incarnation = $2 AND seq = $3" };
	struct ledger *d = &c->ledger;

	db_batch_must(b, &q, "iiiiii", d->slot, d->incarnation, d->seq, (int64_t)in, (int64_t)out,
	    (int64_t)d->out_acked);
	d->seq++;
}

void ledger_put_out(struct db_batch *b, const struct tx *t)
{
	static struct db_q q = { "INSERT INTO comp_outbox(slot, n, count, stanzas)"
				 " VALUES($1, $2, $3, $4)" };

	db_batch_add(b, &q, "iiib", t->c->ledger.slot, (int64_t)t->last, (int64_t)t->count,
	    sbuf_data(&t->out), sbuf_len(&t->out));
}

void ledger_put_trim(struct comp *c, struct db_batch *b, uint64_t upto)
{
	static struct db_q q = { "DELETE FROM comp_outbox WHERE slot = $1 AND n <= $2" };

	db_batch_add(b, &q, "ii", c->ledger.slot, (int64_t)upto);
}

void ledger_put_session(struct comp *c, struct db_batch *b)
{
	static struct db_q q = {
		"UPDATE comp_link SET sm_id = $2, in_base = $3, out_base = $4, member = $5,"
		" since = $6, newest = NULL, settled = NULL WHERE slot = $1"
	};
	static struct db_q told = { "DELETE FROM comp_told WHERE slot = $1" }; /* it tells anew */
	struct ledger *d = &c->ledger;

	db_batch_add(b, &q, "isiisi", d->slot, d->sm_id, (int64_t)d->in_base, (int64_t)d->out_base,
	    d->member, loop_wall_ms(c->loop));
	db_batch_add(b, &told, "i", d->slot);
}

void ledger_put_lists(struct comp *c, struct db_batch *b, const char *newest, const char *settled)
{
	static struct db_q q = { "UPDATE comp_link SET newest = $2, settled = $3"
				 " WHERE slot = $1" };

	db_batch_add(b, &q, "iss", c->ledger.slot, newest, settled);
}

void ledger_put_deferred(struct comp *c, struct db_batch *b, uint64_t n, const struct el *stanza)
{
	static struct db_q q = { "INSERT INTO comp_deferred(slot, n, stanza) VALUES($1, $2, $3)" };
	struct sbuf text = SBUF_INIT;

	el_write(&text, stanza, NS_CLIENT);
	db_batch_add(b, &q, "iis", c->ledger.slot, (int64_t)n, sbuf_str(&text));
	sbuf_done(&text);
}

void ledger_put_told(struct comp *c, struct db_batch *b, const char *host, const struct el *said,
    const struct el *stanza)
{
	static struct db_q q = { "INSERT OR REPLACE INTO comp_told(slot, host, ns, stanza)"
				 " VALUES($1, $2, $3, $4)" };
	struct sbuf text = SBUF_INIT;

	el_write(&text, stanza, NS_CLIENT);
	db_batch_add(b, &q, "isss", c->ledger.slot, host, el_ns(said), sbuf_str(&text));
	sbuf_done(&text);
}

void ledger_del_deferred(struct comp *c, struct db_batch *b, uint64_t n)
{
	static struct db_q q = { "DELETE FROM comp_deferred WHERE slot = $1 AND n = $2" };

	db_batch_add(b, &q, "ii", c->ledger.slot, (int64_t)n);
}

void ledger_put_recovery(struct comp *c, struct db_batch *b)
{
	static struct db_q count = { "UPDATE comp_link SET seq = seq + 1,"
				     " in_total = max(in_total, $3), out_total = out_total + $4"
				     " WHERE slot = $1 AND incarnation = $2" };
	static struct db_q answer = { "INSERT INTO comp_outbox(slot, n, count, stanzas)"
				      " SELECT slot, out_total, 1, $2 FROM comp_link"
				      " WHERE slot = $1" };
	struct ledger *d = &c->ledger;
	bool refused = d->sm_id && sbuf_len(&d->refusal) > 0;

	db_batch_must(b, &count, "iiii", d->slot, d->incarnation, (int64_t)d->skip_in,
	    (int64_t)(refused ? 1 : 0));
	if (refused)
		db_batch_add(
		    b, &answer, "ib", d->slot, sbuf_data(&d->refusal), sbuf_len(&d->refusal));
	if (d->skip_row > 0)
		ledger_del_deferred(c, b, d->skip_row);
}

bool ledger_mine(struct comp *c)
{
	static struct db_q q = { "SELECT incarnation FROM comp_link WHERE slot = $1" };
	struct db *db = c->ledger.db;
	int64_t incarnation;
	int r;

	if (db_query(db, &q, "i", c->ledger.slot) < 0)
		return true; /* as long as nothing says otherwise: each write asks again */
	r = db_number(db, &q, &incarnation);
	return r < 0 || (r > 0 && incarnation == c->ledger.incarnation);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int read_row(struct comp *c)
{
	static struct db_q q = { "SELECT incarnation, seq, sm_id, in_total, in_base, out_total,"
				 " out_base, out_acked, member, newest, settled FROM comp_link"
				 " WHERE slot = $1" };
	struct ledger *d = &c->ledger;
	int r = db_query(d->db, &q, "i", d->slot);

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
	free(d->member);
	d->member = db_text_dup(d->db, &q, 8);
	share_restore(c, db_text(d->db, &q, 9), db_text(d->db, &q, 10));
	db_reset(d->db, &q);
	return 0;
}

/* Of the outbox, the rows above one number and up to another. */
static int read_rows(struct comp *c, uint64_t above, uint64_t upto, bool adopted)
{
	static struct db_q q = { "SELECT n, count, stanzas FROM comp_outbox"
				 " WHERE slot = $1 AND n > $2 AND n <= $3 ORDER BY n" };
	struct ledger *d = &c->ledger;
	int r = db_query(d->db, &q, "iii", d->slot, (int64_t)above, (int64_t)upto);

	while (r == 0 && (r = db_next(d->db, &q)) > 0) {
		struct tx *t = xzalloc(sizeof(*t));
		size_t len;
		const void *p = db_blob(d->db, &q, 2, &len);

		list_init(&t->link);
		t->c = c;
		t->kept = true;
		t->adopted = adopted;
		t->last = (uint64_t)db_int(d->db, &q, 0);
		t->count = (uint32_t)db_int(d->db, &q, 1);
		sbuf_add(&t->out, p, len);
		r = out_unpack(c, t);
		if (r < 0)
			db_reset(d->db, &q);
	}
	return r;
}

int ledger_read_adopted(struct comp *c, const struct tx *t)
{
	uint64_t upto = t->last - t->count;

	return read_rows(c, upto - t->adopts, upto, true);
}

/* A stanza as ledger_put_deferred() wrote it; NULL: it is none. */
struct el *ledger_stanza(const char *text)
{
	static const struct xml_limits lim = { .tag = XML_TAG_LINK };

	return xml_read(text, &lim);
}

static int read_deferred(struct comp *c)
{
	static struct db_q q = { "SELECT n, stanza FROM comp_deferred WHERE slot = $1 ORDER BY n" };
	struct ledger *d = &c->ledger;
	int r = db_query(d->db, &q, "i", d->slot);

	while (r == 0 && (r = db_next(d->db, &q)) > 0) {
		struct el *el = ledger_stanza(db_text(d->db, &q, 1));

		if (el)
			inbox_add(c, el, (uint64_t)db_int(d->db, &q, 0), true);
		else
			log_error(&tag, "%s: a deferred request is no stanza", d->path);
		r = 0;
	}
	return r;
}

int ledger_read_told(struct comp *c)
{
	static struct db_q q = { "SELECT stanza FROM comp_told WHERE slot = $1" };
	struct ledger *d = &c->ledger;
	int r = db_query(d->db, &q, "i", d->slot);

	while (r == 0 && (r = db_next(d->db, &q)) > 0) {
		struct el *el = ledger_stanza(db_text(d->db, &q, 0));

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
		r = read_rows(c, c->ledger.out_acked, INT64_MAX, false);
	if (r == 0 && !c->conf->share) /* else they wait until it is known whose they are */
		r = read_deferred(c);
	return r;
}

/* --- opening ---------------------------------------------------------------------------------- */

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
	if (r == 0)
		r = slot_take(c, err, err_len);
	if (r < 0)
		return r;
	r = ledger_read(c);
	if (r == 0)
		r = ledger_read_told(c);
	if (r < 0)
		(void)snprintf(err, err_len, "%s: cannot be read: %s", d->path, strerror(-r));
	return r;
}
