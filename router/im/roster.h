/* SPDX-License-Identifier: MIT */
/* Rosters (RFC 6121 2): items and subscription states of local accounts.
 *
 * A roster is loaded when it is first needed and kept while its owner has sessions or work is under
 * way.  Memory changes first and decides; the database follows in a batch, and what the change
 * makes others see (results, pushes, presence) goes out when that is committed.  If the commit
 * fails the roster is forgotten and read anew. */
#ifndef ROUTER_ROSTER_H
#define ROUTER_ROSTER_H

#include <stdbool.h>
#include <stddef.h>

#include <base/map.h>
#include <xmpp/el.h>
#include <xmpp/jid.h>

struct db_batch;
struct router;
struct rosters;
struct session;
struct stanza;

enum roster_sub { SUB_NONE = 0, SUB_TO = 1, SUB_FROM = 2, SUB_BOTH = 3 };

struct roster_item {
	struct map_node node; /* by contact's bare JID */
	struct jid jid;       /* owned */
	char *name;           /* NULL: none */
	char **groups;
	size_t n_groups;
	enum roster_sub sub;
	bool ask;      /* pending out */
	bool pending;  /* pending in: a subscribe waits for the user's answer */
	bool approved; /* pre-approved (RFC 6121 3.4) */
	bool listed;   /* in the roster; false: only pending in, not shown (appendix A: "None +
	                * Pending   In" without an item) */
	struct el
	    *request; /* the pending subscribe stanza, shown again at each login; NULL: none */
};

struct roster;
int rosters_open(struct rosters **out, struct router *r);
void rosters_close(struct rosters *rs);

/* Loads if needed.  0 and borrowed for this turn in *out; -ENOENT: no such account; -EBUSY, -EIO.
 */
int roster_get(struct rosters *rs, const struct jid *owner, struct roster **out);
struct roster_item *roster_find(struct roster *ro, const struct jid *contact); /* bare part */
struct map *roster_items(struct roster *ro); /* of struct roster_item.node */

/* A roster iq (get, set, remove), from somebody who may do that with the owner's (of which the bare
 * part counts).  Always answers. */
void roster_iq(struct router *r, struct stanza *st, const struct jid *owner);

/* May contact see owner's presence (sub from or both, or the same account)? */
bool roster_sees(struct router *r, const struct jid *owner, const struct jid *contact);
/* A deleted account: everything of it leaves the database with b, and memory. */
void roster_delete_account(struct rosters *rs, const struct jid *owner, struct db_batch *b);

#endif
