/* SPDX-License-Identifier: MIT */
/* Works: see roster_work.h.  A work lives in an arena of its own, with all its effects and their
 * elements.
 *
 * One without rows goes through the database all the same if an earlier work with one of its
 * rosters is under way: an empty batch keeps the order, and fails with what it was built on. */
#include <assert.h>
#include <errno.h>

#include <base/arena.h>
#include <base/db.h>
#include <base/loop.h>
#include <base/rnd.h>

#include "core/route.h"
#include "core/session.h"
#include "core/stanza.h"
#include "im/presence_send.h"
#include "im/roster_internal.h"
#include "im/roster_store.h"
#include "im/roster_work.h"
#include "links/privilege.h"
#include "router.h"

#define PUSH_ID 12

enum effect_kind { FX_PUSH, FX_ANSWER, FX_DELIVER, FX_ROUTE, FX_SHOW, FX_HIDE };

struct effect {
	struct effect *next;
	enum effect_kind kind;
	struct el *el;             /* NULL: the stanza itself */
	struct jid owner, contact; /* as far as the kind needs them */
};

struct used {
	struct used *next;
	struct roster *roster;
};

struct roster_work {
	struct arena *arena;
	struct router *router;
	struct stanza *st;
	struct db_batch *batch; /* NULL: no rows yet */
	bool must_wait;         /* an earlier work is under way */
	struct used *used;
	struct effect *first, **tail;
	struct db_batch *foreign; /* work_delegate() */
	struct jid deleted;       /* its account; s NULL: not delegated */
	struct task task;
};

struct roster_work *work_new(struct router *r, struct stanza *st)
{
	struct arena *a = arena_new();
	struct roster_work *w = arena_zalloc(a, sizeof(*w));

	w->arena = a;
	w->router = r;
	w->st = st ? stanza_hold(st) : NULL;
	w->tail = &w->first;
	return w;
}

struct router *work_router(const struct roster_work *w)
{
	return w->router;
}

static void work_free(struct roster_work *w)
{
	stanza_release(w->st);
	arena_free(w->arena); /* and w with it */
}

/* --- rows ----------------------------------------------------------------------------------- */

void work_uses(struct roster_work *w, struct roster *ro)
{
	struct used *u;

	for (u = w->used; u; u = u->next) {
		/* Few: only a deletion has more than two, and names each of them once in a row. */
		if (u->roster == ro)
			return;
		if (w->deleted.s)
			break;
	}
	u = arena_alloc(w->arena, sizeof(*u));
	u->roster = ro;
	u->next = w->used;
	w->used = u;
	w->must_wait = w->must_wait || ro->busy > 0;
	roster_enter(ro);
}

static struct db_batch *rows(struct roster_work *w)
{
	if (w->foreign)
		return w->foreign;
	if (!w->batch)
		w->batch = db_batch_new(w->router->db);
	return w->batch;
}

void work_save(struct roster_work *w, struct roster *ro, const struct roster_item *it)
{
	work_uses(w, ro);
	roster_store_put(rows(w), ro, it);
}

void work_erase(struct roster_work *w, struct roster *ro, const struct jid *contact)
{
	work_uses(w, ro);
	roster_store_del(rows(w), ro, contact);
}

/* --- effects -------------------------------------------------------------------------------- */

struct el *work_el(struct roster_work *w, const char *name, const char *ns)
{
	return el_new_in(w->arena, name, ns); /* several roots in one arena: all go with the work */
}

struct el *work_presence_el(
    struct roster_work *w, const char *type, const struct jid *from, const struct jid *to)
{
	struct el *el = work_el(w, "presence", NS_CLIENT);

	el_set(el, "type", type);
	el_set(el, "from", from->s);
	el_set(el, "to", to->s);
	return el;
}

static struct effect *effect_add(struct roster_work *w, enum effect_kind kind)
{
	struct effect *fx = arena_zalloc(w->arena, sizeof(*fx));

	fx->kind = kind;
	*w->tail = fx;
	w->tail = &fx->next;
	return fx;
}

/* What is pushed is what clients see: it makes a new version, in the same batch (2.6.3). */
static struct el *push_new(struct roster_work *w, struct roster *ro)
{
	struct effect *fx = effect_add(w, FX_PUSH);
	struct el *query;

	work_uses(w, ro);
	roster_bump(w->router->rosters, ro, loop_wall_ms(w->router->loop));
	roster_store_ver(rows(w), ro);
	fx->owner = jid_bare(&ro->owner, w->arena);
	fx->el = work_el(w, "iq", NS_CLIENT);
	el_set(fx->el, "type", "set");
	query = el_add(fx->el, "query", NS_ROSTER);
	roster_ver_write(query, ro);
	return query;
}

void work_push(struct roster_work *w, struct roster *ro, const struct roster_item *it)
{
	roster_item_write(push_new(w, ro), it);
}

