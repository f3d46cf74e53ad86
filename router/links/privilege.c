/* SPDX-License-Identifier: MIT */
/* A component's privileges: the state behind them, and what it is told of them when its link opens
 * and when a reload has changed them.
 *
 * It is told in both versions' words, in a message each: what it understands decides what it uses.
 * Each host that it works for tells it, since each is asked by itself. */
#include <assert.h>
#include <string.h>

#include <base/log.h>
#include <base/loop.h>
#include <base/mem.h>
#include <base/rnd.h>
#include <base/sbuf.h>

#include "auth/accounts.h"
#include "conf.h"
#include "core/route.h"
#include "core/stanza.h"
#include "im/extra.h"
#include "links/component.h"
#include "links/privilege_internal.h"
#include "router.h"

#define ADVERT_ID 12

static void retell(void *arg); /* struct privileged */

/* --- state ---------------------------------------------------------------------------------- */

static void read_grants(struct grants *out, const struct component *c)
{
	const struct component_conf *conf = component_conf_of(c);
	struct sbuf hosts = SBUF_INIT;
	char err[256];
	int rc = grants_parse(out, &conf->privilege, err, sizeof(err));

	assert(rc == 0); /* conf.c has had it checked */
	(void)rc;
	for (size_t i = 0; i < conf->hosts.n; i++)
		sbuf_printf(&hosts, "%s,", conf->hosts.v[i]);
	out->hosts = sbuf_steal(&hosts);
}

struct privileged *privileged_of(struct router *r, struct component *c)
{
	struct privileged **slot = component_privileged(c), *p = *slot;

	if (p)
		return p;
	p = *slot = xzalloc(sizeof(*p));
	p->router = r;
	p->component = c;
	map_init(&p->iqs);
	timer_init(&p->retell, r->loop, retell, p);
	privilege_presence_init(p);
	read_grants(&p->grants, c);
	return p;
}

void privilege_removed(struct component *c)
{
	struct privileged **slot = component_privileged(c), *p = *slot;

	if (!p)
		return;
	privilege_presence_done(p);
	privilege_iqs_end(p);
	map_done(&p->iqs);
	timer_done(&p->retell);
	grants_done(&p->grants);
	free(p);
	*slot = NULL;
}

struct each {
	struct router *router;
	privileged_fn *fn;
	void *arg;
};

static void each_component(struct component *c, void *arg)
{
	const struct each *e = arg;

	e->fn(privileged_of(e->router, c), e->arg);
}

void privileged_each(struct router *r, privileged_fn *fn, void *arg)
{
	struct each e = { r, fn, arg };

	components_each(r->components, each_component, &e);
}

bool privileged_account(struct privileged *p, const struct jid *j)
{
	const struct router *r = p->router;
	size_t len = jid_domain_len(j);

	return j->s && j->dom && !j->res && router_serves(r, jid_domain(j), len) &&
	       component_for_host(p->component, jid_domain(j), len) &&
	       accounts_exist(r->accounts, j);
}

/* --- advertisement (XEP-0356 4.2, 5.2, 6.2, 7.2) -------------------------------------------- */

static struct el *add_perm(struct el *privilege, const char *access, const char *type)
{
	struct el *perm = el_add(privilege, "perm", NULL);

	el_set(perm, "access", access);
	el_set(perm, "type", type);
	return perm;
}

/* "none" is said too: after a reload it takes back what was said before. */
static struct el *advert(
    const struct privileged *p, const struct grants *g, const char *host, bool second)
{
	static const char *const presence[] = { "none", "managed_entity", "roster" };
	struct el *m = el_message(NULL, component_domain(p->component));
	struct el *privilege = el_add(m, "privilege", second ? NS_PRIVILEGE_2 : NS_PRIVILEGE_1);
	struct el *perm = add_perm(privilege, "roster", priv_type_name(g->roster));
	char id[ADVERT_ID + 1];

	rnd_id(id, ADVERT_ID);
	el_set(m, "id", id);
	el_set(m, "from", host);
	if (second)
		el_set(perm, "push", g->push ? "true" : "false");
	(void)add_perm(privilege, "message", g->message ? "outgoing" : "none");
	(void)add_perm(privilege, "presence", presence[g->presence]);
	if (!second)
		return m;
	if (g->n_iqs > 0)
		perm = add_perm(privilege, "iq", NULL);
	for (size_t i = 0; i < g->n_iqs; i++) {
		struct el *ns = el_add(perm, "namespace", NULL);

		el_set(ns, "ns", g->iqs[i].ns);
		el_set(ns, "type", priv_type_name(g->iqs[i].type));
	}
	if (g->extra)
		el_set(el_add(m, "presence-extra", NS_PRESENCE_EXTRA), "ns", g->extra);
	return m;
}

