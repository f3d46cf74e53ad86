/* SPDX-License-Identifier: MIT */
/* One connection to the router's control socket: a request, an answer, one line each.  Nothing else
 * goes on in this program, so it blocks, for WAIT_S at most. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/sbuf.h>

#include "ctl_client.h"

#define WAIT_S 60
#define ANSWER_MAX ((size_t)16 << 20)

struct ask {
	int fd;
	const char *path;
	struct sbuf in;
};

static int dial(const char *path)
{
	const struct timeval wait = { .tv_sec = WAIT_S };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, r = 0;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0 ||
	    connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		r = -errno;
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

struct ask *ask_open(const char *path)
{
	int fd = dial(path);
	struct ask *a;

	if (fd < 0) {
		(void)fprintf(
		    stderr, "the router cannot be reached at %s: %s\n", path, strerror(-fd));
		return NULL;
	}
	a = xzalloc(sizeof(*a));
	a->fd = fd;
	a->path = path;
	return a;
}

void ask_close(struct ask *a)
{
	if (!a)
		return;
	(void)close(a->fd);
	sbuf_done(&a->in);
	free(a);
}

static int send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			return -errno;
		if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
		}
	}
	return 0;
}

/* Until the buffer has a whole line, whose length (without its end) is *len. */
static int read_line(struct ask *a, size_t *len)
{
	size_t seen = 0;

	for (;;) {
		const char *end = memchr(sbuf_data(&a->in) + seen, '\n', sbuf_len(&a->in) - seen);
		ssize_t n;

		if (end) {
			*len = (size_t)(end - sbuf_data(&a->in));
			return 0;
		}
		seen = sbuf_len(&a->in);
		if (seen > ANSWER_MAX)
			return -EMSGSIZE;
		n = recv(a->fd, sbuf_reserve(&a->in, 65536), 65536, 0);
		if (n == 0)
			return -ECONNRESET;
		if (n < 0 && errno != EINTR)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (n > 0)
			sbuf_commit(&a->in, (size_t)n);
	}
}

json_t *ask_router(struct ask *a, const char *cmd, json_t *args)
{
	json_t *request = json_pack("{s:s, s:o}", "cmd", cmd, "args", args), *answer = NULL;
	char *line = request ? json_dumps(request, JSON_COMPACT) : NULL;
	size_t len;
	int r = -EINVAL;

	if (line) {
		r = send_all(a->fd, line, strlen(line));
		mem_wipe(line, strlen(line));
		free(line);
	}
	json_decref(request);
	if (r == 0)
		r = send_all(a->fd, "\n", 1);
	if (r == 0 || r == -EPIPE) /* it may have said why before it closed */
		r = read_line(a, &len);
	if (r == 0) {
		answer = json_loadb(sbuf_data(&a->in), len, 0, NULL);
		sbuf_drop(&a->in, len + 1);
		if (!answer)
			r = -EBADMSG;
	}
	if (r < 0)
		(void)fprintf(
		    stderr, "the router at %s does not answer: %s\n", a->path, strerror(-r));
	return answer;
}
