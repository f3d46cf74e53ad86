/* SPDX-License-Identifier: MIT */
/* Exactly once: the component is killed at every point, and requests that it deferred. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "counter_fixture.h"

/* --- kills ------------------------------------------------------------------------------------ */

static void turns(struct fix *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		(void)loop_turn(f->l, db_waiting(f->c->ledger.db) > 0);
}

static void check_once(struct fix *f, int n)
{
	const char *at = fix_got(f);
	char want[32];

	assert_int_equal(counter_rows(f, "seen"), n);
	assert_int_equal(number(f, "SELECT count(DISTINCT seq) FROM seen"), n);
	assert_int_equal(number(f, "SELECT count(*) FROM seen a JOIN seen b ON a.at < b.at AND"
				   " a.seq > b.seq"),
	    0);
	assert_int_equal(f->n_in, n);
	assert_int_equal(f->in_h, n);
	for (int i = 1; i <= n; i++) { /* each once, in order */
		(void)snprintf(want, sizeof(want), "got=\"%d\"", i);
		assert_int_equal(fix_count(f, want), 1);
		at = strstr(at, want);
		assert_non_null(at);
	}
	assert_int_equal(f->acked_h, n);
	assert_int_equal(f->sessions, 1);
}

/* Six messages, killed after so many turns; three more; killed after half as many; three more. */
static void run_killed_at(unsigned at, bool lost)
{
	struct fix *f = counter_new();
	int n = 0;

	fix_online(f);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < (round ? 3 : 6); i++)
			fix_postf(f, N_MSG, ++n);
		turns(f, round ? at / 2 : at);
		fix_kill(f, lost);
		fix_postf(f, N_MSG, ++n);
		fix_revive(f);
	}
	fix_postf(f, N_MSG, ++n);
	fix_spin(f);
	fix_advance(f, COMP_COUNT_MS + 1);
	check_once(f, n);
	fix_advance(f, COMP_TRIM_MS + 1);
	assert_int_equal(counter_rows(f, "comp_outbox"), 0);
	fix_free(f);
}

static void test_killed_anywhere(void **state)
{
	(void)state;
	for (unsigned at = 0; at < 24; at++) {
		run_killed_at(at, false);
		run_killed_at(at, true);
	}
}

/* The connection is lost at every point while the component lives. */
static void test_cut_anywhere(void **state)
{
	(void)state;
	for (unsigned at = 0; at < 16; at++) {
		struct fix *f = counter_new();
		int n = 0;

		fix_online(f);
		for (int round = 0; round < 3; round++) {
			for (int i = 0; i < 4; i++)
				fix_postf(f, N_MSG, ++n);
			turns(f, at);
			fix_cut(f);
			fix_postf(f, N_MSG, ++n);
			fix_advance(f, 40000);
		}
		fix_advance(f, 100);
		check_once(f, n);
		assert_int_equal(counter.loads, 1);
		fix_free(f);
	}
}

/* --- deferred --------------------------------------------------------------------------------- */

static void test_deferred_is_repeated(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_post(f, Q_IQ("d1", "defer"));
	fix_spin(f);
	assert_int_equal(counter_rows(f, "comp_deferred"), 1);
	assert_int_equal(f->acked_h, 1);
	fix_kill(f, false);
	counter.kept = NULL;
	fix_revive(f);
	assert_int_equal(counter.repeated, 1);
	assert_int_equal(counter_rows(f, "comp_deferred"), 1);
	fix_kill(f, false); /* and again */
	fix_postf(f, N_MSG, 1);
	fix_revive(f);
	assert_int_equal(counter.repeated, 2);
	assert_string_equal(comp_from(counter.kept)->s, ME);
	comp_reply_ok(counter.kept);
	fix_spin(f);
	fix_has(f, "id=\"d1\"");
	assert_int_equal(f->n_in, 2);
	assert_int_equal(counter_rows(f, "comp_deferred"), 0);
	fix_kill(f, false);
	fix_revive(f);
	assert_int_equal(counter.repeated, 2);
	assert_int_equal(f->n_in, 2);
}

