/* SPDX-License-Identifier: MIT */
/* What loop.c, loop_event.c and io*.c share and nobody else includes. */
#ifndef BASE_LOOP_INTERNAL_H
#define BASE_LOOP_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/list.h>
#include <base/loop.h>

struct event;
struct event_base;
struct io_shared;

struct loop_call {
	void (*fn)(void *arg);
	void *arg;
};
struct loop_calls {
	struct loop_call *v;
	size_t n, cap;
};

struct loop {
	struct event_base *base;
	bool stop;
	bool busy; /* something ran in this turn */

	bool in_turn;    /* `now` is that of this turn; otherwise the clock is asked */
	uint64_t now;    /* offset included */
	uint64_t offset; /* by how much tests have moved the clock */
	struct event *clock_ev;
	const char *clock_file;

	struct list timers; /* armed, in no order */
	struct list tasks;  /* end of this turn */
	struct list next;   /* end of the next turn */
	struct list flush;  /* after the tasks */
	struct loop_calls reap;

	pthread_mutex_t lock; /* guards posted */
	struct loop_calls posted;
	struct loop_calls
	    taken; /* the batch that is running: its memory is swapped with posted's */
	int wake_fd;
	struct event *wake_ev;

	struct io_shared *io; /* io.c's buffers and resolver; NULL until the first stream */
	void (*io_free)(struct io_shared *sh);
};

void loop_calls_add(struct loop_calls *c, void (*fn)(void *arg), void *arg);

/* Every callback that libevent makes into this library begins with this one: it takes the time of
 * the turn. */
void loop_enter(struct loop *l);

/* Test hook: follows SWITCHYARD_CLOCK_FILE; nothing in a build without hooks. */
void loop_clock_open(struct loop *l);
void loop_clock_close(struct loop *l);

#endif
