/* SPDX-License-Identifier: MIT */
/* The transaction under way: effects, output and counts that are committed together.
 *
 * Each stanza has one, from tx_begin() to tx_end(); what happens outside of a handler (timers,
 * questions that time out) shares the turn's, which ends with the turn or before the next handler.
 * Ended, it is submitted as one batch and waits in ledger.open; committed, its output goes to
 * comp_out.c.  Nothing leaves before, and order is kept: one without a batch waits for those before
 * it.
 *
 * On an acknowledged link output has numbers and is part of the batch.  On a plain one it is not
 * kept: a stanza that writes nothing has no batch at all. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <base/mem.h>

#include "comp_internal.h"

static const struct log_tag tag = { .mod = "comp" };

/* --- making ----------------------------------------------------------------------------------- */

#define SPARE_MAX 16384 /* bytes of a buffer that is kept for the next one */

static struct tx *tx_new(struct comp *c)
{
	struct tx *t = c->ledger.spare ? c->ledger.spare : xzalloc(sizeof(*t));

	c->ledger.spare = NULL;
	list_init(&t->link);
	t->c = c;
	return t;
}

/* The usual stanza has one answer: its transaction costs no allocation. */
static bool spare(struct tx *t)
{
	struct ledger *d = &t->c->ledger;
	struct sbuf out = t->out;

	if (d->spare || t->c->freeing || out.cap > SPARE_MAX)
		return false;
	sbuf_clear(&out);
	*t = (struct tx){ .c = t->c, .out = out };
	list_init(&t->link);
	d->spare = t;
	return true;
}

void tx_free(struct tx *t)
{
	list_del(&t->link);
	t->c->ledger.bytes -= sbuf_len(&t->out);
	if (t->adopted)
		t->c->ledger.adopted -= sbuf_len(&t->out);
	db_batch_free(t->batch);
	sbuf_done(&t->refusal);
	if (spare(t))
		return;
	sbuf_done(&t->out);
	free(t);
}

static struct tx *current(struct comp *c)
{
	struct ledger *d = &c->ledger;

	if (!d->cur) {
		d->cur = tx_new(c);
		if (!d->in_handler)
			task_defer(c->loop, &d->end);
	}
	return d->cur;
}

static struct db_batch *batch_of(struct tx *t)
{
	if (!t->batch)
		t->batch = db_batch_new(t->c->ledger.db);
	return t->batch;
}

void tx_then(struct comp *c, void (*then)(struct comp *c))
{
	struct tx *t = current(c);

	(void)batch_of(t);
	t->then = then;
}

struct db *comp_db(struct comp *c)
{
	return c->ledger.db;
}

struct db_batch *tx_batch(struct comp *c)
{
	return batch_of(current(c));
}

struct db_batch *comp_tx(struct comp *c)
{
	struct tx *t = current(c);

	if (t->number == 0)
		t->number = ++c->ledger.tx_last;
	return batch_of(t);
}

uint64_t comp_tx_number(struct comp *c)
{
	(void)comp_tx(c); /* with a batch, it is committed whatever becomes of it */
	return c->ledger.cur->number;
}

uint64_t comp_tx_safe(const struct comp *c)
{
	return c->ledger.tx_safe;
}

/* --- the way to the disk ---------------------------------------------------------------------- */

/* Those that had nothing to commit and waited for the one before them. */
static void settle_ready(struct ledger *d)
{
	struct tx *t;

	while ((t = LIST_FIRST(&d->open, struct tx, link)) && t->ready) {
		list_del(&t->link);
		out_settle(t);
	}
}

static void grow_safe(struct comp *c, uint64_t number)
{
	c->ledger.tx_safe = number;
	if (c->ops->committed)
		task_defer(c->loop, &c->ledger.safe);
}

static void committed(struct comp *c, struct tx *t)
{
	struct ledger *d = &c->ledger;
	void (*then)(struct comp * c) = t->then;

	d->in_safe = t->in;
	if (t->number > 0)
		grow_safe(c, t->number);
	if (t->kept || t->adopts > 0)
		d->out_safe = t->last;
	out_settle(t);
	settle_ready(d);
	if (then)
		then(c);
	link_kick(&c->link);
	inbox_kick(c);
}

