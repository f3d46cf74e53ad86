/* SPDX-License-Identifier: MIT */
/* The handshake: the tables of sub_state.c applied to rosters, and what follows from that.
 *
 * If both sides are local, both rosters change in one work: either both remember it or neither.  A
 * local account that does not exist is treated like one that never answers, so nobody learns which
 * accounts there are.
 *
 * Must not: send anything itself.  All that others see is an effect of a work (roster_work.h). */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <base/arena.h>
#include <base/log.h>

#include "core/route.h"
#include "core/session.h"
#include "core/stanza.h"
#include "im/blocking.h"
#include "im/presence_send.h"
#include "im/roster_internal.h"
#include "im/roster_store.h"
#include "im/roster_work.h"
#include "im/subscribe.h"
#include "router.h"

bool subscribe_event(const struct stanza *st, enum sub_event *out)
{
	switch (st->type) {
	case ST_PRES_SUBSCRIBE:
		*out = SE_SUBSCRIBE;
		return true;
	case ST_PRES_UNSUBSCRIBE:
		*out = SE_UNSUBSCRIBE;
		return true;
	case ST_PRES_SUBSCRIBED:
		*out = SE_SUBSCRIBED;
		return true;
	case ST_PRES_UNSUBSCRIBED:
		*out = SE_UNSUBSCRIBED;
		return true;
	default:
		return false;
	}
}

/* --- changing an item ----------------------------------------------------------------------- */

/* What clients see of an item; a push follows when it changes. */
struct look {
	enum roster_sub sub;
	bool listed, ask, approved;
};

static struct look look_of(const struct roster_item *it)
{
	if (!it || !it->listed)
		return (struct look){ .listed = false };
	return (struct look){ it->sub, true, it->ask, it->approved };
}

static bool look_same(struct look a, struct look b)
{
	return a.sub == b.sub && a.listed == b.listed && a.ask == b.ask && a.approved == b.approved;
}

/* The item, already changed, goes to the database and, if that shows, to the clients.  One that
 * says nothing any more is dropped. */
static void item_changed(
    struct roster_work *w, struct roster *ro, struct roster_item *it, struct look before)
{
	if (!it->pending) {
		el_free(it->request);
		it->request = NULL;
	}
	if (!it->listed && !it->pending) {
		work_erase(w, ro, &it->jid);
		roster_del(ro, it);
		return;
	}
	work_save(w, ro, it);
	if (!look_same(before, look_of(it)))
		work_push(w, ro, it);
}

static void item_step(
    struct roster_work *w, struct roster *ro, struct roster_item *it, enum sub_state next)
{
	struct look before = look_of(it);

	sub_state_put(it, next);
	/* Whoever has a subscription stands in the roster. */
	if (it->sub != SUB_NONE || it->ask)
		roster_list(ro, it);
	item_changed(w, ro, it, before);
}

/* --- the receiving side --------------------------------------------------------------------- */

static void tell(
    struct roster_work *w, const struct jid *from, const struct jid *to, enum sub_event ev);

/* The request is kept until it is answered, and shown at each login (3.1.3). */
static void in_request(struct roster_work *w, struct roster *ro, struct roster_item *it,
    const struct jid *contact, enum sub_state next, struct el *el, const struct el *full)
{
	if (!it && roster_unlisted(ro) >= ROSTER_PENDING_MAX)
		return; /* too many strangers ask: this one may try again */
	if (!it)
		it = roster_add(ro, contact);
	el_free(it->request);
	it->request = roster_store_request(full);
	work_deliver(w, &ro->owner, el);
	item_step(w, ro, it, next);
}

/* Answered on the user's behalf: the contact has the subscription already (3.1.3), or was approved
 * beforehand (3.4). */
static void in_auto_accept(struct roster_work *w, struct roster *ro, struct roster_item *it)
{
	enum sub_state state = sub_state_of(it);
	struct jid contact = it->jid; /* stays: the item has a subscription or gets one */

	if (!sub_has_from(state)) {
		if (!sub_has_in(state))
			state = sub_inbound(state, SE_SUBSCRIBE).next;
		item_step(w, ro, it, sub_outbound(state, SE_SUBSCRIBED).next);
	}
	tell(w, &ro->owner, &contact, SE_SUBSCRIBED);
	work_show(w, &ro->owner, &contact);
}

