/* SPDX-License-Identifier: MIT */
/* Messages to all (XEP-0045 7.4): from an occupant to the room, reflected to every session. */
#ifndef MUC_MESSAGE_H
#define MUC_MESSAGE_H

#include "handler.h"

int message_groupchat(struct muc *m, struct room *r, struct comp_req *rq);
/* A copy to each session; msg has its from.  0, or -COND_RESOURCE_CONSTRAINT: more waits to be sent
 * than may, and nothing of this was taken. */
int message_reflect(struct room *r, struct el *msg);
/* A status code of the room's to all (10.2.1): <message type='groupchat'/> from the room. */
void message_codes(struct room *r, const unsigned *codes, unsigned n);

/* What an occupant may send at once, messages and all else that costs others something. */
bool message_rate(struct session *s, double cost);

#endif
