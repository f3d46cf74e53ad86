/* SPDX-License-Identifier: MIT */
/* Logins of sessions that have contacts: each is told of all its contacts and of an item in each of
 * their nodes, and each contact is told of it.  A login is complete when all of that has arrived.
 *
 * The accounts are those of befriend.  Contacts are online all the time; the sessions log in, at
 * most opt.parallel under way, leave together, and log in again until there were enough logins.
 * What leaving costs is not counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "caps.h"
#include "graph.h"
#include "modes.h"
#include "opts.h"
#include "pool.h"
#include "report.h"
#include "session.h"

static struct conn **sessions;
static int opened, under_way, complete;
static bool failed; /* a session was lost */
/* Of presences, the contacts' part: that a session came, that it left. */
static long came, left;
static long presences, events; /* of the sessions, all that have arrived */
static struct hist latency;
static struct snap spent; /* sums over the rounds: at and the CPU times */

static bool session_complete(const struct conn *c)
{
	return c->state == CONN_READY && c->presences >= opt.contacts &&
	       c->events >= opt.contacts * opt.nodes;
}

/* What has just arrived for c was counted. */
static void look(struct conn *c)
{
	pool_progress();
	if (c->joining && session_complete(c)) {
		c->joining = false;
		complete++;
		under_way--;
		hist_add(&latency, pool.progress - c->since);
	}
}

static bool own(const struct conn *c, const char *s, size_t n)
{
	size_t len, bare = strcspn(c->jid, "/");
	const char *from = xml_attr(s, n, "from", &len);

	return !from || (len >= bare && memcmp(from, c->jid, bare) == 0 &&
			    (len == bare || from[bare] == '/'));
}

static void contact_presence(const char *s, size_t n)
{
	size_t len;

	if (xml_attr_is(s, n, "type", "unavailable"))
		left++;
	else if (!xml_attr(s, n, "type", &len))
		came++;
	pool_progress();
}

static void session_presence(struct conn *c, const char *s, size_t n)
{
	size_t len;

	if (xml_attr(s, n, "type", &len))
		return;
	c->presences++;
	presences++;
	look(c);
}

static bool is_session(const struct conn *c)
{
	return c->user >= opt.first_user + graph_contacts();
}

static void on_stanza(struct conn *c, const char *s, size_t n)
{
	if (caps_answer(c, s, n))
		return;
	if (s[1] != 'i' && xml_is_error(s, n)) {
		session_error("refused", s, n);
	} else if (s[1] == 'p' && !own(c, s, n)) {
		if (is_session(c))
			session_presence(c, s, n);
		else
			contact_presence(s, n);
	} else if (s[1] == 'm' && is_session(c) &&
		   xml_has(s, n, "http://jabber.org/protocol/pubsub#event")) {
		c->events++;
		events++;
		look(c);
	}
}

static void on_lost(struct conn *c)
{
	(void)c;
	failed = true;
}

/* --- rounds -------------------------------------------------------------------------------------
 */

static void open_more(void)
{
	for (; under_way < opt.parallel && opened < opt.sessions; opened++, under_way++) {
		struct conn *c =
		    conn_open(CONN_CLIENT, opt.first_user + graph_session(opened), opt.port);

		c->index = pool.n + opened;
		c->joining = true;
		sessions[opened] = c;
	}
}

static bool all_came(void)
{
	return complete == opt.sessions && came >= (long)opt.sessions * opt.contacts;
}

static bool log_in(void)
{
	opened = under_way = complete = 0;
	came = 0;
	on.ready = look;
	pool_progress();
	while (!all_came() && !failed && !pool_stalled()) {
		open_more();
		net_turn(100000000);
	}
	if (all_came())
		return true;
	(void)fprintf(stderr,
	    "xmppload: %d of %d logins are complete, contacts were told %ld times\n", complete,
	    opt.sessions, came);
	for (int i = 0, shown = 0; i < opened && shown < 5; i++)
		if (sessions[i]->joining && ++shown)
			(void)fprintf(stderr, "xmppload: %d: %d presences, %d notifications\n",
			    sessions[i]->user, sessions[i]->presences, sessions[i]->events);
	return false;
}

/* Ends with all contacts told, and whatever else that sets off done. */
static bool leave(void)
{
	long all = (long)opt.sessions * opt.contacts;

	on.lost = NULL;
	left = 0;
	for (int i = 0; i < opt.sessions; i++)
		conn_leave(sessions[i]);
	pool_progress();
	while (left < all && !pool_stalled())
		net_turn(100000000);
	net_idle(opt.settle_ms);
	on.lost = on_lost;
	if (left < all)
		(void)fprintf(
		    stderr, "xmppload: contacts were told of %ld of %ld that left\n", left, all);
	return left >= all;
}

static bool round_of_logins(void)
{
	struct snap from, to;
	bool ok;

	snap_take(&from, false);
	ok = log_in();
	snap_take(&to, true);
	spent.at += to.at - from.at;
	spent.cpu += to.cpu - from.cpu;
	spent.own_cpu += to.own_cpu - from.own_cpu;
	spent.rss = to.rss;
	spent.pss = to.pss;
	spent.procs = to.procs;
	return ok && leave();
}

static void forget(void)
{
	memset(&spent, 0, sizeof(spent));
	memset(&latency, 0, sizeof(latency));
	presences = events = 0;
}

/* opt.count logins, in whole rounds. */
static bool measure(void)
{
	const struct snap zero = { 0 };
	long logins = 0;
	bool ok = true;

	forget();
	for (; ok && logins < opt.count; logins += complete)
		ok = round_of_logins();
	report("login", logins, &zero, &spent, &latency,
	    "\"sessions\":%d,\"contacts\":%d,\"nodes\":%d,\"parallel\":%d,"
	    "\"presences\":%ld,\"notifications\":%ld",
	    opt.sessions, opt.contacts, opt.nodes, opt.parallel, presences, events);
	return ok;
}

int mode_pep_login(void)
{
	bool ok;

	if (opt.sessions == 0 || opt.parallel == 0)
		die("pep-login needs sessions, and one at a time at least");
	on.greeting = caps_greeting();
	on.stanza = on_stanza;
	on.early = true;
	if (!pool_open(CONN_CLIENT, graph_contacts()))
		return 1;
	net_idle(opt.settle_ms);
	on.lost = on_lost;
	sessions = xzalloc((size_t)opt.sessions * sizeof(struct conn *));
	ok = opt.warmup == 0 || round_of_logins(); /* servers learn what the hash stands for */
	for (int i = 0; ok && i < opt.repeat; i++)
		ok = measure();
	on.lost = NULL;
	free(sessions);
	return !ok;
}
