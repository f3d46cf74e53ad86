/* SPDX-License-Identifier: MIT */
/* Resource binding (RFC 6120 7): generated or asked-for resources.  Who asks for one that is in use
 * gets it, and the older session ends with <conflict/> (7.7.2.2): a client that comes back is never
 * locked out by its own ghost. */
#include <errno.h>

#include <base/arena.h>
#include <base/mem.h>
#include <base/rnd.h>

#include "auth/accounts.h"
#include "c2s/conn.h"
#include "conf.h"
#include "core/session.h"
#include "core/session_sm.h"
#include "core/stanza.h"
#include "router.h"

#define RESOURCE_RANDOM 16

static void bind_error(struct conn *c, const struct el *iq, enum el_cond cond, const char *text)
{
	EL_AUTO struct el *err = el_error_reply(iq, cond, text);

	if (err)
		stream_send(c->stream, err);
}

/* The resource that is asked for, or one of ours.  0 or -EINVAL. */
static int choose_resource(struct conn *c, const struct el *bind, struct arena *a, struct jid *out)
{
	const char *asked = el_child_text(bind, "resource", NS_BIND);
	char made[RESOURCE_RANDOM + 1];
	struct jid bare = c->account;
	char *full;

	if (!asked || !*asked) {
		rnd_id(made, RESOURCE_RANDOM);
		asked = made;
	}
	full = xasprintf("%.*s/%s", (int)bare.len, bare.s, asked);
	int r = jid_parse(out, a, full);
	free(full);
	return r;
}

static void end_older(struct conn *c, struct session *old)
{
	struct conn *oc = old->owner;

	if (!oc) {
		session_sm_end(old);
		return;
	}
	log_info(&oc->tag, "session ended: the resource was bound anew from %s", c->peer);
	stream_error(oc->stream, STREAM_E_CONFLICT, "the resource was bound anew");
	conn_end_session(oc);
}

/* Of those that wait for their client the one bound longest ago; NULL: none does. */
static struct session *oldest_asleep(struct user *u)
{
	LIST_EACH (it, &u->sessions) {
		struct session *s = LIST_ENTRY(it, struct session, of_user);

		if (!s->owner)
			return s;
	}
	return NULL;
}

/* Ends the session that has this full JID, if there is one; whether a place is left.  Who is here
 * comes before who may come back. */
static bool make_room(struct conn *c, const struct jid *jid)
{
	struct sessions *ss = c->router->sessions;
	struct session *old = sessions_find(ss, jid);
	int64_t max = c->router->conf->limit.resources;
	struct user *u;

	if (old) {
		end_older(c, old);
		return true;
	}
	u = sessions_user(ss, jid);
	if (!max || !u || u->n_sessions < (uint64_t)max)
		return true;
	old = oldest_asleep(u);
	if (old)
		session_sm_end(old);
	return old != NULL;
}

static void bind_ok(struct conn *c, const struct el *iq, const struct jid *jid)
{
	EL_AUTO struct el *res = el_result(iq);

	el_add_text(el_add(res, "bind", NS_BIND), "jid", NS_BIND, jid->s);
	c->session = session_new(c->router->sessions, jid, c->stream, c, c->lang);
	c->tag.jid = c->session->jid.s;
	stream_send(c->stream, res);
	conn_opened(c);
}

/* It may have been deleted or disabled since the login, when it had no session yet that could be
 * ended.  NULL: neither, as far as the database can tell. */
const char *conn_account_gone(struct conn *c)
{
	struct account acc;
	int r = accounts_get(c->router->accounts, &c->account, &acc);
	bool disabled = r == 0 && acc.disabled;

	mem_wipe(&acc, sizeof(acc));
	return r == -ENOENT ? "the account is gone" : disabled ? "the account is disabled" : NULL;
}

void conn_bind(struct conn *c, struct el *el)
{
	EL_AUTO struct el *iq = el;
	const struct el *bind = el_child(iq, "bind", NS_BIND);
	const char *type = el_attr(iq, "type"), *gone;
	struct jid jid;

	if (el_kind(iq) != EL_IQ || !bind || !type || strcmp(type, "set") != 0 ||
	    !el_attr(iq, "id")) {
		stream_error(c->stream, STREAM_E_NOT_AUTHORIZED, "bind a resource first");
		return;
	}
	gone = conn_account_gone(c);
	if (gone) {
		stream_error(c->stream, STREAM_E_NOT_AUTHORIZED, gone);
		return;
	}
	if (choose_resource(c, bind, el_arena(iq), &jid) < 0)
		bind_error(c, iq, COND_BAD_REQUEST, "not a valid resource");
	else if (!make_room(c, &jid))
		bind_error(c, iq, COND_RESOURCE_CONSTRAINT, "too many resources are connected");
	else
		bind_ok(c, iq, &jid);
}
