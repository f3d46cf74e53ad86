/* SPDX-License-Identifier: MIT */
/* What a session has sent and nobody has handled yet, and how fast it may send.
 *
 * It is the session's, not the connection's: whoever is under way goes on when the connection has
 * gone.  What waits for a component must not silence its sender for long: after a while all else is
 * read, and what would have to wait as well is refused (flight.impatient). */
#include "c2s/conn.h"
#include "conf.h"
#include "core/session.h"
#include "core/stanza.h"
#include "router.h"

#define FLIGHT_STANZAS 64 /* docs/architecture.md: of one session, waiting */
#define FLIGHT_BYTES ((size_t)262144)
#define PATIENCE_MS 5000 /* so long may they keep a session from being read */
#define STANZA_COST 256  /* bytes of its share that the smallest stanza takes */

static bool flight_waits(struct conn *c)
{
	struct session *s = c->session;
	bool full = s->flight.n >= FLIGHT_STANZAS || s->flight.bytes >= FLIGHT_BYTES;

	if (!full) {
		timer_stop(&c->patience);
		s->flight.impatient = false;
	} else if (!s->flight.impatient && !timer_armed(&c->patience)) {
		timer_set(&c->patience, PATIENCE_MS);
	}
	return full && !s->flight.impatient;
}

void conn_flight_check(struct conn *c)
{
	bool full = flight_waits(c) || io_full(stream_io_of(c->stream));

	if (full && !c->flight_paused) {
		c->flight_paused = true;
		stream_pause(c->stream);
	} else if (!full && c->flight_paused) {
		c->flight_paused = false;
		stream_resume(c->stream);
	}
}

void conn_flight_patience(void *arg)
{
	struct conn *c = arg;

	if (!c->session)
		return;
	c->session->flight.impatient = true;
	conn_flight_check(c);
}

/* A stanza's completion: it counts as handled. */
static void stanza_done(struct stanza *st)
{
	struct session *s = st->session;
	struct conn *c = s->owner;

	s->flight.n--;
	s->flight.bytes -= st->bytes;
	if (c && (c->flight_paused || s->flight.impatient))
		conn_flight_check(c);
	if (c && s->sm)
		conn_sm_handled(c);
}

void conn_flight_add(struct conn *c, struct stanza *st)
{
	struct session *s = c->session;

	st->session = s;
	st->done = stanza_done;
	st->number = ++s->flight.in;
	list_add_tail(&s->flight.list, &st->link);
	s->flight.n++;
	s->flight.bytes += st->bytes;
}

/* --- the session's share ------------------------------------------------------------------------
 */

/* What is written to its recipient, so that a burst of small ones cannot fill somebody else's
 * queue. */
uint32_t conn_cost(const struct stanza *st)
{
	uint32_t bytes = st->bytes + st->from.len;

	return bytes > STANZA_COST ? bytes : STANZA_COST;
}

void conn_rate_check(struct conn *c, uint32_t bytes)
{
	const struct rate_conf rc = {
		.per_second = (double)c->router->conf->limit.session_rate,
		.burst = (double)c->router->conf->limit.session_burst,
	};
	uint64_t ms = rate_debt(&c->rate, &rc, bytes, loop_now(c->router->loop));

	if (ms == 0 || c->rate_paused)
		return;
	c->rate_paused = true;
	stream_pause(c->stream);
	timer_set(&c->timer, ms);
}
