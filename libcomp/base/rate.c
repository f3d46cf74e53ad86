/* SPDX-License-Identifier: MIT */
/* Token buckets, alone and in tables by key.
 *
 * A bucket is refilled when it is looked at, so it needs no timer.  A table owns its entries, at
 * most `max` of them, in the order of their last use; the one that was unused for longest makes
 * room.  Whoever can use more than `max` keys is therefore limited less: `max` is chosen larger
 * than the number of addresses that are worth having. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <base/list.h>
#include <base/map.h>
#include <base/mem.h>
#include <base/rate.h>

/* --- one bucket ------------------------------------------------------------------------------- */
void rate_init(struct rate *r, const struct rate_conf *c, uint64_t now_ms)
{
	r->tokens = c->burst;
	r->last_ms = now_ms;
}

static void refill(struct rate *r, const struct rate_conf *c, uint64_t now_ms)
{
	if (now_ms > r->last_ms) {
		r->tokens += (double)(now_ms - r->last_ms) * c->per_second / 1000.0;
		r->last_ms = now_ms;
	}
	if (r->tokens > c->burst) /* also after a reload that made the bucket smaller */
		r->tokens = c->burst;
}

bool rate_take(struct rate *r, const struct rate_conf *c, double n, uint64_t now_ms)
{
	if (c->per_second <= 0)
		return true;
	refill(r, c, now_ms);
	if (r->tokens < n)
		return false;
	r->tokens -= n;
	return true;
}

bool rate_charge(struct rate *r, const struct rate_conf *c, double n, uint64_t now_ms)
{
	if (c->per_second <= 0)
		return true;
	refill(r, c, now_ms);
	if (r->tokens < 1)
		return false;
	r->tokens -= n < c->burst ? n : c->burst;
	return true;
}

uint64_t rate_debt(struct rate *r, const struct rate_conf *c, double n, uint64_t now_ms)
{
	if (c->per_second <= 0)
		return 0;
	refill(r, c, now_ms);
	r->tokens -= n;
	if (r->tokens >= 0)
		return 0;
	return (uint64_t)(-r->tokens * 1000.0 / c->per_second) + 1;
}

/* --- tables ----------------------------------------------------------------------------------- */
struct entry {
	struct map_node node;
	struct list link; /* rate_table.used */
	struct rate rate;
	char key[];
};

struct rate_table {
	struct rate_conf conf;
	struct map map;
	struct list used; /* the stalest first */
	unsigned max;
};

struct rate_table *rate_table_new(const struct rate_conf *c, unsigned max)
{
	struct rate_table *t = xzalloc(sizeof(*t));

	assert(max > 0);
	t->conf = *c;
	t->max = max;
	map_init(&t->map);
	list_init(&t->used);
	return t;
}

static void entry_free(struct rate_table *t, struct entry *e)
{
	map_del(&t->map, &e->node);
	list_del(&e->link);
	free(e);
}

void rate_table_free(struct rate_table *t)
{
	if (!t)
		return;
	while (!list_empty(&t->used))
		entry_free(t, LIST_ENTRY(t->used.next, struct entry, link));
	map_done(&t->map);
	free(t);
}

void rate_table_set(struct rate_table *t, const struct rate_conf *c)
{
	t->conf = *c;
}

static struct entry *find(const struct rate_table *t, const char *key)
{
	struct map_node *n = map_gets(&t->map, key);

	return n ? MAP_ENTRY(n, struct entry, node) : NULL;
}

static struct entry *add(struct rate_table *t, const char *key, uint64_t now_ms)
{
	size_t len = strlen(key);
	struct entry *e;

	if (map_len(&t->map) >= t->max)
		entry_free(t, LIST_ENTRY(t->used.next, struct entry, link));
	e = xmalloc(sizeof(*e) + len + 1);
	memcpy(e->key, key, len + 1);
	rate_init(&e->rate, &t->conf, now_ms);
	list_add_tail(&t->used, &e->link);
	map_put(&t->map, &e->node, e->key, len);
	return e;
}

static struct rate *use(struct rate_table *t, const char *key, uint64_t now_ms)
{
	struct entry *e = find(t, key);

	if (!e)
		return &add(t, key, now_ms)->rate;
	list_del(&e->link);
	list_add_tail(&t->used, &e->link);
	return &e->rate;
}

bool rate_table_take(struct rate_table *t, const char *key, double n, uint64_t now_ms)
{
	return t->conf.per_second <= 0 || rate_take(use(t, key, now_ms), &t->conf, n, now_ms);
}

uint64_t rate_table_debt(struct rate_table *t, const char *key, double n, uint64_t now_ms)
{
	if (t->conf.per_second <= 0)
		return 0;
	return rate_debt(use(t, key, now_ms), &t->conf, n, now_ms);
}

bool rate_table_charge(struct rate_table *t, const char *key, double n, uint64_t now_ms)
{
	return t->conf.per_second <= 0 || rate_charge(use(t, key, now_ms), &t->conf, n, now_ms);
}

bool rate_table_peek(struct rate_table *t, const char *key, double n, uint64_t now_ms)
{
	struct entry *e;

	if (t->conf.per_second <= 0)
		return true;
	e = find(t, key);
	if (!e)
		return n <= t->conf.burst;
	refill(&e->rate, &t->conf, now_ms);
	return e->rate.tokens >= n;
}
