/* SPDX-License-Identifier: MIT */
/* SCRAM's server side (RFC 5802 5 and 7).
 *
 * States: new -> first (the user is known) -> challenged -> over.  The caller looks the account up
 * between first and challenge; an unknown one gets scram_fake() keys and goes the same way.
 *
 * Keys and proofs are compared in constant time and wiped; no secret is logged or returned. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <base/rnd.h>
#include <base/sbuf.h>

#include <xmpp/jid.h>

#include "scram_internal.h"

#define CB_MAX 256 /* bytes of channel binding data: hashes and exporter output */

enum step { NEW, FIRST, CHALLENGED, OVER };

struct binding {
	char type[32];
	uint8_t data[CB_MAX];
	size_t len;
};

struct scram {
	enum step step;
	enum digest_alg alg;
	bool plus, cb_offered;
	struct binding cb[SCRAM_BINDINGS];
	size_t n_cb;
	const struct binding *bound;                /* what the client has chosen; NULL: none */
	char announced[BASE64_LEN(DIGEST_MAX) + 1]; /* XEP-0474; "": not set */
	char our_nonce[SCRAM_NONCE_TEST + 1];

	struct arena *arena; /* the strings below */
	const char *gs2, *bare, *user, *authzid;
	struct sbuf nonce, challenge; /* theirs and ours; server-first-message */
	struct scram_keys keys;
	char final[2 + BASE64_LEN(DIGEST_MAX) + 1];
};

/* --- keys ------------------------------------------------------------------------------------- */
/* SaltedPassword, then the two keys that are kept of it (RFC 5802 3). */
static void derive(struct scram_keys *k, const char *password)
{
	uint8_t salted[DIGEST_MAX], client[DIGEST_MAX];
	size_t n = digest_len(k->alg);

	digest_pbkdf2(
	    k->alg, password, strlen(password), k->salt, sizeof(k->salt), k->iterations, salted);
	digest_hmac(k->alg, salted, n, "Client Key", 10, client);
	digest(k->alg, client, n, k->stored);
	digest_hmac(k->alg, salted, n, "Server Key", 10, k->server);
	mem_wipe(salted, sizeof(salted));
	mem_wipe(client, sizeof(client));
}

/* Fills in stored and server from a password as typed. */
static int derive_prepared(struct scram_keys *k, const char *password)
{
	struct arena *a = arena_new();
	char *prepared;
	int r;

	r = prep_sasl(a, password, &prepared);
	if (!r) {
		derive(k, prepared);
		mem_wipe(prepared, strlen(prepared));
	}
	arena_free(a);
	return r;
}

int scram_derive(
    struct scram_keys *out, enum digest_alg alg, const char *password, unsigned iterations)
{
	struct scram_keys k = { .alg = alg, .iterations = iterations };
	int r;

	rnd_bytes(k.salt, sizeof(k.salt));
	r = derive_prepared(&k, password);
	if (!r)
		*out = k;
	mem_wipe(&k, sizeof(k));
	return r;
}

/* One of the values of a made-up account: HMAC(secret, which | hash | user). */
static void fake_part(
    enum digest_alg alg, char which, const char *user, const uint8_t secret[32], uint8_t *out)
{
	struct sbuf b = SBUF_INIT;

	sbuf_putc(&b, which);
	sbuf_putc(&b, (char)('0' + (int)alg));
	sbuf_puts(&b, user);
	digest_hmac(alg, secret, 32, sbuf_data(&b), sbuf_len(&b), out);
	sbuf_done(&b);
}

void scram_fake(struct scram_keys *out, enum digest_alg alg, const char *user,
    const uint8_t secret[32], unsigned iterations)
{
	uint8_t salt[DIGEST_MAX];

	static_assert(SCRAM_SALT <= 20, "the shortest hash fills the salt");
	memset(out, 0, sizeof(*out));
	out->alg = alg;
	out->iterations = iterations;
	fake_part(alg, 's', user, secret, salt);
	memcpy(out->salt, salt, sizeof(out->salt));
	fake_part(alg, 'c', user, secret, out->stored);
	fake_part(alg, 'k', user, secret, out->server);
}

