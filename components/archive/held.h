/* SPDX-License-Identifier: MIT */
/* Requests that are not answered at once: until what was written before them is committed, so that
 * it is read; until the next turn, so that a long one keeps nobody waiting; until the database can
 * be read again. */
#ifndef ARCHIVE_HELD_H
#define ARCHIVE_HELD_H

#include "archive.h"

enum held_next {
	HELD_DONE,  /* it has been answered */
	HELD_NEXT,  /* to be called again in the next turn, */
	HELD_AGAIN, /* in a moment, */
	HELD_UNTIL, /* when a transaction is committed, as held_until() has said */
};
struct held_ops {
	enum held_next (*run)(struct archive *a, struct comp_req *rq, void *state);
	void (*drop)(void *state); /* after it is done, or forgotten; NULL: nothing to do */
};

/* Runs it once the transaction with this number is committed: from a handler, which returns what
 * this does. */
int held_start(
    struct archive *a, struct comp_req *rq, uint64_t tx, const struct held_ops *ops, void *state);
/* What run() returns to wait for this transaction; HELD_DONE: it need not. */
enum held_next held_until(struct archive *a, uint64_t tx);
/* For what must not overtake what came before it: the transaction to start with, */
uint64_t held_behind(struct archive *a);
/* and whether something has to be tried again before it. */
bool held_fails(const struct archive *a);
void held_init(struct archive *a);
void held_committed(struct archive *a);
void held_free(struct archive *a); /* they are not answered any more */
void held_stop(struct archive *a);

#endif
