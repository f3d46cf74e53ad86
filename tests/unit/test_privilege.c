/* SPDX-License-Identifier: MIT */
/* What a component does in the name of accounts (XEP-0356): rosters, messages, iqs. */
#include <errno.h>

#include "im_fixture.h"
#include "links/privilege.h"

#define A "alice@example.org/a"
#define B "bob@example.org/b"
#define PEP "urn:example:pep"

#define ROSTER_IQ(type, to, inner)                                \
	"<iq type='" type "' id='r' from='" ECHO "' to='" to "'>" \
	"<query xmlns='jabber:iq:roster'>" inner "</query></iq>"
#define ITEM(attrs) "<item jid='x@" ECHO "' " attrs "/>"
#define WRAP(version, inner)                                 \
	"<message id='w' from='" ECHO "' to='example.org'>"  \
	"<privilege xmlns='urn:xmpp:privilege:" version "'>" \
	"<forwarded xmlns='urn:xmpp:forward:0'>" inner "</forwarded></privilege></message>"
#define MSG(from, to)                                                        \
	"<message xmlns='jabber:client' id='m' from='" from "' to='" to "'>" \
	"<body>hello</body></message>"
#define WRAP_IQ(type, to, inner)                                    \
	"<iq type='" type "' id='w' from='" ECHO "/x' to='" to "'>" \
	"<privileged_iq xmlns='urn:xmpp:privilege:2'>" inner "</privileged_iq></iq>"
#define INNER_IQ(type, attrs, ns) \
	"<iq xmlns='jabber:client' type='" type "' id='i' " attrs "><q xmlns='" ns "'/></iq>"

/* --- what it is told of its privileges -------------------------------------------------------- */

static void both_versions_are_advertised(void **state)
{
	const char *got;

	(void)state;
	IM_GRANT("roster=both", "message=outgoing", "presence=managed_entity", "iq:" PEP "=set",
	    "presence-extra=urn:x");
	got = im_component_got();
	assert_has(got, "from=\"example.org\"");
	assert_has(got, "<privilege xmlns=\"urn:xmpp:privilege:2\">"
			"<perm access=\"roster\" type=\"both\" push=\"true\"/>"
			"<perm access=\"message\" type=\"outgoing\"/>"
			"<perm access=\"presence\" type=\"managed_entity\"/>"
			"<perm access=\"iq\"><namespace ns=\"" PEP "\" type=\"set\"/></perm>"
			"</privilege>"
			"<presence-extra xmlns=\"urn:switchyard:presence-extra:1\" ns=\"urn:x\"/>");
	assert_has(got, "<privilege xmlns=\"urn:xmpp:privilege:1\">"
			"<perm access=\"roster\" type=\"both\"/>"
			"<perm access=\"message\" type=\"outgoing\"/>"
			"<perm access=\"presence\" type=\"managed_entity\"/></privilege>");
	assert_int_equal(count(got, "<message"), 2);

	privilege_online(&im.r, IM_COMPONENT, NULL, false);
	assert_int_equal(count(im_component_got(), "<message"), 2);
	/* A reload that changes nothing says nothing, one that takes it all back does. */
	privilege_changed(&im.r, IM_COMPONENT);
	assert_component_got("");
	im_grant(NULL, 0);
	assert_has(im_component_got(), "<perm access=\"message\" type=\"none\"/>");
	privilege_online(&im.r, IM_COMPONENT, NULL, false);
	assert_component_got("");
}

static void another_host_does_not_advertise(void **state)
{
	(void)state;
	im.other_host = true;
	IM_GRANT("roster=both");
	assert_component_got("");
}

/* --- rosters ---------------------------------------------------------------------------------- */

static void roster_needs_the_grant(void **state)
{
	(void)state;
	im_component_asks(privilege_roster, ROSTER_IQ("get", ALICE, ""));
	assert_has(im_component_got(), "<forbidden");
	IM_GRANT("roster=set");
	(void)im_component_got();
	im_component_asks(privilege_roster, ROSTER_IQ("get", ALICE, ""));
	assert_has(im_component_got(), "<forbidden");
	IM_GRANT("roster=get");
	(void)im_component_got();
	im_component_asks(privilege_roster, ROSTER_IQ("set", ALICE, ITEM("name='X'")));
	assert_has(im_component_got(), "<forbidden");
	assert_string_equal(im_item(ALICE, "x@" ECHO), "-");
	im.other_host = true;
	im_component_asks(privilege_roster, ROSTER_IQ("get", ALICE, ""));
	assert_has(im_component_got(), "<forbidden");
	im.other_host = false;
	im_component_asks(privilege_roster, ROSTER_IQ("get", NOBODY, ""));
	assert_has(im_component_got(), "<item-not-found");
}

