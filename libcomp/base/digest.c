/* SPDX-License-Identifier: MIT */
/* Hashes and what is made of them, over OpenSSL's EVP.
 *
 * Looking an algorithm up and making a context cost more than hashing a short string.  So each
 * algorithm is fetched once per process and each thread keeps one context per algorithm, which
 * ends with the thread.  Failures of these calls are failures to allocate or a broken OpenSSL, and
 * end the program. */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <base/digest.h>
#include <base/log.h>
#include <base/mem.h>

#define N_ALGS 3
#define BLOCK_MAX 128 /* input block of SHA-512 */

static const struct {
	const char *name;
	size_t len, block;
} algs[N_ALGS] = {
	[DIGEST_SHA1] = { "SHA1", 20, 64 },
	[DIGEST_SHA256] = { "SHA256", 32, 64 },
	[DIGEST_SHA512] = { "SHA512", 64, 128 },
};

struct contexts {
	EVP_MD_CTX *ctx[N_ALGS];
};

static EVP_MD *fetched[N_ALGS];
static pthread_key_t contexts_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* All calls here return 1 if they have worked. */
static void must(int ret)
{
	if (ret == 1)
		return;
	log_error(NULL, "OpenSSL failed in a hash function");
	abort();
}

static void contexts_free(void *arg)
{
	struct contexts *c = arg;

	for (int i = 0; i < N_ALGS; i++)
		EVP_MD_CTX_free(c->ctx[i]);
	free(c);
}

static void setup(void)
{
	for (int i = 0; i < N_ALGS; i++) {
		fetched[i] = EVP_MD_fetch(NULL, algs[i].name, NULL);
		must(fetched[i] != NULL);
	}
	must(pthread_key_create(&contexts_key, contexts_free) == 0);
}

/* This thread's context for the algorithm; one call on it at a time. */
static EVP_MD_CTX *context(enum digest_alg alg)
{
	struct contexts *c;

	must(pthread_once(&once, setup) == 0);
	c = pthread_getspecific(contexts_key);
	if (!c) {
		c = xzalloc(sizeof(*c));
		for (int i = 0; i < N_ALGS; i++) {
			c->ctx[i] = EVP_MD_CTX_new();
			must(c->ctx[i] != NULL);
		}
		must(pthread_setspecific(contexts_key, c) == 0);
	}
	return c->ctx[alg];
}

size_t digest_len(enum digest_alg alg)
{
	return algs[alg].len;
}

/* H(a | b) */
static void hash2(
    enum digest_alg alg, const void *a, size_t a_len, const void *b, size_t b_len, uint8_t *out)
{
	EVP_MD_CTX *ctx = context(alg);

	must(EVP_DigestInit_ex2(ctx, fetched[alg], NULL));
	must(EVP_DigestUpdate(ctx, a, a_len));
	must(EVP_DigestUpdate(ctx, b, b_len));
	must(EVP_DigestFinal_ex(ctx, out, NULL));
}

void digest(enum digest_alg alg, const void *p, size_t n, uint8_t *out)
{
	hash2(alg, p, n, "", 0, out);
}

/* RFC 2104 2 */
void digest_hmac(
    enum digest_alg alg, const void *key, size_t key_len, const void *p, size_t n, uint8_t *out)
{
	uint8_t pad[BLOCK_MAX] = { 0 };
	size_t block = algs[alg].block;

	if (key_len > block)
		digest(alg, key, key_len, pad);
	else if (key_len > 0)
		memcpy(pad, key, key_len);
	for (size_t i = 0; i < block; i++)
		pad[i] ^= 0x36;
	hash2(alg, pad, block, p, n, out);
	for (size_t i = 0; i < block; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	hash2(alg, pad, block, out, algs[alg].len, out);
	mem_wipe(pad, sizeof(pad));
}

void digest_pbkdf2(enum digest_alg alg, const char *password, size_t len, const void *salt,
    size_t salt_len, unsigned iterations, uint8_t *out)
{
	context(alg); /* sees to it that the algorithm is fetched */
	assert(len <= INT_MAX && salt_len <= INT_MAX && iterations > 0 && iterations <= INT_MAX);
	must(PKCS5_PBKDF2_HMAC(password, (int)len, salt, (int)salt_len, (int)iterations,
	    fetched[alg], (int)algs[alg].len, out));
}

bool digest_same(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void digest_hex(const void *p, size_t n, char *out)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = hex[b[i] >> 4];
		out[2 * i + 1] = hex[b[i] & 15];
	}
	out[2 * n] = '\0';
}

#define BASE64_PAD 64
static const char base64_set[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

void base64_encode(const void *p, size_t n, char *out)
{
	const uint8_t *b = p;
	uint32_t w;

	for (; n > 0; b += 3, out += 4) {
		w = (uint32_t)b[0] << 16 | (n > 1 ? (uint32_t)b[1] << 8 : 0) | (n > 2 ? b[2] : 0);
		out[0] = base64_set[w >> 18];
		out[1] = base64_set[w >> 12 & 63];
		out[2] = base64_set[n > 1 ? w >> 6 & 63 : BASE64_PAD];
		out[3] = base64_set[n > 2 ? w & 63 : BASE64_PAD];
		n -= n > 3 ? 3 : n;
	}
	*out = '\0';
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

ssize_t base64_decode(const char *s, size_t n, void *out)
{
	uint8_t *o = out;
	size_t pad = 0, len;
	uint32_t w = 0;
	int v;

	if (n % 4 != 0)
		return -EINVAL;
	if (n > 0 && s[n - 1] == '=')
		pad = s[n - 2] == '=' ? 2 : 1;
	len = n / 4 * 3 - pad;
	for (size_t i = 0, got = 0; i < n; i++) {
		v = i >= n - pad ? 0 : base64_value(s[i]);
		if (v < 0)
			return -EINVAL;
		w = w << 6 | (uint32_t)v;
		if (i % 4 != 3)
			continue;
		for (int shift = 16; shift >= 0 && got < len; shift -= 8)
			o[got++] = (uint8_t)(w >> shift);
		/* RFC 4648 3.5: bits that the padding cuts off are zero, or two texts mean the same
		 */
		if (i == n - 1 && pad > 0 && (w & ((1U << (8 * pad)) - 1)) != 0)
			return -EINVAL;
		w = 0;
	}
	return (ssize_t)len;
}
