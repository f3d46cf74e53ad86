/* SPDX-License-Identifier: MIT */
/* The archive of a room (XEP-0313): what was said, in pages, for whoever may enter it. */
#ifndef MUC_MAM_H
#define MUC_MAM_H

#include "handler.h"

int mam_query(struct muc *m, struct room *r, struct comp_req *rq);
int mam_form(struct muc *m, struct room *r, struct comp_req *rq);
int mam_metadata(struct muc *m, struct room *r, struct comp_req *rq);
/* What a room's disco#info says of it, of ids, and of what can be taken back. */
void mam_features(const struct room *r, struct el *query);

#endif
