/* SPDX-License-Identifier: MIT */
/* Messages between pairs, pings to the server, and round trips over a component: one that this
 * program is itself, or one of the server's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "modes.h"
#include "opts.h"
#include "pairs.h"
#include "pool.h"
#include "session.h"
#include "traffic.h"

/* --- chat ---------------------------------------------------------------------------------------
 */

static void chat_send(struct conn *c, uint64_t due)
{
	char bare[256];
	const char *to = c->peer->jid;

	if (!to) {
		to = "peer@localhost"; /* tlsrelay does not read it */
	} else if (!opt.full_jid) {
		(void)snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(to, "/"), to);
		to = bare;
	}
	message_send(c, to, "chat", due);
}

static void chat_stanza(struct conn *c, const char *s, size_t n)
{
	uint64_t due;
	struct conn *sender = pairs_sender(c, s, n, &due);

	if (sender) {
		traffic_arrived(due);
		traffic_next(sender);
	}
}

int mode_chat(void)
{
	struct traffic t = { .op = "message", .send = chat_send, .copies = 1 };
	bool complete;

	if (!pool_open(client_kind(), opt.pairs * 2))
		return 1;
	pairs_make(&t);
	if (opt.floor)
		relay_join('P', 2);
	on.stanza = chat_stanza;
	complete = traffic_run(&t);
	free(t.senders);
	return !complete;
}

/* --- iq: the cheapest stanza there is -----------------------------------------------------------
 */

static void iq_send(struct conn *c, uint64_t due)
{
	char id[MESSAGE_ID_LEN + 1];

	conn_printf(c, "<iq type='get' to='%s' id='%s'><ping xmlns='urn:xmpp:ping'/></iq>",
	    opt.domain, message_id(id, c, due));
	conn_push(c);
}

/* What comes back to the one who sent it. */
static void take_answer(struct conn *c, const char *s, size_t n)
{
	unsigned sender;
	uint64_t due;

	if (!message_read(s, n, &due, &sender) || sender != (unsigned)c->index)
		return;
	if (xml_is_error(s, n)) {
		session_error("refused", s, n);
		return;
	}
	traffic_arrived(due);
	traffic_next(c);
}

static void iq_stanza(struct conn *c, const char *s, size_t n)
{
	if (s[1] == 'i')
		take_answer(c, s, n);
}

int mode_iq(void)
{
	struct traffic t = { .op = "roundtrip", .send = iq_send, .copies = 1 };

	if (!pool_open(CONN_CLIENT, opt.sessions))
		return 1;
	on.stanza = iq_stanza;
	t.senders = pool.conns;
	t.n_senders = pool.n;
	return !traffic_run(&t);
}

/* --- component ----------------------------------------------------------------------------------
 */

static bool component_ready;

static void on_component_ready(struct conn *c)
{
	(void)c;
	component_ready = true;
}

static struct conn *open_component(void)
{
	struct conn *component;

	on.ready = on_component_ready;
	component = conn_open(CONN_COMPONENT, 0, opt.component_port);
	pool_progress();
	while (!component_ready && component->state != CONN_DEAD && !pool_stalled())
		net_turn(100000000);
	if (!component_ready)
		die("the component cannot connect");
	return component;
}

static void component_send(struct conn *c, uint64_t due)
{
	char to[256];

	(void)snprintf(to, sizeof(to), "bot@%s", opt.component);
	message_send(c, to, "chat", due);
}

/* The component's part: back to where it came from, with the id that it had. */
static void echo(struct conn *c, const char *s, size_t n)
{
	size_t open = xml_opening(s, n), from_len, to_len, id_len;
	const char *from = xml_attr(s, open, "from", &from_len);
	const char *to = xml_attr(s, open, "to", &to_len);
	const char *id = xml_attr(s, open, "id", &id_len);

	if (s[1] != 'm')
		return;
	if (!from || !to || !id || xml_is_error(s, open)) {
		session_error("the component cannot answer", s, n);
		return;
	}
	conn_printf(c, "<message from='%.*s' to='%.*s' id='%.*s' type='chat'>", (int)to_len, to,
	    (int)from_len, from, (int)id_len, id);
	conn_write(c, s + open, n - open);
}

static void component_stanza(struct conn *c, const char *s, size_t n)
{
	if (c->kind == CONN_COMPONENT)
		echo(c, s, n);
	else if (s[1] == 'm')
		take_answer(c, s, n);
}

/* Over whichever component serves opt.component. */
static bool round_trips(void)
{
	struct traffic t = { .op = "roundtrip", .send = component_send, .copies = 1 };

	if (!pool_open(CONN_CLIENT, opt.sessions))
		return false;
	on.stanza = component_stanza;
	t.senders = pool.conns;
	t.n_senders = pool.n;
	return traffic_run(&t);
}

int mode_component(void)
{
	struct conn *component = open_component();
	bool complete = round_trips();

	conn_leave(component);
	return !complete;
}

int mode_echo(void)
{
	return !round_trips();
}
