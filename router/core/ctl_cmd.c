/* SPDX-License-Identifier: MIT */
/* The commands of the control socket.  Each leads to exactly one answer, at once or, where the
 * database has to commit first, from its completion.  Lists come in pages, so that nobody waits for
 * them. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/certs.h>
#include <base/daemon.h>
#include <base/db.h>
#include <base/log.h>
#include <base/loop.h>
#include <xmpp/stamp.h>

#include "auth/accounts.h"
#include "c2s/c2s.h"
#include "conf.h"
#include "core/ctl_cmd.h"
#include "core/session.h"
#include "links/component.h"
#include "router.h"

#define PAGE 500      /* rows in one answer */
#define CURSOR_MAX 48 /* "<milliseconds>.<session's id>" */

static const struct log_tag tag = { .mod = "ctl" };

/* --- rows ----------------------------------------------------------------------------------- */

void ctl_put(json_t *row, const char *key, json_t *value)
{
	(void)json_object_set_new(row, key, value);
}

static void put_text(json_t *row, const char *key, const char *s)
{
	ctl_put(row, key, ctl_text(s));
}

void ctl_put_time(json_t *row, const char *key, int64_t wall_ms)
{
	char text[STAMP_LEN + 1];

	stamp_write_s(wall_ms, text);
	put_text(row, key, text);
}

json_t *ctl_one_row(json_t *row)
{
	json_t *rows = json_array();

	(void)json_array_append_new(rows, row);
	return rows;
}

unsigned ctl_page_size(const struct ctl_req *req)
{
	int64_t limit = req->call.number[CTL_LIMIT];

	return limit > 0 && limit < PAGE ? (unsigned)limit : PAGE;
}

/* --- addresses ------------------------------------------------------------------------------ */

/* A name alone stands for the account of that name at the first domain served. */
static int read_jid(struct jid *out, struct arena *a, const struct router *r, const char *s)
{
	if (!strpbrk(s, "@/"))
		return jid_make(out, a, s, r->conf->domains.v[0], NULL);
	return jid_parse(out, a, s);
}

bool ctl_account_jid(struct ctl_req *req, struct arena *a, bool resources, struct jid *out)
{
	const char *given = req->call.text[CTL_JID];

	if (read_jid(out, a, req->router, given) < 0 || !out->dom) {
		ctl_refuse(req, "\"%s\" is not the address of an account", given);
		return false;
	}
	if (!resources && !jid_is_bare(out)) {
		ctl_refuse(req, "\"%s\" has a resource: an account has none", given);
		return false;
	}
	if (!router_serves(req->router, jid_domain(out), jid_domain_len(out))) {
		ctl_refuse(
		    req, "%.*s is not served here", (int)jid_domain_len(out), jid_domain(out));
		return false;
	}
	req->jid = xstrdup(out->s);
	return true;
}

/* --- accounts ------------------------------------------------------------------------------- */

void ctl_refuse_db(struct ctl_req *req, int err)
{
	if (err == -EBUSY || err == -ENOBUFS) {
		ctl_refuse(req, "the database is busy, try again later");
		return;
	}
	log_err(&tag, LOG_LVL_WARN, err, "%s", req->call.cmd->name);
	ctl_refuse(req, "the database failed: %s", strerror(-err));
}

static void account_done(int err, void *arg)
{
	struct ctl_req *req = arg;

	switch (err) {
	case 0:
		log_info(&tag, "%s: %s", req->call.cmd->name, req->jid);
		ctl_answer(req, ctl_one_row(json_pack("{s:s}", "jid", req->jid)), NULL);
		break;
	case -EEXIST:
		ctl_refuse(req, "there is an account of this name already");
		break;
	case -EINPROGRESS:
		ctl_refuse(req, "the account of this name is being removed: not every component "
				"has acknowledged that yet");
		break;
	case -ENOENT:
		ctl_refuse(req, "there is no account of this name");
		break;
	default:
		ctl_refuse_db(req, err);
	}
}

