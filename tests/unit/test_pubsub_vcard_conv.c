/* SPDX-License-Identifier: MIT */
/* vCards between vcard-temp and vCard4: field by field, there and back, and what is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vcard_conv.h"
#include "xml_fixture.h"

#define TEMP(inner) "<vCard xmlns='vcard-temp'>" inner "</vCard>"
#define V4(inner) "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'>" inner "</vcard>"
#define FN4 "<fn><text/></fn>"
#define TYPE4 "<parameters><type>"
#define TYPE4_END "</type></parameters>"
#define PREF4 "<parameters><pref><integer>1</integer></pref></parameters>"

/* The text of a tree as its canonical form; the caller frees it. */
static char *canon(const char *xml)
{
	struct el *el = xml_str(NS_CLIENT, xml);
	char *s;

	assert_non_null(el);
	s = el_canon(el);
	el_free(el);
	return s;
}

static void check(struct el *(*conv)(const struct el *), const char *from, const char *to)
{
	struct el *in = xml_str(NS_CLIENT, from), *out = conv(in);
	char *want = canon(to), *got;

	assert_non_null(out);
	got = el_canon(out);
	assert_string_equal(got, want);
	free(got);
	free(want);
	el_free(out);
	el_free(in);
}

static void both(const char *temp, const char *v4)
{
	check(vcard_to_4, temp, v4);
	check(vcard_from_4, v4, temp);
}

/* XEP-0292 10.2 and 10.3, without what stays behind; all parts of N and ADR (RFC 6351). */
static void test_example(void **state)
{
	(void)state;
	both(TEMP("<FN>Peter Saint-Andre</FN>"
		  "<N><FAMILY>Saint-Andre</FAMILY><GIVEN>Peter</GIVEN></N>"
		  "<NICKNAME>stpeter</NICKNAME><NICKNAME>psa</NICKNAME>"
		  "<BDAY>1966-08-06</BDAY>"
		  "<ADR><WORK/><PREF/><EXTADD>Suite 600</EXTADD>"
		  "<STREET>1899 Wynkoop Street</STREET><LOCALITY>Denver</LOCALITY>"
		  "<REGION>CO</REGION><PCODE>80202</PCODE><CTRY>USA</CTRY></ADR>"
		  "<TEL><WORK/><VOICE/><PREF/><NUMBER>+1-303-308-3282</NUMBER></TEL>"
		  "<TEL><WORK/><FAX/><NUMBER>+1-303-308-3219</NUMBER></TEL>"
		  "<EMAIL><INTERNET/><PREF/><USERID>stpeter@jabber.org</USERID></EMAIL>"
		  "<EMAIL><WORK/><INTERNET/><USERID>psaintan@cisco.com</USERID></EMAIL>"
		  "<JABBERID>stpeter@jabber.org</JABBERID>"
		  "<TITLE>Executive Director</TITLE><ROLE>Patron Saint</ROLE>"
		  "<ORG><ORGNAME>XMPP Standards Foundation</ORGNAME></ORG>"
		  "<URL>https://stpeter.im/</URL><URL>http://www.saint-andre.com/</URL>"
		  "<DESC>\n  More information about me is located on my\n  personal website\n"
		  "</DESC>"),
	    V4("<fn><text>Peter Saint-Andre</text></fn>"
	       "<n><surname>Saint-Andre</surname><given>Peter</given><additional/><prefix/>"
	       "<suffix/></n>"
	       "<nickname><text>stpeter</text></nickname><nickname><text>psa</text></nickname>"
	       "<bday><date>1966-08-06</date></bday>"
	       "<adr><parameters><type><text>work</text></type><pref><integer>1</integer></pref>"
	       "</parameters><pobox/><ext>Suite 600</ext><street>1899 Wynkoop Street</street>"
	       "<locality>Denver</locality><region>CO</region><code>80202</code>"
	       "<country>USA</country></adr>"
	       "<tel><parameters><type><text>work</text><text>voice</text></type>"
	       "<pref><integer>1</integer></pref></parameters><uri>tel:+1-303-308-3282</uri></tel>"
	       "<tel><parameters><type><text>work</text><text>fax</text></type></parameters>"
	       "<uri>tel:+1-303-308-3219</uri></tel>"
	       "<email>" PREF4 "<text>stpeter@jabber.org</text></email>"
	       "<email><parameters><type><text>work</text></type></parameters>"
	       "<text>psaintan@cisco.com</text></email>"
	       "<impp><uri>xmpp:stpeter@jabber.org</uri></impp>"
	       "<title><text>Executive Director</text></title>"
	       "<role><text>Patron Saint</text></role>"
	       "<org><text>XMPP Standards Foundation</text></org>"
	       "<url><uri>https://stpeter.im/</uri></url>"
	       "<url><uri>http://www.saint-andre.com/</uri></url>"
	       "<note><text>\n  More information about me is located on my\n  personal website\n"
	       "</text></note>"));
}

