/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <base/map.h>
#include <base/mem.h>
#include <base/sbuf.h>

#include "core/repeats.h"
#include "core/stanza.h"

#define TAIL_MIN 8 /* a power of two, as REPEATS_TAIL is */

void repeats_init(struct repeats *rp)
{
	*rp = (struct repeats){ 0 };
	list_init(&rp->came);
	list_init(&rp->expected);
}

/* --- which is which -----------------------------------------------------------------------------
 */

static void put_attr(struct sbuf *out, const struct el *el, const char *name)
{
	const char *val = el_attr(el, name);

	if (val)
		sbuf_puts(out, val);
	sbuf_putc(out, val ? '\0' : '\1'); /* neither is in a value */
}

/* What was parsed is written anew, so that quotes and the like make no difference. */
uint64_t repeats_hash(const struct stanza *st)
{
	struct sbuf out = SBUF_INIT;
	uint64_t hash;

	(void)sbuf_reserve(&out, el_wire_len(st->el) + 256); /* once, not while it grows */
	sbuf_putc(&out, (char)st->kind);
	put_attr(&out, st->el, "type");
	put_attr(&out, st->el, "to");
	put_attr(&out, st->el, "id");
	EL_EACH (it, st->el, NULL, NULL) {
		if (!el_is(it, "delay", NS_DELAY))
			el_write(&out, it, NS_CLIENT);
	}
	hash = map_hash(sbuf_data(&out), sbuf_len(&out));
	sbuf_done(&out);
	return hash ? hash : 1;
}

/* --- the tail -----------------------------------------------------------------------------------
 */

static bool is_above(uint32_t number, uint32_t h)
{
	return (int32_t)(number - h) > 0;
}

static void tail_grow(struct repeats *rp)
{
	size_t cap = rp->tail_cap ? 2 * rp->tail_cap : TAIL_MIN;
	struct repeat_tail *ring = xreallocarray(NULL, cap, sizeof(*ring));

	for (size_t i = 0; i < rp->tail_n; i++)
		ring[i] = rp->tail[(rp->tail_first + i) & (rp->tail_cap - 1)];
	free(rp->tail);
	rp->tail = ring;
	rp->tail_first = 0;
	rp->tail_cap = cap;
}

static void tail_drop(struct repeats *rp)
{
	rp->tail_first = (rp->tail_first + 1) & (rp->tail_cap - 1);
	rp->tail_n--;
}

static void tail_add(struct repeats *rp, const struct repeat *rep)
{
	if (rp->tail_n == REPEATS_TAIL)
		tail_drop(rp);
	if (rp->tail_n == rp->tail_cap)
		tail_grow(rp);
	rp->tail[(rp->tail_first + rp->tail_n) & (rp->tail_cap - 1)] =
	    (struct repeat_tail){ rep->hash, rep->number };
	rp->tail_n++;
}

void repeats_sure(struct repeats *rp, uint32_t h)
{
	while (rp->tail_n > 0 && !is_above(rp->tail[rp->tail_first].number, h))
		tail_drop(rp);
}

/* Of those that it may have, the first and the last: in between there is little to gain. */
void repeats_told(struct repeats *rp, uint32_t h, uint32_t sent)
{
	struct repeat_told *told = rp->told.open ? &rp->told_later : &rp->told;

	*told = (struct repeat_told){ h, sent, true };
}

void repeats_heard(struct repeats *rp, uint32_t acked)
{
	while (rp->told.open && is_above(acked, rp->told.sent)) {
		repeats_sure(rp, rp->told.h);
		rp->told = rp->told_later;
		rp->told_later.open = false;
	}
}

/* --- what is remembered -------------------------------------------------------------------------
 */

static void forget(struct repeats *rp, struct repeat *rep)
{
	assert(rep);
	if (rep->st)
		rep->st->arg = NULL;
	list_del(&rep->link);
	rp->n--;
	free(rep);
}

static void forget_all(struct repeats *rp, struct list *all)
{
	LIST_EACH_SAFE (it, all)
		forget(rp, LIST_ENTRY(it, struct repeat, link));
}

void repeats_done(struct repeats *rp)
{
	forget_all(rp, &rp->came);
	forget_all(rp, &rp->expected);
	free(rp->tail);
	rp->tail = NULL;
	rp->tail_n = rp->tail_cap = 0;
}

