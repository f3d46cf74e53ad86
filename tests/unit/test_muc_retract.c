/* SPDX-License-Identifier: MIT */
/* What is taken back in rooms (XEP-0424, XEP-0425). */
#include "muc_fixture.h"
#include "retract.h"
#include "store_said.h"

#define TAKE_BACK(id) "<retract xmlns='" NS_RETRACT "' id='" id "'/>"
#define MODERATE(id, more)                                                                     \
	"<moderate xmlns='" NS_MODERATE "' id='" id "'><retract xmlns='" NS_RETRACT "'/>" more \
	"</moderate>"
#define SHOWS_3 CONF("historylength", "3")
#define UNKNOWN "019b76da-a800-7005-9234-567890abcdef"

static void take_back(struct fix *f, const char *who, const char *id)
{
	char inner[256];

	fix_clear(f);
	(void)snprintf(inner, sizeof(inner), TAKE_BACK("%s"), id);
	say(f, who, ROOM, "r1", inner);
}

static void moderate(struct fix *f, const char *who, const char *id)
{
	char payload[512];

	(void)snprintf(
	    payload, sizeof(payload), MODERATE("%s", "<reason>no &amp; no</reason>"), id);
	ask(f, who, "set", payload);
}

/* What they say, a letter each; the id of the first of it, for a while. */
static const char *id_of_talk(struct fix *f, const char *who, const char *letters)
{
	char first[] = { letters[0], '\0' };

	talk(f, who, letters);
	return sid_of(f, first);
}

static void finds(struct fix *f, const char *who, const char *letters)
{
	ask(f, who, "set", QUERY());
	assert_string_equal(texts(f), letters);
}

/* Who comes is shown b, and that a was taken back. */
static void is_shown(struct fix *f, const char *who, const char *address)
{
	fix_clear(f);
	enter(f, who, address, "");
	assert_string_equal(texts(f), "b");
	assert_int_equal(fix_count(f, "<retracted"), 1);
}

static void test_ones_own(void **state)
{
	struct fix *f = *state;
	const char *id, *bob;

	two_in(f, "");
	id = id_of_talk(f, BOB, "ab");
	bob = occupant_id_with(f, "<body>a", "<stanza-id");
	take_back(f, BOB, id);
	assert_int_equal(fix_count(f, "<retract "), 2); /* both were told */
	assert_string_equal(occupant_id_with(f, "<retract ", "to=\"" ALICE), bob);
	finds(f, ALICE, "b");
	assert_int_equal(fix_count(f, "<result"), 3);
	fix_has(f, "<retracted xmlns=\"" NS_RETRACT "\" id=\"r1\" stamp=\"");
	assert_true(strstr(fix_got(f), "<retract ") > strstr(fix_got(f), "<body>b"));
	assert_string_equal(occupant_id_with(f, "<result ", "<retracted "), bob);
	is_shown(f, CAROL, ROOM "/Carol");
	assert_string_equal(occupant_id_with(f, "<retracted ", "<delay "), bob);
	fix_replace(f);
	is_shown(f, "new@test/n", ROOM "/New");
}

/* Another of one's sessions, under another nick, long after: it is the person that counts. */
static void test_ones_own_from_elsewhere(void **state)
{
	struct fix *f = *state;
	const char *id;

	two_in(f, SHOWS_3);
	id = id_of_talk(f, BOB, "a");
	talk(f, ALICE, "bcdefg"); /* it is not shown any more */
	enter(f, "bob@test/other", ROOM "/Robert", "");
	take_back(f, "bob@test/other", id);
	finds(f, ALICE, "bcdefg");
	assert_int_equal(fix_count(f, "<retracted"), 1);
	take_back(f, "bob@test/other", id); /* the first tombstone stays */
	assert_int_equal(number(f, "SELECT count(*) FROM said WHERE flags & 4"), 1);
}

/* All in one turn: nothing of it is committed when it is taken back. */
static void test_at_once(void **state)
{
	struct fix *f = *state;
	struct room *r;
	struct sid id;
	char text[SID_TEXT + 1], inner[256];

	two_in(f, "");
	talk(f, ALICE, "a");
	r = the_room();
	id = (struct sid){ r->history.seq,
		LIST_FIRST(&r->history.said, struct said, link)->sid.salt };
	sid_write(&id, text);
	(void)snprintf(inner, sizeof(inner), MODERATE("%s", ""), text);
	say_quietly(f, ALICE, ROOM, "b", "<body>b</body>");
	ask_quietly(f, ALICE, "set", inner);
	fix_spin(f);
	fix_has(f, "type=\"result\"");
	finds(f, ALICE, "b");
}

static void test_anothers(void **state)
{
	struct fix *f = *state;
	const char *id;

	two_in(f, SHOWS_3);
	id = id_of_talk(f, ALICE, "a");
	take_back(f, BOB, id);
	fix_has(f, "<forbidden");
	fix_hasnt(f, "<retract ");
	talk(f, BOB, "bcdef");
	take_back(f, BOB, id); /* nor when it is not in memory */
	fix_has(f, "<forbidden");
	take_back(f, ALICE "x", id); /* who is not here at all */
	fix_has(f, "<not-acceptable");
	say(f, BOB, ROOM, "r2",
	    "<retract xmlns='" NS_RETRACT "' id='" UNKNOWN "'><moderated xmlns='" NS_MODERATE
	    "' by='" ROOM "/Alice'/></retract>");
	fix_has(f, "<forbidden");
	fix_clear(f);
	take_back(f, BOB, UNKNOWN); /* clients may have it */
	assert_int_equal(fix_count(f, "<retract "), 2);
	finds(f, ALICE, "abcdef");
	fix_hasnt(f, "<retracted");
}

