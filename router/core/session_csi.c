/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/map.h>
#include <base/mem.h>

#include "core/delay.h"
#include "core/session.h"
#include "core/session_csi.h"
#include "im/carbons.h"

enum { /* of one session; what is more is sent at once */
	HELD_MAX = 1000,
	HELD_BYTES = 1 << 20, /* of all of it in memory */
	ONE_WIRE = 4096,      /* of one element: what is longer says more than it seems */
	ONE_BYTES = 16384,    /* of one in memory */
};

struct held {
	struct map_node node; /* by key */
	struct list link;     /* in the order in which they came */
	struct el *el;        /* with its addresses, stamped */
	size_t bare;          /* bytes of the bare JID in `from` */
	size_t bytes;
	char key[]; /* kind and `from`; of a copy, of whom it is about */
};
struct session_csi {
	struct map by_key;
	struct list all;
	size_t n, bytes;
};

/* --- what can wait ------------------------------------------------------------------------------
 */

/* Nothing but a chat state, and what goes along with one. */
static bool is_chat_state(const struct el *message)
{
	bool state = false;

	EL_EACH (it, message, NULL, NULL) {
		if (!strcmp(el_ns(it), NS_CHATSTATES))
			state = true;
		else if (strcmp(el_ns(it), NS_HINTS) != 0 && !el_is(it, "thread", NS_CLIENT))
			return false;
	}
	return state;
}

/* The message inside a carbon of either way; NULL: it is none. */
static const struct el *carbon_of(const struct session *s, const struct el *message)
{
	const struct el *sent = carbons_inside(s->user, message, "sent");

	return sent ? sent : carbons_inside(s->user, message, "received");
}

/* XEP-0045 7.2.2: who enters a room waits for his own presence. */
static bool is_own_entry(const struct el *presence)
{
	const struct el *x = el_child(presence, "x", NS_MUC_USER);

	return x && el_child(x, "status", NS_MUC_USER);
}

static bool can_wait(const struct session *s, const struct el *el)
{
	const char *type = el_attr(el, "type");
	const struct el *inner;

	if (el_wire_len(el) > ONE_WIRE)
		return false;
	if (el_kind(el) == EL_PRESENCE)
		return (!type || !strcmp(type, "unavailable")) && !is_own_entry(el);
	if (el_kind(el) != EL_MESSAGE || (type && !strcmp(type, "error")))
		return false;
	inner = carbon_of(s, el);
	return is_chat_state(inner ? inner : el);
}

/* --- holding ------------------------------------------------------------------------------------
 */

static void drop(struct session_csi *c, struct held *h)
{
	map_del(&c->by_key, &h->node);
	list_del(&h->link);
	c->n--;
	c->bytes -= h->bytes;
	el_free(h->el);
	free(h);
}

/* One for each kind and sender: the newer one says all that matters. */
static struct held *place(struct session *s, const struct el *el, const char *from)
{
	struct session_csi *c = s->csi;
	const struct el *inner = el_kind(el) == EL_MESSAGE ? carbon_of(s, el) : NULL;
	const char *about = inner && el_attr(inner, "from") ? el_attr(inner, "from") : from;
	char *key = xasprintf("%c%s", el_kind(el) == EL_PRESENCE ? 'p' : 'm', about);
	struct map_node *n = map_gets(&c->by_key, key);
	size_t len = strlen(key);
	struct held *h;

	if (n)
		drop(c, MAP_ENTRY(n, struct held, node));
	h = xzalloc(sizeof(*h) + len + 1);
	memcpy(h->key, key, len + 1);
	h->bare = strcspn(from, "/");
	map_put(&c->by_key, &h->node, h->key, len);
	list_add_tail(&c->all, &h->link);
	c->n++;
	free(key);
	return h;
}

/* Also while a message is delivered: who acknowledges this has not acknowledged that one. */
static void release(struct session *s, struct held *h)
{
	struct delivery *message = s->user->delivery;
	struct el *el = h->el;

	h->el = NULL; /* drop() leaves it */
	drop(s->csi, h);
	s->user->delivery = NULL;
	(void)session_send_now(s, el, NULL, NULL);
	s->user->delivery = message;
	el_free(el);
}

/* Those of this sender; NULL: all. */
static void release_of(struct session *s, const char *from)
{
	size_t n = from ? strcspn(from, "/") : 0;

	LIST_EACH_SAFE (it, &s->csi->all) {
		struct held *h = LIST_ENTRY(it, struct held, link);

		if (!from || (h->bare == n && !memcmp(el_attr(h->el, "from"), from, n)))
			release(s, h);
	}
}

static struct el *copy_for(
    const struct session *s, const struct el *el, const char *from, const char *to)
{
	struct el *copy = el_dup(el);

	el_set(copy, "from", from);
	if (to)
		el_set(copy, "to", to);
	delay_stamp(s, copy);
	return copy;
}

bool session_csi_hold(struct session *s, const struct el *el, const char *from, const char *to)
{
	struct session_csi *c = s->csi;
	struct el *copy = NULL;
	struct held *h;

	if (!from)
		from = el_attr(el, "from");
	if (!from || el_kind(el) == EL_OTHER)
		return false;
	if (can_wait(s, el)) {
		copy = copy_for(s, el, from, to);
		if (arena_size(el_arena(copy)) > ONE_BYTES) {
			el_free(copy);
			copy = NULL;
		}
	}
	if (!copy) {
		release_of(s, from);
		return false;
	}
	if (c->n >= HELD_MAX || c->bytes >= HELD_BYTES)
		release_of(s, NULL);
	h = place(s, el, from);
	h->el = copy;
	h->bytes = arena_size(el_arena(copy));
	c->bytes += h->bytes;
	return true;
}

/* --- life ---------------------------------------------------------------------------------------
 */

void session_csi_set(struct session *s, bool inactive)
{
	if (inactive && !s->csi) {
		s->csi = xzalloc(sizeof(*s->csi));
		map_init(&s->csi->by_key);
		list_init(&s->csi->all);
	} else if (!inactive && s->csi) {
		release_of(s, NULL);
		session_csi_free(s);
	}
}

size_t session_csi_bytes(const struct session *s)
{
	return s->csi ? s->csi->bytes : 0;
}

void session_csi_free(struct session *s)
{
	if (!s->csi)
		return;
	LIST_EACH_SAFE (it, &s->csi->all)
		drop(s->csi, LIST_ENTRY(it, struct held, link));
	map_done(&s->csi->by_key);
	free(s->csi);
	s->csi = NULL;
}
