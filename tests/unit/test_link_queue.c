/* SPDX-License-Identifier: MIT */
/* The queue of a component: order, what it counts, whose share it is. */
#include <stdio.h>

#include <base/arena.h>

#include "link_fixture.h"
#include "links/queue.h"

static unsigned n_done;

static void count_done(struct stanza *st)
{
	(void)st;
	n_done++;
}

static struct stanza *message(const char *from, unsigned id)
{
	char xml[256];
	struct stanza *st;

	(void)snprintf(xml, sizeof(xml), "<message from='%s' to='x@gate.org' id='%u'/>", from, id);
	st = stanza_of(xml);
	st->done = count_done;
	return st;
}

static struct lq_entry *add(struct lq *q, const char *from, unsigned id)
{
	struct stanza *st = message(from, id);
	struct lq_entry *e = lq_add(q, st);

	stanza_release(st);
	return e;
}

static void take(struct lq *q, struct lq_entry *e)
{
	stanza_release(lq_take(q, e));
}

static unsigned id_of(const struct lq_entry *e)
{
	return e ? (unsigned)strtoul(el_attr(e->st->el, "id"), NULL, 10) : 0;
}

static void assert_empty(const struct lq *q)
{
	assert_null(lq_first(q));
	assert_null(lq_unsent(q));
	assert_int_equal(q->n + q->n_unacked + q->bytes + q->unsent_bytes, 0);
	for (unsigned i = 0; i < SHARES; i++)
		assert_int_equal(q->shares.used[i] + q->shares.components[i], 0);
}

static int setup(void **state)
{
	static struct lq q;

	n_done = 0;
	lq_init(&q);
	*state = &q;
	return 0;
}

static int teardown(void **state)
{
	struct lq *q = *state;

	while (lq_first(q))
		take(q, lq_first(q));
	assert_empty(q);
	return 0;
}

static void what_was_sent_stands_before_what_was_not(void **state)
{
	struct lq *q = *state;

	for (unsigned i = 1; i <= 4; i++)
		(void)add(q, "a@b.org/c", i);
	assert_int_equal(id_of(lq_unsent(q)), 1);
	lq_mark_sent(q, lq_unsent(q));
	lq_mark_sent(q, lq_unsent(q));
	assert_int_equal(id_of(lq_first(q)), 1);
	assert_int_equal(id_of(lq_unsent(q)), 3);
	assert_int_equal(q->n_unacked, 2);
	assert_int_equal(n_done, 0); /* they are held */
	take(q, lq_first(q));
	assert_int_equal(n_done, 1);
	assert_int_equal(id_of(lq_first(q)), 2);
	assert_int_equal(id_of(lq_unsent(q)), 3);
}

static void one_behind_the_last_is_unsent(void **state)
{
	struct lq *q = *state;

	(void)add(q, "a@b.org/c", 1);
	lq_mark_sent(q, lq_unsent(q));
	assert_null(lq_unsent(q));
	(void)add(q, "a@b.org/c", 2);
	assert_int_equal(id_of(lq_unsent(q)), 2);
}

static void a_rewound_queue_is_sent_again_from_its_first(void **state)
{
	struct lq *q = *state;

	for (unsigned i = 1; i <= 3; i++)
		(void)add(q, "a@b.org/c", i);
	lq_mark_sent(q, lq_unsent(q));
	lq_mark_sent(q, lq_unsent(q));
	lq_rewind(q);
	assert_int_equal(q->n_unacked, 0);
	assert_int_equal(q->unsent_bytes, q->bytes);
	assert_int_equal(id_of(lq_unsent(q)), 1);
	assert_true(lq_first(q)->was_sent); /* its outcome is not known for certain any more */
	lq_mark_sent(q, lq_unsent(q));
	lq_mark_sent(q, lq_unsent(q));
	assert_false(lq_unsent(q)->was_sent);
	lq_rewind(q);
	lq_rewind(q);
	assert_int_equal(id_of(lq_unsent(q)), 1);
}

