/* SPDX-License-Identifier: MIT */
/* What a component is told of accounts' presence, and adds to it (XEP-0356 7, presence-extra). */
#include <errno.h>

#include "im/extra.h"
#include "im_fixture.h"
#include "links/privilege.h"

#define A "alice@example.org/a"
#define B "bob@example.org/b"
#define OTHER "service.example.org" /* a contact that is neither local nor the component's */

#define EXTRA(to, inner)                                     \
	"<iq type='set' id='e' from='" ECHO "' to='" to "'>" \
	"<extra xmlns='urn:switchyard:presence-extra:1'>" inner "</extra></iq>"
#define HASH(h) "<x xmlns='urn:x'><photo>" h "</photo></x>"

/* --- presence --------------------------------------------------------------------------------- */

#define CAPS(v) "<c xmlns='http://jabber.org/protocol/caps' node='n' hash='sha-1' ver='" v "'/>"

static void presence_needs_the_grant(void **state)
{
	struct session *a = im_session(A);

	(void)state;
	IM_GRANT("roster=both", "message=outgoing");
	(void)im_component_got();
	im_send(a, "<presence/>");
	im_send(a, "<presence type='unavailable'/>");
	assert_component_got("");
}

static void presence_of_accounts(void **state)
{
	struct session *a = im_session(A);

	(void)state;
	IM_GRANT("presence=managed_entity");
	(void)im_component_got();
	im_send(a, "<presence id='1'>" CAPS("1") "</presence>");
	assert_has(im_component_got(), "<presence id=\"1\" from=\"" A "\" to=\"" ECHO "\">");
	/* Not each change, but another set of capabilities. */
	im_send(a, "<presence id='2'><show>away</show>" CAPS("1") "</presence>");
	assert_component_got("");
	im_send(a, "<presence id='3'><show>away</show>" CAPS("2") "</presence>");
	assert_has(im_component_got(), "id=\"3\"");
	/* Neither directed presence nor subscriptions. */
	im_send(a, "<presence to='" BOB "'/>");
	im_send(a, "<presence to='" BOB "' type='subscribe'/>");
	im_send(a, "<presence to='" BOB "' type='unavailable'/>");
	assert_component_got("");
	im_send(a, "<presence type='unavailable' id='4'/>");
	assert_has(im_component_got(), "type=\"unavailable\" id=\"4\"");
	im_send(a, "<presence type='unavailable'/>");
	assert_component_got("");
	im_send(a, "<presence/>");
	(void)im_component_got();
	im_session_end(a);
	assert_component_got("<presence type=\"unavailable\" from=\"" A "\" to=\"" ECHO "\"/>\n");
}

/* A directed presence of somebody who is not available at all shows nothing. */
static void invisible_ones_are_not_shown(void **state)
{
	struct session *a = im_session(A);

	(void)state;
	IM_GRANT("presence=managed_entity");
	(void)im_component_got();
	im_send(a, "<presence to='" BOB "'/>");
	privilege_online(&im.r, IM_COMPONENT, NULL, false);
	im_settle();
	im_session_end(a);
	assert_int_equal(count(im_component_got(), "<presence"), 0);
}

static void who_blocks_it_is_not_shown(void **state)
{
	struct session *a = im_session(A);

	(void)state;
	IM_GRANT("presence=managed_entity");
	im_send(a, "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='" ECHO
		   "'/></block></iq>");
	(void)im_component_got();
	im_send(a, "<presence/>");
	assert_component_got("");
}

static void contact_gets_it_once(void **state)
{
	struct session *a = im_session(A);

	(void)state;
	IM_GRANT("presence=managed_entity");
	(void)im_component_got();
	im_component_sends("<presence type='subscribe' from='" ECHO "' to='" ALICE "'/>");
	im_send(a, "<presence to='" ECHO "' type='subscribed'/>");
	(void)im_component_got();
	im_send(a, "<presence/>");
	assert_int_equal(count(im_component_got(), "<presence"), 1);
}

static void says(struct router *r, struct component *c, struct stanza *st)
{
	(void)c;
	presence_to_user(r, st);
}

