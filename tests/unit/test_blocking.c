/* SPDX-License-Identifier: MIT */
/* Block lists (XEP-0191): commands, pushes, whom a list refuses, what contacts see, and what the
 * database keeps. */
#include <errno.h>

#include "core/route.h"
#include "im/blocking.h"
#include "im_fixture.h"

#define MALLORY "mallory@example.org"
#define NS " xmlns=\"urn:xmpp:blocking\""
#define BLOCK(jid)                                                                               \
	"<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='" jid "'/></block></" \
	"iq>"
#define UNBLOCK(jid)                                                               \
	"<iq type='set' id='u'><unblock xmlns='urn:xmpp:blocking'><item jid='" jid \
	"'/></unblock></iq>"
#define LIST "<iq type='get' id='l'><blocklist xmlns='urn:xmpp:blocking'/></iq>"
#define OK(id, to) "<iq type=\"result\" id=\"" id "\" to=\"" to "\"/>\n"
#define ITEMS(to, items) \
	"<iq type=\"result\" id=\"l\" to=\"" to "\"><blocklist" NS ">" items "</blocklist></iq>\n"
#define PUSH(what, to, jid)                                                                     \
	"<iq to=\"" to "\" type=\"set\" id=\"...\"><" what NS "><item jid=\"" jid "\"/></" what \
	"></iq>\n"
#define GONE(from, to) "<presence to=\"" to "\" type=\"unavailable\" from=\"" from "\"/>\n"
/* LEFT, SEEN: the same on a component's link. */
#define LEFT(from, to) "<presence type=\"unavailable\" from=\"" from "\" to=\"" to "\"/>\n"
#define HERE(from, to) "<presence to=\"" to "\" from=\"" from "\"/>\n"
#define SEEN(from, to) "<presence from=\"" from "\" to=\"" to "\"/>\n"

static bool refuses(const char *owner, const char *peer)
{
	struct jid o = jid_view(owner), p = jid_view(peer);

	return blocking_refuses(&im.r, &o, &p);
}

static void error_is(struct session *s, const char *cond)
{
	const char *got = im_got(s);

	assert_non_null(strstr(got, "type=\"error\""));
	if (!strstr(got, cond))
		fail_msg("no %s in %s", cond, got);
}

/* bob sees alice's presence, and both are there. */
static void bob_watches_alice(struct session *alice, struct session *bob)
{
	im_send(alice, "<presence/>");
	im_send(bob, "<presence/>");
	im_send(bob, "<presence type='subscribe' to='" ALICE "'/>");
	im_send(alice, "<presence type='subscribed' to='" BOB "'/>");
	assert_string_equal(im_item(ALICE, BOB), "from");
	(void)im_got(alice);
	(void)im_got(bob);
}

/* --- commands --------------------------------------------------------------------------------- */

static void a_list_and_its_pushes(void **state)
{
	struct session *phone = im_session(ALICE "/phone"), *tablet = im_session(ALICE "/tablet");
	struct session *old = im_session(ALICE "/old");

	(void)state;
	im_send(phone, LIST);
	assert_got(
	    phone, "<iq type=\"result\" id=\"l\" to=\"" ALICE "/phone\"><blocklist" NS "/></iq>\n");
	im_send(tablet, LIST);
	(void)im_got(tablet);
	im_send(phone, BLOCK("Mallory@EXAMPLE.org"));
	assert_got(phone, OK("b", ALICE "/phone") PUSH("block", ALICE "/phone", MALLORY));
	assert_got(tablet, PUSH("block", ALICE "/tablet", MALLORY));
	assert_got(old, ""); /* has never asked */

	im_send(old, LIST);
	assert_got(old, ITEMS(ALICE "/old", "<item jid=\"" MALLORY "\"/>"));
	im_forget();
	im_send(old, LIST);
	assert_got(old, ITEMS(ALICE "/old", "<item jid=\"" MALLORY "\"/>"));

	im_send(tablet, UNBLOCK(MALLORY));
	assert_got(tablet, OK("u", ALICE "/tablet") PUSH("unblock", ALICE "/tablet", MALLORY));
	assert_got(phone, PUSH("unblock", ALICE "/phone", MALLORY));
	im_forget();
	assert_false(refuses(ALICE, MALLORY));
}