static void roster_is_read_and_changed(void **state)
{
	struct session *a = im_session(A);

	(void)state;
	IM_GRANT("roster=both");
	im_send(a, "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>");
	(void)im_got(a);
	(void)im_component_got();
	im_component_asks(privilege_roster, ROSTER_IQ("set", ALICE, ITEM("name='X'")));
	/* The owner's session and the component hear of it; then it is answered. */
	assert_got(a, "<iq to=\"" A "\" type=\"set\" id=\"...\"><query xmlns=\"jabber:iq:roster\">"
		      "<item jid=\"x@" ECHO "\" subscription=\"none\" name=\"X\"/></query></iq>\n");
	assert_component_got(
	    "<iq type=\"set\" id=\"...\" from=\"" ALICE "\" to=\"" ECHO "\">"
	    "<query xmlns=\"jabber:iq:roster\"><item jid=\"x@" ECHO "\" subscription=\"none\""
	    " name=\"X\"/></query></iq>\n"
	    "<iq type=\"result\" id=\"r\" to=\"" ECHO "\" from=\"" ALICE "\"/>\n");
	assert_string_equal(im_stored(ALICE, "x@" ECHO), "none name=X");
	im_component_asks(privilege_roster, ROSTER_IQ("get", ALICE, ""));
	assert_component_got("<iq type=\"result\" id=\"r\" to=\"" ECHO "\" from=\"" ALICE "\">"
			     "<query xmlns=\"jabber:iq:roster\"><item jid=\"x@" ECHO "\""
			     " subscription=\"none\" name=\"X\"/></query></iq>\n");
	im_component_asks(privilege_roster, ROSTER_IQ("set", ALICE, ITEM("subscription='remove'")));
	assert_has(im_component_got(), "subscription=\"remove\"");
	assert_string_equal(im_stored(ALICE, "x@" ECHO), "-");
	/* The usual limits and errors. */
	im_component_asks(privilege_roster, ROSTER_IQ("set", ALICE, ITEM("subscription='remove'")));
	assert_has(im_component_got(), "<item-not-found");
	im_component_asks(privilege_roster, ROSTER_IQ("set", ALICE, "<item jid='" ALICE "'/>"));
	assert_has(im_component_got(), "<not-allowed");
	im.conf.limit.roster_items = 1;
	im_component_asks(privilege_roster, ROSTER_IQ("set", ALICE, "<item jid='1@x'/>"));
	(void)im_component_got();
	im_component_asks(privilege_roster, ROSTER_IQ("set", ALICE, "<item jid='2@x'/>"));
	assert_has(im_component_got(), "<resource-constraint");
}

/* For its own contacts it may say what both sides would agree on, for others not. */
static void subscriptions_of_its_own_contacts(void **state)
{
	struct session *a = im_session(A);

	(void)state;
	IM_GRANT("roster=set");
	im_send(a, "<presence/>");
	(void)im_component_got();
	im_component_asks(privilege_roster, ROSTER_IQ("set", ALICE, ITEM("subscription='both'")));
	assert_component_got("<presence from=\"" A "\" to=\"x@" ECHO "\"/>\n"
			     "<iq type=\"result\" id=\"r\" to=\"" ECHO "\" from=\"" ALICE "\"/>\n");
	assert_string_equal(im_stored(ALICE, "x@" ECHO), "both");
	im_component_asks(privilege_roster, ROSTER_IQ("set", ALICE, ITEM("subscription='to'")));
	assert_has(im_component_got(),
	    "<presence type=\"unavailable\" from=\"" A "\" to=\"x@" ECHO "\"/>\n");
	assert_string_equal(im_stored(ALICE, "x@" ECHO), "to");
	im_component_asks(
	    privilege_roster, ROSTER_IQ("set", ALICE, "<item jid='" BOB "' subscription='both'/>"));
	assert_string_equal(im_stored(ALICE, BOB), "none");
	/* And a client's word counts for nothing. */
	im_send(a, "<iq type='set' id='1'><query xmlns='jabber:iq:roster'>" ITEM(
		       "subscription='both'") "</query></iq>");
	assert_string_equal(im_stored(ALICE, "x@" ECHO), "to");
}

