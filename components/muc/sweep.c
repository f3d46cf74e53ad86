/* SPDX-License-Identifier: MIT */
#include "store_said.h"
#include "sweep.h"

enum {
	BUSY_MS = 20,        /* from one bit to the next */
	IDLE_MS = 60 * 1000, /* until it is looked again */
	ROWS = 200,          /* of one bit */
	ROOMS = 64,          /* that are looked at for one */
};

static const struct log_tag tag = { .mod = "muc" };

enum { NOTHING, CUT, LOOK }; /* or -Exxx; LOOK: there may be something */

static int cut_gone(struct muc *m)
{
	int64_t no, seq;
	int r = store_read_gone(m, &no);

	if (r <= 0)
		return r;
	r = store_read_oldest(m, no, &seq);
	if (r > 0)
		store_cut_said(comp_tx(m->c), no, INT64_MAX, ROWS);
	else if (r == 0)
		store_del_gone(comp_tx(m->c), no);
	return r < 0 ? r : CUT;
}

static int cut_room(struct muc *m, struct room *room, int64_t below)
{
	int64_t seq;
	int r = store_read_oldest(m, room->no, &seq);

	if (r <= 0 || seq >= below)
		return r < 0 ? r : NOTHING;
	store_cut_said(comp_tx(m->c), room->no, below, ROWS);
	history_expire(room, below);
	return CUT;
}

/* Room after room, each until nothing of it is too old. */
static int cut_old(struct muc *m)
{
	int64_t below = sid_since(muc_wall(m) - m->conf->archive_expire * 1000);

	if (m->conf->archive_expire == 0)
		return NOTHING;
	for (int i = 0; i < ROOMS; i++) {
		int r;

		if (m->sweep.at >= m->sorted.n) {
			m->sweep.at = 0;
			return NOTHING;
		}
		r = cut_room(m, m->sorted.v[m->sweep.at], below);
		if (r != NOTHING)
			return r;
		m->sweep.at++;
	}
	return LOOK;
}

static void on_timer(void *arg)
{
	struct muc *m = arg;
	int r = LOOK;

	if (m->sweep.tx <= comp_tx_safe(m->c)) {
		r = cut_gone(m);
		if (r == NOTHING)
			r = cut_old(m);
		if (r == CUT)
			m->sweep.tx = comp_tx_number(m->c);
		if (r < 0)
			log_err(&tag, LOG_LVL_WARN, r, "what is to be removed cannot be read");
	}
	timer_set(&m->sweep.timer, r > 0 ? BUSY_MS : IDLE_MS);
}

void sweep_init(struct muc *m)
{
	timer_init(&m->sweep.timer, comp_loop(m->c), on_timer, m);
}

void sweep_load(struct muc *m)
{
	m->sweep.at = 0;
	m->sweep.tx = 0;
	timer_set(&m->sweep.timer, BUSY_MS);
}

void sweep_kick(struct muc *m)
{
	m->sweep.tx = comp_tx_number(m->c);
	timer_set(&m->sweep.timer, BUSY_MS);
}

void sweep_forget(struct muc *m)
{
	timer_stop(&m->sweep.timer);
}

void sweep_stop(struct muc *m)
{
	timer_done(&m->sweep.timer);
}