typedef int account_write(struct accounts *a, const struct jid *bare, const char *password,
    accounts_done *done, void *arg);

static void write_password(struct ctl_req *req, account_write *write)
{
	struct arena *a = arena_new();
	struct jid jid;

	if (ctl_account_jid(req, a, false, &jid) &&
	    write(req->router->accounts, &jid, req->call.text[CTL_PASSWORD], account_done, req) < 0)
		ctl_refuse(req, "this password cannot be used: it is empty, too long or has "
				"characters that are not allowed");
	arena_free(a);
}

static void account_add(struct ctl_req *req)
{
	write_password(req, accounts_add);
}

static void passwd(struct ctl_req *req)
{
	write_password(req, accounts_passwd);
}

static void change_account(struct ctl_req *req,
    int (*change)(struct accounts *a, const struct jid *bare, accounts_done *done, void *arg))
{
	struct arena *a = arena_new();
	struct jid jid;

	if (ctl_account_jid(req, a, false, &jid) &&
	    change(req->router->accounts, &jid, account_done, req) < 0)
		ctl_refuse(req, "\"%s\" is not the address of an account", req->jid);
	arena_free(a);
}

static void account_delete(struct ctl_req *req)
{
	change_account(req, accounts_delete);
}

static void account_disable(struct ctl_req *req)
{
	change_account(req, accounts_disable);
}

static void account_enable(struct ctl_req *req)
{
	change_account(req, accounts_enable);
}

static void add_account(const char *bare, bool disabled, void *arg)
{
	(void)json_array_append_new(
	    arg, json_pack("{s:o, s:b}", "jid", ctl_text(bare), "disabled", disabled));
}

static void account_list(struct ctl_req *req)
{
	struct arena *a = arena_new();
	json_t *rows = json_array();
	unsigned n = ctl_page_size(req);
	struct jid after = { 0 };
	int r = 0;

	if (req->call.text[CTL_AFTER])
		r = read_jid(&after, a, req->router, req->call.text[CTL_AFTER]);
	if (r < 0)
		ctl_refuse(req, "\"%s\" is not an address", req->call.text[CTL_AFTER]);
	else if ((r = accounts_list(req->router->accounts, after.s, n, add_account, rows)) < 0)
		ctl_refuse_db(req, r);
	else
		ctl_answer(req, json_incref(rows),
		    json_array_size(rows) < n
			? NULL
			: json_string_value(json_object_get(json_array_get(rows, n - 1), "jid")));
	json_decref(rows);
	arena_free(a);
}

/* --- sessions ------------------------------------------------------------------------------- */

static json_t *session_row(const struct session *s)
{
	json_t *row = json_object();
	const struct io *io = s->stream ? stream_io_of(s->stream) : NULL;

	put_text(row, "jid", s->jid.s);
	put_text(row, "id", s->id);
	put_text(row, "peer", s->tag.peer);
	put_text(row, "tls", io ? io_tls_version(io) : NULL);
	ctl_put_time(row, "since", s->since_ms);
	ctl_put(row, "available", json_boolean(session_available(s)));
	ctl_put(row, "priority", session_available(s) ? json_integer(s->im.priority) : json_null());
	ctl_put(row, "queued", json_integer(s->stream ? (json_int_t)stream_queued(s->stream) : 0));
	return row;
}

/* A page begins behind the session that ended the one before or, where that has gone, with the
 * first that is younger.  Sessions stand in order of binding. */
static struct list *page_begin(struct list *all, int64_t since_ms, const char *id)
{
	struct list *younger = NULL;

	LIST_EACH (it, all) {
		const struct session *s = LIST_ENTRY(it, struct session, of_all);

		if (!strcmp(s->id, id))
			return it->next;
		if (!younger && s->since_ms > since_ms)
			younger = it;
	}
	return younger ? younger : all;
}

