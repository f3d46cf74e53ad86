/* SPDX-License-Identifier: MIT */
/* A change of a room's lists, or of what they mean, whole or not at all: put together and checked,
 * and then applied: what it means for who is in the room, and who is told.
 *
 * Checking marks the occupants it is about (reach.h); plan_done() takes the marks away. */
#ifndef MUC_APPLY_H
#define MUC_APPLY_H

#include "room.h"

struct plan {
	struct room *room;
	struct map changes; /* struct change by JID */
	struct map nicks;   /* those of them that reserve a nick, by it */
	struct jid by;      /* who makes it: bare */
	char *actor;        /* its nick; NULL: it is not in the room */
	char *name;         /* its name for who is not in the room */
	int owners;         /* how many more there will be */
	int entries;        /* likewise of the whole list */
	size_t bytes;       /* of what who is not in the room is told, from above */
	bool silent;        /* they are not told */
	/* What the room will be; as it is, unless the caller says otherwise before plan_check(). */
	bool members_only, moderated;
	unsigned broadcast;
};

void plan_init(struct plan *p, struct room *r, const struct jid *by);
void plan_done(struct plan *p);
/* who: the bare JID or domain counts.  nick: NULL as it was, "" none.  0 or -enum el_cond. */
int plan_add(struct plan *p, const struct actor *by, const struct jid *who, enum aff to,
    const char *nick, const char *reason) __attribute__((warn_unused_result));
/* What only the whole can tell: an owner is left, the lists do not get too long, and the link takes
 * all that will be told, and as much more. */
int plan_check(struct plan *p, size_t more) __attribute__((warn_unused_result));
/* In memory and in the transaction, with all that follows from it; the room's configuration is the
 * new one. */
void plan_apply(struct plan *p);
/* Both, with an empty result between them, which comes before what the others are told: ANSWERED,
 * or what plan_check() says. */
int plan_answer(struct plan *p, struct comp_req *rq);

/* The service's admins are others than before. */
void apply_anew(struct room *r);

#endif
