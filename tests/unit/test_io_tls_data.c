/* SPDX-License-Identifier: MIT */
/* Streams with TLS: records, back-pressure, closing.  left is the client. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "io_fixture.h"
#include "io_tls_fixture.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

/* --- data ------------------------------------------------------------------------------------- */

static void test_calls_of_an_exchange(void **state)
{
	(void)state;
	ends_pair();
	ends_tls();
	turns(3);
	memset(&calls, 0, sizeof(calls));
	right.echo = true;
	for (int i = 1; i <= 100; i++) {
		io_write(left.io, "pi", 2);
		io_write(left.io, "ng", 2);
		until(&left.seen[IO_DATA], i);
	}
	assert_int_equal(calls.send, 200);
	assert_int_equal(calls.recv, 200);
	assert_int_equal(calls.epoll_ctl, 0);
	assert_in_range(calls.epoll_wait, 200, 301);
}

/* One record for a turn's output: 5 + 1 + 16 bytes more than the plain ones. */
static void test_a_turn_shares_a_record(void **state)
{
	char got[256];
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	end_take(&left, fd[0]);
	end_take(&right, dup(fd[1]));
	ends_tls();
	io_pause(right.io);
	turns(3);
	for (int i = 0; i < 10; i++)
		io_write(left.io, "0123456789", 10);
	turns(1);
	assert_int_equal(read(fd[1], got, sizeof(got)), 100 + 5 + 1 + 16);
	close(fd[1]);
}

static void test_big_with_back_pressure(void **state)
{
	(void)state;
	ends_narrow();
	ends_tls();
	io_set_marks(left.io, 10 * KIB, 100 * KIB, 200 * KIB);
	io_set_marks(right.io, 0, 64 * KIB, 128 * KIB);
	left.send = right.send = 3 * MIB;
	end_pump(&left);
	end_pump(&right);
	until_len(&right, left.send);
	until_len(&left, right.send);
	end_check(&right, left.send);
	end_check(&left, right.send);
	assert_in_range(left.most, 100 * KIB, 120 * KIB);
	assert_int_equal(left.seen[IO_CLOSED], 0);
}

static void test_big_in_one_write(void **state)
{
	(void)state;
	ends_pair();
	ends_tls();
	left.send = 5 * MIB;
	end_pump(&left);
	until_len(&right, left.send);
	end_check(&right, left.send);
}

static void relay(int from, int to, size_t most)
{
	char buf[3000];
	ssize_t n = recv(from, buf, most, MSG_DONTWAIT);

	if (n > 0)
		assert_int_equal(send(to, buf, (size_t)n, MSG_NOSIGNAL), n);
}

/* Somebody between them cuts the bytes anywhere: within a record's head, within the handshake. */
static void test_cut_anywhere(void **state)
{
	static const size_t sizes[] = { 1, 2, 1, 3, 1500, 5, 3000, 1, 999 };
	int a[2], b[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
	end_take(&left, a[0]);
	end_take(&right, b[0]);
	serve();
	io_tls_client(left.io, client, "example.test", NULL);
	left.send = 100 * KIB;
	end_pump(&left);
	right.echo = true;
	for (size_t i = 0; sbuf_len(&left.got) < left.send && i < 20000; i++) {
		size_t most = sizes[i % (sizeof(sizes) / sizeof(sizes[0]))];

		relay(a[1], b[1], most);
		turns(1);
		relay(b[1], a[1], most);
		turns(1);
	}
	end_check(&right, left.send);
	end_check(&left, left.send);
	close(a[1]);
	close(b[1]);
}

static void test_pause(void **state)
{
	(void)state;
	ends_pair();
	ends_tls();
	right.pause_on_data = true;
	left.send = 300 * KIB;
	end_pump(&left);
	turns(20);
	assert_in_range(right.seen[IO_DATA], 1, 2); /* the chunk that was read is handed over */
	while (sbuf_len(&right.got) < left.send) {
		size_t before = sbuf_len(&right.got);

		for (int n = right.seen[IO_DATA]; n > 0; n--)
			io_resume(right.io);
		right.seen[IO_DATA] = 0;
		turns(5);
		assert_true(sbuf_len(&right.got) > before);
	}
	end_check(&right, left.send);
}

static void test_hard_mark(void **state)
{
	(void)state;
	ends_narrow();
	ends_tls();
	io_pause(right.io);
	io_set_marks(left.io, 0, 0, 200 * KIB);
	left.keep = true;
	for (int i = 0; i < 100 && !left.seen[IO_CLOSED]; i++) {
		left.send += 10 * KIB;
		end_pump(&left);
		assert_in_range(io_queued(left.io), 0, 210 * KIB);
		turns(1);
	}
	assert_int_equal(left.err, -ENOBUFS);
}

/* --- closing ---------------------------------------------------------------------------------- */

static void test_close_flushed(void **state)
{
	(void)state;
	ends_narrow();
	ends_tls();
	io_pause(right.io);
	left.send = MIB;
	end_pump(&left);
	io_close_flushed(left.io, 60000);
	left.io = NULL;
	turns(5);
	io_write(right.io, "nobody reads this", 17);
	io_resume(right.io);
	until(&right.seen[IO_CLOSED], 1);
	assert_int_equal(right.err, 0); /* close_notify came */
	end_check(&right, MIB);
}

static void test_close_flushed_in_one_write(void **state)
{
	(void)state;
	ends_pair();
	ends_tls();
	turns(3);
	memset(&calls, 0, sizeof(calls));
	io_write(left.io, "</stream:stream>", 16);
	io_close_flushed(left.io, 1000);
	left.io = NULL;
	until(&right.seen[IO_CLOSED], 1);
	assert_int_equal(right.err, 0);
	assert_string_equal(sbuf_str(&right.got), "</stream:stream>");
	assert_int_equal(calls.send, 1);
}

static void test_close_flushed_in_handshake(void **state)
{
	(void)state;
	ends_pair();
	io_tls_client(left.io, client, "example.test", NULL);
	io_write(left.io, "secret", 6);
	io_close_flushed(left.io, 1000);
	left.io = NULL;
	until(&right.seen[IO_CLOSED], 1);
	assert_int_equal(sbuf_len(&right.got), 0);
}

static void test_close_within_each_event(void **state)
{
	(void)state;
	for (int ev = IO_SECURE; ev <= IO_DATA; ev++) {
		ends_pair();
		right.close_on[ev] = true;
		left.say_secure = "hello";
		serve();
		io_tls_client(left.io, client, "example.test", NULL);
		until(&left.seen[IO_CLOSED], 1);
		assert_null(right.io);
		assert_int_equal(right.seen[ev], 1);
		ends_teardown(NULL);
		ends_setup(NULL);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, ends_setup, ends_teardown)
		T(test_calls_of_an_exchange),
		T(test_a_turn_shares_a_record),
		T(test_big_with_back_pressure),
		T(test_big_in_one_write),
		T(test_cut_anywhere),
		T(test_pause),
		T(test_hard_mark),
		T(test_close_flushed),
		T(test_close_flushed_in_one_write),
		T(test_close_flushed_in_handshake),
		T(test_close_within_each_event),
#undef T
	};

	return cmocka_run_group_tests(tests, tls_group_setup, tls_group_teardown);
}
