/* SPDX-License-Identifier: MIT */
/* The stream parser: what comes out, what is refused, limits, restarts and idling.  Which bytes are
 * kept for sending on is in test_xml_raw.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <base/mem.h>

#include "../../libcomp/xmpp/xml_internal.h"
#include "xml_fixture.h"

#define HEAD                                                                                 \
	"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='" NS_STREAM \
	"' to='example.com'>"
#define HEAD_OUT \
	"head <stream xmlns=\"" NS_STREAM "\" xmlns=\"jabber:client\" to=\"example.com\"/>\n"

static void assert_transcript(const char *in, const char *want)
{
	size_t n = strlen(in);

	for (size_t step = 1; step <= n; step = step < 5 ? step + 1 : step * 2 + n % 3) {
		struct xml *x = xml_new(NS_CLIENT, &no_limits);
		char *got = xml_transcript(x, in, n, step);

		assert_string_equal(got, want);
		free(got);
		xml_free(x);
	}
}

static void test_stream(void **state)
{
	(void)state;
	assert_transcript(HEAD
	    "<message xml:lang='de'><body>a&lt;&#x20AC;<![CDATA[<&]]>\r\nb</body>"
	    "</message>\n <presence/><iq xmlns='u'/></stream:stream>",
	    HEAD_OUT "el <message xmlns=\"jabber:client\" xml:lang=\"de\"><body>a&lt;\xe2\x82\xac"
		     "&lt;&amp;\nb</body></message>\n"
		     "el <presence xmlns=\"jabber:client\"/>\n"
		     "el <iq xmlns=\"u\"/>\nend\n");
	/* White space before, all after the end, and a declaration that is left out. */
	assert_transcript(
	    "\r\n\t <s xmlns='x'/>  <junk <<<", "head <s xmlns=\"x\" xmlns=\"x\"/>\nend\n");
	assert_transcript("", "");
}

static void test_namespaces(void **state)
{
	(void)state;
	assert_transcript(
	    "<s xmlns:p='u' p:x='1'><p:a q:b='2' xmlns:q='v'><p:c xmlns:p='w'/><d/></p:a>",
	    "head <s xmlns=\"\" xmlns:a0=\"u\" a0:x=\"1\"/>\n"
	    "el <a xmlns=\"u\" xmlns:a0=\"v\" a0:b=\"2\"><c xmlns=\"w\"/><d xmlns=\"\"/></a>\n");
	/* Below a stanza, every content namespace is ours; above it, only the stream's. */
	assert_transcript(HEAD "<message><body xmlns='jabber:component:accept'/><body "
			       "xmlns='jabber:server'/></message><iq xmlns='jabber:server'/>",
	    HEAD_OUT "el <message xmlns=\"jabber:client\"><body/><body/></message>\n"
		     "el <iq xmlns=\"jabber:server\"/>\n");
}

