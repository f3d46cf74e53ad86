/* SPDX-License-Identifier: MIT */
/* What a room keeps, and what is found of it (XEP-0313, XEP-0359). */
#include <errno.h>

#include "mam.h"
#include "muc_fixture.h"
#include "sid.h"

#define SHOWS_3 CONF("historylength", "3")
#define ALL(f) ask(f, BOB, "set", QUERY())

static void test_kept_under_an_id(void **state)
{
	struct fix *f = *state;
	struct sid a, b;

	two_in(f, "");
	talk(f, ALICE, "ab");
	assert_int_equal(fix_count(f, "<stanza-id"), 4); /* two copies each */
	assert_string_equal(
	    behind(f, "by=\"" ROOM "\" id=\"", 0), behind(f, "by=\"" ROOM "\" id=\"", 1));
	assert_int_equal(sid_parse(&a, sid_of(f, "a")), 0);
	assert_int_equal(sid_parse(&b, sid_of(f, "b")), 0);
	assert_true(a.seq < b.seq && a.salt != b.salt);
	assert_int_equal(number(f, "SELECT count(*) FROM said"), 2);
	fix_clear(f);
	say(f, ALICE, ROOM, "s", "<composing xmlns='http://jabber.org/protocol/chatstates'/>");
	say(f, ALICE, ROOM, "n", "<body>n</body><no-store xmlns='" NS_HINTS "'/>");
	assert_int_equal(fix_count(f, "<stanza-id"), 0);
	assert_int_equal(number(f, "SELECT count(*) FROM said"), 2);
}

static void test_forged_ids_go(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	say(f, ALICE, ROOM, "a",
	    "<body>a</body><stanza-id xmlns='" NS_SID "' by='" ROOM "' id='forged'/>"
	    "<stanza-id xmlns='" NS_SID "' by='TEA@" DOM "' id='forged'/>"
	    "<stanza-id xmlns='" NS_SID "' by='other@" DOM "' id='of-others'/>"
	    "<x xmlns='" NS_MUC_USER "'><item jid='x@y'/></x>");
	fix_hasnt(f, "forged");
	assert_int_equal(fix_count(f, "of-others"), 2);
	ALL(f);
	fix_hasnt(f, "forged");
	fix_hasnt(f, "x@y");
}

static void test_a_page(void **state)
{
	struct fix *f = *state;
	const char *first, *last, *alice;
	char want[1024];

	two_in(f, "");
	say(f, ALICE, ROOM, "m1", "<body>a</body>");
	first = sid_of(f, "a");
	alice = occupant_id_with(f, "<body>a", "<stanza-id");
	fix_clear(f);
	talk(f, BOB, "b");
	last = sid_of(f, "b");
	ALL(f);
	assert_string_equal(texts(f), "ab");
	(void)snprintf(want, sizeof(want),
	    "<message to=\"" BOB "\" from=\"" ROOM "\"><result xmlns=\"" NS_MAM
	    "\" queryid=\"f1\" id=\"%s\"><forwarded xmlns=\"" NS_FORWARD
	    "\"><delay xmlns=\"" NS_DELAY "\" stamp=\"",
	    first);
	fix_has(f, want);
	(void)snprintf(want, sizeof(want),
	    "<message xmlns=\"jabber:client\" from=\"" ROOM "/Alice\" type=\"groupchat\" id=\"m1\">"
	    "<body>a</body><occupant-id xmlns=\"" NS_OCCUPANT_ID "\" id=\"%s\"/></message>"
	    "</forwarded></result></message>",
	    alice);
	fix_has(f, want);
	(void)snprintf(want, sizeof(want),
	    "<fin xmlns=\"" NS_MAM "\" complete=\"true\"><set xmlns=\"" NS_RSM
	    "\"><first index=\"0\">%s</first><last>%s</last><count>2</count></set></fin>",
	    first, last);
	fix_has(f, want);
	assert_true(strstr(fix_got(f), "<fin") > strstr(fix_got(f), "<body>b"));
}