bool scram_check_password(const struct scram_keys *k, const char *password)
{
	struct scram_keys got = *k;
	int r = derive_prepared(&got, password);
	bool ok;

	if (r < 0)
		derive(&got, ""); /* takes as long as any other wrong one */
	ok = digest_same(got.stored, k->stored, digest_len(k->alg));
	mem_wipe(&got, sizeof(got));
	return ok && !r;
}

/* --- one exchange ----------------------------------------------------------------------------- */
struct scram *scram_new(enum digest_alg alg, bool plus, const struct scram_cb *cb)
{
	struct scram *s = xzalloc(sizeof(*s));

	s->alg = alg;
	s->plus = plus;
	s->arena = arena_new();
	s->user = s->authzid = "";
	rnd_id(s->our_nonce, SCRAM_NONCE);
	if (!cb)
		return s;
	s->cb_offered = cb->offered;
	if (cb->type)
		scram_add_binding(s, cb);
	return s;
}

void scram_add_binding(struct scram *s, const struct scram_cb *cb)
{
	struct binding *b = &s->cb[s->n_cb++];

	assert(s->n_cb <= SCRAM_BINDINGS && s->step == NEW);
	assert(strlen(cb->type) < sizeof(b->type) && cb->len <= CB_MAX);
	memcpy(b->type, cb->type, strlen(cb->type) + 1);
	if (cb->len)
		memcpy(b->data, cb->data, cb->len);
	b->len = cb->len;
}

void scram_set_announced(struct scram *s, const char *lists, size_t n)
{
	uint8_t hash[DIGEST_MAX];

	digest(s->alg, lists, n, hash);
	base64_encode(hash, digest_len(s->alg), s->announced);
}

void scram_free(struct scram *s)
{
	if (!s)
		return;
	arena_free(s->arena);
	sbuf_done(&s->nonce);
	sbuf_done(&s->challenge);
	mem_wipe(s, sizeof(*s));
	free(s);
}

void scram_set_nonce(struct scram *s, const char *nonce)
{
	assert(strlen(nonce) <= SCRAM_NONCE_TEST);
	memcpy(s->our_nonce, nonce, strlen(nonce) + 1);
}

const char *scram_user(const struct scram *s)
{
	return s->user;
}

const char *scram_authzid(const struct scram *s)
{
	return s->authzid;
}

/* --- reading messages ------------------------------------------------------------------------- */
/* The rest of a message: attributes with commas between. */
struct cursor {
	const char *p, *end;
};

/* The next attribute, without its comma.  false: none is left. */
static bool next_attr(struct cursor *c, const char **ret, size_t *ret_len)
{
	const char *comma;

	if (!c->p)
		return false;
	comma = memchr(c->p, ',', (size_t)(c->end - c->p));
	*ret = c->p;
	*ret_len = (size_t)((comma ? comma : c->end) - c->p);
	c->p = comma ? comma + 1 : NULL;
	return true;
}

/* As above, of the form name=value; the value.  The name 0 takes any extension but "m", which
 * stands for one that we would have to know (RFC 5802 5.1). */
static bool next_value(struct cursor *c, char name, const char **ret, size_t *ret_len)
{
	const char *s;
	size_t n;

	if (!next_attr(c, &s, &n) || n < 2 || s[1] != '=')
		return false;
	if (name ? *s != name
		 : *s == 'm' || !((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z')))
		return false;
	*ret = s + 2;
	*ret_len = n - 2;
	return true;
}

/* The c-nonce: printable, without comma (which next_attr() has seen to). */
static bool is_printable(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] < 0x21 || s[i] > 0x7e)
			return false;
	}
	return n > 0;
}

/* A saslname: "=2C" is a comma, "=3D" an equals sign, any other "=" an error. NULL: malformed. */
static char *unescape(struct arena *a, const char *s, size_t n)
{
	char *out = arena_alloc(a, n + 1), *p = out;

	for (size_t i = 0; i < n; i++) {
		if (s[i] != '=') {
			*p++ = s[i];
			continue;
		}
		if (n - i < 3 || (memcmp(s + i, "=2C", 3) != 0 && memcmp(s + i, "=3D", 3) != 0))
			return NULL;
		*p++ = s[i + 1] == '2' ? ',' : '=';
		i += 2;
	}
	*p = '\0';
	return p == out ? NULL : out;
}

