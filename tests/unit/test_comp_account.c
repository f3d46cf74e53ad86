/* SPDX-License-Identifier: MIT */
/* What the server tells of accounts. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <comp/account.h>

#include "comp_fixture.h"

static char seen[256];

static int on_event(struct comp_req *rq, void *arg)
{
	struct comp_account_event ev;

	(void)arg;
	if (comp_account_event(rq, &ev))
		(void)snprintf(seen, sizeof(seen), "%s %s %" PRId64 "%s", ev.jid.s, ev.host, ev.n,
		    ev.deleted ? " deleted" : "");
	return COMP_DONE;
}

static const struct comp_route rows[] = {
	{ EL_MESSAGE, NULL, NS_TAP, "account", COMP_TO_HOST, on_event },
};

static int setup(void **state)
{
	struct fix *f = fix_new();

	comp_routes(f->c, rows, sizeof(rows) / sizeof(rows[0]), NULL);
	fix_online(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	fix_free(*state);
	return 0;
}

static const char *told(struct fix *f, const char *from, const char *attrs)
{
	*seen = '\0';
	fix_sendf(f, "<message from='%s' to='" DOM "'><account xmlns='" NS_TAP "' %s/></message>",
	    from, attrs);
	return seen;
}

static void test_events(void **state)
{
	static const struct {
		const char *attrs, *want;
	} rows_[] = {
		{ "n='1' event='created' jid='a@test'", "a@test test 1" },
		{ "n='4711' event='deleted' jid='A@Test'", "a@test test 4711 deleted" },
		{ "n='2' event='of another kind' jid='a@test'", "a@test test 2" },
		{ "event='deleted' jid='a@test'", "a@test test 0 deleted" },
		{ "n='x' event='deleted' jid='a@test'", "a@test test 0 deleted" },
		{ "n='-1' event='deleted' jid='a@test'", "a@test test 0 deleted" },
		{ "n='12x' event='deleted' jid='a@test'", "a@test test 12 deleted" },
		/* what says nothing */
		{ "n='1' jid='a@test'", "" },
		{ "n='1' event='deleted'", "" },
		{ "n='1' event='deleted' jid='@'", "" },
		{ "n='1' event='deleted' jid='test'", "" },
		{ "n='1' event='deleted' jid='a@test/x'", "" },
		{ "n='1' event='deleted' jid='a@other.test'", "" },
	};
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(rows_) / sizeof(rows_[0]); i++)
		assert_string_equal(told(f, "test", rows_[i].attrs), rows_[i].want);
}

/* However long a number is, it is one. */
static void test_long_number(void **state)
{
	struct fix *f = *state;

	(void)told(f, "test", "n='99999999999999999999999999' event='created' jid='a@test'");
	assert_int_equal(strncmp(seen, "a@test test 99999", 17), 0);
}

static void test_nobody_else(void **state)
{
	struct fix *f = *state;

	assert_string_equal(told(f, "other.test", "n='1' event='deleted' jid='a@other.test'"), "");
	assert_string_equal(told(f, "a@test", "n='1' event='deleted' jid='a@test'"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_events, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_number, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_else, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
