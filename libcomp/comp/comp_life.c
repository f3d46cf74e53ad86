/* SPDX-License-Identifier: MIT */
/* A component's life: made, started, told of its link, stopped, freed.
 *
 * Order matters twice.  At start the database is opened and read before the component loads, and
 * deferred requests and what waits to be sent are there before the link is.  At stop what handlers
 * have done is committed before the link is closed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>

#include "comp_internal.h"

/* --- making ----------------------------------------------------------------------------------- */

static void add_router(struct comp *c, const char *domain)
{
	c->routers.v = xreallocarray(c->routers.v, c->routers.n + 1, sizeof(*c->routers.v));
	c->routers.v[c->routers.n++] = xstrdup(domain);
}

static int prepare_routers(struct comp *c, struct arena *a, char *err, size_t err_len)
{
	const struct conf_list *set = &c->conf->router_domains;
	const char *above = strchr(c->domain, '.');
	struct jid j;

	for (size_t i = 0; i < set->n; i++) {
		if (jid_parse(&j, a, set->v[i]) < 0 || !jid_is_domain(&j)) {
			(void)snprintf(
			    err, err_len, "router_domains: \"%s\" is not a domain name", set->v[i]);
			return -EINVAL;
		}
		add_router(c, j.s);
	}
	if (set->n == 0 && above)
		add_router(c, above + 1);
	return 0;
}

static int prepare(struct comp *c, struct arena *a, char *err, size_t err_len)
{
	struct jid j;

	if (jid_parse(&j, a, c->conf->domain) < 0 || !jid_is_domain(&j)) {
		(void)snprintf(
		    err, err_len, "component_domain: \"%s\" is not a domain name", c->conf->domain);
		return -EINVAL;
	}
	c->domain = xstrdup(j.s);
	return prepare_routers(c, a, err, err_len);
}

/* One that keeps in memory what it has must be able to give it away. */
static int check_share(const struct comp *c, char *err, size_t err_len)
{
	if (!c->conf->share || !c->ops->load || c->ops->owned)
		return 0;
	(void)snprintf(
	    err, err_len, "component_share: %s must have its domain for itself", c->ops->name);
	return -ENOTSUP;
}

int comp_new(struct comp **out, const struct comp_ops *ops, void *arg, struct loop *l,
    struct daemon *d, void *conf, char *err, size_t err_len)
{
	struct comp *c = xzalloc(sizeof(*c));
	struct arena *a = arena_new();
	int r;

	c->ops = ops;
	c->arg = arg;
	c->daemon = d;
	c->loop = l;
	c->conf = conf;
	map_init(&c->asks);
	list_init(&c->failed);
	list_init(&c->deferred);
	comp_disco_init(c);
	comp_delegate_init(c);
	comp_privilege_init(c);
	tx_init(c);
	inbox_init(c);
	recover_init(c);
	r = check_share(c, err, err_len);
	if (r == 0)
		r = prepare(c, a, err, err_len);
	arena_free(a);
	link_init(&c->link, c);
	if (r == 0)
		r = ledger_open(c, err, err_len);
	if (r < 0) {
		comp_free(c);
		return r;
	}
	*out = c;
	return 0;
}

void comp_free(struct comp *c)
{
	if (!c)
		return;
	link_done(&c->link);
	inbox_done(c);
	tx_done(c);
	recover_done(c);
	comp_asks_free(c);
	reqs_free(c);
	comp_disco_done(c);
	comp_delegate_done(c);
	comp_privilege_forget(c);
	for (size_t i = 0; i < c->routers.n; i++)
		free(c->routers.v[i]);
	free(c->routers.v);
	free(c->domain);
	free(c);
}

int comp_start(struct comp *c)
{
	int r = c->ops->start ? c->ops->start(c, c->arg) : 0;

	if (r == 0 && c->ops->load)
		r = c->ops->load(c, c->arg);
	if (r == 0 && !c->conf->share)
		r = adopt_rest(c);
	if (r < 0)
		return r;
	if (!c->disco.has_identity)
		comp_identity(c, "component", "generic", c->ops->name);
	inbox_kick(c); /* requests that an earlier process deferred */
	link_start(&c->link);
	return 0;
}

/* --- stop ------------------------------------------------------------------------------------- */

void comp_stop(struct comp *c, void (*stopped)(struct comp *c))
{
	c->stopped = stopped;
	c->stopping = true; /* no new questions, no new stanzas */
	if (c->ops->stop)
		c->ops->stop(c, c->arg);
	comp_asks_fail(c, -ECANCELED);
	reqs_stop(c);
	if (c->ledger.in_handler) /* its transaction is not split */
		return;
	tx_write(c);
	comp_tx_over(c);
}

void comp_tx_over(struct comp *c)
{
	const struct ledger *d = &c->ledger;

	if (!c->stopping || c->closing || d->in_handler || (d->n_open > 0 && d->state == LEDGER_OK))
		return;
	c->closing = true;
	out_push(c);
	link_stop(&c->link);
}

/* --- the link --------------------------------------------------------------------------------- */

void comp_link_online(struct comp *c, bool resumed)
{
	if (!c->link.acked && c->ledger.sm_id)
		tx_session(c, NULL, NULL);
	if (!resumed) {
		comp_delegate_reset(c);
		comp_privilege_forget(c);
		comp_asks_fail(c, -ENOTCONN); /* whose answers went the other session's way */
	}
	out_rewind(c);
	link_kick(&c->link);
	if (resumed)
		share_resumed(c);
	if (c->ops->online)
		c->ops->online(c, resumed, c->arg);
}

void comp_link_offline(struct comp *c)
{
	inbox_drop(c, false);
	if (!c->ledger.sm_id)
		comp_asks_fail(c, -ENOTCONN);
	if (c->ops->offline)
		c->ops->offline(c, c->arg);
}

void comp_link_stopped(struct comp *c)
{
	if (c->stopped)
		c->stopped(c);
}

/* --- for the component ------------------------------------------------------------------------ */

int comp_send(struct comp *c, struct el *el)
{
	int r = comp_send_copy(c, el, NULL, NULL);

	el_free(el);
	return r;
}

int comp_send_copy(struct comp *c, const struct el *el, const char *from, const char *to)
{
	if (!from && !el_attr(el, "from"))
		from = c->domain;
	return tx_send(c, el, from, to, false);
}

size_t comp_send_space(const struct comp *c)
{
	size_t queued = out_queued(c);

	return tx_may_send(c, false) == 0 && queued < COMP_QUEUE_MAX ? COMP_QUEUE_MAX - queued : 0;
}

void *comp_conf(struct comp *c)
{
	return c->conf;
}

const char *comp_domain(const struct comp *c)
{
	return c->domain;
}

struct loop *comp_loop(struct comp *c)
{
	return c->loop;
}

struct health *comp_health(struct comp *c)
{
	return c->daemon ? daemon_health(c->daemon) : NULL;
}

bool comp_online(const struct comp *c)
{
	return link_online(&c->link);
}