/* What is repeated comes before what is new. */
static void test_repeated_first(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_post(f, Q_IQ("d1", "defer"));
	fix_spin(f);
	fix_kill(f, false);
	fix_post(f, Q_IQ("d2", "defer"));
	fix_revive(f);
	assert_int_equal(counter.handled, 3);
	assert_string_equal(el_attr(comp_el(counter.kept), "id"), "d2");
	assert_false(comp_repeated(counter.kept));
}

static void test_answer_lost_with_its_transaction(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_post(f, Q_IQ("d1", "defer"));
	fix_spin(f);
	comp_reply_ok(counter.kept);
	fix_kill(f, true);
	assert_int_equal(f->n_in, 0);
	fix_revive(f);
	assert_int_equal(counter.repeated, 1);
	comp_reply_ok(counter.kept);
	fix_spin(f);
	assert_int_equal(f->n_in, 1);
	assert_int_equal(counter_rows(f, "comp_deferred"), 0);
}

static void test_defer_and_answer(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_post(f, Q_IQ("b1", "both"));
	fix_spin(f);
	assert_int_equal(f->n_in, 1);
	assert_int_equal(counter_rows(f, "comp_deferred"), 0);
	fix_kill(f, false);
	fix_revive(f);
	assert_int_equal(f->n_in, 1);
}

static void test_once_is_not_repeated(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_post(f, Q_IQ("o1", "once"));
	fix_spin(f);
	assert_int_equal(counter.handled, 1);
	fix_kill(f, false);
	fix_revive(f);
	assert_int_equal(counter.handled, 1);
	fix_has(f, "id=\"o1\"");
	fix_has(f, "<resource-constraint");
	fix_has(f, "type=\"wait\"");
	assert_int_equal(f->n_in, 1);
	assert_int_equal(counter_rows(f, "comp_deferred"), 0);
}

/* --- what the server has told ----------------------------------------------------------------- */

#define TOLD(inner) "<message from='test' to='" DOM "' id='t'>" inner "</message>"
#define GRANTS(perms) TOLD("<privilege xmlns='" NS_PRIVILEGE_2 "'>" perms "</privilege>")
#define DELEGATES(rows) TOLD("<delegation xmlns='" NS_DELEGATION "'>" rows "</delegation>")
#define MAY_SAY "<perm access='message' type='outgoing'/>"

/* Deferred, and done by the process that it is given to again. */
static int on_speak(struct comp_req *rq, void *arg)
{
	struct el *m;

	(void)arg;
	if (!comp_repeated(rq)) {
		(void)comp_defer(rq);
		return COMP_DONE;
	}
	m = el_message("chat", "bob@test");
	el_set(m, "from", "alice@test");
	if (comp_send_as(comp_of(rq), m) < 0)
		return -COND_NOT_ALLOWED;
	comp_reply_ok(rq);
	return COMP_DONE;
}

static const struct comp_route speak_rows[] = {
	{ EL_IQ, "set", NS_N, "speak", COMP_TO_ANY, on_speak, false },
};

static void revive_to_speak(struct fix *f)
{
	fix_make(f);
	comp_routes(f->c, speak_rows, 1, NULL);
	fix_start(f);
}

/* A request that is repeated before there is a link finds what it found at first. */
static void test_grants_outlive_the_process(void **state)
{
	struct fix *f = *state;

	comp_routes(f->c, speak_rows, 1, NULL);
	fix_online(f);
	fix_post(f, GRANTS(MAY_SAY));
	fix_post(f, DELEGATES("<delegated namespace='urn:d'/>"));
	fix_post(f, Q_IQ("s1", "speak"));
	fix_spin(f);
	assert_int_equal(f->acked_h, 3);
	fix_kill(f, false);
	f->mode = ROUTER_SILENT;
	revive_to_speak(f);
	assert_false(comp_online(f->c));
	assert_true(comp_may(f->c, "alice@test", COMP_MAY_MESSAGE));
	assert_true(comp_delegated(f->c, "urn:d"));
	assert_int_equal(counter_rows(f, "comp_deferred"), 0);
	f->mode = ROUTER_ACKS;
	fix_advance(f, COMP_HANDSHAKE_MS + 1);
	fix_advance(f, COMP_RETRY_MAX_MS);
	assert_true(f->resumed);
	fix_has(f, "<privilege xmlns=\"" NS_PRIVILEGE_2 "\"><forwarded");
	fix_has(f, "<iq type=\"result\" id=\"s1\"");
	assert_int_equal(f->n_in, 2);
	/* What is taken back is taken back. */
	fix_post(f, GRANTS(""));
	fix_spin(f);
	fix_kill(f, false);
	fix_make(f);
	assert_false(comp_may(f->c, "alice@test", COMP_MAY_MESSAGE));
	assert_true(comp_delegated(f->c, "urn:d"));
}

