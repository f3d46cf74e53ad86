/* SPDX-License-Identifier: MIT */
/* Shared by link.c (the connection) and link_sm.c (features and XEP-0198 on it). */
#ifndef ROUTER_LINK_INTERNAL_H
#define ROUTER_LINK_INTERNAL_H

#include "links/link.h"

#define LINK_STREAM_ID 24

/* HEAD -> HANDSHAKE -> (NEGOTIATE ->) OPEN -> DEAD; DEAD from anywhere. */
enum link_state { LINK_HEAD, LINK_HANDSHAKE, LINK_NEGOTIATE, LINK_OPEN, LINK_DEAD };

struct link {
	struct list of_all;
	struct components *all;
	struct router *router;
	struct component *component; /* from HANDSHAKE on: who it claims to be */
	struct member *member;       /* whose link it is or was; NULL: nobody's yet, or any more */
	struct stream *stream;
	struct io_tls tls; /* unused in the clear */
	enum link_state state;
	char id[LINK_STREAM_ID + 1];
	char *peer;
	struct log_tag tag;
	struct timer timer; /* until OPEN: the next step; then: the end of a pause */
	struct timer silence;
	struct rate rate;
	bool waiting; /* counts among those that have not finished their handshake */
	bool rate_paused;
	uint64_t pinged; /* when it was last asked whether it is there; 0: never */

	bool features;  /* its header asked for them */
	unsigned tries; /* <enable/> and <resume/> that failed */
	bool acked;     /* OPEN: with acknowledgements */
	/* Acks leave once a turn, by the task. */
	struct task acks;
	struct timer again; /* our <r/> was answered with less than it asked about */
	bool a_due, r_due;
	bool owes;     /* an <r/> of the peer's was answered with less than it had sent ... */
	uint32_t owed; /* ... which was so much */
};

void link_enter(struct link *l, enum link_state state);
/* It speaks for its component from now on; false: it was refused, and ends.  resumes: the one whose
 * session goes on; NULL: none. */
bool link_begin(struct link *l, struct member *resumes);
void link_opened(struct link *l, bool resumed);

/* link_sm.c */
void link_sm_init(struct link *l);
void link_sm_done(struct link *l);
/* In NEGOTIATE, after <handshake/>. */
void link_sm_features(struct link *l);
/* An element in NEGOTIATE or OPEN that is no stanza: true if it was one of XEP-0198. */
bool link_sm_element(struct link *l, const struct el *el);
void link_sm_plain(struct link *l);   /* in NEGOTIATE: it wants none of it */
void link_sm_silence(struct link *l); /* in NEGOTIATE: it has said nothing for too long */
void link_sm_ping(struct link *l);    /* asks for an ack, whatever is under way */

#endif
