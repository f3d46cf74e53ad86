/* SPDX-License-Identifier: MIT */
/* One XML stream over one connection: io.h and xml.h put together, for both ends of c2s, component
 * and server streams.  It knows headers, restarts, stream errors and the closing handshake; it does
 * not know features, authentication or stanzas.
 *
 * Events come from the loop, at most LIM_TURN_STANZAS elements per turn: what is left waits for the
 * next turn and reading pauses meanwhile, so one peer cannot starve the others.  The event function
 * may call anything here, stream_close() included.  After STREAM_CLOSED the owner calls
 * stream_free(); memory goes at the end of the turn. */
#ifndef XMPP_STREAM_H
#define XMPP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/io.h>
#include <xmpp/el.h>
#include <xmpp/xml.h>

struct stream;

enum stream_ev {
	STREAM_CONNECTED, /* the TCP connection we asked for stands */
	STREAM_SECURE,    /* TLS handshake done; the peer (or we) opens a new stream */
	STREAM_HEAD,      /* the peer's header came and is valid: stream_head(); answer it */
	STREAM_EL,        /* an element: stream_take() */
	STREAM_DRAINED,   /* IO_DRAINED */
	STREAM_CLOSED,    /* over, for whatever reason: stream_reason() */
};
typedef void stream_fn(struct stream *s, enum stream_ev ev, void *arg);

/* RFC 6120 4.9.3 */
enum stream_err {
	STREAM_E_NONE,
	STREAM_E_BAD_FORMAT,
	STREAM_E_BAD_NAMESPACE_PREFIX,
	STREAM_E_CONFLICT,
	STREAM_E_CONNECTION_TIMEOUT,
	STREAM_E_HOST_GONE,
	STREAM_E_HOST_UNKNOWN,
	STREAM_E_IMPROPER_ADDRESSING,
	STREAM_E_INTERNAL_SERVER_ERROR,
	STREAM_E_INVALID_FROM,
	STREAM_E_INVALID_NAMESPACE,
	STREAM_E_INVALID_XML,
	STREAM_E_NOT_AUTHORIZED,
	STREAM_E_NOT_WELL_FORMED,
	STREAM_E_POLICY_VIOLATION,
	STREAM_E_REMOTE_CONNECTION_FAILED,
	STREAM_E_RESET,
	STREAM_E_RESOURCE_CONSTRAINT,
	STREAM_E_RESTRICTED_XML,
	STREAM_E_SEE_OTHER_HOST,
	STREAM_E_SYSTEM_SHUTDOWN,
	STREAM_E_UNDEFINED_CONDITION,
	STREAM_E_UNSUPPORTED_ENCODING,
	STREAM_E_UNSUPPORTED_FEATURE,
	STREAM_E_UNSUPPORTED_STANZA_TYPE,
	STREAM_E_UNSUPPORTED_VERSION,
	STREAM_E_LAST_ = STREAM_E_UNSUPPORTED_VERSION
};
const char *stream_err_name(enum stream_err e);
enum stream_err stream_err_parse(const char *name); /* UNDEFINED_CONDITION if unknown */

struct stream_conf {
	const char *content_ns; /* NS_CLIENT, NS_COMPONENT, NS_SERVER; static string */
	bool accepts;           /* we are the receiving entity */
	struct xml_limits lim;
	size_t out_low, out_high, out_hard; /* io_set_marks() */
};

/* Takes io and becomes its event function: io is made with stream_io as its function and the stream
 * as its argument, see stream_accept() and stream_connect(). */
struct stream *stream_accept(
    struct loop *l, int fd, const struct stream_conf *c, stream_fn *fn, void *arg);
struct stream *stream_connect(struct loop *l, const char *host, uint16_t port, unsigned timeout_ms,
    const struct stream_conf *c, stream_fn *fn, void *arg);
void stream_free(struct stream *s);        /* closes at once if it is open; NULL is fine */
struct io *stream_io_of(struct stream *s); /* until stream_free(), in STREAM_CLOSED too */

