/* SPDX-License-Identifier: MIT */
/* Writing trees.
 *
 * Namespaces are written as default namespaces only, where an element's differs from what it would
 * inherit; the exceptions are a root in the stream's namespace, which takes the prefix that every
 * stream header declares, and attributes in a namespace, which get a prefix of their own.
 *
 * A stanza that still has the bytes it came with (el_raw) gets a new start tag around them. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <base/sbuf.h>

#include "el_internal.h"

/* --- characters ------------------------------------------------------------------------------- */
enum { CH_PLAIN, CH_AMP, CH_LT, CH_GT, CH_QUOT, CH_TAB, CH_LF, CH_CR, CH_MULTI, CH_DROP };

/* Tab and line feed stay as they are in text and are references in attributes, where a parser would
 * make spaces of them (XML 1.0 3.3.3). */
static const uint8_t ch_class[256] = {
	[0 ... 0x08] = CH_DROP,
	['\t'] = CH_TAB,
	['\n'] = CH_LF,
	[0x0b ... 0x0c] = CH_DROP,
	['\r'] = CH_CR,
	[0x0e ... 0x1f] = CH_DROP,
	['&'] = CH_AMP,
	['<'] = CH_LT,
	['>'] = CH_GT,
	['"'] = CH_QUOT,
	[0x80 ... 0xff] = CH_MULTI,
};

static const struct {
	const char *s;
	size_t n;
} ch_ref[] = {
	[CH_AMP] = { "&amp;", 5 },
	[CH_LT] = { "&lt;", 4 },
	[CH_GT] = { "&gt;", 4 },
	[CH_QUOT] = { "&quot;", 6 },
	[CH_TAB] = { "&#9;", 4 },
	[CH_LF] = { "&#10;", 5 },
	[CH_CR] = { "&#13;", 5 },
	[CH_MULTI] = { "", 0 },
	[CH_DROP] = { "", 0 },
};

static bool is_tail(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/* Length of the UTF-8 sequence at s that XML can carry (XML 1.0 2.2), or 0. */
static size_t utf8_char(const uint8_t *s, size_t n)
{
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return n >= 2 && is_tail(s[1]) ? 2 : 0;
	if ((s[0] & 0xf0) == 0xe0) {
		if (n < 3 || !is_tail(s[1]) || !is_tail(s[2]))
			return 0;
		if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))
			return 0; /* overlong, surrogate */
		return s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe ? 0 : 3;
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		if (n < 4 || !is_tail(s[1]) || !is_tail(s[2]) || !is_tail(s[3]))
			return 0;
		return (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f) ? 0 : 4;
	}
	return 0;
}

static void escape(struct sbuf *out, const char *s, size_t n, bool attr)
{
	size_t from = 0, i = 0, len;
	uint8_t c;

	while (i < n) {
		c = ch_class[(uint8_t)s[i]];
		if (c == CH_PLAIN || (!attr && (c == CH_QUOT || c == CH_TAB || c == CH_LF))) {
			i++;
			continue;
		}
		if (c == CH_MULTI) {
			len = utf8_char((const uint8_t *)s + i, n - i);
			if (len) {
				i += len;
				continue;
			}
		}
		sbuf_add(out, s + from, i - from);
		sbuf_add(out, ch_ref[c].s, ch_ref[c].n);
		from = ++i;
	}
	sbuf_add(out, s + from, n - from);
}

void el_escape(struct sbuf *out, const char *s, size_t n)
{
	escape(out, s, n, true);
}

/* --- tags ------------------------------------------------------------------------------------- */
enum { TAGS_USUAL = 256 }; /* bytes of a stanza but for its content */

/* A walk down and up one tree. */
struct writer {
	struct sbuf *out;
	const struct el *top;
	const char *content_ns; /* NULL: a document of its own */
	unsigned depth;         /* of the element in hand; top: 0 */
	unsigned content;       /* so many of the path's first elements are in NS_CLIENT */
};

#define PUT(out, lit) sbuf_add((out), "" lit, sizeof(lit) - 1)

void el_write_attr(struct sbuf *out, const char *name, const char *val)
{
	if (!val)
		return;
	sbuf_putc(out, ' ');
	sbuf_puts(out, name);
	PUT(out, "=\"");
	escape(out, val, strlen(val), true);
	sbuf_putc(out, '"');
}

/* An attribute in a namespace: the n-th of its element declares prefix "a<n>" for itself. */
static void write_attr_ns(struct sbuf *out, const struct el_attr *at, unsigned n)
{
	sbuf_printf(out, " xmlns:a%u=\"", n);
	escape(out, at->ns, strlen(at->ns), true);
	sbuf_printf(out, "\" a%u:", n);
	sbuf_puts(out, at->name);
	PUT(out, "=\"");
	escape(out, at->val, strlen(at->val), true);
	sbuf_putc(out, '"');
}

