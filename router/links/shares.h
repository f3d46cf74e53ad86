/* SPDX-License-Identifier: MIT */
/* How much of something bounded each sender (bare JID) takes, without an object per sender: a fixed
 * number of counters, chosen by a keyed hash.  Two senders may share one and then have one share
 * between them; nobody can choose whom to share with.  A component, which has as many names as it
 * likes, is counted under all of them besides. */
#ifndef ROUTER_SHARES_H
#define ROUTER_SHARES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#include <base/map.h>
#include <xmpp/jid.h>

enum {
	SHARES = 1024,
	SHARE_PART = 8,           /* one sender: at most an eighth of the whole */
	SHARE_PART_COMPONENT = 2, /* all names of a component together: at most half */
};

struct shares {
	size_t used[SHARES];
	size_t components[SHARES];
};
struct share { /* whose counters they are */
	unsigned sender, component;
	bool is_component;
};

static inline struct share shares_of(const struct jid *from, bool is_component)
{
	struct share sh = { .is_component = is_component };

	sh.sender = (unsigned)(map_hash(from->s, jid_bare_len(from)) % SHARES);
	if (is_component)
		sh.component =
		    (unsigned)(map_hash(jid_domain(from), jid_domain_len(from)) % SHARES);
	return sh;
}
static inline bool shares_part_fits(size_t used, size_t n, size_t part)
{
	return used == 0 || used + n <= part;
}
/* Is there room for n, of max in all?  Who has nothing there may take one thing of any size. */
static inline bool shares_fit(const struct shares *s, struct share sh, size_t n, size_t max)
{
	return shares_part_fits(s->used[sh.sender], n, max / SHARE_PART) &&
	       (!sh.is_component ||
		   shares_part_fits(s->components[sh.component], n, max / SHARE_PART_COMPONENT));
}
static inline void shares_take(struct shares *s, struct share sh, size_t n)
{
	s->used[sh.sender] += n;
	if (sh.is_component)
		s->components[sh.component] += n;
}
static inline void shares_give(struct shares *s, struct share sh, size_t n)
{
	assert(s->used[sh.sender] >= n);
	s->used[sh.sender] -= n;
	if (!sh.is_component)
		return;
	assert(s->components[sh.component] >= n);
	s->components[sh.component] -= n;
}

#endif
