/* SPDX-License-Identifier: MIT */
/* What handles a room's stanzas.
 *
 * A handler changes the room in memory, writes the same to the stanza's transaction (store.h) and
 * sends what follows; the library lets all of it happen or none, and after a commit that failed the
 * rooms are read anew.  So nothing here waits for the database. */
#ifndef MUC_HANDLER_H
#define MUC_HANDLER_H

#include "room.h"

/* What a handler returns besides -enum el_cond, which becomes the answer. */
enum {
	HANDLED = 0,  /* an iq without answer gets an empty result */
	ANSWERED = 1, /* comp_reply…() has been called, or the request was deferred */
};
/* room NULL: there is none of this name. */
typedef int handler_fn(struct muc *m, struct room *room, struct comp_req *rq);

/* For the library: finds and loads the room, calls fn, and ends a room that nobody needs. */
int handler_run(struct muc *m, struct comp_req *rq, handler_fn *fn);
/* The error with another type than its usual one; ANSWERED. */
int handler_refuse(struct comp_req *rq, enum el_cond cond, const char *type, const char *text);

#endif
