/* SPDX-License-Identifier: MIT */
/* The control socket, on a router of fakes: who may connect, lines, bounds, going away. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <base/lim.h>
#include <base/mem.h>

#include "ctl_fixture.h"

#define ADD "{\"cmd\":\"account add\",\"args\":{\"jid\":\"%s\",\"password\":\"tops3cret\"}}"
#define STATUS "{\"cmd\":\"status\"}"

static void add(int fd, const char *jid)
{
	char line[256];

	(void)snprintf(line, sizeof(line), ADD, jid);
	say(fd, line);
}

static size_t n_rows(const json_t *answer)
{
	return json_array_size(json_object_get(answer, "rows"));
}

/* --- the socket ------------------------------------------------------------------------------- */

static void only_the_owner_may(void **state)
{
	struct ctl_fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_path_that_cannot_be(void **state)
{
	struct ctl_fixture *f = *state;
	struct router_conf conf = f->conf;
	struct router r = f->router;
	struct ctl *c = (void *)&conf;
	char err[256] = "";

	r.conf = &conf;
	conf.ctl_socket = (char[]){ "/nonexistent/ctl.sock" };
	assert_int_equal(ctl_open(&c, &r, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "CTL_SOCKET"));
	assert_non_null(strstr(err, "/nonexistent/ctl.sock"));
	conf.ctl_socket = f->path; /* lives */
	assert_int_equal(ctl_open(&c, &r, err, sizeof(err)), -EADDRINUSE);
	conf.ctl_socket = (char[]){ "" };
	assert_int_equal(ctl_open(&c, &r, err, sizeof(err)), 0);
	assert_null(c);
}

static void bytes_and_bunches(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f);

	for (const char *p = STATUS "\n"; *p; p++) {
		assert_int_equal(send(fd, p, 1, 0), 1);
		turns(f, 1);
	}
	json_decref(hear(f, fd));
	say(fd, STATUS "\nnonsense\n" STATUS "\n\n" STATUS); /* an empty line is a wrong one */
	for (int i = 0; i < 5; i++) {
		json_t *a = hear(f, fd);

		assert_non_null(a);
		assert_int_equal(json_is_true(json_object_get(a, "ok")), i % 2 == 0);
		json_decref(a);
	}
	(void)close(fd);
}

static void lines_have_a_bound(void **state)
{
	struct ctl_fixture *f = *state;
	char *line = xmalloc(LIM_CTL_LINE + 2);
	int fd = dial(f);

	memset(line, ' ', LIM_CTL_LINE);
	memcpy(line, STATUS, strlen(STATUS));
	line[LIM_CTL_LINE] = '\0';
	json_decref(ask(f, fd, line)); /* exactly at the bound */
	line[LIM_CTL_LINE] = ' ';
	line[LIM_CTL_LINE + 1] = '\0';
	assert_error(ask(f, fd, line), "the request is too long");
	assert_null(hear(f, fd));
	(void)close(fd);

	fd = dial(f); /* without an end */
	assert_true(send(fd, line, LIM_CTL_LINE + 1, 0) > 0);
	assert_error(hear(f, fd), "the request is too long");
	assert_null(hear(f, fd));
	(void)close(fd);
	free(line);
}

static void sixteen_clients(void **state)
{
	struct ctl_fixture *f = *state;
	int fd[16], more;

	for (int i = 0; i < 16; i++)
		fd[i] = dial(f);
	more = dial(f);
	assert_error(hear(f, more), "too many clients of the control socket, try again later");
	assert_null(hear(f, more));
	(void)close(more);
	(void)close(fd[3]);
	turns(f, 3);
	fd[3] = dial(f);
	json_decref(ask(f, fd[3], STATUS));
	for (int i = 0; i < 16; i++)
		(void)close(fd[i]);
}

static void silence_ends_it(void **state)
{
	struct ctl_fixture *f = *state;
	int quiet = dial(f), waits = dial(f);

	add(waits, "alice");
	turns(f, 3);
	loop_clock_advance(f->loop, 59000);
	turns(f, 2);
	json_decref(ask(f, quiet, STATUS)); /* a minute more */
	loop_clock_advance(f->loop, 59000);
	turns(f, 2);
	json_decref(ask(f, quiet, STATUS));
	loop_clock_advance(f->loop, 61000);
	turns(f, 2);
	assert_null(hear(f, quiet));
	complete(0); /* it was we who let it wait */
	json_decref(hear(f, waits));
	loop_clock_advance(f->loop, 61000);
	turns(f, 2);
	assert_null(hear(f, waits));
	(void)close(quiet);
	(void)close(waits);
}

/* Its answers wait for it; the router's memory does not grow with its requests. */
static void who_does_not_read(void **state)
{
	enum { REQUESTS = 20000 };
	static const char line[] = "{\"cmd\":\"session list\"}\n";
	struct ctl_fixture *f = *state;
	size_t sent = 0, heard = 0, total = REQUESTS * (sizeof(line) - 1);
	int fd = dial(f);

	for (int i = 0; i < 400; i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "id%d", i);
		(void)fake_session("alice@example.org/a-resource-of-some-length", id, 1000 + i);
	}
	for (int idle = 0; idle < 200; idle++) {
		size_t at = sent % (sizeof(line) - 1);
		ssize_t n =
		    sent < total ? send(fd, line + at, sizeof(line) - 1 - at, MSG_DONTWAIT) : 0;

		if (n > 0) {
			sent += (size_t)n;
			idle = 0;
		}
		turns(f, 1);
	}
	assert_true(fakes.asked_sessions < 50);
	sent -= sent % (sizeof(line) - 1); /* lines that are complete */
	for (; heard < 100 && heard < sent / (sizeof(line) - 1); heard++) {
		json_t *a = hear(f, fd);

		assert_int_equal(n_rows(a), 400);
		json_decref(a);
	}
	assert_int_equal(heard, 100);
	(void)close(fd);
}

/* --- going away ------------------------------------------------------------------------------- */

static void a_client_that_goes_away(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f);

	add(fd, "alice");
	turns(f, 3);
	(void)close(fd);
	turns(f, 3);
	complete(0);
	turns(f, 3);
	assert_non_null(strstr(sbuf_str(&f->log), "account add: alice@example.org"));
}

/* The router ends: completions come when the socket is gone. */
static void a_socket_that_goes_away(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f);

	add(fd, "alice");
	turns(f, 3);
	ctl_close(f->router.ctl);
	f->router.ctl = NULL;
	assert_null(hear(f, fd));
	complete(-ECANCELED);
	(void)close(fd);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, ctl_setup, ctl_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_the_owner_may),
		TEST(a_path_that_cannot_be),
		TEST(bytes_and_bunches),
		TEST(lines_have_a_bound),
		TEST(sixteen_clients),
		TEST(silence_ends_it),
		TEST(who_does_not_read),
		TEST(a_client_that_goes_away),
		TEST(a_socket_that_goes_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
