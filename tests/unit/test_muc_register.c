/* SPDX-License-Identifier: MIT */
/* Registration with a room (XEP-0045 7.10, 9.9), reserved nicks, and nicks that are locked down. */
#include "muc_fixture.h"
#include "register.h"

#define TYPE FIELD("FORM_TYPE", NS_MUC_REGISTER)
#define NICK(nick) FIELD("muc#register_roomnick", nick)
#define WHO(jid) FIELD("x-muc#register_jid", jid)
#define ALLOW(value) FIELD("muc#register_allow", value)
#define FILLED(type, fields) "<x xmlns='jabber:x:data' type='" type "'>" fields "</x>"
#define POLICY(value) FIELD("x-muc#roomconfig_registration", value)
#define LOCK FIELD("x-muc#roomconfig_reservednick", "1")
#define ASKED "<message from=\"" ROOM "\""

static void ask_register(struct fix *f, const char *who, const char *type, const char *inner)
{
	fix_clear(f);
	fix_postf(f,
	    "<iq type='%s' id='q1' from='%s' to='" ROOM "'><query xmlns='" NS_REGISTER
	    "'>%s</query></iq>",
	    type, who, inner);
	fix_spin(f);
}

static void wish(struct fix *f, const char *who, const char *nick)
{
	char form[512];

	(void)snprintf(form, sizeof(form), FILLED("submit", TYPE NICK("%s")), nick);
	ask_register(f, who, "set", form);
}

static void decide(struct fix *f, const char *who, const char *fields)
{
	fix_clear(f);
	fix_postf(f,
	    "<message id='a1' from='%s' to='" ROOM "'>" FILLED("submit", "%s") "</message>", who,
	    fields);
	fix_spin(f);
}

static void make(struct fix *f, const char *who, const char *affiliation, const char *more)
{
	fix_clear(f);
	fix_postf(f,
	    "<iq type='set' id='c1' from='" ALICE "' to='" ROOM "'><query xmlns='" NS_MUC_ADMIN
	    "'><item jid='%s' affiliation='%s' %s/></query></iq>",
	    who, affiliation, more);
	fix_spin(f);
}

static void accepted(struct fix *f)
{
	assert_non_null(got(f, "type=\"result\"", "id=\"q1\""));
}

static void refused(struct fix *f, const char *cond)
{
	char tag[64];

	(void)snprintf(tag, sizeof(tag), "<%s ", cond);
	assert_non_null(got(f, "type=\"error\"", tag));
}

/* Who has which affiliation and nick, as the room has it. */
static void is(const char *who, enum aff aff, const char *nick)
{
	const struct room *r = the_room();
	const struct aff_entry *e = affs_find(&r->affs, who);

	assert_int_equal(e ? e->aff : AFF_NONE, aff);
	if (nick)
		assert_string_equal(e->nick, nick);
	else
		assert_true(!e || !e->nick);
}

static size_t waiting(void)
{
	return the_room()->n_waiting;
}

/* --- asking ------------------------------------------------------------------------------------
 */

static void test_form(void **state)
{
	struct fix *f = *state;

	two_in(f, POLICY("approval"));
	ask_register(f, BOB, "get", "");
	accepted(f);
	fix_has(f, "<value>" NS_MUC_REGISTER "</value>");
	fix_has(f, "var=\"muc#register_roomnick\"");
	fix_has(f, "<required/>");
	fix_hasnt(f, "<registered/>");
	ask_register(f, ALICE, "get", ""); /* an owner has no need to */
	fix_has(f, "<registered/>");
	fix_hasnt(f, "<username");
	make(f, "bob@test", "member", "nick='Robert'");
	ask_register(f, BOB, "get", "");
	fix_has(f, "<registered/><username>Robert</username>");
}

static void test_who_may_not(void **state)
{
	struct fix *f = *state;

	two_in(f, POLICY("none"));
	ask_register(f, BOB, "get", "");
	refused(f, "not-allowed");
	wish(f, BOB, "Bob");
	refused(f, "not-allowed");
	make(f, "bob@test", "member", "nick='Bob'");
	ask_register(f, BOB, "get", ""); /* it is told what it is */
	fix_has(f, "<username>Bob</username></query>");
	wish(f, BOB, "Robert");
	refused(f, "not-allowed");
	configure(f, ALICE, ROOM, POLICY("open"));
	make(f, "bob@test", "outcast", "");
	ask_register(f, BOB, "get", "");
	refused(f, "not-allowed");
	ask_register(f, BOB, "set", "<remove/>");
	refused(f, "not-allowed");
	is("bob@test", AFF_OUTCAST, NULL);
	fix_clear(f);
	fix_postf(f, "<iq type='get' id='q2' from='" BOB "' to='no@" DOM
		     "'><query xmlns='" NS_REGISTER "'/></iq>");
	fix_spin(f);
	refused(f, "item-not-found");
	enter(f, CAROL, "new@" DOM "/Carol", ""); /* locked */
	fix_clear(f);
	fix_postf(f, "<iq type='get' id='q3' from='" BOB "' to='new@" DOM
		     "'><query xmlns='" NS_REGISTER "'/></iq>");
	fix_spin(f);
	refused(f, "item-not-found");
}

