/* SPDX-License-Identifier: MIT */
/* What an exchange comes to: challenges, success and failure, and what failing costs.
 *
 * Who has failed too often, by address or by account, waits for each outcome.  Success waits as
 * failure does: else a guesser would try the next password as soon as no answer came at once.
 * The outcomes of one address wait in line, however many connections it has: a wrong password costs
 * all behind it some seconds, a right one nothing.  Where the line is too long an outcome is not
 * told at all, whichever it is.  Unknown accounts are counted like known ones, and nothing here
 * asks whether one exists. */
#include <errno.h>
#include <string.h>

#include <base/digest.h>
#include <base/mem.h>
#include <base/metrics.h>

#include "auth/sasl_internal.h"
#include "conf.h"
#include "router.h"

#define TRIES 5 /* failures of one connection (RFC 6120 6.4.5: 2 to 5) */
#define DELAY_MS 3000
#define DELAY_STEP_MS 2000
#define DELAY_MAX_MS 10000
#define LINE_MAX_MS 20000 /* of LIMIT_LOGIN_TIME's 30 s */

static const char *const cond_names[] = {
	[SASL_E_ABORTED] = "aborted",
	[SASL_E_ACCOUNT_DISABLED] = "account-disabled",
	[SASL_E_CREDENTIALS_EXPIRED] = "credentials-expired",
	[SASL_E_INCORRECT_ENCODING] = "incorrect-encoding",
	[SASL_E_INVALID_AUTHZID] = "invalid-authzid",
	[SASL_E_INVALID_MECHANISM] = "invalid-mechanism",
	[SASL_E_MALFORMED_REQUEST] = "malformed-request",
	[SASL_E_NOT_AUTHORIZED] = "not-authorized",
	[SASL_E_TEMPORARY_AUTH_FAILURE] = "temporary-auth-failure",
};

static struct metric m_success =
    METRIC_COUNTER("switchyard_logins_total", "Successful logins.", NULL);
static struct metric m_failure =
    METRIC_COUNTER("switchyard_failed_logins_total", "Failed logins.", NULL);

/* --- limits ----------------------------------------------------------------------------------- */

struct rate_conf sasl_limit(const struct router *r)
{
	double n = (double)r->conf->limit.failed_logins;

	return (struct rate_conf){ .per_second = n / 60, .burst = n > 0 ? n : 1 };
}

static bool over_limit(const struct sasl *sa)
{
	struct sasl_server *ss = sa->server;
	uint64_t now = loop_now(ss->router->loop);

	return !rate_table_peek(ss->by_addr, sa->addr, 1, now) ||
	       (sa->jid.s && !rate_table_peek(ss->by_account, sa->jid.s, 1, now));
}

const struct rate_conf sasl_line = { .per_second = 1000.0 / DELAY_MS, .burst = 1 };

/* Until the outcomes of its address that came before are told. */
static uint64_t line_ms(const struct sasl *sa)
{
	struct sasl_server *ss = sa->server;

	return rate_table_debt(ss->line, sa->addr, 0, loop_now(ss->router->loop));
}

static void count_failure(const struct sasl *sa)
{
	struct sasl_server *ss = sa->server;
	uint64_t now = loop_now(ss->router->loop);

	(void)rate_table_take(ss->by_addr, sa->addr, 1, now);
	if (sa->jid.s)
		(void)rate_table_take(ss->by_account, sa->jid.s, 1, now);
}

/* --- outcomes, now or later ------------------------------------------------------------------- */

static enum sasl_status hold(struct sasl *sa, enum sasl_status status, struct el *el)
{
	struct sasl_server *ss = sa->server;
	uint64_t ms = DELAY_MS + (uint64_t)sa->n_held * DELAY_STEP_MS, line = line_ms(sa);

	if (ms > DELAY_MAX_MS)
		ms = DELAY_MAX_MS;
	if (status != SASL_SUCCESS) /* for those behind it: its own place tells nothing of it */
		(void)rate_table_debt(ss->line, sa->addr, 1, loop_now(ss->router->loop));
	sa->n_held++;
	sa->held_status = status;
	sa->held = el;
	sa->step = STEP_WAIT;
	timer_set(&sa->timer, ms > line ? ms : line);
	return SASL_SENT;
}

void sasl_held(void *arg)
{
	struct sasl *sa = arg;
	struct el *el = sa->held;

	sa->held = NULL;
	sa->step = sa->held_status == SASL_FAILED ? STEP_IDLE : STEP_OVER;
	sa->later(sa->held_status, el, sa->later_arg);
}

