/* SPDX-License-Identifier: MIT */
/* What goes to a component: straight to its link while nothing waits, else through its queue.
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
	struct component *from = st->component;

	if (!from || (!st->done && !st->whole))
		return;
	st->done = NULL;
	stanza_detach(st);
	list_add_tail(&from->loose, &st->link);
	if (from->link)
		link_handled(from->link);
}

static struct lq_entry *enqueue(struct component *c, struct stanza *st)
{
	struct lq_entry *e = lq_add(&c->queue, st);

	component_settle(st);
	return e;
}

static void give_up(struct component *c, struct lq_entry *e, enum answer_when when)
{
	struct stanza *st = lq_take(&c->queue, e);
	enum answer what = answer_for(when, answer_kind(st, c->domain), c->acked);

	st->dropped = true;
	if (what == ANSWER_KEEP)
		(void)ghosts_keep(&c->ghosts, st);
	else
		answer_give(c->router, st, what);
	stanza_release(st);
}

/* All, or but for what waits on. */
static void give_up_all(struct component *c, bool really)
{
	struct list *stayed = &c->queue.all;

	while (stayed->next != &c->queue.all) {
		struct lq_entry *e = LIST_ENTRY(stayed->next, struct lq_entry, of_queue);

		if (!really && e->st->stays && e->st->stays(e->st))
			stayed = &e->of_queue;
		else
			give_up(c, e, e->was_sent ? ANSWER_UNKNOWN : ANSWER_AWAY);
	}
}

static void progress(struct component *c)
{
	timer_stop(&c->stuck);
}

/* --- the link's side -------------------------------------------------------------------------- */

static void note_request(struct component *c, const struct stanza *st)
{
	if ((st->type == ST_IQ_GET || st->type == ST_IQ_SET) && (st->session || st->component))
		unanswered_add(&c->unanswered, st);
}

/* Who leaves with too many words has left all the same. */
static void keep_gone(struct component *c, const struct stanza *st)
{
	if (answer_kind(st, c->domain) == ANSWER_GONE)
		(void)ghosts_keep(&c->ghosts, st);
}

static void too_long(struct component *c, struct stanza *st)
{
	st->dropped = true;
	keep_gone(c, st);
	if (st->kind != EL_PRESENCE)
		route_bounce(c->router, st, COND_NOT_ACCEPTABLE, "too long for this component");
}

static void send_first(struct component *c, struct lq_entry *e)
{
	struct stanza *st;
	int r;

	if (e->st->acked_only && !link_acked(c->link)) {
		st = lq_take(&c->queue, e);
		st->dropped = true;
		stanza_release(st);
		return;
	}
	r = link_send(c->link, e->st->el, e->was_sent);
	if (r == 0 && link_acked(c->link)) {
		lq_mark_sent(&c->queue, e);
		sm_sent(&c->sm);
		link_want_ack(c->link);
		return;
	}
	st = lq_take(&c->queue, e);
	if (r < 0)
		too_long(c, st);
	else
		note_request(c, st);
	stanza_release(st);
	progress(c);
}

/* Who has left while it was away follows what waited, as far as that leaves room for others. */
static bool queue_ghost(struct component *c)
{
	struct stanza *st;
	struct el *el;

	if (!ghosts_any(&c->ghosts) || c->queue.bytes > (size_t)c->conf->link_queue / 2)
		return false;
	el = ghosts_next(&c->ghosts);
	if (stanza_new(&st, el) != -EBADMSG) {
		(void)enqueue(c, st);
		stanza_release(st);
	}
	return true;
}

void outbound_pump(struct component *c)
{
	struct lq_entry *e;

	while (c->link && link_writable(c->link)) {
		e = lq_unsent(&c->queue);
		if (e)
			send_first(c, e);
		else if (!queue_ghost(c))
			return;
	}
}

void outbound_acked(struct component *c, uint32_t n)
{
	if (n > 0)
		progress(c);
	sm_acked(&c->sm, n);
	for (; n > 0; n--)
		stanza_release(lq_take(&c->queue, lq_first(&c->queue)));
	outbound_pump(c);
}

void outbound_new_session(struct component *c)
{
	sm_end(&c->sm, &c->loose, loop_now(c->router->loop));
	lq_rewind(&c->queue);
}

/* --- a stanza for it -------------------------------------------------------------------------- */

static bool nothing_waits(const struct component *c)
{
	return c->link && !lq_unsent(&c->queue) && link_writable(c->link);
}

