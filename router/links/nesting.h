/* SPDX-License-Identifier: MIT */
/* Disco nesting (XEP-0355 7.2): what components say about the namespaces that they have been given
 * becomes part of what the router says about a served domain and about accounts.
 *
 * Asked for when a component comes online, and kept until its grace is over, so that a short
 * restart changes nothing; each answer replaces the one before it. */
#ifndef ROUTER_NESTING_H
#define ROUTER_NESTING_H

#include <stddef.h>

struct el;
struct router;

enum nest_place { NEST_SERVER, NEST_ACCOUNT };
enum nest_what { NEST_IDENTITY, NEST_FEATURE, NEST_FORM };

/* Adds to a disco#info <query/> what is not in it yet. */
void nesting_add(struct router *r, const char *host, size_t len, enum nest_place place,
    enum nest_what what, struct el *query);

#endif
