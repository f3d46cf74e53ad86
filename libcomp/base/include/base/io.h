/* SPDX-License-Identifier: MIT */
/* A byte stream over a TCP or Unix socket, with or without TLS, as one object with one event
 * function.
 *
 * Reading: IO_DATA hands over what came; io_data() is valid during that call only and is taken
 * whole.  Writing: io_write() queues; what is queued leaves in one write at the end of the turn
 * (one TLS record up to 16 KiB, so that a turn's output shares it).  SSL_read and SSL_write are
 * driven from here with BIOs of our own: one recv and one send per turn and connection.
 *
 * Closing: io_close() at any time, also within the event function: no event follows, memory goes at
 * the end of the turn.  After IO_CLOSED the owner still calls io_close(). */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/tls.h>

struct io;
struct loop;
struct sbuf;
struct sockaddr;

enum io_ev {
	IO_CONNECTED, /* io_connect() has succeeded */
	IO_SECURE,    /* TLS handshake done */
	IO_DATA,      /* io_data() has bytes */
	IO_DRAINED,   /* the queue fell below the low water mark after it was above the high one */
	IO_CLOSED,    /* the other side closed (io_error() 0), or a failure (io_error() < 0) */
};
typedef void io_fn(struct io *io, enum io_ev ev, void *arg);

struct io *io_new(struct loop *l, int fd, io_fn *fn, void *arg); /* takes fd (non-blocking) */
/* Looks `host` up (literal addresses and names; asynchronously, all addresses are tried in turn)
 * and connects; host beginning with '/' is a Unix socket.  IO_CONNECTED or IO_CLOSED follows,
 * within timeout_ms. */
struct io *io_connect(
    struct loop *l, const char *host, uint16_t port, unsigned timeout_ms, io_fn *fn, void *arg);
void io_close(struct io *io); /* NULL is fine */
/* Closes once what is queued has left, at the latest after timeout_ms; no event follows. */
void io_close_flushed(struct io *io, unsigned timeout_ms);

/* --- TLS ---------------------------------------------------------------------------------------
 */
/* As a server: the context is `dflt` unless choose (NULL: none) finds one for the SNI name.
 * alpn: the protocol that must be agreed if the client offers any; required: it must offer it.
 * The handshake begins with what the peer sends next: the caller has made sure that no clear bytes
 * are left over (STARTTLS injection). */
struct io_tls {
	struct tls_ctx *dflt;
	tls_choose_fn *choose;
	void *choose_arg;
	const char *alpn;
};
void io_tls_server(struct io *io, const struct io_tls *t);
void io_tls_client(struct io *io, struct tls_ctx *ctx, const char *name, const char *alpn);
bool io_secure(const struct io *io);             /* handshake done */
const char *io_tls_version(const struct io *io); /* "TLSv1.3"; NULL without TLS */
const char *io_tls_cipher(const struct io *io);
/* RFC 9266 tls-exporter: 32 bytes; -ENOTSUP without TLS 1.3 or extended master secret. */
int io_tls_exporter(const struct io *io, uint8_t out[32]) __attribute__((warn_unused_result));
/* RFC 5929 4 tls-server-end-point: the hash of the certificate that we, the server, have shown,
 * into out (IO_END_POINT_MAX bytes); its length, or -ENOTSUP without TLS or if the certificate's
 * signature names no hash (Ed25519). */
enum { IO_END_POINT_MAX = 64 };
int io_tls_end_point(const struct io *io, uint8_t *out) __attribute__((warn_unused_result));

/* --- data --------------------------------------------------------------------------------------
 */
const char *io_data(const struct io *io, size_t *ret_len);
void io_write(struct io *io, const void *p, size_t n);
/* The queue itself, to serialise into without a copy; call io_wrote() afterwards, in this turn. */
struct sbuf *io_out(struct io *io);
void io_wrote(struct io *io);
size_t io_queued(const struct io *io); /* bytes that have not been handed to the kernel */
/* Bytes that the owner has written since the beginning, and how many of them have left the queue,
 * for TLS or the kernel: what ends at io_written() now has left once io_taken() is there. */
uint64_t io_written(const struct io *io);
uint64_t io_taken(const struct io *io);
bool io_alive(const struct io *io); /* what is written is queued; false: it has failed or ended */

/* Marks for IO_DRAINED and io_full(); hard: above it the connection fails with -ENOBUFS (0: no
 * such bound). */
void io_set_marks(struct io *io, size_t low, size_t high, size_t hard);
bool io_full(const struct io *io); /* above the high mark: stop reading from who causes this */

/* Stops and starts reading; counts: as many resumes as pauses.  What had been read from the socket
 * is still delivered: at most the rest of one chunk (LIM_READ_CHUNK) after io_pause(). */
void io_pause(struct io *io);
void io_resume(struct io *io);

int io_error(const struct io *io);              /* why IO_CLOSED came: 0 or -Exxx */
const char *io_error_text(const struct io *io); /* for the log: "TLS: no shared cipher" */
const char *io_peer(const struct io *io);       /* "192.0.2.1", "2001:db8::1", "unix"; no port */
uint16_t io_peer_port(const struct io *io);
const struct sockaddr *io_peer_addr(const struct io *io); /* NULL before it is connected */
struct loop *io_loop(const struct io *io);
uint64_t io_last_read(const struct io *io); /* loop_now() when bytes last came */

#endif
