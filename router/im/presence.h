/* SPDX-License-Identifier: MIT */
/* Presence (RFC 6121 3, 4): broadcast, directed, probes and the subscription handshake. */
#ifndef ROUTER_PRESENCE_H
#define ROUTER_PRESENCE_H

#include <stdbool.h>

struct el;
struct jid;
struct router;
struct session;
struct stanza;

/* Everything of kind presence that a local session sends. */
void presence_from_session(struct router *r, struct stanza *st);
/* Presence for a local account (bare or full), from another local account or a component. */
void presence_to_user(struct router *r, struct stanza *st);
/* The session ends without having said so: unavailable to all who saw it, those who got directed
 * presence included.  Before session_free(). */
void presence_session_end(struct session *s);
/* Changes what the account's available sessions have said last, and says it again to all who see
 * it, directed presence apart. */
void presence_renew(struct router *r, const struct jid *account,
    void (*change)(struct el *presence, void *arg), void *arg);
/* Did this session send directed presence to that address (its bare part counts too)? */
bool presence_directed_to(const struct session *s, const struct jid *to);

#endif