static void test_faults(void **state)
{
	static const struct {
		const char *in;
		enum xml_err err;
	} tab[] = {
		{ "<!DOCTYPE s><s>", XML_E_RESTRICTED },
		{ "<!DOCTYPE s [<!ENTITY a 'b'><!ENTITY c '&a;&a;'>]><s>&c;", XML_E_RESTRICTED },
		{ "<!DOCTYPE s SYSTEM 'file:///etc/passwd'><s>", XML_E_RESTRICTED },
		{ "<!-- --><s>", XML_E_RESTRICTED }, { "<s><!-- -->", XML_E_RESTRICTED },
		{ "<s><a><!-- --></a>", XML_E_RESTRICTED }, { "<?pi x?><s>", XML_E_RESTRICTED },
		{ "<s><?pi x?>", XML_E_RESTRICTED }, { "<s><a>&nbsp;", XML_E_RESTRICTED },
		{ "<s><a b='&nbsp;'/>", XML_E_RESTRICTED },
		{ "<?xml version='1.0' encoding='ISO-8859-1'?><s>", XML_E_ENCODING },
		{ "<?xml version='1.0' encoding='UTF-16'?><s>", XML_E_ENCODING },
		{ "<s><p:a/>", XML_E_BAD_NS_PREFIX }, { "<p:s>", XML_E_BAD_NS_PREFIX },
		{ "<s><a p:b='c'/>", XML_E_BAD_NS_PREFIX },
		{ "<s><a xmlns:p='u'/><p:a/>", XML_E_BAD_NS_PREFIX },
		{ "<s xmlns:p=''>", XML_E_BAD_NS_PREFIX },
		{ "<s xmlns:xml='u'>", XML_E_BAD_NS_PREFIX },
		{ "<s><a></b>", XML_E_NOT_WELL_FORMED },
		{ "<s><a b='1' b='2'/>", XML_E_NOT_WELL_FORMED },
		{ "<s><a b='<'/>", XML_E_NOT_WELL_FORMED },
		{ "<s><a>]]></a>", XML_E_NOT_WELL_FORMED }, { "<s>text", XML_E_NOT_WELL_FORMED },
		{ "<s><a/>&amp;", XML_E_NOT_WELL_FORMED },
		{ "<s><a>\xff</a>", XML_E_NOT_WELL_FORMED },
		{ "<s><a>\xc3</a>", XML_E_NOT_WELL_FORMED },
		{ "<s><a>\xc0\x80</a>", XML_E_NOT_WELL_FORMED },
		{ "<s><a>\xed\xa0\x80</a>", XML_E_NOT_WELL_FORMED },
		{ "<s><a>\xef\xbf\xbf</a>", XML_E_NOT_WELL_FORMED },
		{ "<s><a>\x01</a>", XML_E_NOT_WELL_FORMED },
		{ "<s><a>&#1;</a>", XML_E_NOT_WELL_FORMED },
		{ "<s><a>&#0;</a>", XML_E_NOT_WELL_FORMED },
		{ "<s><?xml version='1.0'?>", XML_E_NOT_WELL_FORMED },
		{ "hello ", XML_E_NOT_WELL_FORMED },
		{ "\xff\xfe<", XML_E_NOT_WELL_FORMED }, /* byte order marks */
		{ "\xfe\xff", XML_E_NOT_WELL_FORMED }, { "\xef\xbb\xbf<s>", XML_E_NOT_WELL_FORMED },
		{ "\x16\x03\x01\x02", XML_E_NOT_WELL_FORMED }, /* a TLS hello */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		for (size_t step = 1; step < 100; step += 98) {
			struct xml *x = xml_new(NS_CLIENT, &no_limits);
			char *got = xml_transcript(x, tab[i].in, strlen(tab[i].in), step);
			const char *end = strstr(got, "fault\n");
			struct el *el;

			if (!end || xml_error(x) != tab[i].err)
				fail_msg("%s: %s, error %d", tab[i].in, got, xml_error(x));
			assert_string_equal(end, "fault\n"); /* once, and the last */
			assert_true(*xml_error_text(x));
			xml_feed(x, "<a/>", 4);
			assert_int_equal(xml_pop(x, &el), XML_NONE);
			assert_false(xml_partial(x));
			free(got);
			xml_free(x);
		}
	}
}

/* Expat guesses UTF-16 from the first bytes, even without a mark. */
static void test_utf16(void **state)
{
	static const char le[] = "<\0s\0>\0<\0a\0/\0>\0", be[] = "\0<\0s\0>\0<\0a\0/\0>";

	(void)state;
	for (size_t step = 1; step <= sizeof(le); step++) {
		for (int i = 0; i < 2; i++) {
			struct xml *x = xml_new(NS_CLIENT, &no_limits);
			char *got = xml_transcript(x, i ? be : le, sizeof(le) - 1, step);

			assert_string_equal(got, "fault\n");
			free(got);
			xml_free(x);
		}
	}
}

/* What is finished before a fault comes out before it. */
static void test_order(void **state)
{
	(void)state;
	assert_transcript(HEAD "<a/><b/></c>",
	    HEAD_OUT "el <a xmlns=\"jabber:client\"/>\nel <b xmlns=\"jabber:client\"/>\nfault\n");
}

/* --- limits ----------------------------------------------------------------------------------- */
static enum xml_err feed_limited(const struct xml_limits *lim, const char *p, size_t n, size_t step)
{
	struct xml *x = xml_new(NS_CLIENT, lim);
	enum xml_err err;

	free(xml_transcript(x, p, n, step));
	err = xml_error(x);
	xml_free(x);
	return err;
}

static void assert_limit(struct xml_limits lim, const char *head, const char *in, bool ok)
{
	struct sbuf b = SBUF_INIT;

	sbuf_puts(&b, head);
	sbuf_puts(&b, in);
	for (size_t step = 1; step <= sbuf_len(&b); step = step * 3 + 1)
		assert_int_equal(feed_limited(&lim, sbuf_data(&b), sbuf_len(&b), step),
		    ok ? XML_OK : XML_E_LIMIT);
	assert_int_equal(feed_limited(&lim, sbuf_data(&b), sbuf_len(&b), sbuf_len(&b)),
	    ok ? XML_OK : XML_E_LIMIT);
	sbuf_done(&b);
}

