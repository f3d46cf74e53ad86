/* SPDX-License-Identifier: MIT */
/* What a session has in flight when it is resumed (XEP-0198), or when it ends and another one of
 * the same client goes on: numbers, repeats, and what becomes of the first ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include <base/loop.h>
#include <base/mem.h>

#include "c2s/conn.h"
#include "conf.h"
#include "core/session.h"
#include "core/session_sm.h"
#include "core/stanza.h"
#include "core/untold.h"
#include "router.h"
#include "session_fixture.h"

static struct conn c;

static void begin_session(const char *jid_text)
{
	const struct jid jid = jid_view(jid_text);

	c.session = session_new(r.sessions, &jid, c.stream, &c, NULL);
	session_sm_begin(c.session, 60000);
}

static void end_session(void)
{
	struct session *s = c.session;

	untold_keep(sessions_untold(r.sessions), s);
	session_flight_detach(s);
	session_free(s);
	(void)loop_turn(r.loop, false);
	c.session = NULL;
}

static int setup(void **state)
{
	(void)state;
	conf = (struct router_conf){ 0 };
	router_open();
	c = (struct conn){ .router = &r, .stream = session_stream(0) };
	timer_init(&c.patience, r.loop, conn_flight_patience, &c);
	begin_session("alice@example.org/phone");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (c.session)
		end_session();
	timer_done(&c.patience);
	stream_free(c.stream);
	close(far);
	router_close();
	return 0;
}

static struct stanza *message(const char *id)
{
	struct stanza *st = NULL;
	struct el *el = el_message("chat", "bob@example.org");

	el_set(el, "id", id);
	assert_int_equal(stanza_new(&st, el), 0);
	return st;
}

/* It comes, and somebody holds it. */
static struct stanza *sends(const char *id)
{
	struct stanza *st = message(id);

	assert_true(conn_flight_add(&c, st));
	conn_flight_routed(st);
	return st;
}

static void sends_settled(const char *id)
{
	stanza_release(sends(id));
}

/* Has come before, and is not routed. */
static void repeats(const char *id)
{
	struct stanza *st = message(id);

	assert_false(conn_flight_add(&c, st));
	assert_int_equal(st->holds, 1);
	stanza_release(st);
}

static uint32_t counts(void)
{
	return session_sm_handled(c.session);
}

/* --- resumed ---------------------------------------------------------------------------------- */

static void over_the_end_of_numbers(void **state)
{
	struct stanza *first, *last;
	struct session *s = c.session;

	(void)state;
	s->sm->base = s->flight.in = UINT32_MAX - 2;
	sends_settled("1");
	first = sends("2");
	sends_settled("3");
	last = sends("4");
	assert_true(session_sm_pending(s));
	assert_int_equal(session_sm_rewind(s), 1);
	assert_false(session_sm_pending(s));
	assert_int_equal(s->flight.in, UINT32_MAX - 1);
	assert_int_equal(s->flight.n, 2);
	repeats("2");
	assert_int_equal(counts(), 1);
	repeats("3");
	repeats("4");
	assert_int_equal(s->flight.in, 1);
	assert_int_equal(counts(), 1);
	stanza_release(first);
	assert_int_equal(counts(), 3);
	stanza_release(last);
	assert_int_equal(counts(), 4);
	assert_int_equal(s->flight.n + s->flight.bytes, 0);
}

static void what_is_not_repeated_does_not_count(void **state)
{
	struct stanza *first = sends("1"), *second = sends("2"), *fresh;

	(void)state;
	assert_int_equal(session_sm_rewind(c.session), 0);
	stanza_release(second);
	assert_int_equal(counts(), 0);
	fresh = sends("new");
	assert_int_equal(fresh->number, 1);
	stanza_release(fresh);
	assert_int_equal(counts(), 1);
	repeats("2");
	assert_int_equal(counts(), 2);
	stanza_release(first); /* it was left out */
	assert_int_equal(counts(), 2);
	assert_int_equal(c.session->flight.n, 0);
}

static void from_before_it_began(void **state)
{
	struct stanza *before, *first;
	struct session *s = c.session;

	(void)state;
	session_sm_free(s);
	before = sends("0");
	session_sm_begin(s, 60000);
	first = sends("1");
	assert_int_equal(session_sm_rewind(s), 0);
	assert_int_equal(s->flight.in, 1);
	repeats("1");
	stanza_release(first);
	assert_int_equal(counts(), 1);
	assert_int_equal(s->flight.n, 1);
	stanza_release(before);
}