/* A contact elsewhere whom both have in their rosters. */
static void presence_of_contacts_crosses_once(void **state)
{
	struct session *a = im_session(A), *b = im_session(B);
	const char to_alice[] = "<presence id='1' from='x@" OTHER "/r' to='" ALICE "'/>";
	const char to_bob[] = "<presence id='2' from='x@" OTHER "/r' to='" BOB "'/>";

	(void)state;
	IM_GRANT("roster=get", "roster-push=false", "presence=roster");
	im_send(a, "<presence to='x@" OTHER "' type='subscribe'/>");
	im_component_sends("<presence type='subscribed' from='x@" OTHER "' to='" ALICE "'/>");
	im_send(b, "<presence to='x@" OTHER "' type='subscribe'/>");
	im_component_sends("<presence type='subscribed' from='x@" OTHER "' to='" BOB "'/>");
	assert_string_equal(im_item(ALICE, "x@" OTHER), "to");
	assert_string_equal(im_item(BOB, "x@" OTHER), "to");
	(void)im_component_got();
	im_component_sends(to_alice);
	im_component_sends(to_bob);
	assert_component_got("<presence id=\"1\" from=\"x@" OTHER "/r\" to=\"" ECHO "\"/>\n");
	im_component_sends("<presence from='x@" OTHER "/r' to='" A "' type='unavailable'/>");
	im_component_sends("<presence from='x@" OTHER "/r' to='" BOB "' type='unavailable'/>");
	assert_int_equal(count(im_component_got(), "<presence"), 1);
	im_component_sends(to_bob); /* again, after that */
	assert_int_equal(count(im_component_got(), "<presence"), 1);
	/* Who is nobody's contact, and what is no presence information. */
	im_component_sends("<presence from='y@" OTHER "/r' to='" ALICE "'/>");
	im_component_sends("<presence from='x@" OTHER "/r' to='" NOBODY "'/>");
	im_component_sends("<presence type='subscribe' from='x@" OTHER "' to='" ALICE "'/>");
	im_component_sends("<presence type='error' from='x@" OTHER "' to='" ALICE "'/>");
	assert_component_got("");
	/* Whom the account does not see, though he sees it. */
	im_component_sends("<presence type='subscribe' from='z@" OTHER "' to='" ALICE "'/>");
	im_send(a, "<presence to='z@" OTHER "' type='subscribed'/>");
	assert_string_equal(im_item(ALICE, "z@" OTHER), "from");
	(void)im_component_got();
	im_component_sends("<presence from='z@" OTHER "/r' to='" ALICE "'/>");
	assert_component_got("");
	/* What the component itself says, and what is for a host that it does not work for. */
	im_component_asks(says, "<presence from='x@" OTHER "/own' to='" ALICE "'/>");
	im.other_host = true;
	im_component_sends("<presence from='x@" OTHER "/r1' to='" ALICE "'/>");
	im.other_host = false;
	assert_component_got("");
	im_component_sends("<presence from='x@" OTHER "/r1' to='" ALICE "'/>");
	assert_int_equal(count(im_component_got(), "<presence"), 1);
	IM_GRANT("roster=get", "presence=managed_entity");
	(void)im_component_got();
	im_component_sends("<presence from='x@" OTHER "/r2' to='" ALICE "'/>");
	assert_component_got("");
}

#define CAROL "carol@example.net"
#define C CAROL "/c"

static void befriends(struct session *who, const char *account, struct session *carol)
{
	char approval[128];

	(void)snprintf(
	    approval, sizeof(approval), "<presence to='%s' type='subscribed'/>", account);
	im_send(who, "<presence to='" CAROL "' type='subscribe'/>");
	im_send(carol, approval);
}

/* A contact at a host that is served and not the component's, who is online all the time. */
static void contact_at_another_host(void **state)
{
	struct session *a = im_session(A), *b = im_session(B), *c, *d;

	(void)state;
	im.two_hosts = true;
	im_account(CAROL);
	im_account("dave@example.net");
	c = im_session(C);
	d = im_session("dave@example.net/d");
	IM_GRANT("roster=get", "roster-push=false", "presence=roster");
	(void)im_component_got();
	im_send(c, "<presence id='1'/>");
	befriends(d, "dave@example.net", c); /* no account of its */
	assert_component_got("");
	befriends(a, ALICE, c);
	assert_component_got("<presence id=\"1\" from=\"" C "\" to=\"" ECHO "\"/>\n");
	befriends(b, BOB, c); /* it has seen it already */
	assert_component_got("");
	im_send(c, "<presence to='" ALICE "' type='unsubscribed'/>");
	befriends(a, ALICE, c);
	assert_component_got("");
	im_send(c, "<presence type='unavailable' id='2'/>");
	assert_int_equal(count(im_component_got(), "id=\"2\""), 1);
	/* One of its own is not told of twice, whoever may see it. */
	im_send(a, "<presence id='3'/>");
	assert_int_equal(count(im_component_got(), "id=\"3\""), 1);
	im_send(b, "<presence to='" ALICE "' type='subscribe'/>");
	im_send(a, "<presence to='" BOB "' type='subscribed'/>");
	assert_component_got("");
}

