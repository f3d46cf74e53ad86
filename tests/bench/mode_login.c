/* SPDX-License-Identifier: MIT */
/* Logins, registrations, and the memory of sessions that do nothing, or wait for their clients. */
#include <stdlib.h>

#include <base/mem.h>

#include "managed.h"
#include "modes.h"
#include "opts.h"
#include "pool.h"
#include "report.h"
#include "session.h"

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

/* --- sessions without a client ------------------------------------------------------------------
 */

static int gone; /* those that answer with an error: nobody sleeps there */
static bool synced;

static void on_answer(struct conn *c, const char *s, size_t n)
{
	(void)c;
	gone += s[1] == 'i' && xml_attr_is(s, n, "id", "asleep") && xml_is_error(s, n);
	synced |= s[1] == 'i' && xml_attr_is(s, n, "id", "synced");
}

/* Whether the sessions of these addresses are there: what is asked of them waits with them. */
static void sleep_on(struct conn *watcher, char *const *jids, int n)
{
	on.stanza = on_answer;
	for (int i = 0; i < n; i++) {
		conn_printf(watcher,
		    "<iq type='get' id='asleep' to='%s'><ping xmlns='urn:xmpp:ping'/></iq>",
		    jids[i]);
		net_flush();
	}
	conn_printf(watcher,
	    "<iq type='get' id='synced' to='%s'><ping xmlns='urn:xmpp:ping'/></iq>", opt.domain);
	pool_progress();
	while (!synced && !pool_stalled())
		net_turn(100000000);
	if (gone > 0 || !synced)
		die("%d of %d sessions do not sleep", gone, n);
}

/* The connections of all but the last break.  Returns what has to be asked afterwards. */
static char **fall_asleep(void)
{
	char **jids = xzalloc((size_t)pool.n * sizeof(char *));

	on.lost = NULL;
	for (int i = 0; i < pool.n - 1; i++) {
		jids[i] = xstrdup(pool.conns[i]->jid);
		pool.conns[i]->secure = false; /* not even TLS is told */
		conn_close(pool.conns[i]);
	}
	return jids;
}

int mode_hibernate(void)
{
	struct snap before, awake, settled, held;
	char **jids;

	snap_take(&before, true);
	if (!pool_open(CONN_CLIENT, opt.sessions + 1) || !managed_enable(true))
		return 1;
	on.stanza = NULL;
	snap_take(&awake, true);
	jids = fall_asleep();
	pool.ready = opt.sessions;
	net_idle(opt.settle_ms);
	snap_take(&settled, true);
	net_idle(opt.hold_ms);
	snap_take(&held, true);
	report("session", pool.ready, &before, &held, &pool.login,
	    "\"sessions\":%d,\"pss_empty\":%lu,\"pss_awake\":%.0f,\"pss_settled\":%.0f,"
	    "\"pss_held\":%.0f,\"rss_held\":%.0f",
	    pool.ready, before.pss, per_session(before.pss, awake.pss),
	    per_session(before.pss, settled.pss), per_session(before.pss, held.pss),
	    per_session(before.rss, held.rss));
	sleep_on(pool.conns[pool.n - 1], jids, pool.n - 1);
	for (int i = 0; i < pool.n; i++)
		free(jids[i]);
	free(jids);
	return 0;
}
