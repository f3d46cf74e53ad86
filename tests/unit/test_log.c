/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <base/lim.h>
#include <base/log.h>
#include <base/mem.h>

static char last[LIM_LOG_LINE + 100];
static unsigned lines;

static void keep(const char *line, void *arg)
{
	(void)arg;
	assert_true(strlen(line) < LIM_LOG_LINE);
	snprintf(last, sizeof(last), "%s", line);
	lines++;
}

static int setup(void **state)
{
	(void)state;
	lines = 0;
	log_set_level(LOG_LVL_DEBUG);
	log_capture(keep, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_capture(NULL, NULL);
	return 0;
}

/* What comes after the time. */
static const char *tail(void)
{
	const char *p = strstr(last, " lvl=");

	assert_non_null(p);
	return p + 1;
}

static void test_fields(void **state)
{
	struct log_tag tag = { .mod = "c2s", .id = "7f3a", .peer = "[2001:db8::1]:5222" };
	unsigned y, mo, d, h, mi, s, ms;
	char z;

	(void)state;
	log_info(&tag, "bound %d", 7);
	assert_string_equal(
	    tail(), "lvl=info mod=c2s id=7f3a peer=[2001:db8::1]:5222 msg=\"bound 7\"");
	assert_int_equal(
	    sscanf(last, "ts=%4u-%2u-%2uT%2u:%2u:%2u.%3u%c", &y, &mo, &d, &h, &mi, &s, &ms, &z), 8);
	assert_int_equal(z, 'Z');
	assert_in_range(y, 2020, 9999);
	tag.jid = "romeo@example.net/orchard";
	log_err(&tag, LOG_LVL_WARN, -ENOENT, "no file");
	assert_non_null(strstr(last, " jid=romeo@example.net/orchard msg=\"no file\" "
				     "err=\"No such file or directory\""));
	log_error(NULL, "x");
	assert_string_equal(tail(), "lvl=error mod=test_log msg=\"x\"");
}

static void test_level(void **state)
{
	enum log_level lvl = LOG_LVL_ERROR;
	int evaluated = 0;

	(void)state;
	log_set_level(LOG_LVL_WARN);
	log_info(NULL, "%d", ++evaluated);
	log_at(NULL, LOG_LVL_DEBUG, "x");
	log_err(NULL, LOG_LVL_INFO, -EIO, "x");
	assert_int_equal(evaluated, 0);
	assert_int_equal(lines, 0);
	log_warn(NULL, "%d", ++evaluated);
	log_error(NULL, "x");
	assert_int_equal(lines, 2);
	assert_int_equal(log_level_parse("debug", &lvl), 0);
	assert_int_equal(lvl, LOG_LVL_DEBUG);
	assert_int_equal(log_level_parse("error", &lvl), 0);
	assert_int_equal(lvl, LOG_LVL_ERROR);
	assert_int_equal(log_level_parse("WARN", &lvl), -EINVAL);
	assert_int_equal(log_level_parse("", &lvl), -EINVAL);
	assert_int_equal(lvl, LOG_LVL_ERROR);
}

/* Attempts of a peer to write lines, fields or terminal commands of his own. */
static void test_forged(void **state)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "a\nts=2026-01-01T00:00:00.000Z lvl=info",
		    "a\\nts=2026-01-01T00:00:00.000Z lvl=info" },
		{ "a\" lvl=error msg=\"b", "a\\\" lvl=error msg=\\\"b" },
		{ "a\\\" x=\"", "a\\\\\\\" x=\\\"" },
		{ "\r\t\v", "\\r\\t\\x0b" },
		{ "\x1b[2J\x7f", "\\x1b[2J\\x7f" },
		{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
		    "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\xc2\x9b" /* C1: the one-character form of ESC [ */
		  "2J",
		    "\\xc2\\x9b2J" },
		{ "\xe2\x80\xae"
		  "evil\xe2\x80\xa8",
		    "\\xe2\\x80\\xaeevil\\xe2\\x80\\xa8" }, /* right-to-left, line separator */
		{ "\xff\xfe\x80", "\\xff\\xfe\\x80" },
		{ "\xc0\x8a", "\\xc0\\x8a" },                   /* overlong newline */
		{ "\xe0\x80\x8a", "\\xe0\\x80\\x8a" },          /* likewise */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },          /* surrogate */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* above U+10FFFF */
		{ "\xe2\x82", "\\xe2\\x82" },                   /* ends early */
		{ "\xf0\x9f\x98", "\\xf0\\x9f\\x98" },
	};
	struct log_tag tag = { .mod = "x" };
	char want[256];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		log_info(NULL, "%s", t[i].in);
		snprintf(want, sizeof(want), "lvl=info mod=test_log msg=\"%s\"", t[i].out);
		assert_string_equal(tail(), want);
		tag.jid = t[i].in;
		log_info(&tag, "m");
		snprintf(want, sizeof(want), "lvl=info mod=x jid=\"%s\" msg=\"m\"", t[i].out);
		assert_string_equal(tail(), want);
	}
	tag.jid = "";
	log_info(&tag, "m");
	assert_string_equal(tail(), "lvl=info mod=x jid=\"\" msg=\"m\"");
}

