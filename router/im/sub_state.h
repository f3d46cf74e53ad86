/* SPDX-License-Identifier: MIT */
/* RFC 6121 appendix A as a function of a state and an event, and nothing else. */
#ifndef ROUTER_SUB_STATE_H
#define ROUTER_SUB_STATE_H

#include <stdbool.h>

struct roster_item;

enum sub_state { /* A.1 */
	SS_NONE,
	SS_NONE_OUT,
	SS_NONE_IN,
	SS_NONE_OUT_IN,
	SS_TO,
	SS_TO_IN,
	SS_FROM,
	SS_FROM_OUT,
	SS_BOTH,
	SS_COUNT
};
enum sub_event { SE_SUBSCRIBE, SE_UNSUBSCRIBE, SE_SUBSCRIBED, SE_UNSUBSCRIBED, SE_COUNT };

struct sub_step {
	bool pass; /* outbound: route it; inbound: deliver it */
	enum sub_state next;
};
struct sub_step sub_outbound(enum sub_state state, enum sub_event ev); /* A.2 */
struct sub_step sub_inbound(enum sub_state state, enum sub_event ev);  /* A.3 */

static inline bool sub_has_to(enum sub_state s)
{
	return s == SS_TO || s == SS_TO_IN || s == SS_BOTH;
}
static inline bool sub_has_from(enum sub_state s)
{
	return s == SS_FROM || s == SS_FROM_OUT || s == SS_BOTH;
}
static inline bool sub_has_out(enum sub_state s)
{
	return s == SS_NONE_OUT || s == SS_NONE_OUT_IN || s == SS_FROM_OUT;
}
static inline bool sub_has_in(enum sub_state s)
{
	return s == SS_NONE_IN || s == SS_NONE_OUT_IN || s == SS_TO_IN;
}

/* What an item's fields say (NULL: SS_NONE), and the other way round. */
enum sub_state sub_state_of(const struct roster_item *it);
void sub_state_put(struct roster_item *it, enum sub_state s);
const char *sub_event_name(enum sub_event ev); /* the presence type */

#endif
