/* SPDX-License-Identifier: MIT */
/* The bytes between a stanza's start and end tag, as received, for as long as they may be sent on
 * under another start tag and in another stream without a change of meaning. */
#ifndef XMPP_XML_RAW_H
#define XMPP_XML_RAW_H

#include <stdbool.h>
#include <stddef.h>

#include <base/sbuf.h>

struct arena;

#define XML_RAW_SCOPES 16

struct xml_raw {
	bool ok;           /* begun, and nothing has spoilt it */
	long long start;   /* the parser's offset of the first byte behind the start tag */
	unsigned content;  /* so many of the open elements, from the stanza on, are NS_CLIENT */
	struct sbuf held;  /* what earlier chunks brought of it */
	unsigned n_scopes; /* prefixes declared inside, innermost last */
	struct {
		const char *prefix;
		unsigned depth;
	} scope[XML_RAW_SCOPES];
};

/* One chunk of what the parser is fed. */
struct xml_chunk {
	const char *p;
	size_t n;
	long long base; /* the parser's offset of p */
};

/* Depths count from the stanza, which is 0. */
void xml_raw_begin(struct xml_raw *r, long long start, const struct xml_chunk *c);
/* A namespace declaration on an element about to start at that depth (1 or more). */
void xml_raw_declare(
    struct xml_raw *r, struct arena *a, unsigned depth, const char *prefix, const char *uri);
void xml_raw_use(struct xml_raw *r, const char *prefix); /* on an element or attribute */
void xml_raw_enter(struct xml_raw *r, unsigned depth, bool client_ns);
void xml_raw_leave(struct xml_raw *r, unsigned depth);
void xml_raw_keep(
    struct xml_raw *r, const struct xml_chunk *c); /* the chunk ends, the stanza not */
/* The stanza ends with an end tag at that offset.  A copy in a, or NULL. */
const char *xml_raw_end(
    struct xml_raw *r, struct arena *a, long long end, const struct xml_chunk *c, size_t *ret_len);
void xml_raw_done(struct xml_raw *r);

#endif
