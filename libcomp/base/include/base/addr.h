/* SPDX-License-Identifier: MIT */
/* A peer's address: for the log, for limits by address, for what only private networks may do. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#define ADDR_TEXT 48 /* INET6_ADDRSTRLEN and a little */

struct addr {
	union {
		struct sockaddr sa; /* AF_UNSPEC: unknown */
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	char text[ADDR_TEXT]; /* "192.0.2.1", "2001:db8::1", "unix", "unknown"; no port */
};

/* Of a connected socket.  An IPv4 address that came through an IPv6 socket is one of IPv4.  A peer
 * that is gone already has none. */
void addr_of_peer(struct addr *out, int fd);
/* Loopback, RFC 1918, link-local, fc00::/7, a Unix socket. */
bool addr_is_private(const struct addr *a);

#endif
