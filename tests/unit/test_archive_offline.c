/* SPDX-License-Identifier: MIT */
/* What waits for an account (XEP-0160), as the server asks for it. */
#include "archive_fixture.h"

#define OFFLINE "state='offline'"
#define EXPIRED "state='expired'"

/* One that waits for bob, n milliseconds behind T0. */
static void wait_for_bob(struct fix *f, unsigned n, const char *how, const char *text)
{
	tap_quietly(f, owner_of(BOB, id_at(T0 + n, 2), how), said(FAR "/x", BOB, "m", text));
}

static void page(struct fix *f, const char *attrs)
{
	fix_clear(f);
	{
		struct sbuf b = SBUF_INIT;

		sbuf_printf(&b,
		    "<iq type='set' id='o1' from='" BOB "' to='" DOM "'><offline xmlns='" NS_TAP
		    "' %s/></iq>",
		    attrs);
		fix_put(f, sbuf_str(&b));
		sbuf_done(&b);
	}
	fix_spin(f);
}

static void page_after(struct fix *f, const char *id, const char *attrs)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "after='%s' %s", id, attrs);
	page(f, text);
}

static void test_pages(void **state)
{
	struct fix *f = *state;
	char want[1024];

	page(f, "max='2'");
	fix_has(f, "<offline xmlns=\"" NS_TAP "\"/>");
	wait_for_bob(f, 3, KEEP " " OFFLINE, "c");
	wait_for_bob(f, 1, KEEP " " EXPIRED, "a");
	wait_for_bob(f, 2, OFFLINE, "b");
	wait_for_bob(f, 4, KEEP, "no");
	wait_for_bob(f, 5, KEEP " state='asleep'", "no");
	wait_for_bob(f, 6, "state='inactive'", "no");
	page(f, "max='2'");
	assert_string_equal(texts(f), "ab");
	(void)snprintf(want, sizeof(want), "<offline xmlns=\"" NS_TAP "\" last=\"%s\"><forwarded",
	    id_at(T0 + 2, 2));
	fix_has(f, want);
	(void)snprintf(want, sizeof(want),
	    "<forwarded xmlns=\"" NS_FORWARD "\"><delay xmlns=\"" NS_DELAY
	    "\" from=\"test\" stamp=\"2026-01-01T00:00:00.001Z\"/><message xmlns=\"" NS_CLIENT
	    "\" from=\"" FAR "/x\" to=\"" BOB "\" type=\"chat\" id=\"m\"><body>a</body><stanza-id "
	    "xmlns=\"" NS_SID "\" by=\"" BOB "\" id=\"%s\"/></message></forwarded>",
	    id_at(T0 + 1, 2));
	fix_has(f, want);
	fix_has(f, "<body>b</body></message>"); /* an id that the archive does not know is none */
	page(f, "max='2'");                     /* the session ended: the next one gets the same */
	assert_string_equal(texts(f), "ab");
	page_after(f, id_at(T0 + 2, 2), "max='2'");
	assert_string_equal(texts(f), "c");
	page_after(f, id_at(T0 + 2, 2), "max='2'"); /* told again */
	assert_string_equal(texts(f), "c");
	page_after(f, id_at(T0 + 3, 2), "");
	assert_string_equal(texts(f), "");
	fix_hasnt(f, "last");
	assert_int_equal(number(f, "SELECT count(*) FROM offline"), 0);
	assert_int_equal(number(f, "SELECT sum(waiting) FROM account"), 0);
	/* The archive is as it was; what was not for it is gone. */
	ask(f, BOB "/b", "set", QUERY());
	assert_string_equal(texts(f), "acnn");
	assert_int_equal(number(f, "SELECT count(*) FROM body"), 4);
}

/* What the client finds in its archive is passed over; what is not there, or came later, is not. */
static void test_who_reads_the_archive(void **state)
{
	struct fix *f = *state;
	char text[128], want[128];

	wait_for_bob(f, 1, KEEP " " OFFLINE, "a");
	wait_for_bob(f, 2, OFFLINE, "b");
	wait_for_bob(f, 3, KEEP " " OFFLINE, "c");
	wait_for_bob(f, 4, KEEP " " OFFLINE, "d");
	fix_spin(f);
	(void)snprintf(text, sizeof(text), "archived-until='%s'", id_at(T0 + 3, 2));
	page(f, text);
	assert_string_equal(texts(f), "bd");
	(void)snprintf(text, sizeof(text), "archived-until='%s' max='1'", id_at(T0 + 3, 2));
	(void)snprintf(want, sizeof(want), "last=\"%s\"", id_at(T0 + 1, 2));
	page(f, text);
	assert_string_equal(texts(f), "");
	fix_has(f, want);
	page_after(f, id_at(T0 + 4, 2), text);
	assert_int_equal(number(f, "SELECT count(*) FROM offline"), 0);
	ask(f, BOB "/b", "set", QUERY());
	assert_string_equal(texts(f), "acd");
	page(f, "archived-until='before'");
	fix_has(f, "<bad-request");
}

static void test_bytes(void **state)
{
	struct fix *f = *state;

	for (unsigned i = 0; i < 4; i++)
		wait_for_bob(f, i, KEEP " " OFFLINE, i % 2 ? "b" : "a");
	fix_spin(f);
	page(f, "bytes='1'");
	assert_string_equal(texts(f), "a"); /* one at least */
	page(f, "bytes='800'");
	assert_string_equal(texts(f), "ab");
	page(f, "max='-1'");
	fix_has(f, "<bad-request");
	page(f, "after='before'");
	fix_has(f, "<bad-request");
}

