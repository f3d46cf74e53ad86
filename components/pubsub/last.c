/* SPDX-License-Identifier: MIT */
/* Whose items does a session get?  Those of its own account, of the accounts whose presence it sees
 * (of a local user the roster says so; of anybody else the rosters in memory that have him), and of
 * the nodes that it has subscribed to.  It is sent all of them in one transaction with the note
 * that it has been. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <base/sbuf.h>

#include "bookmarks.h"
#include "caps.h"
#include "item.h"
#include "last.h"
#include "notify.h"
#include "roster.h"
#include "session.h"
#include "store.h"

enum {
	AGAIN_MS = 1000,
	ROOM = 8 << 20,        /* bytes that the link has to take, or it is put off */
	SUBSCRIBED_MAX = 1000, /* accounts with nodes that somebody has subscribed to */
};

/* --- one item ----------------------------------------------------------------------------------
 */

static void send_last(struct node *n, const char *to, bool contact)
{
	struct sbuf content = SBUF_INIT, payload = SBUF_INIT;
	int r;
	struct item *it = items_last(n, &r);

	if (it && item_payload(it, &payload) == 0) {
		notify_item(&content, n, it->id, it->publisher,
		    n->conf.payloads ? sbuf_str(&payload) : NULL);
		notify_delay(&content, it->at);
		if (contact)
			notify_reply_to(&content, it->publisher);
		(void)notify_one(n, &content, to);
	}
	sbuf_done(&content);
	sbuf_done(&payload);
}

/* XEP-0163 4.3.2, as with every notification: at the sessions that want it if there are any. */
void last_to_subscriber(struct node *n, const char *jid)
{
	const struct peer *peer = n->service->pep ? peer_find(n->service->p, jid) : NULL;
	bool sent = false;

	if (n->conf.send_last == LAST_NEVER || !n->conf.notifications || !n->conf.persist)
		return;
	if (peer)
		LIST_EACH (l, &peer->sessions) {
			const struct session *s = LIST_ENTRY(l, struct session, link);

			if (!caps_wants(s->caps, n->name))
				continue;
			send_last(n, s->jid, false);
			sent = true;
		}
	if (!sent)
		send_last(n, jid, false);
}

/* --- the items of one account ------------------------------------------------------------------
 */

struct subscribed { /* accounts, sorted */
	char **v;
	size_t n, room;
	struct arena *arena;
};
struct greeting {
	struct pubsub *p;
	struct session *s;
	struct standing standing; /* to the account at hand, but for what depends on the node */
	struct subscribed subscribed;
	const struct caps *seen;
	last_filter *filter; /* NULL: all nodes */
	const void *filter_arg;
};

/* With the bare JID, or as this very session. */
static bool has_subscribed(const struct session *s, const struct node *n)
{
	const struct sub *all = node_sub(n, s->peer->bare, s->peer->bare);
	const struct sub *one = node_sub(n, s->jid, s->peer->bare);

	return (all && all->state == SUB_SUBSCRIBED) || (one && one->state == SUB_SUBSCRIBED);
}

static bool is_due(const struct greeting *g, const struct node *n, const struct roster *ro)
{
	const struct session *s = g->s;
	const char *bare = s->peer->bare;
	struct standing st = g->standing;

	if (n->conf.send_last != LAST_ON_SUB_AND_PRESENCE || !n->conf.notifications ||
	    !n->conf.persist || !caps_wants(s->caps, n->name) || caps_wants(g->seen, n->name))
		return false;
	if (g->filter && !g->filter(n, g->filter_arg))
		return false;
	if (!st.contact && !has_subscribed(s, n))
		return false;
	st.affiliation = node_affiliation(n, bare);
	st.subscribed = node_subscribed(n, bare);
	if (ro && n->conf.access == ACCESS_ROSTER)
		roster_standing(ro, bare, &n->conf, &st);
	return access_retrieve((enum access_model)n->conf.access, &st) == MAY;
}

/* Over what there is less of: the nodes, or what the session wants. */
static void send_all(const struct greeting *g, struct service *sv, const struct roster *ro)
{
	const struct caps *c = g->s->caps;

	if (c->n >= map_len(&sv->nodes)) {
		LIST_EACH (l, &sv->in_order) {
			struct node *n = LIST_ENTRY(l, struct node, link);

			if (is_due(g, n, ro))
				send_last(n, g->s->jid, g->standing.contact);
		}
		return;
	}
	for (size_t i = 0; i < c->n; i++) {
		struct node *n = node_find(sv, c->sorted[i]);

		if (n && is_due(g, n, ro))
			send_last(n, g->s->jid, g->standing.contact);
	}
}

/* --- all accounts ------------------------------------------------------------------------------
 */

static void add_subscribed(const char *account, void *arg)
{
	struct subscribed *s = arg;

	if (s->n < s->room)
		s->v[s->n++] = arena_strdup(s->arena, account);
}

/* Those whose nodes whoever comes has subscribed to, in the order of their bytes. */
static int read_subscribed(struct greeting *g, struct arena *a)
{
	g->subscribed = (struct subscribed){
		.v = arena_alloc(a, SUBSCRIBED_MAX * sizeof(char *)),
		.room = SUBSCRIBED_MAX,
		.arena = a,
	};
	return store_read_subscribed(
	    g->p, g->s->peer->bare, SUBSCRIBED_MAX, add_subscribed, &g->subscribed);
}

/* 0: goes on. */
typedef int account_fn(struct greeting *g, const char *account, bool contact);

