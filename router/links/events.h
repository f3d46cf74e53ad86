/* SPDX-License-Identifier: MIT */
/* What happens to accounts, told to the components that are granted `tap = {"accounts"}`
 * (docs/component-protocol.md): created, disabled, enabled, deleted.
 *
 * An event is written in the batch of the change itself, with a claim for each of these components
 * that works for the account's domain.  It is sent in order over an acknowledged link; the
 * acknowledgement takes the claim back, and the last one the event.  While somebody still has to
 * hear that an account was deleted, its name cannot be given away anew. */
#ifndef ROUTER_EVENTS_H
#define ROUTER_EVENTS_H

#include <stdbool.h>

#include <xmpp/jid.h>

struct component;
struct db_batch;
struct events;
struct router;

enum event_kind { EVENT_CREATED, EVENT_DISABLED, EVENT_ENABLED, EVENT_DELETED };

/* After the components and before anything changes accounts.  0 or -Exxx. */
int events_open(struct events **out, struct router *r);
void events_close(struct events *ev); /* after the components: theirs may still be on the way */
void events_reload(struct events *ev);

/* --- for accounts.c --------------------------------------------------------------------------- */
/* Lets b fail with -EEXIST while the name's removal has not been acknowledged by all. */
void events_guard(struct events *ev, struct db_batch *b, const struct jid *bare);
bool events_removing(struct events *ev, const struct jid *bare); /* by what is committed */
void events_add(
    struct events *ev, struct db_batch *b, const struct jid *bare, enum event_kind kind);
void events_committed(struct events *ev); /* there may be something to send */

/* --- for hooks.c ------------------------------------------------------------------------------ */
void events_online(struct events *ev, const struct component *c);

#endif
