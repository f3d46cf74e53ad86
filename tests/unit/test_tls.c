/* SPDX-License-Identifier: MIT */
/* Contexts and the server's decisions, by handshakes in memory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <base/io.h>
#include <base/mem.h>

#include "../../libcomp/base/tls_internal.h"
#include "mint.h"

struct fix {
	char dir[64];
	char pem[2][96];
	struct tls_ctx *ctx[2]; /* certificates for x.example and y.example */
	char err[256];
	char asked[300]; /* what choose() was asked for */
};

static int setup(void **state)
{
	static const char *const name[] = { "x.example", "y.example" };
	struct fix *f = xzalloc(sizeof(*f));

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/test_tls.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	for (int i = 0; i < 2; i++) {
		struct mint m = { name[i], name[i], -10, MINT_DAY, NULL };

		(void)snprintf(f->pem[i], sizeof(f->pem[i]), "%s/%s.pem", f->dir, name[i]);
		mint(f->pem[i], f->pem[i], &m);
		assert_int_equal(
		    tls_server_new(&f->ctx[i], f->pem[i], f->pem[i], f->err, sizeof(f->err)), 0);
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	for (int i = 0; i < 2; i++) {
		tls_unref(f->ctx[i]);
		(void)unlink(f->pem[i]);
	}
	(void)rmdir(f->dir);
	free(f);
	return 0;
}

static struct tls_ctx *choose(const char *name, void *arg)
{
	struct fix *f = arg;

	(void)snprintf(f->asked, sizeof(f->asked), "%s", name ? name : "(none)");
	if (!name || strcmp(name, "x.example") == 0)
		return f->ctx[0];
	return strcmp(name, "y.example") == 0 ? f->ctx[1] : NULL;
}

/* A client that checks nothing, to see what the server does. */
struct client {
	const char *sni;
	const char *alpn; /* wire format */
	int max_version;
	const char *suites;
};

static SSL *client_new(SSL_CTX *ctx, const struct client *c)
{
	SSL *s = SSL_new(ctx);
	char sni[64];

	SSL_set_connect_state(s);
	(void)snprintf(sni, sizeof(sni), "%s", c->sni ? c->sni : "");
	if (c->sni)
		assert_int_equal(SSL_set_tlsext_host_name(s, sni), 1);
	if (c->alpn)
		assert_int_equal(SSL_set_alpn_protos(
				     s, (const unsigned char *)c->alpn, (unsigned)strlen(c->alpn)),
		    0);
	if (c->max_version) {
		SSL_set_security_level(s, 0);
		SSL_set_min_proto_version(s, 0);
		SSL_set_max_proto_version(s, c->max_version);
	}
	if (c->suites)
		assert_int_equal(SSL_set_cipher_list(s, c->suites), 1);
	return s;
}

static SSL *server_new(struct tls_ctx *t, const struct io_tls *cfg)
{
	SSL *s = SSL_new(tls_ssl_ctx(t));

	SSL_set_accept_state(s);
	/* The index takes what is const: OpenSSL has no other way. */
	assert_int_equal(SSL_set_ex_data(s, tls_ex_io_tls(), (void *)(uintptr_t)cfg), 1);
	return s;
}

/* True: both sides are through. */
static bool shake(SSL *client, SSL *server)
{
	BIO *a, *b;
	int c = 0, s = 0;

	assert_int_equal(BIO_new_bio_pair(&a, 65536, &b, 65536), 1);
	SSL_set_bio(client, a, a);
	SSL_set_bio(server, b, b);
	ERR_clear_error();
	for (int i = 0; i < 10 && (c != 1 || s != 1); i++) {
		c = SSL_do_handshake(client);
		s = SSL_do_handshake(server);
		if (SSL_get_error(server, s) == SSL_ERROR_SSL)
			(void)SSL_do_handshake(client); /* reads the alert */
	}
	return c == 1 && s == 1;
}

struct result {
	bool ok;
	char cn[64];     /* of the server's certificate */
	char alpn[16];   /* agreed */
	char error[160]; /* the first one */
	long version;
	bool resumable; /* the client has got a session it may come back with */
};

static struct result try(struct fix *f, const struct io_tls *cfg, const struct client *c)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *client = client_new(ctx, c), *server = server_new(f->ctx[0], cfg);
	struct result r = { .ok = shake(client, server) };
	const unsigned char *alpn;
	unsigned n;
	char byte;

	(void)tls_error_text(r.error, sizeof(r.error));
	if (r.ok) {
		X509 *cert = SSL_get1_peer_certificate(client);

		(void)SSL_read(client, &byte, 1); /* tickets would come now */
		(void)X509_NAME_get_text_by_NID(
		    X509_get_subject_name(cert), NID_commonName, r.cn, sizeof(r.cn));
		X509_free(cert);
		SSL_get0_alpn_selected(client, &alpn, &n);
		memcpy(r.alpn, alpn ? (const char *)alpn : "", n < 15 ? n : 15);
		r.version = SSL_version(client);
		r.resumable = SSL_SESSION_is_resumable(SSL_get_session(client)) == 1;
		ERR_clear_error();
	}
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(ctx);
	return r;
}

/* --- SNI -------------------------------------------------------------------------------------- */

