/* SPDX-License-Identifier: MIT */
/* Intrusive hash map from byte strings to objects, hashed with SipHash-1-3 under a key drawn at
 * start, so a peer who chooses the keys cannot make it slow.
 * The object embeds a map_node; key bytes are borrowed and live as long as the entry. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <base/mem.h>

struct map_node {
	struct map_node *next;
	uint64_t hash;
	const void *key;
	size_t len;
};
struct map {
	struct map_node **slot;
	size_t mask; /* slots - 1; slots are a power of two */
	size_t n;    /* entries */
};
#define MAP_INIT           \
	{                  \
		NULL, 0, 0 \
	}

void map_init(struct map *m);
void map_done(struct map *m); /* frees the table, not the objects */

struct map_node *map_get(const struct map *m, const void *key, size_t len); /* NULL: not found */
static inline struct map_node *map_gets(const struct map *m, const char *key)
{
	return map_get(m, key, strlen(key));
}
/* The key must not be in the map yet (asserted only in debug builds: look first). */
void map_put(struct map *m, struct map_node *n, const void *key, size_t len);
void map_del(struct map *m, struct map_node *n); /* n must be in m */
static inline size_t map_len(const struct map *m)
{
	return m->n;
}

/* Iteration in no order.  Deleting the current entry is allowed with map_next taken before. */
struct map_node *map_first(const struct map *m);
struct map_node *map_next(const struct map *m, const struct map_node *n);
#define MAP_EACH(it, m) for (struct map_node *it = map_first(m); it; it = map_next(m, it))
#define MAP_ENTRY(ptr, type, member) CONTAINER_OF(ptr, type, member)

/* The keyed hash itself, for those who spread by it. */
uint64_t map_hash(const void *key, size_t len);

#endif
