/* SPDX-License-Identifier: MIT */
/* Whose row is whose: slots and their locks, processes that start at the same moment, and a
 * database of a release that had one row. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "comp_share_fixture.h"

static struct comp *another(struct fix *f)
{
	struct comp *c = NULL;
	char err[256];

	if (comp_new(&c, &f->ops, f, f->l, NULL, &f->conf, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	return c;
}

/* --- slots ------------------------------------------------------------------------------------ */

static void test_alone(void **state)
{
	struct fix *f = counter_new();
	struct comp *b;
	char path[128];

	(void)state;
	assert_int_equal(f->c->ledger.slot, 1);
	assert_int_equal(f->c->ledger.incarnation, 1);
	b = another(f);
	assert_int_equal(b->ledger.slot, 1);
	assert_int_equal(b->ledger.incarnation, 2);
	assert_false(ledger_mine(f->c));
	comp_free(b);
	(void)snprintf(path, sizeof(path), "%s/echo.members", f->dir);
	assert_int_equal(access(path, F_OK), -1); /* there are no locks */
	assert_true(comp_owns(f->c, "k@" DOM));
	fix_free(f);
}

static void test_each_has_one(void **state)
{
	struct fix *f = *state;
	struct comp *b = another(f), *d;

	assert_int_equal(f->c->ledger.slot, 1);
	assert_int_equal(b->ledger.slot, 2);
	assert_true(ledger_mine(f->c));
	assert_true(slot_alive(f->c, 2));
	assert_false(slot_alive(f->c, 3));
	comp_free(b);
	assert_false(slot_alive(f->c, 2));
	d = another(f); /* which is dead: its row is as good as a new one */
	assert_int_equal(d->ledger.slot, 2);
	assert_int_equal(d->ledger.incarnation, 2);
	comp_free(d);
	assert_int_equal(counter_rows(f, "comp_link"), 2);
}

/* What a slot has left is never taken for another one's. */
static void test_numbers_are_used_once(void **state)
{
	struct fix *f = *state;
	struct comp *b = another(f);

	comp_free(b);
	by_hand(f, "DELETE FROM comp_link WHERE slot = 2");
	b = another(f);
	assert_int_equal(b->ledger.slot, 3);
	comp_free(b);
}

/* The session goes on where the dead one left it. */
static void test_taken_over(void **state)
{
	struct fix *f = *state;

	share_online(f);
	fix_postf(f, N_MSG, 1);
	fix_spin(f);
	fix_kill(f, false);
	fix_postf(f, N_MSG, 2);
	fix_revive(f);
	assert_int_equal(f->c->ledger.slot, 1);
	assert_string_equal(f->c->ledger.member, "m1");
	assert_int_equal(f->sessions, 1);
	assert_true(f->resumed);
	assert_int_equal(fix_count(f, "got="), 2);
	assert_int_equal(f->acked_h, 4);
	assert_true(comp_owns(f->c, "k@" DOM)); /* it knows what its predecessor was told */
}

/* And by one that has the domain for itself again: all of it. */
static void test_alone_again(void **state)
{
	struct fix *f = *state;

	share_online(f);
	fix_post(f, Q_IQ("d1", "defer"));
	fix_spin(f);
	left_session(f, 7, "x");
	left_session(f, 8, "y");
	left_request(f, 7, 2, DOM);
	left_request(f, 0, 3, DOM);
	fix_kill(f, false);
	f->conf.share = false;
	f->resume = FAILS;
	fix_revive(f);
	assert_int_equal(f->sessions, 2);
	assert_string_equal(texts(f), "abcdefghijabcdefghij");
	assert_int_equal(counter.repeated, 3);
	assert_int_equal(counter_rows(f, "comp_link"), 1);
	assert_int_equal(number(f, "SELECT count(*) FROM comp_deferred WHERE slot = 1"), 3);
	fix_kill(f, false);
	f->resume = RESUMES;
	fix_revive(f);
	assert_int_equal(counter.repeated, 6);
	comp_reply_ok(counter.kept);
	fix_spin(f);
	assert_int_equal(counter_rows(f, "comp_deferred"), 2);
	fix_advance(f, COMP_TRIM_MS + 1);
	assert_int_equal(counter_rows(f, "comp_outbox"), 0);
}

