/* SPDX-License-Identifier: MIT */
/* From a TCP connection to a session that may send: what net.c tells a connection's owner, and what
 * a mode wants to hear. */
#ifndef BENCH_SESSION_H
#define BENCH_SESSION_H

#include "conn.h"

/* Any of these may be NULL. */
struct session_events {
	void (*ready)(struct conn *c);
	void (*stanza)(struct conn *c, const char *s, size_t n); /* of a session that is ready */
	bool early;           /* or has said that it is there, and is not known to be ready yet */
	const char *greeting; /* what a session says once it is bound; NULL: an empty presence */
	void (*lost)(struct conn *c); /* c->state tells where; it is closed afterwards */
};
extern struct session_events on;

extern long session_errors, session_lost; /* so far, over all sessions */
/* Counts an error and shows the first few. */
void session_error(const char *what, const char *s, size_t n);

/* --- for net.c ----------------------------------------------------------------------------------
 */
void session_connected(struct conn *c);
void session_secured(struct conn *c);
void session_header(struct conn *c, const char *s, size_t n);
void session_stanza(struct conn *c, const char *s, size_t n);
void session_closed(struct conn *c, const char *why);

#endif
