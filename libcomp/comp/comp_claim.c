/* SPDX-License-Identifier: MIT */
/* Requests that were deferred, where several processes serve the domain.
 *
 * One belongs to whoever has the key of the address that it is for.  When a key goes to another
 * member, its requests go with it: their rows are put into slot 0, which is nobody's.  There, and
 * in the slots of sessions that were adopted, the key's new owner finds them once the change is
 * settled, makes them its own and gives them to their handler, marked as repeated.
 *
 * A claim is written first and read when it is committed: of two that think that one is theirs, one
 * gets it. */
#include <errno.h>
#include <string.h>

#include <base/arena.h>

#include "comp_internal.h"

/* Numbers of claimed requests, above those of any stanza. */
#define CLAIMED (UINT64_C(1) << 62)

/* --- whose ------------------------------------------------------------------------------------ */

/* By both lists: what it has given away already stays so.  What no address can be read of is
 * dropped by whoever has the domain. */
static bool is_ours(const struct comp *c, const struct el *el)
{
	const char *from = el_attr(el, "from"), *to = el_attr(el, "to");
	struct jid f, t;

	if (!from || !to || jid_parse(&f, el_arena(el), from) < 0 ||
	    jid_parse(&t, el_arena(el), to) < 0)
		t = jid_view(c->domain);
	else
		(void)comp_delegate_to(el, &f, &t);
	return share_wins(c, &c->share.settled, &t) && share_wins(c, &c->share.newest, &t);
}

/* --- giving ----------------------------------------------------------------------------------- */

static void put_given(struct comp *c, uint64_t n)
{
	static struct db_q q = {
		"UPDATE comp_deferred SET slot = 0, n ="
		" (SELECT coalesce(max(n), 0) + 1 FROM comp_deferred WHERE slot = 0)"
		" WHERE slot = $1 AND n = $2"
	};

	db_batch_add(tx_batch(c), &q, "ii", c->ledger.slot, (int64_t)n);
}

void claim_give(struct comp *c)
{
	LIST_EACH (it, &c->deferred) {
		struct comp_req *rq = LIST_ENTRY(it, struct comp_req, link);

		if (!rq->stored || rq->answered || share_wins(c, &c->share.newest, &rq->to))
			continue;
		put_given(c, rq->n);
		rq->stored = false;
		rq->answered = rq->abandoned = true; /* a reply frees it and does no more */
	}
}

/* --- taking ----------------------------------------------------------------------------------- */

/* Those that an earlier process of this session has deferred: nothing has to be written to have
 * them, only to give those away whose key has gone meanwhile. */
static int own(struct comp *c)
{
	static struct db_q q = { "SELECT n, stanza FROM comp_deferred WHERE slot = $1"
				 " AND (n <= $2 OR n > $3) ORDER BY n DESC" };
	struct ledger *d = &c->ledger;
	int r = db_query(d->db, &q, "iii", d->slot, (int64_t)c->share.loaded, (int64_t)CLAIMED);

	c->share.claimed = CLAIMED;
	while (r == 0 && (r = db_next(d->db, &q)) > 0) {
		uint64_t n = (uint64_t)db_int(d->db, &q, 0);
		struct el *el = ledger_stanza(db_text(d->db, &q, 1));

		if (n > c->share.claimed)
			c->share.claimed = n;
		if (el && is_ours(c, el)) {
			inbox_add_first(c, el, n);
		} else if (el) {
			put_given(c, n);
			el_free(el);
		}
		r = 0;
	}
	return r;
}

/* The last number that one has; none may be below the first. */
static int last_claim(struct comp *c)
{
	static struct db_q q = { "SELECT coalesce(max(n), 0) FROM comp_deferred WHERE slot = $1" };
	int64_t n = 0;
	int r = db_query(c->ledger.db, &q, "i", c->ledger.slot);

	if (r == 0)
		r = db_number(c->ledger.db, &q, &n);
	c->share.claimed = (uint64_t)n > CLAIMED ? (uint64_t)n : CLAIMED;
	return r < 0 ? r : 0;
}

static void put_claim(struct comp *c, int64_t slot, int64_t n, uint64_t as)
{
	static struct db_q q = { "UPDATE comp_deferred SET slot = $1, n = $2"
				 " WHERE slot = $3 AND n = $4"
				 " AND slot NOT IN (SELECT slot FROM comp_link)" };

	db_batch_add(tx_batch(c), &q, "iiii", c->ledger.slot, (int64_t)as, slot, n);
}

int claim(struct comp *c, bool first)
{
	static struct db_q q = { "SELECT slot, n, stanza FROM comp_deferred"
				 " WHERE slot NOT IN (SELECT slot FROM comp_link)"
				 " ORDER BY slot, n" };
	struct db *db = c->ledger.db;
	int r = first ? own(c) : 0;
	uint64_t as = c->share.claimed;

	if (r == 0)
		r = db_query(db, &q, "");
	while (r == 0 && (r = db_next(db, &q)) > 0) {
		struct el *el = ledger_stanza(db_text(db, &q, 2));

		if (el && is_ours(c, el))
			put_claim(c, db_int(db, &q, 0), db_int(db, &q, 1), ++as);
		el_free(el);
		r = 0;
	}
	if (r < 0)
		return r;
	inbox_kick(c);
	return as > c->share.claimed;
}

static void on_rest(struct comp *c)
{
	int r = claim_read(c);

	if (r < 0)
		recover_start(c, r);
}

int claim_rest(struct comp *c)
{
	static struct db_q q = { "SELECT slot, n FROM comp_deferred WHERE slot <> $1"
				 " ORDER BY slot, n" };
	struct db *db = c->ledger.db;
	int r = last_claim(c);
	uint64_t as = c->share.claimed;

	if (r == 0)
		r = db_query(db, &q, "i", c->ledger.slot);
	while (r == 0 && (r = db_next(db, &q)) > 0) {
		put_claim(c, db_int(db, &q, 0), db_int(db, &q, 1), ++as);
		r = 0;
	}
	if (as > c->share.claimed)
		tx_then(c, on_rest);
	return r;
}

int claim_read(struct comp *c)
{
	static struct db_q q = { "SELECT n, stanza FROM comp_deferred WHERE slot = $1 AND n > $2"
				 " ORDER BY n DESC" };
	struct ledger *d = &c->ledger;
	uint64_t last = c->share.claimed;
	int r = db_query(d->db, &q, "ii", d->slot, (int64_t)c->share.claimed);

	while (r == 0 && (r = db_next(d->db, &q)) > 0) {
		uint64_t n = (uint64_t)db_int(d->db, &q, 0);
		struct el *el = ledger_stanza(db_text(d->db, &q, 1));

		if (n > last)
			last = n;
		if (el)
			inbox_add_first(c, el, n);
		r = 0;
	}
	c->share.claimed = last;
	return r;
}