/* XEP-0054's examples are full of fields without content. */
static void test_to_4_left_out(void **state)
{
	(void)state;
	check(vcard_to_4,
	    TEMP("<FN> </FN><N><FAMILY/><GIVEN>\n</GIVEN><MIDDLE/></N><NICKNAME/><URL> </URL>"
		 "<BDAY/><ORG><ORGNAME/><ORGUNIT/></ORG><TITLE/><TEL><WORK/><FAX/><NUMBER/></TEL>"
		 "<TEL>1</TEL><EMAIL><INTERNET/><USERID/></EMAIL><EMAIL>a@b</EMAIL>"
		 "<ADR><HOME/><EXTADD/></ADR><JABBERID/><JABBERID>@</JABBERID><DESC/>"
		 "<PHOTO><TYPE>image/png</TYPE><BINVAL>AAAA</BINVAL></PHOTO>"
		 "<GEO><LAT>39.59</LAT><LON>-105.01</LON></GEO><MAILER>x</MAILER>"
		 "<title>small</title><ROLE xmlns='other'>x</ROLE>"),
	    V4(""));
	check(vcard_to_4, TEMP(""), V4(""));
	check(vcard_to_4, TEMP("<ROLE>Patron Saint</ROLE>"),
	    V4("<role><text>Patron Saint</text></role>" FN4));
}

static void test_from_4_left_out(void **state)
{
	(void)state;
	check(vcard_from_4,
	    V4("<fn/>" FN4 "<n><surname/></n><nickname>a</nickname><url><text>u</text></url>"
	       "<bday/><bday><date> </date></bday><org/><org><text/><text> </text></org>"
	       "<tel><uri>sip:a@b</uri></tel><tel><uri>tel:</uri></tel><tel/><email/>"
	       "<adr><label>x</label></adr><impp><uri>mailto:a@b.c</uri></impp><impp/>"
	       "<photo><uri>data:image/png;base64,AAAA</uri></photo><kind><text>application"
	       "</text></kind><FN><text>large</text></FN><fn xmlns='other'><text>x</text></fn>"
	       "<fn><text xmlns='other'>x</text></fn>"),
	    TEMP(""));
	check(vcard_from_4, V4(""), TEMP(""));
}

static void test_wrong_roots(void **state)
{
	static const char *const wrong[] = {
		"<vCard xmlns='other'><FN>a</FN></vCard>",
		"<vcard xmlns='vcard-temp'><FN>a</FN></vcard>",
		"<vCard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>",
		"<vcards xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>",
		"<vCard/>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct el *el = xml_str(NS_CLIENT, wrong[i]);

		assert_null(vcard_to_4(el));
		assert_null(vcard_from_4(el));
		assert_null(vcard_photo(el));
		el_free(el);
	}
}

static void test_names(void **state)
{
	(void)state;
	both(TEMP("<FN>a</FN><N><FAMILY>f</FAMILY><GIVEN>g</GIVEN><MIDDLE>m</MIDDLE>"
		  "<PREFIX>p</PREFIX><SUFFIX>s,t</SUFFIX></N>"),
	    V4("<fn><text>a</text></fn><n><surname>f</surname><given>g</given>"
	       "<additional>m</additional><prefix>p</prefix><suffix>s,t</suffix></n>"));
	check(vcard_from_4,
	    V4("<n><suffix>ing. jr</suffix><suffix/><suffix>M.Sc.</suffix><given>Simon</given>"
	       "</n><n><given>second</given></n>"
	       "<nickname><text>a</text><text/><text>b</text></nickname>"),
	    TEMP("<N><GIVEN>Simon</GIVEN><SUFFIX>ing. jr,M.Sc.</SUFFIX></N>"
		 "<NICKNAME>a</NICKNAME><NICKNAME>b</NICKNAME>"));
}

