/* SPDX-License-Identifier: MIT */
/* Client connections: accepted, secured, authenticated, bound, and ended.
 *
 * One object (struct conn), one state, one event function (conn_event); conn_state() is the only
 * assignment of the state.  What a bound session sends goes to route_stanza(); how much of it may
 * be under way at a time is bounded here, by not reading. */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <base/addr.h>
#include <base/arena.h>
#include <base/certs.h>
#include <base/lim.h>
#include <base/listen.h>
#include <base/metrics.h>
#include <base/rnd.h>

#include "c2s/c2s.h"
#include "c2s/conn.h"
#include "conf.h"
#include "core/limits.h"
#include "core/route.h"
#include "core/session.h"
#include "core/session_csi.h"
#include "core/session_sm.h"
#include "core/stanza.h"
#include "router.h"

#define ELEMENT_COST 256          /* bytes of its share that what is no stanza takes at least */
#define OUT_HIGH ((size_t)262144) /* then its own requests wait */
#define OUT_LOW ((size_t)65536)

struct c2s {
	struct router *router;
	struct listener *starttls, *direct;
	struct list conns;
	struct conn_limit per_addr;
	bool stopping;
};

static struct metric m_conns =
    METRIC_GAUGE("switchyard_c2s_connections", "Client connections.", NULL);
static struct metric m_refused = METRIC_COUNTER("switchyard_c2s_refused_total",
    "Connections refused because their address has too many.", NULL);

static void conn_event(struct stream *s, enum stream_ev ev, void *arg);

/* --- state ---------------------------------------------------------------------------------- */

static const char *const state_names[] = { "clear", "handshake", "auth", "bind", "open", "dead" };

static void conn_state(struct conn *c, enum conn_state state)
{
	log_debug(&c->tag, "%s -> %s", state_names[c->state], state_names[state]);
	c->state = state;
}

struct xml_limits conn_limits(const struct conn *c)
{
	const struct router_conf *conf = c->router->conf;
	bool in = c->state == CONN_BIND || c->state == CONN_OPEN;

	return (struct xml_limits){
		.stanza = (size_t)(in ? conf->limit.stanza : conf->limit.stanza_before_login),
		.depth = (unsigned)conf->limit.depth,
		.attrs = (unsigned)conf->limit.attributes,
		.nodes = (unsigned)conf->limit.children,
	};
}

/* --- the end -------------------------------------------------------------------------------- */

void conn_end_session(struct conn *c)
{
	struct session *s = c->session;

	if (!s)
		return;
	c->session = NULL;
	c->tag.jid = c->account.s;
	timer_stop(&c->patience);
	session_end(s);
}

static void conn_destroy(void *arg)
{
	struct conn *c = arg;

	jid_done(&c->account);
	free(c->peer);
	free(c->lang);
	free(c);
}

static void conn_end(struct conn *c)
{
	struct c2s *c2s = c->c2s;

	if (c->state == CONN_DEAD)
		return;
	log_info(&c->tag, "connection ended: %s", stream_reason(c->stream));
	if (!conn_sm_sleep(c))
		conn_end_session(c);
	conn_state(c, CONN_DEAD);
	conn_login_end(c);
	conn_resume_end(c);
	timer_done(&c->timer);
	timer_done(&c->patience);
	stream_free(c->stream);
	list_del(&c->link);
	conn_limit_leave(&c2s->per_addr, c->peer);
	metric_set(&m_conns, (int64_t)c2s->per_addr.total);
	loop_reap(c->router->loop, conn_destroy, c);
}

static void conn_timer(void *arg)
{
	struct conn *c = arg;

	if (c->state != CONN_OPEN) {
		stream_error(c->stream, STREAM_E_CONNECTION_TIMEOUT, "the login took too long");
		return;
	}
	c->rate_paused = false;
	stream_resume(c->stream);
}

/* --- before login --------------------------------------------------------------------------- */

static struct tls_ctx *choose_cert(const char *name, void *arg)
{
	struct conn *c = arg;
	struct tls_ctx *t = name ? certs_find(c->router->certs, name) : NULL;

