/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <base/sbuf.h>

#include "caps.h"
#include "caps_hash.h"
#include "last.h"
#include "session.h"
#include "store.h"

enum {
	ASK_MS = 30 * 1000,
	UNUSED_MAX = 1024, /* in memory without a user */
	STORED_MAX = 10000,
	CUT_EVERY = 256, /* stored ones, between looks at how many there are */
	KEY_MAX = 1024,
};

/* --- keys --------------------------------------------------------------------------------------
 */

const char *caps_key(const struct el *presence)
{
	const struct el *c = el_child(presence, "c", NS_CAPS);
	const char *hash = c ? el_attr(c, "hash") : NULL, *ver = c ? el_attr(c, "ver") : NULL;
	const char *node = c ? el_attr(c, "node") : NULL;
	enum digest_alg alg;
	size_t len;
	char *key;

	/* Before there was a hash (XEP-0115 before 1.4) nobody could prove anything. */
	if (!hash || !ver || !node || caps_alg(hash, &alg) < 0 || strpbrk(ver, " "))
		return NULL;
	len = strlen(hash) + strlen(ver) + strlen(node) + 3;
	if (len > KEY_MAX)
		return NULL;
	key = arena_alloc(el_arena(presence), len);
	(void)snprintf(key, len, "%s %s %s", hash, ver, node);
	return key;
}

/* --- life --------------------------------------------------------------------------------------
 */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Takes what is in names. */
static void set_names(struct caps *c, struct sbuf *names)
{
	size_t len = sbuf_len(names), n = 0;
	char *s;

	c->known = true;
	c->names = s = sbuf_steal(names);
	for (size_t i = 0; i < len; i += strlen(s + i) + 1)
		n++;
	c->sorted = xreallocarray(NULL, n ? n : 1, sizeof(*c->sorted));
	for (size_t i = 0; i < len; i += strlen(s + i) + 1)
		c->sorted[c->n++] = s + i;
	qsort(c->sorted, c->n, sizeof(*c->sorted), by_name); /* strings by their octets */
}

static void destroy(struct caps *c)
{
	comp_ask_cancel(c->asked);
	map_del(&c->p->caps, &c->node);
	if (!list_empty(&c->by_use))
		c->p->n_unused_caps--;
	list_del(&c->by_use);
	free(c->names);
	free(c->sorted);
	free(c);
}

struct caps *caps_obtain(struct pubsub *p, const char *key)
{
	struct map_node *m = map_gets(&p->caps, key);
	struct sbuf names = SBUF_INIT;
	size_t len = strlen(key);
	struct caps *c;

	if (m)
		return caps_ref(MAP_ENTRY(m, struct caps, node));
	c = xzalloc(sizeof(*c) + len + 1);
	c->p = p;
	memcpy(c->key, key, len + 1);
	list_init(&c->by_use);
	list_init(&c->users);
	list_init(&c->silent);
	map_put(&p->caps, &c->node, c->key, len);
	if (store_read_caps(p, key, &names) > 0)
		set_names(c, &names);
	sbuf_done(&names);
	return caps_ref(c);
}

struct caps *caps_ref(struct caps *c)
{
	if (!c)
		return NULL;
	if (!list_empty(&c->by_use)) {
		list_del(&c->by_use);
		c->p->n_unused_caps--;
	}
	c->refs++;
	return c;
}

void caps_unref(struct caps *c)
{
	struct pubsub *p;

	if (!c || --c->refs > 0)
		return;
	if (!c->known) {
		destroy(c);
		return;
	}
	p = c->p;
	list_add_tail(&p->unused_caps, &c->by_use);
	if (++p->n_unused_caps > UNUSED_MAX)
		destroy(LIST_ENTRY(p->unused_caps.next, struct caps, by_use));
}

void caps_free(struct pubsub *p)
{
	struct map_node *next;

	for (struct map_node *m = map_first(&p->caps); m; m = next) {
		next = map_next(&p->caps, m);
		destroy(MAP_ENTRY(m, struct caps, node));
	}
}

bool caps_wants(const struct caps *c, const char *node)
{
	return c && c->n > 0 && bsearch(&node, c->sorted, c->n, sizeof(*c->sorted), by_name);
}

