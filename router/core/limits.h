/* SPDX-License-Identifier: MIT */
/* Connections per address, and failed logins. */
#ifndef ROUTER_LIMITS_H
#define ROUTER_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

#include <base/map.h>

/* Counts connections per peer address (an IPv6 /64 counts as one address). */
struct conn_limit {
	struct map by_addr;
	size_t total;
};
void conn_limit_init(struct conn_limit *l);
void conn_limit_done(struct conn_limit *l);
/* false: `max` are there already (0: no bound). */
bool conn_limit_enter(struct conn_limit *l, const char *addr, size_t max);
void conn_limit_leave(struct conn_limit *l, const char *addr);
size_t conn_limit_count(struct conn_limit *l, const char *addr);
size_t conn_limit_most(const struct conn_limit *l); /* of one address */
/* The key that addresses are counted by: the address, or an IPv6 address's /64. */
void conn_limit_key(const char *addr, char *out, size_t out_len);

#endif