static void test_a_row_of_another_domain(void **state)
{
	struct fix *f = *state;

	by_hand(f, "UPDATE comp_link SET domain = 'old.test', sm_id = 'x', member = 'm'");
	fix_kill(f, false);
	fix_make(f);
	assert_null(f->c->ledger.sm_id);
	assert_null(f->c->ledger.member);
	fix_logged(f, "another domain's");
}

static void test_who_cannot_share(void **state)
{
	struct fix *f = *state;
	struct comp *c = NULL;
	char err[256];

	f->ops.owned = NULL;
	assert_int_equal(
	    comp_new(&c, &f->ops, f, f->l, NULL, &f->conf, err, sizeof(err)), -ENOTSUP);
	assert_string_equal(err, "component_share: echo must have its domain for itself");
	f->ops.load = NULL; /* it keeps nothing */
	c = another(f);
	comp_free(c);
}

/* --- at the same moment ----------------------------------------------------------------------- */

enum { PROCESSES = 6, ROUNDS = 6 };

/* Says which slot it has, and lives until the other end of the pipe is closed. */
static void child(const struct fix *f, int say, int wait)
{
	struct loop *l = loop_new();
	struct comp_conf conf = f->conf;
	struct comp *c = NULL;
	uint8_t slot = 0; /* none; a char has no sign on every machine */
	char err[256];

	if (comp_new(&c, &f->ops, NULL, l, NULL, &conf, err, sizeof(err)) < 0)
		fprintf(stderr, "%s\n", err);
	else
		slot = (uint8_t)c->ledger.slot;
	if (write(say, &slot, 1) != 1 || read(wait, &slot, 1) != 0)
		_exit(1);
	_exit(0);
}

