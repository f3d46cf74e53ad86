/* SPDX-License-Identifier: MIT */
/* UUIDs: bytes and text, and what is in those of version 7. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <base/uuid.h>

#define A "019b76da-a800-7005-9234-567890abcdef" /* 2026-01-01T00:00:00Z */

static void test_bytes(void **state)
{
	static const uint8_t want[UUID_LEN] = { 0x01, 0x9b, 0x76, 0xda, 0xa8, 0x00, 0x70, 0x05,
		0x92, 0x34, 0x56, 0x78, 0x90, 0xab, 0xcd, 0xef };
	char text[UUID_TEXT + 1];
	uint8_t id[UUID_LEN];

	(void)state;
	assert_int_equal(uuid_parse(id, A), 0);
	assert_memory_equal(id, want, UUID_LEN);
	uuid_write(id, text);
	assert_string_equal(text, A);
	assert_int_equal(uuid_parse(id, "00000000-ffff-4fff-0000-00000000000f"), 0);
	uuid_write(id, text);
	assert_string_equal(text, "00000000-ffff-4fff-0000-00000000000f");
}

static void test_what_is_none(void **state)
{
	static const char *const v[] = { "", "x", "019b76da-a800-7005-9234-567890abcde",
		"019b76da-a800-7005-9234-567890abcdeff", "019B76DA-a800-7005-9234-567890abcdef",
		"019b76daaa800-7005-9234-567890abcdef", "019b76da-a800-7005-9234-567890abcde-",
		"019b76da-a800-7005-9234-567890abcdeg", "019b76da:a800-7005-9234-567890abcdef" };
	uint8_t id[UUID_LEN], before[UUID_LEN];
	struct uuid7 parts;

	(void)state;
	memset(before, 7, sizeof(before));
	memcpy(id, before, sizeof(id));
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		assert_int_equal(uuid_parse(id, v[i]), -EINVAL);
		assert_int_equal(uuid7_parse(&parts, v[i]), -EINVAL);
	}
	assert_memory_equal(id, before, sizeof(id));
}

static void test_there_and_back(void **state)
{
	static const struct uuid7 ids[] = {
		{ 0, 0, 0 },
		{ UUID7_MS_MAX, UUID7_COUNT_MAX, UUID7_TAIL_MAX },
		{ INT64_C(1767225600000), 5, 0x1234567890abcdef },
	};
	char text[UUID_TEXT + 1];
	struct uuid7 back;

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		uuid7_write(&ids[i], text);
		assert_int_equal(strlen(text), UUID_TEXT);
		assert_int_equal(uuid7_parse(&back, text), 0);
		assert_int_equal(back.ms, ids[i].ms);
		assert_int_equal(back.count, ids[i].count);
		assert_int_equal(back.tail, ids[i].tail);
	}
	assert_string_equal(text, A);
}

static void test_another_version(void **state)
{
	uint8_t id[UUID_LEN];
	struct uuid7 parts;

	(void)state;
	assert_int_equal(uuid_parse(id, "019b76da-a800-4005-9234-567890abcdef"), 0);
	assert_int_equal(uuid7_parse(&parts, "019b76da-a800-4005-9234-567890abcdef"), -EINVAL);
	assert_int_equal(uuid7_parse(&parts, "019b76da-a800-7005-1234-567890abcdef"), -EINVAL);
	assert_int_equal(uuid7_parse(&parts, "019b76da-a800-7005-d234-567890abcdef"), -EINVAL);
}

static void test_more_than_has_place(void **state)
{
	const struct uuid7 id = { -1, ~0U, ~UINT64_C(0) };
	char text[UUID_TEXT + 1];

	(void)state;
	uuid7_write(&id, text);
	assert_string_equal(text, "ffffffff-ffff-7fff-bfff-ffffffffffff");
}

static void test_time(void **state)
{
	uint8_t id[UUID_LEN], begin[UUID7_TIME];

	(void)state;
	assert_int_equal(uuid_parse(id, A), 0);
	assert_int_equal(uuid7_ms(id), INT64_C(1767225600000));
	uuid7_put_ms(begin, INT64_C(1767225600000));
	assert_memory_equal(begin, id, UUID7_TIME);
	uuid7_put_ms(begin, INT64_C(1767225600000) + 1);
	assert_true(memcmp(begin, id, UUID7_TIME) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_another_version),
		cmocka_unit_test(test_more_than_has_place),
		cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
