/* SPDX-License-Identifier: MIT */
/* Tokens against a real database and a real file. */
#include <errno.h>
#include <sys/stat.h>

#include <base/db.h>
#include <base/log.h>
#include <base/loop.h>

#include "auth/tokens.h"
#include "auth_fixture.h"

#define ROMEO "romeo@" DOMAIN
#define NONE "HT-SHA-256-NONE"
#define EXPR "HT-SHA-256-EXPR"
#define TTL 1000 /* seconds */

static const uint8_t phone[TOKEN_CLIENT] = "phone", laptop[TOKEN_CLIENT] = "laptop";
static const struct token_owner on_phone = { ROMEO, phone }, on_laptop = { ROMEO, laptop };
static struct tokens *ts;

static int setup(void **state)
{
	auth_setup(state);
	auth.conf.daemon.data_dir = auth.f.dir;
	auth.conf.fast.token_ttl = TTL;
	auth.conf.limit.fast_clients = 3;
	assert_int_equal(auth_add(ROMEO, "wherefore art"), 0);
	ts = tokens_open(&auth.r);
	return 0;
}

static int teardown(void **state)
{
	tokens_close(ts);
	return auth_teardown(state);
}

static int64_t kept(void)
{
	static struct db_q q = { "SELECT count(*) FROM fast_token" };

	return number(auth.f.db, &q);
}

static int commit(struct db_batch *b)
{
	struct note n = { 0 };

	db_submit(b, note_done, &n);
	run_all(&auth.f);
	assert_int_equal(n.order > 0, 1);
	return n.err;
}

static struct token issue(const struct token_owner *o, const char *mech)
{
	struct db_batch *b = db_batch_new(auth.f.db);
	struct token t;

	tokens_issue(ts, b, o, mech, NULL, &t);
	assert_int_equal(commit(b), 0);
	assert_int_equal(strlen(t.text), TOKEN_TEXT);
	return t;
}

static int use(const struct token_owner *o, const struct token *t, int64_t count)
{
	struct db_batch *b = db_batch_new(auth.f.db);

	tokens_use(b, o, t, count);
	return commit(b);
}

/* The place where it is found; -1: nowhere. */
static int place_of(const struct token_owner *o, const char *mech, const struct token *t)
{
	struct token found[TOKEN_PLACES];
	int place = -1;

	assert_int_equal(tokens_find(ts, o, mech, found), 0);
	assert_string_not_equal(found[0].text, found[1].text);
	for (int i = 0; i < TOKEN_PLACES; i++) {
		assert_int_equal(strlen(found[i].text), TOKEN_TEXT);
		if (!strcmp(found[i].text, t->text)) {
			assert_true(found[i].there && found[i].expires_ms == t->expires_ms);
			assert_int_equal(found[i].newer, i == TOKEN_NEW);
			place = i;
		}
	}
	return place;
}

static void test_two_places(void **state)
{
	struct token a = issue(&on_phone, NONE), b, c;

	(void)state;
	assert_int_equal(place_of(&on_phone, NONE, &a), TOKEN_NEW);
	b = issue(&on_phone, NONE); /* nobody has used the one before */
	assert_int_equal(place_of(&on_phone, NONE, &a), -1);
	assert_int_equal(use(&on_phone, &a, -1), -ENOENT);
	assert_int_equal(use(&on_phone, &b, -1), 0);
	assert_int_equal(place_of(&on_phone, NONE, &b), TOKEN_CURRENT);
	c = issue(&on_phone, EXPR);
	assert_int_equal(place_of(&on_phone, NONE, &b), TOKEN_CURRENT);
	assert_int_equal(place_of(&on_phone, EXPR, &c), TOKEN_NEW);
	assert_int_equal(use(&on_phone, &c, -1), 0);
	assert_int_equal(place_of(&on_phone, NONE, &b), -1);
	assert_int_equal(place_of(&on_phone, EXPR, &c), TOKEN_CURRENT);
	assert_int_equal(kept(), 1);
}

static void test_whose_it_is(void **state)
{
	struct token t = issue(&on_phone, NONE);
	const struct token_owner nobody = { "nobody@" DOMAIN, phone };

	(void)state;
	assert_int_equal(place_of(&on_laptop, NONE, &t), -1);
	assert_int_equal(place_of(&on_phone, EXPR, &t), -1);
	assert_int_equal(place_of(&nobody, NONE, &t), -1);
	assert_int_equal(use(&on_laptop, &t, -1), -ENOENT);
}

