/* SPDX-License-Identifier: MIT */
/* SASL's exchanges, good ones and broken ones. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <openssl/ssl.h>

#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>

#include "../../libcomp/base/tls_internal.h"
#include "auth/sasl_internal.h"
#include "mint.h"
#include "sasl_client.h"

#define ROMEO "romeo@" DOMAIN
#define PASSWORD "wherefore art"

static struct io *near, *far; /* near is the server's */
static struct client c;
static const char *const scrams[] = { "SCRAM-SHA-256", "SCRAM-SHA-1" };

static void io_event(struct io *io, enum io_ev ev, void *arg)
{
	(void)arg;
	(void)io;
	assert_true(ev == IO_SECURE || ev == IO_DATA);
}

static int setup(void **state)
{
	int fd[2];

	auth_setup(state);
	assert_int_equal(sasl_server_open(&auth.r.sasl, &auth.r), 0);
	assert_int_equal(auth_add(ROMEO, PASSWORD), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	near = io_new(auth.f.loop, fd[0], io_event, NULL);
	far = io_new(auth.f.loop, fd[1], io_event, NULL);
	client_open(&c, near);
	return 0;
}

static int teardown(void **state)
{
	client_close(&c);
	io_close(near);
	io_close(far);
	return auth_teardown(state);
}

static void again(void)
{
	const char *gs2 = c.gs2;

	client_close(&c);
	client_open(&c, near);
	c.gs2 = gs2;
}

static void logged_in(void)
{
	assert_string_equal(sasl_jid(c.sa)->s, ROMEO);
}

/* --- what is offered -------------------------------------------------------------------------- */

static void features(const char *want)
{
	EL_AUTO struct el *f = el_new("features", NS_STREAM);
	struct sbuf b = SBUF_INIT;

	sasl_features(c.sa, f);
	EL_EACH (list, f, NULL, NULL) {
		sbuf_printf(&b, "%s:", el_name(list));
		EL_EACH (m, list, NULL, el_ns(list))
			sbuf_printf(
			    &b, " %s", el_attr(m, "type") ? el_attr(m, "type") : el_body(m));
		sbuf_puts(&b, "; ");
	}
	assert_string_equal(sbuf_str(&b), want);
	sbuf_done(&b);
}

static void test_features(void **state)
{
	(void)state;
	features("mechanisms: SCRAM-SHA-256 SCRAM-SHA-1 PLAIN; "
		 "authentication: SCRAM-SHA-256 SCRAM-SHA-1 PLAIN; ");
}

/* --- good ones -------------------------------------------------------------------------------- */

static void test_scram(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		again();
		assert_int_equal(client_scram(&c, scrams[i], "romeo", PASSWORD), SASL_SUCCESS);
		logged_in();
		again();
		c.gs2 = "y,,"; /* it could bind, and has seen no -PLUS */
		assert_int_equal(client_scram(&c, scrams[i], "RoMeo", PASSWORD), SASL_SUCCESS);
		logged_in();
	}
}

static void test_plain(void **state)
{
	(void)state;
	assert_int_equal(client_plain(&c, "Romeo", PASSWORD), SASL_SENT);
	assert_true(c.waits);
	assert_int_equal(client_wait(&c), SASL_SUCCESS);
	assert_string_equal(sbuf_str(&c.xml), "<success xmlns=\"" NS_SASL "\"/>");
	logged_in();
}

static void test_no_initial_response(void **state)
{
	const char msg[] = "\0romeo\0" PASSWORD;

	(void)state;
	assert_int_equal(client_raw(&c, "auth", "PLAIN", NULL), SASL_SENT);
	assert_string_equal(sbuf_str(&c.xml), "<challenge xmlns=\"" NS_SASL "\"/>");
	assert_int_equal(client_say(&c, "response", NULL, msg, sizeof(msg) - 1), SASL_SENT);
	assert_int_equal(client_wait(&c), SASL_SUCCESS);
	again();
	assert_int_equal(client_raw(&c, "auth", "SCRAM-SHA-1", NULL), SASL_SENT);
	assert_int_equal(client_say(&c, "response", NULL, "n,,n=romeo,r=abc", 16), SASL_SENT);
	assert_memory_equal(c.data, "r=abc", 5);
}

