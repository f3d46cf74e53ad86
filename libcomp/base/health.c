/* SPDX-License-Identifier: MIT */
/* The health port: /healthz, /readyz and /metrics by libevent's HTTP server.
 *
 * Owns the listening socket (and a Unix socket's file), the dependencies that readiness is made of,
 * and the list of open connections.  evhttp bounds a request's head and body and the silence within
 * it, but neither the number of connections nor how long one may last: so each connection's
 * bufferevent is made here and a reference to it kept until evhttp has let go of it.  At CONNS_MAX
 * the listener pauses; after CONN_MS a connection is shut down, whatever it has sent by then.
 *
 * Must not: change anything.  Whoever reaches the port can read, and nothing else. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>

#include <base/health.h>
#include <base/lim.h>
#include <base/list.h>
#include <base/loop.h>
#include <base/mem.h>
#include <base/metrics.h>
#include <base/sbuf.h>

#include "health_internal.h"

#define CONNS_MAX 32
#define CONN_MS 10000
#define SILENCE_S 5
#define SWEEP_MS 1000
#define BODY_MAX 1024 /* of a request: none has a use for one */
#define BACKLOG 16

struct dep {
	struct list link;
	char *name;
	char *reason; /* NULL: ok */
	bool counts;
};

struct conn {
	struct list link;
	struct bufferevent *bev;
	uint64_t since;
};

struct health {
	struct loop *loop;
	struct evhttp *http;
	struct evconnlistener *listener; /* http frees it */
	char *path;                      /* of a Unix socket, or NULL */
	struct list deps;
	struct list conns;
	unsigned n_conns;
	struct timer sweep;
};

/* --- connections ------------------------------------------------------------------------------ */
static void conn_forget(struct health *h, struct conn *c)
{
	bufferevent_decref(c->bev);
	list_del(&c->link);
	h->n_conns--;
	free(c);
}

/* bufferevent_free(), which evhttp calls when it is done, takes the callbacks away at once. */
static bool conn_is_over(const struct conn *c)
{
	bufferevent_event_cb cb = NULL;

	bufferevent_getcb(c->bev, NULL, NULL, &cb, NULL);
	return !cb;
}

static void conns_sweep(struct health *h)
{
	uint64_t now = loop_now(h->loop);
	struct conn *c;

	LIST_EACH_SAFE (m, &h->conns) {
		c = LIST_ENTRY(m, struct conn, link);
		if (conn_is_over(c))
			conn_forget(h, c);
		else if (now - c->since >= CONN_MS) /* evhttp sees the end and frees its side */
			shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
	}
	if (h->n_conns < CONNS_MAX)
		evconnlistener_enable(h->listener);
}

static void on_sweep(void *arg)
{
	struct health *h = arg;

	conns_sweep(h);
	if (h->n_conns > 0)
		timer_set(&h->sweep, SWEEP_MS);
}

/* evhttp asks for the bufferevent of a connection that it has accepted. */
static struct bufferevent *conn_new(struct event_base *base, void *arg)
{
	struct health *h = arg;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	struct conn *c;

	if (!bev)
		return NULL;
	conns_sweep(h);
	c = xzalloc(sizeof(*c));
	bufferevent_incref(bev);
	c->bev = bev;
	c->since = loop_now(h->loop);
	list_add_tail(&h->conns, &c->link);
	if (++h->n_conns >= CONNS_MAX) /* what is in the backlog may still come through */
		evconnlistener_disable(h->listener);
	if (!timer_armed(&h->sweep))
		timer_set(&h->sweep, SWEEP_MS);
	return bev;
}

/* --- requests --------------------------------------------------------------------------------- */
#define TYPE_TEXT "text/plain; charset=utf-8"
#define TYPE_METRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

static void answer(
    struct evhttp_request *req, int status, const char *type, const struct sbuf *body)
{
	struct evkeyvalq *head = evhttp_request_get_output_headers(req);
	const char *reason = status == 200   ? "OK"
	                     : status == 503 ? "Service Unavailable"
	                     : status == 405 ? "Method Not Allowed"
	                                     : "Not Found";
	char len[24];