static void on_commit(int err, void *arg)
{
	struct tx *t = arg;
	struct comp *c = t->c;
	struct ledger *d = &c->ledger;

	list_del(&t->link);
	d->n_open--;
	if (c->freeing) {
		tx_free(t);
		return;
	}
	if (t->session)
		d->n_sessions--;
	if (err == 0 && d->state == LEDGER_OK && t->adopts > 0)
		err = ledger_read_adopted(c, t);
	if (err < 0 || d->state != LEDGER_OK) {
		recover(c, t, err);
	} else {
		committed(c, t);
	}
	comp_tx_over(c);
}

/* Rows of the outbox that the server has acknowledged go along with what is written anyway. */
static void add_trim(struct comp *c, struct db_batch *b, uint64_t least)
{
	struct ledger *d = &c->ledger;

	if (d->out_acked - d->out_trimmed < least)
		return;
	ledger_put_trim(c, b, d->out_acked);
	d->out_trimmed = d->out_acked;
	timer_stop(&d->trim);
}

static void submit(struct comp *c, struct tx *t, uint64_t trim)
{
	struct ledger *d = &c->ledger;
	struct db_batch *b = batch_of(t);

	t->batch = NULL;
	t->in = d->in_noted = d->in_done;
	if (t->kept || t->adopts > 0) {
		d->out_last += t->adopts + t->count;
		t->last = d->out_last;
	}
	if (t->kept)
		ledger_put_out(b, t);
	add_trim(c, b, trim);
	ledger_put_counts(c, b, t->in, d->out_last);
	timer_stop(&d->count);
	list_add_tail(&d->open, &t->link);
	d->n_open++;
	db_submit(b, on_commit, t);
}

static void end(struct comp *c, struct tx *t)
{
	struct ledger *d = &c->ledger;

	if (d->state != LEDGER_OK) { /* it begins anew from the database */
		tx_free(t);
		return;
	}
	t->kept = d->sm_id && t->count > 0;
	if (t->batch || t->kept) {
		submit(c, t, COMP_TRIM);
	} else if (list_empty(&d->open)) {
		out_settle(t);
	} else {
		t->ready = true;
		list_add_tail(&d->open, &t->link);
	}
}

void tx_end(struct comp *c)
{
	struct ledger *d = &c->ledger;
	struct tx *t = d->cur;

	d->cur = NULL;
	d->in_handler = false;
	task_cancel(&d->end);
	if (t)
		end(c, t);
	else if (d->sm_id && d->in_noted != d->in_done && !timer_armed(&d->count))
		timer_set(&d->count, COMP_COUNT_MS);
}

void tx_write(struct comp *c)
{
	struct ledger *d = &c->ledger;

	tx_end(c);
	if (d->state == LEDGER_OK && (d->in_noted != d->in_done || d->out_trimmed != d->out_acked))
		submit(c, tx_new(c), 1);
}

void tx_begin(struct comp *c, uint64_t n)
{
	struct ledger *d = &c->ledger;

	tx_end(c);
	d->in_handler = true;
	if (n > 0)
		d->in_done = n;
}

/* The effects may be refused, which is a bug of the component: then this is what it was about. */
void tx_refusable(struct comp *c, const struct el *stanza, uint64_t row)
{
	struct tx *t = c->ledger.cur;
	struct el *answer;

	if (!t || t->number == 0)
		return;
	t->row = row;
	answer = el_error_reply(stanza, COND_INTERNAL_SERVER_ERROR, NULL);
	if (answer && el_kind(stanza) != EL_PRESENCE)
		out_pack(&t->refusal, answer, NULL, NULL);
	el_free(answer);
}

/* In one transaction: what is not acknowledged yet begins at the new session's first number. */
void tx_session(struct comp *c, const char *sm_id, const char *member)
{
	struct ledger *d = &c->ledger;
	struct tx *t;

	tx_end(c);
	if (d->state != LEDGER_OK)
		return;
	free(d->sm_id);
	free(d->member);
	d->sm_id = sm_id ? xstrdup(sm_id) : NULL;
	d->member = member ? xstrdup(member) : NULL;
	share_reset(c);
	d->in_base = d->in_done;
	d->out_base = d->out_acked;
	t = tx_new(c);
	t->session = true;
	d->n_sessions++;
	ledger_put_session(c, batch_of(t));
	submit(c, t, 1);
}

