/* SPDX-License-Identifier: MIT */
/* Entity capabilities: the hash over what a client can do (the examples of XEP-0115 5.2 and 5.3),
 * what is refused, and the nodes it wants to hear of. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/mem.h>

#include "caps_hash.h"
#include "xml_fixture.h"

#define Q(inner) "<query xmlns='http://jabber.org/protocol/disco#info'>" inner "</query>"
#define ID(cat, type, more) "<identity category='" cat "' type='" type "' " more "/>"
#define F(var) "<feature var='" var "'/>"
#define X(inner) "<x xmlns='jabber:x:data' type='result'>" inner "</x>"
#define V(value) "<value>" value "</value>"
#define FIELD(var, values) "<field var='" var "'>" values "</field>"
#define TYPE(values) "<field var='FORM_TYPE' type='hidden'>" values "</field>"
#define PC ID("client", "pc", "")

#define DISCO "http://jabber.org/protocol/disco"
#define EXODUS_FEATURES                     \
	F("http://jabber.org/protocol/muc") \
	F("http://jabber.org/protocol/caps") F(DISCO "#items") F(DISCO "#info")
#define EXODUS_HASH "QgayPKawpkPSDYmwT/WM94uAlu0="

#define PSI_EN "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>"
#define PSI_EL "<identity xml:lang='el' category='client' name='\xce\xa8 0.11' type='pc'/>"
#define PSI_HASH "q07IKJEyjvHSyhy//CH0CxmKi8w="

static char hash[CAPS_HASH_LEN + 1];

static int hash_alg(const char *xml, enum digest_alg alg)
{
	struct el *el = xml_str(NS_CLIENT, xml);
	int r;

	assert_non_null(el);
	memset(hash, 'x', sizeof(hash));
	r = caps_hash(el, alg, hash);
	el_free(el);
	return r;
}

/* Compares with the hash of the string as it ought to be. */
static void same(const char *xml, const char *string)
{
	char want[CAPS_HASH_LEN + 1];
	uint8_t d[DIGEST_MAX];

	digest(DIGEST_SHA1, string, strlen(string), d);
	base64_encode(d, digest_len(DIGEST_SHA1), want);
	assert_int_equal(hash_alg(xml, DIGEST_SHA1), 0);
	assert_string_equal(hash, want);
}

static void refused(const char *xml)
{
	assert_int_equal(hash_alg(xml, DIGEST_SHA1), -EINVAL);
}

static void test_alg(void **state)
{
	enum digest_alg alg = DIGEST_SHA256;

	(void)state;
	assert_int_equal(caps_alg("sha-1", &alg), 0);
	assert_int_equal(alg, DIGEST_SHA1);
	assert_int_equal(caps_alg("sha-256", &alg), 0);
	assert_int_equal(alg, DIGEST_SHA256);
	assert_int_equal(caps_alg("sha-512", &alg), 0);
	assert_int_equal(alg, DIGEST_SHA512);
	assert_int_equal(caps_alg("md5", &alg), -EINVAL);
	assert_int_equal(caps_alg("SHA-1", &alg), -EINVAL);
	assert_int_equal(caps_alg("", &alg), -EINVAL);
	assert_int_equal(caps_alg(NULL, &alg), -EINVAL);
	assert_int_equal(alg, DIGEST_SHA512);
}

/* 5.2, in another order than the string's. */
static void test_simple(void **state)
{
	(void)state;
	assert_int_equal(
	    hash_alg(Q(EXODUS_FEATURES ID("client", "pc", "name='Exodus 0.9.1'")), DIGEST_SHA1), 0);
	assert_string_equal(hash, EXODUS_HASH);
}

/* 5.3, in the example's order and in the opposite one. */
static void test_complex(void **state)
{
	(void)state;
	assert_int_equal(
	    hash_alg(Q(PSI_EN PSI_EL EXODUS_FEATURES X(TYPE(V("urn:xmpp:dataforms:softwareinfo"))
			     FIELD("ip_version", V("ipv4") V("ipv6")) FIELD("os", V("Mac"))
				 FIELD("os_version", V("10.5.1")) FIELD("software", V("Psi"))
				     FIELD("software_version", V("0.11")))),
		DIGEST_SHA1),
	    0);
	assert_string_equal(hash, PSI_HASH);
	assert_int_equal(
	    hash_alg(Q(X(FIELD("software_version", V("0.11")) FIELD("software", V("Psi")) FIELD(
			 "os_version", V("10.5.1")) FIELD("os", V("Mac")) FIELD("ip_version",
			 V("ipv6") V("ipv4")) TYPE(V("urn:xmpp:dataforms:softwareinfo")))
			     EXODUS_FEATURES PSI_EL PSI_EN),
		DIGEST_SHA1),
	    0);
	assert_string_equal(hash, PSI_HASH);
}

