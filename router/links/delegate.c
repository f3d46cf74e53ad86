/* SPDX-License-Identifier: MIT */
/* XEP-0355: who has been given what, and the way of a request to him and of the answer back.
 *
 * WAITING (his version is being asked for) -> ASKED -> answered and gone.  The stanza is held
 * meanwhile, so that it counts as under way for who sent it; when that one ends, the answer finds
 * nobody.  Nothing here outlives the table: asks end before it is freed.
 *
 * Must not: look into what is delegated, apart from its namespace and filter. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/log.h>
#include <base/mem.h>
#include <base/metrics.h>
#include <base/rnd.h>
#include <base/sbuf.h>

#include "auth/accounts.h"
#include "conf.h"
#include "core/route.h"
#include "core/stanza.h"
#include "links/ask.h"
#include "links/component.h"
#include "links/delegate_internal.h"
#include "router.h"

struct delegated_ns {
	struct map_node node; /* by the first row's namespace */
	struct list rows;     /* struct delegation.of_ns: those with more attributes first */
};

struct asker {
	struct map_node node; /* by bare JID */
	unsigned open;
	char jid[];
};

struct request {
	struct delegates *ds;
	struct list link; /* in ds->waiting */
	struct component *component;
	struct stanza *st; /* held */
	struct asker *asker;
};

static struct metric m_delegated =
    METRIC_COUNTER("switchyard_delegated_total", "Requests handed to a component.", NULL);
static struct metric m_bad = METRIC_COUNTER(
    "switchyard_delegated_bad_total", "Answers to them that were not what was asked for.", NULL);

const char *delegate_version_ns(unsigned version)
{
	return version == 1 ? NS_DELEGATION_1 : NS_DELEGATION;
}

/* --- the table -------------------------------------------------------------------------------- */

struct component *manager_component(const struct delegates *ds, const struct manager *m)
{
	return components_find(ds->router->components, m->domain, strlen(m->domain));
}

static struct manager *manager_find(const struct delegates *ds, const struct component *c)
{
	struct map_node *n = map_gets(&ds->managers, component_domain(c));

	return n ? MAP_ENTRY(n, struct manager, node) : NULL;
}

static struct manager *manager_enter(struct delegates *ds, const char *domain)
{
	struct map_node *n = map_gets(&ds->managers, domain);
	struct manager *m;

	if (n)
		return MAP_ENTRY(n, struct manager, node);
	m = xzalloc(sizeof(*m));
	m->domain = xstrdup(domain);
	list_init(&m->link);
	list_init(&m->rows);
	list_init(&m->nests);
	map_put(&ds->managers, &m->node, m->domain, strlen(m->domain));
	return m;
}

static void manager_free(struct delegates *ds, struct manager *m)
{
	nests_forget(m);
	map_del(&ds->managers, &m->node);
	list_del(&m->link);
	free(m->told);
	free(m->domain);
	free(m);
}

static void ns_enter(struct delegates *ds, struct delegation *d)
{
	struct map_node *n = map_gets(&ds->by_ns, d->row.ns);
	struct delegated_ns *of = n ? MAP_ENTRY(n, struct delegated_ns, node) : NULL;
	struct list *pos;

	if (!of) {
		of = xzalloc(sizeof(*of));
		list_init(&of->rows);
		map_put(&ds->by_ns, &of->node, d->row.ns, strlen(d->row.ns));
	}
	for (pos = of->rows.next; pos != &of->rows; pos = pos->next) {
		if (LIST_ENTRY(pos, struct delegation, of_ns)->row.n_attrs < d->row.n_attrs)
			break;
	}
	list_insert_before(pos, &d->of_ns);
}

static void manager_add_rows(
    struct delegates *ds, struct manager *m, const struct component_conf *cc)
{
	char why[256];

	for (size_t i = 0; i < cc->delegate.n; i++) {
		struct delegation *d = xzalloc(sizeof(*d));

		if (delegate_row_parse(&d->row, cc->delegate.v[i], why, sizeof(why)) < 0) {
			free(d); /* delegate_check() has let it pass: never */
			continue;
		}
		d->manager = m;
		list_add_tail(&m->rows, &d->of_manager);
		m->n_rows++;
		ns_enter(ds, d);
	}
}

static void table_fill(struct delegates *ds)
{
	struct component_conf **conf = ds->router->conf->components;

	for (; conf && *conf; conf++) {
		struct manager *m;

		if ((*conf)->delegate.n == 0 && !map_gets(&ds->managers, (*conf)->domain))
			continue;
		m = manager_enter(ds, (*conf)->domain);
		list_del(&m->link);
		list_add_tail(&ds->in_order, &m->link);
		manager_add_rows(ds, m, *conf);
	}
}

