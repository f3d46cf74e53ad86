/* SPDX-License-Identifier: MIT */
/* Which member a key belongs to: the numbers that others come to, too, and what moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <base/rendezvous.h>

enum { KEYS = 4000, MEMBERS = 4 };

static uint64_t hash(const char *s)
{
	return rendezvous_hash(s, strlen(s));
}

static void test_numbers_of_the_protocol(void **state)
{
	uint64_t key = hash("room@muc.example.org");

	(void)state;
	assert_true(hash("a") == UINT64_C(0xca978112ca1bbdca));
	assert_true(key == UINT64_C(0x039915fcb20aaddd));
	assert_true(rendezvous_weight(hash("a"), key) == UINT64_C(0x34d1ad60f382a836));
	assert_true(rendezvous_weight(hash("b"), key) == UINT64_C(0x711579858ee846de));
}

static int winner(int members, int key)
{
	static const char *const names[MEMBERS] = { "one", "two", "three", "four" };
	uint64_t best = 0, k;
	char text[32];
	int at = 0;

	(void)snprintf(text, sizeof(text), "room%d@muc.example.org", key);
	k = hash(text);
	for (int i = 0; i < members; i++) {
		uint64_t w = rendezvous_weight(hash(names[i]), k);

		if (i == 0 || w > best) {
			best = w;
			at = i;
		}
	}
	return at;
}

static void test_what_moves(void **state)
{
	int of[MEMBERS] = { 0 }, moved = 0;

	(void)state;
	for (int i = 0; i < KEYS; i++) {
		int before = winner(MEMBERS - 1, i), after = winner(MEMBERS, i);

		of[after]++;
		if (before == after)
			continue;
		assert_int_equal(after, MEMBERS - 1); /* only to the one that came */
		moved++;
	}
	for (int i = 0; i < MEMBERS; i++)
		assert_in_range(of[i], KEYS / MEMBERS * 9 / 10, KEYS / MEMBERS * 11 / 10);
	assert_int_equal(moved, of[MEMBERS - 1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_of_the_protocol),
		cmocka_unit_test(test_what_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
