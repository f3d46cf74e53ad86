/* SPDX-License-Identifier: MIT */
/* SASL's frame for clients (RFC 6120 6): which mechanisms are offered, the elements of an exchange
 * and their order.
 *
 * A connection has one struct sasl and one exchange at a time.  While an answer is still to come
 * (STEP_WAIT) the connection reads nothing; an element that comes all the same ends it.
 *
 * Must not: be used before TLS, as PLAIN is offered without a look at it: c2s.c makes a struct sasl
 * in no other state. */
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/digest.h>
#include <base/mem.h>
#include <base/rate.h>

#include "auth/sasl_internal.h"
#include "auth/tokens.h"
#include "core/limits.h"
#include "router.h"

#define MESSAGE_MAX 4096 /* bytes, decoded: PLAIN's three parts, and more than SCRAM_MESSAGE */
#define ADDRESSES 65536  /* whose failures are remembered */
#define ACCOUNTS 16384   /* likewise, existing or not */

/* In our order of preference. */
static const struct sasl_mech mechs[] = {
	{ .name = "SCRAM-SHA-256-PLUS", .alg = DIGEST_SHA256, .plus = true },
	{ .name = "SCRAM-SHA-256", .alg = DIGEST_SHA256 },
	{ .name = "SCRAM-SHA-1-PLUS", .alg = DIGEST_SHA1, .plus = true },
	{ .name = "SCRAM-SHA-1", .alg = DIGEST_SHA1 },
	{ .name = "PLAIN", .alg = DIGEST_SHA256, .plain = true },
};
#define N_MECHS (sizeof(mechs) / sizeof(mechs[0]))

/* --- the server ------------------------------------------------------------------------------- */

int sasl_server_open(struct sasl_server **out, struct router *r)
{
	struct sasl_server *ss = xzalloc(sizeof(*ss));
	struct rate_conf limit = sasl_limit(r);
	int rc;

	ss->router = r;
	list_init(&ss->plain);
	task_init(&ss->plain_task, sasl_plain_task, ss);
	ss->by_addr = rate_table_new(&limit, ADDRESSES);
	ss->by_account = rate_table_new(&limit, ACCOUNTS);
	ss->line = rate_table_new(&sasl_line, ADDRESSES);
	ss->tokens = tokens_open(r);
	rc = auth_local_open(&ss->local, r);
	if (rc < 0) {
		sasl_server_close(ss);
		return rc;
	}
	*out = ss;
	return 0;
}

void sasl_server_close(struct sasl_server *ss)
{
	if (!ss)
		return;
	task_cancel(&ss->plain_task);
	rate_table_free(ss->by_addr);
	rate_table_free(ss->by_account);
	rate_table_free(ss->line);
	auth_local_close(ss->local);
	tokens_close(ss->tokens);
	free(ss);
}

void sasl_server_reload(struct sasl_server *ss)
{
	struct rate_conf limit = sasl_limit(ss->router);

	rate_table_set(ss->by_addr, &limit);
	rate_table_set(ss->by_account, &limit);
	tokens_reload(ss->tokens);
}

/* --- one connection --------------------------------------------------------------------------- */

static void find_bindings(struct sasl *sa, const struct io *io)
{
	int n;

	if (io_tls_exporter(io, sa->exporter) == 0) /* RFC 9266 */
		sa->cb[sa->n_cb++] =
		    (struct scram_cb){ "tls-exporter", sa->exporter, sizeof(sa->exporter), true };
	n = io_tls_end_point(io, sa->end_point); /* RFC 5929 4 */
	if (n > 0)
		sa->cb[sa->n_cb++] =
		    (struct scram_cb){ "tls-server-end-point", sa->end_point, (size_t)n, true };
}

struct sasl *sasl_new(struct sasl_server *ss, struct io *io, const char *host)
{
	struct sasl *sa = xzalloc(sizeof(*sa));

	sa->server = ss;
	sa->ns = NS_SASL;
	sa->host = xstrdup(host);
	sa->peer = xstrdup(io_peer(io));
	conn_limit_key(sa->peer, sa->addr, sizeof(sa->addr));
	sa->tag = (struct log_tag){ "sasl", NULL, sa->peer, NULL };
	list_init(&sa->link);
	timer_init(&sa->timer, ss->router->loop, sasl_held, sa);
	find_bindings(sa, io);
	return sa;
}

void sasl_said(struct sasl *sa, const char *from)
{
	free(sa->from);
	sa->from = from ? xstrdup(from) : NULL;
}

