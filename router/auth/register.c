/* SPDX-License-Identifier: MIT */
/* In-band registration before login (XEP-0077 3.1.1, XEP-0445).
 *
 * A connection shows its token, if it has one, then asks for the fields, then sends them; one
 * account is all it gets.  The account and the use of the token are one batch: both happen or
 * neither.
 *
 * Must not: log what is in a stanza here (tokens, passwords); be used without TLS. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/db.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/metrics.h>
#include <xmpp/form.h>

#include "auth/accounts.h"
#include "auth/invites.h"
#include "auth/register_internal.h"
#include "conf.h"
#include "core/limits.h"
#include "router.h"

#define IQS_MAX 20      /* of one connection */
#define FIELD_MAX 4096  /* bytes of a form's; names and passwords have bounds of their own */
#define ADDRESSES 65536 /* whose registrations are remembered */
#define ACCOUNTS 16384  /* likewise, changes of passwords */

struct attempt { /* an account on its way into the database */
	struct registrar *registrar;
	struct registration *rg; /* NULL: the connection has ended */
	struct el *head;         /* the iq without what is in it */
	struct jid jid;          /* owned */
	char invite[INVITE_ID + 1];
};

struct registration {
	struct registrar *registrar;
	char *host;
	char *peer;
	char addr[INET6_ADDRSTRLEN + 4]; /* what registrations are counted by: conn_limit_key() */
	struct log_tag tag;
	bool invited; /* pass holds */
	struct invite_pass pass;
	bool made; /* it has got its account */
	unsigned iqs;
	struct attempt *attempt; /* NULL: none under way */
	registration_later *later;
	void *later_arg;
};

static struct metric m_made =
    METRIC_COUNTER("switchyard_registrations_total", "Accounts registered in band.", NULL);
static struct metric m_refused = METRIC_COUNTER(
    "switchyard_refused_registrations_total", "Registrations and tokens refused.", NULL);

/* --- the server ------------------------------------------------------------------------------- */

static struct rate_conf limit_of(const struct router *r)
{
	double n = (double)r->conf->limit.registrations;

	return (struct rate_conf){ .per_second = n / 3600, .burst = n > 0 ? n : 1 };
}

int registrar_open(struct registrar **out, struct router *r)
{
	static const struct rate_conf all = { ALL_PER_SECOND, ALL_BURST };
	static const struct rate_conf own = { OWN_PER_SECOND, OWN_BURST };
	struct registrar *rr = xzalloc(sizeof(*rr));
	struct rate_conf limit = limit_of(r);

	rr->router = r;
	rr->by_addr = rate_table_new(&limit, ADDRESSES);
	rr->by_account = rate_table_new(&own, ACCOUNTS);
	rate_init(&rr->all, &all, loop_now(r->loop));
	*out = rr;
	return 0;
}

void registrar_close(struct registrar *rr)
{
	if (!rr)
		return;
	rate_table_free(rr->by_addr);
	rate_table_free(rr->by_account);
	free(rr);
}

void registrar_reload(struct registrar *rr)
{
	struct rate_conf limit = limit_of(rr->router);

	rate_table_set(rr->by_addr, &limit);
}

bool registrar_take(struct registrar *rr, struct rate_table *t, const char *key)
{
	static const struct rate_conf all = { ALL_PER_SECOND, ALL_BURST };
	uint64_t now = loop_now(rr->router->loop);

	return rate_table_take(t, key, 1, now) && rate_take(&rr->all, &all, 1, now);
}

enum el_cond registrar_cond(int err)
{
	switch (err) {
	case -EEXIST:
	case -EINPROGRESS:
		return COND_CONFLICT;
	case -ENOENT:
		return COND_ITEM_NOT_FOUND;
	case -EBUSY:
	case -ENOSPC:
	case -ENOBUFS:
		return COND_RESOURCE_CONSTRAINT;
	default:
		return COND_INTERNAL_SERVER_ERROR;
	}
}

/* Some clients answer with a form though they were shown none (XEP-0077 4). */
const char *registrar_field(const struct el *query, const char *name)
{
	const char *text = el_child_text(query, name, NS_REGISTER);
	const struct el *x = text ? NULL : el_child(query, "x", NS_XDATA);
	struct form f;

	if (x && form_parse(&f, x) == 0 && f.type == FORM_SUBMIT)
		(void)form_text(&f, name, FIELD_MAX, &text);
	return text && *text ? text : NULL;
}

/* --- one connection --------------------------------------------------------------------------- */

struct registration *registration_new(struct registrar *rr, const char *peer, const char *host)
{
	struct registration *rg = xzalloc(sizeof(*rg));

