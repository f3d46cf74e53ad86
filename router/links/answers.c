/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "core/route.h"
#include "core/stanza.h"
#include "links/answers.h"

static const unsigned char table[ANSWER_KINDS][ANSWER_WHENS] = {
	/* away, in grace, full, lost, unknown */
	[ANSWER_INFO] = { ANSWER_UNAVAILABLE, ANSWER_CACHE, ANSWER_CACHE, ANSWER_TIMEOUT,
	    ANSWER_TIMEOUT },
	[ANSWER_GET] = { ANSWER_UNAVAILABLE, ANSWER_QUEUE_BRIEFLY, ANSWER_UNAVAILABLE,
	    ANSWER_TIMEOUT, ANSWER_TIMEOUT },
	[ANSWER_SET] = { ANSWER_UNAVAILABLE, ANSWER_QUEUE, ANSWER_CONSTRAINT, ANSWER_TIMEOUT,
	    ANSWER_TIMEOUT },
	[ANSWER_MESSAGE] = { ANSWER_UNAVAILABLE, ANSWER_QUEUE, ANSWER_CONSTRAINT, ANSWER_DROP,
	    ANSWER_TIMEOUT },
	[ANSWER_PRESENCE] = { ANSWER_DROP, ANSWER_QUEUE, ANSWER_DROP, ANSWER_DROP, ANSWER_DROP },
	[ANSWER_GONE] = { ANSWER_KEEP, ANSWER_QUEUE, ANSWER_KEEP, ANSWER_DROP, ANSWER_KEEP },
	[ANSWER_REPLY] = { ANSWER_DROP, ANSWER_QUEUE, ANSWER_DROP, ANSWER_DROP, ANSWER_DROP },
};

static bool is_info(const struct stanza *st, const char *domain)
{
	const struct el *query = stanza_payload(st);
	const char *node;

	if (!el_is(query, "query", NS_DISCO_INFO) || !st->to.s || strcmp(st->to.s, domain) != 0)
		return false;
	node = el_attr(query, "node");
	return !node || !*node;
}

/* What somebody waits for is a get, though what it travels in (XEP-0355) is not. */
static bool is_delegated_get(const struct stanza *st)
{
	const struct el *d = stanza_payload(st), *iq;
	const char *type;

	if (st->session || st->component || strcmp(el_name(d), "delegation") != 0)
		return false;
	iq = el_child(d, "forwarded", NS_FORWARD);
	iq = iq ? el_child(iq, "iq", NS_CLIENT) : NULL;
	type = iq ? el_attr(iq, "type") : NULL;
	return type && !strcmp(type, "get");
}

enum answer_kind answer_kind(const struct stanza *st, const char *domain)
{
	switch (st->type) {
	case ST_IQ_GET:
		return is_info(st, domain) ? ANSWER_INFO : ANSWER_GET;
	case ST_IQ_SET:
		return is_delegated_get(st) ? ANSWER_GET : ANSWER_SET;
	case ST_IQ_RESULT:
	case ST_IQ_ERROR:
	case ST_MSG_ERROR:
		return ANSWER_REPLY;
	case ST_PRES_UNAVAILABLE:
		return st->from.s && st->to.s ? ANSWER_GONE : ANSWER_PRESENCE;
	default:
		return st->kind == EL_MESSAGE ? ANSWER_MESSAGE : ANSWER_PRESENCE;
	}
}

enum answer answer_for(enum answer_when when, enum answer_kind kind, bool acked)
{
	enum answer what = table[kind][when];

	/* Who cannot resume does not come back within the time that a question may wait. */
	return what == ANSWER_QUEUE_BRIEFLY && !acked ? ANSWER_UNAVAILABLE : what;
}

void answer_give(struct router *r, struct stanza *st, enum answer what)
{
	switch (what) {
	case ANSWER_UNAVAILABLE:
		route_bounce(r, st, COND_SERVICE_UNAVAILABLE, "the component is not connected");
		break;
	case ANSWER_CONSTRAINT:
		route_bounce(r, st, COND_RESOURCE_CONSTRAINT, "the component is overloaded");
		break;
	case ANSWER_TIMEOUT:
		route_bounce(r, st, COND_REMOTE_SERVER_TIMEOUT,
		    "the connection to the component was lost before it answered");
		break;
	default:
		break;
	}
}
