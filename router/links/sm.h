/* SPDX-License-Identifier: MIT */
/* The XEP-0198 session of a link: its counters both ways, and the sessions that have ended.
 *
 * Numbers are modulo 2^32.  Inbound, `h` is what has been handled without a gap: the stanza before
 * the oldest one that somebody still holds.  A resumed peer sends again what lies above the `h`
 * that it is told; those that are here already, still held, are recognised by their number and not
 * handled twice. */
#ifndef ROUTER_SM_H
#define ROUTER_SM_H

#include <stdbool.h>
#include <stdint.h>

#include <base/list.h>

struct stanza;

enum {
	SM_ID = 32,   /* characters of an SM-ID: 165 bits */
	SM_PAST = 64, /* ended sessions that are remembered */
};

struct sm_past {
	char id[SM_ID + 1]; /* empty: none */
	uint32_t h;
	uint64_t until; /* loop_now() */
};

struct sm {
	char id[SM_ID + 1];    /* empty: there is no session */
	uint32_t in;           /* stanzas received */
	uint32_t repeats;      /* how many of the next ones are here already */
	uint32_t sent, acked;  /* ours, and what the peer says of them */
	uint32_t most;         /* `sent` at its highest: a link before may have got further */
	uint32_t asked;        /* `sent` at our last <r/> */
	bool asking;           /* that has not been answered with as much */
	struct list in_flight; /* struct stanza.link: received on this session, not handled */
};

/* The sessions of a component that have ended. */
struct sm_pasts {
	struct sm_past all[SM_PAST];
	unsigned n; /* so far: the ring's next place */
};

void sm_init(struct sm *sm);
static inline bool sm_active(const struct sm *sm)
{
	return sm->id[0] != '\0';
}
void sm_begin(struct sm *sm); /* a new session */
/* It cannot be resumed any more.  What it has in flight moves to `loose`: it is in the router's
 * hands, so it counts as handled in what is remembered. */
void sm_end(struct sm *sm, struct sm_pasts *past, struct list *loose, uint64_t now);
/* The h of an ended session of this component. */
bool sm_recall(const struct sm_pasts *past, const char *id, uint64_t now, uint32_t *ret_h);
bool sm_is(const struct sm *sm, const char *id); /* this session's id? */

/* Counts a stanza from the link.  false: it is here already. */
bool sm_receive(struct sm *sm, struct stanza *st);
/* How far the peer has come on this link, repeats included ... */
static inline uint32_t sm_came(const struct sm *sm)
{
	return sm->in - sm->repeats;
}
/* ... and what of it has been handled: never more, or it would take its own count for wrong. */
uint32_t sm_handled(const struct sm *sm);
void sm_sent(struct sm *sm); /* one more of ours */

enum sm_h { SM_H_OK, SM_H_BEHIND, SM_H_BEYOND };
/* What an h of the peer's means: so many more (OK), less than it had said, more than it was sent.
 */
enum sm_h sm_judge(const struct sm *sm, uint32_t h, uint32_t *ret_more);
/* The same of a peer that resumes: it may have kept what an earlier link than the last one brought.
 */
enum sm_h sm_judge_resumed(const struct sm *sm, uint32_t h, uint32_t *ret_more);
/* The peer has acknowledged n more. */
void sm_acked(struct sm *sm, uint32_t n);
/* The link was lost and the session goes on: what is unacknowledged is sent again. */
void sm_resume(struct sm *sm);

#endif
