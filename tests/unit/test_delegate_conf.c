/* SPDX-License-Identifier: MIT */
/* The setting `delegate`: what is read, what is refused, what clashes. */
#include "delegate_fixture.h"

#include <stdio.h>

static char why[256];

static void row(const char *text, enum delegate_kind kind, const char *ns, const char *attrs)
{
	struct delegate_row r;
	char joined[512] = "";

	assert_int_equal(delegate_row_parse(&r, text, why, sizeof(why)), 0);
	for (size_t i = 0; i < r.n_attrs; i++) {
		strncat(joined, r.attrs[i], 100);
		strncat(joined, " ", 2);
	}
	assert_int_equal(r.kind, kind);
	assert_string_equal(r.ns, ns);
	assert_string_equal(joined, attrs);
	delegate_row_done(&r);
}

static void no_row(const char *text, const char *because)
{
	struct delegate_row r;

	if (delegate_row_parse(&r, text, why, sizeof(why)) == 0)
		fail_msg("\"%s\" was accepted", text);
	assert_has(why, because);
	assert_null(strchr(why, '\n'));
}

static void rows(void **state)
{
	(void)state;
	row("urn:xmpp:mam:2", DELEGATE_NS, "urn:xmpp:mam:2", "");
	row("urn:xmpp:mam:2[node]", DELEGATE_NS, "urn:xmpp:mam:2", "node ");
	row("urn:x[node,a,ver]", DELEGATE_NS, "urn:x", "a node ver ");
	row("urn:x[a,b,c,d,e,f,g,h]", DELEGATE_NS, "urn:x", "a b c d e f g h ");
	row("vcard-temp", DELEGATE_NS, "vcard-temp", "");
	row(DELEGATE_INFO_NS, DELEGATE_INFO, DELEGATE_INFO_NS, "");
	row(DELEGATE_ITEMS_NS, DELEGATE_ITEMS, DELEGATE_ITEMS_NS, "");
}

static void rows_that_are_none(void **state)
{
	static const char *const filters[] = { "urn:x[", "urn:x[]", "urn:x[a", "urn:x[a,]",
		"urn:x[,a]", "urn:x[a]b", "urn:x[a b]", "urn:x[a]]", "urn:x[[a]", "urn:x[a,a]",
		"urn:x[a,b,c,d,e,f,g,h,i]", "urn:x[xml=y]", DELEGATE_INFO_NS "[node]" };
	char *text = xasprintf("urn:%0300d", 1);

	(void)state;
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
		no_row(filters[i], "behind the namespace");
	no_row("", "is not a namespace");
	no_row("[node]", "is not a namespace");
	no_row("urn:x y", "is not a namespace");
	no_row("urn:x'y", "is not a namespace");
	no_row("urn:x\ny", "is not a namespace");
	no_row("urn:x]", "is not a namespace");
	no_row(text, "is not a namespace");
	free(text);
}

static void what_the_router_keeps(void **state)
{
	static const char *const kept[] = { NS_CLIENT, NS_COMPONENT, NS_SERVER, NS_STREAM, NS_BIND,
		NS_SESSION, NS_SASL, NS_TLS, NS_STANZAS, NS_ROSTER, NS_BLOCKING, NS_REGISTER,
		"jabber:iq:auth", NS_DELEGATION, NS_DELEGATION_1, "urn:xmpp:delegation:3",
		"urn:xmpp:delegation:2:bare:disco#info:x", "urn:xmpp:privilege:2", "urn:xmpp:sm:3",
		"urn:xmpp:carbons:2", "urn:xmpp:csi:0", "urn:xmpp:sasl:2", "urn:xmpp:bind:0",
		"urn:switchyard:tap:1" };

	(void)state;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		no_row(kept[i], "cannot be delegated");
	no_row(NS_ROSTER "[ver]", "cannot be delegated");
	no_row(NS_DISCO_INFO, "is delegated as \"" DELEGATE_INFO_NS "\"");
	no_row(NS_DISCO_ITEMS, "is delegated as \"" DELEGATE_ITEMS_NS "\"");
	row("jabber:iq:rosters", DELEGATE_NS, "jabber:iq:rosters", "");
	row("urn:xmpp:smile", DELEGATE_NS, "urn:xmpp:smile", "");
}