void tx_discard(struct comp *c)
{
	struct ledger *d = &c->ledger;

	if (d->cur)
		tx_free(d->cur);
	d->cur = NULL;
	task_cancel(&d->end);
	task_cancel(&d->safe);
	timer_stop(&d->count);
	timer_stop(&d->trim);
	LIST_EACH_SAFE (it, &d->open)
		if (LIST_ENTRY(it, struct tx, link)->ready)
			tx_free(LIST_ENTRY(it, struct tx, link));
}

/* --- output ----------------------------------------------------------------------------------- */

int tx_may_send(const struct comp *c, bool must)
{
	const struct ledger *d = &c->ledger;
	size_t queued = out_queued(c);

	if (d->state != LEDGER_OK || (!d->sm_id && !link_online(&c->link)))
		return -ENOTCONN;
	/* What was adopted is no reason to lose an answer. */
	if (queued <= COMP_QUEUE_MAX || (must && queued - d->adopted <= COMP_QUEUE_HARD))
		return 0;
	if (must)
		log_warn(&tag, "an answer is dropped: %zu bytes wait already", queued);
	return -ENOBUFS;
}

int tx_send(struct comp *c, const struct el *el, const char *from, const char *to, bool must)
{
	int r = tx_may_send(c, must);
	struct tx *t;
	size_t before;

	if (r < 0)
		return r;
	t = current(c);
	before = sbuf_len(&t->out);
	out_pack(&t->out, el, from, to);
	if (sbuf_len(&t->out) - before > (size_t)c->conf->max_stanza) {
		sbuf_truncate(&t->out, before); /* it would end the link, again and again */
		log_warn(&tag, "a stanza of more than component_max_stanza is not sent");
		return -EMSGSIZE;
	}
	t->count++;
	c->ledger.bytes += sbuf_len(&t->out) - before;
	return 0;
}

void tx_say(struct comp *c, const struct el *el)
{
	struct tx *t = current(c);
	size_t before = sbuf_len(&t->out);

	out_pack(&t->out, el, NULL, NULL);
	t->count++;
	c->ledger.bytes += sbuf_len(&t->out) - before;
}

int tx_send_packed(struct comp *c, const struct sbuf *packed, uint32_t n)
{
	int r = tx_may_send(c, false);
	struct tx *t;

	if (r < 0 || n == 0)
		return r;
	if (out_queued(c) + sbuf_len(packed) > COMP_QUEUE_HARD)
		return -ENOBUFS;
	t = current(c);
	sbuf_add(&t->out, sbuf_data(packed), sbuf_len(packed));
	t->count += n;
	c->ledger.bytes += sbuf_len(packed);
	return 0;
}

/* --- life ------------------------------------------------------------------------------------- */

static void on_turn_end(void *arg)
{
	tx_end(arg);
}

static void on_safe(void *arg)
{
	struct comp *c = arg;

	if (!c->stopping && c->ledger.state == LEDGER_OK)
		c->ops->committed(c, c->arg);
}

static void on_timer(void *arg)
{
	tx_write(arg);
}

void tx_init(struct comp *c)
{
	struct ledger *d = &c->ledger;

	list_init(&d->open);
	list_init(&d->outbox);
	d->next = &d->outbox;
	d->locks = -1;
	task_init(&d->end, on_turn_end, c);
	task_init(&d->safe, on_safe, c);
	timer_init(&d->count, c->loop, on_timer, c);
	timer_init(&d->trim, c->loop, on_timer, c);
}

void tx_done(struct comp *c)
{
	struct ledger *d = &c->ledger;

	c->freeing = true;
	tx_discard(c);
	timer_done(&d->count);
	timer_done(&d->trim);
	db_close(d->db); /* and with it what was submitted comes back */
	d->db = NULL;
	while (!list_empty(&d->open))
		tx_free(LIST_ENTRY(d->open.next, struct tx, link));
	out_clear(c);
	if (d->spare)
		sbuf_done(&d->spare->out);
	free(d->spare);
	free(d->sm_id);
	free(d->member);
	free(d->path);
	slot_done(c);
}