/* Something newer from who has left takes the place of that. */
static void forget_ghost(struct component *c, const struct el *el)
{
	if (ghosts_any(&c->ghosts) && el_kind(el) == EL_PRESENCE && !el_attr(el, "type"))
		ghosts_forget(&c->ghosts, el_attr(el, "from"), el_attr(el, "to"));
}

static void brief_set(struct component *c)
{
	const struct lq_entry *e = lq_first_brief(&c->queue);
	uint64_t now = loop_now(c->router->loop);

	if (e && !timer_armed(&c->brief))
		timer_set(&c->brief, e->due > now ? e->due - now : 0);
}

static void on_brief(void *arg)
{
	struct component *c = arg;
	uint64_t now = loop_now(c->router->loop);
	struct lq_entry *e;

	while ((e = lq_first_brief(&c->queue)) && e->due <= now)
		give_up(c, e, ANSWER_AWAY);
	brief_set(c);
}

static void enqueue_briefly(struct component *c, struct lq_entry *e)
{
	lq_set_brief(&c->queue, e, loop_now(c->router->loop) + ANSWER_BRIEF_MS);
	brief_set(c);
}

/* No room.  A connected component that keeps it so is not a working one. */
static void watch_full(struct component *c)
{
	if (c->link && !timer_armed(&c->stuck))
		timer_set(&c->stuck, STUCK_MS);
}

static bool is_full(struct component *c, const struct stanza *st)
{
	if (st->stays || lq_fits(&c->queue, st, (size_t)c->conf->link_queue))
		return false; /* of an event, component_keeps() has said it */
	watch_full(c);
	return true;
}

bool component_keeps(struct component *c, size_t bytes, const struct jid *payer, bool of_component)
{
	if (!component_expects(c) || !c->acked)
		return false;
	if (lq_fits_bytes(
		&c->queue, bytes, shares_of(payer, of_component), (size_t)c->conf->link_queue))
		return true;
	watch_full(c);
	return false;
}

static enum answer_when state_for(struct component *c, const struct stanza *st)
{
	if (!component_expects(c))
		return ANSWER_AWAY;
	if (is_full(c, st) || (st->session && st->session->flight.impatient && !nothing_waits(c)))
		return ANSWER_FULL;
	return ANSWER_GRACE;
}

static enum component_verdict refuse(
    struct component *c, struct stanza *st, enum answer_when when, enum answer what)
{
	if (what == ANSWER_KEEP)
		(void)ghosts_keep(&c->ghosts, st);
	return when == ANSWER_FULL ? COMPONENT_FULL : COMPONENT_AWAY;
}

static enum component_verdict queue_or_refuse(struct component *c, struct stanza *st)
{
	enum answer_when when = state_for(c, st);
	enum answer_kind kind;
	enum answer what;

	if (when == ANSWER_GRACE && c->phase == COMP_ONLINE) {
		(void)enqueue(c, st);
		outbound_pump(c);
		return COMPONENT_TAKEN;
	}
	kind = answer_kind(st, c->domain);
	what = answer_for(when, kind, c->acked);
	if (what == ANSWER_CACHE) {
		if (info_answer(&c->info, c->router, st))
			return COMPONENT_TAKEN;
		what = answer_for(when, ANSWER_GET, c->acked);
	}
	if (what == ANSWER_QUEUE) {
		(void)enqueue(c, st);
		return COMPONENT_TAKEN;
	}
	if (what == ANSWER_QUEUE_BRIEFLY) {
		enqueue_briefly(c, enqueue(c, st));
		return COMPONENT_TAKEN;
	}
	return refuse(c, st, when, what);
}

/* Over a plain link, for which nothing waits. */
static enum component_verdict send_now(struct component *c, const struct el *el)
{
	struct stanza *st;

	if (link_send(c->link, el, false) == 0)
		return COMPONENT_TAKEN;
	if (el_kind(el) == EL_PRESENCE && stanza_new(&st, el_dup(el)) != -EBADMSG) {
		keep_gone(c, st);
		stanza_release(st);
		outbound_pump(c);
	}
	return COMPONENT_TOO_LONG;
}

enum component_verdict component_send(struct component *c, struct stanza *st)
{
	forget_ghost(c, st->el);
	if (!nothing_waits(c) || link_acked(c->link))
		return queue_or_refuse(c, st);
	if (send_now(c, st->el) != COMPONENT_TAKEN)
		return COMPONENT_TOO_LONG;
	note_request(c, st);
	return COMPONENT_TAKEN;
}

enum component_verdict component_send_own(struct component *c, struct el *el)
{
	enum component_verdict v;
	struct stanza *st;

