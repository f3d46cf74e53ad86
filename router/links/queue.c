/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include <base/arena.h>

#include "core/stanza.h"
#include "links/queue.h"

void lq_init(struct lq *q)
{
	*q = (struct lq){ 0 };
	list_init(&q->all);
	list_init(&q->brief);
	q->next = &q->all;
}

/* What the router itself says is bounded where it is said: only what has a user or a component
 * behind it can be too much. */
static bool has_share(const struct stanza *st)
{
	return st->payer.s || (st->from.s && (st->from.dom || st->component));
}

static struct share share_of(const struct stanza *st)
{
	if (st->payer.s)
		return shares_of(&st->payer, st->payer_is_component);
	return shares_of(&st->from, st->component != NULL);
}

bool lq_fits(const struct lq *q, const struct stanza *st, size_t max)
{
	size_t bytes = arena_size(el_arena(st->el));

	if (q->n > 0 && q->bytes + bytes > max)
		return false;
	return !has_share(st) || shares_fit(&q->shares, share_of(st), bytes, max);
}

bool lq_fits_bytes(const struct lq *q, size_t bytes, struct share share, size_t max)
{
	return (q->n == 0 || q->bytes + bytes <= max) && shares_fit(&q->shares, share, bytes, max);
}

struct lq_entry *lq_add(struct lq *q, struct stanza *st)
{
	struct arena *a = el_arena(st->el);
	struct lq_entry *e = arena_zalloc(a, sizeof(*e));

	e->st = stanza_hold(st);
	e->bytes = arena_size(a);
	list_init(&e->of_brief);
	if (has_share(st)) {
		e->shared = true;
		e->share = share_of(st);
		shares_take(&q->shares, e->share, e->bytes);
	}
	list_add_tail(&q->all, &e->of_queue);
	if (q->next == &q->all)
		q->next = &e->of_queue;
	q->bytes += e->bytes;
	q->unsent_bytes += e->bytes;
	q->n++;
	return e;
}

struct lq_entry *lq_first(const struct lq *q)
{
	return LIST_FIRST(&q->all, struct lq_entry, of_queue);
}

struct lq_entry *lq_unsent(const struct lq *q)
{
	return q->next == &q->all ? NULL : LIST_ENTRY(q->next, struct lq_entry, of_queue);
}

void lq_mark_sent(struct lq *q, struct lq_entry *e)
{
	assert(q->next == &e->of_queue);
	q->next = e->of_queue.next;
	list_del(&e->of_brief);
	e->unacked = e->was_sent = true;
	q->n_unacked++;
	q->unsent_bytes -= e->bytes;
}

struct stanza *lq_take(struct lq *q, struct lq_entry *e)
{
	struct stanza *st = e->st;

	if (q->next == &e->of_queue)
		q->next = e->of_queue.next;
	list_del(&e->of_queue);
	list_del(&e->of_brief);
	if (e->unacked)
		q->n_unacked--;
	else
		q->unsent_bytes -= e->bytes;
	q->bytes -= e->bytes;
	q->n--;
	if (e->shared)
		shares_give(&q->shares, e->share, e->bytes);
	return st;
}

void lq_rewind(struct lq *q)
{
	LIST_EACH (it, &q->all) {
		struct lq_entry *e = LIST_ENTRY(it, struct lq_entry, of_queue);

		if (!e->unacked)
			break;
		e->unacked = false;
	}
	q->next = q->all.next;
	q->n_unacked = 0;
	q->unsent_bytes = q->bytes;
}

void lq_set_brief(struct lq *q, struct lq_entry *e, uint64_t due)
{
	assert(!e->unacked);
	e->due = due;
	list_del(&e->of_brief);
	list_add_tail(&q->brief, &e->of_brief);
}

struct lq_entry *lq_first_brief(const struct lq *q)
{
	return LIST_FIRST(&q->brief, struct lq_entry, of_brief);
}
