/* SPDX-License-Identifier: MIT */
/* Allocation that never returns NULL: out of memory aborts.  Every size that a peer controls is
 * therefore bounded (lim.h) before it gets here.  What these return is released with free(). */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#define MEM_FMT(f, a) __attribute__((format(printf, f, a)))

void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xzalloc(size_t n) __attribute__((malloc, returns_nonnull)); /* zeroed */
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
void *xmemdup(const void *p, size_t n) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) MEM_FMT(1, 2) __attribute__((returns_nonnull));
char *xvasprintf(const char *fmt, va_list ap) MEM_FMT(1, 0) __attribute__((returns_nonnull));

/* Overwrites a secret in a way that no compiler removes. */
void mem_wipe(void *p, size_t n);

/* The object that embeds a member. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
