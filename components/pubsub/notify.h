/* SPDX-License-Identifier: MIT */
/* Events (XEP-0060 7.1.2, XEP-0163 4.3): what is said to subscribers, and who they are.
 *
 * Content is made as text: payloads are kept as text, and a message is a start tag and these bytes.
 */
#ifndef PUBSUB_NOTIFY_H
#define PUBSUB_NOTIFY_H

#include <stdint.h>

#include "node.h"

struct el;
struct roster;
struct sbuf;

/* --- content -----------------------------------------------------------------------------------
 */
/* id NULL: an event without an item; payload NULL or "": without one. */
void notify_item(struct sbuf *out, const struct node *n, const char *id, const char *publisher,
    const char *payload);
void notify_retract(struct sbuf *out, const struct node *n, const char *id);
/* An element below <event/> with the name of the node, and what is below it: NULL nothing. */
void notify_about(
    struct sbuf *out, const char *element, const struct node *n, const struct el *below);
void notify_subscription(
    struct sbuf *out, const struct node *n, const char *jid, const char *state);
void notify_delay(struct sbuf *out, int64_t at);
void notify_reply_to(struct sbuf *out, const char *publisher);

/* --- sending -----------------------------------------------------------------------------------
 */
/* To all subscribers, and to contacts whose clients want it; ro as in struct request.  reply_to:
 * the publisher as contacts are told it; NULL: nobody.  0; -ENOBUFS: the link does not take it. */
int notify_all(
    struct node *n, const struct roster *ro, const struct sbuf *content, const char *reply_to);
/* To those whose subscriptions wait: that the node is no more (8.4.2). */
int notify_pending(struct node *n, const struct sbuf *content);
int notify_one(const struct node *n, const struct sbuf *content, const char *to);
/* A message with this content and a fresh id; the caller owns it. */
struct el *notify_message(
    const char *type, const char *from, const char *to, const struct sbuf *content);

#endif
