/* SPDX-License-Identifier: MIT */
/* Logins, registrations, and the memory of sessions that do nothing. */
#include "modes.h"
#include "opts.h"
#include "pool.h"
#include "report.h"

static int log_in(enum conn_kind kind, const char *op)
{
	struct snap from, to;
	bool complete;

	snap_take(&from, false);
	complete = pool_open(kind, opt.sessions);
	snap_take(&to, true);
	report(op, pool.ready, &from, &to, &pool.login, "\"sessions\":%d,\"parallel\":%d",
	    pool.ready, opt.parallel);
	return !complete;
}

int mode_login(void)
{
	return log_in(client_kind(), opt.floor ? "handshake" : "login");
}

int mode_register(void)
{
	return log_in(CONN_REGISTER, "registration");
}

static double per_session(uint64_t before, uint64_t after)
{
	return pool.ready > 0 ? ((double)after - (double)before) / pool.ready : 0;
}

/* Memory is read once the sessions have settled, and again after opt.hold_ms: what a server gives
 * back only after a while shows in the second. */
int mode_idle(void)
{
	struct snap before, settled, held;
	bool complete;

	snap_take(&before, true);
	complete = pool_open(client_kind(), opt.sessions);
	net_idle(opt.settle_ms);
	snap_take(&settled, true);
	net_idle(opt.hold_ms);
	snap_take(&held, true);
	report("session", pool.ready, &before, &held, &pool.login,
	    "\"sessions\":%d,\"pss_empty\":%lu,\"pss_settled\":%.0f,\"pss_held\":%.0f,"
	    "\"rss_held\":%.0f,\"hold_s\":%.1f,\"idle_cpu_s\":%.2f",
	    pool.ready, before.pss, per_session(before.pss, settled.pss),
	    per_session(before.pss, held.pss), per_session(before.rss, held.rss),
	    seconds(settled.at, held.at), held.cpu - settled.cpu);
	return !complete;
}
