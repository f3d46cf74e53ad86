/* SPDX-License-Identifier: MIT */
/* Which bytes the parser keeps for sending on, and that sending them means the same as writing the
 * tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "xml_fixture.h"

#define DECLS "xmlns:h='urn:head' xmlns:c='jabber:client' xmlns:k='jabber:component:accept'"

static const struct {
	const char *in;
	const char *raw; /* NULL: not kept */
} tab[] = {
	{ "<message/>", "" },
	{ "<message></message>", "" },
	{ "<message> </message>", " " },
	{ "<message to='a'  ><body>x</body ></message  >", "<body>x</body >" },
	{ "<message>t&amp;<![CDATA[<]]>&#x41;<b/></message>", "t&amp;<![CDATA[<]]>&#x41;<b/>" },
	{ "<iq xml:lang='en'><q xmlns='u' xml:lang='de'/></iq>", "<q xmlns='u' xml:lang='de'/>" },
	{ "<iq><q xmlns='u'><r xmlns=''/><s/></q><t/></iq>",
	    "<q xmlns='u'><r xmlns=''/><s/></q><t/>" },
	/* The start tag names the namespace that it is in anyway. */
	{ "<message xmlns='jabber:client'><body/></message>", "<body/>" },
	{ "<message xmlns='%s'><body/></message>", "<body/>" },
	/* Prefixes declared and used inside. */
	{ "<iq><p:q xmlns:p='u'/></iq>", "<p:q xmlns:p='u'/>" },
	{ "<iq><q xmlns:p='u' p:a='b'><p:r/></q></iq>", "<q xmlns:p='u' p:a='b'><p:r/></q>" },
	{ "<iq><h:q xmlns:h='mine'/></iq>", "<h:q xmlns:h='mine'/>" },
	{ "<iq><a xmlns:p='1'><b xmlns:p='2'/><p:c/></a></iq>",
	    "<a xmlns:p='1'><b xmlns:p='2'/><p:c/></a>" },
	/* Prefixes that only the old start tag or the header knows. */
	{ "<iq><h:q/></iq>", NULL },
	{ "<iq><q h:a='b'/></iq>", NULL },
	{ "<iq><q xmlns='u'><r><s h:a='b'/></r></q></iq>", NULL },
	{ "<iq xmlns:p='u'><p:q/></iq>", NULL },
	{ "<iq xmlns:p='u'><q p:a='b'/></iq>", NULL },
	{ "<iq><q xmlns:h='mine'/><h:r/></iq>", NULL }, /* out of its scope again */
	{ "<iq><q xmlns:h='mine'><r xmlns:h='other'/></q><r><h:s/></r></iq>", NULL },
	{ "<iq><stream:q/></iq>", NULL },
	/* ... on the start tag alone they do no harm. */
	{ "<iq h:a='b'><q/></iq>", "<q/>" },
	{ "<iq xmlns:p='u' p:a='b'><q/></iq>", "<q/>" },
	/* Stanzas by a prefix, or of another namespace. */
	{ "<c:iq><q/></c:iq>", NULL },
	{ "<c:iq><c:q/></c:iq>", NULL },
	{ "<iq xmlns='u'><q/></iq>", NULL },
	{ "<iq xmlns=''/>", NULL },
	{ "<stream:features><a xmlns='u'/></stream:features>", NULL },
	/* Content namespaces by name. */
	{ "<message><body xmlns='jabber:client'/></message>", NULL },
	{ "<message><body xmlns='jabber:component:accept'/></message>", NULL },
	{ "<message><body xmlns='jabber:server'/></message>", NULL },
	{ "<message><x:body xmlns:x='jabber:client'/></message>", NULL },
	{ "<message><x:body xmlns:x='jabber:server'/></message>", NULL },
	{ "<message><c:body/></message>", NULL },
	{ "<message><k:body/></message>", NULL },
	{ "<message><f xmlns='u'><message xmlns='jabber:server'/></f></message>", NULL },
	{ "<message><f xmlns='u'><message xmlns='jabber:component:accept'/></f></message>", NULL },
	/* A forwarded stanza is a client's on every stream. */
	{ "<message><f xmlns='u'><message xmlns='jabber:client'><body/></message></f></message>",
	    "<f xmlns='u'><message xmlns='jabber:client'><body/></message></f>" },
	{ "<message><f xmlns='u'/><body xmlns='jabber:client'/></message>", NULL },
	{ "<message><f xmlns='u'><x:m xmlns:x='jabber:client'><x:b/></x:m></f><y/></message>",
	    "<f xmlns='u'><x:m xmlns:x='jabber:client'><x:b/></x:m></f><y/>" },
};
#define N_TAB (sizeof(tab) / sizeof(tab[0]))

