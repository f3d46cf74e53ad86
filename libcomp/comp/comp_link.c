/* SPDX-License-Identifier: MIT */
/* The link to the server: XEP-0114, jabber:component:accept.
 *
 *   DOWN -> CONNECTING -> OPENING -> NEGOTIATING -> ONLINE -> DOWN ...
 *                                                             STOPPING -> STOPPED at the end
 *
 * Owns the stream and one timer, whose meaning is the state's: next try (DOWN), the deadline
 * (OPENING, NEGOTIATING), silence (ONLINE).  Lost links come back by themselves: back-off from 1 s
 * to 30 s with jitter, the server's address looked up anew at each try.
 *
 * The header announces features='1' in urn:switchyard:link:1.  A server that does not know it
 * ignores it (Prosody 0.12 and ejabberd 23.01 do) and the link is plain XEP-0114; one that does
 * says so in its own header, and what follows is comp_sm.c's.
 *
 * Must not: know routes, requests or questions. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/digest.h>
#include <base/health.h>
#include <base/io.h>
#include <base/mem.h>
#include <base/rnd.h>

#include "comp_internal.h"

#define LINK_EXTRA " xmlns:sy='" NS_LINK "' sy:features='1'"

static void on_stream(struct stream *s, enum stream_ev ev, void *arg);

/* For the log: a Unix socket has no port. */
struct place {
	char text[320];
};
static struct place place_of(const struct link *k)
{
	const struct comp_conf *conf = k->c->conf;
	struct place p;

	if (conf->router_host[0] == '/')
		(void)snprintf(p.text, sizeof(p.text), "%s", conf->router_host);
	else
		(void)snprintf(p.text, sizeof(p.text), "%s port %" PRId64, conf->router_host,
		    conf->router_port);
	return p;
}

static void enter(struct link *k, enum link_state state)
{
	static const char *const names[] = { "down", "connecting", "opening", "negotiating",
		"online", "stopping", "stopped" };

	log_debug(&k->tag, "%s -> %s", names[k->state], names[state]);
	k->state = state;
}

/* Until the first connection the component is of no use to anyone, so it is not ready.  Later a
 * server that is away must not take the component out of service as well. */
static void set_health(struct link *k, const char *reason)
{
	if (k->c->daemon)
		health_set(daemon_health(k->c->daemon), "link", !k->was_online, reason);
}

/* --- up --------------------------------------------------------------------------------------- */

static void connect_now(struct link *k)
{
	const struct comp_conf *conf = k->c->conf;
	const struct ledger *d = &k->c->ledger;
	const struct stream_conf sc = {
		.content_ns = NS_COMPONENT,
		/* What clients may send is the server's to say.  Its bytes are bounded here, and
		 * nothing recurses on its shape. */
		.lim = { .stanza = (size_t)conf->max_stanza, .tag = XML_TAG_LINK },
		.out_low = COMP_QUEUE_HIGH / 4,
		.out_high = COMP_QUEUE_HIGH,
		.out_hard = COMP_QUEUE_HARD,
	};

	if (!ledger_mine(k->c)) { /* whoever has it now also has the link */
		recover_lost(k->c);
		return;
	}
	if (comp_member(k->c) && (!d->sm_id || d->sm_id[0] == '\0')) {
		recover_anew(k->c, "the session cannot be resumed: what it was to send is another "
				   "member's now");
		return;
	}
	if (k->tries == 0 && !k->was_online)
		set_health(k, "not connected yet");
	k->acked = k->asked = false;
	k->asked_at = 0;
	k->refused = NULL;
	enter(k, LINK_CONNECTING);
	k->s = stream_connect(k->c->loop, conf->router_host, (uint16_t)conf->router_port,
	    COMP_CONNECT_MS, &sc, on_stream, k);
}

static void send_header(struct link *k)
{
	stream_send_header(
	    k->s, &(struct stream_header){ .to = k->c->domain, .extra = LINK_EXTRA });
	enter(k, LINK_OPENING);
	timer_set(&k->timer, COMP_HANDSHAKE_MS);
}

