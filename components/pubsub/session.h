/* SPDX-License-Identifier: MIT */
/* Who is here: the sessions whose presence the server shows, with their capabilities.  Kept in the
 * database, for a link that is resumed does not tell it again. */
#ifndef PUBSUB_SESSION_H
#define PUBSUB_SESSION_H

#include "pubsub.h"

struct caps;

struct peer { /* a bare JID that has sessions */
	struct pubsub *p;
	struct map_node node;
	struct list sessions;
	size_t n;
	char bare[];
};
struct session {
	struct peer *peer;
	struct list link;
	struct list of_caps; /* users or silent ones of caps */
	struct list fresh;   /* has not been sent the last items of what it wants */
	struct caps *caps;   /* NULL: wants nothing */
	struct caps *seen;   /* that it was sent last items for */
	bool silent;         /* has been asked for its caps in vain */
	bool waits;          /* for a roster */
	size_t waited;       /* bytes of rosters read for its last items so far */
	char jid[];
};

struct peer *peer_find(const struct pubsub *p, const char *bare); /* NULL: not here */
struct session *session_find(const struct pubsub *p, const char *full);
/* Takes the reference; NULL: none.  It is stored. */
void session_set_caps(struct session *s, struct caps *caps);
void session_greeted(struct session *s); /* it has been sent the last items; stored */

/* Presence of accounts and their contacts, to the domain. */
int session_available(struct comp_req *rq, void *arg);
int session_unavailable(struct comp_req *rq, void *arg);

int sessions_load(struct pubsub *p);
void sessions_online(struct pubsub *p, bool resumed);
/* Those whose presence the server does not show any more are forgotten; stored. */
void sessions_granted(struct pubsub *p);
void sessions_drop(struct pubsub *p, const char *bare); /* an account is gone; stored */
void sessions_free(struct pubsub *p);                   /* in memory alone */

#endif