static void write_attrs(struct sbuf *out, const struct el *el, const char *from, const char *to)
{
	unsigned n = 0;

	el_write_attr(out, "from", from);
	el_write_attr(out, "to", to);
	for (const struct el_attr *at = el->attrs; at; at = at->next) {
		if (at->ns)
			write_attr_ns(out, at, n++);
		else if (!(from && !strcmp(at->name, "from")) && !(to && !strcmp(at->name, "to")))
			el_write_attr(out, at->name, at->val);
	}
}

static const char *prefix_of(const struct writer *w, const struct el *el)
{
	if (el == w->top && w->content_ns && el_str_same(el->ns, NS_STREAM))
		return "stream:";
	return el_str_same(el->ns, NS_XML) ? "xml:" : ""; /* may be no default (Names. in XML 3) */
}

/* The namespace that an element on the path is written in. */
static const char *wire_ns(const struct writer *w, const struct el *el, unsigned depth)
{
	return depth < w->content && w->content_ns ? w->content_ns : el->ns;
}

/* The default namespace around the element in hand; NULL: to be declared anyway. */
static const char *inherited_ns(const struct writer *w, const struct el *el)
{
	if (el == w->top)
		return w->content_ns;
	if (*prefix_of(w, el->parent))
		return NULL;
	return wire_ns(w, el->parent, w->depth - 1);
}

/* A start tag but for its ">". */
static void write_start(struct writer *w, const struct el *el, const char *from, const char *to)
{
	const char *prefix = prefix_of(w, el), *dflt = inherited_ns(w, el), *ns;

	if (w->content == w->depth && el_str_same(el->ns, NS_CLIENT))
		w->content++;
	ns = wire_ns(w, el, w->depth);
	sbuf_putc(w->out, '<');
	sbuf_puts(w->out, prefix);
	sbuf_puts(w->out, el->name);
	if (!*prefix && (!dflt || !el_str_same(ns, dflt))) {
		PUT(w->out, " xmlns=\"");
		escape(w->out, ns, strlen(ns), true);
		sbuf_putc(w->out, '"');
	}
	write_attrs(w->out, el, from, to);
}

static void write_end(struct writer *w, const struct el *el)
{
	PUT(w->out, "</");
	sbuf_puts(w->out, prefix_of(w, el));
	sbuf_puts(w->out, el->name);
	sbuf_putc(w->out, '>');
}

/* --- trees ------------------------------------------------------------------------------------ */
/* Done with the element in hand: back to its parent. */
static void leave(struct writer *w)
{
	if (w->content > w->depth)
		w->content = w->depth;
	w->depth--;
}

/* All below top, whose start tag is written: text, and tags in document order. */
static void write_content(struct writer *w)
{
	const struct el *el = w->top, *child;
	struct el_node *n = el->first;

	for (;;) {
		if (!n && el == w->top)
			return;
		if (!n) {
			write_end(w, el);
			leave(w);
			n = el->node.next;
			el = el->parent;
		} else if (n->is_text && el_text_of_node(n)->written) {
			sbuf_add(w->out, el_text_of_node(n)->s, el_text_of_node(n)->len);
			n = n->next;
		} else if (n->is_text) {
			escape(w->out, el_text_of_node(n)->s, el_text_of_node(n)->len, false);
			n = n->next;
		} else {
			child = el_of_node(n);
			w->depth++;
			write_start(w, child, NULL, NULL);
			if (child->first) {
				PUT(w->out, ">");
				el = child;
				n = child->first;
			} else {
				PUT(w->out, "/>");
				leave(w);
				n = n->next;
			}
		}
	}
}

void el_write_addr(
    struct sbuf *out, const struct el *el, const char *content_ns, const char *from, const char *to)
{
	struct writer w = { .out = out, .top = el, .content_ns = content_ns };
	size_t n = 0;
	const char *raw = el_raw(el, &n);

	if (raw)
		(void)sbuf_reserve(out, n + TAGS_USUAL); /* once, not while it grows */
	write_start(&w, el, from, to);
	if (raw ? !n : !el->first) {
		PUT(out, "/>");
		return;
	}
	PUT(out, ">");
	if (raw)
		sbuf_add(out, raw, n);
	else
		write_content(&w);
	write_end(&w, el);
}

void el_write(struct sbuf *out, const struct el *el, const char *content_ns)
{
	el_write_addr(out, el, content_ns, NULL, NULL);
}

void el_freeze(struct el *root)
{
	struct sbuf out = SBUF_INIT;
	struct writer w = { .out = &out, .top = root, .content_ns = NS_CLIENT, .content = 1 };
	struct arena *a = el_arena(root);
	size_t n;

	assert(!root->parent && el_str_same(root->ns, NS_CLIENT));
	if (el_raw(root, &n))
		return;
	write_content(&w);
	el_set_raw(root, arena_strndup(a, sbuf_data(&out), sbuf_len(&out)), sbuf_len(&out));
	sbuf_done(&out);
}
