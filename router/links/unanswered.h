/* SPDX-License-Identifier: MIT */
/* Requests (iq get and set) that a component without acknowledgements was sent and has not
 * answered: when its link ends, nobody else knows of them.  Bounded; the oldest makes room. */
#ifndef ROUTER_UNANSWERED_H
#define ROUTER_UNANSWERED_H

#include <stddef.h>

#include <base/list.h>
#include <base/map.h>

enum { UNANSWERED_MAX = 4096 };

struct router;
struct stanza;

struct unanswered {
	struct map by_key;
	struct list order; /* oldest first */
};

void unanswered_init(struct unanswered *u);
/* The ids of all. */
void unanswered_each(const struct unanswered *u, void (*fn)(const char *id, void *arg), void *arg);
void unanswered_done(struct unanswered *u);
void unanswered_add(struct unanswered *u, const struct stanza *request);
void unanswered_answer(struct unanswered *u, const struct stanza *answer);
/* The link has ended: who asked is told that the outcome is not known. */
void unanswered_fail(struct unanswered *u, struct router *r);

#endif