static void unblocking_all(void **state)
{
	struct session *s = im_session(ALICE "/phone");

	(void)state;
	im_send(s, LIST);
	im_send(s, "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='a@b.c'/>"
		   "<item jid='example.net'/><item jid='a@b.c'/></block></iq>");
	assert_true(refuses(ALICE, "a@b.c") && refuses(ALICE, "x@example.net"));
	(void)im_got(s);
	im_send(s, "<iq type='set' id='u'><unblock xmlns='urn:xmpp:blocking'/></iq>");
	assert_got(s,
	    OK("u", ALICE "/phone") "<iq to=\"" ALICE "/phone\" type=\"set\" id=\"...\"><unblock" NS
				    "/></iq>\n");
	assert_false(refuses(ALICE, "a@b.c") || refuses(ALICE, "x@example.net"));
	im_forget();
	assert_false(refuses(ALICE, "a@b.c") || refuses(ALICE, "x@example.net"));
	im_send(s, UNBLOCK("a@b.c")); /* what is not there */
	assert_got(s, OK("u", ALICE "/phone") PUSH("unblock", ALICE "/phone", "a@b.c"));
}

static void commands_that_are_none(void **state)
{
	static const struct {
		const char *iq, *cond;
	} rows[] = {
		{ "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'/></iq>", "bad-request" },
		{ "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item/></block></iq>",
		    "bad-request" },
		{ "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='a@b.c'/>"
		  "<item jid='a b@c'/></block></iq>",
		    "jid-malformed" },
		{ "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='a@b.c'/>"
		  "<item jid=''/></block></iq>",
		    "jid-malformed" },
		{ "<iq type='set' id='b'><unblock "
		  "xmlns='urn:xmpp:blocking'><other/></unblock></iq>",
		    "bad-request" },
		{ "<iq type='set' id='b'><unblock xmlns='urn:xmpp:blocking'><item "
		  "jid='@'/></unblock>"
		  "</iq>",
		    "jid-malformed" },
		{ "<iq type='set' id='b'><blocklist xmlns='urn:xmpp:blocking'/></iq>",
		    "bad-request" },
		{ "<iq type='get' id='b'><block xmlns='urn:xmpp:blocking'><item "
		  "jid='a@b.c'/></block>"
		  "</iq>",
		    "bad-request" },
		{ "<iq type='set' id='b'><ban xmlns='urn:xmpp:blocking'/></iq>", "bad-request" },
	};
	struct session *s = im_session(ALICE "/phone");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		im_send(s, rows[i].iq);
		error_is(s, rows[i].cond);
	}
	assert_false(refuses(ALICE, "a@b.c")); /* nothing by halves */
}

static void a_list_has_an_end(void **state)
{
	struct session *s = im_session(ALICE "/phone");
	struct sbuf iq = SBUF_INIT;

	(void)state;
	sbuf_puts(&iq, "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'>");
	for (int i = 0; i < 1999; i++)
		sbuf_printf(&iq, "<item jid='spam%d@example.net'/>", i);
	sbuf_puts(&iq, "</block></iq>");
	im_send(s, sbuf_str(&iq));
	assert_got(s, OK("b", ALICE "/phone"));
	sbuf_done(&iq);
	im_send(s, "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='a@b.c'/>"
		   "<item jid='d@e.f'/></block></iq>");
	error_is(s, "resource-constraint");
	im_send(s, BLOCK("a@b.c"));
	assert_got(s, OK("b", ALICE "/phone"));
	im_send(s, BLOCK("d@e.f"));
	error_is(s, "resource-constraint");
	im_send(s, BLOCK("a@b.c")); /* it is there */
	assert_got(s, OK("b", ALICE "/phone"));
	im_forget();
	assert_true(refuses(ALICE, "spam1998@example.net") && refuses(ALICE, "a@b.c"));
}

/* --- whom a list refuses ---------------------------------------------------------------------- */