static void test_algs(void **state)
{
	static const char xml[] = Q(ID("client", "pc", "name='a'") F("f"));

	(void)state;
	assert_int_equal(hash_alg(xml, DIGEST_SHA1), 0);
	assert_string_equal(hash, "S3V+gJ8ROHXHGE+C+fZNYSTSDhE=");
	assert_int_equal(hash_alg(xml, DIGEST_SHA256), 0);
	assert_string_equal(hash, "0yt71o+GmDzfIdrmVJ4bVkc521XLktIzF+En3lkj9vo=");
	assert_int_equal(hash_alg(xml, DIGEST_SHA512), 0);
	assert_string_equal(hash, "pomx1ryxSwoxYM6ihTqUyCwWi9hs2KsMSraxZ6B+"
				  "jesTWAPkpI0XH4d5ypyA3zy6FOyT4Dwrw9BnGxNNCch3xA==");
	assert_int_equal(strlen(hash), CAPS_HASH_LEN);
}

static void test_order(void **state)
{
	(void)state;
	same(Q(F("b") F("a-b") F("a/b") F("a") F("B")), "B<a<a-b<a/b<b<");
	/* Bytes, not characters: above ASCII they are unsigned. */
	same(Q(F("\xc3\xa4") F("z") F("\xf0\x9f\x98\x80") F("\xef\xbf\xbd")),
	    "z<\xc3\xa4<\xef\xbf\xbd<\xf0\x9f\x98\x80<");
	/* By category, then by type, then by language, then by name; not by the whole. */
	same(Q(ID("a-b", "x", "") ID("a", "x", "")), "a/x//<a-b/x//<");
	same(Q(ID("a", "x-y", "") ID("a", "x", "name='z'")), "a/x//z<a/x-y//<");
	same(Q(ID("a", "x", "name='n' xml:lang='en'") ID("a", "x", "name='z'")
		     ID("a", "x", "name='m' xml:lang='en'") ID("a", "x", "xml:lang='de-AT'")
			 ID("a", "x", "xml:lang='de'")),
	    "a/x//z<a/x/de/<a/x/de-AT/<a/x/en/m<a/x/en/n<");
	same(Q(X(TYPE(V("u")) FIELD("v", V("1"))) X(TYPE(V("t")) FIELD("w", "")) PC),
	    "client/pc//<t<w<u<v<1<");
	same(Q(X(TYPE(V("t")) FIELD("b", V("2") V("") V("10") V("2")) FIELD("a", ""))),
	    "t<a<b<<10<2<2<");
	same(Q(""), "");
}

/* The language is the identity's own: what the iq says of its text is not in the string. */
static void test_lang(void **state)
{
	(void)state;
	same("<query xmlns='" DISCO "#info' xml:lang='fr'>" PC "</query>", "client/pc//<");
	same(Q(ID("client", "pc", "lang='en'")), "client/pc//<");
}

/* 5.1: what looks like a separator does not become one. */
static void test_separator(void **state)
{
	(void)state;
	same(Q(ID("client", "pc", "name='a&lt;b'") F("c")), "client/pc//a&lt;b<c<");
	same(Q(ID("client", "pc", "name='a&amp;lt;b'")), "client/pc//a&lt;b<");
	same(Q(F("a&amp;b&gt;&lt;&lt;")), "a&b>&lt;&lt;<");
	same(Q(X(TYPE(V("&lt;t")) FIELD("&lt;v", V("x&lt;")))), "&lt;t<&lt;v<x&lt;<");
	/* '&' comes before '1', '<' would come behind. */
	same(Q(F("1") F("&lt;")), "&lt;<1<");
	refused(Q(F("a&lt;b") F("a&amp;lt;b")));
}

static void test_ill_formed(void **state)
{
	static const char *const bad[] = {
		"<query xmlns='" DISCO "#items'/>",
		"<info xmlns='" DISCO "#info'/>",
		/* 5.4, 3.3 to 3.5 */
		Q(PC PC),
		Q(ID("a", "b", "xml:lang='c' name='d'") PC ID("a", "b", "name='d' xml:lang='c'")),
		Q(PC ID("client", "pc", "name=''")),
		Q(F("a") F("b") F("a")),
		Q(X(TYPE(V("t")) FIELD("a", "")) X(TYPE(V("t")) FIELD("b", ""))),
		Q(X(TYPE(V("t") V("u")))),
		Q(X(TYPE(V("t") V("t") V("")))),
		/* nothing that a string stands for */
		Q(X(TYPE(""))),
		Q(X(TYPE(V("t")) TYPE(V("t")))),
		Q(X(TYPE(V("t")) "<field/>")),
		Q(X(TYPE(V("t")) "<field type='fixed'>" V("text") "</field>")),
		Q(X(TYPE(V("t")) FIELD("", V("1")))),
		Q(X(TYPE(V("t")) FIELD("a", V("1")) FIELD("b", "") FIELD("a", V("2")))),
		Q("<feature/>"),
		Q(F("")),
		Q("<identity category='client'/>"),
		Q("<identity type='pc'/>"),
		Q(ID("", "pc", "")),
		Q(ID("client", "", "")),
		Q(ID("a/b", "pc", "")),
		Q(ID("client", "a/b", "")),
		Q(ID("client", "pc", "xml:lang='a/b'")),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i]);
	same(Q(X(TYPE(V("t") V("t")))), "t<");
	same(Q(ID("client", "pc", "name='a/b//c'")), "client/pc//a/b//c<");
}

