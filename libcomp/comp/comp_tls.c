/* SPDX-License-Identifier: MIT */
/* TLS to the server (router_tls): from the first byte, verified, or there is no link.
 *
 * What is trusted is read before each connection, so that a CA that was renewed counts at the next
 * one; what cannot be read leaves what was read before.
 *
 * Must not: send anything before STREAM_SECURE, or connect in the clear instead. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/io.h>
#include <base/whose.h>

#include "comp_internal.h"

/* The first of the server's domains that we were told, else the one above the component's, unless
 * that has none. */
static const char *name_of(const struct link *k)
{
	const struct comp_conf *conf = k->c->conf;
	const char *above = strchr(k->c->domain, '.');

	if (conf->router_cert_name && *conf->router_cert_name)
		return conf->router_cert_name;
	if (conf->router_domains.n > 0)
		return conf->router_domains.v[0];
	return above ? above + 1 : k->c->domain;
}

int link_tls_load(struct link *k, char *err, size_t err_len)
{
	const char *file = k->c->conf->router_ca_file;
	char why[256], owner[512];
	struct tls_ctx *fresh;
	int r = tls_client_new(&fresh, file && *file ? file : NULL, why, sizeof(why));

	if (r < 0) {
		(void)snprintf(err, err_len, "router_ca_file: %s%s%s", why,
		    r == -EACCES ? ": " : "",
		    r == -EACCES ? whose(file, owner, sizeof(owner)) : "");
		return r;
	}
	tls_unref(k->tls);
	k->tls = fresh;
	return 0;
}

void link_tls_start(struct link *k)
{
	char err[300];

	if (link_tls_load(k, err, sizeof(err)) < 0) {
		if (!k->tls) {
			stream_error(k->s, STREAM_E_INTERNAL_SERVER_ERROR, err);
			return;
		}
		log_warn(&k->tag, "%s; what was read before stays in use", err);
	}
	stream_tls_client(k->s, k->tls, name_of(k), NULL);
}

void link_tls_secure(const struct link *k)
{
	log_info(&k->tag, "%s, with a certificate for %s", io_tls_version(stream_io_of(k->s)),
	    name_of(k));
}

const char *link_tls_hint(const struct link *k, const char *reason)
{
	if (k->c->conf->router_tls && strstr(reason, "certificate refused"))
		return "; ROUTER_CERT_NAME is the name that is expected, ROUTER_CA_FILE who is "
		       "trusted";
	if (k->c->conf->router_tls && strstr(reason, "wrong version number"))
		return "; this port does not speak TLS: check ROUTER_PORT";
	return "";
}

void link_tls_done(struct link *k)
{
	tls_unref(k->tls);
	k->tls = NULL;
}
