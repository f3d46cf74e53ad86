/* SPDX-License-Identifier: MIT */
/* A component's life: settings, start, online and offline, stop.
 *
 * comp_main() is daemon_main() with one table of settings put together from libcomp's and the
 * component's own.  Tests make a struct comp without a daemon (comp_internal.h). */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>

#include "comp_internal.h"

/* --- settings --------------------------------------------------------------------------------- */

static int check_domain(const char *value, char *err, size_t err_len)
{
	struct arena *a = arena_new();
	struct jid j;
	int r = jid_parse(&j, a, value);

	if (r == 0 && !jid_is_domain(&j))
		r = -EINVAL;
	if (r < 0)
		(void)snprintf(err, err_len, "%s, such as echo.example.org",
		    strchr(value, ',') ? "one domain name (others need a process of their own)"
				       : "a domain name");
	arena_free(a);
	return r;
}

static const struct conf_opt link_opts[] = {
	{ .key = "component_domain",
	    .type = CONF_STR,
	    .off = offsetof(struct comp_conf, domain),
	    .flags = CONF_REQUIRED,
	    .help = "the component's own domain, as the server knows it",
	    .check = check_domain },
	{ .key = "router_host",
	    .type = CONF_STR,
	    .off = offsetof(struct comp_conf, router_host),
	    .def = "router",
	    .flags = CONF_RELOAD,
	    .help = "where the server's component port is: a name, an address or a Unix socket" },
	{ .key = "router_port",
	    .type = CONF_INT,
	    .off = offsetof(struct comp_conf, router_port),
	    .def = "5347",
	    .min = 1,
	    .max = 65535,
	    .flags = CONF_RELOAD,
	    .help = "the server's component port" },
	{ .key = "component_secret",
	    .type = CONF_SECRET,
	    .off = offsetof(struct comp_conf, secret),
	    .flags = CONF_REQUIRED | CONF_RELOAD,
	    .help = "the secret shared with the server" },
	{ .key = "component_max_stanza",
	    .type = CONF_SIZE,
	    .off = offsetof(struct comp_conf, max_stanza),
	    .def = "1M",
	    .min = 10000, /* RFC 6120 13.12 */
	    .max = 16 << 20,
	    .flags = CONF_RELOAD,
	    .help = "bytes of the largest stanza accepted from the server" },
};
enum { N_LINK_OPTS = sizeof(link_opts) / sizeof(link_opts[0]) };

/* COMPONENT_DOMAIN for this process alone; DOMAIN_ECHO where the programs share an environment.
 * DOMAIN, and `domain` in a shared file, is the server's. */
static char *domain_env(const char *name)
{
	char *env = xasprintf("COMPONENT_DOMAIN|DOMAIN_%s", name);

	for (char *p = strchr(env, '|'); *p; p++)
		*p = (char)(*p == '-' ? '_' : toupper((unsigned char)*p));
	return env;
}

/* libcomp's rows and the component's own in one table; freed by the caller. */
static struct conf_opt *merge_opts(const struct comp_ops *ops, const char *env)
{
	size_t n = 0;
	struct conf_opt *all;

	while (ops->opts && ops->opts[n].key)
		n++;
	all = xzalloc((N_LINK_OPTS + n + 1) * sizeof(*all));
	memcpy(all, link_opts, sizeof(link_opts));
	all[0].env = env;
	if (n > 0)
		memcpy(all + N_LINK_OPTS, ops->opts, n * sizeof(*all));
	return all;
}

/* --- the component ---------------------------------------------------------------------------- */

int comp_new(struct comp **out, const struct comp_ops *ops, void *arg, struct loop *l,
    struct daemon *d, void *conf, char *err, size_t err_len)
{
	struct comp_conf *cc = conf;
	struct arena *a = arena_new();
	struct comp *c;
	struct jid j;

