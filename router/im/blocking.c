/* SPDX-License-Identifier: MIT */
/* Block lists in memory: loading, looking up, forgetting.
 *
 * All lists but those with a change under way (busy) stand in one order of use, the stalest next to
 * go; an account that blocks nobody has an empty one, so that it is not asked for again and again.
 * Nothing is freed before the end of the turn.
 *
 * A list whose commit has failed is broken: it goes as soon as no change is under way, for only
 * then does the database say what stands.  Until then it counts as it is, but cannot be changed.
 *
 * Must not: speak to anybody (blocking_iq.c). */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <base/log.h>
#include <base/loop.h>

#include "im/blocking_internal.h"
#include "im/presence_send.h"
#include "router.h"

#define LISTS_MAX 65536  /* lists, most of them empty */
#define ITEMS_MAX 200000 /* addresses in them */

struct blocking {
	struct router *router;
	bool any; /* somebody blocks somebody, or did since the start */
	struct map by_owner;
	struct list by_use; /* of struct blocklist.by_use, the stalest first */
	size_t n_items;
};

/* --- items ---------------------------------------------------------------------------------- */

static struct block *find(const struct blocklist *l, const char *p, size_t len)
{
	struct map_node *n = map_get(&l->items, p, len);

	return n ? MAP_ENTRY(n, struct block, node) : NULL;
}

bool blocklist_has(const struct blocklist *l, const struct jid *jid)
{
	return find(l, jid->s, jid->len) != NULL;
}

/* XEP-0191 5: the address itself, the bare one, and the domain of either.  domain/resource has no
 * bare form but the domain: the same look-ups do. */
bool blocklist_refuses(const struct blocklist *l, const struct jid *peer)
{
	size_t bare = jid_bare_len(peer);

	if (map_len(&l->items) == 0)
		return false;
	return find(l, peer->s, peer->len) || (peer->res && find(l, peer->s, bare)) ||
	       (peer->dom && find(l, jid_domain(peer), jid_domain_len(peer)));
}

void blocklist_add(struct blocking *bl, struct blocklist *l, const struct jid *jid)
{
	struct block *b;

	if (blocklist_has(l, jid))
		return;
	b = xmalloc(sizeof(*b) + jid->len + 1U);
	memcpy(b->text, jid->s, jid->len);
	b->text[jid->len] = '\0';
	b->jid = *jid;
	b->jid.s = b->text;
	map_put(&l->items, &b->node, b->text, jid->len);
	bl->n_items++;
	bl->any = true;
}

static void item_drop(struct blocking *bl, struct blocklist *l, struct block *b)
{
	map_del(&l->items, &b->node);
	bl->n_items--;
	free(b);
}

void blocklist_del(struct blocking *bl, struct blocklist *l, const struct jid *jid)
{
	struct block *b = find(l, jid->s, jid->len);

	if (b)
		item_drop(bl, l, b);
}

void blocklist_clear(struct blocking *bl, struct blocklist *l)
{
	struct map_node *n;

	while ((n = map_first(&l->items)))
		item_drop(bl, l, MAP_ENTRY(n, struct block, node));
	map_done(&l->items);
}

/* --- lists ---------------------------------------------------------------------------------- */

static struct blocklist *list_new(const struct jid *owner)
{
	struct blocklist *l = xzalloc(sizeof(*l));

	list_init(&l->by_use);
	map_init(&l->items);
	l->owner = *owner;
	l->owner.res = 0;
	l->owner.len = (uint16_t)jid_bare_len(owner);
	l->owner.s = xstrndup(owner->s, l->owner.len);
	return l;
}

static void list_destroy(void *arg)
{
	struct blocklist *l = arg;
	struct map_node *n;

	while ((n = map_first(&l->items))) {
		map_del(&l->items, n);
		free(MAP_ENTRY(n, struct block, node));
	}
	map_done(&l->items);
	jid_done(&l->owner);
	free(l);
}

static void forget(struct blocking *bl, struct blocklist *l)
{
	list_del(&l->by_use);
	map_del(&bl->by_owner, &l->node);
	bl->n_items -= map_len(&l->items);
	loop_reap(bl->router->loop, list_destroy, l);
}

static void touch(struct blocking *bl, struct blocklist *l)
{
	list_del(&l->by_use);
	if (l->busy == 0)
		list_add_tail(&bl->by_use, &l->by_use);
}

