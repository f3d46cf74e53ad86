/* SPDX-License-Identifier: MIT */
/* Who has left while a component was away: unavailable presence, one for each sender and target,
 * until it is back, however long that takes.  Otherwise rooms and gateways would keep ghosts.
 * Bounded, and for each sender; beyond that the oldest way holds: it is dropped. */
#ifndef ROUTER_GHOSTS_H
#define ROUTER_GHOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/list.h>
#include <base/map.h>

#include "links/shares.h"

enum { GHOSTS_MAX = 16384 };

struct el;
struct stanza;

struct ghosts {
	struct map by_pair;
	struct list order; /* oldest first */
	struct shares shares;
};

void ghosts_init(struct ghosts *g);
void ghosts_done(struct ghosts *g);
/* Whose unavailable presence st is has left its recipient; false: there are too many. */
bool ghosts_keep(struct ghosts *g, const struct stanza *st);
/* from says something newer to to. */
void ghosts_forget(struct ghosts *g, const char *from, const char *to);
struct el *ghosts_next(struct ghosts *g); /* taken out, the caller's; NULL: none is left */
static inline bool ghosts_any(const struct ghosts *g)
{
	return map_len(&g->by_pair) > 0;
}

#endif
