/* SPDX-License-Identifier: MIT */
/* One connection of a component (XEP-0114): header, handshake, then stanzas both ways.
 *
 * HEAD -> HANDSHAKE -> OPEN -> DEAD.  What a component sends must come from its own domain; it is
 * routed as a client's stanza is.  Reading pauses only for the link's own rate. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
#include "links/link.h"
#include "router.h"

#define HANDSHAKE_MS 10000
#define STREAM_ID 24
#define LINK_OUT_HARD ((size_t)64 << 20) /* component_send() says FULL long before */

enum link_state { LINK_HEAD, LINK_HANDSHAKE, LINK_OPEN, LINK_DEAD };

struct link {
	struct list of_all;
	struct components *all;
	struct router *router;
	struct component *component; /* from HANDSHAKE on: who it claims to be */
	struct stream *stream;
	enum link_state state;
	char id[STREAM_ID + 1];
	char *peer;
	struct log_tag tag;
	struct timer timer; /* until OPEN: the handshake; then: the end of a pause */
	struct rate rate;
	struct list in_flight;
	bool rate_paused;
};

static const char *const state_names[] = { "head", "handshake", "open", "dead" };

static void link_state(struct link *l, enum link_state state)
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

static bool from_is_its(const struct link *l, const struct stanza *st)
{
	return st->from.s && jid_has_domain(&st->from, l->component->domain);
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
	l->component->in++;
	st->component = l->component;
	list_add_tail(&l->in_flight, &st->link);
	if (r == 0 && !el_attr(st->el, "to"))
		r = -COND_BAD_REQUEST;
	uint32_t bytes = st->bytes;
	if (r < 0)
		route_bounce(l->router, st, (enum el_cond) - r, NULL);
	else if (!intake(l->router, l->component, st))
		route_stanza(l->router, st);
	stanza_release(st);
	link_charge(l, bytes);
}

/* --- handshake ------------------------------------------------------------------------------ */

static void header(struct link *l)
{
	const char *to = el_attr(stream_head(l->stream), "to");
	struct stream_header h = { .id = l->id };

	l->component = to ? component_by_name(l->all, to) : NULL;
	if (!l->component) {
		components_failed_try(l->all, l->peer);
		stream_error(l->stream, STREAM_E_HOST_UNKNOWN, NULL);
		return;
	}
	l->tag.jid = l->component->domain;
	h.from = l->component->domain;
	stream_send_header(l->stream, &h);
	link_state(l, LINK_HANDSHAKE);
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

void link_reload(struct link *l)
{
	struct xml_limits lim = limits_of(l);

	stream_set_limits(l->stream, &lim);
}

static void handshake(struct link *l)
{
	const struct el *el = stream_el(l->stream);
	struct component *c = l->component;

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
	if (!component_attach(c, l)) {
		stream_error(l->stream, STREAM_E_CONFLICT, "another connection serves this domain");
		return;
	}
	const struct rate_conf rc = rate_of(l);

	link_reload(l);
	rate_init(&l->rate, &rc, loop_now(l->router->loop));
	timer_stop(&l->timer);
	link_state(l, LINK_OPEN);
	stream_puts(l->stream, "<handshake/>");
	log_info(&l->tag, "component connected");
	hooks_online(l->router, c, false);
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
	if (l->component)
		component_detach(l->component, l, stream_reason(l->stream));
	log_info(&l->tag, "component connection ended: %s", stream_reason(l->stream));
	link_state(l, LINK_DEAD);
	LIST_EACH_SAFE (it, &l->in_flight) {
		stanza_orphan(LIST_ENTRY(it, struct stanza, link));
		list_del(it);
	}
	timer_done(&l->timer);
	stream_free(l->stream);
	list_del(&l->of_all);
	components_link_gone(l->all, l);
	loop_reap(l->router->loop, link_destroy, l);
}

static void link_timer(void *arg)
{
	struct link *l = arg;

	if (l->state != LINK_OPEN) {
		stream_error(l->stream, STREAM_E_CONNECTION_TIMEOUT, "no handshake in time");
		return;
	}
	l->rate_paused = false;
	stream_resume(l->stream);
}

static void link_event(struct stream *s, enum stream_ev ev, void *arg)
{
	struct link *l = arg;

	(void)s;
	switch (ev) {
	case STREAM_HEAD:
		header(l);
		break;
	case STREAM_EL:
		if (l->state == LINK_OPEN)
			stanza(l);
		else
			handshake(l);
		break;
	case STREAM_CLOSED:
		link_free(l);
		break;
	case STREAM_CONNECTED:
	case STREAM_SECURE:
	case STREAM_DRAINED:
		break;
	}
}

struct link *link_accept(struct components *cs, int fd, struct list *links)
{
	struct router *r = components_router(cs);
	struct link *l = xzalloc(sizeof(*l));
	struct stream_conf sc = {
		.content_ns = NS_COMPONENT,
		.accepts = true,
		.lim = { .stanza = 4096, .depth = 4, .attrs = 16, .nodes = 16 }, /* a handshake */
		.out_hard = LINK_OUT_HARD,
	};

	l->all = cs;
	l->router = r;
	list_init(&l->in_flight);
	rnd_id(l->id, STREAM_ID);
	l->stream = stream_accept(r->loop, fd, &sc, link_event, l);
	l->peer = xstrdup(io_peer(stream_io_of(l->stream)));
	l->tag = (struct log_tag){ "link", NULL, l->peer, NULL };
	timer_init(&l->timer, r->loop, link_timer, l);
	timer_set(&l->timer, HANDSHAKE_MS);
	list_add_tail(links, &l->of_all);
	return l;
}

int link_send(struct link *l, const struct el *el)
{
	size_t max = (size_t)component_conf_of(l->component)->max_stanza;
	int r = stream_send_within(l->stream, el, max - max / 8);

	l->component->out += r == 0;
	return r;
}

size_t link_queued(const struct link *l)
{
	return stream_queued(l->stream);
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
