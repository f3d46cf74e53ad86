/* SPDX-License-Identifier: MIT */
/* Delegated requests: which ones, how they are wrapped, and which answers count. */
#include "delegate_fixture.h"

#include <errno.h>
#include <stdio.h>

#include "links/ask.h"
#include "links/delegate_internal.h"

#define GET(to, ns) "<iq type='get' id='q1' from='" ALICE "'" to "><query xmlns='" ns "'/></iq>"
#define TO(jid) " to='" jid "'"
#define WRAPPED(ns, inner)                                                        \
	"<iq type='result' id='x' from='" PUBSUB "' to='example.org'>"            \
	"<delegation xmlns='" ns "'><forwarded xmlns='urn:xmpp:forward:0'>" inner \
	"</forwarded></delegation></iq>"
#define INNER(attrs, body) "<iq xmlns='jabber:client' " attrs ">" body "</iq>"
#define OUTER(inner) WRAPPED(NS_DELEGATION, inner)
#define TO_ALICE "to='" ALICE "'"

/* pubsub has NS_P; its version has been asked for and is not known. */
static void open_asking(void)
{
	dx_delegate(&dx.pubsub, NS_P);
	dx_open();
	delegate_online(&dx.r, &dx.pubsub, NULL, true, false);
	assert_int_equal(dx.asked, 1);
	(void)dx_sent();
}

/* Settled: what follows begins at question `first`. */
static unsigned first;
static void open_settled(const char *features)
{
	char info[512];

	open_asking();
	(void)snprintf(info, sizeof(info),
	    "<iq type='result' id='x'><query xmlns='" NS_DISCO_INFO "'>%s</query></iq>", features);
	dx_answer(0, info);
	first = dx.asked;
	for (unsigned i = 1; i < first; i++)
		dx_fail(i, -ETIMEDOUT);
}

static int setup(void **state)
{
	dx_setup(state);
	open_settled("<feature var='" NS_DELEGATION "'/>");
	return 0;
}

/* --- which ones ------------------------------------------------------------------------------- */

static void request_is_wrapped(void **state)
{
	(void)state;
	assert_true(dx_iq("<iq type='set' id='pep1' from='" ALICE "'><pubsub xmlns='" NS_P
			  "'><publish node='mood'/>text</pubsub></iq>"));
	assert_int_equal(dx.asked, first + 1);
	assert_string_equal(dx_question(first),
	    "<iq type=\"set\" from=\"example.org\" to=\"" PUBSUB
	    "\"><delegation xmlns=\"" NS_DELEGATION "\"><forwarded xmlns=\"" NS_FORWARD
	    "\"><iq xmlns=\"jabber:client\" type=\"set\" id=\"pep1\""
	    " from=\"" ALICE "\"><pubsub xmlns=\"" NS_P
	    "\"><publish node=\"mood\"/>text</pubsub></iq>"
	    "</forwarded></delegation></iq>");
	assert_string_equal(dx_got(), "");
}

static void address_goes_along_as_it_was(void **state)
{
	(void)state;
	assert_true(dx_iq(GET(TO("alice@example.org"), NS_P)));
	assert_has(dx_question(first), " to=\"alice@example.org\"><query");
	assert_true(dx_iq(GET(TO("bob@example.net"), NS_P)));
	assert_has(dx_question(first + 1), "<iq type=\"set\" from=\"example.net\"");
	assert_has(dx_question(first + 1), " to=\"bob@example.net\"><query");
	assert_true(dx_iq(GET(TO("example.org"), NS_P)));
	assert_has(dx_question(first + 2), " to=\"example.org\"><query");
}

static void what_is_not_delegated(void **state)
{
	(void)state;
	assert_false(dx_iq(GET(TO("alice@example.org"), "urn:other")));
	assert_false(dx_iq(GET(TO("alice@example.org"), NS_P "#owner")));
	assert_false(dx_iq(GET(TO("example.org/res"), NS_P)));
	assert_false(dx_iq(GET(TO("nobody@example.org"), NS_P)));
	assert_false(dx_iq(GET(TO("alice@example.org"), NS_DELEGATION)));
	assert_false(dx_iq(GET(TO("alice@example.org"), NS_DISCO_INFO)));
	assert_false(dx_iq(GET(TO("alice@example.org"), NS_DISCO_ITEMS)));
	assert_int_equal(dx.asked, first);
}

