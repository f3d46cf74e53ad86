/* SPDX-License-Identifier: MIT */
/* The configured components, and who may connect as one. */
#include <errno.h>
#include <inttypes.h>
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
#include "core/limits.h"
#include "core/stanza.h"
#include "links/ask.h"
#include "links/component.h"
#include "links/hooks.h"
#include "links/link.h"
#include "links/share.h"
#include "links/tap.h"
#include "router.h"

#define SOCKET_MODE 0660 /* the secret is asked for in any case */
/* Connections that have not become a component's link: all, and of one address. */
#define LINKS_WAITING 64
#define LINKS_WAITING_ADDR 16

static const struct rate_conf replace_rate = { .per_second = 3.0 / 60, .burst = 3 };
static const struct rate_conf try_rate = { .per_second = 30.0 / 60, .burst = 30 };

struct components {
	struct router *router;
	struct listener *clear, *tls, *local;
	struct map by_domain;
	struct list all;   /* struct component.of_all */
	struct list links; /* struct link, open or not */
	struct conn_limit waiting;
	struct rate_table *tries; /* failed handshakes by address */
	bool stopping;
	bool closing; /* the end: nobody is left to tell */
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
	return c->sharing ? share_any_online(c->sharing) : c->own.link != NULL;
}

bool component_acked(const struct component *c)
{
	return c->sharing ? share_any_acked(c->sharing) : c->own.link && c->own.acked;
}

static enum component_phase phase_of(const struct component *c)
{
	return c->sharing ? share_phase(c->sharing) : c->own.phase;
}

bool component_expects(const struct component *c)
{
	return phase_of(c) == COMP_ONLINE || phase_of(c) == COMP_GRACE;
}

/* Of a shared domain, nobody: it is granted no messages (conf.c). */
bool component_keeps(struct component *c, size_t bytes, const struct jid *payer, bool of_component)
{
	return !c->sharing && member_keeps(&c->own, bytes, payer, of_component);
}

bool component_internal(const struct component *c)
{
	return c->conf->internal;
}

