/* SPDX-License-Identifier: MIT */
/* One XML stream over one connection.
 *
 * Owns the connection and the parser.  States, which only ever go on:
 *   OPEN     elements are delivered and sent
 *   CLOSING  our end tag went out, the peer's is awaited; what still comes is thrown away
 *   OVER     nothing goes either way; STREAM_CLOSED is due or has been
 *   FREED    the owner has let go; memory goes at the end of the turn
 *
 * Way in: io's bytes -> xml_feed() -> queue of finished elements -> drain(), which calls the owner
 * at most LIM_TURN_STANZAS times in a turn.  What is left over waits in the parser's queue for the
 * next turn, and reading pauses meanwhile.
 *
 * Must not: call the owner from within a call that the owner made (STREAM_CLOSED is a task), know
 * features, authentication or stanzas. */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/lim.h>
#include <base/mem.h>

#include "stream_internal.h"

#define CLOSE_WAIT_MS 2000 /* for the peer's end tag, then for our last bytes to leave */

/* --- ending ---------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void set_reason(struct stream *s, const char *fmt, ...)
{
	va_list ap;

	if (s->reason[0]) /* the first one is the cause, the others follow from it */
		return;
	va_start(ap, fmt);
	(void)vsnprintf(s->reason, sizeof(s->reason), fmt, ap);
	va_end(ap);
}

static void over(struct stream *s)
{
	if (s->state >= STREAM_OVER)
		return;
	s->state = STREAM_OVER;
	timer_stop(&s->close_timer);
	task_cancel(&s->drain_task);
	task_defer(s->loop, &s->closed_task);
}

static void on_closed_task(void *arg)
{
	struct stream *s = arg;

	if (s->state == STREAM_OVER)
		s->fn(s, STREAM_CLOSED, s->arg);
}

static void on_close_timer(void *arg)
{
	over(arg);
}

/* The peer is done: our end tag answers its own (RFC 6120 4.4). */
static void close_answered(struct stream *s)
{
	stream_put_end_tag(s);
	over(s);
}

void stream_close(struct stream *s)
{
	if (s->state != STREAM_OPEN)
		return;
	set_reason(s, "closed by us");
	if (!s->header_sent || s->gone) {
		over(s);
		return;
	}
	stream_put_end_tag(s);
	s->state = STREAM_CLOSING;
	if (s->paused) { /* the peer's end tag has to be read */
		s->paused = 0;
		io_resume(s->io);
		task_next(s->loop, &s->drain_task);
	}
	timer_set(&s->close_timer, CLOSE_WAIT_MS);
}

void stream_error_app(struct stream *s, enum stream_err e, const char *text, const char *app)
{
	assert(e != STREAM_E_NONE);
	if (s->state != STREAM_OPEN)
		return;
	s->err_sent = e;
	set_reason(s, "%s%s%s", stream_err_name(e), text ? ": " : "", text ? text : "");
	if (stream_can_send(s)) {
		/* Who opens the stream and has not done so yet has nobody to tell. */
		if (!s->header_sent && s->accepts)
			stream_put_default_header(s);
		if (s->header_sent) {
			stream_put_error(s, e, text, app);
			stream_put_end_tag(s);
		}
	}
	over(s);
}

void stream_error(struct stream *s, enum stream_err e, const char *text)
{
	stream_error_app(s, e, text, NULL);
}

/* --- the peer's header and errors ------------------------------------------------------------ */

static void on_head(struct stream *s)
{
	const struct el *head = xml_head(s->xml);

	if (s->state != STREAM_OPEN)
		return;
	if (strcmp(el_ns(head), NS_STREAM) != 0)
		stream_error(s, STREAM_E_INVALID_NAMESPACE, "the root is not in " NS_STREAM);
	else if (strcmp(el_name(head), "stream") != 0)
		stream_error(s, STREAM_E_BAD_FORMAT, "the root is not <stream/>");
	else if (strcmp(xml_head_default_ns(s->xml), s->content_ns) != 0)
		stream_error(s, STREAM_E_INVALID_NAMESPACE,
		    "the default namespace is not the one of this port");
	else
		s->fn(s, STREAM_HEAD, s->arg);
}

static void on_peer_error(struct stream *s, const struct el *err)
{
	const char *text = el_child_text(err, "text", NS_STREAMS);

	s->err_received = STREAM_E_UNDEFINED_CONDITION;
	EL_EACH (it, err, NULL, NS_STREAMS)
		if (strcmp(el_name(it), "text") != 0) {
			s->err_received = stream_err_parse(el_name(it));
			break;
		}
	set_reason(s, "the peer says: %s%s%s%s", stream_err_name(s->err_received), text ? " (" : "",
	    text ? text : "", text ? ")" : "");
	close_answered(s);
}

