/* SPDX-License-Identifier: MIT */
/* Subscriptions between two local accounts, and between one and a component: what both rosters say
 * in the end, what is stored, and who is sent what in which order (RFC 6121 3). */
#include <errno.h>

#include "im_fixture.h"

#define A "alice@example.org/a"
#define B "bob@example.org/b"
#define GET "<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>"
#define SET(items) "<iq type='set' id='s'><query xmlns='jabber:iq:roster'>" items "</query></iq>"
#define PUSH(to, item)                                                                      \
	"<iq to=\"" to "\" type=\"set\" id=\"...\"><query xmlns=\"jabber:iq:roster\">" item \
	"</query></iq>\n"
#define SUB(type, from, to) "<presence type=\"" type "\" to=\"" to "\" from=\"" from "\"/>\n"
#define MADE(type, from, to) "<presence type=\"" type "\" from=\"" from "\" to=\"" to "\"/>\n"
#define HERE(from, to) "<presence to=\"" to "\" from=\"" from "\"/>\n"
#define GONE(from, to) "<presence to=\"" to "\" type=\"unavailable\" from=\"" from "\"/>\n"
#define ITEM(jid, sub) "<item jid=\"" jid "\" subscription=\"" sub "\"/>"
#define ASK(jid, sub) "<item jid=\"" jid "\" subscription=\"" sub "\" ask=\"subscribe\"/>"

static struct session *online(const char *full)
{
	struct session *s = im_session(full);

	im_send(s, GET);
	im_send(s, "<presence/>");
	(void)im_got(s);
	return s;
}

static void hush(struct session *a, struct session *b)
{
	(void)im_got(a);
	(void)im_got(b);
	(void)im_component_got();
}

static void befriend(struct session *a, struct session *b)
{
	im_send(a, "<presence type='subscribe' to='" BOB "'/>");
	im_send(b, "<presence type='subscribed' to='" ALICE "'/>");
	im_send(b, "<presence type='subscribe' to='" ALICE "'/>");
	im_send(a, "<presence type='subscribed' to='" BOB "'/>");
	hush(a, b);
	assert_string_equal(im_item(ALICE, BOB), "both");
	assert_string_equal(im_item(BOB, ALICE), "both");
}

static void test_both_ways(void **state)
{
	struct session *a = online(A), *b = online(B);

	(void)state;
	im_send(a, "<presence type='subscribe' to='bob@example.org/any'/>");
	assert_got(a, PUSH(A, ASK(BOB, "none")));
	assert_got(b, SUB("subscribe", ALICE, BOB));
	assert_string_equal(im_item(BOB, ALICE), "none pending unlisted");

	im_send(b, "<presence type='subscribed' to='" ALICE "'/>");
	assert_got(b, PUSH(B, ITEM(ALICE, "from")));
	assert_got(a, SUB("subscribed", BOB, ALICE) PUSH(A, ITEM(BOB, "to")) HERE(B, ALICE));

	im_send(b, "<presence type='subscribe' to='" ALICE "'/>");
	assert_got(b, PUSH(B, ASK(ALICE, "from")));
	assert_got(a, SUB("subscribe", BOB, ALICE));
	im_send(a, "<presence type='subscribed' to='" BOB "'/>");
	assert_got(a, PUSH(A, ITEM(BOB, "both")));
	assert_got(b, SUB("subscribed", ALICE, BOB) PUSH(B, ITEM(ALICE, "both")) HERE(A, BOB));

	assert_string_equal(im_stored(ALICE, BOB), "both");
	assert_string_equal(im_item(BOB, ALICE), "both");
}

static void test_denied(void **state)
{
	struct session *a = online(A), *b = online(B);

	(void)state;
	im_send(a, "<presence type='subscribe' to='" BOB "'/>");
	hush(a, b);
	im_send(b, "<presence type='unsubscribed' to='" ALICE "'/>");
	assert_got(b, ""); /* it was never in the roster */
	assert_got(a, SUB("unsubscribed", BOB, ALICE) PUSH(A, ITEM(BOB, "none")));
	assert_string_equal(im_stored(BOB, ALICE), "-");
	assert_string_equal(im_item(ALICE, BOB), "none");
}

static void test_withdrawn(void **state)
{
	struct session *a = online(A), *b = online(B);

	(void)state;
	im_send(a, "<presence type='subscribe' to='" BOB "'/>");
	hush(a, b);
	im_send(a, "<presence type='unsubscribe' to='" BOB "'/>");
	assert_got(a, PUSH(A, ITEM(BOB, "none")));
	assert_got(b, SUB("unsubscribe", ALICE, BOB));
	assert_string_equal(im_stored(BOB, ALICE), "-");
}

