/* SPDX-License-Identifier: MIT */
/* Connections to the server, and the loop that serves them (net.c).  A connection's struct lives
 * until net_close(), as modes and events that are under way may still name it; conn_close() gives
 * back everything else. */
#ifndef BENCH_CONN_H
#define BENCH_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include <base/list.h>
#include <base/sbuf.h>

#include "scan.h"

enum conn_kind { CONN_CLIENT, CONN_REGISTER, CONN_COMPONENT, CONN_RAW };
/* A state is named for what the connection waits for. */
#define CONN_STATES                    \
	X(TCP)                         \
	X(TLS)                         \
	X(STARTTLS)                    \
	X(PROCEED)                     \
	X(FEATURES)                    \
	X(CHALLENGE)                   \
	X(SUCCESS)                     \
	X(BIND_FEATURES)               \
	X(BIND)                        \
	X(SYNC)                        \
	X(REGISTERED)                  \
	X(COMPONENT_HEADER)            \
	X(HANDSHAKE)                   \
	X(READY) /* the mode has it */ \
	X(DEAD)
#define X(s) CONN_##s,
enum conn_state { CONN_STATES CONN_N };
#undef X

struct conn {
	struct list link;
	int fd; /* -1: closed */
	SSL *ssl;
	enum conn_kind kind;
	enum conn_state state;
	bool secure;   /* TLS is up */
	bool want_out; /* epoll tells when it can be written to */
	bool queued;   /* net_flush() will look at it */
	int user;      /* number of its account */
	int index;     /* in the pool; messages carry it */
	struct scan scan;
	struct sbuf in, out; /* the unfinished element; what the socket did not take yet */
	char *jid;           /* the full one, from binding */
	char *sasl;          /* what SCRAM needs for its next step */
	uint64_t since;      /* when its login (later: its join) began */
	/* what the modes keep of it */
	struct conn *peer;
	uint32_t handled, acked; /* managed.h: theirs, and what they have of ours */
	int room, nick;
	bool joining;
	int presences, events;
};

void net_open(void);
void net_close(void);
/* One turn of the loop: flushes, waits at most wait_ns, handles what came, flushes. */
void net_turn(int64_t wait_ns);
void net_idle(int ms);
void net_flush(void);

struct conn *conn_open(enum conn_kind kind, int user, int port);
void conn_close(struct conn *c);
void conn_leave(struct conn *c); /* as a client should: ends the stream, then TLS, then TCP */
void conn_write(struct conn *c, const void *p, size_t n);
void conn_puts(struct conn *c, const char *s);
void conn_printf(struct conn *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Sends now what is buffered, in a TLS record of its own, as separate clients' messages come. */
void conn_push(struct conn *c);
void conn_start_tls(struct conn *c);

#endif
