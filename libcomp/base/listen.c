/* SPDX-License-Identifier: MIT */
/* Owns listening sockets and, for a Unix socket, its file.
 *
 * A listener is: accepting; paused (the process or the system is out of descriptors: for a second
 * nothing is accepted, connections wait in the backlog); closed (its memory goes at the end of the
 * turn, since the owner may close it within its own callback).
 *
 * Must not: look names up; know what the connections are for. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <base/listen.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/mem.h>

enum {
	BACKLOG = 1024,
	ADDRS_MAX = 32,
	ACCEPT_MAX = 64, /* for one wake-up: others want their turn */
	PAUSE_MS = 1000,
};

struct socket_watch {
	int fd;
	struct watch *watch;
};

struct listener {
	struct loop *loop;
	listen_fn *fn;
	void *arg;
	struct socket_watch v[ADDRS_MAX];
	size_t n;
	bool closed;
	bool short_of_fds; /* said; until the next one is accepted */
	struct timer pause;
	char *path; /* Unix: the socket's file, and which one it is */
	dev_t dev;
	ino_t ino;
};

static const struct log_tag tag = { .mod = "listen" };

/* --- accepting -------------------------------------------------------------------------------- */

static void watch_all(struct listener *ln, unsigned what)
{
	for (size_t i = 0; i < ln->n; i++)
		watch_set(ln->v[i].watch, what);
}

static void on_pause_over(void *arg)
{
	watch_all(arg, LOOP_READ);
}

static void pause_accepting(struct listener *ln, int err)
{
	if (!ln->short_of_fds)
		log_err(&tag, LOG_LVL_WARN, -err,
		    "cannot accept connections; trying again each second");
	ln->short_of_fds = true;
	watch_all(ln, 0);
	timer_set(&ln->pause, PAUSE_MS);
}

/* Of one connection that was over before it was accepted: the next may be fine (accept(2)). */
static bool is_the_peers(int err)
{
	switch (err) {
	case EINTR:
	case ECONNABORTED:
	case EPERM:
	case EPROTO:
	case ENOPROTOOPT:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENONET:
	case EOPNOTSUPP:
		return true;
	default:
		return false;
	}
}

static void on_ready(int fd, unsigned what, void *arg)
{
	struct listener *ln = arg;
	static const int on = 1;

	(void)what;
	for (int i = 0; i < ACCEPT_MAX && !ln->closed; i++) {
		int c = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (c >= 0) {
			ln->short_of_fds = false;
			if (!ln->path)
				(void)setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
			ln->fn(c, ln->arg);
		} else if (errno == EAGAIN) {
			return;
		} else if (!is_the_peers(errno)) {
			pause_accepting(ln, errno);
			return;
		}
	}
}

/* --- opening ---------------------------------------------------------------------------------- */

static struct listener *listener_new(struct loop *l, listen_fn *fn, void *arg)
{
	struct listener *ln = xzalloc(sizeof(*ln));

	ln->loop = l;
	ln->fn = fn;
	ln->arg = arg;
	timer_init(&ln->pause, l, on_pause_over, ln);
	return ln;
}

static void add_socket(struct listener *ln, int fd)
{
	struct socket_watch *s = &ln->v[ln->n++];

	s->fd = fd;
	s->watch = watch_new(ln->loop, fd, on_ready, ln);
	watch_set(s->watch, LOOP_READ);
}

/* The descriptor or -Exxx. */
static int open_tcp(const struct addrinfo *ai)
{
	static const int on = 1;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r = 0;

	if (fd < 0)
		return -errno;
	/* V6ONLY: "0.0.0.0,::" has both, so :: must not take IPv4's port. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (ai->ai_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		r = -errno;
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

/* A kernel with IPv6 switched off by sysctl still makes the socket, but has no ::1 to bind to. */
static bool family_missing(const struct addrinfo *ai, int r)
{
	const struct sockaddr_in6 *in6 = (const void *)ai->ai_addr;

	if (r == -EAFNOSUPPORT)
		return true;
	return r == -EADDRNOTAVAIL && ai->ai_family == AF_INET6 &&
	       (IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) || IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr));
}

