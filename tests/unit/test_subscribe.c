/* SPDX-License-Identifier: MIT */
/* The subscription states against the tables of RFC 6121 appendix A, copied here row by row in the
 * RFC's own words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "im/roster.h"
#include "im/sub_state.h"

static const char *const names[SS_COUNT] = { /* A.1 */
	[SS_NONE] = "None",
	[SS_NONE_OUT] = "None + Pending Out",
	[SS_NONE_IN] = "None + Pending In",
	[SS_NONE_OUT_IN] = "None + Pending Out+In",
	[SS_TO] = "To",
	[SS_TO_IN] = "To + Pending In",
	[SS_FROM] = "From",
	[SS_FROM_OUT] = "From + Pending Out",
	[SS_BOTH] = "Both"
};

struct row {
	const char *state, *pass, *next;
};
#define SAME "no state change"

/* A.2.1 */
static const struct row out_subscribe[] = {
	{ "None", "MUST", "None + Pending Out" },
	{ "None + Pending Out", "MUST", SAME },
	{ "None + Pending In", "MUST", "None + Pending Out+In" },
	{ "None + Pending Out+In", "MUST", SAME },
	{ "To", "MUST", SAME },
	{ "To + Pending In", "MUST", SAME },
	{ "From", "MUST", "From + Pending Out" },
	{ "From + Pending Out", "MUST", SAME },
	{ "Both", "MUST", SAME },
};
/* A.2.2 */
static const struct row out_unsubscribe[] = {
	{ "None", "MUST", SAME },
	{ "None + Pending Out", "MUST", "None" },
	{ "None + Pending In", "MUST", SAME },
	{ "None + Pending Out+In", "MUST", "None + Pending In" },
	{ "To", "MUST", "None" },
	{ "To + Pending In", "MUST", "None + Pending In" },
	{ "From", "MUST", SAME },
	{ "From + Pending Out", "MUST", "From" },
	{ "Both", "MUST", "From" },
};
/* A.2.3 */
static const struct row out_subscribed[] = {
	{ "None", "MUST NOT", SAME },
	{ "None + Pending Out", "MUST NOT", SAME },
	{ "None + Pending In", "MUST", "From" },
	{ "None + Pending Out+In", "MUST", "From + Pending Out" },
	{ "To", "MUST NOT", SAME },
	{ "To + Pending In", "MUST", "Both" },
	{ "From", "MUST NOT", SAME },
	{ "From + Pending Out", "MUST NOT", SAME },
	{ "Both", "MUST NOT", SAME },
};
/* A.2.4 */
static const struct row out_unsubscribed[] = {
	{ "None", "MUST NOT", SAME },
	{ "None + Pending Out", "MUST NOT", SAME },
	{ "None + Pending In", "MUST", "None" },
	{ "None + Pending Out+In", "MUST", "None + Pending Out" },
	{ "To", "MUST NOT", SAME },
	{ "To + Pending In", "MUST", "To" },
	{ "From", "MUST", "None" },
	{ "From + Pending Out", "MUST", "None + Pending Out" },
	{ "Both", "MUST", "To" },
};
/* A.3.1 */
static const struct row in_subscribe[] = {
	{ "None", "MUST", "None + Pending In" },
	{ "None + Pending Out", "MUST", "None + Pending Out+In" },
	{ "None + Pending In", "MUST NOT", SAME },
	{ "None + Pending Out+In", "MUST NOT", SAME },
	{ "To", "MUST", "To + Pending In" },
	{ "To + Pending In", "MUST NOT", SAME },
	{ "From", "MUST NOT", SAME },
	{ "From + Pending Out", "MUST NOT", SAME },
	{ "Both", "MUST NOT", SAME },
};
/* A.3.2 */
static const struct row in_unsubscribe[] = {
	{ "None", "MUST NOT", SAME },
	{ "None + Pending Out", "MUST NOT", SAME },
	{ "None + Pending In", "MUST", "None" },
	{ "None + Pending Out+In", "MUST", "None + Pending Out" },
	{ "To", "MUST NOT", SAME },
	{ "To + Pending In", "MUST", "To" },
	{ "From", "MUST", "None" },
	{ "From + Pending Out", "MUST", "None + Pending Out" },
	{ "Both", "MUST", "To" },
};
/* A.3.3 */
static const struct row in_subscribed[] = {
	{ "None", "MUST NOT", SAME },
	{ "None + Pending Out", "MUST", "To" },
	{ "None + Pending In", "MUST NOT", SAME },
	{ "None + Pending Out+In", "MUST", "To + Pending In" },
	{ "To", "MUST NOT", SAME },
	{ "To + Pending In", "MUST NOT", SAME },
	{ "From", "MUST NOT", SAME },
	{ "From + Pending Out", "MUST", "Both" },
	{ "Both", "MUST NOT", SAME },
};
/* A.3.4 */
static const struct row in_unsubscribed[] = {
	{ "None", "MUST NOT", SAME },
	{ "None + Pending Out", "MUST", "None" },
	{ "None + Pending In", "MUST NOT", SAME },
	{ "None + Pending Out+In", "MUST", "None + Pending In" },
	{ "To", "MUST", "None" },
	{ "To + Pending In", "MUST", "None + Pending In" },
	{ "From", "MUST NOT", SAME },
	{ "From + Pending Out", "MUST", "From" },
	{ "Both", "MUST", "From" },
};

