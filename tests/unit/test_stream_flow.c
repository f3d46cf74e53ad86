/* SPDX-License-Identifier: MIT */
/* Streams: the budget of a turn, pauses, ends, what is sent, both ends at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <base/lim.h>

#include "stream_fixture.h"

/* --- budget and pauses ------------------------------------------------------------------------ */

static void test_budget(void **state)
{
	struct fix *f = *state;

	send_raw(f, HEAD);
	for (int i = 0; i < 4 * LIM_TURN_STANZAS + 7; i++)
		assert_int_equal(write(f->fd, "<iq/>", 5), 5);
	spin(f);
	assert_int_equal(f->a.els, 4 * LIM_TURN_STANZAS + 7);
	assert_in_range(f->a.turn_max, 2, LIM_TURN_STANZAS);
	send_raw(f, "<presence/>"); /* reading goes on afterwards */
	assert_int_equal(f->a.els, 4 * LIM_TURN_STANZAS + 8);
}

/* What came in full before the connection went is delivered, over several turns. */
static void test_budget_then_gone(void **state)
{
	struct fix *f = *state;

	send_raw(f, HEAD);
	for (int i = 0; i < 3 * LIM_TURN_STANZAS; i++)
		assert_int_equal(write(f->fd, "<iq/>", 5), 5);
	close(f->fd);
	f->fd = -1;
	spin(f);
	assert_int_equal(f->a.els, 3 * LIM_TURN_STANZAS);
	assert_int_equal(f->a.closed, 1);
}

static void test_pause(void **state)
{
	struct fix *f = *state;

	f->a.pause_on_el = true;
	send_raw(f, HEAD "<iq/><iq/><iq/>");
	assert_int_equal(f->a.els, 1);
	send_raw(f, "<iq/>");
	assert_int_equal(f->a.els, 1);
	f->a.pause_on_el = false;
	stream_pause(f->a.s); /* counts */
	stream_resume(f->a.s);
	spin(f);
	assert_int_equal(f->a.els, 1);
	stream_resume(f->a.s);
	assert_int_equal(f->a.els, 1); /* not from within the call */
	spin(f);
	assert_int_equal(f->a.els, 4);
}

/* --- closing ---------------------------------------------------------------------------------- */

static void test_close_answered(void **state)
{
	struct fix *f = *state;

	send_raw(f, HEAD);
	stream_close(f->a.s);
	assert_true(stream_closing(f->a.s));
	stream_puts(f->a.s, "<message/>"); /* too late */
	spin(f);
	has(f, "</stream:stream>");
	assert_null(strstr(got(f), "<message"));
	send_raw(f, "<iq/>"); /* thrown away */
	assert_int_equal(f->a.closed, 0);
	send_raw(f, "</stream:stream>");
	assert_string_equal(f->a.log, "H X ");
	assert_string_equal(f->a.reason, "closed by us");
}

static void test_close_unanswered(void **state)
{
	struct fix *f = *state;

	f->a.close_on_el = true;
	send_raw(f, HEAD "<iq/><iq/>");
	assert_int_equal(f->a.closed, 0);
	loop_clock_advance(f->l, 1900);
	spin(f);
	assert_int_equal(f->a.closed, 0);
	loop_clock_advance(f->l, 200);
	spin(f);
	assert_string_equal(f->a.log, "H iq X ");
}

static void test_close_while_paused(void **state)
{
	struct fix *f = *state;

	f->a.pause_on_el = true;
	send_raw(f, HEAD "<iq/><iq/>");
	stream_close(f->a.s);
	send_raw(f, "</stream:stream>");
	assert_string_equal(f->a.log, "H iq X ");
}

/* A peer that has shut its sending side down still hears the answer. */
static void test_half_closed(void **state)
{
	struct fix *f = *state;

	send_raw(f, HEAD);
	assert_int_equal(write(f->fd, "<iq/></stream:stream>", 21), 21);
	assert_int_equal(shutdown(f->fd, SHUT_WR), 0);
	spin(f);
	assert_string_equal(f->a.log, "H iq X ");
	assert_string_equal(f->a.reason, "closed by the peer");
	has(f, "</stream:stream>");
}

static void test_gone(void **state)
{
	struct fix *f = *state;

	send_raw(f, HEAD "<mess");
	close(f->fd);
	f->fd = -1;
	spin(f);
	assert_string_equal(f->a.log, "H X ");
	assert_string_equal(f->a.reason, "the connection was closed without an end of the stream");
}

static void test_free_open(void **state)
{
	struct fix *f = *state;
	char c;

	send_raw(f, HEAD);
	stream_free(f->a.s);
	f->a.s = NULL;
	spin(f);
	assert_int_equal(f->a.closed, 0);
	assert_int_equal(read(f->fd, &c, 1), 0);
}

/* --- out -------------------------------------------------------------------------------------- */

static void test_send(void **state)
{
	struct fix *f = *state;
	EL_AUTO struct el *m = el_message("chat", "b@example.org");

	el_add_text(m, "body", NULL, "a < b");
	send_raw(f, HEAD);
	stream_send(f->a.s, m);
	stream_send_addr(f->a.s, m, "x@example.org", "y@example.org");
	assert_int_equal(stream_sent(f->a.s), 2);
	spin(f);
	has(f, "<body>a &lt; b</body>");
	has(f, "to=\"b@example.org\"");
	has(f, "to=\"y@example.org\"");
	assert_int_equal(stream_queued(f->a.s), 0);
	stream_idle(f->a.s); /* the parser is given back and comes again */
	send_raw(f, "<message/>");
	assert_string_equal(f->a.log, "H message ");
}

/* A peer that does not read: the hard bound ends the stream. */
static void test_hard_bound(void **state)
{
	struct fix *f = *state;
	char *p = malloc(1 << 16);

	send_raw(f, HEAD);
	memset(p, ' ', 1 << 16);
	for (int i = 0; i < 40 && f->a.s; i++) {
		stream_send_raw(f->a.s, p, 1 << 16);
		(void)loop_turn(f->l, false);
	}
	free(p);
	for (int i = 0; i < 5; i++)
		(void)loop_turn(f->l, false);
	assert_int_equal(f->a.closed, 1);
}

/* --- both ends -------------------------------------------------------------------------------- */

static void test_both_ends(void **state)
{
	static const struct stream_header hd = { .to = "example.org", .version = "1.0" };
	struct stream_conf c = stream_conf;
	struct fix *f = *state;
	struct end b = { .answer = false };
	EL_AUTO struct el *iq = el_iq("get", "example.org");

	c.accepts = false;
	b.s = stream_accept(f->l, f->fd, &c, end_event, &b);
	f->fd = -1;
	stream_send_header(b.s, &hd);
	spin(f);
	assert_string_equal(f->a.log, "H ");
	assert_string_equal(b.log, "H ");
	stream_send(b.s, iq);
	spin(f);
	assert_string_equal(f->a.log, "H iq ");
	stream_error(b.s, STREAM_E_UNDEFINED_CONDITION, "enough");
	spin(f);
	assert_string_equal(f->a.log, "H iq X ");
	assert_string_equal(f->a.reason, "the peer says: undefined-condition (enough)");
	assert_string_equal(b.log, "H X ");
	assert_int_equal(f->a.received, STREAM_E_UNDEFINED_CONDITION);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, stream_setup, stream_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_budget),
		T(test_budget_then_gone),
		T(test_pause),
		T(test_close_answered),
		T(test_close_unanswered),
		T(test_close_while_paused),
		T(test_half_closed),
		T(test_gone),
		T(test_free_open),
		T(test_send),
		T(test_hard_bound),
		T(test_both_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
