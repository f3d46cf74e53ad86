/* SPDX-License-Identifier: MIT */
/* The health port's other side: PROGRAM --health asks a running program and ends with its answer
 * as exit status.  A process of its own that has nothing else to do, so it blocks, but never for
 * longer than ASK_MS in all.  Also the reading of the address, which both sides share. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <base/health.h>
#include <base/sbuf.h>

#include "health_internal.h"

#define ASK_MS 3000
#define ANSWER_MAX 65536

/* --- addresses -------------------------------------------------------------------------------- */
static int unix_addr(struct health_addr *out, const char *path, char *err, size_t err_len)
{
	if (strlen(path) >= sizeof(out->sa.un.sun_path)) {
		snprintf(err, err_len, "health port %s: the path is longer than %zu bytes", path,
		    sizeof(out->sa.un.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memset(out, 0, sizeof(*out));
	out->sa.un.sun_family = AF_UNIX;
	memcpy(out->sa.un.sun_path, path, strlen(path) + 1);
	out->len = sizeof(out->sa.un);
	return 1;
}

/* host gets room for the longest name there is (RFC 1035 2.3.4). */
static int split(const char *where, char host[256], const char **port)
{
	const char *colon = strrchr(where, ':'), *from = where, *to = colon;

	if (!colon || colon[1] == '\0' || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
	    strtoul(colon + 1, NULL, 10) - 1 >= 65535)
		return -EINVAL;
	if (*from == '[' && to > from && to[-1] == ']') {
		from++;
		to--;
	} else if (memchr(from, ':', (size_t)(to - from))) {
		return -EINVAL; /* an IPv6 address without brackets: where would its port begin? */
	}
	if (to - from >= 256)
		return -EINVAL;
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = '\0';
	*port = colon + 1;
	return 0;
}

int health_addrs(struct health_addr out[HEALTH_ADDRS], const char *where, bool to_listen, char *err,
    size_t err_len)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list, *ai;
	const char *port;
	char host[256];
	int n = 0, r;

	if (where[0] == '/')
		return unix_addr(out, where, err, err_len);
	if (split(where, host, &port) < 0) {
		snprintf(err, err_len,
		    "health port %s: neither /path/to/socket nor host:port nor [IPv6]:port", where);
		return -EINVAL;
	}
	if (to_listen)
		hints.ai_flags |= AI_PASSIVE;
	r = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
	if (r != 0) {
		snprintf(err, err_len, "health port %s: %s", where, gai_strerror(r));
		return -EADDRNOTAVAIL;
	}
	for (ai = list; ai && n < HEALTH_ADDRS; ai = ai->ai_next) {
		if (ai->ai_addrlen > sizeof(out[n].sa))
			continue;
		memcpy(&out[n].sa, ai->ai_addr, ai->ai_addrlen);
		out[n++].len = ai->ai_addrlen;
	}
	freeaddrinfo(list);
	return n > 0 ? n : -EADDRNOTAVAIL;
}

/* --- the client ------------------------------------------------------------------------------- */
static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left;
	int r;

	do {
		left = deadline - now_ms();
		r = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

static int connect_fd(int fd, const struct health_addr *a, int64_t deadline)
{
	int r, so_err = 0;
	socklen_t len = sizeof(so_err);

	if (connect(fd, &a->sa.any, a->len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	r = wait_for(fd, POLLOUT, deadline);
	if (r < 0)
		return r;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &so_err, &len) < 0)
		return -errno;
	return -so_err;
}

/* Sends the question and reads to the end of the answer.  The question fits every socket buffer, so
 * one send() takes it whole. */
static int exchange(int fd, struct sbuf *in, int64_t deadline)
{
	static const char ask[] = "GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n";
	ssize_t n;
	int r;

	if (send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(ask) - 1)
		return errno > 0 ? -errno : -EIO;
	for (;;) {
		r = wait_for(fd, POLLIN, deadline);
		if (r < 0)
			return r;
		n = recv(fd, sbuf_reserve(in, 4096), 4096, 0);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0)
			sbuf_commit(in, (size_t)n);
		if (sbuf_len(in) > ANSWER_MAX)
			return -EMSGSIZE;
	}
}

static int ask_addr(const struct health_addr *a, struct sbuf *in, int64_t deadline)
{
	int fd = socket(a->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return -errno;
	r = connect_fd(fd, a, deadline);
	if (r == 0)
		r = exchange(fd, in, deadline);
	close(fd);
	return r;
}

/* Prints the body and returns the status (RFC 9112 4), or -EBADMSG. */
static int print_answer(struct sbuf *in)
{
	const char *s = sbuf_str(in), *body = strstr(s, "\r\n\r\n");
	unsigned status;

	if (!body || sscanf(s, "HTTP/1.%*1u %3u ", &status) != 1)
		return -EBADMSG;
	fputs(body + 4, stdout);
	fflush(stdout);
	return (int)status;
}

int health_ask(const char *where)
{
	struct health_addr addrs[HEALTH_ADDRS];
	int64_t deadline = now_ms() + ASK_MS;
	struct sbuf in = SBUF_INIT;
	char err[512];
	int n, r = -EADDRNOTAVAIL;

	if (where[0] == '\0') {
		fprintf(stderr, "health port: turned off (health_listen is empty)\n");
		return 1;
	}
	n = health_addrs(addrs, where, false, err, sizeof(err));
	if (n < 0) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	for (int i = 0; i < n && r < 0; i++) {
		sbuf_clear(&in);
		r = ask_addr(&addrs[i], &in, deadline);
	}
	if (r == 0)
		r = print_answer(&in);
	if (r < 0)
		fprintf(stderr, "health port %s: %s\n", where, strerror(-r));
	sbuf_done(&in);
	return r == 200 ? 0 : 1;
}