void work_push_removed(struct roster_work *w, struct roster *ro, const struct jid *contact)
{
	struct el *item = el_add(push_new(w, ro), "item", NS_ROSTER);

	el_set(item, "jid", contact->s);
	el_set(item, "subscription", "remove");
}

void work_answer(struct roster_work *w, struct el *answer)
{
	effect_add(w, FX_ANSWER)->el = answer;
}

void work_deliver(struct roster_work *w, const struct jid *owner, struct el *el)
{
	struct effect *fx = effect_add(w, FX_DELIVER);

	fx->owner = jid_bare(owner, w->arena);
	fx->el = el;
}

void work_route(struct roster_work *w, struct el *el)
{
	effect_add(w, FX_ROUTE)->el = el;
}

static void effect_between(struct roster_work *w, enum effect_kind kind, const struct jid *owner,
    const struct jid *contact)
{
	struct effect *fx = effect_add(w, kind);

	fx->owner = jid_bare(owner, w->arena);
	fx->contact = jid_bare(contact, w->arena);
}

void work_show(struct roster_work *w, const struct jid *owner, const struct jid *contact)
{
	effect_between(w, FX_SHOW, owner, contact);
}

void work_hide(struct roster_work *w, const struct jid *owner, const struct jid *contact)
{
	effect_between(w, FX_HIDE, owner, contact);
}

/* --- after the commit ----------------------------------------------------------------------- */

static void push(struct router *r, const struct effect *fx)
{
	struct user *u = sessions_user(r->sessions, &fx->owner);
	char id[PUSH_ID + 1];

	rnd_id(id, PUSH_ID);
	el_set(fx->el, "id", id);
	privilege_push(r, &fx->owner, fx->el);
	if (!u)
		return;
	LIST_EACH (it, &u->sessions) {
		struct session *s = LIST_ENTRY(it, struct session, of_user);

		if (s->im.interested)
			session_send_addr(s, fx->el, NULL, s->jid.s);
	}
}

static void effect_run(struct roster_work *w, const struct effect *fx)
{
	struct router *r = w->router;
	const struct el *el = fx->el;

	if (!el && w->st)
		el = w->st->el;
	switch (fx->kind) {
	case FX_PUSH:
		push(r, fx);
		break;
	case FX_ANSWER:
		route_reply(r, w->st, el);
		break;
	case FX_DELIVER:
		presence_deliver_sub(r, &fx->owner, el);
		break;
	case FX_ROUTE:
		if (fx->el)
			presence_send_away(r, el);
		else
			route_to(r, w->st);
		break;
	case FX_SHOW:
		presence_show(r, &fx->owner, &fx->contact);
		break;
	case FX_HIDE:
		presence_hide(r, &fx->owner, &fx->contact);
		break;
	}
}

static enum el_cond cond_of(int err)
{
	return err == -ENOSPC || err == -ENOBUFS || err == -EBUSY ? COND_RESOURCE_CONSTRAINT
	                                                          : COND_INTERNAL_SERVER_ERROR;
}

static void work_end(struct roster_work *w, int err)
{
	for (struct used *u = w->used; u; u = u->next)
		roster_leave(w->router->rosters, u->roster, err < 0);
	if (err == 0) {
		for (const struct effect *fx = w->first; fx; fx = fx->next)
			effect_run(w, fx);
	} else {
		log_err(NULL, LOG_LVL_WARN, err, "a change of a roster was not stored");
		if (w->st)
			route_bounce(w->router, w->st, cond_of(err), NULL);
	}
	work_free(w);
}

static void work_committed(int err, void *arg)
{
	work_end(arg, err);
}

/* The batch of the deletion has run; did it stand? */
static void work_delegate_done(int err, void *arg)
{
	struct roster_work *w = arg;

	if (err == 0 && !roster_store_account_gone(w->router->db, &w->deleted))
		err = -EIO;
	work_end(w, err);
}

static void work_delegate_submit(void *arg)
{
	struct roster_work *w = arg;

	db_submit(db_batch_new(w->router->db), work_delegate_done, w);
}

void work_delegate(struct roster_work *w, struct db_batch *b, const struct jid *owner)
{
	assert(!w->batch && !w->used);
	w->foreign = b;
	w->deleted = jid_bare(owner, w->arena);
	task_init(&w->task, work_delegate_submit, w);
}

void work_run(struct roster_work *w)
{
	if (w->deleted.s) {
		w->foreign = NULL; /* the caller's, who submits it before this turn ends */
		task_defer(w->router->loop, &w->task);
		return;
	}
	if (!w->batch && !w->must_wait) {
		work_end(w, 0);
		return;
	}
	if (!w->batch)
		w->batch = db_batch_new(w->router->db);
	db_submit(w->batch, work_committed, w);
}
