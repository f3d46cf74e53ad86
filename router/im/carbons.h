/* SPDX-License-Identifier: MIT */
/* Message carbons (XEP-0280): all clients of a user see both sides of what any of them says.
 *
 * Must not: copy a copy, or say anything to whom a message came from because of one. */
#ifndef ROUTER_CARBONS_H
#define ROUTER_CARBONS_H

#include <stdbool.h>

struct el;
struct router;
struct session;
struct stanza;
struct user;

/* <enable/> and <disable/>, to one's own account. */
void carbons_iq(struct router *r, struct stanza *st);
/* Is it a message that is copied at all (6.1)?  Cheap for those that are not. */
bool carbons_apply(const struct stanza *st);
/* A local user has said it, and it has passed all checks: to his other sessions. */
void carbons_sent(struct router *r, struct stanza *st);
/* It has reached sessions of u: the one that it was for, or (NULL) those that the rules for a bare
 * JID chose, of priority `top` and above.  The others get a copy. */
void carbons_received(struct user *u, struct stanza *st, const struct session *only, int top);
/* The message in a copy for u, which his own server has made (way: "sent" or "received"); NULL: it
 * is none. */
const struct el *carbons_inside(const struct user *u, const struct el *message, const char *way);

#endif
