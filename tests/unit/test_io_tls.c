/* SPDX-License-Identifier: MIT */
/* Streams with TLS: the handshake and how it fails, records, closing.  left is the client. */
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
#include "mint.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

static char dir[] = "/tmp/io-tls-XXXXXX";
static char chain_file[64], key_file[64];
static struct tls_ctx *server, *client;

static int group_setup(void **state)
{
	char err[256] = "";

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(chain_file, sizeof(chain_file), "%s/chain.pem", dir);
	(void)snprintf(key_file, sizeof(key_file), "%s/key.pem", dir);
	mint(chain_file, key_file,
	    &(struct mint){ .cn = "test",
		.sans = "example.test IP:192.0.2.1",
		.from = -3600,
		.until = MINT_DAY });
	assert_int_equal(tls_server_new(&server, chain_file, key_file, err, sizeof(err)), 0);
	assert_int_equal(tls_client_new(&client, chain_file, err, sizeof(err)), 0);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	tls_unref(server);
	tls_unref(client);
	unlink(chain_file);
	unlink(key_file);
	rmdir(dir);
	return 0;
}

static void serve(void)
{
	io_tls_server(right.io, &(struct io_tls){ .dflt = server });
}

static void ends_tls(void)
{
	serve();
	io_tls_client(left.io, client, "example.test", NULL);
	until(&left.seen[IO_SECURE], 1);
	until(&right.seen[IO_SECURE], 1);
}

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

	(void)snprintf(path, sizeof(path), "%s/other.pem", dir);
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
	static const char *const names[] = { "other.test", "192.0.2.7" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		ends_pair();
		serve();
		io_tls_client(left.io, client, names[i], NULL);
		until(&left.seen[IO_CLOSED], 1);
		assert_int_equal(left.err, -EPROTO);
		assert_non_null(strstr(left.text, "mismatch"));
		until(&right.seen[IO_CLOSED], 1);
		assert_int_equal(right.seen[IO_DATA], 0);
		ends_teardown(NULL);
		ends_setup(NULL);
	}
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

/* --- data ------------------------------------------------------------------------------------- */

static void test_calls_of_an_exchange(void **state)
{
	(void)state;
	ends_pair();
	ends_tls();
	turns(3);
	memset(&calls, 0, sizeof(calls));
	right.echo = true;
	for (int i = 1; i <= 100; i++) {
		io_write(left.io, "pi", 2);
		io_write(left.io, "ng", 2);
		until(&left.seen[IO_DATA], i);
	}
	assert_int_equal(calls.send, 200);
	assert_int_equal(calls.recv, 200);
	assert_int_equal(calls.epoll_ctl, 0);
	assert_in_range(calls.epoll_wait, 200, 301);
}

/* One record for a turn's output: 5 + 1 + 16 bytes more than the plain ones. */
static void test_a_turn_shares_a_record(void **state)
{
	char got[256];
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	end_take(&left, fd[0]);
	end_take(&right, dup(fd[1]));
	ends_tls();
	io_pause(right.io);
	turns(3);
	for (int i = 0; i < 10; i++)
		io_write(left.io, "0123456789", 10);
	turns(1);
	assert_int_equal(read(fd[1], got, sizeof(got)), 100 + 5 + 1 + 16);
	close(fd[1]);
}

static void test_big_with_back_pressure(void **state)
{
	(void)state;
	ends_narrow();
	ends_tls();
	io_set_marks(left.io, 10 * KIB, 100 * KIB, 200 * KIB);
	io_set_marks(right.io, 0, 64 * KIB, 128 * KIB);
	left.send = right.send = 3 * MIB;
	end_pump(&left);
	end_pump(&right);
	until_len(&right, left.send);
	until_len(&left, right.send);
	end_check(&right, left.send);
	end_check(&left, right.send);
	assert_in_range(left.most, 100 * KIB, 120 * KIB);
	assert_int_equal(left.seen[IO_CLOSED], 0);
}

static void test_big_in_one_write(void **state)
{
	(void)state;
	ends_pair();
	ends_tls();
	left.send = 5 * MIB;
	end_pump(&left);
	until_len(&right, left.send);
	end_check(&right, left.send);
}

static void relay(int from, int to, size_t most)
{
	char buf[3000];
	ssize_t n = recv(from, buf, most, MSG_DONTWAIT);

	if (n > 0)
		assert_int_equal(send(to, buf, (size_t)n, MSG_NOSIGNAL), n);
}

