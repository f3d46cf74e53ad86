/* SPDX-License-Identifier: MIT */
#include "conf.h"
#include "core/asleep.h"
#include "core/session.h"
#include "core/session_csi.h"
#include "core/session_sm.h"
#include "router.h"

enum { /* bytes, about */
	SESSION_COST = 4096,
	KEPT_COST = 64, /* of each stanza, beside what was written */
};

void asleep_init(struct asleep *all)
{
	*all = (struct asleep){ .bytes = 0 };
	for (size_t i = 0; i < ASLEEP_SIZES; i++)
		list_init(&all->by_size[i]);
}

static unsigned size_of(size_t bytes)
{
	unsigned i = 0;

	while (bytes >>= 1)
		i++;
	return i < ASLEEP_SIZES ? i : ASLEEP_SIZES - 1;
}

static struct session *largest(const struct asleep *all)
{
	for (size_t i = ASLEEP_SIZES; i-- > 0;) {
		struct session_sm *sm =
		    LIST_FIRST(&all->by_size[i], struct session_sm, asleep.link);

		if (sm)
			return sm->session;
	}
	return NULL;
}

static void put(struct asleep *all, struct asleep_place *place, size_t bytes)
{
	if (place->bytes == 0 || size_of(place->bytes) != size_of(bytes)) {
		if (place->bytes > 0)
			list_del(&place->link);
		list_add_tail(&all->by_size[size_of(bytes)], &place->link);
	}
	all->bytes += bytes - place->bytes;
	place->bytes = bytes;
}

static void make_room(struct router *r, struct asleep *all)
{
	int64_t most = r->conf->limit.sleep_bytes;
	struct session *s;

	while (most > 0 && all->bytes > (size_t)most && (s = largest(all))) {
		log_warn(&s->tag, "too much is kept for sessions that wait: this one ends");
		session_sm_end_soon(s);
	}
}

void asleep_enter(struct session *s)
{
	struct asleep *all = sessions_asleep(s->router->sessions);
	const struct session_sm *sm = s->sm;

	put(all, &s->sm->asleep,
	    SESSION_COST + sm->bytes + sm->n * KEPT_COST + session_csi_bytes(s) +
		repeats_bytes(&sm->repeats));
	make_room(s->router, all);
}

void asleep_weigh(struct session *s)
{
	if (s->sm && s->sm->asleep.bytes > 0)
		asleep_enter(s);
}

void asleep_leave(struct session *s)
{
	struct asleep_place *place = &s->sm->asleep;

	if (place->bytes == 0)
		return;
	list_del(&place->link);
	sessions_asleep(s->router->sessions)->bytes -= place->bytes;
	place->bytes = 0;
}
