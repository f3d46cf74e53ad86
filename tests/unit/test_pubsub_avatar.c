/* SPDX-License-Identifier: MIT */
/* Avatars: images of each kind, whole and cut off anywhere, and what only looks like one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <base/digest.h>
#include <base/mem.h>
#include <base/sbuf.h>

#include "avatar_check.h"

/* One grey pixel. */
static const uint8_t png[] = { 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00,
	0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00,
	0x00, 0x00, 0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54,
	0x78, 0x9c, 0x63, 0x68, 0x00, 0x00, 0x00, 0x82, 0x00, 0x81, 0x77, 0xcd, 0x72, 0xb6, 0x00,
	0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82 };
/* One black pixel. */
static const uint8_t gif[] = { 0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80,
	0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0x2c, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00,
	0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3b };
/* JFIF, 3 x 2 pixels: the header and a table come before the frame. */
static const uint8_t jpeg[] = { 0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00,
	0x01, 0x01, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x10,
	0x0b, 0x0c, 0x0e, 0x0c, 0x0a, 0x10, 0x0e, 0x0d, 0x0e, 0x12, 0x11, 0x10, 0x13, 0x18, 0x28,
	0x1a, 0x18, 0x16, 0x16, 0x18, 0x31, 0x23, 0x25, 0x1d, 0x28, 0x3a, 0x33, 0x3d, 0x3c, 0x39,
	0x33, 0x38, 0x37, 0x40, 0x48, 0x5c, 0x4e, 0x40, 0x44, 0x57, 0x45, 0x37, 0x38, 0x50, 0x6d,
	0x51, 0x57, 0x5f, 0x62, 0x67, 0x68, 0x67, 0x3e, 0x4d, 0x71, 0x79, 0x70, 0x64, 0x78, 0x5c,
	0x65, 0x67, 0x63, 0xff, 0xc0, 0x00, 0x0b, 0x08, 0x00, 0x02, 0x00, 0x03, 0x01, 0x01, 0x11,
	0x00, 0xff, 0xc4, 0x00, 0x14, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xc4, 0x00, 0x14, 0x10, 0x01, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0xff, 0xda, 0x00, 0x08, 0x01, 0x01, 0x00, 0x00, 0x3f, 0x00, 0x3f, 0xff, 0xd9 };
/* Lossy, 5 x 3. */
static const uint8_t vp8[] = { 0x52, 0x49, 0x46, 0x46, 0x28, 0x00, 0x00, 0x00, 0x57, 0x45, 0x42,
	0x50, 0x56, 0x50, 0x38, 0x20, 0x1c, 0x00, 0x00, 0x00, 0x70, 0x01, 0x00, 0x9d, 0x01, 0x2a,
	0x05, 0x00, 0x03, 0x00, 0x07, 0x40, 0x96, 0x25, 0x94, 0x02, 0x74, 0x01, 0x40, 0x00, 0x00,
	0xfe, 0xee, 0xa1, 0xe7, 0x0e, 0x00, 0x00 };
/* Lossless, 5 x 3. */
static const uint8_t vp8l[] = { 0x52, 0x49, 0x46, 0x46, 0x1e, 0x00, 0x00, 0x00, 0x57, 0x45, 0x42,
	0x50, 0x56, 0x50, 0x38, 0x4c, 0x11, 0x00, 0x00, 0x00, 0x2f, 0x04, 0x80, 0x00, 0x00, 0x07,
	0x50, 0x8a, 0x2a, 0xd4, 0xa3, 0xff, 0x81, 0x88, 0xe8, 0x7f, 0x00, 0x00 };
/* Extended, with an alpha channel, 5 x 3. */
static const uint8_t vp8x[] = { 0x52, 0x49, 0x46, 0x46, 0x4c, 0x00, 0x00, 0x00, 0x57, 0x45, 0x42,
	0x50, 0x56, 0x50, 0x38, 0x58, 0x0a, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x04, 0x00,
	0x00, 0x02, 0x00, 0x00, 0x41, 0x4c, 0x50, 0x48, 0x0a, 0x00, 0x00, 0x00, 0x01, 0x07, 0x50,
	0xc0, 0x88, 0x08, 0x44, 0x44, 0xff, 0x03, 0x56, 0x50, 0x38, 0x20, 0x1c, 0x00, 0x00, 0x00,
	0x70, 0x01, 0x00, 0x9d, 0x01, 0x2a, 0x05, 0x00, 0x03, 0x00, 0x07, 0x40, 0x96, 0x25, 0x94,
	0x02, 0x74, 0x01, 0x40, 0x00, 0x00, 0xfe, 0xee, 0xa1, 0xe7, 0x0e, 0x00, 0x00 };

