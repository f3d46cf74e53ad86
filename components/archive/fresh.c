/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "fresh.h"
#include "store.h"

enum {
	FILE_MS = 1000,   /* that it may wait, */
	FILE_MOST = 5000, /* or messages */
};

static bool is_filed(const struct archive *a)
{
	return a->fresh.filed == a->last_body;
}

static void on_timer(void *arg)
{
	fresh_file(arg);
}

void fresh_init(struct archive *a)
{
	timer_init(&a->fresh.timer, comp_loop(a->c), on_timer, a);
}

/* What a process has left behind is filed at once. */
int fresh_load(struct archive *a)
{
	int r = store_has_unfiled(a);

	if (r >= 0)
		r = store_read_last(a, &a->fresh.last) < 0 ? -EIO : r;
	if (r < 0)
		return r;
	a->fresh.filed = r > 0 ? -1 : a->last_body;
	a->fresh.tx = 0;
	a->fresh.n = 0;
	if (r > 0)
		timer_set(&a->fresh.timer, 0);
	return 0;
}

void fresh_forget(struct archive *a)
{
	timer_stop(&a->fresh.timer);
}

void fresh_stop(struct archive *a)
{
	timer_done(&a->fresh.timer);
}

void fresh_put(struct archive *a, struct owner *o, const struct uid *uid)
{
	o->fresh = a->last_body;
	if (uid_cmp(uid, &a->fresh.last) > 0)
		a->fresh.last = *uid;
	if (++a->fresh.n >= FILE_MOST)
		fresh_file(a);
	else if (!timer_armed(&a->fresh.timer))
		timer_set(&a->fresh.timer, FILE_MS);
}

void fresh_file(struct archive *a)
{
	timer_stop(&a->fresh.timer);
	if (is_filed(a))
		return;
	store_file(comp_tx(a->c), a->last_body);
	a->fresh.filed = a->last_body;
	a->fresh.tx = comp_tx_number(a->c);
	a->fresh.n = 0;
}

uint64_t fresh_wait(struct archive *a, const struct owner *o)
{
	if (o->fresh > a->fresh.filed)
		fresh_file(a);
	return o->tx > a->fresh.tx ? o->tx : a->fresh.tx;
}

enum held_next fresh_held(struct archive *a, const char *jid)
{
	struct owner *o;

	if (owner_find(a, jid, &o) < 0)
		return HELD_DONE; /* who reads says that it cannot be read */
	return held_until(a, fresh_wait(a, o));
}

bool fresh_repeats(const struct archive *a, const struct uid *uid)
{
	return uid_cmp(uid, &a->fresh.last) <= 0;
}
