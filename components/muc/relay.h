/* SPDX-License-Identifier: MIT */
/* Between two occupants: private messages (XEP-0045 7.5) and questions (14.4), each under the
 * occupants' addresses; and the self-ping of XEP-0410. */
#ifndef MUC_RELAY_H
#define MUC_RELAY_H

#include "handler.h"

int relay_message(struct muc *m, struct room *r, struct comp_req *rq);
int relay_iq(struct muc *m, struct room *r, struct comp_req *rq);

#endif
