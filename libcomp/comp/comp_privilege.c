/* SPDX-License-Identifier: MIT */
/* Privileges (XEP-0356): what a server lets this component do in its accounts' names, and the calls
 * that do it.
 *
 * Each host tells what it grants, in version 2 or, older servers, 1; one that says both is taken at
 * its word in 2.  Only a router domain is believed: anybody may send the same message.  What was
 * granted holds until the host says otherwise or a new session begins, whatever process it is.
 *
 * Must not: judge what a component does with it; the server checks each use. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <base/rnd.h>

#include "comp_internal.h"

enum {
	HOSTS_MAX = 64,       /* that are remembered */
	NAMESPACES_MAX = 256, /* of one host's iq grants */
	EXTRA_MS = 30 * 1000, /* for the answer to a presence-extra */
	MSG_ID = 16,
};
enum { GET = 1, SET = 2 };

struct granted_ns {
	char *ns;
	unsigned types;
};

struct granted { /* by one host */
	struct list link;
	char *host;
	unsigned version; /* of urn:xmpp:privilege: */
	unsigned roster;
	bool push, message, presence, presence_roster;
	struct granted_ns *iqs;
	size_t n_iqs;
	char *extra; /* the namespace; NULL: none */
};

/* --- what is granted -------------------------------------------------------------------------- */

void comp_privilege_init(struct comp *c)
{
	list_init(&c->grants);
}

static void iqs_clear(struct granted *g)
{
	for (size_t i = 0; i < g->n_iqs; i++)
		free(g->iqs[i].ns);
	free(g->iqs);
	g->iqs = NULL;
	g->n_iqs = 0;
}

static void granted_free(struct granted *g)
{
	list_del(&g->link);
	iqs_clear(g);
	free(g->host);
	free(g->extra);
	free(g);
}

void comp_privilege_forget(struct comp *c)
{
	while (!list_empty(&c->grants))
		granted_free(LIST_ENTRY(c->grants.next, struct granted, link));
	c->n_grants = 0;
}

static struct granted *find(const struct comp *c, const char *host, size_t len)
{
	LIST_EACH (it, &c->grants) {
		struct granted *g = LIST_ENTRY(it, struct granted, link);

		if (strlen(g->host) == len && !memcmp(g->host, host, len))
			return g;
	}
	return NULL;
}

static struct granted *enter(struct comp *c, const char *host)
{
	struct granted *g = find(c, host, strlen(host));

	if (g || c->n_grants == HOSTS_MAX)
		return g;
	g = xzalloc(sizeof(*g));
	g->host = xstrdup(host);
	list_add_tail(&c->grants, &g->link);
	c->n_grants++;
	return g;
}

static unsigned types_of(const char *type)
{
	if (!type)
		return 0;
	if (!strcmp(type, "both"))
		return GET | SET;
	return !strcmp(type, "get") ? GET : !strcmp(type, "set") ? SET : 0;
}

static void read_iqs(struct granted *g, const struct el *perm)
{
	EL_EACH (it, perm, "namespace", NULL) {
		const char *ns = el_attr(it, "ns");

		if (!ns || g->n_iqs == NAMESPACES_MAX)
			continue;
		g->iqs = xreallocarray(g->iqs, g->n_iqs + 1, sizeof(*g->iqs));
		g->iqs[g->n_iqs++] =
		    (struct granted_ns){ xstrdup(ns), types_of(el_attr(it, "type")) };
	}
}

/* XEP-0356 4.2 has it that who may read is told of changes unless it says that he is not.  But
 * servers that were made before it had pushes (Prosody's mod_privilege) say nothing of them in
 * version 2, too, so that only what is promised counts. */
static void read_roster(struct granted *g, const char *type, bool push)
{
	g->roster = types_of(type);
	g->push = push && (g->roster & GET);
}

