/* SPDX-License-Identifier: MIT */
/* What goes to a component, or to one member of it: straight to its link while nothing waits, else
 * through its queue.
 *
 * NEVER -> ONLINE -> GRACE -> ONLINE ... GRACE -> AWAY -> ONLINE.  In grace the queue takes what
 * the table of answers says; at its end all that is left is answered.  On a link with acks a stanza
 * stays queued, and held, until it is acknowledged; on one without, until it is written.
 *
 * Must not: wait for another link.  A stanza that came from one counts as handled as soon as it
 * stands in a queue here. */
#include <errno.h>

#include <base/loop.h>

#include "conf.h"
#include "core/route.h"
#include "core/session.h"
#include "core/stanza.h"
#include "links/answers.h"
#include "links/component.h"
#include "links/link.h"
#include "links/outbound_internal.h"
#include "router.h"

/* --- in and out of the queue ------------------------------------------------------------------ */

void component_settle(struct stanza *st)
{
	struct member *from = st->member;

	if (!from || (!st->done && !st->whole))
		return;
	st->done = NULL;
	stanza_detach(st);
	list_add_tail(&from->loose, &st->link);
	if (from->link)
		link_handled(from->link);
}

struct lq_entry *outbound_enqueue(struct member *m, struct stanza *st)
{
	struct lq_entry *e = lq_add(&m->queue, st);

	component_settle(st);
	return e;
}

void outbound_answer(struct member *m, struct lq_entry *e, enum answer_when when)
{
	struct stanza *st = lq_take(&m->queue, e);
	enum answer what = answer_for(when, answer_kind(st, m->component->domain), m->acked);

	st->dropped = true;
	if (what == ANSWER_KEEP)
		(void)ghosts_keep(&m->ghosts, st);
	else
		answer_give(m->router, st, what);
	stanza_release(st);
}

/* All, or but for what waits on. */
void outbound_answer_all(struct member *m, bool really)
{
	struct list *stayed = &m->queue.all;

	while (stayed->next != &m->queue.all) {
		struct lq_entry *e = LIST_ENTRY(stayed->next, struct lq_entry, of_queue);

		if (!really && e->st->stays && e->st->stays(e->st))
			stayed = &e->of_queue;
		else
			outbound_answer(m, e, e->was_sent ? ANSWER_UNKNOWN : ANSWER_AWAY);
	}
}

static void progress(struct member *m)
{
	timer_stop(&m->stuck);
}

/* --- the link's side -------------------------------------------------------------------------- */

static void note_request(struct member *m, const struct stanza *st)
{
	/* Of a shared domain, what the router itself asks is one link's question, too. */
	if ((st->type == ST_IQ_GET || st->type == ST_IQ_SET) &&
	    (st->session || st->component || (m->component->sharing && !st->for_one)))
		unanswered_add(&m->unanswered, st);
}

/* Who leaves with too many words has left all the same. */
static void keep_gone(struct member *m, const struct stanza *st)
{
	if (answer_kind(st, m->component->domain) == ANSWER_GONE)
		(void)ghosts_keep(&m->ghosts, st);
}

static void too_long(struct member *m, struct stanza *st)
{
	st->dropped = true;
	keep_gone(m, st);
	if (st->kind != EL_PRESENCE)
		route_bounce(m->router, st, COND_NOT_ACCEPTABLE, "too long for this component");
}

static void send_first(struct member *m, struct lq_entry *e)
{
	struct stanza *st;
	int r;

	if (e->st->acked_only && !link_acked(m->link)) {
		st = lq_take(&m->queue, e);
		st->dropped = true;
		stanza_release(st);
		return;
	}
	r = link_send(m->link, e->st->el, e->was_sent);
	if (r == 0 && link_acked(m->link)) {
		lq_mark_sent(&m->queue, e);
		sm_sent(&m->sm);
		link_want_ack(m->link);
		return;
	}
	st = lq_take(&m->queue, e);
	if (r < 0)
		too_long(m, st);
	else
		note_request(m, st);
	stanza_release(st);
	progress(m);
}

/* Who has left while it was away follows what waited, as far as that leaves room for others. */
static bool queue_ghost(struct member *m)
{
	struct stanza *st;
	struct el *el;

	if (!ghosts_any(&m->ghosts) || m->queue.bytes > (size_t)m->component->conf->link_queue / 2)
		return false;
	el = ghosts_next(&m->ghosts);
	if (stanza_new(&st, el) != -EBADMSG) {
		(void)outbound_enqueue(m, st);
		stanza_release(st);
	}
	return true;
}

void outbound_pump(struct member *m)
{
	struct lq_entry *e;

	while (m->link && link_writable(m->link)) {
		e = lq_unsent(&m->queue);
		if (e)
			send_first(m, e);
		else if (!queue_ghost(m))
			return;
	}
}

void outbound_acked(struct member *m, uint32_t n)
{
	if (n > 0)
		progress(m);
	sm_acked(&m->sm, n);
	for (; n > 0; n--)
		stanza_release(lq_take(&m->queue, lq_first(&m->queue)));
	outbound_pump(m);
}

void outbound_new_session(struct member *m)
{
	sm_end(&m->sm, &m->component->past, &m->loose, loop_now(m->router->loop));
	lq_rewind(&m->queue);
}

/* --- a stanza for it -------------------------------------------------------------------------- */

static bool nothing_waits(const struct member *m)
{
	return m->link && !lq_unsent(&m->queue) && link_writable(m->link);
}

