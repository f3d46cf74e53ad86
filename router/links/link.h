/* SPDX-License-Identifier: MIT */
/* Between component.c (who may connect), outbound.c (what goes to a component) and link.c (one
 * connection): what they know of each other. */
#ifndef ROUTER_LINK_H
#define ROUTER_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/list.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/map.h>
#include <base/rate.h>
#include <xmpp/el.h>
#include <xmpp/stream.h>

#include "links/component.h"
#include "links/info.h"
#include "links/member.h"
#include "links/sm.h"

struct privileged;
struct sbuf;
struct sharing;

struct link;

/* What is kept of a configured component. */
struct component {
	struct map_node node; /* by domain */
	struct list of_all;   /* in order of the sections */
	struct components *all;
	struct router *router;
	char *domain;
	const struct component_conf *conf;
	char *last_error;
	struct asks *asks;
	struct privileged *privileged; /* privilege.c's */
	struct rate replaced;          /* three replacements a minute */
	uint8_t secret[32];            /* SHA-256: has a reload changed it? */
	bool stale;                    /* during a reload: no section names it any more */
	struct info info;
	struct sm_pasts past;
	struct member own;       /* the one there is; of a shared domain: who holds what waits */
	struct sharing *sharing; /* share.h; NULL: it is not shared */
};

/* --- component.c, for link.c ------------------------------------------------------------------ */
struct component *component_by_name(struct components *cs, const char *to); /* NULL: none */
struct router *components_router(struct components *cs);
/* A link has proved that it may speak for c, and begins to: it is that member's from now on (the
 * one before it has been sent away); NULL: the newcomer is not wanted.  resumes: whose session it
 * goes on with, so it is no newcomer; NULL: nobody's. */
struct member *component_attach(struct component *c, struct link *l, struct member *resumes);
/* l is not m's any more, for whatever reason. */
void component_let_go(struct member *m, const char *why);
void component_detach(struct member *m, struct link *l, const char *why);
/* Whose session that is; NULL: there is none of this name. */
struct member *component_resumes(struct component *c, const char *previd);
bool component_may_resume(const struct component *c); /* is there any that could be? */
/* Counts a failed handshake from an address; false: there were too many. */
bool components_may_try(struct components *cs, const char *addr);
void components_failed_try(struct components *cs, const char *addr);
/* A connection does not wait for its handshake any more. */
void components_link_ready(struct components *cs, const char *addr);

/* --- component_state.c ------------------------------------------------------------------------ */
void components_write_metrics(struct sbuf *out, void *components);

/* --- link.c ----------------------------------------------------------------------------------- */
/* tls: from the first byte. */
struct link *link_accept(struct components *cs, int fd, struct list *links, bool tls);
/* May a stanza be written now?  false: it waits in the queue until outbound_pump(). */
bool link_writable(const struct link *l);
/* -EMSGSIZE: longer than the component takes, or than it could send back with more around it.
 * again: it took it before, and counted it: a reload may not take it out of the order. */
int link_send(struct link *l, const struct el *el, bool again);
bool link_acked(const struct link *l);
/* Its member is another's, or has gone. */
void link_let_go(struct link *l);
bool link_left(const struct link *l);           /* it has ended as who leaves does */
void link_want_ack(struct link *l);             /* what was sent should be acknowledged */
void link_charge(struct link *l, size_t bytes); /* to its rate */
bool link_paused(const struct link *l);         /* for that: what it says is not read now */
void link_handled(struct link *l);              /* the session's h may have advanced */
size_t link_queued(const struct link *l);
bool link_waiting(const struct link *l); /* has not become its component's yet */
const char *link_peer(const struct link *l);
struct component *link_component(const struct link *l); /* NULL: no header yet */
/* Its component's settings may have changed; ends it if the secret has and it showed the old one.
 */
void link_reload(struct link *l, bool same_secret);
void link_end(struct link *l, enum stream_err e, const char *text); /* with a stream error */
void link_free(struct link *l);                                     /* at once */
struct link *link_of(struct list *member);

#endif
