/* SPDX-License-Identifier: MIT */
/* RFC 6121 section 8: what happens to a stanza for a local account or a served domain itself. */
#ifndef ROUTER_DELIVER_H
#define ROUTER_DELIVER_H

struct router;
struct stanza;

/* to is user@served or user@served/resource; bounces by itself. */
void deliver_user(struct router *r, struct stanza *st);
/* As if nobody were at `to`, an address of an account: what a stanza gets that must not arrive. */
void deliver_nobody(struct router *r, struct stanza *st);
/* to is a served domain (with or without resource). */
void deliver_host(struct router *r, struct stanza *st);
/* An iq for the sender's own account: no `to`, or its own bare JID. */
void deliver_own_account(struct router *r, struct stanza *st);

#endif
