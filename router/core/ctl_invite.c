/* SPDX-License-Identifier: MIT */
/* The control socket's commands about invitations.  A token stands in the one answer to the request
 * that made it, as part of an address, and nowhere else. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/sbuf.h>
#include <xmpp/jid.h>

#include "auth/accounts.h"
#include "auth/invites.h"
#include "conf.h"
#include "core/ctl_cmd.h"
#include "router.h"

static const struct log_tag tag = { .mod = "ctl" };

struct making { /* an invitation on its way into the database */
	struct ctl_req *req;
	char id[INVITE_ID + 1], token[INVITE_TOKEN + 1];
	char *domain, *account; /* account NULL: any name */
	int64_t uses, expires_ms;
};

static void making_free(struct making *m)
{
	free(m->domain);
	free(m->account);
	mem_wipe(m, sizeof(*m));
	free(m);
}

/* --- the address that is handed out ----------------------------------------------------------- */

/* RFC 5122 2.2: what may stand in a node or a host as it is. */
static void put_escaped(struct sbuf *out, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~@!$()*+,;=";

	for (; *s; s++) {
		if (strchr(plain, *s))
			sbuf_putc(out, *s);
		else
			sbuf_printf(out, "%%%02X", (unsigned)(unsigned char)*s);
	}
}

/* XEP-0445 2.1, 2.2 */
static json_t *uri(const struct making *m)
{
	struct sbuf s = SBUF_INIT;
	json_t *text;

	sbuf_puts(&s, "xmpp:");
	put_escaped(&s, m->account ? m->account : m->domain);
	sbuf_printf(&s, "?register;preauth=%s", m->token);
	text = ctl_text(sbuf_str(&s));
	mem_wipe(s.data, s.cap);
	sbuf_done(&s);
	return text;
}

static json_t *row_of(const struct invite *in)
{
	json_t *row = json_object();

	ctl_put(row, "id", ctl_text(in->id));
	ctl_put(row, "domain", ctl_text(in->domain));
	ctl_put(row, "account", ctl_text(in->account));
	ctl_put(row, "uses", json_integer(in->uses));
	ctl_put_time(row, "expires", in->expires_ms);
	return row;
}

/* --- create ----------------------------------------------------------------------------------- */

static void created(int err, void *arg)
{
	struct making *m = arg;
	struct ctl_req *req = m->req;
	const struct invite in = { m->id, m->domain, m->account, m->uses, 0, m->expires_ms };
	json_t *row;

	if (err < 0) {
		ctl_refuse_db(req, err);
	} else {
		row = row_of(&in);
		ctl_put(row, "uri", uri(m));
		ctl_put(row, "usable", json_boolean(req->router->conf->allow_registration));
		log_info(&tag, "invite create: %s", m->id);
		ctl_answer(req, ctl_one_row(row), NULL);
	}
	making_free(m);
}

/* The domain and the account that it is for; false: refused. */
static bool whom(struct ctl_req *req, struct arena *a, struct making *m)
{
	const struct router *r = req->router;
	const char *domain = req->call.text[CTL_DOMAIN];
	struct jid jid;

	if (req->call.text[CTL_JID]) {
		if (!ctl_account_jid(req, a, false, &jid))
			return false;
		if (accounts_exist(r->accounts, &jid)) {
			ctl_refuse(req, "there is an account of this name already");
			return false;
		}
		m->account = xstrdup(jid.s);
		m->domain = xstrdup(jid_domain(&jid));
		if (domain && strcmp(domain, m->domain) != 0) {
			ctl_refuse(req, "%s is not at %s", jid.s, domain);
			return false;
		}
		return true;
	}
	if (!domain)
		domain = r->conf->domains.v[0];
	if (jid_parse(&jid, a, domain) < 0 || !jid_is_domain(&jid) ||
	    !router_serves(r, jid.s, jid.len)) {
		ctl_refuse(req, "%s is not served here", domain);
		return false;
	}
	m->domain = xstrdup(jid.s);
	return true;
}

/* A number that was given, or dflt; false: refused. */
static bool number(struct ctl_req *req, enum ctl_arg arg, int64_t dflt, int64_t max, int64_t *out)
{
	int64_t given = req->call.number[arg];

	*out = given ? given : dflt;
	if (*out <= max)
		return true;
	ctl_refuse(req, "%lld is too much, at most %lld", (long long)given, (long long)max);
	return false;
}

void ctl_invite_create(struct ctl_req *req)
{
	struct making *m = xzalloc(sizeof(*m));
	struct router *r = req->router;
	struct arena *a = arena_new();
	int64_t seconds;

	m->req = req;
	if (number(req, CTL_USES, 1, INVITE_USES_MAX, &m->uses) &&
	    number(req, CTL_EXPIRES, INVITE_DAYS * (int64_t)86400, INVITE_SECONDS_MAX, &seconds) &&
	    whom(req, a, m)) {
		m->expires_ms = loop_wall_ms(r->loop) + seconds * 1000;
		const struct invite in = { NULL, m->domain, m->account, m->uses, 0, m->expires_ms };

		invites_create(r, &in, m->id, m->token, created, m);
	} else {
		making_free(m);
	}
	arena_free(a);
}

/* --- list, revoke ----------------------------------------------------------------------------- */

static void add_row(const struct invite *in, void *arg)
{
	(void)json_array_append_new(arg, row_of(in));
}

void ctl_invite_list(struct ctl_req *req)
{
	unsigned n = ctl_page_size(req);
	json_t *rows = json_array();
	int r = invites_list(req->router, req->call.text[CTL_AFTER], n, add_row, rows);

	if (r < 0)
		ctl_refuse_db(req, r);
	else
		ctl_answer(req, json_incref(rows),
		    json_array_size(rows) < n
			? NULL
			: json_string_value(json_object_get(json_array_get(rows, n - 1), "id")));
	json_decref(rows);
}

static void revoked(int err, void *arg)
{
	struct ctl_req *req = arg;
	const char *id = req->call.text[CTL_ID];

	if (err == -ENOENT) {
		ctl_refuse(req, "there is no invitation of this id");
	} else if (err < 0) {
		ctl_refuse_db(req, err);
	} else {
		log_info(&tag, "invite revoke: %s", id);
		ctl_answer(req, ctl_one_row(json_pack("{s:s}", "id", id)), NULL);
	}
}

void ctl_invite_revoke(struct ctl_req *req)
{
	invites_revoke(req->router, req->call.text[CTL_ID], revoked, req);
}
