/* SPDX-License-Identifier: MIT */
/* Members of a shared domain come and go, and what goes to them.
 *
 * JOINED -> IN GRACE -> JOINED ... -> GONE -> freed, when its queue has been given to others.  A
 * member that nobody can resume (a link without acknowledgements), or that closes its stream, is
 * gone at once.
 *
 * While nobody is here the component's own member is what a component in grace is: it holds what
 * comes, and answers it in the end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/loop.h>
#include <base/mem.h>
#include <base/rendezvous.h>
#include <base/rnd.h>

#include "conf.h"
#include "core/stanza.h"
#include "links/link.h"
#include "links/share_internal.h"
#include "router.h"

static struct log_tag tag_of(const struct member *m)
{
	return (struct log_tag){ "link", m->share.id, NULL, m->component->domain };
}

/* --- coming ----------------------------------------------------------------------------------- */

static struct member *member_new(struct sharing *sh)
{
	struct member *m = xzalloc(sizeof(*m));

	outbound_init(m, sh->component);
	rnd_id(m->share.id, MEMBER_ID);
	m->share.hash = rendezvous_hash(m->share.id, MEMBER_ID);
	list_add_tail(&sh->members, &m->share.of_share);
	sh->n++;
	return m;
}

static void resumed_elsewhere(struct member *m)
{
	struct link *old = m->link;

	if (!old)
		return;
	component_let_go(m, "replaced");
	link_end(old, STREAM_E_CONFLICT, "replaced by a new connection");
	outbound_lost(m, true);
}

struct member *share_attach(struct sharing *sh, struct link *l, struct member *resumes)
{
	struct component *c = sh->component;
	struct log_tag tag = { "link", NULL, link_peer(l), c->domain };
	struct member *m = resumes;

	if (!m && sh->n >= SHARE_MAX) {
		log_warn(&tag, "refused %s: %zu share this domain already", link_peer(l), sh->n);
		return NULL;
	}
	if (m)
		resumed_elsewhere(m);
	else
		m = member_new(sh);
	m->link = l;
	return m;
}

void share_extend(struct member *m)
{
	m->share.extended = true;
}

void share_joined(struct member *m)
{
	struct log_tag tag = tag_of(m);

	log_info(&tag, "member %s joins, from %s", m->share.id, link_peer(m->link));
	share_changed(m->component->sharing, false);
}

/* --- going ------------------------------------------------------------------------------------ */

static void member_free(void *arg)
{
	free(arg);
}

static void member_done(struct member *m, bool quiet)
{
	list_del(&m->share.of_share);
	if (m->link)
		link_let_go(m->link);
	m->link = NULL;
	outbound_done(m, quiet);
	loop_reap(m->router->loop, member_free, m);
}

void share_release(struct sharing *sh, struct member *gone)
{
	sh->n_gone--;
	member_done(gone, true);
}

/* So much is remembered of who has gone.  One of the settled list has to stay, and of these there
 * are fewer. */
static void bound_gone(struct sharing *sh)
{
	LIST_EACH_SAFE (it, &sh->gone) {
		struct member *m = share_member(it);

		if (sh->n_gone <= SHARE_GONE_MAX)
			return;
		if (m->share.was)
			continue;
		outbound_give_up(m);
		share_release(sh, m);
	}
}

/* It was the last one. */
static void nobody_left(struct sharing *sh, bool acked)
{
	uint64_t grace = (uint64_t)sh->component->conf->link_grace * 1000;
	uint64_t since = loop_now(sh->component->router->loop) - sh->lost_ms;

	outbound_wait(&sh->component->own, acked, since < grace ? grace - since : 0);
}

/* What has been counted does not get less. */
static void count_in(struct member *own, struct member *m)
{
	own->in_before += m->in_before + m->in;
	own->out_before += m->out_before + m->out;
	m->in_before = m->in = m->out_before = m->out = 0;
}

