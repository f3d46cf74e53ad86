/* SPDX-License-Identifier: MIT */
/* Questions that the router itself asks a component: iqs from a served domain, whose answers must
 * come from whom was asked, with the id that was given.  A question is over exactly once: answered,
 * refused (nobody there, queue full), timed out.  Bounded for each component. */
#ifndef ROUTER_ASK_H
#define ROUTER_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include <xmpp/el.h>

struct asks;
struct component;
struct router;
struct stanza;

enum { ASKS_MAX = 1024 }; /* open ones of one component */

/* err: 0 a result, -EBADMSG an error answer; then answer is borrowed.  -ETIMEDOUT; -ENOTCONN the
 * component is not there; -ENOBUFS its queue, or the number of questions, is at its bound;
 * -EMSGSIZE the question is longer than it takes; -ECANCELED the router stops or the component was
 * removed.  Never runs inside component_ask(). */
typedef void ask_fn(int err, const struct el *answer, void *arg);

/* iq: a get or set with a served domain, or an account there, as `from`; taken; `to` becomes the
 * component's domain unless it is set. */
void component_ask(struct component *c, struct el *iq, unsigned timeout_ms, ask_fn *fn, void *arg);

/* --- for component.c and intake.c ------------------------------------------------------------ */
struct asks *asks_new(struct router *r);
void asks_free(struct asks *a); /* -ECANCELED to all */
/* An iq result or error of c: true if it is addressed to whom asked and is used up. */
bool asks_answer(struct component *c, struct stanza *st);
/* The link is gone and with it what was under way: -ENOTCONN to all, in a task. */
void asks_lost(struct asks *a);
/* The same, to the one of that id, if it is one. */
void asks_lost_one(struct asks *a, const char *id);

#endif
