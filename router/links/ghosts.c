/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <xmpp/el.h>

#include "core/stanza.h"
#include "links/ghosts.h"

#define KEY_MAX 4096 /* two full addresses; what is longer is nobody's real name */

struct ghost {
	struct map_node node;
	struct list of_order;
	struct share share;
	char pair[]; /* from, NUL, to, NUL */
};

void ghosts_init(struct ghosts *g)
{
	*g = (struct ghosts){ 0 };
	map_init(&g->by_pair);
	list_init(&g->order);
}

/* The length of from, NUL, to, NUL in out; 0: too long. */
static size_t pair_key(char out[KEY_MAX], const char *from, const char *to)
{
	size_t n = strlen(from) + 1, m = strlen(to) + 1;

	if (n + m > KEY_MAX)
		return 0;
	memcpy(out, from, n);
	memcpy(out + n, to, m);
	return n + m;
}

static struct ghost *find(const struct ghosts *g, const char *key, size_t len)
{
	struct map_node *n = map_get(&g->by_pair, key, len);

	return n ? MAP_ENTRY(n, struct ghost, node) : NULL;
}

static void drop(struct ghosts *g, struct ghost *gh)
{
	map_del(&g->by_pair, &gh->node);
	list_del(&gh->of_order);
	shares_give(&g->shares, gh->share, 1);
	free(gh);
}

bool ghosts_keep(struct ghosts *g, const struct stanza *st)
{
	struct share share = shares_of(&st->from, st->component != NULL);
	char key[KEY_MAX];
	size_t len = pair_key(key, st->from.s, st->to.s);
	struct ghost *gh;

	if (len == 0)
		return false;
	if (find(g, key, len))
		return true;
	if (map_len(&g->by_pair) >= GHOSTS_MAX || !shares_fit(&g->shares, share, 1, GHOSTS_MAX))
		return false;
	gh = xzalloc(sizeof(*gh) + len);
	memcpy(gh->pair, key, len);
	gh->share = share;
	shares_take(&g->shares, share, 1);
	map_put(&g->by_pair, &gh->node, gh->pair, len);
	list_add_tail(&g->order, &gh->of_order);
	return true;
}

void ghosts_forget(struct ghosts *g, const char *from, const char *to)
{
	char key[KEY_MAX];
	struct ghost *gh;
	size_t len;

	if (!ghosts_any(g) || !from || !to || (len = pair_key(key, from, to)) == 0)
		return;
	gh = find(g, key, len);
	if (gh)
		drop(g, gh);
}

struct el *ghosts_next(struct ghosts *g)
{
	struct ghost *gh = LIST_FIRST(&g->order, struct ghost, of_order);
	struct el *el;

	if (!gh)
		return NULL;
	el = el_presence("unavailable", gh->pair + strlen(gh->pair) + 1);
	el_set(el, "from", gh->pair);
	drop(g, gh);
	return el;
}

void ghosts_done(struct ghosts *g)
{
	while (!list_empty(&g->order))
		drop(g, LIST_ENTRY(g->order.next, struct ghost, of_order));
	map_done(&g->by_pair);
}
