/* SPDX-License-Identifier: MIT */
/* One connection of a component (XEP-0114): header, handshake, then stanzas both ways.  It may be
 * inside TLS from the first byte.
 *
 * HEAD -> HANDSHAKE -> OPEN -> DEAD; who asks for features in its header passes NEGOTIATE before
 * OPEN and becomes its component's link only at its end (link_sm.c).  What a component sends must
 * come from its own domain; it is routed as a client's stanza is.  Reading pauses only for the
 * link's own rate. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/certs.h>
#include <base/digest.h>
#include <base/lim.h>
#include <base/loop.h>
#include <base/rnd.h>

#include "conf.h"
#include "core/route.h"
#include "core/stanza.h"
#include "links/component.h"
#include "links/fanout.h"
#include "links/hooks.h"
#include "links/intake.h"
#include "links/link_internal.h"
#include "router.h"

#define HANDSHAKE_MS 10000
#define SILENCE_MS 60000          /* then it is asked whether it is there ... */
#define ANSWER_MS 30000           /* ... and has to say something */
#define OUT_HIGH ((size_t)262144) /* above, stanzas wait in the component's queue */
#define OUT_LOW ((size_t)65536)
/* Beyond a stanza: what answers the peer's own acks and tries. */
#define OUT_MORE ((size_t)1048576)

static const char *const state_names[] = { "head", "handshake", "negotiate", "open", "dead" };

void link_enter(struct link *l, enum link_state state)
{
	log_debug(&l->tag, "%s -> %s", state_names[l->state], state_names[state]);
	l->state = state;
}

/* --- stanzas -------------------------------------------------------------------------------- */

static struct rate_conf rate_of(const struct link *l)
{
	const struct component_conf *conf = component_conf_of(l->component);

	return (struct rate_conf){ (double)conf->rate, (double)conf->rate_burst };
}

void link_charge(struct link *l, size_t bytes)
{
	struct rate_conf rc;
	uint64_t ms;

	if (l->state != LINK_OPEN || stream_closing(l->stream))
		return;
	rc = rate_of(l);
	ms = rate_debt(&l->rate, &rc, (double)bytes, loop_now(l->router->loop));
	if (ms == 0)
		return;
	if (!l->rate_paused)
		stream_pause(l->stream);
	l->rate_paused = true;
	timer_set(&l->timer, ms);
}

bool link_paused(const struct link *l)
{
	return l->rate_paused;
}

static bool from_is_its(const struct link *l, const struct stanza *st)
{
	return st->from.s && jid_has_domain(&st->from, l->component->domain);
}

static void stanza_done(struct stanza *st)
{
	if (st->member->link)
		link_handled(st->member->link);
}

/* false: it has been here before the link was resumed. */
static bool count(struct link *l, struct stanza *st)
{
	struct member *m = l->member;

	m->in++;
	st->component = l->component;
	st->member = m;
	if (!l->acked) {
		list_add_tail(&m->loose, &st->link);
		return true;
	}
	if (!sm_receive(&m->sm, st))
		return false;
	st->done = stanza_done;
	return true;
}

static void handle(struct link *l, struct stanza *st, int shape)
{
	if (shape == 0 && !el_attr(st->el, "to"))
		shape = -COND_BAD_REQUEST;
	if (shape < 0) {
		route_bounce(l->router, st, (enum el_cond) - shape, NULL);
		return;
	}
	if (!l->acked && (st->type == ST_IQ_RESULT || st->type == ST_IQ_ERROR))
		unanswered_answer(&l->member->unanswered, st);
	if (!intake(l->router, l->component, st))
		route_stanza(l->router, st);
}

static void stanza(struct link *l)
{
	struct stanza *st;
	int r = stanza_new(&st, stream_take(l->stream));

	if (r == -EBADMSG) {
		stream_error(l->stream, STREAM_E_UNSUPPORTED_STANZA_TYPE, NULL);
		return;
	}
	if (!from_is_its(l, st)) {
		stream_error(l->stream, STREAM_E_INVALID_FROM, NULL);
		stanza_release(st);
		return;
	}
	uint32_t bytes = st->bytes;
	if (count(l, st))
		handle(l, st, r);
	stanza_release(st);
	link_charge(l, bytes);
}

