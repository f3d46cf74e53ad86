/* SPDX-License-Identifier: MIT */
/* One client connection: shared by c2s.c (its life), login.c, features.c and bind.c; nobody else's.
 */
#ifndef ROUTER_CONN_H
#define ROUTER_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include <base/list.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/rate.h>
#include <xmpp/stream.h>

struct c2s;
struct conn_wait;
struct registration;
struct router;
struct sasl;
struct session;
struct stanza;

/* CLEAR -> (STARTTLS) -> HANDSHAKE -> AUTH -> BIND -> OPEN; direct TLS begins at HANDSHAKE.  DEAD
 * from anywhere. */
enum conn_state { CONN_CLEAR, CONN_HANDSHAKE, CONN_AUTH, CONN_BIND, CONN_OPEN, CONN_DEAD };

struct conn {
	struct list link; /* of all connections */
	struct c2s *c2s;
	struct router *router;
	struct stream *stream;
	enum conn_state state;
	char id[13];
	char *peer;
	struct log_tag tag;
	const char *host;  /* the served domain of the stream; NULL: no header yet */
	char *lang;        /* xml:lang of the stream's header; NULL: none */
	struct io_tls tls; /* what io.h reads during the handshake */
	struct sasl *sasl; /* in AUTH */
	struct registration *registration; /* in AUTH */
	struct jid account;                /* bare, from AUTH's end on; owned */
	struct session *session;           /* in OPEN */
	unsigned failed_resumes;
	struct conn_wait *wait; /* until it can resume its session; NULL: it does not wait */
	bool has_waited;
	struct timer timer; /* until OPEN: time to log in; then: the end of a pause for its rate */
	struct rate rate;
	bool rate_paused, flight_paused;
	struct timer patience; /* while what is in flight keeps it from being read, or resumed */
};

/* login.c: in AUTH */
void conn_login_begin(struct conn *c); /* a new stream: whatever was begun is forgotten */
void conn_login_end(struct conn *c);   /* also if nothing was begun */
void conn_login_features(const struct conn *c, struct el *features);
void conn_login_element(struct conn *c);

/* features.c */
void conn_send_header(struct conn *c);   /* our stream header, answering the peer's */
void conn_send_features(struct conn *c); /* what the state offers */
void conn_apply_limits(struct conn *c);  /* those of the state, where nothing is offered */

/* bind.c: in BIND.  The account may have gone since the login: why, or NULL. */
const char *conn_account_gone(struct conn *c);
/* XEP-0386: binds a resource of our choice for <bind/> in `request`; the <bound/> that the caller
 * sends and frees.  NULL: there is no place for one more. */
struct el *conn_bind_inline(struct conn *c, const struct el *request, const struct el *bind);
/* In BIND.  Answers the iq; on success c->session stands.  Takes el. */
void conn_bind(struct conn *c, struct el *el);

/* flight.c: what the session has sent and is not handled yet; how much of it may be is bounded, by
 * not reading.  false: it is a repeat, and counts when the first one does. */
bool conn_flight_add(struct conn *c, struct stanza *st);
void conn_flight_routed(const struct stanza *st); /* who sent it has not let go of it yet */
void conn_flight_check(struct conn *c);           /* whether to read */
void conn_flight_patience(void *arg);             /* the timer's: arg is the connection */
/* It has sent so many bytes: more than its share, and reading rests for a while. */
void conn_rate_check(struct conn *c, uint32_t bytes);
uint32_t conn_cost(const struct stanza *st); /* what a stanza takes of that share */

/* sm.c: stream management (XEP-0198) */
void conn_sm_element(struct conn *c, const struct el *el); /* in BIND and OPEN */
/* The answers to <enable/> and <resume/>, which the caller sends and frees.  NULL: the stream ends.
 * After <resumed/> has been sent: conn_sm_resumed(). */
struct el *conn_sm_enable(struct conn *c, const struct el *el);
struct el *conn_sm_failed(enum el_cond cond);
void conn_sm_handled(struct conn *c); /* one more of what the session has sent */
/* The connection is gone: does its session wait for the client? */
bool conn_sm_sleep(struct conn *c);

/* resume.c: the account is there */
struct el *conn_sm_resume(struct conn *c, const struct el *el);
void conn_sm_resumed(struct conn *c);
/* Has <resume/> to wait, until what its session has sent is settled?  Then it is done again: alone,
 * or, with success, as conn_inline().  All are borrowed. */
bool conn_resume_waits(
    struct conn *c, const struct el *resume, const struct el *request, const struct el *success);
void conn_resume_go(struct conn *c);  /* it has waited long enough */
void conn_resume_end(struct conn *c); /* it waits no more, if it did */

/* inline.c: what is asked for along with a login (XEP-0388, XEP-0386) */
struct el *conn_inline_features(struct el *authentication); /* <inline/> */
/* Does what `request` asks for and sends <success/> with the results, and, unless a session goes
 * on, the features. */
void conn_inline(struct conn *c, const struct el *request, struct el *success);

/* c2s.c: it is this account's; account is copied.  restart: a new stream follows. */
void conn_authenticated(struct conn *c, const struct jid *account, bool restart);

/* c2s.c: the settings' limits for what the peer sends in this state. */
struct xml_limits conn_limits(const struct conn *c);

/* c2s.c: the session leaves the table now, with all that goes with it; the stream is the caller's
 * business. */
void conn_end_session(struct conn *c);
void conn_opened(struct conn *c); /* bind.c is done */

#endif
