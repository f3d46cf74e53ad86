/* SPDX-License-Identifier: MIT */
/* One that serves a component's domain: its connection, with acknowledgements (XEP-0198) or
 * without, and a queue that outlives it for a while. */
#ifndef ROUTER_MEMBER_H
#define ROUTER_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/list.h>
#include <base/loop.h>

#include "links/component.h"
#include "links/ghosts.h"
#include "links/queue.h"
#include "links/sm.h"
#include "links/unanswered.h"

struct link;

struct member {
	struct component *component;
	struct router *router;
	enum component_phase phase;
	struct link *link; /* COMP_ONLINE: the one that is open; else NULL */
	bool acked;        /* its kind, or that of the one before */
	int64_t since_ms;
	uint64_t in, out, in_before, out_before;

	struct lq queue;
	struct sm sm;
	struct unanswered unanswered; /* on a link without acks */
	struct ghosts ghosts;
	struct list loose;  /* struct stanza.link: came from it, and is of no session's account */
	struct timer grace; /* COMP_GRACE: its end */
	struct timer brief; /* the first of queue.brief */
	struct timer stuck; /* full, and nothing has left since */
};

/* --- outbound.c ------------------------------------------------------------------------------- */
void outbound_init(struct member *m, struct component *c);
/* It has not come yet and is waited for, as if its link had just been lost. */
void outbound_expect(struct member *m);
/* It leaves the configuration: what waits is answered; quiet: the router ends. */
void outbound_done(struct member *m, bool quiet);
/* The link may be written to.  A new session, if the link has acks, has begun before; resumed: the
 * old one goes on. */
void outbound_opened(struct member *m, bool resumed);
/* The link has gone; next: another takes its place at once. */
void outbound_lost(struct member *m, bool next);
/* Writes what the link takes. */
void outbound_pump(struct member *m);
/* The first n that were sent have been acknowledged. */
void outbound_acked(struct member *m, uint32_t n);
/* The component's session cannot be resumed any more: what it did not acknowledge is sent anew. */
void outbound_new_session(struct member *m);

/* As component_send() and the others say, for this one. */
enum component_verdict member_send(struct member *m, struct stanza *st);
enum component_verdict member_send_el(struct member *m, const struct el *el);
enum component_verdict member_send_own(struct member *m, struct el *el);
bool member_keeps(struct member *m, size_t bytes, const struct jid *payer, bool of_component);

#endif
