/* SPDX-License-Identifier: MIT */
/* Arenas: many small allocations, freed in one piece.
 *
 * An arena is a chain of blocks of BLOCK_SIZE; the arena's own struct stands at the start of its
 * first block, so a small tree is one block and costs no malloc() once the free list is warm.  What
 * is larger than LARGE gets a block of its own, so that at most a quarter of a block is lost when
 * one is full.  The free list is per thread (no locking) and bounded.
 *
 * Under AddressSanitizer every allocation is a block of its own and nothing is kept, so that use
 * after free and overflow from one object into the next are found. */
#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_PLAIN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_PLAIN 1
#endif
#endif
#ifndef ARENA_PLAIN
#define ARENA_PLAIN 0
#endif

#define ALIGN alignof(max_align_t)
#define ROUND(n) (((n) + ALIGN - 1) & ~(ALIGN - 1))
#define BLOCK_SIZE 4096
#define BLOCKS_KEPT 1024
#define LARGE (ARENA_PLAIN ? 0 : BLOCK_SIZE / 4)

struct block {
	struct block *next;
	bool pooled; /* BLOCK_SIZE bytes: may go to the free list */
	alignas(max_align_t) char data[];
};

struct arena {
	struct block *blocks;
	char *pos, *end; /* what is left of the block that is being filled */
	size_t size;
};

static _Thread_local struct block *kept;
static _Thread_local unsigned n_kept;

static struct block *block_get(void)
{
	struct block *b = kept;

	if (b) {
		kept = b->next;
		n_kept--;
		return b;
	}
	b = xmalloc(BLOCK_SIZE);
	b->pooled = true;
	return b;
}

static void block_put(struct block *b)
{
	if (ARENA_PLAIN || !b->pooled || n_kept >= BLOCKS_KEPT) {
		free(b);
		return;
	}
	b->next = kept;
	kept = b;
	n_kept++;
}

struct arena *arena_new(void)
{
	struct block *b = block_get();
	struct arena *a = (struct arena *)(void *)b->data;

	b->next = NULL;
	a->blocks = b;
	a->pos = b->data + ROUND(sizeof(*a));
	a->end = (char *)b + BLOCK_SIZE;
	a->size = 0;
	return a;
}

void arena_free(struct arena *a)
{
	struct block *b, *next;

	if (!a)
		return;
	/* The block that holds *a is the last of the chain. */
	for (b = a->blocks; b; b = next) {
		next = b->next;
		block_put(b);
	}
}

static void *alloc_large(struct arena *a, size_t n)
{
	struct block *b = xmalloc(sizeof(*b) + n);

	b->pooled = false;
	b->next = a->blocks;
	a->blocks = b;
	return b->data;
}

void *arena_alloc(struct arena *a, size_t n)
{
	struct block *b;
	void *p;

	assert(n < SIZE_MAX / 2); /* larger is a length that went below zero */
	a->size += ROUND(n);
	if (n > LARGE || ARENA_PLAIN)
		return alloc_large(a, n);
	n = ROUND(n);
	if (n > (size_t)(a->end - a->pos)) {
		b = block_get();
		b->next = a->blocks;
		a->blocks = b;
		a->pos = b->data;
		a->end = (char *)b + BLOCK_SIZE;
	}
	p = a->pos;
	a->pos += n;
	return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
	return memset(arena_alloc(a, n), 0, n);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = arena_alloc(a, len + 1);

	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	size_t len = strlen(s) + 1;

	return memcpy(arena_alloc(a, len), s, len);
}

size_t arena_size(const struct arena *a)
{
	return a->size;
}
