/* SPDX-License-Identifier: MIT */
/* Ids of occupants (XEP-0421): where they are, that they stay, and that nobody else says them. */
#include "mam.h"
#include "muc_fixture.h"

#define FORGED "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>"
#define OPEN "<occupant-id xmlns=\"urn:xmpp:occupant-id:0\" id=\""

/* The id in the stanza that has both; there is exactly one. */
static const char *id_in(struct fix *f, const char *a, const char *b)
{
	static char ids[4][OCCUPANT_ID_LEN + 1];
	static unsigned n;
	const char *line = got(f, a, b), *at;
	char *id = ids[n++ % 4];

	if (!line)
		fail_msg("no stanza with %s and %s in\n%s", a, b, fix_got(f));
	at = strstr(line, OPEN);
	assert_non_null(at);
	assert_null(strstr(at + 1, "<occupant-id"));
	at += strlen(OPEN);
	assert_int_equal(strcspn(at, "\""), OCCUPANT_ID_LEN);
	(void)snprintf(id, OCCUPANT_ID_LEN + 1, "%s", at);
	return id;
}

static void test_pure(void **state)
{
	static const uint8_t key[OCCUPANT_ID_KEY] = { 1 }, other[OCCUPANT_ID_KEY] = { 2 };
	char a[OCCUPANT_ID_LEN + 1], b[OCCUPANT_ID_LEN + 1];
	struct jid phone = jid_view("bob@test/phone"), tablet = jid_view("bob@test/tablet");
	struct jid carol = jid_view("carol@test/phone");

	(void)state;
	occupant_id_make(key, "r@h", &phone, a);
	assert_int_equal(strlen(a), OCCUPANT_ID_LEN);
	occupant_id_make(key, "r@h", &tablet, b);
	assert_string_equal(a, b);
	occupant_id_make(key, "r@h", &carol, b);
	assert_string_not_equal(a, b);
	occupant_id_make(key, "q@h", &phone, b);
	assert_string_not_equal(a, b);
	occupant_id_make(other, "r@h", &phone, b);
	assert_string_not_equal(a, b);
}

static void test_everywhere(void **state)
{
	struct fix *f = *state;
	char bob[OCCUPANT_ID_LEN + 1];

	two_in(f, "");
	enter(f, CAROL, ROOM "/Carol", "");
	(void)snprintf(bob, sizeof(bob), "%s", id_in(f, "<presence", "from=\"" ROOM "/Bob\""));
	assert_string_not_equal(id_in(f, "<presence", "from=\"" ROOM "/Carol\""), bob);
	fix_clear(f);
	say(f, BOB, ROOM, "m1", "<body>hi</body>");
	assert_string_equal(id_in(f, "id=\"m1\"", "to=\"" ALICE "\""), bob);
	fix_postf(f, "<message id='m2' type='chat' from='" BOB "' to='" ROOM "/Alice'/>");
	fix_spin(f);
	assert_string_equal(id_in(f, "id=\"m2\"", "to=\"" ALICE "\""), bob);
	fix_postf(f, "<presence from='" BOB "' to='" ROOM "/Robert'/>");
	fix_spin(f);
	assert_string_equal(id_in(f, "from=\"" ROOM "/Bob\"", "type=\"unavailable\""), bob);
	assert_string_equal(id_in(f, "<presence", "from=\"" ROOM "/Robert\""), bob);
	leave(f, BOB, ROOM "/Robert");
	assert_string_equal(id_in(f, "from=\"" ROOM "/Robert\"", "type=\"unavailable\""), bob);
	fix_clear(f);
	/* What was said, by who is not there any more; and as who, it comes again. */
	leave(f, CAROL, ROOM "/Carol");
	enter(f, CAROL, ROOM "/Carol", "");
	assert_string_equal(id_in(f, "id=\"m1\"", "<delay"), bob);
	fix_clear(f);
	enter(f, "bob@test/other", ROOM "/B", "");
	assert_string_equal(id_in(f, "<presence", "from=\"" ROOM "/B\""), bob);
}

