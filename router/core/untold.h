/* SPDX-License-Identifier: MIT */
/* Messages of sessions that have ended whose senders may not have been told that they were handled
 * (repeats.h says which).  A client that could not resume binds its resource anew and sends these
 * again, with the same id: what has come before is not delivered twice.
 *
 * They are known by the full JID and what was said, for ten minutes, and are so many at most; then
 * the oldest go, and a repeat is a message like others.  One that is still in flight is the new
 * session's from then on.  One that fails without a session is forgotten: its error went nowhere,
 * and the repeat is routed.  All of it is in memory, and a restarted router has none. */
#ifndef ROUTER_UNTOLD_H
#define ROUTER_UNTOLD_H

#include <stdbool.h>
#include <stdint.h>

#include <base/list.h>
#include <base/map.h>
#include <xmpp/jid.h>

struct loop;
struct session;
struct stanza;

enum { UNTOLD_MAX = 65536, UNTOLD_MS = 600000 };

struct untold {
	struct loop *loop;
	struct map by_key;
	struct list all; /* in order of their ends */
};

void untold_init(struct untold *u, struct loop *l);
void untold_done(struct untold *u);

/* The session ends: its last messages.  Those in flight are none of the session's any more. */
void untold_keep(struct untold *u, struct session *s);
/* Has this one come before?  Then it is forgotten here, and *ret, if it is still in flight, is the
 * caller's, who sees to its completion; NULL: it has been handled. */
bool untold_take(struct untold *u, const struct jid *full, uint64_t hash, struct stanza **ret);

#endif
