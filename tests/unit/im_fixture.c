/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include <base/arena.h>
#include <base/sbuf.h>
#include <xmpp/xml.h>

#include "auth/accounts.h"
#include "core/route.h"
#include "im/blocking.h"
#include "im/last.h"
#include "im/offline.h"
#include "im_fixture.h"
#include "links/component.h"
#include "links/privilege.h"
#include "schema.h"

struct im im;

struct im_user {
	struct user user;
	struct list link;
};

struct im_session {
	struct session s;
	struct sbuf got;
};

static char last_got[65536];

/* --- the parts that are played ---------------------------------------------------------------- */

static bool is_host(const char *host, const char *domain, size_t len)
{
	return len == strlen(host) && !memcmp(domain, host, len);
}

bool router_serves(const struct router *r, const char *domain, size_t len)
{
	(void)r;
	return is_host("example.org", domain, len) ||
	       (im.two_hosts && is_host("example.net", domain, len));
}

bool accounts_exist(struct accounts *a, const struct jid *jid)
{
	static struct db_q q = { "SELECT 1 FROM account WHERE jid = $1" };
	struct jid bare;
	struct arena *ar = arena_new();
	bool found;

	(void)a;
	bare = jid_bare(jid, ar);
	assert_int_equal(db_query(im.f.db, &q, "s", bare.s), 0);
	found = db_next(im.f.db, &q) == 1;
	db_reset(im.f.db, &q);
	arena_free(ar);
	return found;
}

struct user *sessions_user(struct sessions *ss, const struct jid *any)
{
	(void)ss;
	LIST_EACH (it, &im.users) {
		struct im_user *u = LIST_ENTRY(it, struct im_user, link);

		if (jid_same_bare(&u->user.jid, any) && u->user.n_sessions > 0)
			return &u->user;
	}
	return NULL;
}

struct session *sessions_find(struct sessions *ss, const struct jid *full)
{
	struct user *u = sessions_user(ss, full);

	if (!u)
		return NULL;
	LIST_EACH (it, &u->sessions) {
		struct session *s = LIST_ENTRY(it, struct session, of_user);

		if (jid_same(&s->jid, full))
			return s;
	}
	return NULL;
}

struct list *sessions_all(struct sessions *ss)
{
	(void)ss;
	return &im.all;
}

static void keep(struct sbuf *out, const struct el *el, const char *from, const char *to)
{
	struct el *copy = el_dup(el);
	const struct el *roster;
	const char *type = el_attr(copy, "type");

	if (!strcmp(el_name(copy), "iq") && !strcmp(type, "set"))
		el_set(copy, "id", "...");
	roster = el_child(copy, "query", NS_ROSTER);
	if (roster && el_attr(roster, "ver")) {
		(void)snprintf(im.ver, sizeof(im.ver), "%s", el_attr(roster, "ver"));
		el_set(el_mut(roster), "ver", NULL);
	}
	el_write_addr(out, copy, NS_CLIENT, from, to);
	sbuf_putc(out, '\n');
	el_free(copy);
}

int session_send_addr(struct session *s, const struct el *el, const char *from, const char *to)
{
	keep(&CONTAINER_OF(s, struct im_session, s)->got, el, from, to);
	return 0;
}

int session_send(struct session *s, const struct el *el)
{
	return session_send_addr(s, el, NULL, NULL);
}

void offline_available(struct session *s)
{
	(void)s;
}

void offline_session_end(struct session *s)
{
	(void)s;
}

struct component *components_find(struct components *cs, const char *domain, size_t len)
{
	(void)cs;
	return is_host(ECHO, domain, len) ? IM_COMPONENT : NULL;
}

void components_each(struct components *cs, component_each_fn *fn, void *arg)
{
	(void)cs;
	fn(IM_COMPONENT, arg);
}

const char *component_domain(const struct component *c)
{
	(void)c;
	return ECHO;
}

const struct component_conf *component_conf_of(const struct component *c)
{
	(void)c;
	return &im.component_conf;
}

