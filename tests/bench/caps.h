/* SPDX-License-Identifier: MIT */
/* What sessions with contacts say of themselves (XEP-0115): that they want to be notified of the
 * nodes that their contacts publish (XEP-0163 4.3.2), which they have to prove when asked. */
#ifndef BENCH_CAPS_H
#define BENCH_CAPS_H

#include <stdbool.h>
#include <stddef.h>

struct conn;

/* A node that contacts have on their accounts, and what its one item holds. */
struct caps_node {
	const char *name, *payload;
};
#define CAPS_NODES 3
extern const struct caps_node caps_nodes[CAPS_NODES];

/* A request for the roster, then a presence with capabilities: session_events.greeting. */
const char *caps_greeting(void);
/* Answers a service discovery request; false: it is not one. */
bool caps_answer(struct conn *c, const char *s, size_t n);

#endif
