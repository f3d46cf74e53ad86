/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "account.h"
#include "node.h"
#include "store.h"

enum { SERVICE_COST = 320 }; /* bytes in memory, about */

void service_weigh(struct service *s, long bytes)
{
	s->bytes += (size_t)bytes;
	s->p->services_bytes += (size_t)bytes;
}

void service_touch(struct service *s)
{
	s->tx = comp_tx_number(s->p->c);
}

struct service *service_loaded(const struct pubsub *p, const char *address)
{
	struct map_node *m = map_gets(&p->services, address);

	return m ? MAP_ENTRY(m, struct service, by_address) : NULL;
}

static struct service *service_new(struct pubsub *p, const char *address)
{
	size_t len = strlen(address);
	struct service *s = xzalloc(sizeof(*s) + len + 1);

	s->p = p;
	memcpy(s->address, address, len + 1);
	s->pep = strcmp(address, comp_domain(p->c)) != 0;
	map_init(&s->nodes);
	list_init(&s->in_order);
	map_put(&p->services, &s->by_address, s->address, len);
	list_add_tail(&p->services_by_use, &s->by_use);
	service_weigh(s, SERVICE_COST);
	return s;
}

void service_drop(struct service *s)
{
	struct pubsub *p = s->p;

	LIST_EACH_SAFE (l, &s->in_order)
		node_free(LIST_ENTRY(l, struct node, link));
	map_done(&s->nodes);
	map_del(&p->services, &s->by_address);
	list_del(&s->by_use);
	service_weigh(s, -SERVICE_COST);
	free(s);
}

int service_get(struct pubsub *p, const char *address, struct service **out)
{
	struct service *s = service_loaded(p, address);
	int r;

	if (s) {
		list_del(&s->by_use);
		list_add_tail(&p->services_by_use, &s->by_use);
		*out = s;
		return 0;
	}
	s = service_new(p, address);
	r = account_is_gone(p, address) ? 0 : store_read_service(s);
	if (r < 0) {
		service_drop(s);
		return r;
	}
	*out = s;
	return 0;
}

/* What has not been committed cannot be read again; the one in use was the last to be got. */
void services_trim(struct pubsub *p)
{
	uint64_t safe = comp_tx_safe(p->c);

	LIST_EACH_SAFE (l, &p->services_by_use) {
		struct service *s = LIST_ENTRY(l, struct service, by_use);

		if (p->services_bytes <= PUBSUB_CACHE)
			return;
		if (s->tx <= safe)
			service_drop(s);
	}
}

void services_free(struct pubsub *p)
{
	LIST_EACH_SAFE (l, &p->services_by_use)
		service_drop(LIST_ENTRY(l, struct service, by_use));
}
