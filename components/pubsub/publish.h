/* SPDX-License-Identifier: MIT */
/* Publishing and retracting items (XEP-0060 7). */
#ifndef PUBSUB_PUBLISH_H
#define PUBSUB_PUBLISH_H

#include "request.h"

struct node;
struct roster;
struct sbuf;

int publish_item(struct request *r);
int publish_retract(struct request *r);

/* What other files publish in an account's name, as avatars and bookmarks: stored and told as if it
 * had come from `publisher`; the node is there, its items are loaded.  0; -ENOBUFS: the link does
 * not take the notifications, and nothing has happened. */
int publish_put(struct node *n, const struct roster *ro, const char *id, const char *publisher,
    struct sbuf *payload);
int publish_remove(struct node *n, const struct roster *ro, const char *id, bool notify);

#endif