static void it_ends_before_they_settle(void **state)
{
	struct stanza *apart = sends("1"), *again = sends("2"), *fresh;

	(void)state;
	assert_int_equal(session_sm_rewind(c.session), 0);
	repeats("2"); /* the first is left out */
	fresh = sends("3");
	end_session();
	assert_null(apart->session);
	assert_null(again->session);
	assert_null(fresh->session);
	stanza_release(fresh);
	stanza_release(apart);
	stanza_release(again);
}

static void too_many_to_be_resumed(void **state)
{
	struct stanza *first = sends("first");

	(void)state;
	for (unsigned i = 1; i < REPEATS_MAX; i++)
		sends_settled(NULL);
	assert_true(session_sm_may_sleep(c.session));
	sends_settled(NULL);
	assert_false(session_sm_may_sleep(c.session));
	assert_int_equal(counts(), 0);
	stanza_release(first);
	assert_int_equal(counts(), REPEATS_MAX + 1);
}

/* --- who waits for it ------------------------------------------------------------------------- */

static unsigned woken;

static void wake(void *arg)
{
	(void)arg;
	woken++;
}

static void who_waits_is_told(void **state)
{
	struct stanza *first = sends("1"), *second = sends("2");
	struct session_wait w;

	(void)state;
	woken = 0;
	task_init(&w.task, wake, NULL);
	session_sm_await(c.session, &w);
	stanza_release(second);
	(void)loop_turn(r.loop, false);
	assert_int_equal(woken, 0);
	stanza_release(first);
	(void)loop_turn(r.loop, false);
	assert_int_equal(woken, 1);
	end_session();
	assert_null(w.session);
	assert_int_equal(woken, 2);
}

static void it_sleeps_no_longer_than_it_is_waited_for(void **state)
{
	struct session *s = c.session;
	struct session_wait w;

	(void)state;
	task_init(&w.task, wake, NULL);
	session_sm_sleep(s);
	session_sm_await(s, &w);
	assert_false(timer_armed(&s->sm->timer));
	session_sm_await(s, NULL);
	assert_true(timer_armed(&s->sm->timer));
	session_sm_end_soon(s);
	session_sm_await(s, &w); /* that is not put off */
	assert_true(timer_armed(&s->sm->timer));
	session_sm_await(s, NULL);
}

/* --- another session -------------------------------------------------------------------------- */

static void another_session(const char *jid)
{
	end_session();
	begin_session(jid);
}

static void again_in_another_session(void **state)
{
	(void)state;
	sends_settled("1");
	sends_settled("2");
	for (int i = 0; i < 3; i++) {
		another_session("alice@example.org/phone");
		repeats("2");
		repeats("1");
		assert_int_equal(counts(), 2);
	}
	sends_settled("1"); /* once for each time */
}

static void another_client(void **state)
{
	(void)state;
	sends_settled("1");
	another_session("alice@example.org/desk");
	sends_settled("1");
	another_session("bob@example.org/phone");
	sends_settled("1");
	another_session("alice@example.org/phone");
	repeats("1");
}

static void the_first_is_in_flight(void **state)
{
	struct stanza *first = sends("1");

	(void)state;
	another_session("alice@example.org/phone");
	repeats("1");
	assert_ptr_equal(first->session, c.session);
	sends_settled("2");
	assert_int_equal(counts(), 0);
	assert_int_equal(session_sm_rewind(c.session), 0); /* and resumed */
	repeats("1");
	repeats("2");
	assert_int_equal(counts(), 0);
	stanza_release(first);
	assert_int_equal(counts(), 2);
	assert_int_equal(c.session->flight.n + c.session->flight.bytes, 0);
}

static void the_first_settles_without_a_session(void **state)
{
	struct stanza *fails = sends("1"), *arrives = sends("2"), *is_dropped = sends("3");

	(void)state;
	another_session("alice@example.org/phone");
	fails->bounced = true;
	is_dropped->dropped = true;
	stanza_release(fails);
	stanza_release(arrives);
	stanza_release(is_dropped);
	sends_settled("1");
	repeats("2");
	sends_settled("3");
}

static void the_first_had_failed(void **state)
{
	struct stanza *fails = sends("1");

	(void)state;
	fails->bounced = true;
	stanza_release(fails);
	another_session("alice@example.org/phone");
	sends_settled("1");
}

