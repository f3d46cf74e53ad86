/* SPDX-License-Identifier: MIT */
#include <base/mem.h>

#include "sasl_client.h"

#define NONCE "rOprNGfwEbeRWgbNEkqO"

void client_open(struct client *c, struct io *io)
{
	memset(c, 0, sizeof(*c));
	c->sa = sasl_new(auth.r.sasl, io, DOMAIN);
}

void client_close(struct client *c)
{
	sasl_free(c->sa);
	c->sa = NULL;
	sbuf_done(&c->xml);
}

static void took(struct client *c, enum sasl_status status, struct el *reply)
{
	const char *text;
	ssize_t n;

	c->status = status;
	sbuf_clear(&c->xml);
	c->data[0] = '\0';
	if (!reply)
		return;
	el_write(&c->xml, reply, NULL);
	text = el_body(reply);
	n = base64_decode(text, strlen(text), c->data);
	assert_true(n >= 0 && (size_t)n < sizeof(c->data));
	c->data[n] = '\0';
	el_free(reply);
}

static void later(enum sasl_status status, struct el *reply, void *arg)
{
	struct client *c = arg;

	assert_true(c->waits);
	c->waits = false;
	c->late++;
	took(c, status, reply);
}

enum sasl_status client_raw(struct client *c, const char *name, const char *mech, const char *text)
{
	EL_AUTO struct el *el = el_new(name, NS_SASL);
	struct el *reply = NULL;
	enum sasl_status status;

	el_set(el, "mechanism", mech);
	if (text)
		el_text(el, text);
	status = sasl_element(c->sa, el, &reply, later, c);
	c->waits = status == SASL_SENT && !reply;
	took(c, status, reply);
	return status;
}

enum sasl_status client_say(
    struct client *c, const char *name, const char *mech, const char *data, size_t n)
{
	char *text = xmalloc(BASE64_LEN(n) + 1);
	enum sasl_status status;

	base64_encode(data, n, text);
	status = client_raw(c, name, mech, text);
	free(text);
	return status;
}

enum sasl_status client_wait(struct client *c)
{
	for (int i = 0; c->waits && i < 100; i++)
		(void)loop_turn(auth.f.loop, false);
	assert_false(c->waits);
	return c->status;
}

enum sasl_status client_plain(struct client *c, const char *user, const char *password)
{
	struct sbuf b = SBUF_INIT;
	enum sasl_status status;

	sbuf_printf(&b, "%c%s%c%s", 0, user, 0, password);
	status = client_say(c, "auth", "PLAIN", sbuf_data(&b), sbuf_len(&b));
	sbuf_done(&b);
	return status;
}

enum sasl_status client_first(struct client *c, const char *mech, const char *user)
{
	char *msg = xasprintf("%sn=%s,r=" NONCE, c->gs2 ? c->gs2 : "n,,", user);
	enum sasl_status status = client_say(c, "auth", mech, msg, strlen(msg));

	free(msg);
	return status;
}

/* The salted password, kept as clients do: many logins of a test then take no time, under valgrind
 * either, whose clock the server's delays would see. */
static void salt_password(enum digest_alg alg, const char *password,
    const uint8_t salt[static SCRAM_SALT], unsigned iterations, uint8_t out[static DIGEST_MAX])
{
	static struct {
		enum digest_alg alg;
		unsigned iterations;
		char password[64];
		uint8_t salt[SCRAM_SALT], salted[DIGEST_MAX];
	} known[8];
	static unsigned next;
	size_t k;

	for (k = 0; k < 8; k++)
		if (known[k].alg == alg && known[k].iterations == iterations &&
		    !strcmp(known[k].password, password) &&
		    !memcmp(known[k].salt, salt, SCRAM_SALT))
			break;
	if (k == 8) {
		k = next++ % 8;
		assert_true(strlen(password) < sizeof(known[k].password));
		known[k].alg = alg;
		known[k].iterations = iterations;
		memcpy(known[k].password, password, strlen(password) + 1);
		memcpy(known[k].salt, salt, SCRAM_SALT);
		digest_pbkdf2(
		    alg, password, strlen(password), salt, SCRAM_SALT, iterations, known[k].salted);
	}
	memcpy(out, known[k].salted, DIGEST_MAX);
}

/* The proof for `auth_msg`, in base64; and what the server is to sign with. */
static void prove(const struct client *c, enum digest_alg alg, const char *password,
    const char *auth_msg, char *proof, char *signature)
{
	uint8_t salted[DIGEST_MAX], key[DIGEST_MAX], stored[DIGEST_MAX], sig[DIGEST_MAX], salt[64];
	const char *s = strstr(c->data, ",s=") + 3;
	ssize_t salt_len = base64_decode(s, strcspn(s, ","), salt);
	size_t n = digest_len(alg);

	assert_int_equal(salt_len, SCRAM_SALT);
	salt_password(alg, password, salt, (unsigned)atoi(strstr(c->data, ",i=") + 3), salted);
	digest_hmac(alg, salted, n, "Client Key", 10, key);
	digest(alg, key, n, stored);
	digest_hmac(alg, stored, n, auth_msg, strlen(auth_msg), sig);
	for (size_t i = 0; i < n; i++)
		key[i] ^= sig[i];
	base64_encode(key, n, proof);
	digest_hmac(alg, salted, n, "Server Key", 10, key);
	digest_hmac(alg, key, n, auth_msg, strlen(auth_msg), sig);
	base64_encode(sig, n, signature);
}

enum sasl_status client_scram(
    struct client *c, const char *mech, const char *user, const char *password)
{
	const char *gs2 = c->gs2 ? c->gs2 : "n,,";
	char proof[BASE64_LEN(DIGEST_MAX) + 1], signature[BASE64_LEN(DIGEST_MAX) + 1];
	char cb[BASE64_LEN(256) + 1], *without, *auth_msg, *msg, *want;
	struct sbuf binding = SBUF_INIT;
	enum sasl_status status;

	status = client_first(c, mech, user);
	if (status != SASL_SENT || c->waits)
		return status;
	if (c->between)
		c->between();
	sbuf_puts(&binding, gs2);
	if (c->cb_len)
		sbuf_add(&binding, c->cb, c->cb_len);
	base64_encode(sbuf_data(&binding), sbuf_len(&binding), cb);
	sbuf_done(&binding);
	without = xasprintf("c=%s,%.*s", cb, (int)strcspn(c->data, ","), c->data);
	auth_msg = xasprintf("n=%s,r=" NONCE ",%s,%s", user, c->data, without);
	prove(c, strstr(mech, "256") ? DIGEST_SHA256 : DIGEST_SHA1, password, auth_msg, proof,
	    signature);
	msg = xasprintf("%s,p=%s", without, proof);
	status = client_say(c, "response", NULL, msg, strlen(msg));
	if (status == SASL_SUCCESS) {
		want = xasprintf("v=%s", signature);
		assert_string_equal(c->data, want);
		free(want);
	}
	free(msg);
	free(auth_msg);
	free(without);
	return status;
}

void client_failed(struct client *c, const char *cond)
{
	char want[128];

	(void)snprintf(want, sizeof(want), "<failure xmlns=\"" NS_SASL "\"><%s/></failure>", cond);
	assert_string_equal(sbuf_str(&c->xml), want);
}
