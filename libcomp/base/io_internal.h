/* SPDX-License-Identifier: MIT */
/* The stream object as io.c (queues, events), io_tls.c (driving OpenSSL) and io_connect.c (look-up
 * and connecting) share it.  Nobody else includes this. */
#ifndef BASE_IO_INTERNAL_H
#define BASE_IO_INTERNAL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <base/addr.h>
#include <base/io.h>
#include <base/lim.h>
#include <base/loop.h>
#include <base/sbuf.h>

#include "tls_internal.h"

enum {
	IO_FLUSH_CHUNK = 65536,  /* plain bytes encrypted before they are sent */
	IO_FLUSH_ROUNDS = 4,     /* of these per turn and connection */
	IO_SPARES = 64,          /* queues' memory kept for the next who writes */
	IO_SPARE_CAP = 32768,    /* and none that is larger */
	IO_WIRE_MAX = 4 * 65536, /* bytes for the kernel: answers that TLS makes by itself */
	IO_LINGER_MS = 2000,     /* for the other side to close as well */
	IO_ATTEMPT_MIN_MS = 250, /* one address's part of the time for connecting */
};

enum io_state {
	IO_CONNECTING, /* no socket, or one that is being connected */
	IO_OPEN,
	IO_CLOSING,   /* io_close_flushed(): no owner; sends what is queued */
	IO_LINGERING, /* all sent and our side shut; waits for the other side */
	IO_FAILED,    /* IO_CLOSED is on its way or has been; nothing is read or sent */
	IO_DEAD,      /* io_close(); freed at the end of the turn */
};

struct io_conn; /* io_connect.c: the addresses that are still to be tried */
struct evdns_base;

/* One per loop.  A callback never waits, so all connections can use the same buffers: nothing of
 * one connection is left in them when its event has been handled. */
struct io_shared {
	char in[LIM_READ_CHUNK];    /* what one recv brought */
	char plain[LIM_READ_CHUNK]; /* what of it TLS has decrypted */
	struct io *reader;          /* whose bytes are in `in` */
	const char *src;            /* the part that OpenSSL has not taken yet */
	size_t src_len;
	struct sbuf cipher; /* records of the connection that is being flushed */
	struct sbuf *sink;  /* where OpenSSL's output goes: cipher, or a connection's wire */
	BIO_METHOD *bio;

	struct sbuf spare[IO_SPARES];
	size_t n_spare;

	struct loop *loop;
	struct list orphans;    /* streams after io_close_flushed() */
	struct evdns_base *dns; /* while look-ups are under way */
	size_t n_lookups;
	struct task dns_end;
};

struct io {
	struct loop *loop;
	struct io_shared *sh;
	io_fn *fn;
	void *arg;
	int fd;
	enum io_state state;
	struct watch *watch;

	bool blocked;   /* the kernel took less than it was offered */
	bool refused;   /* ... and `wire` holds the rest, so no more is encrypted */
	bool eof;       /* the other side has closed, which matters to io_close_flushed() only */
	bool was_high;  /* IO_DRAINED is owed */
	bool secure;    /* handshake done */
	bool shut_sent; /* our close_notify is written */
	unsigned paused;

	struct sbuf out;  /* what the owner wrote */
	struct sbuf wire; /* what goes before it, as it is */
	size_t low, high, hard;
	uint64_t taken; /* bytes that have left `out` */

	const char *data; /* for io_data(), within IO_DATA */
	size_t data_len;
	uint64_t last_read;

	struct list orphan;
	struct task flush, closed;
	struct timer timer; /* connecting, closing */
	uint64_t deadline;  /* of either */

	int err;
	char *err_text;

	struct addr addr; /* the peer's; no text before it is connected */

	struct io_conn *conn;
	SSL *ssl;
	struct io_tls tls;      /* its dflt is a reference of ours until the handshake has ended */
	struct tls_check check; /* as a client */
};

/* io.c */
struct io *io_alloc(struct loop *l, io_fn *fn, void *arg);
void io_attach(struct io *io, int fd); /* fd < 0: forgets the one before */
void io_opened(struct io *io);         /* fd is connected: reads the peer's address */
void io_event(struct io *io, enum io_ev ev);
/* The connection is over: IO_CLOSED follows from the loop, never from within this call. */
void io_fail(struct io *io, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* One send: drops what the kernel took; less than all sets `blocked`.  0 or -Exxx. */
int io_send(struct io *io, struct sbuf *b);
void io_deliver(struct io *io, const char *p, size_t n); /* IO_DATA */

/* io_tls.c */
void io_tls_shared_init(struct io_shared *sh);
void io_tls_input(struct io *io, size_t n); /* n bytes are in sh->in */
void io_tls_eof(struct io *io);
int io_tls_flush(struct io *io) __attribute__((warn_unused_result)); /* as io_send() */
void io_tls_done(struct io *io);

/* io_connect.c */
void io_connect_shared_init(struct io_shared *sh);
void io_connect_shared_done(struct io_shared *sh);
void io_connect_ready(struct io *io); /* the socket became writable */
void io_connect_timeout(struct io *io);
void io_connect_done(struct io *io);

#endif
