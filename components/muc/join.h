/* SPDX-License-Identifier: MIT */
/* Available presence to a room: entering, a change of what one shows, a change of nick (XEP-0045
 * 7.2, 7.6, 7.7, 10.1). */
#ifndef MUC_JOIN_H
#define MUC_JOIN_H

#include "handler.h"

int join_available(struct muc *m, struct room *r, struct comp_req *rq);

#endif
