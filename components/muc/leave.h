/* SPDX-License-Identifier: MIT */
/* Going: by oneself, by being removed, and the end of a room (XEP-0045 7.14, 8.2, 9.1, 10.9). */
#ifndef MUC_LEAVE_H
#define MUC_LEAVE_H

#include "handler.h"
#include "presence.h"

int leave_unavailable(struct muc *m, struct room *r, struct comp_req *rq);

/* One session goes.  With its occupant's last one the others are told.  r may end with it:
 * room_settle() is the caller's. */
void leave_session(struct session *s, const struct note *n);
/* An occupant goes with all its sessions; affiliation and role are to be those it is left with. */
void leave_occupant(struct occupant *o, const struct note *n);
/* Everybody goes, each told only of itself (10.9). */
void leave_all(struct room *r, const struct note *n);

#endif
