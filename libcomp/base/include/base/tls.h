/* SPDX-License-Identifier: MIT */
/* TLS contexts.  Connections themselves are io.h's; this is where policy stands: TLS 1.2 and up,
 * AEAD suites with forward secrecy, no compression, no renegotiation. */
#ifndef BASE_TLS_H
#define BASE_TLS_H

#include <stddef.h>

struct tls_ctx; /* refcounted, because connections outlive the reload that replaces a context */

/* A server's context from a certificate chain (PEM, leaf first) and its key (PEM, also the same
 * file).  The key is checked against the certificate.  What a connection chooses by SNI and ALPN is
 * its own: struct io_tls.  On failure err gets one line that names file and reason; -ENODATA: no
 * certificate in chain_file, -ENOKEY: no private key in key_file. */
int tls_server_new(struct tls_ctx **out, const char *chain_file, const char *key_file, char *err,
    size_t err_len) __attribute__((warn_unused_result));

/* A client's context.  ca_file NULL: the system's store.  The peer's certificate is always
 * verified, against the name given to io_tls_client(). */
int tls_client_new(struct tls_ctx **out, const char *ca_file, char *err, size_t err_len)
    __attribute__((warn_unused_result));

struct tls_ctx *tls_ref(struct tls_ctx *t); /* written reason: see above */
void tls_unref(struct tls_ctx *t);          /* NULL is fine */

/* What a server connection may choose from: called with the SNI name (lower case, NULL if the
 * client sent none) and returns a borrowed context, or NULL to refuse with unrecognized_name. */
typedef struct tls_ctx *tls_choose_fn(const char *name, void *arg);

#endif