/* The stanza is `el`, or if that is NULL the work's own, `full`. */
static void in_step(struct roster_work *w, struct roster *ro, const struct jid *contact,
    enum sub_event ev, struct el *el, const struct el *full)
{
	struct roster_item *it = roster_find(ro, contact);
	enum sub_state state = sub_state_of(it);
	struct sub_step step = sub_inbound(state, ev);

	work_uses(w, ro);
	if (ev == SE_SUBSCRIBE && it && (sub_has_from(state) || it->approved)) {
		in_auto_accept(w, ro, it);
		return;
	}
	if (!step.pass)
		return;
	if (ev == SE_SUBSCRIBE) {
		in_request(w, ro, it, contact, step.next, el, full);
		return;
	}
	assert(it); /* in SS_NONE nothing but a request passes */
	work_deliver(w, &ro->owner, el);
	item_step(w, ro, it, step.next);
	if (sub_has_from(state) && !sub_has_from(step.next))
		work_hide(w, &ro->owner, contact); /* 3.3.3 */
}

/* What the router says for a user: to a local roster in the same work, or away. */
static void tell(
    struct roster_work *w, const struct jid *from, const struct jid *to, enum sub_event ev)
{
	struct router *r = work_router(w);
	struct el *el = work_presence_el(w, sub_event_name(ev), from, to);
	struct roster *ro;
	int rc;

	if (!presence_is_local(r, to)) {
		work_route(w, el);
		return;
	}
	rc = roster_get(r->rosters, to, &ro);
	if (rc == 0)
		in_step(w, ro, from, ev, el, el);
	else if (rc != -ENOENT)
		log_err(NULL, LOG_LVL_WARN, rc, "cannot read a roster: %s is not told", to->s);
}

void subscribe_in(struct router *r, struct stanza *st, enum sub_event ev)
{
	struct arena *a = el_arena(st->el);
	struct jid from = jid_bare(&st->from, a), to = jid_bare(&st->to, a);
	struct roster_work *w;
	struct roster *ro;
	int rc = roster_get(r->rosters, &to, &ro);

	if (rc == -ENOENT)
		return;
	if (rc < 0) {
		route_bounce(r, st, COND_RESOURCE_CONSTRAINT, NULL);
		return;
	}
	stanza_set_from(st, &from);
	stanza_set_to(st, &to);
	w = work_new(r, st);
	in_step(w, ro, &from, ev, NULL, st->el);
	work_run(w);
}

/* --- the sending side ----------------------------------------------------------------------- */

/* A pre-approval, or the end of one (3.4): the contact hears nothing.  true: that was it. */
static bool out_approval(struct roster_work *w, struct roster *ro, struct roster_item *it,
    const struct jid *contact, enum sub_event ev)
{
	enum sub_state state = sub_state_of(it);
	struct look before = look_of(it);

	if (ev == SE_SUBSCRIBED && !sub_has_in(state)) {
		if (sub_has_from(state) || (it && it->approved))
			return true;
		if (!it)
			it = roster_add(ro, contact);
		roster_list(ro, it);
		it->approved = true;
		item_changed(w, ro, it, before);
		return true;
	}
	if (ev == SE_UNSUBSCRIBED && it && it->approved) {
		it->approved = false;
		if (sub_has_in(state) || sub_has_from(state))
			return false; /* and the subscription ends with it */
		item_changed(w, ro, it, before);
		return true;
	}
	return false;
}

static void out_step(struct roster_work *w, struct stanza *st, struct roster *ro,
    struct roster *other, enum sub_event ev)
{
	struct roster_item *it = roster_find(ro, &st->to);
	enum sub_state state = sub_state_of(it);
	struct sub_step step = sub_outbound(state, ev);
	bool had = sub_has_from(state), has = sub_has_from(step.next);

