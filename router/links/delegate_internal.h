/* SPDX-License-Identifier: MIT */
/* What delegate_table.c (who has what), delegate.c (requests) and nesting.c (disco) share. */
#ifndef ROUTER_DELEGATE_INTERNAL_H
#define ROUTER_DELEGATE_INTERNAL_H

#include <stdint.h>

#include <base/list.h>
#include <base/map.h>

#include "links/delegate.h"
#include "links/shares.h"

struct el;

/* A component that has been given something. */
struct manager {
	struct map_node node; /* by domain */
	struct list link;     /* in order of the sections */
	char *domain;
	size_t n_rows;
	struct list rows;     /* struct delegation.of_manager */
	char *told;           /* what it was last told that it has; NULL: nothing on this link */
	size_t held;          /* bytes of requests that it has not answered ... */
	struct shares shares; /* ... and who asked */

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
	struct list in_order;         /* struct manager.link */
	struct map askers;            /* by bare JID */
	struct map asking_components; /* by domain */
	struct list waiting;          /* requests until a version is known ... */
	size_t n_waiting; /* ... of all managers together no more than may be open of one */
};

/* delegate_table.c */
const char *delegate_version_ns(unsigned version);
struct manager *manager_find(const struct delegates *ds, const struct component *c);
/* The component behind it; NULL: it is not (yet, or any more) configured. */
struct component *manager_component(const struct delegates *ds, const struct manager *m);
/* Who has ns for this served domain: by what fits most closely; payload NULL: whatever the filter.
 * NULL: nobody. */
struct component *delegate_owner(
    struct router *r, const char *ns, const struct el *payload, const char *host, size_t len);

/* delegate.c */
/* The version is known: what waited for it goes. */
void delegate_ready(struct delegates *ds, struct manager *m);
/* All that wait for c: to be sent, or (err < 0) to be failed. */
void requests_end_waiting(
    struct delegates *ds, const struct component *c, unsigned version, int err);

/* nesting.c */
void nests_ask(struct delegates *ds, struct manager *m, struct component *c);
void nests_forget(struct manager *m);
/* Drops what belongs to namespaces that it does not have any more. */
void nests_prune(struct manager *m);

#endif