static void pushes_are_for_who_may_read(void **state)
{
	struct session *a = im_session(A);
	const char set[] = "<iq type='set' id='1'><query xmlns='jabber:iq:roster'>"
			   "<item jid='x@y'/></query></iq>";

	(void)state;
	im_send(a, set);
	assert_component_got("");
	IM_GRANT("roster=set");
	(void)im_component_got();
	im_send(a, set);
	assert_component_got("");
	IM_GRANT("roster=get", "roster-push=false");
	(void)im_component_got();
	im_send(a, set);
	assert_component_got("");
	IM_GRANT("roster=get");
	(void)im_component_got();
	im_send(a, set);
	assert_has(im_component_got(), "<item jid=\"x@y\"");
	/* What is not committed is not pushed. */
	db_fail_commits(im.f.db, 1, -ENOSPC);
	im_send(a, set);
	assert_component_got("");
}

/* The component cannot know by itself that it has to read the rosters anew. */
static void lost_push_is_told_of(void **state)
{
	static const char advert[] = "<perm access=\"roster\" type=\"get\" push=\"true\"/>";
	const char set[] = "<iq type='set' id='1'><query xmlns='jabber:iq:roster'>"
			   "<item jid='x@y'/></query></iq>";
	struct session *a = im_session(A);

	(void)state;
	IM_GRANT("roster=get");
	(void)im_component_got();
	im.full = true;
	im_send(a, set);
	for (int s = 0; s < 3; s++) {
		loop_clock_advance(im.f.loop, 1000);
		im_settle();
	}
	im.full = false;
	assert_component_got("");
	loop_clock_advance(im.f.loop, 1000);
	im_settle();
	assert_int_equal(count(im_component_got(), advert), 1);
	loop_clock_advance(im.f.loop, 1000);
	im_settle();
	assert_component_got("");
	/* Not while the link is lost, and not twice when it is back. */
	for (unsigned seconds = 0; seconds < 2; seconds++) {
		im.full = true;
		im_send(a, set);
		im.full = false;
		im.component_in_grace = true;
		loop_clock_advance(im.f.loop, seconds * 1000);
		im_settle();
		assert_component_got("");
		im.component_in_grace = false;
		privilege_online(&im.r, IM_COMPONENT, NULL, true);
		loop_clock_advance(im.f.loop, 1000);
		im_settle();
		assert_int_equal(count(im_component_got(), advert), 1);
	}
}

/* --- messages --------------------------------------------------------------------------------- */

static void message_needs_the_grant(void **state)
{
	(void)state;
	im_component_asks(privilege_message, WRAP("2", MSG(ALICE, BOB)));
	assert_component_got(
	    "<message type=\"error\" id=\"w\" from=\"example.org\" to=\"" ECHO "\">"
	    "<error type=\"auth\" code=\"403\"><forbidden"
	    " xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error></message>\n");
	assert_string_equal(im_routed(), "");
}

static void message_of_both_versions(void **state)
{
	static const char want[] = "<message id=\"m\" from=\"" ALICE "\" to=\"" BOB "\">"
				   "<body>hello</body></message>\n";

	(void)state;
	IM_GRANT("message=outgoing");
	(void)im_component_got();
	im_component_asks(privilege_message, WRAP("2", MSG(ALICE, BOB)));
	assert_string_equal(im_routed(), want);
	im_component_asks(privilege_message, WRAP("1", MSG(ALICE, BOB)));
	assert_string_equal(im_routed(), want);
	/* One that forgot the namespace. */
	im_component_asks(privilege_message, WRAP("1", "<message id='m' from='" ALICE "' to='" BOB
						       "'><body>hello</body></message>"));
	assert_string_equal(im_routed(), "<message to=\"" BOB "\" id=\"m\" from=\"" ALICE "\">"
					 "<body>hello</body></message>\n");
	im_component_asks(privilege_message, WRAP("2", MSG("example.org", BOB)));
	assert_has(im_routed(), "from=\"example.org\"");
	assert_component_got("");
}

