/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <base/arena.h>
#include <base/digest.h>

#include "image.h"

enum { SVG_LOOK = 1024 }; /* bytes within which the root of an SVG begins */

static bool has(const char *p, size_t n, size_t at, const char *what, size_t len)
{
	return n >= at + len && !memcmp(p + at, what, len);
}

/* Text that begins with a tag, one of the first of which is <svg>. */
static bool is_svg(const char *p, size_t n)
{
	size_t i = has(p, n, 0, "\xef\xbb\xbf", 3) ? 3 : 0;

	while (i < n && strchr(" \t\r\n", p[i]) && p[i])
		i++;
	if (i == n || p[i] != '<')
		return false;
	for (; i < n && i < SVG_LOOK; i++) {
		if (has(p, n, i, "<svg", 4) && i + 4 < n && strchr(" \t\r\n>/", p[i + 4]) &&
		    p[i + 4])
			return true;
	}
	return false;
}

const char *image_type(const void *data, size_t n)
{
	const char *p = data;

	if (has(p, n, 0, "\x89PNG\r\n\x1a\n", 8))
		return "image/png";
	if (has(p, n, 0, "\xff\xd8\xff", 3))
		return "image/jpeg";
	if (has(p, n, 0, "GIF87a", 6) || has(p, n, 0, "GIF89a", 6))
		return "image/gif";
	if (has(p, n, 0, "RIFF", 4) && has(p, n, 8, "WEBP", 4))
		return "image/webp";
	return is_svg(p, n) ? "image/svg+xml" : NULL;
}

static int read(
    struct arena *a, const char *base64, const char **ret_type, char hash[IMAGE_HASH_LEN + 1])
{
	char *dense = arena_alloc(a, strlen(base64) + 1);
	uint8_t sum[DIGEST_MAX];
	size_t n = 0;
	void *data;
	ssize_t len;

	for (; *base64; base64++) {
		if (!strchr(" \t\r\n", *base64))
			dense[n++] = *base64;
	}
	if (n > BASE64_LEN((size_t)IMAGE_MAX))
		return -E2BIG;
	data = arena_alloc(a, 3 * (n / 4) + 1);
	len = base64_decode(dense, n, data);
	if (len < 0)
		return -EINVAL;
	if (len > IMAGE_MAX)
		return -E2BIG;
	*ret_type = image_type(data, (size_t)len);
	if (!*ret_type)
		return -EINVAL;
	digest(DIGEST_SHA1, data, (size_t)len, sum);
	digest_hex(sum, digest_len(DIGEST_SHA1), hash);
	return 0;
}

int image_read(const char *base64, const char **ret_type, char hash[IMAGE_HASH_LEN + 1])
{
	struct arena *a = arena_new();
	int r = read(a, base64, ret_type, hash);

	arena_free(a);
	return r;
}
