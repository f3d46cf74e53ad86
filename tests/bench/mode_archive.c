/* SPDX-License-Identifier: MIT */
/* What an archive (XEP-0313) costs: messages between pairs that count when the server has
 * acknowledged them and they have been delivered, and pages of an archive, read from its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "managed.h"
#include "modes.h"
#include "opts.h"
#include "pairs.h"
#include "pool.h"
#include "session.h"
#include "traffic.h"

#define NS_MAM "urn:xmpp:mam:2"
#define NS_RSM "http://jabber.org/protocol/rsm"

/* --- messages -----------------------------------------------------------------------------------
 */

/* Of a sender: when those under way were due, oldest first, and how far each has come.  Messages of
 * one session are acknowledged and delivered in order. */
struct flight {
	uint64_t *due;
	unsigned long sent, acked, delivered, done;
};
static struct flight *flights; /* by index in the pool */

static struct flight *flight_of(const struct conn *c)
{
	return &flights[c->index];
}

/* Those that are both. */
static void settle(struct conn *c)
{
	struct flight *f = flight_of(c);

	while (f->done < f->acked && f->done < f->delivered) {
		traffic_arrived(f->due[f->done % (unsigned long)opt.window]);
		f->done++;
		traffic_next(c);
	}
}

static void send_one(struct conn *c, uint64_t due)
{
	struct flight *f = flight_of(c);
	char to[256];

	(void)snprintf(to, sizeof(to), "%.*s", (int)strcspn(c->peer->jid, "/"), c->peer->jid);
	f->due[f->sent++ % (unsigned long)opt.window] = due;
	message_send(c, to, "chat", due);
	managed_ask(c);
}

static void on_message(struct conn *c, const char *s, size_t n)
{
	uint64_t due;
	struct conn *sender = pairs_sender(c, s, n, &due);

	if (sender) {
		flight_of(sender)->delivered++;
		settle(sender);
	}
}

static void on_stanza(struct conn *c, const char *s, size_t n)
{
	uint32_t acked;

	if (managed_stanza(c, s, n, &acked)) {
		flight_of(c)->acked += acked;
		settle(c);
	} else {
		on_message(c, s, n);
	}
}

static bool exchange(void)
{
	struct traffic t = { .op = "message", .send = send_one, .copies = 1 };
	bool complete;

	flights = xzalloc((size_t)pool.n * sizeof(*flights));
	pairs_make(&t);
	for (int i = 0; i < pool.n; i++)
		flights[i].due = xzalloc((size_t)opt.window * sizeof(uint64_t));
	on.stanza = on_stanza;
	complete = traffic_run(&t);
	on.stanza = NULL;
	for (int i = 0; i < pool.n; i++)
		free(flights[i].due);
	free(flights);
	free(t.senders);
	return complete;
}

/* --- pages --------------------------------------------------------------------------------------
 */

static long in_page, of_page; /* results that have come; and that came of the last page */

static void ask_page(struct conn *c, uint64_t due)
{
	char id[MESSAGE_ID_LEN + 1];

	in_page = 0;
	conn_printf(c,
	    "<iq type='set' id='%s'><query xmlns='" NS_MAM "' queryid='q'><set xmlns='" NS_RSM
	    "'><max>%d</max><before/></set></query></iq>",
	    message_id(id, c, due), opt.page);
	conn_push(c);
}

static void on_page(struct conn *c, const char *s, size_t n)
{
	unsigned sender;
	uint64_t due;

	if (s[1] == 'm' && xml_has(s, n, "<result ")) {
		in_page++;
	} else if (s[1] == 'i' && message_read(s, n, &due, &sender)) {
		if (xml_is_error(s, n) || in_page == 0 || in_page > opt.page)
			session_error("no page of an archive", s, n);
		of_page = in_page;
		traffic_arrived(due);
		traffic_next(c);
	}
}

static bool pages(int n)
{
	struct traffic t = { .op = "page", .send = ask_page, .copies = 1 };
	int window = opt.window;
	bool complete;

	opt.window = 1;
	on.stanza = on_page;
	t.senders = pool.conns;
	t.n_senders = n;
	complete = traffic_run(&t);
	opt.window = window;
	return complete;
}

/* --- modes --------------------------------------------------------------------------------------
 */

int mode_archive(void)
{
	if (opt.rate != 0)
		die("archive keeps --window messages under way");
	if (!pool_open(CONN_CLIENT, opt.pairs * 2) || !managed_enable())
		return 1;
	return !exchange();
}

int mode_page(void)
{
	bool complete = pool_open(CONN_CLIENT, opt.sessions) && pages(pool.n);

	if (complete && of_page != opt.page)
		die("a page has %ld of %d messages", of_page, opt.page);
	return !complete;
}