/* Who asks behind what was said finds it, although it is not committed yet. */
static void test_what_was_just_said(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	for (int i = 0; i < 20; i++)
		say_quietly(f, ALICE, ROOM, "a", "<body>a</body>");
	ask_quietly(f, CAROL, "set", QUERY());
	fix_spin(f);
	assert_int_equal(fix_count(f, "<result"), 20);
	fix_has(f, "complete=\"true\"");
}

static void test_over_a_kill(void **state)
{
	struct fix *f = *state;
	struct sid a, b;

	two_in(f, SHOWS_3);
	talk(f, ALICE, "abcd");
	assert_int_equal(sid_parse(&a, sid_of(f, "d")), 0);
	fix_replace(f);
	fix_clear(f);
	talk(f, ALICE, "e");
	assert_int_equal(sid_parse(&b, sid_of(f, "e")), 0);
	assert_true(b.seq > a.seq);
	ALL(f);
	assert_string_equal(texts(f), "abcde");
	fix_clear(f);
	enter(f, CAROL, ROOM "/Carol", "");
	assert_string_equal(texts(f), "cde"); /* of which the room shows three */
	assert_int_equal(number(f, "SELECT count(*) FROM said"), 5);
}

/* What could not be committed was not said, and is said once when it can. */
static void test_a_commit_that_fails(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	talk(f, ALICE, "a");
	db_fail_commits(comp_db(f->c), 1, -ENOSPC);
	fix_clear(f);
	say_quietly(f, ALICE, ROOM, "b", "<body>b</body>");
	ask_quietly(f, BOB, "set", QUERY());
	fix_spin(f);
	assert_int_equal(fix_count(f, "<result"), 0);
	fix_advance(f, 60000);
	fix_spin(f);
	ALL(f);
	assert_string_equal(texts(f), "ab");
	assert_int_equal(number(f, "SELECT count(*) FROM said"), 2);
}

static void test_pages(void **state)
{
	struct fix *f = *state;
	char text[512];
	const char *id;

	two_in(f, "");
	talk(f, ALICE, "abcde");
	ask(f, BOB, "set", QUERY(SET("<max>2</max>")));
	assert_string_equal(texts(f), "ab");
	fix_hasnt(f, "complete");
	fix_hasnt(f, "<count");
	(void)snprintf(text, sizeof(text), QUERY(SET("<max>2</max><after>%s</after>")),
	    behind(f, "<last>", 0));
	ask(f, BOB, "set", text);
	assert_string_equal(texts(f), "cd");
	id = behind(f, "<last>", 0);
	(void)snprintf(text, sizeof(text), QUERY(SET("<max>2</max><after>%s</after>")), id);
	ask(f, BOB, "set", text);
	assert_string_equal(texts(f), "e");
	fix_has(f, "complete=\"true\"");
	(void)snprintf(text, sizeof(text), QUERY(SET("<max>2</max><before>%s</before>")), id);
	ask(f, BOB, "set", text);
	assert_string_equal(texts(f), "bc");
	ask(f, BOB, "set", QUERY(SET("<max>2</max><before/>") "<flip-page/>"));
	assert_string_equal(texts(f), "ed");
	fix_hasnt(f, "complete");
	ask(f, BOB, "set", QUERY(SET("<max>0</max>")));
	assert_string_equal(texts(f), "");
	fix_has(f, "<count>5</count>");
}

