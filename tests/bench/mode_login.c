/* SPDX-License-Identifier: MIT */
/* Logins, registrations, and the memory of sessions that do nothing, or wait for their clients. */
#include <stdlib.h>

#include <base/mem.h>

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
static void sleep_on(struct conn *watcher, char *const *who, int n)
{
	on.stanza = on_answer;
	for (int i = 0; i < n; i++) {
		conn_printf(watcher,
		    "<iq type='get' id='asleep' to='%s'><ping xmlns='urn:xmpp:ping'/></iq>",
		    who[i]);
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

static char **jids; /* of those that have gone */
static int asleep;

static void enable(struct conn *c)
{
	conn_puts(c, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
}

/* One after the other, so that what a connection takes is not taken for what a session keeps; the
 * last one stays. */
static void on_enabled(struct conn *c, const char *s, size_t n)
{
	if (xml_has(s, n, "<failed"))
		die("no stream management");
	if (!xml_has(s, n, "<enabled") || c->index == opt.sessions)
		return;
	jids[asleep++] = xstrdup(c->jid);
	c->secure = false; /* not even TLS is told */
	conn_close(c);
	pool_progress();
}

int mode_hibernate(void)
{
	struct snap before, settled, held;

	jids = xzalloc((size_t)opt.sessions * sizeof(*jids));
	snap_take(&before, true);
	pool.each = enable;
	on.stanza = on_enabled;
	if (!pool_open(CONN_CLIENT, opt.sessions + 1))
		return 1;
	while (asleep < opt.sessions && !pool_stalled())
		net_turn(100000000);
	pool.ready = asleep;
	net_idle(opt.settle_ms);
	snap_take(&settled, true);
	net_idle(opt.hold_ms);
	snap_take(&held, true);
	report("session", asleep, &before, &held, &pool.login,
	    "\"sessions\":%d,\"pss_empty\":%lu,\"pss_settled\":%.0f,\"pss_held\":%.0f,"
	    "\"rss_held\":%.0f",
	    asleep, before.pss, per_session(before.pss, settled.pss),
	    per_session(before.pss, held.pss), per_session(before.rss, held.rss));
	sleep_on(pool.conns[opt.sessions], jids, asleep);
	for (int i = 0; i < asleep; i++)
		free(jids[i]);
	free(jids);
	return asleep < opt.sessions;
}
