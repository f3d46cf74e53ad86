/* SPDX-License-Identifier: MIT */
/* One certificate: the names it is for, how long it is valid and, once it is in use, its TLS
 * context. */
#ifndef BASE_CERT_H
#define BASE_CERT_H

#include <stddef.h>
#include <stdint.h>

struct tls_ctx;

struct cert {
	unsigned refs;       /* a pair of files and the names served share it; either ends first */
	struct tls_ctx *tls; /* NULL: only looked at */
	char **san;          /* DNS names, lower case, as they stand ("*.example.org") */
	size_t n_san;
	int64_t from, until; /* Unix time */
};

/* How well a certificate fits a name, the better the higher. */
enum cert_rank { CERT_NONE, CERT_WILDCARD, CERT_EXACT };

/* Only looks at the certificate; no key is needed.  -ENODATA: there is none;
 * -EBADMSG: it is damaged. */
int cert_peek(struct cert **out, const char *chain_file, char *err, size_t err_len)
    __attribute__((warn_unused_result));
/* With context and key; results as tls_server_new(). */
int cert_load(struct cert **out, const char *chain_file, const char *key_file, char *err,
    size_t err_len) __attribute__((warn_unused_result));
struct cert *cert_ref(struct cert *c);
void cert_unref(struct cert *c); /* NULL is fine */

enum cert_rank cert_covers(const struct cert *c, const char *name); /* name as of cert_name() */

/* A domain in the form that certificates and SNI use: A-labels, lower case.  The caller frees it.
 */
char *cert_name(const char *domain) __attribute__((returns_nonnull));

#endif
