/* SPDX-License-Identifier: MIT */
/* The turn of the loop: what runs in which order, on a clock that the test moves. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <base/loop.h>

/* What ran, in order, one character each. */
static char trace[256];

static void note(char c)
{
	size_t n = strlen(trace);

	assert_true(n + 1 < sizeof(trace));
	trace[n] = c;
	trace[n + 1] = '\0';
}

static void note_arg(void *arg)
{
	note(*(const char *)arg);
}

static int setup(void **state)
{
	trace[0] = '\0';
	*state = loop_new();
	return 0;
}

static int teardown(void **state)
{
	loop_free(*state);
	return 0;
}

static char A[] = "a", B[] = "b", C[] = "c";

/* --- timers ----------------------------------------------------------------------------------- */

static void test_timers_in_order(void **state)
{
	struct loop *l = *state;
	struct timer a, b, c;

	timer_init(&a, l, note_arg, A);
	timer_init(&b, l, note_arg, B);
	timer_init(&c, l, note_arg, C);
	timer_set(&a, 30000);
	timer_set(&b, 10000);
	timer_set(&c, 20000);
	assert_false(loop_turn(l, false));
	loop_clock_advance(l, 9000);
	(void)loop_turn(l, false);
	assert_string_equal(trace, "");
	loop_clock_advance(l, 3600000);
	assert_true(loop_turn(l, true));
	assert_string_equal(trace, "bca");
	assert_false(timer_armed(&a));
	timer_done(&a);
	timer_done(&b);
	timer_done(&c);
}

static void test_timer_is_put_off_and_stopped(void **state)
{
	struct loop *l = *state;
	struct timer t = { 0 };

	timer_done(&t); /* never initialised */
	timer_init(&t, l, note_arg, A);
	timer_stop(&t);
	timer_set(&t, 1000);
	loop_clock_advance(l, 900);
	timer_set(&t, 1000);
	loop_clock_advance(l, 900);
	(void)loop_turn(l, false);
	assert_string_equal(trace, "");
	timer_set(&t, 50); /* earlier than before */
	loop_clock_advance(l, 60);
	(void)loop_turn(l, false);
	assert_string_equal(trace, "a");
	timer_set(&t, 10);
	loop_clock_advance(l, 20);
	timer_stop(&t); /* due, but not called yet */
	(void)loop_turn(l, false);
	assert_string_equal(trace, "a");
	timer_done(&t);
	assert_false(timer_armed(&t));
}

static void test_timer_on_real_clock_is_never_early(void **state)
{
	struct loop *l = *state;
	struct timer t;
	uint64_t begin;

	timer_init(&t, l, note_arg, A);
	for (int i = 0; i < 5; i++) {
		begin = loop_now(l);
		trace[0] = '\0';
		timer_set(&t, 15);
		timer_set(&t, 25);
		while (!*trace)
			(void)loop_turn(l, true);
		assert_in_range(loop_now(l) - begin, 25, 500);
	}
	timer_done(&t);
}

struct again {
	struct timer t;
	int left;
};

static void on_again(void *arg)
{
	struct again *a = arg;

	note('t');
	if (--a->left > 0)
		timer_set(&a->t, 0);
}

static void test_timer_rearmed_by_itself(void **state)
{
	struct loop *l = *state;
	struct again a = { .left = 3 };

	timer_init(&a.t, l, on_again, &a);
	timer_set(&a.t, 0);
	for (int i = 0; i < 50 && a.left; i++)
		(void)loop_turn(l, true);
	assert_string_equal(trace, "ttt");
	timer_done(&a.t);
}

static void test_clock_moves_both_times(void **state)
{
	struct loop *l = *state;
	uint64_t now = loop_now(l);
	int64_t wall = loop_wall_ms(l);

	loop_clock_advance(l, 86400000);
	assert_in_range(loop_now(l) - now, 86400000, 86401000);
	assert_in_range(loop_wall_ms(l) - wall, 86400000, 86401000);
}

