/* SPDX-License-Identifier: MIT */
/* A database with several schemas: versions of their own, one transaction for all. */
#include <errno.h>

#include <sqlite3.h>

#include "db_fixture.h"

static const struct db_step one[] = {
	{ 1, "CREATE TABLE a (n INTEGER)" },
	{ 2, "INSERT INTO a VALUES(1)" },
};
static const struct db_step two[] = {
	{ 1, "CREATE TABLE b (n INTEGER)" },
	{ 2, "INSERT INTO b VALUES(1)" },
	{ 3, "INSERT INTO b VALUES(2)" },
};
static struct db_q in_a = { "SELECT count(*) FROM a" };
static struct db_q in_b = { "SELECT count(*) FROM b" };

static int open_parts(struct fixture *f, size_t n_one, size_t n_two)
{
	const struct db_part parts[] = { { "one", n_one ? one : NULL, n_one },
		{ "two", two, n_two } };

	return db_open_parts(&f->db, f->loop, f->path, parts, 2, f->err, sizeof(f->err));
}

static void close_it(struct fixture *f)
{
	db_close(f->db);
	f->db = NULL;
}

static void test_each_has_its_version(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_parts(f, 1, 2), 0);
	assert_int_equal(number(f->db, &in_a), 0);
	assert_int_equal(number(f->db, &in_b), 1);
	close_it(f);
	assert_int_equal(open_parts(f, 2, 2), 0); /* the first alone has a step more */
	assert_int_equal(number(f->db, &in_a), 1);
	assert_int_equal(number(f->db, &in_b), 1);
	close_it(f);
	assert_int_equal(open_parts(f, 2, 3), 0);
	assert_int_equal(number(f->db, &in_a), 1);
	assert_int_equal(number(f->db, &in_b), 2);
	close_it(f);
	assert_int_equal(open_parts(f, 2, 3), 0); /* nothing runs twice */
	assert_int_equal(number(f->db, &in_a), 1);
	assert_int_equal(number(f->db, &in_b), 2);
}

/* A file of before there were parts is the first one's. */
static void test_a_file_of_one_part(void **state)
{
	struct fixture *f = *state;

	fixture_open(f, one, 2);
	close_it(f);
	assert_int_equal(open_parts(f, 2, 2), 0);
	assert_int_equal(number(f->db, &in_a), 1);
	assert_int_equal(number(f->db, &in_b), 1);
	close_it(f);
	fixture_open(f, one, 2); /* who knows of no parts reads it still */
	assert_int_equal(number(f->db, &in_a), 1);
}

static void test_a_part_without_tables(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_parts(f, 0, 1), 0);
	assert_int_equal(number(f->db, &in_b), 0);
	close_it(f);
	assert_int_equal(open_parts(f, 2, 1), 0); /* it has some now */
	assert_int_equal(number(f->db, &in_a), 1);
}

static void test_newer_part(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_parts(f, 1, 3), 0);
	close_it(f);
	assert_int_equal(open_parts(f, 2, 2), -ENOTSUP);
	assert_non_null(strstr(f->err, "of two has version 3, this program knows 2"));
	assert_null(f->db);
	assert_int_equal(open_parts(f, 2, 3), 0);
	assert_int_equal(number(f->db, &in_a), 1); /* the failed start had changed nothing */
}

static void test_all_or_none(void **state)
{
	static const struct db_step bad[] = { { 1, "INSERT INTO nowhere VALUES(1)" } };
	const struct db_part parts[] = { { "one", one, 2 }, { "bad", bad, 1 } };
	struct fixture *f = *state;

	assert_int_equal(
	    db_open_parts(&f->db, f->loop, f->path, parts, 2, f->err, sizeof(f->err)), -EINVAL);
	assert_non_null(strstr(f->err, "schema step 1 of bad"));
	assert_int_equal(open_parts(f, 2, 1), 0);
	assert_int_equal(number(f->db, &in_a), 1); /* once: the first time it was undone */
}

static void test_sync(void **state)
{
	static struct db_q q = { "INSERT INTO a VALUES(1)" };
	struct fixture *f = *state;
	struct note n[3] = { { 0 } };

	fixture_open(f, one, 1);
	db_sync(f->db); /* nothing to wait for */
	for (int i = 0; i < 3; i++) {
		struct db_batch *b = db_batch_new(f->db);

		db_batch_add(b, &q, "");
		db_submit(b, note_done, &n[i]);
	}
	db_sync(f->db);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(n[i].order, i + 1);
	assert_int_equal(number(f->db, &in_a), 3);
	(void)loop_turn(f->loop, false); /* what was posted meanwhile finds nothing */
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
	static const struct CMUnitTest tests[] = {
		CASE(test_each_has_its_version),
		CASE(test_a_file_of_one_part),
		CASE(test_a_part_without_tables),
		CASE(test_newer_part),
		CASE(test_all_or_none),
		CASE(test_sync),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
