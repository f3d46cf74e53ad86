/* SPDX-License-Identifier: MIT */
/* Images by their headers: PNG, GIF, JPEG, WebP.  Every read is behind a check of what is there,
 * and what takes several steps (JPEG's segments) goes forward only.
 *
 * Must not: decode an image, or believe what a name or an attribute says of it. */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <base/digest.h>
#include <base/mem.h>
#include <base/sbuf.h>

#include "avatar_check.h"

enum { SHA1_LEN = 20, DIM_MAX = 0x7fffffff };

struct dim {
	uint32_t w, h;
};

static uint32_t le(const uint8_t *p, int bytes)
{
	uint32_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | p[bytes];
	return v;
}

static uint32_t be(const uint8_t *p, int bytes)
{
	uint32_t v = 0;

	for (; bytes > 0; bytes--)
		v = v << 8 | *p++;
	return v;
}

static bool has(const uint8_t *p, size_t n, size_t at, const char *what, size_t len)
{
	return n >= at + len && !memcmp(p + at, what, len);
}

/* --- each kind -------------------------------------------------------------------------------- */

static bool is_png(const uint8_t *p, size_t n)
{
	return has(p, n, 0, "\x89PNG\r\n\x1a\n", 8);
}

/* ISO/IEC 15948 11.2.2: IHDR comes first and has 13 bytes. */
static int png_size(const uint8_t *p, size_t n, struct dim *d)
{
	if (n < 24 || be(p + 8, 4) != 13 || memcmp(p + 12, "IHDR", 4) != 0)
		return -EINVAL;
	*d = (struct dim){ be(p + 16, 4), be(p + 20, 4) };
	return 0;
}

static bool is_gif(const uint8_t *p, size_t n)
{
	return has(p, n, 0, "GIF87a", 6) || has(p, n, 0, "GIF89a", 6);
}

/* GIF89a 18: the logical screen. */
static int gif_size(const uint8_t *p, size_t n, struct dim *d)
{
	if (n < 10)
		return -EINVAL;
	*d = (struct dim){ le(p + 6, 2), le(p + 8, 2) };
	return 0;
}

static bool is_jpeg(const uint8_t *p, size_t n)
{
	return has(p, n, 0, "\xff\xd8\xff", 3);
}

/* ITU-T T.81 table B.1: SOF0 to SOF15 without DHT, JPG and DAC, which stand among them. */
static bool is_frame(uint8_t marker)
{
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
	       marker != 0xcc;
}

/* T.81 B.1.1: segments up to the frame header (B.2.2).  A height of 0 comes later (B.2.5), that is
 * not here. */
static int jpeg_size(const uint8_t *p, size_t n, struct dim *d)
{
	size_t at = 2, len;
	uint8_t marker;

	for (;;) {
		if (at >= n || p[at] != 0xff)
			return -EINVAL;
		while (at < n && p[at] == 0xff) /* fill bytes (B.1.1.2) */
			at++;
		if (n - at < 3)
			return -EINVAL;
		marker = p[at++];
		/* Only these may come before a frame: tables and the like, not data or the end. */
		if (marker < 0xc0 || (marker >= 0xd0 && marker <= 0xda))
			return -EINVAL;
		len = be(p + at, 2);
		if (len < 2)
			return -EINVAL;
		if (is_frame(marker))
			break;
		at += len; /* perhaps beyond the end */
	}
	if (len < 8 || n - at < 7)
		return -EINVAL;
	*d = (struct dim){ be(p + at + 5, 2), be(p + at + 3, 2) };
	return 0;
}

static bool is_webp(const uint8_t *p, size_t n)
{
	return has(p, n, 0, "RIFF", 4) && has(p, n, 8, "WEBP", 4);
}

/* RFC 9649 2.5 to 2.7: the first chunk is a lossy frame (RFC 6386 9.1), a lossless one (RFC 9649
 * 3.4) or the header of the extended format. */
static int webp_size(const uint8_t *p, size_t n, struct dim *d)
{
	uint32_t len, bits;

	if (n < 25)
		return -EINVAL;
	len = le(p + 16, 4);
	if (!memcmp(p + 12, "VP8L", 4)) {
		bits = le(p + 21, 4);
		if (len < 5 || p[20] != 0x2f || bits >> 29 != 0) /* its version */
			return -EINVAL;
		*d = (struct dim){ (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1 };
		return 0;
	}
	if (len < 10 || n < 30)
		return -EINVAL;
	if (!memcmp(p + 12, "VP8X", 4)) {
		*d = (struct dim){ le(p + 24, 3) + 1, le(p + 27, 3) + 1 };
		return 0;
	}
	if (memcmp(p + 12, "VP8 ", 4) != 0 || (p[20] & 1) != 0 /* no key frame */ ||
	    memcmp(p + 23, "\x9d\x01\x2a", 3) != 0)
		return -EINVAL;
	*d = (struct dim){ le(p + 26, 2) & 0x3fff, le(p + 28, 2) & 0x3fff };
	return 0;
}

static const struct kind {
	const char *type;
	bool (*is)(const uint8_t *p, size_t n);
	int (*size)(const uint8_t *p, size_t n, struct dim *d); /* what `is` has seen is there */
} kinds[] = {
	{ "image/png", is_png, png_size },
	{ "image/jpeg", is_jpeg, jpeg_size },
	{ "image/gif", is_gif, gif_size },
	{ "image/webp", is_webp, webp_size },
};

static const struct kind *kind_of(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].is(p, n))
			return &kinds[i];
	}
	return NULL;
}

/* --- for all ---------------------------------------------------------------------------------- */

const char *avatar_type(const void *p, size_t n)
{
	const struct kind *k = kind_of(p, n);

	return k ? k->type : NULL;
}

int avatar_size(const void *p, size_t n, unsigned *width, unsigned *height)
{
	const struct kind *k = kind_of(p, n);
	struct dim d;

	if (!k || k->size(p, n, &d) < 0 || d.w == 0 || d.h == 0 || d.w > DIM_MAX || d.h > DIM_MAX)
		return -EINVAL;
	*width = d.w;
	*height = d.h;
	return 0;
}

/* XML 1.0 2.3 */
static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int avatar_decode(const char *text, struct sbuf *out)
{
	enum { CHARS_MAX = BASE64_LEN(AVATAR_MAX) };
	char *packed = xmalloc(CHARS_MAX);
	size_t n = 0;
	ssize_t got;

	for (; *text && n <= CHARS_MAX; text++) {
		if (is_space(*text))
			continue;
		if (n < CHARS_MAX)
			packed[n] = *text;
		n++;
	}
	if (n > CHARS_MAX) {
		free(packed);
		return -E2BIG;
	}
	got = base64_decode(packed, n, sbuf_reserve(out, 3 * (n / 4)));
	free(packed);
	if (got < 0)
		return -EINVAL;
	if (got > AVATAR_MAX) /* the padding of the longest text stands for two bytes */
		return -E2BIG;
	sbuf_commit(out, (size_t)got);
	return 0;
}

void avatar_id(const void *p, size_t n, char out[41])
{
	uint8_t hash[DIGEST_MAX];

	assert(digest_len(DIGEST_SHA1) == SHA1_LEN);
	digest(DIGEST_SHA1, p, n, hash);
	digest_hex(hash, SHA1_LEN, out);
}
