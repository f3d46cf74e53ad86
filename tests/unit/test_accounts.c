/* SPDX-License-Identifier: MIT */
/* Accounts against a real database. */
#include <errno.h>

#include <base/sbuf.h>

#include "auth_fixture.h"

#define ROMEO "romeo@" DOMAIN
#define JULIET "juliet@" DOMAIN

static struct account get(const char *jid)
{
	struct account acc;

	assert_int_equal(accounts_get(auth.r.accounts, JID(jid), &acc), 0);
	return acc;
}

static bool exists(const char *jid)
{
	return accounts_exist(auth.r.accounts, JID(jid));
}

static int64_t count(const char *table)
{
	static struct db_q accounts = { "SELECT count(*) FROM account" };
	static struct db_q rosters = { "SELECT count(*) FROM roster" };

	return number(auth.f.db, strcmp(table, "account") ? &rosters : &accounts);
}

static void test_add_and_get(void **state)
{
	struct account acc, other;

	(void)state;
	assert_int_equal(auth_add(ROMEO, "wherefore art"), 0);
	assert_int_equal(auth_add(JULIET, "wherefore art"), 0);
	acc = get(ROMEO "/garden"); /* the bare part counts */
	assert_false(acc.disabled);
	assert_int_equal(acc.sha256.alg, DIGEST_SHA256);
	assert_int_equal(acc.sha1.alg, DIGEST_SHA1);
	assert_int_equal(acc.sha1.iterations, SCRAM_ITERATIONS);
	assert_true(scram_check_password(&acc.sha256, "wherefore art"));
	assert_true(scram_check_password(&acc.sha1, "wherefore art"));
	assert_false(scram_check_password(&acc.sha256, "wherefore"));
	assert_false(scram_check_password(&acc.sha1, ""));

	other = get(JULIET);
	assert_memory_not_equal(acc.sha256.salt, other.sha256.salt, SCRAM_SALT);
	assert_memory_not_equal(acc.sha256.salt, acc.sha1.salt, SCRAM_SALT);
	assert_int_equal(accounts_get(auth.r.accounts, JID("tybalt@" DOMAIN), &acc), -ENOENT);
}

static void test_add_twice(void **state)
{
	struct account acc;

	(void)state;
	assert_int_equal(auth_add(ROMEO, "first"), 0);
	assert_int_equal(auth_add(ROMEO, "second"), -EEXIST);
	acc = get(ROMEO);
	assert_true(scram_check_password(&acc.sha256, "first"));
	assert_true(exists(ROMEO));
	assert_int_equal(count("account"), 1);
}

static void test_refused(void **state)
{
	char long_one[1100];

	(void)state;
	memset(long_one, 'x', sizeof(long_one));
	long_one[1024] = '\0';
	assert_int_equal(auth_add(ROMEO "/garden", "p"), -EINVAL);
	assert_int_equal(auth_add(DOMAIN, "p"), -EINVAL);
	assert_int_equal(auth_add("romeo@example.com", "p"), -EINVAL);
	assert_int_equal(auth_add(ROMEO, NULL), -EINVAL);
	assert_int_equal(auth_add(ROMEO, ""), -EINVAL);
	assert_int_equal(auth_add(ROMEO, "a\nb"), -EINVAL);
	assert_int_equal(auth_add(ROMEO, long_one), -EINVAL);
	assert_int_equal(auth_passwd(ROMEO, ""), -EINVAL);
	assert_int_equal(auth_passwd("romeo@example.com", "p"), -EINVAL);
	assert_int_equal(auth_delete("romeo@example.com"), -EINVAL);
	assert_int_equal(auth_delete(DOMAIN), -EINVAL);
	assert_int_equal(count("account"), 0);
}

static void test_passwd(void **state)
{
	struct account acc;

	(void)state;
	assert_int_equal(auth_passwd(ROMEO, "new"), -ENOENT);
	assert_int_equal(auth_add(ROMEO, "old"), 0);
	auth.has_session = ROMEO;
	assert_int_equal(auth_passwd(ROMEO, "new"), 0);
	acc = get(ROMEO);
	assert_true(scram_check_password(&acc.sha256, "new"));
	assert_true(scram_check_password(&acc.sha1, "new"));
	assert_false(scram_check_password(&acc.sha256, "old"));
	assert_int_equal(auth.kicked, 0);
}

static void test_delete(void **state)
{
	static struct db_q item = { "INSERT INTO roster (owner, contact) VALUES ($1, 'a@b')" };
	struct note n = { 0 };

	(void)state;
	assert_int_equal(auth_delete(ROMEO), -ENOENT);
	assert_int_equal(auth.rosters_gone, 0);
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	auth_sql(&item, ROMEO);
	auth.has_session = ROMEO;
	assert_int_equal(accounts_delete(auth.r.accounts, JID(ROMEO), note_done, &n), 0);
	assert_int_equal(auth.kicked, 0); /* not before the commit */
	run_all(&auth.f);
	assert_int_equal(n.err, 0);
	assert_int_equal(auth.kicked, 2);
	assert_int_equal(auth.rosters_gone, 1);
	assert_int_equal(count("account"), 0);
	assert_int_equal(count("roster"), 0);
	assert_false(exists(ROMEO));
}

static void test_delete_that_fails(void **state)
{
	(void)state;
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	auth.has_session = ROMEO;
	db_fail_commits(auth.f.db, 1, -ENOSPC);
	assert_int_equal(auth_delete(ROMEO), -ENOSPC);
	assert_int_equal(auth.kicked, 0);
	assert_true(exists(ROMEO));
}

