/* SPDX-License-Identifier: MIT */
/* Values of vCards: text without the white space around it, and the URIs of addresses. */
#ifndef PUBSUB_VCARD_VALUE_H
#define PUBSUB_VCARD_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include <xmpp/el.h>

struct span {
	const char *s;
	size_t n;
};

struct span trim(const char *s);                                   /* NULL: as empty */
bool blank(const char *s);                                         /* likewise */
bool span_is(struct span t, const char *s);                        /* in whatever case */
void add_span(struct el *parent, const char *name, struct span t); /* as a child of its own */
/* What follows the scheme, given with its colon; empty: the URI has another one. */
struct span after_scheme(struct span uri, const char *scheme);

/* Writes the xmpp: URI of a bare address into an element (RFC 5122). */
void xmpp_uri_put(struct el *uri, const struct jid *j);
/* The address that such a URI is about, in a.  0 or -EINVAL. */
int xmpp_uri_read(struct jid *out, struct arena *a, struct span uri);

#endif
