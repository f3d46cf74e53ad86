/* SPDX-License-Identifier: MIT */
/* Stanzas that came and wait for their turn, and deferred requests that are given out again.
 *
 * Handlers run while few enough transactions wait for the disk and the server takes what they
 * send.  On an acknowledged link reading goes on meanwhile, for the server's acknowledgements are
 * what makes room: what comes waits here, bounded by the server's queue and, last, by a bound of
 * our own that costs the link.  On a plain one reading pauses (comp_link.c).
 *
 * What was not handled when an acknowledged link is lost is dropped: it is not counted, so it is
 * sent again. */
#include <base/arena.h>
#include <base/lim.h>

#include "comp_internal.h"

struct held { /* in the stanza's arena */
	struct list link;
	struct el *el;
	size_t len;
	uint64_t n;
	bool repeated;
	bool share; /* share_is() */
};

static struct held *hold(struct comp *c, struct el *el, uint64_t n)
{
	struct held *h = arena_zalloc(el_arena(el), sizeof(*h));

	list_init(&h->link);
	h->el = el;
	h->len = el_wire_len(el);
	h->n = n;
	c->inbox.bytes += h->len;
	return h;
}

void inbox_add(struct comp *c, struct el *el, uint64_t n, bool repeated)
{
	struct held *h = hold(c, el, n);

	h->repeated = repeated;
	h->share = !repeated && share_is(c, el);
	c->inbox.n_share += h->share;
	list_add_tail(&c->inbox.list, &h->link);
}

void inbox_add_first(struct comp *c, struct el *el, uint64_t n)
{
	struct held *h = hold(c, el, n);

	h->repeated = true;
	list_add_head(&c->inbox.list, &h->link);
}

static void take(struct comp *c, struct held *h)
{
	list_del(&h->link);
	c->inbox.bytes -= h->len;
	c->inbox.n_share -= h->share;
}

void inbox_drop(struct comp *c, bool all)
{
	LIST_EACH_SAFE (it, &c->inbox.list) {
		struct held *h = LIST_ENTRY(it, struct held, link);

		if (!all && (h->n == 0 || h->repeated))
			continue;
		take(c, h);
		el_free(h->el);
	}
}

/* When the server waits for an answer about the domain (5 s, then the session is over) what comes
 * before it is handled while any of its output can be kept. */
static bool room_for_output(const struct comp *c)
{
	size_t queued = out_queued(c);

	if (c->inbox.n_share > 0 && queued - c->ledger.adopted <= COMP_QUEUE_MAX)
		return true;
	return queued <= (c->ledger.sm_id ? COMP_OUTBOX_HIGH : COMP_QUEUE_HIGH);
}

static bool room(const struct comp *c)
{
	const struct ledger *d = &c->ledger;

	return d->state == LEDGER_OK && !c->stopping && !c->share.busy &&
	       d->n_open < COMP_OPEN_MAX && room_for_output(c);
}

void inbox_run(struct comp *c)
{
	for (int n = 0; !list_empty(&c->inbox.list) && room(c); n++) {
		struct held *h = LIST_ENTRY(c->inbox.list.next, struct held, link);
		uint64_t number = h->n;
		bool repeated = h->repeated;

		if (n == LIM_TURN_STANZAS) {
			task_next(c->loop, &c->inbox.task);
			return;
		}
		if (h->share && !share_ready(c, h->el, number))
			return;
		take(c, h);
		tx_begin(c, repeated ? 0 : number);
		comp_inbound(c, h->el, number, repeated);
		tx_end(c);
		if (c->stopping) /* in this handler: there is no later for the count */
			tx_write(c);
		comp_tx_over(c);
	}
}

static void on_task(void *arg)
{
	struct comp *c = arg;

	inbox_run(c);
	link_kick(&c->link);
}

void inbox_kick(struct comp *c)
{
	if (!list_empty(&c->inbox.list))
		task_defer(c->loop, &c->inbox.task);
}

void inbox_init(struct comp *c)
{
	list_init(&c->inbox.list);
	task_init(&c->inbox.task, on_task, c);
}

void inbox_done(struct comp *c)
{
	task_cancel(&c->inbox.task);
	inbox_drop(c, true);
}