static void test_by_id_and_time(void **state)
{
	struct fix *f = *state;
	char text[1024];
	const char *id[5], *at[5];

	two_in(f, "");
	for (int i = 0; i < 5; i++) {
		talk(f, ALICE, (const char[]){ (char)('a' + i), '\0' });
		fix_advance(f, 10);
	}
	ALL(f);
	for (unsigned i = 0; i < 5; i++) {
		id[i] = behind(f, "queryid=\"f1\" id=\"", i);
		at[i] = behind(f, " stamp=\"", i);
	}
	(void)snprintf(text, sizeof(text),
	    QUERY(BEGIN_FORM FIELD("after-id", "%s") FIELD("before-id", "%s") "</x>"), id[0],
	    id[4]);
	ask(f, BOB, "set", text);
	assert_string_equal(texts(f), "bcd");
	(void)snprintf(text, sizeof(text),
	    QUERY(BEGIN_FORM "<field var='ids'><value>%s</value><value>%s</value><value>%s</value>"
			     "</field></x>"),
	    id[3], id[1], id[3]);
	ask(f, BOB, "set", text);
	assert_string_equal(texts(f), "bd");
	(void)snprintf(text, sizeof(text),
	    QUERY(BEGIN_FORM FIELD("start", "%s") FIELD("end", "%s") "</x>"), at[1], at[2]);
	ask(f, BOB, "set", text);
	assert_string_equal(texts(f), "bc");
	ask(f, BOB, "get", "<metadata xmlns='" NS_MAM "'/>");
	(void)snprintf(text, sizeof(text),
	    "<start id=\"%s\" timestamp=\"%s\"/><end id=\"%s\" timestamp=\"%s\"/>", id[0], at[0],
	    id[4], at[4]);
	fix_has(f, text);
}

static void test_by_author(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	talk(f, ALICE, "a");
	talk(f, BOB, "b");
	talk(f, ALICE, "c");
	ask(f, ALICE, "set", QUERY(FORM(FIELD("with", "alice@test"))));
	assert_string_equal(texts(f), "ac");
	ask(f, ALICE, "set", QUERY(FORM(FIELD("with", "bob@test/b"))));
	assert_string_equal(texts(f), "b");
	ask(f, ALICE, "set", QUERY(FORM(FIELD("with", "bob@test/other"))));
	assert_string_equal(texts(f), "");
	ask(f, ALICE, "set", QUERY(FORM(FIELD("with", "bob@tes"))));
	assert_string_equal(texts(f), "");
	fix_has(f, "complete");
	ask(f, BOB, "set", QUERY(FORM(FIELD("with", ROOM "/Alice"))));
	assert_string_equal(texts(f), "ac");
	ask(f, BOB, "set", QUERY(FORM(FIELD("with", ROOM))));
	assert_string_equal(texts(f), "abc");
	ask(f, BOB, "set", QUERY(FORM(FIELD("with", "alice@test"))));
	fix_has(f, "<forbidden");
}

static void test_real_addresses(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	talk(f, BOB, "b");
	ask(f, BOB, "set", QUERY());
	fix_hasnt(f, "bob@test/b\" role");
	ask(f, ALICE, "set", QUERY()); /* a moderator */
	fix_has(f, "<x xmlns=\"" NS_MUC_USER "\"><item affiliation=\"none\" jid=\"" BOB
		   "\" role=\"participant\"/></x></message>");
	configure(f, ALICE, ROOM, CONF("whois", "anyone"));
	ask(f, CAROL, "set", QUERY());
	fix_has(f, "jid=\"" BOB "\"");
	assert_string_equal(texts(f), "b");
}

static void refused(struct fix *f, const char *who, const char *payload, const char *error)
{
	ask(f, who, "set", payload);
	fix_has(f, error);
	assert_int_equal(fix_count(f, "<result"), 0);
}

static void test_who_may_not(void **state)
{
	struct fix *f = *state;

	enter(f, ALICE, ROOM "/Alice", "");
	refused(f, CAROL, QUERY(), "<item-not-found"); /* it is locked */
	two_in(f, CONF("roomsecret", "s"));
	talk(f, ALICE, "a");
	refused(f, CAROL, QUERY(), "<forbidden");
	configure(f, ALICE, ROOM, CONF("roomsecret", "") CONF("membersonly", "1"));
	refused(f, CAROL, QUERY(), "<forbidden");
	configure(f, ALICE, ROOM, CONF("membersonly", "0"));
	ask(f, CAROL, "set", QUERY());
	assert_string_equal(texts(f), "a");
	affs_put(&the_room()->affs, "carol@test", AFF_OUTCAST, NULL, NULL);
	refused(f, CAROL, QUERY(), "<forbidden");
	ask(f, CAROL, "get", "<metadata xmlns='" NS_MAM "'/>");
	fix_has(f, "<forbidden");
	ask(f, CAROL, "get", QUERY());
	fix_has(f, "<forbidden");
	fix_postf(f, "<iq type='set' id='q2' from='" CAROL "' to='none@" DOM "'>" QUERY() "</iq>");
	fix_spin(f);
	fix_has(f, "<item-not-found");
}