/* --- together --------------------------------------------------------------------------------- */

static int both(const char *a, const char *b)
{
	dx_clear(&dx.pubsub);
	dx_clear(&dx.archive);
	dx_delegate(&dx.pubsub, a);
	dx_delegate(&dx.archive, b);
	return delegate_check(&dx.conf, why, sizeof(why));
}

static void twice_for_one_host(void **state)
{
	(void)state;
	assert_true(both("urn:x", "urn:x") < 0);
	assert_string_equal(why, "component archive: delegate: \"urn:x\" of example.org is "
				 "component pubsub's already");
	assert_true(both(DELEGATE_INFO_NS, DELEGATE_INFO_NS) < 0);
	assert_int_equal(both("urn:x", "urn:y"), 0);
	assert_int_equal(both(DELEGATE_INFO_NS, DELEGATE_ITEMS_NS), 0);
}

static void twice_for_different_hosts(void **state)
{
	(void)state;
	assert_true(both("urn:x", "urn:x") < 0);
	dx_hosts(&dx.archive, "example.net");
	assert_true(delegate_check(&dx.conf, why, sizeof(why)) < 0);
	assert_has(why, "of example.net");
	dx_hosts(&dx.pubsub, "example.org");
	assert_int_equal(delegate_check(&dx.conf, why, sizeof(why)), 0);
}

static void twice_in_one_section(void **state)
{
	(void)state;
	dx_delegate(&dx.pubsub, "urn:x");
	dx_delegate(&dx.pubsub, "urn:x");
	assert_true(delegate_check(&dx.conf, why, sizeof(why)) < 0);
	assert_has(why, "component pubsub: delegate: \"urn:x\" of example.org is component "
			"pubsub's already");
}

/* Told apart only where no request fits both equally. */
static void filters_that_tell_apart(void **state)
{
	(void)state;
	assert_int_equal(both("urn:x", "urn:x[node]"), 0);
	assert_int_equal(both("urn:x[node]", "urn:x[node,ver]"), 0);
	assert_true(both("urn:x[node]", "urn:x[node]") < 0);
	assert_true(both("urn:x[a,b]", "urn:x[b,a]") < 0);
	assert_true(both("urn:x[node]", "urn:x[ver]") < 0);
	assert_true(both("urn:x[node]", "urn:x[a,b]") < 0);
}

static void bad_row_names_its_component(void **state)
{
	(void)state;
	assert_true(both("urn:x", NS_ROSTER) < 0);
	assert_string_equal(why,
	    "component archive: delegate: \"jabber:iq:roster\" is the router's "
	    "own and cannot be delegated");
}

static void too_many(void **state)
{
	char text[32];

	(void)state;
	for (unsigned i = 0; i <= DELEGATE_ROWS_MAX; i++) {
		assert_int_equal(delegate_check(&dx.conf, why, sizeof(why)), 0);
		(void)snprintf(text, sizeof(text), "urn:x:%u", i);
		dx_delegate(&dx.pubsub, text);
	}
	assert_true(delegate_check(&dx.conf, why, sizeof(why)) < 0);
	assert_has(why, "more than 64");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows),
		cmocka_unit_test(rows_that_are_none),
		cmocka_unit_test(what_the_router_keeps),
		cmocka_unit_test_setup_teardown(twice_for_one_host, dx_setup, dx_teardown),
		cmocka_unit_test_setup_teardown(twice_for_different_hosts, dx_setup, dx_teardown),
		cmocka_unit_test_setup_teardown(twice_in_one_section, dx_setup, dx_teardown),
		cmocka_unit_test_setup_teardown(filters_that_tell_apart, dx_setup, dx_teardown),
		cmocka_unit_test_setup_teardown(bad_row_names_its_component, dx_setup, dx_teardown),
		cmocka_unit_test_setup_teardown(too_many, dx_setup, dx_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
