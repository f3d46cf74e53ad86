/* SPDX-License-Identifier: MIT */
/* Questions of our own: an iq get or set that waits for its answer.
 *
 * Each waits in a map under its id with a timer of its own; an answer counts only if it also comes
 * from whom was asked, so a guessed id is worth nothing.  The callback runs exactly once, never
 * inside comp_ask(): what fails at once fails in a task.
 *
 * On an acknowledged link it survives a loss of the connection that is resumed.
 *
 * A question that is over leaves the map first, then its callback runs, then the turn frees it. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <base/rnd.h>

#include "comp_internal.h"

#define ID_LEN 16

struct comp_iq {
	struct comp *c;
	char id[ID_LEN + 1];
	struct jid to; /* whom we asked */
	struct map_node node;
	struct timer timer;
	struct task task;
	struct list link; /* in c->failed */
	comp_iq_cb *cb;
	void *arg;
	bool wrapped; /* asked in somebody's name */
	int err;      /* for the task */
};

static void release(void *obj)
{
	struct comp_iq *q = obj;

	jid_done(&q->to);
	free(q);
}

/* Out of the map and the list, to be freed after the turn. */
static void retire(struct comp_iq *q)
{
	if (list_empty(&q->link))
		map_del(&q->c->asks, &q->node);
	list_del(&q->link);
	timer_done(&q->timer);
	task_cancel(&q->task);
	loop_reap(q->c->loop, release, q);
}

static void end(struct comp_iq *q, int err, const struct el *answer)
{
	const struct el *inner = q->wrapped && err == 0 ? comp_unwrap(answer) : NULL;

	retire(q);
	if (inner) {
		answer = inner;
		err = !strcmp(el_attr(inner, "type"), "error") ? -EBADMSG : 0;
	}
	q->cb(q->c, err, answer, q->arg);
}

static void on_timeout(void *arg)
{
	end(arg, -ETIMEDOUT, NULL);
}

static void on_failed(void *arg)
{
	struct comp_iq *q = arg;

	end(q, q->err, NULL);
}

static int send_iq(struct comp_iq *q, struct el *iq)
{
	const char *member = comp_member(q->c);

	if (q->c->stopping || q->c->ledger.state != LEDGER_OK)
		return -ECANCELED;
	if (map_len(&q->c->asks) >= COMP_ASKS_MAX)
		return -ENOBUFS;
	el_set(iq, "id", q->id);
	/* Where the domain is shared the answer has to come to who asked. */
	if (!el_attr(iq, "from") && member)
		el_setf(iq, "from", "%s/%s", q->c->domain, member);
	else if (!el_attr(iq, "from"))
		el_set(iq, "from", q->c->domain);
	return tx_send(q->c, iq, NULL, NULL, false);
}

static struct comp_iq *ask_new(struct comp *c, comp_iq_cb *cb, void *arg)
{
	struct comp_iq *q = xzalloc(sizeof(*q));

	q->c = c;
	q->cb = cb;
	q->arg = arg;
	list_init(&q->link);
	task_init(&q->task, on_failed, q);
	timer_init(&q->timer, c->loop, on_timeout, q);
	return q;
}

static void fail_later(struct comp_iq *q, int err)
{
	q->err = err;
	list_add_tail(&q->c->failed, &q->link);
	task_defer(q->c->loop, &q->task);
}

struct comp_iq *comp_ask(
    struct comp *c, struct el *iq, unsigned timeout_ms, comp_iq_cb *cb, void *arg)
{
	struct comp_iq *q = ask_new(c, cb, arg);
	struct jid to;
	int r;

	assert(el_kind(iq) == EL_IQ && el_attr(iq, "to"));
	r = jid_parse(&to, el_arena(iq), el_attr(iq, "to"));
	assert(r == 0); /* an address from the wire has been through jid_parse() already */
	q->to = jid_dup(&to);
	rnd_id(q->id, ID_LEN);
	r = send_iq(q, iq);
	el_free(iq);
	if (r < 0) {
		fail_later(q, r);
		return q;
	}
	map_put(&c->asks, &q->node, q->id, ID_LEN);
	timer_set(&q->timer, timeout_ms);
	return q;
}

struct comp_iq *comp_ask_failed(struct comp *c, int err, comp_iq_cb *cb, void *arg)
{
	struct comp_iq *q = ask_new(c, cb, arg);

	fail_later(q, err);
	return q;
}

void comp_ask_wrapped(struct comp_iq *q)
{
	q->wrapped = true;
}

void comp_ask_cancel(struct comp_iq *q)
{
	if (q)
		retire(q);
}

void comp_answer(struct comp *c, const struct el *iq, const struct jid *from)
{
	const char *id = el_attr(iq, "id");
	struct map_node *n = id ? map_gets(&c->asks, id) : NULL;
	struct comp_iq *q = n ? MAP_ENTRY(n, struct comp_iq, node) : NULL;

	if (!q || !jid_same(&q->to, from)) {
		static const struct log_tag tag = { .mod = "comp" };

		log_debug(&tag, "dropped an answer from %s to no question of ours", from->s);
		return;
	}
	end(q, strcmp(el_attr(iq, "type"), "error") == 0 ? -EBADMSG : 0, iq);
}

void comp_asks_fail(struct comp *c, int err)
{
	struct list due = LIST_INIT(due);
	struct map_node *n;

	if (err == -ECANCELED)
		list_take(&due, &c->failed);
	/* All at once out of the map: a callback may cancel others, and what it asks anew is not
	 * one of these. */
	while ((n = map_first(&c->asks))) {
		struct comp_iq *q = MAP_ENTRY(n, struct comp_iq, node);

		map_del(&c->asks, n);
		timer_stop(&q->timer);
		q->err = err;
		list_add_tail(&due, &q->link);
	}
	while (!list_empty(&due))
		on_failed(LIST_ENTRY(due.next, struct comp_iq, link));
}

void comp_asks_free(struct comp *c)
{
	struct map_node *n;

	while ((n = map_first(&c->asks)))
		retire(MAP_ENTRY(n, struct comp_iq, node));
	while (!list_empty(&c->failed))
		retire(LIST_ENTRY(c->failed.next, struct comp_iq, link));
	map_done(&c->asks);
}
