/* SPDX-License-Identifier: MIT */
/* How much of something bounded each sender (bare JID) takes, without an object per sender: a fixed
 * number of counters, chosen by a keyed hash.  Two senders may share one and then have one share
 * between them; nobody can choose whom to share with. */
#ifndef ROUTER_SHARES_H
#define ROUTER_SHARES_H

#include <assert.h>
#include <stddef.h>

#include <base/map.h>
#include <xmpp/jid.h>

enum { SHARES = 1024, SHARE_PART = 8 }; /* one sender: at most an eighth of the whole */

struct shares {
	size_t used[SHARES];
};

/* Whose counter it is. */
static inline unsigned shares_of(const struct jid *from)
{
	return (unsigned)(map_hash(from->s, jid_bare_len(from)) % SHARES);
}
static inline size_t shares_used(const struct shares *s, unsigned who)
{
	return s->used[who];
}
static inline void shares_take(struct shares *s, unsigned who, size_t n)
{
	s->used[who] += n;
}
static inline void shares_give(struct shares *s, unsigned who, size_t n)
{
	assert(s->used[who] >= n);
	s->used[who] -= n;
}

#endif