/* Something newer from who has left takes the place of that. */
static void forget_ghost(struct member *m, const struct el *el)
{
	if (ghosts_any(&m->ghosts) && el_kind(el) == EL_PRESENCE && !el_attr(el, "type"))
		ghosts_forget(&m->ghosts, el_attr(el, "from"), el_attr(el, "to"));
}

static void brief_set(struct member *m)
{
	const struct lq_entry *e = lq_first_brief(&m->queue);
	uint64_t now = loop_now(m->router->loop);

	if (e && !timer_armed(&m->brief))
		timer_set(&m->brief, e->due > now ? e->due - now : 0);
}

void outbound_on_brief(void *arg)
{
	struct member *m = arg;
	uint64_t now = loop_now(m->router->loop);
	struct lq_entry *e;

	while ((e = lq_first_brief(&m->queue)) && e->due <= now)
		outbound_answer(m, e, ANSWER_AWAY);
	brief_set(m);
}

void outbound_enqueue_briefly(struct member *m, struct lq_entry *e)
{
	lq_set_brief(&m->queue, e, loop_now(m->router->loop) + ANSWER_BRIEF_MS);
	brief_set(m);
}

/* No room.  A connected component that keeps it so is not a working one. */
static void watch_full(struct member *m)
{
	if (m->link && !timer_armed(&m->stuck))
		timer_set(&m->stuck, OUTBOUND_STUCK_MS);
}

static bool is_full(struct member *m, const struct stanza *st)
{
	if (st->stays || lq_fits(&m->queue, st, (size_t)m->component->conf->link_queue))
		return false; /* of an event, member_keeps() has said it */
	watch_full(m);
	return true;
}

static bool member_expects(const struct member *m)
{
	return m->phase == COMP_ONLINE || m->phase == COMP_GRACE;
}

bool member_keeps(struct member *m, size_t bytes, const struct jid *payer, bool of_component)
{
	if (!member_expects(m) || !m->acked)
		return false;
	if (lq_fits_bytes(&m->queue, bytes, shares_of(payer, of_component),
		(size_t)m->component->conf->link_queue))
		return true;
	watch_full(m);
	return false;
}

static enum answer_when state_for(struct member *m, const struct stanza *st)
{
	if (!member_expects(m))
		return ANSWER_AWAY;
	if (is_full(m, st) || (st->session && st->session->flight.impatient && !nothing_waits(m)))
		return ANSWER_FULL;
	return ANSWER_GRACE;
}

static enum component_verdict refuse(
    struct member *m, struct stanza *st, enum answer_when when, enum answer what)
{
	if (what == ANSWER_KEEP)
		(void)ghosts_keep(&m->ghosts, st);
	return when == ANSWER_FULL ? COMPONENT_FULL : COMPONENT_AWAY;
}

static enum component_verdict queue_or_refuse(struct member *m, struct stanza *st)
{
	enum answer_when when = state_for(m, st);
	enum answer_kind kind;
	enum answer what;

	if (when == ANSWER_GRACE && m->phase == COMP_ONLINE) {
		(void)outbound_enqueue(m, st);
		outbound_pump(m);
		return COMPONENT_TAKEN;
	}
	kind = answer_kind(st, m->component->domain);
	what = answer_for(when, kind, m->acked);
	if (what == ANSWER_CACHE) {
		if (info_answer(&m->component->info, m->router, st))
			return COMPONENT_TAKEN;
		what = answer_for(when, ANSWER_GET, m->acked);
	}
	if (what == ANSWER_QUEUE) {
		(void)outbound_enqueue(m, st);
		return COMPONENT_TAKEN;
	}
	if (what == ANSWER_QUEUE_BRIEFLY) {
		outbound_enqueue_briefly(m, outbound_enqueue(m, st));
		return COMPONENT_TAKEN;
	}
	return refuse(m, st, when, what);
}

/* Over a plain link, for which nothing waits. */
static enum component_verdict send_now(struct member *m, const struct el *el)
{
	struct stanza *st;

	if (link_send(m->link, el, false) == 0)
		return COMPONENT_TAKEN;
	if (el_kind(el) == EL_PRESENCE && stanza_new(&st, el_dup(el)) != -EBADMSG) {
		keep_gone(m, st);
		stanza_release(st);
		outbound_pump(m);
	}
	return COMPONENT_TOO_LONG;
}

enum component_verdict member_send(struct member *m, struct stanza *st)
{
	forget_ghost(m, st->el);
	if (!nothing_waits(m) || link_acked(m->link))
		return queue_or_refuse(m, st);
	if (send_now(m, st->el) != COMPONENT_TAKEN)
		return COMPONENT_TOO_LONG;
	note_request(m, st);
	return COMPONENT_TAKEN;
}

enum component_verdict member_send_own(struct member *m, struct el *el)
{
	enum component_verdict v;
	struct stanza *st;

	if (nothing_waits(m) && !link_acked(m->link)) {
		v = member_send_el(m, el);
		el_free(el);
		return v;
	}
	if (stanza_new(&st, el) == -EBADMSG)
		return COMPONENT_TOO_LONG;
	v = member_send(m, st);
	stanza_release(st);
	return v;
}

enum component_verdict member_send_el(struct member *m, const struct el *el)
{
	if (!nothing_waits(m) || link_acked(m->link))
		return member_send_own(m, el_dup(el));
	forget_ghost(m, el);
	return send_now(m, el);
}
