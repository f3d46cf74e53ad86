/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include <cmocka.h>

#include <base/digest.h>
#include <base/rnd.h>

static void assert_hex(enum digest_alg alg, const uint8_t *p, const char *want)
{
	char hex[2 * DIGEST_MAX + 1];

	digest_hex(p, digest_len(alg), hex);
	assert_string_equal(hex, want);
}

/* FIPS 180-4 examples */
static void test_hash(void **state)
{
	uint8_t out[DIGEST_MAX];

	(void)state;
	digest(DIGEST_SHA1, "abc", 3, out);
	assert_hex(DIGEST_SHA1, out, "a9993e364706816aba3e25717850c26c9cd0d89d");
	digest(DIGEST_SHA256, "abc", 3, out);
	assert_hex(
	    DIGEST_SHA256, out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest(DIGEST_SHA256, NULL, 0, out);
	assert_hex(
	    DIGEST_SHA256, out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest(DIGEST_SHA512, "abc", 3, out);
	assert_hex(DIGEST_SHA512, out,
	    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

/* RFC 2202 3 and RFC 4231 4: cases 1, 2 and the keys longer than a block. */
static void test_hmac(void **state)
{
	static const char jefe[] = "what do ya want for nothing?";
	static const char large[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	uint8_t out[DIGEST_MAX], key[131];

	(void)state;
	memset(key, 0x0b, sizeof(key));
	digest_hmac(DIGEST_SHA1, key, 20, "Hi There", 8, out);
	assert_hex(DIGEST_SHA1, out, "b617318655057264e28bc0b6fb378c8ef146be00");
	digest_hmac(DIGEST_SHA256, key, 20, "Hi There", 8, out);
	assert_hex(
	    DIGEST_SHA256, out, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	digest_hmac(DIGEST_SHA1, "Jefe", 4, jefe, strlen(jefe), out);
	assert_hex(DIGEST_SHA1, out, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	digest_hmac(DIGEST_SHA512, "Jefe", 4, jefe, strlen(jefe), out);
	assert_hex(DIGEST_SHA512, out,
	    "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
	    "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
	memset(key, 0xaa, sizeof(key));
	digest_hmac(DIGEST_SHA1, key, 80, large, strlen(large), out);
	assert_hex(DIGEST_SHA1, out, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
	digest_hmac(DIGEST_SHA256, key, 131, large, strlen(large), out);
	assert_hex(
	    DIGEST_SHA256, out, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	digest_hmac(DIGEST_SHA512, key, 131, large, strlen(large), out);
	assert_hex(DIGEST_SHA512, out,
	    "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
	    "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598");
}

/* RFC 6070 2, RFC 7914 11, and SCRAM's own example (RFC 7677 3: SaltedPassword). */
static void test_pbkdf2(void **state)
{
	uint8_t out[DIGEST_MAX], salt[16];

	(void)state;
	digest_pbkdf2(DIGEST_SHA1, "password", 8, "salt", 4, 4096, out);
	assert_hex(DIGEST_SHA1, out, "4b007901b765489abead49d926f721d065a429c1");
	/* The RFC has 16 of its 20 bytes. */
	digest_pbkdf2(DIGEST_SHA1, "pass\0word", 9, "sa\0lt", 5, 4096, out);
	assert_memory_equal(
	    out, "\x56\xfa\x6a\xa7\x55\x48\x09\x9d\xcc\x37\xd7\xf0\x34\x25\xe0\xc3", 16);
	digest_pbkdf2(DIGEST_SHA256, "passwd", 6, "salt", 4, 1, out);
	assert_hex(
	    DIGEST_SHA256, out, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
	assert_int_equal(base64_decode("W22ZaJ0SNY7soEsUEjb6gQ==", 24, salt), 16);
	digest_pbkdf2(DIGEST_SHA256, "pencil", 6, salt, 16, 4096, out);
	assert_hex(
	    DIGEST_SHA256, out, "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d");
}

static void test_same(void **state)
{
	(void)state;
	assert_true(digest_same("secret", "secret", 6));
	assert_false(digest_same("secret", "secreT", 6));
	assert_true(digest_same("a", "b", 0));
}

/* RFC 4648 10 */
static void test_base64(void **state)
{
	static const char *const t[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};
	char text[16], back[16];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		base64_encode(t[i][0], strlen(t[i][0]), text);
		assert_string_equal(text, t[i][1]);
		assert_int_equal(strlen(text), BASE64_LEN(strlen(t[i][0])));
		assert_int_equal(base64_decode(text, strlen(text), back), strlen(t[i][0]));
		assert_memory_equal(back, t[i][0], strlen(t[i][0]));
	}
}

static void test_base64_strict(void **state)
{
	static const char *const bad[] = { "Z", "Zg",
		"Zg=", "Zg===", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm9v Zg=", " Zm9",
		"Zm9v====", "Zm-_", "Z=g=", "Zg=v", "=m9v", "Zm9\xe9",
		"Zh==", "Zm9=", "Zm9v\r\n\r\n" };
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(base64_decode(bad[i], strlen(bad[i]), out), -EINVAL);
	assert_int_equal(base64_decode("AA\0A", 4, out), -EINVAL);
}

static void test_base64_round(void **state)
{
	uint8_t in[100];
	char text[BASE64_LEN(sizeof(in)) + 1];
	uint8_t *out;

	(void)state;
	for (size_t n = 0; n <= sizeof(in); n++) {
		rnd_bytes(in, n);
		base64_encode(in, n, text);
		out = malloc(3 * (strlen(text) / 4) + 1);
		assert_non_null(out);
		assert_int_equal(base64_decode(text, strlen(text), out), n);
		assert_memory_equal(out, in, n);
		free(out);
	}
}

static void *hash_in_thread(void *arg)
{
	uint8_t out[DIGEST_MAX];

	(void)arg;
	for (int i = 0; i < 100; i++) {
		digest(DIGEST_SHA1, "abc", 3, out);
		assert_int_equal(out[0], 0xa9);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t t[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&t[i], NULL, hash_in_thread, NULL), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
}

static void test_rnd(void **state)
{
	unsigned count[7] = { 0 };
	char id[65], other[65];

	(void)state;
	for (int i = 0; i < 7000; i++)
		count[rnd_below(7)]++;
	for (int i = 0; i < 7; i++)
		assert_in_range(count[i], 800, 1200); /* 6 sigma and more */
	assert_int_equal(rnd_below(1), 0);
	rnd_id(id, 64);
	rnd_id(other, 64);
	assert_int_equal(strlen(id), 64);
	assert_int_equal(strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789"), 64);
	assert_string_not_equal(id, other);
	rnd_id(id, 0);
	assert_string_equal(id, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_pbkdf2),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_base64_strict),
		cmocka_unit_test(test_base64_round),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_rnd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
