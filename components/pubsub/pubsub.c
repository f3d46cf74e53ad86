/* SPDX-License-Identifier: MIT */
/* The component as a whole: whose users are local, who is an admin, what is in memory. */
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/lim.h>
#include <base/mem.h>

#include "account.h"
#include "caps.h"
#include "last.h"
#include "roster.h"
#include "service.h"
#include "session.h"
#include "store.h"

enum { KEYS_MAX = 16384 }; /* users that are counted */

static const struct log_tag tag = { .mod = "pubsub" };

static void apply_rates(struct pubsub *p)
{
	p->rate = (struct rate_conf){ (double)p->conf->rate, (double)p->conf->burst };
	rate_table_set(p->changes, &p->rate);
}

/* --- who is who --------------------------------------------------------------------------------
 */

struct admin {
	struct map_node node;
	char bare[];
};

static void add_admins(struct pubsub *p)
{
	struct arena *a = arena_new();

	for (size_t i = 0; i < p->conf->admins.n; i++) {
		struct admin *adm;
		struct jid j;

		if (jid_parse(&j, a, p->conf->admins.v[i]) < 0 || map_gets(&p->admins, j.s))
			continue; /* all are addresses: the settings were checked */
		adm = xmalloc(sizeof(*adm) + j.len + 1U);
		memcpy(adm->bare, j.s, j.len + 1U);
		map_put(&p->admins, &adm->node, adm->bare, j.len);
	}
	arena_free(a);
}

static void drop_admins(struct pubsub *p)
{
	struct map_node *n;

	while ((n = map_first(&p->admins))) {
		map_del(&p->admins, n);
		free(MAP_ENTRY(n, struct admin, node));
	}
}

bool pubsub_is_admin(const struct pubsub *p, const char *bare)
{
	return map_len(&p->admins) > 0 && map_gets(&p->admins, bare);
}

/* Without a list of our own: those of the server that this component has its link to. */
bool pubsub_is_local(const struct pubsub *p, const struct jid *j)
{
	const struct conf_list *l = &p->conf->local_domains;
	char domain[LIM_JID_PART + 1];
	size_t len = jid_domain_len(j);
	struct jid host;

	for (size_t i = 0; i < l->n; i++)
		if (jid_has_domain(j, l->v[i]))
			return true;
	if (l->n > 0 || len >= sizeof(domain))
		return false;
	memcpy(domain, jid_domain(j), len);
	domain[len] = '\0';
	host = (struct jid){ .s = domain, .len = (uint16_t)len };
	return comp_is_router(p->c, &host);
}

bool pubsub_may_create(const struct pubsub *p, const struct jid *who)
{
	struct arena *a = arena_new();
	bool admin = pubsub_is_admin(p, jid_bare(who, a).s);

	arena_free(a);
	if (p->conf->create == CREATE_ANYONE || admin)
		return true;
	return p->conf->create == CREATE_LOCAL && pubsub_is_local(p, who);
}

int64_t pubsub_wall(const struct pubsub *p)
{
	return loop_wall_ms(comp_loop(p->c));
}

int64_t pubsub_next_seq(struct pubsub *p)
{
	return ++p->last_seq;
}

/* --- life --------------------------------------------------------------------------------------
 */

void pubsub_init(struct pubsub *p, struct comp *c)
{
	static const struct rate_conf none = { 1, 1 };

	p->c = c;
	p->conf = comp_conf(c);
	map_init(&p->services);
	map_init(&p->peers);
	map_init(&p->caps);
	map_init(&p->rosters);
	map_init(&p->watched);
	map_init(&p->admins);
	list_init(&p->services_by_use);
	list_init(&p->payloads);
	list_init(&p->gone);
	list_init(&p->fresh);
	list_init(&p->unused_caps);
	list_init(&p->rosters_by_use);
	last_init(p);
	p->changes = rate_table_new(&none, KEYS_MAX);
	apply_rates(p);
	add_admins(p);
}

static void drop_all(struct pubsub *p)
{
	rosters_free(p);
	sessions_free(p);
	caps_free(p);
	services_free(p);
	account_free(p);
}

int pubsub_load(struct pubsub *p)
{
	int r = store_read_numbers(p);

	if (r == 0)
		r = sessions_load(p);
	if (r < 0) {
		log_err(&tag, LOG_LVL_ERROR, r, "the database cannot be read");
		pubsub_forget(p);
		return r;
	}
	log_info(&tag, "%zu sessions are known", p->n_sessions);
	return 0;
}

void pubsub_forget(struct pubsub *p)
{
	timer_stop(&p->again);
	drop_all(p);
}

void pubsub_stop(struct pubsub *p)
{
	timer_done(&p->again);
}

void pubsub_done(struct pubsub *p)
{
	if (!p->c)
		return;
	drop_all(p);
	rate_table_free(p->changes);
	drop_admins(p);
	map_done(&p->admins);
	map_done(&p->services);
	map_done(&p->peers);
	map_done(&p->caps);
	map_done(&p->rosters);
	map_done(&p->watched);
}

void pubsub_reload(struct pubsub *p)
{
	apply_rates(p);
	drop_admins(p);
	add_admins(p);
}
