/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <base/certs.h>
#include <base/daemon.h>
#include <base/health.h>
#include <base/mem.h>
#include <base/metrics.h>
#include <base/sbuf.h>

#include "conf.h"
#include "core/server_certs.h"
#include "router.h"

static size_t count_components(const struct router_conf *conf)
{
	size_t n = 0;

	while (conf->components && conf->components[n])
		n++;
	return n;
}

/* The names of the served domains, the first `required` of which must have a certificate, and those
 * of components, which are there for who names them: the parent's will do without a word. */
static int open_folder(struct certs **out, const struct router *r, const char *dir, size_t required,
    char *err, size_t err_len)
{
	const struct router_conf *conf = r->conf;
	size_t n = conf->domains.n, n_components = count_components(conf);
	struct certs_name *names = xzalloc((n + n_components) * sizeof(*names));
	int rc;

	for (size_t i = 0; i < n; i++)
		names[i] = (struct certs_name){ conf->domains.v[i], i >= required, false };
	for (size_t i = 0; i < n_components; i++)
		names[n + i] = (struct certs_name){ conf->components[i]->domain, true, true };
	rc = certs_open(out, r->loop, dir, names, n + n_components, err, err_len);
	free(names);
	return rc;
}

static bool has_own_folder(const struct router_conf *conf)
{
	return conf->component_tls_port > 0 && *conf->component_certs_dir &&
	       strcmp(conf->component_certs_dir, conf->certs_dir) != 0;
}

static void put_days(
    struct sbuf *out, const struct certs *certs, const char *port, const char *name)
{
	int days = certs_days_left(certs, name);

	if (days != INT_MIN)
		sbuf_printf(out, "switchyard_certificate_days{port=\"%s\",domain=\"%s\"} %d\n",
		    port, name, days);
}

static void write_metrics(struct sbuf *out, void *arg)
{
	const struct router *r = arg;
	const struct conf_list *domains = &r->conf->domains;

	sbuf_puts(out, "# TYPE switchyard_certificate_days gauge\n"
		       "# HELP switchyard_certificate_days Days until the certificate in use "
		       "ends.\n");
	for (size_t i = 0; i < domains->n; i++)
		put_days(out, r->certs, "client", domains->v[i]);
	for (size_t i = 0; r->conf->component_tls_port > 0 && i < domains->n; i++)
		put_days(out, r->component_certs, "component", domains->v[i]);
}

int server_certs_open(struct router *r, char *err, size_t err_len)
{
	const struct router_conf *conf = r->conf;
	int rc = open_folder(&r->certs, r, conf->certs_dir, conf->domains.n, err, err_len);

	if (rc < 0)
		return rc;
	r->component_certs = r->certs;
	/* libcomp asks for the first served domain; a link's own CA may have made no more. */
	if (has_own_folder(conf)) {
		r->component_certs = NULL;
		rc =
		    open_folder(&r->component_certs, r, conf->component_certs_dir, 1, err, err_len);
	}
	if (rc == 0)
		metrics_hook(write_metrics, r);
	return rc;
}

void server_certs_close(struct router *r)
{
	if (r->component_certs != r->certs)
		certs_close(r->component_certs);
	certs_close(r->certs);
	r->certs = r->component_certs = NULL;
}

void server_certs_rescan(struct router *r)
{
	certs_rescan(r->certs);
	if (r->component_certs != r->certs)
		certs_rescan(r->component_certs);
}

static const char *state_of(const struct certs *certs, const char *name)
{
	return certs_days_left(certs, name) >= 0 ? NULL : "expired";
}

void server_certs_health(struct router *r)
{
	struct health *health = daemon_health(r->daemon);
	const char *first = r->conf->domains.v[0];

	health_set(health, "certificate", true, state_of(r->certs, first));
	/* Clients are served without it. */
	if (r->component_certs != r->certs)
		health_set(
		    health, "component certificate", false, state_of(r->component_certs, first));
}
