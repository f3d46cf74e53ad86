/* SPDX-License-Identifier: MIT */
/* _FORTIFY_SOURCE makes recv() an inline function, which cannot be replaced. */
#undef _FORTIFY_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "io_fixture.h"

struct calls calls;
struct loop *loop;
struct end left, right;

/* --- counting: these stand before libc's ------------------------------------------------------ */

#define EXPORT __attribute__((visibility("default")))

EXPORT ssize_t send(int fd, const void *p, size_t n, int flags)
{
	calls.send++;
	return syscall(SYS_sendto, fd, p, n, flags, NULL, 0);
}

EXPORT ssize_t recv(int fd, void *p, size_t n, int flags)
{
	calls.recv++;
	return syscall(SYS_recvfrom, fd, p, n, flags, NULL, NULL);
}

EXPORT int epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev)
{
	calls.epoll_ctl++;
	return (int)syscall(SYS_epoll_ctl, epfd, op, fd, ev);
}

EXPORT int epoll_wait(int epfd, struct epoll_event *ev, int max, int timeout)
{
	calls.epoll_wait++;
	return (int)syscall(SYS_epoll_pwait, epfd, ev, max, timeout, NULL, 0);
}

/* --- an end ----------------------------------------------------------------------------------- */

char end_byte(size_t i)
{
	return (char)((i * 131 + (i >> 9)) & 0xff);
}

void end_pump(struct end *e)
{
	char chunk[10000];

	e->in_call = true;
	while (e->io && e->sent < e->send && !io_full(e->io)) {
		size_t n = e->send - e->sent < sizeof(chunk) ? e->send - e->sent : sizeof(chunk);

		for (size_t i = 0; i < n; i++)
			chunk[i] = end_byte(e->sent + i);
		io_write(e->io, chunk, n);
		e->sent += n;
		if (io_queued(e->io) > e->most)
			e->most = io_queued(e->io);
	}
	e->in_call = false;
}

void end_check(const struct end *e, size_t len)
{
	assert_int_equal(sbuf_len(&e->got), len);
	for (size_t i = 0; i < len; i++)
		if (sbuf_data(&e->got)[i] != end_byte(i))
			fail_msg("byte %zu differs", i);
}

void end_close(struct end *e)
{
	e->in_call = true;
	io_close(e->io);
	e->io = NULL;
	e->in_call = false;
}

static void on_data(struct end *e)
{
	size_t n;
	const char *p = io_data(e->io, &n);

	assert_true(n > 0);
	sbuf_add(&e->got, p, n);
	if (e->echo)
		io_write(e->io, p, n);
	if (e->pause_on_data)
		io_pause(e->io);
}

void end_event(struct io *io, enum io_ev ev, void *arg)
{
	struct end *e = arg;

	assert_false(e->in_call);
	assert_ptr_equal(io, e->io);
	assert_int_equal(e->seen[IO_CLOSED], 0);
	e->seen[ev]++;
	if (ev == IO_DATA)
		on_data(e);
	if (ev == IO_DRAINED)
		end_pump(e);
	if (ev == IO_SECURE && e->say_secure)
		io_write(io, e->say_secure, strlen(e->say_secure));
	if (ev == IO_CLOSED) {
		e->err = io_error(io);
		(void)snprintf(e->text, sizeof(e->text), "%s", io_error_text(io));
	}
	if (e->close_on[ev] || (ev == IO_CLOSED && !e->keep))
		end_close(e);
}

void end_take(struct end *e, int fd)
{
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	e->io = io_new(loop, fd, end_event, e);
}

/* --- both ------------------------------------------------------------------------------------- */

int ends_setup(void **state)
{
	(void)state;
	memset(&left, 0, sizeof(left));
	memset(&right, 0, sizeof(right));
	loop = loop_new();
	return 0;
}

int ends_teardown(void **state)
{
	(void)state;
	end_close(&left);
	end_close(&right);
	sbuf_done(&left.got);
	sbuf_done(&right.got);
	loop_free(loop);
	return 0;
}

static void pair(int fd[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
}

void ends_pair(void)
{
	int fd[2];

	pair(fd);
	end_take(&left, fd[0]);
	end_take(&right, fd[1]);
	memset(&calls, 0, sizeof(calls));
}

void ends_narrow(void)
{
	int fd[2], size = 2048;

	pair(fd);
	for (int i = 0; i < 2; i++)
		assert_int_equal(setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	end_take(&left, fd[0]);
	end_take(&right, fd[1]);
	memset(&calls, 0, sizeof(calls));
}

static void nothing(void *arg)
{
	(void)arg;
}

/* The clock that tests move does not count here. */
static bool late(time_t begin)
{
	return time(NULL) - begin > 20;
}

void until(const int *what, int want)
{
	time_t begin = time(NULL);
	struct timer t;

	timer_init(&t, loop, nothing, NULL);
	while (*what < want) {
		timer_set(&t, 100);
		(void)loop_turn(loop, true);
		if (late(begin))
			fail_msg("waited too long");
	}
	timer_done(&t);
}

void until_len(const struct end *e, size_t len)
{
	time_t begin = time(NULL);

	while (sbuf_len(&e->got) < len) {
		(void)loop_turn(loop, false);
		if (late(begin))
			fail_msg("only %zu of %zu bytes came", sbuf_len(&e->got), len);
	}
}

void turns(int n)
{
	while (n-- > 0)
		(void)loop_turn(loop, false);
}

int tcp_listen(int family, uint16_t *ret_port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr *sa = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	socklen_t len = family == AF_INET ? sizeof(v4) : sizeof(v6);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	v6.sin6_addr = in6addr_any; /* for addresses of both families */
	if (fd < 0)
		return -errno;
	if (bind(fd, sa, len) < 0 || listen(fd, 0) < 0 || getsockname(fd, sa, &len) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	*ret_port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
	return fd;
}
