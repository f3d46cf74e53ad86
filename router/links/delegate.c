/* SPDX-License-Identifier: MIT */
/* XEP-0355: the way of a request to who has been given its namespace, and of the answer back.
 *
 * WAITING (his version is being asked for) -> ASKED -> answered and gone.  The stanza is held
 * meanwhile, so that it counts as under way for the client that sent it; when that one ends, the
 * answer finds nobody.  A component's counts as handled: its link waits for no other.  Nothing here
 * outlives the table: asks end before it is freed.
 *
 * Must not: look into what is delegated, apart from its namespace and filter. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/log.h>
#include <base/mem.h>
#include <base/metrics.h>

#include "auth/accounts.h"
#include "conf.h"
#include "core/route.h"
#include "core/stanza.h"
#include "links/ask.h"
#include "links/component.h"
#include "links/delegate_internal.h"
#include "router.h"

struct asker { /* an account, or a component under all its names */
	struct map_node node;
	struct map *all;
	unsigned open;
	char key[];
};

struct request {
	struct delegates *ds;
	struct list link; /* in ds->waiting */
	struct component *component;
	struct stanza *st; /* held */
	struct asker *asker;
	struct asker *asking_component; /* NULL: asker is no component's */
	size_t bytes;                   /* as it lies in memory */
	struct share share;
};

static struct metric m_delegated =
    METRIC_COUNTER("switchyard_delegated_total", "Requests handed to a component.", NULL);
static struct metric m_bad = METRIC_COUNTER(
    "switchyard_delegated_bad_total", "Answers to them that were not what was asked for.", NULL);

/* --- requests --------------------------------------------------------------------------------- */

static struct asker *asker_enter(struct map *all, const char *key, size_t len)
{
	struct map_node *n = map_get(all, key, len);
	struct asker *a = n ? MAP_ENTRY(n, struct asker, node) : NULL;

	if (!a) {
		a = xzalloc(sizeof(*a) + len + 1);
		a->all = all;
		memcpy(a->key, key, len);
		map_put(all, &a->node, a->key, len);
	}
	a->open++;
	return a;
}

static void asker_leave(struct asker *a)
{
	if (!a || --a->open > 0)
		return;
	map_del(a->all, &a->node);
	free(a);
}

static void request_free(struct request *rq)
{
	struct manager *m = manager_find(rq->ds, rq->component);

	list_del(&rq->link);
	if (m) { /* not of a component that goes and has lost its rows */
		m->held -= rq->bytes;
		shares_give(&m->shares, rq->share, rq->bytes);
	}
	asker_leave(rq->asker);
	asker_leave(rq->asking_component);
	stanza_release(rq->st);
	free(rq);
}

static void request_fail(struct request *rq, int err)
{
	enum el_cond cond = COND_SERVICE_UNAVAILABLE;

	if (err == -ENOBUFS)
		cond = COND_RESOURCE_CONSTRAINT;
	else if (err == -EMSGSIZE)
		cond = COND_NOT_ACCEPTABLE;
	route_bounce(rq->ds->router, rq->st, cond, NULL);
	request_free(rq);
}

/* --- answers ---------------------------------------------------------------------------------- */

/* The one child of that name in that namespace; NULL: it is not there, or not alone. */
static const struct el *only(const struct el *el, const char *name, const char *ns)
{
	return el && el_child_count(el) == 1 ? el_child(el, name, ns) : NULL;
}

static const struct el *unwrap(const struct el *answer)
{
	const struct el *outer = only(answer, "delegation", NS_DELEGATION);

	if (!outer)
		outer = only(answer, "delegation", NS_DELEGATION_1);
	return only(only(outer, "forwarded", NS_FORWARD), "iq", NS_CLIENT);
}

static bool attr_is(const struct el *el, const char *attr, const char *jid, size_t len)
{
	const char *said = el_attr(el, attr);
	struct jid j;

	return said && jid_parse(&j, el_arena(el), said) == 0 && j.len == len &&
	       !memcmp(j.s, jid, len);
}

/* What is wrong with it (XEP-0355 4.3); NULL: nothing.  Without a `from` it is from where the
 * request was sent to, as in the XEP's examples. */
static const char *fault_of(const struct stanza *st, const struct el *iq)
{
	const char *id = el_attr(iq, "id"), *type = el_attr(iq, "type");
	size_t from_len = st->to.s ? st->to.len : jid_bare_len(&st->from);

	if (!id || strcmp(id, el_attr(st->el, "id")) != 0)
		return "another id";
	if (!attr_is(iq, "to", st->from.s, st->from.len))
		return "another recipient";
	if (el_attr(iq, "from") && !attr_is(iq, "from", st->to.s ? st->to.s : st->from.s, from_len))
		return "another sender";
	if (type && !strcmp(type, "result"))
		return el_child_count(iq) <= 1 ? NULL : "more than one payload";
	if (type && !strcmp(type, "error"))
		return el_child(iq, "error", NS_CLIENT) ? NULL : "no error in an error";
	return "a type that is no answer";
}

