/* SPDX-License-Identifier: MIT */
/* Messages that somebody else hears of, too (docs/component-protocol.md 5): an archive, which keeps
 * them for their owners and until somebody comes; who wakes phones.
 *
 * Around the delivery of each message: tapped_begin() before anybody gets it, tapped_stamp() behind
 * the sender's own copies, tapped_end() when its fate is known.  In between deliver.c asks
 * tapped_offline() whether the message is kept where nobody is there to take it. */
#ifndef ROUTER_TAPPED_H
#define ROUTER_TAPPED_H

#include <stdbool.h>

struct router;
struct stanza;

/* st has passed policy and blocking.  false: it would have to be kept and cannot be now; it has
 * been answered. */
bool tapped_begin(struct router *r, struct stanza *st);
/* A message that a session was sent and its client never acknowledged, on its way to somebody
 * else. */
void tapped_begin_expired(struct router *r, struct stanza *st);
void tapped_stamp(struct stanza *st);
/* Nobody is there: is it kept until somebody comes?  Then it is not answered. */
bool tapped_offline(struct stanza *st);
void tapped_end(struct router *r, struct stanza *st);

#endif
