/* SPDX-License-Identifier: MIT */
/* Timers, watched descriptors and signals: one libevent event each.
 *
 * A timer is armed while it is in its loop's list; `due` is on loop_now()'s clock, which tests
 * move, and `wake` is when libevent will call, on the same clock.  wake <= due: setting an armed
 * timer to a later time, which is what an idle time-out does with every byte, only writes `due`,
 * and the early call puts the event back for the rest.  libevent's clock is coarser than ours as
 * well, so a call may come some milliseconds early; the same test covers that.
 *
 * Must not: call an owner twice for one timer_set(), or before loop_now() has reached `due`. */
#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include <base/mem.h>

#include "loop_internal.h"

#define CLOCK_POLL_MS 20

static struct timeval ms_to_tv(uint64_t ms)
{
	return (struct timeval){ .tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000) };
}

/* --- timers ----------------------------------------------------------------------------------- */

static void wake_in(struct timer *t, uint64_t ms)
{
	struct timeval tv = ms_to_tv(ms);
	int r;

	t->wake = t->due;
	r = event_add(t->ev, &tv);
	assert(r == 0);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;
	uint64_t now;

	(void)fd;
	(void)what;
	loop_enter(t->loop);
	now = loop_now(t->loop);
	if (now < t->due) {
		wake_in(t, t->due - now);
		return;
	}
	list_del(&t->link);
	t->fn(t->arg);
}

void timer_init(struct timer *t, struct loop *l, void (*fn)(void *arg), void *arg)
{
	*t = (struct timer){ .loop = l, .fn = fn, .arg = arg };
	list_init(&t->link);
}

void timer_set(struct timer *t, uint64_t ms)
{
	uint64_t now = loop_now(t->loop);
	bool armed = timer_armed(t);

	t->due = now + ms;
	if (armed && t->wake <= t->due)
		return;
	if (!t->ev) {
		t->ev = evtimer_new(t->loop->base, on_timer, t);
		assert(t->ev);
	}
	if (!armed)
		list_add_tail(&t->loop->timers, &t->link);
	wake_in(t, ms);
}

void timer_stop(struct timer *t)
{
	if (!timer_armed(t))
		return;
	list_del(&t->link);
	event_del(t->ev);
}

void timer_done(struct timer *t)
{
	timer_stop(t);
	if (t->ev)
		event_free(t->ev);
	*t = (struct timer){ 0 };
}

/* --- the clock that tests move ---------------------------------------------------------------- */

static int timer_cmp(const void *a, const void *b)
{
	const struct timer *const *x = a, *const *y = b;

	return (*x)->due < (*y)->due ? -1 : (*x)->due > (*y)->due;
}

/* In the order in which they were due: a test that jumps an hour sees what an hour would show. */
static void fire_due(struct loop *l, size_t n)
{
	struct timer **due = xreallocarray(NULL, n ? n : 1, sizeof(struct timer *));
	size_t i = 0;

	LIST_EACH (it, &l->timers) {
		struct timer *t = LIST_ENTRY(it, struct timer, link);

		if (t->due <= loop_now(l))
			due[i++] = t;
	}
	qsort(due, i, sizeof(struct timer *), timer_cmp);
	for (size_t k = 0; k < i; k++) {
		event_del(due[k]->ev);
		event_active(due[k]->ev, EV_TIMEOUT, 0);
	}
	free(due);
}

void loop_clock_advance(struct loop *l, uint64_t ms)
{
	uint64_t now;
	size_t n = 0;

	l->offset += ms;
	l->now += ms;
	now = loop_now(l);
	LIST_EACH (it, &l->timers) {
		struct timer *t = LIST_ENTRY(it, struct timer, link);

		n++;
		if (t->due > now)
			wake_in(t, t->due - now);
	}
	fire_due(l, n);
}

#ifdef SWITCHYARD_TEST_HOOKS
/* Says by how much it has moved: the test waits for it. */
static void clock_moved(const struct loop *l)
{
	char name[PATH_MAX];
	FILE *f;

	(void)snprintf(name, sizeof(name), "%s.%d", l->clock_file, (int)getpid());
	f = fopen(name, "we");
	if (!f)
		return;
	(void)fprintf(f, "%" PRIu64 "\n", l->offset);
	(void)fclose(f);
}

