/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "affiliation.h"

void affs_init(struct affs *a)
{
	map_init(&a->map);
	map_init(&a->nicks);
	a->n_owners = 0;
}

static void entry_remove(struct affs *a, struct aff_entry *e)
{
	map_del(&a->map, &e->node);
	if (e->nick)
		map_del(&a->nicks, &e->by_nick);
	if (e->aff == AFF_OWNER)
		a->n_owners--;
	free(e->jid);
	free(e->nick);
	free(e->reason);
	free(e);
}

void affs_done(struct affs *a)
{
	struct map_node *n;

	while ((n = map_first(&a->map)))
		entry_remove(a, MAP_ENTRY(n, struct aff_entry, node));
	map_done(&a->map);
	map_done(&a->nicks);
}

size_t affs_count(const struct affs *a)
{
	return map_len(&a->map);
}

struct aff_entry *affs_find_n(const struct affs *a, const char *jid, size_t len)
{
	struct map_node *n = map_get(&a->map, jid, len);

	return n ? MAP_ENTRY(n, struct aff_entry, node) : NULL;
}

struct aff_entry *affs_find(const struct affs *a, const char *jid)
{
	return affs_find_n(a, jid, strlen(jid));
}

enum aff affs_of(const struct affs *a, const struct jid *j)
{
	const struct aff_entry *e = affs_find_n(a, j->s, jid_bare_len(j));

	if (!e && j->dom)
		e = affs_find_n(a, jid_domain(j), jid_domain_len(j));
	return e ? e->aff : AFF_NONE;
}

const struct aff_entry *affs_nick(const struct affs *a, const char *nick)
{
	struct map_node *n = map_gets(&a->nicks, nick);

	return n ? MAP_ENTRY(n, struct aff_entry, by_nick) : NULL;
}

void affs_put(struct affs *a, const char *jid, enum aff aff, const char *nick, const char *reason)
{
	struct aff_entry *e = affs_find(a, jid);

	if (e)
		entry_remove(a, e);
	if (aff == AFF_NONE)
		return;
	e = xzalloc(sizeof(*e));
	e->jid = xstrdup(jid);
	e->aff = aff;
	e->reason = reason ? xstrdup(reason) : NULL;
	map_put(&a->map, &e->node, e->jid, strlen(e->jid));
	if (aff == AFF_OWNER)
		a->n_owners++;
	if (nick && !affs_nick(a, nick)) {
		e->nick = xstrdup(nick);
		map_put(&a->nicks, &e->by_nick, e->nick, strlen(e->nick));
	}
}
