/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <string.h>

#include <base/arena.h>
#include <xmpp/el.h>

#include "nick.h"

/* The UTF-8 sequences of characters that resourceprep lets through and that show nothing: the
 * space, the Hangul fillers (also what NFKC makes of them), the blank Braille pattern. */
static const char *const blanks[] = { " ", "\xe1\x85\x9f", "\xe1\x85\xa0", "\xe3\x85\xa4",
	"\xef\xbe\xa0", "\xe2\xa0\x80" };
enum { N_BLANKS = sizeof(blanks) / sizeof(blanks[0]) };

/* Bytes of the blank that s begins with; 0: none. */
static size_t blank_at(const char *s)
{
	for (int i = 0; i < N_BLANKS; i++) {
		size_t n = strlen(blanks[i]);

		if (!strncmp(s, blanks[i], n))
			return n;
	}
	return 0;
}

static size_t blank_before(const char *s, size_t len)
{
	for (int i = 0; i < N_BLANKS; i++) {
		size_t n = strlen(blanks[i]);

		if (len >= n && !memcmp(s + len - n, blanks[i], n))
			return n;
	}
	return 0;
}

const char *nick_clean(struct arena *a, const char *nick, size_t max)
{
	size_t len, n;

	while ((n = blank_at(nick)) > 0)
		nick += n;
	len = strlen(nick);
	while ((n = blank_before(nick, len)) > 0)
		len -= n;
	return len > 0 && len <= max ? arena_strndup(a, nick, len) : NULL;
}

int nick_read(struct arena *a, const char *s, size_t max, const char **out)
{
	char *prepared;

	if (prep_resource(a, s, &prepared) < 0)
		return -COND_JID_MALFORMED;
	*out = nick_clean(a, prepared, max);
	return *out ? 0 : -COND_NOT_ACCEPTABLE;
}
