/* SPDX-License-Identifier: MIT */
/* Counting what is sent and what arrives.  A measurement is warming up (the server's buffers and
 * caches fill), then measured: from the arrival that ends the one to the last of the other. */
#include <stdio.h>
#include <string.h>

#include "opts.h"
#include "pool.h"
#include "report.h"
#include "traffic.h"

enum { BURST = 256 }; /* items behind schedule that leave in one turn */

static const struct traffic *now; /* being measured */
static long sent, to_send, arrived, warm, all;
static bool measuring;
static struct snap from, to;
static struct hist latency;

static void send_one(struct conn *c, uint64_t due)
{
	sent++;
	if (c->state == CONN_READY)
		now->send(c, due);
}

void traffic_next(struct conn *c)
{
	if (opt.rate == 0 && sent < to_send && c->state == CONN_READY)
		send_one(c, now_ns());
}

static void begin_measuring(void)
{
	measuring = true;
	snap_take(&from, false);
}

void traffic_arrived(uint64_t due)
{
	pool_progress();
	arrived++;
	if (measuring)
		hist_add(&latency, pool.progress - due);
	else if (arrived >= warm)
		begin_measuring();
	if (arrived == all)
		snap_take(&to, true);
}

static void send_window(void)
{
	for (int w = 0; w < opt.window; w++)
		for (int i = 0; i < now->n_senders; i++)
			traffic_next(now->senders[i]);
	while (arrived < all && !pool_stalled())
		net_turn(100000000);
}

static void send_schedule(void)
{
	uint64_t start = now_ns(), gap = 1000000000 / (uint64_t)opt.rate;

	while (arrived < all && !pool_stalled()) {
		uint64_t t = now_ns(), due = start + (uint64_t)sent * gap;

		for (int i = 0; i < BURST && sent < to_send && due <= t; i++) {
			send_one(now->senders[sent % now->n_senders], due);
			due = start + (uint64_t)sent * gap;
		}
		t = now_ns();
		net_turn(sent == to_send ? 100000000 : due > t ? (int64_t)(due - t) : 0);
	}
}

static bool measure(void)
{
	sent = arrived = 0;
	to_send = (long)opt.warmup + opt.count;
	warm = (long)opt.warmup * now->copies;
	all = to_send * now->copies;
	measuring = false;
	memset(&latency, 0, sizeof(latency));
	memset(&to, 0, sizeof(to));
	pool_progress();
	if (warm == 0)
		begin_measuring();
	if (opt.rate > 0)
		send_schedule();
	else
		send_window();
	if (arrived >= all)
		return true;
	(void)fprintf(stderr, "xmppload: stalled at %ld of %ld\n", arrived, all);
	if (!measuring)
		begin_measuring();
	snap_take(&to, true);
	return false;
}

bool traffic_run(const struct traffic *t)
{
	bool complete = true;

	now = t;
	net_idle(opt.settle_ms);
	for (int i = 0; complete && i < opt.repeat; i++) {
		complete = measure();
		report(t->op, arrived > warm ? arrived - warm : 0, &from, &to, &latency,
		    "\"sessions\":%d,\"senders\":%d,\"window\":%d,\"offered\":%d", pool.n,
		    t->n_senders, opt.window, opt.rate);
	}
	message_done();
	return complete;
}
