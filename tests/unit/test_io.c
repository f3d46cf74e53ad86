/* SPDX-License-Identifier: MIT */
/* Streams without TLS: queues, marks, pauses, closing; and connecting. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "io_fixture.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

/* --- reading and writing ---------------------------------------------------------------------- */

static void test_one_write_per_turn(void **state)
{
	(void)state;
	ends_pair();
	assert_string_equal(io_peer(left.io), "unix");
	assert_int_equal(io_peer_port(left.io), 0);
	io_write(left.io, "one ", 4);
	sbuf_puts(io_out(left.io), "two");
	io_wrote(left.io);
	assert_int_equal(io_queued(left.io), 7);
	turns(2);
	assert_int_equal(right.seen[IO_DATA], 1);
	assert_string_equal(sbuf_str(&right.got), "one two");
	assert_int_equal(io_queued(left.io), 0);
	assert_int_equal(calls.send, 1);
	assert_int_equal(calls.recv, 1);
}

static void test_calls_of_an_exchange(void **state)
{
	(void)state;
	ends_pair();
	right.echo = true;
	for (int i = 1; i <= 100; i++) {
		io_write(left.io, "ping", 4);
		io_pause(left.io); /* costs nothing if it does not last */
		io_resume(left.io);
		until(&left.seen[IO_DATA], i);
	}
	assert_int_equal(calls.send, 200);
	assert_int_equal(calls.recv, 200);
	assert_int_equal(calls.epoll_ctl, 0);
	assert_in_range(calls.epoll_wait, 200, 301);
}

static void test_big_with_back_pressure(void **state)
{
	(void)state;
	ends_narrow();
	io_set_marks(left.io, 10 * KIB, 100 * KIB, 200 * KIB);
	left.send = 4 * MIB;
	end_pump(&left);
	assert_true(io_full(left.io));
	until_len(&right, left.send);
	end_check(&right, left.send);
	assert_true(left.seen[IO_DRAINED] > 10);
	assert_in_range(left.most, 100 * KIB, 120 * KIB);
	assert_false(io_full(left.io));
	assert_int_equal(left.seen[IO_CLOSED], 0);
}

static void test_both_ways_at_once(void **state)
{
	(void)state;
	ends_narrow();
	left.send = right.send = MIB;
	end_pump(&left);
	end_pump(&right);
	until_len(&right, MIB);
	until_len(&left, MIB);
	end_check(&right, MIB);
	end_check(&left, MIB);
}

static void test_pause(void **state)
{
	(void)state;
	ends_pair();
	io_pause(right.io);
	io_pause(right.io);
	io_write(left.io, "x", 1);
	turns(3);
	io_resume(right.io);
	turns(3);
	assert_int_equal(right.seen[IO_DATA], 0);
	assert_int_equal(calls.recv, 0);
	io_resume(right.io);
	until(&right.seen[IO_DATA], 1);
	right.pause_on_data = true;
	left.send = 300 * KIB;
	end_pump(&left);
	turns(10);
	assert_int_equal(right.seen[IO_DATA], 2);
	while (sbuf_len(&right.got) < 1 + 300 * KIB) {
		io_resume(right.io);
		turns(2);
	}
	right.pause_on_data = false;
}

static void test_hard_mark(void **state)
{
	(void)state;
	ends_narrow();
	io_pause(right.io);
	io_set_marks(left.io, 0, 0, 100 * KIB);
	left.keep = true;
	left.send = MIB; /* no high mark: nothing holds it back */
	end_pump(&left);
	assert_int_equal(left.seen[IO_CLOSED], 0);
	io_write(left.io, "x", 1);
	sbuf_puts(io_out(left.io), "y");
	io_wrote(left.io);
	turns(5);
	assert_int_equal(left.seen[IO_CLOSED], 1);
	assert_int_equal(left.err, -ENOBUFS);
	assert_int_equal(io_queued(left.io), 0);
	io_write(left.io, "x", 1);
	io_close_flushed(left.io, 1000);
	left.io = NULL;
}

