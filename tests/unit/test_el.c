/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <base/arena.h>

#include "xml_fixture.h"

static void assert_canon(const struct el *el, const char *want)
{
	char *s = el_canon(el);

	assert_string_equal(s, want);
	free(s);
}

static void test_stanzas(void **state)
{
	EL_AUTO struct el *msg = el_message("chat", "a@b");
	EL_AUTO struct el *pres = el_presence(NULL, NULL);
	EL_AUTO struct el *iq = el_iq("get", "b");
	EL_AUTO struct el *other = el_new_in(arena_new(), "iq", NS_TLS);

	(void)state;
	assert_int_equal(el_kind(msg), EL_MESSAGE);
	assert_int_equal(el_kind(pres), EL_PRESENCE);
	assert_int_equal(el_kind(iq), EL_IQ);
	assert_int_equal(el_kind(other), EL_OTHER);
	assert_string_equal(el_attr(msg, "type"), "chat");
	assert_string_equal(el_attr(msg, "to"), "a@b");
	assert_null(el_attr(pres, "type"));
	assert_null(el_attr(pres, "to"));
	assert_null(el_attr(iq, "id"));
	assert_true(el_is(other, "iq", NS_TLS));
	assert_true(el_is(other, NULL, NULL));
	assert_false(el_is(other, "iq", NS_CLIENT));
	assert_string_equal(el_name(other), "iq");
	assert_string_equal(el_ns(other), NS_TLS);
	el_free(NULL);
}

static void test_attrs(void **state)
{
	EL_AUTO struct el *el = el_new("a", "n");

	(void)state;
	el_set(el, "x", "1");
	el_set(el, "y", "2");
	el_set(el, "z", "3");
	el_set(el, "y", "two");
	assert_canon(el, "<a xmlns=\"n\" x=\"1\" y=\"two\" z=\"3\"/>");
	el_set(el, "x", NULL);
	el_set(el, "x", NULL);
	el_setf(el, "z", "%d-%s", 7, "q");
	assert_canon(el, "<a xmlns=\"n\" y=\"two\" z=\"7-q\"/>");
	el_set_ns(el, NS_XML, "lang", "de");
	assert_string_equal(el_attr(el, "xml:lang"), "de");
	el_set(el, "xml:lang", "fr");
	assert_string_equal(el_attr(el, "xml:lang"), "fr");
	el_set_ns(el, NS_LINK, "y", "1");
	assert_string_equal(el_attr(el, "y"), "two"); /* another attribute */
	assert_string_equal(el_attr_ns(el, NS_LINK, "y"), "1");
	assert_null(el_attr_ns(el, NS_LINK, "z"));
	el_set_ns(el, NS_LINK, "y", NULL);
	assert_null(el_attr_ns(el, NS_LINK, "y"));
	assert_canon(el, "<a xmlns=\"n\" y=\"two\" z=\"7-q\" xml:lang=\"fr\"/>");
}

static void test_numbers(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "1x", "0x1", "4294967296",
		"00000000001", "99999999999999999999", "\xd9\xa1" };
	EL_AUTO struct el *el = el_new("a", NS_SM);
	uint32_t n = 7;

	(void)state;
	assert_int_equal(el_attr_u32(el, "h", &n), -EINVAL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		el_set(el, "h", bad[i]);
		if (el_attr_u32(el, "h", &n) != -EINVAL || n != 7)
			fail_msg("\"%s\" is a number", bad[i]);
	}
	el_set(el, "h", "0");
	assert_int_equal(el_attr_u32(el, "h", &n), 0);
	assert_int_equal(n, 0);
	el_set(el, "h", "4294967295");
	assert_int_equal(el_attr_u32(el, "h", &n), 0);
	assert_int_equal(n, UINT32_MAX);
}

static void test_yes(void **state)
{
	static const char *const no[] = { "", "0", "false", "TRUE", " true", "1 ", "yes" };
	EL_AUTO struct el *el = el_new("a", NS_SM);

	(void)state;
	assert_false(el_attr_true(el, "x"));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		el_set(el, "x", no[i]);
		if (el_attr_true(el, "x"))
			fail_msg("\"%s\" is yes", no[i]);
	}
	el_set(el, "x", "1");
	assert_true(el_attr_true(el, "x"));
	el_set(el, "x", "true");
	assert_true(el_attr_true(el, "x"));
}

static void test_children(void **state)
{
	EL_AUTO struct el *el = el_message(NULL, NULL);
	const struct el *b;
	int n = 0;

	(void)state;
	assert_int_equal(el_child_count(el), 0);
	el_add_text(el, "body", NULL, "one");
	el_add_text(el_add(el, "x", "u"), "body", NULL, "in u");
	el_add_text(el, "body", NULL, "two");
	assert_int_equal(el_child_count(el), 3);
	b = el_child(el, "body", NS_CLIENT);
	assert_string_equal(el_body(b), "one");
	b = el_next(b, "body", NS_CLIENT);
	assert_string_equal(el_body(b), "two");
	assert_null(el_next(b, NULL, NULL));
	assert_null(el_child(el, "body", "u"));
	assert_string_equal(el_child_text(el_child(el, "x", NULL), "body", "u"), "in u");
	assert_null(el_child_text(el, "subject", NULL));
	EL_EACH (it, el, NULL, NULL)
		n++;
	assert_int_equal(n, 3);

	el_remove(el, b); /* the last, then the first, then one that is gone */
	el_remove(el, el_child(el, "body", NULL));
	el_remove(el, b);
	assert_int_equal(el_child_count(el), 1);
	el_add(el, "y", "v");
	assert_canon(el, "<message xmlns=\"jabber:client\"><x xmlns=\"u\"><body>in u</body></x>"
			 "<y xmlns=\"v\"/></message>");
}

