/* SPDX-License-Identifier: MIT */
/* When a commit fails: the disk is full, read-only or broken, a lock is not to be had, or the
 * database refuses what a handler wrote, which is a bug.
 *
 *   OK -> FAILED (others come back) -> RETRY <-> TRYING -> OK
 *      -> LOST: another process has opened the database; this one ends
 *
 * Where the domain is shared nobody ends: a process whose row another member has adopted, or whose
 * session cannot be resumed, gives its row up, goes the same way and comes back with a new one.
 *
 * What was made since the last commit that stands may never have happened: nothing of it is sent or
 * acknowledged, the link is cut off, the component forgets, and when a write works again all is
 * read anew and the link resumed, so that the server sends again what was not counted. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/health.h>

#include "comp_internal.h"

static const struct log_tag tag = { .mod = "comp" };

static void set_health(struct comp *c, const char *reason)
{
	health_set(comp_health(c), "database", true, reason);
}

/* Errors by which a batch fails alone: what it says is wrong, not the world. */
static bool is_bug(int err)
{
	return err == -EEXIST || err == -EINVAL || err == -ENOENT;
}

/* --- down ------------------------------------------------------------------------------------- */

/* Nothing that is in memory and not in the database counts any more. */
static void cut_off(struct comp *c)
{
	tx_discard(c);
	inbox_drop(c, true);
	reqs_abandon(c);
	comp_asks_fail(c, -ECANCELED);
	link_halt(&c->link);
	tx_discard(c); /* what these wrote and sent */
}

static void fail_soon(struct comp *c)
{
	struct ledger *d = &c->ledger;

	d->state = LEDGER_FAILED; /* nothing is committed from here on */
	d->failing = true;
	d->tries = 0;
	d->skip_in = d->skip_row = 0;
	sbuf_clear(&d->refusal);
	task_defer(c->loop, &d->fail);
}

void recover_start(struct comp *c, int err)
{
	if (c->ledger.state != LEDGER_OK)
		return;
	log_err(&tag, LOG_LVL_ERROR, err, "%s cannot be used", c->ledger.path);
	set_health(c, strerror(-err));
	fail_soon(c);
}

void recover_anew(struct comp *c, const char *why)
{
	if (c->ledger.anew)
		return;
	log_warn(&tag, "%s; a new session begins", why);
	c->ledger.anew = true;
	fail_soon(c);
}

void recover_lost(struct comp *c)
{
	static const char why[] =
	    "another process has opened this component's database: this one writes nothing more "
	    "and ends";

	if (c->conf->share) {
		recover_anew(c, "another member has taken over what this one had, and nothing more "
				"of it is written");
		return;
	}
	c->ledger.state = LEDGER_LOST;
	cut_off(c);
	set_health(c, why);
	if (c->daemon)
		daemon_fail(c->daemon, 1, why);
	else
		log_error(&tag, "%s", why);
}

static unsigned back_off(struct ledger *d)
{
	unsigned ms = COMP_RETRY_MAX_MS;

	if (d->tries < 5)
		ms = (unsigned)COMP_RETRY_MS << d->tries;
	d->tries++;
	return ms < COMP_RETRY_MAX_MS ? ms : COMP_RETRY_MAX_MS;
}

/* All have come back: what the component made of them goes as well. */
static void forget(struct comp *c)
{
	struct ledger *d = &c->ledger;

	if (c->ops->forget) {
		c->ops->forget(c, c->arg);
		reqs_free(c);
	}
	tx_discard(c);
	out_clear(c);
	inbox_drop(c, true);
	share_reset(c);
	d->state = LEDGER_RETRY;
	if (d->anew && d->tries == 0)
		timer_set(&d->retry, 0);
	else
		timer_set(&d->retry, back_off(d));
}

static void on_fail(void *arg)
{
	struct comp *c = arg;

	c->ledger.failing = false;
	cut_off(c);
	if (c->ledger.n_open == 0)
		forget(c);
}