bool component_for_host(const struct component *c, const char *domain, size_t len)
{
	(void)c;
	return !im.other_host && !(im.two_hosts && is_host("example.net", domain, len));
}

struct privileged **component_privileged(struct component *c)
{
	(void)c;
	return &im.privileged;
}

void component_state(const struct component *c, struct component_state *out)
{
	(void)c;
	*out = (struct component_state){ .queued = im.queued };
}

enum component_verdict component_send(struct component *c, struct stanza *st)
{
	enum component_verdict v = component_send_el(c, st->el);

	if (im.holds && v == COMPONENT_TAKEN) {
		assert_true(im.n_held < IM_HELD);
		im.held[im.n_held++] = stanza_hold(st);
	}
	return v;
}

enum component_verdict component_tell(struct component *c, struct stanza *st)
{
	return component_send(c, st);
}

enum component_verdict component_tell_own(struct component *c, struct member *m, struct el *el)
{
	(void)m;
	return component_send_own(c, el);
}

void im_let_go(void)
{
	unsigned n = im.n_held;
	struct stanza *held[IM_HELD];

	memcpy(held, im.held, sizeof(held));
	im.n_held = 0;
	for (unsigned i = 0; i < n; i++)
		stanza_release(held[i]);
	im_settle();
}

bool component_online(const struct component *c)
{
	(void)c;
	return !im.component_away && !im.component_in_grace;
}

bool component_expects(const struct component *c)
{
	(void)c;
	return !im.component_away;
}

bool component_internal(const struct component *c)
{
	(void)c;
	return false;
}

enum component_verdict component_send_own(struct component *c, struct el *el)
{
	enum component_verdict v = component_send_el(c, el);

	el_free(el);
	return v;
}

enum component_verdict component_send_el(struct component *c, const struct el *el)
{
	(void)c;
	if (im.component_away)
		return COMPONENT_AWAY;
	if (im.full)
		return COMPONENT_FULL;
	keep(&im.to_component, el, NULL, NULL);
	return COMPONENT_TAKEN;
}

void route_reply(struct router *r, struct stanza *st, const struct el *reply)
{
	if (st->session)
		session_send(st->session, reply);
	else if (st->proxy)
		st->proxy->answer(r, st, reply);
	else
		keep(&im.to_component, reply, NULL, NULL);
}

void route_reply_ok(struct router *r, struct stanza *st)
{
	struct el *res = el_result(st->el);

	route_reply(r, st, res);
	el_free(res);
}

/* Policy is not played here: what would be judged by it, and where it would go, is kept.  A test
 * may bring a function of its own. */
__attribute__((weak)) void route_stanza(struct router *r, struct stanza *st)
{
	if (st->kind == EL_IQ && (!st->to.s || jid_same_bare(&st->to, &st->from)))
		roster_iq(r, st, &st->from);
	else
		keep(&im.routed, st->el, NULL, NULL);
	(void)snprintf(im.routed_id, sizeof(im.routed_id), "%s",
	    el_attr(st->el, "id") ? el_attr(st->el, "id") : "");
	if (im.refuses)
		route_bounce(r, st, COND_POLICY_VIOLATION, NULL);
}

void route_bounce(struct router *r, struct stanza *st, enum el_cond cond, const char *text)
{
	struct el *err = el_error_reply(st->el, cond, NULL);

	(void)text;
	if (err)
		route_reply(r, st, err);
	el_free(err);
}

void route_to(struct router *r, struct stanza *st)
{
	size_t len = jid_domain_len(&st->to);

	if (router_serves(r, jid_domain(&st->to), len)) {
		if (st->to.dom)
			presence_to_user(r, st);
	} else if (components_find(NULL, jid_domain(&st->to), len)) {
		(void)component_send_el(NULL, st->el);
	} else {
		route_bounce(r, st, COND_REMOTE_SERVER_NOT_FOUND, NULL);
	}
}

/* --- the fixture ------------------------------------------------------------------------------ */

