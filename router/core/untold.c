/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <base/loop.h>
#include <base/mem.h>

#include "core/repeats.h"
#include "core/session.h"
#include "core/session_sm.h"
#include "core/stanza.h"
#include "core/untold.h"

struct untold_one {
	struct map_node node; /* by key */
	struct list link;
	struct untold *all;
	uint64_t key, until;
	struct stanza *st; /* in flight, its arg is this; NULL: it has been handled */
};

void untold_init(struct untold *u, struct loop *l)
{
	u->loop = l;
	map_init(&u->by_key);
	list_init(&u->all);
}

static uint64_t key_of(const struct jid *full, uint64_t hash)
{
	const uint64_t both[] = { map_hash(full->s, full->len), hash };

	return map_hash(both, sizeof(both));
}

static struct stanza *forget(struct untold_one *one)
{
	struct stanza *st = one->st;

	map_del(&one->all->by_key, &one->node);
	list_del(&one->link);
	free(one);
	if (st) {
		st->done = NULL;
		st->arg = NULL;
	}
	return st;
}

void untold_done(struct untold *u)
{
	LIST_EACH_SAFE (it, &u->all)
		(void)forget(LIST_ENTRY(it, struct untold_one, link));
	map_done(&u->by_key);
}

/* No timer: who looks or comes later finds nothing that is too old. */
static void expire(struct untold *u, size_t max)
{
	uint64_t now = loop_now(u->loop);
	struct untold_one *one;

	while ((one = LIST_FIRST(&u->all, struct untold_one, link)) &&
	       (one->until <= now || map_len(&u->by_key) > max))
		(void)forget(one);
}

static struct untold_one *find(const struct untold *u, uint64_t key)
{
	struct map_node *n = map_get(&u->by_key, &key, sizeof(key));

	return n ? MAP_ENTRY(n, struct untold_one, node) : NULL;
}

/* A stanza's completion. */
static void on_settled(struct stanza *st)
{
	struct untold_one *one = st->arg;

	one->st = NULL;
	if (st->bounced || st->dropped)
		(void)forget(one);
}

/* st NULL: it has been handled. */
static void keep(struct untold *u, const struct jid *full, uint64_t hash, struct stanza *st)
{
	uint64_t key = key_of(full, hash);
	struct untold_one *one = find(u, key);

	if (one) /* said twice */
		(void)forget(one);
	one = xzalloc(sizeof(*one));
	one->all = u;
	one->key = key;
	one->until = loop_now(u->loop) + UNTOLD_MS;
	map_put(&u->by_key, &one->node, &one->key, sizeof(one->key));
	list_add_tail(&u->all, &one->link);
	one->st = st;
	if (!st)
		return;
	list_del(&st->link);
	st->session = NULL;
	st->done = on_settled;
	st->arg = one;
}

static size_t count(const struct list *all)
{
	size_t n = 0;

	LIST_EACH (it, all)
		n += repeat_stays(LIST_ENTRY(it, struct repeat, link)) ? 1 : 0;
	return n;
}

/* All but the first *skip of them. */
static void keep_list(struct untold *u, const struct jid *full, struct list *all, size_t *skip)
{
	LIST_EACH (it, all) {
		struct repeat *rep = LIST_ENTRY(it, struct repeat, link);

		if (!repeat_stays(rep))
			continue;
		if (*skip > 0) {
			(*skip)--;
			continue;
		}
		keep(u, full, rep->hash, rep->st);
		rep->st = NULL;
	}
}

void untold_keep(struct untold *u, struct session *s)
{
	struct repeats *rp = &s->sm->repeats;
	size_t n = rp->tail_n + count(&rp->came) + count(&rp->expected);
	size_t skip = n > REPEATS_TAIL ? n - REPEATS_TAIL : 0;

	for (size_t i = 0; i < rp->tail_n; i++) {
		if (skip > 0)
			skip--;
		else
			keep(u, &s->jid, rp->tail[(rp->tail_first + i) & (rp->tail_cap - 1)].hash,
			    NULL);
	}
	keep_list(u, &s->jid, &rp->came, &skip);
	keep_list(u, &s->jid, &rp->expected, &skip);
	expire(u, UNTOLD_MAX);
}

bool untold_take(struct untold *u, const struct jid *full, uint64_t hash, struct stanza **ret)
{
	struct untold_one *one;

	*ret = NULL;
	if (map_len(&u->by_key) == 0)
		return false;
	expire(u, UNTOLD_MAX);
	one = find(u, key_of(full, hash));
	if (!one)
		return false;
	*ret = forget(one);
	return true;
}
