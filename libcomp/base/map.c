/* SPDX-License-Identifier: MIT */
/* Intrusive hash map: chains on a table of slots that doubles when it holds an entry per slot.
 *
 * Owns the table; the objects and their keys are the caller's.  The table never shrinks before
 * map_done(), so that entries may be deleted while one walks over the map. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <base/map.h>
#include <base/mem.h>
#include <base/rnd.h>

#define SLOTS_MIN 8

/* --- SipHash-1-3 (Aumasson, Bernstein: SipHash, 2012), as Rust and Ruby use it for tables ----- */
#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = ROTL(v[1], 13) ^ v[0];
	v[0] = ROTL(v[0], 32);
	v[2] += v[3];
	v[3] = ROTL(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = ROTL(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = ROTL(v[1], 17) ^ v[2];
	v[2] = ROTL(v[2], 32);
}

/* Words are taken in the machine's order: the values never leave the process. */
static uint64_t siphash13(const uint64_t key[2], const void *key_bytes, size_t len)
{
	const unsigned char *p = key_bytes;
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575U, key[1] ^ 0x646f72616e646f6dU,
		key[0] ^ 0x6c7967656e657261U, key[1] ^ 0x7465646279746573U };
	uint64_t w, last = (uint64_t)len << 56;
	size_t left = len;

	for (; left >= 8; left -= 8, p += 8) {
		memcpy(&w, p, 8);
		v[3] ^= w;
		sip_round(v);
		v[0] ^= w;
	}
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)p[i] << (8 * i);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t map_hash(const void *key, size_t len)
{
	static uint64_t seed[2];
	static bool seeded;

	if (!seeded) {
		rnd_bytes(seed, sizeof(seed));
		seeded = true;
	}
	return siphash13(seed, key, len);
}

/* --- the table -------------------------------------------------------------------------------- */
void map_init(struct map *m)
{
	*m = (struct map)MAP_INIT;
}

void map_done(struct map *m)
{
	free(m->slot);
	*m = (struct map)MAP_INIT;
}

static struct map_node *find(const struct map *m, uint64_t hash, const void *key, size_t len)
{
	struct map_node *n;

	if (!m->slot)
		return NULL;
	for (n = m->slot[hash & m->mask]; n; n = n->next) {
		if (n->hash == hash && n->len == len && (len == 0 || memcmp(n->key, key, len) == 0))
			return n;
	}
	return NULL;
}

struct map_node *map_get(const struct map *m, const void *key, size_t len)
{
	if (m->n == 0)
		return NULL;
	return find(m, map_hash(key, len), key, len);
}

static void grow(struct map *m)
{
	size_t slots = m->slot ? (m->mask + 1) * 2 : SLOTS_MIN;
	struct map_node **slot = xreallocarray(NULL, slots, sizeof(struct map_node *));
	struct map_node *n, *next;

	memset(slot, 0, slots * sizeof(struct map_node *));
	for (size_t i = 0; m->slot && i <= m->mask; i++) {
		for (n = m->slot[i]; n; n = next) {
			next = n->next;
			n->next = slot[n->hash & (slots - 1)];
			slot[n->hash & (slots - 1)] = n;
		}
	}
	free(m->slot);
	m->slot = slot;
	m->mask = slots - 1;
}

void map_put(struct map *m, struct map_node *n, const void *key, size_t len)
{
	n->key = key;
	n->len = len;
	n->hash = map_hash(key, len);
#ifndef __OPTIMIZE__
	assert(!find(m, n->hash, key, len));
#endif
	if (!m->slot || m->n > m->mask)
		grow(m);
	n->next = m->slot[n->hash & m->mask];
	m->slot[n->hash & m->mask] = n;
	m->n++;
}

void map_del(struct map *m, struct map_node *n)
{
	struct map_node **pp;

	assert(m->slot);
	for (pp = &m->slot[n->hash & m->mask]; *pp != n; pp = &(*pp)->next)
		assert(*pp); /* n is not in this map */
	*pp = n->next;
	n->next = NULL;
	m->n--;
}

static struct map_node *first_from(const struct map *m, size_t i)
{
	for (; i <= m->mask; i++) {
		if (m->slot[i])
			return m->slot[i];
	}
	return NULL;
}

struct map_node *map_first(const struct map *m)
{
	return m->n > 0 ? first_from(m, 0) : NULL;
}

struct map_node *map_next(const struct map *m, const struct map_node *n)
{
	return n->next ? n->next : first_from(m, (n->hash & m->mask) + 1);
}
