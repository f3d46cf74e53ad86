/* SPDX-License-Identifier: MIT */
/* The component as a whole: whose users are local, who is an admin, what is in memory. */
#include <string.h>

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

static void read_settings(struct pubsub *p)
{
	who_read(&p->admins, &p->conf->admins);
	who_read(&p->local_domains, &p->conf->local_domains);
	apply_rates(p);
}

bool pubsub_is_admin(const struct pubsub *p, const char *bare)
{
	return who_has(&p->admins, bare, strlen(bare));
}

bool pubsub_is_local(const struct pubsub *p, const struct jid *j)
{
	return who_is_local(&p->local_domains, p->c, j);
}

bool pubsub_may_create(const struct pubsub *p, const struct jid *who)
{
	if (p->conf->create == CREATE_ANYONE || who_has(&p->admins, who->s, jid_bare_len(who)))
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
	who_init(&p->admins);
	who_init(&p->local_domains);
	list_init(&p->services_by_use);
	list_init(&p->payloads);
	list_init(&p->gone);
	list_init(&p->fresh);
	list_init(&p->unused_caps);
	list_init(&p->rosters_by_use);
	last_init(p);
	p->changes = rate_table_new(&none, KEYS_MAX);
	read_settings(p);
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
	who_done(&p->admins);
	who_done(&p->local_domains);
	map_done(&p->services);
	map_done(&p->peers);
	map_done(&p->caps);
	map_done(&p->rosters);
	map_done(&p->watched);
}

void pubsub_reload(struct pubsub *p)
{
	read_settings(p);
}
