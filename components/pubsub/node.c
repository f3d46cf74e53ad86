/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "item.h"
#include "store.h"

enum { NODE_COST = 512, FOLLOWER_COST = 192, SUB_COST = 96 }; /* bytes in memory, about */

/* --- life --------------------------------------------------------------------------------------
 */

struct node *node_find(const struct service *s, const char *name)
{
	struct map_node *m = map_gets(&s->nodes, name);

	return m ? MAP_ENTRY(m, struct node, by_name) : NULL;
}

static void take_conf(struct node *n, struct node_conf *conf)
{
	n->service->roster_nodes -= n->conf.access == ACCESS_ROSTER;
	config_done(&n->conf);
	n->conf = *conf;
	*conf = (struct node_conf){ 0 };
	n->service->roster_nodes += n->conf.access == ACCESS_ROSTER;
}

struct node *node_new(
    struct service *s, int64_t id, const char *name, struct node_conf *conf, int64_t created)
{
	size_t len = strlen(name);
	struct node *n = xzalloc(sizeof(*n) + len + 1);

	n->service = s;
	n->id = id;
	n->created = created;
	memcpy(n->name, name, len + 1);
	map_init(&n->followers);
	map_init(&n->items);
	list_init(&n->followers_in_order);
	list_init(&n->items_in_order);
	take_conf(n, conf);
	map_put(&s->nodes, &n->by_name, n->name, len);
	list_add_tail(&s->in_order, &n->link);
	service_weigh(s, NODE_COST);
	return n;
}

struct node *node_create(
    struct service *s, const char *name, struct node_conf *conf, const char *creator)
{
	struct pubsub *p = s->p;
	struct node *n = node_new(s, ++p->last_node, name, conf, pubsub_wall(p));

	n->items_known = true; /* there are none */
	store_put_node(comp_tx(p->c), n);
	service_touch(s);
	if (!s->pep || strcmp(creator, s->address) != 0)
		(void)node_set_affiliation(n, creator, AFF_OWNER);
	return n;
}

void node_set_conf(struct node *n, struct node_conf *conf)
{
	take_conf(n, conf);
	store_put_conf(comp_tx(n->service->p->c), n);
	service_touch(n->service);
}

void node_delete(struct node *n)
{
	struct service *s = n->service;

	LIST_EACH (l, &n->items_in_order)
		s->stored -= (int64_t)LIST_ENTRY(l, struct item, link)->len;
	store_del_node(comp_tx(s->p->c), n->id);
	service_touch(s);
	node_free(n);
}

static void follower_free(struct node *n, struct follower *f)
{
	n->n_affiliations -= f->affiliation != AFF_NONE;
	LIST_EACH_SAFE (l, &f->subs) {
		free(LIST_ENTRY(l, struct sub, link));
		n->n_subs--;
		service_weigh(n->service, -SUB_COST);
	}
	map_del(&n->followers, &f->node);
	list_del(&f->link);
	service_weigh(n->service, -FOLLOWER_COST);
	free(f);
}

void node_free(struct node *n)
{
	struct service *s = n->service;

	items_free(n);
	LIST_EACH_SAFE (l, &n->followers_in_order)
		follower_free(n, LIST_ENTRY(l, struct follower, link));
	map_done(&n->followers);
	s->roster_nodes -= n->conf.access == ACCESS_ROSTER;
	map_del(&s->nodes, &n->by_name);
	list_del(&n->link);
	service_weigh(s, -NODE_COST);
	config_done(&n->conf);
	free(n);
}

/* --- followers ---------------------------------------------------------------------------------
 */

struct follower *node_follower(const struct node *n, const char *bare)
{
	struct map_node *m = map_gets(&n->followers, bare);

	return m ? MAP_ENTRY(m, struct follower, node) : NULL;
}

static struct follower *obtain(struct node *n, const char *bare)
{
	struct follower *f = node_follower(n, bare);
	size_t len = strlen(bare);

	if (f)
		return f;
	f = xzalloc(sizeof(*f) + len + 1);
	memcpy(f->bare, bare, len + 1);
	list_init(&f->subs);
	map_put(&n->followers, &f->node, f->bare, len);
	list_add_tail(&n->followers_in_order, &f->link);
	service_weigh(n->service, FOLLOWER_COST);
	return f;
}

static void tidy(struct node *n, struct follower *f)
{
	if (f->affiliation == AFF_NONE && list_empty(&f->subs))
		follower_free(n, f);
}