static void secure(struct tls_ctx *server, struct tls_ctx *client)
{
	io_tls_server(near, &(struct io_tls){ .dflt = server });
	io_tls_client(far, client, "example.test", NULL);
	for (int i = 0; i < 1000 && !(io_secure(near) && io_secure(far)); i++)
		(void)loop_turn(auth.f.loop, true);
	assert_true(io_secure(near) && io_secure(far));
}

static void binding(const char *type, uint8_t *cb, size_t cb_len)
{
	char gs2[64];

	(void)snprintf(gs2, sizeof(gs2), "p=%s,,", type);
	for (int i = 0; i < 2; i++) {
		char plus[32];

		(void)snprintf(plus, sizeof(plus), "%s-PLUS", scrams[i]);
		again();
		features("mechanisms: SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS"
			 " SCRAM-SHA-1 PLAIN; authentication: SCRAM-SHA-256-PLUS"
			 " SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 PLAIN;"
			 " sasl-channel-binding: tls-exporter"
			 " tls-server-end-point; ");
		c.gs2 = gs2;
		c.cb = cb;
		c.cb_len = cb_len;
		assert_int_equal(client_scram(&c, plus, "romeo", PASSWORD), SASL_SUCCESS);
		logged_in();
		again();
		c.cb = cb;
		c.cb_len = cb_len;
		cb[cb_len - 1] ^= 1; /* somebody else's TLS */
		assert_int_equal(client_scram(&c, plus, "romeo", PASSWORD), SASL_FAILED);
		client_failed(&c, "not-authorized");
		cb[cb_len - 1] ^= 1;
		again();
		c.gs2 = "y,,"; /* somebody took -PLUS away */
		assert_int_equal(client_scram(&c, scrams[i], "romeo", PASSWORD), SASL_FAILED);
		client_failed(&c, "not-authorized");
		again();
		c.gs2 = "n,,";
		assert_int_equal(client_scram(&c, scrams[i], "romeo", PASSWORD), SASL_SUCCESS);
	}
}

/* XEP-0474: what is announced, sorted, as the hash of the mechanism in use. */
static void test_announced(void **state)
{
	static const char lists[] = "PLAIN\x1eSCRAM-SHA-1\x1eSCRAM-SHA-256";
	uint8_t hash[DIGEST_MAX];
	char want[BASE64_LEN(DIGEST_MAX) + 4] = ",h=";
	struct sbuf b = SBUF_INIT;

	(void)state;
	sasl_announced(c.sa, &b);
	assert_string_equal(sbuf_str(&b), lists);
	sbuf_done(&b);
	digest(DIGEST_SHA256, lists, sizeof(lists) - 1, hash);
	base64_encode(hash, 32, want + 3);
	assert_int_equal(
	    client_say(&c, "auth", "SCRAM-SHA-256", "n,,n=romeo,r=abc", 16), SASL_SENT);
	assert_non_null(strstr(c.data, want));
}

static void test_channel_binding(void **state)
{
	struct tls_ctx *server, *client;
	uint8_t exporter[32], hash[IO_END_POINT_MAX];
	char path[128], err[256];
	unsigned n;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/pair.pem", auth.f.dir);
	mint(path, path,
	    &(struct mint){
		.cn = "test", .sans = "example.test", .from = -3600, .until = MINT_DAY });
	assert_int_equal(tls_server_new(&server, path, path, err, sizeof(err)), 0);
	assert_int_equal(tls_client_new(&client, path, err, sizeof(err)), 0);
	secure(server, client);
	assert_int_equal(io_tls_exporter(far, exporter), 0);
	binding("tls-exporter", exporter, sizeof(exporter));
	assert_true(
	    X509_digest(SSL_CTX_get0_certificate(tls_ssl_ctx(server)), EVP_sha256(), hash, &n));
	binding("tls-server-end-point", hash, n);
	tls_unref(server);
	tls_unref(client);
}

