/* SPDX-License-Identifier: MIT */
/* The parser's state, for its two halves: xml.c (feeding, limits of bytes, its life) and
 * xml_build.c (expat's handlers). */
#ifndef XMPP_XML_INTERNAL_H
#define XMPP_XML_INTERNAL_H

#include <stdbool.h>

#include <expat.h>

#include <base/sbuf.h>

#include <xmpp/xml.h>

#include "el_internal.h"
#include "xml_mem.h"
#include "xml_raw.h"

#define XML_SEP '\x01' /* between namespace, name and prefix: no character of XML */

struct xml {
	XML_Parser parser;   /* NULL: none until the next byte */
	struct xml_mem *mem; /* the parser's */
	const char *content_ns;
	struct xml_limits lim;
	enum xml_err err;
	const char *err_text;
	bool head_told, ended, over_told; /* what xml_pop() has said, and has to say */
	bool replaying;
	struct el_tree *first, **tail; /* finished, not yet popped */
	unsigned waiting;              /* so many */
	struct sbuf rest;              /* not parsed yet; empty if nothing is waiting */

	struct el *head;
	struct sbuf decls;  /* the head's namespace declarations, as attributes */
	char *head_ns;      /* its default namespace, until it is an attribute of head */
	struct sbuf replay; /* a start tag that stands for the head in a new parser */

	struct xml_chunk chunk; /* what expat is looking at */
	long long fed, settled;
	unsigned depth;   /* open elements, the stream's root included */
	unsigned n_decls; /* namespace declarations of the tag to come */
	/* Bytes of the stanza's namespaces, counted anew at each element and attribute that changes
	 * them: one declaration serves many of these on the wire, but each gets a copy of its own
	 * in the tree, and again when the tree is written. */
	size_t ns_bytes;
	struct el *cur; /* innermost open element of a stanza */
	struct xml_raw raw;
};

static inline unsigned xml_tag_max(const struct xml *x)
{
	return x->lim.tag ? x->lim.tag : XML_TAG_MAX;
}

/* The first one counts. */
void xml_fault(struct xml *x, enum xml_err err, const char *text);
/* Makes expat call this module with x. */
void xml_build_setup(struct xml *x);

#endif