static void every_form_of_address(void **state)
{
	static const struct {
		const char *item, *peer;
		bool refused;
	} rows[] = {
		{ "m@example.net/a", "m@example.net/a", true },
		{ "m@example.net/a", "m@example.net/b", false },
		{ "m@example.net/a", "m@example.net", false },
		{ "m@example.net", "m@example.net/a", true },
		{ "m@example.net", "m@example.net", true },
		{ "m@example.net", "n@example.net", false },
		{ "m@example.net", "example.net", false },
		{ "example.net/a", "example.net/a", true },
		{ "example.net/a", "m@example.net/a", false },
		{ "example.net/a", "example.net", false },
		{ "example.net", "example.net", true },
		{ "example.net", "example.net/a", true },
		{ "example.net", "m@example.net", true },
		{ "example.net", "m@example.net/a", true },
		{ "example.net", "m@chat.example.net", false },
		{ ECHO, ECHO, true },
		{ "example.org", BOB "/a", true },
	};
	struct session *s = im_session(ALICE "/phone");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char iq[256];

		(void)snprintf(iq, sizeof(iq),
		    "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='%s'/>"
		    "</block></iq>",
		    rows[i].item);
		im_send(s, iq);
		if (refuses(ALICE, rows[i].peer) != rows[i].refused)
			fail_msg("%s, %s", rows[i].item, rows[i].peer);
		if (refuses(BOB, rows[i].peer))
			fail_msg("it is alice's list");
		im_send(s, "<iq type='set' id='u'><unblock xmlns='urn:xmpp:blocking'/></iq>");
		assert_false(refuses(ALICE, rows[i].peer));
	}
}

static void own_sessions_and_server_are_never_refused(void **state)
{
	struct session *s = im_session(ALICE "/phone");

	(void)state;
	im_send(s, BLOCK("example.org"));
	im_send(s, BLOCK(ALICE "/tablet"));
	assert_true(refuses(ALICE, BOB));
	assert_false(refuses(ALICE, ALICE "/tablet"));
	assert_false(refuses(ALICE, ALICE));
	assert_false(refuses(ALICE, "example.org"));
	assert_false(refuses("x@elsewhere.org", ALICE)); /* no account of ours */
	assert_false(refuses(NOBODY, ALICE));
}

static void both_ends_count(void **state)
{
	struct jid alice = jid_view(ALICE "/phone"), bob = jid_view(BOB "/x");
	struct session *s = im_session(ALICE "/phone");

	(void)state;
	assert_int_equal(blocking_judge(&im.r, &alice, &bob), BLOCKING_PASS);
	im_send(s, BLOCK(BOB));
	assert_int_equal(blocking_judge(&im.r, &alice, &bob), BLOCKING_BY_SENDER);
	assert_int_equal(blocking_judge(&im.r, &bob, &alice), BLOCKING_BY_RECIPIENT);
}

/* --- presence --------------------------------------------------------------------------------- */

static void a_contact_sees_the_account_leave_and_come_back(void **state)
{
	struct session *alice = im_session(ALICE "/phone"), *bob = im_session(BOB "/desk");

	(void)state;
	bob_watches_alice(alice, bob);
	im_send(alice, BLOCK(BOB));
	assert_got(bob, GONE(ALICE "/phone", BOB));
	im_send(alice, "<presence><show>dnd</show></presence>");
	im_send(alice, "<presence/>");
	assert_got(bob, "");
	(void)im_got(alice);
	im_send(alice, BLOCK(BOB)); /* again: nothing to see */
	assert_got(bob, "");
	im_send(alice, UNBLOCK(BOB));
	assert_got(bob, HERE(ALICE "/phone", BOB));
	assert_string_equal(im_item(ALICE, BOB), "from"); /* the subscription stands */
}

static void a_contact_who_may_not_see_it_is_told_nothing(void **state)
{
	struct session *alice = im_session(ALICE "/phone"), *bob = im_session(BOB "/desk");

	(void)state;
	im_send(alice, "<presence/>");
	im_send(bob, "<presence/>");
	(void)im_got(bob);
	im_send(alice, BLOCK(BOB));
	im_send(alice, UNBLOCK(BOB));
	assert_got(bob, "");
}

