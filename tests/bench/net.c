/* SPDX-License-Identifier: MIT */
/* Non-blocking TCP, TLS 1.3, output buffers and the loop.  What elements mean is session.c's.
 *
 * A write goes out at the end of the turn (net_flush) or at once (conn_push).  One buffer serves
 * all reads; only an unfinished element is copied to its connection. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#include <base/mem.h>

#include "conn.h"
#include "opts.h"
#include "session.h"
#include "stats.h"

enum {
	READ_MAX = 262144,
	STANZA_MAX = READ_MAX / 2,
	KEEP_OUT = 16384, /* an output buffer above this is given back when empty */
	EVENTS = 512,
};

static int epoll_fd = -1;
static SSL_CTX *tls;
static struct list all = LIST_INIT(all);
static struct conn **queue; /* connections with output */
static size_t n_queue, cap_queue;
static char read_buf[READ_MAX];

void net_open(void)
{
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	tls = SSL_CTX_new(TLS_client_method());
	if (epoll_fd < 0 || !tls)
		die("no epoll or no TLS");
	SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION);
	SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL); /* the bench's own certificate */
	(void)SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
					SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(tls, 1); /* one read() a wakeup, not two a record */
}

void net_close(void)
{
	LIST_EACH_SAFE (it, &all) {
		struct conn *c = LIST_ENTRY(it, struct conn, link);

		conn_close(c);
		list_del(&c->link);
		free(c);
	}
	free(queue);
	SSL_CTX_free(tls);
	(void)close(epoll_fd);
}

static void watch(struct conn *c, bool out)
{
	struct epoll_event ev = { .events = EPOLLIN | (out ? EPOLLOUT : 0U), .data.ptr = c };

	if (c->want_out == out)
		return;
	c->want_out = out;
	(void)epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &ev);
}

/* --- opening and closing ------------------------------------------------------------------------
 */

