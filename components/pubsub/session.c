/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>

#include "caps.h"
#include "last.h"
#include "session.h"
#include "store.h"

enum { OF_ONE = 64 }; /* sessions of one bare JID */

/* --- finding -----------------------------------------------------------------------------------
 */

struct peer *peer_find(const struct pubsub *p, const char *bare)
{
	struct map_node *m = map_gets(&p->peers, bare);

	return m ? MAP_ENTRY(m, struct peer, node) : NULL;
}

static struct session *find(const struct pubsub *p, const struct jid *full)
{
	struct map_node *m = map_get(&p->peers, full->s, jid_bare_len(full));

	if (m)
		LIST_EACH (l, &MAP_ENTRY(m, struct peer, node)->sessions) {
			struct session *s = LIST_ENTRY(l, struct session, link);

			if (strcmp(s->jid, full->s) == 0)
				return s;
		}
	return NULL;
}

struct session *session_find(const struct pubsub *p, const char *full)
{
	struct jid j = jid_view(full);

	return find(p, &j);
}

/* --- life --------------------------------------------------------------------------------------
 */

static struct peer *peer_obtain(struct pubsub *p, const struct jid *full)
{
	size_t len = jid_bare_len(full);
	struct map_node *m = map_get(&p->peers, full->s, len);
	struct peer *peer;

	if (m)
		return MAP_ENTRY(m, struct peer, node);
	peer = xzalloc(sizeof(*peer) + len + 1);
	peer->p = p;
	memcpy(peer->bare, full->s, len);
	list_init(&peer->sessions);
	map_put(&p->peers, &peer->node, peer->bare, len);
	return peer;
}

/* NULL: there are too many. */
static struct session *session_new(struct pubsub *p, const struct jid *full)
{
	struct session *s;
	struct peer *peer;

	if (p->n_sessions >= PUBSUB_SESSIONS)
		return NULL;
	peer = peer_obtain(p, full);
	if (peer->n >= OF_ONE)
		return NULL;
	s = xzalloc(sizeof(*s) + full->len + 1U);
	s->peer = peer;
	memcpy(s->jid, full->s, full->len + 1U);
	list_init(&s->of_caps);
	list_init(&s->fresh);
	list_add_tail(&peer->sessions, &s->link);
	peer->n++;
	p->n_sessions++;
	return s;
}

static void session_free(struct session *s)
{
	struct peer *peer = s->peer;
	struct pubsub *p = peer->p;

	caps_leave(s);
	list_del(&s->fresh);
	list_del(&s->link);
	caps_unref(s->caps);
	caps_unref(s->seen);
	free(s);
	p->n_sessions--;
	if (--peer->n > 0)
		return;
	map_del(&p->peers, &peer->node);
	free(peer);
}

static void store(const struct session *s)
{
	store_put_session(comp_tx(s->peer->p->c), s->jid, s->caps ? s->caps->key : NULL,
	    s->seen ? s->seen->key : NULL);
}

static void set_caps(struct session *s, struct caps *caps)
{
	struct pubsub *p = s->peer->p;

	caps_leave(s);
	list_del(&s->fresh);
	caps_unref(s->caps);
	s->caps = caps;
	if (!caps)
		return;
	caps_enter(caps, s);
	if (caps != s->seen)
		list_add_tail(&p->fresh, &s->fresh);
}

/* Whoever has left may have been the one who was asked: the next one is. */
void session_set_caps(struct session *s, struct caps *caps)
{
	struct caps *old = caps_ref(s->caps);

	set_caps(s, caps);
	store(s);
	if (old)
		caps_ask(old);
	caps_unref(old);
}

void session_greeted(struct session *s)
{
	list_del(&s->fresh);
	s->waited = 0;
	if (s->seen == s->caps)
		return;
	caps_unref(s->seen);
	s->seen = caps_ref(s->caps);
	store(s);
}

/* --- presence ----------------------------------------------------------------------------------
 */