static void a_domain_and_one_of_its_users(void **state)
{
	struct session *alice = im_session(ALICE "/phone"), *bob = im_session(BOB "/desk");

	(void)state;
	bob_watches_alice(alice, bob);
	im_send(alice, BLOCK("example.org"));
	assert_got(bob, GONE(ALICE "/phone", BOB));
	im_send(alice, BLOCK(BOB));
	im_send(alice, UNBLOCK("example.org"));
	assert_got(bob, ""); /* still refused by the other item */
	im_send(alice, BLOCK("example.org"));
	im_send(alice, "<iq type='set' id='u'><unblock xmlns='urn:xmpp:blocking'/></iq>");
	assert_got(bob, HERE(ALICE "/phone", BOB)); /* once */
}

static void one_resource_alone(void **state)
{
	struct session *alice = im_session(ALICE "/phone");
	struct session *desk = im_session(BOB "/desk"), *car = im_session(BOB "/car");

	(void)state;
	bob_watches_alice(alice, desk);
	im_send(car, "<presence/>");
	(void)im_got(car);
	im_send(alice, BLOCK(BOB "/car"));
	assert_got(car, GONE(ALICE "/phone", BOB "/car"));
	(void)im_got(desk);
	im_send(alice, "<presence/>");
	assert_got(desk, HERE(ALICE "/phone", BOB));
	assert_got(car, "");
}

static void a_session_that_comes_sees_none_of_it(void **state)
{
	struct session *alice = im_session(ALICE "/phone"), *bob = im_session(BOB "/desk");
	struct session *again;

	(void)state;
	bob_watches_alice(alice, bob);
	im_send(alice, BLOCK(BOB));
	(void)im_got(bob);
	again = im_session(BOB "/car"); /* subscribed to alice: she would be shown */
	im_send(again, "<presence/>");
	assert_null(strstr(im_got(again), ALICE));
	im_send(bob, "<presence type='subscribed' to='" ALICE "'/>");
	im_send(alice, "<presence type='unavailable'/>");
	assert_null(strstr(im_got(bob), "unavailable"));
}

static void who_saw_directed_presence_sees_it_end_once(void **state)
{
	struct session *alice = im_session(ALICE "/phone");
	struct jid room = jid_view("room@" ECHO);

	(void)state;
	im_send(alice, "<presence to='room@" ECHO "/nick'/>");
	(void)im_component_got();
	im_send(alice, BLOCK("room@" ECHO));
	assert_component_got(LEFT(ALICE "/phone", "room@" ECHO "/nick"));
	assert_false(presence_directed_to(alice, &room));
	im_session_end(alice);
	assert_component_got("");
}

static void a_component_is_blocked_like_anybody(void **state)
{
	struct session *alice = im_session(ALICE "/phone");

	(void)state;
	im_send(alice, "<presence/>");
	im_component_sends("<presence type='subscribe' from='bot@" ECHO "' to='" ALICE "'/>");
	im_send(alice, "<presence type='subscribed' to='bot@" ECHO "'/>");
	(void)im_component_got();
	im_send(alice, BLOCK(ECHO));
	assert_component_got(LEFT(ALICE "/phone", "bot@" ECHO));
	im_send(alice, "<presence/>");
	assert_component_got("");
	im_send(alice, UNBLOCK(ECHO));
	assert_component_got(SEEN(ALICE "/phone", "bot@" ECHO));
}

/* The sender's roster looks as if nobody answered. */
static void a_request_to_somebody_who_blocks_is_never_answered(void **state)
{
	struct session *alice = im_session(ALICE "/phone"), *bob = im_session(BOB "/desk");

	(void)state;
	im_send(alice, "<presence/>");
	im_send(alice, BLOCK(BOB));
	(void)im_got(alice);
	im_send(bob, "<presence type='subscribe' to='" ALICE "'/>");
	assert_got(alice, "");
	assert_string_equal(im_item(BOB, ALICE), "none ask");
	assert_string_equal(im_item(ALICE, BOB), "-");
}

