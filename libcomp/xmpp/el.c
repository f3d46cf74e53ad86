/* SPDX-License-Identifier: MIT */
/* Trees of elements: building, copying, reading.
 *
 * A tree is one arena; its root's struct (struct el_tree) holds it, and each element points there.
 * Children are a list of element and text nodes; neighbouring text is one node.  Nothing is ever
 * freed before the whole, and nothing here recurses: a tree may be as deep as its maker allowed.
 * What changes anything but the root's attributes drops the bytes as received (el_raw). */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "el_internal.h"

/* --- roots ------------------------------------------------------------------------------------ */
static void el_setup(struct el *el, struct el_tree *t, const char *name, const char *ns)
{
	memset(el, 0, sizeof(*el));
	el->tree = t;
	el->name = name;
	el->ns = ns;
}

struct el *el_root_new(struct arena *a, const char *name, const char *ns)
{
	struct el_tree *t = arena_alloc(a, sizeof(*t));

	el_setup(&t->root, t, name, ns);
	t->arena = a;
	t->raw = NULL;
	t->raw_len = 0;
	t->wire_len = 0;
	t->next = NULL;
	return &t->root;
}

struct el *el_new_in(struct arena *a, const char *name, const char *ns)
{
	return el_root_new(a, arena_strdup(a, name), arena_strdup(a, ns));
}

struct el *el_new(const char *name, const char *ns)
{
	return el_new_in(arena_new(), name, ns);
}

static struct el *stanza_new(const char *name, const char *type, const char *to)
{
	struct el *el = el_root_new(arena_new(), name, NS_CLIENT);

	if (to)
		el_set(el, "to", to);
	if (type)
		el_set(el, "type", type);
	return el;
}

struct el *el_message(const char *type, const char *to)
{
	return stanza_new("message", type, to);
}

struct el *el_presence(const char *type, const char *to)
{
	return stanza_new("presence", type, to);
}

struct el *el_iq(const char *type, const char *to)
{
	return stanza_new("iq", type, to);
}

void el_free(struct el *root)
{
	if (!root)
		return;
	assert(!root->parent);
	arena_free(root->tree->arena);
}

struct arena *el_arena(const struct el *el)
{
	return el->tree->arena;
}

/* --- raw bytes -------------------------------------------------------------------------------- */
const char *el_raw(const struct el *el, size_t *ret_len)
{
	if (el->parent || !el->tree->raw)
		return NULL;
	*ret_len = el->tree->raw_len;
	return el->tree->raw;
}

size_t el_wire_len(const struct el *root)
{
	return root->tree->wire_len;
}

void el_set_raw(struct el *root, const char *raw, size_t len)
{
	assert(!root->parent);
	root->tree->raw = raw;
	root->tree->raw_len = len;
}

void el_drop_raw(struct el *root)
{
	root->tree->raw = NULL;
	root->tree->raw_len = 0;
}

/* --- building --------------------------------------------------------------------------------- */
static void node_link(struct el *parent, struct el_node *n)
{
	n->next = NULL;
	if (!n->is_text)
		parent->node.children++;
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
}

struct el *el_append(struct el *parent, const char *name, const char *ns)
{
	struct el *el = arena_alloc(parent->tree->arena, sizeof(*el));

	el_setup(el, parent->tree, name, ns);
	el->parent = parent;
	node_link(parent, &el->node);
	return el;
}

struct el *el_add(struct el *parent, const char *name, const char *ns)
{
	struct arena *a = parent->tree->arena;

	el_drop_raw(parent);
	if (!ns || el_str_same(ns, parent->ns))
		ns = parent->ns;
	else
		ns = arena_strdup(a, ns);
	return el_append(parent, arena_strdup(a, name), ns);
}

struct el *el_add_text(struct el *parent, const char *name, const char *ns, const char *text)
{
	struct el *el = el_add(parent, name, ns);

	el_text(el, text);
	return el;
}

