/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <base/mem.h>
#include <base/sbuf.h>
#include <xmpp/scram.h>

#include "../../libcomp/xmpp/scram_internal.h"

static const uint8_t cb_data[] = "0123456789abcdef0123456789abcdef";
static const struct scram_cb cb_tls = { "tls-exporter", cb_data, 32, true };
static const struct scram_cb cb_none = { NULL, NULL, 0, false };

/* Keys as an account of the RFCs has them. */
static void keys_of(struct scram_keys *k, enum digest_alg alg, const char *pw, const char *salt64)
{
	uint8_t salted[DIGEST_MAX], client[DIGEST_MAX];
	size_t n = digest_len(alg);
	uint8_t salt[SCRAM_SALT + 3];

	memset(k, 0, sizeof(*k));
	k->alg = alg;
	k->iterations = 4096;
	assert_int_equal(base64_decode(salt64, strlen(salt64), salt), SCRAM_SALT);
	memcpy(k->salt, salt, SCRAM_SALT);
	digest_pbkdf2(alg, pw, strlen(pw), k->salt, SCRAM_SALT, k->iterations, salted);
	digest_hmac(alg, salted, n, "Client Key", 10, client);
	digest(alg, client, n, k->stored);
	digest_hmac(alg, salted, n, "Server Key", 10, k->server);
}

