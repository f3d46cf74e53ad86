/* SPDX-License-Identifier: MIT */
/* The search for rooms (XEP-0433): words, what is found and told, orders, pages, refusals. */
#include "muc_fixture.h"
#include "search.h"

#define Q(words) FIELD("q", words)
#define BY_ADDRESS FIELD("key", "{urn:xmpp:channel-search:0:order}address")

/* With the answer alone in what was received. */
static const char *look(struct fix *f, const char *fields, const char *set)
{
	fix_clear(f);
	fix_postf(f,
	    "<iq type='get' id='s' from='" BOB "' to='" DOM "'><search xmlns='" NS_SEARCH
	    "'>%s<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>"
	    "urn:xmpp:channel-search:0:search-params</value></field>%s</x></search></iq>",
	    set, fields);
	fix_spin(f);
	return fix_got(f);
}

static void make(struct fix *f, const char *room, const char *fields, unsigned others)
{
	char address[128], to[160];

	(void)snprintf(address, sizeof(address), "%s@" DOM, room);
	(void)snprintf(to, sizeof(to), "%s/Alice", address);
	enter(f, ALICE, to, "");
	configure(f, ALICE, address, fields);
	for (unsigned i = 0; i < others; i++) {
		char who[64];

		(void)snprintf(who, sizeof(who), "u%u@test/r", i);
		(void)snprintf(to, sizeof(to), "%s/U%u", address, i);
		enter(f, who, to, "");
	}
}

static void rooms(struct fix *f)
{
	make(f, "cake", CONF("roomname", "All of Cake") CONF("roomdesc", "eaten with TEA"), 0);
	make(f, "tea", CONF("roomname", "Leaves") CONF("lang", "en"), 2);
	make(f, "teapot", CONF("membersonly", "1"), 0);
	make(f, "secret-tea", CONF("publicroom", "0"), 0);
	enter(f, ALICE, "locked-tea@" DOM "/Alice", "");
}

static unsigned found(struct fix *f)
{
	return fix_count(f, "<item ");
}

static void test_words(void **state)
{
	const char *w[SEARCH_WORDS_MAX] = { NULL };
	char query[] = " tea  and\tof cake a bc def ghi", few[] = "of a";
	const char *texts[] = { "Green TEA", NULL, "cake@x" };

	(void)state;
	assert_int_equal(search_words(query, w), 4);
	assert_string_equal(w[2], "cake");
	assert_string_equal(w[3], "def");
	assert_int_equal(search_words(few, w), 0);
	w[0] = "tea";
	w[1] = "cak";
	assert_true(search_match(w, 2, texts, 3));
	w[1] = "coffee";
	assert_false(search_match(w, 2, texts, 3));
	assert_false(search_match(w, 1, texts + 1, 2));
}

static void test_what_is_found(void **state)
{
	struct fix *f = *state;
	const char *s;

	rooms(f);
	s = look(f, Q("TeA"), "");
	assert_int_equal(found(f), 3);
	fix_has(f, "<result xmlns=\"" NS_SEARCH "\"><item address=\"tea@" DOM "\">");
	fix_has(f, "<name>Leaves</name><language>en</language><nusers>3</nusers>"
		   "<service-type>xep-0045</service-type><is-open>true</is-open>"
		   "<anonymity-mode>muc_semianonymous</anonymity-mode>");
	fix_has(f, "<description>eaten with TEA</description>");
	/* How many members are together is theirs to know. */
	assert_non_null(strstr(s, "<name>teapot</name><service-type>"));
	(void)look(f, Q("tea cake"), "");
	assert_int_equal(found(f), 1);
	(void)look(f, Q("tea") FIELD("sindescription", "0"), "");
	assert_int_equal(found(f), 2);
	(void)look(f, Q("tea") FIELD("sinaddress", "0"), "");
	assert_int_equal(found(f), 1);
	(void)look(f, Q("cake") FIELD("sinname", "0") FIELD("sinaddr", "0"), "");
	fix_hasnt(f, "error");
	assert_int_equal(found(f), 0);
	(void)look(f, FIELD("all", "1"), "");
	assert_int_equal(found(f), 3);
	(void)look(f, FIELD("all", "1") FIELD("min_users", "2"), "");
	assert_int_equal(found(f), 1);
	(void)look(f, FIELD("all", "1") FIELD("types", "xep-0369"), "");
	fix_has(f, "type=\"result\"");
	assert_int_equal(found(f), 0);
	(void)look(f, Q("nothing"), "");
	fix_has(f, "type=\"result\"");
	assert_int_equal(found(f), 0);
}

