/* SPDX-License-Identifier: MIT */
/* Iqs in an account's name (XEP-0356 6).  What is wrapped is sent with an id of ours, so that
 * nobody can answer who was not asked; its answer, from whomever or from the router itself, goes
 * back wrapped and with the component's id.
 *
 * Nothing of the stanza that it came in is held meanwhile: a link acknowledges what is on its way,
 * not what has been answered. */
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <base/rnd.h>

#include "core/route.h"
#include "core/stanza.h"
#include "links/component.h"
#include "links/privilege_internal.h"
#include "router.h"

#define ID_LEN 20

struct priv_iq {
	struct privileged *p;
	struct map_node node;
	char id[ID_LEN + 1];
	struct timer timer;
	struct el *outer; /* <iq/> of the component: addresses, id, type */
	char *inner_id;
	struct jid account; /* owned */
	struct jid to;      /* owned; s NULL: its own account is asked */
};

static void release(void *obj)
{
	struct priv_iq *q = obj;

	el_free(q->outer);
	free(q->inner_id);
	jid_done(&q->account);
	jid_done(&q->to);
	free(q);
}

static void retire(struct priv_iq *q)
{
	map_del(&q->p->iqs, &q->node);
	timer_done(&q->timer);
	loop_reap(q->p->router->loop, release, q);
}

void privilege_iqs_end(struct privileged *p)
{
	struct map_node *n;

	while ((n = map_first(&p->iqs)))
		retire(MAP_ENTRY(n, struct priv_iq, node));
}

static void on_timeout(void *arg)
{
	struct priv_iq *q = arg;
	EL_AUTO struct el *err =
	    el_error_reply(q->outer, COND_REMOTE_SERVER_TIMEOUT, "there was no answer");

	(void)component_send_el(q->p->component, err);
	retire(q);
}

/* 6.3: an answer of either type is what was asked for. */
static void answer(struct priv_iq *q, const struct el *reply)
{
	struct el *res = el_result(q->outer);
	struct el *inner = el_add_copy(
	    el_add(el_add(res, "privilege", NS_PRIVILEGE_2), "forwarded", NS_FORWARD), reply);

	el_set(inner, "id", q->inner_id);
	el_set(inner, "to", q->account.s);
	if (!el_attr(inner, "from"))
		el_set(inner, "from", q->account.s);
	if (component_send_own(q->p->component, res) == COMPONENT_TOO_LONG) {
		EL_AUTO struct el *err = el_error_reply(
		    q->outer, COND_NOT_ACCEPTABLE, "the answer is too long for this component");

		(void)component_send_el(q->p->component, err);
	}
	retire(q);
}

static struct priv_iq *find(struct privileged *p, const char *id)
{
	struct map_node *n = id ? map_gets(&p->iqs, id) : NULL;

	return n ? MAP_ENTRY(n, struct priv_iq, node) : NULL;
}

/* The router itself has answered, by whatever way it came to that. */
static void own_answer(struct router *r, struct stanza *st, const struct el *reply)
{
	const char *domain = st->proxy->domain;
	struct component *c = components_find(r->components, domain, strlen(domain));
	struct priv_iq *q = c ? find(privileged_of(r, c), el_attr(reply, "id")) : NULL;

	if (q)
		answer(q, reply);
}

struct search {
	const struct stanza *st;
	struct priv_iq *found;
};

static void search(struct privileged *p, void *arg)
{
	struct search *s = arg;
	struct priv_iq *q = find(p, el_attr(s->st->el, "id"));

	if (q && q->to.s && jid_same(&q->to, &s->st->from) && jid_same(&q->account, &s->st->to))
		s->found = q;
}

void privilege_iq_answer(struct router *r, const struct stanza *st)
{
	struct search s = { st, NULL };

	privileged_each(r, search, &s);
	if (s.found)
		answer(s.found, st->el);
}

/* --- asking --------------------------------------------------------------------------------- */

static struct priv_iq *iq_new(struct privileged *p, const struct stanza *st, const struct el *inner)
{
	struct priv_iq *q = xzalloc(sizeof(*q));

	q->p = p;
	rnd_id(q->id, ID_LEN);
	timer_init(&q->timer, p->router->loop, on_timeout, q);
	q->outer = el_iq(el_attr(st->el, "type"), el_attr(st->el, "to"));
	el_set(q->outer, "from", el_attr(st->el, "from"));
	el_set(q->outer, "id", el_attr(st->el, "id"));
	q->inner_id = xstrdup(el_attr(inner, "id"));
	q->account = jid_dup(&st->to);
	map_put(&p->iqs, &q->node, q->id, ID_LEN);
	return q;
}

/* The request as the account's: taken. */
static void ask(struct router *r, struct priv_iq *q, struct stanza *inner)
{
	struct arena *a = el_arena(inner->el);
	struct stanza_proxy *proxy = arena_zalloc(a, sizeof(*proxy));

	proxy->domain = arena_strdup(a, component_domain(q->p->component));
	proxy->outer = inner->el;
	proxy->answer = own_answer;
	inner->proxy = proxy;
	stanza_set_from(inner, &q->account);
	el_set(inner->el, "id", q->id);
	if (inner->to.s)
		q->to = jid_dup(&inner->to);
	timer_set(&q->timer, PRIV_IQ_MS);
	route_stanza(r, inner); /* q may be answered when this returns */
	stanza_release(inner);
}

/* 6.3: all that makes it forbidden. */
static bool allowed(struct privileged *p, const struct stanza *st, const struct el *inner)
{
	const struct el *payload = inner ? el_child(inner, NULL, NULL) : NULL;
	enum priv_type type = st->type == ST_IQ_GET ? PRIV_GET : PRIV_SET;
	const char *inner_type;

	if (!payload || !el_is(inner, "iq", NS_CLIENT) || !privileged_account(p, &st->to))
		return false;
	inner_type = el_attr(inner, "type");
	if (!inner_type || strcmp(inner_type, el_attr(st->el, "type")) != 0)
		return false;
	for (size_t i = 0; i < p->grants.n_iqs; i++) {
		if (!strcmp(p->grants.iqs[i].ns, el_ns(payload)))
			return p->grants.iqs[i].type & type;
	}
	return false;
}

void privilege_iq(struct router *r, struct component *c, struct stanza *st)
{
	struct privileged *p = privileged_of(r, c);
	const struct el *wrap = el_child(st->el, "privileged_iq", NS_PRIVILEGE_2);
	const struct el *wrapped = el_child(wrap, NULL, NULL);
	struct stanza *inner;
	int rc;

	if (!allowed(p, st, wrapped)) {
		route_bounce(r, st, COND_FORBIDDEN, NULL);
		return;
	}
	rc = stanza_new(&inner, el_dup(wrapped));
	if (rc == 0 && el_child_count(wrap) != 1)
		rc = -COND_BAD_REQUEST;
	if (rc == 0 && inner->from.s && !jid_same(&inner->from, &st->to))
		rc = -COND_FORBIDDEN;
	if (rc == 0 && map_len(&p->iqs) >= PRIV_IQS_MAX)
		rc = -COND_RESOURCE_CONSTRAINT;
	if (rc < 0) {
		route_bounce(r, st, (enum el_cond) - rc, NULL);
		stanza_release(inner);
		return;
	}
	ask(r, iq_new(p, st, wrapped), inner);
}
