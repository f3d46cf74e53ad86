/* SPDX-License-Identifier: MIT */
/* What a process that has ended has left in the database: its session's row, with how far it had
 * come, and its outbox.  One member, which the rendezvous with the session's id decides, makes it
 * its own and sends it.
 *
 * Its process may live all the same and only have been cut off from the server.  So the row is
 * taken away from it first (a fence: the incarnation), which is committed before the row is read;
 * from then on nothing there changes.  Then, in the one transaction that answers the server, the
 * row goes, and what lies above the server's count moves behind this member's own output, under its
 * numbers.  What is left to do for a process that finds its row gone, comp_recover.c knows.
 *
 * Rows move in SQL.  They are read into memory once that is committed (ledger_read_adopted()):
 * however much it is, it is part of the outbox then, and no reason to refuse anything.
 *
 * Must not: adopt what a member has that the server names. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "comp_internal.h"

/* A row whose process lives and that the list does not name may be younger than the list: the
 * server waits for an answer no longer than 5 s. */
#define YOUNG_MS 10000
#define REMEMBER_MS INT64_C(86400000) /* how far an adopted session had come */

static const struct log_tag tag = { .mod = "comp" };

struct left {
	int64_t slot, incarnation, seq, since;
	uint64_t in_total, in_base, out_total, out_base, out_acked;
	char *member; /* NULL: it never was one */
	char *domain;
	bool named; /* by the server */
	bool told;  /* and how far it had come */
	uint32_t h;
};
struct plan {
	struct left *v;
	size_t n;
};

static void plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].member);
		free(p->v[i].domain);
	}
	free(p->v);
}

/* --- what there is ---------------------------------------------------------------------------- */

static bool has_member(const struct share_list *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].id, id) == 0)
			return true;
	return false;
}

static void look_up_gone(struct left *x, const struct el *members)
{
	EL_EACH (it, members, "gone", NS_SHARE) {
		if (strcmp(el_attr(it, "id"), x->member) != 0)
			continue;
		x->named = true;
		x->told = el_attr_u32(it, "h", &x->h) == 0;
		return;
	}
}

/* Nobody is at it any more, by what the server says and what the lock does. */
static bool is_left(
    struct comp *c, struct left *x, const struct el *members, const struct share_list *l)
{
	int64_t age = loop_wall_ms(c->loop) - x->since;

	if (!x->member) /* it has not begun, or was alone */
		return !slot_alive(c, x->slot);
	look_up_gone(x, members);
	if (x->named)
		return true;
	if (has_member(l, x->member))
		return false;
	return age < 0 || age >= YOUNG_MS || !slot_alive(c, x->slot);
}

static bool wins(const struct comp *c, const struct share_list *l, const char *id)
{
	const char *who = share_winner(l, id, strlen(id));

	return who && c->ledger.member && strcmp(who, c->ledger.member) == 0;
}

static void read_left(struct db *db, struct db_q *q, struct left *x)
{
	*x = (struct left){
		.slot = db_int(db, q, 0),
		.incarnation = db_int(db, q, 1),
		.seq = db_int(db, q, 2),
		.since = db_int(db, q, 3),
		.in_total = (uint64_t)db_int(db, q, 4),
		.in_base = (uint64_t)db_int(db, q, 5),
		.out_total = (uint64_t)db_int(db, q, 6),
		.out_base = (uint64_t)db_int(db, q, 7),
		.out_acked = (uint64_t)db_int(db, q, 8),
		.member = db_text_dup(db, q, 9),
		.domain = db_text_dup(db, q, 10),
	};
}

/* All rows but this process's; the caller keeps those that are this member's to adopt. */
static int read_all(struct comp *c, struct plan *p)
{
	static struct db_q q = {
		"SELECT slot, incarnation, seq, since, in_total, in_base, out_total,"
		" out_base, out_acked, member, domain FROM comp_link"
		" WHERE slot <> $1 ORDER BY slot"
	};
	struct db *db = c->ledger.db;
	int r = db_query(db, &q, "i", c->ledger.slot);

	while (r == 0 && (r = db_next(db, &q)) > 0) {
		p->v = xreallocarray(p->v, p->n + 1, sizeof(*p->v));
		read_left(db, &q, &p->v[p->n++]);
		r = 0;
	}
	return r;
}