/* Doubles the room when it grows a node: many small pieces cost what one large one does. */
static void textnode_grow(struct arena *a, struct el_textnode *t, size_t n)
{
	size_t cap = t->cap * 2 > t->len + n ? t->cap * 2 : t->len + n;
	char *s = arena_alloc(a, cap + 1);

	memcpy(s, t->s, t->len);
	t->s = s;
	t->cap = cap;
}

void el_append_text(struct el *parent, const char *s, size_t n)
{
	struct arena *a = parent->tree->arena;
	struct el_textnode *t;

	if (!n)
		return;
	if (parent->last && parent->last->is_text && !el_text_of_node(parent->last)->written) {
		t = el_text_of_node(parent->last);
		if (n > t->cap - t->len)
			textnode_grow(a, t, n);
	} else {
		t = arena_alloc(a, sizeof(*t));
		t->node.is_text = true;
		t->written = false;
		t->len = 0;
		t->cap = n;
		t->s = arena_alloc(a, n + 1);
		node_link(parent, &t->node);
	}
	memcpy(t->s + t->len, s, n);
	t->len += n;
	t->s[t->len] = '\0';
}

void el_text_n(struct el *el, const char *text, size_t n)
{
	el_drop_raw(el);
	el_append_text(el, text, strnlen(text, n));
}

void el_text(struct el *el, const char *text)
{
	el_text_n(el, text, strlen(text));
}

void el_remove(struct el *parent, const struct el *child)
{
	struct el_node **p = &parent->first, *prev = NULL;

	while (*p && *p != &child->node) {
		prev = *p;
		p = &(*p)->next;
	}
	if (!*p)
		return;
	el_drop_raw(parent);
	*p = child->node.next;
	parent->node.children--;
	if (parent->last == &child->node)
		parent->last = prev;
}

void el_remove_all(struct el *parent, bool (*goes)(const struct el *child, void *arg), void *arg)
{
	struct el_node **p = &parent->first, *last = NULL;
	unsigned before = parent->node.children;

	while (*p) {
		if (!(*p)->is_text && goes(el_of_node(*p), arg)) {
			*p = (*p)->next;
			parent->node.children--;
		} else {
			last = *p;
			p = &last->next;
		}
	}
	parent->last = last;
	if (parent->node.children != before)
		el_drop_raw(parent);
}

/* --- attributes ------------------------------------------------------------------------------- */
static bool attr_is(const struct el_attr *at, const char *ns, const char *name)
{
	if (!ns != !at->ns || !el_str_same(at->name, name))
		return false;
	return !ns || el_str_same(at->ns, ns);
}

/* val lives in the arena; NULL removes. */
static void attr_put(struct el *el, const char *ns, const char *name, const char *val)
{
	struct arena *a = el->tree->arena;
	struct el_attr **p = &el->attrs, *at;

	if (el->parent)
		el_drop_raw(el);
	while (*p && !attr_is(*p, ns, name))
		p = &(*p)->next;
	if (!val) {
		if (*p)
			*p = (*p)->next;
		return;
	}
	if (*p) {
		(*p)->val = val;
		return;
	}
	at = arena_alloc(a, sizeof(*at));
	at->next = NULL;
	at->ns = ns ? arena_strdup(a, ns) : NULL;
	at->name = arena_strdup(a, name);
	at->val = val;
	*p = at;
}

void el_set(struct el *el, const char *attr, const char *val)
{
	attr_put(el, NULL, attr, val ? arena_strdup(el->tree->arena, val) : NULL);
}