static void on_answer(int err, const struct el *answer, void *arg)
{
	struct request *rq = arg;
	const struct el *iq = err == 0 ? unwrap(answer) : NULL;
	const char *fault = iq ? fault_of(rq->st, iq) : "no delegated answer in it";
	struct el *reply;

	if (err < 0) {
		request_fail(rq, err);
		return;
	}
	if (fault) {
		struct log_tag tag = { .mod = "delegate", .jid = component_domain(rq->component) };

		metric_add(&m_bad, 1);
		log_warn(&tag, "refused an answer for %s: %s", rq->st->from.s, fault);
		request_fail(rq, -EBADMSG);
		return;
	}
	reply = el_dup(iq);
	el_set(reply, "to", rq->st->from.s);
	el_set(reply, "from", rq->st->to.s);
	route_reply(rq->ds->router, rq->st, reply);
	el_free(reply);
	request_free(rq);
}

/* XEP-0355 4.3: from the domain that delegates; the request goes along as it came. */
static void request_send(struct request *rq, unsigned version)
{
	const struct stanza *st = rq->st;
	const struct jid *at = st->to.s ? &st->to : &st->from;
	struct el *iq = el_iq("set", NULL);
	struct el *outer = el_add(iq, "delegation", delegate_version_ns(version));

	el_setf(iq, "from", "%.*s", (int)jid_domain_len(at), jid_domain(at));
	el_add_copy(el_add(outer, "forwarded", NS_FORWARD), st->el);
	metric_add(&m_delegated, 1);
	component_ask(rq->component, iq, DELEGATE_TIMEOUT_MS, on_answer, rq);
}

static void request_wait(struct request *rq)
{
	list_add_tail(&rq->ds->waiting, &rq->link);
	rq->ds->n_waiting++;
}

static bool asks_too_much(const struct request *rq)
{
	return rq->asker->open > DELEGATE_ASKER_MAX ||
	       (rq->asking_component && rq->asking_component->open > DELEGATE_COMPONENT_MAX);
}

/* What has left its queue and is not answered is bounded as the queue is (links/queue.h). */
static bool has_room(const struct manager *m, const struct request *rq)
{
	size_t max = (size_t)component_conf_of(rq->component)->link_queue;

	return (m->held == 0 || m->held + rq->bytes <= max) &&
	       shares_fit(&m->shares, rq->share, rq->bytes, max);
}

/* false: it is too much. */
static bool request_hold(struct request *rq, struct manager *m, struct stanza *st)
{
	bool room;

	rq->st = stanza_hold(st);
	rq->bytes = arena_size(el_arena(st->el));
	rq->share = shares_of(&st->from, st->component != NULL);
	room = has_room(m, rq);
	m->held += rq->bytes;
	shares_take(&m->shares, rq->share, rq->bytes);
	return room && !asks_too_much(rq);
}

static void request_new(struct delegates *ds, struct component *c, struct stanza *st)
{
	struct manager *m = manager_find(ds, c);
	struct request *rq = xzalloc(sizeof(*rq));
	bool taken;

	rq->ds = ds;
	rq->component = c;
	rq->asker = asker_enter(&ds->askers, st->from.s, jid_bare_len(&st->from));
	if (st->component)
		rq->asking_component = asker_enter(
		    &ds->asking_components, jid_domain(&st->from), jid_domain_len(&st->from));
	list_init(&rq->link);
	taken = request_hold(rq, m, st);
	component_settle(st);
	if (!taken || (m->asking && ds->n_waiting >= ASKS_MAX))
		request_fail(rq, -ENOBUFS);
	else if (m->asking)
		request_wait(rq);
	else
		request_send(rq, m->version);
}

/* Disco to bare JIDs has names of its own.  No node is the router's, so all are left over; without
 * a node the router answers for #info itself, and never for #items (XEP-0355 7.2.5). */
static const char *ns_asked(const struct stanza *st, const struct el *payload)
{
	const char *node = el_attr(payload, "node");
	bool account = !st->to.s || st->to.dom;

	if (account && st->type == ST_IQ_GET) {
		if (el_is(payload, "query", NS_DISCO_ITEMS))
			return DELEGATE_ITEMS_NS;
		if (el_is(payload, "query", NS_DISCO_INFO) && node && *node)
			return DELEGATE_INFO_NS;
	}
	return el_ns(payload);
}

/* As if it had not been delegated: what its own manager asks (XEP-0355 4.3.1), and what is for an
 * account that does not exist, which gets the same answer as everything else for it. */
bool delegate_iq(struct router *r, struct stanza *st)
{
	const struct el *payload = stanza_payload(st);
	const struct jid *at = st->to.s ? &st->to : &st->from;
	struct component *c;

	if (map_len(&r->delegates->by_ns) == 0 || !payload || (st->to.s && st->to.res))
		return false;
	c = delegate_owner(r, ns_asked(st, payload), payload, jid_domain(at), jid_domain_len(at));
	if (!c || c == st->component)
		return false;
	if (st->to.s && st->to.dom && !accounts_exist(r->accounts, &st->to))
		return false;
	request_new(r->delegates, c, st);
	return true;
}

void requests_end_waiting(
    struct delegates *ds, const struct component *c, unsigned version, int err)
{
	LIST_EACH_SAFE (it, &ds->waiting) {
		struct request *rq = LIST_ENTRY(it, struct request, link);

		if (rq->component != c)
			continue;
		list_del(&rq->link);
		ds->n_waiting--;
		if (err < 0)
			request_fail(rq, err);
		else
			request_send(rq, version);
	}
}

void delegate_ready(struct delegates *ds, struct manager *m)
{
	m->asking = false;
	requests_end_waiting(ds, manager_component(ds, m), m->version, 0);
}