/* --- handshake ------------------------------------------------------------------------------ */

static void header(struct link *l)
{
	const struct el *head = stream_head(l->stream);
	const char *to = el_attr(head, "to"), *features = el_attr_ns(head, NS_LINK, "features");
	struct stream_header h = { .id = l->id };

	l->component = to ? component_by_name(l->all, to) : NULL;
	if (!l->component) {
		components_failed_try(l->all, l->peer);
		stream_error(l->stream, STREAM_E_HOST_UNKNOWN, NULL);
		return;
	}
	l->tag.jid = l->component->domain;
	h.from = l->component->domain;
	/* `version` says nothing: old components send 1.0 and know no features. */
	l->features = features && !strcmp(features, "1");
	if (l->features)
		h.extra = " xmlns:sy='" NS_LINK "' sy:features='1'";
	stream_send_header(l->stream, &h);
	link_enter(l, LINK_HANDSHAKE);
}

/* Hex SHA-1 of stream id and secret, compared in constant time (XEP-0114 3, XEP-0185's advice). */
static bool handshake_right(const struct link *l, const char *got)
{
	const char *secret = component_conf_of(l->component)->secret;
	uint8_t sum[DIGEST_MAX];
	char want[2 * DIGEST_MAX + 1];
	char *text;
	bool right;

	if (!secret || !*secret)
		return false;
	text = xasprintf("%s%s", l->id, secret);
	digest(DIGEST_SHA1, text, strlen(text), sum);
	digest_hex(sum, digest_len(DIGEST_SHA1), want);
	right = strlen(got) == strlen(want) && digest_same(got, want, strlen(want));
	mem_wipe(text, strlen(text));
	free(text);
	return right;
}

/* What a client may send comes back from a component with more around it. */
static unsigned with_more(int64_t limit)
{
	return limit ? 2 * (unsigned)limit + 16 : 0;
}

static struct xml_limits limits_of(const struct link *l)
{
	const struct router_conf *conf = l->router->conf;
	unsigned nodes = with_more(conf->limit.children);

	if (nodes && nodes <= FANOUT_TO_MAX)
		nodes = FANOUT_TO_MAX + 1;

	return (struct xml_limits){
		.stanza = (size_t)component_conf_of(l->component)->max_stanza,
		.depth = with_more(conf->limit.depth),
		.attrs = with_more(conf->limit.attributes),
		.nodes = nodes,
		.tag = XML_TAG_LINK,
	};
}

static void set_limits(struct link *l)
{
	struct xml_limits lim = limits_of(l);

	stream_set_limits(l->stream, &lim);
	/* Stanzas are written only below OUT_HIGH (link_writable): this is met by who does not read
	 * and keeps asking. */
	io_set_marks(stream_io_of(l->stream), OUT_LOW, OUT_HIGH, OUT_HIGH + lim.stanza + OUT_MORE);
}

void link_reload(struct link *l, bool same_secret)
{
	if (l->state != LINK_NEGOTIATE && l->state != LINK_OPEN)
		return;
	if (same_secret)
		set_limits(l);
	else
		stream_error(l->stream, STREAM_E_NOT_AUTHORIZED, "the secret was changed");
}

bool link_begin(struct link *l, struct member *resumes)
{
	l->member = component_attach(l->component, l, resumes);
	if (l->member)
		return true;
	if (l->component->sharing)
		stream_error(l->stream, STREAM_E_RESOURCE_CONSTRAINT, "too many share this domain");
	else
		stream_error(l->stream, STREAM_E_CONFLICT, "another connection serves this domain");
	return false;
}

static void not_waiting(struct link *l)
{
	if (l->waiting)
		components_link_ready(l->all, l->peer);
	l->waiting = false;
}