static const struct image {
	const char *name, *type;
	const uint8_t *p;
	size_t n, typed, sized; /* bytes that tell the type, the size */
	unsigned w, h;
} images[] = {
	{ "PNG", "image/png", png, sizeof(png), 8, 24, 1, 1 },
	{ "GIF", "image/gif", gif, sizeof(gif), 6, 10, 1, 1 },
	{ "JPEG", "image/jpeg", jpeg, sizeof(jpeg), 3, 98, 3, 2 },
	{ "VP8", "image/webp", vp8, sizeof(vp8), 12, 30, 5, 3 },
	{ "VP8L", "image/webp", vp8l, sizeof(vp8l), 12, 25, 5, 3 },
	{ "VP8X", "image/webp", vp8x, sizeof(vp8x), 12, 30, 5, 3 },
};
enum { N_IMAGES = sizeof(images) / sizeof(images[0]) };

/* Each length in memory of just that size: what reads beyond it is seen. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_IMAGES; i++) {
		const struct image *im = &images[i];

		for (size_t n = 0; n <= im->n; n++) {
			uint8_t *p = xmemdup(im->p, n);
			const char *type = avatar_type(p, n);
			unsigned w = 77, h = 78;
			int r = avatar_size(p, n, &w, &h);

			if (n < im->typed)
				assert_null(type);
			else
				assert_string_equal(type, im->type);
			assert_int_equal(r, n < im->sized ? -EINVAL : 0);
			assert_int_equal(w, n < im->sized ? 77 : im->w);
			assert_int_equal(h, n < im->sized ? 78 : im->h);
			free(p);
		}
	}
}

static void test_types(void **state)
{
	static const char *const none[] = { "", "GIF88a......", "RIFF....WAVEfmt ", "RIFX....WEBP",
		"<svg xmlns='http://www.w3.org/2000/svg'/>", "BM........", "\x89PNG\r\n\x1a\r",
		"\xff\xd8", "\xff\xd9\xff", "\211MNG\r\n\032\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_null(avatar_type(none[i], strlen(none[i])));
	assert_string_equal(avatar_type("GIF87a", 6), "image/gif");
}

/* The size of an image in which the bytes at `at` are other ones. */
static int patched(
    const uint8_t *p, size_t n, size_t at, const char *bytes, size_t len, unsigned *w, unsigned *h)
{
	uint8_t *copy = xmemdup(p, n);
	int r;

	assert_true(at + len <= n);
	memcpy(copy + at, bytes, len);
	r = avatar_size(copy, n, w, h);
	free(copy);
	return r;
}
#define PATCHED(im, at, bytes) patched(im, sizeof(im), at, bytes, sizeof(bytes) - 1, &w, &h)

static void test_png(void **state)
{
	unsigned w, h;

	(void)state;
	assert_int_equal(PATCHED(png, 16, "\x7f\xff\xff\xff\x00\x01\x02\x03"), 0);
	assert_int_equal(w, 0x7fffffff);
	assert_int_equal(h, 0x010203);
	assert_int_equal(PATCHED(png, 16, "\x80\x00\x00\x00"), -EINVAL);
	assert_int_equal(PATCHED(png, 20, "\x80\x00\x00\x00"), -EINVAL);
	assert_int_equal(PATCHED(png, 16, "\x00\x00\x00\x00"), -EINVAL);
	assert_int_equal(PATCHED(png, 20, "\x00\x00\x00\x00"), -EINVAL);
	assert_int_equal(PATCHED(png, 12, "IDAT"), -EINVAL);
	assert_int_equal(PATCHED(png, 11, "\x0c"), -EINVAL);
}

static void test_gif(void **state)
{
	unsigned w, h;

	(void)state;
	assert_int_equal(PATCHED(gif, 6, "\x01\x02\xff\xff"), 0);
	assert_int_equal(w, 0x201);
	assert_int_equal(h, 0xffff);
	assert_int_equal(PATCHED(gif, 6, "\x00\x00"), -EINVAL);
	assert_int_equal(PATCHED(gif, 8, "\x00\x00"), -EINVAL);
}