void el_setf(struct el *el, const char *attr, const char *fmt, ...)
{
	va_list ap, ap2;
	char *val;
	int n;

	va_start(ap, fmt);
	va_copy(ap2, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	val = arena_alloc(el->tree->arena, (size_t)n + 1);
	n = vsnprintf(val, (size_t)n + 1, fmt, ap2);
	va_end(ap2);
	assert(n >= 0);
	attr_put(el, NULL, attr, val);
}

void el_set_ns(struct el *el, const char *ns, const char *attr, const char *val)
{
	struct arena *a = el->tree->arena;
	char *name;
	size_t n;

	val = val ? arena_strdup(a, val) : NULL;
	if (el_str_same(ns, NS_XML)) { /* its prefix is fixed (Namespaces in XML 3) */
		n = sizeof("xml:") + strlen(attr);
		name = arena_alloc(a, n);
		(void)snprintf(name, n, "xml:%s", attr);
		attr_put(el, NULL, name, val);
		return;
	}
	attr_put(el, ns, attr, val);
}

const char *el_attr_ns(const struct el *el, const char *ns, const char *name)
{
	for (const struct el_attr *at = el->attrs; at; at = at->next) {
		if (attr_is(at, ns, name))
			return at->val;
	}
	return NULL;
}

const char *el_attr(const struct el *el, const char *name)
{
	return el_attr_ns(el, NULL, name);
}

int el_attr_u32(const struct el *el, const char *name, uint32_t *out)
{
	const char *s = el_attr(el, name);
	uint64_t n = 0;

	if (!s || !*s || strlen(s) > 10)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		n = n * 10 + (uint64_t)(*s - '0');
	}
	if (n > UINT32_MAX)
		return -EINVAL;
	*out = (uint32_t)n;
	return 0;
}

bool el_attr_true(const struct el *el, const char *name)
{
	const char *s = el_attr(el, name);

	return s && (strcmp(s, "true") == 0 || strcmp(s, "1") == 0);
}

/* --- copying ---------------------------------------------------------------------------------- */
/* ns of the copy: shared with its new parent where it is the same, to compare by pointer later. */
static const char *ns_copy(struct arena *a, const struct el *parent, const char *ns)
{
	if (parent && el_str_same(parent->ns, ns))
		return parent->ns;
	return el_str_same(ns, NS_CLIENT) ? NS_CLIENT : arena_strdup(a, ns);
}

static void attrs_copy(struct arena *a, struct el *dst, const struct el *src)
{
	struct el_attr **tail = &dst->attrs;

	for (const struct el_attr *at = src->attrs; at; at = at->next) {
		struct el_attr *c = arena_alloc(a, sizeof(*c));

		c->next = NULL;
		c->ns = at->ns ? arena_strdup(a, at->ns) : NULL;
		c->name = arena_strdup(a, at->name);
		c->val = arena_strdup(a, at->val);
		*tail = c;
		tail = &c->next;
	}
}

static void raw_append(struct el *parent, const char *raw, size_t len)
{
	struct arena *a = parent->tree->arena;
	struct el_textnode *t = arena_alloc(a, sizeof(*t));

	*t = (struct el_textnode){ .node.is_text = true, .written = true, .len = len, .cap = len };
	t->s = arena_alloc(a, len + 1);
	memcpy(t->s, raw, len);
	t->s[len] = '\0';
	node_link(parent, &t->node);
}

static void text_copy(struct el *parent, const struct el_textnode *t)
{
	if (t->written)
		raw_append(parent, t->s, t->len);
	else
		el_append_text(parent, t->s, t->len);
}

/* dst is empty and not yet linked anywhere, so src may be one of its ancestors to be. */
static void subtree_copy(struct el *dst, const struct el *src)
{
	struct arena *a = dst->tree->arena;
	const struct el *at = src;
	struct el_node *n = src->first;
	struct el *out = dst;

	attrs_copy(a, dst, src);
	for (;;) {
		if (!n) {
			if (at == src)
				return;
			n = at->node.next;
			at = at->parent;
			out = out->parent;
			continue;
		}
		if (n->is_text) {
			text_copy(out, el_text_of_node(n));
			n = n->next;
			continue;
		}
		at = el_of_node(n);
		out = el_append(out, arena_strdup(a, at->name), ns_copy(a, out, at->ns));
		attrs_copy(a, out, at);
		n = at->first;
	}
}