	/* Some clients name the host that an SRV record led them to: the stream's `to` knows
	 * better. */
	return t ? t : c->tls.dflt;
}

static void starttls(struct conn *c)
{
	c->tls = (struct io_tls){
		.dflt = certs_find(c->router->certs, c->host),
		.choose = choose_cert,
		.choose_arg = c,
	};
	stream_puts(c->stream, "<proceed xmlns='" NS_TLS "'/>");
	conn_state(c, CONN_HANDSHAKE);
	if (stream_starttls(c->stream, &c->tls) < 0) {
		log_info(&c->tag, "bytes behind <starttls/> in the clear: refused");
		stream_error(c->stream, STREAM_E_POLICY_VIOLATION, "data before the TLS handshake");
	}
}

static void element_clear(struct conn *c)
{
	const struct el *el = stream_el(c->stream);

	if (el_is(el, "starttls", NS_TLS))
		starttls(c);
	else if (!strcmp(el_ns(el), NS_SASL))
		stream_puts(
		    c->stream, "<failure xmlns='" NS_SASL "'><encryption-required/></failure>");
	else
		stream_error(c->stream, STREAM_E_NOT_AUTHORIZED, "log in first");
}

void conn_authenticated(struct conn *c, const struct jid *account, bool restart)
{
	c->account = jid_dup(account);
	c->tag.jid = c->account.s;
	log_info(&c->tag, "authenticated");
	conn_login_end(c);
	conn_state(c, CONN_BIND);
	if (restart)
		stream_restart(c->stream);
}

/* --- the session ---------------------------------------------------------------------------- */

/* RFC 6120 8.1.2.1: a `from` that is not the sender's own ends the stream. */
static bool from_is_own(const struct conn *c, const struct stanza *st)
{
	const struct jid *own = &c->session->jid;

	if (!el_attr(st->el, "from"))
		return true;
	if (!st->from.s || !jid_same_bare(&st->from, own))
		return false;
	return jid_is_bare(&st->from) || jid_same(&st->from, own);
}

static void stamp(struct conn *c, struct stanza *st)
{
	stanza_set_from(st, &c->session->jid);
	if (c->session->lang && !el_attr(st->el, "xml:lang"))
		el_set(st->el, "xml:lang", c->session->lang); /* RFC 6120 4.7.4 */
}

static void element_open(struct conn *c)
{
	struct stanza *st;
	int r = stanza_new(&st, stream_take(c->stream));

	if (r == -EBADMSG) {
		stream_error(c->stream, STREAM_E_UNSUPPORTED_STANZA_TYPE, NULL);
		return;
	}
	if (!from_is_own(c, st)) {
		stream_error(c->stream, STREAM_E_INVALID_FROM, NULL);
		stanza_release(st);
		return;
	}
	stamp(c, st);
	uint32_t bytes = conn_cost(st);
	if (conn_flight_add(c, st)) {
		if (r < 0)
			route_bounce(c->router, st, (enum el_cond) - r, NULL);
		else
			route_stanza(c->router, st);
		conn_flight_routed(st);
	}
	stanza_release(st);
	if (c->session && !stream_closing(c->stream)) {
		conn_flight_check(c);
		conn_rate_check(c, bytes);
	}
}

void conn_opened(struct conn *c)
{
	conn_state(c, CONN_OPEN);
	timer_stop(&c->timer);
	rate_init(&c->rate,
	    &(struct rate_conf){ (double)c->router->conf->limit.session_rate,
		(double)c->router->conf->limit.session_burst },
	    loop_now(c->router->loop));
	log_info(&c->tag, "session bound (%s %s)", io_tls_version(stream_io_of(c->stream)),
	    io_tls_cipher(stream_io_of(c->stream)));
}

/* --- events --------------------------------------------------------------------------------- */

