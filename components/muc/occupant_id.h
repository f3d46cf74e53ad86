/* SPDX-License-Identifier: MIT */
/* Ids of occupants (XEP-0421): what tells the others that it is the same account, and not whose.
 * A hash of the room and the bare JID under a key that is in the database and nowhere else: the
 * same over restarts, another in another room, and nobody outside can make or reverse it. */
#ifndef MUC_OCCUPANT_ID_H
#define MUC_OCCUPANT_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct el;
struct jid;
struct sbuf;

#define NS_OCCUPANT_ID "urn:xmpp:occupant-id:0"

enum {
	OCCUPANT_ID_KEY = 32, /* bytes of the key */
	OCCUPANT_ID_LEN = 40, /* characters of an id */
};

void occupant_id_make(const uint8_t key[OCCUPANT_ID_KEY], const char *room, const struct jid *who,
    char out[OCCUPANT_ID_LEN + 1]);
bool occupant_id_is(const struct el *child); /* an <occupant-id/>, which only a room may say */

/* The three ways to say it: as XML, as a child, and behind all that a message has, whose bytes stay
 * what they are (el_freeze). */
void occupant_id_write(struct sbuf *out, const char *id);
void occupant_id_add(struct el *parent, const char *id);
void occupant_id_sign(struct el *msg, const char *id);

#endif