static void test_counts(void **state)
{
	struct token t = issue(&on_phone, NONE), found[TOKEN_PLACES];

	(void)state;
	assert_int_equal(use(&on_phone, &t, 0), 0);
	assert_int_equal(use(&on_phone, &t, 0), -ENOENT);
	assert_int_equal(use(&on_phone, &t, UINT32_MAX), 0);
	assert_int_equal(use(&on_phone, &t, 7), -ENOENT);
	assert_int_equal(use(&on_phone, &t, -1), 0);
	assert_int_equal(tokens_find(ts, &on_phone, NONE, found), 0);
	assert_int_equal(found[TOKEN_CURRENT].count, UINT32_MAX);
}

static void test_dropped(void **state)
{
	struct token t = issue(&on_phone, NONE), other = issue(&on_laptop, NONE);
	struct db_batch *b = db_batch_new(auth.f.db);

	(void)state;
	assert_int_equal(use(&on_phone, &t, 3), 0);
	(void)issue(&on_phone, NONE);
	tokens_drop(b, &on_phone, &t, 3);
	assert_int_equal(commit(b), -ENOENT);
	assert_int_equal(kept(), 3);
	b = db_batch_new(auth.f.db);
	tokens_drop(b, &on_phone, &t, 4);
	assert_int_equal(commit(b), 0);
	assert_int_equal(kept(), 1);
	assert_int_equal(place_of(&on_laptop, NONE, &other), TOKEN_NEW);
}

static void test_only_with_the_keys_of_now(void **state)
{
	struct account acc;
	struct db_batch *b = db_batch_new(auth.f.db);
	struct token t;

	(void)state;
	assert_int_equal(accounts_get(auth.r.accounts, JID(ROMEO), &acc), 0);
	tokens_issue(ts, b, &on_phone, NONE, acc.sha256.salt, &t);
	assert_int_equal(commit(b), 0);
	b = db_batch_new(auth.f.db);
	tokens_issue(ts, b, &on_laptop, NONE, acc.sha1.salt, &t);
	assert_int_equal(commit(b), 0);
	assert_int_equal(auth_passwd(ROMEO, "another"), 0);
	assert_int_equal(kept(), 0);
	b = db_batch_new(auth.f.db);
	tokens_issue(ts, b, &on_phone, NONE, acc.sha256.salt, &t);
	assert_int_equal(commit(b), -ENOENT);
	assert_int_equal(kept(), 0);
}

static void test_disabled_and_deleted(void **state)
{
	struct db_batch *b = db_batch_new(auth.f.db);
	struct token t = issue(&on_phone, NONE);

	(void)state;
	assert_int_equal(auth_disable(ROMEO), 0);
	assert_int_equal(kept(), 0);
	tokens_issue(ts, b, &on_phone, NONE, NULL, &t);
	assert_int_equal(commit(b), -ENOENT);
	assert_int_equal(auth_enable(ROMEO), 0);
	(void)issue(&on_phone, NONE);
	assert_int_equal(auth_delete(ROMEO), 0);
	assert_int_equal(kept(), 0);
}

static void test_so_many_clients(void **state)
{
	uint8_t client[6][TOKEN_CLIENT] = { { 0 } };
	struct token t[6];

	(void)state;
	for (uint8_t i = 0; i < 6; i++) {
		const struct token_owner o = { ROMEO, client[i] };

		client[i][0] = i;
		loop_clock_advance(auth.f.loop, 10);
		t[i] = issue(&o, NONE);
		assert_int_equal(use(&o, &t[i], -1), 0);
	}
	assert_int_equal(kept(), 3);
	for (uint8_t i = 0; i < 6; i++) {
		const struct token_owner o = { ROMEO, client[i] };

		assert_int_equal(place_of(&o, NONE, &t[i]), i < 3 ? -1 : TOKEN_CURRENT);
	}
}

/* What has expired goes with what comes, some of it each time. */
static void test_purge(void **state)
{
	uint8_t client[TOKEN_CLIENT] = { 0 };
	const struct token_owner o = { ROMEO, client };

	(void)state;
	auth.conf.limit.fast_clients = 0; /* no limit */
	for (uint8_t i = 0; i < 50; i++) {
		client[0] = i;
		(void)issue(&o, NONE);
	}
	assert_int_equal(kept(), 50);
	loop_clock_advance(auth.f.loop, TTL * 1000 + 1);
	(void)issue(&on_phone, NONE);
	assert_in_range(kept(), 2, 50);
	(void)issue(&on_laptop, NONE);
	assert_int_equal(kept(), 2);
}

