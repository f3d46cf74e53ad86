/* SPDX-License-Identifier: MIT */
/* What a text says, where what was sent is kept as text.  After <cmocka.h>. */
#ifndef TESTS_TEXT_FIXTURE_H
#define TESTS_TEXT_FIXTURE_H

#include <string.h>

#define assert_has(text, what)                                    \
	do {                                                      \
		const char *text_ = (text);                       \
		if (!strstr(text_, (what)))                       \
			fail_msg("no %s in:\n%s", (what), text_); \
	} while (0)
#define assert_hasnt(text, what)                               \
	do {                                                   \
		const char *text_ = (text);                    \
		if (strstr(text_, (what)))                     \
			fail_msg("%s in:\n%s", (what), text_); \
	} while (0)

static inline unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

#endif