static void test_sni(void **state)
{
	struct fix *f = *state;
	struct io_tls cfg = { f->ctx[0], choose, f, NULL };
	struct result r;

	r = try(f, &cfg, &(struct client){ .sni = "Y.Example" });
	assert_true(r.ok);
	assert_string_equal(f->asked, "y.example");
	assert_string_equal(r.cn, "y.example");
	r = try(f, &cfg, &(struct client){ 0 });
	assert_true(r.ok);
	assert_string_equal(f->asked, "(none)");
	assert_string_equal(r.cn, "x.example");
	r = try(f, &cfg, &(struct client){ .sni = "z.example" });
	assert_false(r.ok);
	assert_non_null(strstr(r.error, "unrecognized name"));
	cfg.choose = NULL;
	r = try(f, &cfg, &(struct client){ .sni = "z.example" });
	assert_true(r.ok);
	assert_string_equal(r.cn, "x.example");
}

/* --- ALPN ------------------------------------------------------------------------------------- */

static void test_alpn(void **state)
{
	struct fix *f = *state;
	struct io_tls cfg = { f->ctx[0], choose, f, "xmpp-client" };
	struct result r;

	/* Also after the context was exchanged for another. */
	r = try(f, &cfg, &(struct client){ "y.example", "\x02h2\x0bxmpp-client", 0, NULL });
	assert_true(r.ok);
	assert_string_equal(r.alpn, "xmpp-client");
	r = try(f, &cfg, &(struct client){ 0 });
	assert_true(r.ok);
	assert_string_equal(r.alpn, "");
	r = try(f, &cfg, &(struct client){ NULL, "\x02h2\x0bxmpp-server", 0, NULL });
	assert_false(r.ok);
	assert_non_null(strstr(r.error, "no application protocol"));
	r = try(f, &cfg, &(struct client){ NULL, "\x0axmpp-clien", 0, NULL });
	assert_false(r.ok);
	cfg.alpn = NULL;
	r = try(f, &cfg, &(struct client){ NULL, "\x02h2", 0, NULL });
	assert_true(r.ok);
	assert_string_equal(r.alpn, "");
}

/* --- policy ----------------------------------------------------------------------------------- */

static void test_versions_and_suites(void **state)
{
	struct fix *f = *state;
	struct io_tls cfg = { f->ctx[0], NULL, NULL, NULL };
	struct result r;

	r = try(f, &cfg, &(struct client){ 0 });
	assert_int_equal(r.version, TLS1_3_VERSION);
	assert_false(r.resumable);
	r = try(f, &cfg, &(struct client){ NULL, NULL, TLS1_2_VERSION, NULL });
	assert_int_equal(r.version, TLS1_2_VERSION);
	assert_false(r.resumable);
	r = try(f, &cfg, &(struct client){ NULL, NULL, TLS1_1_VERSION, NULL });
	assert_false(r.ok);
	r = try(
	    f, &cfg, &(struct client){ NULL, NULL, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256" });
	assert_false(r.ok); /* CBC */
	assert_non_null(strstr(r.error, "handshake failure"));
}

static void test_client_verifies(void **state)
{
	struct fix *f = *state;
	struct io_tls cfg = { f->ctx[0], choose, f, NULL };

	for (int i = 0; i < 3; i++) {
		/* Trusted and for that name; trusted, other name; not trusted. */
		struct tls_ctx *t;
		SSL *client, *server = server_new(f->ctx[0], &cfg);

		assert_int_equal(
		    tls_client_new(&t, f->pem[i == 2 ? 1 : 0], f->err, sizeof(f->err)), 0);
		client = client_new(tls_ssl_ctx(t), &(struct client){ 0 });
		assert_int_equal(SSL_set1_host(client, i == 1 ? "y.example" : "x.example"), 1);
		assert_int_equal(shake(client, server), i == 0);
		SSL_free(client);
		SSL_free(server);
		tls_unref(t);
	}
}

static void test_client_ca_missing(void **state)
{
	struct fix *f = *state;
	struct tls_ctx *t = NULL;

	assert_true(tls_client_new(&t, "/nonexistent.pem", f->err, sizeof(f->err)) < 0);
	assert_null(t);
	assert_non_null(strstr(f->err, "/nonexistent.pem"));
	assert_int_equal(tls_client_new(&t, NULL, f->err, sizeof(f->err)), 0);
	tls_unref(t);
}

static void test_files(void **state)
{
	struct fix *f = *state;
	struct tls_ctx *t = NULL;

	assert_int_equal(
	    tls_server_new(&t, "/nonexistent", f->pem[0], f->err, sizeof(f->err)), -ENOENT);
	assert_string_equal(f->err, "/nonexistent: No such file or directory");
	assert_int_equal(
	    tls_server_new(&t, "/dev/zero", f->pem[0], f->err, sizeof(f->err)), -EINVAL);
	assert_int_equal(
	    tls_server_new(&t, f->pem[0], f->pem[1], f->err, sizeof(f->err)), -EKEYREJECTED);
	assert_int_equal(
	    tls_server_new(&t, "/etc/passwd", f->pem[0], f->err, sizeof(f->err)), -ENODATA);
	assert_int_equal(
	    tls_server_new(&t, f->pem[0], "/etc/passwd", f->err, sizeof(f->err)), -ENOKEY);
	assert_null(t);
	assert_int_equal(ERR_peek_error(), 0); /* nothing is left for the next connection */
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_sni),
		CASE(test_alpn),
		CASE(test_versions_and_suites),
		CASE(test_client_verifies),
		CASE(test_client_ca_missing),
		CASE(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