static void one_may_leave_from_the_middle(void **state)
{
	struct lq *q = *state;
	struct lq_entry *e[5];

	for (unsigned i = 0; i < 5; i++)
		e[i] = add(q, "a@b.org/c", i + 1);
	lq_mark_sent(q, e[0]);
	take(q, e[1]); /* the first unsent */
	assert_int_equal(id_of(lq_unsent(q)), 3);
	take(q, e[3]);
	lq_mark_sent(q, lq_unsent(q));
	assert_int_equal(id_of(lq_unsent(q)), 5);
	take(q, e[4]); /* the last */
	assert_null(lq_unsent(q));
	assert_int_equal(q->n, 2);
	assert_int_equal(q->unsent_bytes, 0);
}

static void brief_ones_in_their_order_until_they_are_sent(void **state)
{
	struct lq *q = *state;
	struct lq_entry *one, *two;

	one = add(q, "a@b.org/c", 1);
	(void)add(q, "a@b.org/c", 2);
	two = add(q, "a@b.org/c", 3);
	lq_set_brief(q, one, 10);
	lq_set_brief(q, two, 20);
	assert_ptr_equal(lq_first_brief(q), one);
	lq_mark_sent(q, one);
	assert_ptr_equal(lq_first_brief(q), two);
	take(q, two);
	assert_null(lq_first_brief(q));
}

static void the_whole_is_bounded(void **state)
{
	struct lq *q = *state;
	char from[32];
	unsigned n = 0;

	for (; n < 1000; n++) {
		struct stanza *st;
		bool fits;

		(void)snprintf(from, sizeof(from), "u%u@b.org/c", n);
		st = message(from, n);
		fits = lq_fits(q, st, 65536);
		if (fits)
			(void)lq_add(q, st);
		stanza_release(st);
		if (!fits)
			break;
	}
	assert_in_range(n, 40, 200);
	assert_in_range(q->bytes, 60000, 66000);
}

static unsigned fill(struct lq *q, const char *from, size_t max)
{
	unsigned n = 0;

	for (;; n++) {
		struct stanza *st = message(from, n);
		bool fits = lq_fits(q, st, max);

		if (fits)
			(void)lq_add(q, st);
		stanza_release(st);
		if (!fits)
			return n;
	}
}

static void one_sender_has_an_eighth(void **state)
{
	struct lq *q = *state;
	size_t one;

	(void)fill(q, "a@b.org/c", 65536);
	one = q->bytes;
	assert_in_range(one, 1, 65536 / 8 + 1024);
	assert_int_equal(fill(q, "a@b.org/another", 65536), 0); /* the same account */
	assert_true(fill(q, "d@b.org/c", 65536) > 0);
	assert_in_range(q->bytes, 2 * one - 1024, 2 * one + 1024);
}

/* Under as many names as it likes; accounts are not concerned. */
static void a_component_has_a_half(void **state)
{
	static char component; /* nobody looks into it */
	struct lq *q = *state;
	char from[32];

	for (unsigned i = 0; i < 1000; i++) {
		struct stanza *st;

		(void)snprintf(from, sizeof(from), "u%u@c.org", i);
		st = message(from, i);
		st->component = (struct component *)(void *)&component;
		if (lq_fits(q, st, 65536))
			(void)lq_add(q, st);
		stanza_release(st);
	}
	assert_in_range(q->bytes, 65536 / 2 - 2048, 65536 / 2);
	assert_true(fill(q, "a@b.org/c", 65536) > 0);
}

static void an_empty_share_takes_one_of_any_size(void **state)
{
	struct lq *q = *state;
	struct stanza *st = message("a@b.org/c", 1);

	assert_true(lq_fits(q, st, 1));
	(void)lq_add(q, st);
	assert_false(lq_fits(q, st, 1));
	stanza_release(st);
}

static void the_router_has_no_share(void **state)
{
	struct lq *q = *state;

	assert_true(fill(q, "b.org", 65536) > 65536 / 8 / 1024);
	assert_in_range(q->bytes, 60000, 66000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_sent_stands_before_what_was_not),
		TEST(one_behind_the_last_is_unsent),
		TEST(a_rewound_queue_is_sent_again_from_its_first),
		TEST(one_may_leave_from_the_middle),
		TEST(brief_ones_in_their_order_until_they_are_sent),
		TEST(the_whole_is_bounded),
		TEST(one_sender_has_an_eighth),
		TEST(a_component_has_a_half),
		TEST(an_empty_share_takes_one_of_any_size),
		TEST(the_router_has_no_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
