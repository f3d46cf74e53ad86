/* SPDX-License-Identifier: MIT */
/* A change of a room's lists, whole or not at all: put together and checked, and then applied: what
 * it means for who is in the room, and who is told. */
#ifndef MUC_APPLY_H
#define MUC_APPLY_H

#include "room.h"

struct plan {
	struct map changes; /* struct change by JID */
	struct jid by;      /* who makes it: bare */
	char *actor;        /* its nick; NULL: it is not in the room */
	char *name;         /* its name for who is not in the room */
	int owners;         /* how many more there will be */
	int entries;        /* likewise of the whole list */
	bool silent;        /* who is not in the room is not told */
};

void plan_init(struct plan *p, const struct room *r, const struct jid *by);
void plan_done(struct plan *p);
/* who: the bare JID or domain counts.  nick: NULL as it was, "" none.  0 or -enum el_cond. */
int plan_add(struct plan *p, const struct room *r, const struct actor *by, const struct jid *who,
    enum aff to, const char *nick, const char *reason) __attribute__((warn_unused_result));
/* What only the whole can tell: an owner is left, and the lists do not get too long. */
int plan_check(const struct plan *p, const struct room *r) __attribute__((warn_unused_result));
/* In memory and in the transaction, with all that follows from it. */
void plan_apply(const struct plan *p, struct room *r);

#endif