/* 5.4, 3.6: a form of no type is as good as none, whatever is in it. */
static void test_ignored(void **state)
{
	(void)state;
	same(Q(PC X("")), "client/pc//<");
	same(Q(PC X(FIELD("a", V("1")) FIELD("a", "") "<field/>")), "client/pc//<");
	same(Q(PC X(FIELD("FORM_TYPE", V("t")))), "client/pc//<");
	same(Q(PC X("<field var='FORM_TYPE' type='text-single'>" V("t") V("u") "</field>")),
	    "client/pc//<");
	same(Q(PC X(TYPE(V("t")) FIELD("FORM_TYPE", V("t")))), "client/pc//<");
	same(Q(PC X(FIELD("FORM_TYPE", V("t")) TYPE(V("t")))), "client/pc//<");
	same(
	    Q(PC X(TYPE(V("t")) FIELD("a", "")) X(FIELD("FORM_TYPE", V("t")))), "client/pc//<t<a<");
	/* And what is no part of the answer, or not a form's field. */
	same(Q(PC "text<identity xmlns='urn:x'/><feature xmlns='urn:x'/><x xmlns='urn:x'/>"),
	    "client/pc//<");
	same(Q(X(TYPE(V("t")) "<title>x</title><reported>" FIELD(
		 "r", "") "</reported>"
			  "<item>" FIELD("r", V("1")) "</item>")),
	    "t<");
}

/* Another answer with the string of a client that has asked for "n": none may take that away. */
static void test_poison(void **state)
{
	(void)state;
	same(Q(PC F("f") F("m") F("n+notify") F("o")), "client/pc//<f<m<n+notify<o<");
	refused(Q(PC F("f") X(TYPE(V("m")) FIELD("n+notify", V("o")))));
	refused(Q(PC X(TYPE(V("f")) FIELD("m", V("n+notify") V("o")))));
	refused(Q(PC F("f") F("m") X(TYPE(V("n+notify")) FIELD("o", ""))));
	same(Q(PC F("h:/a/n+notify")), "client/pc//<h:/a/n+notify<");
	refused(Q(PC ID("h:", "a", "name='n+notify'")));
	same(Q(PC F("h:/a/b/n+notify")), "client/pc//<h:/a/b/n+notify<");
	refused(Q(PC ID("h:", "a", "xml:lang='b' name='n+notify'")));
	same(Q(F("a&amp;lt;b+notify")), "a&lt;b+notify<");
	refused(Q(F("a&lt;b+notify")));
	/* A name that is only like it is fine. */
	same(Q(PC X(TYPE(V("t")) FIELD("a", V("+notify ") V("notify")))),
	    "client/pc//<t<a<+notify <notify<");
}

enum what { IDENTITIES, FEATURES, FORMS, FORMS_IGNORED, FIELDS, VALUES };

static int hash_many(enum what what, int n)
{
	static const char *const item[] = {
		[IDENTITIES] = ID("client", "pc", "name='%d'"),
		[FEATURES] = F("f%d"),
		[FORMS] = X(TYPE(V("t%d"))),
		[FORMS_IGNORED] = X(FIELD("v%d", "")),
		[FIELDS] = FIELD("v%d", ""),
		[VALUES] = V("%d"),
	};
	static const char *const open[VALUES + 1] = {
		[FIELDS] = "<x xmlns='jabber:x:data'>" TYPE(V("t")),
		[VALUES] = "<x xmlns='jabber:x:data'>" TYPE(V("t")) "<field var='v'>",
	};
	static const char *const close[VALUES + 1] = {
		[FIELDS] = "</x>",
		[VALUES] = "</field></x>",
	};
	struct sbuf s = SBUF_INIT;
	int r;

	sbuf_puts(&s, "<query xmlns='" DISCO "#info'>");
	sbuf_puts(&s, open[what] ? open[what] : "");
	for (int i = 0; i < n; i++) {
		const char *at = strstr(item[what], "%d");

		sbuf_add(&s, item[what], (size_t)(at - item[what]));
		sbuf_printf(&s, "%d", i);
		sbuf_puts(&s, at + 2);
	}
	sbuf_puts(&s, close[what] ? close[what] : "");
	sbuf_puts(&s, "</query>");
	r = hash_alg(sbuf_str(&s), DIGEST_SHA1);
	sbuf_done(&s);
	return r;
}

