/* SPDX-License-Identifier: MIT */
/* Connections per address. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/limits.h"

struct conn_addr {
	struct map_node node;
	size_t n;
	char key[INET6_ADDRSTRLEN + 4];
};

void conn_limit_init(struct conn_limit *l)
{
	map_init(&l->by_addr);
	l->total = 0;
}

void conn_limit_done(struct conn_limit *l)
{
	struct map_node *n;

	while ((n = map_first(&l->by_addr))) {
		map_del(&l->by_addr, n);
		free(MAP_ENTRY(n, struct conn_addr, node));
	}
	map_done(&l->by_addr);
}

void conn_limit_key(const char *addr, char *out, size_t out_len)
{
	struct in6_addr a6;
	char text[INET6_ADDRSTRLEN];

	if (inet_pton(AF_INET6, addr, &a6) == 1) {
		memset(&a6.s6_addr[8], 0, 8);
		(void)inet_ntop(AF_INET6, &a6, text, sizeof(text));
		(void)snprintf(out, out_len, "%s/64", text);
	} else {
		(void)snprintf(out, out_len, "%s", addr);
	}
}

static struct conn_addr *find(struct conn_limit *l, const char *addr, char *key, size_t key_len)
{
	struct map_node *n;

	conn_limit_key(addr, key, key_len);
	n = map_gets(&l->by_addr, key);
	return n ? MAP_ENTRY(n, struct conn_addr, node) : NULL;
}

bool conn_limit_enter(struct conn_limit *l, const char *addr, size_t max)
{
	char key[INET6_ADDRSTRLEN + 4];
	struct conn_addr *ca = find(l, addr, key, sizeof(key));

	if (ca && max && ca->n >= max)
		return false;
	if (!ca) {
		ca = xzalloc(sizeof(*ca));
		memcpy(ca->key, key, sizeof(key));
		map_put(&l->by_addr, &ca->node, ca->key, strlen(ca->key));
	}
	ca->n++;
	l->total++;
	return true;
}

void conn_limit_leave(struct conn_limit *l, const char *addr)
{
	char key[INET6_ADDRSTRLEN + 4];
	struct conn_addr *ca = find(l, addr, key, sizeof(key));

	if (!ca)
		return;
	l->total--;
	if (--ca->n == 0) {
		map_del(&l->by_addr, &ca->node);
		free(ca);
	}
}

size_t conn_limit_count(struct conn_limit *l, const char *addr)
{
	char key[INET6_ADDRSTRLEN + 4];
	const struct conn_addr *ca = find(l, addr, key, sizeof(key));

	return ca ? ca->n : 0;
}

size_t conn_limit_most(const struct conn_limit *l)
{
	size_t most = 0;

	MAP_EACH (n, &l->by_addr) {
		const struct conn_addr *ca = MAP_ENTRY(n, struct conn_addr, node);

		if (ca->n > most)
			most = ca->n;
	}
	return most;
}
