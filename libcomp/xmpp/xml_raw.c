/* SPDX-License-Identifier: MIT */
/* Which received bytes may be sent on as they are, and gathering them.
 *
 * The writer makes a new start tag for the stanza: without namespace declarations, in the default
 * namespace of the stream that it goes to.  The bytes behind it therefore must not depend on
 *   - a prefix that is declared outside of them (on the stanza or on the stream's header), nor
 *   - the stream that they came from: a content namespace by its name where the writer would put
 *     the other stream's (el_out.c), or one that the parser took for NS_CLIENT.
 * Whoever calls also makes sure that the stanza itself has no prefix and is in the stream's content
 * namespace.  When in doubt the bytes are dropped; the tree is then written out, which means the
 * same and only costs more. */
#include <string.h>

#include <base/arena.h>

#include <xmpp/ns.h>

#include "xml_raw.h"

#define HELD_KEPT 16384 /* a larger buffer is given back after the stanza */

void xml_raw_begin(struct xml_raw *r, long long start, const struct xml_chunk *c)
{
	r->ok = start >= c->base; /* else its first bytes are gone */
	r->start = start;
	r->content = 1;
	r->n_scopes = 0;
	sbuf_clear(&r->held);
}

static void spoil(struct xml_raw *r)
{
	r->ok = false;
	sbuf_clear(&r->held);
}

void xml_raw_declare(
    struct xml_raw *r, struct arena *a, unsigned depth, const char *prefix, const char *uri)
{
	if (!r->ok)
		return;
	if (!strcmp(uri, NS_COMPONENT) || !strcmp(uri, NS_SERVER) ||
	    (!strcmp(uri, NS_CLIENT) && r->content == depth)) {
		spoil(r);
		return;
	}
	if (!prefix)
		return;
	if (r->n_scopes == XML_RAW_SCOPES) {
		spoil(r);
		return;
	}
	r->scope[r->n_scopes].prefix = arena_strdup(a, prefix);
	r->scope[r->n_scopes++].depth = depth;
}

void xml_raw_use(struct xml_raw *r, const char *prefix)
{
	if (!r->ok || !strcmp(prefix, "xml")) /* that one is always declared */
		return;
	for (unsigned i = r->n_scopes; i > 0; i--) {
		if (!strcmp(r->scope[i - 1].prefix, prefix))
			return;
	}
	spoil(r);
}

void xml_raw_enter(struct xml_raw *r, unsigned depth, bool client_ns)
{
	if (client_ns && r->content == depth)
		r->content++;
}

void xml_raw_leave(struct xml_raw *r, unsigned depth)
{
	if (r->content > depth)
		r->content = depth;
	while (r->n_scopes && r->scope[r->n_scopes - 1].depth >= depth)
		r->n_scopes--;
}

/* The part of the chunk between two of the parser's offsets. */
static void hold(struct xml_raw *r, const struct xml_chunk *c, long long from, long long to)
{
	if (from < c->base)
		from = c->base;
	if (to > from)
		sbuf_add(&r->held, c->p + (from - c->base), (size_t)(to - from));
}

void xml_raw_keep(struct xml_raw *r, const struct xml_chunk *c)
{
	if (r->ok)
		hold(r, c, r->start, c->base + (long long)c->n);
}

const char *xml_raw_end(
    struct xml_raw *r, struct arena *a, long long end, const struct xml_chunk *c, size_t *ret_len)
{
	size_t n = (size_t)(end - r->start);
	const char *from;
	char *p;

	if (!r->ok)
		return NULL;
	if (r->start >= c->base) {
		from = c->p + (r->start - c->base);
	} else {
		hold(r, c, r->start,
		    end); /* an end tag begun earlier is in there and cut off by n */
		from = sbuf_data(&r->held);
	}
	p = arena_alloc(a, n + 1);
	memcpy(p, from, n);
	p[n] = '\0';
	r->ok = false;
	if (r->held.cap > HELD_KEPT)
		sbuf_done(&r->held);
	*ret_len = n;
	return p;
}

void xml_raw_done(struct xml_raw *r)
{
	r->ok = false;
	sbuf_done(&r->held);
}