static void test_malformed(void **state)
{
	static const struct {
		const char *inner, *cond;
	} tries[] = {
		{ "", "bad-request" },
		{ "<username>bob</username>", "bad-request" },
		{ "<x xmlns='jabber:x:data' type='none'/>", "bad-request" },
		{ FILLED("form", TYPE NICK("Bob")), "bad-request" },
		{ FILLED("submit", NICK("Bob")), "bad-request" },
		{ FILLED("submit", FIELD("FORM_TYPE", "other") NICK("Bob")), "bad-request" },
		{ FILLED("submit", TYPE), "bad-request" },
		{ FILLED("submit", TYPE NICK("")), "bad-request" },
		{ FILLED("submit", TYPE NICK("\xe3\x85\xa4")), "not-acceptable" },
		{ FILLED("submit", TYPE NICK("a\xee\x80\x80")), "jid-malformed" },
		{ FILLED("submit", TYPE NICK("Alice")), "conflict" }, /* somebody is called so */
		{ "<remove/><username>bob</username>", "bad-request" },
		{ "<remove/>", "registration-required" },
	};
	struct fix *f = *state;

	two_in(f, POLICY("open"));
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		ask_register(f, BOB, "set", tries[i].inner);
		refused(f, tries[i].cond);
		is("bob@test", AFF_NONE, NULL);
	}
	ask_register(f, BOB, "set", FILLED("cancel", ""));
	accepted(f);
	is("bob@test", AFF_NONE, NULL);
	/* what nobody asked for is passed over, and the nick is prepared */
	ask_register(f, BOB, "set",
	    FILLED("submit", TYPE FIELD("muc#register_email", "b@x") NICK(" \xef\xac\x81sh ")));
	accepted(f);
	is("bob@test", AFF_MEMBER, "fish");
}

/* --- without approval --------------------------------------------------------------------------
 */

static void test_open(void **state)
{
	struct fix *f = *state;

	two_in(f, POLICY("open") FIELD("muc#roomconfig_moderatedroom", "1"));
	wish(f, BOB, "Robert");
	accepted(f);
	is("bob@test", AFF_MEMBER, "Robert");
	/* all see that it is a member, and has voice */
	assert_non_null(got(f, "to=\"" ALICE "\"", "affiliation=\"member\" role=\"participant\""));
	assert_non_null(got(f, "to=\"" BOB "\"", "affiliation=\"member\" role=\"participant\""));
	fix_hasnt(f, "<actor");
	fix_hasnt(f, "<message"); /* the answer says it */
	enter(f, CAROL, ROOM "/Robert", "");
	refused(f, "conflict");
	wish(f, CAROL, "Robert");
	refused(f, "conflict");
	fix_replace(f);
	is("bob@test", AFF_MEMBER, "Robert");
	wish(f, BOB, "Bobby"); /* another one instead */
	accepted(f);
	is("bob@test", AFF_MEMBER, "Bobby");
	wish(f, CAROL, "Robert");
	accepted(f);
	wish(f, ALICE, "Ali"); /* who is more stays it */
	accepted(f);
	is("alice@test", AFF_OWNER, "Ali");
}

static void test_cancel(void **state)
{
	struct fix *f = *state;

	two_in(f, POLICY("open") FIELD("muc#roomconfig_membersonly", "1"));
	enter(f, BOB, ROOM "/Bob", "");
	refused(f, "registration-required");
	wish(f, BOB, "Bob");
	accepted(f);
	fix_hasnt(f, "<invite");
	enter(f, BOB, ROOM "/Bob", "");
	fix_has(f, "affiliation=\"member\"");
	ask_register(f, BOB, "set", "<remove/>");
	accepted(f);
	assert_non_null(got(f, "to=\"" BOB "\"", "<status code=\"321\"/>"));
	is("bob@test", AFF_NONE, NULL);
	ask_register(f, BOB, "set", "<remove/>");
	refused(f, "registration-required");
	wish(f, ALICE, "Alice");
	is("alice@test", AFF_OWNER, "Alice");
	ask_register(f, ALICE, "set", "<remove/>"); /* the nick alone: the room needs its owner */
	accepted(f);
	is("alice@test", AFF_OWNER, NULL);
	make(f, "test", "member", "");
	ask_register(f, CAROL, "set", "<remove/>"); /* by its domain */
	refused(f, "not-allowed");
}