static void manager_is_not_asked_its_own(void **state)
{
	(void)state;
	assert_false(
	    dx_iq_of(&dx.pubsub, "<iq type='get' id='1' from='" PUBSUB
				 "' to='alice@example.org'><query xmlns='" NS_P "'/></iq>"));
	assert_true(
	    dx_iq_of(&dx.archive, "<iq type='get' id='1' from='x@" ARCHIVE
				  "' to='alice@example.org'><query xmlns='" NS_P "'/></iq>"));
}

static void hosts_that_it_works_for(void **state)
{
	(void)state;
	dx_hosts(&dx.pubsub, "example.net");
	assert_false(dx_iq(GET(TO("alice@example.org"), NS_P)));
	assert_false(dx_iq(GET("", NS_P)));
	assert_true(dx_iq(GET(TO("bob@example.net"), NS_P)));
}

static void filter_chooses(void **state)
{
	(void)state;
	dx_setup(state);
	dx_delegate(&dx.pubsub, "urn:x[node]");
	dx_delegate(&dx.archive, "urn:x[node,ver]");
	dx_open();
	assert_false(dx_iq("<iq type='get' id='1' from='" ALICE "'><query xmlns='urn:x'/></iq>"));
	assert_false(dx_iq("<iq type='get' id='1' from='" ALICE
			   "'><query xmlns='urn:x' ver='1'><x node='1'/></query></iq>"));
	assert_true(
	    dx_iq("<iq type='get' id='1' from='" ALICE "'><query xmlns='urn:x' node=''/></iq>"));
	assert_has(dx_question(0), "to=\"" PUBSUB "\"");
	assert_true(dx_iq(
	    "<iq type='get' id='1' from='" ALICE "'><query xmlns='urn:x' ver='' node='n'/></iq>"));
	assert_has(dx_question(1), "to=\"" ARCHIVE "\"");
	assert_true(delegate_has(&dx.r, "urn:x", "example.org", strlen("example.org")));
	assert_false(delegate_has(&dx.r, "urn:y", "example.org", strlen("example.org")));
}

#define DISCO(what, to, node) \
	"<iq type='get' id='d' from='" ALICE "'" to "><query xmlns='" what "'" node "/></iq>"

static void disco_that_is_left(void **state)
{
	(void)state;
	dx_setup(state);
	dx_delegate(&dx.pubsub, DELEGATE_INFO_NS);
	dx_delegate(&dx.archive, DELEGATE_ITEMS_NS);
	dx_open();
	assert_false(dx_iq(DISCO(NS_DISCO_INFO, TO("bob@example.org"), "")));
	assert_false(dx_iq(DISCO(NS_DISCO_INFO, TO("bob@example.org"), " node=''")));
	assert_false(dx_iq(DISCO(NS_DISCO_INFO, TO("example.org"), " node='n'")));
	assert_false(dx_iq(DISCO(NS_DISCO_ITEMS, TO("example.org"), "")));
	assert_int_equal(dx.asked, 0);
	assert_true(dx_iq(DISCO(NS_DISCO_INFO, TO("bob@example.org"), " node='n'")));
	assert_true(dx_iq(DISCO(NS_DISCO_INFO, "", " node='n'")));
	assert_has(dx_question(1), "to=\"" PUBSUB "\"");
	assert_true(dx_iq(DISCO(NS_DISCO_ITEMS, TO("bob@example.org"), "")));
	assert_true(dx_iq(DISCO(NS_DISCO_ITEMS, "", "")));
	assert_true(dx_iq(DISCO(NS_DISCO_ITEMS, TO("bob@example.org"), " node='n'")));
	assert_has(dx_question(4), "to=\"" ARCHIVE "\"");
	assert_false(dx_iq(DISCO(NS_DISCO_ITEMS, TO("nobody@example.org"), "")));
}

