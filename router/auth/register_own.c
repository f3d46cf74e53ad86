/* SPDX-License-Identifier: MIT */
/* What somebody who is logged in may do with his own account by XEP-0077: see that he has one
 * (3.1), change its password (3.3), end it (3.2).  Whoever else is named is refused. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/log.h>

#include "auth/accounts.h"
#include "auth/register_internal.h"
#include "core/route.h"
#include "core/session.h"
#include "core/stanza.h"
#include "router.h"

struct own { /* a change under way */
	struct router *router;
	struct stanza *st; /* held */
	struct jid jid;    /* bare, owned */
	bool removes;
};

static void own_done(int err, void *arg)
{
	struct own *o = arg;

	if (err == 0) {
		log_info(NULL, "%s: %s", o->removes ? "account ended in band" : "password changed",
		    o->jid.s);
		route_reply_ok(o->router, o->st);
	} else {
		route_bounce(o->router, o->st, registrar_cond(err), NULL);
	}
	stanza_release(o->st);
	jid_done(&o->jid);
	free(o);
}

static struct own *own_new(struct router *r, struct stanza *st, bool removes)
{
	struct own *o = xzalloc(sizeof(*o));

	o->router = r;
	o->st = stanza_hold(st);
	o->jid = jid_dup(&st->session->user->jid);
	o->removes = removes;
	return o;
}

static void own_refuse(struct own *o, enum el_cond cond, const char *text)
{
	route_bounce(o->router, o->st, cond, text);
	stanza_release(o->st);
	jid_done(&o->jid);
	free(o);
}

static void show(struct router *r, struct stanza *st)
{
	const struct jid *own = &st->session->jid;
	EL_AUTO struct el *res = el_result(st->el);
	struct el *query = el_add(res, "query", NS_REGISTER);

	el_add(query, "registered", NULL);
	el_text_n(el_add(query, "username", NULL), own->s, jid_local_len(own));
	el_add(query, "password", NULL);
	route_reply(r, st, res);
}

static void end_account(struct router *r, struct stanza *st)
{
	struct own *o;

	if (el_child_count(stanza_payload(st)) != 1) {
		route_bounce(r, st, COND_BAD_REQUEST, NULL);
		return;
	}
	o = own_new(r, st, true);
	if (accounts_delete(r->accounts, &o->jid, own_done, o) < 0)
		own_refuse(o, COND_INTERNAL_SERVER_ERROR, NULL);
}

static bool is_own_name(const struct stanza *st, const char *user)
{
	const struct jid *own = &st->session->jid;
	char *local;

	return prep_local(el_arena(st->el), user, &local) == 0 &&
	       strlen(local) == jid_local_len(own) && !memcmp(local, own->s, strlen(local));
}

static void change_password(struct router *r, struct stanza *st)
{
	const struct el *query = stanza_payload(st);
	const char *user = registrar_field(query, "username");
	const char *password = registrar_field(query, "password");
	struct registrar *rr = r->registrar;
	struct own *o;

	if (!user || !password) {
		route_bounce(r, st, COND_BAD_REQUEST, "a name and a password are needed");
		return;
	}
	if (!is_own_name(st, user)) {
		route_bounce(r, st, COND_NOT_ALLOWED, "only your own account");
		return;
	}
	o = own_new(r, st, false);
	if (!registrar_take(rr, rr->by_account, o->jid.s))
		own_refuse(o, COND_RESOURCE_CONSTRAINT, "too many changes, try again later");
	else if (accounts_passwd(r->accounts, &o->jid, password, own_done, o) < 0)
		own_refuse(o, COND_NOT_ACCEPTABLE, "this password cannot be used");
}

void register_own(struct router *r, struct stanza *st)
{
	const struct el *query = stanza_payload(st);

	if (!el_is(query, "query", NS_REGISTER))
		route_bounce(r, st, COND_BAD_REQUEST, NULL);
	else if (st->type == ST_IQ_GET)
		show(r, st);
	else if (el_child(query, "remove", NS_REGISTER))
		end_account(r, st);
	else
		change_password(r, st);
}
