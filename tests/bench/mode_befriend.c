/* SPDX-License-Identifier: MIT */
/* Prepares accounts for pep-login: contacts with subscriptions both ways (RFC 6121 3.1), then an
 * item in each of the contacts' nodes (XEP-0163 3).
 *
 * Each session asks one contact after the other; who was asked says yes, and whoever gets that yes
 * is then asked by the other side.  Accounts are to be new: what is there already is not noticed.
 * Items are published one at a time: not every server can make several nodes at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "caps.h"
#include "graph.h"
#include "modes.h"
#include "opts.h"
#include "pool.h"
#include "report.h"
#include "session.h"

static long pairs, items;
static struct hist latency; /* of items */

static void send_presence(struct conn *from, const char *type, int to)
{
	conn_printf(from, "<presence type='%s' to='%s%d@%s'/>", type, opt.prefix,
	    opt.first_user + to, opt.domain);
}

/* The session's next contact; conn.room counts those that it has. */
static void ask_next(struct conn *c)
{
	if (c->room < opt.contacts)
		send_presence(c, "subscribe", graph_contact(c->index - graph_contacts(), c->room));
}

/* The number of the account that a stanza is from; -1: it is not one of ours. */
static int sender(const char *s, size_t n)
{
	size_t len, prefix = strlen(opt.prefix);
	const char *from = xml_attr(s, n, "from", &len);
	long i;

	if (!from || len <= prefix || memcmp(from, opt.prefix, prefix) != 0)
		return -1;
	i = strtol(from + prefix, NULL, 10) - opt.first_user;
	return i >= 0 && i < pool.n ? (int)i : -1;
}

static void on_presence(struct conn *c, const char *s, size_t n)
{
	int from = sender(s, n);

	if (from < 0)
		return;
	if (xml_is_error(s, n)) {
		session_error("no subscription", s, n);
	} else if (xml_attr_is(s, n, "type", "subscribe")) {
		send_presence(c, "subscribed", from);
	} else if (xml_attr_is(s, n, "type", "subscribed") && c->index >= graph_contacts()) {
		send_presence(pool.conns[from], "subscribe", c->index);
	} else if (xml_attr_is(s, n, "type", "subscribed")) {
		pairs++;
		pool_progress();
		pool.conns[from]->room++;
		ask_next(pool.conns[from]);
	}
}

/* conn.nick counts the nodes that the contact has published to. */
static void publish_next(struct conn *c)
{
	const struct caps_node *node = &caps_nodes[c->nick];

	c->since = now_ns();
	conn_printf(c,
	    "<iq type='set' id='item'><pubsub xmlns='http://jabber.org/protocol/pubsub'>"
	    "<publish node='%s'><item id='current'>%s</item></publish></pubsub></iq>",
	    node->name, node->payload);
}

static void on_iq(struct conn *c, const char *s, size_t n)
{
	size_t len;
	const char *id = xml_attr(s, n, "id", &len);

	if (id && xml_attr_is(s, n, "type", "set")) /* a push of the roster */
		conn_printf(c, "<iq type='result' id='%.*s'/>", (int)len, id);
	if (!xml_attr_is(s, n, "id", "item"))
		return;
	if (xml_is_error(s, n)) {
		session_error("an item is refused", s, n);
		return;
	}
	items++;
	pool_progress();
	hist_add(&latency, pool.progress - c->since);
	if (++c->nick == opt.nodes && c->index + 1 < graph_contacts())
		c = pool.conns[c->index + 1];
	if (c->nick < opt.nodes)
		publish_next(c);
}

static void on_stanza(struct conn *c, const char *s, size_t n)
{
	if (s[1] == 'p')
		on_presence(c, s, n);
	else if (s[1] == 'i')
		on_iq(c, s, n);
}

static bool wait_for(const char *what, const long *have, long all)
{
	pool_progress();
	while (*have < all && !pool_stalled() && session_errors == 0)
		net_turn(100000000);
	if (*have < all)
		(void)fprintf(stderr, "xmppload: %ld of %ld %s\n", *have, all, what);
	return *have >= all;
}

int mode_befriend(void)
{
	struct snap from, to;
	bool complete;

	/* Only who has asked for its roster is told of approvals (RFC 6121 3.1.6). */
	on.greeting =
	    "<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq><presence/>";
	on.stanza = on_stanza;
	snap_take(&from, false);
	if (!pool_open(CONN_CLIENT, graph_contacts() + opt.sessions))
		return 1;
	for (int i = graph_contacts(); i < pool.n; i++)
		ask_next(pool.conns[i]);
	complete = wait_for("contacts", &pairs, (long)opt.sessions * opt.contacts);
	if (complete && opt.nodes > 0)
		publish_next(pool.conns[0]);
	complete = complete && wait_for("items", &items, (long)graph_contacts() * opt.nodes);
	snap_take(&to, true);
	report("item", items, &from, &to, &latency, "\"pairs\":%ld", pairs);
	return !complete;
}
