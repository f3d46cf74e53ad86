/* SPDX-License-Identifier: MIT */
/* Two rounds of questions to a component that comes online: disco#info of its domain, which tells
 * the version of XEP-0355 that it speaks (and is kept: info.h), then one node for each of its
 * namespaces and places.
 *
 * An answer replaces what the node said before, an error answer drops it; where none comes, what
 * was known stays.  Only one domain asks, the first that the component works for: what is nested
 * is the same for all of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/log.h>
#include <base/mem.h>

#include "conf.h"
#include "core/stanza.h"
#include "links/ask.h"
#include "links/component.h"
#include "links/delegate_internal.h"
#include "links/info.h"
#include "links/nesting.h"
#include "router.h"

enum {
	VERSION_MS = 5 * 1000, /* requests wait for it */
	NODE_MS = 30 * 1000,
	NODE_BYTES_MAX = 32 << 10, /* of an answer, as it came */
	ALL_BYTES_MAX = 128 << 10, /* of one component's */
	NODE_ITEMS_MAX = 256,      /* identities, features and forms of one answer */
};

struct nest {
	struct list link; /* in manager.nests */
	enum nest_place place;
	char *ns;        /* which namespace it belongs to */
	struct el *info; /* a <query/> with what is taken over */
	size_t bytes;
};

/* A question under way.  It names the component: neither it nor the manager need be there when the
 * answer comes. */
struct question {
	struct delegates *ds;
	char *domain;
	uint64_t generation;
	enum nest_place place;
	char *ns; /* NULL: the version is asked for */
};

static const char *const separators[] = { [NEST_SERVER] = "::", [NEST_ACCOUNT] = ":bare:" };

/* --- what is kept ----------------------------------------------------------------------------- */

static struct nest *nest_find(const struct manager *m, enum nest_place place, const char *ns)
{
	LIST_EACH (it, &m->nests) {
		struct nest *n = LIST_ENTRY(it, struct nest, link);

		if (n->place == place && !strcmp(n->ns, ns))
			return n;
	}
	return NULL;
}

static struct nest *nest_new(struct manager *m, enum nest_place place, const char *ns)
{
	struct nest *n = xzalloc(sizeof(*n));

	n->place = place;
	n->ns = xstrdup(ns);
	list_add_tail(&m->nests, &n->link);
	return n;
}

static void nest_free(struct manager *m, struct nest *n)
{
	m->nest_bytes -= n->bytes;
	list_del(&n->link);
	el_free(n->info);
	free(n->ns);
	free(n);
}

void nests_forget(struct manager *m)
{
	LIST_EACH_SAFE (it, &m->nests)
		nest_free(m, LIST_ENTRY(it, struct nest, link));
	m->generation++;
	m->version = 0;
}

static bool has_row(const struct manager *m, const char *ns)
{
	LIST_EACH (it, &m->rows) {
		if (!strcmp(LIST_ENTRY(it, struct delegation, of_manager)->row.ns, ns))
			return true;
	}
	return false;
}

void nests_prune(struct manager *m)
{
	LIST_EACH_SAFE (it, &m->nests) {
		struct nest *n = LIST_ENTRY(it, struct nest, link);

		if (!has_row(m, n->ns))
			nest_free(m, n);
	}
}

static void set_if(struct el *el, const char *attr, const struct el *from)
{
	const char *val = el_attr(from, attr);

	if (val)
		el_set(el, attr, val);
}

static bool filled(const char *s)
{
	return s && *s;
}

/* What disco#info may contain (XEP-0030 3.1, XEP-0128), and nothing else. */
static void take_over(struct el *info, const struct el *it)
{
	struct el *copy;

	if (el_is(it, "identity", NS_DISCO_INFO) && filled(el_attr(it, "category")) &&
	    filled(el_attr(it, "type"))) {
		copy = el_add(info, "identity", NULL);
		set_if(copy, "category", it);
		set_if(copy, "type", it);
		set_if(copy, "name", it);
		set_if(copy, "xml:lang", it);
	} else if (el_is(it, "feature", NS_DISCO_INFO) && filled(el_attr(it, "var"))) {
		copy = el_add(info, "feature", NULL);
		set_if(copy, "var", it);
	} else if (el_is(it, "x", NS_XDATA)) {
		el_add_copy(info, it);
	}
}

