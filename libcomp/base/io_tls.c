/* SPDX-License-Identifier: MIT */
/* Drives OpenSSL for a stream.
 *
 * OpenSSL reads and writes through a BIO of ours that never touches the socket: its input is the
 * chunk that one recv() brought into the loop's buffer, its output is appended to a buffer that one
 * send() empties at the flush.  So the number of system calls is that of a plain connection, and
 * what a turn wrote shares records.
 *
 * After each input OpenSSL has taken the whole chunk (it answered WANT_READ), and holds at most one
 * incomplete record.  What it writes by itself (handshake, alerts, key updates) goes to the
 * stream's `wire`, which the flush sends first.
 *
 * Must not: encrypt while the kernel has refused earlier bytes, for then the bound on the queue
 * would count ciphertext that is nowhere limited; leave an entry in OpenSSL's error queue. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include <base/mem.h>

#include "io_internal.h"
#include "tls_internal.h"

enum { FAIL_TEXT = 400 };

/* --- the BIO ---------------------------------------------------------------------------------- */

static int bio_read(BIO *bio, char *out, size_t len, size_t *ret_n)
{
	struct io *io = BIO_get_data(bio);
	struct io_shared *sh = io->sh;

	BIO_clear_retry_flags(bio);
	if (sh->reader != io || sh->src_len == 0) {
		BIO_set_retry_read(bio);
		return 0;
	}
	if (len > sh->src_len)
		len = sh->src_len;
	memcpy(out, sh->src, len);
	sh->src += len;
	sh->src_len -= len;
	*ret_n = len;
	return 1;
}

static int bio_write(BIO *bio, const char *p, size_t len, size_t *ret_n)
{
	struct io *io = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	sbuf_add(io->sh->sink, p, len);
	*ret_n = len;
	return 1;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)bio;
	(void)num;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH; /* the flush is ours to time */
}

void io_tls_shared_init(struct io_shared *sh)
{
	int ok;

	sh->bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
	assert(sh->bio);
	ok = BIO_meth_set_read_ex(sh->bio, bio_read) && BIO_meth_set_write_ex(sh->bio, bio_write) &&
	     BIO_meth_set_ctrl(sh->bio, bio_ctrl);
	assert(ok);
}

/* Before every call that may write: events in between may have driven other streams. */
static void begin(struct io *io, struct sbuf *sink)
{
	/* It is empty nearly always, and to clear it goes through all that it could hold. */
	if (ERR_peek_error() != 0)
		ERR_clear_error();
	io->sh->sink = sink;
}

/* --- failing ---------------------------------------------------------------------------------- */

static void fail_text(struct io *io, char *buf, size_t len)
{
	(void)tls_error_text(buf, len);
	if (io->check.why)
		(void)snprintf(buf, len, "certificate refused: %s", io->check.why);
}

/* The alert tells the other side's operator what ours reads in the log: it leaves before the owner
 * hears of the failure and closes. */
static void fail(struct io *io, int err, const char *text)
{
	if (io->state == IO_OPEN && !io->blocked)
		(void)io_send(io, &io->wire);
	io_fail(io, err, "TLS: %s", text);
}

void io_tls_eof(struct io *io)
{
	/* RFC 8446 6.1: without close_notify the end may have been forged. */
	fail(io, -ECONNRESET, io->secure ? "truncated" : "closed during the handshake");
}

/* --- handshake -------------------------------------------------------------------------------- */

static void forget_dflt(struct io *io)
{
	tls_unref(io->tls.dflt);
	io->tls.dflt = NULL;
}

static void handshake(struct io *io)
{
	char text[FAIL_TEXT];
	int r;

	begin(io, &io->wire);
	r = SSL_do_handshake(io->ssl);
	if (r != 1 && SSL_get_error(io->ssl, r) != SSL_ERROR_WANT_READ) {
		fail_text(io, text, sizeof(text));
		fail(io, -EPROTO, text);
		return;
	}
	task_flush(io->loop, &io->flush);
	if (r != 1)
		return;
	io->secure = true;
	forget_dflt(io);
	io_event(io, IO_SECURE);
}

/* What is queued was written before: it goes out in the clear. */
static void queue_to_wire(struct io *io)
{
	if (sbuf_len(&io->out) == 0)
		return;
	sbuf_add(&io->wire, sbuf_data(&io->out), sbuf_len(&io->out));
	sbuf_clear(&io->out);
	io->refused = io->blocked;
}

