/* SPDX-License-Identifier: MIT */
/* What stream.c (way in, ending) and stream_out.c (way out) share. */
#ifndef XMPP_STREAM_INTERNAL_H
#define XMPP_STREAM_INTERNAL_H

#include <base/loop.h>
#include <base/sbuf.h>

#include <xmpp/stream.h>

#define STREAM_REASON_LEN 256

enum stream_state { STREAM_OPEN, STREAM_CLOSING, STREAM_OVER, STREAM_FREED };

struct stream {
	struct loop *loop;
	struct io *io;
	struct xml *xml;
	stream_fn *fn;
	void *arg;
	const char *content_ns;
	struct el *cur;  /* in STREAM_EL */
	struct sbuf hdr; /* our header as stream_error() would send it; empty: not set */
	struct task drain_task, closed_task;
	struct timer close_timer;
	uint64_t sent;
	unsigned paused; /* by the owner */
	enum stream_state state;
	enum stream_err err_sent, err_received;
	bool accepts, header_sent;
	bool draining;    /* drain() is on the stack */
	bool over_budget; /* io is paused until the parser's queue is empty */
	bool gone;        /* IO_CLOSED came while finished elements waited */
	bool ended;       /* the peer has closed its stream */
	char reason[STREAM_REASON_LEN];
};

static inline bool stream_can_send(const struct stream *s)
{
	return s->state == STREAM_OPEN && !s->gone;
}

/* stream_out.c: bytes only, no change of state. */
void stream_put_default_header(struct stream *s);
void stream_put_error(struct stream *s, enum stream_err e, const char *text, const char *app);
void stream_put_end_tag(struct stream *s); /* if our header was sent */

#endif
