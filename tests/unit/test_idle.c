/* SPDX-License-Identifier: MIT */
/* Which sessions give their parser back, and how often they are asked.  Sessions, streams and
 * connections are played here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/loop.h>

#include "c2s/idle.h"
#include "core/session.h"
#include "router.h"

static struct router r;
static struct list all;
static struct peer {
	struct session s;
	uint64_t last_read;
	unsigned asked;
} quiet, busy, gone;
static struct idle *idle;

struct list *sessions_all(struct sessions *ss)
{
	(void)ss;
	return &all;
}

/* A stream, and its connection, is the peer itself. */
struct io *stream_io_of(struct stream *s)
{
	return (struct io *)(void *)s;
}

uint64_t io_last_read(const struct io *io)
{
	return ((const struct peer *)(const void *)io)->last_read;
}

void stream_idle(struct stream *s)
{
	((struct peer *)(void *)s)->asked++;
}

static void enter(struct peer *p, bool connected)
{
	*p = (struct peer){ .last_read = loop_now(r.loop) };
	p->s.stream = connected ? (struct stream *)(void *)p : NULL;
	list_add_tail(&all, &p->s.of_all);
}

static int setup(void **state)
{
	(void)state;
	r = (struct router){ .loop = loop_new() };
	list_init(&all);
	enter(&quiet, true);
	enter(&busy, true);
	enter(&gone, false);
	idle_open(&idle, &r);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	idle_close(idle);
	loop_free(r.loop);
	return 0;
}

/* One second after the other; busy says something in each. */
static void pass(unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		loop_clock_advance(r.loop, 1000);
		busy.last_read = loop_now(r.loop);
		(void)loop_turn(r.loop, false);
	}
}

static void nobody_is_asked_who_has_just_spoken(void **state)
{
	(void)state;
	pass(9);
	assert_int_equal(quiet.asked, 0);
	assert_int_equal(busy.asked, 0);
}

static void who_is_quiet_is_asked_at_most_every_ten_seconds(void **state)
{
	(void)state;
	pass(21);
	assert_in_range(quiet.asked, 1, 2);
	pass(60);
	assert_in_range(quiet.asked, 6, 8);
	assert_int_equal(busy.asked, 0);
	assert_int_equal(gone.asked, 0);
}

static void who_speaks_again_is_left_alone(void **state)
{
	unsigned n;

	(void)state;
	pass(31);
	quiet.last_read = loop_now(r.loop);
	n = quiet.asked;
	pass(9);
	assert_int_equal(quiet.asked, n);
	pass(12);
	assert_true(quiet.asked > n);
}

static void closing_ends_it(void **state)
{
	(void)state;
	idle_close(idle);
	idle = NULL;
	pass(60);
	assert_int_equal(quiet.asked, 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nobody_is_asked_who_has_just_spoken),
		T(who_is_quiet_is_asked_at_most_every_ten_seconds),
		T(who_speaks_again_is_left_alone),
		T(closing_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
