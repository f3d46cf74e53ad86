/* SPDX-License-Identifier: MIT */
/* health.c and health_ask.c: the server turns on this thread, the client blocks on another. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <base/health.h>
#include <base/loop.h>
#include <base/mem.h>
#include <base/metrics.h>

struct fixture {
	struct loop *loop;
	struct health *health;
	char dir[32];
	char path[64];
	char err[256];
};

/* A request in a thread, and what came back until the server closed. */
struct client {
	struct fixture *f;
	const char *send; /* NULL: health_ask() */
	const char *where;
	char answer[65536];
	int status;
	atomic_bool done;
};

static int setup(void **state)
{
	struct fixture *f = xzalloc(sizeof(*f));

	signal(SIGPIPE, SIG_IGN);
	strcpy(f->dir, "/tmp/test_health.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	f->loop = loop_new();
	assert_int_equal(health_open(&f->health, f->loop, f->path, f->err, sizeof(f->err)), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	health_close(f->health);
	loop_free(f->loop);
	assert_int_equal(access(f->path, F_OK), -1); /* closing removes the file */
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static int connect_unix(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void *client_thread(void *arg)
{
	struct client *c = arg;
	size_t n = 0;
	ssize_t r;
	int fd;

	if (!c->send) {
		c->status = health_ask(c->where);
	} else {
		fd = connect_unix(c->f->path);
		(void)!write(fd, c->send, strlen(c->send));
		while (n + 1 < sizeof(c->answer) &&
		       (r = read(fd, c->answer + n, sizeof(c->answer) - 1 - n)) > 0)
			n += (size_t)r;
		c->answer[n] = '\0';
		close(fd);
	}
	c->done = true;
	return NULL;
}

static void run(struct client *c)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	pthread_t t;

	c->done = false;
	assert_int_equal(pthread_create(&t, NULL, client_thread, c), 0);
	while (!c->done) {
		if (!loop_turn(c->f->loop, false))
			nanosleep(&ms, NULL);
	}
	pthread_join(t, NULL);
}

/* Sends text; the answer has to begin with `begin` and contain `has`. */
static void assert_answer(struct fixture *f, const char *text, const char *begin, const char *has)
{
	struct client *c = xzalloc(sizeof(*c));

	c->f = f;
	c->send = text;
	run(c);
	if (strncmp(c->answer, begin, strlen(begin)) != 0 || !strstr(c->answer, has))
		fail_msg("to %.200s came: %s", text, c->answer);
	free(c);
}

/* As PROGRAM --health: its exit status, and that it printed `printed`. */
static int ask(struct fixture *f, const char *where, const char *printed)
{
	struct client *c = xzalloc(sizeof(*c));
	char text[4096], file[80];
	int saved = dup(STDOUT_FILENO), fd, status;
	ssize_t n;

	snprintf(file, sizeof(file), "%s/out", f->dir);
	fflush(stdout);
	fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	dup2(fd, STDOUT_FILENO);
	c->f = f;
	c->where = where;
	run(c);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	n = pread(fd, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, printed);
	close(fd);
	close(saved);
	unlink(file);
	status = c->status;
	free(c);
	return status;
}

static void test_pages(void **state)
{
	static struct metric m = METRIC_COUNTER("switchyard_tests_total", "Tests.", NULL);
	struct fixture *f = *state;

	metric_add(&m, 3);
	assert_answer(
	    f, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\nok\n");
	assert_answer(f, "GET /metrics?a=b HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\n",
	    "switchyard_tests_total 3\n# EOF\n");
	assert_answer(f, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n",
	    "Content-Type: application/openmetrics-text; version=1.0.0");
}

static void test_ready(void **state)
{
	static const char get[] = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n";
	struct fixture *f = *state;

	assert_answer(f, get, "HTTP/1.1 200 OK\r\n", "Content-Length: 0\r\n");
	health_set(f->health, "database", true, "starting");
	health_set(f->health, "push", false, "no\nroute");
	assert_answer(f, get, "HTTP/1.1 503 Service Unavailable\r\n",
	    "\r\n\r\ndatabase: starting\npush: no route\n");
	health_set(f->health, "database", true, NULL);
	assert_answer(f, get, "HTTP/1.1 200 OK\r\n", "\r\n\r\ndatabase: ok\npush: no route\n");
	health_set(f->health, "push", true, "gone");
	assert_answer(f, get, "HTTP/1.1 503 ", "push: gone\n");
	assert_answer(f, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n",
	    "\r\n\r\nok\ndatabase: ok\npush: gone\n");
	health_set(NULL, "push", true, NULL);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	char *big = xasprintf("GET /%020000d", 0);
	struct client *c = xzalloc(sizeof(*c));

	assert_answer(f, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 Not Found\r\n", "");
	assert_answer(f, "GET /readyz/ HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ", "");
	assert_answer(f, "GET /../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ", "");
	assert_answer(f, "POST /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab",
	    "HTTP/1.1 405 Method Not Allowed\r\n", "Allow: GET, HEAD\r\n");
	assert_answer(f, "DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 ", "");
	assert_answer(f, "POST /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n",
	    "HTTP/1.1 413 ", "");
	assert_answer(f, "\x16\x03\x01 rubbish\r\n\r\n", "", "");
	/* A head without end is cut off, not collected. */
	c->f = f;
	c->send = big;
	run(c);
	assert_null(strstr(c->answer, " 200 "));
	assert_answer(f, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ", "ok");
	free(big);
	free(c);
}

static void test_head(void **state)
{
	struct fixture *f = *state;
	struct client *c = xzalloc(sizeof(*c));

	c->f = f;
	c->send = "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
	run(c);
	assert_memory_equal(c->answer, "HTTP/1.1 200 OK\r\n", 17);
	assert_non_null(strstr(c->answer, "Content-Length: 3\r\n"));
	assert_string_equal(strstr(c->answer, "\r\n\r\n"), "\r\n\r\n");
	free(c);
}

/* Connections that never finish their request: the server takes so many and no more, and is rid of
 * them after its time, on the loop's clock, which evhttp's own limits do not know. */
static void test_idle_connections(void **state)
{
	enum { N = 100 };
	struct fixture *f = *state;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd[N], n = 0, still_open = 0;
	char c;

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", f->path);
	for (; n < N; n++) {
		fd[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(fd[n], (struct sockaddr *)&un, sizeof(un)) < 0)
			break;
		assert_int_equal(write(fd[n], "GET", 3), 3);
		loop_turn(f->loop, false);
	}
	assert_int_equal(errno, EAGAIN); /* the backlog is full, because nobody accepts any more */
	assert_in_range(n, 32, 64);
	close(fd[n]);
	for (int round = 0; round < 4; round++) {
		loop_clock_advance(f->loop, 20000);
		for (int k = 0; k < 5; k++)
			loop_turn(f->loop, false);
	}
	for (int i = 0; i < n; i++) {
		still_open += read(fd[i], &c, 1) < 0 && errno == EAGAIN;
		close(fd[i]);
	}
	assert_int_equal(still_open, 0);
	assert_answer(f, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ", "ok");
}

static void test_socket_file(void **state)
{
	struct fixture *f = *state;
	struct health *h = NULL;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct stat st;
	char path[80], err[256];
	int fd;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(health_open(&h, f->loop, f->path, err, sizeof(err)), -EADDRINUSE);
	assert_non_null(strstr(err, f->path));
	assert_int_equal(ask(f, f->path, ""), 0); /* and the living one is unharmed */
	/* A stale one is replaced. */
	snprintf(path, sizeof(path), "%s/stale", f->dir);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	close(fd);
	assert_int_equal(health_open(&h, f->loop, path, err, sizeof(err)), 0);
	health_close(h);
	assert_int_equal(access(path, F_OK), -1);
	/* What is no socket is left alone. */
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_int_equal(health_open(&h, f->loop, path, err, sizeof(err)), -EEXIST);
	assert_int_equal(unlink(path), 0);
}

static void test_addresses(void **state)
{
	static const char *const bad[] = { "localhost", "9090", "127.0.0.1:", "127.0.0.1:0",
		"127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:99999999999999999999", "::1:9090",
		"127.0.0.1:80x" };
	struct fixture *f = *state;
	struct health *h = f->health;
	char err[256], path[200];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err[0] = '\0';
		assert_int_equal(health_open(&h, f->loop, bad[i], err, sizeof(err)), -EINVAL);
		assert_non_null(strstr(err, bad[i]));
		assert_ptr_equal(h, f->health); /* outputs untouched on failure */
	}
	memset(path, 'p', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(health_open(&h, f->loop, path, err, sizeof(err)), -ENAMETOOLONG);
	assert_int_equal(
	    health_open(&h, f->loop, "/nonexistent/dir/sock", err, sizeof(err)), -ENOENT);
	assert_int_equal(health_open(&h, f->loop, "", err, sizeof(err)), 0);
	assert_null(h);
	health_close(h);
}

static void test_ask(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	struct health *h;
	char where[40];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	health_set(f->health, "link", true, NULL);
	assert_int_equal(ask(f, f->path, "link: ok\n"), 0);
	health_set(f->health, "link", true, "refused");
	assert_int_equal(ask(f, f->path, "link: refused\n"), 1);
	assert_int_equal(ask(f, "", ""), 1);
	assert_int_equal(ask(f, "nonsense", ""), 1);
	assert_int_equal(ask(f, "/nonexistent/sock", ""), 1);
	/* TCP, on a port that was free a moment ago */
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	close(fd);
	snprintf(where, sizeof(where), "127.0.0.1:%d", ntohs(in.sin_port));
	assert_int_equal(ask(f, where, ""), 1);
	assert_int_equal(health_open(&h, f->loop, where, f->err, sizeof(f->err)), 0);
	health_set(h, "database", true, NULL);
	assert_int_equal(ask(f, where, "database: ok\n"), 0);
	health_close(h);
}

/* Somebody who accepts and says nothing costs the client three seconds. */
static void test_ask_silent(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char path[80];
	struct timespec t0, t1;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(path, sizeof(path), "%s/silent", f->dir);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 1), 0);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	assert_int_equal(ask(f, path, ""), 1);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	assert_in_range(t1.tv_sec - t0.tv_sec, 2, 5);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ready, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_head, setup, teardown),
		cmocka_unit_test_setup_teardown(test_idle_connections, setup, teardown),
		cmocka_unit_test_setup_teardown(test_socket_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ask, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ask_silent, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