/* The rows go, the managers and what is known of them stay. */
static void table_empty(struct delegates *ds)
{
	struct map_node *n;

	while ((n = map_first(&ds->by_ns))) {
		struct delegated_ns *of = MAP_ENTRY(n, struct delegated_ns, node);

		map_del(&ds->by_ns, n);
		while (!list_empty(&of->rows)) {
			struct delegation *d = LIST_FIRST(&of->rows, struct delegation, of_ns);

			d->manager->n_rows--;
			list_del(&d->of_ns);
			list_del(&d->of_manager);
			delegate_row_done(&d->row);
			free(d);
		}
		free(of);
	}
}

void delegates_open(struct delegates **out, struct router *r)
{
	struct delegates *ds = xzalloc(sizeof(*ds));

	ds->router = r;
	map_init(&ds->by_ns);
	map_init(&ds->managers);
	map_init(&ds->askers);
	list_init(&ds->in_order);
	list_init(&ds->waiting);
	table_fill(ds);
	*out = ds;
}

void delegates_close(struct delegates *ds)
{
	struct map_node *n;

	if (!ds)
		return;
	table_empty(ds);
	while ((n = map_first(&ds->managers)))
		manager_free(ds, MAP_ENTRY(n, struct manager, node));
	map_done(&ds->by_ns);
	map_done(&ds->managers);
	map_done(&ds->askers);
	free(ds);
}

void delegates_reload(struct delegates *ds)
{
	table_empty(ds);
	table_fill(ds);
}

/* --- look-ups --------------------------------------------------------------------------------- */

static const struct list *rows_of(const struct delegates *ds, const char *ns)
{
	struct map_node *n = map_gets(&ds->by_ns, ns);

	return n ? &MAP_ENTRY(n, struct delegated_ns, node)->rows : NULL;
}

static bool filter_fits(const struct delegate_row *row, const struct el *payload)
{
	for (size_t i = 0; i < row->n_attrs; i++) {
		if (!el_attr(payload, row->attrs[i]))
			return false;
	}
	return true;
}

/* payload NULL: whatever the filter.  NULL: nobody has it. */
static struct component *owner_of(
    struct router *r, const char *ns, const struct el *payload, const char *host, size_t len)
{
	const struct list *rows = rows_of(r->delegates, ns);

	if (!rows)
		return NULL;
	LIST_EACH (it, rows) {
		struct delegation *d = LIST_ENTRY(it, struct delegation, of_ns);
		struct component *c = manager_component(r->delegates, d->manager);

		if (c && component_for_host(c, host, len) &&
		    (!payload || filter_fits(&d->row, payload)))
			return c;
	}
	return NULL;
}

