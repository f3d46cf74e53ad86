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
#include "links/ask.h"
#include "links/component.h"
#include "links/hooks.h"
#include "links/link.h"
#include "router.h"

#define STUCK_MS 60000 /* full, and nothing acknowledged or written for so long */

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

static struct lq_entry *enqueue(struct member *m, struct stanza *st)
{
	struct lq_entry *e = lq_add(&m->queue, st);

	component_settle(st);
	return e;
}

static void give_up(struct member *m, struct lq_entry *e, enum answer_when when)
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
static void give_up_all(struct member *m, bool really)
{
	struct list *stayed = &m->queue.all;

	while (stayed->next != &m->queue.all) {
		struct lq_entry *e = LIST_ENTRY(stayed->next, struct lq_entry, of_queue);

		if (!really && e->st->stays && e->st->stays(e->st))
			stayed = &e->of_queue;
		else
			give_up(m, e, e->was_sent ? ANSWER_UNKNOWN : ANSWER_AWAY);
	}
}

static void progress(struct member *m)
{
	timer_stop(&m->stuck);
}

/* --- the link's side -------------------------------------------------------------------------- */

static void note_request(struct member *m, const struct stanza *st)
{
	if ((st->type == ST_IQ_GET || st->type == ST_IQ_SET) && (st->session || st->component))
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
		(void)enqueue(m, st);
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

static void on_brief(void *arg)
{
	struct member *m = arg;
	uint64_t now = loop_now(m->router->loop);
	struct lq_entry *e;

	while ((e = lq_first_brief(&m->queue)) && e->due <= now)
		give_up(m, e, ANSWER_AWAY);
	brief_set(m);
}

static void enqueue_briefly(struct member *m, struct lq_entry *e)
{
	lq_set_brief(&m->queue, e, loop_now(m->router->loop) + ANSWER_BRIEF_MS);
	brief_set(m);
}

/* No room.  A connected component that keeps it so is not a working one. */
static void watch_full(struct member *m)
{
	if (m->link && !timer_armed(&m->stuck))
		timer_set(&m->stuck, STUCK_MS);
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
		(void)enqueue(m, st);
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
		(void)enqueue(m, st);
		return COMPONENT_TAKEN;
	}
	if (what == ANSWER_QUEUE_BRIEFLY) {
		enqueue_briefly(m, enqueue(m, st));
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

/* --- links come and go ------------------------------------------------------------------------ */

static void enter(struct member *m, enum component_phase phase)
{
	m->phase = phase;
	m->since_ms = loop_wall_ms(m->router->loop);
}

void outbound_opened(struct member *m, bool resumed)
{
	timer_stop(&m->grace);
	timer_stop(&m->brief);
	enter(m, COMP_ONLINE);
	m->acked = link_acked(m->link);
	outbound_pump(m);
	hooks_online(m->router, m->component, resumed);
}

static void grace_over(void *arg)
{
	struct member *m = arg;
	struct log_tag tag = { "link", NULL, NULL, m->component->domain };

	enter(m, COMP_AWAY);
	if (m->queue.n > 0)
		log_info(&tag, "it did not come back: %zu stanzas are given up", m->queue.n);
	timer_stop(&m->brief);
	sm_end(&m->sm, &m->component->past, &m->loose, loop_now(m->router->loop));
	give_up_all(m, false);
	asks_lost(m->component->asks);
	info_forget(&m->component->info);
	hooks_away(m->router, m->component);
}

/* Questions that have not been sent wait a moment more, or none at all. */
static void questions_lost(struct member *m)
{
	struct list *it = m->queue.next, *next;

	for (; it != &m->queue.all; it = next) {
		struct lq_entry *e = LIST_ENTRY(it, struct lq_entry, of_queue);

		next = it->next;
		if (e->st->type != ST_IQ_GET || e->was_sent)
			continue;
		if (m->acked)
			enqueue_briefly(m, e);
		else
			give_up(m, e, ANSWER_AWAY);
	}
}

void outbound_lost(struct member *m, bool next)
{
	timer_stop(&m->stuck);
	unanswered_fail(&m->unanswered, m->router);
	if (!m->acked) /* what was asked went with the link */
		asks_lost(m->component->asks);
	if (next)
		return;
	enter(m, COMP_GRACE);
	if (m->component->conf->link_grace == 0) {
		grace_over(m);
		return;
	}
	timer_set(&m->grace, (uint64_t)m->component->conf->link_grace * 1000);
	questions_lost(m);
}

void outbound_expect(struct member *m)
{
	if (m->component->conf->link_grace == 0)
		return;
	enter(m, COMP_GRACE);
	m->acked = true;
	timer_set(&m->grace, (uint64_t)m->component->conf->link_grace * 1000);
}

static void on_stuck(void *arg)
{
	struct member *m = arg;

	if (m->link && link_paused(m->link)) /* its acknowledgements may lie there unread */
		timer_set(&m->stuck, STUCK_MS);
	else if (m->link)
		link_end(m->link, STREAM_E_RESOURCE_CONSTRAINT,
		    "the queue is full and nothing is acknowledged");
}

/* --- the component's beginning and end -------------------------------------------------------- */

void outbound_init(struct member *m, struct component *c)
{
	struct loop *l = c->router->loop;

	m->component = c;
	m->router = c->router;
	m->since_ms = loop_wall_ms(l);
	lq_init(&m->queue);
	sm_init(&m->sm);
	unanswered_init(&m->unanswered);
	ghosts_init(&m->ghosts);
	list_init(&m->loose);
	timer_init(&m->grace, l, grace_over, m);
	timer_init(&m->brief, l, on_brief, m);
	timer_init(&m->stuck, l, on_stuck, m);
}

static void forget_sender(struct list *from_it)
{
	LIST_EACH_SAFE (it, from_it) {
		struct stanza *st = LIST_ENTRY(it, struct stanza, link);

		stanza_orphan(st);
		st->done = NULL;
		list_del(it);
	}
}

void outbound_done(struct member *m, bool quiet)
{
	struct lq_entry *e;

	m->phase = COMP_AWAY;
	if (quiet) {
		while ((e = lq_first(&m->queue))) {
			struct stanza *st = lq_take(&m->queue, e);

			st->dropped = true;
			stanza_release(st);
		}
	} else {
		give_up_all(m, true);
		unanswered_fail(&m->unanswered, m->router);
	}
	forget_sender(&m->sm.in_flight);
	forget_sender(&m->loose);
	unanswered_done(&m->unanswered);
	ghosts_done(&m->ghosts);
	timer_done(&m->grace);
	timer_done(&m->brief);
	timer_done(&m->stuck);
}
