/* SPDX-License-Identifier: MIT */
/* PLAIN (RFC 4616).  Verifying a password is one PBKDF2, some milliseconds: they wait in a queue
 * and the loop has one of them per turn, so that many logins do not stop the traffic. */
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "auth/sasl_internal.h"
#include "router.h"

#define QUEUE_MAX 1024 /* about four seconds of work */

void sasl_plain_cancel(struct sasl *sa)
{
	if (!sa->password)
		return;
	mem_wipe(sa->password, strlen(sa->password));
	free(sa->password);
	sa->password = NULL;
	list_del(&sa->link);
	sa->server->n_plain--;
}

static void verify(struct sasl *sa)
{
	enum sasl_status status;
	struct scram_keys keys;
	struct el *reply = NULL;
	bool right;

	sa->step = STEP_FIRST;
	if (auth_local_keys(sa->server->local, &sa->jid, sa->mech->alg, &keys) < 0) {
		status = sasl_fail(sa, SASL_E_TEMPORARY_AUTH_FAILURE, &reply);
	} else {
		right = scram_check_password(&keys, sa->password);
		memcpy(sa->salt, keys.salt, sizeof(sa->salt));
		mem_wipe(&keys, sizeof(keys));
		sasl_plain_cancel(sa);
		status = right ? sasl_accept(sa, NULL, 0, &reply)
		               : sasl_fail(sa, SASL_E_NOT_AUTHORIZED, &reply);
	}
	sasl_deliver(sa, status, reply);
}

void sasl_plain_task(void *server)
{
	struct sasl_server *ss = server;
	struct sasl *sa = LIST_FIRST(&ss->plain, struct sasl, link);

	if (!sa)
		return;
	if (ss->n_plain > 1)
		task_next(ss->router->loop, &ss->plain_task);
	verify(sa);
}

/* The next of the message's parts, which end with NUL or the message; NULL: there is none. */
static const char *part(const char **p, const char *end)
{
	const char *start = *p;

	if (start > end)
		return NULL;
	*p = start + strlen(start) + 1;
	return start;
}

/* [authzid] NUL authcid NUL passwd; msg[n] is NUL */
enum sasl_status sasl_plain_step(struct sasl *sa, const char *msg, size_t n, struct el **reply)
{
	struct sasl_server *ss = sa->server;
	const char *p = msg, *end = msg + n;
	const char *authzid = part(&p, end), *user = part(&p, end), *password = part(&p, end);
	enum sasl_cond cond;

	if (!password || !*user || !*password || p <= end)
		return sasl_fail(sa, SASL_E_MALFORMED_REQUEST, reply);
	cond = sasl_identify(sa, user, authzid);
	if (cond != SASL_OK)
		return sasl_fail(sa, cond, reply);
	if (ss->n_plain >= QUEUE_MAX)
		return sasl_fail(sa, SASL_E_TEMPORARY_AUTH_FAILURE, reply);
	sa->password = xstrdup(password);
	sa->step = STEP_WAIT;
	list_add_tail(&ss->plain, &sa->link);
	ss->n_plain++;
	task_next(ss->router->loop, &ss->plain_task);
	return SASL_SENT;
}