void share_leave(struct member *m, const char *why)
{
	struct sharing *sh = m->component->sharing;
	struct log_tag tag = tag_of(m);
	bool acked = m->acked;

	log_info(&tag, "member %s ends: %s", m->share.id, why);
	if (m->link) {
		sh->lost_ms = loop_now(m->router->loop);
		component_let_go(m, why);
	}
	list_del(&m->share.of_share);
	list_add_tail(&sh->gone, &m->share.of_share);
	sh->n--;
	sh->n_gone++;
	m->share.will = false;
	m->share.h = m->sm.in;
	m->share.acked = m->sm.acked;
	m->share.unacked = m->sm.most - m->sm.acked;
	count_in(&m->component->own, m);
	outbound_ended(m);
	if (list_empty(&sh->members))
		nobody_left(sh, acked);
	bound_gone(sh);
}

void share_ended(struct member *m, const char *why)
{
	struct sharing *sh = m->component->sharing;
	bool pending = m->share.will;

	share_leave(m, why);
	share_changed(sh, pending);
}

void share_lost(struct member *m, bool left)
{
	struct sharing *sh = m->component->sharing;

	sh->lost_ms = loop_now(m->router->loop);
	if (left)
		share_ended(m, "it has left");
	else if (!m->acked)
		share_ended(m, "its link was lost, and nobody resumes it");
	else
		outbound_lost(m, false);
}

void share_away(struct sharing *sh)
{
	LIST_EACH (it, &sh->gone)
		outbound_give_up(share_member(it));
}

void share_detach_all(struct sharing *sh, const char *why)
{
	LIST_EACH_SAFE (it, &sh->members) {
		struct member *m = share_member(it);

		if (m->link)
			component_detach(m, m->link, why);
	}
}

void share_move(struct member *from, struct lq_entry *e, struct member *to)
{
	bool was_sent = e->was_sent;
	struct stanza *st = lq_take(&from->queue, e);

	if (st->for_one)
		st->dropped = true;
	else
		outbound_place(to, st, was_sent);
	stanza_release(st);
}

/* --- what goes to them ------------------------------------------------------------------------ */

enum component_verdict share_send(struct sharing *sh, struct stanza *st)
{
	struct member *m = share_pick(sh, st);

	return member_send(m ? m : &sh->component->own, st);
}

/* What becomes of one becomes of the whole. */
static void copy_done(struct stanza *copy)
{
	if (copy->dropped && copy->whole)
		copy->whole->dropped = true;
}

static enum component_verdict tell_one(struct member *m, struct stanza *st)
{
	enum component_verdict v = COMPONENT_AWAY;
	struct stanza *copy;

	if (stanza_copy(&copy, st, el_dup(st->el)) == -EBADMSG)
		return v;
	copy->for_one = true;
	copy->acked_only = st->acked_only;
	v = member_send(m, copy);
	copy->done = v == COMPONENT_TAKEN ? copy_done : NULL;
	stanza_release(copy);
	return v;
}

enum component_verdict share_tell(struct sharing *sh, struct stanza *st)
{
	enum component_verdict all = COMPONENT_AWAY, v;

	if (list_empty(&sh->members)) {
		st->for_all = true;
		return member_send(&sh->component->own, st);
	}
	LIST_EACH (it, &sh->members) {
		if (st->acked_only && !share_member(it)->acked)
			continue; /* it would not get it */
		v = tell_one(share_member(it), st);
		/* One that has it has it; who could not take it is what the caller hears of. */
		if (all == COMPONENT_AWAY || (v != COMPONENT_AWAY && v > all))
			all = v;
	}
	return all;
}

/* --- what is asked of all --------------------------------------------------------------------- */

struct member *share_session(const struct sharing *sh, const char *previd)
{
	LIST_EACH (it, &sh->members) {
		if (sm_is(&share_member(it)->sm, previd))
			return share_member(it);
	}
	return NULL;
}

bool share_may_resume(const struct sharing *sh)
{
	LIST_EACH (it, &sh->members) {
		if (!share_member(it)->link)
			return true;
	}
	return false;
}

bool share_any_online(const struct sharing *sh)
{
	LIST_EACH (it, &sh->members) {
		if (share_member(it)->link)
			return true;
	}
	return false;
}

