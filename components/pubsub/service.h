/* SPDX-License-Identifier: MIT */
/* An address that has nodes: the component's domain, or an account's bare JID (PEP). */
#ifndef PUBSUB_SERVICE_H
#define PUBSUB_SERVICE_H

#include "pubsub.h"

struct node;

struct service {
	struct pubsub *p;
	struct map_node by_address;
	struct list by_use;
	struct map nodes;      /* struct node by name */
	struct list in_order;  /* the same by age */
	size_t bytes;          /* in memory, about */
	int64_t stored;        /* bytes of its items' payloads */
	unsigned roster_nodes; /* nodes for roster groups */
	uint64_t tx;           /* the last transaction that has changed it */
	bool pep;
	char address[];
};

/* The service at a prepared bare address; read from the database if it has not been.  0, or -Exxx
 * (-EBUSY: later).  An account without nodes has a service, too. */
int service_get(struct pubsub *p, const char *address, struct service **out)
    __attribute__((warn_unused_result));
struct service *service_loaded(const struct pubsub *p, const char *address); /* NULL: is not */
/* It has been changed in the transaction under way. */
void service_touch(struct service *s);
void service_weigh(struct service *s, long bytes); /* its size in memory has changed by so much */
void service_drop(struct service *s);              /* out of memory, changes and all */
void services_trim(struct pubsub *p); /* those used longest ago go, as far as they may */
void services_free(struct pubsub *p);

#endif
