/* SPDX-License-Identifier: MIT */
/* muc#admin: roles by nick and affiliations by JID, asked for and set, one or many at once
 * (XEP-0045 8.2 to 8.5, 9, 10.3 to 10.8). */
#ifndef MUC_ADMIN_H
#define MUC_ADMIN_H

#include "occupant.h"
#include "handler.h"

int admin_get(struct muc *m, struct room *r, struct comp_req *rq);
int admin_set(struct muc *m, struct room *r, struct comp_req *rq);

/* Who asks: its affiliation, and its role if it is in the room. */
struct actor admin_actor(const struct room *r, const struct jid *from);
/* Gives an occupant another role and shows it; nothing is checked. */
void admin_give_role(struct occupant *o, enum role role, const char *actor, const char *reason);

#endif
