/* SPDX-License-Identifier: MIT */
/* The service as a whole: whose users are local, who is an admin, how much one may ask of it. */
#include "apply.h"
#include "ghost.h"
#include "later.h"
#include "muc.h"
#include "room.h"
#include "store.h"
#include "sweep.h"

enum {
	JOINS_BURST = 20, /* of one user into one room; one more in each: */
	JOINS_SECONDS = 2,
	CREATES_BURST = 30, /* of one user; one more in each: */
	CREATES_SECONDS = 10,
	SEARCHES_BURST = 50, /* of everybody, and a second */
	SEARCHES = 20,
	KEYS_MAX = 16384, /* users and rooms that are counted */
};

static void apply_rates(struct muc *m)
{
	const struct muc_conf *c = m->conf;

	m->occupant_rate =
	    (struct rate_conf){ (double)c->occupant_rate, (double)c->occupant_burst };
	m->room_rate = (struct rate_conf){ (double)c->room_rate, (double)c->room_burst };
	rate_table_set(m->outsiders, &m->occupant_rate);
}

/* --- who is who --------------------------------------------------------------------------------
 */

static void read_settings(struct muc *m)
{
	who_read(&m->admins, &m->conf->admins);
	who_read(&m->local_domains, &m->conf->local_domains);
	apply_rates(m);
}

bool muc_is_admin(const struct muc *m, const struct jid *j)
{
	return who_has(&m->admins, j->s, jid_bare_len(j));
}

bool muc_may_create(const struct muc *m, const struct jid *j)
{
	if (m->conf->create == MUC_CREATE_ANYONE || muc_is_admin(m, j))
		return true;
	return m->conf->create == MUC_CREATE_LOCAL && who_is_local(&m->local_domains, m->c, j);
}

uint64_t muc_now(const struct muc *m)
{
	return loop_now(comp_loop(m->c));
}

int64_t muc_wall(const struct muc *m)
{
	return loop_wall_ms(comp_loop(m->c));
}

/* --- life --------------------------------------------------------------------------------------
 */

void muc_init(struct muc *m, struct comp *c)
{
	static const struct rate_conf joins = { 1.0 / JOINS_SECONDS, JOINS_BURST };
	static const struct rate_conf creates = { 1.0 / CREATES_SECONDS, CREATES_BURST };

	m->c = c;
	m->conf = comp_conf(c);
	map_init(&m->rooms);
	list_init(&m->fresh_vcards);
	who_init(&m->admins);
	who_init(&m->local_domains);
	ghost_init(m);
	later_init(m);
	sweep_init(m);
	m->joins = rate_table_new(&joins, KEYS_MAX);
	m->creates = rate_table_new(&creates, KEYS_MAX);
	m->outsiders = rate_table_new(&joins, KEYS_MAX);
	m->search_rate = (struct rate_conf){ SEARCHES, SEARCHES_BURST };
	rate_init(&m->searches, &m->search_rate, muc_now(m));
	read_settings(m);
}

bool muc_shares(const struct muc *m)
{
	return m->conf->comp.share;
}

int muc_load(struct muc *m)
{
	int r = store_load_key(m);

	rooms_give(m);
	if (r == 0)
		r = store_load_rooms(m);
	if (r < 0)
		return r;
	ghost_loaded(m);
	sweep_load(m);
	return 0;
}

void muc_reload(struct muc *m)
{
	read_settings(m);
	for (size_t i = 0; i < m->sorted.n; i++) {
		if (room_is_ours(m->sorted.v[i]))
			apply_anew(m->sorted.v[i]);
	}
}

void muc_stop(struct muc *m)
{
	timer_done(&m->again);
	later_free(m);
	sweep_stop(m);
}

void muc_done(struct muc *m)
{
	if (!m->c)
		return;
	muc_stop(m);
	rooms_free(m);
	rate_table_free(m->joins);
	rate_table_free(m->creates);
	rate_table_free(m->outsiders);
	who_done(&m->admins);
	who_done(&m->local_domains);
}
