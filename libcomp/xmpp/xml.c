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
 * Handlers of expat build trees and set flags here; none calls out. */
#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <expat.h>

#include <base/mem.h>
#include <base/sbuf.h>

#include <xmpp/xml.h>

#include "el_internal.h"
#include "xml_raw.h"

#define SEP '\x01' /* between namespace, name and prefix: no character of XML */
#define PIECE_MAX (1U << 30)

struct xml {
	XML_Parser parser; /* NULL: none until the next byte */
	const char *content_ns;
	struct xml_limits lim;
	enum xml_err err;
	const char *err_text;
	bool head_told, ended, over_told; /* what xml_pop() has said, and has to say */
	bool replaying;
	struct el_tree *first, **tail; /* finished, not yet popped */

	struct el *head;
	struct sbuf decls;  /* the head's namespace declarations, as attributes */
	char *head_ns;      /* its default namespace, until it is an attribute of head */
	struct sbuf replay; /* a start tag that stands for the head in a new parser */

	struct xml_chunk chunk; /* what expat is looking at */
	long long fed, settled;
	unsigned depth;   /* open elements, the stream's root included */
	unsigned n_decls; /* namespace declarations of the tag to come */
	struct el *cur;   /* innermost open element of a stanza */
	struct xml_raw raw;
};

/* --- faults -------------------------------------------------------------------------------------
 */
static void fault(struct xml *x, enum xml_err err, const char *text)
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
	fault(x, err, XML_ErrorString(code));
}

static void on_xmldecl(void *arg, const char *version, const char *encoding, int standalone)
{
	(void)version;
	(void)standalone;
	if (encoding && strcasecmp(encoding, "UTF-8") != 0)
		fault(arg, XML_E_ENCODING, "the encoding is not UTF-8");
}

static void on_doctype(
    void *arg, const char *name, const char *sysid, const char *pubid, int internal)
{
	(void)name;
	(void)sysid;
	(void)pubid;
	(void)internal;
	fault(arg, XML_E_RESTRICTED, "document type declaration");
}

static void on_comment(void *arg, const char *text)
{
	(void)text;
	fault(arg, XML_E_RESTRICTED, "comment");
}

static void on_pi(void *arg, const char *target, const char *data)
{
	(void)target;
	(void)data;
	fault(arg, XML_E_RESTRICTED, "processing instruction");
}

/* --- names --------------------------------------------------------------------------------------
 */
/* Expat's "namespace SEP name SEP prefix", of which only the name is always there. */
struct qname {
	const char *ns, *name, *prefix; /* prefix: NULL if none; NUL-terminated */
	size_t ns_len, name_len;
};

static struct qname qname_split(const char *s)
{
	const char *sep = strchr(s, SEP), *sep2;

	if (!sep)
		return (struct qname){ .ns = "", .name = s, .name_len = strlen(s) };
	sep2 = strchr(sep + 1, SEP);
	return (struct qname){
		.ns = s,
		.ns_len = (size_t)(sep - s),
		.name = sep + 1,
		.name_len = sep2 ? (size_t)(sep2 - sep - 1) : strlen(sep + 1),
		.prefix = sep2 ? sep2 + 1 : NULL,
	};
}

static bool same_n(const char *s, const char *p, size_t n)
{
	return !strncmp(s, p, n) && !s[n];
}

/* The namespace as it is called inside.  parent NULL: of a top-level element. */
static const char *ns_inside(
    const struct xml *x, struct arena *a, const struct el *parent, const char *ns, size_t n)
{
	if (same_n(x->content_ns, ns, n) || same_n(NS_CLIENT, ns, n))
		return NS_CLIENT;
	if (parent && same_n(parent->ns, ns, n))
		return parent->ns;
	if (parent && (same_n(NS_COMPONENT, ns, n) || same_n(NS_SERVER, ns, n)))
		return NS_CLIENT;
	return arena_strndup(a, ns, n);
}

/* --- start tags ---------------------------------------------------------------------------------
 */
static void attr_name(struct el_attr *at, struct arena *a, const struct qname *q)
{
	char *s;

	at->ns = NULL;
	if (q->ns_len && same_n(NS_XML, q->ns, q->ns_len)) {
		s = arena_alloc(a, sizeof("xml:") + q->name_len);
		memcpy(s, "xml:", 4);
		memcpy(s + 4, q->name, q->name_len);
		s[4 + q->name_len] = '\0';
		at->name = s;
		return;
	}
	if (q->ns_len)
		at->ns = arena_strndup(a, q->ns, q->ns_len);
	at->name = arena_strndup(a, q->name, q->name_len);
}

