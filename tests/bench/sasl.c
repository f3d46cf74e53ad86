/* SPDX-License-Identifier: MIT */
/* SASL, with the salted password of each account kept between logins as clients keep it (RFC 5802
 * 5.1): the generator then pays a few HMACs per login and not thousands.  Proofs are computed, and
 * the server's signature is compared, at every login.
 *
 * conn.sasl is our first message without its header, and after sasl_final() the server's signature
 * that has to come.  Not a SCRAM to copy: it has one user, and trusts its server to be loopback. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <base/digest.h>
#include <base/mem.h>
#include <base/rnd.h>

#include "conn.h"
#include "opts.h"
#include "sasl.h"

enum { NONCE_LEN = 24, TEXT_MAX = 1000, USERS_MAX = 10000000, ITERATIONS_MAX = 1000000 };

struct salted {
	char *salt; /* base64; NULL: not known */
	int iterations;
	uint8_t key[DIGEST_MAX];
};

static struct salted *known; /* by account, all of opt.mech */
static int n_known;
static bool changed;

static enum digest_alg alg(void)
{
	return opt.mech == MECH_SCRAM_SHA1 ? DIGEST_SHA1 : DIGEST_SHA256;
}

static struct salted *salted_of(int user)
{
	if (user >= n_known) {
		int n = user * 2 + 1024;

		known = xreallocarray(known, (size_t)n, sizeof(*known));
		memset(known + n_known, 0, (size_t)(n - n_known) * sizeof(*known));
		n_known = n;
	}
	return &known[user];
}

static char *encoded(const char *text, size_t n)
{
	char *out = xmalloc(BASE64_LEN(n) + 1);

	base64_encode(text, n, out);
	return out;
}

/* NUL-terminated, on the heap; NULL: no base64, or too long. */
static char *decoded(const char *text, size_t n)
{
	char *out;
	ssize_t len;

	if (n > TEXT_MAX)
		return NULL;
	out = xzalloc(n + 1);
	len = base64_decode(text, n, out);
	if (len >= 0)
		return out;
	free(out);
	return NULL;
}

/* --- messages -----------------------------------------------------------------------------------
 */

char *sasl_plain(const struct conn *c)
{
	char *text = xasprintf("%c%s%d%c%s", 'x', opt.prefix, c->user, 'x', opt.password), *out;
	size_t user_len = strlen(text) - strlen(opt.password) - 2;

	text[0] = text[user_len + 1] = '\0';
	out = encoded(text, user_len + 2 + strlen(opt.password));
	free(text);
	return out;
}

char *sasl_first(struct conn *c)
{
	uint8_t random[NONCE_LEN / 4 * 3];
	char nonce[NONCE_LEN + 1], *full, *out;

	rnd_bytes(random, sizeof(random));
	base64_encode(random, sizeof(random), nonce);
	free(c->sasl);
	c->sasl = xasprintf("n=%s%d,r=%s", opt.prefix, c->user, nonce);
	full = xasprintf("n,,%s", c->sasl);
	out = encoded(full, strlen(full));
	free(full);
	return out;
}

static bool salt(struct salted *s, const char *text, int iterations)
{
	uint8_t raw[TEXT_MAX];
	ssize_t len;

	if (s->salt && s->iterations == iterations && strcmp(s->salt, text) == 0)
		return true;
	len = base64_decode(text, strlen(text), raw);
	if (len <= 0 || iterations <= 0 || iterations > ITERATIONS_MAX)
		return false;
	digest_pbkdf2(alg(), opt.password, strlen(opt.password), raw, (size_t)len,
	    (unsigned)iterations, s->key);
	free(s->salt);
	s->salt = xstrdup(text);
	s->iterations = iterations;
	changed = true;
	return true;
}

/* The proof (base64) for a message that both sides know, and the signature that has to come back,
 * with its "v=", in c->sasl. */
