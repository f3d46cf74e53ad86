/* SPDX-License-Identifier: MIT */
/* Shared by outbound.c (what goes out) and outbound_ends.c (links come and go). */
#ifndef ROUTER_OUTBOUND_INTERNAL_H
#define ROUTER_OUTBOUND_INTERNAL_H

#include "links/answers.h"
#include "links/member.h"

enum { OUTBOUND_STUCK_MS = 60000 }; /* full, and nothing acknowledged or written for so long */

struct lq_entry *outbound_enqueue(struct member *m, struct stanza *st);
/* It waits no longer than a question may. */
void outbound_enqueue_briefly(struct member *m, struct lq_entry *e);
void outbound_on_brief(void *member);
/* Takes it out, and says what the table of answers does. */
void outbound_answer(struct member *m, struct lq_entry *e, enum answer_when when);
void outbound_answer_all(struct member *m, bool really); /* or all but what waits on */

#endif
