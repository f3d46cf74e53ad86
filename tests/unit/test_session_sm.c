/* SPDX-License-Identifier: MIT */
/* What a session keeps until its client has it (XEP-0198) or looks at it (XEP-0352): counts over
 * the end of their numbers, connections that break at a bad moment, and the bounds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include <base/mem.h>

#include "conf.h"
#include "core/asleep.h"
#include "core/session.h"
#include "core/session_csi.h"
#include "core/session_sm.h"
#include "core/stanza.h"
#include "router.h"
#include "session_fixture.h"

static struct stream *stream;
static struct session *s;

static void connect_session(size_t hard)
{
	stream = session_stream(hard);
	s->stream = stream;
	s->owner = &r;
}

static void disconnect_session(void)
{
	stream_free(stream);
	if (far >= 0)
		close(far);
}

static int setup(void **state)
{
	const struct jid jid = jid_view("alice@example.org/phone");

	(void)state;
	conf = (struct router_conf){ 0 };
	router_open();
	stream = session_stream(0);
	s = session_new(r.sessions, &jid, stream, &r, NULL);
	session_sm_begin(s, 60000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	session_free(s);
	disconnect_session();
	router_close();
	return 0;
}

static int send_one(void)
{
	EL_AUTO struct el *el = el_message("chat", "alice@example.org/phone");

	return session_send(s, el);
}

static void takes(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(send_one(), 0);
}

static void sleep_and_wake(unsigned n, size_t hard)
{
	disconnect_session();
	session_sm_sleep(s);
	takes(n);
	connect_session(hard);
	session_queue_reset(s);
	session_sm_wake(s);
}

static void break_connection(void)
{
	close(far);
	far = -1;
	takes(1);
	turns();
	assert_false(stream_alive(stream)); /* and c2s.c has not heard of it */
}

/* --- numbers ---------------------------------------------------------------------------------- */

static void what_is_acknowledged_over_the_end_of_numbers(void **state)
{
	(void)state;
	s->sm->sent = s->sm->acked = UINT32_MAX - 1;
	takes(4); /* up to 2 */
	assert_true(session_sm_ack(s, UINT32_MAX));
	assert_int_equal(s->sm->n, 3);
	assert_true(session_sm_ack(s, 1));
	assert_int_equal(s->sm->n, 1);
	assert_true(session_sm_ack(s, 1));
	assert_false(session_sm_ack(s, 3));
	assert_false(session_sm_ack(s, UINT32_MAX));
	assert_int_equal(s->sm->n, 1);
	assert_true(session_sm_ack(s, 2));
	assert_int_equal(s->sm->n + s->sm->bytes, 0);
}

static struct stanza *in_flight(uint32_t number)
{
	struct stanza *st = NULL;

	assert_int_equal(stanza_new(&st, el_message("chat", "bob@example.org")), 0);
	st->number = number;
	list_add_tail(&s->flight.list, &st->link);
	return st;
}

static void what_is_handled_over_the_end_of_numbers(void **state)
{
	struct stanza *before, *first, *second;

	(void)state;
	s->sm->base = UINT32_MAX - 1;
	s->flight.in = 1; /* three of them, and one from before */
	assert_int_equal(session_sm_handled(s), 3);
	before = in_flight(UINT32_MAX - 1);
	assert_int_equal(session_sm_handled(s), 3);
	first = in_flight(UINT32_MAX);
	second = in_flight(1);
	assert_int_equal(session_sm_handled(s), 0);
	stanza_release(first);
	assert_int_equal(session_sm_handled(s), 2);
	stanza_release(second);
	stanza_release(before);
	assert_int_equal(session_sm_handled(s), 3);
}

/* --- a connection that breaks ----------------------------------------------------------------- */

static void what_comes_before_its_end_is_noticed(void **state)
{
	(void)state;
	break_connection();
	takes(3);
	assert_int_equal(s->sm->n, 4);
	assert_int_equal(s->sm->sent, 4);
	assert_true(session_sm_may_sleep(s));
}

static void more_than_may_be_kept_before_its_end_is_noticed(void **state)
{
	(void)state;
	conf.limit.sm_stanzas = 2;
	break_connection();
	takes(1);
	assert_int_equal(send_one(), -ENOBUFS);
	assert_false(session_sm_may_sleep(s));
	turns(); /* it is c2s.c's to end */
	assert_int_equal(s->sm->n, 2);
}

static void kicked_before_its_end_is_noticed(void **state)
{
	(void)state;
	break_connection();
	session_kick(s, STREAM_E_NOT_AUTHORIZED, "the account is disabled");
	assert_false(session_sm_may_sleep(s));
	assert_int_equal(send_one(), -ENOTCONN);
	assert_int_equal(s->sm->n, 1);
}

static void it_breaks_while_what_was_kept_is_written(void **state)
{
	(void)state;
	sleep_and_wake(10, 400); /* bytes: a few of them */
	assert_false(stream_alive(stream));
	assert_int_equal(s->sm->n, 10);
	assert_true(session_sm_may_sleep(s));
	sleep_and_wake(0, 0);
	assert_true(s->sm->next == &s->sm->kept);
	assert_int_equal(s->queue.n, 10);
}

/* --- behind ----------------------------------------------------------------------------------- */

