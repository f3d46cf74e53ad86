/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <base/mem.h>
#include <base/sbuf.h>

static void test_empty(void **state)
{
	struct sbuf b = SBUF_INIT;
	char *s;

	(void)state;
	assert_int_equal(sbuf_len(&b), 0);
	assert_non_null(sbuf_data(&b));
	sbuf_add(&b, NULL, 0);
	sbuf_drop(&b, 0);
	sbuf_truncate(&b, 0);
	sbuf_clear(&b);
	assert_string_equal(sbuf_str(&b), "");
	s = sbuf_steal(&b);
	assert_string_equal(s, "");
	free(s);
	sbuf_done(&b);
	sbuf_done(&b);
}

static void test_build(void **state)
{
	struct sbuf b = SBUF_INIT;
	char *big = xzalloc(100000);

	(void)state;
	sbuf_puts(&b, "<a");
	sbuf_putc(&b, '/');
	sbuf_printf(&b, "%c%s", '>', "");
	assert_string_equal(sbuf_str(&b), "<a/>");
	assert_int_equal(sbuf_len(&b), 4); /* the NUL does not count */
	memset(big, 'x', 99999);
	sbuf_printf(&b, "%s%d", big, 12); /* larger than the first try's room */
	assert_int_equal(sbuf_len(&b), 4 + 99999 + 2);
	assert_memory_equal(sbuf_data(&b) + 4, big, 99999);
	assert_string_equal(sbuf_str(&b) + 4 + 99999, "12");
	sbuf_truncate(&b, 2);
	assert_string_equal(sbuf_str(&b), "<a");
	sbuf_clear(&b);
	assert_int_equal(sbuf_len(&b), 0);
	memcpy(sbuf_reserve(&b, 3), "xyz", 3);
	sbuf_commit(&b, 3);
	assert_string_equal(sbuf_str(&b), "xyz");
	sbuf_done(&b);
	free(big);
}

static void test_steal_consumed(void **state)
{
	struct sbuf b = SBUF_INIT;
	char *s;

	(void)state;
	sbuf_puts(&b, "consumed,kept");
	sbuf_drop(&b, 9);
	s = sbuf_steal(&b);
	assert_string_equal(s, "kept");
	free(s);
	assert_int_equal(sbuf_len(&b), 0);
	sbuf_puts(&b, "usable");
	assert_string_equal(sbuf_str(&b), "usable");
	sbuf_done(&b);
}

/* A queue that is filled and drained at different sizes: nothing is lost or changed, and memory
 * stays in proportion to what is queued. */
static void test_queue(void **state)
{
	struct sbuf b = SBUF_INIT;
	uint32_t in = 0, out = 0, v;

	(void)state;
	for (unsigned step = 0; step < 200000; step++) {
		if (step * 7919 % 13 < 7) {
			for (unsigned k = 0; k <= step % 5; k++, in++)
				sbuf_add(&b, &in, sizeof(in));
		}
		for (unsigned k = 0; k < 1 + step % 3 && sbuf_len(&b) > 0; k++, out++) {
			memcpy(&v, sbuf_data(&b), sizeof(v));
			assert_int_equal(v, out);
			sbuf_drop(&b, sizeof(v));
		}
		assert_int_equal(sbuf_len(&b), (in - out) * sizeof(v));
		if (sbuf_len(&b) > 4096) { /* as a reader that caught up */
			sbuf_drop(&b, sbuf_len(&b));
			out = in;
		}
	}
	assert_true(in > 100000);
	assert_in_range(b.cap, 64, 4 * 8192);
	sbuf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_steal_consumed),
		cmocka_unit_test(test_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