/* --- who one is ------------------------------------------------------------------------------- */

static enum sasl_status plain_as(const char *authzid, const char *user)
{
	struct sbuf b = SBUF_INIT;

	again();
	sbuf_printf(&b, "%s%c%s%c" PASSWORD, authzid, 0, user, 0);
	(void)client_say(&c, "auth", "PLAIN", sbuf_data(&b), sbuf_len(&b));
	sbuf_done(&b);
	return client_wait(&c);
}

static void test_authzid(void **state)
{
	(void)state;
	assert_int_equal(plain_as(ROMEO, "romeo"), SASL_SUCCESS);
	assert_int_equal(plain_as("ROMEO@Example.ORG", "romeo"), SASL_SUCCESS);
	static const char *const bad[] = { "juliet@" DOMAIN, ROMEO "/garden", "romeo",
		"romeo@example.com", DOMAIN, "@" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(plain_as(bad[i], "romeo"), SASL_FAILED);
		client_failed(&c, "invalid-authzid");
	}
	again();
	c.gs2 = "n,a=" ROMEO ",";
	assert_int_equal(client_scram(&c, scrams[0], "romeo", PASSWORD), SASL_SUCCESS);
	again();
	c.gs2 = "n,a=juliet@" DOMAIN ",";
	assert_int_equal(client_scram(&c, scrams[0], "romeo", PASSWORD), SASL_FAILED);
	client_failed(&c, "invalid-authzid");
}

static void test_names(void **state)
{
	static const char *const bad[] = { "romeo@example.org", "romeo/garden", "ro meo", "ro\"meo",
		"romeo@example.com" };

	(void)state;
	auth.conf.limit.failed_logins = 0;
	sasl_server_reload(auth.r.sasl);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(plain_as("", bad[i]), SASL_FAILED);
		client_failed(&c, "not-authorized");
		again();
		assert_int_equal(client_scram(&c, scrams[0], bad[i], PASSWORD), SASL_FAILED);
		client_failed(&c, "not-authorized");
	}
}

/* The salt and the number of rounds of a challenge. */
static void shown(const char *user, const char *mech, char out[64])
{
	again();
	assert_int_equal(client_first(&c, mech, user), SASL_SENT);
	(void)snprintf(out, 64, "%s", strstr(c.data, ",s="));
}

static void test_unknown_is_as_wrong(void **state)
{
	char a[64], b[64], d[64];
	char *wrong;

	(void)state;
	auth.conf.limit.failed_logins = 0;
	sasl_server_reload(auth.r.sasl);
	for (int i = 0; i < 3; i++) {
		for (int known = 1; known >= 0; known--) {
			const char *user = known ? "romeo" : "tybalt";

			again();
			if (i == 2) {
				assert_int_equal(client_plain(&c, user, "rapier"), SASL_SENT);
				assert_true(c.waits);
			} else {
				(void)client_scram(&c, scrams[i], user, "rapier");
			}
			assert_int_equal(client_wait(&c), SASL_FAILED);
			client_failed(&c, "not-authorized");
			if (known)
				wrong = xstrdup(sbuf_str(&c.xml));
			else
				assert_string_equal(sbuf_str(&c.xml), wrong);
		}
		free(wrong);
	}
	shown("romeo", scrams[0], a);
	shown("tybalt", scrams[0], b);
	assert_int_equal(strlen(a), strlen(b));
	assert_string_equal(strstr(a, ",i="), strstr(b, ",i="));
	shown("Tybalt", scrams[0], d);
	assert_string_equal(b, d);
	shown("tybalt", scrams[1], d);
	assert_string_not_equal(b, d);
	shown("mercutio", scrams[0], d);
	assert_string_not_equal(b, d);
}

