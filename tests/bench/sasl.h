/* SPDX-License-Identifier: MIT */
/* A client's side of PLAIN (RFC 4616) and SCRAM (RFC 5802, RFC 7677), without channel binding.
 * What is returned is base64, on the heap. */
#ifndef BENCH_SASL_H
#define BENCH_SASL_H

#include <stdbool.h>
#include <stddef.h>

struct conn;

/* The salted passwords are read from a file and written back; NULL: neither. */
void sasl_open(const char *path);
void sasl_close(const char *path);

char *sasl_plain(const struct conn *c);
char *sasl_first(struct conn *c);
/* The answer to the server's first message; NULL: it is malformed or not an answer to ours. */
char *sasl_final(struct conn *c, const char *text, size_t n);
/* Whether the server has shown that it knows the password's key. */
bool sasl_verify(const struct conn *c, const char *text, size_t n);

#endif