/* 0: opened, or skipped with a warning. */
static int add_address(
    struct listener *ln, const char *addr, uint16_t port, char *err, size_t err_len)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *ai;
	char service[8];
	bool missing;
	int r;

	(void)snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(addr, service, &hints, &ai) != 0) {
		(void)snprintf(err, err_len, "'%s' is not an IP address to listen on", addr);
		return -EINVAL;
	}
	if (ln->n == ADDRS_MAX) {
		freeaddrinfo(ai);
		(void)snprintf(err, err_len, "more than %d addresses to listen on", ADDRS_MAX);
		return -E2BIG;
	}
	r = open_tcp(ai);
	missing = family_missing(ai, r);
	freeaddrinfo(ai);
	if (r >= 0) {
		add_socket(ln, r);
		return 0;
	}
	if (missing) {
		log_err(&tag, LOG_LVL_WARN, r, "%s port %u: skipped", addr, port);
		return 0;
	}
	(void)snprintf(err, err_len, "%s port %u: %s", addr, port, strerror(-r));
	return r;
}

int listen_tcp(struct listener **out, struct loop *l, const char *addrs, uint16_t port,
    listen_fn *fn, void *arg, char *err, size_t err_len)
{
	struct listener *ln;
	char *list, *save = NULL;
	int r = 0, n = 0;

	if (port == 0) {
		*out = NULL;
		return 0;
	}
	ln = listener_new(l, fn, arg);
	list = xstrdup(addrs);
	for (char *a = strtok_r(list, ", \t", &save); a && r == 0;
	     a = strtok_r(NULL, ", \t", &save), n++)
		r = add_address(ln, a, port, err, err_len);
	free(list);
	if (r == 0 && n == 0) {
		(void)snprintf(err, err_len, "port %u: no address to listen on", port);
		r = -EINVAL;
	} else if (r == 0 && ln->n == 0) {
		(void)snprintf(err, err_len, "%s port %u: %s", addrs, port, strerror(EAFNOSUPPORT));
		r = -EAFNOSUPPORT;
	}
	if (r < 0) {
		listen_close(ln);
		return r;
	}
	*out = ln;
	return 0;
}

/* --- Unix sockets ----------------------------------------------------------------------------- */

/* Removes a socket that nobody listens on.  0: the path is free; -EADDRINUSE: somebody does;
 * -EEXIST: it is something else, which is left alone. */
static int clear_stale(const struct sockaddr_un *sa)
{
	struct stat st;
	int fd, r = 0;

	if (lstat(sa->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0 || errno == EAGAIN)
		r = -EADDRINUSE; /* EAGAIN: its backlog is full */
	else if (errno != ECONNREFUSED && errno != ENOENT)
		r = -errno;
	(void)close(fd);
	if (r == 0 && unlink(sa->sun_path) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}

/* The rights are set before the file is there, so it is never open wider, and after, because the
 * umask has taken some away. */
static int bind_unix(int fd, const struct sockaddr_un *sa, mode_t mode, struct stat *st)
{
	if (fchmod(fd, mode) < 0 || bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0)
		return -errno;
	if (chmod(sa->sun_path, mode) < 0 || lstat(sa->sun_path, st) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		int r = -errno;

		(void)unlink(sa->sun_path);
		return r;
	}
	return 0;
}

int listen_unix(struct listener **out, struct loop *l, const char *path, mode_t mode, listen_fn *fn,
    void *arg, char *err, size_t err_len)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct listener *ln;
	struct stat st = { 0 };
	int fd = -1, r = 0;

	if (strlen(path) >= sizeof(sa.sun_path))
		r = -ENAMETOOLONG;
	else
		memcpy(sa.sun_path, path, strlen(path) + 1);
	if (r == 0)
		r = clear_stale(&sa);
	if (r == 0) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		r = fd < 0 ? -errno : bind_unix(fd, &sa, mode, &st);
	}
	if (r < 0) {
		if (fd >= 0)
			(void)close(fd);
		(void)snprintf(err, err_len, "%s: %s", path,
		    r == -EEXIST ? "exists and is not a socket" : strerror(-r));
		return r;
	}
	ln = listener_new(l, fn, arg);
	ln->path = xstrdup(path);
	ln->dev = st.st_dev;
	ln->ino = st.st_ino;
	add_socket(ln, fd);
	*out = ln;
	return 0;
}

/* --- closing ---------------------------------------------------------------------------------- */

static void listener_free(void *obj)
{
	struct listener *ln = obj;

	free(ln->path);
	free(ln);
}

void listen_close(struct listener *ln)
{
	struct stat st;

	if (!ln)
		return;
	ln->closed = true;
	timer_done(&ln->pause);
	for (size_t i = 0; i < ln->n; i++) {
		watch_free(ln->v[i].watch);
		(void)close(ln->v[i].fd);
	}
	ln->n = 0;
	/* Not that of a process that has taken the path over meanwhile. */
	if (ln->path && lstat(ln->path, &st) == 0 && st.st_dev == ln->dev && st.st_ino == ln->ino)
		(void)unlink(ln->path);
	loop_reap(ln->loop, listener_free, ln);
}