static void read_perms(struct granted *g, const struct el *privilege)
{
	g->roster = 0;
	g->push = g->message = g->presence = g->presence_roster = false;
	iqs_clear(g);
	EL_EACH (perm, privilege, "perm", NULL) {
		const char *access = el_attr(perm, "access"), *type = el_attr(perm, "type");

		if (!access)
			continue;
		if (!strcmp(access, "iq"))
			read_iqs(g, perm);
		else if (!type)
			continue;
		else if (!strcmp(access, "roster"))
			read_roster(g, type, el_attr_true(perm, "push"));
		else if (!strcmp(access, "message"))
			g->message = !strcmp(type, "outgoing");
		else if (!strcmp(access, "presence")) {
			g->presence_roster = !strcmp(type, "roster");
			g->presence = g->presence_roster || !strcmp(type, "managed_entity");
		}
	}
}

/* The <privilege/> that a host tells, in the newer version of two; NULL: none. */
static const struct el *privilege_of(struct comp *c, const struct el *el, const struct jid *from)
{
	const char *type = el_attr(el, "type");
	const struct el *told;

	if (el_kind(el) != EL_MESSAGE || (type && !strcmp(type, "error")))
		return NULL;
	told = el_child(el, "privilege", NS_PRIVILEGE_2);
	if (!told)
		told = el_child(el, "privilege", NS_PRIVILEGE_1);
	return told && comp_is_router(c, from) ? told : NULL;
}

/* false: it is not listened to. */
static bool take_in(
    struct comp *c, const struct el *el, const struct el *told, const struct jid *from)
{
	unsigned version = el_is(told, "privilege", NS_PRIVILEGE_2) ? 2 : 1;
	const struct el *extra = el_child(el, "presence-extra", NS_PRESENCE_EXTRA);
	struct granted *g = enter(c, from->s);

	if (!g || version < g->version)
		return false;
	g->version = version;
	read_perms(g, told);
	free(g->extra);
	g->extra = extra && el_attr(extra, "ns") ? xstrdup(el_attr(extra, "ns")) : NULL;
	return true;
}

bool comp_privilege_inbound(struct comp *c, const struct el *el, const struct jid *from, uint64_t n)
{
	const struct el *told = privilege_of(c, el, from);

	if (!told)
		return false;
	if (!take_in(c, el, told, from))
		return true;
	if (n > 0)
		ledger_put_told(c, tx_batch(c), from->s, told, el);
	if (c->ops->granted)
		c->ops->granted(c, c->arg);
	return true;
}

void comp_privilege_told(struct comp *c, const struct el *el, const struct jid *from)
{
	const struct el *told = privilege_of(c, el, from);

	if (told)
		(void)take_in(c, el, told, from);
}

/* --- asking for it ---------------------------------------------------------------------------- */

static const char *host_of(const char *jid, size_t *ret_len)
{
	size_t bare = strcspn(jid, "/");
	const char *at = memchr(jid, '@', bare), *host = at ? at + 1 : jid;

	*ret_len = bare - (size_t)(host - jid);
	return host;
}

static const struct granted *granted_by(const struct comp *c, const char *account)
{
	size_t len;
	const char *host = host_of(account, &len);

	return find(c, host, len);
}

bool comp_privilege_needed(const struct comp *c, const char *from)
{
	size_t len;
	const char *host = from ? host_of(from, &len) : NULL;

	return host && (strlen(c->domain) != len || memcmp(c->domain, host, len) != 0);
}

bool comp_may(const struct comp *c, const char *account, enum comp_privilege what)
{
	const struct granted *g = granted_by(c, account);

	if (!g)
		return false;
	switch (what) {
	case COMP_MAY_ROSTER_GET:
		return g->roster & GET;
	case COMP_MAY_ROSTER_SET:
		return g->roster & SET;
	case COMP_MAY_ROSTER_PUSH:
		return g->push;
	case COMP_MAY_MESSAGE:
		return g->message;
	case COMP_MAY_PRESENCE:
		return g->presence;
	case COMP_MAY_PRESENCE_ROSTER:
		return g->presence_roster;
	case COMP_MAY_PRESENCE_EXTRA:
		return g->extra != NULL;
	}
	return false;
}

