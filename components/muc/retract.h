/* SPDX-License-Identifier: MIT */
/* What is taken back: by who has said it (XEP-0424), by a moderator (XEP-0425).  A tombstone comes
 * in its place, in the archive and in what is shown to who enters; that it was taken back is a
 * message of its own, which stays. */
#ifndef MUC_RETRACT_H
#define MUC_RETRACT_H

#include "handler.h"
#include "occupant.h"

#define NS_MODERATE "urn:xmpp:message-moderate:1" /* XEP-0425 */

/* A message with <retract/>, before it is reflected: 0 or the answer that refuses.  What the room
 * does not have, it lets pass: clients may. */
int retract_check(struct room *r, const struct session *by, const struct el *msg);
/* After it was. */
void retract_own(struct room *r, const struct session *by, const struct el *msg);

int retract_moderate(struct muc *m, struct room *r, struct comp_req *rq);

#endif
