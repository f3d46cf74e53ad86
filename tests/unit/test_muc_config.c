/* SPDX-License-Identifier: MIT */
/* A room's configuration: from the settings, through the form and back; the lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <base/arena.h>
#include <xmpp/form.h>

#include "affiliation.h"
#include "config.h"
#include "muc.h"
#include "xml_fixture.h"

static const struct muc_conf mc = {
	.dflt = { .public = true, .history = 20 },
	.max_history = 100,
	.max_occupants = 300,
	.max_description = 20,
};

/* Reads a form into c; inner: its fields. */
static int apply(struct room_conf *c, const char *inner)
{
	char *xml = xasprintf("<x xmlns='jabber:x:data' type='submit'>%s</x>", inner);
	struct el *el = xml_str(NS_CLIENT, xml);
	const char *why;
	struct form f;
	int r;

	assert_int_equal(form_parse(&f, el), 0);
	r = config_read(c, &f, &mc, &why);
	assert_true(r <= 0);
	if (r == -COND_NOT_ACCEPTABLE)
		assert_non_null(why);
	el_free(el);
	free(xml);
	return r;
}

#define F(name, value) "<field var='muc#roomconfig_" name "'><value>" value "</value></field>"
#define CONTACTS(a, b) \
	"<field var='muc#roominfo_contactjid'><value>" a "</value><value>" b "</value></field>"

static void test_round_trip(void **state)
{
	struct room_conf c, back;
	struct el *top = el_new("query", "q"), *x = form_add(top, FORM_SUBMIT, NS_MUC_ROOMCONFIG);
	const char *why;
	struct form f;

	(void)state;
	config_init(&c, &mc);
	assert_true(c.public && !c.persistent && c.history == 20 && c.broadcast == ROLES_ALL);
	assert_int_equal(
	    apply(&c, F("roomname", "N") F("persistentroom", "1") F("whois", "anyone")
			  F("passwordprotectedroom", "1") F("roomsecret", "s") F("maxusers", "77")
			      F("allowpm", "none") F("presencebroadcast", "moderator")
				  F("pubsub", "xmpp:p") CONTACTS("a@b", "C@D")),
	    0);
	config_write(&c, x, &mc);
	assert_int_equal(form_parse(&f, x), 0);
	config_init(&back, &mc);
	assert_int_equal(config_read(&back, &f, &mc, &why), 0);
	assert_string_equal(back.name, "N");
	assert_null(back.desc);
	assert_string_equal(back.password, "s");
	assert_true(back.persistent && back.nonanon && back.public);
	assert_int_equal(back.max_users, 77);
	assert_string_equal(back.about[ABOUT_PUBSUB], "xmpp:p");
	assert_string_equal(back.about[ABOUT_CONTACT], "a@b\nc@d");
	assert_null(back.about[ABOUT_LOGS]);
	assert_int_equal(back.allow_pm, PM_NONE);
	assert_int_equal(back.broadcast, ROLE_BIT(ROLE_MODERATOR));
	config_done(&c);
	config_done(&back);
	el_free(top);
}

static void test_what_is_absent_stays(void **state)
{
	struct room_conf c;

	(void)state;
	config_init(&c, &mc);
	assert_int_equal(apply(&c, F("roomname", "N") F("roomsecret", "s")), 0);
	assert_int_equal(apply(&c, ""), 0);
	assert_int_equal(apply(&c, F("lang", "en")), 0);
	assert_string_equal(c.name, "N");
	assert_string_equal(c.password, "s"); /* a secret alone means that it is needed */
	assert_int_equal(apply(&c, F("roomname", "")), 0);
	assert_null(c.name);
	config_done(&c);
}

