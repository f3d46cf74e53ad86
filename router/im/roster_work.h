/* SPDX-License-Identifier: MIT */
/* One change of one or more rosters: the batch that makes it last, and what others see of it once
 * that is committed.
 *
 * Memory is changed by the caller while he fills the work; work_run() hands it to the database.
 * After the commit the effects run in the order in which they were added.  If the commit fails none
 * runs, the rosters are forgotten, and the sender of the stanza is told.
 * Sessions are looked up when the effects run: they may have come and gone meanwhile. */
#ifndef ROUTER_ROSTER_WORK_H
#define ROUTER_ROSTER_WORK_H

#include <stdbool.h>

struct db_batch;
struct el;
struct jid;
struct roster;
struct roster_item;
struct roster_work;
struct router;
struct stanza;

/* st: what it comes from, held until the end; NULL: nobody waits for it. */
struct roster_work *work_new(struct router *r, struct stanza *st);
struct router *work_router(const struct roster_work *w);
/* The rows go to somebody else's batch, which deletes the account `owner` and is submitted in this
 * turn; the effects run if it stands. */
void work_delegate(struct roster_work *w, struct db_batch *b, const struct jid *owner);
void work_run(struct roster_work *w); /* takes it */

/* This roster is read or changed: the work comes after all earlier ones with it. */
void work_uses(struct roster_work *w, struct roster *ro);
void work_save(struct roster_work *w, struct roster *ro, const struct roster_item *it);
void work_erase(struct roster_work *w, struct roster *ro, const struct jid *contact);

/* --- effects: addresses are copied, elements are made by work_el() or work_presence_el() ------ */
struct el *work_el(struct roster_work *w, const char *name, const char *ns);
struct el *work_presence_el(
    struct roster_work *w, const char *type, const struct jid *from, const struct jid *to);
/* The item as it is now, to all interested sessions of the owner; both make a new version. */
void work_push(struct roster_work *w, struct roster *ro, const struct roster_item *it);
void work_push_removed(struct roster_work *w, struct roster *ro, const struct jid *contact);
/* The answer to the work's stanza, an iq. */
void work_answer(struct roster_work *w, struct el *answer);
/* A subscription stanza for the sessions of a local account; el NULL: the work's own stanza. */
void work_deliver(struct roster_work *w, const struct jid *owner, struct el *el);
/* One for somebody who is not local; el NULL: the work's own stanza. */
void work_route(struct roster_work *w, struct el *el);
/* The presence of all available sessions of the owner, or their end, for a contact. */
void work_show(struct roster_work *w, const struct jid *owner, const struct jid *contact);
void work_hide(struct roster_work *w, const struct jid *owner, const struct jid *contact);

#endif
