/* SPDX-License-Identifier: MIT */
/* One stanza of a component's to many addresses (urn:switchyard:fanout:1): what a room says crosses
 * the link once.  docs/component-protocol.md 6. */
#ifndef ROUTER_FANOUT_H
#define ROUTER_FANOUT_H

#include <stddef.h>

struct component;
struct router;
struct sbuf;
struct stanza;

enum { FANOUT_TO_MAX = 1000 };              /* addresses */
#define FANOUT_BYTES_MAX ((size_t)16 << 20) /* of all copies together */

/* A message with <fanout/> for a served domain: delivered whole, or answered with an error. */
void fanout(struct router *r, struct component *c, struct stanza *st);
void fanout_feature(struct sbuf *out);

#endif
