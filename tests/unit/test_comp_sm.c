/* SPDX-License-Identifier: MIT */
/* XEP-0198 on a component's link: negotiation, counts, what goes wrong with them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "counter_fixture.h"

static void say(struct fix *f, const char *id)
{
	struct el *m = el_message(NULL, ME);

	el_set(m, "id", id);
	assert_int_equal(comp_send(f->c, m), 0);
}

/* The link stands; one stanza is sent and not acknowledged. */
static void one_waits(struct fix *f)
{
	fix_online(f);
	f->mute = true;
	say(f, "one");
	fix_spin(f);
}

/* --- negotiation ------------------------------------------------------------------------------ */

static void test_enabled(void **state)
{
	struct fix *f = *state;

	f->offers = "<x xmlns='urn:test:offered'/>";
	fix_online(f);
	assert_false(f->resumed);
	assert_int_equal(f->sessions, 1);
	assert_string_equal(f->c->ledger.sm_id, "sm1");
	assert_true(comp_offers(f->c, "urn:test:offered"));
	assert_true(comp_offers(f->c, NS_SM));
	assert_false(comp_offers(f->c, "urn:test:not"));
	fix_logged(f, "acknowledged");
	fix_cut(f);
	assert_false(comp_offers(f->c, NS_SM));
}

static void test_no_features_no_wait(void **state)
{
	struct fix *f = *state;

	f->mode = ROUTER_ACCEPT;
	fix_online(f);
	assert_null(f->c->ledger.sm_id);
	fix_send(f, "<message from='" ME "' to='" DOM "'><n xmlns='" NS_N "' seq='1'/></message>");
	fix_has(f, "got=\"1\"");
	assert_int_equal(f->acks + f->asks, 0);
	assert_int_equal(counter_rows(f, "seen"), 1);
	assert_int_equal(counter_rows(f, "comp_outbox"), 0);
	fix_send(f, Q_IQ("d", "defer"));
	assert_int_equal(counter_rows(f, "comp_deferred"), 0);
}

static void test_enable_is_refused(void **state)
{
	struct fix *f = *state;

	f->refuses_enable = true;
	fix_online(f);
	assert_null(f->c->ledger.sm_id);
	say(f, "x");
	fix_spin(f);
	assert_int_equal(f->n_in, 1);
	assert_int_equal(counter_rows(f, "comp_outbox"), 0);
}

static void test_features_never_come(void **state)
{
	struct fix *f = *state;

	f->mode = ROUTER_NO_FEATURES;
	fix_start(f);
	assert_false(comp_online(f->c));
	fix_advance(f, COMP_HANDSHAKE_MS + 1);
	assert_int_equal(f->received, STREAM_E_CONNECTION_TIMEOUT);
	fix_logged(f, "the link was not negotiated");
}

/* The server has not waited for what we would say. */
static void test_stanza_before_the_end_of_negotiations(void **state)
{
	struct fix *f = *state;

	f->mode = ROUTER_NO_FEATURES;
	fix_start(f);
	fix_send(f, "<message from='" ME "' to='" DOM "'><n xmlns='" NS_N "' seq='1'/></message>");
	assert_true(comp_online(f->c));
	assert_int_equal(f->onlines, 1);
	fix_has(f, "got=\"1\"");
	fix_send(f, "<failed xmlns='" NS_SM "'/>"); /* to what we said too late */
	fix_send(f, "<message from='" ME "' to='" DOM "'><n xmlns='" NS_N "' seq='2'/></message>");
	fix_has(f, "got=\"2\"");
	assert_int_equal(f->acks + f->asks, 0);
}

static void test_resumed(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	f->mute = true;
	say(f, "one");
	fix_postf(f, N_MSG, 1);
	fix_spin(f);
	assert_int_equal(f->n_in, 2);
	fix_cut(f);
	assert_int_equal(f->offlines, 1);
	say(f, "two"); /* an acknowledged link takes it all the same */
	fix_spin(f);
	fix_advance(f, 2000);
	assert_true(f->resumed);
	assert_int_equal(f->resumptions, 1);
	assert_int_equal(f->resumed_h, 1);
	assert_int_equal(f->n_in, 3);
	fix_has(f, "id=\"two\"");
	assert_int_equal(counter.handled, 1);
}

