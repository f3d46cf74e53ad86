/* SPDX-License-Identifier: MIT */
/* The shape of a tree, for the modules that build and write it (el.c, el_out.c, xml.c).
 * Everything here lives in the tree's arena.  Strings that the parser puts in are valid XML
 * already; what the builders put in is cleaned when it is written. */
#ifndef XMPP_EL_INTERNAL_H
#define XMPP_EL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <base/arena.h>

#include <xmpp/el.h>

struct el_node {
	struct el_node *next;
	bool is_text;
	unsigned children; /* of an element: how many elements are right below it */
};

struct el_textnode {
	struct el_node node;
	bool written;    /* no text: markup as el_add_raw() was given it */
	size_t len, cap; /* cap: bytes at s, without the NUL */
	char *s;
};

struct el_attr {
	struct el_attr *next;
	const char *ns; /* NULL: none; those of NS_XML are called "xml:..." instead */
	const char *name, *val;
};

struct el_tree;
struct el {
	struct el_node node; /* first: a node that is no text is an el */
	struct el_tree *tree;
	struct el *parent; /* NULL: the root */
	const char *name, *ns;
	struct el_attr *attrs;
	struct el_node *first, *last;
};

struct el_tree {
	struct el root; /* first: the root is the tree */
	struct arena *arena;
	const char *raw; /* NULL: none */
	size_t raw_len;
	size_t wire_len;      /* 0: not parsed */
	struct el_tree *next; /* while it waits in the parser's queue */
};

static inline struct el *el_of_node(struct el_node *n)
{
	return (struct el *)(void *)n;
}

static inline struct el_textnode *el_text_of_node(struct el_node *n)
{
	return (struct el_textnode *)(void *)n;
}

/* Identical strings are mostly the same pointer. */
static inline bool el_str_same(const char *a, const char *b)
{
	return a == b || !strcmp(a, b);
}

/* Takes the arena; name and ns must live as long as it does. */
struct el *el_root_new(struct arena *a, const char *name, const char *ns);
/* As el_add, with strings that live in the arena or for ever, and without dropping raw bytes. */
struct el *el_append(struct el *parent, const char *name, const char *ns);
void el_append_text(struct el *parent, const char *s, size_t n);

#endif
