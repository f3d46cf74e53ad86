/* SPDX-License-Identifier: MIT */
/* XEP-0198 on a link: counters around 2^32, handled in order, resumption and what is remembered. */
#include "link_fixture.h"
#include "links/sm.h"

#define LAST UINT32_MAX

static const struct {
	uint32_t acked, sent, h;
	enum sm_h want;
	uint32_t more;
} judged[] = {
	{ 0, 0, 0, SM_H_OK, 0 },
	{ 0, 0, 1, SM_H_BEYOND, 0 },
	{ 0, 8, 8, SM_H_OK, 8 },
	{ 0, 8, 10, SM_H_BEYOND, 0 },
	{ 3, 8, 3, SM_H_OK, 0 },
	{ 3, 8, 5, SM_H_OK, 2 },
	{ 3, 8, 2, SM_H_BEHIND, 0 },
	{ 3, 8, 0, SM_H_BEHIND, 0 },
	{ 3, 8, LAST, SM_H_BEHIND, 0 },
	{ 3, 8, 9, SM_H_BEYOND, 0 },
	/* over the edge (XEP-0198 4: from 2^32 - 1 to zero) */
	{ LAST - 1, 2, LAST, SM_H_OK, 1 },
	{ LAST - 1, 2, 0, SM_H_OK, 2 },
	{ LAST - 1, 2, 2, SM_H_OK, 4 },
	{ LAST - 1, 2, 3, SM_H_BEYOND, 0 },
	{ LAST - 1, 2, LAST - 2, SM_H_BEHIND, 0 },
	{ 2, 2, LAST, SM_H_BEHIND, 0 },
	{ 0, 0, 1u << 31, SM_H_BEHIND, 0 },
	{ 0, 0, (1u << 31) - 1, SM_H_BEYOND, 0 },
};

static void numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++) {
		struct sm sm = { .acked = judged[i].acked, .sent = judged[i].sent };
		uint32_t more = 77;

		if (sm_judge(&sm, judged[i].h, &more) != judged[i].want || more != judged[i].more)
			fail_msg("row %zu: h %u", i, judged[i].h);
	}
}

static struct stanza *receive(struct sm *sm)
{
	struct stanza *st = stanza_of("<message from='gate.org' to='a@b.org'/>");

	if (sm_receive(sm, st))
		return st;
	stanza_release(st);
	return NULL;
}

static void handled_goes_on_in_order(void **state)
{
	struct sm sm;
	struct stanza *one, *two, *three;

	(void)state;
	sm_init(&sm);
	sm_begin(&sm);
	sm.in = LAST - 1; /* and around the edge */
	assert_int_equal(sm_handled(&sm), LAST - 1);
	one = receive(&sm);
	two = receive(&sm);
	three = receive(&sm);
	assert_int_equal(sm.in, 1);
	assert_int_equal(sm_handled(&sm), LAST - 1);
	stanza_release(two);
	assert_int_equal(sm_handled(&sm), LAST - 1); /* the first is still held */
	stanza_release(one);
	assert_int_equal(sm_handled(&sm), 0);
	stanza_release(three);
	assert_int_equal(sm_handled(&sm), 1);
}

static void a_resumed_peer_repeats_what_is_held(void **state)
{
	struct sm sm;
	struct stanza *held, *last;

	(void)state;
	sm_init(&sm);
	sm_begin(&sm);
	stanza_release(receive(&sm));
	held = receive(&sm);
	stanza_release(receive(&sm));
	sm_resume(&sm); /* the peer is told 1, and repeats two */
	assert_null(receive(&sm));
	sm_resume(&sm); /* and again, after one of them */
	assert_null(receive(&sm));
	assert_null(receive(&sm));
	last = receive(&sm);
	assert_non_null(last);
	assert_int_equal(last->number, 4);
	stanza_release(held);
	assert_int_equal(sm_handled(&sm), 3);
	stanza_release(last);
	assert_int_equal(sm_handled(&sm), 4);
}

/* What it is told it may not know more of than it has sent on this link: libcomp and others give
 * the session up over that. */
static void no_more_is_told_than_was_repeated(void **state)
{
	struct sm sm;
	struct stanza *held, *after;

	(void)state;
	sm_init(&sm);
	sm_begin(&sm);
	sm.in = LAST - 1;
	held = receive(&sm);
	stanza_release(receive(&sm));
	stanza_release(receive(&sm));
	sm_resume(&sm);
	stanza_release(held);
	assert_int_equal(sm_handled(&sm), LAST - 1);
	assert_int_equal(sm_came(&sm), LAST - 1);
	assert_null(receive(&sm));
	assert_int_equal(sm_handled(&sm), LAST);
	sm_resume(&sm); /* now all of it is handled, and it is told so */
	assert_int_equal(sm_handled(&sm), 1);
	after = receive(&sm);
	assert_non_null(after);
	assert_int_equal(sm_handled(&sm), 1);
	stanza_release(after);
	assert_int_equal(sm_handled(&sm), 2);
}

