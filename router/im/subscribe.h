/* SPDX-License-Identifier: MIT */
/* The subscription handshake (RFC 6121 3): what the states of both sides make of a stanza. */
#ifndef ROUTER_SUBSCRIBE_H
#define ROUTER_SUBSCRIBE_H

#include <stdbool.h>

#include "im/sub_state.h"

struct jid;
struct roster_work;
struct router;
struct stanza;

/* subscribe, unsubscribe, subscribed, unsubscribed: false for other types. */
bool subscribe_event(const struct stanza *st, enum sub_event *out);
/* One that a local session sends; st->to is set. */
void subscribe_out(struct router *r, struct stanza *st, enum sub_event ev);
/* One for a local account, from somebody who is not local. */
void subscribe_in(struct router *r, struct stanza *st, enum sub_event ev);

/* Can the contact's roster be changed, if it is one of ours?  0, or -EBUSY, -EIO: before anything
 * is changed that subscribe_sever() would have to follow. */
int subscribe_ready(struct router *r, const struct jid *contact);
/* The owner's item has gone, in that state: the contact is told so, and sees the owner leave. */
void subscribe_sever(struct roster_work *w, const struct jid *owner, const struct jid *contact,
    enum sub_state state);
/* Who asks without a right to know learns that he has no subscription (4.3.2). */
void subscribe_refuse(struct router *r, const struct jid *owner, const struct jid *asker);

#endif
