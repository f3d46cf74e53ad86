/* SPDX-License-Identifier: MIT */
/* One node with many subscribers (XEP-0060): the first session publishes small items, and each of
 * the others is notified.  An item follows when the one before was accepted and has reached all.
 * With tlsrelay, one message to a room of as many. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/mem.h>

#include "modes.h"
#include "opts.h"
#include "pool.h"
#include "session.h"
#include "traffic.h"

#define PUBSUB "http://jabber.org/protocol/pubsub"

static char node[32];
static char *entry;         /* what an item holds */
static int asked, answered; /* requests before and after the measurement */
static uint64_t under_way;  /* the item's due */
static int outstanding;     /* its copies, and the answer to who published it */
static int copies;

/* --- the node -----------------------------------------------------------------------------------
 */

static void ask(struct conn *c, const char *ns, const char *what)
{
	asked++;
	conn_printf(c, "<iq type='set' to='%s' id='ask'><pubsub xmlns='%s'>%s</pubsub></iq>",
	    opt.pubsub, ns, what);
}

/* The same for everybody, whatever a server's defaults are. */
static char *creation(void)
{
	return xasprintf("<create node='%s'/><configure><x xmlns='jabber:x:data' type='submit'>"
			 "<field var='FORM_TYPE' type='hidden'><value>" PUBSUB
			 "#node_config</value></field>"
			 "<field var='pubsub#access_model'><value>open</value></field>"
			 "<field var='pubsub#deliver_payloads'><value>1</value></field>"
			 "<field var='pubsub#persist_items'><value>1</value></field>"
			 "<field var='pubsub#max_items'><value>10</value></field>"
			 "</x></configure>",
	    node);
}

static void subscribe(struct conn *c)
{
	char *what =
	    xasprintf("<subscribe node='%s' jid='%.*s'/>", node, (int)strcspn(c->jid, "/"), c->jid);

	ask(c, PUBSUB, what);
	free(what);
}

static void on_answer(struct conn *c, const char *s, size_t n)
{
	(void)c;
	if (s[1] != 'i' || !xml_attr_is(s, n, "id", "ask"))
		return;
	answered++;
	pool_progress();
	if (xml_is_error(s, n))
		session_error("the node", s, n);
}

static bool wait_for(int parallel)
{
	pool_progress();
	while (answered < asked - parallel && !pool_stalled())
		net_turn(100000000);
	return answered >= asked - parallel && session_errors == 0;
}

static bool prepare(void)
{
	char *what;
	bool ok;

	on.stanza = on_answer;
	(void)snprintf(node, sizeof(node), "bench%d", (int)getpid());
	what = creation();
	ask(pool.conns[0], PUBSUB, what);
	free(what);
	ok = wait_for(0);
	for (int i = 1; ok && i < pool.n; i++) {
		subscribe(pool.conns[i]);
		ok = wait_for(opt.parallel);
	}
	return ok && wait_for(0);
}

static bool delete_node(void)
{
	char *what = xasprintf("<delete node='%s'/>", node);

	on.stanza = on_answer;
	ask(pool.conns[0], PUBSUB "#owner", what);
	free(what);
	return wait_for(0);
}

/* --- items --------------------------------------------------------------------------------------
 */

static void publish(struct conn *c, uint64_t due)
{
	char id[MESSAGE_ID_LEN + 1];

	under_way = due;
	outstanding = copies + !opt.floor;
	(void)message_id(id, c, due);
	if (opt.floor)
		conn_printf(c,
		    "<message><event xmlns='" PUBSUB "#event'><items node='bench'>"
		    "<item id='%s'>%s</item></items></event></message>",
		    id, entry);
	else
		conn_printf(c,
		    "<iq type='set' to='%s' id='%s'><pubsub xmlns='" PUBSUB "'>"
		    "<publish node='%s'><item id='%s'>%s</item></publish></pubsub></iq>",
		    opt.pubsub, id, node, id, entry);
	conn_push(c);
}

static void on_notification(const char *s, size_t n)
{
	const char *item = memmem(s, n, "<item ", 6);
	unsigned sender;
	uint64_t due;

	if (!item || !message_read(item, n - (size_t)(item - s), &due, &sender))
		return;
	outstanding -= due == under_way;
	traffic_arrived(due);
}

static void on_published(struct conn *c, const char *s, size_t n)
{
	unsigned sender;
	uint64_t due;

	if (!message_read(s, n, &due, &sender))
		return;
	if (xml_is_error(s, n))
		session_error("an item is refused", s, n);
	else
		outstanding -= due == under_way && c == pool.conns[0];
}

static void on_stanza(struct conn *c, const char *s, size_t n)
{
	int before = outstanding;

	if (s[1] == 'm')
		on_notification(s, n);
	else if (s[1] == 'i')
		on_published(c, s, n);
	if (before > 0 && outstanding == 0)
		traffic_next(pool.conns[0]);
}

static char *make_entry(void)
{
	char *text = xmalloc((size_t)opt.bytes + 1), *made;

	memset(text, 'x', (size_t)opt.bytes);
	text[opt.bytes] = '\0';
	made = xasprintf("<entry xmlns='urn:switchyard:xmppload'>%s</entry>", text);
	free(text);
	return made;
}

int mode_publish(void)
{
	struct traffic t = { .op = "notification", .send = publish, .n_senders = 1 };
	bool complete = true;

	if (opt.window != 1 || opt.rate != 0)
		die("publish has one item under way");
	if (!pool_open(client_kind(), opt.sessions + 1))
		return 1;
	copies = opt.floor ? pool.n : opt.sessions; /* the relay leaves nobody out */
	if (opt.floor)
		relay_join('R', pool.n);
	else
		complete = prepare();
	on.stanza = on_stanza;
	entry = make_entry();
	t.senders = pool.conns;
	t.copies = copies;
	complete = complete && traffic_run(&t);
	if (!opt.floor)
		complete &= delete_node();
	free(entry);
	return !complete;
}