bool share_any_acked(const struct sharing *sh)
{
	LIST_EACH (it, &sh->members) {
		if (share_member(it)->link && share_member(it)->acked)
			return true;
	}
	return false;
}

bool share_is_only(const struct sharing *sh, const struct member *m)
{
	LIST_EACH (it, &sh->members) {
		if (share_member(it) != m && share_member(it)->phase == COMP_ONLINE)
			return false;
	}
	return true;
}

enum component_phase share_phase(const struct sharing *sh)
{
	if (share_any_online(sh))
		return COMP_ONLINE;
	return list_empty(&sh->members) ? sh->component->own.phase : COMP_GRACE;
}

static void add_state(struct component_state *out, const struct member *m)
{
	out->in += m->in;
	out->out += m->out;
	out->in_total += m->in_before + m->in;
	out->out_total += m->out_before + m->out;
	out->queued += m->queue.unsent_bytes + (m->link ? link_queued(m->link) : 0);
	out->unacknowledged += m->queue.n_unacked;
}

void share_state(const struct sharing *sh, struct component_state *out)
{
	const struct member *own = &sh->component->own;

	*out = (struct component_state){
		.domain = sh->component->domain,
		.title = sh->component->conf->title,
		.last_error = sh->component->last_error,
		.phase = share_phase(sh),
		.acked = share_any_acked(sh),
		.since_ms = own->since_ms,
		.members = sh->n,
		.links = 0,
	};
	LIST_EACH (it, &sh->members) {
		const struct member *m = share_member(it);

		add_state(out, m);
		if (m->link && (out->links++ == 0 || m->since_ms < out->since_ms))
			out->since_ms = m->since_ms;
		out->peer = m->link ? link_peer(m->link) : out->peer;
	}
	LIST_EACH (it, &sh->gone)
		add_state(out, share_member(it));
	add_state(out, own);
	if (out->links != 1)
		out->peer = NULL;
}

void share_each(const struct sharing *sh, component_member_fn *fn, void *arg)
{
	LIST_EACH (it, &sh->members) {
		const struct member *m = share_member(it);
		struct component_state st = {
			.domain = sh->component->domain,
			.title = sh->component->conf->title,
			.peer = m->link ? link_peer(m->link) : NULL,
			.phase = m->phase,
			.acked = m->acked,
			.since_ms = m->since_ms,
			.links = m->link != NULL,
		};

		add_state(&st, m);
		fn(&st, m->share.id, arg);
	}
}

/* --- the object ------------------------------------------------------------------------------- */

void share_open(struct component *c)
{
	struct sharing *sh = xzalloc(sizeof(*sh));

	sh->component = c;
	list_init(&sh->members);
	list_init(&sh->gone);
	sh->changing = true; /* nobody is not a list that could be settled */
	timer_init(&sh->timer, c->router->loop, share_on_timeout, sh);
	c->sharing = sh;
}

/* All that waits for anybody waits for whoever comes. */
static void gather(struct sharing *sh)
{
	struct member *own = &sh->component->own;
	size_t held = own->queue.n;

	LIST_EACH_SAFE (it, &sh->gone) {
		struct member *m = share_member(it);

		while (lq_first(&m->queue))
			share_move(m, lq_first(&m->queue), own);
		share_release(sh, m);
	}
	for (; held > 0; held--) /* this came after what they had */
		share_move(own, lq_first(&own->queue), own);
}

void share_close(struct component *c)
{
	struct sharing *sh = c->sharing;

	LIST_EACH_SAFE (it, &sh->members) {
		struct link *l = share_member(it)->link;

		share_leave(share_member(it), "the domain is not shared any more");
		if (l)
			link_end(l, STREAM_E_RESET, "the domain is not shared any more");
	}
	gather(sh);
	share_free(c, true);
}

void share_free(struct component *c, bool quiet)
{
	struct sharing *sh = c->sharing;

	if (!sh)
		return;
	LIST_EACH_SAFE (it, &sh->members)
		member_done(share_member(it), quiet);
	LIST_EACH_SAFE (it, &sh->gone)
		member_done(share_member(it), quiet);
	timer_done(&sh->timer);
	c->sharing = NULL;
	free(sh);
}