static struct el *info_of(const struct el *query)
{
	struct el *info = el_new("query", NS_DISCO_INFO);
	unsigned n = 0;

	EL_EACH (it, query, NULL, NULL) {
		if (++n > NODE_ITEMS_MAX)
			break;
		take_over(info, it);
	}
	return info;
}

static void nest_store(struct manager *m, const struct question *q, const struct el *answer)
{
	const struct el *query = el_child(answer, "query", NS_DISCO_INFO);
	struct nest *n = nest_find(m, q->place, q->ns);
	size_t bytes = el_wire_len(answer);
	struct log_tag tag = { .mod = "nesting", .jid = m->domain };

	if (bytes > NODE_BYTES_MAX || bytes > ALL_BYTES_MAX - m->nest_bytes + (n ? n->bytes : 0)) {
		log_warn(&tag, "what it says of %s is too long to be nested", q->ns);
		query = NULL;
	}
	if (!query) {
		if (n)
			nest_free(m, n);
		return;
	}
	if (!n)
		n = nest_new(m, q->place, q->ns);
	m->nest_bytes += bytes - n->bytes;
	n->bytes = bytes;
	el_free(n->info);
	n->info = info_of(query);
}

/* --- questions -------------------------------------------------------------------------------- */

static void question_free(struct question *q)
{
	free(q->domain);
	free(q->ns);
	free(q);
}

/* NULL: it has gone, or came back meanwhile and was asked anew. */
static struct manager *question_of(const struct question *q)
{
	struct map_node *n = map_gets(&q->ds->managers, q->domain);
	struct manager *m = n ? MAP_ENTRY(n, struct manager, node) : NULL;

	return m && m->generation == q->generation ? m : NULL;
}

static const char *asking_host(const struct delegates *ds, const struct component *c)
{
	const struct conf_list *domains = &ds->router->conf->domains;

	for (size_t i = 0; i < domains->n; i++) {
		if (component_for_host(c, domains->v[i], strlen(domains->v[i])))
			return domains->v[i];
	}
	return domains->v[0]; /* hosts are among those served: never */
}

static void ask(struct delegates *ds, const struct manager *m, struct component *c,
    enum nest_place place, const char *ns, unsigned timeout_ms, ask_fn *fn)
{
	struct question *q = xzalloc(sizeof(*q));
	struct el *iq = el_iq("get", m->domain);
	struct el *query = el_add(iq, "query", NS_DISCO_INFO);

	q->ds = ds;
	q->domain = xstrdup(m->domain);
	q->generation = m->generation;
	q->place = place;
	q->ns = ns ? xstrdup(ns) : NULL;
	el_set(iq, "from", asking_host(ds, c));
	if (ns)
		el_setf(query, "node", "%s%s%s", delegate_version_ns(m->version), separators[place],
		    ns);
	component_ask(c, iq, timeout_ms, fn, q);
}

static void on_node(int err, const struct el *answer, void *arg)
{
	struct question *q = arg;
	struct manager *m = question_of(q);
	struct nest *n;

	if (m && err == 0 && has_row(m, q->ns)) {
		nest_store(m, q, answer);
	} else if (m && answer) {
		n = nest_find(m, q->place, q->ns);
		if (n)
			nest_free(m, n);
	}
	question_free(q);
}

/* Filters may name a namespace twice: it has one node (XEP-0355 7.2.1). */
static bool is_first(const struct manager *m, const struct delegation *d)
{
	LIST_EACH (it, &m->rows) {
		const struct delegation *o = LIST_ENTRY(it, struct delegation, of_manager);

		if (!strcmp(o->row.ns, d->row.ns))
			return o == d;
	}
	return false;
}

static void ask_nodes(struct delegates *ds, struct manager *m, struct component *c)
{
	LIST_EACH (it, &m->rows) {
		const struct delegation *d = LIST_ENTRY(it, struct delegation, of_manager);

		if (d->row.kind != DELEGATE_NS || !is_first(m, d))
			continue;
		ask(ds, m, c, NEST_SERVER, d->row.ns, NODE_MS, on_node);
		ask(ds, m, c, NEST_ACCOUNT, d->row.ns, NODE_MS, on_node);
	}
}