/* --- answers ---------------------------------------------------------------------------------- */

#define SERVICE_UNAVAILABLE "<service-unavailable xmlns=\"" NS_STANZAS "\"/>"

static void ask(const char *to)
{
	char xml[512];

	(void)snprintf(xml, sizeof(xml),
	    "<iq type='get' id='q1' from='" ALICE "'%s><query xmlns='" NS_P "'/></iq>", to);
	(void)dx_got();
	assert_true(dx_iq(xml));
}

static void answer_passes(void **state)
{
	(void)state;
	ask(TO("bob@example.org"));
	dx_answer(first, OUTER(INNER("id='q1' type='result' from='bob@example.org' " TO_ALICE,
			     "<query xmlns='" NS_P "'>it</query>")));
	assert_string_equal(dx_got(),
	    "<iq id=\"q1\" type=\"result\" from=\"bob@example.org\" to=\"" ALICE
	    "\"><query xmlns=\"" NS_P "\">it</query></iq>\n");
}

static void answer_without_a_sender_gets_its_own(void **state)
{
	(void)state;
	ask(TO("bob@example.org"));
	dx_answer(first, OUTER(INNER("id='q1' type='result' " TO_ALICE, "")));
	assert_has(dx_got(), " from=\"bob@example.org\"");
	ask(""); /* for the own account: from nobody or from it */
	dx_answer(first + 1, OUTER(INNER("id='q1' type='result' " TO_ALICE, "")));
	assert_string_equal(dx_got(), "<iq id=\"q1\" type=\"result\" to=\"" ALICE "\"/>\n");
	ask("");
	dx_answer(first + 2,
	    OUTER(INNER("id='q1' type='result' from='alice@example.org' " TO_ALICE, "")));
	assert_string_equal(dx_got(), "<iq id=\"q1\" type=\"result\" to=\"" ALICE "\"/>\n");
}

static void answer_in_the_older_version(void **state)
{
	(void)state;
	ask("");
	dx_answer(first, WRAPPED(NS_DELEGATION_1, INNER("id='q1' type='result' " TO_ALICE, "")));
	assert_has(dx_got(), "type=\"result\"");
}

static void error_passes(void **state)
{
	(void)state;
	ask("");
	dx_answer(first, OUTER(INNER("id='q1' type='error' " TO_ALICE,
			     "<query xmlns='" NS_P "'/><error type='cancel'><item-not-found "
			     "xmlns='" NS_STANZAS "'/></error>")));
	assert_has(dx_got(), "item-not-found");
}

static void wrong_answers(void **state)
{
	static const char *const wrong[] = {
		OUTER(INNER("id='q2' type='result' " TO_ALICE, "")),
		OUTER(INNER("type='result' " TO_ALICE, "")),
		OUTER(INNER("id='q1' type='result' to='alice@example.org/b'", "")),
		OUTER(INNER("id='q1' type='result' to='alice@example.org'", "")),
		OUTER(INNER("id='q1' type='result' to='a@b@c'", "")),
		OUTER(INNER("id='q1' type='result'", "")),
		OUTER(INNER("id='q1' type='result' from='bob@example.org/x' " TO_ALICE, "")),
		OUTER(INNER("id='q1' type='result' from='eve@example.org' " TO_ALICE, "")),
		OUTER(INNER("id='q1' type='result' from='" PUBSUB "' " TO_ALICE, "")),
		OUTER(INNER("id='q1' type='result' from='' " TO_ALICE, "")),
		OUTER(INNER("id='q1' type='get' " TO_ALICE, "")),
		OUTER(INNER("id='q1' type='set' " TO_ALICE, "<query xmlns='" NS_P "'/>")),
		OUTER(INNER("id='q1' " TO_ALICE, "")),
		OUTER(INNER("id='q1' type='error' " TO_ALICE, "")),
		OUTER(INNER("id='q1' type='result' " TO_ALICE, "<a/><b/>")),
		OUTER("<message xmlns='jabber:client' id='q1' type='result' " TO_ALICE "/>"),
		OUTER("<iq id='q1' type='result' " TO_ALICE "/>"),
		OUTER(""),
		OUTER(INNER("id='q1' type='result' " TO_ALICE, "") INNER("id='q1'", "")),
		WRAPPED("urn:xmpp:delegation:3", INNER("id='q1' type='result' " TO_ALICE, "")),
		"<iq type='result' id='x'/>",
		"<iq type='result' id='x'><delegation xmlns='" NS_DELEGATION "'/></iq>",
		"<iq type='result' id='x'><delegation xmlns='" NS_DELEGATION
		"'><iq xmlns='jabber:client' id='q1' type='result' " TO_ALICE
		"/></delegation></iq>",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *got;

		ask(TO("bob@example.org"));
		(void)dx_logged();
		dx_answer(first + i, wrong[i]);
		got = dx_got();
		if (!strstr(got, SERVICE_UNAVAILABLE) || strstr(got + 1, "<iq "))
			fail_msg("%s\nwas answered with %s", wrong[i], got);
		assert_has(got, "id=\"q1\"");
		assert_has(got, "from=\"bob@example.org\"");
		assert_has(dx_logged(), "refused an answer for " ALICE);
	}
}

