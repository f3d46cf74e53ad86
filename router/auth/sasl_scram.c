/* SPDX-License-Identifier: MIT */
/* SCRAM within SASL: two messages of the client, the account's keys between them.  A name that is
 * no account gets keys that no password fits and takes the same way. */
#include <string.h>

#include <base/mem.h>

#include "auth/sasl_internal.h"

static enum sasl_cond cond_of(enum scram_result r)
{
	switch (r) {
	case SCRAM_E_MALFORMED:
		return SASL_E_MALFORMED_REQUEST;
	case SCRAM_E_AUTHZ:
		return SASL_E_INVALID_AUTHZID;
	default:
		return SASL_E_NOT_AUTHORIZED;
	}
}

static struct scram *exchange_new(const struct sasl *sa)
{
	struct scram *s =
	    scram_new(sa->mech->alg, sa->mech->plus, sa->n_cb > 0 ? &sa->cb[0] : NULL);
	struct sbuf announced = SBUF_INIT;

	for (size_t i = 1; i < sa->n_cb; i++)
		scram_add_binding(s, &sa->cb[i]);
	sasl_announced(sa, &announced);
	scram_set_announced(s, sbuf_str(&announced), sbuf_len(&announced));
	sbuf_done(&announced);
	return s;
}

static enum sasl_status first(struct sasl *sa, const char *msg, size_t n, struct el **reply)
{
	struct scram_keys keys;
	enum scram_result r;
	enum sasl_cond cond;

	sa->scram = exchange_new(sa);
	r = scram_first(sa->scram, msg, n);
	/* A client whose kind of binding is not ours tries its other mechanisms next. */
	if (r == SCRAM_E_BINDING)
		return sasl_refuse(sa, cond_of(r), reply);
	if (r != SCRAM_CONTINUE)
		return sasl_fail(sa, cond_of(r), reply);
	cond = sasl_identify(sa, scram_user(sa->scram), scram_authzid(sa->scram));
	if (cond != SASL_OK)
		return sasl_fail(sa, cond, reply);
	if (auth_local_keys(sa->server->local, &sa->jid, sa->mech->alg, &keys) < 0)
		return sasl_fail(sa, SASL_E_TEMPORARY_AUTH_FAILURE, reply);
	memcpy(sa->salt, keys.salt, sizeof(sa->salt));
	sa->step = STEP_FINAL;
	(void)sasl_challenge(sa, scram_challenge(sa->scram, &keys), reply);
	mem_wipe(&keys, sizeof(keys));
	return SASL_SENT;
}

enum sasl_status sasl_scram_step(struct sasl *sa, const char *msg, size_t n, struct el **reply)
{
	const char *final = NULL;
	enum scram_result r;

	if (sa->step == STEP_FIRST)
		return first(sa, msg, n, reply);
	r = scram_final(sa->scram, msg, n, &final);
	if (r != SCRAM_DONE)
		return sasl_fail(sa, cond_of(r), reply);
	return sasl_accept(sa, final, strlen(final), reply);
}