	if (nothing_waits(c) && !link_acked(c->link)) {
		v = component_send_el(c, el);
		el_free(el);
		return v;
	}
	if (stanza_new(&st, el) == -EBADMSG)
		return COMPONENT_TOO_LONG;
	v = component_send(c, st);
	stanza_release(st);
	return v;
}

enum component_verdict component_send_el(struct component *c, const struct el *el)
{
	if (!nothing_waits(c) || link_acked(c->link))
		return component_send_own(c, el_dup(el));
	forget_ghost(c, el);
	return send_now(c, el);
}

/* --- links come and go ------------------------------------------------------------------------ */

static void enter(struct component *c, enum component_phase phase)
{
	c->phase = phase;
	c->since_ms = loop_wall_ms(c->router->loop);
}

void outbound_opened(struct component *c, bool resumed)
{
	timer_stop(&c->grace);
	timer_stop(&c->brief);
	enter(c, COMP_ONLINE);
	c->acked = link_acked(c->link);
	outbound_pump(c);
	hooks_online(c->router, c, resumed);
}

static void grace_over(void *arg)
{
	struct component *c = arg;
	struct log_tag tag = { "link", NULL, NULL, c->domain };

	enter(c, COMP_AWAY);
	if (c->queue.n > 0)
		log_info(&tag, "it did not come back: %zu stanzas are given up", c->queue.n);
	timer_stop(&c->brief);
	sm_end(&c->sm, &c->loose, loop_now(c->router->loop));
	give_up_all(c, false);
	asks_lost(c->asks);
	info_forget(&c->info);
	hooks_away(c->router, c);
}

/* Questions that have not been sent wait a moment more, or none at all. */
static void questions_lost(struct component *c)
{
	struct list *it = c->queue.next, *next;

	for (; it != &c->queue.all; it = next) {
		struct lq_entry *e = LIST_ENTRY(it, struct lq_entry, of_queue);

		next = it->next;
		if (e->st->type != ST_IQ_GET || e->was_sent)
			continue;
		if (c->acked)
			enqueue_briefly(c, e);
		else
			give_up(c, e, ANSWER_AWAY);
	}
}

void outbound_lost(struct component *c, bool next)
{
	timer_stop(&c->stuck);
	unanswered_fail(&c->unanswered, c->router);
	if (!c->acked) /* what was asked went with the link */
		asks_lost(c->asks);
	if (next)
		return;
	enter(c, COMP_GRACE);
	if (c->conf->link_grace == 0) {
		grace_over(c);
		return;
	}
	timer_set(&c->grace, (uint64_t)c->conf->link_grace * 1000);
	questions_lost(c);
}

void outbound_expect(struct component *c)
{
	if (c->conf->link_grace == 0)
		return;
	enter(c, COMP_GRACE);
	c->acked = true;
	timer_set(&c->grace, (uint64_t)c->conf->link_grace * 1000);
}

static void on_stuck(void *arg)
{
	struct component *c = arg;

	if (c->link && link_paused(c->link)) /* its acknowledgements may lie there unread */
		timer_set(&c->stuck, STUCK_MS);
	else if (c->link)
		link_end(c->link, STREAM_E_RESOURCE_CONSTRAINT,
		    "the queue is full and nothing is acknowledged");
}

/* --- the component's beginning and end -------------------------------------------------------- */

void outbound_init(struct component *c)
{
	struct loop *l = c->router->loop;

	lq_init(&c->queue);
	sm_init(&c->sm);
	unanswered_init(&c->unanswered);
	ghosts_init(&c->ghosts);
	list_init(&c->loose);
	timer_init(&c->grace, l, grace_over, c);
	timer_init(&c->brief, l, on_brief, c);
	timer_init(&c->stuck, l, on_stuck, c);
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

void outbound_done(struct component *c, bool quiet)
{
	struct lq_entry *e;

	c->phase = COMP_AWAY;
	if (quiet) {
		while ((e = lq_first(&c->queue))) {
			struct stanza *st = lq_take(&c->queue, e);

			st->dropped = true;
			stanza_release(st);
		}
	} else {
		give_up_all(c, true);
		unanswered_fail(&c->unanswered, c->router);
	}
	forget_sender(&c->sm.in_flight);
	forget_sender(&c->loose);
	unanswered_done(&c->unanswered);
	ghosts_done(&c->ghosts);
	info_forget(&c->info);
	timer_done(&c->grace);
	timer_done(&c->brief);
	timer_done(&c->stuck);
}
