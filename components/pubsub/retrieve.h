/* SPDX-License-Identifier: MIT */
/* Retrieving items (XEP-0060 6.5), in pages (XEP-0059). */
#ifndef PUBSUB_RETRIEVE_H
#define PUBSUB_RETRIEVE_H

#include "request.h"

struct node;

int retrieve_items(struct request *r);

/* A page of a node's items: which were asked for, first to last. */
struct retrieve_page {
	struct item **v; /* in the arena of the answer */
	size_t from, n;  /* of these */
	size_t count;    /* all there are */
	bool backwards;  /* what there is no room for goes at its beginning */
};
/* 0, -COND_BAD_REQUEST, -COND_ITEM_NOT_FOUND. `asked` may have a <set/>, `max_items` and <item/>s.
 */
int retrieve_page(struct node *n, const struct el *asked, const struct el *set, size_t limit,
    struct arena *a, struct retrieve_page *out, bool *ret_paged);

#endif
