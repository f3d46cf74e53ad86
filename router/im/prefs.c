/* SPDX-License-Identifier: MIT */
/* The table `archive_prefs`, and a bounded memory of what stands in it.
 *
 * A row is what the archive has said, with prepared addresses; most accounts have none, which is
 * remembered too.  A change decides once it is committed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/db.h>
#include <base/list.h>
#include <base/log.h>
#include <base/map.h>
#include <base/mem.h>
#include <base/sbuf.h>
#include <xmpp/xml.h>

#include "auth/accounts.h"
#include "conf.h"
#include "core/route.h"
#include "core/stanza.h"
#include "im/prefs.h"
#include "im/roster.h"
#include "links/tap.h"
#include "router.h"

#define KNOWN_MAX 16384         /* accounts remembered, with preferences or without */
#define KNOWN_BYTES (16U << 20) /* of their addresses */

struct prefs {
	struct map known;   /* struct known.node, by bare JID */
	struct list by_use; /* struct known.link, the stalest first */
	size_t bytes;       /* of all of their addresses */
};

struct addresses { /* sorted */
	char **v;
	size_t n, bytes;
};

struct known {
	struct map_node node;
	struct list link;
	bool set; /* false: the server's default */
	int dflt; /* enum prefs_default */
	struct addresses always, never;
	char jid[];
};

static struct db_q q_get = { "SELECT element FROM archive_prefs WHERE account = $1" };
static struct db_q q_put = { "INSERT INTO archive_prefs (account, element) VALUES ($1, $2)"
			     " ON CONFLICT (account) DO UPDATE SET element = excluded.element" };

/* --- addresses -------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void addresses_read(struct addresses *a, const struct el *list)
{
	if (!list)
		return;
	a->v = xreallocarray(NULL, el_child_count(list) + 1, sizeof(*a->v));
	EL_EACH (jid, list, "jid", NULL) {
		a->v[a->n++] = xstrdup(el_body(jid));
		a->bytes += strlen(el_body(jid)) + sizeof(*a->v);
	}
	qsort(a->v, a->n, sizeof(*a->v), compare);
}

static void addresses_done(struct addresses *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->v[i]);
	free(a->v);
}

static bool has(const struct addresses *a, const char *s, size_t len)
{
	char *key = xstrndup(s, len);
	bool found = bsearch(&key, a->v, a->n, sizeof(*a->v), compare) != NULL;

	free(key);
	return found;
}

/* As it stands there, without its resource, or its domain. */
static bool names(const struct addresses *a, const struct jid *j)
{
	return a->n > 0 && ((j->res && has(a, j->s, j->len)) || has(a, j->s, jid_bare_len(j)) ||
			       (j->dom && has(a, jid_domain(j), jid_domain_len(j))));
}

/* --- what is known ---------------------------------------------------------------------------- */

int prefs_open(struct prefs **out, struct router *r)
{
	struct prefs *p = xzalloc(sizeof(*p));

	(void)r;
	map_init(&p->known);
	list_init(&p->by_use);
	*out = p;
	return 0;
}

static void drop(struct prefs *p, struct known *k)
{
	map_del(&p->known, &k->node);
	list_del(&k->link);
	p->bytes -= k->always.bytes + k->never.bytes;
	addresses_done(&k->always);
	addresses_done(&k->never);
	free(k);
}

void prefs_close(struct prefs *p)
{
	if (!p)
		return;
	LIST_EACH_SAFE (it, &p->by_use)
		drop(p, LIST_ENTRY(it, struct known, link));
	map_done(&p->known);
	free(p);
}

void prefs_forget(struct prefs *p, const struct jid *account)
{
	struct map_node *n = map_get(&p->known, account->s, jid_bare_len(account));

	if (n)
		drop(p, MAP_ENTRY(n, struct known, node));
}

static int default_of(const char *name)
{
	if (name && !strcmp(name, "never"))
		return ARCHIVE_NEVER;
	return name && !strcmp(name, "roster") ? ARCHIVE_ROSTER : ARCHIVE_ALWAYS;
}

static struct known *enter(struct prefs *p, const struct jid *account, const struct el *el)
{
	size_t len = jid_bare_len(account);
	struct known *k = xzalloc(sizeof(*k) + len + 1);

	while (map_len(&p->known) >= KNOWN_MAX || p->bytes > KNOWN_BYTES)
		drop(p, LIST_ENTRY(p->by_use.next, struct known, link));
	memcpy(k->jid, account->s, len);
	if (el) {
		k->set = true;
		k->dflt = default_of(el_attr(el, "default"));
		addresses_read(&k->always, el_child(el, "always", NULL));
		addresses_read(&k->never, el_child(el, "never", NULL));
	}
	p->bytes += k->always.bytes + k->never.bytes;
	list_init(&k->link);
	map_put(&p->known, &k->node, k->jid, len);
	return k;
}