static void connected(struct link *k)
{
	if (!k->c->conf->router_tls) {
		send_header(k);
		return;
	}
	enter(k, LINK_OPENING);
	timer_set(&k->timer, COMP_HANDSHAKE_MS);
	link_tls_start(k);
}

/* XEP-0114 3: hex SHA-1 of the stream id and the secret. */
static void send_handshake(struct link *k)
{
	const char *id = el_attr(stream_head(k->s), "id");
	uint8_t sum[DIGEST_MAX];
	char hex[2 * DIGEST_MAX + 1];
	char *text;

	if (!id) {
		stream_error(k->s, STREAM_E_BAD_FORMAT, "the server's header has no id");
		return;
	}
	text = xasprintf("%s%s", id, k->c->conf->secret);
	digest(DIGEST_SHA1, text, strlen(text), sum);
	digest_hex(sum, digest_len(DIGEST_SHA1), hex);
	mem_wipe(text, strlen(text));
	free(text);
	stream_puts(k->s, "<handshake>");
	stream_puts(k->s, hex);
	stream_puts(k->s, "</handshake>");
}

/* Stanzas that are done with, both ways. */
static uint64_t progress(const struct comp *c)
{
	return c->ledger.in_safe + c->ledger.out_acked;
}

void link_go_online(struct link *k, bool resumed)
{
	enter(k, LINK_ONLINE);
	k->online_at = loop_now(k->c->loop);
	k->progress = progress(k->c);
	k->was_online = true;
	k->pinged = false;
	timer_set(&k->timer, COMP_PING_MS);
	log_info(&k->tag, "connected to %s%s", place_of(k).text,
	    resumed    ? ", resumed"
	    : k->acked ? ", acknowledged"
		       : "");
	set_health(k, NULL);
	comp_link_online(k->c, resumed);
}

/* --- silence ---------------------------------------------------------------------------------- */

/* XEP-0199 through the server to ourselves: its way there and back is the link's both directions,
 * and no other address is known to exist. */
static void ping(struct link *k)
{
	EL_AUTO struct el *iq = el_iq("get", k->c->domain);
	char id[13];

	rnd_id(id, sizeof(id) - 1);
	el_set(iq, "id", id);
	el_set(iq, "from", k->c->domain);
	el_add(iq, "ping", NS_PING);
	stream_send(k->s, iq);
}

static void check_silence(struct link *k)
{
	uint64_t idle = loop_now(k->c->loop) - io_last_read(stream_io_of(k->s));

	if (idle < COMP_PING_MS) {
		k->pinged = false;
		timer_set(&k->timer, COMP_PING_MS - idle);
	} else if (!k->pinged) {
		k->pinged = true;
		if (k->acked)
			sm_probe(k);
		else
			ping(k);
		timer_set(&k->timer, COMP_PONG_MS);
	} else {
		stream_error(k->s, STREAM_E_CONNECTION_TIMEOUT, "a ping was not answered");
	}
}

/* --- down ------------------------------------------------------------------------------------- */

static unsigned back_off(struct link *k, enum stream_err err)
{
	unsigned ms = COMP_RETRY_MAX_MS;

	if (k->tries < 5)
		ms = (unsigned)COMP_RETRY_MS << k->tries;
	k->tries++;
	if (err == STREAM_E_CONFLICT) /* somebody else has the domain: do not fight over it */
		return COMP_CONFLICT_MS + rnd_below(COMP_CONFLICT_MS / 2);
	return ms / 2 + rnd_below(ms / 2 + 1);
}

#define WRONG_SECRET "; COMPONENT_SECRET here and the component's secret there must be the same"

/* A secret that has never been right is a mistake in the settings, which stops a program; one that
 * was changed while this runs may be changed back. */
static bool ends_with(struct link *k, enum stream_err err, const char *reason)
{
	char why[768];

	if (err != STREAM_E_NOT_AUTHORIZED || k->was_online || !k->c->daemon)
		return false;
	(void)snprintf(
	    why, sizeof(why), "no link to %s: %s" WRONG_SECRET, place_of(k).text, reason);
	set_health(k, reason);
	daemon_fail(k->c->daemon, 1, why);
	return true;
}