static void message_in_the_wrong_name(void **state)
{
	static const char *const forbidden[] = { MSG(A, BOB), MSG(NOBODY, BOB), MSG("x@" ECHO, BOB),
		MSG(ECHO, BOB), MSG("example.org/r", BOB), MSG("alice@elsewhere.example", BOB),
		"<message xmlns='jabber:client' to='" BOB "'><body>x</body></message>" };
	static const char *const bad[] = { "", "<iq xmlns='jabber:client' type='get' id='1'/>",
		MSG(ALICE, BOB) MSG(ALICE, BOB), "<message xmlns='urn:x' from='" ALICE "'/>",
		MSG("@", BOB), MSG(ALICE, "@") };
	char xml[1024];

	(void)state;
	IM_GRANT("message=outgoing");
	(void)im_component_got();
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		(void)snprintf(xml, sizeof(xml), WRAP("2", "%s"), forbidden[i]);
		im_component_asks(privilege_message, xml);
		assert_has(im_component_got(), "<forbidden");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(xml, sizeof(xml), WRAP("2", "%s"), bad[i]);
		im_component_asks(privilege_message, xml);
		assert_has(im_component_got(), "type=\"modify\"");
	}
	im_component_asks(privilege_message, "<message id='w' from='" ECHO "' to='example.org'>"
					     "<privilege xmlns='urn:xmpp:privilege:2'/></message>");
	assert_has(im_component_got(), "<bad-request");
	im.other_host = true;
	im_component_asks(privilege_message, WRAP("2", MSG(ALICE, BOB)));
	assert_has(im_component_got(), "<forbidden");
	assert_string_equal(im_routed(), "");
}

/* The account has sent nothing: the component hears of it, under its own id. */
static void refused_message_comes_back_wrapped(void **state)
{
	(void)state;
	IM_GRANT("message=outgoing");
	(void)im_component_got();
	im.refuses = true;
	im_component_asks(privilege_message, WRAP("2", MSG(ALICE, BOB)));
	assert_component_got(
	    "<message to=\"" ECHO "\" type=\"error\" from=\"example.org\" id=\"w\">"
	    "<error type=\"modify\"><policy-violation"
	    " xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error></message>\n");
}

/* --- iqs -------------------------------------------------------------------------------------- */

static void iq_needs_the_grant(void **state)
{
	static const char *const forbidden[] = {
		WRAP_IQ("get", ALICE, INNER_IQ("get", "to='" BOB "'", PEP)),      /* only set */
		WRAP_IQ("set", ALICE, INNER_IQ("set", "to='" BOB "'", PEP "#2")), /* another one */
		WRAP_IQ("get", ALICE, INNER_IQ("set", "to='" BOB "'", PEP)),      /* types differ */
		WRAP_IQ("set", ALICE, INNER_IQ("get", "to='" BOB "'", PEP)),
		WRAP_IQ("set", A, INNER_IQ("set", "to='" BOB "'", PEP)),
		WRAP_IQ("set", "example.org", INNER_IQ("set", "to='" BOB "'", PEP)),
		WRAP_IQ("set", NOBODY, INNER_IQ("set", "to='" BOB "'", PEP)),
		WRAP_IQ("set", ALICE, INNER_IQ("set", "from='" BOB "' to='" BOB "'", PEP)),
		WRAP_IQ("set", ALICE, INNER_IQ("set", "from='" A "' to='" BOB "'", PEP)),
		WRAP_IQ(
		    "set", ALICE, "<iq xmlns='urn:x' type='set' id='i'><q xmlns='" PEP "'/></iq>"),
		WRAP_IQ("set", ALICE, "<iq xmlns='jabber:client' type='set' id='i'/>"),
		WRAP_IQ("set", ALICE, "<iq xmlns='jabber:client' id='i'><q xmlns='" PEP "'/></iq>"),
		WRAP_IQ("set", ALICE, ""),
	};

	(void)state;
	im_component_asks(
	    privilege_iq, WRAP_IQ("set", ALICE, INNER_IQ("set", "to='" BOB "'", PEP)));
	assert_has(im_component_got(), "<forbidden");
	IM_GRANT("iq:" PEP "=set");
	(void)im_component_got();
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		im_component_asks(privilege_iq, forbidden[i]);
		assert_has(im_component_got(), "<forbidden");
	}
	im_component_asks(
	    privilege_iq, WRAP_IQ("set", ALICE,
			      "<iq xmlns='jabber:client' type='set'><q xmlns='" PEP "'/></iq>"));
	assert_has(im_component_got(), "<bad-request");
	assert_string_equal(im_routed(), "");
}

/* Somebody's iq to alice's bare JID, with this id. */
static void answers(const char *type, const char *from, const char *to, const char *id)
{
	struct el *iq = el_iq(type, to);
	struct stanza *st;

	el_set(iq, "from", from);
	el_set(iq, "id", id);
	assert_int_equal(stanza_new(&st, iq), 0);
	privilege_iq_answer(&im.r, st);
	stanza_release(st);
}

/* Asks bob in alice's name; the id that the question got. */
static const char *asked(void)
{
	static char id[64];
	const char *routed;

	im_component_asks(privilege_iq, WRAP_IQ("set", ALICE, INNER_IQ("set", "to='" B "'", PEP)));
	assert_component_got("");
	routed = im_routed();
	assert_has(routed, "from=\"" ALICE "\"");
	assert_has(routed, "to=\"" B "\"");
	(void)snprintf(id, sizeof(id), "%s", im.routed_id);
	assert_true(strlen(id) >= 16);
	return id;
}

