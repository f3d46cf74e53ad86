/* SPDX-License-Identifier: MIT */
/* Links come and go, and what that means for what waits (outbound.c's phases). */
#include <errno.h>

#include <base/loop.h>

#include "conf.h"
#include "core/stanza.h"
#include "links/answers.h"
#include "links/ask.h"
#include "links/hooks.h"
#include "links/link.h"
#include "links/outbound_internal.h"
#include "links/share.h"
#include "router.h"

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
	if (m->component->sharing && !resumed)
		share_joined(m);
	outbound_pump(m);
	hooks_online(m->router, m->component, m, resumed);
}

static void grace_over(void *arg)
{
	struct member *m = arg;
	struct log_tag tag = { "link", NULL, NULL, m->component->domain };

	if (m != &m->component->own) {
		share_ended(m, "it did not come back");
		return;
	}
	enter(m, COMP_AWAY);
	if (m->queue.n > 0)
		log_info(&tag, "it did not come back: %zu stanzas are given up", m->queue.n);
	timer_stop(&m->brief);
	sm_end(&m->sm, &m->component->past, &m->loose, loop_now(m->router->loop));
	outbound_answer_all(m, false);
	if (m->component->sharing)
		share_away(m->component->sharing);
	asks_lost(m->component->asks);
	info_forget(&m->component->info);
	hooks_away(m->router, m->component);
}

static void question_lost(const char *id, void *arg)
{
	asks_lost_one(arg, id);
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
			outbound_enqueue_briefly(m, e);
		else
			outbound_answer(m, e, ANSWER_AWAY);
	}
}

/* What was asked went with the link. */
static void requests_lost(struct member *m)
{
	if (m->component->sharing)
		unanswered_each(&m->unanswered, question_lost, m->component->asks);
	else if (!m->acked)
		asks_lost(m->component->asks);
	unanswered_fail(&m->unanswered, m->router);
}

void outbound_lost(struct member *m, bool next)
{
	timer_stop(&m->stuck);
	requests_lost(m);
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

void outbound_hold(struct member *own)
{
	timer_stop(&own->grace);
	own->acked = true; /* who is waited for is there, or resumes */
	if (own->phase != COMP_GRACE)
		enter(own, COMP_GRACE);
}

void outbound_wait(struct member *own, bool acked, uint64_t ms)
{
	enter(own, COMP_GRACE);
	own->acked = acked;
	timer_set(&own->grace, ms);
}

static void move_loose(struct list *from, struct member *to)
{
	LIST_EACH_SAFE (it, from) {
		struct stanza *st = LIST_ENTRY(it, struct stanza, link);

		stanza_set_member(st, to);
		st->done = NULL;
		list_del(it);
		list_add_tail(&to->loose, it);
	}
}

static void move_ghosts(struct member *from, struct member *to)
{
	struct stanza *st;

	while (ghosts_any(&from->ghosts)) {
		if (stanza_new(&st, ghosts_next(&from->ghosts)) == -EBADMSG)
			continue;
		(void)ghosts_keep(&to->ghosts, st);
		stanza_release(st);
	}
}

void outbound_ended(struct member *m)
{
	struct member *own = &m->component->own;

	timer_stop(&m->grace);
	timer_stop(&m->stuck);
	enter(m, COMP_AWAY);
	m->acked = true; /* questions wait: others may be there */
	sm_end(&m->sm, &m->component->past, &m->loose, loop_now(m->router->loop));
	move_loose(&m->loose, own);
	move_ghosts(m, own);
	lq_rewind(&m->queue);
	questions_lost(m);
	requests_lost(m);
}

void outbound_place(struct member *m, struct stanza *st, bool was_sent)
{
	struct lq_entry *e = outbound_enqueue(m, st);

	e->was_sent = was_sent;
	if (!was_sent && st->type == ST_IQ_GET && m->phase != COMP_ONLINE)
		outbound_enqueue_briefly(m, e);
}

void outbound_give_up(struct member *m)
{
	timer_stop(&m->brief);
	outbound_answer_all(m, true);
	move_ghosts(m, &m->component->own);
}

static void on_stuck(void *arg)
{
	struct member *m = arg;

	if (m->link && link_paused(m->link)) /* its acknowledgements may lie there unread */
		timer_set(&m->stuck, OUTBOUND_STUCK_MS);
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
	timer_init(&m->brief, l, outbound_on_brief, m);
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
		outbound_answer_all(m, true);
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
