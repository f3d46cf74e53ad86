/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <base/addr.h>

static void unmap_v4(struct addr *a)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = a->in6.sin6_port };

	if (a->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		return;
	memcpy(&v4.sin_addr, &a->in6.sin6_addr.s6_addr[12], sizeof(v4.sin_addr));
	a->in = v4;
}

void addr_of_peer(struct addr *out, int fd)
{
	socklen_t len = sizeof(out->in6);
	const void *ip = NULL;

	memset(out, 0, sizeof(*out));
	/* A Unix socket's address is cut off; only its family counts. */
	if (getpeername(fd, &out->sa, &len) < 0)
		out->sa.sa_family = AF_UNSPEC;
	unmap_v4(out);
	if (out->sa.sa_family == AF_INET)
		ip = &out->in.sin_addr;
	else if (out->sa.sa_family == AF_INET6)
		ip = &out->in6.sin6_addr;
	if (!ip || !inet_ntop(out->sa.sa_family, ip, out->text, sizeof(out->text)))
		(void)snprintf(out->text, sizeof(out->text), "%s",
		    out->sa.sa_family == AF_UNIX ? "unix" : "unknown");
}

bool addr_is_private(const struct addr *a)
{
	uint32_t ip;

	switch (a->sa.sa_family) {
	case AF_UNIX:
		return true;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr) ||
		       IN6_IS_ADDR_LINKLOCAL(&a->in6.sin6_addr) ||
		       (a->in6.sin6_addr.s6_addr[0] & 0xfe) == 0xfc;
	case AF_INET:
		ip = ntohl(a->in.sin_addr.s_addr);
		return ip >> 24 == 127 || ip >> 24 == 10 || ip >> 20 == 0xac1 ||
		       ip >> 16 == 0xc0a8 || ip >> 16 == 0xa9fe;
	default:
		return false;
	}
}
