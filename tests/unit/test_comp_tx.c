/* SPDX-License-Identifier: MIT */
/* A component's transactions: what goes together, what a full outbox, a slow disk and a commit that
 * fails do. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "counter_fixture.h"

static void put(struct fix *f, int seq)
{
	static struct db_q q = { "INSERT INTO seen(seq) VALUES($1)" };

	db_batch_add(comp_tx(f->c), &q, "i", (int64_t)seq);
}

/* --- what goes together ----------------------------------------------------------------------- */

static void test_the_turn_has_one(void **state)
{
	struct fix *f = *state;
	int64_t seq;

	fix_online(f);
	seq = f->c->ledger.seq;
	put(f, 1);
	put(f, 2);
	assert_int_equal(comp_send(f->c, el_message(NULL, ME)), 0);
	assert_int_equal(comp_send(f->c, el_message(NULL, ME)), 0);
	assert_int_equal(counter_rows(f, "seen"), 0);
	fix_spin(f);
	assert_int_equal(counter_rows(f, "seen"), 2);
	assert_int_equal(counter_rows(f, "comp_outbox"), 1); /* one row for both */
	assert_int_equal(f->n_in, 2);
	assert_int_equal(f->c->ledger.seq, seq + 1);
}

/* What was written can be read once its number is safe, also if nothing follows. */
static void test_numbers(void **state)
{
	struct fix *f = *state;
	uint64_t n;

	fix_online(f);
	n = comp_tx_number(f->c);
	assert_true(n > comp_tx_safe(f->c));
	put(f, 1);
	assert_int_equal(comp_tx_number(f->c), n);
	tx_end(f->c);
	put(f, 2);
	assert_int_equal(comp_tx_number(f->c), n + 1);
	tx_end(f->c);
	assert_int_equal(comp_tx_number(f->c), n + 2); /* nothing is written */
	while (comp_tx_safe(f->c) < n + 1)
		(void)loop_turn(f->l, true);
	assert_int_equal(counter_rows(f, "seen"), 2);
	fix_spin(f);
	assert_int_equal(comp_tx_safe(f->c), n + 2);
}

static unsigned told;
static uint64_t safe_then;

static void on_committed(struct comp *c, void *arg)
{
	(void)arg;
	told++;
	safe_then = comp_tx_safe(c);
}

/* Who waits for a number is told when it is there: of several at once, once. */
static void test_committed(void **state)
{
	struct fix *f = *state;
	uint64_t n;

	told = 0;
	f->ops.committed = on_committed;
	fix_online(f);
	n = comp_tx_number(f->c);
	put(f, 1);
	tx_end(f->c);
	put(f, 2);
	fix_spin(f);
	assert_in_range(told, 1, 2);
	assert_int_equal(safe_then, n + 1);
	told = 0;
	db_fail_commits(f->c->ledger.db, 1, -EIO);
	put(f, 3);
	fix_spin(f);
	assert_int_equal(told, 0);
}

static void test_numbers_on_plain(void **state)
{
	((struct fix *)*state)->mode = ROUTER_ACCEPT;
	test_numbers(state);
}

static void test_numbers_after_a_failed_commit(void **state)
{
	struct fix *f = *state;
	uint64_t n;

	fix_online(f);
	put(f, 1);
	n = comp_tx_number(f->c);
	db_fail_commits(f->c->ledger.db, 1, -EIO);
	fix_spin(f);
	assert_int_equal(counter.forgets, 1);
	assert_int_equal(comp_tx_number(f->c), n + 1); /* goes nowhere, too */
	fix_spin(f);
	assert_true(comp_tx_safe(f->c) < n);
	fix_advance(f, 1001);
	assert_int_equal(comp_tx_safe(f->c), n + 1); /* nobody waits for more */
	assert_int_equal(comp_tx_number(f->c), n + 2);
	put(f, 2);
	fix_spin(f);
	assert_int_equal(comp_tx_safe(f->c), n + 2);
	assert_int_equal(counter_rows(f, "seen"), 1);
}

/* Nothing of a transaction leaves before it is committed, on a plain link neither. */
static void commit_before_output(struct fix *f)
{
	fix_online(f);
	put(f, 1);
	assert_int_equal(comp_send(f->c, el_message(NULL, ME)), 0);
	db_fail_commits(f->c->ledger.db, 1, -EIO);
	fix_spin(f);
	assert_int_equal(f->n_in, 0);
	assert_int_equal(counter_rows(f, "seen"), 0);
}

static void test_commit_before_output(void **state)
{
	commit_before_output(*state);
}

