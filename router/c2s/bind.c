/* SPDX-License-Identifier: MIT */
/* Resource binding (RFC 6120 7): generated or asked-for resources.  Who asks for one that is in use
 * gets it, and the older session ends with <conflict/> (7.7.2.2): a client that comes back is never
 * locked out by its own ghost. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/digest.h>
#include <base/mem.h>
#include <base/rnd.h>

#include "auth/accounts.h"
#include "c2s/conn.h"
#include "conf.h"
#include "core/session.h"
#include "core/session_sm.h"
#include "core/stanza.h"
#include "im/offline.h"
#include "router.h"

#define RESOURCE_RANDOM 16
#define TAG_MAX 128 /* bytes of what a client calls itself */

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

/* Of those whose client is not here the one bound longest ago; NULL: there is none. */
static struct session *oldest_asleep(struct user *u)
{
	LIST_EACH (it, &u->sessions) {
		struct session *s = LIST_ENTRY(it, struct session, of_user);

		if (!s->owner && (!s->sm || !s->sm->wait))
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

static void session_begin(struct conn *c, const struct jid *jid)
{
	c->session = session_new(c->router->sessions, jid, c->stream, c, c->lang);
	c->tag.jid = c->session->jid.s;
}

static void bind_ok(struct conn *c, const struct el *iq, const struct jid *jid)
{
	EL_AUTO struct el *res = el_result(iq);

	el_add_text(el_add(res, "bind", NS_BIND), "jid", NS_BIND, jid->s);
	session_begin(c, jid);
	stream_send(c->stream, res);
	conn_opened(c);
}

/* --- along with a login (XEP-0386) --------------------------------------------------------------
 */

/* The same for the same client of the same account, and nothing that tells its id. */
static void stable_id(
    const struct conn *c, const char *client, char out[static RESOURCE_RANDOM + 1])
{
	uint8_t hash[DIGEST_MAX];
	char hex[2 * DIGEST_MAX + 1];
	char *text = xasprintf("%s\n%s", c->account.s, client);

	digest(DIGEST_SHA256, text, strlen(text), hash);
	free(text);
	digest_hex(hash, digest_len(DIGEST_SHA256), hex);
	memcpy(out, hex, RESOURCE_RANDOM);
	out[RESOURCE_RANDOM] = '\0';
}

/* One that was bound by who is called so, whatever its tag was; NULL: there is none. */
static struct session *bound_as(struct conn *c, const char *made)
{
	struct user *u = sessions_user(c->router->sessions, &c->account);

	if (!u)
		return NULL;
	LIST_EACH (it, &u->sessions) {
		struct session *s = LIST_ENTRY(it, struct session, of_user);
		const char *resource = jid_resource(&s->jid), *last = strrchr(resource, '/');

		if (!strcmp(last ? last + 1 : resource, made))
			return s;
	}
	return NULL;
}

/* The session's resource; what the same client has bound before ends (XEP-0386 3.2). */
static void inline_resource(struct conn *c, const struct el *request, const struct el *bind,
    struct arena *a, struct jid *out)
{
	const struct el *agent = el_child(request, "user-agent", NS_SASL2);
	const char *client = agent ? el_attr(agent, "id") : NULL;
	const char *tag = el_child_text(bind, "tag", NS_BIND2);
	char made[RESOURCE_RANDOM + 1], *full;
	struct session *old;
	int r = -EINVAL;

	if (client && *client) {
		stable_id(c, client, made);
		while ((old = bound_as(c, made)))
			end_older(c, old);
	} else {
		rnd_id(made, RESOURCE_RANDOM);
	}
	if (tag && *tag && strlen(tag) <= TAG_MAX) {
		full = xasprintf("%s/%s/%s", c->account.s, tag, made);
		r = jid_parse(out, a, full);
		free(full);
	}
	if (r < 0) { /* no tag, or one that cannot be part of an address */
		full = xasprintf("%s/%s", c->account.s, made);
		r = jid_parse(out, a, full);
		free(full);
	}
	assert(r == 0);
}

struct el *conn_bind_inline(struct conn *c, const struct el *request, const struct el *bind)
{
	struct el *bound = NULL;
	struct arena *a = arena_new();
	struct jid jid;

	inline_resource(c, request, bind, a, &jid);
	if (make_room(c, &jid)) {
		session_begin(c, &jid);
		offline_catches_up(c->session);
		bound = el_new("bound", NS_BIND2);
	}
	arena_free(a);
	return bound;
}

/* --- by an iq -----------------------------------------------------------------------------------
 */

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
