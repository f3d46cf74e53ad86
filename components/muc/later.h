/* SPDX-License-Identifier: MIT */
/* Requests that are not answered at once: until what a room has kept before them is committed, so
 * that it is read; until the next turn, so that a long one keeps nobody waiting. */
#ifndef MUC_LATER_H
#define MUC_LATER_H

#include "handler.h"

enum { LATER = 2 }; /* besides what a handler returns: to be called again in the next turn */
typedef int later_fn(struct muc *m, struct room *r, struct comp_req *rq, void *state);
struct later_ops {
	later_fn *fn;              /* room NULL: there is none any more */
	void (*drop)(void *state); /* after it is done, or forgotten; NULL: nothing to do */
};

/* From a handler, which returns what this does. */
int later_start(struct room *r, struct comp_req *rq, const struct later_ops *ops, void *state);
void later_init(struct muc *m);
void later_committed(struct muc *m);
void later_free(struct muc *m); /* they are not answered any more */

#endif