static void attrs_add(struct xml *x, struct el *el, const char **atts)
{
	struct arena *a = el_arena(el);
	struct el_attr **tail = &el->attrs;
	unsigned n = x->n_decls;

	while (*tail)
		tail = &(*tail)->next;
	for (; *atts; atts += 2) {
		struct qname q = qname_split(atts[0]);
		struct el_attr *at = arena_alloc(a, sizeof(*at));

		if (q.prefix && el->parent)
			xml_raw_use(&x->raw, q.prefix);
		attr_name(at, a, &q);
		at->val = arena_strdup(a, atts[1]);
		at->next = NULL;
		*tail = at;
		tail = &at->next;
		n++;
	}
	if (x->lim.attrs && n > x->lim.attrs)
		fault(x, XML_E_LIMIT, "too many attributes");
}

static long long tag_end(const struct xml *x)
{
	return XML_GetCurrentByteIndex(x->parser) + XML_GetCurrentByteCount(x->parser);
}

static void head_start(struct xml *x, const struct qname *q, const char **atts)
{
	struct arena *a = arena_new();

	x->head = el_root_new(
	    a, arena_strndup(a, q->name, q->name_len), ns_inside(x, a, NULL, q->ns, q->ns_len));
	el_set(x->head, "xmlns", x->head_ns);
	free(x->head_ns);
	x->head_ns = NULL;
	attrs_add(x, x->head, atts);
	sbuf_clear(&x->replay);
	sbuf_putc(&x->replay, '<');
	if (q->prefix) {
		sbuf_puts(&x->replay, q->prefix);
		sbuf_putc(&x->replay, ':');
	}
	sbuf_add(&x->replay, q->name, q->name_len);
	sbuf_add(&x->replay, sbuf_data(&x->decls), sbuf_len(&x->decls));
	sbuf_putc(&x->replay, '>');
	sbuf_done(&x->decls);
	x->settled = tag_end(x);
}

static void stanza_start(struct xml *x, const struct qname *q, const char **atts)
{
	struct arena *a = arena_new();
	struct el *el = el_root_new(
	    a, arena_strndup(a, q->name, q->name_len), ns_inside(x, a, NULL, q->ns, q->ns_len));

	x->cur = el;
	x->raw.ok = false;
	if (el_str_same(el->ns, NS_CLIENT) && !q->prefix)
		xml_raw_begin(&x->raw, tag_end(x), &x->chunk);
	attrs_add(x, el, atts);
}

static void child_start(struct xml *x, const struct qname *q, const char **atts)
{
	struct arena *a = el_arena(x->cur);
	struct el *el;

	if (x->lim.nodes && el_child_count(x->cur) >= x->lim.nodes) {
		fault(x, XML_E_LIMIT, "too many children");
		return;
	}
	el = el_append(x->cur, arena_strndup(a, q->name, q->name_len),
	    ns_inside(x, a, x->cur, q->ns, q->ns_len));
	x->cur = el;
	if (q->prefix)
		xml_raw_use(&x->raw, q->prefix);
	xml_raw_enter(&x->raw, x->depth - 1, el_str_same(el->ns, NS_CLIENT));
	attrs_add(x, el, atts);
}

static void on_start(void *arg, const char *name, const char **atts)
{
	struct xml *x = arg;
	struct qname q;

	if (x->err || x->replaying)
		return;
	if (XML_GetCurrentByteCount(x->parser) > XML_TAG_MAX) {
		fault(x, XML_E_LIMIT, "tag too long");
		return;
	}
	if (x->lim.depth && x->depth > x->lim.depth) {
		fault(x, XML_E_LIMIT, "nested too deeply");
		return;
	}
	q = qname_split(name);
	if (!x->depth)
		head_start(x, &q, atts);
	else if (!x->cur)
		stanza_start(x, &q, atts);
	else
		child_start(x, &q, atts);
	x->depth++;
	x->n_decls = 0;
}

/* Comes before the start tag that holds the declaration.  prefix NULL: the default namespace. */
static void on_ns_decl(void *arg, const char *prefix, const char *uri)
{
	struct xml *x = arg;

	if (x->err || x->replaying)
		return;
	uri = uri ? uri : "";
	x->n_decls++;
	if (x->cur) {
		xml_raw_declare(&x->raw, el_arena(x->cur), x->depth - 1, prefix, uri);
	} else if (!x->depth) {
		sbuf_puts(&x->decls, prefix ? " xmlns:" : " xmlns");
		sbuf_puts(&x->decls, prefix ? prefix : "");
		sbuf_puts(&x->decls, "=\"");
		el_escape(&x->decls, uri, strlen(uri));
		sbuf_putc(&x->decls, '"');
		if (!prefix) {
			free(x->head_ns);
			x->head_ns = xstrdup(uri);
		}
	}
}

/* --- text and end tags --------------------------------------------------------------------------
 */
static void on_text(void *arg, const char *s, int n)
{
	struct xml *x = arg;

	if (x->err)
		return;
	if (x->cur) {
		el_append_text(x->cur, s, (size_t)n);
		return;
	}
	for (int i = 0; i < n; i++) {
		if (!strchr(" \t\r\n", s[i])) {
			fault(x, XML_E_NOT_WELL_FORMED, "text between stanzas");
			return;
		}
	}
	x->settled = tag_end(x); /* keepalives (RFC 6120 4.6.1) count as nothing */
}

