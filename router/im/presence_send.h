/* SPDX-License-Identifier: MIT */
/* Presence on its way out of im/: nothing is judged here any more but who has blocked whom. */
#ifndef ROUTER_PRESENCE_SEND_H
#define ROUTER_PRESENCE_SEND_H

#include <stdbool.h>

struct el;
struct jid;
struct router;
struct session;

/* Is it an address of a local account (that may not exist)? */
bool presence_is_local(const struct router *r, const struct jid *j);

/* One presence to one address: a local account's available sessions, a local session, a component.
 * `to` is written in place of the element's own, `from` stands in the element. */
void presence_send(struct router *r, const struct el *el, const struct jid *to);
/* The same for somebody whom the sender has just blocked. */
void presence_send_past_block(struct router *r, const struct el *el, const struct jid *to);
/* To somebody who is not local, as addressed; dropped if that is nobody we reach. */
void presence_send_away(struct router *r, const struct el *el);
/* A subscription stanza to the sessions of an account that it is for. */
void presence_deliver_sub(struct router *r, const struct jid *owner, const struct el *el);
/* What the owner's available sessions have said last, or that they are gone, to a contact. */
void presence_show(struct router *r, const struct jid *owner, const struct jid *contact);
void presence_hide(struct router *r, const struct jid *owner, const struct jid *contact);
/* As presence_hide, for a contact whom the owner has just blocked. */
void presence_leave(struct router *r, const struct jid *owner, const struct jid *contact);
/* <presence type='unavailable' from='...'/>: the caller owns it. */
struct el *presence_gone(const struct jid *from);

#endif