void link_opened(struct link *l, bool resumed)
{
	const struct rate_conf rc = rate_of(l);

	rate_init(&l->rate, &rc, loop_now(l->router->loop));
	timer_stop(&l->timer);
	timer_set(&l->silence, SILENCE_MS);
	not_waiting(l);
	link_enter(l, LINK_OPEN);
	log_info(&l->tag, "component connected%s",
	    resumed    ? ", its session goes on"
	    : l->acked ? ", with acknowledgements"
		       : "");
	outbound_opened(l->member, resumed);
}

static void handshake(struct link *l)
{
	const struct el *el = stream_el(l->stream);

	if (!el_is(el, "handshake", NS_CLIENT)) {
		stream_error(l->stream, STREAM_E_NOT_AUTHORIZED, "the handshake comes first");
		return;
	}
	if (!handshake_right(l, el_body(el))) {
		components_failed_try(l->all, l->peer);
		log_warn(&l->tag, "wrong handshake: the secrets differ");
		stream_error(l->stream, STREAM_E_NOT_AUTHORIZED, NULL);
		return;
	}
	if (!l->features && !link_begin(l, NULL))
		return;
	set_limits(l);
	stream_puts(l->stream, "<handshake/>");
	if (l->features) {
		link_enter(l, LINK_NEGOTIATE);
		link_sm_features(l);
		return;
	}
	outbound_new_session(l->member);
	link_opened(l, false);
}

/* --- silence -------------------------------------------------------------------------------- */

/* XEP-0199; any answer will do. */
static void ping(struct link *l)
{
	EL_AUTO struct el *iq = NULL;
	char id[13];

	if (l->acked) {
		link_sm_ping(l);
		return;
	}
	iq = el_iq("get", l->component->domain);
	rnd_id(id, sizeof(id) - 1);
	el_set(iq, "id", id);
	el_set(iq, "from", l->router->conf->domains.v[0]);
	el_add(iq, "ping", NS_PING);
	stream_send(l->stream, iq);
}

static void on_silence(void *arg)
{
	struct link *l = arg;
	uint64_t now = loop_now(l->router->loop), read = io_last_read(stream_io_of(l->stream));
	uint64_t idle = now - read;

	if (stream_closing(l->stream))
		return;
	if (idle < SILENCE_MS || l->rate_paused) {
		timer_set(&l->silence, l->rate_paused ? SILENCE_MS : SILENCE_MS - idle);
	} else if (l->pinged <= read) {
		l->pinged = now;
		ping(l);
		timer_set(&l->silence, ANSWER_MS);
	} else {
		stream_error(l->stream, STREAM_E_CONNECTION_TIMEOUT, "it does not answer");
	}
}

/* --- events --------------------------------------------------------------------------------- */

static void link_destroy(void *arg)
{
	struct link *l = arg;

	free(l->peer);
	free(l);
}

void link_free(struct link *l)
{
	if (l->state == LINK_DEAD)
		return;
	if (l->member)
		component_detach(l->member, l, stream_reason(l->stream));
	log_info(&l->tag, "component connection ended: %s", stream_reason(l->stream));
	link_enter(l, LINK_DEAD);
	not_waiting(l);
	link_sm_done(l);
	timer_done(&l->timer);
	timer_done(&l->silence);
	stream_free(l->stream);
	list_del(&l->of_all);
	loop_reap(l->router->loop, link_destroy, l);
}

static void link_timer(void *arg)
{
	struct link *l = arg;

	if (l->state == LINK_NEGOTIATE) {
		link_sm_silence(l);
		return;
	}
	if (l->state != LINK_OPEN) {
		stream_error(l->stream, STREAM_E_CONNECTION_TIMEOUT, "no handshake in time");
		return;
	}
	l->rate_paused = false;
	stream_resume(l->stream);
}

static void element(struct link *l)
{
	if (l->state == LINK_HANDSHAKE) {
		handshake(l);
		return;
	}
	if (link_sm_element(l, stream_el(l->stream)))
		return;
	if (l->state == LINK_NEGOTIATE && el_kind(stream_el(l->stream)) == EL_OTHER)
		stream_error(l->stream, STREAM_E_UNSUPPORTED_STANZA_TYPE, NULL);
	else if (l->state == LINK_NEGOTIATE)
		link_sm_plain(l);
	if (l->state == LINK_OPEN)
		stanza(l);
}