/* --- asking ------------------------------------------------------------------------------------
 */

static void keep(struct caps *c)
{
	struct pubsub *p = c->p;
	struct db_batch *b = comp_tx(p->c);
	size_t len = 0;

	for (size_t i = 0; i < c->n; i++)
		len += strlen(c->sorted[i]) + 1;
	store_put_caps(b, c->key, c->names, len, pubsub_wall(p));
	if (++p->caps_stored % CUT_EVERY == 0)
		store_cut_caps(b, STORED_MAX);
}

void caps_enter(struct caps *c, struct session *s)
{
	list_add_tail(&c->users, &s->of_caps);
}

/* What nobody is there to answer is not waited for. */
void caps_leave(struct session *s)
{
	struct caps *c = s->caps;

	list_del(&s->of_caps);
	s->silent = false;
	if (!c || c->asking != s)
		return;
	comp_ask_cancel(c->asked);
	c->asked = NULL;
	c->asking = NULL;
}

/* Is this what the hash was made of? */
static bool verify(const struct caps *c, const struct el *answer, struct sbuf *names)
{
	const struct el *query = el_child(answer, "query", NS_DISCO_INFO);
	size_t n = strcspn(c->key, " ");
	const char *ver = c->key + n + 1;
	char hash[16], made[CAPS_HASH_LEN + 1];
	enum digest_alg alg;

	if (!query || n >= sizeof(hash))
		return false;
	memcpy(hash, c->key, n);
	hash[n] = '\0';
	n = strcspn(ver, " ");
	if (caps_alg(hash, &alg) < 0 || caps_hash(query, alg, made) < 0 || strlen(made) != n ||
	    memcmp(made, ver, n) != 0)
		return false;
	(void)caps_notify(query, names);
	return true;
}

static void greet_all(struct list *sessions)
{
	LIST_EACH_SAFE (l, sessions)
		last_greet(LIST_ENTRY(l, struct session, of_caps));
}

/* Others of the same account come last: with many sessions it does not hold up the rest. */
static void pass_over(struct caps *c, struct session *s)
{
	LIST_EACH (l, &s->peer->sessions) {
		struct session *other = LIST_ENTRY(l, struct session, link);

		if (other == s || other->caps != c || other->silent)
			continue;
		list_del(&other->of_caps);
		list_add_tail(&c->users, &other->of_caps);
	}
	list_del(&s->of_caps);
	list_add_tail(&c->silent, &s->of_caps);
	s->silent = true;
}

static void on_answer(struct comp *comp, int err, const struct el *answer, void *arg)
{
	struct caps *c = arg;
	struct sbuf names = SBUF_INIT;
	struct session *s = c->asking;

	(void)comp;
	c->asked = NULL;
	c->asking = NULL;
	if (err == -ECANCELED)
		return;
	(void)caps_ref(c);
	if (err == 0 && verify(c, answer, &names)) {
		set_names(c, &names);
		keep(c);
		greet_all(&c->users);
		greet_all(&c->silent);
	} else {
		pass_over(c, s);
		if (err == 0)
			session_set_caps(s, NULL);
		caps_ask(c);
	}
	sbuf_done(&names);
	caps_unref(c);
}

static struct comp_iq *send(struct caps *c, const struct session *s)
{
	struct comp *comp = c->p->c;
	const char *ver = strchr(c->key, ' ') + 1, *node = strchr(ver, ' ') + 1;
	struct el *iq = el_iq("get", s->jid), *query = el_add(iq, "query", NS_DISCO_INFO);

	el_setf(query, "node", "%s#%.*s", node, (int)(node - ver - 1), ver);
	if (!comp_may_iq(comp, s->peer->bare, NS_DISCO_INFO, "get"))
		return comp_ask(comp, iq, ASK_MS, on_answer, c);
	el_set(iq, "from", s->peer->bare);
	return comp_ask_as(comp, iq, ASK_MS, on_answer, c);
}

void caps_ask(struct caps *c)
{
	struct session *s = LIST_FIRST(&c->users, struct session, of_caps);

	if (!s || c->known || c->asked)
		return;
	c->asking = s;
	c->asked = send(c, s);
}