static void test_birthdays(void **state)
{
	(void)state;
	both(TEMP("<FN>a</FN><BDAY>1966-08-06T10:22:00Z</BDAY>"),
	    V4("<fn><text>a</text></fn><bday><date-time>1966-08-06T10:22:00Z</date-time></bday>"));
	both(TEMP("<FN>a</FN><BDAY>circa 1800</BDAY>"),
	    V4("<fn><text>a</text></fn><bday><text>circa 1800</text></bday>"));
	both(TEMP("<FN>a</FN><BDAY>1966-08-06Z</BDAY>"),
	    V4("<fn><text>a</text></fn><bday><text>1966-08-06Z</text></bday>"));
	check(vcard_to_4, TEMP("<BDAY/><BDAY> --0806\n</BDAY><BDAY>2000</BDAY>"),
	    V4("<bday><date>--0806</date></bday>" FN4));
}

static void test_organisations(void **state)
{
	(void)state;
	both(TEMP("<FN>a</FN><ORG><ORGNAME>XSF</ORGNAME><ORGUNIT>Council</ORGUNIT>"
		  "<ORGUNIT>Editors</ORGUNIT></ORG>"),
	    V4("<fn><text>a</text></fn><org><text>XSF</text><text>Council</text>"
	       "<text>Editors</text></org>"));
	both(TEMP("<FN>a</FN><ORG><ORGNAME/><ORGUNIT>Council</ORGUNIT></ORG>"),
	    V4("<fn><text>a</text></fn><org><text/><text>Council</text></org>"));
}

static void test_notes(void **state)
{
	(void)state;
	check(vcard_to_4, TEMP("<FN>a</FN><NOTE>n</NOTE><DESC>d</DESC>"),
	    V4("<fn><text>a</text></fn><note><text>n</text></note><note><text>d</text></note>"));
	check(vcard_from_4, V4("<note><text>n</text></note>"), TEMP("<DESC>n</DESC>"));
}

static void test_types(void **state)
{
	(void)state;
	check(vcard_to_4,
	    TEMP("<FN>a</FN><TEL><BBS/><MSG/><PAGER/><CELL/><NUMBER> (303) 555.1212\n</NUMBER>"
		 "</TEL><TEL><NUMBER>(303)555.1212</NUMBER></TEL><TEL><NUMBER>1+2</NUMBER></TEL>"
		 "<EMAIL><HOME/><VOICE/><X400/><USERID> a@b </USERID></EMAIL>"
		 "<ADR><DOM/><HOME/><POSTAL/><CTRY>NL</CTRY></ADR>"),
	    V4("<fn><text>a</text></fn>"
	       "<tel>" TYPE4 "<text>pager</text><text>cell</text>" TYPE4_END
	       "<text>(303) 555.1212</text></tel>"
	       "<tel><uri>tel:(303)555.1212</uri></tel><tel><text>1+2</text></tel>"
	       "<email>" TYPE4 "<text>home</text>" TYPE4_END "<text>a@b</text></email>"
	       "<adr>" TYPE4 "<text>home</text>" TYPE4_END
	       "<pobox/><ext/><street/><locality/><region/><code/><country>NL</country></adr>"));
	check(vcard_from_4,
	    V4("<tel>" TYPE4 "<text>TEXT</text><text>Work</text><text>WORK</text>" TYPE4_END
	       "<text> 1 2 </text></tel>"
	       "<tel><parameters><pref>1</pref></parameters><uri> TEL:+1\n</uri></tel>"
	       "<tel><parameters><pref><integer>2</integer></pref></parameters>"
	       "<uri>tel:3</uri></tel>"
	       "<adr>" TYPE4 "<text>voice</text>" TYPE4_END
	       "<street>a</street><street>b</street></adr>"),
	    TEMP("<TEL><WORK/><NUMBER>1 2</NUMBER></TEL>"
		 "<TEL><PREF/><NUMBER>+1</NUMBER></TEL><TEL><NUMBER>3</NUMBER></TEL>"
		 "<ADR><STREET>a,b</STREET></ADR>"));
}

