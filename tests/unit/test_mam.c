/* SPDX-License-Identifier: MIT */
/* Queries of an archive (XEP-0313): what is read out of one, what is refused, what is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <base/sbuf.h>
#include <xmpp/mam.h>

#include "xml_fixture.h"

#define FIELD(var, value) "<field var='" var "'><value>" value "</value></field>"
#define FORM(fields) \
	"<x xmlns='" NS_XDATA "' type='submit'>" FIELD("FORM_TYPE", NS_MAM) fields "</x>"
#define SET(inner) "<set xmlns='" NS_RSM "'>" inner "</set>"
#define T0 INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

static struct el *el;
static struct mam_query q;

static int parse_with(const char *attr, const char *inner, unsigned fields)
{
	struct sbuf b = SBUF_INIT;

	sbuf_printf(&b, "<query xmlns='" NS_MAM "'%s>%s</query>", attr, inner);
	el_free(el);
	el = xml_str(NS_CLIENT, sbuf_str(&b));
	sbuf_done(&b);
	assert_non_null(el);
	return mam_parse(&q, el, fields);
}

static int parse(const char *inner)
{
	return parse_with("", inner, 0);
}

static int teardown(void **state)
{
	(void)state;
	el_free(el);
	el = NULL;
	return 0;
}

static void test_nothing_said(void **state)
{
	(void)state;
	assert_int_equal(parse(""), 0);
	assert_null(q.queryid);
	assert_false(q.flip || q.has_with || q.backwards);
	assert_true(q.start == INT64_MIN && q.end == INT64_MAX && q.max == SIZE_MAX);
	assert_null(q.after_id);
	assert_null(q.before_id);
	assert_null(q.ids);
	assert_null(q.from);
	assert_int_equal(parse(FORM("")), 0);
	assert_true(q.start == INT64_MIN && q.end == INT64_MAX);
}

static void test_all_of_it(void **state)
{
	(void)state;
	assert_int_equal(
	    parse_with(" queryid='f1'",
		FORM(FIELD("with", "A@Test/x") FIELD("start", "2026-01-01T00:00:00Z")
			FIELD("end", "2026-01-01T00:00:01Z") FIELD("after-id", "a")
			    FIELD("before-id", "b") "<field var='ids'><value>i</value><value>j"
						    "</value><value>i</value></field>")
		    SET("<max>7</max><after>c</after>") "<flip-page/>",
		0),
	    0);
	assert_string_equal(q.queryid, "f1");
	assert_true(q.flip && q.has_with && !q.backwards);
	assert_string_equal(q.with.s, "a@test/x");
	assert_int_equal(q.start, T0);
	assert_int_equal(q.end, T0 + 1000);
	assert_string_equal(q.after_id, "a");
	assert_string_equal(q.before_id, "b");
	assert_int_equal(q.n_ids, 3);
	assert_string_equal(q.ids[0], "i");
	assert_string_equal(q.ids[1], "j");
	assert_string_equal(q.ids[2], "i");
	assert_int_equal(q.max, 7);
	assert_string_equal(q.from, "c");
}

static void test_pages(void **state)
{
	(void)state;
	assert_int_equal(parse(SET("<before/>")), 0);
	assert_true(q.backwards && !q.from && q.max == SIZE_MAX);
	assert_int_equal(parse(SET("<before>b</before><max>0</max>")), 0);
	assert_true(q.backwards && q.max == 0);
	assert_string_equal(q.from, "b");
	assert_int_equal(parse(FORM("<field var='ids'/>")), 0);
	assert_non_null(q.ids); /* of none of them */
	assert_int_equal(q.n_ids, 0);
}

static void test_groupchat(void **state)
{
	(void)state;
	assert_int_equal(
	    parse(FORM(FIELD("include-groupchat", "true"))), -COND_FEATURE_NOT_IMPLEMENTED);
	assert_int_equal(
	    parse_with("", FORM(FIELD("include-groupchat", "true")), MAM_GROUPCHAT), 0);
	assert_int_equal(parse_with("", FORM(FIELD("include-groupchat", "perhaps")), MAM_GROUPCHAT),
	    -COND_BAD_REQUEST);
}

