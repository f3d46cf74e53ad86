/* SPDX-License-Identifier: MIT */
/* The program: comp_main() is daemon_main() with one table of settings put together from libcomp's
 * and the component's own.  Tests make a struct comp without a daemon (comp_internal.h). */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>

#include "comp_internal.h"

enum { PORT_CLEAR = 5347, PORT_TLS = 5348 };

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
	    .help = "the component's own domain, as the server knows it; default: its name (of "
		    "muc: conference) below the first of ROUTER_DOMAINS",
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
	    .def = "0",
	    .min = 0,
	    .max = 65535,
	    .flags = CONF_RELOAD,
	    .help = "the server's component port; 0: 5347, with TLS 5348" },
	{ .key = "router_tls",
	    .type = CONF_BOOL,
	    .off = offsetof(struct comp_conf, router_tls),
	    .def = "false",
	    .flags = CONF_RELOAD,
	    .help = "connect with TLS, or not at all" },
	{ .key = "router_cert_name",
	    .type = CONF_STR,
	    .off = offsetof(struct comp_conf, router_cert_name),
	    .flags = CONF_RELOAD,
	    .help = "the name in the server's certificate; empty: the first of ROUTER_DOMAINS" },
	{ .key = "router_ca_file",
	    .type = CONF_STR,
	    .off = offsetof(struct comp_conf, router_ca_file),
	    .flags = CONF_RELOAD,
	    .help = "CA certificates (PEM) that the server's must lead to; empty: the system's" },
	{ .key = "component_secret",
	    .type = CONF_SECRET,
	    .off = offsetof(struct comp_conf, secret),
	    .flags = CONF_REQUIRED | CONF_RELOAD,
	    .help = "the secret shared with the server" },
	{ .key = "component_share",
	    .type = CONF_BOOL,
	    .off = offsetof(struct comp_conf, share),
	    .def = "false",
	    .help = "several processes serve the domain with one DATA_DIR: each is given a part of "
		    "what there is; the server must have connections = share" },
	{ .key = "component_max_stanza",
	    .type = CONF_SIZE,
	    .off = offsetof(struct comp_conf, max_stanza),
	    .def = "1M",
	    .min = 10000, /* RFC 6120 13.12 */
	    .max = 16 << 20,
	    .flags = CONF_RELOAD,
	    .help = "bytes of the largest stanza accepted from the server" },
	{ .key = "router_domains",
	    .type = CONF_LIST,
	    .off = offsetof(struct comp_conf, router_domains),
	    .env = "ROUTER_DOMAINS|DOMAIN", /* DOMAIN is there for other programs, too */
	    .flags = CONF_IN_TURN,
	    .help =
		"the server's own domains, which alone may delegate and report to the component; "
		"none: the domain above the component's",
	    .check = check_domain },
};
enum { N_LINK_OPTS = sizeof(link_opts) / sizeof(link_opts[0]) };

static const char *label; /* of the domain that nobody has set */

static int check_conf(void *conf, char *err, size_t err_len)
{
	struct comp_conf *cc = conf;

	if (*cc->domain == '\0' && cc->router_domains.n == 0) {
		(void)snprintf(err, err_len,
		    "component_domain: COMPONENT_DOMAIN is not set, and neither is DOMAIN, below "
		    "which it would be %s.DOMAIN",
		    label);
		return -EINVAL;
	}
	if (*cc->domain == '\0') {
		free(cc->domain);
		cc->domain = xasprintf("%s.%s", label, cc->router_domains.v[0]);
	}
	if (cc->router_tls && cc->router_host[0] == '/') {
		(void)snprintf(err, err_len,
		    "router_tls: %s, as router_host has it, is a Unix socket, which has no TLS: "
		    "ROUTER_TLS=false",
		    cc->router_host);
		return -EINVAL;
	}
	if (cc->router_port == 0)
		cc->router_port = cc->router_tls ? PORT_TLS : PORT_CLEAR;
	return 0;
}

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

/* --- the program ------------------------------------------------------------------------------ */

struct program {
	const struct comp_ops *ops;
	void *arg;
	struct comp *c;
};

static int on_start(struct daemon *d, void *arg, char *err, size_t err_len)
{
	struct program *p = arg;
	const struct comp_conf *conf = daemon_conf(d);
	int r = comp_new(&p->c, p->ops, p->arg, daemon_loop(d), d, daemon_conf(d), err, err_len);

	if (r == 0 && conf->router_tls)
		r = link_tls_load(&p->c->link, err, err_len);
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
		.conf = { .program = ops->name,
		    .opts = opts,
		    .size = ops->conf_size,
		    .check = check_conf },
		.start = on_start,
		.reload = on_reload,
		.stop = on_stop,
		.finish = on_finish,
	};
	int status;

	label = ops->label ? ops->label : ops->name;
	status = daemon_main(argc, argv, &dops, &p);

	free(opts);
	free(env);
	return status;
}
