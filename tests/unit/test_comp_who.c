/* SPDX-License-Identifier: MIT */
/* Addresses that stand in settings: what is one, and who is meant. */
#include <errno.h>
#include <string.h>

#include <comp/who.h>

#include "comp_fixture.h"

#define LIST(...)                                                                             \
	{                                                                                     \
		(char *[]){ __VA_ARGS__ }, sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *) \
	}

static void test_checks(void **state)
{
	static const struct {
		const char *value;
		bool bare, domain;
	} rows[] = {
		{ "a@example.org", true, false },
		{ "A@Example.ORG", true, false }, /* it is prepared */
		{ "example.org", true, true },
		{ "Example.ORG", true, true },
		{ "a@example.org/x", false, false },
		{ "example.org/x", false, false },
		{ "@example.org", false, false },
		{ "a b@example.org", false, false },
		{ "", false, false },
	};
	char err[128];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		*err = '\0';
		assert_int_equal(
		    who_check_bare(rows[i].value, err, sizeof(err)), rows[i].bare ? 0 : -EINVAL);
		assert_int_equal(strstr(err, "a@example.org") != NULL, !rows[i].bare);
		*err = '\0';
		assert_int_equal(who_check_domain(rows[i].value, err, sizeof(err)),
		    rows[i].domain ? 0 : -EINVAL);
		assert_int_equal(strstr(err, "a domain") != NULL, !rows[i].domain);
	}
}

static bool has(const struct who *w, const char *s)
{
	return who_has(w, s, strlen(s));
}

static void test_sets(void **state)
{
	static char a[] = "a@test", twice[] = "A@Test", b[] = "b@test", none[] = "@";
	const struct conf_list two = LIST(a, twice, none, b), one = LIST(b), empty = { NULL, 0 };
	struct who w;

	(void)state;
	who_init(&w);
	assert_false(has(&w, "a@test"));
	who_read(&w, &two);
	assert_int_equal(map_len(&w.set), 2);
	assert_true(has(&w, "a@test"));
	assert_true(has(&w, "b@test"));
	assert_false(has(&w, "test"));
	assert_false(has(&w, "a@test/r"));
	assert_true(who_has(&w, "a@test/r", strlen("a@test")));
	who_read(&w, &one); /* in place of the others */
	assert_false(has(&w, "a@test"));
	assert_true(has(&w, "b@test"));
	who_read(&w, &empty);
	assert_false(has(&w, "b@test"));
	who_read(&w, &one);
	who_done(&w);
	assert_false(has(&w, "b@test"));
	who_done(&w);
}

static void test_local(void **state)
{
	static char named[] = "Named.Example";
	const struct conf_list one = LIST(named), empty = { NULL, 0 };
	struct fix *f = fix_new();
	struct jid here = jid_view("a@test/r"), server = jid_view("test");
	struct jid there = jid_view("a@named.example/r"), below = jid_view("a@x.test");
	struct who w;

	(void)state;
	who_init(&w);
	assert_true(who_is_local(&w, f->c, &here));
	assert_true(who_is_local(&w, f->c, &server));
	assert_false(who_is_local(&w, f->c, &there));
	assert_false(who_is_local(&w, f->c, &below));
	who_read(&w, &one);
	assert_false(who_is_local(&w, f->c, &here));
	assert_true(who_is_local(&w, f->c, &there));
	who_read(&w, &empty);
	assert_true(who_is_local(&w, f->c, &here));
	who_done(&w);
	fix_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
