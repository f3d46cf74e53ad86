/* SPDX-License-Identifier: MIT */
/* Ids and their ranges; messages as bytes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "archive.h"
#include "message.h"
#include "uid.h"
#include "xml_fixture.h"

/* --- ids ---------------------------------------------------------------------------------------
 */

#define ID "019c1402-5c3b-7a01-8000-5d2f8e0c4b11"

static void test_uid(void **state)
{
	static const char *const bad[] = { "", "x", "019c1402-5c3b-7a01-8000-5d2f8e0c4b1",
		"019c1402-5c3b-7a01-8000-5d2f8e0c4b111", "019C1402-5c3b-7a01-8000-5d2f8e0c4b11",
		"019c140205c3b-7a01-8000-5d2f8e0c4b11", "019c1402-5c3b-7a01-8000-5d2f8e0c4b1g",
		"019c14025c3b7a0180005d2f8e0c4b11" };
	char out[UID_TEXT + 1];
	struct uid u;

	(void)state;
	assert_int_equal(uid_parse(&u, ID), 0);
	uid_write(&u, out);
	assert_string_equal(out, ID);
	assert_true(uid_ms(&u) == 0x019c14025c3b);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(uid_parse(&u, bad[i]), -EINVAL);
}

static struct uid at(int64_t ms, unsigned n)
{
	struct uid u = { { 0 } };

	for (int i = 0; i < UID_TIME; i++)
		u.b[i] = (uint8_t)(ms >> (8 * (UID_TIME - 1 - i)));
	u.b[UID_LEN - 1] = (uint8_t)n;
	return u;
}

static void test_ranges(void **state)
{
	const struct uid first = at(0, 0), a = at(10, 0), b = at(10, 255), c = at(11, 0),
			 last = at((INT64_C(1) << 48) - 1, 255);
	struct uid_end low, high;

	(void)state;
	uid_first(&low);
	uid_last(&high);
	assert_true(uid_between(&low, &high, &first) && uid_between(&low, &high, &last));
	uid_since(&low, 10);
	uid_until(&high, 10);
	assert_true(uid_between(&low, &high, &a) && uid_between(&low, &high, &b));
	assert_false(uid_between(&low, &high, &c) || uid_between(&low, &high, &first));
	uid_since(&low, 3); /* a range is never wider again */
	uid_until(&high, 30);
	assert_false(uid_between(&low, &high, &c) || uid_between(&low, &high, &first));
	uid_above(&low, &a);
	assert_false(uid_between(&low, &high, &a));
	assert_true(uid_between(&low, &high, &b));
	uid_below(&high, &b);
	assert_false(uid_between(&low, &high, &b));
	uid_first(&low);
	uid_last(&high);
	uid_since(&low, -5);
	uid_until(&high, INT64_MAX);
	assert_true(uid_between(&low, &high, &first) && uid_between(&low, &high, &last));
	uid_since(&low, INT64_MAX);
	assert_false(uid_between(&low, &high, &last));
	uid_first(&low);
	uid_until(&high, -1);
	assert_false(uid_between(&low, &high, &first));
}

/* --- messages ----------------------------------------------------------------------------------
 */

static struct el *parse(const char *xml)
{
	struct el *el = xml_str(NS_CLIENT, xml);

	assert_non_null(el);
	return el;
}

static void test_bytes(void **state)
{
	static const struct {
		const char *in, *head, *content;
	} v[] = {
		{ "<message from='a@b/c' to='d@e'/>",
		    "<message xmlns=\"jabber:client\" from=\"a@b/c\" to=\"d@e\"", "" },
		{ "<message from='a@b/c>' to='d@e' id='/'><body>&gt;</body></message>",
		    "<message xmlns=\"jabber:client\" from=\"a@b/c&gt;\" to=\"d@e\" id=\"/\"",
		    "<body>&gt;</body>" },
		{ "<message from='a@b/c' xml:lang='en'>x<y xmlns=\"urn:y\"/></message>",
		    "<message xmlns=\"jabber:client\" from=\"a@b/c\" xml:lang=\"en\"",
		    "x<y xmlns=\"urn:y\"/>" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		EL_AUTO struct el *el = parse(v[i].in);
		struct sbuf again = SBUF_INIT;
		struct message m;

		assert_int_equal(message_read(&m, el), 0);
		assert_int_equal(m.head, strlen(v[i].head));
		assert_memory_equal(sbuf_data(&m.text), v[i].head, m.head);
		assert_int_equal(m.len, strlen(v[i].content));
		assert_memory_equal(sbuf_data(&m.text) + m.at, v[i].content, m.len);
		message_write(&again, v[i].head, m.head, sbuf_data(&m.text) + m.at, m.len, NULL);
		assert_int_equal(sbuf_len(&again), sbuf_len(&m.text));
		assert_memory_equal(sbuf_data(&again), sbuf_data(&m.text), sbuf_len(&again));
		sbuf_done(&again);
		message_done(&m);
	}
}

static int64_t origin(const char *xml, bool retracts)
{
	EL_AUTO struct el *el = parse(xml);
	struct message m;
	int64_t v;

	assert_int_equal(message_read(&m, el), 0);
	v = retracts ? m.retracts : m.origin;
	assert_int_equal(retracts ? m.origin : m.retracts, 0);
	message_done(&m);
	return v;
}

#define PLAIN(from, to, id) "<message from='" from "' to='" to "' id='" id "'><body/></message>"
#define TAKES(from, to, id)                                                                   \
	"<message from='" from "' to='" to "' id='r'><retract xmlns='" NS_RETRACT "' id='" id \
	"'/></message>"
#define ROOM "<x xmlns='" NS_MUC_USER "'/></message>"

static void test_origins(void **state)
{
	int64_t v = origin(PLAIN("a@b/c", "d@e/f", "1"), false);

	(void)state;
	assert_true(v > 0);
	assert_true(v == origin(TAKES("a@b/other", "d@e", "1"), true));
	assert_true(v != origin(TAKES("a@b/c", "d@e", "2"), true));
	assert_true(v != origin(TAKES("d@e/f", "a@b", "1"), true));
	assert_true(v != origin(TAKES("a@b/c", "x@e", "1"), true));
	assert_true(origin("<message from='a@b/c' to='d@e'/>", false) == 0);
	/* Without an id nobody could tell by what it was taken back. */
	assert_true(origin("<message from='a@b/c' to='d@e'><retract xmlns='" NS_RETRACT
			   "' id='1'/></message>",
			true) == 0);
	assert_true(origin("<message from='r@m/one' to='d@e/f' id='1'>" ROOM, false) !=
		    origin("<message from='r@m/two' to='d@e/f' id='2'><retract xmlns='" NS_RETRACT
			   "' id='1'/>" ROOM,
			true));
}

static void test_no_message(void **state)
{
	static const char *const bad[] = { "<message to='a@b'/>", "<message from='@' to='a@b'/>",
		"<message from='a@b' to='@'/>" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EL_AUTO struct el *el = parse(bad[i]);
		struct message m;

		assert_int_equal(message_read(&m, el), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uid),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_no_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
