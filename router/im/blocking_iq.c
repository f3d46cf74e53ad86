/* SPDX-License-Identifier: MIT */
/* The commands of XEP-0191 and what others see of them.
 *
 * A change is one batch.  Memory has changed when it is submitted; after the commit the session
 * that asked gets its answer, those that have asked for the list get a push, and the contacts that
 * are concerned see the account leave or come back.
 *
 * Subscriptions stay as they are (section 4, "polite blocking"). */
#include <errno.h>
#include <stdlib.h>

#include <base/arena.h>
#include <base/log.h>
#include <base/rnd.h>

#include "core/route.h"
#include "core/session.h"
#include "core/stanza.h"
#include "im/blocking_internal.h"
#include "im/directed.h"
#include "im/presence_send.h"
#include "im/roster.h"
#include "router.h"

#define PUSH_ID 12

struct target { /* a contact that may see the account's presence */
	struct target *next;
	struct jid jid;
};

struct change {
	struct arena *arena; /* all of this lives in it */
	struct router *router;
	struct stanza *st; /* held */
	struct blocklist *list;
	struct blocklist delta; /* its items: what comes to the list, or goes */
	struct db_batch *batch;
	struct el *push; /* NULL: none, somebody has asked for the list */
	bool block;      /* else unblock, or nothing */
	struct target *targets;
};

/* --- targets -------------------------------------------------------------------------------- */

static void target_add(struct change *c, const struct jid *jid)
{
	struct target *t = arena_zalloc(c->arena, sizeof(*t));
	char *s = arena_alloc(c->arena, jid->len + 1U);

	memcpy(s, jid->s, jid->len);
	s[jid->len] = '\0';
	t->jid = *jid;
	t->jid.s = s;
	t->next = c->targets;
	c->targets = t;
}

static void target_try(struct change *c, const struct roster_item *it, const struct jid *jid)
{
	if (it && (it->sub & SUB_FROM) && !blocklist_refuses(c->list, jid))
		target_add(c, jid);
}

/* The contacts that what is in delta stands for and that the list does not refuse besides: asked
 * before delta is added to the list, or after it is taken out. */
static void find_targets(struct change *c, struct roster *ro)
{
	bool domains = false;

	MAP_EACH (n, &c->delta.items) {
		const struct jid *jid = &MAP_ENTRY(n, struct block, node)->jid;

		if (jid_is_domain(jid))
			domains = true;
		else
			target_try(c, roster_find(ro, jid), jid);
	}
	if (!domains)
		return;
	MAP_EACH (n, roster_items(ro)) {
		const struct roster_item *it = MAP_ENTRY(n, struct roster_item, node);
		bool had = it->jid.dom && blocklist_has(&c->delta, &it->jid);

		if (!had && blocklist_refuses(&c->delta, &it->jid))
			target_try(c, it, &it->jid);
	}
}

/* --- after the commit ----------------------------------------------------------------------- */

static bool is_refused(const struct jid *to, void *list)
{
	return blocklist_refuses(list, to);
}

/* Who has seen a session by directed presence alone (a room, most often) sees it leave; at the
 * session's end nothing reaches him any more. */
static void leave_directed(struct session *s, const struct jid *to, void *arg)
{
	EL_AUTO struct el *gone = presence_gone(&s->jid);

	(void)arg;
	presence_send_past_block(s->router, gone, to);
}

static void show_targets(struct change *c)
{
	const struct jid *owner = &c->list->owner;
	struct user *u = sessions_user(c->router->sessions, owner);

	for (const struct target *t = c->targets; t; t = t->next) {
		if (c->block)
			presence_leave(c->router, owner, &t->jid);
		else
			presence_show(c->router, owner, &t->jid);
	}
	if (!c->block || !u)
		return;
	LIST_EACH (it, &u->sessions) {
		directed_flush_if(
		    LIST_ENTRY(it, struct session, of_user), is_refused, leave_directed, c->list);
	}
}

