/* SPDX-License-Identifier: MIT */
/* Images: whatever the bytes are, no read goes beyond them, the size does not depend on what comes
 * behind the header, and base64 gives them back however it is spaced. */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <base/digest.h>
#include <base/mem.h>
#include <base/sbuf.h>

#include "avatar_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_header(const uint8_t *data, size_t size)
{
	const char *type = avatar_type(data, size);
	unsigned w = 0, h = 0, w2, h2;
	uint8_t *more;

	if (avatar_size(data, size, &w, &h) < 0) {
		assert(w == 0 && h == 0);
		return;
	}
	assert(type && w > 0 && h > 0);
	more = xmalloc(size + 8);
	memcpy(more, data, size);
	memset(more + size, 0xff, 8);
	assert(avatar_type(more, size + 8) == type);
	assert(avatar_size(more, size + 8, &w2, &h2) == 0 && w2 == w && h2 == h);
	free(more);
}

/* As text. */
static void check_decode(const uint8_t *data, size_t size)
{
	char *text = xstrndup(size ? (const char *)data : "", size);
	struct sbuf b = SBUF_INIT;
	int r;

	sbuf_puts(&b, "x");
	r = avatar_decode(text, &b);
	assert(r == 0 || r == -EINVAL || r == -E2BIG);
	assert(*sbuf_data(&b) == 'x' && sbuf_len(&b) <= 1 + AVATAR_MAX);
	assert(r == 0 || sbuf_len(&b) == 1);
	assert(3 * strlen(text) >= 4 * (sbuf_len(&b) - 1));
	sbuf_done(&b);
	free(text);
}

static void check_round_trip(const uint8_t *data, size_t size)
{
	char *text = xmalloc(BASE64_LEN(size) + 1);
	struct sbuf spaced = SBUF_INIT, b = SBUF_INIT;
	int r;

	base64_encode(data, size, text);
	for (size_t i = 0; text[i]; i++) {
		if (size % 5 == i % 7)
			sbuf_putc(&spaced, " \t\r\n"[i % 4]);
		sbuf_putc(&spaced, text[i]);
	}
	r = avatar_decode(sbuf_str(&spaced), &b);
	assert(r == (size > AVATAR_MAX ? -E2BIG : 0));
	if (r == 0)
		assert(sbuf_len(&b) == size && (size == 0 || !memcmp(sbuf_data(&b), data, size)));
	sbuf_done(&spaced);
	sbuf_done(&b);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_header(data, size);
	check_decode(data, size);
	check_round_trip(data, size);
	return 0;
}