/* Said and taken back by another in one turn, where nothing is in memory: what the room could not
 * know when it let it pass, it knows when it writes. */
static void test_anothers_at_once(void **state)
{
	struct fix *f = *state;
	char id[SID_TEXT + 1], inner[256];
	struct sid next;

	two_in(f, CONF("historylength", "0"));
	talk(f, ALICE, "a");
	assert_int_equal(sid_parse(&next, sid_of(f, "a")), 0);
	say(f, BOB, ROOM, "r1", "<retract xmlns='" NS_RETRACT "' id='" UNKNOWN "'/>");
	store_blank_said(comp_tx(f->c), the_room(), &next, "bob@test", "<gone/>");
	store_blank_said(comp_tx(f->c), the_room(), &next, "alice@tes", "<gone/>");
	fix_spin(f);
	sid_write(&next, id);
	(void)snprintf(inner, sizeof(inner), TAKE_BACK("%s"), id);
	finds(f, ALICE, "a");
	say(f, ALICE, ROOM, "r2", inner);
	finds(f, ALICE, "");
	assert_int_equal(fix_count(f, "<retracted"), 1);
}

static void test_moderation(void **state)
{
	struct fix *f = *state;
	const char *id, *alice, *bob;
	char by[256], want[512];

	enter(f, ALICE, ROOM "/Alice", "");
	alice = occupant_id_with(f, "<presence ", "/Alice");
	two_in(f, "");
	id = id_of_talk(f, BOB, "ab");
	bob = occupant_id_with(f, "<body>a", "<stanza-id");
	(void)snprintf(by, sizeof(by),
	    "<moderated xmlns=\"" NS_MODERATE "\" by=\"" ROOM
	    "/Alice\"><occupant-id xmlns=\"" NS_OCCUPANT_ID
	    "\" id=\"%s\"/></moderated><reason>no &amp; no</reason>",
	    alice);
	moderate(f, ALICE, id);
	(void)snprintf(want, sizeof(want),
	    "<retract xmlns=\"" NS_RETRACT "\" id=\"%s\">%s</retract><stanza-id", id, by);
	fix_has(f, want);
	assert_int_equal(fix_count(f, "<retract "), 2);
	assert_int_equal(fix_count(f, "from=\"" ROOM "\""), 3); /* two of them, and the answer */
	fix_has(f, "type=\"result\"");
	moderate(f, ALICE, id); /* once more says nothing to anybody */
	fix_has(f, "type=\"result\"");
	fix_hasnt(f, "<retract ");
	finds(f, BOB, "b");
	assert_int_equal(fix_count(f, "<result"), 3);
	(void)snprintf(want, sizeof(want), "\">%s</retracted></message>", by);
	fix_has(f, want);
	(void)snprintf(want, sizeof(want),
	    "<occupant-id xmlns=\"" NS_OCCUPANT_ID "\" id=\"%s\"/><retracted ", bob);
	fix_has(f, want);
	fix_has(f, "<message xmlns=\"jabber:client\" from=\"" ROOM "\" type=\"groupchat\"");
	is_shown(f, CAROL, ROOM "/Carol");
}

static void test_who_may_not_moderate(void **state)
{
	struct fix *f = *state;
	const char *id;

	two_in(f, "");
	id = id_of_talk(f, BOB, "a");
	moderate(f, BOB, id);
	fix_has(f, "<forbidden");
	moderate(f, CAROL, id);
	fix_has(f, "<forbidden");
	moderate(f, "alice@test/elsewhere", id);
	fix_has(f, "<forbidden");
	moderate(f, ALICE, UNKNOWN);
	fix_has(f, "<item-not-found");
	moderate(f, ALICE, "a");
	fix_has(f, "<item-not-found");
	ask(f, ALICE, "set", "<moderate xmlns='" NS_MODERATE "' id='a'/>");
	fix_has(f, "<bad-request");
	say(f, ALICE, ROOM, "s1", "<subject>b</subject>");
	id = sid_with(f, "</subject>");
	moderate(f, ALICE, id);
	fix_has(f, "<not-allowed");
	finds(f, BOB, "a");
	fix_hasnt(f, "<retracted");
}

/* Where nothing is archived, what is shown is taken back. */
static void test_without_an_archive(void **state)
{
	struct fix *f = *state;
	const char *id;

	two_in(f, CONF("enablearchiving", "0"));
	id = id_of_talk(f, BOB, "ab");
	moderate(f, ALICE, id);
	fix_has(f, "type=\"result\"");
	fix_replace(f);
	is_shown(f, CAROL, ROOM "/Carol");
	assert_int_equal(number(f, "SELECT count(*) FROM said"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MUC_TEST(test_ones_own),
		MUC_TEST(test_ones_own_from_elsewhere),
		MUC_TEST(test_at_once),
		MUC_TEST(test_anothers),
		MUC_TEST(test_anothers_at_once),
		MUC_TEST(test_moderation),
		MUC_TEST(test_who_may_not_moderate),
		MUC_TEST(test_without_an_archive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
