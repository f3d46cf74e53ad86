/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "xml_fixture.h"

static void assert_sent(const struct el *el, const char *content_ns, const char *want)
{
	char *s = el_sent(el, content_ns);

	assert_string_equal(s, want);
	free(s);
}

static void test_escape(void **state)
{
	static const struct {
		const char *in, *text, *attr;
	} tab[] = {
		{ "plain", "plain", "plain" },
		{ "a<b>c&d\"e'f", "a&lt;b&gt;c&amp;d\"e'f", "a&lt;b&gt;c&amp;d&quot;e'f" },
		{ "]]>", "]]&gt;", "]]&gt;" },
		{ "\t\n\r", "\t\n&#13;", "&#9;&#10;&#13;" },
		{ "\x01"
		  "a\x0b\x1f"
		  "b",
		    "ab", "ab" },
		{ "\x7f", "\x7f", "\x7f" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "a\xff"
		  "b\xc3",
		    "ab", "ab" },                                           /* no UTF-8, cut off */
		{ "\xc0\x80\xc1\xbf\xe0\x80\x80\xf0\x80\x80\x80", "", "" }, /* overlong */
		{ "\xed\xa0\x80|\xed\x9f\xbf", "|\xed\x9f\xbf", "|\xed\x9f\xbf" }, /* surrogate */
		{ "\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd", "\xef\xbf\xbd", "\xef\xbf\xbd" },
		{ "\xf4\x90\x80\x80\xf5\x80\x80\x80\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf",
		    "\xf4\x8f\xbf\xbf" },
		{ "\xc3<", "&lt;", "&lt;" }, /* a broken sequence swallows nothing */
		{ "\xe2\x82<", "&lt;", "&lt;" },
		{ "\x80\xbf", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		EL_AUTO struct el *el = el_new("a", "n");
		struct sbuf want = SBUF_INIT, got = SBUF_INIT;

		el_escape(&got, tab[i].in, strlen(tab[i].in));
		assert_string_equal(sbuf_str(&got), tab[i].attr);
		el_set(el, "v", tab[i].in);
		el_text(el, tab[i].in);
		sbuf_printf(&want, "<a v=\"%s\"", tab[i].attr);
		if (*tab[i].in)
			sbuf_printf(&want, ">%s</a>", tab[i].text);
		assert_sent(el, "n", sbuf_str(&want));
		sbuf_done(&want);
		sbuf_done(&got);
	}
}

static void test_attribute(void **state)
{
	struct sbuf out = SBUF_INIT;

	(void)state;
	el_write_attr(&out, "a", "x\"<&\n");
	el_write_attr(&out, "none", NULL);
	el_write_attr(&out, "b", "");
	assert_string_equal(sbuf_str(&out), " a=\"x&quot;&lt;&amp;&#10;\" b=\"\"");
	sbuf_done(&out);
}

static void test_ns(void **state)
{
	EL_AUTO struct el *el = el_iq("get", NULL);
	struct el *q = el_add(el, "query", "urn:a&b");

	(void)state;
	el_add(q, "same", NULL);
	el_add(q, "none", "");
	el_add(el_add(q, "other", "urn:c"), "x", "urn:a&b");
	el_add(el, "error", NULL);
	assert_sent(el, NS_CLIENT,
	    "<iq type=\"get\"><query xmlns=\"urn:a&amp;b\"><same/><none xmlns=\"\"/>"
	    "<other xmlns=\"urn:c\"><x xmlns=\"urn:a&amp;b\"/></other></query><error/></iq>");
	assert_sent(el_child(el, "query", NULL), "urn:a&b",
	    "<query><same/><none xmlns=\"\"/><other xmlns=\"urn:c\"><x xmlns=\"urn:a&amp;b\"/>"
	    "</other></query>");
}

static void test_content(void **state)
{
	EL_AUTO struct el *el = el_message(NULL, NULL);
	EL_AUTO struct el *sasl = el_new("success", NS_SASL);
	EL_AUTO struct el *feat = el_new("features", NS_STREAM);
	struct el *f;

	(void)state;
	el_add_text(el, "body", NULL, "b");
	f = el_add(el_add(el, "forwarded", "f"), "message", NS_CLIENT);
	el_add(f, "body", NULL);
	el_add(el, "thread", NULL);
	/* What is forwarded stays a client's stanza on any stream. */
	assert_sent(el, NS_CLIENT,
	    "<message><body>b</body><forwarded xmlns=\"f\"><message xmlns=\"jabber:client\"><body/>"
	    "</message></forwarded><thread/></message>");
	assert_sent(el, NS_COMPONENT,
	    "<message><body>b</body><forwarded xmlns=\"f\"><message xmlns=\"jabber:client\"><body/>"
	    "</message></forwarded><thread/></message>");
	assert_sent(el, NULL,
	    "<message xmlns=\"jabber:client\"><body>b</body><forwarded xmlns=\"f\">"
	    "<message xmlns=\"jabber:client\"><body/></message></forwarded><thread/></message>");
	assert_sent(sasl, NS_CLIENT, "<success xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/>");
	el_add(feat, "bind", NS_BIND);
	el_add(feat, "x", NS_CLIENT);
	el_add(el_add(feat, "y", NULL), "z", NULL);
	assert_sent(feat, NS_CLIENT,
	    "<stream:features><bind xmlns=\"" NS_BIND "\"/><x xmlns=\"" NS_CLIENT
	    "\"/><y xmlns=\"" NS_STREAM "\"><z/></y>"
	    "</stream:features>");
	assert_sent(feat, NULL,
	    "<features xmlns=\"" NS_STREAM "\"><bind xmlns=\"" NS_BIND "\"/><x xmlns=\"" NS_CLIENT
	    "\"/><y><z/></y></features>");
}

static void test_attr_ns(void **state)
{
	EL_AUTO struct el *el = el_new("a", "n");
	EL_AUTO struct el *back = NULL;
	struct el *x;
	char *s;

	(void)state;
	el_set_ns(el, "u'<", "one", "1");
	el_set_ns(el, "v", "one", "2");
	el_set(el, "one", "3");
	x = el_add(el, "x", NS_XML); /* may be no default namespace, nor another prefix */
	el_add(x, "y", "n");
	s = el_sent(el, "n");
	assert_string_equal(s, "<a xmlns:a0=\"u'&lt;\" a0:one=\"1\" xmlns:a1=\"v\" a1:one=\"2\" "
			       "one=\"3\"><xml:x><y xmlns=\"n\"/></xml:x></a>");
	back = xml_str("n", s);
	free(s);
	assert_string_equal(el_attr_ns(back, "u'<", "one"), "1");
	assert_string_equal(el_attr_ns(back, "v", "one"), "2");
	assert_string_equal(el_attr(back, "one"), "3");
	assert_non_null(el_child(el_child(back, "x", NS_XML), "y", NS_CLIENT));
}

static void test_addr(void **state)
{
	EL_AUTO struct el *el =
	    xml_str(NS_CLIENT, "<message from='a' to='b' id='1'><x/></message>");
	struct sbuf b = SBUF_INIT;

	(void)state;
	for (int raw = 1; raw >= 0; raw--) {
		el_write_addr(&b, el, NS_CLIENT, "c", "d&");
		assert_string_equal(
		    sbuf_str(&b), "<message from=\"c\" to=\"d&amp;\" id=\"1\"><x/></message>");
		sbuf_clear(&b);
		el_write_addr(&b, el, NS_COMPONENT, NULL, "d");
		assert_string_equal(
		    sbuf_str(&b), "<message to=\"d\" from=\"a\" id=\"1\"><x/></message>");
		sbuf_clear(&b);
		el_drop_raw(el);
	}
	sbuf_done(&b);
}

/* The copies of a frozen stanza are those of the tree, with other addresses. */
static void test_freeze(void **state)
{
	EL_AUTO struct el *el = el_message("groupchat", "a");
	struct sbuf out = SBUF_INIT;
	char *before, *after;
	size_t n;

	(void)state;
	el_add_text(el, "body", NULL, "a<b");
	el_add_text(el_add(el, "x", "urn:x"), "body", NS_CLIENT, "inner");
	before = el_sent(el, NS_COMPONENT);
	el_freeze(el);
	el_freeze(el); /* once is enough */
	assert_non_null(el_raw(el, &n));
	after = el_sent(el, NS_COMPONENT);
	assert_string_equal(after, before);
	el_write_addr(&out, el, NS_CLIENT, "r/n", "c");
	assert_non_null(strstr(sbuf_str(&out), "<message from=\"r/n\" to=\"c\" type=\"groupchat\">"
					       "<body>a&lt;b</body><x xmlns=\"urn:x\">"));
	el_add(el, "more", NULL); /* what is below has changed */
	assert_null(el_raw(el, &n));
	sbuf_done(&out);
	free(before);
	free(after);
}

/* Forwarded as the bytes that came, a stanza reads the same as if it had been copied; also in a
 * copy of the copy, and in whatever stream. */
static void test_raw_inside(void **state)
{
	EL_AUTO struct el *el = xml_str(NS_CLIENT,
	    "<message to='a&amp;b' type='chat'><body>a&lt;b</body> <x xmlns='urn:x' "
	    "a='\"'><y/></x></message>");
	EL_AUTO struct el *empty = xml_str(NS_CLIENT, "<message id='1'/>");
	EL_AUTO struct el *event = el_message(NULL, "c"), *again = NULL;
	struct el *f = el_add(event, "forwarded", NS_FORWARD);
	static const char want[] =
	    "<message to=\"c\"><forwarded xmlns=\"urn:xmpp:forward:0\">"
	    "<message xmlns=\"jabber:client\" to=\"a&amp;b\" type=\"chat\">"
	    "<body>a&lt;b</body> <x xmlns='urn:x' a='\"'><y/></x></message>"
	    "<message xmlns=\"jabber:client\" id=\"1\"/>text &amp;</forwarded></message>";
	size_t n;
	const char *raw = el_raw(el, &n);

	(void)state;
	assert_non_null(raw);
	(void)el_add_raw(f, el, raw, n);
	raw = el_raw(empty, &n);
	assert_non_null(raw);
	(void)el_add_raw(f, empty, raw, n);
	el_text(f, "text &");
	assert_sent(event, NS_COMPONENT, want);
	assert_sent(event, NS_CLIENT, want);
	again = el_dup(event);
	assert_sent(again, NS_COMPONENT, want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_attribute),
		cmocka_unit_test(test_ns),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_attr_ns),
		cmocka_unit_test(test_addr),
		cmocka_unit_test(test_freeze),
		cmocka_unit_test(test_raw_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
