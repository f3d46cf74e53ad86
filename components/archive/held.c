/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <base/mem.h>

#include "held.h"

enum { AGAIN_MS = 200 };

struct held {
	struct list link;
	struct comp_req *rq;
	uint64_t tx;
	const struct held_ops *ops;
	void *state;
};

static void drop(struct held *h)
{
	list_del(&h->link);
	if (h->ops->drop)
		h->ops->drop(h->state);
	free(h);
}

enum held_next held_until(struct archive *a, uint64_t tx)
{
	a->held.tx = tx;
	return tx > comp_tx_safe(a->c) ? HELD_UNTIL : HELD_DONE;
}

static void put(struct archive *a, struct held *h, enum held_next next)
{
	list_del(&h->link);
	if (next == HELD_DONE) {
		drop(h);
	} else if (next == HELD_UNTIL) {
		h->tx = a->held.tx;
		list_add_tail(&a->held.uncommitted, &h->link);
	} else if (next == HELD_NEXT) {
		list_add_tail(&a->held.next, &h->link);
		task_next(comp_loop(a->c), &a->held.task);
	} else {
		list_add_tail(&a->held.again, &h->link);
		if (!timer_armed(&a->held.timer))
			timer_set(&a->held.timer, AGAIN_MS);
	}
}

int held_start(
    struct archive *a, struct comp_req *rq, uint64_t tx, const struct held_ops *ops, void *state)
{
	bool waits = tx > comp_tx_safe(a->c);
	enum held_next next = waits ? HELD_NEXT : ops->run(a, rq, state);
	struct held *h;

	if (next == HELD_DONE) {
		if (ops->drop)
			ops->drop(state);
		return COMP_DONE;
	}
	h = xzalloc(sizeof(*h));
	*h = (struct held){ .rq = comp_defer(rq), .tx = tx, .ops = ops, .state = state };
	list_init(&h->link);
	if (waits)
		list_add_tail(&a->held.uncommitted, &h->link);
	else
		put(a, h, next);
	return COMP_DONE;
}

static void run(struct archive *a, struct held *h)
{
	put(a, h, h->ops->run(a, h->rq, h->state));
}

void held_committed(struct archive *a)
{
	uint64_t safe = comp_tx_safe(a->c);
	struct list waiting = LIST_INIT(waiting);
	struct held *h;

	list_take(&waiting, &a->held.uncommitted);
	while ((h = LIST_FIRST(&waiting, struct held, link))) {
		if (h->tx <= safe) {
			run(a, h);
		} else {
			list_del(&h->link);
			list_add_tail(&a->held.uncommitted, &h->link);
		}
	}
}

/* One in each turn, however many there are: between two, the loop does all else. */
static void on_turn(void *arg)
{
	struct archive *a = arg;
	struct held *h = LIST_FIRST(&a->held.next, struct held, link);

	if (h)
		run(a, h);
	if (!list_empty(&a->held.next))
		task_next(comp_loop(a->c), &a->held.task);
}

/* Those that are there now: who asks for another moment gets it later. */
static void on_again(void *arg)
{
	struct archive *a = arg;
	struct list ready = LIST_INIT(ready);

	list_take(&ready, &a->held.again);
	while (!list_empty(&ready))
		run(a, LIST_ENTRY(ready.next, struct held, link));
}

uint64_t held_behind(struct archive *a)
{
	return list_empty(&a->held.uncommitted) ? 0 : comp_tx_number(a->c);
}

bool held_fails(const struct archive *a)
{
	return !list_empty(&a->held.again);
}

void held_init(struct archive *a)
{
	list_init(&a->held.uncommitted);
	list_init(&a->held.next);
	list_init(&a->held.again);
	task_init(&a->held.task, on_turn, a);
	timer_init(&a->held.timer, comp_loop(a->c), on_again, a);
}

static void free_all(struct list *l)
{
	LIST_EACH_SAFE (it, l)
		drop(LIST_ENTRY(it, struct held, link));
}

void held_free(struct archive *a)
{
	task_cancel(&a->held.task);
	timer_stop(&a->held.timer);
	free_all(&a->held.uncommitted);
	free_all(&a->held.next);
	free_all(&a->held.again);
}

void held_stop(struct archive *a)
{
	held_free(a);
	timer_done(&a->held.timer);
}