static const struct binding *find_binding(const struct scram *s, const char *type, size_t n)
{
	for (size_t i = 0; i < s->n_cb; i++) {
		if (strlen(s->cb[i].type) == n && !memcmp(s->cb[i].type, type, n))
			return &s->cb[i];
	}
	return NULL;
}

/* What the client says about channel binding (RFC 5802 6), against what we have and offered. */
static enum scram_result check_flag(struct scram *s, const char *flag, size_t n)
{
	if (n == 1 && *flag == 'n')
		return s->plus ? SCRAM_E_BINDING : SCRAM_CONTINUE;
	if (n == 1 && *flag == 'y') /* it could, and believes that we cannot: if so, a downgrade */
		return s->plus || s->cb_offered ? SCRAM_E_BINDING : SCRAM_CONTINUE;
	if (n > 2 && !memcmp(flag, "p=", 2)) {
		s->bound = s->plus ? find_binding(s, flag + 2, n - 2) : NULL;
		return s->bound ? SCRAM_CONTINUE : SCRAM_E_BINDING;
	}
	return SCRAM_E_MALFORMED;
}

/* gs2-header: flag "," [ "a=" authzid ] ","  */
static enum scram_result read_gs2(struct scram *s, struct cursor *c)
{
	const char *start = c->p, *flag, *authzid;
	size_t flag_len, n;
	enum scram_result r;

	if (!next_attr(c, &flag, &flag_len) || !next_attr(c, &authzid, &n) || !c->p)
		return SCRAM_E_MALFORMED;
	if (n) {
		if (n < 3 || memcmp(authzid, "a=", 2) != 0)
			return SCRAM_E_MALFORMED;
		s->authzid = unescape(s->arena, authzid + 2, n - 2);
		if (!s->authzid) {
			s->authzid = "";
			return SCRAM_E_MALFORMED;
		}
	}
	r = check_flag(s, flag, flag_len);
	s->gs2 = arena_strndup(s->arena, start, (size_t)(c->p - start));
	return r;
}

/* client-first-message-bare: user name, nonce, extensions. */
static enum scram_result read_bare(struct scram *s, struct cursor *c)
{
	const char *v;
	char *raw, *user;
	size_t n;

	s->bare = arena_strndup(s->arena, c->p, (size_t)(c->end - c->p));
	if (!next_value(c, 'n', &v, &n))
		return SCRAM_E_MALFORMED;
	raw = unescape(s->arena, v, n);
	if (!raw || prep_sasl(s->arena, raw, &user) < 0)
		return SCRAM_E_MALFORMED;
	if (!next_value(c, 'r', &v, &n) || !is_printable(v, n))
		return SCRAM_E_MALFORMED;
	sbuf_add(&s->nonce, v, n);
	sbuf_puts(&s->nonce, s->our_nonce);
	while (c->p) {
		if (!next_value(c, 0, &v, &n))
			return SCRAM_E_MALFORMED;
	}
	s->user = user;
	return SCRAM_CONTINUE;
}

enum scram_result scram_first(struct scram *s, const char *msg, size_t n)
{
	struct cursor c = { msg, msg + n };
	enum scram_result r;

	assert(s->step == NEW);
	s->step = OVER;
	if (!n || n > SCRAM_MESSAGE || memchr(msg, '\0', n))
		return SCRAM_E_MALFORMED;
	r = read_gs2(s, &c);
	if (r == SCRAM_CONTINUE)
		r = read_bare(s, &c);
	if (r == SCRAM_CONTINUE)
		s->step = FIRST;
	return r;
}

const char *scram_challenge(struct scram *s, const struct scram_keys *k)
{
	char salt[BASE64_LEN(SCRAM_SALT) + 1];

	assert(s->step == FIRST && k->alg == s->alg);
	s->keys = *k;
	s->step = CHALLENGED;
	base64_encode(k->salt, sizeof(k->salt), salt);
	sbuf_puts(&s->challenge, "r=");
	sbuf_add(&s->challenge, sbuf_data(&s->nonce), sbuf_len(&s->nonce));
	sbuf_printf(&s->challenge, ",s=%s,i=%u", salt, k->iterations);
	if (*s->announced)
		sbuf_printf(&s->challenge, ",h=%s", s->announced);
	return sbuf_str(&s->challenge);
}

