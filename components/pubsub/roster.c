/* SPDX-License-Identifier: MIT */
/* A roster is asked for once; who needs it meanwhile waits in a list and is served in one go, in
 * order.  The answer and the pushes come over one link in order, so a push that arrives before the
 * answer is part of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <base/sbuf.h>

#include "regard.h"
#include "roster.h"
#include "service.h"

enum {
	ASK_MS = 20 * 1000,
	OLD_MS = 10 * 1000, /* read again after that where nobody tells of changes */
	ROSTER_COST = 256,  /* bytes in memory, about */
	CONTACT_COST = 160,
	CONTACTS_MAX = 20000,
	FAILED_MS = 60 * 1000,
};

struct waiter {
	struct list link;
	roster_fn *fn;
	void *arg;
};
struct watch_list { /* a contact at another server */
	struct map_node node;
	struct list contacts;
	char bare[];
};

static const struct log_tag tag = { .mod = "pubsub" };

static void weigh(struct roster *ro, long bytes)
{
	ro->bytes += (size_t)bytes;
	ro->p->rosters_bytes += (size_t)bytes;
}

/* --- contacts at other servers -----------------------------------------------------------------
 */

static struct watch_list *watch_find(const struct pubsub *p, const char *bare)
{
	struct map_node *m = map_gets(&p->watched, bare);

	return m ? MAP_ENTRY(m, struct watch_list, node) : NULL;
}

struct list *roster_watchers(const struct pubsub *p, const char *bare)
{
	struct watch_list *w = watch_find(p, bare);

	return w ? &w->contacts : NULL;
}

static void watch(struct pubsub *p, struct contact *c)
{
	struct jid jid = jid_view(c->bare);
	struct watch_list *w;
	size_t len = strlen(c->bare);

	if (pubsub_is_local(p, &jid))
		return;
	w = watch_find(p, c->bare);
	if (!w) {
		w = xzalloc(sizeof(*w) + len + 1);
		memcpy(w->bare, c->bare, len + 1);
		list_init(&w->contacts);
		map_put(&p->watched, &w->node, w->bare, len);
	}
	list_add_tail(&w->contacts, &c->watch);
}

static void unwatch(struct pubsub *p, struct contact *c)
{
	struct watch_list *w = list_empty(&c->watch) ? NULL : watch_find(p, c->bare);

	list_del(&c->watch);
	if (!w || !list_empty(&w->contacts))
		return;
	map_del(&p->watched, &w->node);
	free(w);
}

/* --- contacts ----------------------------------------------------------------------------------
 */

static struct contact *contact_find(const struct roster *ro, const char *bare)
{
	struct map_node *m = map_gets(&ro->contacts, bare);

	return m ? MAP_ENTRY(m, struct contact, node) : NULL;
}

const struct contact *roster_contact(const struct roster *ro, const char *bare)
{
	return contact_find(ro, bare);
}

static void contact_free(struct roster *ro, struct contact *c)
{
	unwatch(ro->p, c);
	map_del(&ro->contacts, &c->node);
	weigh(ro, -(long)(CONTACT_COST + c->groups_len));
	free(c->groups);
	free(c);
}

/* NULL: none; *ret_len bytes. */
static char *read_groups(const struct el *item, size_t *ret_len)
{
	struct sbuf out = SBUF_INIT;
	size_t n = 0;

	EL_EACH (g, item, "group", NULL) {
		const char *name = el_body(g);

		if (*name && n++ < PUBSUB_GROUPS)
			sbuf_add(&out, name, strlen(name) + 1);
	}
	*ret_len = sbuf_len(&out);
	if (*ret_len == 0) {
		sbuf_done(&out);
		return NULL;
	}
	return sbuf_steal(&out);
}

/* NULL: there is none (yet). */
static struct contact *item_contact(const struct roster *ro, const struct el *item)
{
	const char *s = el_attr(item, "jid");
	struct jid jid;

	if (!s || jid_parse(&jid, el_arena(item), s) < 0)
		return NULL;
	return contact_find(ro, jid.s);
}

