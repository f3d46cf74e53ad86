/* SPDX-License-Identifier: MIT */
/* Bookmarks: the items of urn:xmpp:bookmarks:1 (XEP-0402) are what is kept; private XML (XEP-0049)
 * and the PEP node storage:bookmarks (XEP-0048, XEP-0411) are other views of them. */
#ifndef PUBSUB_BOOKMARKS_H
#define PUBSUB_BOOKMARKS_H

#include "request.h"

#define BOOKMARKS_OLD "storage:bookmarks" /* the node's name, as the namespace */

struct el;
struct node;
struct sbuf;

void bookmarks_start(struct pubsub *p);
bool bookmarks_is_storage(const struct el *el); /* <storage xmlns='storage:bookmarks'/> */
/* The whole as one <storage/>, appended to out. 0, or -enum el_cond. */
int bookmarks_write(struct request *r, struct sbuf *out);
/* What a <storage/> says becomes the bookmarks. 0, or -enum el_cond. */
int bookmarks_read(struct request *r, const struct el *storage);

/* A request to the node storage:bookmarks of one's own: COMP_PASS if it is none. */
int bookmarks_publish(struct request *r, const struct el *payload);
int bookmarks_retrieve(struct request *r);
/* The owner has changed a node of his: if it is that of bookmarks, who wants the other view is
 * told. */
void bookmarks_published(struct request *r, const struct node *n);
/* To a session of the owner's that comes and wants the other view. */
void bookmarks_last(struct service *s, const char *to);

#endif
