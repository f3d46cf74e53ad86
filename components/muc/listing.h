/* SPDX-License-Identifier: MIT */
/* Rooms in the order of their addresses: all that this process has, and those that are listed to
 * everybody (disco#items of the service, XEP-0045 6.3; XEP-0433).  Kept up to date as rooms change,
 * so that a page costs what is in it however many rooms there are.  A process that has a part of
 * the rooms reads what it tells of all from the database (store_listed.c). */
#ifndef MUC_LISTING_H
#define MUC_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct muc;
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
void listing_done(struct listing *l);

struct listed {                                  /* borrowed for the call */
	const char *local, *title, *desc, *lang; /* NULL: none; title: its name */
	bool members_only, password, nonanon;
	int64_t occupants;
};
typedef void listed_fn(const struct listed *l, void *arg);

/* 0 or -Exxx. */
int listing_count(struct muc *m, size_t *ret_n);
/* Where an address stands or would stand (rsm_find_fn); m: a struct muc.  Who has made one up is
 * answered as if it stood there. */
size_t listing_find(const char *jid, bool *ret_there, void *m);
/* So many from there on, in order.  0 or -Exxx. */
int listing_read(struct muc *m, size_t from, size_t n, listed_fn *fn, void *arg);

#endif
