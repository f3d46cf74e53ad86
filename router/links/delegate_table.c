/* SPDX-License-Identifier: MIT */
/* Who has been given what (XEP-0355), by namespace and by component, and what a component is told
 * of it.
 *
 * The rows are made anew at each reload; a manager, and what is known of it, stays as long as its
 * component does. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/rnd.h>
#include <base/sbuf.h>

#include "conf.h"
#include "links/component.h"
#include "links/delegate_internal.h"
#include "router.h"

struct delegated_ns {
	struct map_node node; /* by the first row's namespace */
	struct list rows;     /* struct delegation.of_ns: those with more attributes first */
};

const char *delegate_version_ns(unsigned version)
{
	return version == 1 ? NS_DELEGATION_1 : NS_DELEGATION;
}

/* --- the table -------------------------------------------------------------------------------- */

struct component *manager_component(const struct delegates *ds, const struct manager *m)
{
	return components_find(ds->router->components, m->domain, strlen(m->domain));
}

struct manager *manager_find(const struct delegates *ds, const struct component *c)
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
	map_init(&ds->asking_components);
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
	map_done(&ds->asking_components);
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

struct component *delegate_owner(
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
	return delegate_owner(r, ns, NULL, host, len) != NULL;
}

/* --- what a component is told (XEP-0355 4.2) -------------------------------------------------- */

/* its: from a host that it works for; else nothing is delegated. */
static struct el *advertisement(const struct manager *m, unsigned version, bool its)
{
	struct el *msg = el_message(NULL, m->domain);
	struct el *outer = el_add(msg, "delegation", delegate_version_ns(version));

	if (!its)
		return msg;
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

/* From each domain that it works for, or each that it does not.  In both versions, because which
 * one it reads is not known yet; the other is a message without meaning to it. */
static void send_from_hosts(struct delegates *ds, struct component *c, struct member *to,
    const struct manager *m, unsigned version, bool its)
{
	EL_AUTO struct el *msg = advertisement(m, version, its);
	char id[17];

	for (size_t i = 0; i < ds->router->conf->domains.n; i++) {
		if (works_at(ds, c, i) != its)
			continue;
		rnd_id(id, sizeof(id) - 1);
		el_set(msg, "id", id);
		el_set(msg, "from", ds->router->conf->domains.v[i]);
		(void)component_tell_el(c, to, msg);
	}
}

static char *in_words(
    const struct delegates *ds, const struct component *c, const struct manager *m)
{
	EL_AUTO struct el *msg = advertisement(m, 2, true);
	struct sbuf text = SBUF_INIT;

	for (size_t i = 0; i < ds->router->conf->domains.n; i++) {
		if (works_at(ds, c, i))
			sbuf_printf(&text, "%s ", ds->router->conf->domains.v[i]);
	}
	el_write(&text, msg, NS_CLIENT);
	return sbuf_steal(&text);
}

/* to: that one alone.  all: hosts that it does not work for (any more) say so.  false: it knows
 * that already. */
static bool advertise(
    struct delegates *ds, struct manager *m, struct component *c, struct member *to, bool all)
{
	char *text = in_words(ds, c, m);

	if (m->told && !strcmp(m->told, text)) {
		free(text);
		return false;
	}
	free(m->told);
	m->told = text;
	send_from_hosts(ds, c, to, m, 2, true);
	send_from_hosts(ds, c, to, m, 1, true);
	if (all) {
		send_from_hosts(ds, c, to, m, 2, false);
		send_from_hosts(ds, c, to, m, 1, false);
	}
	return true;
}

/* --- coming and going ------------------------------------------------------------------------- */

bool delegate_online(
    struct router *r, struct component *c, struct member *to, bool only, bool resumed)
{
	struct manager *m = manager_find(r->delegates, c);
	char *before, *now;
	bool asks;

	if (!m || (m->n_rows == 0 && !m->told))
		return false;
	/* A new process may stand behind a session that goes on: it is told again. */
	before = m->told;
	m->told = NULL;
	now = in_words(r->delegates, c, m);
	asks = (!resumed && only) || !before || strcmp(before, now) != 0;
	(void)advertise(r->delegates, m, c, to, resumed && asks);
	if (asks)
		nests_ask(r->delegates, m, c);
	free(now);
	free(before);
	return asks;
}

void delegate_changed(struct router *r, struct component *c)
{
	struct manager *m = manager_find(r->delegates, c);

	if (!m)
		return;
	nests_prune(m);
	if (component_online(c) && (m->n_rows > 0 || m->told) &&
	    advertise(r->delegates, m, c, NULL, true))
		nests_ask(r->delegates, m, c);
}

void delegate_away(struct router *r, struct component *c)
{
	struct manager *m = manager_find(r->delegates, c);

	if (!m)
		return;
	nests_forget(m);
	m->asking = false;
	requests_end_waiting(r->delegates, c, 0, -ENOTCONN);
	free(m->told);
	m->told = NULL;
}

void delegate_removed(struct router *r, struct component *c)
{
	struct manager *m = manager_find(r->delegates, c);

	requests_end_waiting(r->delegates, c, 0, -ECANCELED);
	if (m && m->n_rows == 0)
		manager_free(r->delegates, m);
	else if (m)
		delegate_away(r, c);
}