void node_forget_follower(struct node *n, const char *bare)
{
	struct follower *f = node_follower(n, bare);

	if (f)
		follower_free(n, f);
}

/* --- affiliations ------------------------------------------------------------------------------
 */

enum affiliation node_affiliation(const struct node *n, const char *bare)
{
	const struct follower *f;

	if (n->service->pep ? strcmp(n->service->address, bare) == 0
			    : pubsub_is_admin(n->service->p, bare))
		return AFF_OWNER;
	f = node_follower(n, bare);
	return f ? f->affiliation : AFF_NONE;
}

bool node_is_owner(const struct node *n, const char *bare)
{
	return node_affiliation(n, bare) == AFF_OWNER;
}

void node_restore_affiliation(struct node *n, const char *bare, enum affiliation a)
{
	struct follower *f = obtain(n, bare);

	n->n_affiliations -= f->affiliation != AFF_NONE;
	f->affiliation = a;
	n->n_affiliations += a != AFF_NONE;
	tidy(n, f);
}

int node_set_affiliation(struct node *n, const char *bare, enum affiliation a)
{
	struct pubsub *p = n->service->p;
	const struct follower *f = node_follower(n, bare);

	if (a != AFF_NONE && (!f || f->affiliation == AFF_NONE) &&
	    (int64_t)n->n_affiliations >= p->conf->max_affiliations)
		return -ENOSPC;
	node_restore_affiliation(n, bare, a);
	store_put_affiliation(comp_tx(p->c), n->id, bare, a);
	service_touch(n->service);
	return 0;
}

size_t node_owners(const struct node *n)
{
	size_t owners = n->service->pep;

	LIST_EACH (l, &n->followers_in_order)
		owners += LIST_ENTRY(l, struct follower, link)->affiliation == AFF_OWNER;
	return owners;
}

/* --- subscriptions -----------------------------------------------------------------------------
 */

static struct sub *find_sub(const struct follower *f, const char *jid, size_t *ret_n)
{
	*ret_n = 0;
	LIST_EACH (l, &f->subs) {
		struct sub *s = LIST_ENTRY(l, struct sub, link);

		if (strcmp(s->jid, jid) == 0)
			return s;
		(*ret_n)++;
	}
	return NULL;
}

struct sub *node_sub(const struct node *n, const char *jid, const char *bare)
{
	const struct follower *f = node_follower(n, bare);
	size_t k;

	return f ? find_sub(f, jid, &k) : NULL;
}

bool follower_subscribed(const struct follower *f)
{
	LIST_EACH (l, &f->subs)
		if (LIST_ENTRY(l, struct sub, link)->state == SUB_SUBSCRIBED)
			return true;
	return false;
}

bool node_subscribed(const struct node *n, const char *bare)
{
	const struct follower *f = node_follower(n, bare);

	return f && follower_subscribed(f);
}

void node_restore_sub(struct node *n, const char *jid, const char *bare, enum sub_state state)
{
	struct follower *f = obtain(n, bare);
	size_t len = strlen(jid), k;
	struct sub *s = find_sub(f, jid, &k);

	if (!s) {
		s = xzalloc(sizeof(*s) + len + 1);
		memcpy(s->jid, jid, len + 1);
		list_add_tail(&f->subs, &s->link);
		n->n_subs++;
		service_weigh(n->service, SUB_COST);
	}
	s->state = state;
}

int node_set_sub(struct node *n, const char *jid, const char *bare, enum sub_state state)
{
	struct pubsub *p = n->service->p;
	const struct follower *f = node_follower(n, bare);
	size_t k = 0;

	if (!(f && find_sub(f, jid, &k)) &&
	    (k >= PUBSUB_SUBS_OF_ONE || (int64_t)n->n_subs >= p->conf->max_subscriptions))
		return -ENOSPC;
	node_restore_sub(n, jid, bare, state);
	store_put_sub(comp_tx(p->c), n->id, jid, bare, state);
	service_touch(n->service);
	return 0;
}

void node_del_sub(struct node *n, const char *jid, const char *bare)
{
	struct follower *f = node_follower(n, bare);
	size_t k;
	struct sub *s = f ? find_sub(f, jid, &k) : NULL;

	if (!s)
		return;
	store_del_sub(comp_tx(n->service->p->c), n->id, jid);
	service_touch(n->service);
	list_del(&s->link);
	free(s);
	n->n_subs--;
	service_weigh(n->service, -SUB_COST);
	tidy(n, f);
}