	work_uses(w, ro);
	if (out_approval(w, ro, it, &st->to, ev))
		return;
	if (!it && step.next != SS_NONE)
		it = roster_add(ro, &st->to);
	if (it && step.next != state)
		item_step(w, ro, it, step.next);
	if (!step.pass)
		return;
	if (other)
		in_step(w, other, &st->from, ev, NULL, st->el);
	else if (!presence_is_local(work_router(w), &st->to))
		work_route(w, NULL);
	if (had && !has)
		work_hide(w, &ro->owner, &st->to); /* 3.2.2 */
	else if (has && !had)
		work_show(w, &ro->owner, &st->to); /* 3.1.5 */
}

/* Would this stanza show an item that is not shown yet? */
static bool out_lists(struct roster *ro, const struct jid *contact, enum sub_event ev)
{
	const struct roster_item *it = roster_find(ro, contact);

	return (ev == SE_SUBSCRIBE || ev == SE_SUBSCRIBED) && (!it || !it->listed);
}

void subscribe_out(struct router *r, struct stanza *st, enum sub_event ev)
{
	struct arena *a = el_arena(st->el);
	struct jid from = jid_bare(&st->from, a), to = jid_bare(&st->to, a);
	struct roster *ro, *other = NULL;
	struct roster_work *w;
	int rc;

	if (jid_same(&from, &to)) {
		route_bounce(r, st, COND_NOT_ALLOWED, NULL);
		return;
	}
	rc = roster_get(r->rosters, &from, &ro);
	if (rc == 0 && presence_is_local(r, &to)) {
		rc = roster_get(r->rosters, &to, &other);
		if (rc == -ENOENT)
			rc = 0; /* one that never answers, as who blocks the sender does */
		if (blocking_refuses(r, &to, &st->from))
			other = NULL;
	}
	if (rc < 0 || (out_lists(ro, &to, ev) && !roster_has_room(r->rosters, ro))) {
		route_bounce(r, st, COND_RESOURCE_CONSTRAINT, rc < 0 ? NULL : "the roster is full");
		return;
	}
	stanza_set_from(st, &from); /* 3.1.2 and its like: both are bare */
	stanza_set_to(st, &to);
	w = work_new(r, st);
	out_step(w, st, ro, other, ev);
	work_run(w);
}

/* --- on the user's behalf ------------------------------------------------------------------- */

int subscribe_ready(struct router *r, const struct jid *contact)
{
	struct roster *ro;
	int rc;

	if (!presence_is_local(r, contact))
		return 0;
	rc = roster_get(r->rosters, contact, &ro);
	return rc == -ENOENT ? 0 : rc;
}

void subscribe_sever(
    struct roster_work *w, const struct jid *owner, const struct jid *contact, enum sub_state state)
{
	if (sub_has_to(state) || sub_has_out(state))
		tell(w, owner, contact, SE_UNSUBSCRIBE);
	if (sub_has_from(state) || sub_has_in(state))
		tell(w, owner, contact, SE_UNSUBSCRIBED);
	if (sub_has_from(state))
		work_hide(w, owner, contact);
}

void subscribe_refuse(struct router *r, const struct jid *owner, const struct jid *asker)
{
	struct roster_work *w = work_new(r, NULL);
	struct arena *a = arena_new();
	struct jid from = jid_bare(owner, a), to = jid_bare(asker, a);

	tell(w, &from, &to, SE_UNSUBSCRIBED);
	work_run(w);
	arena_free(a);
}

void roster_delete_account(struct rosters *rs, const struct jid *owner, struct db_batch *b)
{
	struct roster_work *w;
	struct roster *ro;
	struct router *r;
	int rc = roster_get(rs, owner, &ro);

	if (rc < 0) {
		/* Its rows go with the account; contacts learn of it when they next probe. */
		log_err(NULL, LOG_LVL_WARN, rc, "cannot read the roster of a deleted account");
		return;
	}
	r = rosters_router(rs);
	w = work_new(r, NULL);
	work_delegate(w, b, &ro->owner);
	work_uses(w, ro);
	MAP_EACH (n, &ro->items) {
		const struct roster_item *it = MAP_ENTRY(n, struct roster_item, node);

		subscribe_sever(w, &ro->owner, &it->jid, sub_state_of(it));
	}
	ro->broken = true; /* nobody changes it any more */
	work_run(w);
}
