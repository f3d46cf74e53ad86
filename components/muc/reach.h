/* SPDX-License-Identifier: MIT */
/* How much a change makes a room say, counted from above before anything has changed.  What the
 * link cannot take whole is refused then: a presence that was lost would not be sent again.
 *
 * Who makes a change marks the occupants it is about: occupant.going, occupant.shows.
 *
 * Nobody can refuse somebody who leaves.  So a session is not let in whose address is so long that,
 * told to a room that is full of such ones, it would be more than a handler may always send. */
#ifndef MUC_REACH_H
#define MUC_REACH_H

#include "occupant.h"

struct note;

/* A text inside a stanza, escaped. */
size_t reach_text(const char *s); /* NULL: 0 */

/* Would all that the marks say be taken?  n: the texts that go with each; more: bytes of other
 * stanzas.  Only who stays is told of others. */
bool reach_fits(const struct room *r, const struct note *n, size_t more);
void reach_clear(struct room *r); /* no marks */
/* One occupant as it is, told once. */
bool reach_fits_show(const struct occupant *o);
/* So many presences to all of a session's room, with so many bytes in all besides tags and
 * addresses, and, on the way in, the others and what was said. */
bool reach_fits_session(const struct session *s, unsigned n, size_t len, bool entry);

/* Is there room for the farewell of one who may have entered? A handler always has it. */
bool reach_may_leave(const struct session *s);
/* Can this session always leave again? */
bool reach_may_enter(const struct session *s);
/* What it may say as it goes. */
bool reach_may_say(const struct session *s, const char *status);

#endif