#ifdef SWITCHYARD_TEST_HOOKS
static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void test_clock_file(void **state)
{
	char path[] = "/tmp/clock-XXXXXX", known[64], text[32] = "";
	int fd = mkstemp(path);
	struct loop *l;
	struct timer t;
	FILE *f;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	put(path, "5000\n");
	assert_int_equal(setenv("SWITCHYARD_CLOCK_FILE", path, 1), 0);
	l = loop_new();
	assert_int_equal(unsetenv("SWITCHYARD_CLOCK_FILE"), 0);
	timer_init(&t, l, note_arg, A);
	timer_set(&t, 3600000);
	put(path, "rubbish");
	(void)loop_turn(l, true);
	put(path, "3605001");
	while (!*trace)
		(void)loop_turn(l, true);
	(void)snprintf(known, sizeof(known), "%s.%d", path, (int)getpid());
	f = fopen(known, "r"); /* where it says so */
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	assert_string_equal(text, "3605001\n");
	assert_int_equal(fclose(f), 0);
	timer_done(&t);
	loop_free(l);
	assert_int_equal(unlink(known), 0);
	assert_int_equal(unlink(path), 0);
}
#endif

/* --- tasks ------------------------------------------------------------------------------------ */

struct steps {
	struct loop *l;
	struct task defer, next, flush, late;
};

static void on_late(void *arg)
{
	(void)arg;
	note('l');
}

static void on_flush(void *arg)
{
	struct steps *s = arg;

	note('f');
	task_defer(s->l, &s->late); /* comes too late for this turn */
}

static void free_noted(void *arg)
{
	note('r');
	free(arg);
}

static void on_next(void *arg)
{
	(void)arg;
	note('n');
}

static void on_defer(void *arg)
{
	struct steps *s = arg;

	note('d');
	task_flush(s->l, &s->flush);
	task_flush(s->l, &s->flush);
	loop_reap(s->l, free_noted, malloc(1));
	task_next(s->l, &s->next);
}

static void test_order_of_the_turn(void **state)
{
	struct loop *l = *state;
	struct steps s = { .l = l };

	task_init(&s.defer, on_defer, &s);
	task_init(&s.next, on_next, &s);
	task_init(&s.flush, on_flush, &s);
	task_init(&s.late, on_late, &s);
	task_defer(l, &s.defer);
	task_defer(l, &s.defer);
	assert_true(loop_turn(l, true)); /* does not wait */
	assert_string_equal(trace, "dfr");
	assert_true(loop_turn(l, true));
	assert_string_equal(trace, "dfrln");
	assert_false(loop_turn(l, false));
}

struct chain {
	struct loop *l;
	struct task t;
	int left;
};

static void on_chain(void *arg)
{
	struct chain *c = arg;

	if (--c->left > 0)
		task_defer(c->l, &c->t);
}

static void test_defer_from_defer(void **state)
{
	struct loop *l = *state;
	struct chain c = { .l = l, .left = 5 };

	task_init(&c.t, on_chain, &c);
	task_defer(l, &c.t);
	(void)loop_turn(l, true);
	assert_int_equal(c.left, 0);

	/* One that never ends leaves the turn all the same. */
	c.left = 1000000;
	task_defer(l, &c.t);
	(void)loop_turn(l, true);
	assert_in_range(c.left, 999000, 999999);
	task_cancel(&c.t);
	assert_false(loop_turn(l, false));
}

static void test_cancel(void **state)
{
	struct loop *l = *state;
	struct task t = { 0 }, u;

	task_cancel(&t); /* never initialised */
	task_init(&t, note_arg, A);
	task_init(&u, note_arg, B);
	task_defer(l, &t);
	task_next(l, &u);
	task_cancel(&t);
	(void)loop_turn(l, false);
	assert_string_equal(trace, "b");
}

static void reap_more(void *arg)
{
	note('m');
	for (int i = 0; i < 40; i++)
		loop_reap(arg, note_arg, A);
}

static void test_reap_from_reap(void **state)
{
	struct loop *l = *state;

	loop_reap(l, reap_more, l);
	(void)loop_turn(l, true);
	assert_int_equal(strlen(trace), 41);
	assert_false(loop_turn(l, false));
}

