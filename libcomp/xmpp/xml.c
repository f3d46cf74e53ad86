/* SPDX-License-Identifier: MIT */
/* XML streams in, trees out, on expat.
 *
 * States: no parser (new or idle) -> head expected -> between top-level elements <-> inside one ->
 * ended or faulted; the last two ignore what follows until xml_reset().
 *
 * All positions are expat's byte offsets since the parser was made.  `settled` is the end of the
 * last thing that is finished (the head, an element, white space between elements); the bytes from
 * there to what was fed are what the stanza limit counts, so that it also stops a tag or reference
 * without end, which expat would buffer.
 *
 * Expat is told not to put off the parsing of unfinished tags (a stanza has to come out with its
 * last byte).  It then looks at an unfinished tag again with each piece that comes; XML_TAG_MAX
 * keeps that cheap (CVE-2023-52425).
 *
 * A tree takes a thousand times the bytes of "<a/>": so no more is parsed ahead than one turn can
 * use up, and what the peer sent beyond that waits as bytes (rest).
 *
 * Expat's handlers are in xml_build.c. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <base/lim.h>
#include <base/mem.h>

#include "xml_internal.h"

#define PIECE_MAX 2048 /* bytes parsed between two looks at how much waits */

/* --- faults ----------------------------------------------------------------------------------- */
void xml_fault(struct xml *x, enum xml_err err, const char *text)
{
	if (x->err)
		return;
	x->err = err;
	x->err_text = text;
	if (x->parser)
		(void)XML_StopParser(x->parser, XML_FALSE);
}

static void fault_of_expat(struct xml *x)
{
	enum XML_Error code = XML_GetErrorCode(x->parser);
	enum xml_err err = XML_E_NOT_WELL_FORMED;

	assert(code != XML_ERROR_NO_MEMORY); /* our allocator aborts */
	switch (code) {
	case XML_ERROR_UNBOUND_PREFIX:
	case XML_ERROR_UNDECLARING_PREFIX:
	case XML_ERROR_RESERVED_PREFIX_XML:
	case XML_ERROR_RESERVED_PREFIX_XMLNS:
	case XML_ERROR_RESERVED_NAMESPACE_URI:
		err = XML_E_BAD_NS_PREFIX;
		break;
	case XML_ERROR_UNDEFINED_ENTITY: /* only the predefined are allowed (RFC 6120 11.1) */
		err = XML_E_RESTRICTED;
		break;
	case XML_ERROR_UNKNOWN_ENCODING:
	case XML_ERROR_INCORRECT_ENCODING:
		err = XML_E_ENCODING;
		break;
	default:
		break;
	}
	xml_fault(x, err, XML_ErrorString(code));
}

/* --- the parser's life ------------------------------------------------------------------------ */
static void parser_setup(struct xml *x)
{
	xml_build_setup(x);
#ifdef HAVE_XML_REPARSE_DEFERRAL
	(void)XML_SetReparseDeferralEnabled(x->parser, XML_FALSE);
#endif
	x->fed = x->settled = 0;
}

static void parser_close(struct xml *x)
{
	if (!x->parser)
		return;
	XML_ParserFree(x->parser);
	x->parser = NULL;
	xml_mem_free(x->mem);
	x->mem = NULL;
}

/* XML_Parse(), with its memory from where the parser's is. */
static enum XML_Status parse(struct xml *x, const char *p, size_t n)
{
	struct xml_mem *before = xml_mem_use(x->mem);
	enum XML_Status st = XML_Parse(x->parser, p, (int)n, 0);

	(void)xml_mem_use(before);
	return st;
}

static void parser_open(struct xml *x)
{
	struct xml_mem *before;
	const char sep[2] = { XML_SEP, '\0' };
	enum XML_Status st;

	x->mem = xml_mem_new();
	before = xml_mem_use(x->mem);
	x->parser = XML_ParserCreate_MM("UTF-8", &xml_mem_suite, sep);
	(void)xml_mem_use(before);
	assert(x->parser);
	parser_setup(x);
	if (!x->head)
		return;
	x->replaying = true;
	st = parse(x, sbuf_data(&x->replay), sbuf_len(&x->replay));
	x->replaying = false;
	assert(st == XML_STATUS_OK); /* we wrote it */
	x->fed = x->settled = (long long)sbuf_len(&x->replay);
}

struct xml *xml_new(const char *content_ns, const struct xml_limits *lim)
{
	struct xml *x = xzalloc(sizeof(*x));

	x->content_ns = content_ns;
	x->lim = *lim;
	x->tail = &x->first;
	return x;
}

static void queue_clear(struct xml *x)
{
	struct el *el;

	while (xml_pop(x, &el) == XML_EL)
		el_free(el);
}

/* Everything that belongs to the stream at hand, but for the parser. */
static void stream_forget(struct xml *x)
{
	x->head_told = true;
	sbuf_done(&x->rest);
	queue_clear(x);
	if (x->cur)
		el_free(&x->cur->tree->root);
	el_free(x->head);
	x->head = x->cur = NULL;
	free(x->head_ns);
	x->head_ns = NULL;
	sbuf_done(&x->decls);
	xml_raw_done(&x->raw);
	x->err = XML_OK;
	x->err_text = NULL;
	x->head_told = x->ended = x->over_told = false;
	x->depth = x->n_decls = 0;
	x->ns_bytes = 0;
}

void xml_free(struct xml *x)
{
	if (!x)
		return;
	stream_forget(x);
	sbuf_done(&x->replay);
	parser_close(x);
	free(x);
}