static void push(struct change *c)
{
	struct user *u = sessions_user(c->router->sessions, &c->list->owner);
	char id[PUSH_ID + 1];

	if (!c->push || !u)
		return;
	rnd_id(id, PUSH_ID);
	el_set(c->push, "id", id);
	LIST_EACH (it, &u->sessions) {
		struct session *s = LIST_ENTRY(it, struct session, of_user);

		if (s->im.wants_blocks)
			session_send_addr(s, c->push, NULL, s->jid.s);
	}
}

static void answer_list(struct change *c)
{
	EL_AUTO struct el *res = el_result(c->st->el);
	struct el *list = el_add(res, "blocklist", NS_BLOCKING);

	MAP_EACH (n, &c->list->items)
		el_set(el_add(list, "item", NULL), "jid", MAP_ENTRY(n, struct block, node)->jid.s);
	route_reply(c->router, c->st, res);
}

static void change_end(int err, void *arg)
{
	struct change *c = arg;

	if (err < 0) {
		log_err(NULL, LOG_LVL_WARN, err, "a change of a block list was not stored");
		route_bounce(c->router, c->st, COND_RESOURCE_CONSTRAINT, NULL);
	} else if (!c->push) {
		answer_list(c);
	} else {
		route_reply_ok(c->router, c->st);
		push(c);
		show_targets(c);
	}
	blocklist_leave(c->router->blocking, c->list, err < 0);
	blocklist_clear(c->router->blocking, &c->delta);
	stanza_release(c->st);
	arena_free(c->arena); /* and c with it */
}

/* --- changes -------------------------------------------------------------------------------- */

static struct change *change_new(struct router *r, struct stanza *st, struct blocklist *l)
{
	struct arena *a = arena_new();
	struct change *c = arena_zalloc(a, sizeof(*c));

	c->arena = a;
	c->router = r;
	c->st = stanza_hold(st);
	c->list = l;
	map_init(&c->delta.items);
	c->batch = db_batch_new(r->db);
	blocklist_enter(l);
	return c;
}

/* The push names what has been asked for, as it was understood. */
static void change_name(struct change *c, const char *what)
{
	struct el *iq = el_new_in(c->arena, "iq", NS_CLIENT);

	el_set(iq, "type", "set");
	c->push = iq;
	el_add(iq, what, NS_BLOCKING);
}

static void change_item(struct change *c, const struct jid *jid)
{
	struct el *cmd = el_mut(el_child(c->push, NULL, NULL));

	el_set(el_add(cmd, "item", NULL), "jid", jid->s);
}

static void block_all(struct change *c, struct roster *ro, const struct jid *v, size_t n)
{
	struct blocking *bl = c->router->blocking;

	for (size_t i = 0; i < n; i++) {
		change_item(c, &v[i]);
		if (!blocklist_has(c->list, &v[i]))
			blocklist_add(bl, &c->delta, &v[i]);
	}
	find_targets(c, ro);
	MAP_EACH (it, &c->delta.items) {
		const struct jid *jid = &MAP_ENTRY(it, struct block, node)->jid;

		blocklist_add(bl, c->list, jid);
		blocking_store_put(c->batch, &c->list->owner, jid);
	}
}

static void unblock_one(struct change *c, const struct jid *jid)
{
	struct blocking *bl = c->router->blocking;

	if (!blocklist_has(c->list, jid))
		return;
	blocking_store_del(c->batch, &c->list->owner, jid);
	blocklist_add(bl, &c->delta, jid);
	blocklist_del(bl, c->list, jid); /* jid may be the list's own: last */
}

/* n 0: all of them */
static void unblock_all(struct change *c, struct roster *ro, const struct jid *v, size_t n)
{
	struct map_node *first;

	for (size_t i = 0; i < n; i++) {
		change_item(c, &v[i]);
		unblock_one(c, &v[i]);
	}
	while (n == 0 && (first = map_first(&c->list->items)))
		unblock_one(c, &MAP_ENTRY(first, struct block, node)->jid);
	find_targets(c, ro);
}

/* --- what a command may say ----------------------------------------------------------------- */

