/* SPDX-License-Identifier: MIT */
/* The floor that servers are measured against: an epoll loop with TLS 1.3 that parses nothing.
 *
 *   tlsrelay PORT CERTIFICATE KEY        (127.0.0.1 only)
 *
 * A connection first says which group it is of: "P", for pairs, or "R", for rooms, a number of
 * seven digits and a newline; it is told <ok/>.  From then on what it sends goes to the others of
 * its pair, or to all of its room: one read, one decryption, an encryption and a write for each
 * receiver.  One that says nothing is only held.  No server that speaks TLS in user space can do
 * with less. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <base/mem.h>

enum { GROUPS_MAX = 65536, NAME_LEN = 9, READ_MAX = 65536, EVENTS = 256 };

struct client {
	int fd;
	SSL *ssl;
	bool secure;
	char name[NAME_LEN + 1];
	int name_len;
	struct group *group; /* NULL: has not said */
};

struct group {
	bool room;
	struct client **members;
	size_t n;
};

static struct group *groups[GROUPS_MAX];
static SSL_CTX *tls;
static int epoll_fd, listen_fd;
static char buf[READ_MAX];

static __attribute__((noreturn)) void die(const char *what)
{
	(void)fprintf(stderr, "tlsrelay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void drop(struct client *c)
{
	struct group *g = c->group;

	for (size_t i = 0; g && i < g->n; i++)
		if (g->members[i] == c)
			g->members[i] = g->members[--g->n];
	SSL_free(c->ssl);
	ERR_clear_error();
	(void)close(c->fd);
	free(c);
}

/* 0: nothing there yet, -1: gone. */
static int receive(struct client *c, char *b, int n)
{
	int r = SSL_read(c->ssl, b, n);

	if (r > 0)
		return r;
	r = SSL_get_error(c->ssl, r) == SSL_ERROR_WANT_READ ? 0 : -1;
	ERR_clear_error();
	return r;
}

/* A full socket is waited for: the generator's windows keep this from happening. */
static void transmit(struct client *c, const char *b, int n)
{
	while (n > 0) {
		struct pollfd out = { .fd = c->fd, .events = POLLOUT };
		int r = SSL_write(c->ssl, b, n);

		if (r > 0) {
			b += r;
			n -= r;
			continue;
		}
		r = SSL_get_error(c->ssl, r);
		ERR_clear_error();
		if (r != SSL_ERROR_WANT_WRITE)
			return;
		(void)poll(&out, 1, 1000);
	}
}

static void join(struct client *c)
{
	char *end;
	unsigned long i = strtoul(c->name + 1, &end, 10);
	struct group *g;

	if (i >= GROUPS_MAX || *end != '\n') {
		(void)fprintf(stderr, "tlsrelay: not a group: %.8s\n", c->name);
		exit(1);
	}
	if (!groups[i])
		groups[i] = xzalloc(sizeof(*g));
	g = groups[i];
	g->room = c->name[0] == 'R';
	g->members = xreallocarray(g->members, g->n + 1, sizeof(struct client *));
	g->members[g->n++] = c;
	c->group = g;
	transmit(c, "<ok/>", 5);
}

static void pass_on(const struct client *c, int n)
{
	const struct group *g = c->group;

	for (size_t i = 0; i < g->n; i++)
		if (g->room || g->members[i] != c)
			transmit(g->members[i], buf, n);
}

/* 1: TLS is up, 0: the handshake goes on, -1: it has failed. */
static int shake_hands(struct client *c)
{
	int r, e;

	if (c->secure)
		return 1;
	r = SSL_accept(c->ssl);
	e = SSL_get_error(c->ssl, r);
	ERR_clear_error();
	c->secure = r == 1;
	return c->secure ? 1 : e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static void readable(struct client *c)
{
	int n = shake_hands(c);

	while (n > 0) {
		n = c->group ? receive(c, buf, READ_MAX)
		             : receive(c, c->name + c->name_len, NAME_LEN - c->name_len);

		if (n > 0 && c->group) {
			pass_on(c, n);
		} else if (n > 0) {
			c->name_len += n;
			if (c->name_len == NAME_LEN)
				join(c);
		}
		if (n > 0 && !SSL_has_pending(c->ssl))
			return;
	}
	if (n < 0)
		drop(c);
}

static void accept_all(void)
{
	const int yes = 1;

	for (int fd; (fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
		struct client *c = xzalloc(sizeof(*c));
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

		c->fd = fd;
		c->ssl = SSL_new(tls);
		if (!c->ssl || SSL_set_fd(c->ssl, fd) != 1)
			die("no TLS for a connection");
		SSL_set_accept_state(c->ssl);
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
			die("epoll");
	}
}

static void load_certificate(const char *cert, const char *key)
{
	tls = SSL_CTX_new(TLS_server_method());
	if (!tls || SSL_CTX_use_certificate_chain_file(tls, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1) {
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION);
	SSL_CTX_set_read_ahead(tls, 1);
	(void)SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
					SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					SSL_MODE_RELEASE_BUFFERS);
}

static void open_port(const char *port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };
	const int yes = 1;

	listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (listen_fd < 0 || epoll_fd < 0)
		die("no socket");
	(void)setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(listen_fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(listen_fd, SOMAXCONN) < 0 ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &ev) < 0)
		die(port);
}

int main(int argc, char **argv)
{
	struct rlimit files;

	if (argc != 4) {
		(void)fputs("usage: tlsrelay PORT CERTIFICATE KEY\n", stderr);
		return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	load_certificate(argv[2], argv[3]);
	open_port(argv[1]);
	for (;;) {
		static struct epoll_event events[EVENTS];
		int n = epoll_wait(epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				readable(events[i].data.ptr);
			else
				accept_all();
		}
	}
}
