/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "store.h"
#include "sweep.h"

enum {
	BUSY_MS = 20,        /* from one bit to the next */
	IDLE_MS = 60 * 1000, /* until it is looked again */
	ROWS = 200,          /* of one bit */
};

static const struct log_tag tag = { .mod = "archive" };

/* --- of accounts that are gone -----------------------------------------------------------------
 */

/* 1: it removed something; 0: there is nothing; -Exxx. */
static int cut_gone(struct archive *a)
{
	int64_t owner;
	int r = store_read_gone(a, &owner);

	if (r > 0)
		r = store_has_rows(a, owner);
	if (r < 0 || owner == 0)
		return r;
	if (r > 0)
		store_cut_owner(comp_tx(a->c), owner, ROWS);
	else
		store_del_owner(comp_tx(a->c), owner);
	return 1;
}

/* --- by age ------------------------------------------------------------------------------------
 */

struct old {
	struct archive *a;
	int64_t before;
	int n;
};

/* What waits for an account is kept until it is delivered: its body stays. */
static bool on_body(int64_t body, const struct store_ref refs[2], void *arg)
{
	struct old *old = arg;

	if (uid_ms(&refs[0].uid) >= old->before || body > old->a->fresh.filed)
		return false;
	for (int i = 0; i < 2; i++) {
		if (refs[i].owner != 0)
			store_del_entry(comp_tx(old->a->c), &refs[i]);
	}
	old->a->sweep.body = body;
	old->n++;
	return true;
}

static int cut_old(struct archive *a)
{
	struct old old = { .a = a };
	int r;

	if (a->conf->expire == 0)
		return 0;
	old.before = loop_wall_ms(comp_loop(a->c)) - a->conf->expire * 1000;
	r = store_read_bodies(a, a->sweep.body, ROWS, on_body, &old);
	return r < 0 ? r : old.n > 0;
}

/* --- when --------------------------------------------------------------------------------------
 */

static void on_timer(void *arg)
{
	struct archive *a = arg;
	int r = 1;

	if (a->sweep.tx <= comp_tx_safe(a->c)) {
		r = cut_gone(a);
		if (r == 0)
			r = cut_old(a);
		if (r > 0)
			a->sweep.tx = comp_tx_number(a->c);
		if (r < 0)
			log_err(&tag, LOG_LVL_WARN, r, "what is to be removed cannot be read");
	}
	timer_set(&a->sweep.timer, r > 0 ? BUSY_MS : IDLE_MS);
}

void sweep_init(struct archive *a)
{
	timer_init(&a->sweep.timer, comp_loop(a->c), on_timer, a);
}

void sweep_load(struct archive *a)
{
	a->sweep.body = 0;
	a->sweep.tx = 0;
	timer_set(&a->sweep.timer, BUSY_MS);
}

void sweep_kick(struct archive *a)
{
	a->sweep.tx = comp_tx_number(a->c);
	timer_set(&a->sweep.timer, BUSY_MS);
}

void sweep_forget(struct archive *a)
{
	timer_stop(&a->sweep.timer);
}

void sweep_stop(struct archive *a)
{
	timer_done(&a->sweep.timer);
}
