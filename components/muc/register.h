/* SPDX-License-Identifier: MIT */
/* Registration with a room (XEP-0045 7.10, 9.9): who asks for membership and a nick has both at
 * once or, as the room has it, once an admin agrees, by the form that is sent to admins or by the
 * list of members.  Who waits is kept in the database; an admin who enters later is asked then. */
#ifndef MUC_REGISTER_H
#define MUC_REGISTER_H

#include "handler.h"
#include "occupant.h"

struct form;

int register_get(struct muc *m, struct room *r, struct comp_req *rq);
int register_set(struct muc *m, struct room *r, struct comp_req *rq);
/* What somebody who should be an admin says to a request: a submitted form of muc#register. */
int register_answer(struct room *r, struct comp_req *rq, const struct form *f);
/* An admin has entered: it is shown who waits. */
void register_remind(const struct session *s);

/* The nick that a bare JID waits for; NULL: it does not wait. */
const char *register_wanted(const struct room *r, const char *who);
/* It does not wait any more; it may not have waited. */
void register_settle(struct room *r, const char *who);

void register_restore(struct room *r, const char *who, const char *nick); /* from the database */
void registers_free(struct room *r);                                      /* from memory alone */

#endif
