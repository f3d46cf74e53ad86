/* SPDX-License-Identifier: MIT */
/* The last published items, to who comes (XEP-0163 4.3.4, XEP-0060 6.1.7). */
#ifndef PUBSUB_LAST_H
#define PUBSUB_LAST_H

#include "node.h"

struct contact;
struct roster;
struct session;

void last_init(struct pubsub *p);
/* A session's capabilities are known: it is sent the last items of what it wants and has not been
 * sent yet, once all rosters that decide are there. */
void last_greet(struct session *s);
/* The account of this roster sees the contact from now on. */
void last_new_contact(const struct roster *ro, const struct contact *c);
/* Somebody has subscribed. */
void last_to_subscriber(struct node *n, const char *jid);

#endif
