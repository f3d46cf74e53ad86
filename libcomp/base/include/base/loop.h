/* SPDX-License-Identifier: MIT */
/* The event loop: libevent below, and on top what this project's style needs: timers on a clock
 * that tests can move, calls deferred to the end of the turn, output flushed once per turn, and
 * objects freed after the turn in which they were closed.
 *
 * A turn is: wait, run the callbacks of ready events and due timers, run deferred tasks (those
 * that are queued meanwhile too, up to a bound), flush connections, free what was reaped.
 * One loop per process and thread; only loop_post() may be called from another thread. */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <base/list.h>

struct loop;
struct event;
struct event_base;

struct loop *loop_new(void);
void loop_free(struct loop *l);
void loop_run(struct loop *l);                /* until loop_stop() */
void loop_stop(struct loop *l);               /* ends after the current turn, which is completed */
bool loop_turn(struct loop *l, bool wait);    /* one turn, for tests; false: nothing was ready */
struct event_base *loop_base(struct loop *l); /* for libraries that bring their own events */

/* Milliseconds of a clock that never goes back, taken once per turn; and of the wall clock (Unix
 * time, also UTC).  loop_clock_advance moves both: timers that become due run in the next turn. */
uint64_t loop_now(const struct loop *l);
int64_t loop_wall_ms(const struct loop *l);
void loop_clock_advance(struct loop *l, uint64_t ms);

/* --- timers: embedded, one per object, rearmed ----------------------------------------------- */
struct timer {
	struct loop *loop;
	void (*fn)(void *arg);
	void *arg;
	struct event *ev;
	struct list link; /* armed timers of the loop */
	uint64_t due;     /* loop_now() at which it fires */
	uint64_t wake;    /* at which libevent calls: due, or earlier if it was put off */
};
void timer_init(struct timer *t, struct loop *l, void (*fn)(void *arg), void *arg);
void timer_set(struct timer *t, uint64_t ms); /* from now; replaces an earlier setting */
void timer_stop(struct timer *t);             /* also for one that is not armed */
void timer_done(struct timer *t);             /* stops and releases; zeroed memory is fine */
static inline bool timer_armed(const struct timer *t)
{
	return t->fn && !list_empty(&t->link);
}

/* --- end of the turn -------------------------------------------------------------------------- */
struct task {
	struct list link;
	void (*fn)(void *arg);
	void *arg;
};
void task_init(struct task *t, void (*fn)(void *arg), void *arg);
void task_defer(struct loop *l, struct task *t); /* once per turn, however often it is called */
void task_next(struct loop *l, struct task *t);  /* in the next turn, without waiting for events */
void task_cancel(struct task *t);

/* Flushing comes after all tasks: io.c registers here. */
void task_flush(struct loop *l, struct task *t);

/* Frees an object after the turn: no callback may free the object it was called for. */
void loop_reap(struct loop *l, void (*free_fn)(void *obj), void *obj);

/* --- the outside ------------------------------------------------------------------------------ */
enum { LOOP_READ = 1, LOOP_WRITE = 2 };
struct watch;
struct watch *watch_new(
    struct loop *l, int fd, void (*fn)(int fd, unsigned what, void *arg), void *arg);
void watch_set(struct watch *w, unsigned what); /* LOOP_READ | LOOP_WRITE, level-triggered */
void watch_free(struct watch *w);               /* NULL is fine; the fd stays the caller's */

struct sig;
struct sig *sig_new(struct loop *l, int signo, void (*fn)(int signo, void *arg), void *arg);
void sig_free(struct sig *s);

/* From any thread: fn(arg) runs on the loop's thread soon.  After loop_stop() it may never run. */
void loop_post(struct loop *l, void (*fn)(void *arg), void *arg);
/* On the loop's thread, before arg is freed: what was posted so and has not run never will. */
void loop_post_cancel(struct loop *l, void (*fn)(void *arg), void *arg);

#endif
