/* SPDX-License-Identifier: MIT */
/* The session table: which full JIDs are connected here, and how to reach them.
 *
 * A user exists while it has sessions (or somebody holds it).  Nothing may assume that all sessions
 * of a user are in this process: ask through these functions. */
#ifndef ROUTER_SESSION_H
#define ROUTER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <base/list.h>
#include <base/log.h>
#include <base/map.h>
#include <xmpp/el.h>
#include <xmpp/jid.h>
#include <xmpp/stream.h>

struct delivery;
struct flush;
struct roster;
struct router;
struct asleep;
struct session_csi;
struct session_sm;
struct sessions;
struct untold;

struct user {                 /* a local account with at least one session */
	struct map_node node; /* by bare JID */
	struct jid jid;       /* bare, owned */
	struct list sessions; /* of struct session.of_user */
	unsigned n_sessions;
	struct delivery *delivery; /* the message that its sessions are being given: session_sm.h */
};

struct session {
	struct map_node node; /* by full JID */
	struct list of_user;
	struct list of_all; /* sessions in order of binding: for ctl and shutdown */
	struct router *router;
	struct user *user;
	struct jid jid; /* full, owned */
	char id[13];    /* for the log and ctl */
	struct log_tag tag;
	struct stream *stream; /* NULL: the connection has ended */
	void *owner;           /* c2s.c's connection; NULL: it sleeps, or has ended */
	struct session_sm *sm; /* session_sm.h; NULL: without acknowledgements */
	char *archived_until;  /* its client reads up to this id in its archive; NULL: it may not */
	struct flush *flush;   /* im/offline.c: it is given what waited; NULL: nothing */
	struct {               /* the page of that which it was given last */
		char *last;    /* up to here all is over when the client has it; NULL: nothing */
		uint32_t sent; /* its last stanza's number (XEP-0198); or */
		uint64_t taken; /* where it ends in what was written to the connection */
	} page;
	struct session_csi *csi; /* session_csi.h; NULL: the client is active */
	struct {                 /* the stanzas that wait for the client, see session.c */
		uint64_t *ends;  /* a ring: where each ends in all that was written */
		size_t first, n; /* its oldest, and how many there are */
		size_t cap;      /* a power of two, or 0 */
	} queue;
	struct {                   /* what it has sent and is not handled yet: c2s/flight.c */
		struct list list;  /* struct stanza.link, in order */
		struct list apart; /* the same: came before a resumption, not repeated since */
		size_t n, bytes;
		uint32_t in;    /* stanzas received (XEP-0198 counts so) */
		bool impatient; /* it waits too long already: no more of it may */
	} flight;
	int64_t since_ms; /* wall clock */
	char *lang;       /* of the stream's header: stamped on stanzas without (RFC 6120 4.7.4) */

	struct {                     /* im/ owns what is in here */
		struct el *presence; /* last available presence; NULL: not available */
		char *last_status;   /* of its last unavailable presence; NULL: none */
		int priority;
		bool interested;     /* asked for the roster (RFC 6121 2.2) */
		bool wants_blocks;   /* asked for the block list (XEP-0191 3.3) */
		bool carbons;        /* wants copies (XEP-0280) */
		struct map directed; /* JIDs that got directed presence (RFC 6121 4.6) */
		struct map told;     /* peers it was told about the policy (optional mode) */
	} im;
};

int sessions_open(struct sessions **out, struct router *r);
void sessions_close(struct sessions *ss);

/* Makes and registers a session for an account; the full JID must be free (sessions_find first).
 * jid is copied; lang may be NULL. */
struct session *session_new(struct sessions *ss, const struct jid *jid, struct stream *stream,
    void *owner, const char *lang);
/* Takes it out of the table and frees it at the end of the turn.  im/ has said goodbye before
 * (presence_session_end). */
void session_free(struct session *s);

struct session *sessions_find(struct sessions *ss, const struct jid *full); /* NULL: none */
struct user *sessions_user(struct sessions *ss, const struct jid *any);     /* by its bare part */
struct asleep *sessions_asleep(struct sessions *ss);
struct untold *sessions_untold(struct sessions *ss);
size_t sessions_count(const struct sessions *ss);
struct list *sessions_all(struct sessions *ss); /* struct session.of_all */

/* Queues an element for the client: 0.  -ENOBUFS: no more may wait, and the session ends by this
 * (resource-constraint).  -ENOTCONN: it has ended, or is about to. */
int session_send(struct session *s, const struct el *el);
/* As session_send, with other addresses (NULL: as they are): one tree, many recipients. */
int session_send_addr(struct session *s, const struct el *el, const char *from, const char *to);
/* The same, past what an inactive client can wait for. */
int session_send_now(struct session *s, const struct el *el, const char *from, const char *to);
/* Writes bytes that count as one element; as session_send(). */
int session_write(struct session *s, const char *p, size_t n);
/* Does the connection take more without being at a bound? */
bool session_has_room(struct session *s);
/* It has another connection: what waited for the one before is its own business. */
void session_queue_reset(struct session *s);
/* What it has sent and is not handled goes on without it. */
void session_flight_detach(struct session *s);
/* Ends it from outside: a stream error now; c2s.c does all that goes with the end of a session when
 * the stream has closed. */
void session_kick(struct session *s, enum stream_err e, const char *text);

static inline bool session_available(const struct session *s)
{
	return s->im.presence != NULL;
}

#endif