static void a_request_that_waited_is_not_shown(void **state)
{
	struct session *alice = im_session(ALICE "/phone"), *bob = im_session(BOB "/desk");

	(void)state;
	im_send(bob, "<presence type='subscribe' to='" ALICE "'/>");
	im_send(alice, BLOCK(BOB));
	(void)im_got(alice);
	im_send(alice, "<presence/>");
	assert_null(strstr(im_got(alice), "subscribe"));
	im_send(alice, "<presence type='unavailable'/>");
	im_send(alice, UNBLOCK(BOB));
	im_send(alice, "<presence/>");
	assert_non_null(strstr(im_got(alice), "subscribe"));
}

/* --- the database ----------------------------------------------------------------------------- */

static void nothing_is_seen_before_the_commit(void **state)
{
	struct session *alice = im_session(ALICE "/phone"), *bob = im_session(BOB "/desk");

	(void)state;
	bob_watches_alice(alice, bob);
	im_send(alice, LIST);
	(void)im_got(alice);
	im_send_only(alice, BLOCK(BOB));
	assert_got(alice, "");
	assert_got(bob, "");
	assert_true(refuses(ALICE, BOB)); /* but it counts */
	im_send_only(alice, LIST);
	assert_got(alice, ""); /* behind the change */
	im_settle();
	assert_got(alice, OK("b", ALICE "/phone") PUSH("block", ALICE "/phone", BOB)
			      ITEMS(ALICE "/phone", "<item jid=\"" BOB "\"/>"));
	assert_got(bob, GONE(ALICE "/phone", BOB));
}

static void a_failed_commit_leaves_everything_as_it_was(void **state)
{
	struct session *alice = im_session(ALICE "/phone"), *bob = im_session(BOB "/desk");

	(void)state;
	bob_watches_alice(alice, bob);
	im_send(alice, LIST);
	(void)im_got(alice);
	db_fail_commits(im.f.db, 1, -ENOSPC);
	im_send(alice, BLOCK(BOB));
	error_is(alice, "resource-constraint");
	assert_got(bob, "");
	assert_false(refuses(ALICE, BOB));
	im_send(alice, BLOCK(BOB));
	assert_got(bob, GONE(ALICE "/phone", BOB));
	im_forget();
	assert_true(refuses(ALICE, BOB));
}

static void a_change_behind_a_failed_one_fails_too(void **state)
{
	struct session *alice = im_session(ALICE "/phone");

	(void)state;
	db_fail_commits(im.f.db, 1, -EIO);
	im_send_only(alice, BLOCK(BOB));
	im_send_only(alice, BLOCK(MALLORY));
	im_settle();
	(void)im_got(alice);
	assert_int_equal(refuses(ALICE, MALLORY), false);
	assert_int_equal(refuses(ALICE, BOB), false);
	im_send(alice, BLOCK(MALLORY));
	assert_got(alice, OK("b", ALICE "/phone"));
}

static void a_new_account_of_the_name_blocks_nobody(void **state)
{
	struct session *alice = im_session(ALICE "/phone");
	struct jid jid = jid_view(ALICE);

	(void)state;
	im_send(alice, BLOCK(BOB));
	im_session_end(alice);
	im_account_gone(ALICE);
	blocking_forget(im.r.blocking, &jid);
	im_account(ALICE);
	assert_false(refuses(ALICE, BOB));
}

#define T(f) cmocka_unit_test_setup_teardown(f, im_setup, im_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_list_and_its_pushes),
		T(unblocking_all),
		T(commands_that_are_none),
		T(a_list_has_an_end),
		T(every_form_of_address),
		T(own_sessions_and_server_are_never_refused),
		T(both_ends_count),
		T(a_contact_sees_the_account_leave_and_come_back),
		T(a_contact_who_may_not_see_it_is_told_nothing),
		T(a_domain_and_one_of_its_users),
		T(one_resource_alone),
		T(a_session_that_comes_sees_none_of_it),
		T(who_saw_directed_presence_sees_it_end_once),
		T(a_component_is_blocked_like_anybody),
		T(a_request_to_somebody_who_blocks_is_never_answered),
		T(a_request_that_waited_is_not_shown),
		T(nothing_is_seen_before_the_commit),
		T(a_failed_commit_leaves_everything_as_it_was),
		T(a_change_behind_a_failed_one_fails_too),
		T(a_new_account_of_the_name_blocks_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