/* --- the outside ------------------------------------------------------------------------------ */

enum { POSTS = 20000 };
struct posts {
	struct loop *l;
	int got;
};

static void on_post(void *arg)
{
	struct posts *p = arg;

	if (++p->got == 2 * POSTS)
		loop_stop(p->l);
}

static void *poster(void *arg)
{
	struct posts *p = arg;

	for (int i = 0; i < POSTS; i++)
		loop_post(p->l, on_post, p);
	return NULL;
}

static void test_post_from_threads(void **state)
{
	struct posts p = { .l = *state };
	pthread_t a, b;

	assert_int_equal(pthread_create(&a, NULL, poster, &p), 0);
	assert_int_equal(pthread_create(&b, NULL, poster, &p), 0);
	loop_run(p.l);
	assert_int_equal(p.got, 2 * POSTS);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
}

static void post_again(void *arg)
{
	struct posts *p = arg;

	if (++p->got < 3)
		loop_post(p->l, post_again, p);
	else
		loop_stop(p->l);
}

static void test_post_from_post(void **state)
{
	struct posts p = { .l = *state };

	loop_post(p.l, post_again, &p);
	loop_run(p.l);
	assert_int_equal(p.got, 3);
	loop_post(p.l, post_again, &p); /* never runs, nothing is leaked */
}

static void stop_and_defer(void *arg)
{
	struct steps *s = arg;

	loop_stop(s->l);
	task_defer(s->l, &s->defer);
}

static void test_stop_completes_the_turn(void **state)
{
	struct steps s = { .l = *state };
	struct timer t;

	task_init(&s.defer, on_late, &s);
	timer_init(&t, s.l, stop_and_defer, &s);
	timer_set(&t, 1);
	loop_run(s.l);
	assert_string_equal(trace, "l");
	timer_done(&t);
}

static void on_ready(int fd, unsigned what, void *arg)
{
	(void)fd;
	(void)arg;
	note(what == LOOP_READ ? 'R' : 'W');
}

static void test_watch_is_level_triggered(void **state)
{
	struct loop *l = *state;
	struct watch *w;
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	w = watch_new(l, fd[0], on_ready, NULL);
	assert_int_equal(write(fd[1], "x", 1), 1);
	assert_false(loop_turn(l, false));
	watch_set(w, LOOP_READ);
	assert_true(loop_turn(l, true));
	assert_true(loop_turn(l, true));
	assert_string_equal(trace, "RR");
	watch_set(w, LOOP_WRITE);
	assert_true(loop_turn(l, true));
	assert_string_equal(trace, "RRW");
	watch_set(w, LOOP_READ | LOOP_WRITE);
	assert_true(loop_turn(l, true));
	assert_int_equal(strlen(trace), 5);
	watch_set(w, 0);
	assert_false(loop_turn(l, false));
	watch_free(w);
	watch_free(NULL);
	close(fd[0]);
	close(fd[1]);
}

static void on_sig(int signo, void *arg)
{
	assert_int_equal(signo, SIGUSR1);
	loop_stop(arg);
	note('s');
}

static void test_signal(void **state)
{
	struct sig *s = sig_new(*state, SIGUSR1, on_sig, *state);

	assert_int_equal(raise(SIGUSR1), 0);
	loop_run(*state);
	assert_string_equal(trace, "s");
	sig_free(s);
	sig_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_timers_in_order),
		T(test_timer_is_put_off_and_stopped),
		T(test_timer_on_real_clock_is_never_early),
		T(test_timer_rearmed_by_itself),
		T(test_clock_moves_both_times),
#ifdef SWITCHYARD_TEST_HOOKS
		T(test_clock_file),
#endif
		T(test_order_of_the_turn),
		T(test_defer_from_defer),
		T(test_cancel),
		T(test_reap_from_reap),
		T(test_post_from_threads),
		T(test_post_from_post),
		T(test_stop_completes_the_turn),
		T(test_watch_is_level_triggered),
		T(test_signal),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
