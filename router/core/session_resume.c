/* SPDX-License-Identifier: MIT */
/* What of a session's stanzas counts (XEP-0198), and what that means when it is resumed.
 *
 * Those in flight stand in order of number; what came before the first of them counts.  Resumed,
 * the session goes back to that number, and those stand apart until they are repeated. */
#include "core/session.h"
#include "core/session_sm.h"
#include "core/stanza.h"
#include "router.h"

uint32_t session_sm_handled(const struct session *s)
{
	uint32_t base = s->sm->base;

	LIST_EACH (it, &s->flight.list) {
		uint32_t number = LIST_ENTRY(it, struct stanza, link)->number;

		if ((int32_t)(number - base) > 0) /* else from before it began */
			return number - 1 - base;
	}
	return s->flight.in - base;
}

bool session_sm_pending(const struct session *s)
{
	return session_sm_handled(s) != s->flight.in - s->sm->base;
}

void session_sm_settled(struct session *s)
{
	struct session_wait *w = s->sm->wait;

	if (w && !session_sm_pending(s))
		task_defer(s->router->loop, &w->task);
}

uint32_t session_sm_rewind(struct session *s)
{
	struct session_sm *sm = s->sm;
	uint32_t h = session_sm_handled(s);

	while (!list_empty(&s->flight.list)) {
		struct list *it = s->flight.list.next;

		list_del(it);
		list_add_tail(&s->flight.apart, it);
	}
	repeats_expect(&sm->repeats);
	s->flight.in = sm->base + h;
	return h;
}

void session_sm_await(struct session *s, struct session_wait *w)
{
	struct session_sm *sm = s->sm;

	if (sm->wait)
		sm->wait->session = NULL;
	sm->wait = w;
	if (w)
		w->session = s;
	if (s->owner || !sm->id[0]) /* its end is near */
		return;
	if (w)
		timer_stop(&sm->timer);
	else
		timer_set(&sm->timer, sm->sleep_ms);
}
