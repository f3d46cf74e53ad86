/* SPDX-License-Identifier: MIT */
/* Owns: what a TLS context is made of (protocol versions, suites, groups, certificate, key, trust)
 * and the two decisions a server takes within the handshake, SNI and ALPN.
 *
 * A context never changes once it is made; it ends with its last reference.  A renewed certificate
 * is a new context.
 *
 * Must not: drive a connection (io.c), look for certificates (certs.c), ask at the terminal for the
 * passphrase of a key. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <base/io.h>
#include <base/mem.h>
#include <base/sbuf.h>
#include <base/tls.h>

#include "tls_internal.h"

enum {
	PEM_FILE_MAX = 1024 * 1024,
	CHAIN_MAX = 16,
	SNI_MAX = 255, /* RFC 6066 3 has no bound, DNS has; OpenSSL refuses more */
};

/* RFC 9325 4.2: forward secrecy and AEAD only.  What TLS 1.3 has is fine as it comes. */
static const char tls12_suites[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
				   "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
				   "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
/* Not const: the macro that takes it casts that away. */
static char groups[] = "X25519:P-256:P-384";

struct tls_ctx {
	SSL_CTX *ssl;
	unsigned refs;
};

/* --- references and errors -------------------------------------------------------------------- */

struct tls_ctx *tls_ref(struct tls_ctx *t)
{
	t->refs++;
	return t;
}

void tls_unref(struct tls_ctx *t)
{
	if (!t || --t->refs > 0)
		return;
	SSL_CTX_free(t->ssl);
	free(t);
}

SSL_CTX *tls_ssl_ctx(struct tls_ctx *t)
{
	return t->ssl;
}

int tls_ex_io_tls(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	assert(index >= 0);
	return index;
}

/* The earliest entry of the queue is the cause, the later ones are those it was passed through. */
const char *tls_error_text(char *buf, size_t len)
{
	const char *data = NULL;
	int flags = 0;
	unsigned long e = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	if (!e)
		(void)snprintf(buf, len, "no reason given");
	else if (ERR_SYSTEM_ERROR(e))
		(void)snprintf(buf, len, "%s", strerror(ERR_GET_REASON(e)));
	else if (!reason)
		(void)snprintf(buf, len, "OpenSSL error %lx", e);
	else if (data && *data && (flags & ERR_TXT_STRING))
		(void)snprintf(buf, len, "%s (%s)", reason, data);
	else
		(void)snprintf(buf, len, "%s", reason);
	ERR_clear_error();
	return buf;
}

/* --- SNI and ALPN ----------------------------------------------------------------------------- */

/* Also called when the client sent no name. */
static int on_servername(SSL *ssl, int *alert, void *arg)
{
	const struct io_tls *cfg = SSL_get_ex_data(ssl, tls_ex_io_tls());
	const char *sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	char name[SNI_MAX + 1];
	struct tls_ctx *t;
	size_t n = 0;

	(void)arg;
	if (!cfg || !cfg->choose)
		return SSL_TLSEXT_ERR_NOACK;
	for (; sni && sni[n] && n < SNI_MAX; n++)
		name[n] = (char)tolower((unsigned char)sni[n]);
	name[n] = '\0';
	t = cfg->choose(sni ? name : NULL, cfg->choose_arg);
	if (!t || !SSL_set_SSL_CTX(ssl, t->ssl)) {
		*alert = SSL_AD_UNRECOGNIZED_NAME;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	return sni ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/* RFC 7301 3.2.  Not called when the client offers none. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *offers, unsigned offers_len, void *arg)
{
	const struct io_tls *cfg = SSL_get_ex_data(ssl, tls_ex_io_tls());
	size_t want;

	(void)arg;
	if (!cfg || !cfg->alpn)
		return SSL_TLSEXT_ERR_NOACK;
	want = strlen(cfg->alpn);
	for (unsigned i = 0; i < offers_len && offers[i] < offers_len - i; i += offers[i] + 1U) {
		if (offers[i] != want || memcmp(&offers[i + 1], cfg->alpn, want) != 0)
			continue;
		*out = &offers[i + 1];
		*out_len = offers[i];
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL; /* no_application_protocol */
}

/* --- contexts --------------------------------------------------------------------------------- */

/* A key that needs a passphrase is refused: there is nobody to ask. */
static int no_passphrase(char *buf, int size, int rwflag, void *asked)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	if (asked)
		*(bool *)asked = true;
	return -1;
}

static struct tls_ctx *ctx_new(const SSL_METHOD *method)
{
	struct tls_ctx *t = xzalloc(sizeof(*t));

	ERR_clear_error();
	t->refs = 1;
	t->ssl = SSL_CTX_new(method);
	if (!t->ssl)
		goto fail;
	/* Sessions are long and logins rare: a ticket would cost each of them a write and would
	 * be redeemed by few. */
	SSL_CTX_set_options(t->ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
					SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE |
					SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_session_cache_mode(t->ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(t->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_security_level(t->ssl, 2);
	SSL_CTX_set_default_passwd_cb(t->ssl, no_passphrase);
	if (!SSL_CTX_set_min_proto_version(t->ssl, TLS1_2_VERSION) ||
	    !SSL_CTX_set_cipher_list(t->ssl, tls12_suites) ||
	    !SSL_CTX_set1_groups_list(t->ssl, groups) || !SSL_CTX_set_num_tickets(t->ssl, 0))
		goto fail;
	return t;
fail:
	tls_unref(t);
	return NULL;
}

/* Never waits (a FIFO is refused) and takes PEM_FILE_MAX at most. */
static int read_file(const char *path, struct sbuf *out)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	int r = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -EINVAL;
	else if (st.st_size > PEM_FILE_MAX)
		r = -EFBIG;
	/* All of it at once: a buffer that moved would leave a key behind.  One byte more than the
	 * file has shows its end. */
	if (r == 0)
		(void)sbuf_reserve(out, (size_t)st.st_size + 2);
	while (r == 0) {
		size_t room = (size_t)st.st_size + 1 - sbuf_len(out);
		ssize_t n = read(fd, sbuf_reserve(out, room), room);

		if (n < 0 && errno != EINTR)
			r = -errno;
		if (n == 0)
			break;
		if (n > 0)
			sbuf_commit(out, (size_t)n);
		if (sbuf_len(out) > (size_t)st.st_size) /* it grows meanwhile */
			r = -EAGAIN;
	}
	(void)close(fd);
	return r;
}

static int pem_open(BIO **out, struct sbuf *bytes, const char *path, char *err, size_t err_len)
{
	int r = read_file(path, bytes);

	if (r == -EINVAL)
		(void)snprintf(err, err_len, "%s: not a regular file", path);
	else if (r < 0)
		(void)snprintf(err, err_len, "%s: %s", path, strerror(-r));
	if (r < 0)
		return r;
	*out = BIO_new_mem_buf(sbuf_str(bytes), (int)sbuf_len(bytes));
	return *out ? 0 : -ENOMEM;
}

/* Releases what pem_open() made; there may be a key in it. */
static void pem_close(BIO *bio, struct sbuf *bytes)
{
	BIO_free(bio);
	if (bytes->data)
		mem_wipe(bytes->data, bytes->cap);
	sbuf_done(bytes);
}

static int read_leaf(X509 **out, BIO *bio, const char *path, char *err, size_t err_len)
{
	bool none;
	char why[160];

	*out = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	if (*out)
		return 0;
	none = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	(void)tls_error_text(why, sizeof(why));
	(void)snprintf(err, err_len, "%s: %s", path, none ? "no certificate in it" : why);
	return none ? -ENODATA : -EBADMSG;
}

int tls_read_cert(X509 **out, const char *chain_file, char *err, size_t err_len)
{
	struct sbuf bytes = SBUF_INIT;
	BIO *bio = NULL;
	int r;

	ERR_clear_error();
	r = pem_open(&bio, &bytes, chain_file, err, err_len);
	if (r == 0)
		r = read_leaf(out, bio, chain_file, err, err_len);
	pem_close(bio, &bytes);
	return r;
}

/* The leaf, and behind it what leads to a root.  A key between them is passed over. */
static int read_chain(SSL_CTX *ssl, BIO *bio, const char *path, char *err, size_t err_len)
{
	X509 *cert;
	char why[160];
	int n = 0, r = read_leaf(&cert, bio, path, err, err_len);

	if (r < 0)
		return r;
	if (!SSL_CTX_use_certificate(ssl, cert)) {
		X509_free(cert);
		(void)snprintf(err, err_len, "%s: %s", path, tls_error_text(why, sizeof(why)));
		return -EBADMSG;
	}
	X509_free(cert);
	while (n++ < CHAIN_MAX && (cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
		if (SSL_CTX_add0_chain_cert(ssl, cert))
			continue;
		X509_free(cert);
		break;
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
		(void)snprintf(err, err_len, "%s: certificate %d of the chain: %s", path, n + 1,
		    n > CHAIN_MAX ? "too many" : tls_error_text(why, sizeof(why)));
		return -EBADMSG;
	}
	ERR_clear_error();
	return 0;
}

/* -ENOKEY: there is none. */
static int read_key(SSL_CTX *ssl, BIO *bio, const char *path, char *err, size_t err_len)
{
	bool asked = false;
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
	char why[160];
	int r = 0;

	if (!key && asked) {
		(void)snprintf(err, err_len,
		    "%s: the private key is encrypted, store it without "
		    "a passphrase",
		    path);
		r = -EACCES;
	} else if (!key) {
		(void)snprintf(err, err_len, "%s: no private key in it", path);
		r = -ENOKEY;
	} else if (!X509_check_private_key(SSL_CTX_get0_certificate(ssl), key)) {
		(void)snprintf(err, err_len,
		    "%s: the private key does not belong to the "
		    "certificate",
		    path);
		r = -EKEYREJECTED;
	} else if (!SSL_CTX_use_PrivateKey(ssl, key)) {
		(void)snprintf(err, err_len, "%s: %s", path, tls_error_text(why, sizeof(why)));
		r = -EBADMSG;
	}
	EVP_PKEY_free(key);
	ERR_clear_error();
	return r;
}

int tls_server_new(
    struct tls_ctx **out, const char *chain_file, const char *key_file, char *err, size_t err_len)
{
	struct sbuf chain = SBUF_INIT, key = SBUF_INIT;
	BIO *chain_bio = NULL, *key_bio = NULL;
	struct tls_ctx *t = ctx_new(TLS_server_method());
	char why[160];
	int r;

	if (!t) {
		(void)snprintf(err, err_len, "%s: no TLS context: %s", chain_file,
		    tls_error_text(why, sizeof(why)));
		return -ENOMEM;
	}
	SSL_CTX_set_tlsext_servername_callback(t->ssl, on_servername);
	SSL_CTX_set_alpn_select_cb(t->ssl, on_alpn, NULL);
	r = pem_open(&chain_bio, &chain, chain_file, err, err_len);
	if (r == 0)
		r = read_chain(t->ssl, chain_bio, chain_file, err, err_len);
	if (r == 0)
		r = pem_open(&key_bio, &key, key_file, err, err_len);
	if (r == 0)
		r = read_key(t->ssl, key_bio, key_file, err, err_len);
	pem_close(chain_bio, &chain);
	pem_close(key_bio, &key);
	if (r < 0) {
		tls_unref(t);
		return r;
	}
	*out = t;
	return 0;
}

int tls_client_new(struct tls_ctx **out, const char *ca_file, char *err, size_t err_len)
{
	struct tls_ctx *t = ctx_new(TLS_client_method());
	char why[160];

	if (!t || (ca_file ? !SSL_CTX_load_verify_file(t->ssl, ca_file)
			   : !SSL_CTX_set_default_verify_paths(t->ssl))) {
		(void)snprintf(err, err_len, "%s: %s", ca_file ? ca_file : "system's CA store",
		    tls_error_text(why, sizeof(why)));
		tls_unref(t);
		return -EINVAL;
	}
	SSL_CTX_set_verify(t->ssl, SSL_VERIFY_PEER, NULL);
	/* RFC 9525 6.3: the names of the SANs, and a wildcard for a whole label only. */
	X509_VERIFY_PARAM_set_hostflags(SSL_CTX_get0_param(t->ssl),
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	*out = t;
	return 0;
}
