/* SPDX-License-Identifier: MIT */
/* The configured components, and who may connect as one. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <base/addr.h>
#include <base/arena.h>
#include <base/digest.h>
#include <base/listen.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/metrics.h>
#include <base/sbuf.h>

#include "conf.h"
#include "core/stanza.h"
#include "links/ask.h"
#include "links/component.h"
#include "links/hooks.h"
#include "links/link.h"
#include "router.h"

#define LINK_QUEUE ((size_t)16 << 20) /* docs/component-protocol.md: link_queue */
#define LINKS_WAITING 64              /* connections that have not shown a handshake yet */

static const struct rate_conf replace_rate = { .per_second = 3.0 / 60, .burst = 3 };
static const struct rate_conf try_rate = { .per_second = 30.0 / 60, .burst = 30 };

struct components {
	struct router *router;
	struct listener *listener;
	struct map by_domain;
	struct list all;   /* struct component.of_all */
	struct list links; /* struct link, open or not */
	size_t n_links;
	struct rate_table *tries; /* failed handshakes by address */
	bool stopping;
};

/* --- the registry --------------------------------------------------------------------------- */

struct component *components_find(struct components *cs, const char *domain, size_t len)
{
	struct map_node *n = map_get(&cs->by_domain, domain, len);

	return n ? MAP_ENTRY(n, struct component, node) : NULL;
}

struct component *component_by_name(struct components *cs, const char *to)
{
	struct arena *a = arena_new();
	struct component *c = NULL;
	char *prepared;

	if (prep_domain(a, to, &prepared) == 0)
		c = components_find(cs, prepared, strlen(prepared));
	arena_free(a);
	return c;
}

const struct component_conf *component_conf_of(const struct component *c)
{
	return c->conf;
}

const char *component_domain(const struct component *c)
{
	return c->domain;
}

bool component_online(const struct component *c)
{
	return c->link != NULL;
}

struct asks *component_asks(struct component *c)
{
	return c->asks;
}

struct privileged **component_privileged(struct component *c)
{
	return &c->privileged;
}

bool component_for_host(const struct component *c, const char *domain, size_t len)
{
	const struct conf_list *hosts = &c->conf->hosts;

	for (size_t i = 0; i < hosts->n; i++) {
		if (strlen(hosts->v[i]) == len && !memcmp(hosts->v[i], domain, len))
			return true;
	}
	return hosts->n == 0;
}

struct router *components_router(struct components *cs)
{
	return cs->router;
}

void components_each(struct components *cs, component_each_fn *fn, void *arg)
{
	LIST_EACH (it, &cs->all)
		fn(LIST_ENTRY(it, struct component, of_all), arg);
}

void component_state(const struct component *c, struct component_state *out)
{
	*out = (struct component_state){
		.domain = c->domain,
		.title = c->conf->title,
		.peer = c->link ? link_peer(c->link) : NULL,
		.last_error = c->last_error,
		.online = c->link != NULL,
		.since_ms = c->since_ms,
		.in = c->in,
		.out = c->out,
		.queued = c->link ? link_queued(c->link) : 0,
	};
}

static void secret_digest(const struct component_conf *conf, uint8_t out[32])
{
	digest(DIGEST_SHA256, conf->secret, strlen(conf->secret), out);
}

static void component_add(struct components *cs, const struct component_conf *conf)
{
	struct component *c = xzalloc(sizeof(*c));

	c->all = cs;
	c->conf = conf;
	c->asks = asks_new(cs->router);
	secret_digest(conf, c->secret);
	c->domain = xstrdup(conf->domain);
	c->since_ms = loop_wall_ms(cs->router->loop);
	rate_init(&c->replaced, &replace_rate, loop_now(cs->router->loop));
	list_add_tail(&cs->all, &c->of_all);
	map_put(&cs->by_domain, &c->node, c->domain, strlen(c->domain));
}

static void component_free(struct component *c)
{
	hooks_removed(c->all->router, c);
	asks_free(c->asks);
	map_del(&c->all->by_domain, &c->node);
	list_del(&c->of_all);
	free(c->domain);
	free(c->last_error);
	free(c);
}

/* Links that have not finished their handshake may name c, too: all of them end before it goes. */
static void component_remove(struct component *c)
{
	LIST_EACH_SAFE (it, &c->all->links) {
		struct link *l = link_of(it);

		if (link_component(l) != c)
			continue;
		link_end(l, STREAM_E_HOST_GONE, NULL);
		link_free(l);
	}
	component_free(c);
}

/* Who has shown the old secret may be the reason why there is a new one: it has to come again. */
static void component_change(struct component *c, const struct component_conf *conf)
{
	uint8_t secret[32];
	struct link *l = c->link;
	bool same;

	secret_digest(conf, secret);
	same = digest_same(secret, c->secret, sizeof(secret));
	memcpy(c->secret, secret, sizeof(secret));
	c->conf = conf;
	c->stale = false;
	if (l && same) {
		link_reload(l);
	} else if (l) {
		component_detach(c, l, "its secret was changed");
		link_end(l, STREAM_E_NOT_AUTHORIZED, "the secret was changed");
	}
	hooks_changed(c->all->router, c);
}

void components_reload(struct components *cs)
{
	struct component_conf **conf = cs->router->conf->components;

	LIST_EACH (it, &cs->all)
		LIST_ENTRY(it, struct component, of_all)->stale = true;
	for (; conf && *conf; conf++) {
		struct component *c = components_find(cs, (*conf)->domain, strlen((*conf)->domain));

		if (c)
			component_change(c, *conf);
		else if (router_serves(cs->router, (*conf)->domain, strlen((*conf)->domain)))
			/* Taken out of DOMAIN in the same reload, which takes effect at the next
			 * start: until then the component could speak for its users. */
			log_warn(NULL, "reload: component %s: %s is served until the next start",
			    (*conf)->title, (*conf)->domain);
		else
			component_add(cs, *conf);
	}
	LIST_EACH_SAFE (it, &cs->all) {
		struct component *c = LIST_ENTRY(it, struct component, of_all);

		if (c->stale)
			component_remove(c);
	}
}