#define JPEG_HEAD "\xff\xd8"
#define JPEG_SOF(m) "\xff" m "\x00\x0b\x08\x01\x02\x03\x04\x01\x01\x11\x00"

static int jpeg_of(const char *p, size_t n, unsigned *w, unsigned *h)
{
	uint8_t *copy = xmemdup(p, n);
	int r = avatar_size(copy, n, w, h);

	free(copy);
	return r;
}
#define JPEG(bytes) jpeg_of(JPEG_HEAD bytes, sizeof(JPEG_HEAD bytes) - 1, &w, &h)

static void test_jpeg(void **state)
{
	static const char frames[] =
	    "\xc0\xc1\xc2\xc3\xc5\xc6\xc7\xc9\xca\xcb\xcd\xce\xcf"; /* T.81 table B.1 */
	unsigned w, h;

	(void)state;
	for (const char *f = frames; *f; f++) {
		char im[] = JPEG_HEAD JPEG_SOF("\xc0");

		im[3] = *f;
		w = h = 0;
		assert_int_equal(jpeg_of(im, sizeof(im) - 1, &w, &h), 0);
		assert_int_equal(w, 0x304);
		assert_int_equal(h, 0x102);
	}
	/* Segments and fill bytes before it. */
	assert_int_equal(
	    JPEG("\xff\xfe\x00\x02\xff\xff\xff\xe1\x00\x04\xff\xc0" JPEG_SOF("\xc0")), 0);
	assert_int_equal(w, 0x304);
	/* None of these is a frame, or may come before one. */
	assert_int_equal(JPEG(JPEG_SOF("\xc4")), -EINVAL);
	assert_int_equal(JPEG(JPEG_SOF("\xc8")), -EINVAL);
	assert_int_equal(JPEG(JPEG_SOF("\xcc")), -EINVAL);
	assert_int_equal(JPEG("\xff\xd9" JPEG_SOF("\xc0")), -EINVAL);
	assert_int_equal(JPEG("\xff\xda\x00\x02" JPEG_SOF("\xc0")), -EINVAL);
	assert_int_equal(JPEG("\xff\xd0\x00\x02" JPEG_SOF("\xc0")), -EINVAL);
	assert_int_equal(JPEG("\xff\x00\x00\x02" JPEG_SOF("\xc0")), -EINVAL);
	/* Lengths that cannot be, no marker where one has to be. */
	assert_int_equal(JPEG("\xff\xfe\x00\x00" JPEG_SOF("\xc0")), -EINVAL);
	assert_int_equal(JPEG("\xff\xfe\x00\x01" JPEG_SOF("\xc0")), -EINVAL);
	assert_int_equal(JPEG("\xff\xfe\xff\xff" JPEG_SOF("\xc0")), -EINVAL);
	assert_int_equal(JPEG("\xff\xfe\x00\x03" JPEG_SOF("\xc0")), -EINVAL);
	assert_int_equal(JPEG("\xff\xc0\x00\x07\x08\x01\x02\x03\x04"), -EINVAL);
	assert_int_equal(JPEG("\xff\xc0\x00\x0b\x08\x00\x00\x03\x04"), -EINVAL);
	assert_int_equal(JPEG("\xff\xc0\x00\x0b\x08\x01\x02\x00\x00"), -EINVAL);
	assert_int_equal(JPEG("\xff\xff\xff\xff"), -EINVAL);
}