static void no_answer(void **state)
{
	static const struct {
		int err;
		const char *cond;
	} all[] = { { -ETIMEDOUT, "service-unavailable" }, { -ENOTCONN, "service-unavailable" },
		{ -ECANCELED, "service-unavailable" }, { -ENOBUFS, "resource-constraint" },
		{ -EMSGSIZE, "not-acceptable" } };

	(void)state;
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		ask("");
		dx_fail(first + i, all[i].err);
		assert_has(dx_got(), all[i].cond);
	}
}

static void outer_error_is_not_shown(void **state)
{
	const char *got;

	(void)state;
	ask("");
	dx_answer(first,
	    "<iq type='error' id='x'><error type='cancel'><item-not-found xmlns='" NS_STANZAS
	    "'/></error></iq>");
	got = dx_got();
	assert_has(got, SERVICE_UNAVAILABLE);
	assert_hasnt(got, "item-not-found");
}

/* --- limits ----------------------------------------------------------------------------------- */

static void so_many_of_one_account(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DELEGATE_ASKER_MAX; i++) {
		assert_true(dx_iq(i % 2 ? GET("", NS_P)
					: "<iq type='get' id='2' from='alice@example.org/b'"
					  " to='bob@example.org'><query xmlns='" NS_P "'/></iq>"));
	}
	assert_int_equal(dx.asked, first + DELEGATE_ASKER_MAX);
	assert_string_equal(dx_got(), "");
	assert_true(dx_iq(GET("", NS_P)));
	assert_has(dx_got(), "<error type=\"wait\" code=\"500\"><resource-constraint");
	assert_int_equal(dx.asked, first + DELEGATE_ASKER_MAX);
	/* Others are not concerned, and one answer makes room for one. */
	assert_true(
	    dx_iq("<iq type='get' id='3' from='bob@example.org/a'><query xmlns='" NS_P "'/></iq>"));
	assert_string_equal(dx_got(), "");
	dx_fail(first, -ETIMEDOUT);
	(void)dx_got();
	assert_true(dx_iq(GET("", NS_P)));
	assert_string_equal(dx_got(), "");
	assert_true(dx_iq(GET("", NS_P)));
	assert_has(dx_got(), "resource-constraint");
}

static bool ask_as_archive(unsigned name)
{
	char xml[256];

	(void)snprintf(xml, sizeof(xml),
	    "<iq type='get' id='1' from='u%u@" ARCHIVE "' to='example.org'>"
	    "<query xmlns='" NS_P "'/></iq>",
	    name);
	return dx_iq_of(&dx.archive, xml);
}

static void so_many_of_one_component(void **state)
{
	unsigned n = 0;

	(void)state;
	for (; n < DELEGATE_COMPONENT_MAX; n++)
		assert_true(ask_as_archive(n));
	assert_string_equal(dx_got(), "");
	assert_true(ask_as_archive(n));
	assert_has(dx_got(), "resource-constraint");
	assert_int_equal(dx.asked, first + DELEGATE_COMPONENT_MAX);
	assert_true(dx_iq(GET("", NS_P))); /* accounts are not concerned */
	assert_string_equal(dx_got(), "");
	dx_fail(first, -ETIMEDOUT);
	(void)dx_got();
	assert_true(ask_as_archive(n));
	assert_string_equal(dx_got(), "");
}

