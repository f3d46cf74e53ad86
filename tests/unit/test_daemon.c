/* SPDX-License-Identifier: MIT */
/* The skeleton as a process: each case forks, runs daemon_main() with its own arguments and reads
 * what it wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <base/daemon.h>
#include <base/loop.h>

struct settings {
	struct daemon_conf daemon;
	char *word;
	char *password;
};

static int look_at_word(const char *value, char *err, size_t err_len)
{
	(void)err;
	(void)err_len;
	if (strcmp(value, "impatient") == 0)
		(void)raise(SIGTERM);
	return 0;
}

static const struct conf_opt opts[] = {
	{ .key = "word",
	    .type = CONF_STR,
	    .off = offsetof(struct settings, word),
	    .check = look_at_word,
	    .flags = CONF_REQUIRED | CONF_RELOAD,
	    .help = "a word" },
	{ .key = "password",
	    .type = CONF_SECRET,
	    .off = offsetof(struct settings, password),
	    .help = "a secret" },
	{ 0 },
};

/* --- the program ------------------------------------------------------------------------------ */

static int start(struct daemon *d, void *arg, char *err, size_t err_len)
{
	const struct settings *s = daemon_conf(d);
	(void)arg;
	if (!daemon_loop(d) || strcmp(s->word, "unlucky") == 0) {
		(void)snprintf(err, err_len, "an unlucky word");
		return -EINVAL;
	}
	if (strcmp(s->word, "late") == 0)
		daemon_fail(d, 7, "failed in start");
	return 0;
}

static void reload(struct daemon *d, void *arg)
{
	const struct settings *s = daemon_conf(d);
	(void)arg;
	(void)fprintf(stderr, "word is now %s\n", s->word);
	if (strcmp(s->word, "fail") == 0)
		daemon_fail(d, 9, "failed later");
}

static void stop(struct daemon *d, void *arg)
{
	const struct settings *s = daemon_conf(d);
	(void)arg;
	(void)fprintf(stderr, "stop called\n");
	if (strcmp(s->word, "stubborn") != 0)
		daemon_stopped(d);
}

static void finish(struct daemon *d, void *arg)
{
	(void)d;
	(void)arg;
	(void)fprintf(stderr, "finish called\n");
}

static const struct daemon_ops ops = {
	.name = "test",
	.summary = "A program that does nothing.",
	.conf = { .program = "test", .opts = opts, .size = sizeof(struct settings) },
	.start = start,
	.reload = reload,
	.stop = stop,
	.finish = finish,
};

/* --- running it ------------------------------------------------------------------------------- */

static char file[] = "/tmp/test_daemon.XXXXXX";
static char output[65536];

struct child {
	pid_t pid;
	int fd;
	size_t len;
};

