/* SPDX-License-Identifier: MIT */
/* Last activity of accounts (XEP-0012): what is kept, and who may ask. */
#include <errno.h>

#include <base/sbuf.h>

#include "im/last.h"
#include "im_fixture.h"

#define A "alice@example.org/a"
#define A2 "alice@example.org/a2"
#define B "bob@example.org/b"
#define ASK(to) "<iq type='get' id='l' to='" to "'><query xmlns='jabber:iq:last'/></iq>"

/* Bob may see Alice's presence; nobody is connected. */
static void befriend(void)
{
	struct session *a = im_session(A), *b = im_session(B);

	im_send(b, "<presence type='subscribe' to='" ALICE "'/>");
	im_send(a, "<presence type='subscribed' to='" BOB "'/>");
	im_session_end(a);
	im_session_end(b);
	im_settle();
}

static void session_of_alice(const char *presence, const char *last_words)
{
	struct session *a = im_session(A);

	im_send(a, presence);
	if (last_words)
		im_send(a, last_words);
	im_session_end(a);
	im_settle();
}

static const char *answer(struct session *s, const char *xml)
{
	(void)im_got(s);
	im_send(s, xml);
	return im_got(s);
}

static void seconds_since_the_last_session_and_its_words(void **state)
{
	struct session *b;

	(void)state;
	befriend();
	session_of_alice("<presence/>",
	    "<presence type='unavailable'><status>Heading &lt;Home</status></presence>");
	loop_clock_advance(im.f.loop, 903500);
	b = im_session(B);
	assert_has(answer(b, ASK(ALICE)),
	    "<query xmlns=\"jabber:iq:last\" seconds=\"903\">Heading &lt;Home</query>");
}

static void who_goes_without_a_word_leaves_none(void **state)
{
	struct session *b;

	(void)state;
	befriend();
	session_of_alice(
	    "<presence/>", "<presence type='unavailable'><status>x</status></presence>");
	session_of_alice("<presence/>", NULL);
	b = im_session(B);
	assert_has(answer(b, ASK(ALICE)), "seconds=\"0\"/>");
}

static void who_came_back_has_not_said_so(void **state)
{
	struct session *a, *b;

	(void)state;
	befriend();
	a = im_session(A);
	im_send(a, "<presence type='unavailable'><status>brb</status></presence>");
	im_send(a, "<presence/>");
	im_session_end(a);
	im_settle();
	b = im_session(B);
	assert_null(strstr(answer(b, ASK(ALICE)), "brb"));
}

/* Connected counts, available or not (3). */
static void zero_while_anybody_is_connected(void **state)
{
	struct session *a, *b;

	(void)state;
	befriend();
	session_of_alice("<presence/>", NULL);
	loop_clock_advance(im.f.loop, 5000);
	a = im_session(A2);
	b = im_session(B);
	assert_has(answer(b, ASK(ALICE)), "<query xmlns=\"jabber:iq:last\" seconds=\"0\"/>");
	assert_has(answer(a, ASK(ALICE)), "seconds=\"0\"/>");
}

static void only_the_last_of_several_sessions_counts(void **state)
{
	struct session *a = im_session(A), *a2 = im_session(A2), *b;

	(void)state;
	im_session_end(a);
	im_session_end(a2);
	befriend();
	a = im_session(A);
	a2 = im_session(A2);
	im_session_end(a);
	loop_clock_advance(im.f.loop, 60000);
	im_session_end(a2);
	im_settle();
	loop_clock_advance(im.f.loop, 7000);
	b = im_session(B);
	assert_has(answer(b, ASK(ALICE)), "seconds=\"7\"/>");
}

/* An account that is none answers no differently. */
static void strangers_are_refused(void **state)
{
	struct session *b = im_session(B);

	(void)state;
	assert_has(answer(b, ASK(ALICE)), "<forbidden");
	assert_has(answer(b, ASK(NOBODY)), "<forbidden");
}

static void an_account_that_was_never_used(void **state)
{
	struct session *b;
	static struct db_q q = { "UPDATE account SET last_ms = NULL" };
	struct db_batch *batch;

	(void)state;
	befriend();
	batch = db_batch_new(im.f.db);
	db_batch_add(batch, &q, "");
	db_submit(batch, NULL, NULL);
	im_settle();
	b = im_session(B);
	assert_has(answer(b, ASK(ALICE)), "<item-not-found");
}

/* At most so much of a status is kept, in whole characters. */
static void a_long_status_is_cut(void **state)
{
	struct sbuf xml = SBUF_INIT;
	struct session *b;
	const char *got, *text;

	(void)state;
	befriend();
	sbuf_puts(&xml, "<presence type='unavailable'><status>");
	for (int i = 0; i < 400; i++)
		sbuf_puts(&xml, "\xe2\x82\xac");
	sbuf_puts(&xml, "</status></presence>");
	session_of_alice("<presence/>", sbuf_str(&xml));
	sbuf_done(&xml);
	b = im_session(B);
	got = answer(b, ASK(ALICE));
	text = strstr(got, "\">\xe2\x82\xac");
	assert_non_null(text);
	assert_int_equal(strcspn(text + 2, "<"), 1023);
}

static void a_session_s_own_answer_is_for_who_may_see_it(void **state)
{
	struct session *a, *b;
	struct stanza st = { 0 };

	(void)state;
	a = im_session(A);
	b = im_session(B);
	EL_AUTO struct el *iq = el_iq("get", A);

	el_set(iq, "id", "l");
	el_set(iq, "from", B);
	el_add(iq, "query", NS_LAST);
	st = (struct stanza){ .el = iq, .kind = EL_IQ, .type = ST_IQ_GET, .session = b };
	st.from = jid_view(B);
	st.to = jid_view(A);
	assert_false(last_admits(&im.r, &st, a));
	assert_has(im_got(b), "<forbidden");
	im_send(a, "<presence to='" B "'/>");
	(void)im_got(b);
	assert_true(last_admits(&im.r, &st, a)); /* it has shown itself */
	assert_got(b, "");
}

static void a_loss_is_nobody_s_trouble(void **state)
{
	struct session *b;

	(void)state;
	befriend();
	loop_clock_advance(im.f.loop, 9000);
	db_fail_commits(im.f.db, 1, -EIO);
	session_of_alice("<presence/>", NULL);
	b = im_session(B);
	assert_has(answer(b, ASK(ALICE)), "seconds=\"9\"/>");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, im_setup, im_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(seconds_since_the_last_session_and_its_words),
		T(who_goes_without_a_word_leaves_none),
		T(who_came_back_has_not_said_so),
		T(zero_while_anybody_is_connected),
		T(only_the_last_of_several_sessions_counts),
		T(strangers_are_refused),
		T(an_account_that_was_never_used),
		T(a_long_status_is_cut),
		T(a_session_s_own_answer_is_for_who_may_see_it),
		T(a_loss_is_nobody_s_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