	rg->registrar = rr;
	rg->host = xstrdup(host);
	rg->peer = xstrdup(peer);
	conn_limit_key(peer, rg->addr, sizeof(rg->addr));
	rg->tag = (struct log_tag){ "register", NULL, rg->peer, NULL };
	return rg;
}

void registration_free(struct registration *rg)
{
	if (!rg)
		return;
	if (rg->attempt)
		rg->attempt->rg = NULL;
	invite_pass_done(&rg->pass);
	free(rg->host);
	free(rg->peer);
	free(rg);
}

void registration_features(const struct registration *rg, struct el *features)
{
	if (!rg->registrar->router->conf->allow_registration)
		return;
	el_add(features, "register", NS_REGISTER_FEATURE);
	el_add(features, "register", NS_IBR_TOKEN);
	el_add(features, "register", NS_INVITE); /* what clients look for that are older than it */
}

static enum reg_status refuse(struct registration *rg, const struct el *iq, struct el **reply,
    enum el_cond cond, const char *why)
{
	metric_add(&m_refused, 1);
	log_info(&rg->tag, "registration refused: %s%s%s", el_cond_name(cond), why ? ", " : "",
	    why ? why : "");
	*reply = el_error_reply(iq, cond, why);
	return REG_ANSWERED;
}

static bool needs_token(const struct registration *rg)
{
	return rg->registrar->router->conf->registration_invite_only && !rg->invited;
}

/* --- tokens ----------------------------------------------------------------------------------- */

static enum reg_status preauth(struct registration *rg, const struct el *iq, struct el **reply)
{
	const char *token = el_attr(el_child(iq, NULL, NULL), "token");
	struct invite_pass pass;
	int rc;

	if (!token)
		return refuse(rg, iq, reply, COND_BAD_REQUEST, NULL);
	rc = invites_check(rg->registrar->router, token, rg->host, &pass);
	if (rc == -ENOENT)
		return refuse(
		    rg, iq, reply, COND_ITEM_NOT_FOUND, "The provided token is invalid or expired");
	if (rc < 0)
		return refuse(rg, iq, reply, registrar_cond(rc), NULL);
	invite_pass_done(&rg->pass);
	rg->pass = pass;
	rg->invited = true;
	log_info(&rg->tag, "invitation %s shown", pass.id);
	*reply = el_result(iq);
	return REG_ANSWERED;
}

/* --- fields ----------------------------------------------------------------------------------- */

static enum reg_status fields(struct registration *rg, const struct el *iq, struct el **reply)
{
	struct el *query, *name;

	if (needs_token(rg))
		return refuse(rg, iq, reply, COND_NOT_ALLOWED, "registration needs an invitation");
	*reply = el_result(iq);
	query = el_add(*reply, "query", NS_REGISTER);
	el_add_text(query, "instructions", NULL, "Choose a name and a password.");
	name = el_add(query, "username", NULL);
	if (rg->pass.account)
		el_text_n(name, rg->pass.account, strcspn(rg->pass.account, "@"));
	el_add(query, "password", NULL);
	return REG_ANSWERED;
}

/* --- accounts --------------------------------------------------------------------------------- */

static void attempt_done(int err, void *arg)
{
	struct attempt *at = arg;
	struct registration *rg = at->rg;
	struct el *reply = NULL;

	if (err == 0) {
		metric_add(&m_made, 1);
		log_info(rg ? &rg->tag : NULL, "registered %s%s%s", at->jid.s,
		    *at->invite ? ", invitation " : "", at->invite);
	}
	if (rg) {
		rg->attempt = NULL;
		rg->made = err == 0;
		if (err == 0)
			reply = el_result(at->head);
		else
			(void)refuse(rg, at->head, &reply, registrar_cond(err),
			    err == -EINPROGRESS ? "the account of this name is being removed"
						: NULL);
		rg->later(reply, rg->later_arg);
	}
	el_free(at->head);
	jid_done(&at->jid);
	free(at);
}

static struct attempt *attempt_new(
    struct registration *rg, const struct el *iq, const struct jid *jid)
{
	struct attempt *at = xzalloc(sizeof(*at));

	at->registrar = rg->registrar;
	at->rg = rg;
	at->jid = jid_dup(jid);
	at->head = el_iq(el_attr(iq, "type"), el_attr(iq, "to"));
	el_set(at->head, "id", el_attr(iq, "id"));
	memcpy(at->invite, rg->pass.id, sizeof(at->invite));
	rg->attempt = at;
	return at;
}

static bool is_admin(const struct router *r, const struct jid *jid)
{
	return conf_list_has(&r->conf->admins, jid->s, jid->len);
}

/* A name that is taken, or kept for somebody else: who has been invited under it, or whom the
 * settings make an administrator.  0 or -Exxx. */