/* --- late ones -------------------------------------------------------------------------------- */

static void late_component_is_told_in_steps(void **state)
{
	enum { N = 100 };
	char full[64];
	struct session *s[N];

	(void)state;
	for (int i = 0; i < N; i++) {
		(void)snprintf(full, sizeof(full), "alice@example.org/%d", i);
		s[i] = im_session(full);
		im_send(s[i], "<presence/>");
	}
	im.holds = true;
	IM_GRANT("presence=managed_entity");
	assert_int_equal(count(im_component_got(), "<presence"), 64);
	im_settle();
	assert_component_got("");
	/* One goes and one changes before its turn: the first is not spoken of. */
	im_session_end(s[90]);
	assert_component_got("");
	im_send(s[91], "<presence id='new'>" CAPS("1") "</presence>");
	assert_int_equal(count(im_component_got(), "<presence"), 1);
	im_let_go();
	assert_int_equal(count(im_component_got(), "<presence"), N - 64 - 2);
	im_let_go();
	im_settle();
	assert_component_got("");
}

/* The last step was taken, and the link lost, before the next: it follows when the session goes on.
 */
static void link_lost_between_two_steps(void **state)
{
	enum { N = 70 };
	char full[64];

	(void)state;
	for (int i = 0; i < N; i++) {
		(void)snprintf(full, sizeof(full), "alice@example.org/%d", i);
		im_send(im_session(full), "<presence/>");
	}
	im.holds = true;
	IM_GRANT("presence=managed_entity");
	assert_int_equal(count(im_component_got(), "<presence"), 64);
	im.component_in_grace = true;
	im_let_go();
	assert_component_got("");
	im.component_in_grace = false;
	privilege_online(&im.r, IM_COMPONENT, NULL, true);
	im_settle();
	assert_int_equal(count(im_component_got(), "<presence from"), N - 64);
	im_let_go();
	privilege_online(&im.r, IM_COMPONENT, NULL, false); /* a new one is told of all */
	im_settle();
	assert_int_equal(count(im_component_got(), "<presence from"), 64);
}

/* Where the session goes on, nobody else tells it who was there when it was granted that. */
static void granted_while_the_link_is_lost(void **state)
{
	struct session *a = im_session(A), *b = im_session(B);

	(void)state;
	im_send(a, "<presence/>");
	im_send(b, "<presence/>");
	im.component_in_grace = true;
	IM_GRANT("presence=managed_entity");
	assert_component_got("");
	im_session_end(b);
	assert_component_got("");
	im.component_in_grace = false;
	privilege_online(&im.r, IM_COMPONENT, NULL, true);
	im_settle();
	assert_int_equal(count(im_component_got(), "<presence from=\"" A "\""), 1);
}

static void full_link_is_waited_for(void **state)
{
	struct session *a = im_session(A);

	(void)state;
	im_send(a, "<presence/>");
	im.queued = 1 << 20;
	IM_GRANT("presence=managed_entity");
	loop_clock_advance(im.f.loop, 60);
	im_settle();
	assert_int_equal(count(im_component_got(), "<presence"), 0);
	im.queued = 0;
	loop_clock_advance(im.f.loop, 60);
	im_settle();
	assert_int_equal(count(im_component_got(), "<presence"), 1);
}

/* --- what it adds to presence ----------------------------------------------------------------- */

static void extra_needs_the_grant(void **state)
{
	(void)state;
	im_component_asks(privilege_extra, EXTRA(ALICE, HASH("1")));
	assert_has(im_component_got(), "<forbidden");
	IM_GRANT("presence-extra=urn:x");
	(void)im_component_got();
	im_component_asks(privilege_extra, EXTRA(ALICE, "<x xmlns='urn:y'/>"));
	assert_has(im_component_got(), "<forbidden");
	im_component_asks(privilege_extra, EXTRA(ALICE, "<show xmlns='jabber:client'>dnd</show>"));
	assert_has(im_component_got(), "<forbidden");
	im_component_asks(privilege_extra, EXTRA(NOBODY, HASH("1")));
	assert_has(im_component_got(), "<item-not-found");
	im_component_asks(privilege_extra, EXTRA(ALICE, HASH("1") HASH("2")));
	assert_has(im_component_got(), "<bad-request");
	im.other_host = true;
	im_component_asks(privilege_extra, EXTRA(ALICE, HASH("1")));
	assert_has(im_component_got(), "<forbidden");
}

