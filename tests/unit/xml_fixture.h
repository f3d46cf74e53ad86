/* SPDX-License-Identifier: MIT */
/* Trees from text and back, for the unit tests and fuzz targets of libcomp/xmpp. */
#ifndef TESTS_XML_FIXTURE_H
#define TESTS_XML_FIXTURE_H

#include <stddef.h>

#include <base/sbuf.h>
#include <xmpp/xml.h>

extern const struct xml_limits no_limits;

/* A stream's start tag; decls: further attributes, "" for none. */
void head_put(struct sbuf *out, const char *content_ns, const char *decls);

/* The first element of a stream that holds these bytes behind its header; NULL: none came. */
struct el *xml_one(const char *content_ns, const char *decls, const char *p, size_t n);
struct el *xml_str(const char *content_ns, const char *stanza);

/* Feeds in slices of step bytes and writes down all that comes out: "head <...>", "el <...>",
 * "end", "fault", one a line.  The caller frees it. */
char *xml_transcript(struct xml *x, const char *p, size_t n, size_t step);

/* A tree written out from its nodes, as a document: equal trees give equal text. */
char *el_canon(const struct el *el);
/* As it would be sent on. */
char *el_sent(const struct el *el, const char *content_ns);

#endif
