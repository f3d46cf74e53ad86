/* SPDX-License-Identifier: MIT */
/* Avatars (XEP-0084), and their conversion to and from vCards (XEP-0398, XEP-0153). */
#ifndef PUBSUB_AVATAR_H
#define PUBSUB_AVATAR_H

#include "request.h"

#define NODE_AVATAR_DATA "urn:xmpp:avatar:data"
#define NODE_AVATAR_META "urn:xmpp:avatar:metadata"

struct node;
struct sbuf;

/* The owner has published to a node of his, or something has gone from it: his presence shows which
 * avatar he has now. */
void avatar_published(struct request *r, const struct node *n);
void avatar_removed(struct request *r, const struct node *n);
/* The picture that whoever asks may see, as base64, and its type; false: there is none. */
bool avatar_get(struct request *r, struct sbuf *base64, const char **ret_type);
/* A picture out of a vCard becomes the avatar.  1: so it is; 0: it is no picture that clients show;
 * or -enum el_cond. */
int avatar_set(struct request *r, const char *base64);
/* There is none any more.  0, or -enum el_cond. */
int avatar_unset(struct request *r);

#endif
