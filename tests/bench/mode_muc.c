/* SPDX-License-Identifier: MIT */
/* Rooms (XEP-0045): how much a join costs while empty rooms fill, then a message's copies.
 *
 * A room's first occupant owns it and accepts the default configuration (10.1.2) before anybody
 * else joins.  Joins are over when each occupant is in and has been told of each other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "modes.h"
#include "opts.h"
#include "pool.h"
#include "report.h"
#include "session.h"
#include "traffic.h"

static struct room {
	int next;  /* occupant to join */
	bool open; /* its owner has configured it */
} * rooms;
static int joining, joined;
static long presences;
static struct hist latency;

static const char *room_jid(char *b, size_t n, int room)
{
	(void)snprintf(b, n, "%s%d@%s", opt.room_prefix, room, opt.muc);
	return b;
}

/* --- joining ------------------------------------------------------------------------------------
 */

static void join(struct conn *c)
{
	char jid[300];

	c->since = now_ns();
	c->joining = true;
	joining++;
	conn_printf(c,
	    "<presence to='%s/n%d'><x xmlns='http://jabber.org/protocol/muc'/></presence>",
	    room_jid(jid, sizeof(jid), c->room), c->nick);
}

/* One more in each room that has place and is open, round after round. */
static void join_more(void)
{
	bool some;

	do {
		some = false;
		for (int r = 0; r < opt.rooms && joining < opt.parallel; r++) {
			int nick = rooms[r].next;

			if (nick == opt.occupants || (nick > 0 && !rooms[r].open))
				continue;
			rooms[r].next++;
			join(pool.conns[r * opt.occupants + nick]);
			some = true;
		}
	} while (some && joining < opt.parallel);
}

static void accept_configuration(struct conn *c)
{
	char jid[300];

	conn_printf(c,
	    "<iq type='set' id='configure' to='%s'>"
	    "<query xmlns='http://jabber.org/protocol/muc#owner'>"
	    "<x xmlns='jabber:x:data' type='submit'/></query></iq>",
	    room_jid(jid, sizeof(jid), c->room));
}

static void joining_presence(struct conn *c, const char *s, size_t n)
{
	bool failed = xml_is_error(s, n);

	presences++;
	if (!c->joining || (!failed && !xml_has(s, n, "'110'") && !xml_has(s, n, "\"110\"")))
		return; /* 110: its own presence, the last of them (7.2.2) */
	c->joining = false;
	joining--;
	if (failed) {
		session_error("not let in", s, n);
		return;
	}
	joined++;
	pool_progress();
	hist_add(&latency, pool.progress - c->since);
	if (c->nick == 0)
		accept_configuration(c);
	join_more();
}

static void joining_stanza(struct conn *c, const char *s, size_t n)
{
	size_t len;
	const char *id;

	if (s[1] == 'p') {
		joining_presence(c, s, n);
		return;
	}
	id = xml_attr(s, n, "id", &len);
	if (s[1] != 'i' || !id || len != 9 || memcmp(id, "configure", 9) != 0)
		return;
	if (xml_is_error(s, n))
		session_error("the room's configuration is refused", s, n);
	rooms[c->room].open = true;
	pool_progress();
	join_more();
}

static bool fill_rooms(void)
{
	long all = (long)pool.n * opt.occupants;
	struct snap from, to;

	rooms = xzalloc((size_t)opt.rooms * sizeof(*rooms));
	on.stanza = joining_stanza;
	net_idle(opt.settle_ms);
	snap_take(&from, false);
	pool_progress();
	join_more();
	while ((joined < pool.n || presences < all) && !pool_stalled())
		net_turn(100000000);
	snap_take(&to, true);
	free(rooms);
	report("join", joined, &from, &to, &latency,
	    "\"rooms\":%d,\"occupants\":%d,\"presences\":%ld", opt.rooms, opt.occupants, presences);
	if (joined == pool.n && presences >= all)
		return true;
	(void)fprintf(stderr, "xmppload: %d of %d have joined, %ld of %ld presences came\n", joined,
	    pool.n, presences, all);
	return false;
}

/* --- messages -----------------------------------------------------------------------------------
 */

static void muc_send(struct conn *c, uint64_t due)
{
	char jid[300];

	message_send(c, room_jid(jid, sizeof(jid), c->room), "groupchat", due);
}

static void muc_stanza(struct conn *c, const char *s, size_t n)
{
	unsigned sender;
	uint64_t due;

	if (s[1] != 'm' || !message_read(s, n, &due, &sender))
		return;
	if (xml_is_error(s, n)) {
		session_error("a message is refused", s, n);
		return;
	}
	traffic_arrived(due);
	if (sender == (unsigned)c->index)
		traffic_next(c);
}

static void choose_senders(struct traffic *t)
{
	t->senders = xzalloc((size_t)pool.n * sizeof(struct conn *));
	for (int i = 0; i < pool.n; i++) {
		pool.conns[i]->room = i / opt.occupants;
		pool.conns[i]->nick = i % opt.occupants;
		if (pool.conns[i]->nick < opt.senders)
			t->senders[t->n_senders++] = pool.conns[i];
	}
}

int mode_muc(void)
{
	struct traffic t = { .op = "copy", .send = muc_send, .copies = opt.occupants };
	bool complete = true;

	if (!pool_open(client_kind(), opt.rooms * opt.occupants))
		return 1;
	choose_senders(&t);
	if (opt.floor)
		relay_join('R', opt.occupants);
	else
		complete = fill_rooms();
	on.stanza = muc_stanza;
	complete = complete && traffic_run(&t);
	free(t.senders);
	return !complete;
}