static void test_jids(void **state)
{
	(void)state;
	both(TEMP("<FN>a</FN><JABBERID>d\\27artagnan#1@musketeers.lit</JABBERID>"
		  "<JABBERID>&#252;ber.lit</JABBERID>"),
	    V4("<fn><text>a</text></fn>"
	       "<impp><uri>xmpp:d%5C27artagnan%231@musketeers.lit</uri></impp>"
	       "<impp><uri>xmpp:%C3%BCber.lit</uri></impp>"));
	check(vcard_to_4, TEMP("<FN>a</FN><JABBERID> Romeo@Montague.lit/orchard </JABBERID>"),
	    V4("<fn><text>a</text></fn><impp><uri>xmpp:romeo@montague.lit</uri></impp>"));
	check(vcard_from_4,
	    V4("<impp><uri>XMPP:Romeo@montague.lit/x?message;body=hi</uri></impp>"
	       "<impp><uri>xmpp://me@here.lit/help@there.lit#top</uri></impp>"),
	    TEMP("<JABBERID>romeo@montague.lit</JABBERID><JABBERID>help@there.lit</JABBERID>"));
}

static void test_bad_jids(void **state)
{
	static const char *const bad[] = { "xmpp:", "xmpp:?message", "xmpp:a%40b.lit",
		"xmpp:a.lit%2Fx", "xmpp:a%00@b.lit", "xmpp:a%4", "xmpp:a%", "xmpp:a%4g@b.lit",
		"xmpp:%FF@b.lit", "xmpp://a@b.lit", "xmpp://", "xmpp:a@@b.lit", "a@b.lit" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct el *in = el_new("vcard", NS_VCARD_4), *out;

		el_add_text(el_add(in, "impp", NULL), "uri", NULL, bad[i]);
		out = vcard_from_4(in);
		assert_int_equal(el_child_count(out), 0);
		el_free(in);
		el_free(out);
	}
}

static size_t convert_many(struct el *(*conv)(const struct el *), struct el *in)
{
	struct el *out = conv(in);
	size_t n = el_child_count(out);

	el_free(in);
	el_free(out);
	return n;
}

static void test_many(void **state)
{
	struct el *temp = el_new("vCard", NS_VCARD_TEMP), *v4 = el_new("vcard", NS_VCARD_4);
	struct el *nicks = el_new("vcard", NS_VCARD_4), *nick = el_add(nicks, "nickname", NULL);
	struct el *once = el_new("vCard", NS_VCARD_TEMP);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		el_add_text(temp, "URL", NULL, "u");
		el_add_text(el_add(v4, "tel", NULL), "text", NULL, "1");
		el_add_text(nick, "text", NULL, "n");
		el_add_text(once, "BDAY", NULL, "2000");
	}
	assert_int_equal(convert_many(vcard_to_4, temp), VCARD_FIELDS_MAX + 1); /* and FN */
	assert_int_equal(convert_many(vcard_from_4, v4), VCARD_FIELDS_MAX);
	assert_int_equal(convert_many(vcard_from_4, nicks), VCARD_FIELDS_MAX);
	assert_int_equal(convert_many(vcard_to_4, once), 1 + 1);
}

/* Lists of values end where they may; types that come late are not seen. */
static void test_long_lists(void **state)
{
	struct el *in = el_new("vcard", NS_VCARD_4), *org = el_add(in, "org", NULL);
	struct el *n = el_add(in, "n", NULL), *tel = el_add(in, "tel", NULL), *type, *out;
	const struct el *el;

	(void)state;
	type = el_add(el_add(tel, "parameters", NULL), "type", NULL);
	el_add_text(tel, "text", NULL, "1");
	for (int i = 0; i < 5000; i++) {
		el_add_text(org, "text", NULL, "o");
		el_add_text(n, "given", NULL, "g");
		el_add_text(type, "text", NULL, i < VCARD_LIST_MAX ? "x" : "work");
	}
	out = vcard_from_4(in);
	assert_int_equal(el_child_count(el_child(out, "ORG", NULL)), VCARD_LIST_MAX);
	el = el_child(out, "N", NULL);
	assert_int_equal(strlen(el_child_text(el, "GIVEN", NULL)), 2 * VCARD_LIST_MAX - 1);
	assert_null(el_child(el_child(out, "TEL", NULL), "WORK", NULL));
	el_free(out);
	el_free(in);
	in = el_new("vCard", NS_VCARD_TEMP);
	org = el_add(in, "ORG", NULL);
	for (int i = 0; i < 5000; i++)
		el_add_text(org, "ORGUNIT", NULL, "o");
	out = vcard_to_4(in);
	assert_int_equal(el_child_count(el_child(out, "org", NULL)), VCARD_LIST_MAX);
	el_free(out);
	el_free(in);
}