static void what_it_was_told_of(void **state)
{
	(void)state;
	sends_settled("1");
	sends_settled("2");
	repeats_sure(&c.session->sm->repeats, 1);
	another_session("alice@example.org/phone");
	sends_settled("1");
	repeats("2");
}

static void not_repeated_after_it_was_resumed(void **state)
{
	struct stanza *first = sends("1");

	(void)state;
	sends_settled("2");
	assert_int_equal(session_sm_rewind(c.session), 0);
	another_session("alice@example.org/phone");
	repeats("1");
	repeats("2");
	stanza_release(first);
	assert_int_equal(counts(), 2);
}

/* Of more than so many the last ones, wherever they stand. */
static void the_last_of_those_in_flight(void **state)
{
	enum { N = REPEATS_TAIL + 2 };
	struct stanza *st[N];
	char id[8];

	(void)state;
	sends_settled("s");
	for (int i = 0; i < N; i++) {
		(void)snprintf(id, sizeof(id), "%d", i);
		st[i] = sends(i == N / 2 ? NULL : id); /* nobody would know it again */
	}
	another_session("alice@example.org/phone");
	assert_int_equal(map_len(&sessions_untold(r.sessions)->by_key), REPEATS_TAIL);
	assert_ptr_equal(st[0]->session, NULL);
	sends_settled("s");
	sends_settled("0");
	repeats("1");
	for (int i = 0; i < N; i++)
		stanza_release(st[i]);
}

/* A repeat of what another session has sent is one too many for this one. */
static void too_many_with_those_of_another_session(void **state)
{
	struct repeats *rp;

	(void)state;
	sends_settled("1");
	another_session("alice@example.org/phone");
	rp = &c.session->sm->repeats;
	rp->n = REPEATS_MAX;
	repeats("1");
	assert_true(rp->off);
	assert_false(session_sm_may_sleep(c.session));
	rp->n = 0;
}

static void for_ten_minutes(void **state)
{
	struct stanza *first = sends("1");

	(void)state;
	sends_settled("2");
	another_session("alice@example.org/phone");
	loop_clock_advance(r.loop, UNTOLD_MS - 2000);
	repeats("2");
	loop_clock_advance(r.loop, 2000);
	sends_settled("1");
	assert_int_equal(map_len(&sessions_untold(r.sessions)->by_key), 0);
	assert_null(first->session);
	stanza_release(first);
}

static void so_many_of_all(void **state)
{
	struct stanza *st = message("x");
	struct untold *u = sessions_untold(r.sessions);

	(void)state;
	sends_settled("first");
	for (uint64_t i = 0; i < UNTOLD_MAX / REPEATS_TAIL; i++) {
		another_session("bob@example.org/phone");
		for (uint32_t k = 1; k <= REPEATS_TAIL; k++)
			assert_true(repeats_add_settled(
			    &c.session->sm->repeats, st, i * REPEATS_TAIL + k, k));
		if (i == 0)
			sends_settled("last"); /* one of the 256 has to go for it */
	}
	assert_true(map_len(&u->by_key) < UNTOLD_MAX);
	another_session("bob@example.org/phone");
	assert_int_equal(map_len(&u->by_key), UNTOLD_MAX);
	repeats("last");
	another_session("alice@example.org/phone");
	sends_settled("first");
	stanza_release(st);
}

static void without_acknowledgements(void **state)
{
	(void)state;
	sends_settled("1");
	another_session("alice@example.org/phone");
	session_sm_free(c.session);
	sends_settled("1");
	session_sm_begin(c.session, 60000);
	repeats("1");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(over_the_end_of_numbers),
		T(what_is_not_repeated_does_not_count),
		T(from_before_it_began),
		T(it_ends_before_they_settle),
		T(too_many_to_be_resumed),
		T(who_waits_is_told),
		T(it_sleeps_no_longer_than_it_is_waited_for),
		T(again_in_another_session),
		T(another_client),
		T(the_first_is_in_flight),
		T(the_first_settles_without_a_session),
		T(the_first_had_failed),
		T(what_it_was_told_of),
		T(not_repeated_after_it_was_resumed),
		T(the_last_of_those_in_flight),
		T(too_many_with_those_of_another_session),
		T(for_ten_minutes),
		T(so_many_of_all),
		T(without_acknowledgements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