/* --- with it -----------------------------------------------------------------------------------
 */

static void test_approval(void **state)
{
	struct fix *f = *state;

	two_in(f, POLICY("approval"));
	wish(f, CAROL, "Caro");
	accepted(f);
	is("carol@test", AFF_NONE, NULL);
	assert_non_null(got(f, "to=\"" ALICE "\"", "<value>carol@test</value>"));
	fix_has(f, "<value>Caro</value>");
	fix_has(f, "var=\"muc#register_allow\"");
	assert_null(got(f, "<message", "to=\"" BOB "\""));
	wish(f, CAROL, "Caro"); /* nobody is asked again */
	accepted(f);
	fix_hasnt(f, "<message");
	ask_register(f, CAROL, "get", "");
	fix_has(f, "<value>Caro</value>");
	fix_hasnt(f, "<registered");
	wish(f, BOB, "Caro"); /* it comes second */
	refused(f, "conflict");
	fix_replace(f);
	assert_int_equal(waiting(), 1);
	decide(f, ALICE, TYPE WHO("carol@test") NICK("Caro") ALLOW("1"));
	is("carol@test", AFF_MEMBER, "Caro");
	assert_int_equal(waiting(), 0);
	assert_non_null(got(f, "to=\"carol@test\"", "<status code=\"101\"/>"));
	decide(f, ALICE, TYPE WHO("carol@test") ALLOW("1")); /* once */
	refused(f, "item-not-found");
	fix_replace(f);
	assert_int_equal(waiting(), 0);
	is("carol@test", AFF_MEMBER, "Caro");
}

static void test_refusal(void **state)
{
	struct fix *f = *state;

	two_in(f, POLICY("approval"));
	wish(f, BOB, "Robert");
	decide(f, ALICE, TYPE NICK("Robert") ALLOW("0")); /* XEP-0045's form has the nick alone */
	fix_hasnt(f, "type=\"error\"");
	assert_int_equal(waiting(), 0);
	is("bob@test", AFF_NONE, NULL);
	wish(f, BOB, "Robert");
	wish(f, BOB, "Rob");
	assert_int_equal(waiting(), 1);
	decide(
	    f, ALICE, TYPE WHO("bob@test") NICK("Robert") ALLOW("1")); /* not what it wants now */
	refused(f, "item-not-found");
	ask_register(f, BOB, "set", "<remove/>");
	accepted(f);
	assert_int_equal(waiting(), 0);
	decide(f, ALICE, TYPE NICK("Rob") ALLOW("1"));
	refused(f, "item-not-found");
}

static void test_answers_that_are_none(void **state)
{
	static const struct {
		const char *who, *fields, *cond;
	} tries[] = {
		{ BOB, TYPE NICK("Caro") ALLOW("1"), "forbidden" },
		{ CAROL, TYPE NICK("Caro") ALLOW("1"), "forbidden" },
		{ ALICE, TYPE NICK("Caro"), "bad-request" },
		{ ALICE, TYPE ALLOW("1"), "bad-request" },
		{ ALICE, TYPE NICK("Caro") ALLOW("perhaps"), "bad-request" },
		{ ALICE, TYPE WHO("@") ALLOW("1"), "jid-malformed" },
		{ ALICE, TYPE WHO("bob@test") NICK("Caro") ALLOW("1"), "item-not-found" },
		{ ALICE, TYPE NICK("Nobody") ALLOW("1"), "item-not-found" },
	};
	struct fix *f = *state;

	two_in(f, POLICY("approval"));
	wish(f, CAROL, "Caro");
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		decide(f, tries[i].who, tries[i].fields);
		refused(f, tries[i].cond);
		is("carol@test", AFF_NONE, NULL);
		assert_int_equal(waiting(), 1);
	}
}