/* Somebody between them cuts the bytes anywhere: within a record's head, within the handshake. */
static void test_cut_anywhere(void **state)
{
	static const size_t sizes[] = { 1, 2, 1, 3, 1500, 5, 3000, 1, 999 };
	int a[2], b[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
	end_take(&left, a[0]);
	end_take(&right, b[0]);
	serve();
	io_tls_client(left.io, client, "example.test", NULL);
	left.send = 100 * KIB;
	end_pump(&left);
	right.echo = true;
	for (size_t i = 0; sbuf_len(&left.got) < left.send && i < 20000; i++) {
		size_t most = sizes[i % (sizeof(sizes) / sizeof(sizes[0]))];

		relay(a[1], b[1], most);
		turns(1);
		relay(b[1], a[1], most);
		turns(1);
	}
	end_check(&right, left.send);
	end_check(&left, left.send);
	close(a[1]);
	close(b[1]);
}

static void test_pause(void **state)
{
	(void)state;
	ends_pair();
	ends_tls();
	right.pause_on_data = true;
	left.send = 300 * KIB;
	end_pump(&left);
	turns(20);
	assert_in_range(right.seen[IO_DATA], 1, 2); /* the chunk that was read is handed over */
	while (sbuf_len(&right.got) < left.send) {
		size_t before = sbuf_len(&right.got);

		for (int n = right.seen[IO_DATA]; n > 0; n--)
			io_resume(right.io);
		right.seen[IO_DATA] = 0;
		turns(5);
		assert_true(sbuf_len(&right.got) > before);
	}
	end_check(&right, left.send);
}

static void test_hard_mark(void **state)
{
	(void)state;
	ends_narrow();
	ends_tls();
	io_pause(right.io);
	io_set_marks(left.io, 0, 0, 200 * KIB);
	left.keep = true;
	for (int i = 0; i < 100 && !left.seen[IO_CLOSED]; i++) {
		left.send += 10 * KIB;
		end_pump(&left);
		assert_in_range(io_queued(left.io), 0, 210 * KIB);
		turns(1);
	}
	assert_int_equal(left.err, -ENOBUFS);
}

/* --- closing ---------------------------------------------------------------------------------- */

static void test_close_flushed(void **state)
{
	(void)state;
	ends_narrow();
	ends_tls();
	io_pause(right.io);
	left.send = MIB;
	end_pump(&left);
	io_close_flushed(left.io, 60000);
	left.io = NULL;
	turns(5);
	io_write(right.io, "nobody reads this", 17);
	io_resume(right.io);
	until(&right.seen[IO_CLOSED], 1);
	assert_int_equal(right.err, 0); /* close_notify came */
	end_check(&right, MIB);
}

static void test_close_flushed_in_one_write(void **state)
{
	(void)state;
	ends_pair();
	ends_tls();
	turns(3);
	memset(&calls, 0, sizeof(calls));
	io_write(left.io, "</stream:stream>", 16);
	io_close_flushed(left.io, 1000);
	left.io = NULL;
	until(&right.seen[IO_CLOSED], 1);
	assert_int_equal(right.err, 0);
	assert_string_equal(sbuf_str(&right.got), "</stream:stream>");
	assert_int_equal(calls.send, 1);
}

static void test_close_flushed_in_handshake(void **state)
{
	(void)state;
	ends_pair();
	io_tls_client(left.io, client, "example.test", NULL);
	io_write(left.io, "secret", 6);
	io_close_flushed(left.io, 1000);
	left.io = NULL;
	until(&right.seen[IO_CLOSED], 1);
	assert_int_equal(sbuf_len(&right.got), 0);
}

static void test_close_within_each_event(void **state)
{
	(void)state;
	for (int ev = IO_SECURE; ev <= IO_DATA; ev++) {
		ends_pair();
		right.close_on[ev] = true;
		left.say_secure = "hello";
		serve();
		io_tls_client(left.io, client, "example.test", NULL);
		until(&left.seen[IO_CLOSED], 1);
		assert_null(right.io);
		assert_int_equal(right.seen[ev], 1);
		ends_teardown(NULL);
		ends_setup(NULL);
	}
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
		T(test_bad_arguments),
		T(test_garbage),
		T(test_peer_closes_in_handshake),
		T(test_truncated),
		T(test_bad_record),
		T(test_calls_of_an_exchange),
		T(test_a_turn_shares_a_record),
		T(test_big_with_back_pressure),
		T(test_big_in_one_write),
		T(test_cut_anywhere),
		T(test_pause),
		T(test_hard_mark),
		T(test_close_flushed),
		T(test_close_flushed_in_one_write),
		T(test_close_flushed_in_handshake),
		T(test_close_within_each_event),
		T(test_context_goes_in_handshake),
#undef T
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
