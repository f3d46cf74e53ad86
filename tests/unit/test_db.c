/* SPDX-License-Identifier: MIT */
/* The SQL layer: parameters, batches, groups and completions.  How it meets a full disk, locks,
 * kills and other people's files is test_db_env.c's. */
#include <errno.h>
#include <pthread.h>

#include <sqlite3.h>

#include <base/lim.h>
#include <base/log.h>

#include "db_fixture.h"

static const struct db_step steps[] = {
	{ 1, "CREATE TABLE kv (k TEXT PRIMARY KEY, t TEXT, i INTEGER, b BLOB);"
	     "CREATE TABLE strict_one (n INTEGER NOT NULL CHECK (n > 0));"
	     "CREATE TABLE child (k TEXT REFERENCES kv (k) DEFERRABLE INITIALLY DEFERRED,"
	     " now TEXT REFERENCES kv (k))" },
};

static struct db_q q_put = { "INSERT INTO kv (k, t, i, b) VALUES ($1, $2, $3, $4)" };
static struct db_q q_key = { "INSERT INTO kv (k) VALUES ($1)" };
static struct db_q q_get = { "SELECT t, i, b FROM kv WHERE k = $1" };
static struct db_q q_count = { "SELECT count(*) FROM kv" };
static struct db_q q_touch = { "UPDATE kv SET i = $2 WHERE k = $1" };
static struct db_q q_child = { "INSERT INTO child (k) VALUES ($1)" };
static struct db_q q_child_now = { "INSERT INTO child (now) VALUES ($1)" };
static struct db_q q_strict = { "INSERT INTO strict_one (n) VALUES ($1)" };

static int setup(void **state)
{
	(void)fixture_setup(state);
	fixture_open(*state, steps, 1);
	return 0;
}

static void submit_key(struct fixture *f, const char *k, struct note *n)
{
	struct db_batch *b = db_batch_new(f->db);

	db_batch_add(b, &q_key, "s", k);
	db_submit(b, note_done, n);
}

