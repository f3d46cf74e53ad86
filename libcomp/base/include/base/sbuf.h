/* SPDX-License-Identifier: MIT */
/* A growable byte buffer that is consumed from the front.  Embed it: SBUF_INIT or zero bytes start
 * an empty one, sbuf_done() releases its memory and leaves it empty and usable. */
#ifndef BASE_SBUF_H
#define BASE_SBUF_H

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

struct sbuf {
	char *data;
	size_t off; /* first byte not consumed */
	size_t len; /* bytes from off on */
	size_t cap; /* allocated */
};
#define SBUF_INIT             \
	{                     \
		NULL, 0, 0, 0 \
	}

/* Room for n bytes behind the content; the caller writes there and says how many with sbuf_commit.
 * Valid until the next call on the buffer. */
char *sbuf_reserve(struct sbuf *b, size_t n) __attribute__((returns_nonnull));
static inline void sbuf_commit(struct sbuf *b, size_t n)
{
	b->len += n;
}

void sbuf_add(struct sbuf *b, const void *p, size_t n);
static inline void sbuf_puts(struct sbuf *b, const char *s)
{
	sbuf_add(b, s, strlen(s));
}
void sbuf_putc(struct sbuf *b, char c);
void sbuf_printf(struct sbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sbuf_vprintf(struct sbuf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* Never NULL, and not NUL-terminated. */
static inline const char *sbuf_data(const struct sbuf *b)
{
	return b->data ? b->data + b->off : "";
}
static inline size_t sbuf_len(const struct sbuf *b)
{
	return b->len;
}
const char *sbuf_str(struct sbuf *b) __attribute__((returns_nonnull)); /* NUL added, not counted */
char *sbuf_steal(struct sbuf *b)
    __attribute__((returns_nonnull)); /* NUL-terminated, caller frees */

void sbuf_drop(struct sbuf *b, size_t n);       /* consume n <= len bytes; keeps the memory */
void sbuf_truncate(struct sbuf *b, size_t len); /* forget all behind the first len bytes */
void sbuf_clear(struct sbuf *b);                /* forget the content, keep the memory */
void sbuf_done(struct sbuf *b);                 /* free the memory */

#endif
