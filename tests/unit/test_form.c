/* SPDX-License-Identifier: MIT */
/* Data forms: what is read out of a submitted one, what is refused, and what is built. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <xmpp/form.h>

#include "xml_fixture.h"

#define X(inner) "<x xmlns='jabber:x:data' type='submit'>" inner "</x>"
#define FIELD(var, value) "<field var='" var "'><value>" value "</value></field>"

static struct el *el;
static struct form f;

static int read_form(const char *xml)
{
	el_free(el);
	el = xml_str(NS_CLIENT, xml);
	assert_non_null(el);
	return form_parse(&f, el);
}

static int teardown(void **state)
{
	(void)state;
	el_free(el);
	el = NULL;
	return 0;
}

static void test_parse(void **state)
{
	(void)state;
	assert_int_equal(read_form(X("<field var='FORM_TYPE' type='hidden'><value>t</value></field>"
				     "<title>ignored</title><field type='fixed'><value>x</value>"
				     "</field>" FIELD("a", "1") "<field var='b'/>")),
	    0);
	assert_int_equal(f.type, FORM_SUBMIT);
	assert_string_equal(f.form_type, "t");
	assert_int_equal(f.n, 2);
	assert_non_null(form_find(&f, "b"));
	assert_null(form_find(&f, "FORM_TYPE"));
	assert_int_equal(read_form("<x xmlns='jabber:x:data' type='cancel'/>"), 0);
	assert_int_equal(f.type, FORM_CANCEL);
	assert_null(f.form_type);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"<x xmlns='jabber:x:data'/>",
		"<x xmlns='jabber:x:data' type='SUBMIT'/>",
		"<x xmlns='other' type='submit'/>",
		X("<field><value>1</value></field>"),
		X("<field var=''/>"),
		X(FIELD("a", "1") FIELD("a", "2")),
		X(FIELD("FORM_TYPE", "a") FIELD("FORM_TYPE", "b")),
		X("<field var='FORM_TYPE'/>"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(read_form(bad[i]), -EINVAL);
}

/* n fields, or one field with n values. */
static int read_many(int n, bool fields)
{
	struct sbuf s = SBUF_INIT;
	int r;

	sbuf_puts(&s, "<x xmlns='jabber:x:data' type='submit'>");
	if (!fields)
		sbuf_puts(&s, "<field var='a'>");
	for (int i = 0; i < n; i++) {
		if (fields)
			sbuf_printf(&s, "<field var='f%d'/>", i);
		else
			sbuf_puts(&s, "<value/>");
	}
	sbuf_puts(&s, fields ? "</x>" : "</field></x>");
	r = read_form(sbuf_str(&s));
	sbuf_done(&s);
	return r;
}

static void test_limits(void **state)
{
	(void)state;
	assert_int_equal(read_many(FORM_FIELDS_MAX, true), 0);
	assert_int_equal(read_many(FORM_FIELDS_MAX + 1, true), -EINVAL);
	assert_int_equal(read_many(FORM_VALUES_MAX, false), 0);
	assert_int_equal(read_many(FORM_VALUES_MAX + 1, false), -EINVAL);
}

static void test_text(void **state)
{
	const char *s = "before";

	(void)state;
	assert_int_equal(read_form(X(FIELD("a", "12345") "<field var='none'/>")), 0);
	assert_int_equal(form_text(&f, "absent", 9, &s), 0);
	assert_string_equal(s, "before");
	assert_int_equal(form_text(&f, "a", 4, &s), -EINVAL);
	assert_int_equal(form_text(&f, "a", 5, &s), 1);
	assert_string_equal(s, "12345");
	assert_int_equal(form_text(&f, "none", 0, &s), 1);
	assert_string_equal(s, "");
	assert_int_equal(
	    read_form(X("<field var='a'><value>1</value><value>2</value></field>")), 0);
	assert_int_equal(form_text(&f, "a", 9, &s), -EINVAL);
	assert_string_equal(form_value(form_find(&f, "a"), 1), "2");
}

static void test_bool(void **state)
{
	bool b = false;

	(void)state;
	assert_int_equal(read_form(X(FIELD("a", "1") FIELD("b", "true") FIELD("c", "0")
				 FIELD("d", "false") FIELD("e", "yes") FIELD("f", ""))),
	    0);
	assert_int_equal(form_bool(&f, "a", &b), 1);
	assert_true(b);
	assert_int_equal(form_bool(&f, "c", &b), 1);
	assert_false(b);
	assert_int_equal(form_bool(&f, "b", &b), 1);
	assert_true(b);
	assert_int_equal(form_bool(&f, "d", &b), 1);
	assert_false(b);
	assert_int_equal(form_bool(&f, "e", &b), -EINVAL);
	assert_int_equal(form_bool(&f, "f", &b), -EINVAL);
	assert_int_equal(form_bool(&f, "g", &b), 0);
}

