/* SPDX-License-Identifier: MIT */
/* What the modules of libcomp/base that drive OpenSSL share.  Not for anybody else: the rest of the
 * project sees struct tls_ctx and struct io. */
#ifndef BASE_TLS_INTERNAL_H
#define BASE_TLS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include <base/tls.h>

SSL_CTX *tls_ssl_ctx(struct tls_ctx *t); /* borrowed */

/* The index under which an SSL object carries its `const struct io_tls *` (io.h): the server's
 * callbacks for SNI and ALPN look there.  It must live until the handshake has ended. */
int tls_ex_io_tls(void);

/* Of a client's connection, embedded where it outlives the SSL object; zeroed memory is fine. */
struct tls_check {
	char *name; /* the server's, as SNI has it, or an address */
	char *why;  /* the certificate was refused: one line; NULL: it was not */
};
/* Sends the name and has it verified, in whatever form it is given; false: it cannot be one. */
bool tls_check_begin(struct tls_check *c, SSL *ssl, const char *name);
void tls_check_done(struct tls_check *c);

/* Drains OpenSSL's error queue into one readable line; returns buf. */
const char *tls_error_text(char *buf, size_t len);

/* The first certificate of a PEM file, without a key; the caller frees it.  -ENODATA: none in it;
 * -EBADMSG: a damaged one; -Exxx of open and read.  err gets one line that begins with the path. */
int tls_read_cert(X509 **out, const char *chain_file, char *err, size_t err_len)
    __attribute__((warn_unused_result));

#endif