static void test_commit_before_output_on_plain(void **state)
{
	((struct fix *)*state)->mode = ROUTER_ACCEPT;
	commit_before_output(*state);
}

/* On a plain link what has nothing to commit waits for what was there before it. */
static void test_order_on_plain(void **state)
{
	struct fix *f = *state;
	struct el *m = el_message(NULL, ME);

	f->mode = ROUTER_ACCEPT;
	fix_online(f);
	put(f, 1);
	el_set(m, "id", "first");
	assert_int_equal(comp_send(f->c, m), 0);
	tx_end(f->c);
	m = el_message(NULL, ME);
	el_set(m, "id", "second");
	assert_int_equal(comp_send(f->c, m), 0);
	tx_end(f->c);
	fix_spin(f);
	assert_int_equal(f->n_in, 2);
	assert_true(strstr(fix_got(f), "first") < strstr(fix_got(f), "second"));
}

static void test_many(void **state)
{
	struct fix *f = *state;
	EL_AUTO struct el *m = el_message("groupchat", NULL);
	struct comp_many *many;
	char text[40001], to[32];

	fix_online(f);
	el_set(m, "from", "room@" DOM "/n");
	many = comp_many_begin(f->c, m);
	for (int i = 0; i < 3; i++) {
		(void)snprintf(to, sizeof(to), "u%d@test/r", i);
		comp_many_add(many, to);
	}
	assert_int_equal(comp_many_end(many), 0);
	assert_int_equal(comp_many_end(comp_many_begin(f->c, m)), 0); /* to nobody */
	fix_spin(f);
	assert_int_equal(f->n_in, 3);
	fix_has(f, "to=\"u2@test/r\"");
	fix_clear(f);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	el_add_text(m, "body", NULL, text);
	many = comp_many_begin(f->c, m);
	for (int i = 0; i < 2000; i++) /* 80 MB */
		comp_many_add(many, ME);
	assert_int_equal(comp_many_end(many), -ENOBUFS);
	fix_spin(f);
	assert_int_equal(f->n_in, 0);
	assert_true(comp_online(f->c));
}

/* --- bounds ----------------------------------------------------------------------------------- */

/* Reading goes on: the acknowledgement that makes room is read. */
static void test_full_outbox(void **state)
{
	struct fix *f = *state;
	unsigned n;

	fix_online(f);
	f->mute = true;
	n = fix_fill(f);
	assert_int_equal(comp_send_space(f->c), 0);
	fix_spin(f);
	assert_int_equal(f->n_in, n); /* all of it was sent, and is kept */
	assert_int_equal(comp_send_space(f->c), 0);
	fix_postf(f, N_MSG, 1);
	fix_spin(f);
	assert_int_equal(counter.handled, 0);
	fix_send(f, "<r xmlns='" NS_SM "'/>");
	assert_int_equal(f->acked_h, 0);
	fix_sendf(f, "<a xmlns='" NS_SM "' h='%u'/>", f->in_h);
	assert_int_equal(counter.handled, 1);
	assert_int_equal(f->acked_h, 1);
	assert_int_equal(comp_send(f->c, el_message(NULL, ME)), 0);
}

static void turns(struct fix *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		(void)loop_turn(f->l, false);
}

