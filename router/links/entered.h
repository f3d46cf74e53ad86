/* SPDX-License-Identifier: MIT */
/* Which users of a component have entered rooms of another one (XEP-0045 7.2).  When their
 * component is away for longer than its grace, they have left: nobody else could tell their rooms,
 * which would keep them as ghosts.  Bounded as ghosts.h; whom there is no room for a room finds by
 * its pings. */
#ifndef ROUTER_ENTERED_H
#define ROUTER_ENTERED_H

struct component;
struct router;
struct stanza;

/* Presence that goes to a component. */
void entered_note(const struct stanza *st);
/* None of them is there any more: their rooms get their unavailable presence. */
void entered_over(struct router *r, struct component *c);

#endif