	snprintf(len, sizeof(len), "%zu", sbuf_len(body));
	evhttp_add_header(head, "Content-Type", type);
	evhttp_add_header(head, "Content-Length", len);
	evhttp_add_header(head, "Cache-Control", "no-store");
	evhttp_add_header(head, "Connection", "close");
	if (status == 405)
		evhttp_add_header(head, "Allow", "GET, HEAD");
	if (evhttp_request_get_command(req) != EVHTTP_REQ_HEAD)
		evbuffer_add(
		    evhttp_request_get_output_buffer(req), sbuf_data(body), sbuf_len(body));
	evhttp_send_reply(req, status, reason, NULL);
}

static void write_deps(const struct health *h, struct sbuf *out)
{
	const struct dep *d;

	LIST_EACH (m, &h->deps) {
		d = LIST_ENTRY(m, struct dep, link);
		sbuf_printf(out, "%s: %s\n", d->name, d->reason ? d->reason : "ok");
	}
}

/* That this runs is the answer; what is wrong is said for whoever looks here alone. */
static int write_healthz(const struct health *h, struct sbuf *out)
{
	sbuf_puts(out, "ok\n");
	write_deps(h, out);
	return 200;
}

static int write_readyz(const struct health *h, struct sbuf *out)
{
	int status = 200;
	const struct dep *d;

	LIST_EACH (m, &h->deps) {
		d = LIST_ENTRY(m, struct dep, link);
		if (d->reason && d->counts)
			status = 503;
	}
	write_deps(h, out);
	return status;
}

static int write_metrics(const struct health *h, struct sbuf *out)
{
	(void)h;
	metrics_write(out);
	return 200;
}

static const struct page {
	const char *path, *type;
	int (*write)(const struct health *h, struct sbuf *out);
} pages[] = {
	{ "/healthz", TYPE_TEXT, write_healthz },
	{ "/readyz", TYPE_TEXT, write_readyz },
	{ "/metrics", TYPE_METRICS, write_metrics },
};

static const struct page *find_page(struct evhttp_request *req)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;

	for (size_t i = 0; path && i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (strcmp(path, pages[i].path) == 0)
			return &pages[i];
	}
	return NULL;
}

static void on_request(struct evhttp_request *req, void *arg)
{
	enum evhttp_cmd_type cmd = evhttp_request_get_command(req);
	const struct page *page = find_page(req);
	struct sbuf body = SBUF_INIT;
	int status;

	if (!page) {
		sbuf_puts(&body, "not found\n");
		answer(req, 404, TYPE_TEXT, &body);
	} else if (cmd != EVHTTP_REQ_GET && cmd != EVHTTP_REQ_HEAD) {
		sbuf_puts(&body, "method not allowed\n");
		answer(req, 405, TYPE_TEXT, &body);
	} else {
		status = page->write(arg, &body);
		answer(req, status, page->type, &body);
	}
	sbuf_done(&body);
}

