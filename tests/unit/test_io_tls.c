/* SPDX-License-Identifier: MIT */
/* Streams with TLS: the handshake and how it fails.  left is the client. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include <cmocka.h>

#include "../../libcomp/base/tls_internal.h"
#include "io_fixture.h"
#include "io_tls_fixture.h"
#include "mint.h"

/* --- the handshake ---------------------------------------------------------------------------- */

static void test_secure(void **state)
{
	uint8_t a[32] = { 0 }, b[32] = { 1 };

	(void)state;
	ends_pair();
	assert_int_equal(io_tls_exporter(left.io, a), -ENOTSUP);
	assert_null(io_tls_version(left.io));
	right.echo = true;
	left.say_secure = "hello";
	ends_tls();
	until(&left.seen[IO_DATA], 1);
	assert_string_equal(sbuf_str(&left.got), "hello");
	assert_true(io_secure(left.io) && io_secure(right.io));
	assert_string_equal(io_tls_version(left.io), "TLSv1.3");
	assert_string_equal(io_tls_cipher(left.io), io_tls_cipher(right.io));
	assert_int_equal(io_tls_exporter(left.io, a), 0);
	assert_int_equal(io_tls_exporter(right.io, b), 0);
	assert_memory_equal(a, b, 32);
}

/* RFC 5929 4.1: the hash that signed the certificate, computed by another way. */
static int end_point_of(const char *md, uint8_t *out, uint8_t *want)
{
	char path[64], err[256] = "";
	struct tls_ctx *s, *c;
	unsigned n = 0;
	int r;

	(void)snprintf(path, sizeof(path), "%s/other.pem", tls_dir);
	mint(path, path,
	    &(struct mint){
		.cn = "test", .sans = "example.test", .from = -3600, .until = MINT_DAY, .md = md });
	assert_int_equal(tls_server_new(&s, path, path, err, sizeof(err)), 0);
	assert_int_equal(tls_client_new(&c, path, err, sizeof(err)), 0);
	if (*md)
		assert_true(X509_digest(
		    SSL_CTX_get0_certificate(tls_ssl_ctx(s)), EVP_get_digestbyname(md), want, &n));
	ends_pair();
	assert_int_equal(io_tls_end_point(right.io, out), -ENOTSUP);
	io_tls_server(right.io, &(struct io_tls){ .dflt = s });
	io_tls_client(left.io, c, "example.test", NULL);
	until(&left.seen[IO_SECURE], 1);
	until(&right.seen[IO_SECURE], 1);
	assert_int_equal(io_tls_end_point(left.io, out), -ENOTSUP); /* it has shown none */
	r = io_tls_end_point(right.io, out);
	tls_unref(s);
	tls_unref(c);
	(void)unlink(path);
	return r;
}

static void test_end_point(void **state)
{
	uint8_t got[IO_END_POINT_MAX], want[IO_END_POINT_MAX];

	(void)state;
	assert_int_equal(end_point_of("SHA256", got, want), 32);
	assert_memory_equal(got, want, 32);
}

static void test_end_point_sha384(void **state)
{
	uint8_t got[IO_END_POINT_MAX], want[IO_END_POINT_MAX];

	(void)state;
	assert_int_equal(end_point_of("SHA384", got, want), 48);
	assert_memory_equal(got, want, 48);
}

static void test_end_point_without_a_hash(void **state)
{
	uint8_t got[IO_END_POINT_MAX], want[IO_END_POINT_MAX];

	(void)state;
	assert_int_equal(end_point_of("", got, want), -ENOTSUP);
}

static void test_tls12(void **state)
{
	uint8_t a[32] = { 0 }, b[32] = { 1 };

	(void)state;
	SSL_CTX_set_max_proto_version(tls_ssl_ctx(client), TLS1_2_VERSION);
	ends_pair();
	right.echo = true;
	left.say_secure = "hello";
	ends_tls();
	SSL_CTX_set_max_proto_version(tls_ssl_ctx(client), 0);
	until(&left.seen[IO_DATA], 1);
	assert_string_equal(io_tls_version(right.io), "TLSv1.2");
	assert_int_equal(io_tls_exporter(left.io, a), 0);
	assert_int_equal(io_tls_exporter(right.io, b), 0);
	assert_memory_equal(a, b, 32);
}

/* What was written before goes out in the clear and in the same write as nothing else; what is
 * written during the handshake waits for it. */
static void test_starttls(void **state)
{
	(void)state;
	ends_pair();
	io_write(right.io, "<proceed/>", 10);
	serve();
	io_write(right.io, "inside", 6);
	until(&left.seen[IO_DATA], 1);
	assert_string_equal(sbuf_str(&left.got), "<proceed/>");
	io_tls_client(left.io, client, "example.test", NULL);
	io_write(left.io, "me too", 6);
	turns(1);
	assert_false(loop_turn(loop, false) && loop_turn(loop, false) && loop_turn(loop, false) &&
		     loop_turn(loop, false) && loop_turn(loop, false) && loop_turn(loop, false));
	until(&right.seen[IO_DATA], 1);
	until(&left.seen[IO_DATA], 2);
	assert_string_equal(sbuf_str(&left.got), "<proceed/>inside");
	assert_string_equal(sbuf_str(&right.got), "me too");
}

