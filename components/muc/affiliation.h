/* SPDX-License-Identifier: MIT */
/* A room's lists (XEP-0045 5.2): who is owner, admin, member or outcast, by bare JID or domain, and
 * the nicknames reserved for them.  Absence is AFF_NONE and has no entry. */
#ifndef MUC_AFFILIATION_H
#define MUC_AFFILIATION_H

#include <base/map.h>
#include <xmpp/jid.h>

#include "permission.h"

struct aff_entry {
	struct map_node node;
	struct map_node by_nick; /* in the map if nick is set */
	char *jid;
	enum aff aff;
	char *nick, *reason; /* NULL: none */
};
struct affs {
	struct map map, nicks;
	size_t n_owners;
};

void affs_init(struct affs *a);
void affs_done(struct affs *a);
size_t affs_count(const struct affs *a);
struct aff_entry *affs_find(const struct affs *a, const char *jid); /* NULL: none */
struct aff_entry *affs_find_n(const struct affs *a, const char *jid, size_t len);
/* Of an address: its bare JID's, else its domain's (9.2). */
enum aff affs_of(const struct affs *a, const struct jid *j);
/* AFF_NONE removes.  nick and reason: NULL: none.  A nick that is reserved already is left where it
 * is. */
void affs_put(struct affs *a, const char *jid, enum aff aff, const char *nick, const char *reason);
/* Whose it is; NULL: nobody's. */
const struct aff_entry *affs_nick(const struct affs *a, const char *nick);

#endif
