/* SPDX-License-Identifier: MIT */
/* The last published items, to who comes (XEP-0163 4.3.4, XEP-0060 6.1.7). */
#ifndef PUBSUB_LAST_H
#define PUBSUB_LAST_H

#include "node.h"

struct roster;
struct session;

void last_init(struct pubsub *p);
/* A session's capabilities are known: it is sent the last items of what it wants and has not been
 * sent yet, once all rosters that decide are there. */
void last_greet(struct session *s);
/* Of the account with these nodes, which the session sees now: those nodes that the filter lets
 * pass; ro: the account's roster, if that is to be asked. */
typedef bool last_filter(const struct node *n, const void *arg);
void last_of(struct session *s, struct service *sv, const struct roster *ro, last_filter *filter,
    const void *arg);
/* Somebody has subscribed. */
void last_to_subscriber(struct node *n, const char *jid);

#endif