struct el *el_add_copy(struct el *parent, const struct el *src)
{
	struct arena *a = parent->tree->arena;
	struct el *el = arena_alloc(a, sizeof(*el));

	el_setup(el, parent->tree, arena_strdup(a, src->name), ns_copy(a, parent, src->ns));
	subtree_copy(el, src);
	el_drop_raw(parent);
	el->parent = parent;
	node_link(parent, &el->node);
	return el;
}

struct el *el_add_raw(struct el *parent, const struct el *src, const char *raw, size_t len)
{
	struct arena *a = parent->tree->arena;
	struct el *el = el_add(parent, src->name, src->ns);

	assert(el_str_same(src->ns, NS_CLIENT) && !el_str_same(parent->ns, NS_CLIENT));
	attrs_copy(a, el, src);
	if (len > 0)
		raw_append(el, raw, len);
	return el;
}

struct el *el_dup(const struct el *src)
{
	struct arena *a = arena_new();
	struct el *el = el_root_new(a, arena_strdup(a, src->name), ns_copy(a, NULL, src->ns));
	const char *raw;
	char *copy;
	size_t n;

	subtree_copy(el, src);
	raw = el_raw(src, &n);
	if (raw) {
		copy = arena_alloc(a, n + 1);
		memcpy(copy, raw, n);
		copy[n] = '\0';
		el_set_raw(el, copy, n);
	}
	return el;
}

/* --- reading ---------------------------------------------------------------------------------- */
const char *el_name(const struct el *el)
{
	return el->name;
}

const char *el_ns(const struct el *el)
{
	return el->ns;
}

bool el_is(const struct el *el, const char *name, const char *ns)
{
	return (!name || el_str_same(el->name, name)) && (!ns || el_str_same(el->ns, ns));
}

enum el_kind el_kind(const struct el *el)
{
	if (!el_str_same(el->ns, NS_CLIENT))
		return EL_OTHER;
	if (!strcmp(el->name, "message"))
		return EL_MESSAGE;
	if (!strcmp(el->name, "presence"))
		return EL_PRESENCE;
	return strcmp(el->name, "iq") ? EL_OTHER : EL_IQ;
}

static const struct el *node_match(struct el_node *n, const char *name, const char *ns)
{
	for (; n; n = n->next) {
		if (!n->is_text && el_is(el_of_node(n), name, ns))
			return el_of_node(n);
	}
	return NULL;
}

const struct el *el_child(const struct el *el, const char *name, const char *ns)
{
	return node_match(el->first, name, ns);
}

const struct el *el_next(const struct el *cur, const char *name, const char *ns)
{
	return node_match(cur->node.next, name, ns);
}

static const char *text_join(const struct el *el, size_t len)
{
	char *s = arena_alloc(el->tree->arena, len + 1), *p = s;

	for (struct el_node *n = el->first; n; n = n->next) {
		if (n->is_text) {
			memcpy(p, el_text_of_node(n)->s, el_text_of_node(n)->len);
			p += el_text_of_node(n)->len;
		}
	}
	*p = '\0';
	return s;
}

const char *el_body(const struct el *el)
{
	const char *one = "";
	unsigned count = 0;
	size_t len = 0;

	for (struct el_node *n = el->first; n; n = n->next) {
		if (!n->is_text)
			continue;
		one = el_text_of_node(n)->s;
		len += el_text_of_node(n)->len;
		count++;
	}
	return count < 2 ? one : text_join(el, len);
}

const char *el_child_text(const struct el *el, const char *name, const char *ns)
{
	const struct el *c = el_child(el, name, ns);

	return c ? el_body(c) : NULL;
}

size_t el_child_count(const struct el *el)
{
	return el->node.children;
}

struct el *el_mut(const struct el *el)
{
	return (struct el *)(uintptr_t)el; /* every element was made as a mutable object */
}
