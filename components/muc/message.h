/* SPDX-License-Identifier: MIT */
/* Messages to all (XEP-0045 7.4): from an occupant to the room, reflected to every session. */
#ifndef MUC_MESSAGE_H
#define MUC_MESSAGE_H

#include "handler.h"

struct occupant;

int message_groupchat(struct muc *m, struct room *r, struct comp_req *rq);
/* A copy to each session; msg has its from.  0, or -COND_RESOURCE_CONSTRAINT: more waits to be sent
 * than may, and nothing of this was taken. */
int message_reflect(struct room *r, struct el *msg);
/* A copy to each session of those occupants; msg has its from.  How many, or -Exxx: none. */
int message_to(const struct room *r, struct el *msg, bool (*is_meant)(const struct occupant *o));
/* A status code of the room's to all (10.2.1): <message type='groupchat'/> from the room. */
void message_codes(struct room *r, const unsigned *codes, unsigned n);

/* Takes out what pretends to be the room's own word. */
void message_strip(const struct room *r, struct el *msg);

/* What an occupant may send at once, messages and all else that costs others something. */
bool message_rate(struct session *s, double cost);
/* For n changes of a room, or one look at its lists, by who need not be in it.  Many are possible
 * for who has not done much lately, and are paid for afterwards.  0 or ANSWERED: refused. */
int message_charge(const struct room *r, struct comp_req *rq, double n);
/* The same without the answer; r NULL: it is about no room, or about one that is not there. */
bool message_afford(const struct muc *m, const struct room *r, const struct jid *who, double n);

#endif