/* One that never was a member has no id; any text that all of them know will do. */
static bool is_ours(struct comp *c, const struct left *x, const struct share_list *l)
{
	char slot[32];

	if (x->member)
		return wins(c, l, x->member);
	(void)snprintf(slot, sizeof(slot), "%" PRId64, x->slot);
	return wins(c, l, slot);
}

static int make_plan(
    struct comp *c, const struct el *members, const struct share_list *l, struct plan *p)
{
	int r = read_all(c, p);
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct left *x = &p->v[i];

		if (r == 0 && is_left(c, x, members, l) && is_ours(c, x, l)) {
			p->v[n++] = *x;
			continue;
		}
		free(x->member);
		free(x->domain);
	}
	p->n = n;
	return r;
}

int adopt_fence(struct comp *c, const struct el *members, const struct share_list *l,
    void (*then)(struct comp *c))
{
	static struct db_q q = { "UPDATE comp_link SET incarnation = incarnation + 1"
				 " WHERE slot = $1" };
	struct plan p = { NULL, 0 };
	int r = make_plan(c, members, l, &p);

	for (size_t i = 0; r == 0 && i < p.n; i++)
		db_batch_add(tx_batch(c), &q, "i", p.v[i].slot);
	if (r == 0 && p.n > 0) {
		tx_then(c, then);
		tx_end(c);
		r = 1;
	}
	plan_done(&p);
	return r;
}

/* --- its outbox ------------------------------------------------------------------------------- */

/* The number of the last stanza that the server has.  What it says counts if it is possible. */
static uint64_t taken(const struct left *x)
{
	uint32_t more = x->told ? x->h - (uint32_t)(x->out_acked - x->out_base) : 0;

	if (more <= x->out_total - x->out_acked)
		return x->out_acked + more;
	log_warn(&tag, "the server has %" PRIu32 " stanzas of %s, which did not send so many", x->h,
	    x->member);
	return x->out_acked;
}

/* Of the first row above it some may have been taken: what is left of that is a row of its own. The
 * number of the row, from which on all is whole, goes to *at. */
static int cut_row(
    struct comp *c, const struct left *x, uint64_t above, int64_t delta, uint64_t *at)
{
	static struct db_q q = { "SELECT n, count, stanzas FROM comp_outbox"
				 " WHERE slot = $1 AND n > $2 ORDER BY n LIMIT 1" };
	static struct db_q put = { "INSERT INTO comp_outbox(slot, n, count, stanzas)"
				   " VALUES($1, $2, $3, $4)" };
	struct db *db = c->ledger.db;
	int r = db_query(db, &q, "ii", x->slot, (int64_t)above);
	uint64_t n, count;
	const char *rest;
	size_t len;

	*at = above;
	if (r == 0)
		r = db_next(db, &q);
	if (r <= 0)
		return r;
	n = (uint64_t)db_int(db, &q, 0);
	count = (uint64_t)db_int(db, &q, 1);
	rest = db_blob(db, &q, 2, &len);
	if (n - count < above) {
		rest = out_skip(rest, &len, above - (n - count));
		if (rest)
			db_batch_add(tx_batch(c), &put, "iiib", c->ledger.slot, (int64_t)n + delta,
			    (int64_t)(n - above), rest, len);
		*at = n;
	}
	db_reset(db, &q);
	return rest ? 0 : -EBADMSG;
}

static int move_outbox(struct comp *c, const struct left *x)
{
	static struct db_q move = { "UPDATE comp_outbox SET slot = $1, n = n + $2"
				    " WHERE slot = $3 AND n > $4" };
	struct ledger *d = &c->ledger;
	uint64_t above = taken(x), at;
	int64_t delta = (int64_t)(d->out_last + d->cur->adopts) - (int64_t)above;
	int r = cut_row(c, x, above, delta, &at);

	if (r < 0)
		return r;
	db_batch_add(tx_batch(c), &move, "iiii", d->slot, delta, x->slot, (int64_t)at);
	d->cur->adopts += x->out_total - above;
	return 0;
}