size_t repeats_bytes(const struct repeats *rp)
{
	return rp->n * sizeof(struct repeat) + rp->tail_cap * sizeof(*rp->tail);
}

/* What has settled without a gap counts. */
static void count(struct repeats *rp)
{
	struct repeat *rep;

	while ((rep = LIST_FIRST(&rp->came, struct repeat, link)) && !rep->st) {
		if (repeat_stays(rep))
			tail_add(rp, rep);
		forget(rp, rep);
	}
}

static struct repeat *enter(
    struct repeats *rp, const struct stanza *st, uint64_t hash, uint32_t number)
{
	struct repeat *rep;

	if (rp->n >= REPEATS_MAX) {
		rp->off = true;
		forget_all(rp, &rp->came);
		forget_all(rp, &rp->expected);
	}
	if (rp->off)
		return NULL;
	rep = xzalloc(sizeof(*rep));
	rep->hash = hash;
	rep->hashed = hash != 0;
	rep->number = number;
	rep->kind = st->kind;
	rep->with_id = el_attr(st->el, "id") != NULL;
	list_add_tail(&rp->came, &rep->link);
	rp->n++;
	return rep;
}

bool repeats_add(struct repeats *rp, struct stanza *st, uint64_t hash, uint32_t number)
{
	struct repeat *rep = enter(rp, st, hash, number);

	st->arg = rep;
	if (rep)
		rep->st = st;
	return rep != NULL;
}

bool repeats_add_settled(
    struct repeats *rp, const struct stanza *st, uint64_t hash, uint32_t number)
{
	bool known = enter(rp, st, hash, number) != NULL;

	count(rp);
	return known;
}

void repeats_routed(struct repeats *rp, const struct stanza *st)
{
	struct repeat *rep = st->arg;
	bool counts = st->holds == 1 && rp->came.next == &rep->link;

	if (!rep->hashed && !counts) {
		rep->hash = repeats_hash(st);
		rep->hashed = true;
	}
}

void repeats_settled(struct repeats *rp, const struct stanza *st)
{
	struct repeat *rep = st->arg;

	assert(rep->st == st);
	rep->st = NULL;
	rep->failed = st->bounced || st->dropped;
	count(rp);
}

/* --- repeats ------------------------------------------------------------------------------------
 */

/* Those of an earlier resumption that have not been repeated yet come last. */
void repeats_expect(struct repeats *rp)
{
	struct list all = LIST_INIT(all);

	list_take(&all, &rp->came);
	while (!list_empty(&rp->expected)) {
		struct list *it = rp->expected.next;

		list_del(it);
		list_add_tail(&all, it);
	}
	list_take(&rp->expected, &all);
	rp->strangers = 0;
}

static void is_new(struct repeats *rp)
{
	if (++rp->strangers >= REPEATS_STRANGERS)
		forget_all(rp, &rp->expected);
	if (rp->strangers != 1)
		return;
	LIST_EACH_SAFE (it, &rp->expected) {
		struct repeat *rep = LIST_ENTRY(it, struct repeat, link);

		if (!rep->with_id) /* their place is gone */
			forget(rp, rep);
	}
}

static struct repeat *find(struct repeats *rp, const struct stanza *st, uint64_t hash)
{
	bool by_place = !el_attr(st->el, "id");

	LIST_EACH (it, &rp->expected) {
		struct repeat *rep = LIST_ENTRY(it, struct repeat, link);

		if (rep->hash == hash)
			return rep;
		if (by_place && rep->kind == st->kind)
			return NULL;
	}
	return NULL;
}

struct repeat *repeats_match(struct repeats *rp, const struct stanza *st, uint64_t hash)
{
	struct repeat *rep;

	if (list_empty(&rp->expected))
		return NULL;
	rep = find(rp, st, hash);
	if (!rep) {
		is_new(rp);
		return NULL;
	}
	while (rp->expected.next != &rep->link) /* they are left out */
		forget(rp, LIST_FIRST(&rp->expected, struct repeat, link));
	return rep;
}

void repeats_again(struct repeats *rp, struct repeat *rep, uint32_t number)
{
	rep->number = number;
	list_del(&rep->link);
	list_add_tail(&rp->came, &rep->link);
	count(rp);
}
