/* SPDX-License-Identifier: MIT */
/* Slow mode (XEP-0500): how long to wait, who is spared, what does not count. */
#include "muc_fixture.h"
#include "slow.h"

#define SLOW(seconds) CONF("slow_mode_duration", seconds)
#define BODY "<body>hi</body>"

static void test_pure(void **state)
{
	struct jid a = jid_view("a@test/1"), b = jid_view("b@test/1"), a2 = jid_view("a@test/2");
	struct slow s;

	(void)state;
	slow_init(&s);
	assert_int_equal(slow_wait(&s, &a, 10, 1000), 0);
	slow_spoke(&s, &a, 10, 1000);
	assert_int_equal(slow_wait(&s, &a2, 10, 1000), 10);
	assert_int_equal(slow_wait(&s, &b, 10, 1000), 0);
	slow_spoke(&s, &b, 10, 5000);
	assert_int_equal(slow_wait(&s, &a, 10, 10999), 1);
	assert_int_equal(slow_wait(&s, &a, 10, 11000), 0);
	assert_int_equal(map_len(&s.by_who), 1);
	assert_int_equal(slow_wait(&s, &b, 10, 11000), 4);
	assert_int_equal(slow_wait(&s, &b, 5, 11000), 0); /* it was made shorter */
	slow_spoke(&s, &a, 0, 11000);
	assert_int_equal(map_len(&s.by_who), 0);
	slow_done(&s);
}

static void test_bound(void **state)
{
	struct slow s;
	char text[32];

	(void)state;
	slow_init(&s);
	for (unsigned i = 0; i <= SLOW_KNOWN_MAX; i++) {
		struct jid j;

		(void)snprintf(text, sizeof(text), "u%u@test", i);
		j = jid_view(text);
		slow_spoke(&s, &j, 10, i);
	}
	assert_int_equal(map_len(&s.by_who), SLOW_KNOWN_MAX);
	slow_done(&s);
}

static void test_in_a_room(void **state)
{
	struct fix *f = *state;
	const char *line;

	two_in(f, SLOW("20"));
	say(f, BOB, ROOM, "m1", BODY);
	assert_non_null(got(f, "id=\"m1\"", "to=\"" ALICE "\""));
	say(f, BOB, ROOM, "m2", BODY);
	assert_null(got(f, "id=\"m2\"", "to=\"" ALICE "\""));
	line = got(f, "id=\"m2\"", "type=\"error\"");
	assert_non_null(strstr(line, "<policy-violation"));
	assert_non_null(strstr(line, "type=\"wait\""));
	assert_non_null(strstr(line, "20 seconds"));
	/* Neither another nick, nor another session, nor coming anew. */
	enter(f, "bob@test/phone", ROOM "/Phone", "");
	say(f, "bob@test/phone", ROOM, "m3", BODY);
	assert_non_null(got(f, "id=\"m3\"", "<policy-violation"));
	leave(f, BOB, ROOM "/Bob");
	enter(f, BOB, ROOM "/Robert", "");
	say(f, BOB, ROOM, "m4", BODY);
	assert_non_null(got(f, "id=\"m4\"", "<policy-violation"));
	/* What was refused does not count. */
	fix_advance(f, 20000);
	say(f, BOB, ROOM, "m5", BODY);
	assert_non_null(got(f, "id=\"m5\"", "to=\"" ALICE "\""));
}

static void test_what_does_not_count(void **state)
{
	struct fix *f = *state;

	two_in(f, SLOW("20"));
	say(f, ALICE, ROOM, "a1", BODY);
	say(f, ALICE, ROOM, "a2", BODY);
	assert_non_null(got(f, "id=\"a2\"", "to=\"" BOB "\""));
	say(f, BOB, ROOM, "m1", BODY);
	say(f, BOB, ROOM, "m2", "<composing xmlns='http://jabber.org/protocol/chatstates'/>");
	assert_non_null(got(f, "id=\"m2\"", "to=\"" ALICE "\""));
	say(f, BOB, ROOM, "m3", "<encrypted xmlns='eu.siacs.conversations.axolotl'/>");
	assert_non_null(got(f, "id=\"m3\"", "<policy-violation"));
	fix_postf(f, "<message id='p1' from='" BOB "' to='" ROOM "/Alice'>" BODY "</message>");
	fix_spin(f);
	assert_non_null(got(f, "id=\"p1\"", "to=\"" ALICE "\""));
}

static void test_configuration(void **state)
{
	struct fix *f = *state;

	two_in(f, SLOW("86400"));
	configure(f, ALICE, ROOM, SLOW("86401"));
	assert_non_null(got(f, "id=\"cfg\"", "<not-acceptable"));
	fix_clear(f);
	configure(f, ALICE, ROOM, SLOW("-1"));
	assert_non_null(got(f, "id=\"cfg\"", "<not-acceptable"));
	fix_replace(f);
	fix_postf(f, "<iq type='get' id='d' from='" BOB "' to='" ROOM
		     "'><query xmlns='" NS_DISCO_INFO "'/></iq>");
	fix_spin(f);
	assert_non_null(strstr(got(f, "id=\"d\"", "muc#roominfo_slow_mode_duration"), "86400"));
	fix_postf(f, "<iq type='get' id='o' from='" ALICE "' to='" ROOM
		     "'><query xmlns='" NS_MUC_OWNER "'/></iq>");
	fix_spin(f);
	assert_non_null(strstr(got(f, "id=\"o\"", "datatype=\"xs:integer\""), "<range min=\"0\""));
	say(f, BOB, ROOM, "m1", BODY);
	fix_clear(f);
	configure(f, ALICE, ROOM, SLOW("0"));
	assert_non_null(got(f, "code=\"104\"", "to=\"" BOB "\""));
	assert_int_equal(map_len(&the_room()->slow.by_who), 0);
	say(f, BOB, ROOM, "m2", BODY);
	assert_non_null(got(f, "id=\"m2\"", "to=\"" ALICE "\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pure),
		cmocka_unit_test(test_bound),
		MUC_TEST(test_in_a_room),
		MUC_TEST(test_what_does_not_count),
		MUC_TEST(test_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