static void test_due(void **state)
{
	struct token t = issue(&on_phone, NONE);

	(void)state;
	assert_false(tokens_due(ts, &t));
	loop_clock_advance(auth.f.loop, TTL * 500 - 5000); /* the real clock goes on, too */
	assert_false(tokens_due(ts, &t));
	loop_clock_advance(auth.f.loop, 5001);
	assert_true(tokens_due(ts, &t));
	auth.conf.fast.token_ttl = 21 * 86400;
	t = issue(&on_phone, NONE);
	loop_clock_advance(auth.f.loop, 86390 * 1000);
	assert_false(tokens_due(ts, &t));
	loop_clock_advance(auth.f.loop, 11 * 1000);
	assert_true(tokens_due(ts, &t));
}

/* --- the secret ------------------------------------------------------------------------------- */

static char *key_path(void)
{
	static char path[96];

	(void)snprintf(path, sizeof(path), "%s/fast.key", auth.f.dir);
	return path;
}

static void again(void)
{
	tokens_close(ts);
	ts = tokens_open(&auth.r);
}

static void test_secret_is_kept(void **state)
{
	struct token t = issue(&on_phone, NONE);
	struct stat st;

	(void)state;
	assert_int_equal(stat(key_path(), &st), 0);
	assert_int_equal(st.st_size, 32);
	assert_int_equal(st.st_mode & 0777, 0600);
	again();
	assert_true(tokens_on(ts));
	assert_int_equal(place_of(&on_phone, NONE, &t), TOKEN_NEW);
	assert_int_equal(unlink(key_path()), 0);
	again();
	assert_true(tokens_on(ts));
	assert_int_equal(place_of(&on_phone, NONE, &t), -1);
}

static void log_line(const char *line, void *arg)
{
	unsigned *n = arg;

	*n += strstr(line, "nobody gets a token") != NULL;
}

static void test_secret_that_cannot_be_had(void **state)
{
	char *dir = auth.conf.daemon.data_dir, nowhere[] = "/nonexistent";
	unsigned said = 0;

	(void)state;
	log_set_level(LOG_LVL_WARN);
	log_capture(log_line, &said);
	assert_int_equal(truncate(key_path(), 31), 0);
	again();
	assert_false(tokens_on(ts));
	assert_int_equal(said, 1);
	auth.conf.daemon.data_dir = nowhere;
	again();
	assert_false(tokens_on(ts));
	assert_int_equal(said, 2);
	auth.conf.daemon.data_dir = dir;
	assert_int_equal(unlink(key_path()), 0);
	tokens_reload(ts); /* the next reload looks again */
	assert_true(tokens_on(ts));
	auth.conf.fast.token_ttl = 0;
	assert_false(tokens_on(ts));
	log_capture(NULL, NULL);
	log_set_level(LOG_LVL_ERROR);
}

static void rename_table(struct db_q *q)
{
	struct db_batch *b = db_batch_new(auth.f.db);

	db_batch_add(b, q, "");
	assert_int_equal(commit(b), 0);
}

/* Who shows one hears of something else than a wrong one. */
static void test_database_that_cannot_be_read(void **state)
{
	static struct db_q q_away = { "ALTER TABLE fast_token RENAME TO elsewhere" },
			   q_back = { "ALTER TABLE elsewhere RENAME TO fast_token" };
	struct token t = issue(&on_phone, NONE), found[TOKEN_PLACES];

	(void)state;
	rename_table(&q_away);
	assert_int_equal(tokens_find(ts, &on_phone, NONE, found), -EIO);
	assert_false(found[0].there || found[1].there);
	rename_table(&q_back);
	assert_int_equal(place_of(&on_phone, NONE, &t), TOKEN_NEW);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_two_places),
		T(test_whose_it_is),
		T(test_counts),
		T(test_dropped),
		T(test_only_with_the_keys_of_now),
		T(test_disabled_and_deleted),
		T(test_so_many_clients),
		T(test_purge),
		T(test_due),
		T(test_secret_is_kept),
		T(test_secret_that_cannot_be_had),
		T(test_database_that_cannot_be_read),
	};

	log_set_level(LOG_LVL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
