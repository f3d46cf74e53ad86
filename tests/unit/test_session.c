/* SPDX-License-Identifier: MIT */
/* How much may wait for a client: exactly as many stanzas and bytes as the settings say, and what
 * the sender of one too many is told.  The connection is a pair of sockets. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <base/loop.h>
#include <base/mem.h>
#include <base/sbuf.h>

#include "conf.h"
#include "core/session.h"
#include "router.h"
#include "session_fixture.h"

#define MAX 20
#define BIG 200000

static struct stream *stream;
static struct session *s;
static struct el *small, *big;
static size_t small_len;

static size_t len_of(const struct el *el)
{
	struct sbuf b = SBUF_INIT;
	size_t n;

	el_write(&b, el, NS_CLIENT);
	n = sbuf_len(&b);
	sbuf_done(&b);
	return n;
}

/* hard: bytes that may wait; 0: any. */
static void connect_session(size_t hard)
{
	const struct jid jid = jid_view("alice@example.org/phone");

	stream = session_stream(hard);
	s = session_new(r.sessions, &jid, stream, NULL, NULL);
}

static void disconnect_session(void)
{
	session_free(s);
	stream_free(stream);
	close(far);
}

static int setup(void **state)
{
	char *text = xmalloc(BIG + 1);

	(void)state;
	memset(text, 'x', BIG);
	text[BIG] = '\0';
	conf = (struct router_conf){ .limit = { .output_stanzas = MAX } };
	router_open();
	small = el_message("chat", "alice@example.org/phone");
	big = el_message("chat", "alice@example.org/phone");
	el_add_text(big, "body", NULL, text);
	small_len = len_of(small);
	free(text);
	connect_session(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	disconnect_session();
	el_free(small);
	el_free(big);
	router_close();
	return 0;
}

/* The client reads up to n bytes. */
static void reads(size_t n)
{
	char buf[4096];

	while (n > 0) {
		ssize_t got = recv(far, buf, n < sizeof(buf) ? n : sizeof(buf), 0);

		turns();
		if (got <= 0)
			return;
		n -= (size_t)got;
	}
}

static void takes(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(session_send(s, small), 0);
	assert_true(stream_alive(stream));
}

static void is_full(void)
{
	assert_int_equal(session_send_addr(s, small, NULL, "x@example.org"), -ENOBUFS);
	assert_int_equal(stream_error_sent(stream), STREAM_E_RESOURCE_CONSTRAINT);
	assert_int_equal(session_send(s, small), -ENOTCONN);
	assert_int_equal(session_send_addr(s, small, NULL, NULL), -ENOTCONN);
}

/* --- stanzas ---------------------------------------------------------------------------------- */

static void as_many_as_the_setting_says(void **state)
{
	(void)state;
	takes(MAX);
	is_full();
}

static void what_has_left_does_not_count(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		takes(MAX);
		turns();
		assert_int_equal(stream_queued(stream), 0);
		reads(SIZE_MAX);
	}
	takes(MAX);
	is_full();
}

static void one_that_has_left_in_part_waits(void **state)
{
	(void)state;
	assert_int_equal(session_send(s, big), 0);
	turns();
	assert_in_range(stream_queued(stream), 1, BIG);
	takes(MAX - 1);
	is_full();
}

/* Two big ones, and the client reads until the first has left: there is room for one more. */
static void each_makes_room_when_it_leaves(void **state)
{
	uint64_t first;

	(void)state;
	assert_int_equal(session_send(s, big), 0);
	first = io_written(stream_io_of(stream));
	assert_int_equal(session_send(s, big), 0);
	takes(MAX - 2);
	while (io_taken(stream_io_of(stream)) < first)
		reads(1000);
	assert_true(stream_queued(stream) > MAX * small_len);
	takes(1);
	is_full();
}

/* More goes through than may wait, and never does nothing wait. */
static void who_reads_stays(void **state)
{
	(void)state;
	assert_int_equal(session_send(s, big), 0);
	turns();
	for (int i = 0; i < 50; i++) {
		uint64_t old = io_written(stream_io_of(stream));

		assert_int_equal(session_send(s, big), 0);
		takes(MAX / 2 - 1);
		while (io_taken(stream_io_of(stream)) < old)
			reads(1000);
		assert_true(stream_queued(stream) > 0);
	}
}

static void no_limit_and_a_new_one(void **state)
{
	(void)state;
	conf.limit.output_stanzas = 0;
	takes(50 * MAX);
	conf.limit.output_stanzas = 50 * MAX + 1;
	takes(1);
	conf.limit.output_stanzas = MAX;
	is_full();
}

static void memory_of_a_backlog_goes(void **state)
{
	(void)state;
	conf.limit.output_stanzas = 0;
	takes(10000);
	assert_int_equal(s->queue.n, 10000);
	turns();
	reads(SIZE_MAX);
	takes(1);
	assert_int_equal(s->queue.n, 1);
	assert_in_range(s->queue.cap, 1, 16);
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void as_many_bytes_as_the_setting_says(void **state)
{
	(void)state;
	disconnect_session();
	connect_session(3 * small_len);
	takes(3);
	assert_int_equal(session_send(s, small), -ENOBUFS);
	assert_int_equal(session_send(s, small), -ENOTCONN); /* at once, before any turn */

	disconnect_session();
	connect_session(3 * small_len - 1);
	takes(2);
	assert_int_equal(session_send(s, small), -ENOBUFS);

	disconnect_session();
	connect_session(0);
	conf.limit.output_stanzas = 0;
	for (int i = 0; i < 100; i++)
		assert_int_equal(session_send(s, big), 0);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void nothing_is_taken_after_the_end(void **state)
{
	(void)state;
	close(far);
	far = -1;
	takes(1);
	turns(); /* the connection fails */
	assert_int_equal(session_send(s, small), -ENOTCONN);
	s->stream = NULL; /* c2s.c, when it has heard of it */
	assert_int_equal(session_send(s, small), -ENOTCONN);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(as_many_as_the_setting_says),
		T(what_has_left_does_not_count),
		T(one_that_has_left_in_part_waits),
		T(each_makes_room_when_it_leaves),
		T(who_reads_stays),
		T(no_limit_and_a_new_one),
		T(memory_of_a_backlog_goes),
		T(as_many_bytes_as_the_setting_says),
		T(nothing_is_taken_after_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