/* The server has some of a transaction's stanzas, and sends its count with <resumed/>. */
static void test_part_of_a_row(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	f->mute = true;
	say(f, "one");
	say(f, "two");
	say(f, "three");
	fix_spin(f);
	assert_int_equal(counter_rows(f, "comp_outbox"), 1);
	f->in_h = 1;
	fix_clear(f);
	fix_kill(f, false);
	fix_revive(f);
	assert_int_equal(f->n_in, 2);
	fix_hasnt(f, "one");
	assert_true(strstr(fix_got(f), "two") < strstr(fix_got(f), "three"));
	fix_send(f, "<a xmlns='" NS_SM "' h='2'/>");
	fix_advance(f, COMP_TRIM_MS + 1);
	assert_int_equal(counter_rows(f, "comp_outbox"), 1);
	fix_send(f, "<a xmlns='" NS_SM "' h='3'/>");
	fix_advance(f, COMP_TRIM_MS + 1);
	assert_int_equal(counter_rows(f, "comp_outbox"), 0);
}

static void test_other_session_resumed(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_cut(f);
	f->resume = RESUMES_OTHER;
	fix_advance(f, 2000);
	assert_false(comp_online(f->c));
	assert_int_equal(f->received, STREAM_E_BAD_FORMAT);
}

/* The router had it all; it says so although the session is gone. */
static void test_failed_with_h(void **state)
{
	struct fix *f = *state;

	one_waits(f);
	fix_kill(f, false);
	f->resume = FAILS_WITH_H;
	f->mute = false;
	fix_make(f);
	say(f, "two");
	fix_start(f);
	fix_advance(f, 100);
	assert_int_equal(f->sessions, 2);
	assert_false(f->resumed);
	assert_int_equal(fix_count(f, "id=\"one\""), 1);
	assert_int_equal(fix_count(f, "id=\"two\""), 1);
	fix_postf(f, N_MSG, 1);
	fix_advance(f, 100);
	assert_int_equal(f->acked_h, 1); /* counts began anew */
	assert_int_equal(f->in_h, 2);
	fix_advance(f, COMP_TRIM_MS + 1);
	assert_int_equal(counter_rows(f, "comp_outbox"), 0);
	f->resume = RESUMES;
	fix_cut(f);
	fix_advance(f, 2000);
	assert_true(f->resumed);
	assert_int_equal(f->n_in, 3);
}

/* The router was restarted: all that was not acknowledged comes again, in order. */
static void test_failed_without_h(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	say(f, "zero");
	fix_spin(f);
	f->mute = true;
	say(f, "one");
	say(f, "two");
	fix_spin(f);
	fix_cut(f);
	f->resume = FAILS;
	say(f, "three");
	fix_clear(f);
	fix_advance(f, 2000);
	assert_int_equal(f->sessions, 2);
	fix_hasnt(f, "id=\"zero\"");
	assert_int_equal(f->n_in, 3);
	assert_true(strstr(fix_got(f), "one") < strstr(fix_got(f), "two"));
	assert_true(strstr(fix_got(f), "two") < strstr(fix_got(f), "three"));
	fix_logged(f, "lvl=warn mod=link");
	fix_logged(f, "the link could not be resumed: what was not acknowledged is sent again");
}

/* And when nothing waits it is no reason for a warning. */
static void test_failed_and_nothing_waits(void **state)
{
	struct fix *f = *state;
	const char *line;

	fix_online(f);
	say(f, "zero");
	fix_spin(f);
	fix_cut(f);
	f->resume = FAILS;
	fix_advance(f, 2000);
	assert_int_equal(f->sessions, 2);
	line = strstr(sbuf_str(&f->log), "lvl=info mod=link jid=" DOM " msg=\"the link could not");
	assert_non_null(line);
	assert_non_null(strstr(line, "could not be resumed\"\n"));
}

