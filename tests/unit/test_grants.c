/* SPDX-License-Identifier: MIT */
/* The setting `privilege`: what is understood, what stops the start. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <base/conf.h>

#include "links/privilege_internal.h"

static char err[512];

static int parse(struct grants *g, const char *const *v, size_t n)
{
	char *copy[16];
	struct conf_list list = { copy, n };

	assert_true(n <= 16);
	for (size_t i = 0; i < n; i++)
		copy[i] = (char *)(uintptr_t)v[i];
	err[0] = '\0';
	return grants_parse(g, &list, err, sizeof(err));
}
#define PARSE(g, ...)                                  \
	parse(g, (const char *const[]){ __VA_ARGS__ }, \
	    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void nothing_by_default(void **state)
{
	struct grants g;

	(void)state;
	assert_int_equal(parse(&g, NULL, 0), 0);
	assert_false(grants_any(&g));
	assert_false(g.push);
}

static void all_of_it(void **state)
{
	struct grants g, same, less;

	(void)state;
	assert_int_equal(PARSE(&g, "roster=both", "message=outgoing", "presence=roster",
			     "iq:http://jabber.org/protocol/pubsub=both", "iq:urn:x=a=b=get",
			     "presence-extra=vcard-temp:x:update"),
	    0);
	assert_int_equal(g.roster, PRIV_BOTH);
	assert_true(g.push && g.message);
	assert_int_equal(g.presence, PRIV_PRESENCE_ROSTER);
	assert_int_equal(g.n_iqs, 2);
	assert_string_equal(g.iqs[0].ns, "http://jabber.org/protocol/pubsub");
	assert_int_equal(g.iqs[0].type, PRIV_BOTH);
	assert_string_equal(g.iqs[1].ns, "urn:x=a=b");
	assert_int_equal(g.iqs[1].type, PRIV_GET);
	assert_string_equal(g.extra, "vcard-temp:x:update");

	assert_int_equal(PARSE(&same, "presence-extra=vcard-temp:x:update", "presence=roster",
			     "iq:http://jabber.org/protocol/pubsub=both", "iq:urn:x=a=b=get",
			     "roster-push=true", "roster=both", "message=outgoing"),
	    0);
	assert_true(grants_same(&g, &same));
	assert_int_equal(PARSE(&less, "roster=both", "message=outgoing", "presence=roster",
			     "iq:http://jabber.org/protocol/pubsub=both", "iq:urn:x=a=b=set",
			     "presence-extra=vcard-temp:x:update"),
	    0);
	assert_false(grants_same(&g, &less));
	grants_done(&g);
	grants_done(&same);
	grants_done(&less);
}

static void pushes_go_with_reading(void **state)
{
	struct grants g;

	(void)state;
	assert_int_equal(PARSE(&g, "roster=get"), 0);
	assert_true(g.push);
	assert_int_equal(PARSE(&g, "roster=set"), 0);
	assert_false(g.push);
	assert_int_equal(PARSE(&g, "roster=both", "roster-push=false"), 0);
	assert_false(g.push);
	assert_int_equal(PARSE(&g, "roster-push", "roster=get"), 0);
	assert_true(g.push);
	assert_int_equal(PARSE(&g, "roster-push", "roster=set"), -EINVAL);
	assert_int_equal(PARSE(&g, "roster-push=true"), -EINVAL);
	assert_int_equal(PARSE(&g, "roster-push=no", "roster=get"), -EINVAL);
}

static void contacts_are_seen_only_by_who_may_know_them(void **state)
{
	struct grants g;

	(void)state;
	assert_int_equal(PARSE(&g, "presence=roster"), -EINVAL);
	assert_non_null(strstr(err, "roster=get"));
	assert_int_equal(PARSE(&g, "presence=roster", "roster=set"), -EINVAL);
	assert_int_equal(PARSE(&g, "presence=roster", "roster=get"), 0);
	assert_int_equal(PARSE(&g, "presence=managed_entity"), 0);
	assert_int_equal(g.presence, PRIV_PRESENCE_MANAGED);
}

#define SIXTEEN "urn:xxxxxxxxxxxx"
#define SIXTY_FOUR SIXTEEN SIXTEEN SIXTEEN SIXTEEN
#define LONG SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR "x"

static void what_is_wrong(void **state)
{
	static const char *const bad[] = { "", "roster", "roster=", "roster=all", "roster=none",
		"Roster=get", "rosters=get", "message", "message=incoming", "presence=all",
		"iq:=get", "iq:urn:x", "iq:urn:x=", "iq:urn:x=none", "iq:urn:xmpp:privilege:2=get",
		"presence-extra", "presence-extra=", "presence-extra=jabber:client", "all", "=get",
		"iq:urn:x y=get", "iq:urn:\x01=get", "iq:urn:<x>=get", "iq:" LONG "=get",
		"presence-extra=urn:x y", "presence-extra=urn:'x'", "presence-extra=" LONG };
	struct grants g;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(&g, &bad[i], 1) != -EINVAL)
			fail_msg("%s was taken", bad[i]);
		assert_non_null(strstr(err, bad[i]));
	}
}

static void nothing_twice(void **state)
{
	struct grants g;

	(void)state;
	assert_int_equal(PARSE(&g, "roster=get", "roster=set"), -EINVAL);
	assert_int_equal(PARSE(&g, "message=outgoing", "message=outgoing"), -EINVAL);
	assert_int_equal(PARSE(&g, "presence=managed_entity", "presence=managed_entity"), -EINVAL);
	assert_int_equal(PARSE(&g, "iq:urn:x=get", "iq:urn:x=set"), -EINVAL);
	assert_int_equal(PARSE(&g, "presence-extra=urn:x", "presence-extra=urn:y"), -EINVAL);
	assert_int_equal(PARSE(&g, "iq:urn:x=get", "iq:urn:xy=set", "iq:urn=set"), 0);
	grants_done(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_by_default),
		cmocka_unit_test(all_of_it),
		cmocka_unit_test(pushes_go_with_reading),
		cmocka_unit_test(contacts_are_seen_only_by_who_may_know_them),
		cmocka_unit_test(what_is_wrong),
		cmocka_unit_test(nothing_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