/* --- one link a component ------------------------------------------------------------------- */

bool component_attach(struct component *c, struct link *l)
{
	struct components *cs = c->all;
	struct log_tag tag = { "link", NULL, link_peer(l), c->domain };

	if (c->link) {
		struct link *old = c->link;

		if (c->conf->connections == COMP_REJECT ||
		    !rate_take(&c->replaced, &replace_rate, 1, loop_now(cs->router->loop))) {
			log_warn(&tag, "refused: the connection from %s serves this domain",
			    link_peer(old));
			return false;
		}
		log_info(&tag, "replaces the connection from %s", link_peer(old));
		component_detach(c, old, "replaced");
		link_end(old, STREAM_E_CONFLICT, "replaced by a new connection");
	}
	c->link = l;
	c->since_ms = loop_wall_ms(cs->router->loop);
	c->in = c->out = 0;
	return true;
}

void component_detach(struct component *c, struct link *l, const char *why)
{
	if (c->link != l)
		return;
	c->link = NULL;
	c->since_ms = loop_wall_ms(c->all->router->loop);
	free(c->last_error);
	c->last_error = xstrdup(why);
}

enum component_verdict component_send_el(struct component *c, const struct el *el)
{
	if (!c->link)
		return COMPONENT_AWAY;
	if (link_queued(c->link) >= LINK_QUEUE)
		return COMPONENT_FULL;
	return link_send(c->link, el) < 0 ? COMPONENT_TOO_LONG : COMPONENT_TAKEN;
}

enum component_verdict component_send(struct component *c, struct stanza *st)
{
	return component_send_el(c, st->el);
}

/* --- the port ------------------------------------------------------------------------------- */

bool components_may_try(struct components *cs, const char *addr)
{
	return rate_table_peek(cs->tries, addr, 1, loop_now(cs->router->loop));
}

void components_failed_try(struct components *cs, const char *addr)
{
	(void)rate_table_take(cs->tries, addr, 1, loop_now(cs->router->loop));
}

void components_link_gone(struct components *cs, struct link *l)
{
	(void)l;
	cs->n_links--;
}

/* Secrets and stanzas cross in the clear: private networks only, unless the operator insists. */
static bool admits(struct components *cs, int fd)
{
	struct addr peer;

	addr_of_peer(&peer, fd);
	if (!cs->router->conf->component_allow_public && !addr_is_private(&peer)) {
		log_warn(NULL,
		    "component port: refused %s, which is no private address "
		    "(COMPONENT_ALLOW_PUBLIC=true would allow it)",
		    peer.text);
		return false;
	}
	if (cs->n_links >= LINKS_WAITING + map_len(&cs->by_domain)) {
		log_warn(NULL, "component port: refused %s, too many connections", peer.text);
		return false;
	}
	if (!components_may_try(cs, peer.text)) {
		log_info(NULL, "component port: refused %s, too many failed handshakes", peer.text);
		return false;
	}
	return true;
}

static void accepted(int fd, void *arg)
{
	struct components *cs = arg;
	int on = 1, idle = 60, interval = 10, count = 3;

	if (cs->stopping || !admits(cs, fd)) {
		(void)close(fd);
		return;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	cs->n_links++;
	(void)link_accept(cs, fd, &cs->links);
}

static void write_metrics(struct sbuf *out, void *arg)
{
	struct components *cs = arg;

	sbuf_puts(out, "# TYPE switchyard_component_up gauge\n"
		       "# HELP switchyard_component_up 1 while the component is connected.\n");
	LIST_EACH (it, &cs->all) {
		const struct component *c = LIST_ENTRY(it, struct component, of_all);

		sbuf_printf(
		    out, "switchyard_component_up{domain=\"%s\"} %d\n", c->domain, c->link != NULL);
	}
}

int components_open(struct components **out, struct router *r, char *err, size_t err_len)
{
	struct components *cs = xzalloc(sizeof(*cs));
	int rc;

	cs->router = r;
	list_init(&cs->all);
	list_init(&cs->links);
	map_init(&cs->by_domain);
	cs->tries = rate_table_new(&try_rate, 4096);
	for (struct component_conf **conf = r->conf->components; conf && *conf; conf++)
		component_add(cs, *conf);
	rc = listen_tcp(&cs->listener, r->loop, r->conf->component_listen,
	    (uint16_t)r->conf->component_port, accepted, cs, err, err_len);
	if (rc < 0) {
		components_close(cs);
		return rc;
	}
	metrics_hook(write_metrics, cs);
	*out = cs;
	return 0;
}

void components_stop(struct components *cs)
{
	cs->stopping = true;
	listen_close(cs->listener);
	cs->listener = NULL;
	LIST_EACH (it, &cs->links)
		link_end(link_of(it), STREAM_E_SYSTEM_SHUTDOWN, NULL);
}

void components_close(struct components *cs)
{
	if (!cs)
		return;
	listen_close(cs->listener);
	LIST_EACH_SAFE (it, &cs->links)
		link_free(link_of(it));
	LIST_EACH_SAFE (it, &cs->all)
		component_free(LIST_ENTRY(it, struct component, of_all));
	map_done(&cs->by_domain);
	rate_table_free(cs->tries);
	free(cs);
}
