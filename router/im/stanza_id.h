/* SPDX-License-Identifier: MIT */
/* Ids that the server gives to messages for each account that keeps them (XEP-0359): UUIDs of
 * version 7 (RFC 9562 5.7).
 *
 * Each is larger than all before it, whatever the clock does and however the router ended: how far
 * they may have gone is in the database before they go there. */
#ifndef ROUTER_STANZA_ID_H
#define ROUTER_STANZA_ID_H

#include <stdint.h>

#include <base/uuid.h>

struct el;
struct jid;
struct router;
struct stanza;
struct stanza_ids;

enum { STANZA_ID = UUID_TEXT }; /* characters */

int stanza_ids_open(struct stanza_ids **out, struct router *r); /* 0 or -Exxx */
void stanza_ids_close(struct stanza_ids *ids);

/* Into out, with a NUL.  Returns the time that is in it: Unix milliseconds, those of the clock
 * unless that went backwards. */
int64_t stanza_id_new(struct stanza_ids *ids, char out[STANZA_ID + 1]);

/* <stanza-id/> of `by`, a bare JID, as a child of the message. */
void stanza_id_add(struct el *message, const char *by, const char *id);
/* The one of the account; NULL: none. */
const char *stanza_id_of(const struct el *message, const struct jid *account);
/* XEP-0359 3: takes away what others have said in our name, a served domain's or an account's. */
void stanza_id_strip(struct router *r, struct stanza *st);

#endif
