/* SPDX-License-Identifier: MIT */
/* Tokens in SASL (XEP-0484): logging in with one (HT-SHA-256, draft-schmaus-kitten-sasl-ht-09), and
 * getting one along with a login.
 *
 * What such a login changes of tokens is one batch, and <success/> waits for its commit: a client
 * has no token that the next start does not know, and none is used twice that may be used once.
 * Where the database cannot write, who has logged in gets no token; only what was promised to be
 * written (a count, an invalidation) lets the login fail.
 *
 * A token that is not there takes the same way as a wrong one: two made-up ones are compared. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/db.h>
#include <base/digest.h>
#include <base/mem.h>
#include <xmpp/ht.h>
#include <xmpp/stamp.h>

#include "auth/sasl_internal.h"
#include "auth/tokens.h"
#include "router.h"

#define PATIENCE_MS 5000 /* that a login waits for its token */

static const struct sasl_mech mechs[] = {
	{ .name = "HT-SHA-256-EXPR", .alg = DIGEST_SHA256, .ht = true, .binding = "tls-exporter" },
	{ .name = "HT-SHA-256-ENDP",
	    .alg = DIGEST_SHA256,
	    .ht = true,
	    .binding = "tls-server-end-point" },
	{ .name = "HT-SHA-256-NONE", .alg = DIGEST_SHA256, .ht = true },
};
#define N_MECHS (sizeof(mechs) / sizeof(mechs[0]))

/* What a login does with tokens, from the proof to the commit; outlives its exchange if need be. */
struct sasl_fast {
	struct sasl *sa; /* NULL: nobody waits any more */
	char *account;
	uint8_t client[TOKEN_CLIENT];
	bool shown;      /* `used` is what it logs in with; else a password */
	bool write;      /* something about it has to be written */
	bool invalidate; /* it is the last time */
	int64_t count;   /* that came with it; -1: none */
	struct token used;
	bool issued; /* `fresh` is good with the commit */
	struct token fresh;
	bool submitted;     /* the batch's completion frees it */
	struct el *success; /* what waits for the commit */
	struct timer timer;
};

static void fast_free(struct sasl_fast *f)
{
	timer_done(&f->timer);
	el_free(f->success);
	free(f->account);
	mem_wipe(f, sizeof(*f));
	free(f);
}

static struct sasl_fast *fast_new(struct sasl *sa, const uint8_t client[static TOKEN_CLIENT])
{
	struct sasl_fast *f = xzalloc(sizeof(*f));

	f->sa = sa;
	f->account = xstrdup(sa->jid.s);
	memcpy(f->client, client, TOKEN_CLIENT);
	f->count = -1;
	sa->fast = f;
	return f;
}

void sasl_fast_cancel(struct sasl *sa)
{
	struct sasl_fast *f = sa->fast;

	if (!f)
		return;
	sa->fast = NULL;
	f->sa = NULL;
	if (f->submitted)
		timer_stop(&f->timer);
	else
		fast_free(f);
}

static struct token_owner owner_of(const struct sasl_fast *f)
{
	return (struct token_owner){ f->account, f->client };
}

/* --- mechanisms ------------------------------------------------------------------------------- */

static const struct scram_cb *find_binding(const struct sasl *sa, const char *type)
{
	for (size_t i = 0; i < sa->n_cb; i++) {
		if (!strcmp(sa->cb[i].type, type))
			return &sa->cb[i];
	}
	return NULL;
}

static const struct sasl_mech *find_mech(const struct sasl *sa, const char *name)
{
	if (!name || !tokens_on(sa->server->tokens))
		return NULL;
	for (size_t i = 0; i < N_MECHS; i++) {
		const char *type = mechs[i].binding;

		if (!strcmp(mechs[i].name, name))
			return !type || find_binding(sa, type) ? &mechs[i] : NULL;
	}
	return NULL;
}

void sasl_fast_features(const struct sasl *sa, struct el *into)
{
	struct el *fast;

	if (!tokens_on(sa->server->tokens))
		return;
	fast = el_add(into, "fast", NS_FAST);
	for (size_t i = 0; i < N_MECHS; i++) {
		if (find_mech(sa, mechs[i].name))
			el_add_text(fast, "mechanism", NULL, mechs[i].name);
	}
}