static void test_webp(void **state)
{
	unsigned w, h;

	(void)state;
	/* Two bits of each are how to scale it. */
	assert_int_equal(PATCHED(vp8, 26, "\xff\xff\x02\x41"), 0);
	assert_int_equal(w, 0x3fff);
	assert_int_equal(h, 0x102);
	assert_int_equal(PATCHED(vp8, 20, "\x01"), -EINVAL);
	assert_int_equal(PATCHED(vp8, 23, "\x9d\x01\x2b"), -EINVAL);
	assert_int_equal(PATCHED(vp8, 26, "\x00\xc0"), -EINVAL);
	assert_int_equal(PATCHED(vp8, 28, "\x00\x40"), -EINVAL);
	assert_int_equal(PATCHED(vp8, 16, "\x09\x00\x00\x00"), -EINVAL);
	assert_int_equal(PATCHED(vp8, 12, "ALPH"), -EINVAL);
	assert_int_equal(PATCHED(vp8l, 21, "\xff\xff\xff\x0f"), 0);
	assert_int_equal(w, 0x4000);
	assert_int_equal(h, 0x4000);
	assert_int_equal(PATCHED(vp8l, 21, "\xff\xff\xff\x2f"), -EINVAL);
	assert_int_equal(PATCHED(vp8l, 20, "\x2e"), -EINVAL);
	assert_int_equal(PATCHED(vp8l, 16, "\x04\x00\x00\x00"), -EINVAL);
	assert_int_equal(PATCHED(vp8x, 24, "\xff\xff\xff\x01\x02\x03"), 0);
	assert_int_equal(w, 0x1000000);
	assert_int_equal(h, 0x030202);
	assert_int_equal(PATCHED(vp8x, 16, "\x09\x00\x00\x00"), -EINVAL);
}

/* --- base64 ----------------------------------------------------------------------------------- */

static void test_decode(void **state)
{
	static const char *const bad[] = { "YW", "YQ=", "YQ===", "YR==", "Y!==", "=",
		"YQ==YQ==", "YQ\xc2\xa0==", "YQ\v==", "YQ\f==", "data:image/png;base64,YQ==" };
	struct sbuf b = SBUF_INIT;

	(void)state;
	assert_int_equal(avatar_decode("", &b), 0);
	assert_int_equal(avatar_decode(" \r\n\t", &b), 0);
	assert_int_equal(sbuf_len(&b), 0);
	assert_int_equal(avatar_decode(" Y\nW\rJ\tj\n\n Z A = = ", &b), 0);
	assert_string_equal(sbuf_str(&b), "abcd");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(avatar_decode(bad[i], &b), -EINVAL);
		assert_string_equal(sbuf_str(&b), "abcd");
	}
	assert_int_equal(avatar_decode("ZQ==", &b), 0);
	assert_string_equal(sbuf_str(&b), "abcde");
	sbuf_done(&b);
}

/* n bytes in lines of 76. */
static int decode_many(size_t n, size_t *got)
{
	uint8_t *p = xmalloc(n);
	char *text = xmalloc(BASE64_LEN(n) + 1);
	struct sbuf in = SBUF_INIT, out = SBUF_INIT;
	int r;

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 7);
	base64_encode(p, n, text);
	for (size_t i = 0; text[i]; i++) {
		sbuf_putc(&in, text[i]);
		if (i % 76 == 75)
			sbuf_puts(&in, "\r\n");
	}
	r = avatar_decode(sbuf_str(&in), &out);
	*got = sbuf_len(&out);
	if (r == 0)
		assert_memory_equal(sbuf_data(&out), p, n);
	sbuf_done(&in);
	sbuf_done(&out);
	free(text);
	free(p);
	return r;
}

static void test_decode_max(void **state)
{
	size_t got;

	(void)state;
	for (size_t n = 65533; n < 65540; n++) {
		assert_int_equal(decode_many(n, &got), n <= 65536 ? 0 : -E2BIG);
		assert_int_equal(got, n <= 65536 ? n : 0);
	}
}

/* The longest text, and what may or may not come behind it. */
static void test_decode_behind(void **state)
{
	static const uint8_t zeros[AVATAR_MAX];
	char *text = xmalloc(BASE64_LEN(AVATAR_MAX) + 8);
	struct sbuf b = SBUF_INIT;

	(void)state;
	base64_encode(zeros, AVATAR_MAX, text);
	strcat(text, "YQ==");
	assert_int_equal(avatar_decode(text, &b), -E2BIG);
	text[BASE64_LEN(AVATAR_MAX)] = '\0';
	strcat(text, " \n");
	assert_int_equal(avatar_decode(text, &b), 0);
	assert_int_equal(sbuf_len(&b), AVATAR_MAX);
	sbuf_done(&b);
	free(text);
}

static void test_id(void **state)
{
	char id[41];

	(void)state;
	avatar_id("abc", 3, id); /* RFC 3174 7.3 */
	assert_string_equal(id, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_png),
		cmocka_unit_test(test_gif),
		cmocka_unit_test(test_jpeg),
		cmocka_unit_test(test_webp),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_decode_max),
		cmocka_unit_test(test_decode_behind),
		cmocka_unit_test(test_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
