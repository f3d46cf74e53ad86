/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "listing.h"
#include "room.h"
#include "store.h"

/* --- in memory ---------------------------------------------------------------------------------
 */

/* The order of a room's name and an address's local part, as strcmp(). */
static int compare(const char *name, const char *jid, size_t len)
{
	int d = strncmp(name, jid, len);

	return d == 0 && name[len] ? 1 : d;
}

static size_t find(const struct listing *l, const char *jid, bool *ret_there)
{
	size_t lo = 0, hi = l->n, len = strcspn(jid, "@");

	*ret_there = false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int d = compare(l->v[mid]->local, jid, len);

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
	size_t at = find(l, r->local, &there);

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
	size_t at = find(l, r->local, &there);

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

static void show(const struct room *r, listed_fn *fn, void *arg)
{
	const struct listed l = {
		.local = r->local,
		.title = r->conf.name,
		.desc = r->conf.desc,
		.lang = r->conf.lang,
		.members_only = r->conf.members_only,
		.password = r->conf.password,
		.nonanon = r->conf.nonanon,
		.occupants = (int64_t)r->n_occupants,
	};

	fn(&l, arg);
}

/* --- wherever it is ----------------------------------------------------------------------------
 */

int listing_count(struct muc *m, size_t *ret_n)
{
	if (muc_shares(m))
		return store_count_listed(m, ret_n);
	*ret_n = m->listing.n;
	return 0;
}

size_t listing_find(const char *jid, bool *ret_there, void *arg)
{
	struct muc *m = arg;

	if (muc_shares(m))
		return store_find_listed(m, jid, strcspn(jid, "@"), ret_there);
	return find(&m->listing, jid, ret_there);
}

int listing_read(struct muc *m, size_t from, size_t n, listed_fn *fn, void *arg)
{
	const struct listing *l = &m->listing;

	if (muc_shares(m))
		return store_read_listed(m, from, n, fn, arg);
	for (size_t i = from; i < l->n && i - from < n; i++)
		show(l->v[i], fn, arg);
	return 0;
}