static const char *const streams[] = { NS_CLIENT, NS_COMPONENT, NS_SERVER };
#define N_STREAMS (sizeof(streams) / sizeof(streams[0]))

/* The table's "%s" is the stream's own namespace. */
static void fill(char *out, size_t size, const char *in, const char *content_ns)
{
	const char *mark = strstr(in, "%s");

	if (mark)
		(void)snprintf(out, size, "%.*s%s%s", (int)(mark - in), in, content_ns, mark + 2);
	else
		(void)snprintf(out, size, "%s", in);
}

static void test_kept(void **state)
{
	char in[512];

	(void)state;
	for (size_t i = 0; i < N_TAB * N_STREAMS; i++) {
		EL_AUTO struct el *el = NULL;
		const char *raw, *want = tab[i / N_STREAMS].raw;
		size_t n = 0;

		fill(in, sizeof(in), tab[i / N_STREAMS].in, streams[i % N_STREAMS]);
		el = xml_one(streams[i % N_STREAMS], DECLS, in, strlen(in));
		assert_non_null(el);
		raw = el_raw(el, &n);
		if (!raw != !want || (raw && (n != strlen(want) || memcmp(raw, want, n) != 0)))
			fail_msg("%s: %.*s", in, raw ? (int)n : 4, raw ? raw : "none");
	}
}

/* Kept or not, what is sent means the tree that came, on each kind of stream. */
static void test_same_meaning(void **state)
{
	char in[512];

	(void)state;
	for (size_t i = 0; i < N_TAB * N_STREAMS * N_STREAMS; i++) {
		const char *from = streams[i % N_STREAMS], *to = streams[i / N_STREAMS % N_STREAMS];
		EL_AUTO struct el *el = NULL;
		char *want, *sent, *got;
		struct el *back;

		fill(in, sizeof(in), tab[i / N_STREAMS / N_STREAMS].in, from);
		el = xml_one(from, DECLS, in, strlen(in));
		want = el_canon(el);
		for (int raw = 1; raw >= 0; raw--) {
			sent = el_sent(el, to);
			back = xml_one(to, "", sent, strlen(sent));
			assert_non_null(back);
			got = el_canon(back);
			assert_string_equal(got, want);
			free(got);
			free(sent);
			el_free(back);
			el_drop_raw(el);
		}
		free(want);
	}
}

/* However the bytes come in, the same ones are kept. */
static void test_slices(void **state)
{
	static const char in[] =
	    "<stream:stream xmlns:stream='s' xmlns='jabber:client'> <message "
	    "a='b>'><body>one</body> "
	    "\xc3\xa4&lt;</message><presence/>\n<message ><x xmlns='u'/></message ><iq></iq>";
	static const char *const want[] = { "<body>one</body> \xc3\xa4&lt;", "", "<x xmlns='u'/>",
		"" };
	const size_t n = sizeof(in) - 1;

	(void)state;
	for (size_t step = 1; step <= n; step++) {
		struct xml *x = xml_new(NS_CLIENT, &no_limits);
		unsigned count = 0;
		enum xml_ev ev;
		struct el *el;
		size_t len;

		for (size_t i = 0; i < n; i += step) {
			xml_feed(x, in + i, step < n - i ? step : n - i);
			while ((ev = xml_pop(x, &el)) != XML_NONE) {
				if (ev != XML_EL)
					continue;
				assert_string_equal(el_raw(el, &len), want[count]);
				assert_int_equal(len, strlen(want[count]));
				count++;
				el_free(el);
			}
			(void)xml_idle(x);
		}
		assert_int_equal(count, 4);
		xml_free(x);
	}
}

/* More declarations than are remembered: given up, not wrong. */
static void test_many_prefixes(void **state)
{
	struct sbuf b = SBUF_INIT;
	struct el *el;
	size_t n;

	(void)state;
	for (int count = 10; count <= 40; count += 30) {
		sbuf_clear(&b);
		sbuf_puts(&b, "<iq><q");
		for (int i = 0; i < count; i++)
			sbuf_printf(&b, " xmlns:p%d='u%d'", i, i);
		sbuf_puts(&b, "/></iq>");
		el = xml_one(NS_CLIENT, "", sbuf_data(&b), sbuf_len(&b));
		assert_int_equal(el_raw(el, &n) != NULL, count == 10);
		el_free(el);
	}
	sbuf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_same_meaning),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_many_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