void sasl_deliver(struct sasl *sa, enum sasl_status status, struct el *reply)
{
	if (sa->step != STEP_WAIT)
		sa->later(status, reply, sa->later_arg);
}

static void add_data(struct el *el, const void *data, size_t n)
{
	char *b64;

	if (n == 0)
		return;
	b64 = xmalloc(BASE64_LEN(n) + 1);
	base64_encode(data, n, b64);
	el_text(el, b64);
	free(b64);
}

/* RFC 6120 6.4.6; in XEP-0388 more follows, and the data has an element of its own. */
static struct el *success(const struct sasl *sa, const void *data, size_t n)
{
	struct el *el = el_new("success", sa->ns);

	if (!sa->request)
		add_data(el, data, n);
	else if (data)
		add_data(el_add(el, "additional-data", NULL), data, n);
	return el;
}

enum sasl_status sasl_challenge(struct sasl *sa, const char *data, struct el **reply)
{
	*reply = el_new("challenge", sa->ns);
	add_data(*reply, data, strlen(data));
	return SASL_SENT;
}

static enum sasl_status fail(struct sasl *sa, enum sasl_cond cond, bool late, struct el **reply)
{
	enum sasl_status status = ++sa->failures >= TRIES ? SASL_DROP : SASL_FAILED;
	struct el *el = el_new("failure", sa->ns);

	el_add(el, cond_names[cond], NS_SASL);
	metric_add(&m_failure, 1);
	log_info(&sa->tag, "login failed: %s%s%s%s", cond_names[cond], sa->mech ? ", " : "",
	    sa->mech ? sa->mech->name : "", late ? ", answered late" : "");
	sasl_reset(sa);
	if (late)
		return hold(sa, status, el);
	if (status == SASL_DROP)
		sa->step = STEP_OVER;
	*reply = el;
	return status;
}

enum sasl_status sasl_refuse(struct sasl *sa, enum sasl_cond cond, struct el **reply)
{
	return fail(sa, cond, false, reply);
}

/* The outcome is not told, so there was no guess. */
static enum sasl_status crowded(struct sasl *sa, struct el **reply)
{
	log_info(&sa->tag, "too many tries of this address wait for their answers");
	return sasl_refuse(sa, SASL_E_TEMPORARY_AUTH_FAILURE, reply);
}

enum sasl_status sasl_fail(struct sasl *sa, enum sasl_cond cond, struct el **reply)
{
	bool guess = cond == SASL_E_NOT_AUTHORIZED || cond == SASL_E_ACCOUNT_DISABLED ||
	             cond == SASL_E_CREDENTIALS_EXPIRED;
	bool late = guess && over_limit(sa);

	if (late && line_ms(sa) > LINE_MAX_MS)
		return crowded(sa, reply);
	if (guess)
		count_failure(sa);
	return fail(sa, cond, late, reply);
}

static enum sasl_cond admit(const struct sasl *sa)
{
	switch (auth_local_admit(sa->server->local, &sa->jid)) {
	case 0:
		return SASL_OK;
	case -ENOENT: /* deleted since its keys were read */
		return SASL_E_NOT_AUTHORIZED;
	case -EACCES:
		return SASL_E_ACCOUNT_DISABLED;
	default:
		return SASL_E_TEMPORARY_AUTH_FAILURE;
	}
}

enum sasl_status sasl_accept(struct sasl *sa, const void *data, size_t n, struct el **reply)
{
	enum sasl_cond cond = admit(sa);
	struct el *el;

	if (cond != SASL_OK)
		return sasl_fail(sa, cond, reply);
	if (over_limit(sa) && line_ms(sa) > LINE_MAX_MS)
		return crowded(sa, reply);
	el = success(sa, data, n);
	return sasl_fast_write(sa, el) ? SASL_SENT : sasl_succeed(sa, el, reply);
}

enum sasl_status sasl_succeed(struct sasl *sa, struct el *success, struct el **reply)
{
	bool late = over_limit(sa);

	metric_add(&m_success, 1);
	log_info(&sa->tag, "login: %s%s", sa->mech->name, late ? ", answered late" : "");
	if (late)
		return hold(sa, SASL_SUCCESS, success);
	sa->step = STEP_OVER;
	*reply = success;
	return SASL_SUCCESS;
}