/* --- versions --------------------------------------------------------------------------------- */

static const char *version_after(void **state, const char *features)
{
	dx_teardown(state);
	dx_setup(state);
	open_settled(features);
	ask("");
	return dx_question(first);
}

static void version_that_it_announces(void **state)
{
	(void)state;
	assert_has(version_after(state, "<feature var='" NS_DELEGATION_1 "'/>"), NS_DELEGATION_1);
	assert_has(version_after(state, "<feature var='" NS_DELEGATION "'/>"), NS_DELEGATION);
	assert_has(version_after(state,
		       "<feature var='" NS_DELEGATION_1 "'/><feature var='" NS_DELEGATION "'/>"),
	    NS_DELEGATION);
	assert_has(version_after(state, "<feature/><feature var='urn:x'/>"), NS_DELEGATION);
}

static void requests_wait_for_the_version(void **state)
{
	(void)state;
	dx_setup(state);
	open_asking();
	ask("");
	ask("");
	assert_int_equal(dx.asked, 1);
	dx_answer(0, "<iq type='result' id='x'><query xmlns='" NS_DISCO_INFO
		     "'><feature var='" NS_DELEGATION_1 "'/></query></iq>");
	assert_int_equal(dx.asked, 5); /* two nodes, two requests */
	assert_has(dx_question(3), "<delegation xmlns=\"" NS_DELEGATION_1 "\">");
	assert_has(dx_question(4), "<delegation xmlns=\"" NS_DELEGATION_1 "\">");
}

static void requests_do_not_wait_for_ever(void **state)
{
	static const int errs[] = { -ETIMEDOUT, -ENOTCONN, -EBADMSG };

	for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++) {
		dx_setup(state);
		open_asking();
		ask("");
		dx_fail(0, errs[i]);
		assert_has(dx_question(dx.asked - 1), "<delegation xmlns=\"" NS_DELEGATION "\">");
		dx_teardown(state);
	}
	dx_setup(state);
}

/* A component may ask under as many names as it likes. */
static void so_many_wait(void **state)
{
	char xml[256];

	dx_setup(state);
	open_asking();
	for (unsigned i = 0; i <= ASKS_MAX; i++) {
		assert_string_equal(dx_got(), "");
		(void)snprintf(xml, sizeof(xml),
		    "<iq type='get' id='1' from='u%u@archive.example.org'"
		    " to='example.org'><query xmlns='" NS_P "'/></iq>",
		    i);
		assert_true(dx_iq(xml));
	}
	assert_has(dx_got(), "resource-constraint");
	assert_int_equal(dx.r.delegates->n_waiting, ASKS_MAX);
	delegate_removed(&dx.r, &dx.pubsub);
	assert_int_equal(dx.r.delegates->n_waiting, 0);
	assert_true(list_empty(&dx.r.delegates->waiting));
}

static void waiting_when_it_goes(void **state)
{
	(void)state;
	dx_setup(state);
	open_asking();
	ask("");
	delegate_away(&dx.r, &dx.pubsub);
	assert_has(dx_got(), SERVICE_UNAVAILABLE);
	ask("");
	assert_int_equal(dx.asked, 2); /* at once: nothing is being asked */
	dx_fail(1, -ENOTCONN);
	delegate_online(&dx.r, &dx.pubsub, NULL, true, false);
	ask("");
	delegate_removed(&dx.r, &dx.pubsub);
	assert_has(dx_got(), SERVICE_UNAVAILABLE);
}

/* --- what it is told -------------------------------------------------------------------------- */

