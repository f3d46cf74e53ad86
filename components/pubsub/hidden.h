/* SPDX-License-Identifier: MIT */
/* What an account has that is no node of its own: one node that nobody can name (node_is_hidden())
 * for each kind, with an item for each thing.  So it is bounded, kept and removed like the rest. */
#ifndef PUBSUB_HIDDEN_H
#define PUBSUB_HIDDEN_H

#include "request.h"

#define HIDDEN_VCARD "\x01vcard"
#define HIDDEN_PRIVATE "\x01private"

struct item;
struct sbuf;

/* 1: *out is the item; 0: there is none; or -enum el_cond. */
int hidden_get(struct request *r, const char *kind, const char *id, struct item **out);
/* Puts the element there; NULL: removes it.  At most `most` items of this kind.  0, or
 * -enum el_cond. */
int hidden_put(
    struct request *r, const char *kind, const char *id, const struct el *el, size_t most);

#endif