int im_setup(void **state)
{
	static char domain[] = "example.org", *domains[] = { domain };

	(void)state;
	memset(&im, 0, sizeof(im));
	list_init(&im.users);
	list_init(&im.all);
	fixture_init(&im.f);
	fixture_open(&im.f, router_schema, router_schema_n);
	im.conf.limit.roster_items = 100;
	im.conf.domains = (struct conf_list){ domains, 1 };
	im.r = (struct router){ .loop = im.f.loop, .db = im.f.db, .conf = &im.conf };
	assert_int_equal(rosters_open(&im.r.rosters, &im.r), 0);
	assert_int_equal(blocking_open(&im.r.blocking, &im.r), 0);
	im_account(ALICE);
	im_account(BOB);
	privilege_changed(&im.r, IM_COMPONENT); /* from nothing */
	return 0;
}

void im_forget(void)
{
	im_settle();
	rosters_close(im.r.rosters);
	blocking_close(im.r.blocking);
	assert_int_equal(rosters_open(&im.r.rosters, &im.r), 0);
	assert_int_equal(blocking_open(&im.r.blocking, &im.r), 0);
}

int im_teardown(void **state)
{
	(void)state;
	im_settle();
	LIST_EACH_SAFE (it, &im.users) {
		struct im_user *u = LIST_ENTRY(it, struct im_user, link);

		while (!list_empty(&u->user.sessions))
			im_session_end(LIST_FIRST(&u->user.sessions, struct session, of_user));
		list_del(&u->link);
		jid_done(&u->user.jid);
		free(u);
	}
	im.holds = false;
	im_let_go();
	db_close(im.f.db);
	im.f.db = NULL;
	privilege_removed(IM_COMPONENT);
	rosters_close(im.r.rosters);
	blocking_close(im.r.blocking);
	sbuf_done(&im.to_component);
	sbuf_done(&im.routed);
	fixture_done(&im.f);
	return 0;
}

static void sql(struct db_q *q, const char *jid)
{
	struct db_batch *b = db_batch_new(im.f.db);
	struct note n = { 0 };

	db_batch_add(b, q, "s", jid);
	db_submit(b, note_done, &n);
	run_all(&im.f);
	assert_int_equal(n.err, 0);
}

void im_account(const char *bare)
{
	static struct db_q q = { "INSERT INTO account (jid, created, iterations, salt256,"
				 " stored256, server256, salt1, stored1, server1)"
				 " VALUES ($1, 0, 1, x'', x'', x'', x'', x'', x'')" };

	sql(&q, bare);
}

void im_account_gone(const char *bare)
{
	static struct db_q q = { "DELETE FROM account WHERE jid = $1" };

	sql(&q, bare);
}

static struct user *user_enter(const struct jid *jid)
{
	struct im_user *u;

	LIST_EACH (it, &im.users) {
		u = LIST_ENTRY(it, struct im_user, link);
		if (jid_same_bare(&u->user.jid, jid))
			return &u->user;
	}
	u = xzalloc(sizeof(*u));
	u->user.jid.s = xstrndup(jid->s, jid_bare_len(jid));
	u->user.jid.dom = jid->dom;
	u->user.jid.len = (uint16_t)jid_bare_len(jid);
	list_init(&u->user.sessions);
	list_add_tail(&im.users, &u->link);
	return &u->user;
}

struct session *im_session(const char *full)
{
	struct im_session *is = xzalloc(sizeof(*is));
	struct session *s = &is->s;
	struct jid jid = jid_view(full);

	s->router = &im.r;
	s->jid = jid_dup(&jid);
	map_init(&s->im.directed);
	s->user = user_enter(&jid);
	s->user->n_sessions++;
	list_add_tail(&s->user->sessions, &s->of_user);
	list_add_tail(&im.all, &s->of_all);
	return s;
}

void im_session_end(struct session *s)
{
	presence_session_end(s);
	assert_null(s->im.presence);
	assert_int_equal(map_len(&s->im.directed), 0);
	map_done(&s->im.directed);
	list_del(&s->of_user);
	list_del(&s->of_all);
	s->user->n_sessions--;
	jid_done(&s->jid);
	sbuf_done(&CONTAINER_OF(s, struct im_session, s)->got);
	free(CONTAINER_OF(s, struct im_session, s));
}