	if (jid_parse(&j, a, cc->domain) < 0 || !jid_is_domain(&j)) {
		(void)snprintf(
		    err, err_len, "component_domain: \"%s\" is not a domain name", cc->domain);
		arena_free(a);
		return -EINVAL;
	}
	c = xzalloc(sizeof(*c));
	c->ops = ops;
	c->arg = arg;
	c->daemon = d;
	c->loop = l;
	c->conf = cc;
	c->domain = xstrdup(j.s);
	arena_free(a);
	map_init(&c->asks);
	list_init(&c->failed);
	list_init(&c->deferred);
	comp_disco_init(c);
	link_init(&c->link, c);
	*out = c;
	return 0;
}

int comp_start(struct comp *c)
{
	int r = c->ops->start ? c->ops->start(c, c->arg) : 0;

	if (r < 0)
		return r;
	if (!c->disco.has_identity)
		comp_identity(c, "component", "generic", c->ops->name);
	link_start(&c->link);
	return 0;
}

void comp_stop(struct comp *c, void (*stopped)(struct comp *c))
{
	c->stopped = stopped;
	c->stopping = true; /* no new questions */
	if (c->ops->stop)
		c->ops->stop(c, c->arg);
	comp_asks_fail(c, -ECANCELED);
	reqs_abandon(c);
	link_stop(&c->link);
}

void comp_free(struct comp *c)
{
	if (!c)
		return;
	link_done(&c->link);
	comp_asks_free(c);
	reqs_free(c);
	comp_disco_done(c);
	free(c->domain);
	free(c);
}

void comp_link_online(struct comp *c)
{
	if (c->ops->online)
		c->ops->online(c, false, c->arg);
}

void comp_link_offline(struct comp *c)
{
	comp_asks_fail(c, -ENOTCONN);
	if (c->ops->offline)
		c->ops->offline(c, c->arg);
}

void comp_link_stopped(struct comp *c)
{
	if (c->stopped)
		c->stopped(c);
}

int comp_send(struct comp *c, struct el *el)
{
	int r;

	if (!el_attr(el, "from"))
		el_set(el, "from", c->domain);
	r = link_send(&c->link, el, false);
	el_free(el);
	return r;
}

int comp_send_copy(struct comp *c, const struct el *el, const char *from, const char *to)
{
	if (!from && !el_attr(el, "from"))
		from = c->domain;
	return link_send_copy(&c->link, el, from, to);
}

size_t comp_send_space(const struct comp *c)
{
	return link_space(&c->link);
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

/* --- the program ------------------------------------------------------------------------------ */

struct program {
	const struct comp_ops *ops;
	void *arg;
	struct comp *c;
};

static int on_start(struct daemon *d, void *arg, char *err, size_t err_len)
{
	struct program *p = arg;
	int r = comp_new(&p->c, p->ops, p->arg, daemon_loop(d), d, daemon_conf(d), err, err_len);

	if (r < 0)
		return r;
	r = comp_start(p->c);
	if (r < 0)
		(void)snprintf(err, err_len, "%s: %s", p->ops->name, strerror(-r));
	return r;
}

static void on_reload(struct daemon *d, void *arg)
{
	struct program *p = arg;

	(void)d;
	if (p->ops->reload)
		p->ops->reload(p->c, p->arg);
}

static void on_stopped(struct comp *c)
{
	daemon_stopped(c->daemon);
}

static void on_stop(struct daemon *d, void *arg)
{
	struct program *p = arg;

	(void)d;
	comp_stop(p->c, on_stopped);
}

static void on_finish(struct daemon *d, void *arg)
{
	struct program *p = arg;

	(void)d;
	comp_free(p->c);
	p->c = NULL;
}

int comp_main(int argc, char **argv, const struct comp_ops *ops, void *arg)
{
	struct program p = { ops, arg, NULL };
	char *env = domain_env(ops->name);
	struct conf_opt *opts = merge_opts(ops, env);
	const struct daemon_ops dops = {
		.name = ops->name,
		.summary = ops->summary,
		.conf = { .program = ops->name, .opts = opts, .size = ops->conf_size },
		.start = on_start,
		.reload = on_reload,
		.stop = on_stop,
		.finish = on_finish,
	};
	int status = daemon_main(argc, argv, &dops, &p);

	free(opts);
	free(env);
	return status;
}