static void test_passwords(void **state)
{
	static const struct {
		const char *inner, *had, *has;
		int want;
	} rows[] = {
		{ F("passwordprotectedroom", "1") F("roomsecret", "n"), NULL, "n", 0 },
		{ F("passwordprotectedroom", "0") F("roomsecret", "n"), NULL, NULL, 0 },
		{ F("passwordprotectedroom", "0"), "old", NULL, 0 },
		{ F("passwordprotectedroom", "1"), "old", "old", 0 },
		{ F("passwordprotectedroom", "1"), NULL, NULL, -COND_NOT_ACCEPTABLE },
		{ F("passwordprotectedroom", "1") F("roomsecret", ""), NULL, NULL,
		    -COND_NOT_ACCEPTABLE },
		{ F("roomsecret", ""), "old", NULL, 0 },
		{ F("passwordprotectedroom", "maybe"), NULL, NULL, -COND_BAD_REQUEST },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct room_conf c;

		config_init(&c, &mc);
		c.password = rows[i].had ? xstrdup(rows[i].had) : NULL;
		assert_int_equal(apply(&c, rows[i].inner), rows[i].want);
		if (rows[i].want == 0 && rows[i].has)
			assert_string_equal(c.password, rows[i].has);
		else if (rows[i].want == 0)
			assert_null(c.password);
		config_done(&c);
	}
}

static void test_bounds(void **state)
{
	static const struct {
		const char *inner;
		int want;
	} rows[] = {
		{ F("maxusers", "300"), 0 },
		{ F("maxusers", "301"), -COND_NOT_ACCEPTABLE },
		{ F("maxusers", "0"), -COND_NOT_ACCEPTABLE },
		{ F("maxusers", "none"), 0 },
		{ F("maxusers", ""), 0 },
		{ F("historylength", "100"), 0 },
		{ F("historylength", "101"), -COND_NOT_ACCEPTABLE },
		{ F("roomdesc", "12345678901234567890"), 0 },
		{ F("roomdesc", "123456789012345678901"), -COND_NOT_ACCEPTABLE },
		{ F("unknown", "x"), 0 },
		{ "<field var='FORM_TYPE'><value>other</value></field>", -COND_BAD_REQUEST },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct room_conf c;

		config_init(&c, &mc);
		assert_int_equal(apply(&c, rows[i].inner), rows[i].want);
		config_done(&c);
	}
}

static void test_lists(void **state)
{
	struct arena *a = arena_new();
	struct affs l;
	struct jid j;

	(void)state;
	affs_init(&l);
	affs_put(&l, "o@d", AFF_OWNER, NULL, NULL);
	affs_put(&l, "m@d", AFF_MEMBER, "Em", NULL);
	affs_put(&l, "d", AFF_OUTCAST, NULL, "all of them");
	assert_int_equal(l.n_owners, 1);
	assert_int_equal(affs_count(&l), 3);
	assert_int_equal(jid_parse(&j, a, "m@d/r"), 0);
	assert_int_equal(affs_of(&l, &j), AFF_MEMBER);
	assert_int_equal(jid_parse(&j, a, "x@d/r"), 0);
	assert_int_equal(affs_of(&l, &j), AFF_OUTCAST); /* by its domain */
	assert_int_equal(jid_parse(&j, a, "x@e"), 0);
	assert_int_equal(affs_of(&l, &j), AFF_NONE);
	assert_string_equal(affs_nick(&l, "Em")->jid, "m@d");
	affs_put(&l, "n@d", AFF_MEMBER, "Em", NULL); /* reserved already */
	assert_null(affs_find(&l, "n@d")->nick);
	affs_put(&l, "m@d", AFF_OWNER, NULL, NULL);
	assert_int_equal(l.n_owners, 2);
	assert_null(affs_nick(&l, "Em"));
	affs_put(&l, "o@d", AFF_NONE, NULL, NULL);
	assert_int_equal(l.n_owners, 1);
	assert_null(affs_find(&l, "o@d"));
	affs_done(&l);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_what_is_absent_stays),
		cmocka_unit_test(test_passwords),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