static void on_fault(struct stream *s)
{
	static const enum stream_err map[] = {
		[XML_OK] = STREAM_E_UNDEFINED_CONDITION,
		[XML_E_NOT_WELL_FORMED] = STREAM_E_NOT_WELL_FORMED,
		[XML_E_RESTRICTED] = STREAM_E_RESTRICTED_XML,
		[XML_E_ENCODING] = STREAM_E_UNSUPPORTED_ENCODING,
		[XML_E_BAD_NS_PREFIX] = STREAM_E_BAD_NAMESPACE_PREFIX,
		[XML_E_LIMIT] = STREAM_E_POLICY_VIOLATION,
	};

	if (s->state == STREAM_CLOSING)
		over(s);
	else
		stream_error(s, map[xml_error(s->xml)], xml_error_text(s->xml));
}

/* --- way in ---------------------------------------------------------------------------------- */

static void on_el(struct stream *s, struct el *el)
{
	s->cur = el;
	if (el_is(el, "error", NS_STREAM))
		on_peer_error(s, el);
	else if (s->state == STREAM_OPEN)
		s->fn(s, STREAM_EL, s->arg);
	el_free(s->cur);
	s->cur = NULL;
}

/* One event out of the parser's queue; false: it is empty, or nothing more is wanted. */
static bool drain_one(struct stream *s)
{
	struct el *el = NULL;

	switch (xml_pop(s->xml, &el)) {
	case XML_NONE:
		return false;
	case XML_HEAD:
		on_head(s);
		break;
	case XML_EL:
		on_el(s, el);
		break;
	case XML_END:
		s->ended = true;
		set_reason(s, "closed by the peer");
		close_answered(s);
		break;
	case XML_FAULT:
		on_fault(s);
		break;
	}
	return s->state < STREAM_OVER;
}

static void drain(struct stream *s)
{
	unsigned n = 0;

	assert(!s->draining);
	s->draining = true;
	while (s->state < STREAM_OVER && !s->paused && n < LIM_TURN_STANZAS && drain_one(s))
		n++;
	s->draining = false;
	if (s->state >= STREAM_OVER)
		return;
	if (n == LIM_TURN_STANZAS) {
		if (!s->over_budget)
			io_pause(s->io);
		s->over_budget = true;
		task_next(s->loop, &s->drain_task);
	} else if (!s->paused) {
		if (s->over_budget)
			io_resume(s->io);
		s->over_budget = false;
		if (s->gone)
			over(s);
	}
}

static void on_drain_task(void *arg)
{
	drain(arg);
}

static void on_io_closed(struct stream *s)
{
	if (io_error(s->io) < 0)
		set_reason(s, "%s", io_error_text(s->io));
	else
		set_reason(s, "the connection was closed without an end of the stream");
	/* Finished elements that wait for their turn came in full: they count. */
	s->gone = true;
	if (!s->over_budget || s->paused)
		over(s);
}

static void deliver(struct stream *s, enum stream_ev ev)
{
	if (s->state == STREAM_OPEN)
		s->fn(s, ev, s->arg);
}

static void on_io(struct io *io, enum io_ev ev, void *arg)
{
	struct stream *s = arg;
	const char *p;
	size_t n;

	if (s->state >= STREAM_OVER)
		return;
	switch (ev) {
	case IO_CONNECTED:
		deliver(s, STREAM_CONNECTED);
		break;
	case IO_SECURE:
		deliver(s, STREAM_SECURE);
		break;
	case IO_DRAINED:
		deliver(s, STREAM_DRAINED);
		break;
	case IO_DATA:
		p = io_data(io, &n);
		xml_feed(s->xml, p, n);
		drain(s);
		break;
	case IO_CLOSED:
		on_io_closed(s);
		break;
	}
}

/* --- making and freeing ---------------------------------------------------------------------- */

static struct stream *new_stream(
    struct loop *l, const struct stream_conf *c, stream_fn *fn, void *arg)
{
	struct stream *s = xzalloc(sizeof(*s));

	s->loop = l;
	s->fn = fn;
	s->arg = arg;
	s->content_ns = c->content_ns;
	s->accepts = c->accepts;
	s->xml = xml_new(c->content_ns, &c->lim);
	task_init(&s->drain_task, on_drain_task, s);
	task_init(&s->closed_task, on_closed_task, s);
	timer_init(&s->close_timer, l, on_close_timer, s);
	return s;
}

struct stream *stream_accept(
    struct loop *l, int fd, const struct stream_conf *c, stream_fn *fn, void *arg)
{
	struct stream *s = new_stream(l, c, fn, arg);