static void test_cancelled(void **state)
{
	struct session *a = online(A), *b = online(B);

	(void)state;
	befriend(a, b);
	im_send(a, "<presence type='unsubscribed' to='" BOB "'/>");
	assert_got(a, PUSH(A, ITEM(BOB, "to")));
	assert_got(b, SUB("unsubscribed", ALICE, BOB) PUSH(B, ITEM(ALICE, "from")) GONE(A, BOB));
	assert_string_equal(im_stored(ALICE, BOB), "to");
	assert_string_equal(im_item(BOB, ALICE), "from");
}

static void test_unsubscribed(void **state)
{
	struct session *a = online(A), *b = online(B);

	(void)state;
	befriend(a, b);
	im_send(a, "<presence type='unsubscribe' to='" BOB "'/>");
	assert_got(a, PUSH(A, ITEM(BOB, "from")) GONE(B, ALICE));
	assert_got(b, SUB("unsubscribe", ALICE, BOB) PUSH(B, ITEM(ALICE, "to")));
	assert_string_equal(im_stored(ALICE, BOB), "from");
	assert_string_equal(im_item(BOB, ALICE), "to");
}

static void test_removed(void **state)
{
	struct session *a = online(A), *b = online(B);

	(void)state;
	befriend(a, b);
	im_send(a, SET("<item jid='" BOB "' subscription='remove'/>"));
	assert_got(a, PUSH(A, ITEM(BOB, "remove")) "<iq type=\"result\" id=\"s\" to=\"" A
						   "\"/>\n" GONE(B, ALICE));
	assert_got(b, MADE("unsubscribe", ALICE, BOB) PUSH(B, ITEM(ALICE, "to")) MADE(
			  "unsubscribed", ALICE, BOB) PUSH(B, ITEM(ALICE, "none")) GONE(A, BOB));
	assert_string_equal(im_stored(ALICE, BOB), "-");
	assert_string_equal(im_item(BOB, ALICE), "none");
}

#define WAITING                                                                               \
	"<presence type=\"subscribe\" to=\"" BOB "\" id=\"q\" from=\"" ALICE "\">"            \
	"<status>hi &amp; ho</status><nick xmlns='http://jabber.org/protocol/nick'>Al</nick>" \
	"</presence>\n"

/* 3.1.3: the request waits, with its content, and is shown at each login until it is answered. */
static void test_offline(void **state)
{
	struct session *a = online(A), *b;

	(void)state;
	im_send(a, "<presence type='subscribe' to='" BOB "' id='q'><status>hi &amp; ho</status>"
		   "<nick xmlns='http://jabber.org/protocol/nick'>Al</nick></presence>");
	(void)im_got(a);
	im_forget();
	for (int i = 0; i < 2; i++) {
		b = im_session(B);
		im_send(b, "<presence/>");
		assert_got(b, HERE(B, BOB) WAITING);
		im_session_end(b);
		im_forget();
	}
	b = online(B);
	im_send(b, "<presence type='subscribed' to='" ALICE "'/>");
	im_session_end(b);
	(void)im_got(a);
	b = im_session(B);
	im_send(b, "<presence/>");
	assert_got(b, HERE(B, BOB));
	assert_got(a, HERE(B, ALICE));
	assert_string_equal(im_stored(BOB, ALICE), "from");
}

static void test_large_request(void **state)
{
	struct session *a = online(A), *b;
	char text[12000];

	(void)state;
	(void)snprintf(text, sizeof(text),
	    "<presence type='subscribe' to='" BOB "'><status>%09000d"
	    "</status></presence>",
	    0);
	im_send(a, text);
	im_forget();
	b = im_session(B);
	im_send(b, "<presence/>");
	assert_got(
	    b, HERE(B, BOB) "<presence to=\"" BOB "\" type=\"subscribe\" from=\"" ALICE "\"/>\n");
}

static void test_repeated_request(void **state)
{
	struct session *a = online(A), *b = online(B);

	(void)state;
	im_send(a, "<presence type='subscribe' to='" BOB "'/>");
	hush(a, b);
	im_send(a, "<presence type='subscribe' to='" BOB "'/>");
	assert_got(a, "");
	assert_got(b, "");
	/* One who has it already is answered in the user's name. */
	im_send(b, "<presence type='subscribed' to='" ALICE "'/>");
	hush(a, b);
	im_send(a, "<presence type='subscribe' to='" BOB "'/>");
	assert_got(b, "");
	assert_got(a, HERE(B, ALICE));
	assert_string_equal(im_item(ALICE, BOB), "to");
}

