/* SPDX-License-Identifier: MIT */
/* A scanner of tags: it counts depth, and knows quotes, comments' and declarations' first byte.
 *
 * States: text, first byte of a tag, in a tag, in a quoted value.  It never looks at a byte twice,
 * however small the pieces are in which they come. */
#include <string.h>

#include "scan.h"

void scan_reset(struct scan *s, int depth)
{
	s->state = SCAN_TEXT;
	s->depth = depth;
}

/* Between two elements of the stream: nothing of what has been looked at is needed. */
static bool between(const struct scan *s)
{
	return s->state == SCAN_TEXT && s->depth <= 1;
}

size_t scan_drop(struct scan *s)
{
	size_t n = between(s) ? s->pos : s->start;

	s->pos -= n;
	s->start = 0;
	return n;
}

/* The next byte `c` from s->pos on, or the end. */
static bool skip_to(struct scan *s, const char *b, size_t n, char c)
{
	const char *p = memchr(b + s->pos, c, n - s->pos);

	s->pos = p ? (size_t)(p - b) : n;
	return p != NULL;
}

/* Behind a '>'. */
static enum scan_what tag_ends(struct scan *s)
{
	s->state = SCAN_TEXT;
	if (s->first == '?' || s->first == '!')
		return SCAN_MORE;
	if (s->first == '/') {
		if (--s->depth == 0)
			return SCAN_END;
	} else if (s->last != '/' && ++s->depth == 1) {
		return SCAN_HEADER;
	}
	/* Closed, or empty: at the stream's level it is a whole stanza. */
	return s->depth == 1 && (s->first == '/' || s->last == '/') ? SCAN_STANZA : SCAN_MORE;
}

static enum scan_what in_tag(struct scan *s, const char *b)
{
	char c = b[s->pos++];

	if (c == '\'' || c == '"') {
		s->quote = c;
		s->state = SCAN_QUOTE;
	} else if (c == '>') {
		return tag_ends(s);
	} else {
		s->last = c;
	}
	return SCAN_MORE;
}

enum scan_what scan_next(struct scan *s, const char *b, size_t n)
{
	enum scan_what what = SCAN_MORE;

	if (between(s))
		s->start = s->pos;
	while (what == SCAN_MORE && s->pos < n) {
		switch (s->state) {
		case SCAN_TEXT:
			if (skip_to(s, b, n, '<'))
				s->state = SCAN_TAG_FIRST;
			if (s->depth <= 1)
				s->start = s->pos;
			s->pos += s->state == SCAN_TAG_FIRST;
			break;
		case SCAN_TAG_FIRST:
			s->first = s->last = b[s->pos++];
			s->state = SCAN_TAG;
			break;
		case SCAN_TAG:
			what = in_tag(s, b);
			break;
		case SCAN_QUOTE:
			if (skip_to(s, b, n, s->quote)) {
				s->last = s->quote;
				s->state = SCAN_TAG;
				s->pos++;
			}
			break;
		}
	}
	return what;
}

/* --- an element's text --------------------------------------------------------------------------
 */

size_t xml_opening(const char *s, size_t n)
{
	char quote = 0;

	for (size_t i = 0; i < n; i++) {
		if (quote) {
			if (s[i] == quote)
				quote = 0;
		} else if (s[i] == '\'' || s[i] == '"') {
			quote = s[i];
		} else if (s[i] == '>') {
			return i + 1;
		}
	}
	return n;
}

const char *xml_attr(const char *s, size_t n, const char *name, size_t *len)
{
	const char *end = s + n, *p = s + 1;
	size_t name_len = strlen(name);

	while (p < end && !memchr(" >/\n\t\r", *p, 6))
		p++;
	for (;;) {
		const char *key, *value, *quote;
		size_t key_len;

		while (p < end && memchr(" \n\t\r", *p, 4))
			p++;
		key = p;
		while (p < end && *p != '=' && *p != '>')
			p++;
		if (end - p < 2 || *p == '>' || (p[1] != '\'' && p[1] != '"'))
			return NULL;
		key_len = (size_t)(p - key);
		value = p + 2;
		quote = memchr(value, p[1], (size_t)(end - value));
		if (!quote)
			return NULL;
		if (key_len == name_len && memcmp(key, name, name_len) == 0) {
			*len = (size_t)(quote - value);
			return value;
		}
		p = quote + 1;
	}
}

const char *xml_text(const char *s, size_t n, size_t *len)
{
	size_t open = xml_opening(s, n);
	const char *end = open < n ? memchr(s + open, '<', n - open) : NULL;

	if (!end || end == s + open)
		return NULL;
	*len = (size_t)(end - s) - open;
	return s + open;
}

bool xml_has(const char *s, size_t n, const char *needle)
{
	return memmem(s, n, needle, strlen(needle)) != NULL;
}

bool xml_attr_is(const char *s, size_t n, const char *name, const char *value)
{
	size_t len;
	const char *found = xml_attr(s, n, name, &len);

	return found && len == strlen(value) && memcmp(found, value, len) == 0;
}

bool xml_is_error(const char *s, size_t n)
{
	return xml_attr_is(s, n, "type", "error");
}