/* Keeps the writer thread waiting. */
static sqlite3 *hold_lock(struct fixture *f)
{
	sqlite3 *h;

	assert_int_equal(sqlite3_open(f->path, &h), SQLITE_OK);
	sqlite3_busy_timeout(h, 2000);
	assert_int_equal(sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return h;
}

static void release_lock(sqlite3 *h)
{
	assert_int_equal(sqlite3_exec(h, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(h), SQLITE_OK);
}

/* As hold_lock(); what is submitted until the release becomes one group, because the writer thread
 * waits with another batch in its hand, one that commits nothing. */
static sqlite3 *hold_group(struct fixture *f)
{
	sqlite3 *h = hold_lock(f);
	struct db_batch *b = db_batch_new(f->db);

	db_batch_must(b, &q_touch, "si", "nobody", (int64_t)0);
	db_submit(b, NULL, NULL);
	usleep(50000);
	return h;
}

/* --- parameters and rows ---------------------------------------------------------------------- */

static void test_all_kinds(void **state)
{
	static const unsigned char bytes[] = { 0, 1, 0xff, 0, '\'' };
	struct fixture *f = *state;
	struct db_batch *b = db_batch_new(f->db);
	struct note n = { 0 };
	const void *p;
	size_t len;
	char *dup;

	db_batch_add(b, &q_put, "ssib", "a", "it's \xc3\xa9", INT64_MIN, bytes, sizeof(bytes));
	db_batch_add(b, &q_put, "snib", "empty", (int64_t)0, NULL, (size_t)0);
	db_batch_add(b, &q_put, "ssnn", "null", NULL);
	db_submit(b, note_done, &n);
	run_all(f);
	assert_int_equal(n.err, 0);

	assert_int_equal(db_query(f->db, &q_get, "s", "a"), 0);
	assert_int_equal(db_next(f->db, &q_get), 1);
	assert_string_equal(db_text(f->db, &q_get, 0), "it's \xc3\xa9");
	dup = db_text_dup(f->db, &q_get, 0);
	assert_string_equal(dup, "it's \xc3\xa9");
	free(dup);
	assert_true(db_int(f->db, &q_get, 1) == INT64_MIN);
	p = db_blob(f->db, &q_get, 2, &len);
	assert_int_equal(len, sizeof(bytes));
	assert_memory_equal(p, bytes, len);
	assert_int_equal(db_next(f->db, &q_get), 0);

	assert_int_equal(db_query(f->db, &q_get, "s", "empty"), 0);
	assert_int_equal(db_next(f->db, &q_get), 1);
	assert_true(db_is_null(f->db, &q_get, 0));
	assert_false(db_is_null(f->db, &q_get, 2)); /* an empty blob is not NULL */
	assert_non_null(db_blob(f->db, &q_get, 2, &len));
	assert_int_equal(len, 0);
	db_reset(f->db, &q_get);

	assert_int_equal(db_query(f->db, &q_get, "s", "null"), 0);
	assert_int_equal(db_next(f->db, &q_get), 1);
	for (int col = 0; col < 3; col++)
		assert_true(db_is_null(f->db, &q_get, col));
	assert_string_equal(db_text(f->db, &q_get, 0), "");
	assert_null(db_text_dup(f->db, &q_get, 0));
	db_reset(f->db, &q_get);
	db_reset(f->db, &q_get); /* twice is fine */
}

static void test_number(void **state)
{
	static struct db_q sum = { "SELECT sum(i) FROM kv WHERE k <> $1" };
	static struct db_q one = { "SELECT i FROM kv WHERE k = $1" };
	struct fixture *f = *state;
	struct db_batch *b = db_batch_new(f->db);
	int64_t n = 7;

	assert_int_equal(db_query(f->db, &one, "s", "a"), 0);
	assert_int_equal(db_number(f->db, &one, &n), 0);
	assert_int_equal(n, 7);
	assert_int_equal(db_query(f->db, &sum, "s", ""), 0);
	assert_int_equal(db_number(f->db, &sum, &n), 1); /* a row with NULL */
	assert_int_equal(n, 0);
	db_batch_add(b, &q_put, "ssin", "a", NULL, INT64_MIN);
	db_batch_add(b, &q_put, "ssin", "b", NULL, (int64_t)1);
	db_submit(b, NULL, NULL);
	run_all(f);
	for (int i = 0; i < 2; i++) { /* it is over at the first row */
		assert_int_equal(db_query(f->db, &sum, "s", "b"), 0);
		assert_int_equal(db_number(f->db, &sum, &n), 1);
		assert_true(n == INT64_MIN);
	}
	assert_int_equal(db_query(f->db, &one, "s", "b"), 0);
	assert_int_equal(db_number(f->db, &one, &n), 1);
	assert_int_equal(n, 1);
}

/* SQLite numbers $2 first when it comes first. */
static void test_parameter_order(void **state)
{
	static struct db_q turned = { "INSERT INTO kv (t, k, i) VALUES ($2, $1, $3)" };
	static struct db_q again = { "SELECT $2 || $1 || $2, $3" };
	struct fixture *f = *state;
	struct db_batch *b = db_batch_new(f->db);

	db_batch_add(b, &turned, "ssi", "key", "text", (int64_t)7);
	db_batch_add(b, &q_touch, "si", "key", (int64_t)8);
	db_submit(b, NULL, NULL);
	run_all(f);
	assert_int_equal(db_query(f->db, &q_get, "s", "key"), 0);
	assert_int_equal(db_next(f->db, &q_get), 1);
	assert_string_equal(db_text(f->db, &q_get, 0), "text");
	assert_int_equal(db_int(f->db, &q_get, 1), 8);
	db_reset(f->db, &q_get);

	assert_int_equal(db_query(f->db, &again, "ssi", "a", "b", (int64_t)3), 0);
	assert_int_equal(db_next(f->db, &again), 1);
	assert_string_equal(db_text(f->db, &again, 0), "bab");
	assert_int_equal(db_int(f->db, &again, 1), 3);
	assert_int_equal(db_next(f->db, &again), 0);
}

static void test_copied(void **state)
{
	struct fixture *f = *state;
	struct db_batch *b = db_batch_new(f->db);
	char key[] = "mine", text[] = "before";
	struct note n = { 0 };

	db_batch_add(b, &q_put, "ssib", key, text, (int64_t)1, text, sizeof(text));
	memset(key, 'x', sizeof(key));
	memset(text, 'x', sizeof(text));
	db_submit(b, note_done, &n);
	run_all(f);
	(void)snprintf(key, sizeof(key), "mine");
	assert_int_equal(db_query(f->db, &q_get, "s", key), 0);
	memset(key, 'x', sizeof(key)); /* the reading side copies as well */
	assert_int_equal(db_next(f->db, &q_get), 1);
	assert_string_equal(db_text(f->db, &q_get, 0), "before");
	db_reset(f->db, &q_get);

	b = db_batch_new(f->db); /* never submitted */
	db_batch_add(b, &q_key, "s", "other");
	db_batch_free(b);
	db_batch_free(NULL);
}

static void *number_them(void *arg)
{
	struct db_q *q = arg;

	for (int i = 0; i < 2000; i++) {
		struct db_batch *b = db_batch_new(NULL);

		db_batch_add(b, &q[i], "");
		db_batch_free(b);
	}
	return NULL;
}

static void test_numbers_from_two_threads(void **state)
{
	static struct db_q q[2000];
	static struct fixture *f;
	pthread_t other;

	f = *state;
	for (int i = 0; i < 2000; i++)
		q[i].sql = i % 2 ? "SELECT 1" : "SELECT 0";
	assert_int_equal(pthread_create(&other, NULL, number_them, q), 0);
	for (int i = 0; i < 2000; i++)
		assert_int_equal(number(f->db, &q[i]), i % 2);
	pthread_join(other, NULL);
	for (int i = 0; i < 2000; i++) /* each still finds its own statement */
		assert_int_equal(number(f->db, &q[i]), i % 2);
}

/* --- batches ---------------------------------------------------------------------------------- */

static void test_batch_is_atomic(void **state)
{
	struct fixture *f = *state;
	struct note n[3] = { 0 };
	struct db_batch *b;

	submit_key(f, "taken", &n[0]);
	b = db_batch_new(f->db);
	db_batch_add(b, &q_key, "s", "first");
	db_batch_add(b, &q_key, "s", "taken");
	db_batch_add(b, &q_key, "s", "third");
	db_submit(b, note_done, &n[1]);
	db_submit(db_batch_new(f->db), note_done, &n[2]); /* an empty one */
	run_all(f);
	assert_int_equal(n[0].err, 0);
	assert_int_equal(n[1].err, -EEXIST);
	assert_int_equal(n[2].err, 0);
	assert_int_equal(number(f->db, &q_count), 1);
	assert_true(db_healthy(f->db));
}

static void test_others_of_the_group(void **state)
{
	struct fixture *f = *state;
	struct note n[5] = { 0 };
	sqlite3 *h = hold_group(f);
	struct db_batch *b;

	submit_key(f, "a", &n[0]);
	submit_key(f, "a", &n[1]);
	submit_key(f, "b", &n[2]);
	b = db_batch_new(f->db);
	db_batch_add(b, &q_key, "s", "c");
	db_batch_must(b, &q_touch, "si", "nobody", (int64_t)1);
	db_submit(b, note_done, &n[3]);
	submit_key(f, "d", &n[4]);
	release_lock(h);
	run_all(f);
	assert_int_equal(n[0].err, 0);
	assert_int_equal(n[1].err, -EEXIST);
	assert_int_equal(n[2].err, 0);
	assert_int_equal(n[3].err, -ENOENT);
	assert_int_equal(n[4].err, 0);
	assert_int_equal(number(f->db, &q_count), 3);
}

static void test_must(void **state)
{
	struct fixture *f = *state;
	struct db_batch *b = db_batch_new(f->db);
	struct note n[2] = { 0 };

	db_batch_add(b, &q_key, "s", "k");
	db_batch_must(b, &q_touch, "si", "k", (int64_t)5);
	db_submit(b, note_done, &n[0]);
	b = db_batch_new(f->db);
	db_batch_add(b, &q_touch, "si", "nobody", (int64_t)5); /* may change nothing */
	db_submit(b, note_done, &n[1]);
	run_all(f);
	assert_int_equal(n[0].err, 0);
	assert_int_equal(n[1].err, 0);
}

static void test_other_constraints(void **state)
{
	struct fixture *f = *state;
	struct note n[4] = { 0 };
	struct db_batch *b;

	b = db_batch_new(f->db);
	db_batch_add(b, &q_strict, "i", (int64_t)0);
	db_submit(b, note_done, &n[0]);
	b = db_batch_new(f->db);
	db_batch_add(b, &q_strict, "n");
	db_submit(b, note_done, &n[1]);
	b = db_batch_new(f->db);
	db_batch_add(b, &q_child_now, "s", "nobody");
	db_submit(b, note_done, &n[2]);
	b = db_batch_new(f->db);
	db_batch_add(b, &q_strict, "i", (int64_t)1);
	db_submit(b, note_done, &n[3]);
	run_all(f);
	assert_int_equal(n[0].err, -EINVAL);
	assert_int_equal(n[1].err, -EINVAL);
	assert_int_equal(n[2].err, -EINVAL);
	assert_int_equal(n[3].err, 0);
}

/* A deferred foreign key fails the COMMIT, yet only the batch that broke it. */
static void test_deferred_constraint(void **state)
{
	struct fixture *f = *state;
	struct note n[4] = { 0 };
	sqlite3 *h = hold_group(f);
	struct db_batch *b;

	submit_key(f, "a", &n[0]);
	b = db_batch_new(f->db);
	db_batch_add(b, &q_child, "s", "nobody");
	db_submit(b, note_done, &n[1]);
	submit_key(f, "a", &n[2]);
	submit_key(f, "b", &n[3]);
	release_lock(h);
	run_all(f);
	assert_int_equal(n[0].err, 0);
	assert_int_equal(n[1].err, -EINVAL);
	assert_int_equal(n[2].err, -EEXIST);
	assert_int_equal(n[3].err, 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(n[i].order, i + 1);
	assert_int_equal(number(f->db, &q_count), 2);
	assert_true(db_healthy(f->db));
}

/* A conflict clause may end the transaction of all: none is then reported as kept. */
static void test_transaction_ended_by_statement(void **state)
{
	static struct db_q evil = { "INSERT OR ROLLBACK INTO kv (k) VALUES ($1)" };
	struct fixture *f = *state;
	struct note n[3] = { 0 };
	sqlite3 *h = hold_group(f);
	struct db_batch *b;

	submit_key(f, "a", &n[0]);
	b = db_batch_new(f->db);
	db_batch_add(b, &evil, "s", "a");
	db_submit(b, note_done, &n[1]);
	submit_key(f, "b", &n[2]);
	release_lock(h);
	run_all(f);
	for (int i = 0; i < 3; i++)
		assert_int_equal(n[i].err, -EIO);
	assert_int_equal(number(f->db, &q_count), 0);
}

static void count_line(const char *line, void *arg)
{
	assert_non_null(strstr(line, "does not compile"));
	++*(int *)arg;
}

static void test_bad_sql(void **state)
{
	static struct db_q bad = { "INSERT INTO nowhere VALUES (1)" };
	static struct db_q bad_read = { "SELECT \"a string\"" };
	struct fixture *f = *state;
	struct note n[2] = { 0 };
	struct db_batch *b = db_batch_new(f->db);
	int lines = 0;

	log_capture(count_line, &lines);
	db_batch_add(b, &bad, "");
	db_submit(b, note_done, &n[0]);
	submit_key(f, "fine", &n[1]);
	run_all(f);
	assert_int_equal(n[0].err, -EINVAL);
	assert_int_equal(n[1].err, 0);
	assert_int_equal(db_query(f->db, &bad_read, ""), -EINVAL);
	log_capture(NULL, NULL);
	assert_int_equal(lines, 3); /* the batch's twice: in its group, and apart */
}

/* --- completions ------------------------------------------------------------------------------ */

static void test_order(void **state)
{
	enum { N = 3000 }; /* several groups */
	static struct note n[N];
	struct fixture *f = *state;
	char key[16];

	memset(n, 0, sizeof(n));
	for (int i = 0; i < N; i++) {
		(void)snprintf(key, sizeof(key), "%d", i % 7 ? i : 0);
		submit_key(f, key, &n[i]);
		assert_int_equal(note_last, 0); /* never inside db_submit() */
		assert_int_equal(db_waiting(f->db), (size_t)i + 1);
	}
	run_all(f);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(n[i].order, i + 1);
		assert_int_equal(n[i].err, i % 7 || i == 0 ? 0 : -EEXIST);
	}
	assert_int_equal(number(f->db, &q_count), 1 + N - (N + 6) / 7);
}

struct chain {
	struct fixture *f;
	struct note next;
	int err;
	bool inside;
};

static void submit_next(int err, void *arg)
{
	struct chain *c = arg;

	assert_false(c->inside);
	c->inside = true;
	c->err = err;
	submit_key(c->f, "next", &c->next);
	assert_int_equal(c->next.order, 0);
	c->inside = false;
}

static void test_submit_from_completion(void **state)
{
	struct fixture *f = *state;
	struct chain c = { .f = f };
	struct db_batch *b = db_batch_new(f->db);

	db_batch_add(b, &q_key, "s", "first");
	db_submit(b, submit_next, &c);
	run_all(f);
	assert_int_equal(c.err, 0);
	assert_int_equal(c.next.order, 1);
	assert_int_equal(c.next.err, 0);
	assert_int_equal(number(f->db, &q_count), 2);
}

static void test_bounded(void **state)
{
	enum { N = LIM_DB_BATCHES + 1000 };
	struct fixture *f = *state;
	struct note *n = calloc(N + 1, sizeof(*n));
	sqlite3 *h = hold_lock(f);
	char key[16];

	assert_non_null(n);
	for (int i = 0; i < N; i++) {
		(void)snprintf(key, sizeof(key), "%d", i);
		submit_key(f, key, &n[i]);
	}
	release_lock(h);
	assert_int_equal(db_waiting(f->db), N);
	assert_int_equal(note_last, 0);
	run_all(f);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(n[i].order, i + 1);
		assert_int_equal(n[i].err, i < LIM_DB_BATCHES ? 0 : -ENOBUFS);
	}
	assert_int_equal(number(f->db, &q_count), LIM_DB_BATCHES);
	submit_key(f, "room again", &n[N]);
	run_all(f);
	assert_int_equal(n[N].err, 0);
	free(n);
}

/* --- losses ----------------------------------------------------------------------------------- */

static void test_commit_fails(void **state)
{
	struct fixture *f = *state;
	struct note n[4] = { 0 };
	sqlite3 *h = hold_group(f);

	db_fail_commits(f->db, 1, -ENOSPC);
	submit_key(f, "a", &n[0]);
	submit_key(f, "a", &n[1]); /* would fail alone: the loss counts */
	submit_key(f, "b", &n[2]);
	release_lock(h);
	run_all(f);
	for (int i = 0; i < 3; i++)
		assert_int_equal(n[i].err, -ENOSPC);
	assert_false(db_healthy(f->db));
	assert_int_equal(number(f->db, &q_count), 0);
	submit_key(f, "a", &n[3]);
	run_all(f);
	assert_int_equal(n[3].err, 0);
	assert_true(db_healthy(f->db));
}

/* What was submitted before the loop heard of a loss is lost too, whatever its group. */
static void test_loss_takes_followers(void **state)
{
	struct fixture *f = *state;
	struct note n[2] = { 0 };
	struct chain c = { .f = f };
	struct db_batch *b;

	db_fail_commits(f->db, 1, -EIO);
	b = db_batch_new(f->db);
	db_batch_add(b, &q_key, "s", "lost");
	db_submit(b, submit_next, &c);
	while (db_healthy(f->db))
		usleep(1000);
	submit_key(f, "follower", &n[0]);
	run_all(f);
	assert_int_equal(c.err, -EIO);
	assert_int_equal(n[0].err, -EIO);
	assert_int_equal(c.next.err, 0); /* was submitted knowing of it */
	assert_true(n[0].order < c.next.order);
	assert_int_equal(number(f->db, &q_count), 1);
}

/* --- closing ---------------------------------------------------------------------------------- */

static void test_close_drains(void **state)
{
	struct fixture *f = *state;
	struct note n[50] = { 0 };
	struct chain c = { .f = f };
	struct db_batch *b;
	char key[16];

	for (int i = 0; i < 50; i++) {
		(void)snprintf(key, sizeof(key), "%d", i);
		submit_key(f, key, &n[i]);
	}
	b = db_batch_new(f->db);
	db_batch_add(b, &q_key, "s", "last");
	db_submit(b, submit_next, &c);
	db_close(f->db);
	f->db = NULL;
	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(n[i].order, i + 1);
		assert_int_equal(n[i].err, 0);
	}
	assert_int_equal(c.err, 0);
	assert_int_equal(c.next.err, -ECANCELED);
	while (loop_turn(f->loop, false))
		; /* no post is left that would reach the closed one */
	fixture_open(f, steps, 1);
	assert_int_equal(number(f->db, &q_count), 51);
	db_close(NULL);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, fixture_teardown)
	static const struct CMUnitTest tests[] = {
		CASE(test_all_kinds),
		CASE(test_number),
		CASE(test_parameter_order),
		CASE(test_copied),
		CASE(test_numbers_from_two_threads),
		CASE(test_batch_is_atomic),
		CASE(test_others_of_the_group),
		CASE(test_must),
		CASE(test_other_constraints),
		CASE(test_deferred_constraint),
		CASE(test_transaction_ended_by_statement),
		CASE(test_bad_sql),
		CASE(test_order),
		CASE(test_submit_from_completion),
		CASE(test_bounded),
		CASE(test_commit_fails),
		CASE(test_loss_takes_followers),
		CASE(test_close_drains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
