/* SPDX-License-Identifier: MIT */
#include <base/arena.h>
#include <base/log.h>

#include "conf.h"
#include "core/route.h"
#include "core/stanza.h"
#include "links/component.h"
#include "links/tap.h"
#include "router.h"

struct told { /* with its event */
	struct router *router;
	struct stanza *st; /* held; NULL: it does not wait for this, or not any more */
	struct tap_how how;
};

enum { AROUND = 4096 }; /* what an event is more than its message, at most */

/* What was made here is at least as long in memory. */
bool tap_fits(const struct component *c, const struct stanza *st)
{
	size_t max = (size_t)component_conf_of(c)->max_stanza, len = el_wire_len(st->el);

	return (len > 0 ? len : arena_size(el_arena(st->el))) + AROUND <= max - max / 8;
}

bool tap_ready(struct component *c, const struct stanza *st)
{
	return component_keeps(
	    c, arena_size(el_arena(st->el)) + AROUND, &st->from, st->component != NULL);
}

/* The component has it, or gave it up. */
static void event_done(struct stanza *ev)
{
	struct told *t = ev->arg;
	struct stanza *st = t->st;

	t->st = NULL;
	if (ev->dropped && t->how.holds && t->how.taken)
		log_warn(NULL, "a message that somebody has got was not archived");
	else if (ev->dropped && st)
		route_bounce(t->router, st, COND_RESOURCE_CONSTRAINT, "it could not be kept");
	stanza_release(st);
}

/* Grace is over. */
static bool event_stays(struct stanza *ev)
{
	struct told *t = ev->arg;
	struct stanza *st = t->st;

	if (!t->how.taken)
		return false;
	t->st = NULL;
	stanza_release(st);
	return true;
}

bool tap_send(
    struct router *r, struct component *c, struct el *event, struct stanza *st, struct tap_how how)
{
	struct stanza *ev;
	struct told *t;
	bool sent;

	if (stanza_new(&ev, event) < 0) {
		stanza_release(ev);
		return false;
	}
	t = arena_zalloc(el_arena(event), sizeof(*t));
	*t = (struct told){ r, how.holds ? stanza_hold(st) : NULL, how };
	ev->arg = t;
	ev->done = event_done;
	if (how.holds) /* else tap_ready() was not asked: it waits as any message does */
		ev->stays = event_stays;
	ev->acked_only = true;
	ev->payer = st->from;
	ev->payer.s = arena_strdup(el_arena(event), st->from.s);
	ev->payer_is_component = st->component != NULL;
	if (how.holds)
		component_settle(st); /* a link does not wait for another one */
	sent = component_send(c, ev) == COMPONENT_TAKEN;
	if (!sent) { /* the caller answers */
		ev->done = NULL;
		stanza_release(t->st);
	}
	stanza_release(ev);
	return sent;
}
