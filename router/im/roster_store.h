/* SPDX-License-Identifier: MIT */
/* The table `roster`: rows to items and back. */
#ifndef ROUTER_ROSTER_STORE_H
#define ROUTER_ROSTER_STORE_H

#include <stdbool.h>

#include <base/db.h>

struct el;
struct jid;
struct roster;
struct roster_item;

/* Fills an empty roster.  0, -EBUSY, -EIO (then it may be half full). */
int roster_store_load(struct db *db, struct roster *ro);
void roster_store_put(struct db_batch *b, const struct roster *ro, const struct roster_item *it);
void roster_store_del(struct db_batch *b, const struct roster *ro, const struct jid *contact);
void roster_store_ver(struct db_batch *b, const struct roster *ro);
/* Is there no such account in the database?  false also when it cannot be read. */
bool roster_store_account_gone(struct db *db, const struct jid *owner);

/* The subscription request as it is kept: a copy, without payload if it is large. */
struct el *roster_store_request(const struct el *presence);

#endif