void sasl_reset(struct sasl *sa)
{
	sasl_plain_cancel(sa);
	sasl_fast_cancel(sa);
	scram_free(sa->scram);
	sa->scram = NULL;
	el_free(sa->request);
	sa->request = NULL;
	mem_wipe(sa->salt, sizeof(sa->salt));
	sa->mech = NULL;
	sa->step = STEP_IDLE;
	sa->tag.jid = NULL;
	jid_done(&sa->jid);
	memset(&sa->jid, 0, sizeof(sa->jid));
}

static void sasl_destroy(void *arg)
{
	struct sasl *sa = arg;

	free(sa->host);
	free(sa->peer);
	free(sa->from);
	mem_wipe(sa, sizeof(*sa));
	free(sa);
}

void sasl_free(struct sasl *sa)
{
	if (!sa)
		return;
	sasl_reset(sa);
	timer_done(&sa->timer);
	el_free(sa->held);
	sa->held = NULL;
	/* It may be our own callback that led here. */
	loop_reap(sa->server->router->loop, sasl_destroy, sa);
}

const struct jid *sasl_jid(const struct sasl *sa)
{
	return &sa->jid;
}

bool sasl_goes_on(const struct sasl *sa)
{
	return sa->step != STEP_IDLE && sa->step != STEP_OVER;
}

struct el *sasl_take_request(struct sasl *sa)
{
	struct el *request = sa->request;

	sa->request = NULL;
	return request;
}

/* XEP-0388 2.3: who acts for somebody by name has said the same in the stream's header. */
static bool has_said_another(const struct sasl *sa, const struct jid *own, struct arena *a)
{
	struct jid said;

	return sa->request && sa->from &&
	       (jid_parse(&said, a, sa->from) < 0 || !jid_same_bare(&said, own));
}

enum sasl_cond sasl_identify(struct sasl *sa, const char *user, const char *authzid)
{
	struct arena *a = arena_new();
	enum sasl_cond cond = SASL_OK;
	struct jid own, other;

	/* A localpart, never "user@domain": the stream's header has named the domain. */
	if (jid_make(&own, a, user, sa->host, NULL) < 0) {
		log_info(&sa->tag, "\"%.64s\" cannot be the name of an account", user);
		cond = SASL_E_NOT_AUTHORIZED;
	} else {
		sa->jid = jid_dup(&own);
		sa->tag.jid = sa->jid.s;
		if (*authzid && (jid_parse(&other, a, authzid) < 0 || !jid_same(&own, &other) ||
				    has_said_another(sa, &own, a)))
			cond = SASL_E_INVALID_AUTHZID; /* nobody may act for another */
	}
	arena_free(a);
	return cond;
}

/* --- elements --------------------------------------------------------------------------------- */

static bool offered(const struct sasl *sa, const struct sasl_mech *m)
{
	return !m->plus || sa->n_cb > 0;
}

static void add_mechanisms(const struct sasl *sa, struct el *list)
{
	for (size_t i = 0; i < N_MECHS; i++) {
		if (offered(sa, &mechs[i]))
			el_add_text(list, "mechanism", NULL, mechs[i].name);
	}
}

void sasl_features(struct sasl *sa, struct el *features)
{
	struct el *list;

	add_mechanisms(sa, el_add(features, "mechanisms", NS_SASL));
	add_mechanisms(sa, el_add(features, "authentication", NS_SASL2));
	if (sa->n_cb == 0)
		return;
	list = el_add(features, "sasl-channel-binding", NS_SASL_CB); /* XEP-0440 */
	for (size_t i = 0; i < sa->n_cb; i++)
		el_set(el_add(list, "channel-binding", NULL), "type", sa->cb[i].type);
}

static int by_octets(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_sorted(struct sbuf *out, const char **names, size_t n)
{
	qsort(names, n, sizeof(*names), by_octets);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			sbuf_putc(out, '\x1e');
		sbuf_puts(out, names[i]);
	}
}

void sasl_announced(const struct sasl *sa, struct sbuf *out)
{
	const char *names[N_MECHS], *types[SCRAM_BINDINGS];
	size_t n = 0;

	for (size_t i = 0; i < N_MECHS; i++) {
		if (offered(sa, &mechs[i]))
			names[n++] = mechs[i].name;
	}
	put_sorted(out, names, n);
	if (sa->n_cb == 0)
		return;
	for (size_t i = 0; i < sa->n_cb; i++)
		types[i] = sa->cb[i].type;
	sbuf_putc(out, '\x1f');
	put_sorted(out, types, sa->n_cb);
}