bool delegate_has(struct router *r, const char *ns, const char *host, size_t len)
{
	return owner_of(r, ns, NULL, host, len) != NULL;
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

/* --- requests --------------------------------------------------------------------------------- */

static struct asker *asker_enter(struct delegates *ds, const struct jid *from)
{
	size_t len = jid_bare_len(from);
	struct map_node *n = map_get(&ds->askers, from->s, len);
	struct asker *a;

	if (n)
		return MAP_ENTRY(n, struct asker, node);
	a = xzalloc(sizeof(*a) + len + 1);
	memcpy(a->jid, from->s, len);
	map_put(&ds->askers, &a->node, a->jid, len);
	return a;
}

static void asker_leave(struct delegates *ds, struct asker *a)
{
	if (--a->open > 0)
		return;
	map_del(&ds->askers, &a->node);
	free(a);
}

static void request_free(struct request *rq)
{
	list_del(&rq->link);
	asker_leave(rq->ds, rq->asker);
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

static void request_new(struct delegates *ds, struct component *c, struct stanza *st)
{
	struct manager *m = manager_find(ds, c);
	struct asker *a = asker_enter(ds, &st->from);
	struct request *rq = xzalloc(sizeof(*rq));

	a->open++;
	rq->ds = ds;
	rq->component = c;
	rq->asker = a;
	rq->st = stanza_hold(st);
	list_init(&rq->link);
	if (a->open > DELEGATE_ASKER_MAX)
		request_fail(rq, -ENOBUFS);
	else if (m->asking)
		list_add_tail(&ds->waiting, &rq->link);
	else
		request_send(rq, m->version);
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
	c = owner_of(r, ns_asked(st, payload), payload, jid_domain(at), jid_domain_len(at));
	if (!c || c == st->component)
		return false;
	if (st->to.s && st->to.dom && !accounts_exist(r->accounts, &st->to))
		return false;
	request_new(r->delegates, c, st);
	return true;
}

/* All of m's: to be sent, or (err < 0) to be failed. */
static void waiting_end(struct delegates *ds, const struct component *c, unsigned version, int err)
{
	LIST_EACH_SAFE (it, &ds->waiting) {
		struct request *rq = LIST_ENTRY(it, struct request, link);

		if (rq->component != c)
			continue;
		list_del(&rq->link);
		if (err < 0)
			request_fail(rq, err);
		else
			request_send(rq, version);
	}
}

void delegate_ready(struct delegates *ds, struct manager *m)
{
	m->asking = false;
	waiting_end(ds, manager_component(ds, m), m->version, 0);
}

/* --- what a component is told (XEP-0355 4.2) -------------------------------------------------- */

static struct el *advertisement(const struct manager *m, unsigned version)
{
	struct el *msg = el_message(NULL, m->domain);
	struct el *outer = el_add(msg, "delegation", delegate_version_ns(version));

	LIST_EACH (it, &m->rows) {
		const struct delegation *d = LIST_ENTRY(it, struct delegation, of_manager);
		struct el *row;

		if (version == 1 && d->row.kind != DELEGATE_NS)
			continue; /* the older version does not know them */
		row = el_add(outer, "delegated", NULL);
		el_set(row, "namespace", d->row.ns);
		for (size_t i = 0; i < d->row.n_attrs; i++)
			el_set(el_add(row, "attribute", NULL), "name", d->row.attrs[i]);
	}
	return msg;
}

static bool works_at(const struct delegates *ds, const struct component *c, size_t i)
{
	const char *domain = ds->router->conf->domains.v[i];

	return component_for_host(c, domain, strlen(domain));
}

/* From each domain that it works for. */
static void send_from_hosts(struct delegates *ds, struct component *c, struct el *msg)
{
	char id[17];

	for (size_t i = 0; i < ds->router->conf->domains.n; i++) {
		if (!works_at(ds, c, i))
			continue;
		rnd_id(id, sizeof(id) - 1);
		el_set(msg, "id", id);
		el_set(msg, "from", ds->router->conf->domains.v[i]);
		(void)component_send_el(c, msg);
	}
}

static char *in_words(const struct delegates *ds, const struct component *c, const struct el *msg)
{
	struct sbuf text = SBUF_INIT;

	for (size_t i = 0; i < ds->router->conf->domains.n; i++) {
		if (works_at(ds, c, i))
			sbuf_printf(&text, "%s ", ds->router->conf->domains.v[i]);
	}
	el_write(&text, msg, NS_CLIENT);
	return sbuf_steal(&text);
}

/* In both versions, because which one it reads is not known yet; the other is a message without
 * meaning to it.  false: it knows that already. */
static bool advertise(struct delegates *ds, struct manager *m, struct component *c)
{
	EL_AUTO struct el *newer = advertisement(m, 2);
	EL_AUTO struct el *older = advertisement(m, 1);
	char *text = in_words(ds, c, newer);

	if (m->told && !strcmp(m->told, text)) {
		free(text);
		return false;
	}
	free(m->told);
	m->told = text;
	send_from_hosts(ds, c, newer);
	send_from_hosts(ds, c, older);
	return true;
}

/* --- coming and going ------------------------------------------------------------------------- */

void delegate_online(struct router *r, struct component *c, bool resumed)
{
	struct manager *m = manager_find(r->delegates, c);

	if (!m || (m->n_rows == 0 && !m->told))
		return;
	if (!resumed) {
		free(m->told);
		m->told = NULL;
	}
	if (advertise(r->delegates, m, c))
		nests_ask(r->delegates, m, c);
}

void delegate_changed(struct router *r, struct component *c)
{
	struct manager *m = manager_find(r->delegates, c);

	if (!m)
		return;
	nests_prune(m);
	if (component_online(c) && (m->n_rows > 0 || m->told) && advertise(r->delegates, m, c))
		nests_ask(r->delegates, m, c);
}

void delegate_away(struct router *r, struct component *c)
{
	struct manager *m = manager_find(r->delegates, c);

	if (!m)
		return;
	nests_forget(m);
	m->asking = false;
	waiting_end(r->delegates, c, 0, -ENOTCONN);
	free(m->told);
	m->told = NULL;
}

void delegate_removed(struct router *r, struct component *c)
{
	struct manager *m = manager_find(r->delegates, c);

	waiting_end(r->delegates, c, 0, -ECANCELED);
	if (m && m->n_rows == 0)
		manager_free(r->delegates, m);
	else if (m)
		delegate_away(r, c);
}
