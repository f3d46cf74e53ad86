/* SPDX-License-Identifier: MIT */
/* What a session has sent and nobody has handled yet, and how fast it may send.
 *
 * It is the session's, not the connection's: whoever is under way goes on when the connection has
 * gone.  With acknowledgements what comes may be a repeat (core/repeats.h): it is not routed, and
 * counts as the first one does, which takes its number.  What waits for a component must not
 * silence its sender for long: after a while all else is read, and what would have to wait as well
 * is refused (flight.impatient). */
#include <base/metrics.h>

#include "c2s/conn.h"
#include "conf.h"
#include "core/session.h"
#include "core/session_sm.h"
#include "core/stanza.h"
#include "core/untold.h"
#include "router.h"

#define FLIGHT_STANZAS 64 /* docs/architecture.md: of one session, waiting */
#define FLIGHT_BYTES ((size_t)262144)
#define PATIENCE_MS 5000 /* so long may they keep a session from being read */
#define STANZA_COST 256  /* bytes of its share that the smallest stanza takes */

static struct metric m_repeated = METRIC_COUNTER("switchyard_repeated_stanzas_total",
    "Stanzas that clients sent again and that were not routed twice.", NULL);

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

	if (c->wait) {
		conn_resume_go(c);
		return;
	}
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
	if (st->arg)
		repeats_settled(&s->sm->repeats, st);
	if (s->sm)
		session_sm_settled(s);
	if (c && (c->flight_paused || s->flight.impatient))
		conn_flight_check(c);
	if (c && s->sm)
		conn_sm_handled(c);
}

static void launch(struct session *s, struct stanza *st)
{
	st->session = s;
	st->done = stanza_done;
	s->flight.n++;
	s->flight.bytes += st->bytes;
}

/* The newest of those that are in flight. */
static void number(struct session *s, struct stanza *st)
{
	st->number = s->flight.in;
	list_del(&st->link);
	list_add_tail(&s->flight.list, &st->link);
}

/* Of so many nobody can tell which the client repeats. */
static void too_many(struct session *s)
{
	if (s->sm->id[0])
		log_info(&s->tag, "too much of it is in flight: it cannot be resumed any more");
	s->sm->id[0] = '\0';
}

/* By a session of this client that has ended. */
static bool take_untold(struct session *s, const struct stanza *st, uint64_t hash)
{
	struct repeats *rp = &s->sm->repeats;
	struct stanza *first;
	bool known;

	if (!untold_take(sessions_untold(s->router->sessions), &s->jid, hash, &first))
		return false;
	s->flight.in++;
	if (first) {
		launch(s, first);
		number(s, first);
		known = repeats_add(rp, first, hash, s->flight.in - s->sm->base);
	} else {
		known = repeats_add_settled(rp, st, hash, s->flight.in - s->sm->base);
	}
	if (!known)
		too_many(s);
	return true;
}

/* Takes the place of the first one. */
static bool is_repeat(struct session *s, const struct stanza *st, uint64_t hash)
{
	struct repeats *rp = &s->sm->repeats;
	struct repeat *rep = repeats_match(rp, st, hash);
	bool message = st->kind == EL_MESSAGE && el_attr(st->el, "id");

	if (!rep)
		return message && take_untold(s, st, hash);
	s->flight.in++;
	if (rep->st)
		number(s, rep->st);
	repeats_again(rp, rep, s->flight.in - s->sm->base);
	return true;
}

bool conn_flight_add(struct conn *c, struct stanza *st)
{
	struct session *s = c->session;
	struct repeats *rp = s->sm ? &s->sm->repeats : NULL;
	bool hashed = rp && (st->kind == EL_MESSAGE || !list_empty(&rp->expected));
	uint64_t hash = hashed ? repeats_hash(st) : 0;

	if (hashed && is_repeat(s, st, hash)) {
		metric_add(&m_repeated, 1);
		log_debug(&s->tag, "it has sent this before: not routed again");
		conn_sm_handled(c);
		return false;
	}
	s->flight.in++;
	launch(s, st);
	number(s, st);
	if (rp && !rp->off && !repeats_add(rp, st, hash, s->flight.in - s->sm->base))
		too_many(s);
	return true;
}

void conn_flight_routed(const struct stanza *st)
{
	if (st->session && st->arg)
		repeats_routed(&st->session->sm->repeats, st);
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
