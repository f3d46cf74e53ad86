/* SPDX-License-Identifier: MIT */
/* Where a stanza goes: the one entry for everything that a client or a component sends.
 *
 * Order: shape (stanza.h) -> policy -> blocking -> one look-up of the domain: local, component,
 * elsewhere. Any refusal bounces here, once. */
#ifndef ROUTER_ROUTE_H
#define ROUTER_ROUTE_H

#include <xmpp/el.h>

struct jid;
struct router;
struct session;
struct stanza;

/* st has its `from` stamped or verified; the caller keeps its hold and lets it go afterwards. */
void route_stanza(struct router *r, struct stanza *st);

/* Counts a stanza that goes to its recipient another way than through route_stanza(). */
void route_count(enum el_kind kind);

/* The look-up alone: for presence, which im/ has judged before.  st->to is set. */
void route_to(struct router *r, struct stanza *st);

/* Answers st with an error, if it may be answered. text may be NULL. */
void route_bounce(struct router *r, struct stanza *st, enum el_cond cond, const char *text);
/* As route_bounce with another error type than the condition's usual one. */
void route_bounce_type(
    struct router *r, struct stanza *st, enum el_cond cond, const char *type, const char *text);
/* Sends an answer to st back to where it came from.  The reply is borrowed. */
void route_reply(struct router *r, struct stanza *st, const struct el *reply);
void route_reply_ok(struct router *r, struct stanza *st); /* an empty iq result */

/* Sends what the router itself says in the name of a served domain or account: no policy, and what
 * cannot be delivered is dropped.  el has from and to; taken. */
void route_own(struct router *r, struct el *el);

#endif
