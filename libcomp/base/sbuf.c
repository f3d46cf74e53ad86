/* SPDX-License-Identifier: MIT */
/* A growable byte buffer that is consumed from the front.
 *
 * data[off .. off + len) is the content.  Memory grows by doubling.  The content is moved to the
 * front only when at least as much has been consumed as has to be moved, so that adding and
 * dropping cost constant time per byte whatever their sizes are. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/sbuf.h>

#define CAP_MIN 64

static void grow(struct sbuf *b, size_t n)
{
	size_t need, cap = b->cap ? b->cap : CAP_MIN;
	char *p;

	assert(n < SIZE_MAX / 4 && b->len < SIZE_MAX / 4);
	need = b->len + n;
	while (cap < need)
		cap *= 2;
	if (!b->data || b->off == 0) {
		b->data = xrealloc(b->data, cap);
	} else { /* not realloc(), which would copy the consumed part too */
		p = xmalloc(cap);
		if (b->len > 0)
			memcpy(p, b->data + b->off, b->len);
		free(b->data);
		b->data = p;
		b->off = 0;
	}
	b->cap = cap;
}

char *sbuf_reserve(struct sbuf *b, size_t n)
{
	if (!b->data || b->cap - b->off - b->len < n) {
		if (b->data && b->off >= b->len && b->cap - b->len >= n) {
			memcpy(b->data, b->data + b->off, b->len); /* off >= len: no overlap */
			b->off = 0;
		} else {
			grow(b, n);
		}
	}
	return b->data + b->off + b->len;
}

void sbuf_add(struct sbuf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	memcpy(sbuf_reserve(b, n), p, n);
	b->len += n;
}

void sbuf_putc(struct sbuf *b, char c)
{
	*sbuf_reserve(b, 1) = c;
	b->len++;
}

void sbuf_printf(struct sbuf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sbuf_vprintf(b, fmt, ap);
	va_end(ap);
}

void sbuf_vprintf(struct sbuf *b, const char *fmt, va_list ap)
{
	size_t room;
	va_list again;
	int n;

	va_copy(again, ap);
	sbuf_reserve(b, CAP_MIN);
	room = b->cap - b->off - b->len;
	n = vsnprintf(b->data + b->off + b->len, room, fmt, ap);
	assert(n >= 0); /* fails only for a wrong format */
	if ((size_t)n >= room)
		vsnprintf(sbuf_reserve(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
	b->len += (size_t)n;
	va_end(again);
}

const char *sbuf_str(struct sbuf *b)
{
	*sbuf_reserve(b, 1) = '\0';
	return b->data + b->off;
}

char *sbuf_steal(struct sbuf *b)
{
	char *p;

	sbuf_str(b);
	p = b->data;
	if (b->off > 0)
		memmove(p, p + b->off, b->len + 1);
	*b = (struct sbuf)SBUF_INIT;
	return p;
}

void sbuf_drop(struct sbuf *b, size_t n)
{
	assert(n <= b->len);
	b->len -= n;
	b->off = b->len > 0 ? b->off + n : 0;
}

void sbuf_truncate(struct sbuf *b, size_t len)
{
	assert(len <= b->len);
	b->len = len;
}

void sbuf_clear(struct sbuf *b)
{
	b->off = 0;
	b->len = 0;
}

void sbuf_done(struct sbuf *b)
{
	free(b->data);
	*b = (struct sbuf)SBUF_INIT;
}