void component_charge(const struct stanza *st, size_t bytes)
{
	if (st->member && st->member->link)
		link_charge(st->member->link, bytes);
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
	return conf_works_for(c->conf, domain, len);
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

static void secret_digest(const struct component_conf *conf, uint8_t out[32])
{
	digest(DIGEST_SHA256, conf->secret, strlen(conf->secret), out);
}

static void component_add(struct components *cs, const struct component_conf *conf)
{
	struct component *c = xzalloc(sizeof(*c));

	c->all = cs;
	c->router = cs->router;
	c->conf = conf;
	outbound_init(&c->own, c);
	if (conf->connections == COMP_SHARE)
		share_open(c);
	c->asks = asks_new(cs->router);
	secret_digest(conf, c->secret);
	c->domain = xstrdup(conf->domain);
	rate_init(&c->replaced, &replace_rate, loop_now(cs->router->loop));
	list_add_tail(&cs->all, &c->of_all);
	map_put(&cs->by_domain, &c->node, c->domain, strlen(c->domain));
	if (tap_has(c, TAP_MESSAGES)) /* else a restart of ours would refuse messages */
		outbound_expect(&c->own);
}

static void component_free(struct component *c)
{
	hooks_removed(c->router, c);
	share_free(c, c->all->closing);
	outbound_done(&c->own, c->all->closing);
	info_forget(&c->info);
	hooks_gone(c);
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

static void detach_all(struct component *c, const char *why)
{
	if (c->sharing)
		share_detach_all(c->sharing, why);
	else if (c->own.link)
		component_detach(&c->own, c->own.link, why);
}

/* Whatever is connected begins anew, and what waits waits for it. */
static void share_or_not(struct component *c)
{
	struct link *l = c->own.link;

	if (c->sharing) {
		share_close(c);
		return;
	}
	if (l) {
		component_detach(&c->own, l, "the domain is shared from now on");
		link_end(l, STREAM_E_RESET, "the domain is shared from now on");
	}
	outbound_new_session(&c->own);
	share_open(c);
}

/* Who has shown the old secret may be the reason why there is a new one: it has to come again. */
static void component_change(struct component *c)
{
	uint8_t secret[32];
	bool same;

	secret_digest(c->conf, secret);
	same = digest_same(secret, c->secret, sizeof(secret));
	memcpy(c->secret, secret, sizeof(secret));
	if (!same)
		detach_all(c, "its secret was changed");
	if ((c->conf->connections == COMP_SHARE) != (c->sharing != NULL))
		share_or_not(c);
	LIST_EACH (it, &c->all->links) {
		if (link_component(link_of(it)) == c)
			link_reload(link_of(it), same);
	}
	hooks_changed(c->router, c);
}

/* The settings before are gone already: each component has new ones, or none, before anything is
 * done that could send a stanza to another. */
static void take_sections(struct components *cs)
{
	static const struct component_conf none = { .title = NULL };
	struct component_conf **conf = cs->router->conf->components;

	LIST_EACH (it, &cs->all) {
		struct component *c = LIST_ENTRY(it, struct component, of_all);

		c->stale = true;
		c->conf = &none;
	}
	for (; conf && *conf; conf++) {
		struct component *c = components_find(cs, (*conf)->domain, strlen((*conf)->domain));

		if (c) {
			c->conf = *conf;
			c->stale = false;
		} else if (router_serves(cs->router, (*conf)->domain, strlen((*conf)->domain))) {
			/* Taken out of DOMAIN in the same reload, which takes effect at the next
			 * start: until then the component could speak for its users. */
			log_warn(NULL, "reload: component %s: %s is served until the next start",
			    (*conf)->title, (*conf)->domain);
		} else {
			component_add(cs, *conf);
		}
	}
}

void components_reload(struct components *cs)
{
	take_sections(cs);
	LIST_EACH_SAFE (it, &cs->all) {
		struct component *c = LIST_ENTRY(it, struct component, of_all);

		if (c->stale)
			component_remove(c);
		else
			component_change(c);
	}
}

/* --- one link a component ------------------------------------------------------------------- */

void component_let_go(struct member *m, const char *why)
{
	struct component *c = m->component;

	link_let_go(m->link);
	m->link = NULL;
	m->in_before += m->in;
	m->out_before += m->out;
	m->in = m->out = 0;
	free(c->last_error);
	c->last_error = xstrdup(why);
}

/* May the newcomer take the place of the link that is there?  Who resumes is the same component,
 * which knows better than we that its old connection is dead. */
static bool may_replace(struct component *c, const struct link *l, bool resumes)
{
	struct log_tag tag = { "link", NULL, link_peer(l), c->domain };

	if (!resumes &&
	    (c->conf->connections == COMP_REJECT ||
		!rate_take(&c->replaced, &replace_rate, 1, loop_now(c->router->loop)))) {
		log_warn(&tag, "refused %s: the connection from %s serves this domain",
		    link_peer(l), link_peer(c->own.link));
		return false;
	}
	log_info(&tag, "replaces the connection from %s", link_peer(c->own.link));
	return true;
}

struct member *component_attach(struct component *c, struct link *l, struct member *resumes)
{
	struct member *m = &c->own;
	struct link *old = m->link;

	if (c->sharing)
		return share_attach(c->sharing, l, resumes);
	if (old && !may_replace(c, l, resumes != NULL))
		return NULL;
	if (old) {
		component_let_go(m, "replaced");
		link_end(old, STREAM_E_CONFLICT, "replaced by a new connection");
		outbound_lost(m, true);
	}
	m->link = l;
	return m;
}

void component_detach(struct member *m, struct link *l, const char *why)
{
	if (m->link != l)
		return;
	component_let_go(m, why);
	if (m->component->sharing)
		share_lost(m, link_left(l));
	else
		outbound_lost(m, false);
}

struct member *component_resumes(struct component *c, const char *previd)
{
	if (c->sharing)
		return share_session(c->sharing, previd);
	return sm_is(&c->own.sm, previd) ? &c->own : NULL;
}

bool component_may_resume(const struct component *c)
{
	return c->sharing ? share_may_resume(c->sharing) : sm_active(&c->own.sm);
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

void components_link_ready(struct components *cs, const char *addr)
{
	conn_limit_leave(&cs->waiting, addr);
}

/* Who has many of the places gives one of them to who has fewer: a few addresses that only connect
 * do not keep components out. */
static bool has_place(struct components *cs, const char *addr)
{
	size_t most;

	if (cs->waiting.total < LINKS_WAITING)
		return true;
	most = conn_limit_most(&cs->waiting);
	if (conn_limit_count(&cs->waiting, addr) + 1 >= most)
		return false;
	LIST_EACH (it, &cs->links) { /* the oldest of them */
		struct link *l = link_of(it);

		if (!link_waiting(l) || conn_limit_count(&cs->waiting, link_peer(l)) < most)
			continue;
		link_end(l, STREAM_E_RESOURCE_CONSTRAINT, "others want to connect, too");
		link_free(l);
		return true;
	}
	return false;
}

/* Without TLS secrets and stanzas cross in the clear: private networks only, unless the operator
 * insists. */
static bool admits(struct components *cs, int fd, bool tls)
{
	struct addr peer;

	addr_of_peer(&peer, fd);
	if (!tls && !cs->router->conf->component_allow_public && !addr_is_private(&peer)) {
		log_warn(NULL,
		    "component port: refused %s, which is no private address "
		    "(COMPONENT_ALLOW_PUBLIC=true would allow it)",
		    peer.text);
		return false;
	}
	if (!components_may_try(cs, peer.text)) {
		log_info(NULL, "component port: refused %s, too many failed handshakes", peer.text);
		return false;
	}
	if (!has_place(cs, peer.text) ||
	    !conn_limit_enter(&cs->waiting, peer.text, LINKS_WAITING_ADDR)) {
		log_warn(NULL,
		    "component port: refused %s, too many connections without a handshake",
		    peer.text);
		return false;
	}
	return true;
}

static void accepted(struct components *cs, int fd, bool tls)
{
	int on = 1, idle = 60, interval = 10, count = 3;

	if (cs->stopping || !admits(cs, fd, tls)) {
		(void)close(fd);
		return;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	(void)link_accept(cs, fd, &cs->links, tls);
}

static void accepted_clear(int fd, void *arg)
{
	accepted(arg, fd, false);
}

static void accepted_tls(int fd, void *arg)
{
	accepted(arg, fd, true);
}

static int open_ports(struct components *cs, char *err, size_t err_len)
{
	const struct router_conf *conf = cs->router->conf;
	struct loop *l = cs->router->loop;
	int rc = listen_tcp(&cs->clear, l, conf->component_listen, (uint16_t)conf->component_port,
	    accepted_clear, cs, err, err_len);

	if (rc == 0)
		rc = listen_tcp(&cs->tls, l, conf->component_listen,
		    (uint16_t)conf->component_tls_port, accepted_tls, cs, err, err_len);
	if (rc == 0 && *conf->component_socket)
		rc = listen_unix(&cs->local, l, conf->component_socket, SOCKET_MODE, accepted_clear,
		    cs, err, err_len);
	return rc;
}

static void close_ports(struct components *cs)
{
	listen_close(cs->clear);
	listen_close(cs->tls);
	listen_close(cs->local);
	cs->clear = cs->tls = cs->local = NULL;
}

int components_open(struct components **out, struct router *r, char *err, size_t err_len)
{
	struct components *cs = xzalloc(sizeof(*cs));
	int rc;

	cs->router = r;
	list_init(&cs->all);
	list_init(&cs->links);
	map_init(&cs->by_domain);
	conn_limit_init(&cs->waiting);
	cs->tries = rate_table_new(&try_rate, 4096);
	for (struct component_conf **conf = r->conf->components; conf && *conf; conf++)
		component_add(cs, *conf);
	rc = open_ports(cs, err, err_len);
	if (rc < 0) {
		components_close(cs);
		return rc;
	}
	metrics_hook(components_write_metrics, cs);
	*out = cs;
	return 0;
}

void components_stop(struct components *cs)
{
	cs->stopping = true;
	close_ports(cs);
	LIST_EACH (it, &cs->links)
		link_end(link_of(it), STREAM_E_SYSTEM_SHUTDOWN, NULL);
}

void components_close(struct components *cs)
{
	if (!cs)
		return;
	cs->closing = true;
	close_ports(cs);
	LIST_EACH_SAFE (it, &cs->links)
		link_free(link_of(it));
	LIST_EACH_SAFE (it, &cs->all)
		component_free(LIST_ENTRY(it, struct component, of_all));
	map_done(&cs->by_domain);
	conn_limit_done(&cs->waiting);
	rate_table_free(cs->tries);
	free(cs);
}