bool xml_reset(struct xml *x)
{
	bool lost = xml_partial(x) || x->first;
	struct xml_mem *before;

	stream_forget(x);
	if (x->parser) {
		before = xml_mem_use(x->mem);
		(void)XML_ParserReset(x->parser, "UTF-8");
		(void)xml_mem_use(before);
		parser_setup(x);
	}
	return lost;
}

bool xml_idle(struct xml *x)
{
	if (!x->parser)
		return true;
	if (xml_partial(x) || sbuf_len(&x->rest) > 0)
		return false;
	parser_close(x);
	x->fed = x->settled = 0;
	xml_raw_done(&x->raw);
	return true;
}

void xml_set_limits(struct xml *x, const struct xml_limits *lim)
{
	x->lim = *lim;
}

/* --- feeding ---------------------------------------------------------------------------------- */
static void feed_piece(struct xml *x, const char *p, size_t n)
{
	enum XML_Status st;

	x->chunk = (struct xml_chunk){ .p = p, .n = n, .base = x->fed };
	x->fed += (long long)n;
	st = parse(x, p, n);
	if (x->err || x->ended)
		return;
	if (st != XML_STATUS_OK)
		fault_of_expat(x);
	else if (x->fed - XML_GetCurrentByteIndex(x->parser) > xml_tag_max(x))
		xml_fault(x, XML_E_LIMIT, "tag too long");
	else if (x->cur)
		xml_raw_keep(&x->raw, &x->chunk);
}

/* Expat would change over to UTF-16 if the first two bytes look like it, whatever encoding we name;
 * a stream in UTF-8 begins with "<" and a character. */
static bool begins_well(struct xml *x, const char *p, size_t n)
{
	if (x->head || !n)
		return true;
	for (size_t i = 0; i < n && x->fed + (long long)i < 2; i++) {
		if (x->fed + (long long)i == 0 ? p[i] != '<' : !p[i]) {
			xml_fault(x, XML_E_NOT_WELL_FORMED, "this is no XML in UTF-8");
			return false;
		}
	}
	return true;
}

/* Parses of n bytes what there is room for; how many these were. */
static size_t feed_some(struct xml *x, const char *p, size_t n)
{
	size_t take, pending, done = 0;

	while (done < n && !x->err && !x->ended && x->waiting < LIM_TURN_STANZAS) {
		if (!x->parser)
			parser_open(x);
		take = n - done < PIECE_MAX ? n - done : PIECE_MAX;
		pending = (size_t)(x->fed - x->settled);
		if (x->lim.stanza && pending >= x->lim.stanza) {
			xml_fault(x, XML_E_LIMIT, "stanza too long");
			break;
		}
		if (x->lim.stanza && take > x->lim.stanza - pending)
			take = x->lim.stanza - pending;
		feed_piece(x, p + done, take);
		done += take;
	}
	return x->err || x->ended ? n : done;
}

void xml_feed(struct xml *x, const char *p, size_t n)
{
	size_t done;

	/* White space before a header is no part of it: after a restart some send a line feed. */
	for (; n && !x->head && !x->fed && strchr(" \t\r\n", *p) && *p; n--)
		p++;
	if (!begins_well(x, p, n))
		return;
	done = sbuf_len(&x->rest) > 0 ? 0 : feed_some(x, p, n);
	sbuf_add(&x->rest, p + done, n - done);
}

/* Nothing waits any more: on with the rest. */
static void feed_rest(struct xml *x)
{
	sbuf_drop(&x->rest, feed_some(x, sbuf_data(&x->rest), sbuf_len(&x->rest)));
	if (sbuf_len(&x->rest) == 0)
		sbuf_done(&x->rest);
}

bool xml_partial(const struct xml *x)
{
	return !x->err && !x->ended && x->fed > x->settled;
}

/* --- what came out ---------------------------------------------------------------------------- */
enum xml_ev xml_pop(struct xml *x, struct el **ret_el)
{
	struct el_tree *t = x->first;

	if (x->head && !x->head_told) {
		x->head_told = true;
		return XML_HEAD;
	}
	if (t) {
		x->first = t->next;
		t->next = NULL;
		if (!x->first)
			x->tail = &x->first;
		if (--x->waiting == 0 && sbuf_len(&x->rest) > 0)
			feed_rest(x);
		*ret_el = &t->root;
		return XML_EL;
	}
	if (x->over_told || (!x->ended && !x->err))
		return XML_NONE;
	x->over_told = true;
	return x->ended ? XML_END : XML_FAULT;
}

const struct el *xml_head(const struct xml *x)
{
	return x->head;
}

const char *xml_head_default_ns(const struct xml *x)
{
	const char *ns = el_attr(x->head, "xmlns");

	return ns ? ns : "";
}

enum xml_err xml_error(const struct xml *x)
{
	return x->err;
}

const char *xml_error_text(const struct xml *x)
{
	return x->err_text ? x->err_text : "";
}

struct el *xml_read(const char *text, const struct xml_limits *lim)
{
	static const char head[] =
	    "<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "'>";
	struct xml *x = xml_new(NS_CLIENT, lim);
	struct el *el = NULL;
	enum xml_ev ev;

	xml_feed(x, head, sizeof(head) - 1);
	xml_feed(x, text, strlen(text));
	do {
		ev = xml_pop(x, &el);
	} while (ev == XML_HEAD);
	xml_free(x);
	return ev == XML_EL ? el : NULL;
}
