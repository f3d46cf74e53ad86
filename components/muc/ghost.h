/* SPDX-License-Identifier: MIT */
/* Ghosts: sessions that are gone without having said so (XEP-0045 18.1.2, 11.1).  An error that
 * comes back for what the room sent says so, or gives reason to ask: who has blocked one occupant
 * (XEP-0191) answers for that one as a server does for a session that it does not have. */
#ifndef MUC_GHOST_H
#define MUC_GHOST_H

#include "handler.h"
#include "occupant.h"

/* Messages and presence of type error, to the room or to one of its occupants. */
int ghost_error(struct muc *m, struct room *r, struct comp_req *rq);
/* The link is up.  If it is not the old one, unavailable presence may have been lost: each session
 * is sent a message that means nothing and comes back if nobody is there. */
void ghost_online(struct muc *m, bool resumed);
void ghost_loaded(struct muc *m); /* the rooms are here: what the link's news have left to do */
/* The session ends. */
void ghost_forget(struct session *s);
void ghost_init(struct muc *m);

#endif