/* Takes in an <item/>; who neither sees the account nor is seen by it does not matter. */
static void take_item(struct roster *ro, const struct el *item)
{
	const char *s = el_attr(item, "jid"), *sub = el_attr(item, "subscription");
	bool both = sub && strcmp(sub, "both") == 0;
	bool from = both || (sub && strcmp(sub, "from") == 0);
	bool to = both || (sub && strcmp(sub, "to") == 0);
	struct contact *c;
	struct jid jid;

	if (!s || jid_parse(&jid, el_arena(item), s) < 0 || !jid_is_bare(&jid))
		return;
	c = contact_find(ro, jid.s);
	if (c)
		contact_free(ro, c);
	if ((!from && !to) || map_len(&ro->contacts) >= CONTACTS_MAX)
		return;
	c = xzalloc(sizeof(*c) + jid.len + 1U);
	memcpy(c->bare, jid.s, jid.len + 1U);
	c->roster = ro;
	c->from = from;
	c->to = to;
	c->groups = read_groups(item, &c->groups_len);
	list_init(&c->watch);
	map_put(&ro->contacts, &c->node, c->bare, jid.len);
	weigh(ro, (long)(CONTACT_COST + c->groups_len));
	if (from)
		watch(ro->p, c);
}

void roster_standing(
    const struct roster *ro, const char *bare, const struct node_conf *conf, struct standing *out)
{
	const struct contact *c;

	if (strcmp(ro->account, bare) == 0) {
		out->contact = out->in_group = true;
		return;
	}
	c = roster_contact(ro, bare);
	out->contact = c && c->from;
	for (const char *g = c ? c->groups : NULL; g && *g && !out->in_group; g += strlen(g) + 1)
		out->in_group = config_has_group(conf, g);
}

/* --- life --------------------------------------------------------------------------------------
 */

static struct roster *find(const struct pubsub *p, const char *account)
{
	struct map_node *m = map_gets(&p->rosters, account);

	return m ? MAP_ENTRY(m, struct roster, node) : NULL;
}

static struct roster *roster_new(struct pubsub *p, const char *account)
{
	size_t len = strlen(account);
	struct roster *ro = xzalloc(sizeof(*ro) + len + 1);

	ro->p = p;
	memcpy(ro->account, account, len + 1);
	map_init(&ro->contacts);
	list_init(&ro->waiting);
	map_put(&p->rosters, &ro->node, ro->account, len);
	list_add_tail(&p->rosters_by_use, &ro->by_use);
	weigh(ro, ROSTER_COST);
	return ro;
}

static void clear(struct roster *ro)
{
	struct map_node *next;

	for (struct map_node *m = map_first(&ro->contacts); m; m = next) {
		next = map_next(&ro->contacts, m);
		contact_free(ro, MAP_ENTRY(m, struct contact, node));
	}
	ro->ready = false;
}

static void roster_free(struct roster *ro)
{
	clear(ro);
	comp_ask_cancel(ro->asked);
	map_done(&ro->contacts);
	map_del(&ro->p->rosters, &ro->node);
	list_del(&ro->by_use);
	weigh(ro, -ROSTER_COST);
	free(ro);
}

/* Serves who waits; what they want meanwhile waits anew. */
static void serve(struct roster *ro, int err)
{
	struct pubsub *p = ro->p;
	struct list waiting;
	struct waiter *w;

	list_init(&waiting);
	list_take(&waiting, &ro->waiting);
	if (err == -ECANCELED && !ro->asked)
		roster_free(ro);
	while ((w = LIST_FIRST(&waiting, struct waiter, link))) {
		list_del(&w->link);
		w->fn(p, err, err < 0 ? NULL : ro, w->arg);
		free(w);
	}
}

void rosters_trim(struct pubsub *p)
{
	LIST_EACH_SAFE (l, &p->rosters_by_use) {
		struct roster *ro = LIST_ENTRY(l, struct roster, by_use);

		if (p->rosters_bytes <= PUBSUB_ROSTERS)
			return;
		if (!ro->asked && list_empty(&ro->waiting))
			roster_free(ro);
	}
}

/* --- asking ------------------------------------------------------------------------------------
 */

static void ask(struct roster *ro);

static void on_answer(struct comp *c, int err, const struct el *answer, void *arg)
{
	struct roster *ro = arg;
	const struct el *query;

	ro->asked = NULL;
	if (err == -EBADMSG && el_error(answer, NULL) == COND_ITEM_NOT_FOUND)
		err = 0; /* there is no such account: nobody is in its roster */
	else if (err == -EBADMSG)
		err = -EAGAIN;
	if (err < 0) {
		if (err != -ECANCELED)
			log_err(&tag, LOG_LVL_INFO, err, "the roster of %s cannot be read",
			    ro->account);
		ro->failed = loop_now(comp_loop(c)) + 1;
		serve(ro, err);
		return;
	}
	ro->failed = 0;
	if (ro->again) { /* a push may have been lost since it was asked */
		ask(ro);
		if (ro->ready) /* or rosters are not shown any more */
			serve(ro, 0);
		return;
	}
	clear(ro);
	ro->ready = true;
	ro->read_at = loop_now(comp_loop(ro->p->c));
	query = answer ? el_child(answer, "query", NS_ROSTER) : NULL;
	if (query)
		EL_EACH (item, query, "item", NS_ROSTER)
			take_item(ro, item);
	regard_all(ro);
	serve(ro, 0);
	rosters_trim(ro->p);
}