static void explain(const struct link *k, enum stream_err err, const char *reason, unsigned ms)
{
	const char *hint = link_tls_hint(k, reason);
	enum log_level lvl = LOG_LVL_WARN;

	if (err == STREAM_E_NOT_AUTHORIZED) {
		lvl = LOG_LVL_ERROR;
		hint = WRONG_SECRET;
	} else if (err == STREAM_E_HOST_UNKNOWN) {
		lvl = LOG_LVL_ERROR;
		hint = "; the server has no component of this domain: check COMPONENT_DOMAIN here "
		       "and its configuration there";
	} else if (err == STREAM_E_CONFLICT) {
		hint = "; another connection serves this domain";
	}
	log_at(&k->tag, lvl, "no link to %s: %s%s; next try in %u.%u s", place_of(k).text, reason,
	    hint, ms / 1000, ms % 1000 / 100);
}

/* It lived for a while, or stanzas went over it and are acknowledged: only a link that comes up
 * and breaks at once is to be feared. */
static bool was_of_use(const struct link *k)
{
	return loop_now(k->c->loop) - k->online_at >= COMP_STABLE_MS ||
	       (k->acked && progress(k->c) > k->progress);
}

/* The stream's end.  True: the component knew the link as online. */
static bool let_go(struct link *k)
{
	bool was_online = k->state == LINK_ONLINE;

	stream_free(k->s);
	k->s = NULL;
	k->paused = false;
	el_free(k->features);
	k->features = NULL;
	timer_stop(&k->timer);
	return was_online;
}

static void go_down(struct link *k)
{
	enum stream_err err = stream_error_received(k->s);
	char *reason = xstrdup(k->refused ? k->refused : stream_reason(k->s));
	bool was_online = let_go(k);
	unsigned ms;

	if (k->state == LINK_STOPPING) {
		enter(k, LINK_STOPPED);
		free(reason);
		comp_link_stopped(k->c);
		return;
	}
	if (was_online && was_of_use(k))
		k->tries = 0;
	enter(k, LINK_DOWN);
	if (ends_with(k, err, reason)) {
		free(reason);
		return;
	}
	ms = back_off(k, err);
	timer_set(&k->timer, ms);
	explain(k, err, reason, ms);
	set_health(k, reason);
	free(reason);
	if (was_online)
		comp_link_offline(k->c);
}

void link_refuse(struct link *k, const char *why)
{
	k->refused = why;
	stream_close(k->s);
}

void link_halt(struct link *k)
{
	bool was_online;

	if (k->state >= LINK_STOPPING)
		return;
	was_online = let_go(k);
	enter(k, LINK_DOWN);
	if (was_online)
		comp_link_offline(k->c);
}

/* --- events ----------------------------------------------------------------------------------- */

/* A plain link is not read while what came before has not been dealt with, or has become more than
 * the server takes.  An acknowledged one always is: acknowledgements make room. */
static void throttle(struct link *k)
{
	bool full =
	    !k->acked && (stream_queued(k->s) > COMP_QUEUE_HIGH || !list_empty(&k->c->inbox.list));

	if (full == k->paused || stream_closing(k->s))
		return;
	k->paused = full;
	if (full)
		stream_pause(k->s);
	else
		stream_resume(k->s);
}

static void on_turn(void *arg)
{
	struct link *k = arg;

	if (!link_online(k))
		return;
	out_push(k->c);
	if (k->acked)
		sm_turn(k);
	throttle(k);
}

void link_kick(struct link *k)
{
	task_defer(k->c->loop, &k->turn);
}

