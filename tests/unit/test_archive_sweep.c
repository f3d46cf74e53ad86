/* SPDX-License-Identifier: MIT */
/* What is removed, and that a message goes with the last who has it. */
#include "archive_fixture.h"

static void account(struct fix *f, unsigned n, const char *event, const char *jid)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
	    "<message from='test' to='" DOM "'><account xmlns='" NS_TAP
	    "' n='%u' event='%s' jid='%s' stamp='2026-01-01T00:00:00Z'/></message>",
	    n, event, jid);
	fix_put(f, text);
	fix_spin(f);
}

static void sweep(struct fix *f, int times)
{
	for (int i = 0; i < times; i++)
		fix_advance(f, 100);
}

static void test_an_account_goes(void **state)
{
	struct fix *f = *state;

	for (unsigned i = 0; i < 5; i++)
		talk(f, i, "a");
	tap(f, owner_of(BOB, id_at(T0, 9), KEEP " state='offline'"), said(FAR "/x", BOB, "m", "b"));
	account(f, 1, "disabled", BOB);
	account(f, 2, "deleted", "bob@far.test");
	account(f, 2, "deleted", BOB "/b");
	account(f, 3, "deleted", BOB);
	ask(f, BOB "/b", "set", QUERY());
	assert_string_equal(texts(f), ""); /* at once */
	sweep(f, 5);
	assert_int_equal(number(f, "SELECT count(*) FROM account"), 1);
	assert_int_equal(number(f, "SELECT count(*) FROM entry"), 5);
	assert_int_equal(number(f, "SELECT count(*) FROM offline"), 0);
	assert_int_equal(number(f, "SELECT count(*) FROM body"), 5);
	ask(f, ALICE "/a", "set", QUERY());
	assert_string_equal(texts(f), "aaaaa");
	account(f, 4, "deleted", ALICE);
	sweep(f, 5);
	assert_int_equal(number(f, "SELECT count(*) FROM account"), 0);
	assert_int_equal(number(f, "SELECT count(*) FROM body"), 0);
}

/* Of nothing that is left the numbers begin anew, but not below what has been filed. */
static void test_what_comes_when_all_has_gone(void **state)
{
	struct fix *f = *state;

	for (unsigned i = 0; i < 3; i++)
		talk(f, i, "a");
	ask(f, ALICE "/a", "set", QUERY());
	account(f, 1, "deleted", BOB);
	account(f, 2, "deleted", ALICE);
	sweep(f, 5);
	assert_int_equal(number(f, "SELECT count(*) FROM body"), 0);
	fix_replace(f);
	tap(f, owner_of(BOB, id_at(T0 + 9000, 2), KEEP), said(FAR "/x", BOB, "m", "b"));
	ask(f, BOB "/b", "set", QUERY());
	assert_string_equal(texts(f), "b");
}

/* The next of the name finds nothing of it, whatever has been removed yet. */
static void test_a_name_comes_again(void **state)
{
	struct fix *f = *state;

	talk(f, 1, "a");
	fix_put(f, "<message from='test' to='" DOM "'><account xmlns='" NS_TAP
		   "' n='3' event='deleted' jid='" BOB "'/></message>");
	tap_quietly(f, owner_of(BOB, id_at(T0 + 9000, 2), KEEP), said(FAR "/x", BOB, "m", "b"));
	fix_spin(f);
	ask(f, BOB "/b", "set", QUERY());
	assert_string_equal(texts(f), "b");
	sweep(f, 5);
	account(f, 3, "deleted", BOB); /* the server was restarted: it is the same event */
	account(f, 2, "deleted", BOB);
	ask(f, BOB "/b", "set", QUERY());
	assert_string_equal(texts(f), "b");
	account(f, 4, "deleted", BOB);
	ask(f, BOB "/b", "set", QUERY());
	assert_string_equal(texts(f), "");
}

/* What is told again has to wait for a commit; its owner goes behind it all the same. */
static void test_told_again_and_then_gone(void **state)
{
	struct fix *f = *state;
	const char *fors = owner_of(BOB, id_at(T0, 2), KEEP);

	tap(f, fors, said(FAR "/x", BOB, "m", "a"));
	tap_quietly(f, fors, said(FAR "/x", BOB, "m", "a"));
	fix_put(f, "<message from='test' to='" DOM "'><account xmlns='" NS_TAP
		   "' n='3' event='deleted' jid='" BOB "'/></message>");
	fix_put(f, "<message from='test' to='" DOM "'><account xmlns='" NS_TAP
		   "' n='4' event='created' jid='" BOB "'/></message>");
	fix_spin(f);
	ask(f, BOB "/b", "set", QUERY());
	assert_string_equal(texts(f), "");
	sweep(f, 5);
	assert_int_equal(number(f, "SELECT count(*) FROM account"), 0);
	assert_int_equal(number(f, "SELECT count(*) FROM body"), 0);
}

/* Bit by bit, and going on after a restart. */
static void test_a_large_one_goes(void **state)
{
	enum { N = 1000 };
	struct fix *f = *state;
	int64_t left, before;
	int bits = 0;

	for (unsigned i = 0; i < N; i++) {
		tap_quietly(f, owner_of(BOB, id_at(T0 + i, 2), KEEP " state='offline'"),
		    said(FAR "/x", BOB, "m", "b"));
		if (i % 200 == 0)
			fix_spin(f);
	}
	fix_spin(f);
	account(f, 3, "deleted", BOB);
	before = number(f, "SELECT count(*) FROM entry");
	assert_in_range(before, N - 400, N);
	for (; bits < 100; bits++) {
		fix_advance(f, 21);
		left = number(f, "SELECT count(*) FROM entry");
		assert_true(before - left <= 400);
		if (left < N / 2)
			break;
		before = left;
	}
	assert_in_range(bits, 1, 20);
	fix_replace(f);
	for (int i = 0; i < 50; i++)
		fix_advance(f, 21);
	assert_int_equal(number(f, "SELECT count(*) FROM entry"), 0);
	assert_int_equal(number(f, "SELECT count(*) FROM body"), 0);
	assert_int_equal(number(f, "SELECT count(*) FROM account"), 0);
}

