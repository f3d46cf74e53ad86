/* SPDX-License-Identifier: MIT */
/* Finds a stream's top-level elements without parsing them, so that the generator costs less than
 * the server that it measures.  Right only for what a server of ours or a peer sends: well-formed,
 * without comments or CDATA that hold angle brackets. */
#ifndef BENCH_SCAN_H
#define BENCH_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum scan_state { SCAN_TEXT, SCAN_TAG_FIRST, SCAN_TAG, SCAN_QUOTE };
enum scan_what { SCAN_MORE, SCAN_HEADER, SCAN_STANZA, SCAN_END };

struct scan {
	enum scan_state state;
	char first, last, quote; /* of the tag: its first byte, the one before, the open quote */
	int depth;
	size_t start, pos; /* of the element in the buffer; how far it has been looked at */
};

/* What follows is a new stream; depth 1: one without a header.  May be called for an element. */
void scan_reset(struct scan *s, int depth);
/* What comes next in b, the n bytes from the last scan_drop() on.  The element stands from
 * s->start to s->pos; SCAN_MORE: there is none until more bytes are there. */
enum scan_what scan_next(struct scan *s, const char *b, size_t n);
size_t scan_drop(struct scan *s); /* so many bytes from the front are done with */

/* --- an element's text --------------------------------------------------------------------------
 */
size_t xml_opening(const char *s, size_t n); /* length of the opening tag */
/* An attribute of the opening tag, as written; NULL: has none. */
const char *xml_attr(const char *s, size_t n, const char *name, size_t *len);
/* Character data of an element without children; NULL: empty. */
const char *xml_text(const char *s, size_t n, size_t *len);
bool xml_has(const char *s, size_t n, const char *needle);
/* Whether the opening tag has this attribute with this value, as written. */
bool xml_attr_is(const char *s, size_t n, const char *name, const char *value);
bool xml_is_error(const char *s, size_t n); /* type='error' */

#endif
