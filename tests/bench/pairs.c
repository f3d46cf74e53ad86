/* SPDX-License-Identifier: MIT */
#include <base/mem.h>

#include "opts.h"
#include "pairs.h"
#include "pool.h"
#include "session.h"

void pairs_make(struct traffic *t)
{
	t->senders = xzalloc((size_t)pool.n * sizeof(struct conn *));
	for (int i = 0; i < pool.n; i++) {
		pool.conns[i]->peer = pool.conns[i ^ 1];
		if (opt.both_ways || i % 2 == 0)
			t->senders[t->n_senders++] = pool.conns[i];
	}
}

struct conn *pairs_sender(const struct conn *c, const char *s, size_t n, uint64_t *due)
{
	unsigned sender;

	if (s[1] != 'm' || !message_read(s, n, due, &sender))
		return NULL;
	if (xml_is_error(s, n)) {
		session_error("a message is refused", s, n);
		return NULL;
	}
	if (sender >= (unsigned)pool.n || pool.conns[sender]->peer != c) {
		session_error("a message for somebody else", s, n);
		return NULL;
	}
	return pool.conns[sender];
}
