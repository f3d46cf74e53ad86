/* SPDX-License-Identifier: MIT */
/* What waits for a component: one order, first what was sent and is not acknowledged, then what has
 * not been sent.  The queue is the component's and outlives its links.
 *
 * An entry stands in its stanza's arena and holds the stanza; who takes it out lets go.  Bytes are
 * what the trees take in memory. */
#ifndef ROUTER_QUEUE_H
#define ROUTER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/list.h>

#include "links/shares.h"

struct stanza;

struct lq_entry {
	struct list of_queue;
	struct list of_brief; /* of those that wait for a moment only */
	struct stanza *st;
	uint64_t due; /* of a brief one: loop_now() */
	size_t bytes;
	struct share share;
	bool shared;   /* its bytes count in its sender's share */
	bool unacked;  /* on this session: sent, not acknowledged */
	bool was_sent; /* on this session or one before */
};

struct lq {
	struct list all;
	struct list brief; /* never sent, in the order of their due time */
	struct list *next; /* the first unsent one; &all: none */
	size_t bytes, unsent_bytes;
	size_t n, n_unacked;
	struct shares shares;
};

void lq_init(struct lq *q);
/* Is there room for it, and has its sender's share?  An empty queue takes one of any size. */
bool lq_fits(const struct lq *q, const struct stanza *st, size_t max);
/* So many bytes of this share? */
bool lq_fits_bytes(const struct lq *q, size_t bytes, struct share share, size_t max);
struct lq_entry *lq_add(struct lq *q, struct stanza *st); /* holds it */
struct lq_entry *lq_first(const struct lq *q);            /* NULL: empty */
struct lq_entry *lq_unsent(const struct lq *q);           /* the first; NULL: none */
/* The first unsent one has been sent and waits for its acknowledgement. */
void lq_mark_sent(struct lq *q, struct lq_entry *e);
/* Takes it out; the hold is the caller's. */
struct stanza *lq_take(struct lq *q, struct lq_entry *e);
/* All that is unacknowledged is to be sent again. */
void lq_rewind(struct lq *q);

/* An unsent one waits until `due` and no longer. */
void lq_set_brief(struct lq *q, struct lq_entry *e, uint64_t due);
struct lq_entry *lq_first_brief(const struct lq *q); /* NULL: none */

#endif
