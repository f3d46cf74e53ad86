/* SPDX-License-Identifier: MIT */
#include <xmpp/stream.h>

#include "auth_fixture.h"
#include "core/session.h"
#include "im/blocking.h"
#include "im/prefs.h"
#include "im/roster.h"
#include "schema.h"

struct auth auth;

/* --- the parts that are played ---------------------------------------------------------------- */

static struct user user;
static struct session two[2];

bool router_serves(const struct router *r, const char *domain, size_t len)
{
	assert_ptr_equal(r, &auth.r);
	return len == strlen(DOMAIN) && !memcmp(domain, DOMAIN, len);
}

struct user *sessions_user(struct sessions *ss, const struct jid *any)
{
	assert_ptr_equal(ss, auth.r.sessions);
	if (!auth.has_session || strcmp(any->s, auth.has_session) != 0)
		return NULL;
	list_init(&user.sessions);
	for (int i = 0; i < 2; i++)
		list_add_tail(&user.sessions, &two[i].of_user);
	return &user;
}

void session_kick(struct session *s, enum stream_err e, const char *text)
{
	assert_true(s == &two[0] || s == &two[1]);
	assert_int_equal(e, STREAM_E_NOT_AUTHORIZED);
	assert_non_null(text);
	auth.kicked++;
}

void roster_delete_account(struct rosters *rs, const struct jid *owner, struct db_batch *b)
{
	static struct db_q q = { "DELETE FROM roster WHERE owner = $1" };

	assert_ptr_equal(rs, auth.r.rosters);
	auth.rosters_gone++;
	db_batch_add(b, &q, "s", owner->s);
}

void blocking_forget(struct blocking *bl, const struct jid *owner)
{
	assert_ptr_equal(bl, auth.r.blocking);
	assert_non_null(owner);
	auth.blocks_gone++;
}

void prefs_forget(struct prefs *p, const struct jid *account)
{
	(void)p;
	assert_non_null(account);
}

void components_each(struct components *cs, component_each_fn *fn, void *arg)
{
	assert_ptr_equal(cs, auth.r.components);
	for (int i = 0; i < 2; i++) {
		if (auth.components[i].domain)
			fn(&auth.components[i], arg);
	}
}

struct component *components_find(struct components *cs, const char *domain, size_t len)
{
	assert_ptr_equal(cs, auth.r.components);
	for (int i = 0; i < 2; i++) {
		const char *d = auth.components[i].domain;

		if (d && strlen(d) == len && !memcmp(d, domain, len))
			return &auth.components[i];
	}
	return NULL;
}

const struct component_conf *component_conf_of(const struct component *c)
{
	return &c->conf;
}

const char *component_domain(const struct component *c)
{
	return c->domain;
}

bool component_for_host(const struct component *c, const char *domain, size_t len)
{
	return c->conf.hosts.n == 0 ||
	       (strlen(c->conf.hosts.v[0]) == len && !memcmp(c->conf.hosts.v[0], domain, len));
}

bool component_acked(const struct component *c)
{
	return c->acked;
}

enum component_verdict component_tell(struct component *c, struct stanza *st)
{
	assert_true(c->acked);
	if (c->verdict != COMPONENT_TAKEN)
		return c->verdict;
	assert_true(c->n_held < HELD_MAX);
	c->held[c->n_held++] = stanza_hold(st);
	return COMPONENT_TAKEN;
}

/* --- the fixture ------------------------------------------------------------------------------ */

int auth_setup(void **state)
{
	static char domain[] = DOMAIN, *domains[] = { domain };

	(void)state;
	memset(&auth, 0, sizeof(auth));
	fixture_init(&auth.f);
	fixture_open(&auth.f, router_schema, router_schema_n);
	auth.conf.domains = (struct conf_list){ domains, 1 };
	auth.conf.limit.failed_logins = 5;
	auth.r = (struct router){ .loop = auth.f.loop, .db = auth.f.db, .conf = &auth.conf };
	assert_int_equal(accounts_open(&auth.r.accounts, &auth.r), 0);
	assert_int_equal(events_open(&auth.r.events, &auth.r), 0);
	return 0;
}

/* In the order of main.c. */
int auth_teardown(void **state)
{
	(void)state;
	db_close(auth.f.db);
	auth.f.db = NULL;
	events_close(auth.r.events);
	sasl_server_close(auth.r.sasl);
	accounts_close(auth.r.accounts);
	fixture_done(&auth.f);
	return 0;
}

static int wait_for(int r, const struct note *n)
{
	if (r < 0) {
		assert_int_equal(n->order, 0);
		return r;
	}
	assert_int_equal(n->order, 0); /* never within the call */
	run_all(&auth.f);
	assert_int_not_equal(n->order, 0);
	return n->err;
}

int auth_add(const char *jid, const char *password)
{
	struct note n = { 0 };

	return wait_for(accounts_add(auth.r.accounts, JID(jid), password, note_done, &n), &n);
}

int auth_passwd(const char *jid, const char *password)
{
	struct note n = { 0 };

	return wait_for(accounts_passwd(auth.r.accounts, JID(jid), password, note_done, &n), &n);
}

int auth_delete(const char *jid)
{
	struct note n = { 0 };

	return wait_for(accounts_delete(auth.r.accounts, JID(jid), note_done, &n), &n);
}

int auth_disable(const char *jid)
{
	struct note n = { 0 };

	return wait_for(accounts_disable(auth.r.accounts, JID(jid), note_done, &n), &n);
}

int auth_enable(const char *jid)
{
	struct note n = { 0 };

	return wait_for(accounts_enable(auth.r.accounts, JID(jid), note_done, &n), &n);
}

void auth_sql(struct db_q *q, const char *jid)
{
	struct db_batch *b = db_batch_new(auth.f.db);
	struct note n = { 0 };

	db_batch_must(b, q, "s", jid);
	db_submit(b, note_done, &n);
	run_all(&auth.f);
	assert_int_equal(n.err, 0);
}