/* --- opening and closing ---------------------------------------------------------------------- */
/* A socket file that nobody listens on any more is removed; anything else is left alone. */
static int remove_stale(const struct health_addr *a)
{
	struct stat st;
	int fd, r;

	if (lstat(a->sa.un.sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = connect(fd, &a->sa.any, a->len) < 0 ? errno : 0;
	close(fd);
	if (r != ECONNREFUSED) /* EAGAIN: its backlog is full, so it lives */
		return r == 0 || r == EAGAIN ? -EADDRINUSE : -r;
	return unlink(a->sa.un.sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

/* Nobody can connect before listen(), so chmod() comes in time. */
static int bind_fd(int fd, const struct health_addr *a)
{
	int one = 1, r;

	if (a->sa.any.sa_family != AF_UNIX) {
		if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
			return -errno;
		return bind(fd, &a->sa.any, a->len) < 0 ? -errno : 0;
	}
	r = remove_stale(a);
	if (r < 0)
		return r;
	if (bind(fd, &a->sa.any, a->len) < 0)
		return -errno;
	return chmod(a->sa.un.sun_path, 0600) < 0 ? -errno : 0;
}

static int open_fd(const struct health_addr *a)
{
	int fd = socket(a->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	if (fd < 0)
		return -errno;
	r = bind_fd(fd, a);
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

/* Takes fd. */
static int serve(struct health *h, int fd)
{
	struct event_base *base = loop_base(h->loop);
	int r;

	h->listener = evconnlistener_new(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE, BACKLOG, fd);
	if (!h->listener) {
		r = errno > 0 ? -errno : -EIO;
		close(fd);
		return r;
	}
	h->http = evhttp_new(base);
	if (!h->http || !evhttp_bind_listener(h->http, h->listener)) {
		evconnlistener_free(h->listener);
		return -ENOMEM;
	}
	evhttp_set_max_headers_size(h->http, LIM_HTTP_HEAD);
	evhttp_set_max_body_size(h->http, BODY_MAX);
	evhttp_set_timeout(h->http, SILENCE_S);
	/* All that it knows: what is not GET or HEAD is answered with 405 here, not 501 there. */
	evhttp_set_allowed_methods(h->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
						EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
						EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
						EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(h->http, on_request, h);
	evhttp_set_bevcb(h->http, conn_new, h);
	return 0;
}

static struct health *health_new(struct loop *l)
{
	struct health *h = xzalloc(sizeof(*h));

	h->loop = l;
	list_init(&h->deps);
	list_init(&h->conns);
	timer_init(&h->sweep, l, on_sweep, h);
	return h;
}

int health_open(struct health **out, struct loop *l, const char *where, char *err, size_t err_len)
{
	struct health_addr addrs[HEALTH_ADDRS];
	struct health *h;
	int n, fd = -EADDRNOTAVAIL, r;

	if (where[0] == '\0') {
		*out = NULL;
		return 0;
	}
	n = health_addrs(addrs, where, true, err, err_len);
	if (n < 0)
		return n;
	for (int i = 0; i < n && fd < 0; i++)
		fd = open_fd(&addrs[i]);
	if (fd < 0) {
		snprintf(err, err_len, "health port %s: %s", where, strerror(-fd));
		return fd;
	}
	h = health_new(l);
	if (where[0] == '/')
		h->path = xstrdup(where);
	r = serve(h, fd);
	if (r < 0) {
		snprintf(err, err_len, "health port %s: %s", where, strerror(-r));
		health_close(h);
		return r;
	}
	*out = h;
	return 0;
}

static void dep_free(struct dep *d)
{
	list_del(&d->link);
	free(d->name);
	free(d->reason);
	free(d);
}

void health_close(struct health *h)
{
	if (!h)
		return;
	timer_done(&h->sweep);
	if (h->http)
		evhttp_free(h->http);
	LIST_EACH_SAFE (m, &h->conns)
		conn_forget(h, LIST_ENTRY(m, struct conn, link));
	LIST_EACH_SAFE (m, &h->deps)
		dep_free(LIST_ENTRY(m, struct dep, link));
	if (h->path)
		unlink(h->path);
	free(h->path);
	free(h);
}

/* --- dependencies ----------------------------------------------------------------------------- */
/* One line stays one line, whatever a reason was made from. */
static char *one_line(const char *s)
{
	char *copy = xstrdup(s);

	for (char *p = copy; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	}
	return copy;
}

static struct dep *dep_get(struct health *h, const char *name)
{
	struct dep *d;

	LIST_EACH (m, &h->deps) {
		d = LIST_ENTRY(m, struct dep, link);
		if (strcmp(d->name, name) == 0)
			return d;
	}
	d = xzalloc(sizeof(*d));
	d->name = one_line(name);
	list_add_tail(&h->deps, &d->link);
	return d;
}

void health_set(struct health *h, const char *name, bool counts, const char *reason)
{
	struct dep *d;

	if (!h)
		return;
	d = dep_get(h, name);
	free(d->reason);
	d->reason = reason ? one_line(reason) : NULL;
	d->counts = counts;
}
