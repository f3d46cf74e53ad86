/* SPDX-License-Identifier: MIT */
/* Opening sessions.  One that is lost while it logs in is tried again, once on average, and stays
 * counted as lost. */
#include <stdio.h>
#include <stdlib.h>

#include <base/mem.h>

#include "opts.h"
#include "pool.h"
#include "session.h"

struct pool pool;

static enum conn_kind kind;
static int opened, under_way, retries;
static int *again, n_again; /* indices of those lost */

void pool_progress(void)
{
	pool.progress = now_ns();
}

bool pool_stalled(void)
{
	return now_ns() - pool.progress > (uint64_t)opt.timeout_s * 1000000000;
}

static void open_more(void)
{
	int accounts = opt.users > 0 ? opt.users : pool.n;

	while (under_way < opt.parallel && (n_again > 0 || opened < pool.n)) {
		int i = n_again > 0 ? again[--n_again] : opened++;

		under_way++;
		pool.conns[i] = conn_open(kind, opt.first_user + i % accounts, opt.port);
		pool.conns[i]->index = i;
	}
}

static void on_ready(struct conn *c)
{
	hist_add(&pool.login, now_ns() - c->since);
	pool.ready++;
	under_way--;
	pool_progress();
	if (c->kind == CONN_REGISTER || opt.leave)
		conn_leave(c);
	else if (pool.each)
		pool.each(c);
}

static void on_lost(struct conn *c)
{
	if (c->kind == CONN_COMPONENT)
		return;
	if (c->state == CONN_READY) {
		pool.ready--;
		return;
	}
	under_way--;
	if (retries < pool.n) {
		retries++;
		again[n_again++] = c->index;
	}
}

bool pool_open(enum conn_kind of, int n)
{
	kind = of;
	pool.n = n;
	pool.conns = xzalloc((size_t)n * sizeof(struct conn *));
	again = xzalloc((size_t)n * sizeof(int));
	on.ready = on_ready;
	on.lost = on_lost;
	pool_progress();
	do {
		open_more();
		net_turn(100000000);
	} while (pool.ready < n && (under_way > 0 || n_again > 0 || opened < n) && !pool_stalled());
	on.lost = NULL;
	if (pool.ready < n)
		(void)fprintf(stderr, "xmppload: %d of %d sessions are ready\n", pool.ready, n);
	return pool.ready == n;
}

void pool_close(void)
{
	for (int i = 0; i < pool.n; i++)
		if (pool.conns[i] && pool.conns[i]->state == CONN_READY)
			conn_leave(pool.conns[i]);
	free(pool.conns);
	free(again);
	pool.conns = NULL;
	again = NULL;
	pool.n = 0;
}