/* to: that one alone.  all: hosts that it does not work for (any more) say so.  false: there was no
 * room for all. */
static bool advertise(struct privileged *p, struct member *to, bool all)
{
	static const struct grants nothing = { .roster = PRIV_NONE };
	const struct conf_list *hosts = &p->router->conf->domains;
	bool room = true;

	for (size_t i = 0; i < hosts->n; i++) {
		const char *host = hosts->v[i];
		bool its = component_for_host(p->component, host, strlen(host));

		if (!its && !all)
			continue;
		for (int second = 1; second >= 0; second--) {
			struct el *m = advert(p, its ? &p->grants : &nothing, host, second);

			room &= component_tell_own(p->component, to, m) != COMPONENT_FULL;
		}
	}
	return room;
}

static void retell(void *arg)
{
	struct privileged *p = arg;

	if (component_online(p->component) && !advertise(p, NULL, false))
		timer_set(&p->retell, PRIV_RETELL_MS);
}

void privilege_lost(struct privileged *p)
{
	if (timer_armed(&p->retell))
		return;
	log_warn(NULL, "%s does not read: a roster push was lost", component_domain(p->component));
	timer_set(&p->retell, PRIV_RETELL_MS);
}

/* --- hooks ---------------------------------------------------------------------------------- */

void privilege_online(struct router *r, struct component *c, struct member *m, bool resumed)
{
	struct privileged *p = privileged_of(r, c);
	bool taken = resumed && p->untold;

	p->untold = false;
	if (!grants_any(&p->grants) && !taken)
		return;
	/* Also where the session goes on: the process behind it may be a new one. */
	timer_stop(&p->retell);
	(void)advertise(p, m, taken);
	if (resumed)
		privilege_resume(p);
	else
		privilege_dump(p);
}

void privilege_changed(struct router *r, struct component *c)
{
	struct privileged *p = privileged_of(r, c);
	struct grants now, before = p->grants;
	bool hosts, more;

	read_grants(&now, c);
	hosts = strcmp(now.hosts, before.hosts) != 0;
	more = now.presence > before.presence || hosts;
	if (!grants_same(&now, &before)) {
		p->grants = now;
		now = before;
		if (component_online(c))
			(void)advertise(p, NULL, hosts);
		else
			p->untold = true;
		/* Also where the session may go on: who is here now is not told otherwise. */
		if ((more && component_expects(c)) || p->grants.presence == PRIV_PRESENCE_NONE)
			privilege_dump(p);
	}
	grants_done(&now);
}

/* --- what may be added to presence ---------------------------------------------------------- */

void privilege_extra(struct router *r, struct component *c, struct stanza *st)
{
	struct privileged *p = privileged_of(r, c);

	if (!p->grants.extra ||
	    !component_for_host(c, jid_domain(&st->to), jid_domain_len(&st->to)))
		route_bounce(r, st, COND_FORBIDDEN, NULL);
	else if (!accounts_exist(r->accounts, &st->to))
		route_bounce(r, st, COND_ITEM_NOT_FOUND, "there is no such account");
	else
		extra_iq(r, st, p->grants.extra);
}

struct extras {
	const char *domain;
	size_t len;
	privilege_extra_fn *fn;
	void *arg;
};

static void each_extra(struct privileged *p, void *arg)
{
	const struct extras *x = arg;

	if (p->grants.extra && component_for_host(p->component, x->domain, x->len))
		x->fn(p->grants.extra, x->arg);
}

void privilege_each_extra(
    struct router *r, const char *domain, size_t len, privilege_extra_fn *fn, void *arg)
{
	struct extras x = { domain, len, fn, arg };

	privileged_each(r, each_extra, &x);
}