static void on_stanza(struct link *k)
{
	struct comp *c = k->c;

	/* Sent again after a loss, because what its handler did was not committed yet then. */
	if (k->acked && ++k->came <= c->ledger.in_done) {
		link_kick(k); /* it may be safe already, and not be told */
		return;
	}
	inbox_add(c, stream_take(k->s), k->acked ? k->came : 0, false);
	inbox_run(c);
	if (c->inbox.bytes > COMP_INBOX_HARD)
		stream_error(k->s, STREAM_E_RESOURCE_CONSTRAINT, "too much waits to be handled");
	else
		throttle(k);
	link_kick(k);
}

static void on_element(struct link *k)
{
	const struct el *el = stream_el(k->s);

	if (k->state == LINK_ONLINE && el_kind(el) != EL_OTHER) {
		on_stanza(k);
	} else if (k->state == LINK_ONLINE && k->acked) {
		sm_element(k, el);
	} else if (k->state == LINK_OPENING && el_is(el, "handshake", NS_CLIENT)) {
		enter(k, LINK_NEGOTIATING);
		sm_begin(k);
	} else if (k->state == LINK_NEGOTIATING && el_kind(el) != EL_OTHER) {
		/* We were too slow, and the server has made it a plain link: this comes once. */
		sm_plain(k);
		if (k->state == LINK_ONLINE)
			on_stanza(k);
	} else if (k->state == LINK_NEGOTIATING) {
		sm_negotiate(k, stream_take(k->s));
	} else {
		log_debug(&k->tag, "ignored <%s/>", el_name(el));
	}
}

static void on_stream(struct stream *s, enum stream_ev ev, void *arg)
{
	struct link *k = arg;

	(void)s;
	switch (ev) {
	case STREAM_CONNECTED:
		connected(k);
		break;
	case STREAM_HEAD:
		send_handshake(k);
		break;
	case STREAM_EL:
		on_element(k);
		break;
	case STREAM_CLOSED:
		go_down(k);
		break;
	case STREAM_DRAINED:
		inbox_kick(k->c);
		link_kick(k);
		break;
	case STREAM_SECURE:
		link_tls_secure(k);
		send_header(k);
		break;
	}
}

static void on_timer(void *arg)
{
	struct link *k = arg;

	switch (k->state) {
	case LINK_DOWN:
		connect_now(k);
		break;
	case LINK_OPENING:
		stream_error(k->s, STREAM_E_CONNECTION_TIMEOUT, "no answer to the handshake");
		break;
	case LINK_NEGOTIATING:
		stream_error(k->s, STREAM_E_CONNECTION_TIMEOUT, "the link was not negotiated");
		break;
	case LINK_ONLINE:
		check_silence(k);
		break;
	case LINK_STOPPING: /* there was no stream to close */
		enter(k, LINK_STOPPED);
		comp_link_stopped(k->c);
		break;
	case LINK_CONNECTING: /* io_connect() has its own limit */
	case LINK_STOPPED:
		break;
	}
}

/* --- for the component ------------------------------------------------------------------------ */

void link_init(struct link *k, struct comp *c)
{
	k->c = c;
	k->tag = (struct log_tag){ .mod = "link", .jid = c->domain };
	timer_init(&k->timer, c->loop, on_timer, k);
	task_init(&k->turn, on_turn, k);
}

void link_done(struct link *k)
{
	(void)let_go(k);
	timer_done(&k->timer);
	task_cancel(&k->turn);
	link_tls_done(k);
}

void link_start(struct link *k)
{
	timer_set(&k->timer, 0);
}

void link_stop(struct link *k)
{
	/* XEP-0198 4: right before the end, so that nothing of it is sent again. */
	if (link_online(k) && k->acked)
		sm_tell(k);
	enter(k, LINK_STOPPING);
	if (k->s) {
		timer_stop(&k->timer);
		stream_close(k->s);
	} else {
		timer_set(&k->timer, 0);
	}
}

bool link_online(const struct link *k)
{
	return k->state == LINK_ONLINE && !stream_closing(k->s);
}

size_t link_queued(const struct link *k)
{
	return k->s ? stream_queued(k->s) : 0;
}

void link_put(struct link *k, const char *bytes, size_t len)
{
	if (link_online(k))
		stream_send_raw(k->s, bytes, len);
}
