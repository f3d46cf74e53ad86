/* SPDX-License-Identifier: MIT */
/* Between two occupants: private messages (XEP-0045 7.5) and questions (17.4), each under the
 * occupants' addresses; and the self-ping of XEP-0410. */
#ifndef MUC_RELAY_H
#define MUC_RELAY_H

#include "handler.h"
#include "occupant.h"

int relay_message(struct muc *m, struct room *r, struct comp_req *rq);
/* Has this session been sent, of late, a private message of that occupant's with this id?  Once. */
bool relay_was_whispered(struct session *to, const struct occupant *by, const char *id);
/* What an error says of who made it (RFC 6120 8.3.1) is a real address. */
void relay_hide_maker(struct el *error);
int relay_iq(struct muc *m, struct room *r, struct comp_req *rq);

#endif
