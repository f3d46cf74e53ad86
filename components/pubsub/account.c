/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <comp/account.h>

#include "account.h"
#include "node.h"
#include "roster.h"
#include "session.h"
#include "store.h"

static const struct log_tag tag = { .mod = "pubsub" };

struct gone {
	struct list link;
	uint64_t tx;
	char bare[];
};

bool account_is_gone(const struct pubsub *p, const char *bare)
{
	uint64_t safe = comp_tx_safe(p->c);

	LIST_EACH (l, &p->gone) {
		const struct gone *g = LIST_ENTRY(l, struct gone, link);

		if (g->tx > safe && strcmp(g->bare, bare) == 0)
			return true;
	}
	return false;
}

static void drop(struct gone *g)
{
	list_del(&g->link);
	free(g);
}

static void remember(struct pubsub *p, const char *bare)
{
	size_t len = strlen(bare);
	struct gone *g = xzalloc(sizeof(*g) + len + 1);
	uint64_t safe = comp_tx_safe(p->c);

	LIST_EACH_SAFE (l, &p->gone)
		if (LIST_ENTRY(l, struct gone, link)->tx <= safe)
			drop(LIST_ENTRY(l, struct gone, link));
	memcpy(g->bare, bare, len + 1);
	g->tx = comp_tx_number(p->c);
	list_add_tail(&p->gone, &g->link);
}

void account_free(struct pubsub *p)
{
	LIST_EACH_SAFE (l, &p->gone)
		drop(LIST_ENTRY(l, struct gone, link));
}

/* Its nodes, and what it is to the nodes of others, in memory as in the database. */
static void remove_all(struct pubsub *p, const char *bare)
{
	struct service *own = service_loaded(p, bare);

	store_del_account(comp_tx(p->c), bare);
	remember(p, bare);
	if (own)
		service_drop(own);
	LIST_EACH (l, &p->services_by_use) {
		struct service *s = LIST_ENTRY(l, struct service, by_use);

		LIST_EACH (k, &s->in_order)
			node_forget_follower(LIST_ENTRY(k, struct node, link), bare);
	}
	sessions_drop(p, bare);
	roster_forget(p, bare);
	log_info(&tag, "%s is gone, and what it owned", bare);
}

/* Events that come again after the router was restarted are known by their numbers. */
static bool is_new(struct pubsub *p, const char *host, int64_t n)
{
	int64_t last;

	if (store_read_told(p, host, &last) == 0 && n <= last)
		return false;
	store_put_told(comp_tx(p->c), host, n);
	return true;
}

/* Only the router itself gets here with this: anybody else's is refused by the library. */
int account_event(struct comp_req *rq, void *arg)
{
	struct pubsub *p = arg;
	struct comp_account_event ev;

	if (comp_account_event(rq, &ev) && is_new(p, ev.host, ev.n) && ev.deleted)
		remove_all(p, ev.jid.s);
	return COMP_DONE;
}
