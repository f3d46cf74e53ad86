/* SPDX-License-Identifier: MIT */
/* A stanza's turn in its room.
 *
 * What decides lives in memory and changes when its commit has succeeded, so a commit that fails
 * has changed nothing and its stanza gets the error.  Meanwhile the room's other stanzas wait in
 * the order in which they came; only messages that are kept as history do not wait for each other.
 * A room that is not in the database never waits. */
#ifndef MUC_TURN_H
#define MUC_TURN_H

#include "room.h"

struct db_batch;

/* What a handler of a room's stanzas returns besides -enum el_cond, which becomes the answer. */
enum {
	TURN_DONE = 0,     /* an iq without answer gets an empty result */
	TURN_ANSWERED = 1, /* comp_reply…() has been called */
	TURN_HELD = 2,     /* the handler will: turn_end() */
};
/* room NULL: there is none of this name. */
typedef int turn_fn(struct muc *m, struct room *room, struct comp_req *rq);

enum turn_kind {
	TURN_ALONE,  /* waits for what is being committed */
	TURN_STREAM, /* a message: waits only for what changes the room */
};
/* The stanza's handler for the library: now, or when its turn comes. */
int turn_take(struct muc *m, struct comp_req *rq, turn_fn *fn, enum turn_kind kind);
/* Ends a stanza that was held; ret as from a handler, never TURN_HELD. */
void turn_end(struct comp_req *rq, int ret);
/* The error with another type than its usual one; TURN_ANSWERED. */
int turn_refuse(struct comp_req *rq, enum el_cond cond, const char *type, const char *text);

/* Writes b (NULL: nothing; done is called at once) and calls done when that has happened: err 0 or
 * -Exxx, when nothing must be changed.  alone: nothing else of the room happens before. */
typedef void turn_done_fn(struct room *r, int err, void *arg);
void turn_commit(struct room *r, struct db_batch *b, bool alone, turn_done_fn *done, void *arg);
/* The condition that tells a client about a failed commit. */
enum el_cond turn_cond(int err);

/* The room is gone: what waits for it goes on without. */
void turn_homeless(struct room *r);
void turn_init(struct muc *m);
void turn_stop(struct muc *m); /* nothing has a turn any more */

#endif
