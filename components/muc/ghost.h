/* SPDX-License-Identifier: MIT */
/* Ghosts: sessions that are gone without having said so (XEP-0045 15.1.2, 11.1).  An error that
 * comes back for what the room sent says so. */
#ifndef MUC_GHOST_H
#define MUC_GHOST_H

#include "handler.h"

/* Messages and presence of type error, to the room or to one of its occupants. */
int ghost_error(struct muc *m, struct room *r, struct comp_req *rq);
/* The link was down, and unavailable presence may have been lost: each session is sent a message
 * that means nothing and comes back if nobody is there. */
void ghost_probe(struct muc *m);

#endif
