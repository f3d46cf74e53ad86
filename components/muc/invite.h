/* SPDX-License-Identifier: MIT */
/* Mediated invitations (XEP-0045 7.8.2): from an occupant through the room to somebody, and the
 * refusal back.  A room remembers whom it invited lately, so that only they can answer through it.
 */
#ifndef MUC_INVITE_H
#define MUC_INVITE_H

#include "handler.h"
#include "occupant.h"

/* A message of type normal to the room with <invite/> or <decline/>. */
int invite_message(struct muc *m, struct room *r, struct comp_req *rq);
/* The room's own, to who has become a member (9.5). by: the address shown as the inviter's. */
void invite_send(struct room *r, const char *by, const struct jid *to, const struct el *invite,
    const char *reason);
/* An error came from who is not in the room: the inviter is told. */
void invite_bounced(struct room *r, const struct jid *from);
void invites_free(struct room *r); /* from memory alone */
/* As the database has it, oldest first. */
void invite_restore(struct room *r, const char *who, const struct jid *by);
/* The address under which an occupant may be named to strangers. */
const char *invite_name(const struct session *s);

#endif
