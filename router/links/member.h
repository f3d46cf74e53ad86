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

enum { MEMBER_ID = 16 }; /* characters: 82 bits */

/* Of one among several of a shared domain (share.h). */
struct shared {
	struct list of_share;
	char id[MEMBER_ID + 1];
	uint64_t hash;      /* of id */
	bool extended;      /* it is told of members, and answers */
	bool was, will;     /* in the settled list; in the one that is to follow */
	uint32_t answered;  /* the last change that it has answered; 0: none */
	bool owes;          /* an answer ... */
	uint64_t owes_from; /* ... since then: loop_now() */
	/* When its session is over: */
	uint32_t told;    /* the last change that named it to somebody; 0: none */
	uint32_t h;       /* stanzas of it that we have */
	uint32_t acked;   /* of ours it had acknowledged so many ... */
	uint32_t unacked; /* ... and been sent more: the first ones in its queue */
	uint32_t done;    /* of these its store has so many */
	bool adopted;     /* somebody has taken it over, or there was nothing to take ... */
	bool counted;     /* ... and has said how many of them it has */
};

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
	struct shared share;
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

/* Its session is over for good, and its link has gone: it stays for what waits in its queue. */
void outbound_ended(struct member *m);
/* A stanza that was taken already waits for it now, whatever room there is; was_sent: to another
 * one, before.  outbound_pump() sends it. */
void outbound_place(struct member *m, struct stanza *st, bool was_sent);
/* Nobody serves the domain, or it is not settled who: own takes what waits, for so long. */
void outbound_wait(struct member *own, bool acked, uint64_t ms);
void outbound_hold(struct member *own);  /* and until more is known */
void outbound_give_up(struct member *m); /* all that waits is answered */

/* As component_send() and the others say, for this one. */
enum component_verdict member_send(struct member *m, struct stanza *st);
enum component_verdict member_send_el(struct member *m, const struct el *el);
enum component_verdict member_send_own(struct member *m, struct el *el);
bool member_keeps(struct member *m, size_t bytes, const struct jid *payer, bool of_component);

#endif
