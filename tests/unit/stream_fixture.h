/* SPDX-License-Identifier: MIT */
/* A stream over a socketpair, as test_stream.c and test_stream_flow.c use it: one end is a struct
 * stream that records what it is told, the other a raw peer that sends exactly these bytes.  Where
 * a test puts a second struct stream in the peer's place, it sets fd to -1. */
#ifndef TESTS_STREAM_FIXTURE_H
#define TESTS_STREAM_FIXTURE_H

#include <stdbool.h>

#include <base/loop.h>
#include <base/sbuf.h>
#include <base/tls.h>
#include <xmpp/stream.h>

#define HEAD                                                         \
	"<?xml version='1.0'?><stream:stream xmlns='jabber:client' " \
	"xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'>"

/* One end under test and what it told. */
struct end {
	struct stream *s;
	char log[4096]; /* events, one letter or element name each: "H message " */
	unsigned els, closed;
	unsigned turn_max, turn_now; /* elements in one turn */
	bool answer;                 /* a header to a header */
	bool restart, starttls;      /* on <auth/>, <starttls/> */
	bool close_on_el, pause_on_el, error_on_el;
	int starttls_err;
	struct tls_ctx *server, *client; /* for <starttls/> and <proceed/> */
	char reason[256];
	enum stream_err sent, received;
};

struct fix {
	struct loop *l;
	struct end a;
	int fd;         /* the raw peer */
	struct sbuf in; /* what it read */
};

extern const struct stream_conf stream_conf; /* of the end under test, which accepts */

int stream_setup(void **state);
int stream_teardown(void **state);
void end_event(struct stream *s, enum stream_ev ev, void *arg); /* arg: struct end */

void spin(struct fix *f); /* turns until nothing happens any more */
void send_raw(struct fix *f, const char *p);
const char *got(struct fix *f);
void has(struct fix *f, const char *want); /* ... in what the peer got */

#endif