/* What came in the lost session and was not handled has been answered by the router. */
static void test_new_session_counts_from_zero(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	for (int i = 1; i <= 3; i++)
		fix_postf(f, N_MSG, i);
	fix_spin(f);
	fix_cut(f);
	f->resume = FAILS;
	fix_postf(f, N_MSG, 4);
	fix_advance(f, 2000);
	fix_postf(f, N_MSG, 5);
	fix_spin(f);
	assert_int_equal(counter.handled, 4);
	assert_int_equal(counter.last, 5);
	assert_int_equal(f->acked_h, 1);
}

/* The id of a session is in the database before anything of it leaves. */
static void test_session_first(void **state)
{
	struct fix *f = *state;

	one_waits(f);
	fix_clear(f);
	fix_cut(f);
	f->resume = FAILS;
	db_fail_commits(f->c->ledger.db, 1, -EIO);
	fix_advance(f, 900);
	if (f->sessions < 2)
		fix_advance(f, 200);
	assert_int_equal(f->sessions, 2);
	assert_int_equal(f->n_in, 0);
	assert_false(comp_online(f->c));
	assert_int_equal(counter.forgets, 1);
}

/* A link that is cut all the time but of use comes back soon, one that is not waits longer. */
static void test_back_off(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	for (int i = 1; i <= 6; i++) {
		fix_postf(f, N_MSG, i);
		fix_spin(f);
		fix_cut(f);
		fix_advance(f, COMP_RETRY_MS + 1);
		assert_true(comp_online(f->c));
	}
	for (int i = 0; i < 3; i++) {
		fix_cut(f);
		fix_advance(f, COMP_RETRY_MAX_MS);
	}
	fix_cut(f);
	fix_advance(f, COMP_RETRY_MS + 1);
	assert_false(comp_online(f->c));
}

/* --- counts ----------------------------------------------------------------------------------- */

static void bad_ack(struct fix *f, const char *a)
{
	unsigned sessions = f->sessions;

	fix_send(f, a);
	assert_false(comp_online(f->c));
	fix_advance(f, 32000);
	assert_true(comp_online(f->c));
	assert_int_equal(f->sessions, sessions + 1);
	assert_int_equal(f->resumptions, 0);
}

static void test_impossible_counts(void **state)
{
	struct fix *f = *state;

	one_waits(f);
	bad_ack(f, "<a xmlns='" NS_SM "' h='2'/>");
	assert_int_equal(f->received, STREAM_E_UNDEFINED_CONDITION);
	fix_logged(f, "acknowledged 2 stanzas of 1");
	assert_int_equal(fix_count(f, "id=\"one\""), 2); /* it was never acknowledged */
	bad_ack(f, "<a xmlns='" NS_SM "' h='4294967295'/>");
	fix_send(f, "<a xmlns='" NS_SM "' h='1'/>");
	assert_true(comp_online(f->c));
	bad_ack(f, "<a xmlns='" NS_SM "' h='0'/>"); /* back again */
}

static void test_malformed_counts(void **state)
{
	static const char *const bad[] = { "<a xmlns='" NS_SM "'/>", "<a xmlns='" NS_SM "' h=''/>",
		"<a xmlns='" NS_SM "' h='-1'/>", "<a xmlns='" NS_SM "' h='1x'/>",
		"<a xmlns='" NS_SM "' h='4294967296'/>" };
	struct fix *f = *state;

	fix_online(f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fix_send(f, bad[i]);
		assert_false(comp_online(f->c));
		assert_int_equal(f->received, STREAM_E_BAD_FORMAT);
		fix_advance(f, 32000);
		assert_true(comp_online(f->c));
		assert_int_equal(f->sessions, 1); /* it is resumed: nothing is known to be lost */
	}
}

static void test_resumed_with_an_impossible_count(void **state)
{
	struct fix *f = *state;

	one_waits(f);
	fix_cut(f);
	f->in_h = 7;
	fix_advance(f, 32000);
	assert_int_equal(f->received, STREAM_E_UNDEFINED_CONDITION);
	fix_advance(f, 32000);
	assert_true(comp_online(f->c));
	assert_int_equal(f->sessions, 2);
	assert_int_equal(fix_count(f, "id=\"one\""), 2);
}