static void test_forged_ones_go(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	say(f, BOB, ROOM, "m1", FORGED "<body>hi</body>" FORGED);
	fix_postf(f, "<message id='m2' from='" BOB "' to='" ROOM "/Alice'>" FORGED "</message>");
	fix_postf(f, "<presence from='" BOB "' to='" ROOM "/Bob'>" FORGED "</presence>");
	enter(f, CAROL, ROOM "/Carol", FORGED);
	fix_hasnt(f, "forged");
	(void)id_in(f, "id=\"m1\"", "to=\"" ALICE "\"");
	(void)id_in(f, "id=\"m2\"", "to=\"" ALICE "\"");
	(void)id_in(f, "<presence", "from=\"" ROOM "/Bob\"");
	(void)id_in(f, "<presence", "from=\"" ROOM "/Carol\"");
}

static void test_subject(void **state)
{
	struct fix *f = *state;
	char alice[OCCUPANT_ID_LEN + 1];

	two_in(f, "");
	enter(f, CAROL, ROOM "/Carol", ""); /* none was ever set */
	assert_non_null(got(f, "<subject", "to=\"" CAROL "\""));
	assert_null(strstr(got(f, "<subject", "to=\"" CAROL "\""), "occupant-id"));
	fix_clear(f);
	say(f, ALICE, ROOM, "s1", "<subject>Tea</subject>");
	(void)snprintf(alice, sizeof(alice), "%s", id_in(f, "id=\"s1\"", "to=\"" BOB "\""));
	leave(f, ALICE, ROOM "/Alice");
	fix_replace(f);
	fix_clear(f);
	enter(f, "dave@test/d", ROOM "/Dave", "");
	assert_string_equal(id_in(f, "<subject>Tea", "<delay"), alice);
}

static void test_it_stays_over_a_restart(void **state)
{
	struct fix *f = *state;
	char bob[OCCUPANT_ID_LEN + 1];

	two_in(f, "");
	say(f, BOB, ROOM, "m1", "<body>hi</body>");
	(void)snprintf(bob, sizeof(bob), "%s", id_in(f, "id=\"m1\"", "to=\"" ALICE "\""));
	fix_replace(f);
	fix_clear(f);
	say(f, BOB, ROOM, "m2", "<body>hi</body>"); /* it is in the room still */
	assert_string_equal(id_in(f, "id=\"m2\"", "to=\"" ALICE "\""), bob);
	enter(f, CAROL, ROOM "/Carol", "");
	assert_string_equal(id_in(f, "id=\"m1\"", "<delay"), bob);
	ask(f, CAROL, "set", QUERY());
	assert_string_equal(id_in(f, "<result ", "id=\"m1\""), bob);
}

/* Whatever is lost later. */
static void test_the_key_is_kept_from_the_start(void **state)
{
	struct fix *f = *state;
	uint8_t key[OCCUPANT_ID_KEY];

	memcpy(key, m.id_key, sizeof(key));
	fix_kill(f, true);
	fix_revive(f);
	assert_memory_equal(key, m.id_key, sizeof(key));
}

static void test_features(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	fix_postf(f, "<iq type='get' id='d1' from='" BOB "' to='" ROOM
		     "'><query xmlns='" NS_DISCO_INFO "'/></iq>");
	fix_spin(f);
	assert_non_null(got(f, "id=\"d1\"", "<feature var=\"" NS_OCCUPANT_ID "\"/>"));
	fix_postf(f, "<iq type='get' id='d2' from='" BOB "' to='" DOM
		     "'><query xmlns='" NS_DISCO_INFO "'/></iq>");
	fix_spin(f);
	assert_non_null(got(f, "id=\"d2\"", "<feature var=\"" NS_OCCUPANT_ID "\"/>"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MUC_TEST(test_pure),
		MUC_TEST(test_everywhere),
		MUC_TEST(test_forged_ones_go),
		MUC_TEST(test_subject),
		MUC_TEST(test_it_stays_over_a_restart),
		MUC_TEST(test_the_key_is_kept_from_the_start),
		MUC_TEST(test_features),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
