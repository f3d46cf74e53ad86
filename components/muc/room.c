/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <base/loop.h>
#include <base/mem.h>
#include <base/metrics.h>

#include "avatar.h"
#include "invite.h"
#include "occupant.h"
#include "register.h"
#include "room.h"
#include "store.h"
#include "sweep.h"

static struct metric m_rooms = METRIC_GAUGE("switchyard_muc_rooms", "Rooms.", NULL);

/* --- the service's rooms -----------------------------------------------------------------------
 */

struct room *rooms_find(const struct muc *m, const char *local, size_t len)
{
	struct map_node *n = map_get(&m->rooms, local, len);

	return n ? MAP_ENTRY(n, struct room, node) : NULL;
}

struct room *rooms_find_jid(const struct muc *m, const struct jid *j)
{
	return rooms_find(m, j->s, jid_local_len(j));
}

bool rooms_full(const struct muc *m)
{
	return m->conf->max_rooms > 0 && map_len(&m->rooms) >= (size_t)m->conf->max_rooms;
}

/* --- one room ----------------------------------------------------------------------------------
 */

struct room *room_new(struct muc *m, const char *local)
{
	struct room *r = xzalloc(sizeof(*r));

	r->m = m;
	r->local = xstrdup(local);
	r->jid = xasprintf("%s@%s", local, comp_domain(m->c));
	r->no = ++m->last_no;
	r->loaded = true;
	config_init(&r->conf, m->conf);
	affs_init(&r->affs);
	history_init(&r->history);
	list_init(&r->occupants);
	list_init(&r->invited);
	list_init(&r->avatar.link);
	list_init(&r->waiting);
	map_init(&r->by_nick);
	map_init(&r->by_jid);
	slow_init(&r->slow);
	hats_init(&r->hats);
	rate_init(&r->rate, &m->room_rate, muc_now(m));
	map_put(&m->rooms, &r->node, r->local, strlen(r->local));
	listing_add(&m->sorted, r);
	metric_set(&m_rooms, (int64_t)map_len(&m->rooms));
	return r;
}

static void release(void *obj)
{
	struct room *r = obj;

	occupants_free(r);
	invites_free(r);
	registers_free(r);
	affs_done(&r->affs);
	history_done(&r->history);
	config_done(&r->conf);
	avatar_free(r);
	slow_done(&r->slow);
	hats_done(&r->hats);
	map_done(&r->by_nick);
	map_done(&r->by_jid);
	free(r->subject);
	free(r->subject_nick);
	free(r->subject_by);
	free(r->local);
	free(r->jid);
	free(r);
}

int room_load(struct room *r)
{
	int ret;

	if (r->loaded)
		return 0;
	ret = store_load_room(r);
	if (ret == 0) {
		r->loaded = true;
		return 0;
	}
	affs_done(&r->affs); /* what came before the failure */
	history_done(&r->history);
	invites_free(r);
	hats_done(&r->hats);
	registers_free(r);
	affs_init(&r->affs);
	history_init(&r->history);
	return ret;
}

static void detach(struct room *r)
{
	map_del(&r->m->rooms, &r->node);
	listing_remove(&r->m->sorted, r);
	metric_set(&m_rooms, (int64_t)map_len(&r->m->rooms));
	r->gone = true;
	listing_update(r);
}

void room_end(struct room *r)
{
	assert(!r->gone);
	store_del_room(comp_tx(r->m->c), r->local);
	sweep_kick(r->m);
	detach(r);
	loop_reap(comp_loop(r->m->c), release, r);
}

void room_settle(struct room *r)
{
	if (!r->gone && r->n_occupants == 0 && (r->locked || !r->conf.persistent))
		room_end(r);
}

void rooms_free(struct muc *m)
{
	while (m->sorted.n > 0) {
		struct room *r = m->sorted.v[m->sorted.n - 1];

		detach(r);
		release(r);
	}
	listing_done(&m->sorted);
	listing_done(&m->listing);
	map_done(&m->rooms);
	map_init(&m->rooms);
}

/* --- what it says ------------------------------------------------------------------------------
 */

enum aff room_aff(const struct room *r, const struct jid *j)
{
	return muc_is_admin(r->m, j) ? AFF_OWNER : affs_of(&r->affs, j);
}

const char *room_reserved_nick(const struct room *r, const struct jid *who)
{
	const struct aff_entry *e = affs_find_n(&r->affs, who->s, jid_bare_len(who));

	return e ? e->nick : NULL;
}

void room_set_subject(
    struct room *r, const char *subject, const char *nick, const char *by, int64_t at)
{
	free(r->subject);
	free(r->subject_nick);
	free(r->subject_by);
	r->subject_by = by && *by ? xstrdup(by) : NULL;
	r->subject = subject && *subject ? xstrdup(subject) : NULL;
	r->subject_nick = nick && *nick ? xstrdup(nick) : NULL;
	r->subject_at = at;
}
