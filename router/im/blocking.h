/* SPDX-License-Identifier: MIT */
/* Blocking (XEP-0191): whom a local account does not want to hear from, and what follows from it.
 *
 * Lists are read when they are first needed and kept for those who are asked for again soon.
 * Memory changes first and decides; answers, pushes and presence follow when the database has
 * committed.  While nobody here has ever blocked anybody, all look-ups are one comparison. */
#ifndef ROUTER_BLOCKING_H
#define ROUTER_BLOCKING_H

#include <stdbool.h>

struct blocking;
struct jid;
struct router;
struct stanza;

int blocking_open(struct blocking **out, struct router *r);
void blocking_close(struct blocking *bl); /* NULL is fine */

/* Does the owner, if he is an account here, neither want to hear from peer nor to be heard by it?
 * Never for his own sessions and the domain that serves him. */
bool blocking_refuses(struct router *r, const struct jid *owner, const struct jid *peer);

enum blocking_verdict { BLOCKING_PASS, BLOCKING_BY_SENDER, BLOCKING_BY_RECIPIENT };
/* What the lists of both ends make of a stanza. */
enum blocking_verdict blocking_judge(
    struct router *r, const struct jid *from, const struct jid *to);
/* Answers what somebody sends to whom he has blocked himself. */
void blocking_bounce(struct router *r, struct stanza *st);

/* The iqs in NS_BLOCKING for the sender's own account.  Always answers. */
void blocking_iq(struct router *r, struct stanza *st);

/* The account has been deleted, and its rows with it.  bl NULL is fine. */
void blocking_forget(struct blocking *bl, const struct jid *owner);

#endif