static const char *served_name(const struct router *r, const char *to)
{
	const char *found = NULL;
	struct arena *a = arena_new();
	struct jid j;

	if (to && jid_parse(&j, a, to) == 0 && jid_is_domain(&j)) {
		for (size_t i = 0; i < r->conf->domains.n; i++) {
			if (!strcmp(r->conf->domains.v[i], j.s))
				found = r->conf->domains.v[i];
		}
	}
	arena_free(a);
	return found;
}

static void header(struct conn *c)
{
	const struct el *head = stream_head(c->stream);
	const char *version = el_attr(head, "version"), *lang = el_attr(head, "xml:lang");
	const char *host = served_name(c->router, el_attr(head, "to"));

	if (!host) {
		stream_error(c->stream, STREAM_E_HOST_UNKNOWN, NULL);
		return;
	}
	if (c->account.s && c->host != host) {
		stream_error(
		    c->stream, STREAM_E_NOT_AUTHORIZED, "authenticated for another domain");
		return;
	}
	c->host = host;
	if (!version || atoi(version) < 1) {
		stream_error(c->stream, STREAM_E_UNSUPPORTED_VERSION, NULL);
		return;
	}
	free(c->lang);
	c->lang = lang && strlen(lang) <= 64 ? xstrdup(lang) : NULL;
	if (c->state == CONN_AUTH)
		conn_login_begin(c);
	conn_send_header(c);
	conn_send_features(c);
}

static void element_session(struct conn *c)
{
	const struct el *el = stream_el(c->stream);

	size_t len = el_wire_len(el);

	if (!strcmp(el_ns(el), NS_SM)) {
		conn_sm_element(c, el);
	} else if (el_is(el, "active", NS_CSI) || el_is(el, "inactive", NS_CSI)) {
		session_csi_set(c->session, *el_name(el) == 'i');
	} else {
		element_open(c);
		return;
	}
	if (c->session && !stream_closing(c->stream)) {
		conn_flight_check(c);
		conn_rate_check(c, len > ELEMENT_COST ? (uint32_t)len : ELEMENT_COST);
	}
}

static void element(struct conn *c)
{
	switch (c->state) {
	case CONN_CLEAR:
		element_clear(c);
		break;
	case CONN_AUTH:
		conn_login_element(c);
		break;
	case CONN_BIND:
		if (!strcmp(el_ns(stream_el(c->stream)), NS_SM))
			conn_sm_element(c, stream_el(c->stream));
		else
			conn_bind(c, stream_take(c->stream));
		break;
	case CONN_OPEN:
		if (c->session)
			element_session(c);
		break;
	default:
		break;
	}
}

static void conn_event(struct stream *s, enum stream_ev ev, void *arg)
{
	struct conn *c = arg;

	(void)s;
	switch (ev) {
	case STREAM_SECURE:
		conn_state(c, CONN_AUTH);
		break;
	case STREAM_HEAD:
		header(c);
		break;
	case STREAM_EL:
		element(c);
		break;
	case STREAM_DRAINED:
		if (c->session && c->session->sm)
			session_sm_push(c->session);
		if (c->flight_paused)
			conn_flight_check(c);
		break;
	case STREAM_CLOSED:
		conn_end(c);
		break;
	case STREAM_CONNECTED:
		break;
	}
}

/* --- accepting ------------------------------------------------------------------------------ */

/* A peer that vanished is noticed by the kernel, at no cost to those that are there: probes after
 * two silent minutes, and unacknowledged output for three. */
static void keepalive(int fd)
{
	int on = 1, idle = 120, interval = 30, count = 4, user_ms = 180000;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_ms, sizeof(user_ms));
}

