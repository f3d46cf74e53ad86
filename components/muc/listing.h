/* SPDX-License-Identifier: MIT */
/* Rooms in the order of their addresses: all of them, and those that are listed to everybody
 * (disco#items of the service, XEP-0045 6.3).  Kept up to date as rooms change, so that a page
 * costs what is in it however many rooms there are. */
#ifndef MUC_LISTING_H
#define MUC_LISTING_H

#include <stdbool.h>
#include <stddef.h>

struct room;

struct listing { /* zeroed: empty */
	struct room **v;
	size_t n, cap;
};

void listing_add(struct listing *l, struct room *r); /* of another address than those in it */
void listing_remove(struct listing *l, const struct room *r);
/* Of those that are listed: a room is new, is another than before, or ends: it is put where it
 * belongs, or taken out. */
void listing_update(struct room *r);
/* Where an address stands or would stand (rsm_find_fn); l: a struct listing.  Who has made one up
 * is answered as if it stood there. */
size_t listing_find(const char *jid, bool *ret_there, void *l);
void listing_done(struct listing *l);

#endif