static void begin(struct comp *c, struct tx *t, int err)
{
	struct ledger *d = &c->ledger;
	bool bug = is_bug(err) && !t->takes;

	if (err == -ENOENT && !ledger_mine(c)) {
		recover_lost(c);
		return;
	}
	if (bug)
		log_err(&tag, LOG_LVL_ERROR, err, "bug: the database refuses what a handler wrote");
	else if (is_bug(err))
		log_info(&tag, "another member was faster to adopt what a third one left");
	else
		log_err(&tag, LOG_LVL_ERROR, err, "%s cannot be written", d->path);
	d->state = LEDGER_FAILED;
	d->tries = 0;
	d->skip_in = bug ? t->in : 0;
	d->skip_row = bug ? t->row : 0;
	sbuf_clear(&d->refusal);
	if (bug)
		sbuf_add(&d->refusal, sbuf_data(&t->refusal), sbuf_len(&t->refusal));
	set_health(c, strerror(-err));
	cut_off(c);
}

void recover(struct comp *c, struct tx *t, int err)
{
	struct ledger *d = &c->ledger;

	assert(err < 0 || d->state != LEDGER_OK);
	if (d->state == LEDGER_OK)
		begin(c, t, err);
	tx_free(t);
	if (d->state == LEDGER_FAILED && !d->failing && d->n_open == 0)
		forget(c);
}

/* --- up --------------------------------------------------------------------------------------- */

static int load(struct comp *c)
{
	struct ledger *d = &c->ledger;
	int r = ledger_read(c);

	if (r < 0)
		return r;
	d->state = LEDGER_OK;
	/* What failed never comes; one may have begun in this turn. */
	d->tx_safe = d->tx_last - (d->cur && d->cur->number > 0);
	return c->ops->load ? c->ops->load(c, c->arg) : 0;
}

static void again(struct comp *c, int err)
{
	log_err(&tag, LOG_LVL_WARN, err, "%s still cannot be used", c->ledger.path);
	set_health(c, strerror(-err));
	c->ledger.state = LEDGER_FAILED;
	forget(c);
}

static void up(struct comp *c)
{
	struct ledger *d = &c->ledger;
	int err;

	sbuf_clear(&d->refusal);
	d->skip_in = d->skip_row = 0;
	err = load(c);
	if (err < 0) {
		again(c, err);
		return;
	}
	set_health(c, NULL);
	link_start(&c->link);
	inbox_kick(c);
}

static void not_yet(struct comp *c, int err)
{
	struct ledger *d = &c->ledger;

	log_err(&tag, LOG_LVL_WARN, err, "%s still cannot be written", d->path);
	set_health(c, strerror(-err));
	d->state = LEDGER_RETRY;
	timer_set(&d->retry, back_off(d));
}

static void on_tried(int err, void *arg)
{
	struct comp *c = arg;

	if (c->freeing || c->stopping)
		return;
	if (err == -ENOENT && !ledger_mine(c)) {
		recover_lost(c);
		return;
	}
	if (err < 0) {
		not_yet(c, err);
		return;
	}
	log_info(&tag, "%s can be written again", c->ledger.path);
	up(c);
}

static void make_row(struct comp *c);

static void on_row(int err, void *arg)
{
	struct comp *c = arg;

	if (c->freeing || c->stopping)
		return;
	if (err == -EEXIST) { /* another one begins, too */
		make_row(c);
	} else if (err < 0) {
		not_yet(c, err);
	} else {
		c->ledger.anew = false;
		up(c);
	}
}

static void make_row(struct comp *c)
{
	struct ledger *d = &c->ledger;
	int r = slot_next(c);
	struct db_batch *b;

	if (r < 0) {
		not_yet(c, r);
		return;
	}
	d->incarnation = 0; /* read_row() fills it in */
	d->state = LEDGER_TRYING;
	b = db_batch_new(d->db);
	slot_put_row(c, b);
	db_submit(b, on_row, c);
}

static void on_retry(void *arg)
{
	struct comp *c = arg;
	struct db_batch *b;

	if (c->stopping)
		return;
	if (c->ledger.anew) {
		make_row(c);
		return;
	}
	b = db_batch_new(c->ledger.db);
	ledger_put_recovery(c, b);
	c->ledger.state = LEDGER_TRYING;
	db_submit(b, on_tried, c);
}

void recover_init(struct comp *c)
{
	timer_init(&c->ledger.retry, c->loop, on_retry, c);
	task_init(&c->ledger.fail, on_fail, c);
	set_health(c, NULL);
}

void recover_done(struct comp *c)
{
	timer_done(&c->ledger.retry);
	task_cancel(&c->ledger.fail);
	sbuf_done(&c->ledger.refusal);
}
