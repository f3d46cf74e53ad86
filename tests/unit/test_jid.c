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
#include <base/lim.h>
#include <xmpp/jid.h>

static struct arena *a;

static int setup(void **state)
{
	(void)state;
	a = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

static void test_valid(void **state)
{
	static const struct {
		const char *in, *local, *domain, *resource;
	} tab[] = {
		/* RFC 7622 3.5, table 1, as far as the older profiles agree */
		{ "juliet@example.com", "juliet", "example.com", NULL },
		{ "juliet@example.com/foo", "juliet", "example.com", "foo" },
		{ "juliet@example.com/foo bar", "juliet", "example.com", "foo bar" },
		{ "juliet@example.com/foo@bar", "juliet", "example.com", "foo@bar" },
		{ "foo\\20bar@example.com", "foo\\20bar", "example.com", NULL },
		{ "fussball@example.com", "fussball", "example.com", NULL },
		{ "\xcf\x80@example.com", "\xcf\x80", "example.com", NULL },
		{ "\xce\xa3@example.com/foo", "\xcf\x83", "example.com", "foo" },
		{ "king@example.com/\xe2\x99\x9a", "king", "example.com", "\xe2\x99\x9a" },
		{ "example.com", NULL, "example.com", NULL },
		{ "example.com/foobar", NULL, "example.com", "foobar" },
		{ "a.example.com/b@example.net", NULL, "a.example.com", "b@example.net" },
		{ "domain/resource/more", NULL, "domain", "resource/more" },
		/* case, and what NFKC folds */
		{ "JULIET@Example.COM/Foo", "juliet", "example.com", "Foo" },
		{ "fu\xc3\x9f"
		  "ball@example.com",
		    "fussball", "example.com", NULL },
		{ "\xc3\x84@\xc3\x84.example/\xc3\x84", "\xc3\xa4", "\xc3\xa4.example",
		    "\xc3\x84" },
		{ "a\xcc\x88@b", "\xc3\xa4", "b", NULL },
		{ "henry\xe2\x85\xa3@example.com", "henryiv", "example.com", NULL },
		{ "a\xc2\xad"
		  "b@example.com",
		    "ab", "example.com", NULL }, /* soft hyphen */
		/* domains */
		{ "example.com.", NULL, "example.com", NULL },
		{ "a@example.com./r", "a", "example.com", "r" },
		{ "xn--bcher-kva.example", NULL,
		    "b\xc3\xbc"
		    "cher.example",
		    NULL },
		{ "XN--BCHER-KVA.example", NULL,
		    "b\xc3\xbc"
		    "cher.example",
		    NULL },
		{ "b\xc3\xbc"
		  "cher\xe3\x80\x82"
		  "example\xe3\x80\x82",
		    NULL,
		    "b\xc3\xbc"
		    "cher.example",
		    NULL }, /* ideographic full stops */
		{ "a@127.0.0.1/x", "a", "127.0.0.1", "x" },
		{ "a@[::1]/x", "a", "[::1]", "x" },
		{ "[2001:DB8:0:0::1]", NULL, "[2001:db8::1]", NULL },
		{ "[::ffff:1.2.3.4]", NULL, "[::ffff:1.2.3.4]", NULL },
		{ "a--b.c-d", NULL, "a--b.c-d", NULL },
		/* emoji as people name their rooms' nicks; nothing is mapped */
		{ "room@muc/\xf0\x9f\x98\x80", "room", "muc", "\xf0\x9f\x98\x80" },
		{ "a@b/ ", "a", "b", " " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		struct jid j, again;
		char *s;

		assert_int_equal(jid_parse(&j, a, tab[i].in), 0);
		assert_int_equal(jid_local_len(&j), tab[i].local ? strlen(tab[i].local) : 0);
		if (tab[i].local)
			assert_memory_equal(j.s, tab[i].local, strlen(tab[i].local));
		assert_true(jid_has_domain(&j, tab[i].domain));
		if (tab[i].resource)
			assert_string_equal(jid_resource(&j), tab[i].resource);
		else
			assert_null(jid_resource(&j));
		assert_int_equal(jid_is_bare(&j), !tab[i].resource);
		assert_int_equal(jid_is_domain(&j), !tab[i].resource && !tab[i].local);
		assert_int_equal(strlen(j.s), j.len);
		/* What is prepared stays as it is, and a view of it is the same. */
		s = arena_strdup(a, j.s);
		assert_int_equal(jid_parse(&again, a, s), 0);
		assert_true(jid_same(&j, &again));
		again = jid_view(s);
		assert_int_equal(again.dom, j.dom);
		assert_int_equal(again.res, j.res);
		assert_int_equal(again.len, j.len);
	}
}

static void test_invalid(void **state)
{
	static const char *const tab[] = {
		"",
		"@",
		"/",
		"@/",
		"@example.com",
		"@example.com/r",
		"juliet@",
		"juliet@/foo",
		"/foobar",
		"example.com/",
		"a@b/",
		"\"juliet\"@example.com",
		"foo bar@example.com",
		"a&b@c",
		"a'b@c",
		"a:b@c",
		"a<b@c",
		"a>b@c",
		"a@b@c",
		"a@@b",
		"a\x01@b",
		"a\x7f@b",
		"a@b/\x01",
		"a@b/\n",
		"\xc2\xa0@b",      /* no-break space */
		"\xef\xbc\xa0@b",  /* full-width at sign: NFKC makes an '@' of it */
		"a\xef\xbc\x8f@b", /* full-width slash */
		"\xc2\xad@b",      /* nothing is left */
		"a@b/\xc2\xad",
		"a@\xc2\xad",
		"a@b/\xee\x80\x80", /* private use */
		"a@b/\xe2\x80\xa8", /* line separator */
		"a@b/\xd7\x90"
		"a",                  /* right to left, and left to right in the end */
		"\xf0\x9f\x98\x80@b", /* not in Unicode 3.2 */
		"a\xff@b",
		"a@\xff",
		"a@b/\xff",
		"a@b/\xed\xa0\x80", /* surrogate */
		"a@b/\xc0\x80",
		"a@.",
		"a@..",
		"a@.b",
		"a@b..c",
		"a@b..",
		"a@-b",
		"a@b-",
		"a@b.-c",
		"a@b_c",
		"a@b c",
		"a@b:5222",
		"a@\xe3\x80\x82"
		"b",
		"a@b\xe3\x80\x82\xe3\x80\x82"
		"c",
		"a@\xef\xbc\x8f", /* would become '/' */
		"a@xn--",
		"a@xn--a", /* decodes to nothing that encodes back */
		"a@xn--bcher-kv-.de",
		"a@[]",
		"a@[::1",
		"a@[::1]x",
		"a@[::g]",
		"a@[1.2.3.4]",
		"a@[fe80::1%eth0]",
		"a@::1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		struct jid j = { .s = "untouched", .len = 7 };
		int r = jid_parse(&j, a, tab[i]);

		if (r != -EINVAL)
			fail_msg("\"%s\" gave \"%s\"", tab[i], j.s);
		assert_string_equal(j.s, "untouched");
		assert_int_equal(j.len, 7);
	}
}

/* Parts of n bytes; the domain in labels of 63. */
static char *long_jid(size_t local, size_t domain, size_t resource)
{
	char *s = arena_alloc(a, local + domain + resource + 3), *p = s;

	memset(p, 'l', local);
	p += local;
	*p++ = '@';
	for (size_t i = 0; i < domain; i++)
		*p++ = i % 64 == 63 ? '.' : 'd';
	*p++ = '/';
	memset(p, 'r', resource);
	p[resource] = '\0';
	return s;
}

static void test_limits(void **state)
{
	const size_t max = LIM_JID_PART;
	struct jid j;
	char *s, *huge;

	(void)state;
	assert_int_equal(jid_parse(&j, a, long_jid(max, max, max)), 0);
	assert_int_equal(j.len, LIM_JID);
	assert_int_equal(jid_parse(&j, a, long_jid(max + 1, max, max)), -EINVAL);
	assert_int_equal(jid_parse(&j, a, long_jid(max, max + 2, max)), -EINVAL);
	assert_int_equal(jid_parse(&j, a, long_jid(max, max, max + 1)), -EINVAL);
	assert_int_equal(jid_parse(&j, a, long_jid(max + 1, 1, 1)), -EINVAL);
	assert_int_equal(jid_parse(&j, a, long_jid(1, max + 2, 1)), -EINVAL);
	assert_int_equal(jid_parse(&j, a, long_jid(1, 1, max + 1)), -EINVAL);
	s = long_jid(1, 63, 1);
	assert_int_equal(jid_parse(&j, a, s), 0);
	s[65] = 'd'; /* a label of 64, by the slash's place, and a bare one */
	s[66] = '\0';
	assert_int_equal(jid_parse(&j, a, s), -EINVAL);
	/* Prepared on the slow path: grows beyond the limit (one letter becomes 18). */
	s = arena_alloc(a, max + 1);
	for (size_t i = 0; i + 3 <= max; i += 3)
		memcpy(s + i, "\xef\xb7\xba", 4);
	assert_int_equal(prep_resource(a, s, &s), -EINVAL);
	huge = arena_alloc(a, 1000001);
	memset(huge, 'x', 1000000);
	huge[1000000] = '\0';
	assert_int_equal(jid_parse(&j, a, huge), -EINVAL);
	assert_int_equal(prep_local(a, huge, &s), -EINVAL);
	assert_int_equal(prep_domain(a, huge, &s), -EINVAL);
	assert_int_equal(prep_resource(a, huge, &s), -EINVAL);
	assert_int_equal(prep_sasl(a, huge, &s), -EINVAL);
}

static void test_make(void **state)
{
	struct jid j;

	(void)state;
	assert_int_equal(jid_make(&j, a, "Ab", "EXAMPLE.com", "Re/s@"), 0);
	assert_string_equal(j.s, "ab@example.com/Re/s@");
	assert_int_equal(jid_make(&j, a, NULL, "c", NULL), 0);
	assert_string_equal(j.s, "c");
	assert_true(jid_is_domain(&j));
	assert_int_equal(jid_make(&j, a, NULL, "c", "r"), 0);
	assert_string_equal(j.s, "c/r");
	assert_int_equal(jid_make(&j, a, "", "c", NULL), -EINVAL);
	assert_int_equal(jid_make(&j, a, "a", "", NULL), -EINVAL);
	assert_int_equal(jid_make(&j, a, "a", "c", ""), -EINVAL);
	assert_int_equal(jid_make(&j, a, "a@b", "c", NULL), -EINVAL); /* no way to smuggle */
	assert_int_equal(jid_make(&j, a, "a", "b/c", NULL), -EINVAL);
	assert_int_equal(jid_make(&j, a, "a/b", "c", NULL), -EINVAL);
	assert_string_equal(j.s, "c/r");
}

static void test_views(void **state)
{
	struct jid j, bare, dup, zero = { 0 };

	(void)state;
	assert_int_equal(jid_parse(&j, a, "a@b/c"), 0);
	bare = jid_bare(&j, a);
	assert_string_equal(bare.s, "a@b");
	assert_true(jid_is_bare(&bare));
	assert_true(jid_same_bare(&j, &bare));
	assert_false(jid_same(&j, &bare));
	dup = jid_dup(&j);
	assert_true(jid_same(&j, &dup));
	assert_ptr_not_equal(j.s, dup.s);
	jid_done(&dup);
	jid_done(&dup);
	jid_done(&zero);
}

/* What the parts become when each is prepared by itself; NULL: not allowed. */
static const char *prepared(const char *s)
{
	char *local = NULL, *domain = arena_strdup(a, s), *resource = strchr(domain, '/'), *at;
	struct jid j;

	if (resource)
		*resource++ = '\0';
	at = strchr(domain, '@');
	if (at) {
		*at = '\0';
		local = domain;
		domain = at + 1;
	}
	return jid_make(&j, a, local, domain, resource) < 0 ? NULL : j.s;
}

static void view_agrees(const char *s, bool ascii)
{
	const char *want = prepared(s);
	struct jid j = { 0 }, parsed;

	if (jid_view_ascii(&j, s) != (ascii && want && !strcmp(want, s)))
		fail_msg("\"%s\" becomes %s", s, want ? want : "nothing");
	if (!j.s)
		return;
	assert_ptr_equal(j.s, s);
	assert_int_equal(jid_parse(&parsed, a, s), 0);
	assert_true(jid_same(&j, &parsed) && j.dom == parsed.dom && j.res == parsed.res);
}

/* The short way takes what is ASCII and stays as it is on the long one, and nothing else. */
static void test_ascii_view(void **state)
{
	static const char *const forms[] = { "#@b/r", "x#@b/r", "x#y@b", "#", "a#", "a#b", "a@#",
		"a@b#c/r", "a@b.#/r", "a@b#", "b/#", "a@b/r#", "a@b/#r" };

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		for (int c = 1; c < 256; c++) {
			char *s = arena_strdup(a, forms[i]);

			*strchr(s, '#') = (char)c;
			view_agrees(s, c < 128);
		}
	}
	view_agrees("", true);
	view_agrees("a@xn--bcher-kva.example", true);
	view_agrees("a@b\xc3\xbc"
		    "cher.example",
	    false);
	view_agrees(long_jid(LIM_JID_PART, LIM_JID_PART, LIM_JID_PART), true);
	view_agrees(long_jid(LIM_JID_PART + 1, 1, 1), true);
	view_agrees(long_jid(1, 1, LIM_JID_PART + 1), true);
}

static void test_sasl(void **state)
{
	static const struct {
		const char *in, *out;
	} tab[] = {
		/* RFC 4013 3 */
		{ "I\xc2\xadX", "IX" },
		{ "user", "user" },
		{ "USER", "USER" },
		{ "\xc2\xaa", "a" },
		{ "\xe2\x85\xa8", "IX" },
		{ "\x07", NULL },
		{ "\xd8\xa7"
		  "1",
		    NULL },
		{ "a\xc2\xa0"
		  "b",
		    "a b" },
		{ "", NULL },
		{ "\xff", NULL },
		{ "pass\xf0\x9f\x98\x80", "pass\xf0\x9f\x98\x80" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		char *out = NULL;
		int r = prep_sasl(a, tab[i].in, &out);

		assert_int_equal(r, tab[i].out ? 0 : -EINVAL);
		if (tab[i].out)
			assert_string_equal(out, tab[i].out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_valid, setup, teardown),
		cmocka_unit_test_setup_teardown(test_invalid, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_make, setup, teardown),
		cmocka_unit_test_setup_teardown(test_views, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ascii_view, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sasl, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
