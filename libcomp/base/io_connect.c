/* SPDX-License-Identifier: MIT */
/* Looking a host up and connecting to it: the first state of a stream made by io_connect().
 *
 * Literal addresses and Unix sockets need no look-up.  For names libevent's resolver is made with
 * the first look-up and ends with the last that is under way, so that /etc/hosts and
 * /etc/resolv.conf are read anew whenever somebody tries again: in containers both change.
 * The addresses are tried one after the other, each with its part of the time that is left; what
 * the last one failed with is what the owner hears.
 *
 * Must not: wait; keep an answer of the DNS beyond the attempt. */
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>

#include <base/mem.h>

#include "io_internal.h"
#include "loop_internal.h"

struct io_conn {
	struct io *io; /* NULL: given up, the resolver's answer frees this */
	struct io_shared *sh;
	char *host;
	bool resolving;
	struct evdns_getaddrinfo_request *req;
	struct evutil_addrinfo *list, *next; /* next: the first not tried */
	int err;                             /* of the attempt before */
};

static void conn_free(struct io_conn *c)
{
	if (c->list)
		evutil_freeaddrinfo(c->list);
	free(c->host);
	free(c);
}

void io_connect_done(struct io *io)
{
	struct io_conn *c = io->conn;

	io->conn = NULL;
	if (!c)
		return;
	c->io = NULL;
	if (c->resolving)
		evdns_getaddrinfo_cancel(c->req);
	else
		conn_free(c);
}

/* --- connecting ------------------------------------------------------------------------------- */

/* 0: the socket becomes writable when it is connected or has failed. */
static int attempt(struct io *io, const struct sockaddr *sa, socklen_t len)
{
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, r;

	if (fd < 0)
		return -errno;
	if (sa->sa_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, sa, len) < 0 && errno != EINPROGRESS) {
		r = -errno;
		close(fd);
		return r;
	}
	io_attach(io, fd);
	return 0;
}

/* This address's part of what is left for all. */
static void set_timer(struct io *io)
{
	uint64_t now = loop_now(io->loop), left = io->deadline > now ? io->deadline - now : 0;
	uint64_t part, n = 1;

	for (const struct evutil_addrinfo *ai = io->conn->next; ai; ai = ai->ai_next)
		n++;
	part = left / n;
	if (part < IO_ATTEMPT_MIN_MS)
		part = left < IO_ATTEMPT_MIN_MS ? left : IO_ATTEMPT_MIN_MS;
	timer_set(&io->timer, part);
}

static void connect_failed(struct io *io, int err)
{
	io_fail(io, err, "connect to %s: %s", io->conn->host, strerror(-err));
}

static void try_next(struct io *io)
{
	struct io_conn *c = io->conn;
	const struct evutil_addrinfo *ai;

	while ((ai = c->next)) {
		c->next = ai->ai_next;
		c->err = attempt(io, ai->ai_addr, (socklen_t)ai->ai_addrlen);
		if (c->err == 0) {
			set_timer(io);
			return;
		}
	}
	connect_failed(io, c->err);
}

void io_connect_ready(struct io *io)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	if (err) {
		io->conn->err = -err;
		io_attach(io, -1);
		try_next(io);
		return;
	}
	timer_stop(&io->timer);
	io_connect_done(io);
	io_opened(io);
	task_flush(io->loop, &io->flush); /* what was written meanwhile */
	io_event(io, IO_CONNECTED);
}

void io_connect_timeout(struct io *io)
{
	struct io_conn *c = io->conn;

	io_attach(io, -1);
	if (c->resolving) {
		io_fail(io, -ETIMEDOUT, "look-up of %s: %s", c->host, strerror(ETIMEDOUT));
	} else if (loop_now(io->loop) >= io->deadline) {
		connect_failed(io, -ETIMEDOUT);
	} else {
		c->err = -ETIMEDOUT;
		try_next(io);
	}
}

/* --- looking up ------------------------------------------------------------------------------- */

static void dns_end(void *arg)
{
	struct io_shared *sh = arg;

	if (!sh->dns || sh->n_lookups > 0)
		return;
	evdns_base_free(sh->dns, 0);
	sh->dns = NULL;
}

void io_connect_shared_init(struct io_shared *sh)
{
	task_init(&sh->dns_end, dns_end, sh);
}

void io_connect_shared_done(struct io_shared *sh)
{
	task_cancel(&sh->dns_end);
	if (!sh->dns)
		return;
	/* The streams have been closed before their loop, so every look-up that is left was
	 * cancelled, and the resolver has yet to say so. */
	(void)event_base_loop(sh->loop->base, EVLOOP_NONBLOCK);
	task_cancel(&sh->dns_end);
	evdns_base_free(sh->dns, 0);
}

static void on_answer(int result, struct evutil_addrinfo *list, void *arg)
{
	struct io_conn *c = arg;

	loop_enter(c->sh->loop);
	c->resolving = false;
	c->list = c->next = list;
	if (--c->sh->n_lookups == 0)
		task_defer(c->sh->loop, &c->sh->dns_end);
	if (!c->io)
		conn_free(c);
	else if (c->io->state != IO_CONNECTING)
		return;
	else if (result == 0 && list)
		try_next(c->io);
	else
		io_fail(c->io, -EHOSTUNREACH, "look-up of %s: %s", c->host,
		    evutil_gai_strerror(result));
}

static void look_up(struct io_conn *c, const char *port, const struct evutil_addrinfo *hints)
{
	struct io_shared *sh = c->sh;
	struct evdns_getaddrinfo_request *req;

	if (!sh->dns) {
		sh->dns = evdns_base_new(sh->loop->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
		assert(sh->dns);
		/* Reads /etc/hosts as well, and that counts also without a name server. */
		(void)evdns_base_resolv_conf_parse(sh->dns, DNS_OPTIONS_ALL, "/etc/resolv.conf");
	}
	sh->n_lookups++;
	c->resolving = true;
	req = evdns_getaddrinfo(sh->dns, c->host, port, hints, on_answer, c);
	c->req = req; /* NULL: it has been answered from /etc/hosts */
}

static void connect_host(struct io *io, uint16_t port)
{
	struct evutil_addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct io_conn *c = io->conn;
	char service[8];

	(void)snprintf(service, sizeof(service), "%u", port);
	hints.ai_flags = EVUTIL_AI_NUMERICHOST | EVUTIL_AI_NUMERICSERV;
	if (evutil_getaddrinfo(c->host, service, &hints, &c->list) == 0) {
		c->next = c->list;
		try_next(io);
		return;
	}
	hints.ai_flags = EVUTIL_AI_NUMERICSERV;
	look_up(c, service, &hints);
}

static void connect_unix(struct io *io)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t n = strlen(io->conn->host);
	int r = -ENAMETOOLONG;

	if (n < sizeof(sun.sun_path)) {
		memcpy(sun.sun_path, io->conn->host, n + 1);
		r = attempt(io, (struct sockaddr *)&sun, sizeof(sun));
	}
	if (r < 0)
		connect_failed(io, r);
}

struct io *io_connect(
    struct loop *l, const char *host, uint16_t port, unsigned timeout_ms, io_fn *fn, void *arg)
{
	struct io *io = io_alloc(l, fn, arg);

	io->state = IO_CONNECTING;
	io->deadline = loop_now(l) + timeout_ms;
	io->conn = xzalloc(sizeof(*io->conn));
	io->conn->io = io;
	io->conn->sh = io->sh;
	io->conn->host = xstrdup(host);
	timer_set(&io->timer, timeout_ms);
	if (host[0] == '/')
		connect_unix(io);
	else
		connect_host(io, port);
	return io;
}
