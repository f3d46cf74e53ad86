/* SPDX-License-Identifier: MIT */
/* The sessions that wait for their clients (XEP-0198), and what all of them keep.
 *
 * No connection stands for one of these, so that nothing else bounds how many there are.  When they
 * keep more than limit_sleep_bytes, of those that keep the most the one that has waited longest
 * ends: who fills the memory pays for it, not whoever has been away for a while. */
#ifndef ROUTER_ASLEEP_H
#define ROUTER_ASLEEP_H

#include <stddef.h>

#include <base/list.h>

struct session;

enum { ASLEEP_SIZES = 40 };

struct asleep {
	struct list by_size[ASLEEP_SIZES]; /* by the power of two: struct asleep_place.link */
	size_t bytes;
};

struct asleep_place { /* of one session */
	struct list link;
	size_t bytes; /* 0: it is not among them */
};

void asleep_init(struct asleep *all);
/* It sleeps from now on.  Sessions end by it in the next turn, maybe this one. */
void asleep_enter(struct session *s);
/* The same when it may keep more than before; any other session is left alone. */
void asleep_weigh(struct session *s);
void asleep_leave(struct session *s); /* if it is among them */

#endif
