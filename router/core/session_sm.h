/* SPDX-License-Identifier: MIT */
/* A session's stream management (XEP-0198): what it was sent and has not acknowledged is kept, so
 * that it can be sent again when the client comes back, or answered when it does not.
 *
 * A session without a connection sleeps: it is in the table, available as before, and what is sent
 * to it is kept.  The protocol's elements are c2s/sm.c's. */
#ifndef ROUTER_SESSION_SM_H
#define ROUTER_SESSION_SM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/list.h>
#include <base/loop.h>

#include "core/asleep.h"
#include "core/repeats.h"

struct el;
struct router;
struct session;
struct user;

enum { SESSION_SM_ID = 32 }; /* characters: 165 bits, which nobody guesses */

/* Who has asked to resume it waits until all it has sent is handled, or the session is over.  The
 * task runs then. */
struct session_wait {
	struct task task;
	struct session *session; /* NULL: over */
};

struct session_sm {
	struct session *session;
	char id[SESSION_SM_ID + 1]; /* empty: it cannot be resumed */
	uint64_t sleep_ms;          /* that it may be without a connection */
	uint32_t sent, acked;       /* ours, and what the client says of them */
	bool asking;                /* our last <r/> has not been answered */
	uint32_t told;              /* the h that it was told last */
	bool owes;                  /* that was less than what had come */
	bool lost;                  /* too much was kept: it cannot be resumed any more */
	uint32_t base;              /* what had come before it began */
	struct list kept;           /* struct kept: sent and not acknowledged, in order */
	struct list *next;          /* the first that this connection has still to be sent */
	size_t n, bytes;
	struct asleep_place asleep;
	struct repeats repeats;
	struct session_wait *wait; /* NULL: nobody */
	struct timer timer;        /* awake: until we ask; asleep: until the end */
};

/* A message on its way to a user: the sessions that were given it, or a copy, and have not
 * acknowledged it.  If none ever does, the last of them sees to it that it is not lost. */
struct delivery {
	unsigned holders;
	bool had; /* some session has it for sure */
};
/* All that is sent to u's sessions in between is this one message. */
void session_delivery_begin(struct user *u);
void session_delivery_end(struct user *u);

/* Begins it; id only if it may sleep. */
void session_sm_begin(struct session *s, uint64_t sleep_ms);
/* session_free() is about to: nothing is answered any more. */
void session_sm_free(struct session *s);

/* session_send(): writes it, if there is a connection, and keeps it. */
int session_sm_send(struct session *s, const struct el *el, const char *from, const char *to);
/* The client has handled all up to h; false: that is more than it was sent. */
bool session_sm_ack(struct session *s, uint32_t h);
/* session_resume.c */
uint32_t session_sm_handled(const struct session *s); /* our h */
bool session_sm_pending(const struct session *s);     /* more has come than that */
/* One more has settled. */
void session_sm_settled(struct session *s);
/* It is resumed: what does not count is repeated, under its number.  Our h. */
uint32_t session_sm_rewind(struct session *s);
/* While somebody waits it does not end for having slept too long.  NULL: nobody any more. */
void session_sm_await(struct session *s, struct session_wait *w);
/* There is a connection again: what is kept is written to it, as fast as it takes it. */
void session_sm_wake(struct session *s);
void session_sm_push(struct session *s); /* it has room again */
/* The connection is gone, and it sleeps from now on; if it may. */
bool session_sm_may_sleep(const struct session *s);
void session_sm_sleep(struct session *s);
/* Any session is over, and its connection, if it has one, is the caller's business: who saw it is
 * told, what was not acknowledged goes to the user's other sessions or is answered as if nobody had
 * been there (RFC 6121 8.5), and it is freed. */
void session_end(struct session *s);
void session_sm_end(struct session *s); /* that of one that sleeps */
/* As session_sm_end(), in the next turn. */
void session_sm_end_soon(struct session *s);
/* All that sleep, at the end of the program. */
void session_sm_end_all(struct router *r);

#endif
