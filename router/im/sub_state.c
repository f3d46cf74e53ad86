/* SPDX-License-Identifier: MIT */
/* The tables of RFC 6121 appendix A, in its order, to be read beside it.  What the tables mark as
 * exceptions (auto-replies, pre-approval, an outbound subscribe that is routed again) is
 * subscribe.c's business. */
#include <assert.h>

#include "im/roster.h"
#include "im/sub_state.h"

#define PASS(state)           \
	{                     \
		true, (state) \
	}
#define STOP(state)            \
	{                      \
		false, (state) \
	}

static const struct sub_step outbound[SE_COUNT][SS_COUNT] = {
	[SE_SUBSCRIBE] = { /* A.2.1 */
	    [SS_NONE] = PASS(SS_NONE_OUT),
	    [SS_NONE_OUT] = PASS(SS_NONE_OUT),
	    [SS_NONE_IN] = PASS(SS_NONE_OUT_IN),
	    [SS_NONE_OUT_IN] = PASS(SS_NONE_OUT_IN),
	    [SS_TO] = PASS(SS_TO),
	    [SS_TO_IN] = PASS(SS_TO_IN),
	    [SS_FROM] = PASS(SS_FROM_OUT),
	    [SS_FROM_OUT] = PASS(SS_FROM_OUT),
	    [SS_BOTH] = PASS(SS_BOTH),
	},
	[SE_UNSUBSCRIBE] = { /* A.2.2 */
	    [SS_NONE] = PASS(SS_NONE),
	    [SS_NONE_OUT] = PASS(SS_NONE),
	    [SS_NONE_IN] = PASS(SS_NONE_IN),
	    [SS_NONE_OUT_IN] = PASS(SS_NONE_IN),
	    [SS_TO] = PASS(SS_NONE),
	    [SS_TO_IN] = PASS(SS_NONE_IN),
	    [SS_FROM] = PASS(SS_FROM),
	    [SS_FROM_OUT] = PASS(SS_FROM),
	    [SS_BOTH] = PASS(SS_FROM),
	},
	[SE_SUBSCRIBED] = { /* A.2.3 */
	    [SS_NONE] = STOP(SS_NONE),
	    [SS_NONE_OUT] = STOP(SS_NONE_OUT),
	    [SS_NONE_IN] = PASS(SS_FROM),
	    [SS_NONE_OUT_IN] = PASS(SS_FROM_OUT),
	    [SS_TO] = STOP(SS_TO),
	    [SS_TO_IN] = PASS(SS_BOTH),
	    [SS_FROM] = STOP(SS_FROM),
	    [SS_FROM_OUT] = STOP(SS_FROM_OUT),
	    [SS_BOTH] = STOP(SS_BOTH),
	},
	[SE_UNSUBSCRIBED] = { /* A.2.4 */
	    [SS_NONE] = STOP(SS_NONE),
	    [SS_NONE_OUT] = STOP(SS_NONE_OUT),
	    [SS_NONE_IN] = PASS(SS_NONE),
	    [SS_NONE_OUT_IN] = PASS(SS_NONE_OUT),
	    [SS_TO] = STOP(SS_TO),
	    [SS_TO_IN] = PASS(SS_TO),
	    [SS_FROM] = PASS(SS_NONE),
	    [SS_FROM_OUT] = PASS(SS_NONE_OUT),
	    [SS_BOTH] = PASS(SS_TO),
	},
};

static const struct sub_step inbound[SE_COUNT][SS_COUNT] = {
	[SE_SUBSCRIBE] = { /* A.3.1 */
	    [SS_NONE] = PASS(SS_NONE_IN),
	    [SS_NONE_OUT] = PASS(SS_NONE_OUT_IN),
	    [SS_NONE_IN] = STOP(SS_NONE_IN),
	    [SS_NONE_OUT_IN] = STOP(SS_NONE_OUT_IN),
	    [SS_TO] = PASS(SS_TO_IN),
	    [SS_TO_IN] = STOP(SS_TO_IN),
	    [SS_FROM] = STOP(SS_FROM),
	    [SS_FROM_OUT] = STOP(SS_FROM_OUT),
	    [SS_BOTH] = STOP(SS_BOTH),
	},
	[SE_UNSUBSCRIBE] = { /* A.3.2 */
	    [SS_NONE] = STOP(SS_NONE),
	    [SS_NONE_OUT] = STOP(SS_NONE_OUT),
	    [SS_NONE_IN] = PASS(SS_NONE),
	    [SS_NONE_OUT_IN] = PASS(SS_NONE_OUT),
	    [SS_TO] = STOP(SS_TO),
	    [SS_TO_IN] = PASS(SS_TO),
	    [SS_FROM] = PASS(SS_NONE),
	    [SS_FROM_OUT] = PASS(SS_NONE_OUT),
	    [SS_BOTH] = PASS(SS_TO),
	},
	[SE_SUBSCRIBED] = { /* A.3.3 */
	    [SS_NONE] = STOP(SS_NONE),
	    [SS_NONE_OUT] = PASS(SS_TO),
	    [SS_NONE_IN] = STOP(SS_NONE_IN),
	    [SS_NONE_OUT_IN] = PASS(SS_TO_IN),
	    [SS_TO] = STOP(SS_TO),
	    [SS_TO_IN] = STOP(SS_TO_IN),
	    [SS_FROM] = STOP(SS_FROM),
	    [SS_FROM_OUT] = PASS(SS_BOTH),
	    [SS_BOTH] = STOP(SS_BOTH),
	},
	[SE_UNSUBSCRIBED] = { /* A.3.4 */
	    [SS_NONE] = STOP(SS_NONE),
	    [SS_NONE_OUT] = PASS(SS_NONE),
	    [SS_NONE_IN] = STOP(SS_NONE_IN),
	    [SS_NONE_OUT_IN] = PASS(SS_NONE_IN),
	    [SS_TO] = PASS(SS_NONE),
	    [SS_TO_IN] = PASS(SS_NONE_IN),
	    [SS_FROM] = STOP(SS_FROM),
	    [SS_FROM_OUT] = PASS(SS_FROM),
	    [SS_BOTH] = PASS(SS_FROM),
	},
};

struct sub_step sub_outbound(enum sub_state state, enum sub_event ev)
{
	return outbound[ev][state];
}

struct sub_step sub_inbound(enum sub_state state, enum sub_event ev)
{
	return inbound[ev][state];
}

enum sub_state sub_state_of(const struct roster_item *it)
{
	if (!it)
		return SS_NONE;
	/* A flag that its subscription has overtaken says nothing. */
	switch (it->sub) {
	case SUB_BOTH:
		return SS_BOTH;
	case SUB_TO:
		return it->pending ? SS_TO_IN : SS_TO;
	case SUB_FROM:
		return it->ask ? SS_FROM_OUT : SS_FROM;
	case SUB_NONE:
		break;
	}
	if (it->ask)
		return it->pending ? SS_NONE_OUT_IN : SS_NONE_OUT;
	return it->pending ? SS_NONE_IN : SS_NONE;
}

void sub_state_put(struct roster_item *it, enum sub_state s)
{
	it->sub =
	    (enum roster_sub)((sub_has_to(s) ? SUB_TO : 0) | (sub_has_from(s) ? SUB_FROM : 0));
	it->ask = sub_has_out(s);
	it->pending = sub_has_in(s);
}

const char *sub_event_name(enum sub_event ev)
{
	static const char *const names[] = { "subscribe", "unsubscribe", "subscribed",
		"unsubscribed" };

	assert(ev < SE_COUNT);
	return names[ev];
}