static void test_what_makes_no_sense(void **state)
{
	static const struct {
		const char *payload, *error;
	} rows[] = {
		{ QUERY(SET("<after>nothing</after>")), "<item-not-found" },
		{ QUERY(SET("<after>019b76da-a800-7005-9234-567890abcdef</after>")),
		    "<item-not-found" },
		{ QUERY(FORM(FIELD("after-id", "x"))), "<item-not-found" },
		{ QUERY(FORM(FIELD("ids", "x"))), "<item-not-found" },
		{ QUERY(SET("<max>-1</max>")), "<bad-request" },
		{ QUERY(SET("<max>many</max>")), "<bad-request" },
		{ QUERY(SET("<index>3</index>")), "<feature-not-implemented" },
		{ QUERY(SET("<after>x</after><before>y</before>")), "<bad-request" },
		{ QUERY(FORM(FIELD("start", "today"))), "<bad-request" },
		{ QUERY(FORM(FIELD("with", "@@"))), "<jid-malformed" },
		{ QUERY(FORM(FIELD("what", "x"))), "<feature-not-implemented" },
		{ QUERY("<x xmlns='jabber:x:data' type='submit'/>"), "<bad-request" },
		{ "<query xmlns='" NS_MAM "' node='n'/>", "<feature-not-implemented" },
	};
	struct fix *f = *state;

	two_in(f, "");
	talk(f, ALICE, "a");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused(f, BOB, rows[i].payload, rows[i].error);
	ask(f, BOB, "set", QUERY(SET("<max>99999999999</max>")));
	assert_string_equal(texts(f), "a");
}

static void test_off(void **state)
{
	struct fix *f = *state;

	two_in(f, SHOWS_3);
	talk(f, ALICE, "a");
	configure(f, ALICE, ROOM, CONF("enablearchiving", "0"));
	fix_has(f, "<status code=\"171\"/>");
	enter(f, CAROL, ROOM "/Carol", "");
	assert_null(got(f, "to=\"" CAROL "\"", "code=\"170\""));
	leave(f, CAROL, ROOM "/Carol");
	talk(f, ALICE, "bcdef");
	refused(f, BOB, QUERY(), "<service-unavailable");
	assert_int_equal(number(f, "SELECT count(*) FROM said"), 4); /* and what is shown */
	fix_clear(f);
	configure(f, ALICE, ROOM, CONF("mam", "1"));
	fix_has(f, "<status code=\"170\"/>");
	talk(f, ALICE, "g");
	ALL(f);
	assert_string_equal(texts(f), "ag");
	fix_clear(f);
	enter(f, CAROL, ROOM "/Carol", "");
	assert_string_equal(texts(f), "efg");
	assert_non_null(got(f, "<status code=\"110\"/>", "<status code=\"170\"/>"));
	assert_int_equal(fix_count(f, "code=\"170\""), 1); /* to itself alone */
}

static void test_subjects_and_such(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	say(f, ALICE, ROOM, "s1", "<subject>Tea</subject>");
	assert_int_equal(fix_count(f, "<stanza-id"), 2);
	say(f, BOB, ROOM, "r1", "<reactions xmlns='urn:xmpp:reactions:0' id='x'/>");
	say(f, BOB, ROOM, "e1", "<encrypted xmlns='urn:xmpp:omemo:2'/>");
	ALL(f);
	fix_has(f, "<subject>Tea</subject><occupant-id ");
	fix_has(f, "<reactions");
	fix_has(f, "<encrypted");
	assert_int_equal(fix_count(f, "<result"), 3);
}

