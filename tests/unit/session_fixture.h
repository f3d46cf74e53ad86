/* SPDX-License-Identifier: MIT */
/* A router with sessions, and the connection of one: an end of a pair of sockets that take little
 * at a time. */
#ifndef TESTS_SESSION_FIXTURE_H
#define TESTS_SESSION_FIXTURE_H

#include <sys/socket.h>

#include <base/loop.h>
#include <xmpp/stream.h>

#include "conf.h"
#include "core/session.h"
#include "router.h"

static struct router r;
static struct router_conf conf;
static int far; /* the client's end */

/* As conf says. */
static inline void router_open(void)
{
	r = (struct router){ .conf = &conf, .loop = loop_new() };
	assert_int_equal(sessions_open(&r.sessions, &r), 0);
}

static inline void router_close(void)
{
	sessions_close(r.sessions);
	loop_free(r.loop);
}

static inline void turns(void)
{
	for (int i = 0; i < 5; i++)
		(void)loop_turn(r.loop, false);
}

static void session_stream_event(struct stream *st, enum stream_ev ev, void *arg)
{
	(void)st;
	(void)ev;
	(void)arg;
}

/* hard: bytes that may wait; 0: any. */
static inline struct stream *session_stream(size_t hard)
{
	const struct stream_conf sc = {
		.content_ns = NS_CLIENT, .accepts = true, .out_hard = hard
	};
	int fd[2], size = 4096;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	far = fd[1];
	return stream_accept(r.loop, fd[0], &sc, session_stream_event, NULL);
}

#endif