/* NULL: it cannot be read now. */
static struct known *load(struct router *r, const struct jid *account)
{
	static const struct xml_limits none = { 0 };
	EL_AUTO struct el *el = NULL;
	char *bare = xstrndup(account->s, jid_bare_len(account));
	int rc = db_query(r->db, &q_get, "s", bare);

	if (rc == 0)
		rc = db_next(r->db, &q_get);
	free(bare);
	if (rc < 0) {
		log_err(NULL, LOG_LVL_WARN, rc, "what an account keeps could not be read");
		return NULL;
	}
	if (rc > 0) {
		el = xml_read(db_text(r->db, &q_get, 0), &none);
		db_reset(r->db, &q_get);
	}
	return enter(r->prefs, account, el);
}

static struct known *find(struct router *r, const struct jid *account)
{
	struct map_node *n = map_get(&r->prefs->known, account->s, jid_bare_len(account));
	struct known *k = n ? MAP_ENTRY(n, struct known, node) : load(r, account);

	if (k) {
		list_del(&k->link);
		list_add_tail(&r->prefs->by_use, &k->link);
	}
	return k;
}

/* --- deciding --------------------------------------------------------------------------------- */

/* XEP-0441 2.1.1: who is in the roster, with a subscription or without. */
static bool is_contact(struct router *r, const struct jid *account, const struct jid *other)
{
	const struct roster_item *it;
	struct roster *ro;

	if (roster_get(r->rosters, account, &ro) != 0)
		return true; /* rather too much than too little */
	it = roster_find(ro, other);
	return it && it->listed;
}

bool prefs_keeps(struct router *r, const struct jid *account, const struct jid *other)
{
	const struct known *k = find(r, account);
	int dflt = k && k->set ? k->dflt : r->conf->archive_default;

	if (k && names(&k->never, other))
		return false;
	if (k && names(&k->always, other))
		return true;
	if (dflt == ARCHIVE_ROSTER)
		return is_contact(r, account, other);
	return dflt == ARCHIVE_ALWAYS;
}

/* --- setting ---------------------------------------------------------------------------------- */

struct change {
	struct router *router;
	struct stanza *st;
};

static void stored(int err, void *arg)
{
	struct change *c = arg;
	struct router *r = c->router;

	prefs_forget(r->prefs, &c->st->to);
	if (err == 0) {
		route_reply_ok(r, c->st);
	} else if (err == -EINVAL) {
		route_bounce(r, c->st, COND_ITEM_NOT_FOUND, "there is no such account");
	} else {
		log_err(NULL, LOG_LVL_WARN, err, "what an account keeps was not stored");
		route_bounce(r, c->st, COND_RESOURCE_CONSTRAINT, "try again");
	}
	stanza_release(c->st);
	free(c);
}

/* Appends the prepared addresses; false: one is none. */
static bool copy_list(struct el *to, const struct el *prefs, const char *name, size_t *n)
{
	const struct el *list = el_child(prefs, name, NULL);
	struct el *copy = el_add(to, name, NULL);
	struct jid jid;

	if (!list)
		return true;
	EL_EACH (it, list, "jid", NULL) {
		if (++*n > PREFS_ADDRESSES)
			return true;
		if (jid_parse(&jid, el_arena(to), el_body(it)) < 0)
			return false;
		(void)el_add_text(copy, "jid", NULL, jid.s);
	}
	return true;
}

static bool is_default(const char *name)
{
	return name &&
	       (!strcmp(name, "always") || !strcmp(name, "never") || !strcmp(name, "roster"));
}

static void store(struct router *r, struct stanza *st, const struct el *prefs)
{
	struct change *c = xzalloc(sizeof(*c));
	struct db_batch *b = db_batch_new(r->db);
	struct sbuf text = SBUF_INIT;

	c->router = r;
	c->st = stanza_hold(st);
	el_write(&text, prefs, NULL);
	db_batch_add(b, &q_put, "ss", st->to.s, sbuf_str(&text));
	db_submit(b, stored, c);
	sbuf_done(&text);
}

void prefs_iq(struct router *r, struct component *c, struct stanza *st)
{
	const struct el *said = stanza_payload(st);
	EL_AUTO struct el *prefs = el_new("prefs", NS_TAP);
	size_t n = 0;

	el_set(prefs, "default", el_attr(said, "default"));
	if (!tap_granted(c, TAP_MESSAGES, &st->to))
		route_bounce(r, st, COND_FORBIDDEN, NULL);
	else if (!accounts_exist(r->accounts, &st->to))
		route_bounce(r, st, COND_ITEM_NOT_FOUND, "there is no such account");
	else if (st->type != ST_IQ_SET || !is_default(el_attr(said, "default")))
		route_bounce(r, st, COND_BAD_REQUEST, NULL);
	else if (!copy_list(prefs, said, "always", &n) || !copy_list(prefs, said, "never", &n))
		route_bounce(r, st, COND_BAD_REQUEST, "an address is malformed");
	else if (n > PREFS_ADDRESSES)
		route_bounce(r, st, COND_NOT_ACCEPTABLE, "too many addresses");
	else
		store(r, st, prefs);
}
