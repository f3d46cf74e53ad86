/* SPDX-License-Identifier: MIT */
/* A session's connection: one end of a pair of sockets that take little at a time. */
#ifndef TESTS_SESSION_FIXTURE_H
#define TESTS_SESSION_FIXTURE_H

#include <sys/socket.h>

#include <base/loop.h>
#include <xmpp/stream.h>

static void session_stream_event(struct stream *st, enum stream_ev ev, void *arg)
{
	(void)st;
	(void)ev;
	(void)arg;
}

/* hard: bytes that may wait; 0: any. */
static inline struct stream *session_stream(struct loop *l, size_t hard, int *ret_far)
{
	const struct stream_conf sc = {
		.content_ns = NS_CLIENT, .accepts = true, .out_hard = hard
	};
	int fd[2], size = 4096;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	*ret_far = fd[1];
	return stream_accept(l, fd[0], &sc, session_stream_event, NULL);
}

#endif
