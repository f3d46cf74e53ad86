/* SPDX-License-Identifier: MIT */
/* A database that an older release has left is brought up to date and keeps what is in it. */
#include "db_fixture.h"
#include "schema.h"

static void sql(struct fixture *f, struct db_q *q)
{
	struct db_batch *b = db_batch_new(f->db);
	struct note n = { 0 };

	db_batch_must(b, q, "");
	db_submit(b, note_done, &n);
	run_all(f);
	assert_int_equal(n.err, 0);
}

/* The file as the release that knew `n` steps would have left it, with an account and a contact. */
static void old_file(struct fixture *f, size_t n)
{
	static struct db_q q_account = { "INSERT INTO account (jid, created, iterations, salt256,"
					 " stored256, server256, salt1, stored1, server1)"
					 " VALUES ('alice@example.org', 0, 1, x'', x'', x'', x'',"
					 " x'', x'')" };
	static struct db_q q_contact = { "INSERT INTO roster (owner, contact, sub) VALUES"
					 " ('alice@example.org', 'bob@example.org', 3)" };

	fixture_open(f, router_schema, n);
	sql(f, &q_account);
	sql(f, &q_contact);
	db_close(f->db);
	f->db = NULL;
}

static void every_old_file_is_brought_up_to_date(void **state)
{
	static struct db_q q_block = { "INSERT INTO blocked (owner, jid) VALUES"
				       " ('alice@example.org', 'mallory@example.net')" };
	static struct db_q q_invite = { "INSERT INTO invite (id, hash, domain, uses, created,"
					" expires) VALUES ('a', x'00', 'example.org', 1, 0, 1)" };
	static struct db_q q_contacts = { "SELECT sub FROM roster" };
	static struct db_q q_ver = { "SELECT roster_ver FROM account" };
	static struct db_q q_last = { "SELECT count(*) FROM account WHERE last_ms IS NULL"
				      " AND last_status IS NULL" };
	static struct db_q q_extra = { "INSERT INTO presence_extra (account, ns, element) VALUES"
				       " ('alice@example.org', 'urn:x', '<x/>')" };
	struct fixture *f = *state;

	old_file(f, 1);
	fixture_open(f, router_schema, router_schema_n);
	assert_int_equal(number(f->db, &q_contacts), 3);
	assert_int_equal(number(f->db, &q_ver), 1);
	assert_int_equal(number(f->db, &q_last), 1);
	sql(f, &q_block);
	sql(f, &q_invite);
	sql(f, &q_extra);
}

/* An empty roster and one that was filled before versions were kept must not look the same. */
static void old_rosters_have_a_version_that_new_ones_have_not(void **state)
{
	static struct db_q q_account = { "INSERT INTO account (jid, created, iterations, salt256,"
					 " stored256, server256, salt1, stored1, server1)"
					 " VALUES ('carol@example.org', 0, 1, x'', x'', x'', x'',"
					 " x'', x'')" };
	static struct db_q q_ver = { "SELECT roster_ver FROM account WHERE jid LIKE 'carol%'" };
	static struct db_q q_old = { "SELECT roster_ver FROM account WHERE jid LIKE 'alice%'" };
	struct fixture *f = *state;

	old_file(f, 2);
	fixture_open(f, router_schema, router_schema_n);
	sql(f, &q_account);
	assert_int_equal(number(f->db, &q_ver), 0);
	assert_int_equal(number(f->db, &q_old), 1);
}

static void what_an_account_blocks_goes_with_it(void **state)
{
	static struct db_q q_block = { "INSERT INTO blocked (owner, jid) VALUES"
				       " ('alice@example.org', 'mallory@example.net')" };
	static struct db_q q_delete = { "DELETE FROM account" };
	static struct db_q q_count = { "SELECT count(*) FROM blocked" };
	struct fixture *f = *state;

	old_file(f, router_schema_n);
	fixture_open(f, router_schema, router_schema_n);
	sql(f, &q_block);
	assert_int_equal(number(f->db, &q_count), 1);
	sql(f, &q_delete);
	assert_int_equal(number(f->db, &q_count), 0);
}

static void a_newer_file_is_refused(void **state)
{
	struct fixture *f = *state;

	old_file(f, router_schema_n);
	assert_true(
	    db_open(&f->db, f->loop, f->path, router_schema, 1, f->err, sizeof(f->err)) < 0);
	assert_non_null(strstr(f->err, "start a newer"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    every_old_file_is_brought_up_to_date, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(old_rosters_have_a_version_that_new_ones_have_not,
		    fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
		    what_an_account_blocks_goes_with_it, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
		    a_newer_file_is_refused, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