static void test_refused(void **state)
{
	static const struct {
		const char *inner;
		enum el_cond cond;
	} rows[] = {
		{ "<x xmlns='" NS_XDATA "' type='submit'/>", COND_BAD_REQUEST },
		{ "<x xmlns='" NS_XDATA "'/>", COND_BAD_REQUEST },
		{ "<x xmlns='" NS_XDATA "' type='form'>" FIELD("FORM_TYPE", NS_MAM) "</x>",
		    COND_BAD_REQUEST },
		{ "<x xmlns='" NS_XDATA "' type='submit'>" FIELD("FORM_TYPE", "other") "</x>",
		    COND_BAD_REQUEST },
		{ FORM(FIELD("what", "x")), COND_FEATURE_NOT_IMPLEMENTED },
		{ FORM(FIELD("with", "@@")), COND_JID_MALFORMED },
		{ FORM(FIELD("with", "")), COND_JID_MALFORMED },
		{ FORM("<field var='with'><value>a</value><value>b</value></field>"),
		    COND_BAD_REQUEST },
		{ FORM(FIELD("start", "today")), COND_BAD_REQUEST },
		{ FORM(FIELD("end", "")), COND_BAD_REQUEST },
		{ FORM("<field var='after-id'><value>a</value><value>b</value></field>"),
		    COND_BAD_REQUEST },
		{ FORM("<field var='before-id'><value>a</value><value>b</value></field>"),
		    COND_BAD_REQUEST },
		{ SET("<max>many</max>"), COND_BAD_REQUEST },
		{ SET("<after>a</after><before>b</before>"), COND_BAD_REQUEST },
		{ SET("<index>3</index>"), COND_FEATURE_NOT_IMPLEMENTED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(parse(rows[i].inner), -(int)rows[i].cond);
	assert_int_equal(parse_with(" node='n'", "", 0), -COND_FEATURE_NOT_IMPLEMENTED);
}

static int parse_ids(int n)
{
	struct sbuf b = SBUF_INIT;
	int r;

	sbuf_puts(&b, "<x xmlns='" NS_XDATA
		      "' type='submit'>" FIELD("FORM_TYPE", NS_MAM) "<field var='ids'>");
	for (int i = 0; i < n; i++)
		sbuf_printf(&b, "<value>%d</value>", i);
	sbuf_puts(&b, "</field></x>");
	r = parse(sbuf_str(&b));
	sbuf_done(&b);
	return r;
}

static int parse_queryid(int len)
{
	struct sbuf b = SBUF_INIT;
	int r;

	sbuf_printf(&b, " queryid='%0*d'", len, 0);
	r = parse_with(sbuf_str(&b), "", 0);
	sbuf_done(&b);
	return r;
}

static int parse_after(int len)
{
	struct sbuf b = SBUF_INIT;
	int r;

	sbuf_printf(&b, FORM(FIELD("after-id", "%0*d")), len, 0);
	r = parse(sbuf_str(&b));
	sbuf_done(&b);
	return r;
}

static void test_bounds(void **state)
{
	(void)state;
	assert_int_equal(parse_ids(MAM_IDS_MAX), 0);
	assert_int_equal(q.n_ids, MAM_IDS_MAX);
	assert_int_equal(parse_ids(MAM_IDS_MAX + 1), -COND_NOT_ACCEPTABLE);
	assert_int_equal(parse_queryid(MAM_QUERYID_MAX), 0);
	assert_int_equal(parse_queryid(MAM_QUERYID_MAX + 1), -COND_BAD_REQUEST);
	assert_int_equal(parse_after(4096), 0);
	assert_int_equal(parse_after(4097), -COND_BAD_REQUEST);
}

static void is(struct el *answer, const char *want)
{
	char *text = el_sent(answer, NULL);

	assert_string_equal(text, want);
	free(text);
	el_free(answer);
}

static void test_form(void **state)
{
	struct el *answer = el_new("a", "a");
	char *text;

	(void)state;
	mam_add_form(answer, 0);
	text = el_sent(answer, NULL);
	assert_non_null(strstr(text, "<field type=\"jid-single\" var=\"with\"/>"));
	assert_non_null(strstr(text, "var=\"ids\"><validate"));
	assert_null(strstr(text, "groupchat"));
	free(text);
	mam_add_form(answer, MAM_GROUPCHAT);
	text = el_sent(answer, NULL);
	assert_non_null(strstr(text, "<field type=\"boolean\" var=\"include-groupchat\"/>"));
	free(text);
	el_free(answer);
}

/* One result with this content after all that are there. */
static bool add(struct mam_results *r, const char *id, const char *content, size_t bytes)
{
	if (!mam_results_begin(r, id, T0))
		return false;
	sbuf_puts(&r->text, content);
	return mam_results_end(r, bytes);
}

static struct mam_results begin(const char *attr, const char *inner)
{
	struct mam_results r;

	assert_int_equal(parse_with(attr, inner, 0), 0);
	mam_results_init(&r, &q, 3, 5);
	return r;
}

/* The contents, a letter each, in the order in which they are sent. */
static const char *order(const struct mam_results *r)
{
	static char text[16];
	size_t i, len;

	for (i = 0; i < r->n; i++) {
		const char *s = mam_results_get(r, i, &len);

		text[i] = s[len - strlen("x</forwarded></result>")];
	}
	text[i] = '\0';
	return text;
}

static void fin(struct mam_results *r, int count, const char *want)
{
	struct el *answer = el_new("a", "a");

	mam_results_add_fin(answer, r, count);
	is(answer, want);
	mam_results_done(r);
}

#define BEGIN_FIN(attr) "<a xmlns=\"a\"><fin xmlns=\"" NS_MAM "\"" attr "><set xmlns=\"" NS_RSM "\""
#define END_FIN "</fin></a>"

static void test_result(void **state)
{
	struct mam_results r = begin(" queryid='a&amp;b'", "");
	size_t len;
	const char *s;

	(void)state;
	assert_true(add(&r, "i&", "<m/>", SIZE_MAX));
	s = mam_results_get(&r, 0, &len);
	assert_int_equal(len, sbuf_len(&r.text));
	assert_ptr_equal(s, sbuf_data(&r.text));
	assert_string_equal(sbuf_str(&r.text),
	    "<result xmlns=\"" NS_MAM
	    "\" queryid=\"a&amp;b\" id=\"i&amp;\"><forwarded xmlns=\"" NS_FORWARD
	    "\"><delay xmlns=\"" NS_DELAY "\" stamp=\"2026-01-01T00:00:00.000Z\"/><m/>"
	    "</forwarded></result>");
	fin(&r, 1,
	    BEGIN_FIN(" complete=\"true\"") "><first index=\"0\">i&amp;</first>"
					    "<last>i&amp;</last><count>1</count></set>" END_FIN);
}

static void test_nothing_found(void **state)
{
	struct mam_results r = begin("", "");

	(void)state;
	assert_string_equal(order(&r), "");
	fin(&r, 0, BEGIN_FIN(" complete=\"true\"") "><count>0</count></set>" END_FIN);
	r = begin("", "");
	fin(&r, -1, BEGIN_FIN(" complete=\"true\"") "/>" END_FIN);
	r = (struct mam_results){ 0 };
	mam_results_done(&r);
}

static void test_full(void **state)
{
	struct mam_results r = begin("", "");

	(void)state;
	assert_true(add(&r, "1", "a", SIZE_MAX) && add(&r, "2", "b", SIZE_MAX));
	assert_true(add(&r, "3", "c", SIZE_MAX));
	assert_false(r.more);
	assert_false(add(&r, "4", "d", SIZE_MAX));
	assert_true(r.more);
	assert_string_equal(order(&r), "abc");
	fin(&r, -1, BEGIN_FIN("") "><first index=\"0\">1</first><last>3</last></set>" END_FIN);
	r = begin("", SET("<max>99</max>"));
	assert_int_equal(r.max, 5);
	mam_results_done(&r);
	r = begin("", SET("<max>0</max>"));
	assert_false(add(&r, "1", "a", SIZE_MAX));
	fin(&r, 7, BEGIN_FIN("") "><count>7</count></set>" END_FIN);
}

/* The first may have any length, and what is too long leaves nothing of itself. */
static void test_bytes(void **state)
{
	struct mam_results r = begin("", "");
	size_t len;

	(void)state;
	assert_true(add(&r, "1", "a", 1));
	len = sbuf_len(&r.text);
	assert_false(add(&r, "2", "b", 2 * len - 1));
	assert_true(r.more);
	assert_int_equal(sbuf_len(&r.text), len);
	fin(&r, -1, BEGIN_FIN("") "><first index=\"0\">1</first><last>1</last></set>" END_FIN);
	r = begin("", "");
	assert_true(add(&r, "1", "a", 1) && add(&r, "2", "b", 2 * len));
	assert_false(r.more);
	mam_results_done(&r);
}

static void test_orders(void **state)
{
	static const struct {
		const char *inner, *order, *fin;
	} rows[] = {
		{ SET("<after>0</after>"), "ab", "><first>1</first><last>2</last></set>" },
		{ SET("<after>0</after>") "<flip-page/>", "ba",
		    "><first>1</first><last>2</last></set>" },
		{ SET("<before/>"), "ba", "><first index=\"0\">2</first><last>1</last></set>" },
		{ SET("<before/>") "<flip-page/>", "ab",
		    "><first index=\"0\">2</first><last>1</last></set>" },
		{ SET("<before>3</before>"), "ba", "><first>2</first><last>1</last></set>" },
	};
	char want[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mam_results r = begin("", rows[i].inner);

		assert_true(add(&r, "1", "a", SIZE_MAX) && add(&r, "2", "b", SIZE_MAX));
		assert_string_equal(order(&r), rows[i].order);
		(void)snprintf(
		    want, sizeof(want), BEGIN_FIN(" complete=\"true\"") "%s" END_FIN, rows[i].fin);
		fin(&r, -1, want);
	}
}

/* From the end, the first is one of many. */
static void test_last_page(void **state)
{
	struct mam_results r = begin("", SET("<before/><max>1</max>"));

	(void)state;
	assert_true(add(&r, "9", "a", SIZE_MAX));
	assert_false(add(&r, "8", "b", SIZE_MAX));
	fin(&r, -1, BEGIN_FIN("") "><first>9</first><last>9</last></set>" END_FIN);
}

static void test_ends(void **state)
{
	struct el *metadata = el_new("metadata", NS_MAM);

	(void)state;
	mam_add_end(metadata, "start", "i", T0);
	is(metadata, "<metadata xmlns=\"" NS_MAM
		     "\"><start id=\"i\" timestamp=\"2026-01-01T00:00:00.000Z\"/></metadata>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_nothing_said, teardown),
		cmocka_unit_test_teardown(test_all_of_it, teardown),
		cmocka_unit_test_teardown(test_pages, teardown),
		cmocka_unit_test_teardown(test_groupchat, teardown),
		cmocka_unit_test_teardown(test_refused, teardown),
		cmocka_unit_test_teardown(test_bounds, teardown),
		cmocka_unit_test(test_form),
		cmocka_unit_test_teardown(test_result, teardown),
		cmocka_unit_test_teardown(test_nothing_found, teardown),
		cmocka_unit_test_teardown(test_full, teardown),
		cmocka_unit_test_teardown(test_bytes, teardown),
		cmocka_unit_test_teardown(test_orders, teardown),
		cmocka_unit_test_teardown(test_last_page, teardown),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