bool comp_may_iq(const struct comp *c, const char *account, const char *ns, const char *type)
{
	const struct granted *g = granted_by(c, account);

	for (size_t i = 0; g && i < g->n_iqs; i++) {
		if (!strcmp(g->iqs[i].ns, ns) && (g->iqs[i].types & types_of(type)))
			return true;
	}
	return false;
}

/* --- using it --------------------------------------------------------------------------------- */

const struct granted *comp_privilege_to_write(const struct comp *c, const char *from)
{
	const struct granted *g = granted_by(c, from);

	return g && g->message ? g : NULL;
}

const char *comp_privilege_host(const struct granted *g)
{
	return g->host;
}

struct el *comp_wrap_as(const struct granted *g, const struct el *el, const char *to)
{
	struct el *outer = el_message(NULL, g->host);
	const char *id = el_attr(el, "id");
	char fresh[MSG_ID + 1];

	if (!id) {
		rnd_id(fresh, MSG_ID);
		id = fresh;
	}
	el_set(outer, "id", id);
	out_forward(outer, "privilege", g->version >= 2 ? NS_PRIVILEGE_2 : NS_PRIVILEGE_1, el, to);
	return outer;
}

int comp_send_as(struct comp *c, struct el *el)
{
	const char *from = el_attr(el, "from");
	const struct granted *g;
	struct el *outer;

	assert(el_kind(el) == EL_MESSAGE && from);
	g = comp_privilege_to_write(c, from);
	outer = g ? comp_wrap_as(g, el, NULL) : NULL;
	el_free(el);
	return outer ? comp_send(c, outer) : -EPERM;
}

struct comp_iq *comp_ask_as(
    struct comp *c, struct el *iq, unsigned timeout_ms, comp_iq_cb *cb, void *arg)
{
	const char *from = el_attr(iq, "from"), *type = el_attr(iq, "type");
	const struct el *payload = el_child(iq, NULL, NULL);
	char id[MSG_ID + 1];
	struct comp_iq *q;
	struct el *outer;

	assert(el_kind(iq) == EL_IQ && from && payload);
	if (!comp_may_iq(c, from, el_ns(payload), type)) {
		el_free(iq);
		return comp_ask_failed(c, -EPERM, cb, arg);
	}
	rnd_id(id, MSG_ID);
	el_set(iq, "id", id);
	outer = el_iq(type, from);
	el_add_copy(el_add(outer, "privileged_iq", NS_PRIVILEGE_2), iq);
	el_free(iq);
	q = comp_ask(c, outer, timeout_ms, cb, arg);
	comp_ask_wrapped(q);
	return q;
}

const struct el *comp_unwrap(const struct el *answer)
{
	const struct el *p = el_child(answer, "privilege", NS_PRIVILEGE_2);
	const struct el *f = p ? el_child(p, "forwarded", NS_FORWARD) : NULL;
	const struct el *iq = f ? el_child(f, "iq", NS_CLIENT) : NULL;

	return iq && el_attr(iq, "type") ? iq : NULL;
}

struct comp_iq *comp_presence_extra(
    struct comp *c, const char *account, struct el *el, comp_iq_cb *cb, void *arg)
{
	struct el *iq, *extra;

	if (!comp_may(c, account, COMP_MAY_PRESENCE_EXTRA)) {
		el_free(el);
		return comp_ask_failed(c, -EPERM, cb, arg);
	}
	iq = el_iq("set", account);
	extra = el_add(iq, "extra", NS_PRESENCE_EXTRA);
	if (el)
		el_add_copy(extra, el);
	el_free(el);
	return comp_ask(c, iq, EXTRA_MS, cb, arg);
}