int session_available(struct comp_req *rq, void *arg)
{
	struct pubsub *p = arg;
	const struct jid *from = comp_from(rq);
	const char *key = caps_key(comp_el(rq));
	struct session *s = jid_is_bare(from) ? NULL : find(p, from);
	bool is_new = !s;

	if (jid_is_bare(from))
		return COMP_DONE;
	if (!s)
		s = session_new(p, from);
	if (!s || (!is_new && strcmp(s->caps ? s->caps->key : "", key ? key : "") == 0))
		return COMP_DONE;
	session_set_caps(s, key ? caps_obtain(p, key) : NULL);
	if (s->caps && s->caps->known)
		last_greet(s);
	else if (s->caps)
		caps_ask(s->caps);
	return COMP_DONE;
}

static void gone(struct session *s)
{
	struct caps *caps = caps_ref(s->caps);

	store_del_session(comp_tx(s->peer->p->c), s->jid);
	session_free(s);
	if (caps)
		caps_ask(caps);
	caps_unref(caps);
}

void sessions_drop(struct pubsub *p, const char *bare)
{
	struct peer *peer = peer_find(p, bare);
	size_t n = peer ? peer->n : 0;

	while (n-- > 0) /* the last one takes the peer with it */
		gone(LIST_ENTRY(peer->sessions.next, struct session, link));
}

int session_unavailable(struct comp_req *rq, void *arg)
{
	struct pubsub *p = arg;
	const struct jid *from = comp_from(rq);
	struct session *s;

	if (jid_is_bare(from)) { /* none of its sessions is seen any more */
		sessions_drop(p, from->s);
		return COMP_DONE;
	}
	s = find(p, from);
	if (s)
		gone(s);
	return COMP_DONE;
}

/* --- all of them -------------------------------------------------------------------------------
 */

static void restore(
    struct pubsub *p, const char *full, const char *caps, const char *seen, void *arg)
{
	struct arena *a = arena_new();
	struct session *s;
	struct jid jid;

	(void)arg;
	if (jid_parse(&jid, a, full) == 0 && !jid_is_bare(&jid) && !find(p, &jid)) {
		s = session_new(p, &jid);
		if (s && seen)
			s->seen = caps_obtain(p, seen);
		if (s && caps)
			set_caps(s, caps_obtain(p, caps));
	}
	arena_free(a);
}

int sessions_load(struct pubsub *p)
{
	return store_read_sessions(p, restore, NULL);
}

/* What has not been finished before the end goes on.  A link that begins anew is told all. */
void sessions_online(struct pubsub *p, bool resumed)
{
	if (!resumed) {
		store_del_sessions(comp_tx(p->c));
		sessions_free(p);
		return;
	}
	LIST_EACH_SAFE (l, &p->fresh) {
		struct session *s = LIST_ENTRY(l, struct session, fresh);

		if (s->caps->known)
			last_greet(s);
		else
			caps_ask(s->caps);
	}
}

/* That they end would not be told. */
void sessions_granted(struct pubsub *p)
{
	struct map_node *next;

	for (struct map_node *m = map_first(&p->peers); m; m = next) {
		const struct peer *peer = MAP_ENTRY(m, struct peer, node);
		struct jid jid = jid_view(peer->bare);

		next = map_next(&p->peers, m);
		if (pubsub_is_local(p, &jid) && !comp_may(p->c, peer->bare, COMP_MAY_PRESENCE))
			sessions_drop(p, peer->bare);
	}
}

void sessions_free(struct pubsub *p)
{
	struct map_node *next;

	for (struct map_node *m = map_first(&p->peers); m; m = next) {
		struct peer *peer = MAP_ENTRY(m, struct peer, node);
		size_t n = peer->n;

		next = map_next(&p->peers, m);
		while (n-- > 0)
			session_free(LIST_ENTRY(peer->sessions.next, struct session, link));
	}
}