static void start_together(struct fix *f)
{
	bool seen[PROCESSES + 1] = { 0 };
	int say[2], wait_for[2], status;

	assert_int_equal(pipe(say), 0);
	assert_int_equal(pipe(wait_for), 0);
	for (int i = 0; i < PROCESSES; i++) {
		if (fork() == 0) {
			close(wait_for[1]);
			child(f, say[1], wait_for[0]);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		uint8_t slot;

		assert_int_equal(read(say[0], &slot, 1), 1);
		assert_in_range(slot, 1, PROCESSES);
		assert_false(seen[slot]);
		seen[slot] = true;
	}
	close(wait_for[1]);
	for (int i = 0; i < PROCESSES; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	close(wait_for[0]);
	close(say[0]);
	close(say[1]);
}

/* They make the file, its schema and their rows, all at the same moment. */
static void test_started_together(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct fix *f = share_bare();

		start_together(f);
		start_together(f); /* and take over what the first ones left */
		fix_make(f);
		assert_int_equal(counter_rows(f, "comp_link"), PROCESSES);
		fix_free(f);
	}
}

/* One brings the schema up to date, which takes longer than SQLite waits. */
static void test_started_during_a_long_change(void **state)
{
	struct fix *f = share_bare();
	char path[128], byte;
	int fds[2], status;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/echo.db", f->dir);
	assert_int_equal(pipe(fds), 0);
	if (fork() == 0) {
		sqlite3 *h;

		if (sqlite3_open(path, &h) != SQLITE_OK ||
		    sqlite3_exec(h, "BEGIN EXCLUSIVE; CREATE TABLE t(x)", NULL, NULL, NULL) !=
			SQLITE_OK ||
		    write(fds[1], "", 1) != 1)
			_exit(1);
		usleep(2600000);
		_exit(0);
	}
	assert_int_equal(read(fds[0], &byte, 1), 1);
	fix_make(f);
	assert_int_equal(f->c->ledger.slot, 1);
	assert_true(wait(&status) > 0);
	assert_int_equal(status, 0);
	close(fds[0]);
	close(fds[1]);
	fix_free(f);
}

/* --- a database of before --------------------------------------------------------------------- */

static const char step_2[] =
    "CREATE TABLE comp_link (one INTEGER PRIMARY KEY CHECK (one = 1), domain TEXT NOT NULL,"
    " incarnation INTEGER NOT NULL, seq INTEGER NOT NULL DEFAULT 0, sm_id TEXT,"
    " in_total INTEGER NOT NULL DEFAULT 0, in_base INTEGER NOT NULL DEFAULT 0,"
    " out_total INTEGER NOT NULL DEFAULT 0, out_base INTEGER NOT NULL DEFAULT 0,"
    " out_acked INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE comp_outbox (n INTEGER PRIMARY KEY, count INTEGER NOT NULL,"
    " stanzas BLOB NOT NULL);"
    "CREATE TABLE comp_deferred (n INTEGER PRIMARY KEY, stanza TEXT NOT NULL);"
    "CREATE TABLE comp_told (host TEXT NOT NULL, ns TEXT NOT NULL, stanza TEXT NOT NULL,"
    " PRIMARY KEY (host, ns)) WITHOUT ROWID;"
    "CREATE TABLE schema_part (part TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO schema_part VALUES('libcomp', 2);";

/* A session, sm1, in which five came and one was sent, which is not acknowledged; one is deferred.
 */
static struct fix *before(bool share)
{
	struct fix *f = share_bare();

	f->conf.share = share;
	f->sessions = 1;
	f->in_h = 2;
	by_hand(f, "%s", step_2);
	by_hand(f, "INSERT INTO comp_link VALUES(1, '" DOM "', 3, 9, 'sm1', 7, 2, 8, 5, 7);"
		   "INSERT INTO comp_outbox VALUES(8, 1, CAST(x'15000000' ||"
		   " '<message id=\"one\"  />' AS BLOB));"
		   "INSERT INTO comp_deferred VALUES(6, '<iq xmlns=\"jabber:client\" type=\"set\""
		   " id=\"d1\" from=\"" ME "\" to=\"" DOM "\"><defer xmlns=\"" NS_N "\"/></iq>');"
		   "INSERT INTO comp_told VALUES('test', 'urn:xmpp:privilege:2', '<message"
		   " xmlns=\"jabber:client\" from=\"test\" to=\"" DOM "\"><privilege"
		   " xmlns=\"urn:xmpp:privilege:2\"><perm access=\"message\" type=\"outgoing\"/>"
		   "</privilege></message>');");
	for (int i = 0; i < 5; i++)
		f->posts[f->n_posts++] = strdup("<presence from='" ME "' to='" DOM "'/>");
	return f;
}

static void test_from_step_2(void **state)
{
	struct fix *f = before(false);

	(void)state;
	fix_make(f);
	assert_int_equal(f->c->ledger.slot, 1);
	assert_int_equal(f->c->ledger.incarnation, 4);
	assert_true(comp_may(f->c, "a@test", COMP_MAY_MESSAGE));
	fix_start(f);
	assert_true(f->resumed);
	assert_int_equal(f->resumed_h, 5);
	fix_has(f, "id=\"one\"");
	assert_int_equal(f->n_in, 1);
	assert_int_equal(counter.repeated, 1);
	comp_reply_ok(counter.kept);
	fix_spin(f);
	fix_has(f, "id=\"d1\"");
	assert_int_equal(counter_rows(f, "comp_deferred"), 0);
	fix_advance(f, COMP_TRIM_MS + 1);
	assert_int_equal(counter_rows(f, "comp_outbox"), 0);
	fix_free(f);
}

/* And the domain is shared from now on: the session of before is ended, what waits is sent in the
 * new one, the deferred request waits until it is known whose it is. */
static void test_from_step_2_to_sharing(void **state)
{
	struct fix *f = before(true);

	(void)state;
	fix_make(f);
	assert_int_equal(f->c->ledger.slot, 1);
	fix_start(f);
	assert_false(comp_online(f->c));
	assert_int_equal(f->resumptions, 1);
	fix_advance(f, 2000);
	assert_true(comp_online(f->c));
	assert_int_equal(f->sessions, 2);
	assert_string_equal(f->c->ledger.member, "m2");
	assert_int_equal(f->c->ledger.slot, 1);
	assert_int_equal(fix_count(f, "id=\"one\""), 1);
	assert_int_equal(counter.repeated, 0);
	share_change(f, 1, MEMBER("m2"));
	assert_int_equal(counter.repeated, 1);
	comp_reply_ok(counter.kept);
	fix_spin(f);
	assert_int_equal(fix_count(f, "id=\"d1\""), 1);
	fix_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		SHARE_TEST(test_each_has_one),
		SHARE_TEST(test_numbers_are_used_once),
		SHARE_TEST(test_taken_over),
		SHARE_TEST(test_alone_again),
		SHARE_TEST(test_a_row_of_another_domain),
		SHARE_TEST(test_who_cannot_share),
		cmocka_unit_test(test_started_together),
		cmocka_unit_test(test_started_during_a_long_change),
		cmocka_unit_test(test_from_step_2),
		cmocka_unit_test(test_from_step_2_to_sharing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
