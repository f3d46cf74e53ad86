/* SPDX-License-Identifier: MIT */
/* Listening sockets, TCP and Unix.  Out of descriptors: accepting pauses for a second and a warning
 * is logged, instead of spinning. */
#ifndef BASE_LISTEN_H
#define BASE_LISTEN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct listener;
struct loop;

/* fd is non-blocking, close-on-exec, TCP_NODELAY; the callee owns it. */
typedef void listen_fn(int fd, void *arg);

/* Opens one socket per address of the list.  addrs: "127.0.0.1,::1" (literal addresses; a family
 * that the machine lacks is skipped with a warning, -EAFNOSUPPORT only if none is left).  Port 0
 * opens nothing: 0 and *out = NULL.  err gets one line for the operator ("127.0.0.1 port 5222:
 * Address already in use"). */
int listen_tcp(struct listener **out, struct loop *l, const char *addrs, uint16_t port,
    listen_fn *fn, void *arg, char *err, size_t err_len) __attribute__((warn_unused_result));
/* A stale socket file is replaced, a live one is -EADDRINUSE. */
int listen_unix(struct listener **out, struct loop *l, const char *path, mode_t mode, listen_fn *fn,
    void *arg, char *err, size_t err_len) __attribute__((warn_unused_result));
void listen_close(struct listener *ln); /* NULL is fine; removes a Unix socket's file */

#endif
