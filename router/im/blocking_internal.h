/* SPDX-License-Identifier: MIT */
/* A block list in memory, shared by blocking.c (lists), blocking_iq.c (commands) and
 * blocking_store.c (rows); nobody else includes this. */
#ifndef ROUTER_BLOCKING_INTERNAL_H
#define ROUTER_BLOCKING_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include <base/db.h>
#include <base/list.h>
#include <base/map.h>
#include <xmpp/jid.h>

#include "im/blocking.h"

#define BLOCKING_MAX 2000 /* addresses that one account may block */

struct block {
	struct map_node node; /* by jid */
	struct jid jid;       /* in text */
	char text[];
};

struct blocklist {
	struct map_node node; /* by owner */
	struct list by_use;   /* in no list while busy */
	struct jid owner;     /* bare, owned */
	struct map items;     /* of struct block.node */
	unsigned busy;        /* changes under way */
	bool broken;          /* a commit failed: what is here may never have happened */
};

/* The list of a local account, to be changed or shown.  0 and borrowed for this turn in *out;
 * -EBUSY, -EIO. */
int blocklist_get(struct blocking *bl, const struct jid *owner, struct blocklist **out);
bool blocklist_refuses(const struct blocklist *l, const struct jid *peer);
bool blocklist_has(const struct blocklist *l, const struct jid *jid); /* this very address */
void blocklist_add(struct blocking *bl, struct blocklist *l, const struct jid *jid);
void blocklist_del(struct blocking *bl, struct blocklist *l, const struct jid *jid);

void blocklist_clear(struct blocking *bl, struct blocklist *l); /* and frees its table */

/* A change begins and ends with it; failed: memory and database may differ from now on. */
void blocklist_enter(struct blocklist *l);
void blocklist_leave(struct blocking *bl, struct blocklist *l, bool failed);

/* --- the table `blocked` ---------------------------------------------------------------------- */
/* fn is called for each row.  0, -EBUSY, -EIO. */
int blocking_store_load(struct db *db, const struct jid *owner,
    void (*fn)(const struct jid *jid, void *arg), void *arg);
void blocking_store_put(struct db_batch *b, const struct jid *owner, const struct jid *jid);
void blocking_store_del(struct db_batch *b, const struct jid *owner, const struct jid *jid);
/* 1: somebody blocks somebody; 0: nobody; < 0: the database does not answer. */
int blocking_store_any(struct db *db);

#endif
