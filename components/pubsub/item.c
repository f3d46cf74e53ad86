/* SPDX-License-Identifier: MIT */
/* Items in memory: an index of a node's items once somebody needs it, else at most the newest.
 * Payloads are in one list over all nodes, the one used longest ago first; what is above its bound
 * goes, unless it is not committed yet. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/sbuf.h>
#include <xmpp/xml.h>

#include "item.h"
#include "store.h"

enum {
	ITEM_COST = 160, /* bytes of one in memory, about */
	ITEM_READ_MAX = 1 << 20,
};

/* --- payloads ----------------------------------------------------------------------------------
 */

static void uncache(struct item *it)
{
	struct pubsub *p = it->node->service->p;

	if (!it->payload)
		return;
	list_del(&it->cached);
	p->payloads_bytes -= it->len;
	service_weigh(it->node->service, -(long)it->len);
	free(it->payload);
	it->payload = NULL;
}

static void trim(struct pubsub *p)
{
	uint64_t safe = comp_tx_safe(p->c);

	LIST_EACH_SAFE (l, &p->payloads) {
		struct item *it = LIST_ENTRY(l, struct item, cached);

		if (p->payloads_bytes <= PUBSUB_PAYLOADS || it->tx > safe)
			return;
		uncache(it);
	}
}

static void cache(struct item *it, const char *payload)
{
	struct pubsub *p = it->node->service->p;

	it->payload = xmemdup(payload, it->len + 1);
	list_add_tail(&p->payloads, &it->cached);
	p->payloads_bytes += it->len;
	service_weigh(it->node->service, (long)it->len);
	trim(p);
}

/* One that the database has, too: behind those that are not committed it must not pile up. */
static void cache_read(struct item *it, const char *payload)
{
	cache(it, payload);
	if (it->node->service->p->payloads_bytes > PUBSUB_PAYLOADS)
		uncache(it);
}

static void use(struct item *it)
{
	list_del(&it->cached);
	list_add_tail(&it->node->service->p->payloads, &it->cached);
}

int item_payload(struct item *it, struct sbuf *out)
{
	size_t before = sbuf_len(out);
	int r;

	if (it->payload) {
		if (it->tx <= comp_tx_safe(it->node->service->p->c))
			use(it);
		sbuf_add(out, it->payload, it->len);
		return 0;
	}
	r = store_read_payload(it, out);
	if (r < 0)
		return r;
	if (sbuf_len(out) - before == it->len)
		cache_read(it, sbuf_str(out) + before);
	return 0;
}

/* What has come over the link can be read again: how deep and how wide it is has been looked at
 * there, and its tags have grown since (see XML_TAG_LINK). */
struct el *item_read(struct item *it)
{
	static const struct xml_limits lim = { .stanza = ITEM_READ_MAX, .tag = XML_TAG_LINK };
	struct sbuf text = SBUF_INIT;
	struct el *el = NULL;

	if (item_payload(it, &text) == 0)
		el = xml_read(sbuf_str(&text), &lim);
	sbuf_done(&text);
	return el;
}

/* --- life --------------------------------------------------------------------------------------
 */

static struct item *item_new(
    struct node *n, const char *id, int64_t seq, int64_t at, size_t len, const char *publisher)
{
	size_t id_len = strlen(id);
	struct item *it = xzalloc(sizeof(*it) + id_len + 1);

	it->node = n;
	it->seq = seq;
	it->at = at;
	it->len = len;
	it->publisher = xstrdup(publisher);
	memcpy(it->id, id, id_len + 1);
	list_init(&it->link);
	list_init(&it->cached);
	service_weigh(n->service, ITEM_COST);
	return it;
}

static void item_free(struct item *it)
{
	uncache(it);
	service_weigh(it->node->service, -ITEM_COST);
	free(it->publisher);
	free(it);
}

static void enter(struct node *n, struct item *it)
{
	list_add_tail(&n->items_in_order, &it->link);
	map_put(&n->items, &it->by_id, it->id, strlen(it->id));
	n->n_items++;
}

static void leave(struct item *it)
{
	struct node *n = it->node;

	list_del(&it->link);
	map_del(&n->items, &it->by_id);
	n->n_items--;
	item_free(it);
}

struct item *item_restore(struct node *n, const char *id, int64_t seq, int64_t at, size_t len,
    const char *publisher, const char *payload)
{
	struct item *it = item_new(n, id, seq, at, len, publisher);

	if (n->items_known) {
		struct item *old = items_find(n, id);

		if (old) /* not from us; the newer one holds */
			leave(old);
		enter(n, it);
	}
	if (payload)
		cache_read(it, payload);
	return it;
}

static void drop_last(struct node *n)
{
	if (n->last)
		item_free(n->last);
	n->last = NULL;
	n->last_known = false;
}

void items_free(struct node *n)
{
	drop_last(n);
	LIST_EACH_SAFE (l, &n->items_in_order)
		leave(LIST_ENTRY(l, struct item, link));
	map_done(&n->items);
	n->items_known = false;
}

/* --- reading -----------------------------------------------------------------------------------
 */

int items_load(struct node *n)
{
	int r;

	if (n->items_known)
		return 0;
	drop_last(n);
	n->items_known = true;
	r = store_read_items(n);
	if (r < 0)
		items_free(n);
	return r;
}

struct item *items_last(struct node *n, int *ret)
{
	*ret = 0;
	if (n->items_known)
		return list_empty(&n->items_in_order)
		           ? NULL
		           : LIST_ENTRY(n->items_in_order.prev, struct item, link);
	if (!n->last_known) {
		*ret = store_read_last(n, &n->last);
		n->last_known = *ret == 0;
	}
	return n->last;
}

struct item *items_find(const struct node *n, const char *id)
{
	struct map_node *m = map_gets(&n->items, id);

	return m ? MAP_ENTRY(m, struct item, by_id) : NULL;
}

/* --- writing -----------------------------------------------------------------------------------
 */

void items_remove(struct item *it)
{
	struct node *n = it->node;

	n->service->stored -= (int64_t)it->len;
	store_del_item(comp_tx(n->service->p->c), it);
	service_touch(n->service);
	leave(it);
}

struct item *items_put(
    struct node *n, const char *id, const char *publisher, const char *payload, size_t len)
{
	struct pubsub *p = n->service->p;
	struct item *old = items_find(n, id), *it;

	it = item_new(n, id, pubsub_next_seq(p), pubsub_wall(p), len, publisher);
	if (old)
		items_remove(old);
	enter(n, it);
	n->service->stored += (int64_t)len;
	store_put_item(comp_tx(p->c), it, payload);
	it->tx = comp_tx_number(p->c);
	cache(it, payload);
	service_touch(n->service);
	return it;
}

void items_cut(struct node *n, int64_t keep)
{
	while ((int64_t)n->n_items > keep)
		items_remove(LIST_ENTRY(n->items_in_order.next, struct item, link));
}

void items_purge(struct node *n)
{
	LIST_EACH_SAFE (l, &n->items_in_order) {
		struct item *it = LIST_ENTRY(l, struct item, link);

		n->service->stored -= (int64_t)it->len;
		leave(it);
	}
	store_purge(comp_tx(n->service->p->c), n->id);
	service_touch(n->service);
}