/* --- headers, restarts, TLS ------------------------------------------------------------------- */
/* Sends our header.  id may be NULL (an initiating entity has none); version "1.0" or NULL.
 * extra: bytes put inside the start tag (" features='1' xmlns:..."), NULL: none. */
struct stream_header {
	const char *from, *to, *id, *version, *lang, *extra;
};
void stream_send_header(struct stream *s, const struct stream_header *h);
/* Copies what stream_error() is to use if it has to send our header first (RFC 6120 4.9.1.2): an
 * accepting entity sets it as soon as it knows a name of its own.  Without it the header has a
 * fresh id and no more. */
void stream_set_header(struct stream *s, const struct stream_header *h);
bool stream_header_sent(const struct stream *s);
const struct el *stream_head(const struct stream *s);
/* The peer will open a new stream on the same connection (after SASL): called within the event
 * function for the element that led to it. */
void stream_restart(struct stream *s);
/* STARTTLS as a server: <proceed/> has been queued by the caller just before.  -EPROTO: clear bytes
 * follow <starttls/>, which is an injection: the caller ends the stream. */
int stream_starttls(struct stream *s, const struct io_tls *t) __attribute__((warn_unused_result));
void stream_tls_client(struct stream *s, struct tls_ctx *ctx, const char *name, const char *alpn);
void stream_tls_direct(
    struct stream *s, const struct io_tls *t); /* from the first byte, as a server */

/* --- elements --------------------------------------------------------------------------------- */
/* In STREAM_EL: the element, which the caller then owns.  Left alone it is freed. */
struct el *stream_take(struct stream *s);
const struct el *stream_el(const struct stream *s);

void stream_send(struct stream *s, const struct el *el); /* serialises now; el stays the caller's */
/* As stream_send(), unless that would be more than max bytes: -EMSGSIZE. */
int stream_send_within(struct stream *s, const struct el *el, size_t max);
void stream_send_addr(struct stream *s, const struct el *el, const char *from, const char *to);
void stream_send_raw(struct stream *s, const char *p, size_t n);
void stream_puts(struct stream *s, const char *xml);
/* Is what is sent now on its way?  false: it is thrown away, as the end has come, noticed by the
 * owner or not. */
bool stream_alive(const struct stream *s);
size_t stream_queued(const struct stream *s);
uint64_t stream_sent(const struct stream *s); /* elements sent */

/* Stops taking elements (back-pressure); counts.  At most what was parsed already waits. */
void stream_pause(struct stream *s);
void stream_resume(struct stream *s);
void stream_set_limits(struct stream *s, const struct xml_limits *lim);

/* Gives the parser's memory back if the stream is idle; cheap to call from a slow timer. */
void stream_idle(struct stream *s);

/* --- ending ----------------------------------------------------------------------------------- */
/* Sends our header if none was sent yet (RFC 6120 4.9.1.2), the error, the end tag; then
 * STREAM_CLOSED follows when it has left, within a few seconds. text may be NULL. */
void stream_error(struct stream *s, enum stream_err e, const char *text);
/* The same with a condition of the application's, an element as it is written (RFC 6120 4.9.4). */
void stream_error_app(struct stream *s, enum stream_err e, const char *text, const char *app);
/* XEP-0198 6: the peer has acknowledged more than it was sent. */
void stream_error_h(struct stream *s, uint32_t h, uint32_t sent);
/* Sends the end tag and waits shortly for the peer's (4.4). STREAM_CLOSED follows. */
void stream_close(struct stream *s);
bool stream_closing(const struct stream *s);       /* nothing more is delivered or sent */
bool stream_ended_by_peer(const struct stream *s); /* its end tag has come */
/* One line for the log: "closed by the peer", "TLS: no shared cipher", "policy-violation: ...",
 * "the peer says: conflict". */
const char *stream_reason(const struct stream *s);
/* The error that ended the stream: ours, or what the peer sent. */
enum stream_err stream_error_sent(const struct stream *s);
enum stream_err stream_error_received(const struct stream *s);

#endif
