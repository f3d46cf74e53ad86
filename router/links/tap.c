/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <base/arena.h>
#include <base/log.h>
#include <base/sbuf.h>

#include "conf.h"
#include "core/route.h"
#include "core/stanza.h"
#include "links/component.h"
#include "links/tap.h"
#include "router.h"

struct told { /* with its event */
	struct router *router;
	struct stanza *st; /* held; NULL: it is handled already */
	bool taken;
};

/* --- grants ----------------------------------------------------------------------------------- */

bool tap_has(const struct component *c, const char *what)
{
	const struct conf_list *tap = &component_conf_of(c)->tap;

	for (size_t i = 0; i < tap->n; i++) {
		if (!strcmp(tap->v[i], what))
			return true;
	}
	return false;
}

bool tap_granted(const struct component *c, const char *what, const struct jid *at)
{
	return tap_has(c, what) && component_for_host(c, jid_domain(at), jid_domain_len(at));
}

struct looking {
	const char *what;
	const struct jid *at;
	tap_each_fn *fn;
	void *arg;
};

static void look(struct component *c, void *arg)
{
	const struct looking *l = arg;

	if (tap_granted(c, l->what, l->at))
		l->fn(c, l->arg);
}

void tap_each(struct router *r, const char *what, const struct jid *at, tap_each_fn *fn, void *arg)
{
	struct looking l = { what, at, fn, arg };

	components_each(r->components, look, &l);
}

static void first(struct component *c, void *arg)
{
	struct component **found = arg;

	if (!*found)
		*found = c;
}

struct component *tap_find(struct router *r, const char *what, const struct jid *at)
{
	struct component *c = NULL;

	tap_each(r, what, at, first, &c);
	return c;
}

struct component *tap_keeper(struct router *r, const struct jid *at)
{
	struct component *c = tap_find(r, TAP_MESSAGES, at);

	return c && tap_has(c, TAP_UNDELIVERED) ? c : NULL;
}

void tap_features(const struct component *c, struct sbuf *out)
{
	if (component_conf_of(c)->tap.n > 0)
		sbuf_puts(out, "<tap xmlns='" NS_TAP "'/>");
}

/* --- events ----------------------------------------------------------------------------------- */

bool tap_ready(struct component *c, const struct stanza *st)
{
	enum { AROUND = 4096 }; /* what the event is more than its message, at most */

	return component_keeps(
	    c, arena_size(el_arena(st->el)) + AROUND, &st->from, st->component != NULL);
}

/* The component has it, or gave it up. */
static void event_done(struct stanza *ev)
{
	struct told *t = ev->arg;
	struct stanza *st = t->st;

	t->st = NULL;
	if (ev->dropped && t->taken)
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

	if (!t->taken)
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
	*t = (struct told){ r, how.holds ? stanza_hold(st) : NULL, how.taken };
	ev->arg = t;
	ev->done = event_done;
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