static enum sub_state state_named(const char *name)
{
	for (int i = 0; i < SS_COUNT; i++) {
		if (!strcmp(names[i], name))
			return (enum sub_state)i;
	}
	fail_msg("no state is called %s", name);
	return SS_NONE;
}

static void check(const struct row *rows, enum sub_event ev,
    struct sub_step (*fn)(enum sub_state state, enum sub_event ev))
{
	for (int i = 0; i < SS_COUNT; i++) {
		enum sub_state state = state_named(rows[i].state);
		struct sub_step step = fn(state, ev);

		assert_int_equal(state, i);
		assert_int_equal(step.pass, !strcmp(rows[i].pass, "MUST"));
		assert_int_equal(
		    step.next, strcmp(rows[i].next, SAME) ? state_named(rows[i].next) : state);
	}
}

static void test_outbound(void **s)
{
	(void)s;
	check(out_subscribe, SE_SUBSCRIBE, sub_outbound);
	check(out_unsubscribe, SE_UNSUBSCRIBE, sub_outbound);
	check(out_subscribed, SE_SUBSCRIBED, sub_outbound);
	check(out_unsubscribed, SE_UNSUBSCRIBED, sub_outbound);
}

static void test_inbound(void **s)
{
	(void)s;
	check(in_subscribe, SE_SUBSCRIBE, sub_inbound);
	check(in_unsubscribe, SE_UNSUBSCRIBE, sub_inbound);
	check(in_subscribed, SE_SUBSCRIBED, sub_inbound);
	check(in_unsubscribed, SE_UNSUBSCRIBED, sub_inbound);
}

/* Every state survives the way into an item's fields and back. */
static void test_fields(void **s)
{
	struct roster_item it = { .name = NULL };

	(void)s;
	assert_int_equal(sub_state_of(NULL), SS_NONE);
	for (int i = 0; i < SS_COUNT; i++) {
		enum sub_state state = (enum sub_state)i;

		sub_state_put(&it, state);
		assert_int_equal(sub_state_of(&it), state);
		assert_int_equal(sub_has_to(state), (it.sub & SUB_TO) != 0);
		assert_int_equal(sub_has_from(state), (it.sub & SUB_FROM) != 0);
		assert_int_equal(sub_has_out(state), it.ask);
		assert_int_equal(sub_has_in(state), it.pending);
	}
}

/* Fields that contradict each other, as no code of ours writes them, are still a state. */
static void test_contradictions(void **s)
{
	const struct roster_item to_asks = { .sub = SUB_TO, .ask = true };
	const struct roster_item from_asked = { .sub = SUB_FROM, .pending = true };
	const struct roster_item both_all = { .sub = SUB_BOTH, .ask = true, .pending = true };

	(void)s;
	assert_int_equal(sub_state_of(&to_asks), SS_TO);
	assert_int_equal(sub_state_of(&from_asked), SS_FROM);
	assert_int_equal(sub_state_of(&both_all), SS_BOTH);
}

/* Two rosters that hear everything the other says agree in the end (A.2 and A.3 fit together):
 * whoever has `to` is somebody's `from`. */
static void walk(enum sub_state a, enum sub_state b, unsigned depth)
{
	assert_int_equal(sub_has_to(a), sub_has_from(b));
	assert_int_equal(sub_has_from(a), sub_has_to(b));
	if (depth == 0)
		return;
	for (int e = 0; e < SE_COUNT; e++) {
		enum sub_event ev = (enum sub_event)e;
		struct sub_step out = sub_outbound(a, ev);

		if (out.pass)
			walk(sub_inbound(b, ev).next, out.next, depth - 1);
		else
			assert_int_equal(out.next, a);
	}
}

static void test_agreement(void **s)
{
	(void)s;
	walk(SS_NONE, SS_NONE, 8); /* each step turns the sides round; an idle one is a no-op */
}

static void test_names(void **s)
{
	(void)s;
	assert_string_equal(sub_event_name(SE_SUBSCRIBE), "subscribe");
	assert_string_equal(sub_event_name(SE_UNSUBSCRIBE), "unsubscribe");
	assert_string_equal(sub_event_name(SE_SUBSCRIBED), "subscribed");
	assert_string_equal(sub_event_name(SE_UNSUBSCRIBED), "unsubscribed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outbound),
		cmocka_unit_test(test_inbound),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_agreement),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
