/* SPDX-License-Identifier: MIT */
/* What delegate.c (requests) and nesting.c (disco) share. */
#ifndef ROUTER_DELEGATE_INTERNAL_H
#define ROUTER_DELEGATE_INTERNAL_H

#include <stdint.h>

#include <base/list.h>
#include <base/map.h>

#include "links/delegate.h"

/* A component that has been given something. */
struct manager {
	struct map_node node; /* by domain */
	struct list link;     /* in order of the sections */
	char *domain;
	size_t n_rows;
	struct list rows; /* struct delegation.of_manager */
	char *told;       /* what it was last told that it has; NULL: nothing on this link */

	/* nesting.c */
	unsigned version;    /* of the XEP that it speaks: 1 or 2; 0: not known */
	bool asking;         /* the version is being asked for: requests wait */
	uint64_t generation; /* of the questions: answers to earlier ones do not count */
	struct list nests;   /* what it says of the server and of accounts */
	size_t nest_bytes;
};

struct delegation { /* one row of the setting */
	struct list of_manager, of_ns;
	struct manager *manager;
	struct delegate_row row;
};

struct delegates {
	struct router *router;
	struct map by_ns; /* struct delegated_ns */
	struct map managers;
	struct list in_order; /* struct manager.link */
	struct map askers;
	struct list waiting; /* requests until a version is known */
};

/* The namespaces of the two versions, by number. */
const char *delegate_version_ns(unsigned version);
/* The component behind it; NULL: it is not (yet, or any more) configured. */
struct component *manager_component(const struct delegates *ds, const struct manager *m);
/* The version is known: what waited for it goes. */
void delegate_ready(struct delegates *ds, struct manager *m);

void nests_ask(struct delegates *ds, struct manager *m, struct component *c);
void nests_forget(struct manager *m);
/* Drops what belongs to namespaces that it does not have any more. */
void nests_prune(struct manager *m);

#endif