/* 3.4 */
static void test_pre_approved(void **state)
{
	struct session *a = online(A), *b = online(B);

	(void)state;
	im_send(b, "<presence type='subscribed' to='" ALICE "'/>");
	assert_got(a, "");
	assert_got(b, PUSH(B, "<item jid=\"" ALICE "\" subscription=\"none\" approved=\"true\"/>"));
	assert_string_equal(im_stored(BOB, ALICE), "none approved");

	im_send(a, "<presence type='subscribe' to='" BOB "'/>");
	assert_got(b, PUSH(B, "<item jid=\"" ALICE "\" subscription=\"from\" approved=\"true\"/>"));
	assert_got(a, PUSH(A, ASK(BOB, "none")) MADE("subscribed", BOB, ALICE)
			  PUSH(A, ITEM(BOB, "to")) HERE(B, ALICE));
	assert_string_equal(im_stored(ALICE, BOB), "to");

	im_send(b, "<presence type='unsubscribed' to='" ALICE "'/>");
	assert_string_equal(im_item(BOB, ALICE), "none");
	assert_string_equal(im_item(ALICE, BOB), "none");
}

static void test_pre_approval_ends(void **state)
{
	struct session *a = online(A), *b = online(B);

	(void)state;
	im_send(b, "<presence type='subscribed' to='" ALICE "'/>");
	hush(a, b);
	im_send(b, "<presence type='unsubscribed' to='" ALICE "'/>");
	assert_got(a, "");
	assert_got(b, PUSH(B, ITEM(ALICE, "none")));
	im_send(a, "<presence type='subscribe' to='" BOB "'/>");
	assert_got(b, SUB("subscribe", ALICE, BOB));
}

/* Nobody learns which accounts there are. */
static void test_no_such_account(void **state)
{
	struct session *a = online(A);

	(void)state;
	im_send(a, "<presence type='subscribe' to='" NOBODY "'/>");
	assert_got(a, PUSH(A, ASK(NOBODY, "none")));
	im_send(a, "<presence type='subscribe' to='" BOB "'/>");
	assert_got(a, PUSH(A, ASK(BOB, "none")));
	im_send(a, SET("<item jid='" NOBODY "' subscription='remove'/>"));
	assert_string_equal(im_stored(ALICE, NOBODY), "-");
	im_component_sends("<presence type='subscribe' from='" ECHO "' to='" NOBODY "'/>");
	assert_component_got("");
}

static void test_oneself(void **state)
{
	struct session *a = online(A);

	(void)state;
	im_send(a, "<presence type='subscribe' to='" ALICE "'/>");
	assert_non_null(strstr(im_got(a), "not-allowed"));
	im_send(a, "<presence type='subscribe'/>");
	assert_non_null(strstr(im_got(a), "bad-request"));
	im_send(a, "<presence type='subscribe' to='x@elsewhere.example'/>");
	assert_non_null(strstr(im_got(a), "remote-server-not-found"));
}

static void test_component(void **state)
{
	struct session *a = online(A);

	(void)state;
	im_send(a, "<presence type='subscribe' to='" ECHO "'/>");
	assert_component_got(SUB("subscribe", ALICE, ECHO));
	assert_got(a, PUSH(A, ASK(ECHO, "none")));
	im_component_sends("<presence type='subscribed' from='" ECHO "/x' to='" A "'/>");
	assert_got(a, "<presence type=\"subscribed\" from=\"" ECHO "\" to=\"" ALICE
		      "\"/>\n" PUSH(A, ITEM(ECHO, "to")));
	im_component_sends("<presence type='subscribe' from='" ECHO "' to='" ALICE "'/>");
	assert_got(a, MADE("subscribe", ECHO, ALICE));
	im_send(a, "<presence type='subscribed' to='" ECHO "'/>");
	assert_got(a, PUSH(A, ITEM(ECHO, "both")));
	assert_component_got(
	    SUB("subscribed", ALICE, ECHO) "<presence from=\"" A "\" to=\"" ECHO "\"/>\n");
	assert_string_equal(im_stored(ALICE, ECHO), "both");

	im_send(a, SET("<item jid='" ECHO "' subscription='remove'/>"));
	assert_component_got(MADE("unsubscribe", ALICE, ECHO) MADE("unsubscribed", ALICE,
	    ECHO) "<presence type=\"unavailable\" from=\"" A "\" to=\"" ECHO "\"/>\n");
}

