/* SPDX-License-Identifier: MIT */
/* What a component says to the router itself rather than through it: answers to its questions, and
 * payloads of the extensions (docs/component-protocol.md).  link.c asks here before it routes. */
#ifndef ROUTER_INTAKE_H
#define ROUTER_INTAKE_H

#include <stdbool.h>

struct component;
struct router;
struct stanza;

/* true: st was meant for the router and has been dealt with, answered included. */
bool intake(struct router *r, struct component *c, struct stanza *st);

#endif
