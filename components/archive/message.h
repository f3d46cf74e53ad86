/* SPDX-License-Identifier: MIT */
/* One message as bytes, in two parts: its start tag, and what is between it and the end tag, which
 * a retraction (XEP-0424) replaces. */
#ifndef ARCHIVE_MESSAGE_H
#define ARCHIVE_MESSAGE_H

#include <base/sbuf.h>
#include <xmpp/el.h>

struct message {
	struct jid from, to, from_bare, to_bare; /* in the element's arena */
	struct sbuf text;
	size_t head;      /* bytes of the start tag, without its end */
	size_t at, len;   /* of the content */
	int64_t origin;   /* what a retraction names it by; 0: it cannot be retracted */
	int64_t retracts; /* that of the message that it takes back; 0: none */
	const char *id;
};

/* Reads a message in NS_CLIENT.  0, and message_done() releases it, or -EINVAL: its addresses. */
int message_read(struct message *m, const struct el *el);
void message_done(struct message *m);
/* What is left in the place of one that m retracts. */
void message_tombstone(struct sbuf *out, const struct message *m, int64_t ms);
/* Puts it together again: extra is added behind the content (NULL: nothing). */
void message_write(struct sbuf *out, const void *head, size_t head_len, const void *content,
    size_t len, const char *extra);

#endif