/* Another process holds the lock, until: */
static sqlite3 *hold(struct fix *f)
{
	sqlite3 *h;

	assert_int_equal(sqlite3_open(f->c->ledger.path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return h;
}

static void release(sqlite3 *h)
{
	assert_int_equal(sqlite3_exec(h, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
}

/* Five are handled and none is committed when the link is lost. */
static sqlite3 *five_and_a_cut(struct fix *f)
{
	sqlite3 *h;

	fix_online(f);
	h = hold(f);
	for (int i = 1; i <= 5; i++)
		fix_postf(f, N_MSG, i);
	turns(f, 30);
	assert_int_equal(counter.handled, 5);
	stream_free(f->r);
	f->r = NULL;
	turns(f, 2);
	return h;
}

/* Another process holds the lock: nothing is answered, acknowledged or lost; only so many handlers
 * run ahead of the disk. */
static void test_slow_disk(void **state)
{
	enum { N = COMP_OPEN_MAX + 100 };
	struct fix *f = *state;
	sqlite3 *h;

	fix_online(f);
	h = hold(f);
	for (int i = 1; i <= N; i++)
		fix_postf(f, N_MSG, i);
	turns(f, 400);
	assert_int_equal(counter.handled, COMP_OPEN_MAX);
	assert_int_equal(f->n_in, 0);
	assert_int_equal(f->acked_h, 0);
	assert_true(comp_online(f->c));
	release(h);
	fix_spin(f);
	assert_int_equal(counter.handled, N);
	assert_int_equal(f->n_in, N);
	assert_int_equal(f->acked_h, N);
}

/* The link is lost and resumed before what its handlers did is committed: the server sends it
 * again, and no handler sees it again. */
static void test_resumed_before_the_commit(void **state)
{
	struct fix *f = *state;
	sqlite3 *h;

	h = five_and_a_cut(f);
	fix_postf(f, N_MSG, 6);
	loop_clock_advance(f->l, 2000);
	turns(f, 30);
	assert_int_equal(f->resumptions, 1);
	assert_int_equal(f->resumed_h, 0);
	assert_int_equal(counter.handled, 6);
	assert_int_equal(f->n_in, 0);
	release(h);
	fix_spin(f);
	assert_int_equal(f->n_in, 6);
	assert_int_equal(f->acked_h, 6);
	assert_int_equal(counter_rows(f, "seen"), 6);
}

/* The same, and the commit stands before the server has sent it again: it is not acknowledged
 * before it is here. */
static void test_no_ack_before_the_repeat(void **state)
{
	struct fix *f = *state;
	size_t all;
	sqlite3 *h;

	h = five_and_a_cut(f);
	all = f->n_posts;
	f->n_posts = f->base + 2; /* the rest waits for room */
	loop_clock_advance(f->l, 2000);
	turns(f, 30);
	assert_int_equal(f->resumptions, 1);
	assert_int_equal(f->resumed_h, 0);
	release(h);
	fix_spin(f);
	assert_int_equal(f->n_in, 5);
	assert_int_equal(f->acked_h, 2);
	fix_send(f, "<r xmlns='" NS_SM "'/>");
	assert_int_equal(f->acked_h, 2);
	for (size_t i = f->n_posts; i < all; i++)
		fix_send(f, f->posts[i]);
	f->n_posts = all;
	assert_int_equal(f->acked_h, 5);
	assert_int_equal(counter.handled, 5);
}

/* --- failed commits --------------------------------------------------------------------------- */

static void test_failed_commit(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_postf(f, N_MSG, 1);
	fix_post(f, Q_IQ("d1", "defer"));
	fix_post(f, Q_IQ("a1", "ask"));
	fix_spin(f);
	assert_int_equal(f->acked_h, 3);
	db_fail_commits(f->c->ledger.db, 3, -ENOSPC);
	for (int i = 2; i <= 5; i++)
		fix_postf(f, N_MSG, i);
	fix_spin(f);
	assert_false(comp_online(f->c));
	assert_int_equal(counter.forgets, 1);
	assert_int_equal(counter.asks_over, 1);
	assert_int_equal(counter.ask_err, -ECANCELED);
	assert_int_equal(fix_count(f, "got="), 1);
	assert_int_equal(f->offlines, 1);
	assert_int_equal(comp_send(f->c, el_message(NULL, ME)), -ENOTCONN);
	put(f, 99); /* goes nowhere */
	fix_spin(f);
	fix_logged(f, "cannot be written");
	for (int i = 0; i < 2; i++) { /* it still fails, after 1 s and after 2 */
		fix_advance(f, 1001U << i);
		assert_int_equal(counter.loads, 1);
	}
	fix_advance(f, 4001);
	assert_int_equal(counter.loads, 2);
	fix_logged(f, "can be written again");
	fix_advance(f, 100);
	assert_true(comp_online(f->c));
	assert_true(f->resumed);
	assert_int_equal(f->resumed_h, 3);
	assert_int_equal(counter_rows(f, "seen"), 5);
	assert_int_equal(counter.last, 5);
	for (int i = 1; i <= 5; i++) {
		char want[32];

		(void)snprintf(want, sizeof(want), "got=\"%d\"", i);
		assert_int_equal(fix_count(f, want), 1);
	}
	/* Both deferred requests were given out again. */
	assert_int_equal(counter.repeated, 1);
	comp_reply_ok(counter.kept);
	fix_spin(f);
	assert_int_equal(fix_count(f, "id=\"d1\""), 1);
}

static int refuse_load;
static int (*real_load)(struct comp *c, void *arg);

static int load_or_not(struct comp *c, void *arg)
{
	return refuse_load-- > 0 ? -EIO : real_load(c, arg);
}

static void test_load_fails_after_a_failed_commit(void **state)
{
	struct fix *f = *state;

	real_load = f->ops.load;
	f->ops.load = load_or_not;
	refuse_load = 0;
	fix_online(f);
	db_fail_commits(f->c->ledger.db, 1, -EIO);
	refuse_load = 1;
	fix_postf(f, N_MSG, 1);
	fix_spin(f);
	fix_advance(f, 1001);
	assert_false(comp_online(f->c));
	assert_int_equal(counter.forgets, 2);
	fix_advance(f, 2001);
	fix_advance(f, 100);
	assert_true(comp_online(f->c));
	assert_int_equal(counter_rows(f, "seen"), 1);
}

/* Effects that the database refuses are the component's bug: the asker is told, nobody else
 * suffers, and it does not come again. */
static void test_refused_effects(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_postf(f, N_MSG, 1);
	fix_post(f, Q_IQ("b1", "bug"));
	fix_postf(f, N_MSG, 2);
	fix_spin(f);
	assert_false(comp_online(f->c));
	fix_logged(f, "bug: the database refuses");
	assert_int_equal(counter.forgets, 1);
	fix_hasnt(f, "id=\"b1\"");
	fix_advance(f, 1001);
	fix_advance(f, 100);
	assert_true(f->resumed);
	assert_int_equal(f->resumed_h, 2);
	assert_int_equal(fix_count(f, "id=\"b1\""), 1);
	fix_has(f, "<internal-server-error");
	fix_hasnt(f, "type=\"result\"");
	assert_int_equal(fix_count(f, "got=\"1\""), 1);
	assert_int_equal(fix_count(f, "got=\"2\""), 1);
	assert_int_equal(counter_rows(f, "seen"), 2);
	assert_int_equal(f->in_h, 3);
	fix_kill(f, false);
	fix_revive(f);
	assert_int_equal(f->n_in, 3);
}

/* Without a stanza to answer for. */
static void test_refused_effects_of_a_turn(void **state)
{
	static struct db_q q = { "INSERT INTO one VALUES(1)" };
	struct fix *f = *state;

	fix_online(f);
	db_batch_add(comp_tx(f->c), &q, "");
	assert_int_equal(comp_send(f->c, el_message(NULL, ME)), 0);
	fix_spin(f);
	fix_advance(f, 1001);
	fix_advance(f, 100);
	assert_true(f->resumed);
	assert_int_equal(f->n_in, 0);
	fix_postf(f, N_MSG, 1);
	fix_spin(f);
	assert_int_equal(f->n_in, 1);
}

static void test_stop_while_it_fails(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	db_fail_commits(f->c->ledger.db, 100, -EROFS);
	fix_postf(f, N_MSG, 1);
	for (int i = 0; counter.handled == 0 && i < 100; i++)
		(void)loop_turn(f->l, false);
	fix_stop(f);
	fix_spin(f);
	assert_int_equal(f->n_in, 0);
	assert_int_equal(f->acked_h, 0);
	assert_int_equal(f->c->link.state, LINK_STOPPED);
}

/* --- start ------------------------------------------------------------------------------------ */

static void test_start_errors(void **state)
{
	static char nowhere[] = "/nonexistent/folder";
	struct fix *f = *state;
	struct comp *c = NULL;
	char err[256], sql[] = "UPDATE schema_part SET version = 7";
	sqlite3 *h;

	f->conf.daemon.data_dir = nowhere;
	assert_true(comp_new(&c, &f->ops, f, f->l, NULL, &f->conf, err, sizeof(err)) < 0);
	assert_non_null(strstr(err, "/nonexistent/folder"));
	f->conf.daemon.data_dir = f->dir;
	assert_int_equal(sqlite3_open(f->c->ledger.path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
	assert_int_equal(
	    comp_new(&c, &f->ops, f, f->l, NULL, &f->conf, err, sizeof(err)), -ENOTSUP);
	assert_non_null(strstr(err, "of libcomp has version 7"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		COUNTER_TEST(test_the_turn_has_one),
		COUNTER_TEST(test_numbers),
		COUNTER_TEST(test_committed),
		COUNTER_TEST(test_numbers_on_plain),
		COUNTER_TEST(test_numbers_after_a_failed_commit),
		COUNTER_TEST(test_commit_before_output),
		COUNTER_TEST(test_commit_before_output_on_plain),
		COUNTER_TEST(test_order_on_plain),
		COUNTER_TEST(test_many),
		COUNTER_TEST(test_full_outbox),
		COUNTER_TEST(test_slow_disk),
		COUNTER_TEST(test_resumed_before_the_commit),
		COUNTER_TEST(test_no_ack_before_the_repeat),
		COUNTER_TEST(test_failed_commit),
		COUNTER_TEST(test_load_fails_after_a_failed_commit),
		COUNTER_TEST(test_refused_effects),
		COUNTER_TEST(test_refused_effects_of_a_turn),
		COUNTER_TEST(test_stop_while_it_fails),
		COUNTER_TEST(test_start_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
