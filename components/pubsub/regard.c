/* SPDX-License-Identifier: MIT */
/* Two rosters tell of a new contact: that of the one who sees (`to`) and that of the one who is
 * seen
 * (`from`), in either order.  Nodes for roster groups go by the latter, the others by the former;
 * of contacts at other servers there is only the latter. */
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "approve.h"
#include "last.h"
#include "node.h"
#include "regard.h"
#include "session.h"
#include "subscribe.h"

/* --- last items --------------------------------------------------------------------------------
 */

static void send_last(struct pubsub *p, const char *bare, struct service *sv,
    const struct roster *ro, last_filter *filter, const void *arg)
{
	struct peer *peer = peer_find(p, bare);

	if (peer)
		LIST_EACH (l, &peer->sessions)
			last_of(LIST_ENTRY(l, struct session, link), sv, ro, filter, arg);
}

static bool is_for_groups(const struct node *n, const void *arg)
{
	(void)arg;
	return n->conf.access == ACCESS_ROSTER;
}

static bool is_for_all(const struct node *n, const void *arg)
{
	return !is_for_groups(n, arg);
}

/* The roster of who is seen is there. */
static void on_seen_roster(struct pubsub *p, int err, const struct roster *ro, void *arg)
{
	char *bare = arg;
	struct service *sv;

	if (err == 0 && service_get(p, ro->account, &sv) == 0)
		send_last(p, bare, sv, ro, is_for_groups, NULL);
	free(bare);
}

void regard_seen(const struct roster *ro, const struct contact *c)
{
	struct pubsub *p = ro->p;
	struct jid jid = jid_view(c->bare);
	struct service *sv;

	if (!peer_find(p, ro->account) || jid_is_domain(&jid) || !pubsub_is_local(p, &jid) ||
	    service_get(p, c->bare, &sv) < 0)
		return;
	send_last(p, ro->account, sv, NULL, is_for_all, NULL);
	if (sv->roster_nodes > 0 && !roster_ready(p, c->bare))
		roster_want(p, c->bare, on_seen_roster, xstrdup(ro->account));
}

struct before { /* of a contact */
	bool saw, local;
	const char *groups;
};

static bool is_gained(const struct node *n, const void *arg)
{
	const struct before *b = arg;

	if (!is_for_groups(n, NULL))
		return !b->local && !b->saw;
	for (const char *g = b->saw ? b->groups : NULL; g && *g; g += strlen(g) + 1)
		if (config_has_group(&n->conf, g))
			return false;
	return true;
}

void regard_changed(const struct roster *ro, const struct contact *c, bool saw, const char *groups)
{
	struct jid jid = jid_view(c->bare);
	struct before b = { saw, pubsub_is_local(ro->p, &jid), groups };
	struct service *sv;

	if (c->from && peer_find(ro->p, c->bare) && service_get(ro->p, ro->account, &sv) == 0)
		send_last(ro->p, c->bare, sv, ro, is_gained, &b);
}

/* --- subscriptions -----------------------------------------------------------------------------
 */

static bool goes_by_roster(const struct node *n)
{
	return n->conf.access == ACCESS_ROSTER || n->conf.access == ACCESS_PRESENCE;
}

static void judge(struct node *n, const struct roster *ro, const char *bare)
{
	const struct follower *f = node_follower(n, bare);
	struct standing st = { .affiliation = node_affiliation(n, bare) };
	size_t left = 0;

	roster_standing(ro, bare, &n->conf, &st);
	if (access_subscribe((enum access_model)n->conf.access, &st) == MAY)
		return;
	LIST_EACH (l, &f->subs)
		left++;
	for (; left > 0; left--) { /* the last one takes f with it */
		const struct sub *s = LIST_ENTRY(f->subs.next, struct sub, link);

		subscribe_tell(n, s->jid, 0);
		if (n->conf.notify_sub)
			approve_tell_owners(n, s->jid, 0);
		node_del_sub(n, s->jid, bare);
	}
}

/* bare NULL: all who have subscribed. */
static void judge_nodes(struct service *sv, const struct roster *ro, const char *bare)
{
	LIST_EACH (l, &sv->in_order) {
		struct node *n = LIST_ENTRY(l, struct node, link);
		struct follower *only = bare ? node_follower(n, bare) : NULL;

		if (!goes_by_roster(n))
			continue;
		if (only && !list_empty(&only->subs))
			judge(n, ro, bare);
		if (bare)
			continue;
		LIST_EACH_SAFE (k, &n->followers_in_order) {
			const struct follower *f = LIST_ENTRY(k, struct follower, link);

			if (!list_empty(&f->subs))
				judge(n, ro, f->bare);
		}
	}
}

void regard_all(const struct roster *ro)
{
	struct service *sv;

	if (service_get(ro->p, ro->account, &sv) == 0)
		judge_nodes(sv, ro, NULL);
}

/* Reading the roster is all that it takes. */
static void on_roster(struct pubsub *p, int err, const struct roster *ro, void *arg)
{
	(void)p;
	(void)err;
	(void)ro;
	(void)arg;
}

static bool has_subs(struct service *sv, const char *bare)
{
	LIST_EACH (l, &sv->in_order) {
		const struct node *n = LIST_ENTRY(l, struct node, link);
		const struct follower *f = goes_by_roster(n) ? node_follower(n, bare) : NULL;

		if (f && !list_empty(&f->subs))
			return true;
	}
	return false;
}

void regard_entry(struct pubsub *p, const char *account, const char *bare)
{
	const struct roster *ro;
	struct service *sv;

	if (service_get(p, account, &sv) < 0 || !has_subs(sv, bare))
		return;
	ro = roster_ready(p, account);
	if (ro)
		judge_nodes(sv, ro, bare);
	else
		roster_want(p, account, on_roster, NULL);
}
