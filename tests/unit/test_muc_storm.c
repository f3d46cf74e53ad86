/* SPDX-License-Identifier: MIT */
/* Many who enter and leave at once, all seen by all: who is told what, and in what order (XEP-0045
 * 7.1). */
#include "muc_fixture.h"

enum { MANY = 200 };

static const char *address(unsigned n)
{
	static char s[32];

	(void)snprintf(s, sizeof(s), "u%03u@test/x", n);
	return s;
}

/* Stanzas to one of them, and the last but `behind` of these; NULL: none. */
static unsigned told(struct fix *f, unsigned n, unsigned behind, char *last, size_t len)
{
	const char *lines[2 * MANY + 8];
	char to[64];
	unsigned found = 0;

	(void)snprintf(to, sizeof(to), "to=\"%s\"", address(n));
	for (const char *s = fix_got(f); (s = strstr(s, to)); s++) {
		assert_true(found < sizeof(lines) / sizeof(lines[0]));
		lines[found++] = s;
	}
	if (found > behind) {
		const char *s = lines[found - 1 - behind];

		(void)snprintf(last, len, "%.*s", (int)strcspn(s, "\n"), s);
	}
	return found;
}

static void test_storm(void **state)
{
	struct fix *f = *state;
	char last[1024], want[64];

	two_in(f, "");
	for (unsigned i = 0; i < MANY; i++) {
		fix_clear(f);
		(void)snprintf(want, sizeof(want), ROOM "/n%03u", i);
		enter(f, address(i), want, "");
		/* Alice, Bob, those before it, itself, the subject */
		assert_int_equal(told(f, i, 1, last, sizeof(last)), 2 + i + 1 + 1);
		assert_non_null(strstr(last, want));
		assert_non_null(strstr(last, "<status code=\"110\"/>"));
		(void)told(f, i, 0, last, sizeof(last));
		assert_non_null(strstr(last, "<subject"));
		/* and all of them see it once, besides */
		(void)snprintf(want, sizeof(want), "from=\"" ROOM "/n%03u\"", i);
		assert_int_equal(fix_count(f, want), 2 + i + 1);
	}
	fix_replace(f);
	assert_int_equal(the_room()->n_occupants, MANY + 2);
	fix_clear(f);
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(want, sizeof(want), ROOM "/n%03u", i);
		leave(f, address(i), want);
		(void)snprintf(want, sizeof(want), "from=\"" ROOM "/n%03u\"", i);
		assert_int_equal(fix_count(f, want), MANY + 2 - i);
		fix_clear(f);
	}
	assert_int_equal(the_room()->n_occupants, 2);
}

/* All want the same nick in one turn: the first one has it, and its sessions alone. */
static void test_race_for_one_nick(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	for (unsigned i = 0; i < 50; i++)
		fix_postf(f,
		    "<presence from='%s' to='" ROOM "/Same'><x xmlns='" NS_MUC "'/></presence>",
		    address(i));
	fix_postf(f,
	    "<presence from='u000@test/y' to='" ROOM "/Same'><x xmlns='" NS_MUC "'/></presence>");
	fix_spin(f);
	assert_int_equal(fix_count(f, "<conflict "), 49);
	assert_int_equal(the_room()->n_occupants, 3);
	assert_int_equal(map_len(&the_room()->by_jid), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MUC_TEST(test_storm),
		MUC_TEST(test_race_for_one_nick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
