/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "listing.h"
#include "room.h"

size_t listing_find(const char *jid, bool *ret_there, void *arg)
{
	const struct listing *l = arg;
	size_t lo = 0, hi = l->n, len = strcspn(jid, "@");

	*ret_there = false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const char *name = l->v[mid]->local;
		int d = strncmp(name, jid, len);

		if (d == 0 && name[len])
			d = 1;
		if (d == 0) {
			*ret_there = true;
			return mid;
		}
		if (d < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void listing_add(struct listing *l, struct room *r)
{
	bool there;
	size_t at = listing_find(r->local, &there, l);

	assert(!there);
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->v = xreallocarray(l->v, l->cap, sizeof(struct room *));
	}
	memmove(l->v + at + 1, l->v + at, (l->n - at) * sizeof(struct room *));
	l->v[at] = r;
	l->n++;
}

void listing_remove(struct listing *l, const struct room *r)
{
	bool there;
	size_t at = listing_find(r->local, &there, l);

	assert(there && l->v[at] == r);
	l->n--;
	memmove(l->v + at, l->v + at + 1, (l->n - at) * sizeof(struct room *));
}

void listing_update(struct room *r)
{
	bool listed = r->conf.public && !r->locked && !r->gone;

	if (listed == r->listed)
		return;
	r->listed = listed;
	if (listed)
		listing_add(&r->m->listing, r);
	else
		listing_remove(&r->m->listing, r);
}

void listing_done(struct listing *l)
{
	free(l->v);
	*l = (struct listing){ 0 };
}