static char asked[64];

static struct tls_ctx *choose(const char *name, void *arg)
{
	(void)snprintf(asked, sizeof(asked), "%s", name ? name : "(none)");
	return arg;
}

static void test_choose(void **state)
{
	(void)state;
	ends_pair();
	io_tls_server(
	    right.io, &(struct io_tls){ .dflt = server, .choose = choose, .choose_arg = server });
	io_tls_client(left.io, client, "EXAMPLE.test", NULL);
	until(&left.seen[IO_SECURE], 1);
	assert_string_equal(asked, "example.test");
	ends_teardown(NULL);

	/* A literal address is verified, and sends no SNI. */
	ends_setup(NULL);
	ends_pair();
	io_tls_server(
	    right.io, &(struct io_tls){ .dflt = server, .choose = choose, .choose_arg = server });
	io_tls_client(left.io, client, "192.0.2.1", NULL);
	until(&left.seen[IO_SECURE], 1);
	assert_string_equal(asked, "(none)");
}

/* The alert reaches the client although its stream is closed at once. */
static void test_choose_refuses(void **state)
{
	(void)state;
	ends_pair();
	io_tls_server(right.io, &(struct io_tls){ .dflt = server, .choose = choose });
	io_tls_client(left.io, client, "example.test", NULL);
	until(&left.seen[IO_CLOSED], 1);
	assert_int_equal(right.seen[IO_CLOSED], 1);
	assert_int_equal(left.err, -EPROTO);
	assert_non_null(strstr(left.text, "unrecognized name"));
	assert_true(right.err < 0);
}

static void test_alpn(void **state)
{
	static const struct {
		const char *offer, *want;
		bool ok;
	} cases[] = {
		{ "xmpp-client", "xmpp-client", true },
		{ NULL, "xmpp-client", true },
		{ "http/1.1", "xmpp-client", false },
		{ "xmpp-client", NULL, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ends_pair();
		io_tls_server(right.io, &(struct io_tls){ .dflt = server, .alpn = cases[i].want });
		io_tls_client(left.io, client, "example.test", cases[i].offer);
		until(&left.seen[cases[i].ok ? IO_SECURE : IO_CLOSED], 1);
		if (!cases[i].ok)
			assert_non_null(strstr(left.text, "no application protocol"));
		ends_teardown(NULL);
		ends_setup(NULL);
	}
}

static void test_wrong_name(void **state)
{
	static const char *const names[] = { "other.test", "192.0.2.7", "Ünder.test" };
	static const char *const said[] = {
		"refused: expected one for other.test, this is for example.test and 1 more",
		"expected one for 192.0.2.7, this is for example.test",
		"expected one for xn--nder-zra.test, this is for example.test",
	};

	(void)state;
	for (int i = 0; i < 3; i++) {
		ends_pair();
		serve();
		io_tls_client(left.io, client, names[i], NULL);
		until(&left.seen[IO_CLOSED], 1);
		assert_int_equal(left.err, -EPROTO);
		assert_non_null(strstr(left.text, said[i]));
		until(&right.seen[IO_CLOSED], 1);
		assert_int_equal(right.seen[IO_DATA], 0);
		ends_teardown(NULL);
		ends_setup(NULL);
	}
}

/* Shown by a server, to a client that trusts it or does not. */
static void refused_certificate(const struct mint *m, bool trusted, const char *want)
{
	char path[64], err[256] = "";
	struct tls_ctx *s, *c;

	(void)snprintf(path, sizeof(path), "%s/other.pem", tls_dir);
	mint(path, path, m);
	assert_int_equal(tls_server_new(&s, path, path, err, sizeof(err)), 0);
	assert_int_equal(tls_client_new(&c, trusted ? path : chain_file, err, sizeof(err)), 0);
	ends_pair();
	io_tls_server(right.io, &(struct io_tls){ .dflt = s });
	io_tls_client(left.io, c, "example.test", NULL);
	io_write(left.io, "secret", 6);
	until(&left.seen[IO_CLOSED], 1);
	assert_int_equal(left.err, -EPROTO);
	if (!strstr(left.text, want))
		fail_msg("\"%s\" has no \"%s\"", left.text, want);
	until(&right.seen[IO_CLOSED], 1);
	assert_int_equal(right.seen[IO_DATA], 0);
	tls_unref(s);
	tls_unref(c);
	(void)unlink(path);
	ends_teardown(NULL);
	ends_setup(NULL);
}

static void test_refused_certificates(void **state)
{
	(void)state;
	refused_certificate(
	    &(struct mint){ "x", "example.test", -2 * MINT_DAY, -MINT_DAY, NULL, NULL }, true,
	    "expected one for example.test, this expired on 20");
	refused_certificate(
	    &(struct mint){ "x", "example.test", MINT_DAY, 2 * MINT_DAY, NULL, NULL }, true,
	    "expected one for example.test, this is not valid before 20");
	refused_certificate(&(struct mint){ "me", "example.test", -3600, MINT_DAY, NULL, NULL },
	    false, "this cannot be trusted: self-signed certificate (issued by me)");
	refused_certificate(&(struct mint){ "x", "a.test b.test c.test d.test e.test", -3600,
				MINT_DAY, NULL, NULL },
	    true, "this is for a.test, b.test, c.test, d.test and 1 more");
	refused_certificate(&(struct mint){ "example.test", "", -3600, MINT_DAY, NULL, NULL }, true,
	    "this is for no name");
}

static void test_bad_arguments(void **state)
{
	char far[300];

	(void)state;
	memset(far, 'x', sizeof(far) - 1);
	far[sizeof(far) - 1] = '\0';
	ends_pair();
	left.in_call = true;
	io_tls_client(left.io, client, far, NULL);
	left.in_call = false;
	io_tls_server(right.io, &(struct io_tls){ 0 });
	turns(1);
	assert_int_equal(left.err, -EINVAL);
	assert_int_equal(right.err, -ENOKEY);
}

/* A reload replaces the context while a peer is slow with its handshake. */
static void test_context_goes_in_handshake(void **state)
{
	struct tls_ctx *t = NULL;
	char err[256];

	(void)state;
	assert_int_equal(tls_server_new(&t, chain_file, key_file, err, sizeof(err)), 0);
	ends_pair();
	io_tls_server(right.io, &(struct io_tls){ .dflt = t });
	tls_unref(t);
	io_tls_client(left.io, client, "example.test", NULL);
	until(&left.seen[IO_SECURE], 1);
}

/* --- peers that do not do TLS well ------------------------------------------------------------ */

static int raw_peer(void)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	end_take(&right, fd[0]);
	serve();
	return fd[1];
}

