/* SPDX-License-Identifier: MIT */
/* Rosters in memory: loading, finding, forgetting.
 *
 * A roster is pinned while its owner has sessions or works are under way with it (busy).  All
 * others are kept for those who ask again soon, least recently used first to go, bounded by their
 * number and by their items.  One that was pinned later may stand in that list still: who trims it
 * takes it out, and the end of the pin puts it back.  Nothing is freed before the end of the turn,
 * so a roster that was asked for is good for the rest of it.
 *
 * A roster whose commit has failed is broken: it is forgotten as soon as no work is under way, for
 * only then does the database say what stands; until then it cannot be had (-EBUSY).
 *
 * Must not: decide about subscriptions, speak to anybody. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/loop.h>

#include "auth/accounts.h"
#include "conf.h"
#include "core/session.h"
#include "im/roster_internal.h"
#include "im/roster_store.h"
#include "router.h"

#define IDLE_MAX 1000         /* rosters */
#define IDLE_ITEMS_MAX 100000 /* items in them */

struct rosters {
	struct router *router;
	struct map by_owner;
	struct list idle; /* of struct roster.idle, the next to go first */
	size_t n_idle, n_idle_items;
	struct task trim;
	int64_t last_ver; /* the highest version given: outlives the account that has it */
};

/* --- items ---------------------------------------------------------------------------------- */

static void groups_free(struct roster_item *it)
{
	for (size_t i = 0; i < it->n_groups; i++)
		free(it->groups[i]);
	free(it->groups);
}

static void item_free(struct roster_item *it)
{
	groups_free(it);
	free(it->name);
	el_free(it->request);
	jid_done(&it->jid);
	free(it);
}

static struct jid bare_dup(const struct jid *j)
{
	size_t len = jid_bare_len(j);

	return (struct jid){
		.s = xstrndup(j->s, len),
		.dom = j->dom,
		.len = (uint16_t)len,
	};
}

struct roster_item *roster_add(struct roster *ro, const struct jid *contact)
{
	struct roster_item *it = xzalloc(sizeof(*it));

	it->jid = bare_dup(contact);
	map_put(&ro->items, &it->node, it->jid.s, it->jid.len);
	return it;
}

void roster_del(struct roster *ro, struct roster_item *it)
{
	if (it->listed)
		ro->n_listed--;
	map_del(&ro->items, &it->node);
	item_free(it);
}

void roster_list(struct roster *ro, struct roster_item *it)
{
	if (!it->listed)
		ro->n_listed++;
	it->listed = true;
}

size_t roster_unlisted(const struct roster *ro)
{
	return map_len(&ro->items) - ro->n_listed;
}

bool roster_has_room(const struct rosters *rs, const struct roster *ro)
{
	int64_t max = rs->router->conf->limit.roster_items;

	return max == 0 || ro->n_listed < (uint64_t)max;
}

void roster_item_rename(struct roster_item *it, const char *name)
{
	char *copy = name ? xstrdup(name) : NULL;

	free(it->name);
	it->name = copy;
}

void roster_item_regroup(struct roster_item *it, char **groups, size_t n)
{
	groups_free(it);
	it->groups = groups;
	it->n_groups = n;
}

void roster_bump(struct rosters *rs, struct roster *ro, int64_t now_ms)
{
	int64_t last = ro->ver > rs->last_ver ? ro->ver : rs->last_ver;

	ro->ver = rs->last_ver = last < now_ms ? now_ms : last + 1;
}

void roster_ver_write(struct el *query, const struct roster *ro)
{
	el_setf(query, "ver", "%" PRId64, ro->ver);
}

void roster_item_write(struct el *query, const struct roster_item *it)
{
	static const char *const subs[] = { "none", "to", "from", "both" };
	struct el *el = el_add(query, "item", NS_ROSTER);

	el_set(el, "jid", it->jid.s);
	el_set(el, "subscription", subs[it->sub]);
	if (it->name)
		el_set(el, "name", it->name);
	if (it->ask)
		el_set(el, "ask", "subscribe");
	if (it->approved)
		el_set(el, "approved", "true");
	for (size_t i = 0; i < it->n_groups; i++)
		el_add_text(el, "group", NS_ROSTER, it->groups[i]);
}

/* --- rosters -------------------------------------------------------------------------------- */

static struct roster *roster_new(const struct jid *owner)
{
	struct roster *ro = xzalloc(sizeof(*ro));

	list_init(&ro->idle);
	map_init(&ro->items);
	ro->owner = bare_dup(owner);
	return ro;
}

static void roster_destroy(void *arg)
{
	struct roster *ro = arg;
	struct map_node *n;

	while ((n = map_first(&ro->items)))
		roster_del(ro, MAP_ENTRY(n, struct roster_item, node));
	map_done(&ro->items);
	jid_done(&ro->owner);
	free(ro);
}

static void idle_remove(struct rosters *rs, struct roster *ro)
{
	if (list_empty(&ro->idle))
		return;
	list_del(&ro->idle);
	rs->n_idle--;
	rs->n_idle_items -= ro->idle_items;
}