static void write_file(const char *text)
{
	FILE *f = fopen(file, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void spawn(struct child *c, char *arg)
{
	char *argv[] = { (char[]){ "test" }, (char[]){ "-c" }, file, arg, NULL };
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	(void)fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(fds[1], 1);
		(void)dup2(fds[1], 2);
		(void)close(fds[0]);
		(void)close(fds[1]);
		(void)setenv("CONF_DIR", "/", 1); /* has no *.conf, whatever the machine has */
		(void)setenv("HEALTH_LISTEN", "off", 1);
		int rc = daemon_main(arg ? 4 : 3, argv, &ops, NULL);
		(void)fflush(NULL);
		_exit(rc);
	}
	(void)close(fds[1]);
	*c = (struct child){ .pid = pid, .fd = fds[0] };
	output[0] = '\0';
}

/* Reads until this was written, or to the end with NULL. */
static void read_until(struct child *c, const char *what)
{
	while (!what || !strstr(output, what)) {
		ssize_t n = read(c->fd, output + c->len, sizeof output - 1 - c->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 && what)
			fail_msg("\"%s\" was not written:\n%s", what, output);
		if (n <= 0)
			return;
		c->len += (size_t)n;
		output[c->len] = '\0';
	}
}

static int status_of(struct child *c)
{
	int st;
	read_until(c, NULL);
	(void)close(c->fd);
	assert_int_equal(waitpid(c->pid, &st, 0), c->pid);
	assert_true(WIFEXITED(st));
	return WEXITSTATUS(st);
}

static int run(const char *text, const char *arg)
{
	struct child c;
	char copy[64];
	(void)snprintf(copy, sizeof copy, "%s", arg ? arg : "");
	write_file(text);
	spawn(&c, arg ? copy : NULL);
	return status_of(&c);
}

static void start_good(struct child *c, const char *text)
{
	write_file(text);
	spawn(c, NULL);
	read_until(c, "ready: switchyard-test");
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_answers(void **state)
{
	(void)state;
	assert_int_equal(run("bogus = 1", "--version"), 0);
	assert_string_equal(output, "switchyard-test " SWITCHYARD_VERSION "\n");
	assert_int_equal(run("bogus = 1", "--help"), 0);
	assert_non_null(strstr(output, "A program that does nothing."));
	assert_non_null(strstr(output, "WORD, word"));
	assert_non_null(strstr(output, "LOG_LEVEL, log_level"));
	assert_int_equal(run("", "--print-md"), 0);
	assert_non_null(strstr(output, "| `DATA_DIR` | `data_dir` |"));
	assert_int_equal(run("", "--print-man"), 0);
	assert_non_null(strstr(output, ".It Ev \"\\&DATA_DIR\""));
	assert_int_equal(run("", "--nonsense"), 2);
	assert_int_equal(run("", "word"), 2);
	assert_int_equal(run("bogus = 1", "--health"), 1); /* it is off, whatever else is wrong */
	assert_null(strstr(output, "bogus"));
}

static void test_check_and_print(void **state)
{
	(void)state;
	assert_int_equal(run("word = a", "--check-config"), 0);
	assert_string_equal(output, "");
	assert_int_equal(run("bogus = 1\nlog_level = loud", "--check-config"), 1);
	assert_non_null(strstr(output, "bogus: "));
	assert_non_null(strstr(output, "\"loud\" is not one of"));
	assert_int_equal(run("word = a\npassword = hidden", "--print-config"), 0);
	assert_non_null(strstr(output, "word = \"a\"  # /tmp/test_daemon."));
	assert_non_null(strstr(output, "password = (set)"));
	assert_null(strstr(output, "hidden"));
	assert_int_equal(run("word = ", NULL), 1);
	assert_null(strstr(output, "ready"));
	assert_int_equal(unlink(file), 0);
	struct child c;
	spawn(&c, NULL); /* a file that was named must be there */
	assert_int_equal(status_of(&c), 1);
	assert_non_null(strstr(output, "No such file"));
}

static void test_stop(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT };
	struct child c;
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		start_good(&c, "word = a");
		assert_int_equal(kill(c.pid, signals[i]), 0);
		assert_int_equal(status_of(&c), 0);
		assert_non_null(strstr(output, "stop called\nfinish called\n"));
	}
	/* The second one does not wait. */
	start_good(&c, "word = stubborn");
	assert_int_equal(kill(c.pid, SIGTERM), 0);
	read_until(&c, "stop called");
	assert_int_equal(kill(c.pid, SIGTERM), 0);
	assert_int_equal(status_of(&c), 1);
	assert_non_null(strstr(output, "ending at once"));
}

/* Nobody handles signals yet while the settings are read: they wait. */
static void test_stop_while_settings_are_read(void **state)
{
	(void)state;
	assert_int_equal(run("word = impatient", NULL), 0);
	assert_non_null(strstr(output, "stop called\nfinish called\n"));
}

static void test_reload(void **state)
{
	struct child c;
	(void)state;
	start_good(&c, "word = a");
	write_file("word = b\npassword = x");
	assert_int_equal(kill(c.pid, SIGHUP), 0);
	read_until(&c, "settings reloaded");
	assert_non_null(strstr(output, "password: the change needs a restart"));
	assert_non_null(strstr(output, "word is now b"));

	write_file("word = c\nlog_level = loud");
	assert_int_equal(kill(c.pid, SIGHUP), 0);
	read_until(&c, "the old ones stay");
	assert_null(strstr(output, "word is now c"));

	write_file("word = fail");
	assert_int_equal(kill(c.pid, SIGHUP), 0);
	assert_int_equal(status_of(&c), 9);
	assert_non_null(strstr(output, "failed later"));
	assert_non_null(strstr(output, "finish called"));
}

static void test_failed_start(void **state)
{
	(void)state;
	assert_int_equal(run("word = unlucky", NULL), 1);
	assert_non_null(strstr(output, "an unlucky word"));
	assert_non_null(strstr(output, "finish called"));
	assert_null(strstr(output, "stop called"));
	assert_int_equal(run("word = late", NULL), 7);
	assert_null(strstr(output, "ready: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_check_and_print),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_stop_while_settings_are_read),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_failed_start),
	};
	int fd = mkstemp(file);
	if (fd < 0)
		return 1;
	(void)close(fd);
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(file);
	return rc;
}