/* A stranger's salt stays the same over a restart, as an account's does. */
static void test_fake_salt_is_kept(void **state)
{
	char a[64], b[64];

	(void)state;
	shown("tybalt", scrams[0], a);
	client_close(&c);
	run_all(&auth.f);
	sasl_server_close(auth.r.sasl);
	(void)loop_turn(auth.f.loop, false);
	assert_int_equal(sasl_server_open(&auth.r.sasl, &auth.r), 0);
	client_open(&c, near);
	shown("tybalt", scrams[0], b);
	assert_string_equal(a, b);
}

static void test_disabled(void **state)
{
	static struct db_q disable = { "UPDATE account SET disabled = 1 WHERE jid = $1" };

	(void)state;
	auth_sql(&disable, ROMEO);
	assert_int_equal(client_scram(&c, scrams[0], "romeo", "rapier"), SASL_FAILED);
	client_failed(&c, "not-authorized");
	assert_int_equal(client_scram(&c, scrams[0], "romeo", PASSWORD), SASL_FAILED);
	client_failed(&c, "account-disabled");
	(void)client_plain(&c, "romeo", PASSWORD);
	assert_int_equal(client_wait(&c), SASL_FAILED);
	client_failed(&c, "account-disabled");
}

static void test_database_fails(void **state)
{
	static struct db_q damage = { "UPDATE account SET salt1 = x'' WHERE jid = $1" };

	(void)state;
	auth_sql(&damage, ROMEO);
	assert_int_equal(client_first(&c, scrams[0], "romeo"), SASL_FAILED);
	client_failed(&c, "temporary-auth-failure");
	(void)client_plain(&c, "romeo", PASSWORD);
	assert_int_equal(client_wait(&c), SASL_FAILED);
	client_failed(&c, "temporary-auth-failure");
}

static void delete_romeo(void)
{
	assert_int_equal(auth_delete(ROMEO), 0);
}

static void test_deleted_meanwhile(void **state)
{
	(void)state;
	c.between = delete_romeo;
	assert_int_equal(client_scram(&c, scrams[0], "romeo", PASSWORD), SASL_FAILED);
	client_failed(&c, "not-authorized");
	(void)client_plain(&c, "romeo", PASSWORD);
	assert_int_equal(client_wait(&c), SASL_FAILED);
	client_failed(&c, "not-authorized");
}

/* --- broken ones ------------------------------------------------------------------------------ */

static void fails(enum sasl_status status, const char *cond)
{
	assert_int_equal(status, SASL_FAILED);
	client_failed(&c, cond);
	again();
}

static void test_order(void **state)
{
	(void)state;
	fails(client_raw(&c, "response", NULL, "="), "malformed-request");
	fails(client_raw(&c, "abort", NULL, NULL), "aborted");
	assert_int_equal(client_first(&c, scrams[0], "romeo"), SASL_SENT);
	fails(client_first(&c, scrams[0], "romeo"), "malformed-request");
	assert_int_equal(client_first(&c, scrams[0], "romeo"), SASL_SENT);
	assert_int_equal(client_raw(&c, "abort", NULL, NULL), SASL_FAILED);
	client_failed(&c, "aborted");
	assert_int_equal(client_scram(&c, scrams[1], "romeo", PASSWORD), SASL_SUCCESS);
	assert_int_equal(client_first(&c, scrams[0], "romeo"), SASL_DROP); /* and again? */
	again();
	assert_int_equal(client_raw(&c, "success", NULL, NULL), SASL_DROP);
	assert_int_equal(client_raw(&c, "abort", NULL, NULL), SASL_DROP);
}