static void test_idle_streams_use_no_time(void **state)
{
	(void)state;
	ends_pair();
	turns(3);
	assert_false(loop_turn(loop, false));
	assert_int_equal(calls.send + calls.recv + calls.epoll_ctl, 0);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void test_peer_closes(void **state)
{
	(void)state;
	ends_pair();
	io_write(left.io, "bye", 3);
	turns(1);
	end_close(&left);
	until(&right.seen[IO_CLOSED], 1);
	assert_int_equal(right.err, 0);
	assert_string_equal(sbuf_str(&right.got), "bye");
	turns(2);
}

static void test_owner_waits_after_closed(void **state)
{
	(void)state;
	ends_pair();
	right.keep = true;
	end_close(&left);
	until(&right.seen[IO_CLOSED], 1);
	assert_false(loop_turn(loop, false)); /* the socket is at its end and not looked at */
	io_write(right.io, "x", 1);
	io_pause(right.io);
	turns(3);
	assert_int_equal(right.seen[IO_CLOSED], 1);
	assert_int_equal(calls.send, 0);
}

static void test_write_to_closed_peer(void **state)
{
	(void)state;
	ends_pair();
	io_pause(right.io);
	turns(1);
	end_close(&left);
	io_write(right.io, "x", 1);
	until(&right.seen[IO_CLOSED], 1);
	assert_int_equal(right.err, -EPIPE);
}

static void test_close_within_each_event(void **state)
{
	(void)state;
	ends_pair();
	right.close_on[IO_DATA] = true;
	io_write(left.io, "x", 1);
	until(&left.seen[IO_CLOSED], 1);
	assert_null(right.io);
	ends_teardown(NULL);

	ends_setup(NULL);
	ends_narrow();
	left.close_on[IO_DRAINED] = true;
	io_set_marks(left.io, 0, 1, 0);
	left.send = 100 * KIB;
	end_pump(&left);
	io_write(left.io, "x", 1);
	until(&left.seen[IO_DRAINED], 1);
	assert_null(left.io);
	until(&right.seen[IO_CLOSED], 1);
}

static void test_close_flushed_delivers_all(void **state)
{
	(void)state;
	ends_narrow();
	io_pause(right.io);
	left.send = MIB;
	end_pump(&left);
	io_close_flushed(left.io, 60000);
	left.io = NULL;
	turns(5);
	io_write(right.io, "nobody reads this", 17);
	io_resume(right.io);
	until(&right.seen[IO_CLOSED], 1);
	end_check(&right, MIB);
	assert_int_equal(right.err, 0);
	turns(2);
	assert_int_equal(left.seen[IO_DATA], 0);
}

static void test_close_flushed_after_half_close(void **state)
{
	int fd[2];
	char got[8];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	end_take(&left, fd[0]);
	assert_int_equal(shutdown(fd[1], SHUT_WR), 0);
	io_write(left.io, "answer", 6);
	io_close_flushed(left.io, 1000);
	left.io = NULL;
	turns(3);
	assert_int_equal(read(fd[1], got, sizeof(got)), 6);
	assert_int_equal(read(fd[1], got, sizeof(got)), 0);
	close(fd[1]);
}

static void test_close_flushed_gives_up(void **state)
{
	(void)state;
	ends_narrow();
	io_pause(right.io);
	left.send = MIB;
	end_pump(&left);
	io_close_flushed(left.io, 5000);
	left.io = NULL;
	turns(5);
	loop_clock_advance(loop, 4000);
	turns(2);
	assert_false(loop_turn(loop, false));
	loop_clock_advance(loop, 1001);
	turns(2);
	io_resume(right.io);
	until(&right.seen[IO_CLOSED], 1);
	assert_in_range(sbuf_len(&right.got), 1, MIB - 1);
}

static void test_linger_is_bounded(void **state)
{
	int fd[2];
	char c;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	end_take(&left, fd[0]);
	io_close_flushed(left.io, 60000);
	left.io = NULL;
	turns(2);
	assert_int_equal(read(fd[1], &c, 1), 0);
	assert_int_equal(send(fd[1], "x", 1, MSG_NOSIGNAL), 1); /* still there */
	turns(2);
	loop_clock_advance(loop, 3000);
	turns(2);
	assert_int_equal(send(fd[1], "x", 1, MSG_NOSIGNAL), -1);
	close(fd[1]);
}

static void test_reset(void **state)
{
	struct linger hard = { .l_onoff = 1 };
	uint16_t port;
	int ls = tcp_listen(AF_INET, &port), fd;

	(void)state;
	left.io = io_connect(loop, "127.0.0.1", port, 1000, end_event, &left);
	until(&left.seen[IO_CONNECTED], 1);
	fd = accept(ls, NULL, NULL);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
	close(fd);
	until(&left.seen[IO_CLOSED], 1);
	assert_int_equal(left.err, -ECONNRESET);
	close(ls);
}

/* --- connecting ------------------------------------------------------------------------------- */

static void test_connect(void **state)
{
	uint16_t port;
	int ls = tcp_listen(AF_INET, &port);

	(void)state;
	left.io = io_connect(loop, "127.0.0.1", port, 1000, end_event, &left);
	assert_null(io_peer_addr(left.io));
	io_write(left.io, "early", 5);
	until(&left.seen[IO_CONNECTED], 1);
	end_take(&right, accept(ls, NULL, NULL));
	assert_string_equal(io_peer(left.io), "127.0.0.1");
	assert_int_equal(io_peer_port(left.io), port);
	assert_int_equal(io_peer_addr(left.io)->sa_family, AF_INET);
	until(&right.seen[IO_DATA], 1);
	assert_string_equal(sbuf_str(&right.got), "early");
	loop_clock_advance(loop, 5000); /* the time-out is over */
	turns(2);
	assert_int_equal(left.seen[IO_CLOSED], 0);
	close(ls);
}

static void test_v4_through_v6_socket(void **state)
{
	uint16_t port;
	int ls = tcp_listen(AF_INET6, &port);

	(void)state;
	if (ls < 0)
		skip();
	left.io = io_connect(loop, "127.0.0.1", port, 1000, end_event, &left);
	until(&left.seen[IO_CONNECTED], 1);
	end_take(&right, accept(ls, NULL, NULL));
	assert_string_equal(io_peer(right.io), "127.0.0.1");
	assert_int_equal(io_peer_addr(right.io)->sa_family, AF_INET);
	assert_true(io_peer_port(right.io) > 0);
	close(ls);
}

static void test_connect_by_name(void **state)
{
	uint16_t port;
	int ls = tcp_listen(AF_INET, &port);

	(void)state;
	/* May have ::1 as well, where nobody listens: the next address is tried. */
	left.io = io_connect(loop, "localhost", port, 5000, end_event, &left);
	until(&left.seen[IO_CONNECTED], 1);
	assert_string_equal(io_peer(left.io), "127.0.0.1");
	close(ls);
}

static void test_connect_refused(void **state)
{
	uint16_t port;

	(void)state;
	close(tcp_listen(AF_INET, &port));
	left.in_call = true;
	left.io = io_connect(loop, "127.0.0.1", port, 1000, end_event, &left);
	left.in_call = false;
	until(&left.seen[IO_CLOSED], 1);
	assert_int_equal(left.err, -ECONNREFUSED);
	assert_string_equal(left.text, "connect to 127.0.0.1: Connection refused");
}

static void test_connect_bad_name(void **state)
{
	static const char *const bad[] = { "", "no..name", "host.invalid" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&left, 0, sizeof(left));
		left.in_call = true;
		left.io = io_connect(loop, bad[i], 1, 300, end_event, &left);
		left.in_call = false;
		until(&left.seen[IO_CLOSED], 1);
		assert_true(left.err == -EHOSTUNREACH || left.err == -ETIMEDOUT);
		assert_non_null(strstr(left.text, "look-up of "));
	}
}