/* Only where the client says that it shows a token. */
const struct sasl_mech *sasl_fast_mech(const struct sasl *sa, const char *name)
{
	if (!sa->request || !el_child(sa->request, "fast", NS_FAST))
		return NULL;
	return find_mech(sa, name);
}

/* --- a token is shown ------------------------------------------------------------------------- */

static bool client_of(const struct sasl *sa, uint8_t out[static TOKEN_CLIENT])
{
	const struct el *agent = el_child(sa->request, "user-agent", NS_SASL2);
	const char *id = agent ? el_attr(agent, "id") : NULL;
	uint8_t hash[DIGEST_MAX];

	if (!id || !*id)
		return false;
	digest(DIGEST_SHA256, id, strlen(id), hash);
	memcpy(out, hash, TOKEN_CLIENT);
	return true;
}

/* <fast count=/>; -1: it has none. */
static bool count_of(const struct el *fast, int64_t *out)
{
	uint32_t n;

	*out = -1;
	if (!el_attr(fast, "count"))
		return true;
	if (el_attr_u32(fast, "count", &n) < 0)
		return false;
	*out = n;
	return true;
}

/* Which of them has been shown; NULL: none that is there.  Both are looked at in any case. */
static const struct token *shown(
    const struct token t[static TOKEN_PLACES], const struct scram_cb *cb, const uint8_t *hash)
{
	const struct token *found = NULL;

	for (int i = 0; i < TOKEN_PLACES; i++) {
		uint8_t want[HT_HASH];

		ht_initiator(t[i].text, cb ? cb->data : NULL, cb ? cb->len : 0, want);
		if (digest_same(want, hash, HT_HASH) && t[i].there)
			found = &t[i];
		mem_wipe(want, sizeof(want));
	}
	return found;
}

static enum sasl_cond judge(const struct sasl *sa, const struct token *t, int64_t count)
{
	if (!t)
		return SASL_E_NOT_AUTHORIZED;
	if (t->expires_ms <= loop_wall_ms(sa->server->router->loop))
		return SASL_E_CREDENTIALS_EXPIRED; /* XEP-0484 5.2: who has it may know */
	if (count >= 0 && count <= t->count) {
		log_info(&sa->tag, "the token came with a count that was used before");
		return SASL_E_NOT_AUTHORIZED;
	}
	return SASL_OK;
}

static enum sasl_status log_in(struct sasl *sa, const uint8_t *client, int64_t count,
    const struct token t[static TOKEN_PLACES], const struct token *used, const struct scram_cb *cb,
    struct el **reply)
{
	const struct el *fast = el_child(sa->request, "fast", NS_FAST);
	const struct token *other = used == &t[0] ? &t[1] : &t[0];
	struct sasl_fast *f = fast_new(sa, client);
	uint8_t proof[HT_HASH];
	enum sasl_status status;

	f->shown = true;
	f->used = *used;
	f->count = count;
	f->invalidate = el_attr_true(fast, "invalidate");
	f->write = used->newer || count >= 0 || f->invalidate ||
	           (other->expires_ms && other->expires_ms < used->expires_ms);
	ht_responder(used->text, cb ? cb->data : NULL, cb ? cb->len : 0, proof);
	status = sasl_accept(sa, proof, sizeof(proof), reply);
	mem_wipe(proof, sizeof(proof));
	return status;
}

enum sasl_status sasl_ht_step(struct sasl *sa, const char *msg, size_t n, struct el **reply)
{
	const char *type = sa->mech->binding;
	const struct scram_cb *cb = type ? find_binding(sa, type) : NULL;
	const struct el *fast = el_child(sa->request, "fast", NS_FAST);
	struct token t[TOKEN_PLACES];
	const struct token *used;
	uint8_t client[TOKEN_CLIENT];
	struct token_owner o = { .client = client };
	enum sasl_status status;
	enum sasl_cond cond;
	struct ht_message m;
	int64_t count;

	if (ht_parse(msg, n, &m) < 0 || !client_of(sa, client) || !count_of(fast, &count))
		return sasl_fail(sa, SASL_E_MALFORMED_REQUEST, reply);
	cond = sasl_identify(sa, m.user, "");
	if (cond != SASL_OK)
		return sasl_fail(sa, cond, reply);
	o.account = sa->jid.s;
	if (tokens_find(sa->server->tokens, &o, sa->mech->name, t) < 0)
		return sasl_fail(sa, SASL_E_TEMPORARY_AUTH_FAILURE, reply);
	used = shown(t, cb, m.hash);
	cond = judge(sa, used, count);
	status = cond == SASL_OK ? log_in(sa, client, count, t, used, cb, reply)
	                         : sasl_fail(sa, cond, reply);
	mem_wipe(t, sizeof(t));
	return status;
}