static int name_free(struct registration *rg, const struct jid *jid)
{
	struct router *r = rg->registrar->router;
	bool own = rg->pass.account && !strcmp(rg->pass.account, jid->s);
	int kept;

	if (accounts_exist(r->accounts, jid))
		return -EEXIST;
	if (own)
		return 0;
	kept = invites_keep(r, jid);
	if (kept < 0)
		return kept;
	return kept > 0 || is_admin(r, jid) ? -EEXIST : 0;
}

static enum reg_status make(struct registration *rg, const struct el *iq, struct el **reply,
    const struct jid *jid, const char *password)
{
	struct router *r = rg->registrar->router;
	struct attempt *at;
	struct db_batch *b;
	int rc;

	if (rg->pass.account && strcmp(rg->pass.account, jid->s) != 0)
		return refuse(
		    rg, iq, reply, COND_NOT_ACCEPTABLE, "the invitation is for another name");
	if (!registrar_take(rg->registrar, rg->registrar->by_addr, rg->addr))
		return refuse(rg, iq, reply, COND_RESOURCE_CONSTRAINT,
		    "too many registrations, try again later");
	rc = name_free(rg, jid);
	if (rc < 0)
		return refuse(rg, iq, reply, registrar_cond(rc), NULL);
	b = db_batch_new(r->db);
	if (rg->invited)
		invites_burn(b, &rg->pass);
	at = attempt_new(rg, iq, jid);
	if (accounts_add_in(r->accounts, b, jid, password, attempt_done, at) == 0)
		return REG_LATER;
	rg->attempt = NULL;
	el_free(at->head);
	jid_done(&at->jid);
	free(at);
	return refuse(rg, iq, reply, COND_NOT_ACCEPTABLE, "this password cannot be used");
}

static enum reg_status submit(struct registration *rg, const struct el *iq, struct el **reply)
{
	const struct el *query = el_child(iq, NULL, NULL);
	const char *user = registrar_field(query, "username");
	const char *password = registrar_field(query, "password");
	enum reg_status status;
	struct arena *a;
	struct jid jid;

	if (el_child(query, "remove", NS_REGISTER)) /* 3.2: whose? */
		return refuse(rg, iq, reply, COND_UNEXPECTED_REQUEST, NULL);
	if (rg->made) /* 3.1.1 */
		return refuse(rg, iq, reply, COND_NOT_ACCEPTABLE, "one account a connection");
	if (needs_token(rg))
		return refuse(rg, iq, reply, COND_NOT_ALLOWED, "registration needs an invitation");
	if (!user || !password)
		return refuse(
		    rg, iq, reply, COND_NOT_ACCEPTABLE, "a name and a password are needed");
	a = arena_new();
	if (jid_make(&jid, a, user, rg->host, NULL) < 0)
		status = refuse(rg, iq, reply, COND_NOT_ACCEPTABLE, "this name cannot be used");
	else
		status = make(rg, iq, reply, &jid, password);
	arena_free(a);
	return status;
}

/* --- iqs -------------------------------------------------------------------------------------- */

static bool for_host(const struct registration *rg, const char *to)
{
	struct arena *a = arena_new();
	struct jid jid;
	bool ours = !to || (jid_parse(&jid, a, to) == 0 && !strcmp(jid.s, rg->host));

	arena_free(a);
	return ours;
}

enum reg_status registration_iq(struct registration *rg, const struct el *iq, struct el **reply,
    registration_later *later, void *arg)
{
	const char *type = el_attr(iq, "type");
	const struct el *payload = el_child(iq, NULL, NULL);
	bool get = type && !strcmp(type, "get"), set = type && !strcmp(type, "set");
	bool query = payload && el_is(payload, "query", NS_REGISTER);

	*reply = NULL;
	if (el_kind(iq) != EL_IQ || !el_attr(iq, "id") || (!get && !set) || !payload ||
	    el_child_count(iq) != 1 || (!query && !el_is(payload, "preauth", NS_PARS)))
		return REG_NOT_OURS;
	if (rg->attempt || ++rg->iqs > IQS_MAX)
		return REG_TOO_MANY;
	rg->later = later;
	rg->later_arg = arg;
	if (!rg->registrar->router->conf->allow_registration || !for_host(rg, el_attr(iq, "to")))
		return refuse(rg, iq, reply, COND_SERVICE_UNAVAILABLE, NULL);
	if (query)
		return get ? fields(rg, iq, reply) : submit(rg, iq, reply);
	if (get)
		return refuse(rg, iq, reply, COND_BAD_REQUEST, NULL);
	return preauth(rg, iq, reply);
}
