/* SPDX-License-Identifier: MIT */
/* SCRAM (RFC 5802, RFC 7677) and PLAIN against the same stored keys, the server's side.  Pure: no
 * clock, no database, no wire format beyond the messages themselves (base64 is the caller's). */
#ifndef XMPP_SCRAM_H
#define XMPP_SCRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/digest.h>

#define SCRAM_SALT 16
#define SCRAM_NONCE 24     /* characters of our part */
#define SCRAM_MESSAGE 2048 /* bytes of a client's message at most */
#define SCRAM_ITERATIONS 10000

struct scram_keys {          /* what is stored for an account, per hash */
	enum digest_alg alg; /* DIGEST_SHA1 or DIGEST_SHA256 */
	uint8_t salt[SCRAM_SALT];
	unsigned iterations;
	uint8_t stored[DIGEST_MAX]; /* StoredKey = H(ClientKey) */
	uint8_t server[DIGEST_MAX]; /* ServerKey */
};

/* From a password: prepared with SASLprep, a fresh salt. -EINVAL: not a valid password (empty,
 * prohibited characters, over 1023 bytes). */
int scram_derive(struct scram_keys *out, enum digest_alg alg, const char *password,
    unsigned iterations) __attribute__((warn_unused_result));
/* Keys that no password fits, the same for the same user and secret each time: an unknown user
 * takes the same calls and gets the same bytes as a wrong password. */
void scram_fake(struct scram_keys *out, enum digest_alg alg, const char *user,
    const uint8_t secret[32], unsigned iterations);
/* PLAIN: constant time in the comparison; costs one PBKDF2. */
bool scram_check_password(const struct scram_keys *k, const char *password);

/* One exchange. */
struct scram;
struct scram_cb {         /* channel binding of this connection */
	const char *type; /* "tls-exporter"; NULL: none available */
	const uint8_t *data;
	size_t len;
	bool offered; /* -PLUS was among the mechanisms offered */
};
enum scram_result {
	SCRAM_CONTINUE,
	SCRAM_DONE,
	SCRAM_E_MALFORMED,
	SCRAM_E_AUTHZ,
	SCRAM_E_FAILED,
	SCRAM_E_BINDING
};

struct scram *scram_new(enum digest_alg alg, bool plus, const struct scram_cb *cb); /* copies cb */
void scram_free(struct scram *s); /* NULL is fine; wipes */
/* Another kind of binding that this connection has, at most SCRAM_BINDINGS with the first: the
 * client's message chooses.  Before scram_first(). */
#define SCRAM_BINDINGS 2
void scram_add_binding(struct scram *s, const struct scram_cb *cb); /* copies */
/* What was announced, as XEP-0474 writes it (sorted lists and their delimiters): its hash goes into
 * the challenge, so who has tampered with the announcement is found out.  Before
 * scram_challenge(). */
void scram_set_announced(struct scram *s, const char *lists, size_t n);
/* client-first-message: parsed; user name (unescaped, SASLprepped) by scram_user(), the
 * authorisation identity ("" if none) by scram_authzid().  SCRAM_CONTINUE, or an error. */
enum scram_result scram_first(struct scram *s, const char *msg, size_t n);
const char *scram_user(const struct scram *s);
const char *scram_authzid(const struct scram *s);
/* The account's keys (copied) give the server-first-message, valid until the next call. */
const char *scram_challenge(struct scram *s, const struct scram_keys *k);
/* client-final-message: SCRAM_DONE and the server-final-message in *ret_msg, or an error. */
enum scram_result scram_final(struct scram *s, const char *msg, size_t n, const char **ret_msg);

#endif