/* c=: the gs2 header once more, and the binding's data (RFC 5802 7). */
static bool check_binding(const struct scram *s, const char *b64, size_t n)
{
	size_t gs2_len = strlen(s->gs2), want = gs2_len + (s->bound ? s->bound->len : 0);
	uint8_t got[SCRAM_MESSAGE];
	ssize_t len;

	if (n > SCRAM_MESSAGE)
		return false;
	len = base64_decode(b64, n, got);
	if (len < 0 || (size_t)len != want || memcmp(got, s->gs2, gs2_len) != 0)
		return false;
	return !s->bound || digest_same(got + gs2_len, s->bound->data, s->bound->len);
}

/* ClientKey = proof XOR signature; its hash must be StoredKey (RFC 5802 3). */
static bool check_proof(
    const struct scram *s, const struct sbuf *auth, const char *proof, size_t proof_len)
{
	uint8_t key[DIGEST_MAX + 2], sig[DIGEST_MAX], hash[DIGEST_MAX];
	size_t n = digest_len(s->alg);
	bool ok;

	if (proof_len != BASE64_LEN(n) || base64_decode(proof, proof_len, key) != (ssize_t)n)
		return false;
	digest_hmac(s->alg, s->keys.stored, n, sbuf_data(auth), sbuf_len(auth), sig);
	for (size_t i = 0; i < n; i++)
		key[i] ^= sig[i];
	digest(s->alg, key, n, hash);
	ok = digest_same(hash, s->keys.stored, n);
	mem_wipe(key, sizeof(key));
	return ok;
}

/* server-final-message */
static const char *sign(struct scram *s, const struct sbuf *auth)
{
	uint8_t sig[DIGEST_MAX];
	size_t n = digest_len(s->alg);

	digest_hmac(s->alg, s->keys.server, n, sbuf_data(auth), sbuf_len(auth), sig);
	memcpy(s->final, "v=", 2);
	base64_encode(sig, n, s->final + 2);
	return s->final;
}

enum scram_result scram_final(struct scram *s, const char *msg, size_t n, const char **ret_msg)
{
	const char *binding, *nonce, *proof = NULL, *v;
	size_t binding_len, nonce_len, proof_len = 0, vn;
	struct cursor c = { msg, msg + n };
	struct sbuf auth = SBUF_INIT; /* AuthMessage */
	bool ok;

	assert(s->step == CHALLENGED);
	s->step = OVER;
	if (!n || n > SCRAM_MESSAGE || memchr(msg, '\0', n))
		return SCRAM_E_MALFORMED;
	if (!next_value(&c, 'c', &binding, &binding_len) ||
	    !next_value(&c, 'r', &nonce, &nonce_len))
		return SCRAM_E_MALFORMED;
	while (c.p) {
		if (!next_value(&c, 0, &v, &vn))
			return SCRAM_E_MALFORMED;
		if (v[-2] == 'p' && !c.p) { /* the proof is the last */
			proof = v;
			proof_len = vn;
		}
	}
	if (!proof)
		return SCRAM_E_MALFORMED;
	if (!check_binding(s, binding, binding_len))
		return SCRAM_E_BINDING;
	if (nonce_len != sbuf_len(&s->nonce) || memcmp(nonce, sbuf_data(&s->nonce), nonce_len) != 0)
		return SCRAM_E_FAILED;
	sbuf_printf(&auth, "%s,%s,", s->bare, sbuf_str(&s->challenge));
	sbuf_add(&auth, msg, (size_t)(proof - msg) - 3); /* without ",p=" */
	ok = check_proof(s, &auth, proof, proof_len);
	if (ok)
		*ret_msg = sign(s, &auth);
	sbuf_done(&auth);
	return ok ? SCRAM_DONE : SCRAM_E_FAILED;
}
