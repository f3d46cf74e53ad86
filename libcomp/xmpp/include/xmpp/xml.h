/* SPDX-License-Identifier: MIT */
/* The parser of XML streams, on expat: bytes in, finished trees out.  No callback into the program
 * runs inside the parser: xml_feed() only appends to a queue that xml_pop() empties.
 *
 * Refused as restricted XML (RFC 6120 11.1): DTDs, comments, processing instructions, entities
 * other than the predefined ones; encodings other than UTF-8. */
#ifndef XMPP_XML_H
#define XMPP_XML_H

#include <stdbool.h>
#include <stddef.h>

#include <xmpp/el.h>

struct xml;

#define XML_TAG_MAX 32768 /* bytes of one tag: the parser looks at an unfinished one each time */
/* The same between a server and its components: what was read within XML_TAG_MAX has grown by
 * references (&quot; for a quote) and by addresses. */
#define XML_TAG_LINK (8 * XML_TAG_MAX)
#define XML_NS_MAX 1024 /* bytes of a namespace */

struct xml_limits {
	size_t stanza;  /* bytes of one top-level element, as received; 0: none (also below); half
	                 * as many for its namespaces, see xml_internal.h */
	unsigned depth; /* below the stream's root */
	unsigned attrs; /* of one element */
	unsigned nodes; /* children of one element */
	unsigned tag;   /* bytes of one tag; 0: XML_TAG_MAX */
};

enum xml_err {
	XML_OK = 0,
	XML_E_NOT_WELL_FORMED,
	XML_E_RESTRICTED,    /* restricted-xml */
	XML_E_ENCODING,      /* unsupported-encoding */
	XML_E_BAD_NS_PREFIX, /* bad-namespace-prefix */
	XML_E_LIMIT,         /* policy-violation: a limit above */
};

enum xml_ev {
	XML_NONE,  /* nothing more for now */
	XML_HEAD,  /* the root's start tag: xml_head() */
	XML_EL,    /* a complete element: *ret_el, the caller owns it */
	XML_END,   /* the root's end tag */
	XML_FAULT, /* xml_error(); nothing follows */
};

/* content_ns: the namespace that becomes NS_CLIENT inside.  Below a stanza's start tag the other
 * content namespaces become NS_CLIENT too: nothing may be invisible here and mean something on the
 * next stream. */
struct xml *xml_new(const char *content_ns, const struct xml_limits *lim);
void xml_free(struct xml *x); /* NULL is fine; frees queued trees */
void xml_set_limits(struct xml *x, const struct xml_limits *lim);

/* Parses n bytes, or as far as some dozens of elements wait for xml_pop(), which then goes on with
 * the others.  After a fault the rest is ignored. */
void xml_feed(struct xml *x, const char *p, size_t n);
enum xml_ev xml_pop(struct xml *x, struct el **ret_el);
/* The root element's start tag (attributes, no children); valid until xml_reset() or free.  The
 * default namespace that it declares is its attribute "xmlns" (absent: none declared). */
const struct el *xml_head(const struct xml *x);
/* The default namespace (xmlns) that the head declares, "" if none: the stream's content namespace
 * as the peer understands it, for the check of RFC 6120 4.8.2; valid as long as xml_head(). */
const char *xml_head_default_ns(const struct xml *x);
enum xml_err xml_error(const struct xml *x);
const char *xml_error_text(const struct xml *x); /* for the log and the stream error's text */

/* One element out of text that el_write() has made, as databases keep it; the caller owns it.
 * NULL: there is none, or one beyond these limits. */
struct el *xml_read(const char *text, const struct xml_limits *lim);

/* A new stream begins on the same connection (after TLS, SASL).  Not from inside xml_feed(), and
 * only when xml_pop() has said XML_NONE. true: bytes had been fed that belong to no finished
 * element: they came before the restart and are not part of the new stream. */
bool xml_reset(struct xml *x);

/* Gives the parser's memory back while nothing is unfinished; the next xml_feed() rebuilds it and
 * replays the stream's head.  false: something is unfinished. */
bool xml_idle(struct xml *x);
bool xml_partial(const struct xml *x); /* an element (or a head) has begun and not ended */

#endif
