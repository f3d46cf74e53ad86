/* SPDX-License-Identifier: MIT */
/* Around the pure policy: whose settings count for a stanza on its way, and what its sender is
 * told. */
#include <stdlib.h>
#include <string.h>

#include <base/log.h>
#include <base/map.h>
#include <base/metrics.h>

#include "core/policy.h"
#include "core/route.h"
#include "core/session.h"
#include "im/presence.h"
#include "links/component.h"
#include "router.h"

#define TOLD_MAX 256 /* peers a session is told about; then it begins anew */

struct entry { /* of the whitelist, or of whom a session was told about */
	struct map_node node;
	char key[];
};

struct policy {
	struct map whitelist;
};

static struct metric m_refused = METRIC_COUNTER("switchyard_e2e_refused_total",
    "Messages refused because they were not encrypted end to end.", NULL);

static void entry_add(struct map *m, const char *key, size_t len)
{
	struct entry *e = xmalloc(sizeof(*e) + len + 1);

	memcpy(e->key, key, len);
	e->key[len] = '\0';
	map_put(m, &e->node, e->key, len);
}

static void entries_free(struct map *m)
{
	struct map_node *n;

	while ((n = map_first(m))) {
		map_del(m, n);
		free(MAP_ENTRY(n, struct entry, node));
	}
}

struct policy *policy_new(const struct router_conf *c, struct policy *old)
{
	struct policy *p = xzalloc(sizeof(*p));

	map_init(&p->whitelist);
	for (size_t i = 0; i < c->e2e.whitelist.n; i++) {
		const char *key = c->e2e.whitelist.v[i];

		if (!map_gets(&p->whitelist, key))
			entry_add(&p->whitelist, key, strlen(key));
	}
	policy_free(old);
	return p;
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	entries_free(&p->whitelist);
	map_done(&p->whitelist);
	free(p);
}

bool policy_whitelisted(const struct policy *p, const struct jid *j)
{
	if (map_len(&p->whitelist) == 0 || !j->s)
		return false;
	return map_get(&p->whitelist, j->s, jid_bare_len(j)) ||
	       map_get(&p->whitelist, jid_domain(j), jid_domain_len(j));
}

/* --- a stanza on its way -------------------------------------------------------------------- */

static bool component_exempts(struct router *r, const struct stanza *st)
{
	const struct component *from = st->component;
	struct component *to;

	if (st->proxy)
		from = components_find(r->components, st->proxy->domain, strlen(st->proxy->domain));
	if (from && component_conf_of(from)->e2e != COMP_E2E_CHECK)
		return true; /* trusted: judged on its way in; exempt: cannot encrypt */
	if (!st->to.s)
		return false;
	to = components_find(r->components, jid_domain(&st->to), jid_domain_len(&st->to));
	return to && component_conf_of(to)->e2e == COMP_E2E_EXEMPT;
}

static bool receiver_joined(struct router *r, const struct stanza *st)
{
	struct session *s = st->to.res ? sessions_find(r->sessions, &st->to) : NULL;

	return s && presence_directed_to(s, &st->from);
}

static const char *text_for(
    const struct router_conf *c, enum stanza_type type, enum policy_verdict v)
{
	if (v == POLICY_REFUSE)
		return type == ST_MSG_GROUPCHAT ? c->e2e.msg_required_muc
		                                : c->e2e.msg_required_chat;
	return type == ST_MSG_GROUPCHAT ? c->e2e.msg_optional_muc : c->e2e.msg_optional_chat;
}

/* Optional mode: a headline from the domain, once per peer. */
static void tell(struct router *r, struct stanza *st)
{
	struct session *s = st->session;
	size_t len = jid_bare_len(&st->to);

	if (!s || map_get(&s->im.told, st->to.s, len))
		return;
	if (map_len(&s->im.told) >= TOLD_MAX)
		entries_free(&s->im.told);
	entry_add(&s->im.told, st->to.s, len);

	EL_AUTO struct el *m = el_message("headline", s->jid.s);

	el_setf(m, "from", "%.*s", (int)jid_domain_len(&s->jid), jid_domain(&s->jid));
	el_add_text(m, "body", NULL, text_for(r->conf, st->type, POLICY_TELL));
	session_send(s, m);
}

void policy_session_end(struct session *s)
{
	entries_free(&s->im.told);
}

static enum policy_verdict judge(struct router *r, const struct stanza *st)
{
	struct policy_in in = {
		.message = st->el,
		.type = st->type,
		.chat = (enum e2e_mode)r->conf->e2e.chat,
		.muc = (enum e2e_mode)r->conf->e2e.muc,
		.from_host = !st->session && !st->component && !st->proxy,
	};

	if (in.chat == E2E_NONE && in.muc == E2E_NONE)
		return POLICY_PASS;
	in.exempt = component_exempts(r, st) || policy_whitelisted(r->policy, &st->from) ||
	            policy_whitelisted(r->policy, &st->to);
	in.gc_joined =
	    st->type == ST_MSG_GROUPCHAT && !st->session && !st->proxy && receiver_joined(r, st);
	return policy_e2e(&in);
}

bool policy_admits_all(struct router *r, const struct stanza *st)
{
	return judge(r, st) != POLICY_REFUSE; /* only sessions are told */
}

bool policy_admits(struct router *r, struct stanza *st)
{
	switch (judge(r, st)) {
	case POLICY_TELL:
		tell(r, st);
		return true;
	case POLICY_REFUSE:
		metric_add(&m_refused, 1);
		log_debug(st->session ? &st->session->tag : NULL, "refused a message in the clear");
		route_bounce_type(r, st, COND_POLICY_VIOLATION, "modify",
		    text_for(r->conf, st->type, POLICY_REFUSE));
		return false;
	default:
		return true;
	}
}