/* The file holds the whole offset in milliseconds; the test replaces it by rename. */
static void on_clock(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	char text[32] = "";
	FILE *f = fopen(l->clock_file, "re");
	long long want;

	(void)fd;
	(void)what;
	if (!f)
		return;
	if (fgets(text, sizeof(text), f)) {
		want = strtoll(text, NULL, 10);
		if (want > 0 && (uint64_t)want > l->offset) {
			loop_clock_advance(l, (uint64_t)want - l->offset);
			clock_moved(l);
		}
	}
	(void)fclose(f);
}

void loop_clock_open(struct loop *l)
{
	struct timeval tv = ms_to_tv(CLOCK_POLL_MS);

	l->clock_file = getenv("SWITCHYARD_CLOCK_FILE");
	if (!l->clock_file)
		return;
	l->clock_ev = event_new(l->base, -1, EV_PERSIST, on_clock, l);
	assert(l->clock_ev);
	(void)event_add(l->clock_ev, &tv);
	on_clock(-1, 0, l); /* a program started later begins at the same time */
}
#else
void loop_clock_open(struct loop *l)
{
	(void)l;
}
#endif

void loop_clock_close(struct loop *l)
{
	if (l->clock_ev)
		event_free(l->clock_ev);
}

/* --- descriptors ------------------------------------------------------------------------------ */

/* An event each for reading and writing: changing one is a single epoll_ctl.  Most watches never
 * write, so that one is made when it is first wanted. */
struct watch {
	struct loop *loop;
	void (*fn)(int fd, unsigned what, void *arg);
	void *arg;
	struct event *rd, *wr;
	unsigned what; /* what libevent knows */
};

static void on_fd(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	loop_enter(w->loop);
	w->fn(fd, what & EV_WRITE ? LOOP_WRITE : LOOP_READ, w->arg);
}

struct watch *watch_new(
    struct loop *l, int fd, void (*fn)(int fd, unsigned what, void *arg), void *arg)
{
	struct watch *w = xzalloc(sizeof(*w));

	w->loop = l;
	w->fn = fn;
	w->arg = arg;
	w->rd = event_new(l->base, fd, EV_READ | EV_PERSIST, on_fd, w);
	assert(w->rd);
	return w;
}

static void event_switch(struct event *ev, bool on)
{
	int r = on ? event_add(ev, NULL) : event_del(ev);

	assert(r == 0);
}

void watch_set(struct watch *w, unsigned what)
{
	unsigned change = what ^ w->what;

	if (!change) /* the common case costs no epoll_ctl */
		return;
	w->what = what;
	if ((change & LOOP_WRITE) && !w->wr) {
		w->wr =
		    event_new(w->loop->base, event_get_fd(w->rd), EV_WRITE | EV_PERSIST, on_fd, w);
		assert(w->wr);
	}
	if (change & LOOP_READ)
		event_switch(w->rd, what & LOOP_READ);
	if (change & LOOP_WRITE)
		event_switch(w->wr, what & LOOP_WRITE);
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	event_free(w->rd);
	if (w->wr)
		event_free(w->wr);
	free(w);
}

/* --- signals ---------------------------------------------------------------------------------- */

struct sig {
	struct loop *loop;
	void (*fn)(int signo, void *arg);
	void *arg;
	struct event *ev;
};

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct sig *s = arg;

	(void)what;
	loop_enter(s->loop);
	s->fn(signo, s->arg);
}

struct sig *sig_new(struct loop *l, int signo, void (*fn)(int signo, void *arg), void *arg)
{
	struct sig *s = xzalloc(sizeof(*s));
	int r;

	s->loop = l;
	s->fn = fn;
	s->arg = arg;
	s->ev = evsignal_new(l->base, signo, on_signal, s);
	assert(s->ev);
	r = event_add(s->ev, NULL);
	assert(r == 0);
	return s;
}

void sig_free(struct sig *s)
{
	if (!s)
		return;
	event_free(s->ev);
	free(s);
}