static bool sees(const struct greeting *g, const struct roster *own, const char *account)
{
	const struct contact *c;
	const struct roster *ro;

	if (own) {
		c = roster_contact(own, account);
		return (c && c->to) || strcmp(account, g->s->peer->bare) == 0;
	}
	ro = roster_loaded(g->p, account);
	c = ro ? roster_contact(ro, g->s->peer->bare) : NULL;
	return c && c->from;
}

static int each_contact(struct greeting *g, const struct roster *own, account_fn *fn)
{
	const char *bare = g->s->peer->bare;
	struct list *watchers;
	int r = 0;

	if (own) {
		r = fn(g, bare, true);
		MAP_EACH (m, &own->contacts) {
			const struct contact *c = MAP_ENTRY(m, struct contact, node);
			struct jid jid = jid_view(c->bare);

			if (r == 0 && c->to && !jid_is_domain(&jid) && pubsub_is_local(g->p, &jid))
				r = fn(g, c->bare, true);
		}
		return r;
	}
	watchers = roster_watchers(g->p, bare);
	if (watchers)
		LIST_EACH (l, watchers) {
			r = fn(g, LIST_ENTRY(l, struct contact, watch)->roster->account, true);
			if (r < 0)
				return r;
		}
	return 0;
}

static int each_account(struct greeting *g, const struct roster *own, account_fn *fn)
{
	int r = each_contact(g, own, fn);

	for (size_t i = 0; r == 0 && i < g->subscribed.n; i++)
		if (!sees(g, own, g->subscribed.v[i]))
			r = fn(g, g->subscribed.v[i], false);
	return r;
}

static void wait_for(struct session *s, const char *account);

/* Has no more been read than can be in memory together?  Else they would push each other out, and
 * be read again and again. */
static bool may_wait(const struct greeting *g)
{
	return g->s->waited < PUBSUB_ROSTERS;
}

/* The nodes are in memory, and the roster if it decides.  One that cannot be read (it may be longer
 * than the link takes) does not keep the items of all others from whoever comes. */
static int prepare(struct greeting *g, const char *account, bool contact)
{
	struct service *sv;
	int r = service_get(g->p, account, &sv);

	(void)contact;
	if (r < 0)
		return r;
	if (sv->roster_nodes > 0 && may_wait(g) && !roster_has_failed(g->p, account) &&
	    !roster_ready(g->p, account)) {
		wait_for(g->s, account);
		return -EINPROGRESS;
	}
	return 0;
}

static int send_to(struct greeting *g, const char *account, bool contact)
{
	struct service *sv = service_loaded(g->p, account);
	bool own = strcmp(account, g->s->peer->bare) == 0;

	if (!sv || map_len(&sv->nodes) == 0)
		return 0;
	if (own && caps_wants(g->s->caps, BOOKMARKS_OLD) && !caps_wants(g->s->seen, BOOKMARKS_OLD))
		bookmarks_last(sv, g->s->jid);
	g->standing = (struct standing){ .contact = contact, .in_group = own };
	send_all(g, sv, sv->roster_nodes > 0 ? roster_loaded(g->p, account) : NULL);
	return 0;
}

/* --- when --------------------------------------------------------------------------------------
 */

/* The session may have gone meanwhile. */
static void on_roster(struct pubsub *p, int err, const struct roster *ro, void *arg)
{
	char *full = arg;
	struct session *s = session_find(p, full);

	free(full);
	if (!s || err == -ECANCELED)
		return;
	s->waits = false;
	s->waited += ro ? ro->bytes : 0;
	if (err < 0)
		timer_set(&p->again, AGAIN_MS);
	else
		last_greet(s);
}

static void wait_for(struct session *s, const char *account)
{
	s->waits = true;
	roster_want(s->peer->p, account, on_roster, xstrdup(s->jid));
}

/* 0; -EINPROGRESS: it waits for a roster; else later. */
static int greet_with(struct greeting *g, struct arena *a)
{
	struct jid bare = jid_view(g->s->peer->bare);
	const struct roster *own = NULL;
	int r;

	if (pubsub_is_local(g->p, &bare)) {
		own = roster_ready(g->p, bare.s);
		if (!own) {
			wait_for(g->s, bare.s);
			return -EINPROGRESS;
		}
	}
	if (comp_send_space(g->p->c) < ROOM)
		return -ENOBUFS;
	r = read_subscribed(g, a);
	if (r == 0)
		r = each_account(g, own, prepare);
	if (r == 0) {
		(void)each_account(g, own, send_to);
		session_greeted(g->s);
	}
	return r;
}

static void greet(struct session *s)
{
	struct greeting g = { .p = s->peer->p, .s = s, .seen = s->seen };
	struct arena *a = arena_new();
	int r = greet_with(&g, a);

	arena_free(a);
	if (r < 0 && r != -EINPROGRESS && !timer_armed(&g.p->again))
		timer_set(&g.p->again, AGAIN_MS);
	services_trim(g.p);
}

void last_greet(struct session *s)
{
	if (!s->waits && !list_empty(&s->fresh) && s->caps->known)
		greet(s);
}

static void on_again(void *arg)
{
	struct pubsub *p = arg;

	LIST_EACH_SAFE (l, &p->fresh)
		last_greet(LIST_ENTRY(l, struct session, fresh));
}

void last_init(struct pubsub *p)
{
	timer_init(&p->again, comp_loop(p->c), on_again, p);
}

/* Sessions that are fresh still get it with the rest. */
void last_of(struct session *s, struct service *sv, const struct roster *ro, last_filter *filter,
    const void *arg)
{
	struct greeting g = {
		.p = s->peer->p,
		.s = s,
		.standing = { .contact = true },
		.filter = filter,
		.filter_arg = arg,
	};

	if (s->caps && list_empty(&s->fresh))
		send_all(&g, sv, ro);
}