static void test_deep(void **state)
{
	struct el *in = el_new("vCard", NS_VCARD_TEMP), *at = in, *out;

	(void)state;
	for (int i = 0; i < 100000; i++)
		at = el_add(at, i % 2 ? "N" : "ORG", NULL);
	el_text(at, "deep");
	out = vcard_to_4(in);
	assert_int_equal(el_child_count(out), 0);
	el_free(out);
	out = vcard_with_photo(in, NULL, NULL);
	assert_int_equal(el_child_count(out), 1);
	el_free(out);
	el_free(in);
}

static void test_photo(void **state)
{
	static const struct {
		const char *vcard, *photo;
	} cases[] = {
		{ TEMP("<FN>a</FN>"), NULL },
		{ TEMP("<PHOTO/>"), NULL },
		{ TEMP("<PHOTO><BINVAL/></PHOTO>"), NULL },
		{ TEMP("<PHOTO><BINVAL> \n</BINVAL></PHOTO>"), NULL },
		{ TEMP("<PHOTO><EXTVAL>http://a.lit/</EXTVAL></PHOTO>"), NULL },
		{ TEMP("<PHOTO xmlns='other'><BINVAL>AAAA</BINVAL></PHOTO>"), NULL },
		{ TEMP("<PHOTO><TYPE>image/png</TYPE><BINVAL>\nAA AA\n</BINVAL></PHOTO>"),
		    "\nAA AA\n" },
		{ TEMP("<PHOTO><EXTVAL>x</EXTVAL></PHOTO><PHOTO><BINVAL>BB==</BINVAL></PHOTO>"),
		    "BB==" },
	};

	(void)state;
	assert_null(vcard_photo(NULL));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct el *el = xml_str(NS_CLIENT, cases[i].vcard);
		const char *photo = vcard_photo(el);

		assert_int_equal(!photo, !cases[i].photo);
		if (photo)
			assert_string_equal(photo, cases[i].photo);
		el_free(el);
	}
}

static void check_photo(const char *from, const char *type, const char *base64, const char *to)
{
	struct el *in = from ? xml_str(NS_CLIENT, from) : NULL;
	struct el *out = vcard_with_photo(in, type, base64);
	char *got = el_canon(out), *want = canon(to);

	assert_string_equal(got, want);
	free(got);
	free(want);
	el_free(in);
	el_free(out);
}

static void test_with_photo(void **state)
{
	static const char full[] =
	    "<vCard xmlns='vcard-temp' version='3.0'><PHOTO><BINVAL>old</BINVAL></PHOTO>"
	    "<FN>a</FN><PHOTO><EXTVAL>x</EXTVAL></PHOTO><X-MINE xmlns='y'><z/></X-MINE></vCard>";

	(void)state;
	check_photo(full, "image/png", "AAAA",
	    "<vCard xmlns='vcard-temp' version='3.0'><FN>a</FN><X-MINE xmlns='y'><z/></X-MINE>"
	    "<PHOTO><TYPE>image/png</TYPE><BINVAL>AAAA</BINVAL></PHOTO></vCard>");
	check_photo(full, "image/png", NULL,
	    "<vCard xmlns='vcard-temp' version='3.0'><FN>a</FN><X-MINE xmlns='y'><z/></X-MINE>"
	    "</vCard>");
	check_photo(NULL, NULL, "AAAA", TEMP("<PHOTO><BINVAL>AAAA</BINVAL></PHOTO>"));
	check_photo(NULL, NULL, NULL, TEMP(""));
	check_photo(V4(FN4), NULL, NULL, TEMP(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_to_4_left_out),
		cmocka_unit_test(test_from_4_left_out),
		cmocka_unit_test(test_wrong_roots),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_birthdays),
		cmocka_unit_test(test_organisations),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_jids),
		cmocka_unit_test(test_bad_jids),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_long_lists),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_photo),
		cmocka_unit_test(test_with_photo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