static void test_limits(void **state)
{
	static const int max[] = {
		[IDENTITIES] = 64,
		[FEATURES] = 512,
		[FORMS] = 16,
		[FORMS_IGNORED] = 16,
		[FIELDS] = 127, /* and FORM_TYPE */
		[VALUES] = 1023,
	};

	(void)state;
	for (enum what w = IDENTITIES; w <= VALUES; w++) {
		assert_int_equal(hash_many(w, max[w]), 0);
		assert_int_equal(hash_many(w, max[w] + 1), -EINVAL);
	}
}

/* --- notifications ---------------------------------------------------------------------------- */

/* The names with a ';' behind each; the caller frees it. */
static char *names(const char *xml, size_t *n)
{
	struct el *el = xml_str(NS_CLIENT, xml);
	struct sbuf out = SBUF_INIT;
	char *s;

	assert_non_null(el);
	sbuf_puts(&out, "|"); /* what was there stays */
	*n = caps_notify(el, &out);
	for (size_t i = 0; i < sbuf_len(&out); i++) {
		if (!out.data[out.off + i])
			out.data[out.off + i] = ';';
	}
	s = sbuf_steal(&out);
	el_free(el);
	return s;
}

static void test_notify(void **state)
{
	static const struct {
		const char *xml, *want;
		size_t n;
	} row[] = {
		{ Q(""), "|", 0 },
		{ Q(F("a") F("notify") F("+notify") F("a+notify ") F("+Notify")), "|", 0 },
		{ Q(F("b+notify") F("c") F("a+notify")), "|a;b;", 2 },
		{ Q(F("b+notify") F("a+notify") F("b+notify") F("a+notify")), "|a;b;", 2 },
		/* As names: with "+notify" behind them '!' would come before '+'. */
		{ Q(F("a!+notify") F("a+notify") F("a++notify") F("+notify+notify")),
		    "|+notify;a;a!;a+;", 4 },
		{ Q(F("a&lt;&amp;+notify")), "|a<&;", 1 },
		{ Q("<feature/><feature xmlns='urn:x' var='x+notify'/><x><feature var='y+notify'/>"
		    "</x><identity var='z+notify'/>"),
		    "|", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		size_t n;
		char *s = names(row[i].xml, &n);

		assert_string_equal(s, row[i].want);
		assert_int_equal(n, row[i].n);
		free(s);
	}
}

/* More names than are taken, from the last to the first, and each twice. */
static void test_notify_many(void **state)
{
	struct sbuf in = SBUF_INIT, want = SBUF_INIT;
	size_t n;
	char *s;

	(void)state;
	sbuf_puts(&in, "<query xmlns='" DISCO "#info'>");
	for (int i = 599; i >= 0; i--)
		sbuf_printf(&in, F("n%03d+notify") F("n%03d+notify"), i, 599 - i);
	sbuf_puts(&in, "</query>");
	sbuf_puts(&want, "|");
	for (int i = 0; i < CAPS_NOTIFY_MAX; i++)
		sbuf_printf(&want, "n%03d;", i);
	s = names(sbuf_str(&in), &n);
	assert_int_equal(n, 256);
	assert_string_equal(s, sbuf_str(&want));
	free(s);
	sbuf_done(&in);
	sbuf_done(&want);
}

static void test_notify_long(void **state)
{
	char name[CAPS_NAME_MAX + 2];

	(void)state;
	memset(name, 'n', sizeof(name));
	for (int len = CAPS_NAME_MAX; len <= CAPS_NAME_MAX + 1; len++) {
		bool fits = len <= 1023;
		char *in = xasprintf(Q(F("%.*s+notify") F("z+notify")), len, name), *s;
		size_t n;

		s = names(in, &n);
		assert_int_equal(n, fits ? 2 : 1);
		assert_int_equal(strlen(s), fits ? 1 + 1023 + 1 + 2 : 1 + 2);
		free(s);
		free(in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alg),
		cmocka_unit_test(test_simple),
		cmocka_unit_test(test_complex),
		cmocka_unit_test(test_algs),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_lang),
		cmocka_unit_test(test_separator),
		cmocka_unit_test(test_ill_formed),
		cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_poison),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_notify_many),
		cmocka_unit_test(test_notify_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
