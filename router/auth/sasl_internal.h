/* SPDX-License-Identifier: MIT */
/* One SASL exchange, shared by sasl.c (elements and states), sasl_scram.c, sasl_plain.c and
 * sasl_fast.c (the mechanisms) and sasl_answer.c (outcomes, limits, delays); nobody else's. */
#ifndef ROUTER_SASL_INTERNAL_H
#define ROUTER_SASL_INTERNAL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/list.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/rate.h>
#include <base/sbuf.h>
#include <xmpp/el.h>
#include <xmpp/jid.h>
#include <xmpp/scram.h>

#include "auth/auth_local.h"
#include "auth/sasl.h"

struct router;
struct sasl_fast;
struct tokens;

struct sasl_mech {
	const char *name;
	enum digest_alg alg; /* SCRAM's; PLAIN compares with these keys */
	bool plain, plus, ht;
	const char *binding; /* HT's: the type; NULL: none */
};

struct sasl_server {
	struct router *router;
	struct auth_local *local;
	struct tokens *tokens;
	struct rate_table *by_addr, *by_account; /* failed logins */
	struct rate_table *line;                 /* by address: outcomes that are held */
	struct list plain;                       /* struct sasl.link: passwords to verify */
	unsigned n_plain;
	struct task plain_task;
};

/* IDLE: no exchange.  FIRST: the client's first message is awaited.  FINAL: SCRAM's challenge is
 * out.  WAIT: the answer comes later (a queued PLAIN, a token that is written, or an outcome that
 * is held back).  OVER: success, or given up. */
enum sasl_step { STEP_IDLE, STEP_FIRST, STEP_FINAL, STEP_WAIT, STEP_OVER };

struct sasl {
	struct sasl_server *server;
	char *host, *peer;
	char *from;                      /* of the stream's header; NULL: none */
	char addr[INET6_ADDRSTRLEN + 4]; /* what failures are counted by: conn_limit_key() */
	struct log_tag tag;
	struct scram_cb cb[SCRAM_BINDINGS]; /* what this connection has, the better first */
	size_t n_cb;
	uint8_t exporter[32], end_point[IO_END_POINT_MAX];

	enum sasl_step step;
	const struct sasl_mech *mech; /* from FIRST on */
	const char *ns;               /* of this exchange: NS_SASL or NS_SASL2 */
	struct el *request;           /* its <authenticate/>; NULL: it began with <auth/> */
	struct scram *scram;          /* in FINAL */
	uint8_t salt[SCRAM_SALT];     /* of the keys that the password was checked with */
	struct sasl_fast *fast;       /* what the login does with tokens; NULL: nothing yet */
	struct jid jid;               /* who is to be authenticated; owned; s NULL: not known yet */
	unsigned failures;

	sasl_later *later;
	void *later_arg;
	struct list link; /* sasl_server.plain */
	char *password;   /* while it is queued there */
	struct timer timer;
	enum sasl_status held_status;
	struct el *held;
	unsigned n_held; /* each answer that is held waits longer */
};

/* RFC 6120 6.5 */
enum sasl_cond {
	SASL_OK,
	SASL_E_ABORTED,
	SASL_E_ACCOUNT_DISABLED,
	SASL_E_CREDENTIALS_EXPIRED,
	SASL_E_INCORRECT_ENCODING,
	SASL_E_INVALID_AUTHZID,
	SASL_E_INVALID_MECHANISM,
	SASL_E_MALFORMED_REQUEST,
	SASL_E_NOT_AUTHORIZED,
	SASL_E_TEMPORARY_AUTH_FAILURE,
};

/* --- mechanisms: one message of the client; return and *reply as of sasl_element() ------------ */
enum sasl_status sasl_scram_step(struct sasl *sa, const char *msg, size_t n, struct el **reply);
enum sasl_status sasl_plain_step(struct sasl *sa, const char *msg, size_t n, struct el **reply);
void sasl_plain_task(void *server);
void sasl_plain_cancel(struct sasl *sa); /* takes it out of the queue, wipes the password */

/* sasl_fast.c: HT with a token.  In a request that says so it may have this mechanism, or NULL. */
const struct sasl_mech *sasl_fast_mech(const struct sasl *sa, const char *name);
enum sasl_status sasl_ht_step(struct sasl *sa, const char *msg, size_t n, struct el **reply);
/* Is something about tokens to be written before `success` is said?  Then it is taken, and comes to
 * sasl_succeed() when that is done. */
bool sasl_fast_write(struct sasl *sa, struct el *success);
void sasl_fast_cancel(struct sasl *sa); /* nobody waits for that any more */

/* What sasl_features() announces, as XEP-0474 hashes it. */
void sasl_announced(const struct sasl *sa, struct sbuf *out);
/* Sets sa->jid from what the client calls itself. SASL_OK or why not. */
enum sasl_cond sasl_identify(struct sasl *sa, const char *user, const char *authzid);
/* The exchange is over or never was: its state goes. */
void sasl_reset(struct sasl *sa);

/* --- outcomes (sasl_answer.c): return and *reply as of sasl_element() ------------------------- */
struct rate_conf sasl_limit(const struct router *r);
extern const struct rate_conf sasl_line;
enum sasl_status sasl_challenge(struct sasl *sa, const char *data, struct el **reply);
enum sasl_status sasl_fail(struct sasl *sa, enum sasl_cond cond, struct el **reply);
/* As sasl_fail, for what was no guess at a password: it is not counted and not delayed. */
enum sasl_status sasl_refuse(struct sasl *sa, enum sasl_cond cond, struct el **reply);
/* The password or token was right.  data: what the mechanism says last; NULL: nothing. */
enum sasl_status sasl_accept(struct sasl *sa, const void *data, size_t n, struct el **reply);
/* All that had to be done before is done.  Takes success. */
enum sasl_status sasl_succeed(struct sasl *sa, struct el *success, struct el **reply);
/* Hands an outcome over that was not returned from sasl_element(), unless it is held back.  sa may
 * be gone afterwards. */
void sasl_deliver(struct sasl *sa, enum sasl_status status, struct el *reply);
void sasl_held(void *sa); /* sa->timer */

#endif