static void test_stanza_limit(void **state)
{
	static const char el[] = "<a b='1'>12</a>";
	struct xml_limits lim = { .stanza = strlen(el) };

	(void)state;
	assert_limit(lim, "<s>", "<a b='1'>12</a>", true);
	assert_limit(lim, "<s>", "<a b='1'>12</a><a b='1'>12</a>   <a b='1'>12</a>", true);
	assert_limit(lim, "<s>", "<a b='1'>123</a>", false);
	assert_limit(lim, "<s>", "<a b='1'>12</a><a b='1'>123</a>", false);
	/* Without an end: text, a tag, an attribute, a reference, a comment. */
	assert_limit(lim, "<s>", "<a>1234567890123", false);
	assert_limit(lim, "<s>", "<a23456789012345", false);
	assert_limit(lim, "<s>", "<a b='         ", true);
	assert_limit(lim, "<s>", "<a b='          ", false);
	assert_limit(lim, "<s>", "<a>&bcdefghijklm", false);
	assert_limit(lim, "<s>", "<!-- 12345678901", false);
	/* The head counts, with what stands before it; white space outside does not. */
	assert_limit(lim, "", "<s b='1234567'>", true);
	assert_limit(lim, "", "<s b='12345678'>", false);
	assert_limit(lim, "                         ", "<s>                         <a/>", true);
	assert_limit(lim, "<s>", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n<a/>", true);
}

static void test_shape_limits(void **state)
{
	const struct xml_limits depth = { .depth = 2 }, attrs = { .attrs = 2 },
				nodes = { .nodes = 2 };

	(void)state;
	assert_limit(depth, "<s>", "<a><b/></a><a><b/><b/></a>", true);
	assert_limit(depth, "<s>", "<a><b><c/>", false);
	assert_limit(attrs, "<s>", "<a b='1' c='2'/><a xmlns:x='y' b='1'/>", true);
	assert_limit(attrs, "<s>", "<a b='1' c='2' d='3'/>", false);
	assert_limit(
	    attrs, "<s>", "<a><b b='1' c='2' xmlns='d'/></a>", false); /* they cost as much */
	assert_limit(attrs, "<s>", "<a xmlns:b='1' xmlns:c='2' xmlns:d='3'/>", false);
	assert_limit(nodes, "<s>", "<a>x<b/>x<b/>x</a><c/><c/><c/>", true);
	assert_limit(nodes, "<s>", "<a><b/><b/><b/></a>", false);
}

static void test_tag_limit(void **state)
{
	char *big = xmalloc(XML_TAG_MAX + 100), *p;

	(void)state;
	for (size_t n = XML_TAG_MAX; n <= XML_TAG_MAX + 1; n++) {
		/* <s><a b='xxx'/> with a tag of n bytes */
		p = big;
		memcpy(p, "<s><a b='", 9);
		memset(p + 9, 'x', n - 9);
		memcpy(p + 3 + n - 3, "'/>", 3);
		for (size_t step = 997; step < 100000; step *= 20)
			assert_int_equal(feed_limited(&no_limits, big, n + 3, step),
			    n > XML_TAG_MAX ? XML_E_LIMIT : XML_OK);
	}
	free(big);
}

/* <s xmlns:p='ppp...'><a> and count times "<p:b/>" or " p:b1='' p:b2=''": what that costs. */
static enum xml_err feed_namespaces(size_t ns_len, unsigned count, bool attrs)
{
	const struct xml_limits lim = { .stanza = 65536 };
	struct sbuf b = SBUF_INIT;
	enum xml_err err;

	sbuf_puts(&b, "<s xmlns:p='");
	for (size_t i = 0; i < ns_len; i++)
		sbuf_putc(&b, 'p');
	sbuf_puts(&b, attrs ? "'><a" : "'><a>");
	for (unsigned i = 0; i < count; i++) {
		if (attrs)
			sbuf_printf(&b, " p:b%u=''", i);
		else
			sbuf_puts(&b, "<p:b><p:c/></p:b>");
	}
	sbuf_puts(&b, attrs ? "/>" : "</a><b/>");
	err = feed_limited(&lim, sbuf_data(&b), sbuf_len(&b), 4096);
	sbuf_done(&b);
	return err;
}

/* One declaration, used again and again, must not become a tree of any size. */
static void test_namespace_limits(void **state)
{
	(void)state;
	assert_int_equal(feed_namespaces(XML_NS_MAX, 1, false), XML_OK);
	assert_int_equal(feed_namespaces(XML_NS_MAX + 1, 0, false), XML_E_LIMIT);
	for (int attrs = 0; attrs < 2; attrs++) {
		assert_int_equal(feed_namespaces(1024, 32, attrs), XML_OK);
		assert_int_equal(feed_namespaces(1024, 33, attrs), XML_E_LIMIT);
		assert_int_equal(feed_namespaces(20, 1638, attrs), XML_OK);
		assert_int_equal(feed_namespaces(20, 1639, attrs), XML_E_LIMIT);
	}
}

static void test_set_limits(void **state)
{
	struct xml *x = xml_new(NS_CLIENT, &no_limits);
	const struct xml_limits lim = { .stanza = 10 };

	(void)state;
	xml_feed(x, "<s><a>1234567890", 16);
	assert_int_equal(xml_error(x), XML_OK);
	xml_set_limits(x, &lim);
	assert_int_equal(xml_error(x), XML_OK);
	xml_feed(x, "1", 1);
	assert_int_equal(xml_error(x), XML_E_LIMIT);
	xml_free(x);
}

/* Each tree takes a block of memory: few of them wait, and the bytes behind them as they came. */
static void test_ahead(void **state)
{
	struct xml *x = xml_new(NS_CLIENT, &no_limits);
	struct sbuf b = SBUF_INIT;
	unsigned n = 0, most = 0;
	struct el *el;
	enum xml_ev ev;

	(void)state;
	sbuf_puts(&b, "<s>");
	for (unsigned i = 0; i < 20000; i++)
		sbuf_puts(&b, "<a/>");
	xml_feed(x, sbuf_data(&b), sbuf_len(&b));
	xml_feed(x, "<b/><", 5); /* behind what waits, in order */
	assert_false(xml_idle(x));
	while ((ev = xml_pop(x, &el)) != XML_NONE) {
		most = x->waiting > most ? x->waiting : most;
		if (ev == XML_EL) {
			assert_string_equal(el_name(el), n < 20000 ? "a" : n == 20000 ? "b" : "c");
			n++;
			el_free(el);
		}
		if (n == 10000)
			xml_feed(x, "c/>", 3);
	}
	assert_int_equal(n, 20002);
	assert_in_range(most, 1, 1000);
	assert_false(xml_partial(x));
	for (unsigned i = 0; i < 2; i++) { /* what waits is thrown away */
		xml_feed(x, sbuf_data(&b) + (i ? 0 : 3), sbuf_len(&b) - (i ? 0 : 3));
		assert_in_range(x->waiting, 1, 1000);
		i ? xml_free(x) : (void)xml_reset(x);
	}
	sbuf_done(&b);
}

/* --- restarts and idling ---------------------------------------------------------------------- */
static void drop_all(struct xml *x)
{
	struct el *el;
	enum xml_ev ev;

	while ((ev = xml_pop(x, &el)) != XML_NONE) {
		if (ev == XML_EL)
			el_free(el);
	}
}

static void test_reset(void **state)
{
	static const struct {
		const char *in;
		bool lost;
	} tab[] = {
		{ "", false },
		{ HEAD, false },
		{ HEAD "<auth/>", false },
		{ HEAD "<auth/>\r\n ", false },
		{ HEAD "<auth/><", true },
		{ HEAD "<auth/><a>", true },
		{ HEAD "<a", true },
		{ "<", true },
		{ "<?xml", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		struct xml *x = xml_new(NS_CLIENT, &no_limits);
		char *got;

		xml_feed(x, tab[i].in, strlen(tab[i].in));
		drop_all(x);
		assert_int_equal(xml_partial(x), tab[i].lost);
		assert_int_equal(xml_reset(x), tab[i].lost);
		assert_null(xml_head(x));
		got = xml_transcript(x, HEAD "<a/>", strlen(HEAD "<a/>"), 7);
		assert_string_equal(got, HEAD_OUT "el <a xmlns=\"jabber:client\"/>\n");
		free(got);
		xml_free(x);
	}
}

static void test_reset_after_fault(void **state)
{
	struct xml *x = xml_new(NS_CLIENT, &no_limits);
	char *got;

	(void)state;
	xml_feed(x, "<s><a/></x>", 11); /* not popped: an element is lost */
	assert_true(xml_reset(x));
	assert_int_equal(xml_error(x), XML_OK);
	got = xml_transcript(x, "<s></s>", 7, 1);
	assert_string_equal(got, "head <s xmlns=\"\"/>\nend\n");
	assert_false(xml_reset(x));
	free(got);
	xml_free(x);
}

static void test_idle(void **state)
{
	static const char in[] =
	    "<p:s xmlns='jabber:client' xmlns:p='u&amp;v' xmlns:q='w' p:x='\"'> "
	    "<a q:b='1'><q:c/></a>\n<p:d/> <e>text</e></p:s>";
	struct xml *x = xml_new(NS_CLIENT, &no_limits), *y = xml_new(NS_CLIENT, &no_limits);
	struct sbuf got = SBUF_INIT;
	unsigned idled = 0;
	char *want = xml_transcript(y, in, strlen(in), strlen(in)), *s;

	(void)state;
	assert_true(xml_idle(x));
	for (size_t i = 0; i < strlen(in); i++) {
		s = xml_transcript(x, in + i, 1, 1);
		sbuf_puts(&got, s);
		free(s);
		assert_int_equal(xml_idle(x), !xml_partial(x));
		idled += xml_idle(x);
	}
	assert_string_equal(sbuf_str(&got), want);
	assert_true(idled > 5);
	sbuf_done(&got);
	free(want);
	xml_free(x);
	xml_free(y);
}

/* Idle, then a new stream. */
static void test_read(void **state)
{
	static const struct xml_limits lim = { .stanza = 1024, .attrs = 2 };
	static const char *const none[] = { "", "<a>", "text", "<a/", "</a>", "<a><!-- no --></a>",
		"<a n='1' o='2' p='3'/>" };
	struct el *el = xml_read("<a x='1'>t<b xmlns='urn:b'/></a>", &lim);
	char *s;

	(void)state;
	assert_non_null(el);
	assert_string_equal(el_ns(el), NS_CLIENT);
	s = el_sent(el, NS_CLIENT);
	assert_string_equal(s, "<a x=\"1\">t<b xmlns='urn:b'/></a>");
	free(s);
	el_free(el);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		el = xml_read(none[i], &lim);
		if (el)
			fail_msg("%s was read", none[i]);
	}
}

static void test_idle_reset(void **state)
{
	struct xml *x = xml_new(NS_CLIENT, &no_limits);
	char *got;

	(void)state;
	free(xml_transcript(x, "<s xmlns='u'>", 13, 5));
	assert_true(xml_idle(x));
	assert_false(xml_reset(x));
	assert_true(xml_idle(x));
	got = xml_transcript(x, "<t><a/>", 7, 2);
	assert_string_equal(got, "head <t xmlns=\"\"/>\nel <a xmlns=\"\"/>\n");
	free(got);
	xml_free(x);
}

/* Keepalives are nothing that could fill memory or be unfinished. */
static void test_keepalives(void **state)
{
	const struct xml_limits lim = { .stanza = 100 };
	struct xml *x = xml_new(NS_CLIENT, &lim);
	char blank[4096];

	(void)state;
	memset(blank, ' ', sizeof(blank));
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 1000; i++) {
			xml_feed(x, blank, sizeof(blank));
			assert_int_equal(xml_error(x), XML_OK);
			assert_false(xml_partial(x));
		}
		xml_feed(x, "<s>", 3);
	}
	xml_free(x);
}

/* Text in many pieces, each a reference: linear. */
static void test_many_pieces(void **state)
{
	struct sbuf b = SBUF_INIT;
	struct el *el;

	(void)state;
	sbuf_puts(&b, "<a>");
	for (int i = 0; i < 200000; i++)
		sbuf_puts(&b, "&lt;\n");
	sbuf_puts(&b, "</a>");
	el = xml_one(NS_CLIENT, "", sbuf_data(&b), sbuf_len(&b));
	assert_int_equal(strlen(el_body(el)), 400000);
	el_free(el);
	sbuf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_utf16),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_stanza_limit),
		cmocka_unit_test(test_shape_limits),
		cmocka_unit_test(test_tag_limit),
		cmocka_unit_test(test_namespace_limits),
		cmocka_unit_test(test_ahead),
		cmocka_unit_test(test_set_limits),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_reset_after_fault),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_idle_reset),
		cmocka_unit_test(test_keepalives),
		cmocka_unit_test(test_many_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