static void extra_is_added_replaced_and_removed(void **state)
{
	static const char one[] = "<x xmlns=\"urn:x\"><photo>1</photo></x>";
	struct session *a = im_session(A);

	(void)state;
	IM_GRANT("presence-extra=urn:x");
	(void)im_component_got();
	im_send(a, "<presence><status>s</status></presence>");
	(void)im_got(a);
	im_component_asks(privilege_extra, EXTRA(ALICE, HASH("1")));
	assert_component_got("<iq type=\"result\" id=\"e\" from=\"" ALICE "\" to=\"" ECHO "\"/>\n");
	assert_got(a, "<presence to=\"" ALICE "\" from=\"" A "\"><status>s</status>"
		      "<x xmlns=\"urn:x\"><photo>1</photo></x></presence>\n");
	im_component_asks(privilege_extra, EXTRA(ALICE, HASH("1"))); /* the same again */
	assert_got(a, "");
	im_component_asks(privilege_extra, EXTRA(ALICE, HASH("2")));
	assert_got(a, "<presence to=\"" ALICE "\" from=\"" A "\"><status>s</status>"
		      "<x xmlns=\"urn:x\"><photo>2</photo></x></presence>\n");
	/* What the client says itself is replaced, not doubled; directed presence has it, too. */
	im_component_asks(privilege_extra, EXTRA(ALICE, HASH("1")));
	(void)im_got(a);
	im_send(a, "<presence>" HASH("mine") HASH("mine2") "</presence>");
	assert_got(a, "<presence to=\"" ALICE "\" from=\"" A "\">"
		      "<x xmlns=\"urn:x\"><photo>1</photo></x></presence>\n");
	(void)im_component_got();
	im_send(a, "<presence to='room@" ECHO "'>" HASH("mine") "</presence>");
	assert_has(im_component_got(), one);
	/* It survives what memory forgets, and is gone with the grant or when it is removed. */
	im_session_end(a);
	im_forget();
	a = im_session(A);
	im_send(a, "<presence/>");
	assert_has(im_got(a), one);
	im_grant(NULL, 0);
	im_send(a, "<presence/>");
	assert_int_equal(count(im_got(a), "<x"), 0);
	IM_GRANT("presence-extra=urn:x");
	im_send(a, "<presence/>");
	assert_has(im_got(a), one);
	im_component_asks(privilege_extra, EXTRA(ALICE, ""));
	assert_got(a, "<presence to=\"" ALICE "\" from=\"" A "\"/>\n");
	im_send(a, "<presence/>");
	assert_int_equal(count(im_got(a), "<x"), 0);
}

static void extra_has_a_size(void **state)
{
	char xml[1024], pad[512];
	size_t room = EXTRA_MAX - (sizeof("<x xmlns=\"urn:x\"></x>") - 1);
	struct session *a = im_session(A);

	(void)state;
	IM_GRANT("presence-extra=urn:x");
	im_send(a, "<presence/>");
	(void)im_component_got();
	memset(pad, 'p', sizeof(pad));
	for (size_t n = room; n <= room + 1; n++) {
		(void)snprintf(
		    xml, sizeof(xml), EXTRA(ALICE, "<x xmlns='urn:x'>%.*s</x>"), (int)n, pad);
		im_component_asks(privilege_extra, xml);
		assert_has(im_component_got(), n == room ? "type=\"result\"" : "<not-acceptable");
	}
	/* What was refused has changed nothing; what was not stored is not shown. */
	(void)im_got(a);
	db_fail_commits(im.f.db, 1, -ENOSPC);
	im_component_asks(privilege_extra, EXTRA(ALICE, HASH("1")));
	assert_has(im_component_got(), "<resource-constraint");
	assert_got(a, "");
}

/* The account goes, and its rows with it: a new one of that name begins without. */
static void extra_goes_with_the_account(void **state)
{
	struct session *a;

	(void)state;
	IM_GRANT("presence-extra=urn:x");
	im_component_asks(privilege_extra, EXTRA(ALICE, HASH("1")));
	im_account_gone(ALICE);
	im_account(ALICE);
	im_forget();
	a = im_session(A);
	im_send(a, "<presence/>");
	assert_int_equal(count(im_got(a), "<x"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, im_setup, im_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(presence_needs_the_grant),
		TEST(presence_of_accounts),
		TEST(invisible_ones_are_not_shown),
		TEST(who_blocks_it_is_not_shown),
		TEST(contact_gets_it_once),
		TEST(presence_of_contacts_crosses_once),
		TEST(contact_at_another_host),
		TEST(late_component_is_told_in_steps),
		TEST(link_lost_between_two_steps),
		TEST(granted_while_the_link_is_lost),
		TEST(full_link_is_waited_for),
		TEST(extra_needs_the_grant),
		TEST(extra_is_added_replaced_and_removed),
		TEST(extra_has_a_size),
		TEST(extra_goes_with_the_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