/* The list that is wanted now was touched last: it stays, however long it is. */
static void trim(struct blocking *bl)
{
	while (map_len(&bl->by_owner) > LISTS_MAX || bl->n_items > ITEMS_MAX) {
		struct blocklist *l = LIST_FIRST(&bl->by_use, struct blocklist, by_use);

		if (!l || bl->by_use.prev == &l->by_use)
			return;
		forget(bl, l);
	}
}

struct loading {
	struct blocking *blocking;
	struct blocklist *list;
};

static void loaded_row(const struct jid *jid, void *arg)
{
	struct loading *ld = arg;

	blocklist_add(ld->blocking, ld->list, jid);
}

static int load(struct blocking *bl, const struct jid *owner, struct blocklist **out)
{
	struct loading ld = { bl, list_new(owner) };
	int r;

	map_put(&bl->by_owner, &ld.list->node, ld.list->owner.s, ld.list->owner.len);
	r = blocking_store_load(bl->router->db, &ld.list->owner, loaded_row, &ld);
	if (r < 0) {
		forget(bl, ld.list);
		return r;
	}
	touch(bl, ld.list);
	trim(bl);
	*out = ld.list;
	return 0;
}

static struct blocklist *peek(struct blocking *bl, const struct jid *owner)
{
	struct map_node *n = map_get(&bl->by_owner, owner->s, jid_bare_len(owner));

	return n ? MAP_ENTRY(n, struct blocklist, node) : NULL;
}

int blocklist_get(struct blocking *bl, const struct jid *owner, struct blocklist **out)
{
	struct blocklist *l = peek(bl, owner);

	if (!l)
		return load(bl, owner, out);
	if (l->broken)
		return -EBUSY;
	touch(bl, l);
	*out = l;
	return 0;
}

void blocklist_enter(struct blocklist *l)
{
	l->busy++;
	list_del(&l->by_use);
}

void blocklist_leave(struct blocking *bl, struct blocklist *l, bool failed)
{
	assert(l->busy > 0);
	l->broken = l->broken || failed;
	if (--l->busy > 0)
		return;
	if (l->broken)
		forget(bl, l);
	else
		touch(bl, l);
}

void blocking_forget(struct blocking *bl, const struct jid *owner)
{
	struct blocklist *l = bl ? peek(bl, owner) : NULL;

	if (l && l->busy > 0)
		l->broken = true;
	else if (l)
		forget(bl, l);
}

/* --- looking up ----------------------------------------------------------------------------- */

static bool exempt(const struct jid *owner, const struct jid *peer)
{
	return jid_same_bare(owner, peer) ||
	       (!peer->dom && jid_domain_len(owner) == jid_domain_len(peer) &&
		   !memcmp(jid_domain(owner), jid_domain(peer), jid_domain_len(peer)));
}

/* If the list cannot be read it refuses nobody: the database's trouble is in the log already, and
 * would else silence everybody. */
bool blocking_refuses(struct router *r, const struct jid *owner, const struct jid *peer)
{
	struct blocking *bl = r->blocking;
	struct blocklist *l;

	if (!bl || !bl->any || !presence_is_local(r, owner) || exempt(owner, peer))
		return false;
	l = peek(bl, owner);
	if (l)
		touch(bl, l);
	else if (load(bl, owner, &l) < 0)
		return false;
	return blocklist_refuses(l, peer);
}

enum blocking_verdict blocking_judge(struct router *r, const struct jid *from, const struct jid *to)
{
	if (blocking_refuses(r, from, to))
		return BLOCKING_BY_SENDER;
	if (blocking_refuses(r, to, from))
		return BLOCKING_BY_RECIPIENT;
	return BLOCKING_PASS;
}

/* --- opening and closing -------------------------------------------------------------------- */

int blocking_open(struct blocking **out, struct router *r)
{
	struct blocking *bl;
	int any = blocking_store_any(r->db);

	if (any < 0)
		return any;
	bl = xzalloc(sizeof(*bl));
	bl->router = r;
	bl->any = any > 0;
	map_init(&bl->by_owner);
	list_init(&bl->by_use);
	*out = bl;
	return 0;
}

void blocking_close(struct blocking *bl)
{
	struct map_node *n;

	if (!bl)
		return;
	while ((n = map_first(&bl->by_owner))) {
		map_del(&bl->by_owner, n);
		list_destroy(MAP_ENTRY(n, struct blocklist, node));
	}
	map_done(&bl->by_owner);
	free(bl);
}