/* --- adoption --------------------------------------------------------------------------------- */

static uint32_t handled(const struct left *x)
{
	return (uint32_t)(x->in_total - x->in_base);
}

static void put_adopted(struct comp *c, const struct left *x)
{
	static struct db_q put = { "INSERT OR REPLACE INTO comp_adopted(id, h, at)"
				   " VALUES($1, $2, $3)" };
	static struct db_q old = { "DELETE FROM comp_adopted WHERE at < $1" };
	int64_t now = loop_wall_ms(c->loop);

	if (x->member)
		db_batch_add(tx_batch(c), &put, "sii", x->member, (int64_t)handled(x), now);
	db_batch_add(tx_batch(c), &old, "i", now - REMEMBER_MS);
}

/* Its deferred requests stay: of a slot without a row, they are to be claimed. */
static int adopt_one(struct comp *c, const struct left *x)
{
	static struct db_q row = { "DELETE FROM comp_link"
				   " WHERE slot = $1 AND incarnation = $2 AND seq = $3" };
	static struct db_q outbox = { "DELETE FROM comp_outbox WHERE slot = $1" };
	static struct db_q told = { "DELETE FROM comp_told WHERE slot = $1" };
	struct db_batch *b = tx_batch(c);
	int r = 0;

	c->ledger.cur->takes = true;
	db_batch_must(b, &row, "iii", x->slot, x->incarnation, x->seq);
	if (strcmp(x->domain, c->domain) == 0)
		r = move_outbox(c, x);
	else
		log_warn(&tag, "what a member of %s had to send is dropped", x->domain);
	if (r < 0)
		return r;
	db_batch_add(b, &outbox, "i", x->slot);
	db_batch_add(b, &told, "i", x->slot);
	put_adopted(c, x);
	log_info(&tag, "adopted what %s has left", x->member ? x->member : "an earlier process");
	return 0;
}

int adopt_rest(struct comp *c)
{
	struct plan p = { NULL, 0 };
	int r = read_all(c, &p);

	for (size_t i = 0; r == 0 && i < p.n; i++)
		r = adopt_one(c, &p.v[i]);
	plan_done(&p);
	return r == 0 ? claim_rest(c) : r;
}

static void say(struct el *answer, const char *id, const uint32_t *h)
{
	struct el *el = el_add(answer, "adopted", NS_SHARE);

	el_set(el, "id", id);
	if (h)
		el_setf(el, "h", "%" PRIu32, *h);
}

/* One that has no row: whoever adopted it has said how far it had come, and may have died before
 * that was heard. */
static int say_again(struct comp *c, struct el *answer, const char *id)
{
	static struct db_q q = { "SELECT h FROM comp_adopted WHERE id = $1" };
	int64_t v = 0;
	uint32_t h;
	int r = db_query(c->ledger.db, &q, "s", id);

	if (r == 0)
		r = db_number(c->ledger.db, &q, &v);
	if (r < 0)
		return r;
	h = (uint32_t)v;
	say(answer, id, r > 0 ? &h : NULL);
	return 0;
}

static bool in_plan(const struct plan *p, const char *id)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].member && strcmp(p->v[i].member, id) == 0)
			return true;
	return false;
}

int adopt(struct comp *c, const struct el *members, const struct share_list *l, struct el *answer)
{
	struct plan p = { NULL, 0 };
	int r = make_plan(c, members, l, &p);

	for (size_t i = 0; r == 0 && i < p.n; i++) {
		uint32_t h = handled(&p.v[i]);

		r = adopt_one(c, &p.v[i]);
		if (r == 0 && p.v[i].member)
			say(answer, p.v[i].member, &h);
	}
	EL_EACH (it, members, "gone", NS_SHARE) {
		const char *id = el_attr(it, "id");

		if (r == 0 && !in_plan(&p, id) && strcmp(id, c->ledger.member) != 0 &&
		    wins(c, l, id))
			r = say_again(c, answer, id);
	}
	plan_done(&p);
	return r;
}
