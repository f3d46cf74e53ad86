/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include <base/listen.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/mem.h>

enum { BURST = 200 };

struct fix {
	struct loop *loop;
	struct listener *ln;
	char err[256];
	char path[64];
	unsigned accepted, warnings;
	int last_fd;
	bool close_on_accept;
};

static void on_log(const char *line, void *arg)
{
	struct fix *f = arg;

	f->warnings += strstr(line, "lvl=warn") != NULL;
}

static void on_accept(int fd, void *arg)
{
	struct fix *f = arg;

	f->accepted++;
	if (f->last_fd >= 0)
		(void)close(f->last_fd);
	f->last_fd = fd;
	if (f->close_on_accept) {
		listen_close(f->ln);
		f->ln = NULL;
	}
}

static int setup(void **state)
{
	struct fix *f = xzalloc(sizeof(*f));

	f->loop = loop_new();
	f->last_fd = -1;
	(void)snprintf(f->path, sizeof(f->path), "/tmp/test_listen.%d", (int)getpid());
	log_capture(on_log, f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	listen_close(f->ln);
	loop_free(f->loop);
	log_capture(NULL, NULL);
	if (f->last_fd >= 0)
		(void)close(f->last_fd);
	(void)unlink(f->path);
	free(f);
	return 0;
}

/* A port that was free a moment ago. */
static uint16_t free_port(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	(void)close(fd);
	return ntohs(sa.sin_port);
}

static int dial(uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static int dial_unix(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static int tcp(struct fix *f, struct listener **out, const char *addrs, uint16_t port)
{
	return listen_tcp(out, f->loop, addrs, port, on_accept, f, f->err, sizeof(f->err));
}

static int unix_at(struct fix *f, struct listener **out, const char *path)
{
	return listen_unix(out, f->loop, path, 0600, on_accept, f, f->err, sizeof(f->err));
}

/* --- TCP -------------------------------------------------------------------------------------- */

static void test_accepts(void **state)
{
	struct fix *f = *state;
	uint16_t port = free_port();
	socklen_t len = sizeof(int);
	int on = 0, fd;

	/* The second address is skipped with a warning where there is no IPv6. */
	assert_int_equal(tcp(f, &f->ln, "127.0.0.1, ::1", port), 0);
	fd = dial(port);
	(void)loop_turn(f->loop, true);
	assert_int_equal(f->accepted, 1);
	assert_int_equal(fcntl(f->last_fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(fcntl(f->last_fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(getsockopt(f->last_fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	assert_true(on);
	(void)close(fd);
}

static void test_both_families_same_port(void **state)
{
	struct fix *f = *state;

	assert_int_equal(tcp(f, &f->ln, "0.0.0.0,::", free_port()), 0);
}

static void test_port_in_use(void **state)
{
	struct fix *f = *state;
	struct listener *second = NULL;
	uint16_t port = free_port();
	char want[80];

	assert_int_equal(tcp(f, &f->ln, "127.0.0.1", port), 0);
	assert_int_equal(tcp(f, &second, "127.0.0.2,127.0.0.1", port), -EADDRINUSE);
	assert_null(second);
	(void)snprintf(want, sizeof(want), "127.0.0.1 port %u: Address already in use", port);
	assert_string_equal(f->err, want);
}

static void test_port_zero_is_off(void **state)
{
	struct fix *f = *state;

	f->ln = (struct listener *)f; /* is overwritten */
	assert_int_equal(tcp(f, &f->ln, "127.0.0.1", 0), 0);
	assert_null(f->ln);
}

static void test_bad_addresses(void **state)
{
	static const char *const bad[] = { "localhost", "127.0.0.1,256.1.1.1", "", " , ", "[::1]" };
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(tcp(f, &f->ln, bad[i], free_port()), -EINVAL);
	assert_string_equal(f->err, "'[::1]' is not an IP address to listen on");
	assert_int_equal(tcp(f, &f->ln, "192.0.2.1", free_port()), -EADDRNOTAVAIL);
}

static void test_burst_is_shared_out(void **state)
{
	struct fix *f = *state;
	uint16_t port = free_port();
	int fd[BURST];
	unsigned turns = 0;

	assert_int_equal(tcp(f, &f->ln, "127.0.0.1", port), 0);
	for (int i = 0; i < BURST; i++)
		fd[i] = dial(port);
	for (; f->accepted < BURST && turns < 20; turns++)
		(void)loop_turn(f->loop, true);
	assert_int_equal(f->accepted, BURST);
	assert_int_equal(turns, 4); /* 64 each */
	for (int i = 0; i < BURST; i++)
		(void)close(fd[i]);
}

static void test_out_of_descriptors(void **state)
{
	struct fix *f = *state;
	uint16_t port = free_port();
	struct rlimit old, few;
	int fd, again;

	assert_int_equal(tcp(f, &f->ln, "127.0.0.1", port), 0);
	fd = dial(port);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = old;
	few.rlim_cur = 3; /* all are taken */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	(void)loop_turn(f->loop, false);
	assert_int_equal(f->warnings, 1);
	assert_false(loop_turn(f->loop, false)); /* it does not spin */
	loop_clock_advance(f->loop, 1000);
	(void)loop_turn(f->loop, false);
	(void)loop_turn(f->loop, false);
	assert_int_equal(f->warnings, 1); /* said once */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(f->accepted, 0);
	again = dial(port);
	loop_clock_advance(f->loop, 1000);
	(void)loop_turn(f->loop, false);
	(void)loop_turn(f->loop, false);
	/* Both; valgrind, which keeps the limit itself, takes the first one and drops it. */
	assert_in_range(f->accepted, 1, 2);
	(void)close(fd);
	(void)close(again);
}

static void test_close_in_callback(void **state)
{
	struct fix *f = *state;
	uint16_t port = free_port();
	int a, b;

	assert_int_equal(tcp(f, &f->ln, "127.0.0.1", port), 0);
	f->close_on_accept = true;
	a = dial(port);
	b = dial(port);
	(void)loop_turn(f->loop, true);
	(void)loop_turn(f->loop, false);
	assert_int_equal(f->accepted, 1);
	(void)close(a);
	(void)close(b);
}

/* --- Unix ------------------------------------------------------------------------------------- */

static void test_unix(void **state)
{
	struct fix *f = *state;
	struct stat st;
	mode_t mask = umask(0777);
	int fd;

	assert_int_equal(unix_at(f, &f->ln, f->path), 0);
	(void)umask(mask);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	fd = dial_unix(f->path);
	assert_true(fd >= 0);
	(void)loop_turn(f->loop, true);
	assert_int_equal(f->accepted, 1);
	(void)close(fd);
	listen_close(f->ln);
	f->ln = NULL;
	assert_int_equal(stat(f->path, &st), -1);
}

static void test_unix_live_is_refused(void **state)
{
	struct fix *f = *state;
	struct listener *second = NULL;
	int fd;

	assert_int_equal(unix_at(f, &f->ln, f->path), 0);
	assert_int_equal(unix_at(f, &second, f->path), -EADDRINUSE);
	assert_null(second);
	assert_non_null(strstr(f->err, f->path));
	fd = dial_unix(f->path);
	assert_true(fd >= 0); /* the first one is unharmed */
	(void)close(fd);
}

static void test_unix_stale_is_replaced(void **state)
{
	struct fix *f = *state;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", f->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 1), 0);
	(void)close(fd);
	assert_int_equal(unix_at(f, &f->ln, f->path), 0);
	fd = dial_unix(f->path);
	assert_true(fd >= 0);
	(void)close(fd);
}

static void test_unix_other_things(void **state)
{
	struct fix *f = *state;
	FILE *file = fopen(f->path, "we");
	char longer[200];

	assert_non_null(file);
	(void)fclose(file);
	assert_int_equal(unix_at(f, &f->ln, f->path), -EEXIST);
	assert_non_null(strstr(f->err, "not a socket"));
	assert_int_equal(access(f->path, F_OK), 0);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(unix_at(f, &f->ln, longer), -ENAMETOOLONG);
	assert_int_equal(unix_at(f, &f->ln, "/nonexistent/socket"), -ENOENT);
}

/* The file of whoever took the path over stays. */
static void test_unix_taken_over(void **state)
{
	struct fix *f = *state;
	struct listener *second;

	assert_int_equal(unix_at(f, &f->ln, f->path), 0);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(unix_at(f, &second, f->path), 0);
	listen_close(f->ln);
	f->ln = NULL;
	assert_int_equal(access(f->path, F_OK), 0);
	listen_close(second);
	assert_int_equal(access(f->path, F_OK), -1);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_accepts),
		CASE(test_both_families_same_port),
		CASE(test_port_in_use),
		CASE(test_port_zero_is_off),
		CASE(test_bad_addresses),
		CASE(test_burst_is_shared_out),
		CASE(test_out_of_descriptors),
		CASE(test_close_in_callback),
		CASE(test_unix),
		CASE(test_unix_live_is_refused),
		CASE(test_unix_stale_is_replaced),
		CASE(test_unix_other_things),
		CASE(test_unix_taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