/* Both rosters change, or neither; and nobody is told before. */
static void test_commit_fails(void **state)
{
	struct session *a = online(A), *b = online(B);

	(void)state;
	db_fail_commits(im.f.db, 1, -ENOSPC);
	im_send_only(a, "<presence type='subscribe' to='" BOB "'/>");
	assert_got(a, "");
	assert_got(b, "");
	im_settle();
	assert_non_null(strstr(im_got(a), "resource-constraint"));
	assert_got(b, "");
	assert_string_equal(im_item(ALICE, BOB), "-");
	assert_string_equal(im_item(BOB, ALICE), "-");
	im_send(a, "<presence type='subscribe' to='" BOB "'/>");
	assert_got(b, SUB("subscribe", ALICE, BOB));
	assert_string_equal(im_stored(ALICE, BOB), "none ask");
}

/* Strangers cannot fill a roster: the 257th has to come again. */
static void test_flood(void **state)
{
	struct session *a = online(A);
	char text[200];

	(void)state;
	for (int i = 0; i < 256; i++) {
		(void)snprintf(text, sizeof(text),
		    "<presence type='subscribe' from='u%d@" ECHO "' to='" ALICE "'/>", i);
		im_component_sends(text);
	}
	(void)im_got(a);
	im_component_sends("<presence type='subscribe' from='one@" ECHO "' to='" ALICE "'/>");
	assert_got(a, "");
	assert_string_equal(im_item(ALICE, "one@" ECHO), "-");
	im_send(a, SET("<item jid='" BOB "'/>"));
	assert_non_null(strstr(im_got(a), "type=\"result\""));
	im_send(a, "<presence type='unsubscribed' to='u7@" ECHO "'/>");
	im_component_sends("<presence type='subscribe' from='one@" ECHO "' to='" ALICE "'/>");
	assert_string_equal(im_stored(ALICE, "one@" ECHO), "none pending unlisted");
}

static void delete_alice(int commit_err)
{
	static struct db_q q = { "DELETE FROM account WHERE jid = $1" };
	struct db_batch *batch = db_batch_new(im.f.db);
	struct jid alice = jid_view(ALICE);

	if (commit_err)
		db_fail_commits(im.f.db, 1, commit_err);
	roster_delete_account(im.r.rosters, &alice, batch);
	db_batch_must(batch, &q, "s", ALICE);
	db_submit(batch, NULL, NULL);
	(void)loop_turn(im.f.loop, false);
	im_settle();
}

static void test_account_deleted(void **state)
{
	struct session *a = online(A), *b = online(B);
	struct jid alice = jid_view(ALICE);
	struct roster *ro;

	(void)state;
	befriend(a, b);
	im_send(a, "<presence type='subscribe' to='" ECHO "'/>");
	im_component_sends("<presence type='subscribe' from='" ECHO "' to='" ALICE "'/>");
	im_send(a, "<presence type='subscribed' to='" ECHO "'/>");
	hush(a, b);
	delete_alice(0);
	assert_got(b, MADE("unsubscribe", ALICE, BOB) PUSH(B, ITEM(ALICE, "to")) MADE(
			  "unsubscribed", ALICE, BOB) PUSH(B, ITEM(ALICE, "none")) GONE(A, BOB));
	assert_component_got(MADE("unsubscribe", ALICE, ECHO) MADE("unsubscribed", ALICE,
	    ECHO) "<presence type=\"unavailable\" from=\"" A "\" to=\"" ECHO "\"/>\n");
	assert_int_equal(roster_get(im.r.rosters, &alice, &ro), -ENOENT);
	assert_string_equal(im_stored(BOB, ALICE), "none");
}

static void test_deletion_fails(void **state)
{
	struct session *a = online(A), *b = online(B);

	(void)state;
	befriend(a, b);
	delete_alice(-EIO);
	assert_got(b, "");
	assert_string_equal(im_item(ALICE, BOB), "both");
	assert_string_equal(im_item(BOB, ALICE), "both");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, im_setup, im_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_both_ways),
		T(test_denied),
		T(test_withdrawn),
		T(test_cancelled),
		T(test_unsubscribed),
		T(test_removed),
		T(test_offline),
		T(test_large_request),
		T(test_repeated_request),
		T(test_pre_approved),
		T(test_pre_approval_ends),
		T(test_no_such_account),
		T(test_oneself),
		T(test_component),
		T(test_commit_fails),
		T(test_flood),
		T(test_account_deleted),
		T(test_deletion_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
