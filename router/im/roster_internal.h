/* SPDX-License-Identifier: MIT */
/* A roster in memory, as the modules of im/ see it; nobody else includes this. */
#ifndef ROUTER_ROSTER_INTERNAL_H
#define ROUTER_ROSTER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/list.h>
#include <base/map.h>

#include "im/roster.h"

#define ROSTER_NAME_MAX 1023     /* bytes of an item's name and of a group's */
#define ROSTER_GROUPS_MAX 64     /* of one item */
#define ROSTER_GROUPS_BYTES 4096 /* of all their names */
#define ROSTER_PENDING_MAX 256   /* requests of strangers that wait for one account */
#define ROSTER_REQUEST_MAX 8192  /* bytes of such a request as it is kept */

struct roster {
	struct map_node node; /* by owner */
	struct list idle;     /* of those that nobody may need any more; see roster.c */
	size_t idle_items;    /* counted for the list when it was put there */
	struct jid owner;     /* bare, owned */
	struct map items;     /* of struct roster_item.node */
	size_t n_listed;
	int64_t ver;   /* RFC 6121 2.6: the last change that clients see; 0: none ever */
	unsigned busy; /* works under way (roster_work.h) */
	bool broken;   /* a commit failed: what is here may never have happened */
};

/* In memory, as it is, broken ones too; NULL: not loaded. */
struct roster *roster_peek(struct rosters *rs, const struct jid *owner);
/* For what must go out whatever the database does: as roster_get, or a broken one; NULL: none. */
struct roster *roster_any(struct rosters *rs, const struct jid *owner);

/* contact's bare part; not in the roster yet. Unlisted, without subscription. */
struct roster_item *roster_add(struct roster *ro, const struct jid *contact);
void roster_del(struct roster *ro, struct roster_item *it);
void roster_list(struct roster *ro, struct roster_item *it); /* from now on it is shown */
/* May another item be shown (LIMIT_ROSTER_ITEMS)? */
bool roster_has_room(const struct rosters *rs, const struct roster *ro);
size_t roster_unlisted(const struct roster *ro);
void roster_item_rename(struct roster_item *it, const char *name);         /* NULL: none; copied */
void roster_item_regroup(struct roster_item *it, char **groups, size_t n); /* takes both */
/* Something that clients see has changed, at this time (Unix ms): a version that there never was,
 * neither of an account of this name that is gone, nor before a backup was put back. */
void roster_bump(struct rosters *rs, struct roster *ro, int64_t now_ms);
void roster_ver_write(struct el *query, const struct roster *ro);
/* Adds <item/> to a <query/>. */
void roster_item_write(struct el *query, const struct roster_item *it);

/* A work begins and ends with it; failed: memory and database may differ from now on. */
void roster_enter(struct roster *ro);
void roster_leave(struct rosters *rs, struct roster *ro, bool failed);
/* The last session of its owner is about to go. */
struct router *rosters_router(const struct rosters *rs);
void roster_unpin(struct rosters *rs, const struct jid *owner);

#endif