/* The link before the last one had brought it more than the last one. */
static void a_resumed_peer_may_know_more(void **state)
{
	struct sm sm;
	struct sm_pasts past = { 0 };
	uint32_t more;

	(void)state;
	sm_init(&sm);
	sm_begin(&sm);
	sm.sent = sm.acked = sm.most = LAST - 1;
	for (int i = 0; i < 5; i++)
		sm_sent(&sm);
	sm_resume(&sm);
	sm_sent(&sm);
	assert_int_equal(sm_judge(&sm, 3, &more), SM_H_BEYOND);
	assert_int_equal(sm_judge_resumed(&sm, 4, &more), SM_H_BEYOND);
	assert_int_equal(sm_judge_resumed(&sm, 3, &more), SM_H_OK);
	assert_int_equal(more, 5);
	sm_acked(&sm, more);
	sm_resume(&sm);
	assert_int_equal(sm.sent, 3);
	sm_sent(&sm);
	assert_int_equal(sm_judge_resumed(&sm, 4, &more), SM_H_OK);
	assert_int_equal(more, 1);
	sm_end(&sm, &past, &sm.in_flight, 0);
	sm_begin(&sm);
	assert_int_equal(sm_judge_resumed(&sm, 1, &more), SM_H_BEYOND);
}

static void ours_are_sent_again(void **state)
{
	struct sm sm;

	(void)state;
	sm_init(&sm);
	sm_begin(&sm);
	sm.sent = sm.asked = 8;
	sm.asking = true;
	sm_acked(&sm, 3);
	assert_true(sm.asking);
	sm_resume(&sm);
	assert_int_equal(sm.sent, 3);
	assert_false(sm.asking);
}

static const struct {
	uint32_t acked, asked, sent, n;
	bool still;
} asking[] = {
	{ 0, 5, 5, 5, false },
	{ 0, 5, 9, 5, false },
	{ 0, 5, 9, 7, false },
	{ 0, 5, 9, 4, true },
	{ 0, 5, 5, 0, true },
	{ LAST - 2, 1, 3, 3, true },
	{ LAST - 2, 1, 3, 4, false },
};

static void an_answer_covers_what_was_asked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(asking) / sizeof(asking[0]); i++) {
		struct sm sm = { .acked = asking[i].acked,
			.asked = asking[i].asked,
			.sent = asking[i].sent,
			.asking = true };

		sm_acked(&sm, asking[i].n);
		if (sm.asking != asking[i].still)
			fail_msg("row %zu", i);
	}
}

static void ended_sessions_are_remembered_for_a_day(void **state)
{
	const uint64_t day = 24 * 3600 * 1000;
	struct sm sm;
	struct sm_pasts past = { 0 };
	struct list loose;
	struct stanza *held;
	char id[SM_ID + 1];
	uint32_t h;

	(void)state;
	sm_init(&sm);
	list_init(&loose);
	sm_begin(&sm);
	memcpy(id, sm.id, sizeof(id));
	assert_true(sm_is(&sm, id));
	stanza_release(receive(&sm));
	held = receive(&sm);
	sm_end(&sm, &past, &loose, 1000);
	assert_false(sm_is(&sm, id));
	assert_false(sm_is(&sm, "")); /* no session has no name */
	/* What is held is in the router's hands. */
	assert_true(sm_recall(&past, id, 1000 + day - 1, &h));
	assert_int_equal(h, 2);
	assert_false(sm_recall(&past, id, 1000 + day, &h));
	assert_false(sm_recall(&past, "", 1000, &h));
	sm_begin(&sm);
	assert_int_not_equal(strcmp(id, sm.id), 0);
	assert_int_equal(sm_handled(&sm), 0); /* whatever the one before still holds */
	assert_false(list_empty(&loose));
	stanza_release(held);
	assert_true(list_empty(&loose));
	assert_int_equal(sm_handled(&sm), 0);
}

static void so_many_are_remembered(void **state)
{
	struct sm sm;
	struct sm_pasts past = { 0 };
	struct list loose;
	char first[SM_ID + 1], second[SM_ID + 1];
	uint32_t h;

	(void)state;
	sm_init(&sm);
	list_init(&loose);
	for (unsigned i = 0; i <= SM_PAST; i++) {
		sm_begin(&sm);
		if (i < 2)
			memcpy(i == 0 ? first : second, sm.id, sizeof(first));
		sm_end(&sm, &past, &loose, 0);
		sm_end(&sm, &past, &loose, 0); /* there is none any more */
	}
	assert_false(sm_recall(&past, first, 1, &h));
	assert_true(sm_recall(&past, second, 1, &h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(handled_goes_on_in_order),
		cmocka_unit_test(a_resumed_peer_repeats_what_is_held),
		cmocka_unit_test(no_more_is_told_than_was_repeated),
		cmocka_unit_test(a_resumed_peer_may_know_more),
		cmocka_unit_test(ours_are_sent_again),
		cmocka_unit_test(an_answer_covers_what_was_asked),
		cmocka_unit_test(ended_sessions_are_remembered_for_a_day),
		cmocka_unit_test(so_many_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