/* False: the stream has failed. */
static bool start(struct io *io, struct tls_ctx *ctx)
{
	BIO *bio;

	assert(!io->ssl);
	if (io->state != IO_OPEN && io->state != IO_CONNECTING)
		return false;
	if (!ctx) {
		io_fail(io, -ENOKEY, "TLS: no certificate");
		return false;
	}
	queue_to_wire(io);
	io->ssl = SSL_new(tls_ssl_ctx(ctx));
	bio = BIO_new(io->sh->bio);
	if (!io->ssl || !bio)
		abort(); /* out of memory */
	BIO_set_data(bio, io);
	BIO_set_init(bio, 1);
	SSL_set_bio(io->ssl, bio, bio);
	SSL_set_mode(io->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return true;
}

void io_tls_server(struct io *io, const struct io_tls *t)
{
	if (!start(io, t->dflt))
		return;
	io->tls = *t;
	io->tls.dflt = tls_ref(t->dflt); /* a reload must not take it from a slow handshake */
	if (!SSL_set_ex_data(io->ssl, tls_ex_io_tls(), &io->tls))
		abort();
	SSL_set_accept_state(io->ssl);
}

static bool set_alpn(SSL *ssl, const char *alpn)
{
	unsigned char list[256];
	size_t n = strlen(alpn);

	if (n == 0 || n >= sizeof(list))
		return false;
	list[0] = (unsigned char)n;
	memcpy(&list[1], alpn, n);
	return SSL_set_alpn_protos(ssl, list, (unsigned)n + 1) == 0;
}

void io_tls_client(struct io *io, struct tls_ctx *ctx, const char *name, const char *alpn)
{
	if (!start(io, ctx))
		return;
	ERR_clear_error();
	if (!tls_check_begin(&io->check, io->ssl, name) || (alpn && !set_alpn(io->ssl, alpn))) {
		ERR_clear_error();
		io_fail(io, -EINVAL, "TLS: no valid name of server or protocol");
		return;
	}
	SSL_set_connect_state(io->ssl);
	handshake(io);
}

/* --- input ------------------------------------------------------------------------------------ */

/* Decrypts into the shared buffer until it is full or the chunk is used up; how it ended goes to
 * *ret_why, as SSL_get_error() has it (SSL_ERROR_NONE: the buffer is full). */
static size_t decrypt(struct io *io, int *ret_why)
{
	size_t len = 0, n;
	int r;

	*ret_why = SSL_ERROR_NONE;
	begin(io, &io->wire);
	while (len < sizeof(io->sh->plain)) {
		r = SSL_read_ex(io->ssl, io->sh->plain + len, sizeof(io->sh->plain) - len, &n);
		if (r != 1) {
			*ret_why = SSL_get_error(io->ssl, r);
			break;
		}
		len += n;
	}
	return len;
}

static void read_records(struct io *io)
{
	char text[FAIL_TEXT] = "";
	int why;

	do {
		size_t n = decrypt(io, &why);
		bool bad = why != SSL_ERROR_NONE && why != SSL_ERROR_WANT_READ &&
		           why != SSL_ERROR_ZERO_RETURN;

		if (bad) /* now: the event below may use OpenSSL as well */
			fail_text(io, text, sizeof(text));
		if (n > 0)
			io_deliver(io, io->sh->plain, n);
		if (io->state != IO_OPEN)
			return;
		if (bad)
			fail(io, -EPROTO, text);
		else if (why == SSL_ERROR_ZERO_RETURN)
			io_fail(io, 0, "closed by peer");
	} while (why == SSL_ERROR_NONE);
}

void io_tls_input(struct io *io, size_t n)
{
	struct io_shared *sh = io->sh;

	sh->reader = io;
	sh->src = sh->in;
	sh->src_len = n;
	if (!io->secure)
		handshake(io);
	if (io->state == IO_OPEN && io->secure)
		read_records(io);
	sh->reader = NULL;
	sh->src_len = 0;
	if (io->state != IO_OPEN)
		return;
	if (sbuf_len(&io->wire) > IO_WIRE_MAX)
		fail(io, -ENOBUFS, "peer asks for answers and does not read them");
	else if (sbuf_len(&io->wire) > 0)
		task_flush(io->loop, &io->flush);
}

/* --- output ----------------------------------------------------------------------------------- */

/* Up to a chunk of the queue, as records behind what is in `cipher`. */
static int encrypt(struct io *io)
{
	struct sbuf *cipher = &io->sh->cipher;
	size_t n, done = 0;

	begin(io, cipher);
	while (io->secure && sbuf_len(&io->out) > 0 && done < IO_FLUSH_CHUNK) {
		size_t len = sbuf_len(&io->out);

		if (len > LIM_TLS_RECORD)
			len = LIM_TLS_RECORD;
		if (SSL_write_ex(io->ssl, sbuf_data(&io->out), len, &n) != 1) {
			ERR_clear_error();
			return -EPROTO;
		}
		sbuf_drop(&io->out, n);
		io->taken += n;
		done += n;
	}
	if (io->state == IO_CLOSING && io->secure && sbuf_len(&io->out) == 0 && !io->shut_sent) {
		io->shut_sent = true;
		(void)SSL_shutdown(io->ssl); /* close_notify, with the last record */
		ERR_clear_error();
	}
	return 0;
}

static int flush_round(struct io *io)
{
	struct sbuf *cipher = &io->sh->cipher;
	int r;

	sbuf_clear(cipher);
	if (sbuf_len(&io->wire) > 0) {
		sbuf_add(cipher, sbuf_data(&io->wire), sbuf_len(&io->wire));
		sbuf_done(&io->wire);
	}
	r = encrypt(io);
	if (r == 0)
		r = io_send(io, cipher);
	if (r == 0 && sbuf_len(cipher) > 0) {
		sbuf_add(&io->wire, sbuf_data(cipher), sbuf_len(cipher));
		io->refused = true;
	}
	return r;
}

int io_tls_flush(struct io *io)
{
	int r = 0;

	if (io->refused) {
		r = io_send(io, &io->wire);
		if (r < 0 || sbuf_len(&io->wire) > 0)
			return r;
		sbuf_done(&io->wire);
		io->refused = false;
	}
	for (int i = 0; i < IO_FLUSH_ROUNDS && r == 0 && !io->blocked; i++) {
		bool more = io->secure &&
		            (sbuf_len(&io->out) > 0 || (io->state == IO_CLOSING && !io->shut_sent));

		if (!more && sbuf_len(&io->wire) == 0)
			break;
		r = flush_round(io);
	}
	return r;
}

void io_tls_done(struct io *io)
{
	SSL_free(io->ssl);
	io->ssl = NULL;
	forget_dflt(io);
	tls_check_done(&io->check);
}

/* --- questions -------------------------------------------------------------------------------- */

bool io_secure(const struct io *io)
{
	return io->secure;
}

const char *io_tls_version(const struct io *io)
{
	return io->secure ? SSL_get_version(io->ssl) : NULL;
}

const char *io_tls_cipher(const struct io *io)
{
	return io->secure ? SSL_get_cipher_name(io->ssl) : NULL;
}

int io_tls_exporter(const struct io *io, uint8_t out[32])
{
	static const char label[] = "EXPORTER-Channel-Binding"; /* RFC 9266 2 */
	int ok;

	if (!io->secure)
		return -ENOTSUP;
	if (SSL_version(io->ssl) < TLS1_3_VERSION && SSL_get_extms_support(io->ssl) != 1)
		return -ENOTSUP;
	ERR_clear_error();
	ok = SSL_export_keying_material(io->ssl, out, 32, label, sizeof(label) - 1, NULL, 0, 1);
	ERR_clear_error();
	return ok == 1 ? 0 : -ENOTSUP;
}

/* The hash of the certificate's signature, but never MD5 or SHA-1 (RFC 5929 4.1). */
static const EVP_MD *end_point_md(X509 *cert)
{
	int nid = NID_undef;

	if (!X509_get_signature_info(cert, &nid, NULL, NULL, NULL) || nid == NID_undef)
		return NULL;
	return nid == NID_md5 || nid == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(nid);
}

int io_tls_end_point(const struct io *io, uint8_t *out)
{
	X509 *cert = io->secure && SSL_is_server(io->ssl) ? SSL_get_certificate(io->ssl) : NULL;
	const EVP_MD *md = cert ? end_point_md(cert) : NULL;
	unsigned n = 0;
	int ok;

	static_assert(IO_END_POINT_MAX >= EVP_MAX_MD_SIZE, "any hash fits");
	ok = md && X509_digest(cert, md, out, &n);
	ERR_clear_error();
	return ok ? (int)n : -ENOTSUP;
}