/* The addresses of a command, prepared, in the stanza's arena.  0 or -enum el_cond. */
static int parse_items(const struct stanza *st, struct jid **out, size_t *ret_n)
{
	const struct el *cmd = stanza_payload(st);
	struct arena *a = el_arena(st->el);
	size_t n = 0, max = el_child_count(cmd);
	struct jid *v = arena_zalloc(a, (max + 1) * sizeof(*v));

	EL_EACH (item, cmd, "item", NS_BLOCKING) {
		const char *jid = el_attr(item, "jid");

		if (!jid)
			return -COND_BAD_REQUEST;
		if (jid_parse(&v[n], a, jid) < 0)
			return -COND_JID_MALFORMED;
		n++;
	}
	*out = v;
	*ret_n = n;
	return 0;
}

static bool has_room(const struct blocklist *l, const struct jid *v, size_t n)
{
	size_t more = 0;

	for (size_t i = 0; i < n; i++)
		more += !blocklist_has(l, &v[i]);
	return map_len(&l->items) + more <= BLOCKING_MAX;
}

static void block(struct router *r, struct stanza *st, struct blocklist *l, struct roster *ro)
{
	struct change *c;
	struct jid *v;
	size_t n;
	int rc = parse_items(st, &v, &n);

	if (rc == 0 && n == 0)
		rc = -COND_BAD_REQUEST; /* 3.3 */
	if (rc == 0 && !has_room(l, v, n))
		rc = -COND_RESOURCE_CONSTRAINT;
	if (rc < 0) {
		route_bounce(r, st, (enum el_cond) - rc, NULL);
		return;
	}
	c = change_new(r, st, l);
	c->block = true;
	change_name(c, "block");
	block_all(c, ro, v, n);
	db_submit(c->batch, change_end, c);
}

static void unblock(struct router *r, struct stanza *st, struct blocklist *l, struct roster *ro)
{
	struct change *c;
	struct jid *v;
	size_t n;
	int rc = parse_items(st, &v, &n);

	if (rc == 0 && n == 0 && el_child(stanza_payload(st), NULL, NULL))
		rc = -COND_BAD_REQUEST; /* "all" is said by an empty element alone (3.5) */
	if (rc < 0) {
		route_bounce(r, st, (enum el_cond) - rc, NULL);
		return;
	}
	c = change_new(r, st, l);
	change_name(c, "unblock");
	unblock_all(c, ro, v, n);
	db_submit(c->batch, change_end, c);
}

/* Behind the changes that are under way: what is shown has been committed. */
static void show(struct router *r, struct stanza *st, struct blocklist *l)
{
	struct change *c = change_new(r, st, l);

	if (st->session)
		st->session->im.wants_blocks = true;
	if (l->busy > 1) {
		db_submit(c->batch, change_end, c);
		return;
	}
	db_batch_free(c->batch);
	change_end(0, c);
}

/* --- entries -------------------------------------------------------------------------------- */

void blocking_iq(struct router *r, struct stanza *st)
{
	const struct el *payload = stanza_payload(st);
	const struct jid *own = &st->from;
	bool get = st->type == ST_IQ_GET;
	struct roster *ro = NULL;
	struct blocklist *l;
	int rc = blocklist_get(r->blocking, own, &l);

	/* Who sees the presence stands in the roster: without it nobody could be told. */
	if (rc == 0 && !get)
		rc = roster_get(r->rosters, own, &ro);
	if (rc < 0)
		route_bounce(r, st, COND_RESOURCE_CONSTRAINT, "try again");
	else if (get && el_is(payload, "blocklist", NS_BLOCKING))
		show(r, st, l);
	else if (!get && el_is(payload, "block", NS_BLOCKING))
		block(r, st, l, ro);
	else if (!get && el_is(payload, "unblock", NS_BLOCKING))
		unblock(r, st, l, ro);
	else
		route_bounce(r, st, COND_BAD_REQUEST, NULL);
}

void blocking_bounce(struct router *r, struct stanza *st)
{
	EL_AUTO struct el *err =
	    el_error_reply_type(st->el, COND_NOT_ACCEPTABLE, "cancel", "you have blocked them");

	if (!err)
		return;
	el_add(el_mut(el_child(err, "error", NS_CLIENT)), "blocked", NS_BLOCKING_ERRORS);
	route_reply(r, st, err);
}