	s->io = io_new(l, fd, on_io, s);
	io_set_marks(s->io, c->out_low, c->out_high, c->out_hard);
	return s;
}

struct stream *stream_connect(struct loop *l, const char *host, uint16_t port, unsigned timeout_ms,
    const struct stream_conf *c, stream_fn *fn, void *arg)
{
	struct stream *s = new_stream(l, c, fn, arg);

	s->io = io_connect(l, host, port, timeout_ms, on_io, s);
	io_set_marks(s->io, c->out_low, c->out_high, c->out_hard);
	return s;
}

static void release(void *obj)
{
	struct stream *s = obj;

	xml_free(s->xml);
	el_free(s->cur);
	sbuf_done(&s->hdr);
	free(s);
}

void stream_free(struct stream *s)
{
	if (!s || s->state == STREAM_FREED)
		return;
	if (s->state == STREAM_OVER && !s->gone)
		io_close_flushed(s->io, CLOSE_WAIT_MS);
	else
		io_close(s->io);
	s->state = STREAM_FREED;
	task_cancel(&s->drain_task);
	task_cancel(&s->closed_task);
	timer_done(&s->close_timer);
	loop_reap(s->loop, release, s);
}

struct io *stream_io_of(struct stream *s)
{
	return s->io;
}

/* --- headers, restarts, TLS ------------------------------------------------------------------ */

const struct el *stream_head(const struct stream *s)
{
	return xml_head(s->xml);
}

/* The parser begins anew.  false: an element or the beginning of one had come already, which the
 * peer sent before it knew that it might; *ret_rest tells of anything at all, white space too. */
static bool reset_parser(struct stream *s, bool *ret_rest)
{
	struct el *el = NULL;
	bool clean = !xml_partial(s->xml);

	while (clean && xml_pop(s->xml, &el) != XML_NONE) {
		el_free(el);
		clean = false;
	}
	*ret_rest = !clean;
	if (!clean) /* the stream ends: nobody will ask the parser again */
		return false;
	*ret_rest = xml_reset(s->xml);
	return true;
}

void stream_restart(struct stream *s)
{
	bool rest;

	if (s->state != STREAM_OPEN)
		return;
	/* RFC 6120 6.4.6: the new stream begins after <success/>.  White space between the two does
	 * no harm; anything else cannot be told apart from an injection. */
	if (!reset_parser(s, &rest))
		stream_error(s, STREAM_E_BAD_FORMAT, "data before the stream was opened anew");
	else
		s->header_sent = false;
}

int stream_starttls(struct stream *s, const struct io_tls *t)
{
	bool rest;

	if (!stream_can_send(s))
		return -ENOTCONN;
	(void)reset_parser(s, &rest);
	if (rest)
		return -EPROTO;
	s->header_sent = false;
	io_tls_server(s->io, t);
	return 0;
}

void stream_tls_client(struct stream *s, struct tls_ctx *ctx, const char *name, const char *alpn)
{
	bool rest;

	if (!stream_can_send(s))
		return;
	(void)reset_parser(s, &rest);
	if (rest) {
		set_reason(s, "clear bytes came after the answer to STARTTLS");
		over(s);
		return;
	}
	s->header_sent = false;
	io_tls_client(s->io, ctx, name, alpn);
}

void stream_tls_direct(struct stream *s, const struct io_tls *t)
{
	io_tls_server(s->io, t);
}

/* --- elements -------------------------------------------------------------------------------- */

struct el *stream_take(struct stream *s)
{
	struct el *el = s->cur;

	s->cur = NULL;
	return el;
}

const struct el *stream_el(const struct stream *s)
{
	return s->cur;
}

void stream_pause(struct stream *s)
{
	if (s->state == STREAM_OPEN && s->paused++ == 0)
		io_pause(s->io);
}

void stream_resume(struct stream *s)
{
	if (s->state != STREAM_OPEN || s->paused == 0 || --s->paused > 0)
		return;
	io_resume(s->io);
	task_next(s->loop, &s->drain_task); /* what was parsed before the pause */
}

void stream_set_limits(struct stream *s, const struct xml_limits *lim)
{
	xml_set_limits(s->xml, lim);
}

void stream_idle(struct stream *s)
{
	if (s->state == STREAM_OPEN)
		(void)xml_idle(s->xml);
}

bool stream_ended_by_peer(const struct stream *s)
{
	return s->ended;
}

bool stream_closing(const struct stream *s)
{
	return s->state != STREAM_OPEN;
}

const char *stream_reason(const struct stream *s)
{
	return s->reason;
}

enum stream_err stream_error_sent(const struct stream *s)
{
	return s->err_sent;
}

enum stream_err stream_error_received(const struct stream *s)
{
	return s->err_received;
}
