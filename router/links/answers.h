/* SPDX-License-Identifier: MIT */
/* What becomes of a stanza that a component cannot take now: the table of
 * docs/component-protocol.md, as one pure function, and what carries it out. */
#ifndef ROUTER_ANSWERS_H
#define ROUTER_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>

struct router;
struct stanza;

enum answer_when {
	ANSWER_AWAY,    /* it never connected, or its grace is over and this was not sent */
	ANSWER_GRACE,   /* its link was lost a moment ago, and there is room */
	ANSWER_FULL,    /* the queue or the sender's share of it is full */
	ANSWER_LOST,    /* was sent on a link without acks, which has ended */
	ANSWER_UNKNOWN, /* was sent and not acknowledged, and grace is over */
	ANSWER_WHENS
};
enum answer_kind {
	ANSWER_INFO, /* disco#info of the domain */
	ANSWER_GET,
	ANSWER_SET,
	ANSWER_MESSAGE,
	ANSWER_PRESENCE,
	ANSWER_GONE,  /* unavailable presence to somebody */
	ANSWER_REPLY, /* nobody answers answers */
	ANSWER_KINDS
};
enum answer {
	ANSWER_DROP,
	ANSWER_UNAVAILABLE, /* service-unavailable */
	ANSWER_CONSTRAINT,  /* resource-constraint, wait */
	ANSWER_TIMEOUT,     /* remote-server-timeout: it may have happened */
	ANSWER_QUEUE,
	ANSWER_QUEUE_BRIEFLY, /* ANSWER_BRIEF_MS at most */
	ANSWER_CACHE,         /* what it said last; if there is nothing: as ANSWER_GET */
	ANSWER_KEEP           /* outside the queue, ghosts.h */
};
enum { ANSWER_BRIEF_MS = 5000 };

enum answer_kind answer_kind(const struct stanza *st, const char *domain);
/* acked: the component's link has acknowledgements, or had when it was lost. */
enum answer answer_for(enum answer_when when, enum answer_kind kind, bool acked);
/* Sends the error that an answer is; the others are the caller's to carry out. */
void answer_give(struct router *r, struct stanza *st, enum answer what);

#endif
