/* SPDX-License-Identifier: MIT */
/* Slow mode (XEP-0500): who spoke when, by account, whatever session or nick it was.  Forgotten is
 * what is longer ago than the room's duration, and at the end of the process all.  Pure. */
#ifndef MUC_SLOW_H
#define MUC_SLOW_H

#include <stddef.h>
#include <stdint.h>

#include <base/list.h>
#include <base/map.h>

struct jid;

enum {
	SLOW_SECONDS_MAX = 86400,
	SLOW_KNOWN_MAX = 4096, /* accounts in one room: of more, those that spoke last */
};

struct slow {
	struct map by_who;
	struct list order; /* the one that spoke last is last */
};

void slow_init(struct slow *s);
void slow_done(struct slow *s);
/* Seconds until this account may speak again; 0: it may. */
int64_t slow_wait(struct slow *s, const struct jid *who, int64_t seconds, uint64_t now_ms);
/* It has spoken. */
void slow_spoke(struct slow *s, const struct jid *who, int64_t seconds, uint64_t now_ms);

#endif