static void test_disable(void **state)
{
	(void)state;
	assert_int_equal(auth_disable(ROMEO), -ENOENT);
	assert_int_equal(auth_enable(ROMEO), -ENOENT);
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	auth.has_session = ROMEO;
	assert_int_equal(auth_disable(ROMEO), 0);
	assert_int_equal(auth.kicked, 2);
	assert_true(get(ROMEO).disabled);
	assert_int_equal(auth_disable(ROMEO), 0); /* as it was */
	assert_int_equal(auth_enable(ROMEO), 0);
	assert_int_equal(auth_enable(ROMEO), 0);
	assert_int_equal(auth.kicked, 4);
	assert_false(get(ROMEO).disabled);
	assert_true(exists(ROMEO));
	assert_int_equal(auth_disable("romeo@example.com"), -EINVAL);
	assert_int_equal(auth_enable(DOMAIN), -EINVAL);
	db_fail_commits(auth.f.db, 1, -ENOSPC);
	assert_int_equal(auth_disable(ROMEO), -ENOSPC);
	assert_int_equal(auth.kicked, 4);
	assert_false(get(ROMEO).disabled);
}

/* While the router stops, the session table may be gone when the last completion runs. */
static void test_delete_while_stopping(void **state)
{
	struct note n = { 0 };

	(void)state;
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	auth.has_session = ROMEO;
	assert_int_equal(accounts_delete(auth.r.accounts, JID(ROMEO), note_done, &n), 0);
	auth.r.stopping = true;
	db_close(auth.f.db);
	auth.f.db = NULL;
	assert_int_not_equal(n.order, 0);
	assert_int_equal(auth.kicked, 0);
}

static void test_exist(void **state)
{
	(void)state;
	assert_false(exists(ROMEO));
	assert_int_equal(auth_add(ROMEO, "p"), 0); /* also known not to exist a moment ago */
	assert_true(exists(ROMEO));
	assert_true(exists(ROMEO "/garden"));
	assert_false(exists(DOMAIN));
	assert_false(exists("romeo@example.com"));
	assert_int_equal(auth_delete(ROMEO), 0);
	assert_false(exists(ROMEO));
	assert_int_equal(auth_passwd(ROMEO, "p"), -ENOENT);
	assert_false(exists(ROMEO));
}

static void test_add_and_delete_at_once(void **state)
{
	struct note add = { 0 }, del = { 0 };

	(void)state;
	assert_int_equal(accounts_add(auth.r.accounts, JID(ROMEO), "p", note_done, &add), 0);
	assert_int_equal(accounts_delete(auth.r.accounts, JID(ROMEO), note_done, &del), 0);
	assert_int_equal(accounts_add(auth.r.accounts, JID(ROMEO), "p", NULL, NULL), 0);
	run_all(&auth.f);
	assert_int_equal(add.err, 0);
	assert_int_equal(del.err, 0);
	assert_true(exists(ROMEO));
}

/* More names than are remembered, which a stranger may ask for. */
static void test_many_names(void **state)
{
	char jid[64];

	(void)state;
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	for (int i = 0; i < 20000; i++) {
		(void)snprintf(jid, sizeof(jid), "nobody-%d@" DOMAIN, i);
		assert_false(exists(jid));
	}
	assert_true(exists(ROMEO));
	assert_false(exists("nobody-1@" DOMAIN));
}

static void note_jid(const char *bare, bool disabled, void *arg)
{
	sbuf_printf(arg, "%s%s ", bare, disabled ? "!" : "");
}

static void page(const char *after, unsigned n, const char *want)
{
	struct sbuf b = SBUF_INIT;

	assert_int_equal(accounts_list(auth.r.accounts, after, n, note_jid, &b), 0);
	assert_string_equal(sbuf_str(&b), want);
	sbuf_done(&b);
}

static void test_list(void **state)
{
	static struct db_q disable = { "UPDATE account SET disabled = 1 WHERE jid = $1" };

	(void)state;
	page(NULL, 10, "");
	assert_int_equal(auth_add("c@" DOMAIN, "p"), 0);
	assert_int_equal(auth_add("a@" DOMAIN, "p"), 0);
	assert_int_equal(auth_add("b@" DOMAIN, "p"), 0);
	auth_sql(&disable, "b@" DOMAIN);
	assert_true(get("b@" DOMAIN).disabled);
	page(NULL, 2, "a@" DOMAIN " b@" DOMAIN "! ");
	page("b@" DOMAIN, 2, "c@" DOMAIN " ");
	page("c@" DOMAIN, 2, "");
	page(NULL, 0, "");
}

static void test_damaged(void **state)
{
	static struct db_q salt = { "UPDATE account SET salt1 = x'00' WHERE jid = $1" };
	static struct db_q turns = { "UPDATE account SET iterations = 0 WHERE jid = $1" };
	struct account acc;

	(void)state;
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	assert_int_equal(auth_add(JULIET, "p"), 0);
	auth_sql(&salt, ROMEO);
	auth_sql(&turns, JULIET);
	assert_int_equal(accounts_get(auth.r.accounts, JID(ROMEO), &acc), -EIO);
	assert_int_equal(accounts_get(auth.r.accounts, JID(JULIET), &acc), -EIO);
	assert_true(exists(ROMEO));
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, auth_setup, auth_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_add_and_get),
		CASE(test_add_twice),
		CASE(test_refused),
		CASE(test_passwd),
		CASE(test_delete),
		CASE(test_delete_that_fails),
		CASE(test_delete_while_stopping),
		CASE(test_disable),
		CASE(test_exist),
		CASE(test_add_and_delete_at_once),
		CASE(test_many_names),
		CASE(test_list),
		CASE(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
