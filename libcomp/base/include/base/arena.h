/* SPDX-License-Identifier: MIT */
/* An arena: many small allocations that are freed in one piece.  One owner, no locking.
 * Blocks are kept in a small bounded free list, so a stanza costs no malloc in the steady state. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a); /* NULL is fine */

/* Aligned for any object; never NULL; not zeroed. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull));
void *arena_zalloc(struct arena *a, size_t n) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *a, const char *s, size_t n) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));

/* Bytes taken so far: what a limit on a tree's memory is measured by. */
size_t arena_size(const struct arena *a);

#endif