static int read_cursor(const char *s, int64_t *since_ms, const char **id)
{
	char *end;

	errno = 0;
	*since_ms = strtoll(s, &end, 10);
	*id = end + 1;
	return errno || end == s || *end != '.' ? -EINVAL : 0;
}

static void session_list(struct ctl_req *req)
{
	struct list *all = sessions_all(req->router->sessions), *it = all->next;
	const struct session *last = NULL;
	const char *after = req->call.text[CTL_AFTER], *id;
	unsigned n = ctl_page_size(req);
	char next[CURSOR_MAX];
	int64_t since_ms;
	json_t *rows;

	if (after) {
		if (read_cursor(after, &since_ms, &id) < 0) {
			ctl_refuse(req, "session list: after must be the \"next\" of a page");
			return;
		}
		it = page_begin(all, since_ms, id);
	}
	rows = json_array();
	for (; n > 0 && it != all; n--, it = it->next) {
		last = LIST_ENTRY(it, struct session, of_all);
		(void)json_array_append_new(rows, session_row(last));
	}
	if (it != all && last)
		(void)snprintf(next, sizeof(next), "%" PRId64 ".%s", last->since_ms, last->id);
	ctl_answer(req, rows, it != all && last ? next : NULL);
}

static unsigned kick(struct sessions *ss, const struct jid *jid, const char *text)
{
	struct session *one = jid_is_bare(jid) ? NULL : sessions_find(ss, jid);
	struct user *u = jid_is_bare(jid) ? sessions_user(ss, jid) : NULL;
	unsigned n = 0;

	if (one) {
		session_kick(one, STREAM_E_POLICY_VIOLATION, text);
		return 1;
	}
	if (!u)
		return 0;
	LIST_EACH_SAFE (it, &u->sessions) {
		session_kick(
		    LIST_ENTRY(it, struct session, of_user), STREAM_E_POLICY_VIOLATION, text);
		n++;
	}
	return n;
}

static void session_kick_cmd(struct ctl_req *req)
{
	const char *text = req->call.text[CTL_TEXT];
	struct arena *a = arena_new();
	struct jid jid;
	unsigned n;

	if (ctl_account_jid(req, a, true, &jid)) {
		n = kick(req->router->sessions, &jid,
		    text && *text ? text : "ended by an administrator");
		if (n == 0) {
			ctl_refuse(req, "there is no session of %s", req->jid);
		} else {
			log_info(&tag, "session kick: %s, %u ended", req->jid, n);
			ctl_answer(req,
			    ctl_one_row(json_pack("{s:s, s:i}", "jid", req->jid, "ended", (int)n)),
			    NULL);
		}
	}
	arena_free(a);
}

/* --- components, the router ----------------------------------------------------------------- */

static json_t *component_row(const struct component_state *st, const char *domain)
{
	json_t *row = json_object();

	put_text(row, "domain", domain);
	put_text(row, "title", st->title);
	put_text(row, "state", component_phase_name(st->phase));
	ctl_put_time(row, "since", st->since_ms);
	ctl_put(row, "links", json_integer((json_int_t)st->links));
	ctl_put(row, "acknowledged", json_boolean(st->acked));
	put_text(row, "peer", st->peer);
	ctl_put(row, "in", json_integer((json_int_t)st->in));
	ctl_put(row, "out", json_integer((json_int_t)st->out));
	ctl_put(row, "queued", json_integer((json_int_t)st->queued));
	ctl_put(row, "unacknowledged", json_integer((json_int_t)st->unacknowledged));
	put_text(row, "last_error", st->last_error);
	return row;
}

/* One that shares a domain is known by its name there. */
static void add_member(const struct component_state *st, const char *id, void *arg)
{
	char *name = xasprintf("%s/%s", st->domain, id);

	(void)json_array_append_new(arg, component_row(st, name));
	free(name);
}