/* The oldest go, but for what waits. */
static void test_age(void **state)
{
	struct fix *f = *state;
	int64_t now = loop_wall_ms(f->l);

	tap(f, owner_of(ALICE, id_at(now - 100000, 1), KEEP), said(FAR "/x", ALICE, "m", "a"));
	tap(f, owner_of(ALICE, id_at(now - 90000, 1), KEEP " state='offline'"),
	    said(FAR "/x", ALICE, "m", "b"));
	tap(f, owner_of(ALICE, id_at(now - 20000, 1), KEEP), said(FAR "/x", ALICE, "m", "c"));
	tap(f, owner_of(ALICE, id_at(now, 1), KEEP), said(FAR "/x", ALICE, "m", "d"));
	fix_advance(f, 61000);
	assert_int_equal(number(f, "SELECT count(*) FROM entry"), 4);
	conf.expire = 120;
	fix_advance(f, 61000); /* 122 s: the third has 142 */
	sweep(f, 3);
	ask(f, ALICE "/a", "set", QUERY());
	assert_string_equal(texts(f), "");
	assert_int_equal(number(f, "SELECT count(*) FROM entry"), 0);
	assert_int_equal(number(f, "SELECT count(*) FROM offline"), 1);
	assert_int_equal(number(f, "SELECT count(*) FROM body"), 1);
}

static void test_age_of_some(void **state)
{
	struct fix *f = *state;
	int64_t now = loop_wall_ms(f->l);

	conf.expire = 3600;
	for (unsigned i = 0; i < 500; i++)
		tap_quietly(f, owner_of(ALICE, id_at(now - 4000000 + i, 1), KEEP),
		    said(FAR "/x", ALICE, "m", "a"));
	tap(f, owner_of(ALICE, id_at(now, 1), KEEP), said(FAR "/x", ALICE, "m", "b"));
	file(f);
	fix_advance(f, 61000);
	sweep(f, 5);
	ask(f, ALICE "/a", "set", QUERY());
	assert_string_equal(texts(f), "b");
	assert_int_equal(number(f, "SELECT count(*) FROM body"), 1);
}

/* Every page begins at a key: nothing is sorted, and no table is read from its start. */
static void test_plans(void **state)
{
	static const struct {
		const char *sql, *want;
	} v[] = {
		{ "SELECT e.id FROM entry e CROSS JOIN body b ON b.id = e.body WHERE e.owner = 1"
		  " AND e.id > x'00' AND e.id < x'01' ORDER BY e.id DESC LIMIT 9",
		    "SEARCH e USING PRIMARY KEY (owner=? AND id>? AND id<?)" },
		{ "SELECT e.id FROM entry e INDEXED BY entry_peer CROSS JOIN body b ON b.id = "
		  "e.body"
		  " WHERE e.owner = 1 AND e.peer = 'p' AND e.id > x'00' AND e.id < x'01'"
		  " ORDER BY e.id LIMIT 9",
		    "SEARCH e USING INDEX entry_peer (owner=? AND peer=? AND id>? AND id<?)" },
		{ "SELECT id FROM unused WHERE id = 1",
		    "SEARCH body USING INTEGER PRIMARY KEY (rowid=?)" },
		{ "SELECT id FROM (SELECT id, origin FROM entry e INDEXED BY entry_peer WHERE"
		  " owner = 1 AND peer = 'p' ORDER BY id DESC LIMIT 9) WHERE origin = 1 LIMIT 1",
		    "SEARCH e USING COVERING INDEX entry_peer (owner=? AND peer=?)" },
		{ "SELECT id FROM account WHERE jid IS NULL ORDER BY id LIMIT 1", "account" },
	};
	struct fix *f = *state;
	struct db *db = comp_db(f->c);

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		static char text[5][400];
		static struct db_q q[5];
		struct sbuf plan = SBUF_INIT;

		(void)snprintf(text[i], sizeof(text[i]), "EXPLAIN QUERY PLAN %s", v[i].sql);
		q[i].sql = text[i];
		assert_int_equal(db_query(db, &q[i], ""), 0);
		while (db_next(db, &q[i]) > 0)
			sbuf_printf(&plan, "%s\n", db_text(db, &q[i], 3));
		if (!strstr(sbuf_str(&plan), v[i].want) || strstr(sbuf_str(&plan), "TEMP B-TREE") ||
		    strstr(sbuf_str(&plan), "SCAN body") || strstr(sbuf_str(&plan), "SCAN e"))
			fail_msg("%s:\n%s", v[i].sql, sbuf_str(&plan));
		sbuf_done(&plan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ARCHIVE_TEST(test_an_account_goes),
		ARCHIVE_TEST(test_what_comes_when_all_has_gone),
		ARCHIVE_TEST(test_a_name_comes_again),
		ARCHIVE_TEST(test_told_again_and_then_gone),
		ARCHIVE_TEST(test_a_large_one_goes),
		ARCHIVE_TEST(test_age),
		ARCHIVE_TEST(test_age_of_some),
		ARCHIVE_TEST(test_plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