/* RFC 7677 3. */
static void test_rfc7677(void **state)
{
	struct scram *s = scram_new(DIGEST_SHA256, false, &cb_none);
	const char first[] = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO", *msg;
	const char final[] = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
			     "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
	struct scram_keys k;

	(void)state;
	keys_of(&k, DIGEST_SHA256, "pencil", "W22ZaJ0SNY7soEsUEjb6gQ==");
	scram_set_nonce(s, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
	assert_int_equal(scram_first(s, first, strlen(first)), SCRAM_CONTINUE);
	assert_string_equal(scram_user(s), "user");
	assert_string_equal(scram_authzid(s), "");
	assert_string_equal(scram_challenge(s, &k),
	    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	    "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
	assert_int_equal(scram_final(s, final, strlen(final), &msg), SCRAM_DONE);
	assert_string_equal(msg, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
	scram_free(s);
	scram_free(NULL);
}

/* A client of our own: what RFC 5802 3 says, from the other side.  Its messages can be spoilt. */
struct client {
	const char *gs2, *bare, *password; /* as prepared */
	const uint8_t *cb;
	size_t cb_len;
	const char *ext;       /* put before the proof */
	const char *nonce;     /* instead of the server's */
	const char *gs2_said;  /* in c=, instead of gs2 */
	int flip;              /* bit of the proof to flip, from 1; 0: none */
	const char *raw_final; /* "%s": the nonce */
	char verifier[2 + BASE64_LEN(DIGEST_MAX) + 1];
};

static void client_final(
    struct client *c, const struct scram_keys *k, const char *challenge, struct sbuf *out)
{
	size_t n = digest_len(k->alg), nonce_len = strcspn(challenge, ",") - 2;
	uint8_t salted[DIGEST_MAX], key[DIGEST_MAX], stored[DIGEST_MAX], sig[DIGEST_MAX],
	    server[DIGEST_MAX];
	char b64[1024];
	struct sbuf cb = SBUF_INIT, auth = SBUF_INIT;

	sbuf_puts(&cb, c->gs2_said ? c->gs2_said : c->gs2);
	sbuf_add(&cb, c->cb, c->cb_len);
	base64_encode(sbuf_data(&cb), sbuf_len(&cb), b64);
	if (c->nonce)
		sbuf_printf(out, "c=%s,r=%s%s", b64, c->nonce, c->ext ? c->ext : "");
	else
		sbuf_printf(
		    out, "c=%s,r=%.*s%s", b64, (int)nonce_len, challenge + 2, c->ext ? c->ext : "");
	sbuf_printf(&auth, "%s,%s,%s", c->bare, challenge, sbuf_str(out));
	digest_pbkdf2(
	    k->alg, c->password, strlen(c->password), k->salt, SCRAM_SALT, k->iterations, salted);
	digest_hmac(k->alg, salted, n, "Client Key", 10, key);
	digest(k->alg, key, n, stored);
	digest_hmac(k->alg, stored, n, sbuf_data(&auth), sbuf_len(&auth), sig);
	for (size_t i = 0; i < n; i++)
		key[i] ^= sig[i];
	if (c->flip)
		key[(c->flip - 1) / 8] ^= (uint8_t)(1 << (c->flip - 1) % 8);
	base64_encode(key, n, b64);
	sbuf_printf(out, ",p=%s", b64);
	digest_hmac(k->alg, salted, n, "Server Key", 10, server);
	digest_hmac(k->alg, server, n, sbuf_data(&auth), sbuf_len(&auth), sig);
	memcpy(c->verifier, "v=", 2);
	base64_encode(sig, n, c->verifier + 2);
	sbuf_done(&cb);
	sbuf_done(&auth);
}

static enum scram_result run(struct client *c, enum digest_alg alg, bool plus,
    const struct scram_cb *cb, const struct scram_keys *k)
{
	struct scram *s = scram_new(alg, plus, cb);
	struct sbuf first = SBUF_INIT, final = SBUF_INIT;
	const char *msg = NULL, *challenge;
	enum scram_result r;

	c->gs2 = c->gs2 ? c->gs2 : "n,,";
	c->bare = "n=user,r=nonce";
	c->password = c->password ? c->password : "pencil";
	sbuf_printf(&first, "%s%s", c->gs2, c->bare);
	r = scram_first(s, sbuf_data(&first), sbuf_len(&first));
	if (r == SCRAM_CONTINUE) {
		challenge = scram_challenge(s, k);
		if (c->raw_final)
			sbuf_puts(&final, c->raw_final);
		else
			client_final(c, k, challenge, &final);
		r = scram_final(s, sbuf_data(&final), sbuf_len(&final), &msg);
		assert_int_not_equal(r, SCRAM_CONTINUE);
		if (r == SCRAM_DONE)
			assert_string_equal(msg, c->verifier);
		else
			assert_null(msg);
	}
	sbuf_done(&first);
	sbuf_done(&final);
	scram_free(s);
	return r;
}

static void test_both_hashes(void **state)
{
	(void)state;
	for (enum digest_alg alg = DIGEST_SHA1; alg <= DIGEST_SHA256; alg++) {
		struct scram_keys k, other;
		struct client c = { 0 }, wrong = { .password = "Pencil" },
			      plus = { .gs2 = "p=tls-exporter,,", .cb = cb_data, .cb_len = 32 };

		assert_int_equal(scram_derive(&k, alg, "pencil", 1000), 0);
		assert_int_equal(scram_derive(&other, alg, "pencil", 1000), 0);
		assert_memory_not_equal(k.salt, other.salt, SCRAM_SALT);
		assert_int_equal(run(&c, alg, false, &cb_none, &k), SCRAM_DONE);
		assert_int_equal(run(&c, alg, false, NULL, &k), SCRAM_DONE);
		assert_int_equal(run(&wrong, alg, false, &cb_none, &k), SCRAM_E_FAILED);
		assert_int_equal(run(&plus, alg, true, &cb_tls, &k), SCRAM_DONE);
		for (int bit = 1; bit <= (int)digest_len(alg) * 8; bit += 13) {
			c.flip = bit;
			assert_int_equal(run(&c, alg, false, &cb_none, &k), SCRAM_E_FAILED);
		}
	}
}

static void test_binding(void **state)
{
	static const struct {
		const char *gs2;
		bool plus, offered, has;
		enum scram_result want;
	} tab[] = {
		{ "n,,", false, true, true, SCRAM_DONE },
		{ "n,,", true, true, true, SCRAM_E_BINDING },
		{ "y,,", false, false, false, SCRAM_DONE },
		{ "y,,", false, true, true, SCRAM_E_BINDING }, /* someone took -PLUS off the list */
		{ "y,,", true, true, true, SCRAM_E_BINDING },
		{ "p=tls-exporter,,", true, true, true, SCRAM_DONE },
		{ "p=tls-exporter,,", false, true, true, SCRAM_E_BINDING },
		{ "p=tls-exporter,,", true, true, false, SCRAM_E_BINDING },
		{ "p=tls-unique,,", true, true, true, SCRAM_E_BINDING },
		{ "p=tls-exporte,,", true, true, true, SCRAM_E_BINDING },
		{ "p=tls-exporter2,,", true, true, true, SCRAM_E_BINDING },
		{ "p=,,", true, true, true, SCRAM_E_MALFORMED },
		{ "p,,", true, true, true, SCRAM_E_MALFORMED },
		{ "x,,", false, false, false, SCRAM_E_MALFORMED },
		{ ",,", false, false, false, SCRAM_E_MALFORMED },
		{ "N,,", false, false, false, SCRAM_E_MALFORMED },
	};
	struct scram_keys k;

	(void)state;
	assert_int_equal(scram_derive(&k, DIGEST_SHA256, "pencil", 1000), 0);
	for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		const struct scram_cb cb = { tab[i].has ? "tls-exporter" : NULL, cb_data,
			tab[i].has ? 32 : 0, tab[i].offered };
		struct client c = {
			.gs2 = tab[i].gs2, .cb = cb_data, .cb_len = tab[i].plus ? 32 : 0
		};

		assert_int_equal(run(&c, DIGEST_SHA256, tab[i].plus, &cb, &k), tab[i].want);
	}
}

/* What the client bound to is not what we have, or it says another header than before. */
static void test_binding_data(void **state)
{
	uint8_t other[33];
	struct scram_keys k;
	struct client tab[] = {
		{ .gs2 = "p=tls-exporter,,", .cb = other, .cb_len = 32 },
		{ .gs2 = "p=tls-exporter,,", .cb = cb_data, .cb_len = 31 },
		{ .gs2 = "p=tls-exporter,,", .cb = cb_data, .cb_len = 33 },
		{ .gs2 = "p=tls-exporter,," },
		{ .gs2 = "p=tls-exporter,,", .gs2_said = "n,," },
		{ .gs2 = "p=tls-exporter,,",
		    .gs2_said = "p=tls-exporteR,,",
		    .cb = cb_data,
		    .cb_len = 32 },
		{ .gs2_said = "y,," },
		{ .gs2_said = "n,a=x," },
		{ .gs2 = "n,a=x,", .gs2_said = "n,," },
		{ .cb = cb_data, .cb_len = 32 },
	};

	(void)state;
	memcpy(other, cb_data, 32);
	other[31] ^= 1;
	assert_int_equal(scram_derive(&k, DIGEST_SHA1, "pencil", 1000), 0);
	for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		bool plus = tab[i].gs2 && *tab[i].gs2 == 'p';

		assert_int_equal(run(&tab[i], DIGEST_SHA1, plus, plus ? &cb_tls : &cb_none, &k),
		    SCRAM_E_BINDING);
	}
}

static void test_names(void **state)
{
	static const struct {
		const char *msg, *user, *authzid; /* user NULL: malformed */
	} tab[] = {
		{ "n,,n=user,r=x", "user", "" },
		{ "n,a=boss@example.com,n=user,r=x", "user", "boss@example.com" },
		{ "n,a=a=2Cb=3Dc,n=a=2Cb=3Dc=3D2C,r=x", "a,b=c=2C", "a,b=c" },
		{ "n,,n=I\xc2\xadX,r=x", "IX", "" },
		{ "n,,n=user,r=x,z=more,y=", "user", "" },
		{ "n,,n==2D,r=x", NULL, NULL },
		{ "n,,n=a=,r=x", NULL, NULL },
		{ "n,,n=a=2,r=x", NULL, NULL },
		{ "n,,n=a=2c,r=x", NULL, NULL },
		{ "n,,n=,r=x", NULL, NULL },
		{ "n,,n=a\x07,r=x", NULL, NULL },
		{ "n,,n=a\xff,r=x", NULL, NULL },
		{ "n,a=,n=a,r=x", NULL, NULL },
		{ "n,b=c,n=a,r=x", NULL, NULL },
		{ "n,a=b=,n=a,r=x", NULL, NULL },
		{ "n,,m=ext,n=a,r=x", NULL, NULL }, /* reserved: we know none (RFC 5802 5.1) */
		{ "n,,n=a,r=x,m=ext", NULL, NULL },
		{ "n,,n=a,r=x,", NULL, NULL },
		{ "n,,n=a,r=x,1=2", NULL, NULL },
		{ "n,,n=a,r=x,abc", NULL, NULL },
		{ "n,,n=a,r=", NULL, NULL },
		{ "n,,n=a,r=a b", NULL, NULL },
		{ "n,,n=a,r=\xc3\xa4", NULL, NULL },
		{ "n,,n=a,r=\x7f", NULL, NULL },
		{ "n,,r=x,n=a", NULL, NULL },
		{ "n,,n=a", NULL, NULL },
		{ "n,,", NULL, NULL },
		{ "n,", NULL, NULL },
		{ "n", NULL, NULL },
		{ "", NULL, NULL },
		{ ",,,,,,,,", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		struct scram *s = scram_new(DIGEST_SHA1, false, &cb_none);
		enum scram_result r = scram_first(s, tab[i].msg, strlen(tab[i].msg));

		assert_int_equal(r, tab[i].user ? SCRAM_CONTINUE : SCRAM_E_MALFORMED);
		if (tab[i].user) {
			assert_string_equal(scram_user(s), tab[i].user);
			assert_string_equal(scram_authzid(s), tab[i].authzid);
		} else {
			assert_string_equal(scram_user(s), "");
		}
		scram_free(s);
	}
}

static void test_first_size(void **state)
{
	char msg[SCRAM_MESSAGE + 2];

	(void)state;
	memset(msg, 'x', sizeof(msg));
	memcpy(msg, "n,,n=a,r=", 9);
	for (size_t n = SCRAM_MESSAGE; n <= SCRAM_MESSAGE + 1; n++) {
		struct scram *s = scram_new(DIGEST_SHA1, false, &cb_none);

		assert_int_equal(
		    scram_first(s, msg, n), n > SCRAM_MESSAGE ? SCRAM_E_MALFORMED : SCRAM_CONTINUE);
		scram_free(s);
	}
	msg[20] = '\0';
	for (int i = 0; i < 1; i++) {
		struct scram *s = scram_new(DIGEST_SHA1, false, &cb_none);

		assert_int_equal(scram_first(s, msg, 100), SCRAM_E_MALFORMED);
		scram_free(s);
	}
}

static void test_final(void **state)
{
	struct client good = { .ext = ",x=y,z=" };
	struct client tab[] = {
		{ .nonce = "nonce" },
		{ .nonce = "noncf000000000000000000000000" },
		{ .ext = ",m=x" },
		{ .ext = "," },
		{ .ext = ",x" },
		{ .raw_final = "" },
		{ .raw_final = "c=biws" },
		{ .raw_final = "c=biws,r=x" },
		{ .raw_final = "r=x,c=biws,p=AAAA" },
		{ .raw_final = "c=biws,p=AAAA,r=x" },
		{ .raw_final = "c=biws,r=x,p=AAAA,x=y" },
	};
	static const enum scram_result want[] = { SCRAM_E_FAILED, SCRAM_E_FAILED };
	struct scram_keys k;

	(void)state;
	assert_int_equal(scram_derive(&k, DIGEST_SHA256, "pencil", 1000), 0);
	assert_int_equal(run(&good, DIGEST_SHA256, false, &cb_none, &k), SCRAM_DONE);
	for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++)
		assert_int_equal(run(&tab[i], DIGEST_SHA256, false, &cb_none, &k),
		    i < sizeof(want) / sizeof(want[0]) ? want[i] : SCRAM_E_MALFORMED);
}

/* A proof of the wrong length, or none in base64. */
static void test_proofs(void **state)
{
	static const char *const proofs[] = { "", "AAAA", "biws*", "=",
		"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVR=",
		"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ",
		"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7An" };
	struct scram_keys k;

	(void)state;
	keys_of(&k, DIGEST_SHA256, "pencil", "W22ZaJ0SNY7soEsUEjb6gQ==");
	for (size_t i = 0; i < sizeof(proofs) / sizeof(proofs[0]); i++) {
		struct scram *s = scram_new(DIGEST_SHA256, false, &cb_none);
		const char *msg = NULL;
		char final[200];

		scram_set_nonce(s, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
		assert_int_equal(
		    scram_first(s, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO", 32), SCRAM_CONTINUE);
		(void)scram_challenge(s, &k);
		(void)snprintf(final, sizeof(final),
		    "c=biws,r=rOprNGfwEbeRWgbNEkqO%%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=%s", proofs[i]);
		assert_int_equal(scram_final(s, final, strlen(final), &msg), SCRAM_E_FAILED);
		assert_null(msg);
		scram_free(s);
	}
}

static void test_passwords(void **state)
{
	char *big = xzalloc(1025);
	struct scram_keys k, same;

	(void)state;
	memset(big, 'x', 1023);
	memset(&k, 0x55, sizeof(k));
	same = k;
	assert_int_equal(scram_derive(&k, DIGEST_SHA1, "", 1000), -EINVAL);
	assert_int_equal(scram_derive(&k, DIGEST_SHA1, "a\nb", 1000), -EINVAL);
	assert_int_equal(scram_derive(&k, DIGEST_SHA1, "\xff", 1000), -EINVAL);
	assert_memory_equal(&k, &same, sizeof(k));
	assert_int_equal(scram_derive(&k, DIGEST_SHA1, big, 1000), 0);
	assert_true(scram_check_password(&k, big));
	big[1023] = 'x';
	assert_int_equal(scram_derive(&same, DIGEST_SHA1, big, 1000), -EINVAL);
	assert_false(scram_check_password(&k, big));
	free(big);

	assert_int_equal(scram_derive(&k, DIGEST_SHA256, "I\xc2\xadX", 1000), 0);
	assert_true(scram_check_password(&k, "IX")); /* the same after SASLprep */
	assert_true(scram_check_password(&k, "\xe2\x85\xa8"));
	assert_false(scram_check_password(&k, "ix"));
	assert_false(scram_check_password(&k, ""));
	assert_false(scram_check_password(&k, "\x01"));
}

static void test_fake(void **state)
{
	uint8_t secret[32] = { 1 }, secret2[32] = { 2 };
	struct scram_keys a, b, c, d, e;
	struct client cl = { 0 };

	(void)state;
	scram_fake(&a, DIGEST_SHA256, "nobody", secret, 1000);
	scram_fake(&b, DIGEST_SHA256, "nobody", secret, 1000);
	scram_fake(&c, DIGEST_SHA256, "somebody", secret, 1000);
	scram_fake(&d, DIGEST_SHA256, "nobody", secret2, 1000);
	scram_fake(&e, DIGEST_SHA1, "nobody", secret, 1000);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_memory_not_equal(a.salt, c.salt, SCRAM_SALT);
	assert_memory_not_equal(a.salt, d.salt, SCRAM_SALT);
	assert_memory_not_equal(a.salt, e.salt, SCRAM_SALT);
	assert_memory_not_equal(a.stored, a.server, 32);
	assert_int_equal(a.iterations, 1000);
	assert_false(scram_check_password(&a, "pencil"));
	assert_int_equal(run(&cl, DIGEST_SHA256, false, &cb_none, &a), SCRAM_E_FAILED);
}

/* XEP-0474 3.1, with the example's lists. */
static void test_announced(void **state)
{
	static const char lists[] = "SCRAM-SHA-1\x1eSCRAM-SHA-1-PLUS\x1f"
				    "tls-exporter\x1etls-server-end-point";
	static const char tail[] = ",i=1000,h=G6k/rBLDqgOhRRaCuuatSDFkJ08=";
	struct scram *s = scram_new(DIGEST_SHA1, false, &cb_none);
	const char *challenge;
	struct scram_keys k;

	(void)state;
	assert_int_equal(scram_derive(&k, DIGEST_SHA1, "pencil", 1000), 0);
	assert_int_equal(scram_first(s, "n,,n=user,r=nonce", 17), SCRAM_CONTINUE);
	scram_set_announced(s, lists, sizeof(lists) - 1);
	challenge = scram_challenge(s, &k);
	assert_true(strlen(challenge) > sizeof(tail));
	assert_string_equal(challenge + strlen(challenge) - (sizeof(tail) - 1), tail);
	scram_free(s);
}

static enum scram_result choose(const char *gs2, bool plus)
{
	static const uint8_t hash[48] = { 7 };
	const struct scram_cb end_point = { "tls-server-end-point", hash, sizeof(hash), true };
	struct scram *s = scram_new(DIGEST_SHA256, plus, &cb_tls);
	struct sbuf first = SBUF_INIT;
	enum scram_result r;

	scram_add_binding(s, &end_point);
	sbuf_printf(&first, "%sn=user,r=nonce", gs2);
	r = scram_first(s, sbuf_data(&first), sbuf_len(&first));
	sbuf_done(&first);
	scram_free(s);
	return r;
}

static void test_two_bindings(void **state)
{
	(void)state;
	assert_int_equal(choose("p=tls-exporter,,", true), SCRAM_CONTINUE);
	assert_int_equal(choose("p=tls-server-end-point,,", true), SCRAM_CONTINUE);
	assert_int_equal(choose("p=tls-unique,,", true), SCRAM_E_BINDING);
	assert_int_equal(choose("p=tls-server-end-point,,", false), SCRAM_E_BINDING);
	assert_int_equal(choose("y,,", false), SCRAM_E_BINDING);
	assert_int_equal(choose("n,,", false), SCRAM_CONTINUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc7677),
		cmocka_unit_test(test_both_hashes),
		cmocka_unit_test(test_binding),
		cmocka_unit_test(test_binding_data),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_first_size),
		cmocka_unit_test(test_final),
		cmocka_unit_test(test_proofs),
		cmocka_unit_test(test_passwords),
		cmocka_unit_test(test_fake),
		cmocka_unit_test(test_announced),
		cmocka_unit_test(test_two_bindings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