/* --- what is written along with a login ------------------------------------------------------- */

static void add_token(struct el *success, const struct token *t)
{
	struct el *el = el_add(success, "token", NS_FAST);
	char expiry[STAMP_LEN + 1];

	stamp_write_s(t->expires_ms, expiry);
	el_set(el, "expiry", expiry);
	el_set(el, "token", t->text);
}

/* The exchange goes on: err is the batch's, or -ETIMEDOUT. */
static void go_on(struct sasl_fast *f, int err)
{
	struct sasl *sa = f->sa;
	struct el *success = f->success, *reply = NULL;
	enum sasl_status status;

	f->success = NULL;
	sasl_fast_cancel(sa);
	sa->step = STEP_FIRST;
	if (err == 0 && f->issued)
		add_token(success, &f->fresh);
	if (err == -ENOENT && f->shown) { /* revoked or used up since it was read */
		el_free(success);
		status = sasl_fail(sa, SASL_E_NOT_AUTHORIZED, &reply);
	} else if (err < 0 && (f->count >= 0 || f->invalidate)) {
		el_free(success);
		status = sasl_fail(sa, SASL_E_TEMPORARY_AUTH_FAILURE, &reply);
	} else {
		if (err < 0)
			log_err(&sa->tag, LOG_LVL_INFO, err, "logged in without a new token");
		status = sasl_succeed(sa, success, &reply);
	}
	sasl_deliver(sa, status, reply);
}

static void committed(int err, void *arg)
{
	struct sasl_fast *f = arg;

	if (f->sa)
		go_on(f, err);
	fast_free(f);
}

static void too_slow(void *arg)
{
	go_on(arg, -ETIMEDOUT);
}

/* The mechanism of <request-token/>; NULL: there is none that could be had. */
static const struct sasl_mech *requested(const struct sasl *sa, uint8_t client[static TOKEN_CLIENT])
{
	const struct el *el = el_child(sa->request, "request-token", NS_FAST);
	const struct sasl_mech *mech;

	if (!el)
		return NULL;
	mech = find_mech(sa, el_attr(el, "mechanism"));
	if (!mech || !client_of(sa, client)) {
		log_info(
		    &sa->tag, "no token: %s", mech ? "the client has no id" : "no such mechanism");
		return NULL;
	}
	return mech;
}

/* Of these tokens one is due to be followed by another, or asked to be. */
static const struct sasl_mech *next_mech(const struct sasl *sa, uint8_t client[static TOKEN_CLIENT])
{
	const struct sasl_mech *mech = requested(sa, client);
	const struct sasl_fast *f = sa->fast;

	if (mech || !f || f->invalidate)
		return mech;
	return tokens_due(sa->server->tokens, &f->used) ? sa->mech : NULL;
}

bool sasl_fast_write(struct sasl *sa, struct el *success)
{
	struct tokens *ts = sa->server->tokens;
	uint8_t client[TOKEN_CLIENT];
	const struct sasl_mech *mech = sa->request ? next_mech(sa, client) : NULL;
	struct sasl_fast *f = sa->fast;
	struct token_owner o;
	struct db_batch *b;

	if (!mech && !(f && f->write))
		return false;
	if (!f)
		f = fast_new(sa, client);
	o = owner_of(f);
	b = db_batch_new(sa->server->router->db);
	if (f->invalidate)
		tokens_drop(b, &o, &f->used, f->count);
	else if (f->shown)
		tokens_use(b, &o, &f->used, f->count);
	if (mech)
		tokens_issue(ts, b, &o, mech->name, f->shown ? NULL : sa->salt, &f->fresh);
	f->issued = mech != NULL;
	f->success = success;
	f->submitted = true;
	timer_init(&f->timer, sa->server->router->loop, too_slow, f);
	timer_set(&f->timer, PATIENCE_MS);
	sa->step = STEP_WAIT;
	db_submit(b, committed, f);
	return true;
}
