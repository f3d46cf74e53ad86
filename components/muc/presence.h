/* SPDX-License-Identifier: MIT */
/* What others see of an occupant: presence with <x xmlns='…muc#user'/>, who gets it, and which real
 * addresses and status codes are in it (XEP-0045 7.2.2 to 7.2.4, 17.3).
 *
 * There are at most four versions of one presence (with and without the real JID; to oneself and to
 * others); each is serialised once, and every copy is a start tag and those bytes. */
#ifndef MUC_PRESENCE_H
#define MUC_PRESENCE_H

#include "occupant.h"

enum { NOTE_CODES_MAX = 4 };

/* What goes with it.  Zeroed: an occupant's presence as it is. */
struct note {
	bool gone;            /* unavailable */
	bool stays;           /* gone, but from this nick only: the role is not "none" */
	const char *new_nick; /* with stays: status 303 */
	unsigned codes[NOTE_CODES_MAX], n_codes; /* for everyone */
	unsigned self[NOTE_CODES_MAX], n_self;   /* for the occupant itself, besides 110 */
	const char *actor, *reason;              /* NULL: none */
	const char *status;                      /* gone: in its own words */
	const char *id;                          /* of what caused it, to the occupant itself */
	const struct el *destroy;                /* <destroy/> as it is to be sent */
};
void note_code(struct note *n, unsigned code);
void note_self(struct note *n, unsigned code);

/* To all of the room's sessions but those that are going, o's own included: an occupant whose role
 * is not broadcast is seen by itself alone, and one that stops being so leaves for the others. */
void presence_tell(struct occupant *o, const struct note *n);
/* To one session. */
void presence_tell_one(struct occupant *o, const struct note *n, const struct session *to);
/* All but itself to who has just come (7.2.2). */
void presence_roster(const struct session *to);
/* Do the others see it, by its role (muc#roomconfig_presencebroadcast)? */
bool presence_is_broadcast(const struct occupant *o);
/* The occupant has changed: what is kept of its presence is void. */
void presence_forget(struct occupant *o);

/* An unavailable presence from an address of a room to who is not in it: "you are not here". */
void presence_not_here(struct muc *m, const struct jid *room_nick, const struct jid *to);

#endif
