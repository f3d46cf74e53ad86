/* SPDX-License-Identifier: MIT */
/* Each open question waits in its component's map under its id, with a timer.  What fails at once
 * fails in a task, so that no callback runs inside the call that asks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/list.h>
#include <base/loop.h>
#include <base/map.h>
#include <base/mem.h>
#include <base/rnd.h>

#include "core/stanza.h"
#include "links/ask.h"
#include "links/component.h"
#include "router.h"

#define ID_LEN 20

struct asks {
	struct router *router;
	struct map open;    /* struct ask.node by id */
	struct list failed; /* struct ask.link: not sent, the callback is due */
};

struct ask {
	struct asks *asks;
	char id[ID_LEN + 1];
	char *from, *to; /* of the question */
	struct map_node node;
	struct list link;
	struct timer timer;
	struct task task;
	int err;
	ask_fn *fn;
	void *arg;
};

static void release(void *obj)
{
	struct ask *q = obj;

	free(q->from);
	free(q->to);
	free(q);
}

static void end(struct ask *q, int err, const struct el *answer)
{
	if (list_empty(&q->link))
		map_del(&q->asks->open, &q->node);
	list_del(&q->link);
	timer_done(&q->timer);
	task_cancel(&q->task);
	loop_reap(q->asks->router->loop, release, q);
	q->fn(err, answer, q->arg);
}

static void on_timeout(void *arg)
{
	end(arg, -ETIMEDOUT, NULL);
}

static void on_failed(void *arg)
{
	struct ask *q = arg;

	end(q, q->err, NULL);
}

static void fail_soon(struct ask *q, int err)
{
	q->err = err;
	list_add_tail(&q->asks->failed, &q->link);
	task_defer(q->asks->router->loop, &q->task);
}

void asks_lost_one(struct asks *a, const char *id)
{
	struct map_node *n = map_gets(&a->open, id);

	if (!n)
		return;
	map_del(&a->open, n);
	timer_stop(&MAP_ENTRY(n, struct ask, node)->timer);
	fail_soon(MAP_ENTRY(n, struct ask, node), -ENOTCONN);
}

/* The question has left the component's hands, or its queue without having been sent. */
static void on_gone(struct stanza *st)
{
	if (st->dropped)
		asks_lost_one(st->arg, el_attr(st->el, "id"));
}

/* Takes iq. */
static int send_question(struct component *c, struct asks *a, struct el *iq)
{
	enum component_verdict v = COMPONENT_TOO_LONG;
	struct stanza *st;

	if (map_len(&a->open) >= ASKS_MAX) {
		el_free(iq);
		return -ENOBUFS;
	}
	if (stanza_new(&st, iq) != -EBADMSG) {
		st->done = on_gone;
		st->arg = a;
		v = component_send(c, st);
		if (v == COMPONENT_TAKEN && st->dropped) /* out of the queue, onto the link: no */
			v = COMPONENT_TOO_LONG;
		stanza_release(st);
	}
	switch (v) {
	case COMPONENT_TAKEN:
		return 0;
	case COMPONENT_AWAY:
		return -ENOTCONN;
	case COMPONENT_TOO_LONG:
		return -EMSGSIZE;
	default:
		return -ENOBUFS;
	}
}

void component_ask(struct component *c, struct el *iq, unsigned timeout_ms, ask_fn *fn, void *arg)
{
	struct asks *a = component_asks(c);
	struct ask *q = xzalloc(sizeof(*q));
	int r;

	q->asks = a;
	q->fn = fn;
	q->arg = arg;
	rnd_id(q->id, ID_LEN);
	el_set(iq, "id", q->id);
	if (!el_attr(iq, "to"))
		el_set(iq, "to", component_domain(c));
	q->from = xstrdup(el_attr(iq, "from"));
	q->to = xstrdup(el_attr(iq, "to"));
	list_init(&q->link);
	timer_init(&q->timer, a->router->loop, on_timeout, q);
	task_init(&q->task, on_failed, q);
	r = send_question(c, a, iq);
	if (r < 0) {
		fail_soon(q, r);
		return;
	}
	map_put(&a->open, &q->node, q->id, ID_LEN);
	timer_set(&q->timer, timeout_ms);
}

bool asks_answer(struct component *c, struct stanza *st)
{
	const char *id = el_attr(st->el, "id");
	struct map_node *n;
	struct ask *q;

	if ((st->type != ST_IQ_RESULT && st->type != ST_IQ_ERROR) || !id || !st->to.s)
		return false;
	n = map_gets(&component_asks(c)->open, id);
	q = n ? MAP_ENTRY(n, struct ask, node) : NULL;
	if (!q || strcmp(q->from, st->to.s) != 0 || strcmp(q->to, st->from.s) != 0)
		return false;
	end(q, st->type == ST_IQ_ERROR ? -EBADMSG : 0, st->el);
	return true;
}

void asks_lost(struct asks *a)
{
	struct map_node *n;

	while ((n = map_first(&a->open))) {
		struct ask *q = MAP_ENTRY(n, struct ask, node);

		map_del(&a->open, n);
		timer_stop(&q->timer);
		fail_soon(q, -ENOTCONN);
	}
}

struct asks *asks_new(struct router *r)
{
	struct asks *a = xzalloc(sizeof(*a));

	a->router = r;
	map_init(&a->open);
	list_init(&a->failed);
	return a;
}

void asks_free(struct asks *a)
{
	struct map_node *n;

	if (!a)
		return;
	while ((n = map_first(&a->open)))
		end(MAP_ENTRY(n, struct ask, node), -ECANCELED, NULL);
	while (!list_empty(&a->failed))
		end(LIST_ENTRY(a->failed.next, struct ask, link), -ECANCELED, NULL);
	map_done(&a->open);
	free(a);
}
