/* SPDX-License-Identifier: MIT */
/* Ids of what rooms keep: written, read, growing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sid.h"

static void test_there_and_back(void **state)
{
	static const struct sid ids[] = {
		{ 0, 0 },
		{ (INT64_C(1) << 60) - 1, (INT64_C(1) << 62) - 1 },
		{ INT64_C(1767225600000) << 12 | 5, 0x1234567890abcdef },
	};
	char text[SID_TEXT + 1];
	struct sid back;

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		sid_write(&ids[i], text);
		assert_int_equal(strlen(text), SID_TEXT);
		assert_int_equal(sid_parse(&back, text), 0);
		assert_int_equal(back.seq, ids[i].seq);
		assert_int_equal(back.salt, ids[i].salt);
	}
	sid_write(&ids[2], text); /* 2026-01-01T00:00:00Z */
	assert_string_equal(text, "019b76da-a800-7005-9234-567890abcdef");
	assert_int_equal(sid_ms(ids[2].seq), INT64_C(1767225600000));
}

static void test_what_is_none(void **state)
{
	static const char *const v[] = { "", "x", "019b76da-a800-7005-9234-567890abcde",
		"019b76da-a800-7005-9234-567890abcdeff", "019b76da-a800-4005-9234-567890abcdef",
		"019b76da-a800-7005-1234-567890abcdef", "019B76DA-a800-7005-9234-567890abcdef",
		"019b76daaa800-7005-9234-567890abcdef", "019b76da-a800-7005-9234-567890abcde-" };
	struct sid id;

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		assert_true(sid_parse(&id, v[i]) < 0);
}

/* Whatever the clock does. */
static void test_they_grow(void **state)
{
	static const int64_t clock[] = { 1000, 1000, 1001, 5, -7, 1002, INT64_MAX, 3 };
	int64_t last = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(clock) / sizeof(clock[0]) - 2; i++) {
		struct sid id = sid_next(last, clock[i]);

		assert_true(id.seq > last && id.salt >= 0);
		last = id.seq;
	}
	assert_int_equal(sid_ms(last), 1002);
	last = sid_next(0, 7).seq;
	for (int i = 0; i < 5000; i++)
		last = sid_next(last, 7).seq;
	assert_int_equal(sid_ms(last), 8); /* more than one has place for */
	assert_true(sid_next(0, 7).salt != sid_next(0, 7).salt);
}

static void test_times(void **state)
{
	(void)state;
	assert_int_equal(sid_since(-5), 0);
	assert_int_equal(sid_since(1), 4096);
	assert_int_equal(sid_since(INT64_MAX), INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_they_grow),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
