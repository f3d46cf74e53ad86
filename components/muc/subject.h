/* SPDX-License-Identifier: MIT */
/* A room's subject (XEP-0045 8.1): set by a message of its own, sent last to who enters. */
#ifndef MUC_SUBJECT_H
#define MUC_SUBJECT_H

#include "occupant.h"

/* A <subject/> and neither <body/> nor <thread/>. */
bool subject_is_change(const struct el *msg);
/* msg is what is to be reflected, from the occupant.  0 or -enum el_cond. */
int subject_change(struct session *by, struct el *msg);
void subject_send(const struct room *r, const struct session *to); /* 7.2.15 */

#endif
