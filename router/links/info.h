/* SPDX-License-Identifier: MIT */
/* What a component's domain said last of itself (disco#info): the answer for as long as its link is
 * only interrupted, so that a restart does not make clients forget what the server can do. */
#ifndef ROUTER_INFO_H
#define ROUTER_INFO_H

#include <stdbool.h>

struct component;
struct el;
struct router;
struct stanza;

struct info {
	struct el *query; /* NULL: not known */
};

/* It is online, and nobody else asks (nesting.c does, where namespaces are delegated). */
void info_ask(struct router *r, struct component *c);
void info_keep(struct component *c, const struct el *answer); /* it said this of its domain */
void info_forget(struct info *i);
/* Answers a question about the domain; false: nothing is known. */
bool info_answer(const struct info *i, struct router *r, struct stanza *st);

#endif
