/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <base/list.h>

struct item {
	int v;
	struct list link;
};

static void items_init(struct list *head, struct item it[4])
{
	list_init(head);
	for (int i = 0; i < 4; i++) {
		it[i].v = i;
		list_add_tail(head, &it[i].link);
	}
}

/* The members' values as one decimal number. */
static int digits(const struct list *head)
{
	int n = 0;

	LIST_EACH (it, (struct list *)(uintptr_t)head)
		n = n * 10 + LIST_ENTRY(it, struct item, link)->v;
	return n;
}

static void test_order(void **state)
{
	struct list head = LIST_INIT(head);
	struct item a = { .v = 1 }, b = { .v = 2 }, c = { .v = 3 };

	(void)state;
	assert_true(list_empty(&head));
	assert_null(LIST_FIRST(&head, struct item, link));
	list_add_tail(&head, &b.link);
	list_add_tail(&head, &c.link);
	list_add_head(&head, &a.link);
	assert_int_equal(digits(&head), 123);
	assert_ptr_equal(LIST_FIRST(&head, struct item, link), &a);
	list_del(&b.link);
	list_insert_before(&a.link, &b.link);
	assert_int_equal(digits(&head), 213);
}

static void test_delete_twice(void **state)
{
	struct list head;
	struct item it[4];

	(void)state;
	items_init(&head, it);
	list_del(&it[1].link);
	list_del(&it[1].link);
	assert_true(list_empty(&it[1].link));
	assert_int_equal(digits(&head), 23); /* 0, 2, 3 */
	list_del(&it[0].link);
	list_del(&it[3].link);
	list_del(&it[2].link);
	assert_true(list_empty(&head));
}

static void test_delete_in_loop(void **state)
{
	struct list head;
	struct item it[4];
	int visited = 0;

	(void)state;
	items_init(&head, it);
	LIST_EACH_SAFE (m, &head) {
		visited++;
		if (LIST_ENTRY(m, struct item, link)->v != 2)
			list_del(m);
	}
	assert_int_equal(visited, 4);
	assert_int_equal(digits(&head), 2);
}

static void test_take(void **state)
{
	struct list src, dst, none;
	struct item it[4];

	(void)state;
	items_init(&src, it);
	list_init(&dst);
	list_init(&none);
	list_take(&dst, &none);
	assert_true(list_empty(&dst));
	list_del(&it[0].link);
	list_take(&dst, &src);
	assert_true(list_empty(&src));
	assert_int_equal(digits(&dst), 123);
	list_add_tail(&dst, &it[0].link);
	assert_int_equal(digits(&dst), 1230);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_delete_twice),
		cmocka_unit_test(test_delete_in_loop),
		cmocka_unit_test(test_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