static void link_event(struct stream *s, enum stream_ev ev, void *arg)
{
	struct link *l = arg;

	switch (ev) {
	case STREAM_HEAD:
		header(l);
		break;
	case STREAM_EL:
		element(l);
		break;
	case STREAM_CLOSED:
		link_free(l);
		break;
	case STREAM_DRAINED:
		if (l->member && l->member->link == l)
			outbound_pump(l->member);
		break;
	case STREAM_SECURE:
		log_debug(&l->tag, "%s", io_tls_version(stream_io_of(s)));
		break;
	case STREAM_CONNECTED:
		break;
	}
}

/* --- TLS ------------------------------------------------------------------------------------ */

/* Whatever name is asked for: what does not fit is refused by who asked. */
static struct tls_ctx *choose_cert(const char *name, void *arg)
{
	struct link *l = arg;
	struct tls_ctx *t = name ? certs_find(l->router->component_certs, name) : NULL;

	return t ? t : l->tls.dflt;
}

static void start_tls(struct link *l)
{
	l->tls = (struct io_tls){
		.dflt = certs_find(l->router->component_certs, NULL),
		.choose = choose_cert,
		.choose_arg = l,
	};
	stream_tls_direct(l->stream, &l->tls);
}

struct link *link_accept(struct components *cs, int fd, struct list *links, bool tls)
{
	struct router *r = components_router(cs);
	struct link *l = xzalloc(sizeof(*l));
	struct stream_conf sc = {
		.content_ns = NS_COMPONENT,
		.accepts = true,
		.lim = { .stanza = 4096, .depth = 4, .attrs = 16, .nodes = 16 }, /* a handshake */
		.out_low = OUT_LOW,
		.out_high = OUT_HIGH,
		.out_hard = OUT_MORE,
	};

	l->all = cs;
	l->router = r;
	rnd_id(l->id, LINK_STREAM_ID);
	l->stream = stream_accept(r->loop, fd, &sc, link_event, l);
	l->peer = xstrdup(io_peer(stream_io_of(l->stream)));
	l->tag = (struct log_tag){ "link", NULL, l->peer, NULL };
	timer_init(&l->timer, r->loop, link_timer, l);
	timer_set(&l->timer, HANDSHAKE_MS);
	timer_init(&l->silence, r->loop, on_silence, l);
	link_sm_init(l);
	l->waiting = true;
	list_add_tail(links, &l->of_all);
	if (tls)
		start_tls(l);
	return l;
}

bool link_writable(const struct link *l)
{
	return l->state == LINK_OPEN && !stream_closing(l->stream) &&
	       !io_full(stream_io_of(l->stream));
}

void link_let_go(struct link *l)
{
	l->member = NULL;
}

bool link_left(const struct link *l)
{
	return stream_ended_by_peer(l->stream) && stream_error_sent(l->stream) == STREAM_E_NONE &&
	       stream_error_received(l->stream) == STREAM_E_NONE;
}

bool link_acked(const struct link *l)
{
	return l->acked;
}

int link_send(struct link *l, const struct el *el, bool again)
{
	size_t max = (size_t)component_conf_of(l->component)->max_stanza;
	int r = stream_send_within(l->stream, el, again ? SIZE_MAX : max - max / 8);

	l->member->out += r == 0;
	return r;
}

size_t link_queued(const struct link *l)
{
	return stream_queued(l->stream);
}

bool link_waiting(const struct link *l)
{
	return l->waiting;
}

const char *link_peer(const struct link *l)
{
	return l->peer;
}

struct component *link_component(const struct link *l)
{
	return l->component;
}

void link_end(struct link *l, enum stream_err e, const char *text)
{
	stream_error(l->stream, e, text);
}

struct link *link_of(struct list *member)
{
	return LIST_ENTRY(member, struct link, of_all);
}