static void test_many(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	for (int i = 0; i < 600; i++)
		say_quietly(f, ALICE, ROOM, "a", "<body>a</body>");
	fix_spin(f);
	talk(f, BOB, "b");
	ask(f, BOB, "set", QUERY(SET("<max>1000</max>")));
	assert_int_equal(fix_count(f, "<result"), MUC_MAM_PAGE_MAX);
	ask(f, BOB, "set", QUERY());
	assert_int_equal(fix_count(f, "<result"), MUC_MAM_PAGE);
	fix_hasnt(f, "complete");
	ask(f, BOB, "set", QUERY(FORM(FIELD("with", ROOM "/Bob")))); /* more than one turn */
	assert_string_equal(texts(f), "b");
	fix_has(f, "complete");
}

static void test_the_room_ends_while_it_is_asked(void **state)
{
	struct fix *f = *state;

	two_in(f, CONF("persistentroom", "0"));
	say_quietly(f, ALICE, ROOM, "a", "<body>a</body>");
	ask_quietly(f, CAROL, "set", QUERY());
	fix_postf(f, "<presence type='unavailable' from='" ALICE "' to='" ROOM "/Alice'/>");
	fix_postf(f, "<presence type='unavailable' from='" BOB "' to='" ROOM "/Bob'/>");
	fix_spin(f);
	assert_int_equal(fix_count(f, "id=\"q1\""), 1); /* one answer */
	fix_advance(f, 100);
	fix_advance(f, 100);
	assert_int_equal(number(f, "SELECT count(*) FROM said"), 0);
	assert_int_equal(number(f, "SELECT count(*) FROM gone"), 0);
}

/* The next of the name finds nothing of it, whatever has been removed yet. */
static void test_a_name_comes_again(void **state)
{
	struct fix *f = *state;

	two_in(f, CONF("persistentroom", "0"));
	for (int i = 0; i < 500; i++)
		say_quietly(f, ALICE, ROOM, "a", "<body>a</body>");
	fix_spin(f);
	leave(f, ALICE, ROOM "/Alice");
	leave(f, BOB, ROOM "/Bob");
	fix_clear(f);
	two_in(f, "");
	talk(f, ALICE, "b");
	ALL(f);
	assert_string_equal(texts(f), "b");
	for (int i = 0; i < 6; i++)
		fix_advance(f, 30);
	assert_int_equal(number(f, "SELECT count(*) FROM said"), 1);
	fix_replace(f);
	ALL(f);
	assert_string_equal(texts(f), "b");
}

static void test_too_old(void **state)
{
	struct fix *f = *state;

	conf.archive_expire = 100;
	two_in(f, "");
	for (int i = 0; i < 300; i++)
		say_quietly(f, ALICE, ROOM, "a", "<body>a</body>");
	fix_spin(f);
	for (int i = 0; i < 19; i++)
		fix_advance(f, 5000);
	talk(f, BOB, "b");
	for (int i = 0; i < 80 && number(f, "SELECT count(*) FROM said") > 1; i++)
		fix_advance(f, 1000);
	assert_int_equal(number(f, "SELECT count(*) FROM said"), 1);
	ALL(f);
	assert_string_equal(texts(f), "b");
	fix_clear(f);
	enter(f, CAROL, ROOM "/Carol", "");
	assert_string_equal(texts(f), "b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MUC_TEST(test_kept_under_an_id),
		MUC_TEST(test_forged_ids_go),
		MUC_TEST(test_a_page),
		MUC_TEST(test_what_was_just_said),
		MUC_TEST(test_over_a_kill),
		MUC_TEST(test_a_commit_that_fails),
		MUC_TEST(test_pages),
		MUC_TEST(test_by_id_and_time),
		MUC_TEST(test_by_author),
		MUC_TEST(test_real_addresses),
		MUC_TEST(test_who_may_not),
		MUC_TEST(test_what_makes_no_sense),
		MUC_TEST(test_off),
		MUC_TEST(test_subjects_and_such),
		MUC_TEST(test_many),
		MUC_TEST(test_the_room_ends_while_it_is_asked),
		MUC_TEST(test_a_name_comes_again),
		MUC_TEST(test_too_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
