/* SPDX-License-Identifier: MIT */
/* Both ends of a stream in one loop, as test_io.c and test_io_tls.c use them: an end records what
 * it is told and does what its fields say. */
#ifndef TESTS_IO_FIXTURE_H
#define TESTS_IO_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/io.h>
#include <base/loop.h>
#include <base/sbuf.h>

struct end {
	struct io *io; /* NULL: closed */
	struct sbuf got;
	int seen[IO_CLOSED + 1]; /* events by kind */
	int err;                 /* io_error() at IO_CLOSED */
	char text[160];
	bool in_call; /* the test is calling an io_ function: no event may come */

	/* what to do */
	bool echo;
	bool keep; /* does not close on IO_CLOSED */
	bool close_on[IO_CLOSED + 1];
	size_t send, sent; /* sends this much, while the queue is not full */
	size_t most;       /* that ever was queued */
	bool pause_on_data;
	const char *say_secure; /* written on IO_SECURE */
};

/* System calls that were made through libc since the last reset, by streams and by libevent. */
struct calls {
	unsigned send, recv, epoll_ctl, epoll_wait;
};
extern struct calls calls;

extern struct loop *loop;
extern struct end left, right;

int ends_setup(void **state);
int ends_teardown(void **state);

void ends_pair(void);   /* joins left and right by a socket pair */
void ends_narrow(void); /* ... with kernel buffers of a few KiB */
void end_take(struct end *e, int fd);
void end_pump(struct end *e); /* writes as far as it may */
void end_close(struct end *e);
void end_event(struct io *io, enum io_ev ev, void *arg);

/* The byte at place i of what end_pump() sends. */
char end_byte(size_t i);
void end_check(const struct end *e, size_t len); /* got is that */

/* Turns until *what is at least `want`; fails after some seconds. */
void until(const int *what, int want);
void until_len(const struct end *e, size_t len);
void turns(int n); /* without waiting */

int tcp_listen(int family, uint16_t *ret_port); /* on the loopback address */

#endif
