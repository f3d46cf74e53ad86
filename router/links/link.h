/* SPDX-License-Identifier: MIT */
/* One connection of a component: XEP-0114 from the router's side.  Between component.c and link.c.
 */
#ifndef ROUTER_LINK_H
#define ROUTER_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/list.h>
#include <base/log.h>
#include <base/map.h>
#include <base/rate.h>
#include <xmpp/el.h>
#include <xmpp/stream.h>

struct asks;
struct privileged;
struct component;
struct components;
struct link;
struct router;

/* What component.c keeps of a configured component. */
struct component {
	struct map_node node; /* by domain */
	struct list of_all;   /* in order of the sections */
	struct components *all;
	char *domain;
	const struct component_conf *conf;
	struct link *link; /* the one that is open; NULL: away */
	int64_t since_ms;
	uint64_t in, out;
	char *last_error;
	struct asks *asks;
	struct privileged *privileged; /* privilege.c's */
	struct rate replaced;          /* three replacements a minute */
	uint8_t secret[32];            /* SHA-256: has a reload changed it? */
	bool stale;                    /* during a reload: no section names it any more */
};

/* link.c calls these */
struct component *component_by_name(struct components *cs, const char *to); /* NULL: none */
struct router *components_router(struct components *cs);
/* A link has proved that it may speak for c: true, and it is c's link from now on (the one before
 * it has been sent away); false: the newcomer is not wanted. */
bool component_attach(struct component *c, struct link *l);
void component_detach(struct component *c, struct link *l, const char *why);
/* Counts a failed handshake from an address; false: there were too many. */
bool components_may_try(struct components *cs, const char *addr);
void components_failed_try(struct components *cs, const char *addr);
void components_link_gone(struct components *cs, struct link *l);

/* component.c calls these */
struct link *link_accept(struct components *cs, int fd, struct list *links);
/* -EMSGSIZE: longer than the component takes, or than it could send back with more around it. */
int link_send(struct link *l, const struct el *el);
size_t link_queued(const struct link *l);
const char *link_peer(const struct link *l);
struct component *link_component(const struct link *l); /* NULL: no header yet */
void link_reload(struct link *l); /* an open one: its component's settings may have changed */
void link_end(struct link *l, enum stream_err e, const char *text); /* with a stream error */
void link_free(struct link *l);                                     /* at once */
struct link *link_of(struct list *member);

#endif