static const struct sasl_mech *find_mech(const struct sasl *sa, const char *name)
{
	for (size_t i = 0; name && i < N_MECHS; i++) {
		if (!strcmp(mechs[i].name, name))
			return offered(sa, &mechs[i]) ? &mechs[i] : NULL;
	}
	return sasl_fast_mech(sa, name);
}

/* The data of an element goes to the mechanism.  "=" is data of no bytes (RFC 6120 6.4.2). */
static enum sasl_status message(struct sasl *sa, const char *text, struct el **reply)
{
	char buf[MESSAGE_MAX + 3];
	size_t len = strlen(text);
	enum sasl_status status;
	ssize_t n = 0;

	if (len > BASE64_LEN((size_t)MESSAGE_MAX))
		return sasl_fail(sa, SASL_E_MALFORMED_REQUEST, reply);
	if (strcmp(text, "=") != 0)
		n = base64_decode(text, len, buf);
	if (n < 0)
		return sasl_fail(sa, SASL_E_INCORRECT_ENCODING, reply);
	buf[n] = '\0';
	if (sa->mech->ht)
		status = sasl_ht_step(sa, buf, (size_t)n, reply);
	else if (sa->mech->plain)
		status = sasl_plain_step(sa, buf, (size_t)n, reply);
	else
		status = sasl_scram_step(sa, buf, (size_t)n, reply);
	mem_wipe(buf, (size_t)n);
	return status;
}

/* text: the initial response; NULL: there is none.  An exchange begins. */
static enum sasl_status begin(
    struct sasl *sa, const struct el *el, const char *text, struct el **reply)
{
	const struct sasl_mech *mech = find_mech(sa, el_attr(el, "mechanism"));

	if (sa->step != STEP_IDLE)
		return sasl_fail(sa, SASL_E_MALFORMED_REQUEST, reply);
	if (!mech)
		return sasl_fail(sa, SASL_E_INVALID_MECHANISM, reply);
	sa->mech = mech;
	sa->step = STEP_FIRST;
	if (!text) /* no initial response: it is asked for (RFC 6120 6.3.10) */
		return sasl_challenge(sa, "", reply);
	return message(sa, text, reply);
}

static enum sasl_status auth(struct sasl *sa, const struct el *el, struct el **reply)
{
	const char *text = el_body(el);

	if (sa->step == STEP_IDLE)
		sa->ns = NS_SASL;
	return begin(sa, el, *text ? text : NULL, reply);
}

/* The response may be a password: it is not kept. */
static struct el *without_response(const struct el *el)
{
	struct el *copy = el_new("authenticate", NS_SASL2);

	EL_EACH (it, el, NULL, NULL)
		if (!el_is(it, "initial-response", NS_SASL2))
			el_add_copy(copy, it);
	return copy;
}

/* XEP-0388 2.2: what it asks for besides is done when it has succeeded. */
static enum sasl_status authenticate(struct sasl *sa, const struct el *el, struct el **reply)
{
	if (sa->step == STEP_IDLE) {
		sa->ns = NS_SASL2;
		el_free(sa->request);
		sa->request = without_response(el);
	}
	return begin(sa, el, el_child_text(el, "initial-response", NS_SASL2), reply);
}

static enum sasl_status response(struct sasl *sa, const struct el *el, struct el **reply)
{
	if (sa->step != STEP_FIRST && sa->step != STEP_FINAL)
		return sasl_fail(sa, SASL_E_MALFORMED_REQUEST, reply);
	return message(sa, el_body(el), reply);
}

enum sasl_status sasl_element(
    struct sasl *sa, const struct el *el, struct el **reply, sasl_later *later, void *arg)
{
	*reply = NULL;
	if (sa->step == STEP_WAIT || sa->step == STEP_OVER) {
		timer_stop(&sa->timer);
		sasl_reset(sa);
		sa->step = STEP_OVER;
		return SASL_DROP;
	}
	sa->later = later;
	sa->later_arg = arg;
	if (el_is(el, "auth", NS_SASL))
		return auth(sa, el, reply);
	if (el_is(el, "authenticate", NS_SASL2))
		return authenticate(sa, el, reply);
	if (el_is(el, "response", sa->ns))
		return response(sa, el, reply);
	if (el_is(el, "abort", sa->ns))
		return sasl_fail(sa, SASL_E_ABORTED, reply);
	(void)sasl_fail(sa, SASL_E_MALFORMED_REQUEST, reply);
	sa->step = STEP_OVER;
	return SASL_DROP;
}