static bool is_body(const struct el *child, void *arg)
{
	++*(size_t *)arg;
	return el_is(child, "body", NS_CLIENT);
}

static void test_remove_all(void **state)
{
	EL_AUTO struct el *el = el_message(NULL, NULL);
	size_t seen = 0;

	(void)state;
	el_remove_all(el, is_body, &seen);
	assert_int_equal(seen, 0);
	el_add_text(el, "body", NULL, "first");
	el_text(el, " ");
	el_add(el, "x", "u");
	el_add_text(el, "body", NULL, "one");
	el_add_text(el, "body", NULL, "last");
	el_remove_all(el, is_body, &seen);
	assert_int_equal(seen, 4);
	assert_int_equal(el_child_count(el), 1);
	el_add(el, "y", "v"); /* behind what is the last one now */
	assert_canon(
	    el, "<message xmlns=\"jabber:client\"> <x xmlns=\"u\"/><y xmlns=\"v\"/></message>");
	el_set_raw(el, "raw", 3);
	el_remove_all(el, is_body, &seen);
	assert_non_null(el_raw(el, &seen)); /* nothing has changed */
}

static void test_text(void **state)
{
	EL_AUTO struct el *el = el_new("a", "");
	struct el *b;
	size_t n = 0;

	(void)state;
	assert_string_equal(el_body(el), "");
	el_text(el, "");
	assert_string_equal(el_body(el), "");
	el_text(el, "one ");
	el_text_n(el, "twox", 3);
	el_text_n(el, " t\0hree", 7); /* C strings: the rest is not text */
	assert_string_equal(el_body(el), "one two t");
	b = el_add(el, "b", NULL);
	el_text(b, "inner");
	el_text(el, " end");
	assert_string_equal(el_body(el), "one two t end");
	assert_string_equal(el_body(b), "inner");
	for (int i = 0; i < 10000; i++)
		el_text(b, "0123456789");
	assert_int_equal(strlen(el_body(b)), 5 + 100000);
	n = arena_size(el_arena(b)); /* growing by pieces costs a few times the text, no more */
	assert_true(n < 1000000);
}

static void test_copy(void **state)
{
	EL_AUTO struct el *src = xml_str(
	    NS_CLIENT, "<message id='1'><x xmlns='u' a='b'><y/>t<z xmlns=''/></x></message>");
	EL_AUTO struct el *dup = el_dup(src);
	EL_AUTO struct el *sub = el_dup(el_child(src, "x", "u"));
	EL_AUTO struct el *fwd = el_message(NULL, "c");
	char *a = el_canon(src), *b = el_canon(dup);
	size_t n;

	(void)state;
	assert_string_equal(a, b);
	free(a);
	free(b);
	assert_non_null(el_raw(dup, &n)); /* the bytes come along, in memory of its own */
	assert_ptr_not_equal(el_raw(dup, &n), el_raw(src, &n));
	assert_null(el_raw(sub, &n));
	assert_canon(sub, "<x xmlns=\"u\" a=\"b\"><y/>t<z xmlns=\"\"/></x>");
	el_add_copy(el_add(fwd, "forwarded", "f"), src);
	assert_canon(fwd, "<message xmlns=\"jabber:client\" to=\"c\"><forwarded xmlns=\"f\">"
			  "<message xmlns=\"jabber:client\" id=\"1\"><x xmlns=\"u\" a=\"b\"><y/>t"
			  "<z xmlns=\"\"/></x></message></forwarded></message>");
	/* Into itself: what it was before. */
	el_add_copy(sub, sub);
	assert_canon(sub, "<x xmlns=\"u\" a=\"b\"><y/>t<z xmlns=\"\"/>"
			  "<x a=\"b\"><y/>t<z xmlns=\"\"/></x></x>");
}

/* Nothing here recurses. */
static void test_deep(void **state)
{
	EL_AUTO struct el *el = el_new("a", "n");
	EL_AUTO struct el *dup = NULL;
	struct el *at = el;
	char *a, *b;

	(void)state;
	for (int i = 0; i < 200000; i++)
		at = el_add(at, "a", NULL);
	dup = el_dup(el);
	a = el_canon(el);
	b = el_canon(dup);
	assert_string_equal(a, b);
	assert_int_equal(strlen(a), strlen("<a xmlns=\"n\">") + 199999UL * 7 + 4 + 4);
	free(a);
	free(b);
}

static void test_raw(void **state)
{
	static const char xml[] = "<message><body>x</body><y xmlns='u'/></message>";
	size_t n;

	(void)state;
	for (int what = 0; what < 7; what++) {
		EL_AUTO struct el *el = xml_str(NS_CLIENT, xml);
		struct el *body = el_mut(el_child(el, "body", NULL));

		assert_non_null(el_raw(el, &n));
		assert_int_equal(n, strlen("<body>x</body><y xmlns='u'/>"));
		assert_null(el_raw(body, &n));
		el_set(el, "to", "a");
		el_set_ns(el, NS_LINK, "a", "b");
		assert_non_null(el_raw(el, &n));
		if (what == 0)
			el_text(el, "t");
		else if (what == 1)
			el_add(el, "z", NULL);
		else if (what == 2)
			el_add_copy(el, body);
		else if (what == 3)
			el_remove(el, body);
		else if (what == 4)
			el_set(body, "a", "b");
		else if (what == 5)
			el_text(body, "more");
		else
			el_drop_raw(el);
		assert_null(el_raw(el, &n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stanzas),
		cmocka_unit_test(test_attrs),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_yes),
		cmocka_unit_test(test_children),
		cmocka_unit_test(test_remove_all),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_raw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
