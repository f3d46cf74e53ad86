/* SPDX-License-Identifier: MIT */
/* Components that hear of messages without being addressed (docs/component-protocol.md 5), and the
 * events on their way to them.
 *
 * An event holds the message that it tells of, which so counts as handled when the event is
 * acknowledged.  What somebody has taken already need not wait for a component that stays away:
 * then the event alone waits on. */
#ifndef ROUTER_TAP_H
#define ROUTER_TAP_H

#include <stdbool.h>
#include <stddef.h>

struct component;
struct el;
struct jid;
struct router;
struct sbuf;
struct stanza;

#define TAP_ACCOUNTS "accounts" /* events.h */
#define TAP_MESSAGES "messages"
#define TAP_UNDELIVERED "undelivered"

/* Is it granted this at all? */
bool tap_has(const struct component *c, const char *what);
/* And at the domain of an address? */
bool tap_granted(const struct component *c, const char *what, const struct jid *at);
/* The one that is; NULL: none.  Of several the first. */
struct component *tap_find(struct router *r, const char *what, const struct jid *at);
/* The one that keeps messages until somebody comes: it is granted both. */
struct component *tap_keeper(struct router *r, const struct jid *at);
/* Calls fn for each that is. */
typedef void tap_each_fn(struct component *c, void *arg);
void tap_each(struct router *r, const char *what, const struct jid *at, tap_each_fn *fn, void *arg);

/* Is an event about st short enough for c's link? */
bool tap_fits(const struct component *c, const struct stanza *st);
/* Will c take an event about st in this turn? */
bool tap_ready(struct component *c, const struct stanza *st);
struct tap_how {
	bool taken; /* somebody has the message: the event stays if the component does not */
	bool holds; /* the message counts as handled with the event, and not before */
};
/* Takes the event, a message to c's domain, about st.  false: c does not take it.  What holds its
 * message has been asked about by tap_ready(). */
bool tap_send(
    struct router *r, struct component *c, struct el *event, struct stanza *st, struct tap_how how);

void tap_features(const struct component *c, struct sbuf *out);

#endif