/* --- traffic ---------------------------------------------------------------------------------- */

static struct stanza *parse(const char *text)
{
	static const struct xml_limits none = { 0 };
	struct stanza *st = NULL;
	struct el *el = xml_read(text, &none);

	assert_non_null(el);
	assert_int_equal(stanza_new(&st, el), 0);
	return st;
}

void im_settle(void)
{
	do
		(void)loop_turn(im.f.loop, false);
	while (db_waiting(im.f.db) > 0);
}

void im_send_only(struct session *s, const char *xml)
{
	struct stanza *st = parse(xml);

	st->session = s;
	stanza_set_from(st, &s->jid);
	if (st->kind != EL_IQ)
		presence_from_session(&im.r, st);
	else if (!strcmp(el_ns(stanza_payload(st)), NS_BLOCKING))
		blocking_iq(&im.r, st);
	else if (!last_account(&im.r, st))
		roster_iq(&im.r, st, &st->from);
	stanza_release(st);
}

void im_send(struct session *s, const char *xml)
{
	im_send_only(s, xml);
	im_settle();
}

void im_component_sends(const char *xml)
{
	struct stanza *st = parse(xml);

	presence_to_user(&im.r, st);
	stanza_release(st);
	im_settle();
}

static const char *take(struct sbuf *b)
{
	assert_true(sbuf_len(b) < sizeof(last_got));
	memcpy(last_got, sbuf_data(b), sbuf_len(b));
	last_got[sbuf_len(b)] = '\0';
	sbuf_clear(b);
	return last_got;
}

const char *im_got(struct session *s)
{
	return take(&CONTAINER_OF(s, struct im_session, s)->got);
}

const char *im_component_got(void)
{
	return take(&im.to_component);
}

/* --- a component with privileges -------------------------------------------------------------- */

void im_grant(const char *const *grants, size_t n)
{
	assert_true(n <= IM_GRANTS);
	for (size_t i = 0; i < n; i++)
		im.grants[i] = (char *)(uintptr_t)grants[i];
	im.component_conf.privilege = (struct conf_list){ im.grants, n };
	privilege_changed(&im.r, IM_COMPONENT);
	im_settle();
}

void im_component_asks(
    void (*fn)(struct router *r, struct component *c, struct stanza *st), const char *xml)
{
	struct stanza *st = parse(xml);

	st->component = IM_COMPONENT;
	fn(&im.r, IM_COMPONENT, st);
	stanza_release(st);
	im_settle();
}

const char *im_routed(void)
{
	return take(&im.routed);
}

/* --- items ------------------------------------------------------------------------------------ */

const char *im_item(const char *owner, const char *contact)
{
	static const char *const subs[] = { "none", "to", "from", "both" };
	static char text[4096];
	struct jid o = jid_view(owner), c = jid_view(contact);
	struct sbuf b = SBUF_INIT;
	struct roster_item *it;
	struct roster *ro;

	assert_int_equal(roster_get(im.r.rosters, &o, &ro), 0);
	it = roster_find(ro, &c);
	if (!it)
		return "-";
	sbuf_puts(&b, subs[it->sub]);
	sbuf_puts(&b, it->ask ? " ask" : "");
	sbuf_puts(&b, it->pending ? " pending" : "");
	sbuf_puts(&b, it->approved ? " approved" : "");
	sbuf_puts(&b, it->listed ? "" : " unlisted");
	if (it->name)
		sbuf_printf(&b, " name=%s", it->name);
	for (size_t i = 0; i < it->n_groups; i++)
		sbuf_printf(&b, "%s%s", i == 0 ? " groups=" : ",", it->groups[i]);
	(void)snprintf(text, sizeof(text), "%s", sbuf_str(&b));
	sbuf_done(&b);
	return text;
}

const char *im_stored(const char *owner, const char *contact)
{
	im_forget();
	return im_item(owner, contact);
}