static bool idle_over(const struct rosters *rs)
{
	return rs->n_idle > IDLE_MAX || rs->n_idle_items > IDLE_ITEMS_MAX;
}

/* Nobody may need it any more: the last to go. */
static void idle_add(struct rosters *rs, struct roster *ro)
{
	idle_remove(rs, ro);
	list_add_tail(&rs->idle, &ro->idle);
	ro->idle_items = map_len(&ro->items);
	rs->n_idle++;
	rs->n_idle_items += ro->idle_items;
	if (idle_over(rs))
		task_defer(rs->router->loop, &rs->trim);
}

static bool pinned(const struct rosters *rs, const struct roster *ro)
{
	return ro->busy > 0 || sessions_user(rs->router->sessions, &ro->owner);
}

/* Used just now. */
static void touch(struct rosters *rs, struct roster *ro)
{
	if (pinned(rs, ro))
		idle_remove(rs, ro);
	else
		idle_add(rs, ro);
}

static void forget(struct rosters *rs, struct roster *ro)
{
	idle_remove(rs, ro);
	map_del(&rs->by_owner, &ro->node);
	loop_reap(rs->router->loop, roster_destroy, ro);
}

static void trim(void *arg)
{
	struct rosters *rs = arg;

	while (idle_over(rs)) {
		struct roster *ro = LIST_FIRST(&rs->idle, struct roster, idle);

		if (pinned(rs, ro))
			idle_remove(rs, ro);
		else
			forget(rs, ro);
	}
}

struct roster *roster_peek(struct rosters *rs, const struct jid *owner)
{
	struct map_node *n = map_get(&rs->by_owner, owner->s, jid_bare_len(owner));

	return n ? MAP_ENTRY(n, struct roster, node) : NULL;
}

static int load(struct rosters *rs, const struct jid *owner, struct roster **out)
{
	struct roster *ro;
	int r;

	if (!accounts_exist(rs->router->accounts, owner))
		return -ENOENT;
	ro = roster_new(owner);
	r = roster_store_load(rs->router->db, ro);
	if (r < 0) {
		roster_destroy(ro);
		return r;
	}
	map_put(&rs->by_owner, &ro->node, ro->owner.s, ro->owner.len);
	*out = ro;
	return 0;
}

int roster_get(struct rosters *rs, const struct jid *owner, struct roster **out)
{
	struct roster *ro = roster_peek(rs, owner);
	int r;

	if (ro && ro->broken) {
		if (ro->busy > 0)
			return -EBUSY;
		forget(rs, ro);
		ro = NULL;
	}
	if (!ro) {
		r = load(rs, owner, &ro);
		if (r < 0)
			return r;
	}
	touch(rs, ro);
	*out = ro;
	return 0;
}

struct roster *roster_any(struct rosters *rs, const struct jid *owner)
{
	struct roster *ro = roster_peek(rs, owner);

	if (ro)
		return ro;
	return roster_get(rs, owner, &ro) == 0 ? ro : NULL;
}

struct roster_item *roster_find(struct roster *ro, const struct jid *contact)
{
	struct map_node *n = map_get(&ro->items, contact->s, jid_bare_len(contact));

	return n ? MAP_ENTRY(n, struct roster_item, node) : NULL;
}

struct map *roster_items(struct roster *ro)
{
	return &ro->items;
}

bool roster_sees(struct router *r, const struct jid *owner, const struct jid *contact)
{
	struct roster_item *it;
	struct roster *ro;

	if (jid_same_bare(owner, contact))
		return true;
	if (roster_get(r->rosters, owner, &ro) < 0)
		return false;
	it = roster_find(ro, contact);
	return it && (it->sub & SUB_FROM);
}

/* --- pins ----------------------------------------------------------------------------------- */

void roster_enter(struct roster *ro)
{
	ro->busy++;
}

void roster_leave(struct rosters *rs, struct roster *ro, bool failed)
{
	assert(ro->busy > 0);
	if (failed)
		ro->broken = true;
	if (--ro->busy > 0)
		return;
	if (ro->broken)
		forget(rs, ro);
	else
		touch(rs, ro);
}

/* The session still stands in the table, so this does not ask whether there is one. */
void roster_unpin(struct rosters *rs, const struct jid *owner)
{
	struct roster *ro = roster_peek(rs, owner);

	if (ro)
		idle_add(rs, ro);
}

/* --- opening and closing -------------------------------------------------------------------- */

int rosters_open(struct rosters **out, struct router *r)
{
	struct rosters *rs = xzalloc(sizeof(*rs));

	rs->router = r;
	map_init(&rs->by_owner);
	list_init(&rs->idle);
	task_init(&rs->trim, trim, rs);
	*out = rs;
	return 0;
}

struct router *rosters_router(const struct rosters *rs)
{
	return rs->router;
}

void rosters_close(struct rosters *rs)
{
	struct map_node *n;

	if (!rs)
		return;
	task_cancel(&rs->trim);
	while ((n = map_first(&rs->by_owner))) {
		map_del(&rs->by_owner, n);
		roster_destroy(MAP_ENTRY(n, struct roster, node));
	}
	map_done(&rs->by_owner);
	free(rs);
}