static void all_is_acknowledged_before_it_was_written(void **state)
{
	(void)state;
	conf.limit.output_stanzas = 4;
	sleep_and_wake(10, 0);
	assert_int_equal(s->queue.n, 2);
	assert_false(session_sm_ack(s, 11));
	assert_true(session_sm_ack(s, 10));
	assert_int_equal(s->sm->n + s->sm->bytes, 0);
	takes(1);
	assert_int_equal(s->queue.n, 3); /* nothing is before it */
}

static void more_than_may_be_kept_while_behind(void **state)
{
	(void)state;
	conf.limit.output_stanzas = 4;
	conf.limit.sm_stanzas = 10;
	sleep_and_wake(10, 0);
	assert_int_equal(send_one(), -ENOBUFS);
	assert_int_equal(stream_error_sent(stream), STREAM_E_RESOURCE_CONSTRAINT);
	assert_false(session_sm_may_sleep(s));
}

static void who_acknowledges_late_may_sleep_again(void **state)
{
	(void)state;
	conf.limit.sm_stanzas = 3;
	takes(5);
	assert_int_equal(s->sm->n, 0);
	assert_true(session_sm_ack(s, 4));
	assert_false(session_sm_may_sleep(s));
	assert_true(session_sm_ack(s, 5));
	assert_true(session_sm_may_sleep(s));
	takes(1);
	assert_int_equal(s->sm->n, 1);
}

/* --- an inactive client ----------------------------------------------------------------------- */

static void presence(unsigned from)
{
	EL_AUTO struct el *el = el_presence(NULL, "alice@example.org");

	el_setf(el, "from", "u%u@example.org/x", from);
	assert_int_equal(session_send(s, el), 0);
}

static void so_many_wait_for_who_is_inactive(void **state)
{
	(void)state;
	session_csi_set(s, true);
	for (unsigned i = 0; i < 999; i++)
		presence(i);
	presence(7); /* a newer one */
	presence(999);
	assert_int_equal(s->sm->sent, 0);
	presence(1000);
	assert_int_equal(s->sm->sent, 1000);
	session_csi_set(s, false);
	assert_int_equal(s->sm->sent, 1001);
}

/* --- what all keep together ------------------------------------------------------------------- */

enum { EMPTY = 4096 }; /* that of one that keeps nothing */

static struct session *another(const char *jid_text)
{
	const struct jid jid = jid_view(jid_text);
	struct session *one = session_new(r.sessions, &jid, stream, &r, NULL);

	session_sm_begin(one, 60000);
	session_sm_sleep(one);
	return one;
}

static size_t kept_by_all(void)
{
	return sessions_asleep(r.sessions)->bytes;
}

static void it_counts_while_it_sleeps(void **state)
{
	size_t full;

	(void)state;
	takes(3);
	assert_int_equal(kept_by_all(), 0);
	sleep_and_wake(0, 0);
	assert_int_equal(kept_by_all(), 0);
	disconnect_session();
	session_sm_sleep(s);
	full = kept_by_all();
	assert_true(full > EMPTY + s->sm->bytes);
	takes(1);
	assert_true(kept_by_all() > full);
	full = kept_by_all();
	session_csi_set(s, true);
	presence(1);
	assert_true(kept_by_all() > full);
	connect_session(0);
	session_queue_reset(s);
	session_sm_wake(s);
	assert_int_equal(kept_by_all(), 0);
}

static void who_has_waited_longest_ends(void **state)
{
	struct session *bob = another("bob@example.org/a"), *carol = another("carol@example.org/a");

	(void)state;
	assert_int_equal(kept_by_all(), 2 * EMPTY);
	conf.limit.sleep_bytes = 3 * EMPTY;
	session_free(another("dave@example.org/a")); /* it fits */
	assert_true(session_sm_may_sleep(bob));
	conf.limit.sleep_bytes = 2 * EMPTY;
	session_free(another("dave@example.org/a"));
	assert_false(session_sm_may_sleep(bob));
	assert_true(session_sm_may_sleep(carol));
	assert_int_equal(kept_by_all(), EMPTY);
	session_free(bob); /* as the next turn would */
	assert_int_equal(kept_by_all(), EMPTY);
	session_free(carol);
	assert_int_equal(kept_by_all(), 0);
}

static void who_keeps_most_ends(void **state)
{
	struct session *bob = another("bob@example.org/a");

	(void)state;
	conf.limit.sleep_bytes = 5 * EMPTY;
	disconnect_session();
	session_sm_sleep(s);
	for (unsigned i = 0; i < 1000 && session_sm_may_sleep(s); i++)
		takes(1);
	assert_false(session_sm_may_sleep(s));
	assert_true(session_sm_may_sleep(bob));
	assert_int_equal(kept_by_all(), EMPTY);
	takes(1); /* its end is near, and it is not counted again */
	assert_int_equal(kept_by_all(), EMPTY);
	session_free(bob);
	connect_session(0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_acknowledged_over_the_end_of_numbers),
		T(what_is_handled_over_the_end_of_numbers),
		T(what_comes_before_its_end_is_noticed),
		T(more_than_may_be_kept_before_its_end_is_noticed),
		T(kicked_before_its_end_is_noticed),
		T(it_breaks_while_what_was_kept_is_written),
		T(all_is_acknowledged_before_it_was_written),
		T(more_than_may_be_kept_while_behind),
		T(who_acknowledges_late_may_sleep_again),
		T(so_many_wait_for_who_is_inactive),
		T(it_counts_while_it_sleeps),
		T(who_has_waited_longest_ends),
		T(who_keeps_most_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
