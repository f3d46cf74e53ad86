/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/db.h>
#include <base/health.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/mem.h>

#include "turn.h"

struct waiting {
	struct list link; /* in room->waiting or m->homeless */
	struct comp_req *rq;
	turn_fn *fn;
	enum turn_kind kind;
};
struct commit {
	struct room *room;
	bool alone;
	turn_done_fn *done;
	void *arg;
};

static const struct log_tag tag = { .mod = "room" };

/* --- running -----------------------------------------------------------------------------------
 */

void turn_end(struct comp_req *rq, int ret)
{
	if (ret < 0)
		comp_reply_err(rq, (enum el_cond)(-ret), NULL);
	else if (ret == TURN_DONE)
		comp_reply_ok(rq);
}

int turn_refuse(struct comp_req *rq, enum el_cond cond, const char *type, const char *text)
{
	comp_reply(rq, el_error_reply_type(comp_el(rq), cond, type, text));
	return TURN_ANSWERED;
}

static bool must_wait(const struct room *r, enum turn_kind kind)
{
	if (!list_empty(&r->waiting))
		return true;
	return kind == TURN_STREAM ? r->exclusive : r->committing > 0;
}

static void run(struct muc *m, struct room *r, struct comp_req *rq, turn_fn *fn)
{
	int ret;

	if (r && room_load(r) < 0)
		ret = turn_refuse(
		    rq, COND_RESOURCE_CONSTRAINT, "wait", "The room cannot be read now.");
	else
		ret = fn(m, r, rq);
	if (ret != TURN_HELD)
		turn_end(rq, ret);
	if (r)
		room_settle(r);
}

int turn_take(struct muc *m, struct comp_req *rq, turn_fn *fn, enum turn_kind kind)
{
	struct room *r = rooms_find_jid(m, comp_to(rq));
	struct waiting *w;

	if (m->stopping)
		return -COND_SERVICE_UNAVAILABLE;
	if (r && r->n_waiting >= MUC_WAITING_MAX)
		return -COND_RESOURCE_CONSTRAINT;
	comp_defer(rq);
	if (!r || !must_wait(r, kind)) {
		run(m, r, rq, fn);
		return COMP_DONE;
	}
	w = xmalloc(sizeof(*w));
	*w = (struct waiting){ .rq = rq, .fn = fn, .kind = kind };
	list_add_tail(&r->waiting, &w->link);
	r->n_waiting++;
	return COMP_DONE;
}

/* --- waiting -----------------------------------------------------------------------------------
 */

static bool first_has_turn(const struct room *r)
{
	const struct waiting *w = LIST_FIRST(&r->waiting, struct waiting, link);

	if (!w || r->gone)
		return false;
	return w->kind == TURN_STREAM ? !r->exclusive : r->committing == 0;
}

static void run_waiting(struct muc *m, struct room *r, struct waiting *w)
{
	list_del(&w->link);
	r->n_waiting--;
	run(m, r, w->rq, w->fn);
	free(w);
}

/* At the end of the turn of the loop in which the last commit was reported.  A room that ends
 * meanwhile leaves what waits for it to the second list. */
static void on_drain(void *arg)
{
	struct muc *m = arg;

	while (!list_empty(&m->ready)) {
		struct room *r = LIST_FIRST(&m->ready, struct room, ready);

		list_del(&r->ready);
		while (first_has_turn(r))
			run_waiting(m, r, LIST_ENTRY(r->waiting.next, struct waiting, link));
	}
	while (!list_empty(&m->homeless)) {
		struct waiting *w = LIST_FIRST(&m->homeless, struct waiting, link);
		struct room *r = rooms_find_jid(m, comp_to(w->rq)); /* a new one of this name */

		if (r && must_wait(r, w->kind)) {
			list_del(&w->link);
			list_add_tail(&r->waiting, &w->link);
			r->n_waiting++;
			continue;
		}
		list_del(&w->link);
		run(m, r, w->rq, w->fn);
		free(w);
	}
}

void turn_homeless(struct room *r)
{
	struct muc *m = r->m;

	list_del(&r->ready);
	while (!list_empty(&r->waiting)) {
		struct list *first = r->waiting.next;

		list_del(first);
		list_add_tail(&m->homeless, first);
	}
	r->n_waiting = 0;
	if (!list_empty(&m->homeless))
		task_defer(comp_loop(m->c), &m->drain);
}

/* --- committing --------------------------------------------------------------------------------
 */

enum el_cond turn_cond(int err)
{
	return err == -EINVAL || err == -EEXIST ? COND_INTERNAL_SERVER_ERROR
	                                        : COND_RESOURCE_CONSTRAINT;
}

/* Not ready while nothing can be kept. */
static void show_health(const struct muc *m)
{
	if (!m->stopping)
		health_set(comp_health(m->c), "database", true,
		    db_healthy(m->db) ? NULL : "rooms cannot be written");
}

static void on_committed(int err, void *arg)
{
	struct commit *k = arg;
	struct room *r = k->room;
	struct muc *m = r->m;

	if (err < 0)
		log_err(&tag, LOG_LVL_WARN, err, "a change of %s was not kept", r->local);
	show_health(m);
	r->committing--;
	if (k->alone)
		r->exclusive = false;
	k->done(r, err, k->arg);
	if (!r->gone && !list_empty(&r->waiting) && list_empty(&r->ready)) {
		list_add_tail(&m->ready, &r->ready);
		task_defer(comp_loop(m->c), &m->drain);
	}
	room_settle(r);
	free(k);
}

void turn_commit(struct room *r, struct db_batch *b, bool alone, turn_done_fn *done, void *arg)
{
	struct commit *k;

	if (!b) {
		done(r, 0, arg);
		return;
	}
	k = xmalloc(sizeof(*k));
	*k = (struct commit){ .room = r, .alone = alone, .done = done, .arg = arg };
	r->committing++;
	if (alone)
		r->exclusive = true;
	db_submit(b, on_committed, k);
}

/* --- life --------------------------------------------------------------------------------------
 */

void turn_init(struct muc *m)
{
	list_init(&m->ready);
	list_init(&m->homeless);
	task_init(&m->drain, on_drain, m);
}

void turn_stop(struct muc *m)
{
	task_cancel(&m->drain);
	list_init(&m->ready);
	for (size_t i = 0; i < m->n_sorted; i++)
		turn_homeless(m->sorted[i]);
	task_cancel(&m->drain);
	while (!list_empty(&m->homeless)) {
		struct waiting *w = LIST_FIRST(&m->homeless, struct waiting, link);

		list_del(&w->link);
		turn_end(w->rq, -COND_SERVICE_UNAVAILABLE);
		free(w);
	}
}
