/* SPDX-License-Identifier: MIT */
/* switchyard-router: makes the parts, in order, and ends them in the opposite one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <base/arena.h>
#include <base/daemon.h>
#include <base/db.h>
#include <base/health.h>
#include <base/log.h>
#include <base/loop.h>

#include "auth/accounts.h"
#include "auth/register.h"
#include "auth/sasl.h"
#include "c2s/c2s.h"
#include "c2s/idle.h"
#include "conf.h"
#include "core/ctl.h"
#include "core/policy.h"
#include "core/server_certs.h"
#include "core/session.h"
#include "im/blocking.h"
#include "im/offline.h"
#include "im/prefs.h"
#include "im/roster.h"
#include "im/stanza_id.h"
#include "links/component.h"
#include "links/delegate.h"
#include "links/events.h"
#include "router.h"
#include "schema.h"

#define STOP_POLL_MS 20
#define HEALTH_POLL_MS 5000

struct program {
	struct router r;
	struct timer stop_poll;
	struct timer health_poll;
};

static int open_db(struct router *r, char *err, size_t err_len)
{
	char *path = xasprintf("%s/router.sqlite", r->conf->daemon.data_dir);
	int rc = db_open(&r->db, r->loop, path, router_schema, router_schema_n, err, err_len);

	free(path);
	return rc;
}

static void first_account_done(int err, void *arg)
{
	(void)arg;
	if (err == 0)
		log_info(NULL, "made the account that LOCAL names");
	else if (err == -EINPROGRESS)
		log_warn(NULL, "the account that LOCAL names is being removed: not every component "
			       "has acknowledged that yet");
	else if (err != -EEXIST)
		log_err(NULL, LOG_LVL_WARN, err, "could not make the account that LOCAL names");
}

/* LOCAL and PASSWORD: one account at start, if it is absent. */
static int first_account(struct router *r, char *err, size_t err_len)
{
	const struct router_conf *c = r->conf;
	struct arena *a;
	struct jid jid;
	int rc;

	if (!c->first_local || !*c->first_local)
		return 0;
	a = arena_new();
	rc = jid_make(&jid, a, c->first_local, c->domains.v[0], NULL);
	if (rc == 0 && !accounts_exist(r->accounts, &jid))
		rc = accounts_add(r->accounts, &jid, c->first_password, first_account_done, NULL);
	arena_free(a);
	if (rc < 0)
		(void)snprintf(err, err_len, "LOCAL and PASSWORD: not a valid name or password");
	return rc;
}

/* Says once how many connections the descriptor limit allows: an operator who wants more sees it
 * before the users do. */
static void say_limits(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0)
		log_info(NULL, "up to %llu connections (open files limit)",
		    (unsigned long long)rl.rlim_cur - 32);
}

static void health_poll(void *arg)
{
	struct program *p = arg;

	health_set(daemon_health(p->r.daemon), "database", true,
	    db_healthy(p->r.db) ? NULL : "the last commit failed");
	server_certs_health(&p->r);
	timer_set(&p->health_poll, HEALTH_POLL_MS);
}

static int start(struct daemon *d, void *arg, char *err, size_t err_len)
{
	struct program *p = arg;
	struct router *r = &p->r;
	int rc;

	r->daemon = d;
	r->loop = daemon_loop(d);
	r->conf = daemon_conf(d);
	r->started = loop_now(r->loop);
	if ((rc = server_certs_open(r, err, err_len)) < 0 || (rc = open_db(r, err, err_len)) < 0)
		return rc;
	r->policy = policy_new(r->conf, NULL);
	if ((rc = accounts_open(&r->accounts, r)) < 0 ||
	    (rc = registrar_open(&r->registrar, r)) < 0 ||
	    (rc = sasl_server_open(&r->sasl, r)) < 0 || (rc = rosters_open(&r->rosters, r)) < 0 ||
	    (rc = blocking_open(&r->blocking, r)) < 0 ||
	    (rc = sessions_open(&r->sessions, r)) < 0 || (rc = prefs_open(&r->prefs, r)) < 0 ||
	    (rc = stanza_ids_open(&r->stanza_ids, r)) < 0) {
		(void)snprintf(err, err_len, "cannot read the database: %s", strerror(-rc));
		return rc;
	}
	offline_open(&r->offline, r);
	delegates_open(&r->delegates, r);
	if ((rc = components_open(&r->components, r, err, err_len)) < 0)
		return rc;
	if ((rc = events_open(&r->events, r)) < 0) {
		(void)snprintf(err, err_len, "cannot read the database: %s", strerror(-rc));
		return rc;
	}
	if ((rc = first_account(r, err, err_len)) < 0 ||
	    (rc = c2s_open(&r->c2s, r, err, err_len)) < 0 ||
	    (rc = ctl_open(&r->ctl, r, err, err_len)) < 0)
		return rc;
	idle_open(&r->idle, r);
	say_limits();
	timer_init(&p->health_poll, r->loop, health_poll, p);
	timer_set(&p->health_poll, 0);
	return 0;
}

static void reload(struct daemon *d, void *arg)
{
	struct program *p = arg;

	(void)d;
	p->r.policy = policy_new(p->r.conf, p->r.policy);
	sasl_server_reload(p->r.sasl);
	registrar_reload(p->r.registrar);
	c2s_reload(p->r.c2s);
	delegates_reload(p->r.delegates);
	components_reload(p->r.components);
	events_reload(p->r.events);
	server_certs_rescan(&p->r);
}

static void stop_poll(void *arg)
{
	struct program *p = arg;

	if (c2s_count(p->r.c2s) == 0 && db_waiting(p->r.db) == 0)
		daemon_stopped(p->r.daemon);
	else
		timer_set(&p->stop_poll, STOP_POLL_MS);
}

static void stop(struct daemon *d, void *arg)
{
	struct program *p = arg;

	(void)d;
	p->r.stopping = true;
	c2s_stop(p->r.c2s);
	components_stop(p->r.components);
	timer_init(&p->stop_poll, p->r.loop, stop_poll, p);
	timer_set(&p->stop_poll, STOP_POLL_MS);
}

static void finish(struct daemon *d, void *arg)
{
	struct program *p = arg;
	struct router *r = &p->r;

	(void)d;
	timer_done(&p->stop_poll);
	timer_done(&p->health_poll);
	ctl_close(r->ctl);
	idle_close(r->idle);
	c2s_close(r->c2s);
	db_close(r->db); /* runs the completions that are left: all they touch is still here */
	components_close(r->components);
	events_close(r->events);
	delegates_close(r->delegates);
	offline_close(r->offline);
	sessions_close(r->sessions);
	stanza_ids_close(r->stanza_ids);
	prefs_close(r->prefs);
	blocking_close(r->blocking);
	rosters_close(r->rosters);
	sasl_server_close(r->sasl);
	registrar_close(r->registrar);
	accounts_close(r->accounts);
	policy_free(r->policy);
	server_certs_close(r);
}

int main(int argc, char **argv)
{
	static struct program p;
	static const struct daemon_ops ops = {
		.name = "router",
		.summary = "XMPP router: clients, federation and encryption policy",
		.start = start,
		.reload = reload,
		.stop = stop,
		.finish = finish,
	};
	struct daemon_ops with_conf = ops;

	with_conf.conf = router_conf_def;
	return daemon_main(argc, argv, &with_conf, &p);
}
