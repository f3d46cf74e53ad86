/* SPDX-License-Identifier: MIT */
/* mem.c and arena.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <base/arena.h>
#include <base/mem.h>

static void test_mem(void **state)
{
	char *s = xstrndup("abcdef", 3), *t = xstrndup("ab", 10), *u = xasprintf("%s-%d", "x", 7);
	unsigned char *z = xzalloc(100);
	int *v = xreallocarray(NULL, 10, sizeof(*v));
	char secret[4] = { 1, 2, 3, 4 };

	(void)state;
	assert_string_equal(s, "abc");
	assert_string_equal(t, "ab");
	assert_string_equal(u, "x-7");
	for (int i = 0; i < 100; i++)
		assert_int_equal(z[i], 0);
	v = xreallocarray(v, 0, sizeof(*v)); /* an empty array is still a pointer to free */
	assert_non_null(v);
	mem_wipe(secret, sizeof(secret));
	mem_wipe(NULL, 0);
	assert_memory_equal(secret, "\0\0\0\0", 4);
	free(s);
	free(t);
	free(u);
	free(z);
	free(v);
}

/* Every size is aligned, keeps its content, and does not touch its neighbours. */
static void test_many_sizes(void **state)
{
	enum { N = 600 };
	struct arena *a = arena_new();
	unsigned char *p[N];

	(void)state;
	for (size_t i = 0; i < N; i++) {
		p[i] = arena_alloc(a, i * 7 % 5000);
		assert_int_equal((uintptr_t)p[i] % _Alignof(max_align_t), 0);
		memset(p[i], (int)(i & 255), i * 7 % 5000);
	}
	for (size_t i = 0; i < N; i++) {
		for (size_t j = 0; j < i * 7 % 5000; j++)
			assert_int_equal(p[i][j], i & 255);
	}
	arena_free(a);
}

static void test_strings(void **state)
{
	struct arena *a = arena_new();
	unsigned char *z;

	(void)state;
	assert_string_equal(arena_strdup(a, ""), "");
	assert_string_equal(arena_strdup(a, "romeo@example.net"), "romeo@example.net");
	assert_string_equal(arena_strndup(a, "romeo@example.net", 5), "romeo");
	assert_string_equal(arena_strndup(a, "ab", 99), "ab");
	z = arena_zalloc(a, 3000);
	for (int i = 0; i < 3000; i++)
		assert_int_equal(z[i], 0);
	arena_free(a);
}

/* The size is what a limit is measured by: it grows at least by what was asked for. */
static void test_size(void **state)
{
	struct arena *a = arena_new();
	size_t before;

	(void)state;
	assert_int_equal(arena_size(a), 0);
	for (size_t n = 1; n < 100000; n *= 3) {
		before = arena_size(a);
		(void)arena_alloc(a, n);
		assert_in_range(arena_size(a), before + n, before + n + _Alignof(max_align_t));
	}
	arena_free(a);
}

/* More blocks than the free list keeps, several times over, and arenas that end in another order
 * than they began. */
static void test_reuse(void **state)
{
	enum { N = 400 };
	struct arena *a[N];
	char *s[N];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N; i++) {
			a[i] = arena_new();
			for (int k = 0; k < i % 5; k++)
				(void)arena_zalloc(a[i], 1000);
			s[i] = arena_strdup(a[i], "mine");
		}
		for (int i = 0; i < N; i += 2)
			arena_free(a[i]);
		for (int i = 1; i < N; i += 2) {
			assert_string_equal(s[i], "mine");
			arena_free(a[i]);
		}
	}
	arena_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mem),
		cmocka_unit_test(test_many_sizes),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_reuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
