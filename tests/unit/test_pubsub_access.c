/* SPDX-License-Identifier: MIT */
/* Who may do what with a node: every model with every standing (XEP-0060 4.1, 4.5). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "access.h"

enum { N_MODELS = ACCESS_LAST_ + 1, N_PUBLISH = PUBLISH_OPEN + 1 };

struct row {
	struct standing st;
	enum verdict subscribe[N_MODELS], retrieve[N_MODELS]; /* by model */
	bool publish[N_PUBLISH], retract, retract_own[N_PUBLISH];
};

#define ALL(v)                \
	{                     \
		v, v, v, v, v \
	}
#define ALWAYS                   \
	{                        \
		true, true, true \
	}
#define NEVER                       \
	{                           \
		false, false, false \
	}
#define ONLY_OPEN                  \
	{                          \
		false, false, true \
	}
#define SUBSCRIBERS               \
	{                         \
		false, true, true \
	}

static const struct row rows[] = {
	{ { AFF_OWNER, false, false, false }, ALL(MAY), ALL(MAY), ALWAYS, true, ALWAYS },
	{ { AFF_PUBLISHER, false, false, false }, ALL(MAY), ALL(MAY), ALWAYS, true, ALWAYS },
	{ { AFF_PUBLISH_ONLY, true, true, true }, ALL(NOT_OUTCAST), ALL(NOT_OUTCAST), ALWAYS, false,
	    ALWAYS },
	{ { AFF_MEMBER, false, false, false }, ALL(MAY), ALL(MAY), ONLY_OPEN, false, ONLY_OPEN },
	{ { AFF_MEMBER, true, false, false }, ALL(MAY), ALL(MAY), SUBSCRIBERS, false, SUBSCRIBERS },
	{ { AFF_OUTCAST, true, true, true }, ALL(NOT_OUTCAST), ALL(NOT_OUTCAST), NEVER, false,
	    NEVER },
	{ { AFF_NONE, false, false, false },
	    { MAY, NOT_CONTACT, NOT_CONTACT, MAY_AFTER_APPROVAL, NOT_LISTED },
	    { MAY, NOT_CONTACT, NOT_CONTACT, NOT_SUBSCRIBED, NOT_LISTED }, ONLY_OPEN, false,
	    ONLY_OPEN },
	{ { AFF_NONE, true, false, false },
	    { MAY, NOT_CONTACT, NOT_CONTACT, MAY_AFTER_APPROVAL, NOT_LISTED },
	    { MAY, NOT_CONTACT, NOT_CONTACT, MAY, NOT_LISTED }, SUBSCRIBERS, false, SUBSCRIBERS },
	{ { AFF_NONE, false, true, false },
	    { MAY, MAY, NOT_IN_GROUP, MAY_AFTER_APPROVAL, NOT_LISTED },
	    { MAY, MAY, NOT_IN_GROUP, NOT_SUBSCRIBED, NOT_LISTED }, ONLY_OPEN, false, ONLY_OPEN },
	{ { AFF_NONE, false, true, true }, { MAY, MAY, MAY, MAY_AFTER_APPROVAL, NOT_LISTED },
	    { MAY, MAY, MAY, NOT_SUBSCRIBED, NOT_LISTED }, ONLY_OPEN, false, ONLY_OPEN },
	{ { AFF_NONE, false, false, true }, /* in a group, and does not see the presence */
	    { MAY, NOT_CONTACT, NOT_CONTACT, MAY_AFTER_APPROVAL, NOT_LISTED },
	    { MAY, NOT_CONTACT, NOT_CONTACT, NOT_SUBSCRIBED, NOT_LISTED }, ONLY_OPEN, false,
	    ONLY_OPEN },
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static void test_reading(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS; i++) {
		for (int m = 0; m < N_MODELS; m++) {
			const struct row *r = &rows[i];

			assert_int_equal(
			    access_subscribe((enum access_model)m, &r->st), r->subscribe[m]);
			assert_int_equal(
			    access_retrieve((enum access_model)m, &r->st), r->retrieve[m]);
		}
	}
}

static void test_writing(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS; i++) {
		for (int m = 0; m < N_PUBLISH; m++) {
			const struct row *r = &rows[i];
			enum publish_model model = (enum publish_model)m;

			assert_int_equal(access_publish(model, &r->st), r->publish[m]);
			assert_int_equal(access_retract(model, &r->st, false), r->retract);
			assert_int_equal(access_retract(model, &r->st, true), r->retract_own[m]);
		}
	}
}

static void test_names(void **state)
{
	static const char *const names[] = { "none", "outcast", "member", "publish-only",
		"publisher", "owner" };
	enum affiliation a = AFF_MEMBER;

	(void)state;
	for (int i = 0; i <= AFF_LAST_; i++) {
		assert_string_equal(affiliation_name((enum affiliation)i), names[i]);
		assert_int_equal(affiliation_parse(names[i], &a), 0);
		assert_int_equal(a, i);
	}
	assert_int_equal(affiliation_parse("Owner", &a), -EINVAL);
	assert_int_equal(affiliation_parse("", &a), -EINVAL);
	assert_int_equal(affiliation_parse(NULL, &a), -EINVAL);
	assert_int_equal(a, AFF_OWNER); /* as it was */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
