/* SPDX-License-Identifier: MIT */
/* The service as a whole: whose users are local, who is an admin, how much one may ask of it. */
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>

#include "apply.h"
#include "ghost.h"
#include "muc.h"
#include "room.h"

enum {
	JOINS_BURST = 20, /* of one user into one room; one more in each: */
	JOINS_SECONDS = 2,
	CREATES_BURST = 30, /* of one user; one more in each: */
	CREATES_SECONDS = 10,
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

struct muc_admin {
	struct map_node node;
	char jid[];
};

static void add_admins(struct muc *m)
{
	struct arena *a = arena_new();

	for (size_t i = 0; i < m->conf->admins.n; i++) {
		struct muc_admin *adm;
		struct jid j;

		if (jid_parse(&j, a, m->conf->admins.v[i]) < 0 || map_gets(&m->admins, j.s))
			continue; /* all are addresses: the settings were checked */
		adm = xmalloc(sizeof(*adm) + j.len + 1U);
		memcpy(adm->jid, j.s, j.len + 1U);
		map_put(&m->admins, &adm->node, adm->jid, j.len);
	}
	arena_free(a);
}

static void drop_admins(struct muc *m)
{
	struct map_node *n;

	while ((n = map_first(&m->admins))) {
		map_del(&m->admins, n);
		free(MAP_ENTRY(n, struct muc_admin, node));
	}
}

bool muc_is_admin(const struct muc *m, const struct jid *j)
{
	return map_len(&m->admins) > 0 && map_get(&m->admins, j->s, jid_bare_len(j));
}

/* Without a list of our own: those of the server that this component has its link to. */
static bool is_local(const struct muc *m, const struct jid *j)
{
	const struct conf_list *l = &m->conf->local_domains;
	struct arena *a = arena_new();
	char *domain = arena_strndup(a, jid_domain(j), jid_domain_len(j));
	struct jid host, one;
	bool local = false;

	if (jid_parse(&host, a, domain) == 0 && l->n == 0)
		local = comp_is_router(m->c, &host);
	for (size_t i = 0; i < l->n && !local; i++)
		local = jid_parse(&one, a, l->v[i]) == 0 && jid_has_domain(j, one.s);
	arena_free(a);
	return local;
}

bool muc_may_create(const struct muc *m, const struct jid *j)
{
	if (m->conf->create == MUC_CREATE_ANYONE || muc_is_admin(m, j))
		return true;
	return m->conf->create == MUC_CREATE_LOCAL && is_local(m, j);
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
	map_init(&m->admins);
	ghost_init(m);
	m->joins = rate_table_new(&joins, KEYS_MAX);
	m->creates = rate_table_new(&creates, KEYS_MAX);
	m->outsiders = rate_table_new(&joins, KEYS_MAX);
	apply_rates(m);
	add_admins(m);
}

void muc_reload(struct muc *m)
{
	apply_rates(m);
	drop_admins(m);
	add_admins(m);
	for (size_t i = 0; i < m->n_sorted; i++)
		apply_anew(m->sorted[i]);
}

void muc_stop(struct muc *m)
{
	timer_done(&m->again);
}

void muc_done(struct muc *m)
{
	if (!m->c)
		return;
	rooms_free(m);
	rate_table_free(m->joins);
	rate_table_free(m->creates);
	rate_table_free(m->outsiders);
	drop_admins(m);
	map_done(&m->admins);
}
