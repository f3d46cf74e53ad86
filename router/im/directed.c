/* SPDX-License-Identifier: MIT */
/* Directed presence: one map of a session, bounded.
 *
 * A full JID has an entry of its own and one for its bare JID, which counts how many full ones lean
 * on it: so both questions, "this address?" and "anything at this bare JID?", are one look-up. */
#include <stdlib.h>

#include "core/session.h"
#include "im/directed.h"
#include "im/presence.h"

#define DIRECTED_MAX 2048 /* entries, so at least half as many addresses */

struct directed {
	struct map_node node;
	struct jid jid; /* owned */
	bool target;    /* presence was sent to this very address */
	unsigned full;  /* of a bare JID: full ones with an entry */
};

static struct directed *find(const struct session *s, const char *p, size_t len)
{
	struct map_node *n = map_get(&s->im.directed, p, len);

	return n ? MAP_ENTRY(n, struct directed, node) : NULL;
}

/* The entry for the first len bytes of j: all of it, or its bare part. */
static struct directed *enter(struct session *s, const struct jid *j, size_t len)
{
	struct directed *d = find(s, j->s, len);

	if (d)
		return d;
	d = xzalloc(sizeof(*d));
	d->jid.s = xstrndup(j->s, len);
	d->jid.dom = j->dom;
	d->jid.res = len == j->len ? j->res : 0;
	d->jid.len = (uint16_t)len;
	map_put(&s->im.directed, &d->node, d->jid.s, len);
	return d;
}

static void leave_if_unused(struct session *s, struct directed *d)
{
	if (d->target || d->full > 0)
		return;
	map_del(&s->im.directed, &d->node);
	jid_done(&d->jid);
	free(d);
}

bool directed_add(struct session *s, const struct jid *to)
{
	struct directed *d = find(s, to->s, to->len);

	if (d && d->target)
		return true;
	if (map_len(&s->im.directed) + 2 > DIRECTED_MAX)
		return false;
	enter(s, to, to->len)->target = true;
	if (to->res)
		enter(s, to, jid_bare_len(to))->full++;
	return true;
}

void directed_remove(struct session *s, const struct jid *to)
{
	struct directed *d = find(s, to->s, to->len);

	if (!d || !d->target)
		return;
	d->target = false;
	leave_if_unused(s, d);
	if (!to->res)
		return;
	d = find(s, to->s, jid_bare_len(to));
	d->full--;
	leave_if_unused(s, d);
}

void directed_flush(
    struct session *s, void (*fn)(struct session *s, const struct jid *to, void *arg), void *arg)
{
	struct map_node *n;

	while ((n = map_first(&s->im.directed))) {
		struct directed *d = MAP_ENTRY(n, struct directed, node);

		map_del(&s->im.directed, n);
		if (d->target)
			fn(s, &d->jid, arg);
		jid_done(&d->jid);
		free(d);
	}
}

void directed_flush_if(struct session *s, bool (*which)(const struct jid *to, void *arg),
    void (*fn)(struct session *s, const struct jid *to, void *arg), void *arg)
{
	size_t n = 0, max = map_len(&s->im.directed);
	struct jid *picked;

	if (max == 0)
		return;
	picked = xreallocarray(NULL, max, sizeof(*picked));
	MAP_EACH (it, &s->im.directed) {
		const struct directed *d = MAP_ENTRY(it, struct directed, node);

		if (d->target && which(&d->jid, arg))
			picked[n++] = jid_dup(&d->jid);
	}
	for (size_t i = 0; i < n; i++) {
		directed_remove(s, &picked[i]);
		fn(s, &picked[i], arg);
		jid_done(&picked[i]);
	}
	free(picked);
}

bool presence_directed_to(const struct session *s, const struct jid *to)
{
	return find(s, to->s, jid_bare_len(to)) != NULL;
}