static void test_bad_elements(void **state)
{
	char big[5600];

	(void)state;
	memset(big, 'A', sizeof(big));
	big[5564] = '\0';
	fails(client_raw(&c, "auth", NULL, "="), "invalid-mechanism");
	fails(client_raw(&c, "auth", "scram-sha-1", NULL), "invalid-mechanism");
	fails(client_raw(&c, "auth", "SCRAM-SHA-1-PLUS", NULL), "invalid-mechanism");
	fails(client_raw(&c, "auth", "PLAIN", "A"), "incorrect-encoding");
	fails(client_raw(&c, "auth", "PLAIN",
		  "AA=="
		  " AAA"),
	    "incorrect-encoding");
	fails(client_raw(&c, "auth", "PLAIN", " AAAA"), "incorrect-encoding");
	fails(client_raw(&c, "auth", "PLAIN", big), "malformed-request");
	fails(client_raw(&c, "auth", "SCRAM-SHA-1", big), "malformed-request");
	big[4096] = '\0';
	fails(client_raw(&c, "auth", "PLAIN", big), "malformed-request");
	fails(client_raw(&c, "auth", "SCRAM-SHA-1", big), "malformed-request");
}

static void test_bad_messages(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} plain[] = {
		{ "", 0 },
		{ "\0", 1 },
		{ "\0\0", 2 },
		{ "\0romeo", 6 },
		{ "\0romeo\0", 7 },
		{ "\0\0p", 3 },
		{ "\0romeo\0p\0", 9 },
		{ "\0romeo\0p\0q", 10 },
		{ "romeo", 5 },
	};
	static const char *const scram[] = { "n", "n,,", "n,,n=romeo", "n,,r=x,n=romeo",
		"n,,n=,r=x", "z,,n=romeo,r=x", "n,,m=1,n=romeo,r=x", "n,,n=ro=meo,r=x" };

	(void)state;
	fails(client_raw(&c, "auth", "PLAIN", "="), "malformed-request");
	fails(client_raw(&c, "auth", "SCRAM-SHA-1", "="), "malformed-request");
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		assert_int_equal(client_raw(&c, "auth", "PLAIN", NULL), SASL_SENT);
		fails(
		    client_say(&c, "response", NULL, plain[i].p, plain[i].n), "malformed-request");
	}
	for (size_t i = 0; i < sizeof(scram) / sizeof(scram[0]); i++)
		fails(client_say(&c, "auth", scrams[i % 2], scram[i], strlen(scram[i])),
		    "malformed-request");
	assert_int_equal(client_first(&c, scrams[0], "romeo"), SASL_SENT);
	fails(client_raw(&c, "response", NULL, "="), "malformed-request");
	assert_int_equal(client_first(&c, scrams[0], "romeo"), SASL_SENT);
	fails(client_say(&c, "response", NULL, "c=biws,r=x,p=AAAA", 17), "not-authorized");
}

/* Anything at all, in any order. */
static void test_garbage(void **state)
{
	static const char *const names[] = { "auth", "response", "response", "abort", "success" };
	static const char *const mechs[] = { "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", NULL };
	static const char some[] = "n,,n=romeo,r=abc\0p=y,c=biws,=2C,=3D";
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		char msg[40];
		unsigned r[4];

		for (int k = 0; k < 4; k++)
			r[k] = (seed = seed * 1103515245 + 12345) >> 8;
		memcpy(msg, some + r[3] % 8, sizeof(msg) - 16);
		msg[r[3] % 24] = (char)r[2];
		(void)client_say(&c, names[r[0] % 5], mechs[r[1] % 4], msg, r[2] % 24);
		if (c.status == SASL_DROP || c.waits)
			again();
	}
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_features),
		CASE(test_scram),
		CASE(test_plain),
		CASE(test_no_initial_response),
		CASE(test_channel_binding),
		CASE(test_announced),
		CASE(test_authzid),
		CASE(test_names),
		CASE(test_unknown_is_as_wrong),
		CASE(test_fake_salt_is_kept),
		CASE(test_disabled),
		CASE(test_database_fails),
		CASE(test_deleted_meanwhile),
		CASE(test_order),
		CASE(test_bad_elements),
		CASE(test_bad_messages),
		CASE(test_garbage),
	};

	log_set_level(LOG_LVL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