static void test_garbage(void **state)
{
	static const char *const garbage[] = {
		"<?xml version='1.0'?><stream:stream>",
		"GET / HTTP/1.1\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03garbage that goes on for a while",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		char big[2048] = { 0 };
		int fd = raw_peer();

		(void)snprintf(big, sizeof(big), "%s", garbage[i]);
		assert_int_equal(send(fd, big, sizeof(big), 0), sizeof(big));
		until(&right.seen[IO_CLOSED], 1);
		assert_int_equal(right.err, -EPROTO);
		assert_memory_equal(right.text, "TLS: ", 5);
		assert_int_equal(right.seen[IO_DATA] + right.seen[IO_SECURE], 0);
		close(fd);
		ends_teardown(NULL);
		ends_setup(NULL);
	}
}

static void test_peer_closes_in_handshake(void **state)
{
	int fd = raw_peer();

	(void)state;
	assert_int_equal(send(fd, "\x16\x03\x01", 3, 0), 3);
	turns(2);
	close(fd);
	until(&right.seen[IO_CLOSED], 1);
	assert_int_equal(right.err, -ECONNRESET);
	assert_string_equal(right.text, "TLS: closed during the handshake");
}

static void test_truncated(void **state)
{
	(void)state;
	ends_pair();
	ends_tls();
	io_write(left.io, "last words", 10);
	turns(2);
	end_close(&left); /* does not say close_notify */
	until(&right.seen[IO_CLOSED], 1);
	assert_int_equal(right.err, -ECONNRESET);
	assert_string_equal(right.text, "TLS: truncated");
	assert_string_equal(sbuf_str(&right.got), "last words");
}

static void test_bad_record(void **state)
{
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	end_take(&left, fd[0]);
	end_take(&right, dup(fd[1]));
	ends_tls();
	io_write(right.io, "good", 4);
	turns(1);
	assert_int_equal(
	    send(fd[1], "\x17\x03\x03\x00\x20not a record that this key made", 37, 0), 37);
	until(&left.seen[IO_CLOSED], 1);
	assert_int_equal(left.err, -EPROTO);
	assert_string_equal(sbuf_str(&left.got), "good");
	close(fd[1]);
	until(&right.seen[IO_CLOSED], 1); /* by the alert */
	assert_int_equal(right.err, -EPROTO);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, ends_setup, ends_teardown)
		T(test_secure),
		T(test_end_point),
		T(test_end_point_sha384),
		T(test_end_point_without_a_hash),
		T(test_tls12),
		T(test_starttls),
		T(test_choose),
		T(test_choose_refuses),
		T(test_alpn),
		T(test_wrong_name),
		T(test_refused_certificates),
		T(test_bad_arguments),
		T(test_context_goes_in_handshake),
		T(test_garbage),
		T(test_peer_closes_in_handshake),
		T(test_truncated),
		T(test_bad_record),
#undef T
	};

	return cmocka_run_group_tests(tests, tls_group_setup, tls_group_teardown);
}
