/* SPDX-License-Identifier: MIT */
/* A component's link without a connection, for the targets that hand stanzas to a component. */
#ifndef TESTS_FUZZ_LINK_H
#define TESTS_FUZZ_LINK_H

#include <stddef.h>
#include <stdint.h>

struct comp;
struct el;

/* What comes: each stanza in these bytes, as far as they are XML.  take() owns it. */
void link_stanzas(const uint8_t *data, size_t size, void (*take)(struct el *el));

/* What the transaction at hand would send: each stanza, which look() does not keep.  How many. */
unsigned link_said(const struct comp *c, void (*look)(struct el *el, void *arg), void *arg);
/* The same of all that is committed and would be sent, which is done with then. */
void link_sent(struct comp *c, void (*look)(struct el *el, void *arg), void *arg);

#endif