static void advertisement(void **state)
{
	(void)state;
	dx_setup(state);
	dx_delegate(&dx.pubsub, NS_P);
	dx_delegate(&dx.pubsub, "urn:xmpp:mam:2[node,a]");
	dx_delegate(&dx.pubsub, DELEGATE_ITEMS_NS);
	dx_hosts(&dx.pubsub, "example.net");
	dx_open();
	delegate_online(&dx.r, &dx.archive, NULL, true, false);
	assert_string_equal(dx_sent(), "");
	delegate_online(&dx.r, &dx.pubsub, NULL, true, false);
	assert_string_equal(dx_sent(),
	    "<message to=\"" PUBSUB "\" from=\"example.net\"><delegation xmlns=\"" NS_DELEGATION
	    "\"><delegated namespace=\"" NS_P
	    "\"/><delegated namespace=\"urn:xmpp:mam:2\"><attribute "
	    "name=\"a\"/><attribute name=\"node\"/></delegated><delegated "
	    "namespace=\"" DELEGATE_ITEMS_NS "\"/></delegation></message>\n"
	    "<message to=\"" PUBSUB "\" from=\"example.net\"><delegation xmlns=\"" NS_DELEGATION_1
	    "\"><delegated namespace=\"" NS_P
	    "\"/><delegated namespace=\"urn:xmpp:mam:2\"><attribute "
	    "name=\"a\"/><attribute name=\"node\"/></delegated></delegation></message>\n");
}

static void advertisement_only_of_news(void **state)
{
	const char *sent;

	(void)state;
	dx_reload();
	assert_string_equal(dx_sent(), "");
	/* resumed, but perhaps by another process: it is told, and not asked */
	delegate_online(&dx.r, &dx.pubsub, NULL, true, true);
	sent = dx_sent();
	assert_has(sent, "from=\"example.org\"");
	assert_hasnt(sent, NS_DISCO_INFO);
	dx_reload();
	assert_string_equal(dx_sent(), "");
	delegate_online(&dx.r, &dx.pubsub, NULL, true, false);
	sent = dx_sent();
	assert_has(sent, "from=\"example.org\"");
	assert_has(sent, "from=\"example.net\"");
	dx_delegate(&dx.pubsub, "urn:y");
	dx_delegate(&dx.archive, "urn:z");
	dx_reload();
	sent = dx_sent();
	assert_has(sent, "namespace=\"urn:y\"");
	assert_has(sent, "to=\"" ARCHIVE "\"");
	dx_clear(&dx.pubsub);
	dx_reload();
	assert_has(dx_sent(), "<delegation xmlns=\"" NS_DELEGATION "\"/>");
	assert_false(dx_iq(GET("", NS_P)));
	assert_true(dx_iq(GET("", "urn:z")));
	dx_reload();
	assert_string_equal(dx_sent(), "");
}

static void news_for_who_was_away(void **state)
{
	(void)state;
	dx.pubsub.away = true;
	dx_delegate(&dx.pubsub, "urn:y");
	dx_reload();
	assert_string_equal(dx_sent(), "");
	dx.pubsub.away = false;
	delegate_online(&dx.r, &dx.pubsub, NULL, true, true);
	assert_has(dx_sent(), "namespace=\"urn:y\"");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, dx_teardown)
#define BARE_TEST(name) cmocka_unit_test_teardown(name, dx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(request_is_wrapped),
		TEST(address_goes_along_as_it_was),
		TEST(what_is_not_delegated),
		TEST(manager_is_not_asked_its_own),
		TEST(hosts_that_it_works_for),
		BARE_TEST(filter_chooses),
		BARE_TEST(disco_that_is_left),
		TEST(answer_passes),
		TEST(answer_without_a_sender_gets_its_own),
		TEST(answer_in_the_older_version),
		TEST(error_passes),
		TEST(wrong_answers),
		TEST(no_answer),
		TEST(outer_error_is_not_shown),
		TEST(so_many_of_one_account),
		TEST(so_many_of_one_component),
		TEST(version_that_it_announces),
		BARE_TEST(requests_wait_for_the_version),
		BARE_TEST(requests_do_not_wait_for_ever),
		BARE_TEST(so_many_wait),
		BARE_TEST(waiting_when_it_goes),
		BARE_TEST(advertisement),
		TEST(advertisement_only_of_news),
		TEST(news_for_who_was_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