static unsigned granted;

/* What it writes and sends is part of that stanza's transaction. */
static void on_granted(struct comp *c, void *arg)
{
	static struct db_q q = { "INSERT INTO seen(seq) VALUES($1)" };

	(void)arg;
	assert_true(c->ledger.in_handler);
	granted += comp_may(c, "alice@test", COMP_MAY_MESSAGE);
	db_batch_add(comp_tx(c), &q, "i", (int64_t)100 + granted);
	assert_int_equal(comp_send(c, el_message(NULL, ME)), 0);
}

/* It is told of what the server says, not of what it once said or of who is not the server. */
static void test_news_of_grants(void **state)
{
	struct fix *f = *state;

	granted = 0;
	f->ops.granted = on_granted;
	fix_online(f);
	fix_post(f, "<message from='me@test/r' to='" DOM "'><privilege xmlns='" NS_PRIVILEGE_2
		    "'>" MAY_SAY "</privilege></message>");
	fix_spin(f);
	assert_int_equal(counter_rows(f, "seen"), 0);
	fix_post(f, GRANTS(MAY_SAY));
	fix_post(f, TOLD("<privilege xmlns='" NS_PRIVILEGE_1 "'>" MAY_SAY "</privilege>"));
	fix_spin(f);
	assert_int_equal(granted, 1);
	assert_int_equal(counter_rows(f, "seen"), 1);
	assert_int_equal(f->n_in, 1);
	fix_kill(f, false);
	fix_revive(f);
	assert_true(comp_may(f->c, "alice@test", COMP_MAY_MESSAGE));
	assert_int_equal(granted, 1);
	fix_post(f, GRANTS(MAY_SAY));
	fix_spin(f);
	assert_int_equal(granted, 2);
	fix_kill(f, false);
	f->mode = ROUTER_ACCEPT; /* a plain link */
	fix_revive(f);
	fix_send(f, GRANTS(MAY_SAY));
	assert_int_equal(granted, 3);
	assert_int_equal(counter_rows(f, "seen"), 3);
}

static void test_grants_end_with_their_session(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_post(f, GRANTS(MAY_SAY));
	fix_post(f, DELEGATES("<delegated namespace='urn:d'/>"));
	fix_spin(f);
	assert_int_equal(counter_rows(f, "comp_told"), 2);
	fix_cut(f);
	f->resume = FAILS;
	fix_advance(f, 2000);
	assert_false(comp_may(f->c, "alice@test", COMP_MAY_MESSAGE));
	assert_int_equal(counter_rows(f, "comp_told"), 0);
	fix_kill(f, false);
	fix_make(f);
	assert_false(comp_may(f->c, "alice@test", COMP_MAY_MESSAGE));
	assert_false(comp_delegated(f->c, "urn:d"));
}