/* One that a session had: the message is known, or it comes with the event. */
static void test_expired(void **state)
{
	struct fix *f = *state;

	wait_for_bob(f, 1, KEEP, "a");
	tap(f, "", said(FAR "/x", BOB, "m", "x"));
	fix_sendf(f,
	    "<message from='test' to='" DOM "'><tapped xmlns='" NS_TAP "'>%s%s</tapped></message>",
	    owner_of(BOB, id_at(T0 + 1, 2), EXPIRED), owner_of(BOB, id_at(T0 + 9, 2), EXPIRED));
	page(f, "");
	assert_string_equal(texts(f), "a");
	wait_for_bob(f, 1, KEEP " " EXPIRED, "a");
	wait_for_bob(f, 2, EXPIRED, "b");
	page(f, "");
	assert_string_equal(texts(f), "ab");
	assert_int_equal(number(f, "SELECT count(*) FROM entry"), 1);
	assert_int_equal(number(f, "SELECT count(*) FROM body"), 2);
	page_after(f, id_at(T0 + 2, 2), "");
	assert_int_equal(number(f, "SELECT count(*) FROM body"), 1);
	wait_for_bob(f, 3, KEEP, "c");
	wait_for_bob(f, 3, KEEP " " EXPIRED, "c");
	fix_spin(f);
	assert_int_equal(number(f, "SELECT count(*) FROM body"), 2);
	assert_int_equal(number(f, "SELECT count(*) FROM offline"), 1);
}

static void test_limit(void **state)
{
	struct fix *f = *state;

	conf.offline_limit = 2;
	wait_for_bob(f, 1, KEEP " " OFFLINE, "a");
	wait_for_bob(f, 2, OFFLINE, "b");
	wait_for_bob(f, 3, KEEP " " OFFLINE, "c");
	wait_for_bob(f, 4, OFFLINE, "d");
	page(f, "");
	assert_string_equal(texts(f), "ab");
	ask(f, BOB "/b", "set", QUERY());
	assert_string_equal(texts(f), "ac");
	assert_int_equal(number(f, "SELECT count(*) FROM body"), 3);
	page_after(f, id_at(T0 + 1, 2), "");
	wait_for_bob(f, 5, OFFLINE, "e");
	page(f, "");
	assert_string_equal(texts(f), "be");
}

/* The server asks as soon as it has told. */
static void test_waits_for_commit(void **state)
{
	struct fix *f = *state;

	for (unsigned i = 0; i < 100; i++)
		wait_for_bob(f, i, KEEP " " OFFLINE, i == 99 ? "z" : "a");
	page(f, "");
	assert_int_equal(strlen(texts(f)), 100);
	fix_has(f, "<body>z");
}

static void test_only_the_server(void **state)
{
	struct fix *f = *state;

	wait_for_bob(f, 1, KEEP " " OFFLINE, "a");
	fix_sendf(f, "<iq type='set' id='o1' from='" BOB "/b' to='" DOM "'><offline xmlns='" NS_TAP
		     "'/></iq>");
	fix_has(f, "<forbidden");
	fix_sendf(f,
	    "<iq type='set' id='o1' from='test' to='" DOM "'><offline xmlns='" NS_TAP "'/></iq>");
	fix_has(f, "<bad-request");
	fix_clear(f);
	fix_put(f, "<message from='" BOB "/b' to='" DOM "'><tapped xmlns='" NS_TAP "'/></message>");
	fix_sendf(f, "<message from='" BOB "/b' to='" DOM "'><account xmlns='" NS_TAP
		     "' n='9' event='deleted' jid='" BOB "'/></message>");
	page(f, "");
	assert_string_equal(texts(f), "a");
}

/* Longer than an answer of the link: those behind it are not kept from anybody. */
static void test_too_long(void **state)
{
	enum { LEN = 900 << 10 };
	struct fix *f = *state;
	struct sbuf b = SBUF_INIT;

	conf.comp.max_stanza = 512 << 10;
	sbuf_puts(
	    &b, "<message xmlns='jabber:client' from='" FAR "' to='" BOB "' id='long'><body>");
	memset(sbuf_reserve(&b, LEN), 'x', LEN);
	sbuf_commit(&b, LEN);
	sbuf_puts(&b, "</body></message>");
	tap(f, owner_of(BOB, id_at(T0, 2), KEEP " " OFFLINE), sbuf_str(&b));
	sbuf_done(&b);
	wait_for_bob(f, 1, KEEP " " OFFLINE, "b");
	page(f, "");
	assert_string_equal(texts(f), "b");
	fix_has(f, "id=\"long\"><stanza-id");
	ask(f, BOB "/b", "set", QUERY());
	assert_string_equal(texts(f), "b");
	fix_has(f, "id=\"long\"/></forwarded>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ARCHIVE_TEST(test_pages),
		ARCHIVE_TEST(test_who_reads_the_archive),
		ARCHIVE_TEST(test_bytes),
		ARCHIVE_TEST(test_expired),
		ARCHIVE_TEST(test_limit),
		ARCHIVE_TEST(test_waits_for_commit),
		ARCHIVE_TEST(test_only_the_server),
		ARCHIVE_TEST(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