static void ask(struct roster *ro)
{
	struct el *iq;

	ro->again = ro->ready = false;
	if (!comp_may(ro->p->c, ro->account, COMP_MAY_ROSTER_GET)) {
		ro->ready = true; /* where rosters are not shown nobody is a contact */
		return;
	}
	iq = el_iq("get", ro->account);
	el_add(iq, "query", NS_ROSTER);
	ro->asked = comp_ask(ro->p->c, iq, ASK_MS, on_answer, ro);
}

/* Servers of before XEP-0356 0.4 send no pushes. */
static bool is_old(const struct roster *ro)
{
	struct comp *c = ro->p->c;

	return ro->ready && ro->read_at + OLD_MS <= loop_now(comp_loop(c)) &&
	       comp_may(c, ro->account, COMP_MAY_ROSTER_GET) &&
	       !comp_may(c, ro->account, COMP_MAY_ROSTER_PUSH);
}

const struct roster *roster_loaded(const struct pubsub *p, const char *account)
{
	const struct roster *ro = find(p, account);

	return ro && ro->ready ? ro : NULL;
}

bool roster_has_failed(const struct pubsub *p, const char *account)
{
	const struct roster *ro = find(p, account);

	return ro && ro->failed && loop_now(comp_loop(p->c)) < ro->failed + FAILED_MS;
}

const struct roster *roster_ready(struct pubsub *p, const char *account)
{
	struct roster *ro = find(p, account);

	if (!ro)
		ro = roster_new(p, account);
	if (is_old(ro) || (!ro->ready && !ro->asked))
		ask(ro);
	list_del(&ro->by_use);
	list_add_tail(&p->rosters_by_use, &ro->by_use);
	return ro->ready ? ro : NULL;
}

void roster_want(struct pubsub *p, const char *account, roster_fn *fn, void *arg)
{
	struct roster *ro;
	struct waiter *w = xzalloc(sizeof(*w));

	(void)roster_ready(p, account);
	ro = find(p, account);
	w->fn = fn;
	w->arg = arg;
	list_add_tail(&ro->waiting, &w->link);
}

/* --- changes -----------------------------------------------------------------------------------
 */

static void take_change(struct roster *ro, const struct el *item)
{
	struct contact *c = item_contact(ro, item);
	bool saw = c && c->to, was_seen = c && c->from;
	char *groups = c ? c->groups : NULL;

	if (c)
		c->groups = NULL;
	take_item(ro, item);
	c = item_contact(ro, item);
	if (c && c->to && !saw)
		regard_seen(ro, c);
	if (c)
		regard_changed(ro, c, was_seen, groups);
	free(groups);
}

/* Subscriptions end whether the roster is in memory or not. */
static void take_push(
    struct pubsub *p, struct roster *ro, const struct el *item, const char *account)
{
	const char *s = el_attr(item, "jid");
	struct jid jid;

	if (!s || jid_parse(&jid, el_arena(item), s) < 0)
		return;
	if (ro && ro->ready)
		take_change(ro, item);
	regard_entry(p, account, jid.s);
}

int roster_push(struct comp_req *rq, void *arg)
{
	struct pubsub *p = arg;
	const struct jid *from = comp_from(rq);
	struct roster *ro;

	if (!jid_is_bare(from) || jid_is_domain(from) || !pubsub_is_local(p, from))
		return -COND_FORBIDDEN; /* anybody can send this, but not from there */
	ro = find(p, from->s);
	EL_EACH (item, comp_payload(rq), "item", NS_ROSTER)
		take_push(p, ro, item, from->s);
	services_trim(p);
	comp_reply_ok(rq);
	return COMP_DONE;
}

static void outdate(struct roster *ro)
{
	if (ro->asked)
		ro->again = true;
	else
		roster_free(ro);
}

void roster_forget(struct pubsub *p, const char *account)
{
	struct roster *ro = find(p, account);

	if (ro)
		outdate(ro);
}

void rosters_drop(struct pubsub *p)
{
	LIST_EACH_SAFE (l, &p->rosters_by_use)
		outdate(LIST_ENTRY(l, struct roster, by_use));
}

void rosters_free(struct pubsub *p)
{
	LIST_EACH_SAFE (l, &p->rosters_by_use) {
		struct roster *ro = LIST_ENTRY(l, struct roster, by_use);

		comp_ask_cancel(ro->asked);
		ro->asked = NULL;
		serve(ro, -ECANCELED);
	}
}