static void test_requests_are_answered_at_once(void **state)
{
	struct fix *f = *state;
	unsigned before;

	fix_online(f);
	before = f->acks;
	fix_send(f, "<r xmlns='" NS_SM "'/>");
	assert_int_equal(f->acks, before + 1);
	assert_int_equal(f->acked_h, 0);
	/* Asked before it is committed: the answer comes at once, the rest by itself. */
	fix_postf(f, N_MSG, 1);
	fix_send(f, "<r xmlns='" NS_SM "'/>");
	assert_int_equal(f->acked_h, 1);
}

static void test_quiet_stanza_is_counted(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_post(f, "<message from='" ME "' to='" DOM "'><quiet xmlns='" NS_N "'/></message>");
	fix_spin(f);
	assert_int_equal(counter.handled, 1);
	assert_int_equal(f->acked_h, 0);
	fix_advance(f, COMP_COUNT_MS);
	assert_int_equal(f->acked_h, 1);
	fix_kill(f, false);
	fix_revive(f);
	assert_int_equal(counter.handled, 1);
}

static void test_one_request_at_a_time(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	f->mute = true;
	for (int i = 0; i < 5; i++) {
		say(f, "x");
		fix_spin(f);
	}
	assert_int_equal(f->asks, 1);
	fix_send(f, "<a xmlns='" NS_SM "' h='3'/>");
	assert_int_equal(f->asks, 2); /* two more were sent after the first request */
	fix_send(f, "<a xmlns='" NS_SM "' h='4'/>");
	assert_int_equal(f->asks, 2); /* and none after this one */
}

static void test_silence(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_advance(f, COMP_PING_MS + 1);
	assert_int_equal(f->asks, 1);
	assert_int_equal(f->n_in, 0);
	fix_advance(f, COMP_PONG_MS + 1);
	assert_true(comp_online(f->c));
	f->mute = true;
	fix_advance(f, COMP_PING_MS + 1);
	fix_advance(f, COMP_PONG_MS + 1);
	assert_false(comp_online(f->c));
}

/* --- questions -------------------------------------------------------------------------------- */

static void test_questions_survive_a_resumption(void **state)
{
	struct fix *f = *state;
	char id[64];

	fix_online(f);
	fix_post(f, Q_IQ("a1", "ask"));
	fix_spin(f);
	assert_non_null(strstr(fix_got(f), "id=\""));
	assert_int_equal(sscanf(strstr(fix_got(f), " id=\""), " id=\"%60[^\"]", id), 1);
	fix_cut(f);
	assert_int_equal(counter.asks_over, 0);
	fix_postf(f, "<iq type='result' id='%s' from='" ME "' to='" DOM "'/>", id);
	fix_advance(f, 2000);
	assert_int_equal(counter.asks_over, 1);
	assert_int_equal(counter.ask_err, 0);
	fix_has(f, "id=\"a1\"");
}

static void test_questions_end_with_their_session(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_post(f, Q_IQ("a1", "ask"));
	fix_spin(f);
	fix_cut(f);
	f->resume = FAILS_WITH_H;
	fix_advance(f, 2000);
	assert_int_equal(counter.asks_over, 1);
	assert_int_equal(counter.ask_err, -ENOTCONN);
}

/* --- plain links ------------------------------------------------------------------------------ */

static void test_plain_after_acknowledged(void **state)
{
	struct fix *f = *state;

	one_waits(f);
	fix_kill(f, false);
	fix_clear(f);
	f->mode = ROUTER_ACCEPT;
	fix_make(f);
	say(f, "two");
	fix_start(f);
	assert_true(comp_online(f->c));
	assert_int_equal(f->n_in, 2);
	say(f, "three");
	fix_spin(f);
	assert_int_equal(f->n_in, 3);
	assert_null(f->c->ledger.sm_id);
	fix_advance(f, COMP_TRIM_MS + 1);
	assert_int_equal(counter_rows(f, "comp_outbox"), 0);
	fix_kill(f, false);
	fix_revive(f);
	assert_int_equal(f->n_in, 3);
	fix_cut(f);
	assert_int_equal(comp_send(f->c, el_message(NULL, ME)), -ENOTCONN);
}

