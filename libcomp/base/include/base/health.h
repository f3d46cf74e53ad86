/* SPDX-License-Identifier: MIT */
/* /healthz, /readyz and /metrics over HTTP on a Unix socket or host:port.
 * healthz: the loop turns.  readyz: every dependency that counts is there; the body names each,
 * one line "name: ok" or "name: reason".  200 or 503. */
#ifndef BASE_HEALTH_H
#define BASE_HEALTH_H

#include <stdbool.h>
#include <stddef.h>

struct health;
struct loop;

/* where: "/path/to/socket" or "host:port"; "" turns it off (*out = NULL, 0). */
int health_open(struct health **out, struct loop *l, const char *where, char *err, size_t err_len)
    __attribute__((warn_unused_result));
void health_close(struct health *h); /* NULL is fine */

/* A dependency, created by the first call ("database", "link", "certificate").  reason NULL: ok.
 * counts: whether readiness depends on it.  h may be NULL.  name and reason are copied. */
void health_set(struct health *h, const char *name, bool counts, const char *reason);

/* The client's side, blocking: asks `where` for /readyz, prints the answer to stdout; returns the
 * exit status for PROGRAM --health: 0 ready, 1 not ready or unreachable. */
int health_ask(const char *where);

#endif