static void stanza_end(struct xml *x)
{
	struct el *el = x->cur;
	const char *raw;
	size_t n;

	raw = xml_raw_end(&x->raw, el_arena(el), XML_GetCurrentByteIndex(x->parser), &x->chunk, &n);
	if (raw)
		el_set_raw(el, raw, n);
	x->cur = NULL;
	x->settled = tag_end(x);
	*x->tail = el->tree;
	x->tail = &el->tree->next;
}

static void on_end(void *arg, const char *name)
{
	struct xml *x = arg;

	(void)name;
	if (x->err)
		return;
	x->depth--;
	if (!x->depth) {
		x->ended = true;
		(void)XML_StopParser(x->parser, XML_FALSE);
	} else if (x->depth == 1) {
		stanza_end(x);
	} else {
		xml_raw_leave(&x->raw, x->depth - 1);
		x->cur = x->cur->parent;
	}
}

/* --- the parser's life --------------------------------------------------------------------------
 */
static void parser_setup(struct xml *x)
{
	XML_SetUserData(x->parser, x);
	XML_SetReturnNSTriplet(x->parser, 1);
	XML_SetElementHandler(x->parser, on_start, on_end);
	XML_SetCharacterDataHandler(x->parser, on_text);
	XML_SetStartNamespaceDeclHandler(x->parser, on_ns_decl);
	XML_SetXmlDeclHandler(x->parser, on_xmldecl);
	XML_SetStartDoctypeDeclHandler(x->parser, on_doctype);
	XML_SetCommentHandler(x->parser, on_comment);
	XML_SetProcessingInstructionHandler(x->parser, on_pi);
#ifdef HAVE_XML_REPARSE_DEFERRAL
	(void)XML_SetReparseDeferralEnabled(x->parser, XML_FALSE);
#endif
	x->fed = x->settled = 0;
}

static void parser_open(struct xml *x)
{
	static const XML_Memory_Handling_Suite mem = { xmalloc, xrealloc, free };
	const char sep[2] = { SEP, '\0' };
	enum XML_Status st;

	x->parser = XML_ParserCreate_MM("UTF-8", &mem, sep);
	assert(x->parser);
	parser_setup(x);
	if (!x->head)
		return;
	x->replaying = true;
	st = XML_Parse(x->parser, sbuf_data(&x->replay), (int)sbuf_len(&x->replay), 0);
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
}

void xml_free(struct xml *x)
{
	if (!x)
		return;
	stream_forget(x);
	sbuf_done(&x->replay);
	if (x->parser)
		XML_ParserFree(x->parser);
	free(x);
}

bool xml_reset(struct xml *x)
{
	bool lost = xml_partial(x) || x->first;

	stream_forget(x);
	if (x->parser) {
		(void)XML_ParserReset(x->parser, "UTF-8");
		parser_setup(x);
	}
	return lost;
}

bool xml_idle(struct xml *x)
{
	if (!x->parser)
		return true;
	if (xml_partial(x))
		return false;
	XML_ParserFree(x->parser);
	x->parser = NULL;
	x->fed = x->settled = 0;
	xml_raw_done(&x->raw);
	return true;
}

void xml_set_limits(struct xml *x, const struct xml_limits *lim)
{
	x->lim = *lim;
}

/* --- feeding ------------------------------------------------------------------------------------
 */
static void feed_piece(struct xml *x, const char *p, size_t n)
{
	enum XML_Status st;

	x->chunk = (struct xml_chunk){ .p = p, .n = n, .base = x->fed };
	x->fed += (long long)n;
	st = XML_Parse(x->parser, p, (int)n, 0);
	if (x->err || x->ended)
		return;
	if (st != XML_STATUS_OK)
		fault_of_expat(x);
	else if (x->fed - XML_GetCurrentByteIndex(x->parser) > XML_TAG_MAX)
		fault(x, XML_E_LIMIT, "tag too long");
	else if (x->cur)
		xml_raw_keep(&x->raw, &x->chunk);
}

void xml_feed(struct xml *x, const char *p, size_t n)
{
	size_t take, pending;

	/* White space before a header is no part of it: after a restart some send a line feed. */
	for (; n && !x->head && !x->fed && strchr(" \t\r\n", *p) && *p; n--)
		p++;
	while (n && !x->err && !x->ended) {
		if (!x->parser)
			parser_open(x);
		take = n < PIECE_MAX ? n : PIECE_MAX;
		pending = (size_t)(x->fed - x->settled);
		if (x->lim.stanza && pending >= x->lim.stanza) {
			fault(x, XML_E_LIMIT, "stanza too long");
			return;
		}
		if (x->lim.stanza && take > x->lim.stanza - pending)
			take = x->lim.stanza - pending;
		feed_piece(x, p, take);
		p += take;
		n -= take;
	}
}

bool xml_partial(const struct xml *x)
{
	return !x->err && !x->ended && x->fed > x->settled;
}

/* --- what came out ------------------------------------------------------------------------------
 */
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
