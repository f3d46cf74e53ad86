/* SPDX-License-Identifier: MIT */
/* The pure parts of muc: the tables of XEP-0045 5, nicknames, how much history. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <base/arena.h>
#include <xmpp/el.h>

#include "history.h"
#include "nick.h"
#include "permission.h"

#define OK 0
#define FORBIDDEN (-COND_FORBIDDEN)
#define NOT_ALLOWED (-COND_NOT_ALLOWED)
#define CONFLICT (-COND_CONFLICT)

/* --- roles -------------------------------------------------------------------------------------
 */

static void test_names(void **state)
{
	enum role r;
	enum aff a;

	(void)state;
	for (int i = AFF_OUTCAST; i <= AFF_OWNER; i++) {
		assert_int_equal(aff_parse(aff_name((enum aff)i), &a), 0);
		assert_int_equal(a, i);
	}
	for (int i = ROLE_NONE; i <= ROLE_MODERATOR; i++) {
		assert_int_equal(role_parse(role_name((enum role)i), &r), 0);
		assert_int_equal(r, i);
	}
	assert_int_equal(aff_parse(NULL, &a), -EINVAL);
	assert_int_equal(aff_parse("Owner", &a), -EINVAL);
	assert_int_equal(role_parse("", &r), -EINVAL);
}

/* 5.1.2 */
static void test_default_roles(void **state)
{
	(void)state;
	assert_int_equal(role_default(AFF_NONE, true), ROLE_VISITOR);
	assert_int_equal(role_default(AFF_MEMBER, true), ROLE_PARTICIPANT);
	assert_int_equal(role_default(AFF_ADMIN, true), ROLE_MODERATOR);
	assert_int_equal(role_default(AFF_OWNER, true), ROLE_MODERATOR);
	assert_int_equal(role_default(AFF_NONE, false), ROLE_PARTICIPANT);
	assert_int_equal(role_default(AFF_MEMBER, false), ROLE_PARTICIPANT);
	assert_int_equal(role_default(AFF_OUTCAST, false), ROLE_NONE);
}

static void test_roles_after(void **state)
{
	(void)state;
	assert_int_equal(role_after(AFF_NONE, AFF_ADMIN, ROLE_VISITOR, true), ROLE_MODERATOR);
	assert_int_equal(role_after(AFF_ADMIN, AFF_NONE, ROLE_MODERATOR, true), ROLE_VISITOR);
	assert_int_equal(
	    role_after(AFF_OWNER, AFF_MEMBER, ROLE_MODERATOR, false), ROLE_PARTICIPANT);
	assert_int_equal(role_after(AFF_NONE, AFF_MEMBER, ROLE_VISITOR, true), ROLE_PARTICIPANT);
	/* a moderator by role */
	assert_int_equal(role_after(AFF_MEMBER, AFF_NONE, ROLE_MODERATOR, true), ROLE_MODERATOR);
	assert_int_equal(role_after(AFF_NONE, AFF_OUTCAST, ROLE_MODERATOR, true), ROLE_NONE);
	assert_int_equal(role_after(AFF_NONE, AFF_NONE, ROLE_VISITOR, false), ROLE_VISITOR);
}

/* --- affiliations: who changes what ------------------------------------------------------------
 */

/* What each may do, from (rows: outcast, none, member, admin, owner) to (columns, likewise). */
static void check_table(enum aff by, const int want[5][5])
{
	const struct actor a = { by, by >= AFF_ADMIN ? ROLE_MODERATOR : ROLE_PARTICIPANT };

	for (int from = AFF_OUTCAST; from <= AFF_OWNER; from++) {
		for (int to = AFF_OUTCAST; to <= AFF_OWNER; to++)
			assert_int_equal(perm_affiliation(&a, (enum aff)from, (enum aff)to, false),
			    want[from][to]);
	}
}

static void test_affiliation_changes(void **state)
{
	static const int owner[5][5] = { { 0 } };
	static const int admin[5][5] = {
		{ OK, OK, OK, FORBIDDEN, FORBIDDEN },
		{ OK, OK, OK, FORBIDDEN, FORBIDDEN },
		{ OK, OK, OK, FORBIDDEN, FORBIDDEN },
		{ NOT_ALLOWED, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN },
		{ NOT_ALLOWED, FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN },
	};
	int nobody[5][5];

	(void)state;
	for (int i = 0; i < 25; i++)
		nobody[i / 5][i % 5] = FORBIDDEN;
	check_table(AFF_OWNER, owner);
	check_table(AFF_ADMIN, admin);
	check_table(AFF_MEMBER, (const int(*)[5])nobody);
	check_table(AFF_NONE, (const int(*)[5])nobody);
	check_table(AFF_OUTCAST, (const int(*)[5])nobody);
}

