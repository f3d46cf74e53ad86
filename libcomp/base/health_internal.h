/* SPDX-License-Identifier: MIT */
/* What the health port's two sides share. */
#ifndef BASE_HEALTH_INTERNAL_H
#define BASE_HEALTH_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#define HEALTH_ADDRS 4 /* as many of a name's addresses are tried */

struct health_addr {
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_storage room;
	} sa;
	socklen_t len;
};

/* Resolves "/path", "host:port", "[::1]:port" or ":port" (all addresses to listen on, or the
 * loopback to ask).  Returns how many of out were filled, >= 1, or -Exxx with one line in err. */
int health_addrs(struct health_addr out[HEALTH_ADDRS], const char *where, bool to_listen, char *err,
    size_t err_len) __attribute__((warn_unused_result));

#endif
