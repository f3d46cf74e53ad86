/* SPDX-License-Identifier: MIT */
/* What the extensions do when a component comes and goes: one place that names them all, so that
 * component.c and link.c know none of them. */
#ifndef ROUTER_HOOKS_H
#define ROUTER_HOOKS_H

#include <stdbool.h>

struct component;
struct member;
struct router;
struct sbuf;

/* A link has opened: m's.  resumed: the session goes on (XEP-0198), the component knows what it
 * knew. */
void hooks_online(struct router *r, struct component *c, struct member *m, bool resumed);
/* Its grace is over: what was remembered of it for a short absence goes. */
void hooks_away(struct router *r, struct component *c);
/* A reload may have changed what it is granted; it may be offline. */
void hooks_changed(struct router *r, struct component *c);
/* It leaves the configuration, or the router ends. */
void hooks_removed(struct router *r, struct component *c);
/* And nothing waits for it any more: what answered could still ask who it was. */
void hooks_gone(struct component *c);
/* What <stream:features/> offers it besides <sm/>: appends elements. */
void hooks_features(const struct component *c, struct sbuf *out);

#endif
