/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "core/route.h"
#include "core/stanza.h"
#include "links/unanswered.h"

#define KEY_MAX 4096 /* id and two addresses; a request that needs more is not kept */

struct request {
	struct map_node node;
	struct list of_order;
	const char *from, *to; /* in key */
	char key[];            /* id, NUL, who asked, NUL, who is asked, NUL */
};

void unanswered_init(struct unanswered *u)
{
	map_init(&u->by_key);
	list_init(&u->order);
}

static size_t key_of(char out[KEY_MAX], const char *id, const char *asker, const char *asked)
{
	const char *const part[] = { id, asker, asked };
	size_t len = 0;

	for (size_t i = 0; i < 3; i++) {
		size_t n;

		if (!part[i] || (n = strlen(part[i]) + 1) > KEY_MAX - len)
			return 0;
		memcpy(out + len, part[i], n);
		len += n;
	}
	return len;
}

static struct request *find(const struct unanswered *u, const char *key, size_t len)
{
	struct map_node *n = len ? map_get(&u->by_key, key, len) : NULL;

	return n ? MAP_ENTRY(n, struct request, node) : NULL;
}

static void drop(struct unanswered *u, struct request *q)
{
	map_del(&u->by_key, &q->node);
	list_del(&q->of_order);
	free(q);
}

void unanswered_add(struct unanswered *u, const struct stanza *st)
{
	char key[KEY_MAX];
	size_t len = key_of(key, el_attr(st->el, "id"), st->from.s, st->to.s);
	struct request *q;

	if (len == 0 || find(u, key, len))
		return;
	if (map_len(&u->by_key) >= UNANSWERED_MAX)
		drop(u, LIST_ENTRY(u->order.next, struct request, of_order));
	q = xmalloc(sizeof(*q) + len);
	memcpy(q->key, key, len);
	q->from = q->key + strlen(q->key) + 1;
	q->to = q->from + strlen(q->from) + 1;
	map_put(&u->by_key, &q->node, q->key, len);
	list_add_tail(&u->order, &q->of_order);
}

void unanswered_answer(struct unanswered *u, const struct stanza *st)
{
	char key[KEY_MAX];
	struct request *q;

	if (map_len(&u->by_key) == 0)
		return;
	q = find(u, key, key_of(key, el_attr(st->el, "id"), st->to.s, st->from.s));
	if (q)
		drop(u, q);
}

void unanswered_fail(struct unanswered *u, struct router *r)
{
	struct list now;

	list_init(&now);
	list_take(&now, &u->order); /* telling somebody may make new ones */
	while (!list_empty(&now)) {
		struct request *q = LIST_ENTRY(now.next, struct request, of_order);
		EL_AUTO struct el *iq = el_iq("get", q->to);
		struct el *err;

		el_set(iq, "id", q->key);
		el_set(iq, "from", q->from);
		err = el_error_reply(iq, COND_REMOTE_SERVER_TIMEOUT,
		    "the connection to the component was lost before it answered");
		drop(u, q);
		if (err)
			route_own(r, err);
	}
}

void unanswered_each(const struct unanswered *u, void (*fn)(const char *id, void *arg), void *arg)
{
	LIST_EACH (it, &u->order)
		fn(LIST_ENTRY(it, struct request, of_order)->key, arg);
}

void unanswered_done(struct unanswered *u)
{
	while (!list_empty(&u->order))
		drop(u, LIST_ENTRY(u->order.next, struct request, of_order));
	map_done(&u->by_key);
}
