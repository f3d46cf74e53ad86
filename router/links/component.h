/* SPDX-License-Identifier: MIT */
/* Components (XEP-0114): the configured ones, and a component's connection and queue behind one
 * interface.  Today a component has at most one plain link and no queue; several links and
 * acknowledgements come behind the same functions. */
#ifndef ROUTER_COMPONENT_H
#define ROUTER_COMPONENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xmpp/el.h>
#include <xmpp/jid.h>

struct asks;
struct component;
struct component_conf;
struct components;
struct privileged;
struct router;
struct stanza;

/* Opens the component port; err: one line for the operator. */
int components_open(struct components **out, struct router *r, char *err, size_t err_len);
void components_close(struct components *cs);
void components_stop(struct components *cs);   /* system-shutdown to all links */
void components_reload(struct components *cs); /* sections added, changed, removed */

/* The component that owns a domain, connected or not; NULL: none is configured. */
struct component *components_find(struct components *cs, const char *domain, size_t len);
const struct component_conf *component_conf_of(const struct component *c);
const char *component_domain(const struct component *c);
bool component_online(const struct component *c);
struct asks *component_asks(struct component *c);              /* ask.h */
struct privileged **component_privileged(struct component *c); /* privilege_internal.h */
/* Does it work for this served domain (its `hosts`)? */
bool component_for_host(const struct component *c, const char *domain, size_t len);

enum component_verdict { COMPONENT_TAKEN, COMPONENT_AWAY, COMPONENT_FULL, COMPONENT_TOO_LONG };
/* Hands a stanza over.  TAKEN: queued (it may hold the stanza).  All else: the caller answers as
 * docs/component-protocol.md's table says (route.c does). */
enum component_verdict component_send(struct component *c, struct stanza *st);
/* What the router itself says (probes, unavailable presence): borrowed. */
enum component_verdict component_send_el(struct component *c, const struct el *el);

/* For ctl and disco: in order of the sections. */
typedef void component_each_fn(struct component *c, void *arg);
void components_each(struct components *cs, component_each_fn *fn, void *arg);
struct component_state {
	const char *domain, *title, *peer, *last_error; /* borrowed; NULL: none */
	bool online;
	int64_t since_ms; /* wall clock, of the present state */
	uint64_t in, out; /* stanzas on this link */
	size_t queued;    /* bytes not yet taken by the kernel */
};
void component_state(const struct component *c, struct component_state *out);

#endif