static void iq_is_answered_by_who_was_asked(void **state)
{
	static const char want[] =
	    "<iq type=\"result\" id=\"w\" from=\"" ALICE "\" to=\"" ECHO "/x\">"
	    "<privilege xmlns=\"urn:xmpp:privilege:2\"><forwarded xmlns=\"urn:xmpp:forward:0\">"
	    "<iq xmlns=\"jabber:client\" to=\"" ALICE "\" type=\"%s\" from=\"" B
	    "\" id=\"i\"/></forwarded></privilege></iq>\n";
	char text[512];
	const char *id;

	(void)state;
	IM_GRANT("iq:" PEP "=set");
	(void)im_component_got();
	id = asked();
	answers("result", A, ALICE, id);
	answers("result", B, A, id);
	answers("result", B, ALICE, "i");
	assert_component_got("");
	answers("result", B, ALICE, id);
	(void)snprintf(text, sizeof(text), want, "result");
	assert_component_got(text);
	answers("result", B, ALICE, id); /* twice */
	assert_component_got("");

	answers("error", B, ALICE, asked());
	(void)snprintf(text, sizeof(text), want, "error");
	assert_component_got(text);
}

static void iq_without_an_answer(void **state)
{
	const char *id;

	(void)state;
	IM_GRANT("iq:" PEP "=set");
	(void)im_component_got();
	id = asked();
	loop_clock_advance(im.f.loop, 29 * 1000);
	im_settle();
	assert_component_got("");
	loop_clock_advance(im.f.loop, 2 * 1000);
	im_settle();
	assert_has(im_component_got(), "<remote-server-timeout");
	answers("result", B, ALICE, id);
	assert_component_got("");
	/* 1,024 at most are open. */
	for (int i = 0; i < 1024; i++)
		(void)asked();
	im_component_asks(privilege_iq, WRAP_IQ("set", ALICE, INNER_IQ("set", "to='" B "'", PEP)));
	assert_has(im_component_got(), "<resource-constraint");
}

/* The router answers for the account itself: its roster. */
static void iq_for_the_account_itself(void **state)
{
	(void)state;
	IM_GRANT("iq:jabber:iq:roster=both");
	(void)im_component_got();
	im_component_asks(privilege_iq,
	    WRAP_IQ("set", ALICE,
		"<iq xmlns='jabber:client' type='set' id='i'><query xmlns='jabber:iq:roster'>"
		"<item jid='x@y'/></query></iq>"));
	assert_component_got(
	    "<iq type=\"result\" id=\"w\" from=\"" ALICE "\" to=\"" ECHO "/x\">"
	    "<privilege xmlns=\"urn:xmpp:privilege:2\"><forwarded xmlns=\"urn:xmpp:forward:0\">"
	    "<iq xmlns=\"jabber:client\" type=\"result\" id=\"i\" to=\"" ALICE "\" from=\"" ALICE
	    "\"/></forwarded></privilege></iq>\n");
	assert_string_equal(im_stored(ALICE, "x@y"), "none");
	im_component_asks(
	    privilege_iq, WRAP_IQ("get", ALICE,
			      "<iq xmlns='jabber:client' type='get' id='i' to='" ALICE "'>"
			      "<query xmlns='jabber:iq:roster'/></iq>"));
	assert_has(im_component_got(), "<item jid=\"x@y\" subscription=\"none\"/>");
	/* An error of the inner one is an answer, too. */
	im_component_asks(privilege_iq, WRAP_IQ("set", ALICE,
					    "<iq xmlns='jabber:client' type='set' id='i'><query "
					    "xmlns='jabber:iq:roster'/></iq>"));
	assert_has(im_component_got(), "<iq type=\"result\" id=\"w\"");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, im_setup, im_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_versions_are_advertised),
		TEST(another_host_does_not_advertise),
		TEST(roster_needs_the_grant),
		TEST(roster_is_read_and_changed),
		TEST(subscriptions_of_its_own_contacts),
		TEST(pushes_are_for_who_may_read),
		TEST(lost_push_is_told_of),
		TEST(message_needs_the_grant),
		TEST(message_of_both_versions),
		TEST(message_in_the_wrong_name),
		TEST(refused_message_comes_back_wrapped),
		TEST(iq_needs_the_grant),
		TEST(iq_is_answered_by_who_was_asked),
		TEST(iq_without_an_answer),
		TEST(iq_for_the_account_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