static void conn_new(struct c2s *c2s, int fd, bool direct)
{
	struct router *r = c2s->router;
	struct conn *c = xzalloc(sizeof(*c));
	struct stream_conf sc = {
		.content_ns = NS_CLIENT,
		.accepts = true,
		.out_low = OUT_LOW,
		.out_high = OUT_HIGH,
		.out_hard = (size_t)r->conf->limit.output_bytes,
	};

	c->c2s = c2s;
	c->router = r;
	sc.lim = conn_limits(c);
	keepalive(fd);
	c->stream = stream_accept(r->loop, fd, &sc, conn_event, c);
	c->peer = xstrdup(io_peer(stream_io_of(c->stream)));
	rnd_id(c->id, sizeof(c->id) - 1);
	c->tag = (struct log_tag){ "c2s", c->id, c->peer, NULL };
	list_add_tail(&c2s->conns, &c->link);
	timer_init(&c->timer, r->loop, conn_timer, c);
	timer_init(&c->patience, r->loop, conn_flight_patience, c);
	if (r->conf->limit.login_time > 0)
		timer_set(&c->timer, (uint64_t)r->conf->limit.login_time * 1000);
	if (direct) {
		c->tls = (struct io_tls){
			.dflt = certs_find(r->certs, NULL),
			.choose = choose_cert,
			.choose_arg = c,
			.alpn = "xmpp-client", /* XEP-0368 */
		};
		conn_state(c, CONN_HANDSHAKE);
		stream_tls_direct(c->stream, &c->tls);
	}
}

static void accepted(struct c2s *c2s, int fd, bool direct)
{
	struct addr peer;

	addr_of_peer(&peer, fd);
	if (c2s->stopping || !conn_limit_enter(&c2s->per_addr, peer.text,
				 (size_t)c2s->router->conf->limit.connections_per_address)) {
		metric_add(&m_refused, 1);
		log_debug(NULL, "refused a connection from %s: too many", peer.text);
		(void)close(fd);
		return;
	}
	conn_new(c2s, fd, direct);
	metric_set(&m_conns, (int64_t)c2s->per_addr.total);
}

static void accepted_starttls(int fd, void *arg)
{
	accepted(arg, fd, false);
}

static void accepted_direct(int fd, void *arg)
{
	accepted(arg, fd, true);
}

int c2s_open(struct c2s **out, struct router *r, char *err, size_t err_len)
{
	struct c2s *c2s = xzalloc(sizeof(*c2s));
	const struct router_conf *conf = r->conf;
	int rc;

	c2s->router = r;
	list_init(&c2s->conns);
	conn_limit_init(&c2s->per_addr);
	rc = listen_tcp(&c2s->starttls, r->loop, conf->listen, (uint16_t)conf->c2s_port,
	    accepted_starttls, c2s, err, err_len);
	if (rc == 0)
		rc = listen_tcp(&c2s->direct, r->loop, conf->listen, (uint16_t)conf->c2s_tls_port,
		    accepted_direct, c2s, err, err_len);
	if (rc < 0) {
		c2s_close(c2s);
		return rc;
	}
	*out = c2s;
	return 0;
}

void c2s_reload(struct c2s *c2s)
{
	size_t hard = (size_t)c2s->router->conf->limit.output_bytes;

	LIST_EACH (it, &c2s->conns) {
		struct conn *c = LIST_ENTRY(it, struct conn, link);

		io_set_marks(stream_io_of(c->stream), OUT_LOW, OUT_HIGH, hard);
	}
}

void c2s_stop(struct c2s *c2s)
{
	c2s->stopping = true;
	listen_close(c2s->starttls);
	listen_close(c2s->direct);
	c2s->starttls = c2s->direct = NULL;
	LIST_EACH (it, &c2s->conns) {
		struct conn *c = LIST_ENTRY(it, struct conn, link);

		stream_error(c->stream, STREAM_E_SYSTEM_SHUTDOWN, NULL);
	}
	session_sm_end_all(c2s->router);
}

void c2s_close(struct c2s *c2s)
{
	if (!c2s)
		return;
	listen_close(c2s->starttls);
	listen_close(c2s->direct);
	LIST_EACH_SAFE (it, &c2s->conns)
		conn_end(LIST_ENTRY(it, struct conn, link));
	conn_limit_done(&c2s->per_addr);
	free(c2s);
}

size_t c2s_count(const struct c2s *c2s)
{
	return c2s->per_addr.total;
}
