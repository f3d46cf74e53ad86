/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <base/mem.h>
#include <xmpp/jid.h>

#include "slow.h"

struct spoke {
	struct map_node node;
	struct list link;
	uint64_t at;
	char *who; /* bare JID */
};

void slow_init(struct slow *s)
{
	map_init(&s->by_who);
	list_init(&s->order);
}

static struct spoke *first(const struct slow *s)
{
	return LIST_FIRST(&s->order, struct spoke, link);
}

static void forget(struct slow *s, struct spoke *p)
{
	map_del(&s->by_who, &p->node);
	list_del(&p->link);
	free(p->who);
	free(p);
}

void slow_done(struct slow *s)
{
	while (first(s))
		forget(s, first(s));
	map_done(&s->by_who);
	slow_init(s);
}

static bool is_over(const struct spoke *p, int64_t seconds, uint64_t now_ms)
{
	return now_ms - p->at >= (uint64_t)seconds * 1000;
}

static struct spoke *find(const struct slow *s, const struct jid *who)
{
	struct map_node *n = map_get(&s->by_who, who->s, jid_bare_len(who));

	return n ? MAP_ENTRY(n, struct spoke, node) : NULL;
}

int64_t slow_wait(struct slow *s, const struct jid *who, int64_t seconds, uint64_t now_ms)
{
	const struct spoke *p;

	while ((p = first(s)) && is_over(p, seconds, now_ms))
		forget(s, first(s));
	p = find(s, who);
	return p ? seconds - (int64_t)((now_ms - p->at) / 1000) : 0;
}

void slow_spoke(struct slow *s, const struct jid *who, int64_t seconds, uint64_t now_ms)
{
	struct spoke *p = find(s, who);

	if (p)
		forget(s, p);
	if (seconds <= 0)
		return;
	if (map_len(&s->by_who) >= SLOW_KNOWN_MAX)
		forget(s, first(s));
	p = xzalloc(sizeof(*p));
	p->who = xstrndup(who->s, jid_bare_len(who));
	p->at = now_ms;
	map_put(&s->by_who, &p->node, p->who, jid_bare_len(who));
	list_add_tail(&s->order, &p->link);
}
