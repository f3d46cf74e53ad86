/* SPDX-License-Identifier: MIT */
/* The turn of the event loop: what runs after libevent has made its callbacks, and in which order.
 *
 * Owns the lists of deferred tasks, of flushes and of objects to free, and the queue through which
 * other threads reach the loop.  Timers, watches and signals are loop_event.c's.
 *
 * A task's link says whether it waits: it is in at most one list.  Whatever is queued too late for
 * its place in the turn (a task deferred by a flush, one beyond the bound) makes the next turn
 * begin without waiting, so nothing is ever left lying.
 *
 * Must not: make a system call of its own per turn.  The time is taken through the vDSO, once, when
 * the first callback of the turn runs. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include <base/mem.h>

#include "loop_internal.h"

/* Tasks that defer tasks: so many times over within one turn, then sockets are looked at again. */
#define TASK_ROUNDS 16

static uint64_t clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t loop_now(const struct loop *l)
{
	return l->in_turn ? l->now : clock_ms(CLOCK_MONOTONIC) + l->offset;
}

int64_t loop_wall_ms(const struct loop *l)
{
	return (int64_t)(clock_ms(CLOCK_REALTIME) + l->offset);
}

void loop_enter(struct loop *l)
{
	l->busy = true;
	if (l->in_turn)
		return;
	l->now = loop_now(l);
	l->in_turn = true;
}

struct event_base *loop_base(struct loop *l)
{
	return l->base;
}

void loop_calls_add(struct loop_calls *c, void (*fn)(void *arg), void *arg)
{
	if (c->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 16;
		c->v = xreallocarray(c->v, c->cap, sizeof(*c->v));
	}
	c->v[c->n++] = (struct loop_call){ fn, arg };
}

/* --- tasks ------------------------------------------------------------------------------------ */

void task_init(struct task *t, void (*fn)(void *arg), void *arg)
{
	list_init(&t->link);
	t->fn = fn;
	t->arg = arg;
}

static void task_add(struct list *where, struct task *t)
{
	if (list_empty(&t->link)) /* one that waits already keeps its place */
		list_add_tail(where, &t->link);
}

void task_defer(struct loop *l, struct task *t)
{
	task_add(&l->tasks, t);
}
void task_next(struct loop *l, struct task *t)
{
	task_add(&l->next, t);
}
void task_flush(struct loop *l, struct task *t)
{
	task_add(&l->flush, t);
}

void task_cancel(struct task *t)
{
	if (t->fn)
		list_del(&t->link);
}

/* Takes the list first: what is added while it runs waits for the next call. */
static void run_list(struct loop *l, struct list *from)
{
	struct list batch = LIST_INIT(batch);

	if (list_empty(from))
		return;
	loop_enter(l);
	list_take(&batch, from);
	while (!list_empty(&batch)) {
		struct task *t = LIST_ENTRY(batch.next, struct task, link);

		list_del(&t->link);
		t->fn(t->arg);
	}
}

/* --- freeing ---------------------------------------------------------------------------------- */

void loop_reap(struct loop *l, void (*free_fn)(void *obj), void *obj)
{
	loop_calls_add(&l->reap, free_fn, obj);
}

static void run_reap(struct loop *l)
{
	/* A free function may reap further objects: n and v are read anew. */
	for (size_t i = 0; i < l->reap.n; i++)
		l->reap.v[i].fn(l->reap.v[i].arg);
	l->reap.n = 0;
}

/* --- from other threads ----------------------------------------------------------------------- */

void loop_post(struct loop *l, void (*fn)(void *arg), void *arg)
{
	static const uint64_t one = 1;
	bool first;

	pthread_mutex_lock(&l->lock);
	first = l->posted.n == 0;
	loop_calls_add(&l->posted, fn, arg);
	pthread_mutex_unlock(&l->lock);
	/* Whoever finds the queue empty wakes the loop; the others' calls leave with that batch. */
	while (first && write(l->wake_fd, &one, sizeof(one)) < 0)
		assert(errno == EINTR);
}

static void nothing(void *arg)
{
	(void)arg;
}

static void cancel_calls(struct loop_calls *c, void (*fn)(void *arg), void *arg)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->v[i].fn == fn && c->v[i].arg == arg)
			c->v[i].fn = nothing;
	}
}

void loop_post_cancel(struct loop *l, void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&l->lock);
	cancel_calls(&l->posted, fn, arg);
	pthread_mutex_unlock(&l->lock);
	cancel_calls(&l->taken, fn, arg);
}

/* The eventfd is watched edge-triggered: each write is an edge, so it need not be read. */
static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	struct loop_calls batch = l->taken;

	(void)fd;
	(void)what;
	loop_enter(l);
	pthread_mutex_lock(&l->lock);
	l->taken = l->posted;
	l->posted = batch;
	l->posted.n = 0;
	pthread_mutex_unlock(&l->lock);
	for (size_t i = 0; i < l->taken.n; i++)
		l->taken.v[i].fn(l->taken.v[i].arg);
}

/* --- the turn --------------------------------------------------------------------------------- */

static bool work_waits(const struct loop *l)
{
	return !list_empty(&l->tasks) || !list_empty(&l->next) || !list_empty(&l->flush) ||
	       l->reap.n > 0;
}

bool loop_turn(struct loop *l, bool wait)
{
	struct list due = LIST_INIT(due);
	int r;

	l->busy = false;
	if (work_waits(l))
		wait = false;
	list_take(&due, &l->next); /* what the events add to it is for the turn after this one */
	r = event_base_loop(l->base, wait ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert(r >= 0);

	/* Those for "the next turn" join here, behind what the events of this turn deferred. */
	while (!list_empty(&due)) {
		struct list *m = due.next;

		list_del(m);
		list_add_tail(&l->tasks, m);
	}
	for (int i = 0; i < TASK_ROUNDS && !list_empty(&l->tasks); i++)
		run_list(l, &l->tasks);
	run_list(l, &l->flush);
	run_reap(l);
	l->in_turn = false;
	return l->busy;
}

void loop_run(struct loop *l)
{
	while (!l->stop)
		(void)loop_turn(l, true);
	l->stop = false;
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}

/* --- the loop itself -------------------------------------------------------------------------- */

static struct event_base *base_new(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base;

	assert(cfg);
	(void)event_config_require_features(cfg, EV_FEATURE_ET | EV_FEATURE_O1);
	(void)event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	(void)event_config_set_flag(cfg, EVENT_BASE_FLAG_IGNORE_ENV);
	base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	assert(base);
	return base;
}

struct loop *loop_new(void)
{
	struct loop *l = xzalloc(sizeof(*l));
	int r;

	l->base = base_new();
	list_init(&l->timers);
	list_init(&l->tasks);
	list_init(&l->next);
	list_init(&l->flush);
	pthread_mutex_init(&l->lock, NULL);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert(l->wake_fd >= 0);
	l->wake_ev = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST | EV_ET, on_wake, l);
	assert(l->wake_ev);
	r = event_add(l->wake_ev, NULL);
	assert(r == 0);
	loop_clock_open(l);
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	run_reap(l);
	if (l->io)
		l->io_free(l->io);
	run_reap(l); /* what that closed */
	loop_clock_close(l);
	event_free(l->wake_ev);
	close(l->wake_fd);
	event_base_free(l->base);
	pthread_mutex_destroy(&l->lock);
	free(l->reap.v);
	free(l->posted.v);
	free(l->taken.v);
	free(l);
}
