/* SPDX-License-Identifier: MIT */
/* Hashes, HMAC, PBKDF2, constant-time comparison, base64 and hex, over OpenSSL. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum digest_alg { DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA512 };
#define DIGEST_MAX 64

size_t digest_len(enum digest_alg alg);
/* out has digest_len(alg) bytes. */
void digest(enum digest_alg alg, const void *p, size_t n, uint8_t *out);
void digest_hmac(
    enum digest_alg alg, const void *key, size_t key_len, const void *p, size_t n, uint8_t *out);
void digest_pbkdf2(enum digest_alg alg, const char *password, size_t len, const void *salt,
    size_t salt_len, unsigned iterations, uint8_t *out);

/* Compares without telling by its time where two secrets differ. */
bool digest_same(const void *a, const void *b, size_t n);

/* Hex, lower case, NUL added: out has 2 n + 1 bytes. */
void digest_hex(const void *p, size_t n, char *out);

/* Base64 with padding (RFC 4648 4).  encode: out has BASE64_LEN(n) + 1 bytes.  decode: strict (no
 * white space, right padding, zero pad bits), out has room for 3 * (n / 4) bytes; returns the
 * number of bytes or -EINVAL. */
#define BASE64_LEN(n) ((((n) + 2) / 3) * 4)
void base64_encode(const void *p, size_t n, char *out);
ssize_t base64_decode(const char *s, size_t n, void *out) __attribute__((warn_unused_result));

#endif