static void dial(struct conn *c, int port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT, .data.ptr = c };
	const int yes = 1;

	if (inet_pton(AF_INET, opt.host, &sa.sin_addr) != 1 ||
	    ntohl(sa.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
		die("--host %s: an address of 127.0.0.0/8 and nothing else", opt.host);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket: %s", strerror(errno));
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (connect(c->fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 && errno != EINPROGRESS)
		die("connect: %s", strerror(errno));
	c->want_out = true;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		die("epoll: %s", strerror(errno));
}

struct conn *conn_open(enum conn_kind kind, int user, int port)
{
	struct conn *c = xzalloc(sizeof(*c));

	c->kind = kind;
	c->user = user;
	c->state = CONN_TCP;
	c->since = now_ns();
	list_add_tail(&all, &c->link);
	dial(c, port);
	return c;
}

void conn_close(struct conn *c)
{
	if (c->fd < 0)
		return;
	c->state = CONN_DEAD;
	if (c->secure)
		(void)SSL_shutdown(c->ssl);
	SSL_free(c->ssl);
	c->ssl = NULL;
	ERR_clear_error();
	(void)close(c->fd);
	c->fd = -1;
	sbuf_done(&c->in);
	sbuf_done(&c->out);
	free(c->jid);
	free(c->sasl);
	c->jid = c->sasl = NULL;
}

void conn_leave(struct conn *c)
{
	if (c->kind != CONN_RAW)
		conn_puts(c, "</stream:stream>");
	net_flush();
	conn_close(c);
}

static void lose(struct conn *c, const char *why)
{
	if (c->state == CONN_DEAD)
		return;
	session_closed(c, why);
	conn_close(c);
}

void conn_start_tls(struct conn *c)
{
	char *name = xstrdup(opt.domain); /* OpenSSL's macro casts its const away */

	c->ssl = SSL_new(tls);
	if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1)
		die("no TLS for a connection");
	(void)SSL_set_tlsext_host_name(c->ssl, name);
	free(name);
	SSL_set_connect_state(c->ssl);
	c->state = CONN_TLS;
	watch(c, true);
}

/* Whether a TLS call that did not succeed only has to be made again, and when. */
static bool tls_waits(struct conn *c, int result, bool *for_out)
{
	int e = SSL_get_error(c->ssl, result);

	ERR_clear_error();
	*for_out = e == SSL_ERROR_WANT_WRITE;
	return e == SSL_ERROR_WANT_WRITE || e == SSL_ERROR_WANT_READ;
}

/* --- output -------------------------------------------------------------------------------------
 */

static void enqueue(struct conn *c)
{
	if (c->queued)
		return;
	if (n_queue == cap_queue) {
		cap_queue = cap_queue ? cap_queue * 2 : 256;
		queue = xreallocarray(queue, cap_queue, sizeof(struct conn *));
	}
	c->queued = true;
	queue[n_queue++] = c;
}

void conn_write(struct conn *c, const void *p, size_t n)
{
	if (c->fd < 0)
		return;
	sbuf_add(&c->out, p, n);
	enqueue(c);
}

void conn_puts(struct conn *c, const char *s)
{
	conn_write(c, s, strlen(s));
}

void conn_printf(struct conn *c, const char *fmt, ...)
{
	va_list ap;

	if (c->fd < 0)
		return;
	va_start(ap, fmt);
	sbuf_vprintf(&c->out, fmt, ap);
	va_end(ap);
	enqueue(c);
}

/* Bytes taken, 0: it has to wait, -1: lost. */
static int write_some(struct conn *c)
{
	size_t n = sbuf_len(&c->out) < READ_MAX ? sbuf_len(&c->out) : READ_MAX;
	bool out;
	int r;

	if (c->secure) {
		r = SSL_write(c->ssl, sbuf_data(&c->out), (int)n);
		if (r > 0)
			return r;
		return tls_waits(c, r, &out) ? 0 : -1;
	}
	r = (int)send(c->fd, sbuf_data(&c->out), n, MSG_NOSIGNAL);
	if (r >= 0)
		return r;
	return errno == EAGAIN ? 0 : -1;
}

static void flush(struct conn *c)
{
	if (c->fd < 0 || c->state == CONN_TCP || c->state == CONN_TLS)
		return;
	while (sbuf_len(&c->out) > 0) {
		int r = write_some(c);

		if (r < 0) {
			lose(c, "cannot be written to");
			return;
		}
		if (r == 0) {
			watch(c, true);
			return;
		}
		sbuf_drop(&c->out, (size_t)r);
	}
	if (c->out.cap > KEEP_OUT)
		sbuf_done(&c->out);
	watch(c, false);
}

void conn_push(struct conn *c)
{
	if (!opt.coalesce && !c->want_out)
		flush(c);
}

void net_flush(void)
{
	for (size_t i = 0; i < n_queue; i++) {
		queue[i]->queued = false;
		flush(queue[i]);
	}
	n_queue = 0;
}

/* --- input --------------------------------------------------------------------------------------
 */

/* Hands over the whole elements among the n bytes and keeps the rest. */
static void take(struct conn *c, const char *b, size_t n)
{
	enum scan_what what;
	size_t used;

	while (c->state != CONN_DEAD && (what = scan_next(&c->scan, b, n)) != SCAN_MORE) {
		const char *el = b + c->scan.start;
		size_t len = c->scan.pos - c->scan.start;

		if (what == SCAN_END) {
			lose(c, "stream closed");
			return;
		}
		if (what == SCAN_HEADER)
			session_header(c, el, len);
		else
			session_stanza(c, el, len);
		if (c->state == CONN_TLS)
			break;
	}
	used = scan_drop(&c->scan);
	if (c->state == CONN_DEAD || c->state == CONN_TLS)
		return; /* nothing may follow <proceed/> (RFC 6120 5.4.2.3) */
	if (n - used > STANZA_MAX)
		lose(c, "stanza too long");
	else if (used < n)
		sbuf_add(&c->in, b + used, n - used);
}

/* Bytes read behind what is in the buffer, 0: nothing there yet, -1: lost. */
static int read_some(struct conn *c, char *b, size_t n)
{
	bool out;
	int r;

	if (c->secure) {
		r = SSL_read(c->ssl, b, (int)n);
		if (r > 0)
			return r;
		return tls_waits(c, r, &out) ? 0 : -1;
	}
	r = (int)recv(c->fd, b, n, 0);
	if (r > 0)
		return r;
	return r < 0 && errno == EAGAIN ? 0 : -1;
}

static void readable(struct conn *c)
{
	do {
		size_t have = sbuf_len(&c->in);
		int n = read_some(c, read_buf + have, READ_MAX - have);

		if (n < 0)
			lose(c, "connection closed");
		if (n <= 0)
			return;
		if (have > 0) {
			memcpy(read_buf, sbuf_data(&c->in), have);
			sbuf_done(&c->in);
		}
		take(c, read_buf, have + (size_t)n);
	} while (c->fd >= 0 && c->secure && SSL_has_pending(c->ssl));
}

/* --- the loop -----------------------------------------------------------------------------------
 */

static void connected(struct conn *c, uint32_t events)
{
	socklen_t len = sizeof(int);
	int err = 0;

	(void)getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (err) {
		lose(c, strerror(err));
	} else if (events & EPOLLOUT) {
		watch(c, false);
		session_connected(c);
	}
}

static void shake_hands(struct conn *c)
{
	bool out;
	int r = SSL_do_handshake(c->ssl);

	if (r == 1) {
		c->secure = true;
		watch(c, false);
		session_secured(c);
	} else if (tls_waits(c, r, &out)) {
		watch(c, out);
	} else {
		lose(c, "no TLS handshake");
	}
}

static void on_event(struct conn *c, uint32_t events)
{
	if (c->state == CONN_TCP)
		connected(c, events);
	if (c->state == CONN_TLS)
		shake_hands(c);
	if (c->fd < 0 || c->state == CONN_TCP || c->state == CONN_TLS)
		return;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		readable(c);
	if (events & EPOLLOUT)
		flush(c);
}

void net_turn(int64_t wait_ns)
{
	static struct epoll_event events[EVENTS];
	struct timespec wait = { wait_ns / 1000000000, wait_ns % 1000000000 };
	int n;

	net_flush();
	n = epoll_pwait2(epoll_fd, events, EVENTS, &wait, NULL);
	for (int i = 0; i < n; i++)
		if (((struct conn *)events[i].data.ptr)->fd >= 0)
			on_event(events[i].data.ptr, events[i].events);
	net_flush();
}

void net_idle(int ms)
{
	uint64_t end = now_ns() + (uint64_t)ms * 1000000, now;

	while ((now = now_ns()) < end)
		net_turn((int64_t)(end - now));
}