/* Walks by pages of one; the addresses. */
static void walk(struct fix *f, const char *fields, const char *expected)
{
	char set[256] = "<set xmlns='" NS_RSM "'><max>1</max></set>", all[256] = "";

	for (int i = 0; i < 9; i++) {
		const char *s = look(f, fields, set), *at = strstr(s, "address=\""), *id;

		if (!at)
			break;
		at += strlen("address=\"");
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%.*s ",
		    (int)strcspn(at, "@"), at);
		id = strstr(s, "<last>");
		assert_non_null(id);
		id += strlen("<last>");
		(void)snprintf(set, sizeof(set),
		    "<set xmlns='" NS_RSM "'><max>1</max><after>%.*s</after></set>",
		    (int)strcspn(id, "<"), id);
		fix_has(f, "<count>3</count>");
	}
	assert_string_equal(all, expected);
}

static void test_orders_and_pages(void **state)
{
	struct fix *f = *state;

	rooms(f);
	walk(f, Q("tea") BY_ADDRESS, "cake tea teapot ");
	walk(f, Q("tea"), "tea cake teapot ");
	(void)look(f, Q("tea") BY_ADDRESS, "<set xmlns='" NS_RSM "'><max>1</max><before/></set>");
	fix_has(f, "address=\"teapot@");
	(void)look(f, Q("tea") BY_ADDRESS,
	    "<set xmlns='" NS_RSM "'><max>1</max><after>d@" DOM "</after></set>");
	fix_has(f, "address=\"tea@");
	(void)look(f, Q("tea"), "<set xmlns='" NS_RSM "'><max>0</max></set>");
	assert_int_equal(found(f), 0);
	fix_has(f, "<count>3</count>");
	(void)look(f, Q("tea"), "<set xmlns='" NS_RSM "'><after>x y z</after></set>");
	fix_has(f, "type=\"result\"");
}

static void test_refused(void **state)
{
	static const struct {
		const char *fields, *cond, *why;
	} rows[] = {
		{ Q("tea") FIELD("key", "size"), "feature-not-implemented", "<invalid-sort-key" },
		{ Q("a of"), "bad-request", "<invalid-search-terms" },
		{ Q("  "), "bad-request", "<invalid-search-terms" },
		{ Q("tea") FIELD("all", "1"), "bad-request", "<conflicting-fields" },
		{ Q("tea") FIELD("sinname", "0") FIELD("sindescription", "0")
			FIELD("sinaddress", "0"),
		    "bad-request", "<conflicting-fields" },
		{ "", "bad-request", "<no-search-conditions" },
		{ Q(""), "bad-request", "<no-search-conditions" },
		{ FIELD("all", "perhaps"), "bad-request", "" },
		{ FIELD("all", "1") FIELD("min_users", "-1"), "bad-request", "" },
		{ FIELD("all", "1") FIELD("all", "1"), "bad-request", "" },
	};
	struct fix *f = *state;
	char much[200];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *s = look(f, rows[i].fields, "");

		if (!strstr(s, rows[i].cond) || !strstr(s, rows[i].why))
			fail_msg("%s: %s", rows[i].fields, s);
	}
	memset(much, 'x', sizeof(much) - 1);
	much[sizeof(much) - 1] = '\0';
	{
		char *field = xasprintf("<field var='q'><value>%s</value></field>", much);

		(void)look(f, field, "");
		fix_has(f, "<bad-request");
		free(field);
	}
	(void)look(f, Q("tea"), "<set xmlns='" NS_RSM "'><max>x</max></set>");
	fix_has(f, "<bad-request");
}

static void test_form(void **state)
{
	struct fix *f = *state;

	fix_post(f, "<iq type='get' id='s' from='" BOB "' to='" DOM "'><search xmlns='" NS_SEARCH
		    "'/></iq>");
	fix_spin(f);
	fix_has(f, "var=\"sindescription\"");
	fix_has(f, "{urn:xmpp:channel-search:0:order}address");
	fix_clear(f);
	fix_post(f, "<iq type='get' id='d' from='" BOB "' to='" DOM "'><query xmlns='" NS_DISCO_INFO
		    "'/></iq>");
	fix_spin(f);
	fix_has(f, "<feature var=\"" NS_SEARCH "\"/>");
}

static void test_rate(void **state)
{
	struct fix *f = *state;
	unsigned n = 0;

	rooms(f);
	while (n < 200 && !strstr(look(f, Q("tea"), ""), "error"))
		n++;
	assert_in_range(n, 40, 60); /* of all together: the users have no limit here */
	fix_has(f, "<resource-constraint");
	fix_has(f, "<rate-limit xmlns=\"urn:xmpp:channel-search:0:error\" retry-after=\"5\"/>");
	fix_advance(f, 5000);
	(void)look(f, Q("tea"), "");
	fix_hasnt(f, "error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		MUC_TEST(test_what_is_found),
		MUC_TEST(test_orders_and_pages),
		MUC_TEST(test_refused),
		MUC_TEST(test_form),
		MUC_TEST(test_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