/* --- stop ------------------------------------------------------------------------------------- */

static void test_stop(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_post(f, Q_IQ("d1", "defer"));
	fix_postf(f, N_MSG, 1);
	fix_post(f, "<message from='" ME "' to='" DOM "'><quiet xmlns='" NS_N "'/></message>");
	for (int i = 0; counter.handled < 3 && i < 100; i++)
		(void)loop_turn(f->l, false);
	fix_stop(f);
	fix_spin(f);
	assert_int_equal(f->stoppeds, 1);
	assert_int_equal(f->acked_h, 3);
	assert_int_equal(f->n_in, 1);
	assert_int_equal(f->received, STREAM_E_NONE);
	assert_int_equal(counter_rows(f, "comp_deferred"), 1);
	comp_reply_ok(counter.kept); /* too late */
	fix_kill(f, false);
	fix_revive(f);
	assert_true(f->resumed);
	assert_int_equal(counter.repeated, 1);
	comp_reply_ok(counter.kept);
	fix_spin(f);
	assert_int_equal(f->n_in, 2);
}

/* --- whose word it is ------------------------------------------------------------------------- */

static void test_forged(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_post(f, "<iq type='set' id='1' from='" ME "' to='" DOM
		    "'><delegate xmlns='urn:xmpp:delegation:2'/></iq>");
	fix_post(f, "<iq type='set' id='2' from='tests' to='" DOM
		    "'><delegate xmlns='urn:xmpp:delegation:2'/></iq>");
	fix_post(f, "<message from='" ME "' to='" DOM
		    "'><privilege xmlns='urn:xmpp:privilege:2'/></message>");
	fix_spin(f);
	fix_advance(f, COMP_COUNT_MS + 1);
	assert_int_equal(f->n_in, 2);
	assert_int_equal(fix_count(f, "<forbidden"), 2);
	fix_logged(f, "is not the server");
	assert_int_equal(f->acked_h, 3);
}

static void test_router_domains(void **state)
{
	static char one[] = "One.Test", two[] = "two.test";
	static char *list[] = { one, two };
	const struct jid yes = jid_view("one.test"), bare = jid_view("u@one.test");
	const struct jid above = jid_view("test");
	struct fix *f = *state;

	assert_true(comp_is_router(f->c, &above));
	assert_false(comp_is_router(f->c, &yes));
	fix_kill(f, false);
	f->conf.router_domains.v = list;
	f->conf.router_domains.n = 2;
	fix_make(f);
	assert_true(comp_is_router(f->c, &yes));
	assert_false(comp_is_router(f->c, &bare));
	assert_false(comp_is_router(f->c, &above));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		COUNTER_TEST(test_enabled),
		COUNTER_TEST(test_no_features_no_wait),
		COUNTER_TEST(test_enable_is_refused),
		COUNTER_TEST(test_features_never_come),
		COUNTER_TEST(test_stanza_before_the_end_of_negotiations),
		COUNTER_TEST(test_resumed),
		COUNTER_TEST(test_part_of_a_row),
		COUNTER_TEST(test_other_session_resumed),
		COUNTER_TEST(test_failed_with_h),
		COUNTER_TEST(test_failed_without_h),
		COUNTER_TEST(test_failed_and_nothing_waits),
		COUNTER_TEST(test_new_session_counts_from_zero),
		COUNTER_TEST(test_session_first),
		COUNTER_TEST(test_back_off),
		COUNTER_TEST(test_impossible_counts),
		COUNTER_TEST(test_malformed_counts),
		COUNTER_TEST(test_resumed_with_an_impossible_count),
		COUNTER_TEST(test_requests_are_answered_at_once),
		COUNTER_TEST(test_quiet_stanza_is_counted),
		COUNTER_TEST(test_one_request_at_a_time),
		COUNTER_TEST(test_silence),
		COUNTER_TEST(test_questions_survive_a_resumption),
		COUNTER_TEST(test_questions_end_with_their_session),
		COUNTER_TEST(test_plain_after_acknowledged),
		COUNTER_TEST(test_stop),
		COUNTER_TEST(test_forged),
		COUNTER_TEST(test_router_domains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