/* An admin who puts who waits into the list of members has answered. */
static void test_list_of_members(void **state)
{
	struct fix *f = *state;

	two_in(f, POLICY("approval"));
	wish(f, CAROL, "Caro");
	make(f, "carol@test", "member", "");
	is("carol@test", AFF_MEMBER, "Caro");
	assert_int_equal(waiting(), 0);
	wish(f, BOB, "Robert");
	make(f, "bob@test", "member", "nick='Bob'"); /* as the admin has it */
	is("bob@test", AFF_MEMBER, "Bob");
	wish(f, "dave@test/d", "Dave");
	make(f, "eve@test", "member", "nick='Dave'"); /* another one is given it */
	make(f, "dave@test", "member", "");
	is("dave@test", AFF_MEMBER, NULL);
	wish(f, "fay@test/f", "Fay");
	make(f, "fay@test", "outcast", "");
	is("fay@test", AFF_OUTCAST, NULL);
	assert_int_equal(waiting(), 0);
}

static void test_admins_who_are_away(void **state)
{
	struct fix *f = *state;

	two_in(f, POLICY("approval"));
	make(f, "ada@test", "admin", "");
	leave(f, ALICE, ROOM "/Alice");
	wish(f, BOB, "Robert");
	assert_non_null(got(f, "to=\"alice@test\"", "<value>Robert</value>"));
	assert_non_null(got(f, "to=\"ada@test\"", "<value>Robert</value>"));
	fix_clear(f);
	enter(f, "ada@test/x", ROOM "/Ada", "");
	assert_non_null(got(f, "to=\"ada@test/x\"", "<value>Robert</value>"));
	leave(f, "ada@test/x", ROOM "/Ada");
	decide(f, "ada@test/x", TYPE NICK("Robert") ALLOW("true")); /* from outside */
	is("bob@test", AFF_MEMBER, "Robert");
	/* who is in the room is seen to be a member, and not told besides */
	assert_non_null(got(f, "to=\"" BOB "\"", "affiliation=\"member\" role=\"participant\""));
	fix_hasnt(f, "<message");
}

static void test_many_wait(void **state)
{
	struct fix *f = *state;
	char who[32], nick[32];

	two_in(f, POLICY("approval"));
	for (unsigned i = 0; i < MUC_WAITING_MAX; i++) {
		(void)snprintf(who, sizeof(who), "u%u@test/x", i);
		(void)snprintf(nick, sizeof(nick), "n%u", i);
		wish(f, who, nick);
		accepted(f);
	}
	wish(f, CAROL, "Caro");
	refused(f, "resource-constraint");
	wish(f, "u0@test/x", "other"); /* who waits already */
	accepted(f);
	assert_int_equal(waiting(), MUC_WAITING_MAX);
}

/* The room's end is the end of what it waits for. */
static void test_end(void **state)
{
	struct fix *f = *state;

	two_in(f, POLICY("approval"));
	wish(f, CAROL, "Caro");
	fix_postf(f, "<iq type='set' id='d1' from='" ALICE "' to='" ROOM
		     "'><query xmlns='" NS_MUC_OWNER "'><destroy/></query></iq>");
	fix_spin(f);
	assert_null(the_room());
	two_in(f, POLICY("approval"));
	assert_int_equal(waiting(), 0);
	fix_replace(f);
	ask_register(f, CAROL, "get", "");
	assert_int_equal(waiting(), 0);
}

static void test_flood(void **state)
{
	struct fix *f = *state;
	char nick[16];

	two_in(f, POLICY("approval"));
	conf.occupant_rate = 1;
	conf.occupant_burst = 20;
	muc_reload(&m);
	for (unsigned i = 0; i < 4; i++) {
		(void)snprintf(nick, sizeof(nick), "n%u", i);
		wish(f, CAROL, nick);
		accepted(f);
	}
	ask_register(f, CAROL, "get", "");
	refused(f, "resource-constraint");
	wish(f, CAROL, "last");
	refused(f, "resource-constraint");
}

/* --- nicks that are locked down ----------------------------------------------------------------
 */

