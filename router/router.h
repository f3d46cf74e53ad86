/* SPDX-License-Identifier: MIT */
/* The composition root: what main.c makes and every part of the router finds the others by.
 * Each pointer's type belongs to the header named beside it; nobody reaches into another's struct.
 */
#ifndef ROUTER_ROUTER_H
#define ROUTER_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct router {
	struct daemon *daemon;
	struct loop *loop;
	struct router_conf *conf;      /* conf.h */
	struct db *db;                 /* base/db.h */
	struct certs *certs;           /* core/server_certs.h */
	struct certs *component_certs; /* likewise */
	struct policy *policy;         /* core/policy.h */
	struct sessions *sessions;     /* core/session.h */
	struct accounts *accounts;     /* auth/accounts.h */
	struct sasl_server *sasl;      /* auth/sasl.h */
	struct rosters *rosters;       /* im/roster.h */
	struct blocking *blocking;     /* im/blocking.h */
	struct registrar *registrar;   /* auth/register.h */
	struct components *components; /* links/component.h */
	struct stanza_ids *stanza_ids; /* im/stanza_id.h */
	struct prefs *prefs;           /* im/prefs.h */
	struct offline *offline;       /* im/offline.h */
	struct events *events;         /* links/events.h */
	struct delegates *delegates;   /* links/delegate.h */
	struct c2s *c2s;               /* c2s/c2s.h */
	struct idle *idle;             /* c2s/idle.h */
	struct ctl *ctl;               /* core/ctl.h */
	uint64_t started;              /* loop_now() */
	bool stopping;
};

/* Is this one of the domains in DOMAIN (not a component's)?  domain is prepared. */
bool router_serves(const struct router *r, const char *domain, size_t len);

#endif
