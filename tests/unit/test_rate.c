/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <base/rate.h>

static void test_bucket(void **state)
{
	const struct rate_conf c = { .per_second = 2, .burst = 3 };
	struct rate r;

	(void)state;
	rate_init(&r, &c, 1000);
	for (int i = 0; i < 3; i++)
		assert_true(rate_take(&r, &c, 1, 1000));
	assert_false(rate_take(&r, &c, 1, 1000));
	assert_false(rate_take(&r, &c, 1, 1499));
	assert_true(rate_take(&r, &c, 1, 1500));
	assert_false(rate_take(&r, &c, 1, 1500));
	assert_true(rate_take(&r, &c, 3, 100000)); /* full, and not fuller than that */
	assert_false(rate_take(&r, &c, 1, 100000));
	assert_false(rate_take(&r, &c, 1, 50000));  /* a clock that goes back gives nothing */
	assert_false(rate_take(&r, &c, 4, 900000)); /* more than the bucket holds */
	assert_true(rate_take(&r, &c, 3, 900000));
}

static void test_debt(void **state)
{
	const struct rate_conf c = { .per_second = 1000, .burst = 4000 };
	struct rate r;

	(void)state;
	rate_init(&r, &c, 0);
	assert_int_equal(rate_debt(&r, &c, 4000, 0), 0);
	assert_in_range(rate_debt(&r, &c, 500, 0), 500, 501);
	assert_in_range(rate_debt(&r, &c, 500, 0), 1000, 1001);
	assert_in_range(rate_debt(&r, &c, 0, 900), 100, 101);
	assert_int_equal(rate_debt(&r, &c, 0, 1000), 0);
	assert_false(rate_take(&r, &c, 1, 1000));
}

static void test_charge(void **state)
{
	const struct rate_conf c = { .per_second = 1, .burst = 4 };
	struct rate_table *t = rate_table_new(&c, 4);
	struct rate r;

	(void)state;
	rate_init(&r, &c, 0);
	assert_true(rate_charge(&r, &c, 3, 0));
	assert_true(rate_charge(&r, &c, 1000, 0)); /* one was left; the debt is 3 */
	assert_false(rate_charge(&r, &c, 1, 3999));
	assert_true(rate_charge(&r, &c, 1, 4000));
	assert_false(rate_charge(&r, &c, 1, 4000));
	assert_true(rate_table_charge(t, "k", 1000, 0));
	assert_false(rate_table_charge(t, "k", 1, 0));
	assert_true(rate_table_charge(t, "other", 1, 0));
	assert_true(rate_table_charge(t, "k", 1, 1000));
	rate_table_free(t);
}

static void test_no_limit(void **state)
{
	const struct rate_conf c = { .per_second = 0, .burst = 1 };
	struct rate_table *t = rate_table_new(&c, 1);
	struct rate r;

	(void)state;
	rate_init(&r, &c, 0);
	for (int i = 0; i < 1000; i++) {
		assert_true(rate_take(&r, &c, 1e9, 0));
		assert_int_equal(rate_debt(&r, &c, 1e9, 0), 0);
		assert_true(rate_charge(&r, &c, 1e9, 0));
		assert_true(rate_table_charge(t, "k", 1e9, 0));
		assert_true(rate_table_take(t, "k", 1e9, 0));
		assert_true(rate_table_peek(t, "k", 1e9, 0));
	}
	rate_table_free(t);
}

/* A reload that makes the bucket smaller takes what is too much out of it. */
static void test_smaller(void **state)
{
	const struct rate_conf big = { .per_second = 1, .burst = 100 };
	const struct rate_conf small = { .per_second = 1, .burst = 2 };
	struct rate_table *t = rate_table_new(&big, 4);

	(void)state;
	assert_true(rate_table_take(t, "k", 1, 0));
	rate_table_set(t, &small);
	assert_true(rate_table_take(t, "k", 2, 0));
	assert_false(rate_table_take(t, "k", 1, 0));
	rate_table_free(t);
}

static void test_table(void **state)
{
	const struct rate_conf c = { .per_second = 1, .burst = 2 };
	struct rate_table *t = rate_table_new(&c, 100);
	char key[] = "192.0.2.1";

	(void)state;
	assert_true(rate_table_peek(t, key, 2, 0));
	assert_false(rate_table_peek(t, key, 3, 0));
	assert_true(rate_table_take(t, key, 2, 0));
	assert_false(rate_table_peek(t, key, 1, 0));
	assert_true(rate_table_peek(t, key, 1, 1000));
	assert_true(rate_table_peek(t, key, 1, 1000)); /* takes none */
	assert_true(rate_table_take(t, key, 1, 1000));
	key[8] = '2'; /* keys are copied */
	assert_true(rate_table_take(t, key, 2, 1000));
	assert_false(rate_table_take(t, "192.0.2.1", 1, 1000));
	rate_table_free(t);
	rate_table_free(NULL);
}

static void test_table_of_debts(void **state)
{
	const struct rate_conf c = { .per_second = 1, .burst = 1 };
	const struct rate_conf none = { .per_second = 0, .burst = 1 };
	struct rate_table *t = rate_table_new(&c, 2);

	(void)state;
	assert_int_equal(rate_table_debt(t, "a", 0, 0), 0);
	assert_int_equal(rate_table_debt(t, "a", 1, 0), 0);
	assert_in_range(rate_table_debt(t, "a", 2, 0), 2000, 2001);
	assert_in_range(rate_table_debt(t, "a", 0, 500), 1500, 1501);
	assert_in_range(rate_table_debt(t, "a", 0, 500), 1500, 1501); /* takes none */
	assert_false(rate_table_peek(t, "a", 1, 2500));
	assert_int_equal(rate_table_debt(t, "b", 1, 500), 0);
	assert_int_equal(rate_table_debt(t, "a", 0, 2500), 0);
	assert_int_equal(rate_table_debt(t, "c", 1, 2500), 0); /* in the place of b */
	assert_false(rate_table_peek(t, "a", 1, 2500));
	assert_true(rate_table_peek(t, "b", 1, 2500));
	rate_table_set(t, &none);
	assert_int_equal(rate_table_debt(t, "a", 1000, 2500), 0);
	rate_table_free(t);
}

static void test_stalest_goes(void **state)
{
	const struct rate_conf c = { .per_second = 0.001, .burst = 1 };
	struct rate_table *t = rate_table_new(&c, 3);
	char key[24];

	(void)state;
	assert_true(rate_table_take(t, "a", 1, 0));
	assert_true(rate_table_take(t, "b", 1, 0));
	assert_true(rate_table_take(t, "c", 1, 0));
	assert_false(rate_table_take(t, "a", 1, 0)); /* used again, so "b" is the stalest */
	assert_true(rate_table_take(t, "d", 1, 0));
	assert_false(rate_table_take(t, "a", 1, 0));
	assert_false(rate_table_take(t, "c", 1, 0));
	assert_true(rate_table_take(t, "b", 1, 0)); /* forgotten: a full bucket */
	for (int i = 0; i < 10000; i++) {
		snprintf(key, sizeof(key), "10.0.%d.%d", i / 256, i % 256);
		assert_true(rate_table_take(t, key, 1, 0));
	}
	rate_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bucket),
		cmocka_unit_test(test_debt),
		cmocka_unit_test(test_charge),
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_smaller),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_of_debts),
		cmocka_unit_test(test_stalest_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
