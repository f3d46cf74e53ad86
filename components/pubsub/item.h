/* SPDX-License-Identifier: MIT */
/* What a node keeps, the newest last; its payloads are the text of one element each.
 *
 * A payload that is not committed yet is in memory, and so is what was used last; the others are
 * read from the database. */
#ifndef PUBSUB_ITEM_H
#define PUBSUB_ITEM_H

#include "node.h"

struct sbuf;

struct item {
	struct node *node;
	struct map_node by_id;
	struct list link;
	int64_t seq;   /* its place */
	int64_t at;    /* published, Unix milliseconds */
	size_t len;    /* of the payload */
	char *payload; /* NULL: in the database */
	struct list cached;
	uint64_t tx;     /* that has written it */
	char *publisher; /* a full JID */
	char id[];
};

/* Reads the list of items if need be.  All of these but items_last() ask for it first.  0, -Exxx.
 */
int items_load(struct node *n) __attribute__((warn_unused_result));
/* The newest; NULL: there is none, or (*ret < 0) it cannot be read now. */
struct item *items_last(struct node *n, int *ret);
struct item *items_find(const struct node *n, const char *id); /* NULL: none */
/* In place of what has this id, in the transaction under way; payload may be "". */
struct item *items_put(
    struct node *n, const char *id, const char *publisher, const char *payload, size_t len);
void items_remove(struct item *it);
void items_purge(struct node *n);
/* All but the newest `keep` go. */
void items_cut(struct node *n, int64_t keep);
/* Appends the payload: 0, or -Exxx (-EBUSY: not now). */
int item_payload(struct item *it, struct sbuf *out) __attribute__((warn_unused_result));
/* The payload as a tree; the caller owns it.  NULL: it is none, or cannot be read now. */
struct el *item_read(struct item *it);

/* For store.c: as it was read.  payload NULL: it stays where it is. */
struct item *item_restore(struct node *n, const char *id, int64_t seq, int64_t at, size_t len,
    const char *publisher, const char *payload);
void items_free(struct node *n); /* in memory alone */

#endif
