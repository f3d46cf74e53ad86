/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "owner.h"
#include "store.h"

static const struct rate_conf retract_rate = { .per_second = 5, .burst = 50 };

static void forget(struct archive *a, struct owner *o)
{
	map_del(&a->owners, &o->by_jid);
	list_del(&o->by_use);
	free(o);
}

/* What is not committed cannot be read again.  The first are those used longest ago: a few are
 * looked at for each that comes. */
static void trim(struct archive *a)
{
	uint64_t safe = comp_tx_safe(a->c);
	int looks = 4;

	LIST_EACH_SAFE (l, &a->owners_by_use) {
		struct owner *o = LIST_ENTRY(l, struct owner, by_use);

		if (map_len(&a->owners) < ARCHIVE_OWNERS || looks-- == 0)
			return;
		if (o->tx <= safe)
			forget(a, o);
	}
}

static struct owner *owner_new(struct archive *a, const char *jid, int64_t id)
{
	size_t len = strlen(jid);
	struct owner *o = xzalloc(sizeof(*o) + len + 1);

	trim(a);
	memcpy(o->jid, jid, len + 1);
	o->id = id;
	rate_init(&o->retracts, &retract_rate, loop_now(comp_loop(a->c)));
	o->fresh = a->last_body; /* nobody knows which of the last are its */
	map_put(&a->owners, &o->by_jid, o->jid, len);
	list_add_tail(&a->owners_by_use, &o->by_use);
	return o;
}

int owner_find(struct archive *a, const char *jid, struct owner **out)
{
	struct map_node *m = map_gets(&a->owners, jid);
	int64_t id;
	int r;

	if (m) {
		*out = MAP_ENTRY(m, struct owner, by_jid);
		list_del(&(*out)->by_use);
		list_add_tail(&a->owners_by_use, &(*out)->by_use);
		return 0;
	}
	r = store_read_account(a, jid, &id);
	if (r < 0)
		return r;
	*out = owner_new(a, jid, id);
	return 0;
}

int owner_make(struct archive *a, const char *jid, struct owner **out)
{
	int r = owner_find(a, jid, out);

	if (r < 0 || (*out)->id != 0)
		return r;
	(*out)->id = ++a->last_account;
	store_put_account(comp_tx(a->c), (*out)->id, jid);
	owner_touch(a, *out);
	return 0;
}

void owner_touch(struct archive *a, struct owner *o)
{
	o->tx = comp_tx_number(a->c);
}

bool owner_retracts(struct archive *a, struct owner *o)
{
	return rate_take(&o->retracts, &retract_rate, 1, loop_now(comp_loop(a->c)));
}

void owner_drop(struct archive *a, struct owner *o)
{
	if (o->id == 0)
		return;
	store_put_gone(comp_tx(a->c), o->id);
	o->id = 0;
	owner_touch(a, o);
}

void owners_free(struct archive *a)
{
	LIST_EACH_SAFE (l, &a->owners_by_use)
		forget(a, LIST_ENTRY(l, struct owner, by_use));
}