static void add_component(struct component *c, void *arg)
{
	struct component_state st;

	component_state(c, &st);
	(void)json_array_append_new(arg, component_row(&st, st.domain));
	component_each_member(c, add_member, arg);
}

/* Bounded by the settings: each has a section. */
static void component_list(struct ctl_req *req)
{
	json_t *rows = json_array();

	components_each(req->router->components, add_component, rows);
	ctl_answer(req, rows, NULL);
}

static void reload(struct ctl_req *req)
{
	json_t *notes = json_array();
	char *text, *save = NULL;
	int r = daemon_reload(req->router->daemon, &text);

	if (r < 0) {
		ctl_refuse(req, "settings not reloaded, the old ones stay:\n%s", text);
	} else {
		for (char *p = strtok_r(text, "\n", &save); p; p = strtok_r(NULL, "\n", &save))
			(void)json_array_append_new(notes, ctl_text(p));
		ctl_answer(req, ctl_one_row(json_pack("{s:O}", "notes", notes)), NULL);
	}
	json_decref(notes);
	free(text);
}

struct component_count {
	json_int_t online, all;
};

static void count_component(struct component *c, void *arg)
{
	struct component_count *n = arg;

	n->all++;
	n->online += component_online(c);
}

static json_t *certificates(const struct router *r)
{
	const struct conf_list *d = &r->conf->domains;
	json_t *all = json_array();

	for (size_t i = 0; i < d->n; i++) {
		int days = certs_days_left(r->certs, d->v[i]);
		json_t *row = json_object();

		put_text(row, "domain", d->v[i]);
		ctl_put(row, "days_left", days == INT_MIN ? json_null() : json_integer(days));
		(void)json_array_append_new(all, row);
	}
	return all;
}

static void status(struct ctl_req *req)
{
	struct router *r = req->router;
	struct component_count n = { 0 };
	json_t *row = json_object();

	components_each(r->components, count_component, &n);
	put_text(row, "version", SWITCHYARD_VERSION);
	ctl_put(row, "uptime", json_integer(ctl_uptime(req)));
	ctl_put(row, "sessions", json_integer((json_int_t)sessions_count(r->sessions)));
	ctl_put(row, "connections", json_integer((json_int_t)c2s_count(r->c2s)));
	ctl_put(row, "components_online", json_integer(n.online));
	ctl_put(row, "components_configured", json_integer(n.all));
	ctl_put(row, "database_healthy", json_boolean(db_healthy(r->db)));
	ctl_put(row, "certificates", certificates(r));
	ctl_answer(req, ctl_one_row(row), NULL);
}

/* --- the table ------------------------------------------------------------------------------ */

#define ARG(a) (1u << CTL_##a)

const struct ctl_cmd ctl_cmds[] = {
	{ "account add", ARG(JID) | ARG(PASSWORD), 0, account_add },
	{ "account delete", ARG(JID), 0, account_delete },
	{ "account disable", ARG(JID), 0, account_disable },
	{ "account enable", ARG(JID), 0, account_enable },
	{ "account list", 0, ARG(AFTER) | ARG(LIMIT), account_list },
	{ "passwd", ARG(JID) | ARG(PASSWORD), 0, passwd },
	{ "session list", 0, ARG(AFTER) | ARG(LIMIT), session_list },
	{ "session kick", ARG(JID), ARG(TEXT), session_kick_cmd },
	{ "component list", 0, 0, component_list },
	{ "invite create", 0, ARG(JID) | ARG(DOMAIN) | ARG(USES) | ARG(EXPIRES),
	    ctl_invite_create },
	{ "invite list", 0, ARG(AFTER) | ARG(LIMIT), ctl_invite_list },
	{ "invite revoke", ARG(ID), 0, ctl_invite_revoke },
	{ "reload", 0, 0, reload },
	{ "status", 0, 0, status },
	{ 0 },
};