static void test_close_during_look_up(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		left.io = io_connect(loop, "host.invalid", 1, 300, end_event, &left);
		turns(i);
		end_close(&left);
		memset(left.seen, 0, sizeof(left.seen)); /* it may have failed already */
	}
	turns(1);
	left.io = io_connect(loop, "host.invalid", 1, 300, end_event, &left);
	end_close(&left); /* and the loop ends with the look-up */
}

static void test_connect_timeout(void **state)
{
	struct io *fill[4];
	struct end nobody[4] = { 0 };
	uint16_t port;
	int ls = tcp_listen(AF_INET, &port);

	(void)state;
	for (int i = 0; i < 4; i++) { /* more than the backlog takes: the rest is not answered */
		fill[i] = io_connect(loop, "127.0.0.1", port, 90000, end_event, &nobody[i]);
		nobody[i].io = fill[i];
		turns(2);
	}
	left.io = io_connect(loop, "127.0.0.1", port, 1000, end_event, &left);
	turns(3);
	assert_int_equal(left.seen[IO_CONNECTED] + left.seen[IO_CLOSED], 0);
	loop_clock_advance(loop, 1001);
	until(&left.seen[IO_CLOSED], 1);
	assert_int_equal(left.err, -ETIMEDOUT);
	for (int i = 0; i < 4; i++)
		io_close(fill[i]);
	close(ls);
}

static void test_connect_unix(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char dir[] = "/tmp/io-XXXXXX", path[64], far[200];
	int ls = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/sock", dir);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	left.io = io_connect(loop, path, 0, 1000, end_event, &left);
	until(&left.seen[IO_CLOSED], 1);
	assert_int_equal(left.err, -ENOENT);

	memset(&left, 0, sizeof(left));
	assert_int_equal(bind(ls, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(ls, 1), 0);
	left.close_on[IO_CONNECTED] = true;
	left.in_call = true;
	left.io = io_connect(loop, path, 0, 1000, end_event, &left);
	left.in_call = false;
	until(&left.seen[IO_CONNECTED], 1);
	assert_null(left.io);

	memset(&left, 0, sizeof(left));
	memset(far, 'x', sizeof(far) - 1);
	far[0] = '/';
	far[sizeof(far) - 1] = '\0';
	left.io = io_connect(loop, far, 0, 1000, end_event, &left);
	until(&left.seen[IO_CLOSED], 1);
	assert_int_equal(left.err, -ENAMETOOLONG);
	close(ls);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, ends_setup, ends_teardown)
		T(test_one_write_per_turn),
		T(test_calls_of_an_exchange),
		T(test_big_with_back_pressure),
		T(test_both_ways_at_once),
		T(test_pause),
		T(test_hard_mark),
		T(test_idle_streams_use_no_time),
		T(test_peer_closes),
		T(test_owner_waits_after_closed),
		T(test_write_to_closed_peer),
		T(test_close_within_each_event),
		T(test_close_flushed_delivers_all),
		T(test_close_flushed_after_half_close),
		T(test_close_flushed_gives_up),
		T(test_linger_is_bounded),
		T(test_reset),
		T(test_connect),
		T(test_v4_through_v6_socket),
		T(test_connect_by_name),
		T(test_connect_refused),
		T(test_connect_bad_name),
		T(test_close_during_look_up),
		T(test_connect_timeout),
		T(test_connect_unix),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