static void test_lock_down(void **state)
{
	struct fix *f = *state;

	two_in(f, POLICY("open") LOCK);
	wish(f, CAROL, "Caro");
	fix_clear(f);
	enter(f, CAROL, ROOM "/Someone", "");
	assert_non_null(got(f, "from=\"" ROOM "/Caro\"", "<status code=\"210\"/>"));
	fix_clear(f);
	fix_postf(f, "<presence from='" CAROL "' to='" ROOM "/Other'/>");
	fix_spin(f);
	refused(f, "not-acceptable");
	fix_clear(f);
	fix_postf(f, "<presence from='" BOB "' to='" ROOM "/Robert'/>"); /* none is reserved */
	fix_spin(f);
	fix_has(f, "<status code=\"303\"/>");
	fix_replace(f);
	fix_clear(f);
	fix_postf(f, "<presence from='" CAROL "' to='" ROOM "/Other'/>");
	fix_spin(f);
	refused(f, "not-acceptable");
	configure(f, ALICE, ROOM, FIELD("x-muc#roomconfig_reservednick", "0"));
	fix_has(f, "<status code=\"104\"/>");
	fix_clear(f);
	fix_postf(f, "<presence from='" CAROL "' to='" ROOM "/Other'/>");
	fix_spin(f);
	fix_has(f, "<status code=\"303\"/>");
}

/* Reserved for somebody else it would keep that one out: 7.2.2 lets everybody in. */
static void test_lock_down_of_a_nick_in_use(void **state)
{
	struct fix *f = *state;

	two_in(f, POLICY("open") LOCK);
	make(f, "carol@test", "member", "nick='Bob'");
	refused(f, "conflict");
	is("carol@test", AFF_NONE, NULL);
	make(f, "carol@test", "member", "nick='Caro'");
	fix_clear(f);
	enter(f, CAROL, ROOM "/Bob", "");
	assert_non_null(got(f, "from=\"" ROOM "/Caro\"", "<status code=\"210\"/>"));
	make(f, "carol@test", "member", "nick='Caro'"); /* as it is */
	is("carol@test", AFF_MEMBER, "Caro");
	make(f, "bob@test", "member", "nick='Bob'"); /* in use by himself */
	is("bob@test", AFF_MEMBER, "Bob");
}

/* Of who waits for membership, too: somebody has come in under the nick meanwhile. */
static void test_nick_in_use_that_was_asked_for(void **state)
{
	struct fix *f = *state;

	two_in(f, POLICY("approval") LOCK);
	wish(f, CAROL, "Dave");
	enter(f, "dave@test/d", ROOM "/Dave", "");
	decide(f, ALICE, TYPE WHO("carol@test") NICK("Dave") ALLOW("1"));
	refused(f, "conflict");
	assert_int_equal(waiting(), 1);
	make(f, "carol@test", "member", ""); /* the membership alone */
	is("carol@test", AFF_MEMBER, NULL);
	assert_int_equal(waiting(), 0);
	fix_clear(f);
	enter(f, CAROL, ROOM "/Carol", "");
	assert_non_null(got(f, "from=\"" ROOM "/Carol\"", "<status code=\"110\"/>"));
}

/* --- discovery ---------------------------------------------------------------------------------
 */

static void info(struct fix *f, const char *who, const char *node)
{
	fix_clear(f);
	fix_postf(f,
	    "<iq type='get' id='q1' from='%s' to='" ROOM
	    "'><query xmlns='http://jabber.org/protocol/disco#info' %s/></iq>",
	    who, node);
	fix_spin(f);
}

static void test_discovery(void **state)
{
	struct fix *f = *state;

	two_in(f, POLICY("open"));
	info(f, CAROL, "");
	fix_has(f, "<feature var=\"" NS_REGISTER "\"/>");
	fix_has(f, "<feature var=\"" NS_MUC_REGISTER "\"/>");
	info(f, CAROL, "node='x-roomuser-item'");
	accepted(f);
	fix_hasnt(f, "<identity");
	wish(f, CAROL, "Caro");
	info(f, CAROL, "node='x-roomuser-item'");
	fix_has(f, "<identity category=\"conference\" type=\"text\" name=\"Caro\"/>");
	configure(f, ALICE, ROOM, POLICY("none"));
	info(f, CAROL, "");
	fix_hasnt(f, NS_REGISTER);
	fix_hasnt(f, NS_MUC_REGISTER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MUC_TEST(test_form),
		MUC_TEST(test_who_may_not),
		MUC_TEST(test_malformed),
		MUC_TEST(test_open),
		MUC_TEST(test_cancel),
		MUC_TEST(test_approval),
		MUC_TEST(test_refusal),
		MUC_TEST(test_answers_that_are_none),
		MUC_TEST(test_list_of_members),
		MUC_TEST(test_admins_who_are_away),
		MUC_TEST(test_many_wait),
		MUC_TEST(test_end),
		MUC_TEST(test_flood),
		MUC_TEST(test_lock_down),
		MUC_TEST(test_lock_down_of_a_nick_in_use),
		MUC_TEST(test_nick_in_use_that_was_asked_for),
		MUC_TEST(test_discovery),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
