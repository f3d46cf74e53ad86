/* SPDX-License-Identifier: MIT */
/* muc#owner: the configuration form, and the end of a room (XEP-0045 10.1, 10.2, 10.9). */
#ifndef MUC_OWNER_H
#define MUC_OWNER_H

#include "handler.h"

int owner_get(struct muc *m, struct room *r, struct comp_req *rq);
int owner_set(struct muc *m, struct room *r, struct comp_req *rq);

#endif