static char *prove(struct conn *c, const struct salted *s, const char *message)
{
	uint8_t key[DIGEST_MAX], stored[DIGEST_MAX], mac[DIGEST_MAX];
	size_t n = digest_len(alg());
	char text[BASE64_LEN(DIGEST_MAX) + 1], *proof = xmalloc(sizeof(text));

	digest_hmac(alg(), s->key, n, "Client Key", 10, key);
	digest(alg(), key, n, stored);
	digest_hmac(alg(), stored, n, message, strlen(message), mac);
	for (size_t i = 0; i < n; i++)
		key[i] ^= mac[i];
	base64_encode(key, n, proof);
	digest_hmac(alg(), s->key, n, "Server Key", 10, key);
	digest_hmac(alg(), key, n, message, strlen(message), mac);
	base64_encode(mac, n, text);
	free(c->sasl);
	c->sasl = xasprintf("v=%s", text);
	return proof;
}

/* `first` is the server's first message: "r=nonce,s=salt,i=iterations". */
static char *answer(struct conn *c, const char *first)
{
	const char *ours = strstr(c->sasl, ",r=");
	char nonce[257], salt_text[257], *message, *without, *proof, *final, *out;
	struct salted *s = salted_of(c->user);
	int iterations;

	if (sscanf(first, "r=%256[^,],s=%256[^,],i=%d", nonce, salt_text, &iterations) != 3 ||
	    !ours || strncmp(nonce, ours + 3, NONCE_LEN) != 0 || !salt(s, salt_text, iterations))
		return NULL;
	without = xasprintf("c=biws,r=%s", nonce);
	message = xasprintf("%s,%s,%s", c->sasl, first, without);
	proof = prove(c, s, message);
	final = xasprintf("%s,p=%s", without, proof);
	out = encoded(final, strlen(final));
	free(without);
	free(message);
	free(proof);
	free(final);
	return out;
}

char *sasl_final(struct conn *c, const char *text, size_t n)
{
	char *first = decoded(text, n), *out = NULL;

	if (first && c->sasl)
		out = answer(c, first);
	free(first);
	return out;
}

bool sasl_verify(const struct conn *c, const char *text, size_t n)
{
	char *said = decoded(text, n);
	bool right = said && c->sasl && strcmp(said, c->sasl) == 0;

	free(said);
	return right;
}

/* --- the file -----------------------------------------------------------------------------------
 */

/* A line: account, mechanism, prefix, iterations, salt, key in hex. */
static void read_known(FILE *f)
{
	char prefix[65], text[257], hex[2 * DIGEST_MAX + 1];
	int user, mech, iterations;

	while (fscanf(f, "%d %d %64s %d %256s %128s", &user, &mech, prefix, &iterations, text,
		   hex) == 6) {
		struct salted *s;

		if (mech != opt.mech || user < 0 || user > USERS_MAX ||
		    strcmp(prefix, opt.prefix) != 0)
			continue;
		s = salted_of(user);
		free(s->salt);
		s->salt = xstrdup(text);
		s->iterations = iterations;
		for (size_t i = 0; i < digest_len(alg()) && hex[2 * i]; i++)
			(void)sscanf(hex + 2 * i, "%2hhx", &s->key[i]);
	}
}

void sasl_open(const char *path)
{
	FILE *f = path ? fopen(path, "re") : NULL;

	if (!f)
		return;
	read_known(f);
	(void)fclose(f);
}

static void write_known(FILE *f)
{
	char hex[2 * DIGEST_MAX + 1];

	for (int user = 0; user < n_known; user++) {
		const struct salted *s = &known[user];

		if (!s->salt)
			continue;
		digest_hex(s->key, digest_len(alg()), hex);
		(void)fprintf(f, "%d %d %s %d %s %s\n", user, opt.mech, opt.prefix, s->iterations,
		    s->salt, hex);
	}
}

void sasl_close(const char *path)
{
	FILE *f = path && changed ? fopen(path, "we") : NULL;

	if (f) {
		write_known(f);
		(void)fclose(f);
	}
	for (int user = 0; user < n_known; user++)
		free(known[user].salt);
	free(known);
	known = NULL;
	n_known = 0;
}
