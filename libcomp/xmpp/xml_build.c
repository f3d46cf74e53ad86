/* SPDX-License-Identifier: MIT */
/* Expat's handlers: they build trees, watch the limits of shape and say what is refused.  None
 * calls out of the parser. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <base/mem.h>

#include "xml_internal.h"

/* --- what XMPP does not have (RFC 6120 11.1, 11.6) -------------------------------------------- */
static void on_xmldecl(void *arg, const char *version, const char *encoding, int standalone)
{
	(void)version;
	(void)standalone;
	if (encoding && strcasecmp(encoding, "UTF-8") != 0)
		xml_fault(arg, XML_E_ENCODING, "the encoding is not UTF-8");
}

static void on_doctype(
    void *arg, const char *name, const char *sysid, const char *pubid, int internal)
{
	(void)name;
	(void)sysid;
	(void)pubid;
	(void)internal;
	xml_fault(arg, XML_E_RESTRICTED, "document type declaration");
}

static void on_comment(void *arg, const char *text)
{
	(void)text;
	xml_fault(arg, XML_E_RESTRICTED, "comment");
}

static void on_pi(void *arg, const char *target, const char *data)
{
	(void)target;
	(void)data;
	xml_fault(arg, XML_E_RESTRICTED, "processing instruction");
}

/* --- names ------------------------------------------------------------------------------------ */
/* Expat's "namespace SEP name SEP prefix", of which only the name is always there. */
struct qname {
	const char *ns, *name, *prefix; /* prefix: NULL if none; NUL-terminated */
	size_t ns_len, name_len;
};

static struct qname qname_split(const char *s)
{
	const char *sep = strchr(s, XML_SEP), *sep2;

	if (!sep)
		return (struct qname){ .ns = "", .name = s, .name_len = strlen(s) };
	sep2 = strchr(sep + 1, XML_SEP);
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

/* --- start tags ------------------------------------------------------------------------------- */
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

static void count_ns(struct xml *x, size_t n)
{
	x->ns_bytes += n;
	if (x->lim.stanza && x->ns_bytes > x->lim.stanza / 2)
		xml_fault(x, XML_E_LIMIT, "too many namespaces");
}

static void attrs_add(struct xml *x, struct el *el, const char **atts)
{
	struct arena *a = el_arena(el);
	struct el_attr **tail = &el->attrs;
	unsigned n = x->n_decls;

	while (*tail)
		tail = &(*tail)->next;
	for (; *atts && !x->err; atts += 2) {
		struct qname q = qname_split(atts[0]);
		struct el_attr *at = arena_alloc(a, sizeof(*at));

		if (q.prefix && el->parent)
			xml_raw_use(&x->raw, q.prefix);
		attr_name(at, a, &q);
		if (at->ns)
			count_ns(x, q.ns_len);
		at->val = arena_strdup(a, atts[1]);
		at->next = NULL;
		*tail = at;
		tail = &at->next;
		n++;
	}
	if (x->lim.attrs && n > x->lim.attrs)
		xml_fault(x, XML_E_LIMIT, "too many attributes");
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
	x->ns_bytes = 0;
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
		xml_fault(x, XML_E_LIMIT, "too many children");
		return;
	}
	el = el_append(x->cur, arena_strndup(a, q->name, q->name_len),
	    ns_inside(x, a, x->cur, q->ns, q->ns_len));
	if (!el_str_same(el->ns, x->cur->ns))
		count_ns(x, q->ns_len);
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
	if ((unsigned)XML_GetCurrentByteCount(x->parser) > xml_tag_max(x)) {
		xml_fault(x, XML_E_LIMIT, "tag too long");
		return;
	}
	if (x->lim.depth && x->depth > x->lim.depth) {
		xml_fault(x, XML_E_LIMIT, "nested too deeply");
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
	if (strlen(uri) > XML_NS_MAX) {
		xml_fault(x, XML_E_LIMIT, "namespace too long");
		return;
	}
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

/* --- text and end tags ------------------------------------------------------------------------ */
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
			xml_fault(x, XML_E_NOT_WELL_FORMED, "text between stanzas");
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
	el->tree->wire_len = (size_t)(tag_end(x) - x->settled);
	x->settled = tag_end(x);
	*x->tail = el->tree;
	x->tail = &el->tree->next;
	x->waiting++;
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

void xml_build_setup(struct xml *x)
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
}