static void test_int(void **state)
{
	int64_t v = 7;

	(void)state;
	assert_int_equal(read_form(X(FIELD("a", "10") FIELD("b", "-3") FIELD("c", "1x")
				 FIELD("d", "99999999999999999999") FIELD("e", "")
				     FIELD("f", "-9223372036854775808")
					 FIELD("g", "9223372036854775808") FIELD("h", "-"))),
	    0);
	assert_int_equal(form_int(&f, "a", 0, 10, &v), 1);
	assert_int_equal(v, 10);
	assert_int_equal(form_int(&f, "a", 0, 9, &v), -EINVAL);
	assert_int_equal(form_int(&f, "a", 11, 19, &v), -EINVAL);
	assert_int_equal(form_int(&f, "b", -5, 5, &v), 1);
	assert_int_equal(v, -3);
	assert_int_equal(form_int(&f, "c", 0, 99, &v), -EINVAL);
	assert_int_equal(form_int(&f, "d", 0, INT64_MAX, &v), -EINVAL);
	assert_int_equal(form_int(&f, "e", 0, 99, &v), -EINVAL);
	assert_int_equal(form_int(&f, "f", INT64_MIN, 0, &v), 1);
	assert_true(v == INT64_MIN);
	assert_int_equal(form_int(&f, "g", INT64_MIN, INT64_MAX, &v), -EINVAL);
	assert_int_equal(form_int(&f, "h", -9, 9, &v), -EINVAL);
	assert_int_equal(form_int(&f, "z", 0, 9, &v), 0);
}

static void test_choices(void **state)
{
	unsigned set = 99;
	int i = 9;

	(void)state;
	assert_int_equal(read_form(X(FIELD("one", "two") FIELD("bad", "tw") FIELD(
			     "empty", "") "<field var='many'><value>one</value><value>three</value>"
					  "<value>one</value></field><field var='none'/>")),
	    0);
	assert_int_equal(form_choice(&f, "one", "one|two|three", &i), 1);
	assert_int_equal(i, 1);
	assert_int_equal(form_choice(&f, "bad", "one|two|three", &i), -EINVAL);
	assert_int_equal(form_choice(&f, "empty", "one|two|three", &i), -EINVAL);
	assert_int_equal(form_choice(&f, "many", "one|two|three", &i), -EINVAL);
	assert_int_equal(form_choices(&f, "many", "one|two|three", &set), 1);
	assert_int_equal(set, 5);
	assert_int_equal(form_choices(&f, "none", "one|two|three", &set), 1);
	assert_int_equal(set, 0);
	assert_int_equal(form_choices(&f, "many", "one|two", &set), -EINVAL);
}

static void test_build_and_read(void **state)
{
	struct el *top = el_new("query", "urn:q"), *x = form_add(top, FORM_SUBMIT, "t"), *field;
	const char *s;
	int64_t v;
	bool b;

	(void)state;
	form_add_text(x, "text-single", "text", "A label", "<&>");
	form_add_bool(x, "bool", NULL, true);
	form_add_int(x, "text-single", "int", NULL, INT64_MIN);
	field = form_add_field(x, "list-multi", "list", NULL);
	form_add_value(field, "a");
	form_add_value(field, "b");
	form_add_option(field, "label", "c");
	assert_int_equal(form_parse(&f, x), 0);
	assert_string_equal(f.form_type, "t");
	assert_int_equal(form_text(&f, "text", 9, &s), 1);
	assert_string_equal(s, "<&>");
	assert_int_equal(form_bool(&f, "bool", &b), 1);
	assert_true(b);
	assert_int_equal(form_int(&f, "int", INT64_MIN, 0, &v), 1);
	assert_true(v == INT64_MIN);
	assert_int_equal(form_find(&f, "list")->values, 2);
	el_free(top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_parse, teardown),
		cmocka_unit_test_teardown(test_refused, teardown),
		cmocka_unit_test_teardown(test_limits, teardown),
		cmocka_unit_test_teardown(test_text, teardown),
		cmocka_unit_test_teardown(test_bool, teardown),
		cmocka_unit_test_teardown(test_int, teardown),
		cmocka_unit_test_teardown(test_choices, teardown),
		cmocka_unit_test_teardown(test_build_and_read, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