/* On a plain link nothing is kept; nor is what others say, or more than has a place. */
static void test_what_is_not_kept(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_post(f, "<message from='me@test/r' to='" DOM "'><delegation xmlns='" NS_DELEGATION
		    "'/></message>");
	fix_post(f, "<message from='test' to='" DOM
		    "' type='error'><privilege xmlns='" NS_PRIVILEGE_2 "'/></message>");
	fix_spin(f);
	assert_int_equal(counter_rows(f, "comp_told"), 0);
	fix_kill(f, false);
	f->mode = ROUTER_ACCEPT;
	fix_revive(f);
	fix_send(f, GRANTS(MAY_SAY));
	fix_send(f, DELEGATES("<delegated namespace='urn:d'/>"));
	assert_true(comp_may(f->c, "alice@test", COMP_MAY_MESSAGE));
	assert_int_equal(counter_rows(f, "comp_told"), 0);
}

/* Another domain's requests, output and session are not ours. */
static void test_another_domain(void **state)
{
	static char other[] = "other.test";
	struct fix *f = *state;

	fix_online(f);
	f->mute = true;
	fix_post(f, Q_IQ("d1", "defer"));
	fix_post(f, GRANTS(MAY_SAY));
	fix_postf(f, N_MSG, 1);
	fix_spin(f);
	assert_int_equal(counter_rows(f, "comp_told"), 1);
	fix_kill(f, false);
	f->conf.domain = other;
	fix_make(f);
	fix_logged(f, "was another domain's");
	assert_int_equal(counter_rows(f, "comp_deferred"), 0);
	assert_int_equal(counter_rows(f, "comp_outbox"), 0);
	assert_int_equal(counter_rows(f, "comp_told"), 0);
	assert_int_equal(counter_rows(f, "seen"), 1);
	assert_null(f->c->ledger.sm_id);
}

/* --- two processes ---------------------------------------------------------------------------- */

/* The first one hangs, is replaced and wakes: it writes, sends and acknowledges nothing. */
static void test_incarnation(void **state)
{
	struct fix *f = *state;
	struct comp *old;
	unsigned acks;

	fix_online(f);
	fix_postf(f, N_MSG, 1);
	fix_spin(f);
	acks = f->acks;
	old = f->c;
	fix_make(f); /* the second process, not started yet */
	fix_post(f, Q_IQ("d1", "defer"));
	fix_postf(f, N_MSG, 2);
	for (int i = 0; i < 200 && old->ledger.state != LEDGER_LOST; i++)
		(void)loop_turn(f->l, db_waiting(old->ledger.db) > 0);
	fix_spin(f);
	assert_int_equal(old->ledger.state, LEDGER_LOST);
	fix_logged(f, "another process has opened");
	assert_int_equal(f->n_in, 1);
	assert_int_equal(f->acks, acks);
	assert_int_equal(counter_rows(f, "seen"), 1);
	assert_int_equal(counter_rows(f, "comp_deferred"), 0);
	fix_advance(f, 60000);
	assert_int_equal(f->accepted, 1); /* nor does it come back */
	comp_free(old);
	counter.handled = 0;
	fix_start(f);
	assert_int_equal(counter.handled, 2);
	assert_int_equal(counter_rows(f, "seen"), 2);
	assert_int_equal(f->sessions, 1);
}

/* One that had nothing to write finds out before it takes the link back. */
static void test_incarnation_at_connect(void **state)
{
	struct fix *f = *state;
	struct comp *old;

	fix_online(f);
	old = f->c;
	fix_make(f);
	fix_cut(f);
	fix_advance(f, 60000);
	assert_int_equal(f->accepted, 1);
	assert_int_equal(old->ledger.state, LEDGER_LOST);
	comp_free(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_anywhere),
		cmocka_unit_test(test_cut_anywhere),
		COUNTER_TEST(test_deferred_is_repeated),
		COUNTER_TEST(test_repeated_first),
		COUNTER_TEST(test_answer_lost_with_its_transaction),
		COUNTER_TEST(test_defer_and_answer),
		COUNTER_TEST(test_once_is_not_repeated),
		COUNTER_TEST(test_grants_outlive_the_process),
		COUNTER_TEST(test_news_of_grants),
		COUNTER_TEST(test_grants_end_with_their_session),
		COUNTER_TEST(test_what_is_not_kept),
		COUNTER_TEST(test_another_domain),
		COUNTER_TEST(test_incarnation),
		COUNTER_TEST(test_incarnation_at_connect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