static void test_banning_oneself(void **state)
{
	const struct actor owner = { AFF_OWNER, ROLE_MODERATOR };
	const struct actor admin = { AFF_ADMIN, ROLE_MODERATOR };

	(void)state;
	assert_int_equal(perm_affiliation(&owner, AFF_OWNER, AFF_OUTCAST, true), CONFLICT);
	assert_int_equal(perm_affiliation(&admin, AFF_ADMIN, AFF_OUTCAST, true), CONFLICT);
	assert_int_equal(perm_affiliation(&owner, AFF_OWNER, AFF_NONE, true), OK);
}

/* --- roles: who changes what -------------------------------------------------------------------
 */

static void test_role_changes(void **state)
{
	static const struct {
		struct actor by;
		enum aff target;
		enum role from, to;
		int want;
	} rows[] = {
		/* kicking: 8.2 */
		{ { AFF_NONE, ROLE_PARTICIPANT }, AFF_NONE, ROLE_VISITOR, ROLE_NONE, FORBIDDEN },
		{ { AFF_NONE, ROLE_MODERATOR }, AFF_NONE, ROLE_PARTICIPANT, ROLE_NONE, OK },
		{ { AFF_NONE, ROLE_MODERATOR }, AFF_MEMBER, ROLE_PARTICIPANT, ROLE_NONE,
		    NOT_ALLOWED },
		{ { AFF_MEMBER, ROLE_MODERATOR }, AFF_ADMIN, ROLE_MODERATOR, ROLE_NONE,
		    NOT_ALLOWED },
		{ { AFF_MEMBER, ROLE_MODERATOR }, AFF_NONE, ROLE_MODERATOR, ROLE_NONE,
		    NOT_ALLOWED },
		{ { AFF_ADMIN, ROLE_MODERATOR }, AFF_NONE, ROLE_MODERATOR, ROLE_NONE, OK },
		{ { AFF_ADMIN, ROLE_MODERATOR }, AFF_OWNER, ROLE_MODERATOR, ROLE_NONE,
		    NOT_ALLOWED },
		{ { AFF_OWNER, ROLE_MODERATOR }, AFF_ADMIN, ROLE_MODERATOR, ROLE_NONE, OK },
		{ { AFF_ADMIN, ROLE_NONE }, AFF_NONE, ROLE_PARTICIPANT, ROLE_NONE, OK },
		/* voice: 8.3, 8.4 */
		{ { AFF_NONE, ROLE_MODERATOR }, AFF_NONE, ROLE_VISITOR, ROLE_PARTICIPANT, OK },
		{ { AFF_NONE, ROLE_PARTICIPANT }, AFF_NONE, ROLE_VISITOR, ROLE_PARTICIPANT,
		    FORBIDDEN },
		{ { AFF_NONE, ROLE_MODERATOR }, AFF_NONE, ROLE_PARTICIPANT, ROLE_VISITOR, OK },
		{ { AFF_NONE, ROLE_MODERATOR }, AFF_MEMBER, ROLE_PARTICIPANT, ROLE_VISITOR,
		    NOT_ALLOWED },
		{ { AFF_MEMBER, ROLE_MODERATOR }, AFF_MEMBER, ROLE_PARTICIPANT, ROLE_VISITOR,
		    NOT_ALLOWED },
		{ { AFF_OWNER, ROLE_MODERATOR }, AFF_MEMBER, ROLE_PARTICIPANT, ROLE_VISITOR, OK },
		{ { AFF_OWNER, ROLE_MODERATOR }, AFF_ADMIN, ROLE_MODERATOR, ROLE_VISITOR,
		    NOT_ALLOWED },
		{ { AFF_OWNER, ROLE_MODERATOR }, AFF_OWNER, ROLE_MODERATOR, ROLE_VISITOR,
		    NOT_ALLOWED },
		/* moderators: 9.6, 9.7 */
		{ { AFF_MEMBER, ROLE_MODERATOR }, AFF_NONE, ROLE_PARTICIPANT, ROLE_MODERATOR,
		    FORBIDDEN },
		{ { AFF_ADMIN, ROLE_MODERATOR }, AFF_NONE, ROLE_VISITOR, ROLE_MODERATOR, OK },
		{ { AFF_ADMIN, ROLE_MODERATOR }, AFF_NONE, ROLE_MODERATOR, ROLE_PARTICIPANT, OK },
		{ { AFF_ADMIN, ROLE_MODERATOR }, AFF_ADMIN, ROLE_MODERATOR, ROLE_PARTICIPANT,
		    NOT_ALLOWED },
		{ { AFF_MEMBER, ROLE_MODERATOR }, AFF_NONE, ROLE_MODERATOR, ROLE_PARTICIPANT,
		    FORBIDDEN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    perm_role(&rows[i].by, rows[i].target, rows[i].from, rows[i].to), rows[i].want);
}

static void test_lists(void **state)
{
	const struct actor owner = { AFF_OWNER, ROLE_NONE }, admin = { AFF_ADMIN, ROLE_NONE };
	const struct actor member = { AFF_MEMBER, ROLE_NONE }, outcast = { AFF_OUTCAST, ROLE_NONE };
	const struct actor guest = { AFF_NONE, ROLE_VISITOR };
	const struct actor chosen = { AFF_NONE, ROLE_MODERATOR };

	(void)state;
	for (int list = AFF_OUTCAST; list <= AFF_OWNER; list++) {
		enum aff l = (enum aff)list;

		assert_int_equal(perm_list_affiliation(&owner, l, false, 0), OK);
		assert_int_equal(
		    perm_list_affiliation(&admin, l, false, 0), list >= AFF_ADMIN ? FORBIDDEN : OK);
		assert_int_equal(perm_list_affiliation(&admin, l, true, 0), OK);
		assert_int_equal(perm_list_affiliation(&member, l, false, ROLES_ALL), FORBIDDEN);
		assert_int_equal(perm_list_affiliation(&member, l, true, 0),
		    list >= AFF_MEMBER ? OK : FORBIDDEN);
		assert_int_equal(perm_list_affiliation(&guest, l, true, ROLES_ALL),
		    list >= AFF_MEMBER ? OK : FORBIDDEN);
		assert_int_equal(
		    perm_list_affiliation(&guest, l, true, ROLES_ALL & ~ROLE_BIT(ROLE_VISITOR)),
		    FORBIDDEN);
		assert_int_equal(perm_list_affiliation(&outcast, l, true, ROLES_ALL), FORBIDDEN);
	}
	assert_int_equal(perm_list_role(&chosen, ROLE_PARTICIPANT), OK);
	assert_int_equal(perm_list_role(&chosen, ROLE_MODERATOR), FORBIDDEN);
	assert_int_equal(perm_list_role(&guest, ROLE_VISITOR), FORBIDDEN);
	assert_int_equal(perm_list_role(&admin, ROLE_MODERATOR), OK);
}

/* --- nicknames ---------------------------------------------------------------------------------
 */

static void test_nicks(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_string_equal(nick_clean(a, "bob", 3), "bob");
	assert_null(nick_clean(a, "bobs", 3));
	assert_string_equal(nick_clean(a, "  bob ", 3), "bob");
	assert_string_equal(nick_clean(a, "a b", 9), "a b");
	assert_string_equal(nick_clean(a, "\xe3\x85\xa4x\xe2\xa0\x80", 9), "x");
	assert_null(nick_clean(a, "", 9));
	assert_null(nick_clean(a, "   ", 9));
	assert_null(nick_clean(a, " \xe1\x85\x9f\xe1\x85\xa0\xef\xbe\xa0 ", 99));
	assert_string_equal(nick_clean(a, "\xe1\x85", 9), "\xe1\x85"); /* no blank, if cut off */
	arena_free(a);
}

/* As an attribute it has not been through resourceprep. */
static void test_nick_read(void **state)
{
	struct arena *a = arena_new();
	const char *nick;

	(void)state;
	assert_int_equal(nick_read(a, " \xef\xac\x81sh ", 4, &nick), 0); /* a ligature */
	assert_string_equal(nick, "fish");
	assert_int_equal(nick_read(a, "fish", 3, &nick), -COND_NOT_ACCEPTABLE);
	assert_int_equal(nick_read(a, " ", 9, &nick), -COND_NOT_ACCEPTABLE);
	assert_int_equal(nick_read(a, "", 9, &nick), -COND_JID_MALFORMED);
	assert_int_equal(nick_read(a, "a\xee\x80\x80", 9, &nick), -COND_JID_MALFORMED);
	arena_free(a);
}

/* --- history -----------------------------------------------------------------------------------
 */

static size_t pick(int64_t chars, int64_t stanzas, int64_t since)
{
	static const int64_t at[] = { 10, 20, 30, 40 };
	static const size_t len[] = { 100, 200, 300, 400 };
	const struct history_limits l = { chars, stanzas, since };

	return history_pick(&l, at, len, 4);
}

static void test_history_pick(void **state)
{
	(void)state;
	assert_int_equal(pick(-1, -1, INT64_MIN), 4);
	assert_int_equal(pick(0, -1, INT64_MIN), 0);
	assert_int_equal(pick(399, -1, INT64_MIN), 0);
	assert_int_equal(pick(400, -1, INT64_MIN), 1);
	assert_int_equal(pick(899, -1, INT64_MIN), 2);
	assert_int_equal(pick(900, -1, INT64_MIN), 3);
	assert_int_equal(pick(9999, -1, INT64_MIN), 4);
	assert_int_equal(pick(-1, 0, INT64_MIN), 0);
	assert_int_equal(pick(-1, 3, INT64_MIN), 3);
	assert_int_equal(pick(-1, -1, 20), 3);
	assert_int_equal(pick(-1, -1, 41), 0);
	assert_int_equal(pick(900, 2, 20), 2);
	assert_int_equal(history_pick(&(struct history_limits){ -1, -1, 0 }, NULL, NULL, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_default_roles),
		cmocka_unit_test(test_roles_after),
		cmocka_unit_test(test_affiliation_changes),
		cmocka_unit_test(test_banning_oneself),
		cmocka_unit_test(test_role_changes),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_nicks),
		cmocka_unit_test(test_nick_read),
		cmocka_unit_test(test_history_pick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
