/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <base/mem.h>

#include "later.h"

struct later {
	struct list link;
	struct muc *m;
	struct comp_req *rq;
	uint64_t tx;
	const struct later_ops *ops;
	void *state;
};

static void drop(const struct later_ops *ops, void *state)
{
	if (ops->drop)
		ops->drop(state);
}

static void later_drop(struct later *l)
{
	list_del(&l->link);
	drop(l->ops, l->state);
	free(l);
}

static void wait_turn(struct later *l)
{
	list_add_tail(&l->m->later.next, &l->link);
	task_next(comp_loop(l->m->c), &l->m->later.task);
}

int later_start(struct room *r, struct comp_req *rq, const struct later_ops *ops, void *state)
{
	struct muc *m = r->m;
	bool waits = r->history.tx > comp_tx_safe(m->c);
	int ret = waits ? LATER : ops->fn(m, r, rq, state);
	struct later *l;

	if (ret != LATER) {
		drop(ops, state);
		return ret;
	}
	l = xzalloc(sizeof(*l));
	*l = (struct later){
		.m = m, .rq = comp_defer(rq), .tx = r->history.tx, .ops = ops, .state = state
	};
	list_init(&l->link);
	if (waits)
		list_add_tail(&m->later.uncommitted, &l->link);
	else
		wait_turn(l);
	return ANSWERED;
}

static void run(struct later *l)
{
	struct muc *m = l->m;
	struct room *r = rooms_find_jid(m, comp_to(l->rq));
	int ret;

	list_del(&l->link);
	if (r && !room_is_ours(r)) /* so is what was asked */
		r = NULL;
	if (r && room_load(r) < 0)
		ret = -COND_RESOURCE_CONSTRAINT;
	else
		ret = l->ops->fn(m, r, l->rq, l->state);
	if (ret == LATER) {
		wait_turn(l);
		return;
	}
	if (ret < 0)
		(void)handler_refuse(l->rq, (enum el_cond)(-ret), NULL, NULL);
	else if (ret == HANDLED)
		comp_reply_ok(l->rq);
	later_drop(l);
}

void later_committed(struct muc *m)
{
	uint64_t safe = comp_tx_safe(m->c);

	LIST_EACH_SAFE (it, &m->later.uncommitted) {
		struct later *l = LIST_ENTRY(it, struct later, link);

		if (l->tx <= safe)
			run(l);
	}
}

/* Those that are there now: who asks for another turn gets it later. */
static void on_turn(void *arg)
{
	struct muc *m = arg;
	struct list ready = LIST_INIT(ready);

	list_take(&ready, &m->later.next);
	while (!list_empty(&ready))
		run(LIST_ENTRY(ready.next, struct later, link));
}

void later_init(struct muc *m)
{
	list_init(&m->later.uncommitted);
	list_init(&m->later.next);
	task_init(&m->later.task, on_turn, m);
}

void later_free(struct muc *m)
{
	task_cancel(&m->later.task);
	LIST_EACH_SAFE (it, &m->later.uncommitted)
		later_drop(LIST_ENTRY(it, struct later, link));
	LIST_EACH_SAFE (it, &m->later.next)
		later_drop(LIST_ENTRY(it, struct later, link));
}
