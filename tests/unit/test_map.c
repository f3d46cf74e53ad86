/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <base/map.h>
#include <base/mem.h>

enum { MANY = 50000 };

struct obj {
	char key[24];
	struct map_node node;
	unsigned seen;
};

static struct obj *many_new(struct map *m)
{
	struct obj *o = xzalloc(MANY * sizeof(*o));

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(o[i].key, sizeof(o[i].key), "user%u@example.net", i);
		map_put(m, &o[i].node, o[i].key, strlen(o[i].key));
	}
	return o;
}

static void test_empty(void **state)
{
	struct map m = MAP_INIT;

	(void)state;
	assert_null(map_gets(&m, "a"));
	assert_null(map_first(&m));
	assert_int_equal(map_len(&m), 0);
	map_done(&m);
	map_done(&m);
}

static void test_keys(void **state)
{
	struct map m;
	struct map_node empty, nul, text;

	(void)state;
	map_init(&m);
	map_put(&m, &empty, "", 0);
	map_put(&m, &nul, "a\0b", 3); /* bytes, not strings */
	map_put(&m, &text, "a", 1);
	assert_ptr_equal(map_get(&m, NULL, 0), &empty);
	assert_ptr_equal(map_get(&m, "a\0b", 3), &nul);
	assert_ptr_equal(map_gets(&m, "a"), &text);
	assert_null(map_get(&m, "a\0", 2));
	assert_null(map_get(&m, "a\0c", 3));
	map_del(&m, &text);
	assert_null(map_gets(&m, "a"));
	assert_int_equal(map_len(&m), 2);
	map_done(&m);
}

static void test_many(void **state)
{
	struct map m = MAP_INIT;
	struct obj *o = many_new(&m);

	(void)state;
	assert_int_equal(map_len(&m), MANY);
	for (unsigned i = 0; i < MANY; i++) {
		assert_ptr_equal(map_gets(&m, o[i].key), &o[i].node);
		assert_ptr_equal(MAP_ENTRY(&o[i].node, struct obj, node), &o[i]);
	}
	for (unsigned i = 0; i < MANY; i += 2)
		map_del(&m, &o[i].node);
	for (unsigned i = 0; i < MANY; i++)
		assert_ptr_equal(map_gets(&m, o[i].key), i % 2 ? &o[i].node : NULL);
	for (unsigned i = 0; i < MANY; i += 2)
		map_put(&m, &o[i].node, o[i].key, strlen(o[i].key));
	assert_int_equal(map_len(&m), MANY);
	map_done(&m);
	free(o);
}

static void test_iterate(void **state)
{
	struct map m = MAP_INIT;
	struct obj *o = many_new(&m);
	struct map_node *n, *next;

	(void)state;
	MAP_EACH (it, &m)
		MAP_ENTRY(it, struct obj, node)->seen++;
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(o[i].seen, 1);
	for (n = map_first(&m); n; n = next) { /* delete two of three while walking */
		next = map_next(&m, n);
		if ((MAP_ENTRY(n, struct obj, node) - o) % 3 != 0)
			map_del(&m, n);
	}
	MAP_EACH (it, &m)
		MAP_ENTRY(it, struct obj, node)->seen++;
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(o[i].seen, i % 3 == 0 ? 2 : 1);
	for (n = map_first(&m); n; n = next) {
		next = map_next(&m, n);
		map_del(&m, n);
	}
	assert_int_equal(map_len(&m), 0);
	assert_null(map_first(&m));
	map_done(&m);
	free(o);
}

/* Counted keys fall evenly into the slots: no chain is long. */
static void test_spread(void **state)
{
	struct map m = MAP_INIT;
	struct obj *o = many_new(&m);
	size_t longest = 0, len;

	(void)state;
	assert_true(m.mask + 1 >= MANY);
	for (size_t i = 0; i <= m.mask; i++) {
		len = 0;
		for (struct map_node *n = m.slot[i]; n; n = n->next)
			len++;
		longest = len > longest ? len : longest;
	}
	assert_in_range(longest, 2, 16);
	assert_true(map_hash("abc", 3) == map_hash("abc", 3));
	assert_true(map_hash("abc", 3) != map_hash("abd", 3));
	assert_true(map_hash("abc\0", 4) != map_hash("abc", 3));
	map_done(&m);
	free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_iterate),
		cmocka_unit_test(test_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