/* XEP-0355 7.1: it must say so.  Who says nothing is taken to speak the present version. */
static unsigned version_of(const struct el *answer)
{
	const struct el *query = answer ? el_child(answer, "query", NS_DISCO_INFO) : NULL;
	bool older = false;

	if (!query)
		return 2;
	EL_EACH (it, query, "feature", NS_DISCO_INFO) {
		const char *var = el_attr(it, "var");

		if (var && !strcmp(var, NS_DELEGATION))
			return 2;
		older |= var && !strcmp(var, NS_DELEGATION_1);
	}
	return older ? 1 : 2;
}

static void on_version(int err, const struct el *answer, void *arg)
{
	struct question *q = arg;
	struct manager *m = question_of(q);
	struct component *c = m ? manager_component(q->ds, m) : NULL;

	if (m) {
		if (err == 0 || m->version == 0)
			m->version = version_of(err == 0 ? answer : NULL);
		if (c && err == 0)
			info_keep(c, answer);
		if (c && component_online(c))
			ask_nodes(q->ds, m, c);
		delegate_ready(q->ds, m);
	}
	question_free(q);
}

void nests_ask(struct delegates *ds, struct manager *m, struct component *c)
{
	m->generation++;
	m->asking = true;
	ask(ds, m, c, NEST_SERVER, NULL, VERSION_MS, on_version);
}

/* --- what is said ----------------------------------------------------------------------------- */

struct said { /* what a query has already */
	struct map_node node;
};

static const char *form_name(const struct el *x)
{
	EL_EACH (it, x, "field", NS_XDATA) {
		const char *var = el_attr(it, "var");

		if (var && !strcmp(var, "FORM_TYPE"))
			return el_child_text(it, "value", NS_XDATA);
	}
	return NULL;
}

/* What makes it the same as another (XEP-0030 3.1, XEP-0115 5.4); NULL: it is none of these. */
static const char *key_of(enum nest_what what, const struct el *it, struct arena *a)
{
	const char *category = el_attr(it, "category"), *type = el_attr(it, "type");
	const char *lang = el_attr(it, "xml:lang");
	size_t n;
	char *key;

	switch (what) {
	case NEST_FEATURE:
		return el_is(it, "feature", NS_DISCO_INFO) ? el_attr(it, "var") : NULL;
	case NEST_FORM:
		return el_is(it, "x", NS_XDATA) ? form_name(it) : NULL;
	case NEST_IDENTITY:
		break;
	}
	if (!el_is(it, "identity", NS_DISCO_INFO) || !category || !type)
		return NULL;
	n = strlen(category) + strlen(type) + strlen(lang ? lang : "") + 3;
	key = arena_alloc(a, n);
	(void)snprintf(key, n, "%s/%s/%s", category, type, lang ? lang : "");
	return key;
}

/* false: it has been said, or is nothing that is. */
static bool is_new(struct map *said, enum nest_what what, const struct el *it, struct arena *a)
{
	const char *key = key_of(what, it, a);
	struct said *s;

	if (!key || map_gets(said, key))
		return false;
	s = arena_zalloc(a, sizeof(*s));
	map_put(said, &s->node, key, strlen(key));
	return true;
}

void nesting_add(struct router *r, const char *host, size_t len, enum nest_place place,
    enum nest_what what, struct el *query)
{
	struct arena *a = arena_new();
	struct map said = MAP_INIT;

	EL_EACH (it, query, NULL, NULL)
		(void)is_new(&said, what, it, a);
	LIST_EACH (it, &r->delegates->in_order) {
		const struct manager *m = LIST_ENTRY(it, struct manager, link);
		const struct component *c = manager_component(r->delegates, m);

		if (!c || !component_for_host(c, host, len))
			continue;
		LIST_EACH (k, &m->nests) {
			const struct nest *n = LIST_ENTRY(k, struct nest, link);

			if (n->place != place)
				continue;
			EL_EACH (what_it_says, n->info, NULL, NULL) {
				if (is_new(&said, what, what_it_says, a))
					el_add_copy(query, what_it_says);
			}
		}
	}
	map_done(&said);
	arena_free(a);
}