/* Too long: cut between characters, marked, and what has to follow is still there. */
static void test_long(void **state)
{
	static const char *const unit[] = { "x", "\n", "\xff", "\xe2\x82\xac", "\\" };
	char *big;
	size_t n;
	struct log_tag tag = { .mod = "x", .id = "1" };

	(void)state;
	for (size_t u = 0; u < sizeof(unit) / sizeof(unit[0]); u++) {
		n = strlen(unit[u]);
		big = xzalloc(20000 * n + 8);
		for (size_t shift = 0; shift < 5; shift++) {
			memset(big, '-', shift);
			for (size_t i = 0; i < 20000; i++)
				memcpy(big + shift + i * n, unit[u], n);
			tag.jid = big;
			tag.peer = big;
			log_err(&tag, LOG_LVL_WARN, -EACCES, "%s", big);
			assert_non_null(strstr(last, "[cut]\" err=\"Permission denied\""));
			assert_non_null(strstr(last, "[cut]\" jid=\""));
			assert_non_null(strstr(last, "[cut]\" msg=\""));
			assert_in_range(strlen(last), LIM_LOG_LINE - 256, LIM_LOG_LINE - 1);
			log_warn(NULL, "%s", big);
			assert_string_equal(last + strlen(last) - 6, "[cut]\"");
			assert_in_range(strlen(last), LIM_LOG_LINE - 16, LIM_LOG_LINE - 1);
		}
		free(big);
	}
}

static void test_errno_kept(void **state)
{
	(void)state;
	errno = EPROTO;
	log_err(NULL, LOG_LVL_WARN, -ENOENT, "x");
	assert_int_equal(errno, EPROTO);
	log_capture(NULL, NULL);
	log_set_level(LOG_LVL_ERROR);
	log_warn(NULL, "not shown");
	assert_int_equal(errno, EPROTO);
}

/* In a child with stderr as a pipe: one write is one line, and log_die() ends with status 1. */
static void test_die(void **state)
{
	char buf[2 * LIM_LOG_LINE];
	int fds[2], status;
	ssize_t n, r;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		log_capture(NULL, NULL);
		dup2(fds[1], STDERR_FILENO);
		log_info(NULL, "first\nline");
		log_die("no %s", "secret");
	}
	close(fds[1]);
	for (n = 0; (r = read(fds[0], buf + n, sizeof(buf) - 1 - (size_t)n)) > 0; n += r)
		;
	close(fds[0]);
	buf[n] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_FAILURE);
	assert_non_null(strstr(buf, "msg=\"first\\nline\"\nts="));
	assert_string_equal(buf + n - 16, "msg=\"no secret\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_level, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errno_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_die, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
