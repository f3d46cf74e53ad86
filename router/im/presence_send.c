/* SPDX-License-Identifier: MIT */
/* The way out for presence.  Local recipients get the element serialised with their address; a
 * component gets a copy, for what a link queues is an element.  Block lists of either side count
 * here too, as nothing of this passes route_stanza(). */
#include <string.h>

#include "core/session.h"
#include "im/blocking.h"
#include "im/presence_send.h"
#include "links/component.h"
#include "links/privilege.h"
#include "router.h"

bool presence_is_local(const struct router *r, const struct jid *j)
{
	return j->dom && router_serves(r, jid_domain(j), jid_domain_len(j));
}

/* past_block: the sender's own list does not count. */
static bool admits(struct router *r, const struct el *el, const struct jid *to, bool past_block)
{
	struct jid from = jid_view(el_attr(el, "from"));

	if (past_block)
		return !blocking_refuses(r, to, &from);
	return blocking_judge(r, &from, to) == BLOCKING_PASS;
}

static void send_local(struct router *r, const struct el *el, const struct jid *to, bool past_block)
{
	struct session *s = to->res ? sessions_find(r->sessions, to) : NULL;
	struct user *u = to->res ? NULL : sessions_user(r->sessions, to);

	if (s && admits(r, el, to, past_block))
		session_send_addr(s, el, NULL, to->s);
	if (!u)
		return;
	LIST_EACH (it, &u->sessions) {
		s = LIST_ENTRY(it, struct session, of_user);
		if (session_available(s) && admits(r, el, &s->jid, past_block))
			session_send_addr(s, el, NULL, to->s);
	}
}

/* NULL: none, or none that users may know. */
static struct component *component_of(struct router *r, const struct jid *to)
{
	struct component *c = components_find(r->components, jid_domain(to), jid_domain_len(to));

	return c && !component_internal(c) ? c : NULL;
}

/* One that is away needs no copy but of who has left, which is kept for it. */
static bool may_send(const struct component *c, const struct el *el)
{
	const char *type = el_attr(el, "type");

	return component_expects(c) || (type && !strcmp(type, "unavailable"));
}

static void send(struct router *r, const struct el *el, const struct jid *to, bool past_block)
{
	struct component *c;
	struct el *copy;

	if (router_serves(r, jid_domain(to), jid_domain_len(to))) {
		if (to->dom)
			send_local(r, el, to, past_block);
		return;
	}
	c = component_of(r, to);
	if (!c || !may_send(c, el) || !admits(r, el, to, past_block))
		return;
	copy = el_dup(el);
	el_set(copy, "to", to->s);
	(void)component_send_own(c, copy); /* no room: presence is dropped */
}

void presence_send(struct router *r, const struct el *el, const struct jid *to)
{
	send(r, el, to, false);
}

void presence_send_past_block(struct router *r, const struct el *el, const struct jid *to)
{
	send(r, el, to, true);
}

void presence_send_away(struct router *r, const struct el *el)
{
	struct jid to = jid_view(el_attr(el, "to"));
	struct component *c = component_of(r, &to);

	if (c)
		(void)component_send_el(c, el);
}

/* Requests go to available sessions (RFC 6121 3.1.3), the rest of the handshake to interested ones
 * (3.1.6, 3.2.3, 3.3.3). */
void presence_deliver_sub(struct router *r, const struct jid *owner, const struct el *el)
{
	struct user *u = sessions_user(r->sessions, owner);
	bool request = !strcmp(el_attr(el, "type"), "subscribe");

	if (!u)
		return;
	LIST_EACH (it, &u->sessions) {
		struct session *s = LIST_ENTRY(it, struct session, of_user);

		if (request ? session_available(s) : s->im.interested)
			session_send(s, el);
	}
}

struct el *presence_gone(const struct jid *from)
{
	struct el *el = el_presence("unavailable", NULL);

	el_set(el, "from", from->s);
	return el;
}

void presence_show(struct router *r, const struct jid *owner, const struct jid *contact)
{
	struct user *u = sessions_user(r->sessions, owner);

	if (!u)
		return;
	LIST_EACH (it, &u->sessions) {
		struct session *s = LIST_ENTRY(it, struct session, of_user);

		if (!session_available(s))
			continue;
		presence_send(r, s->im.presence, contact);
		privilege_shown(s, contact);
	}
}

static void hide(
    struct router *r, const struct jid *owner, const struct jid *contact, bool past_block)
{
	struct user *u = sessions_user(r->sessions, owner);

	if (!u)
		return;
	LIST_EACH (it, &u->sessions) {
		struct session *s = LIST_ENTRY(it, struct session, of_user);
		EL_AUTO struct el *gone = NULL;

		if (!session_available(s))
			continue;
		gone = presence_gone(&s->jid);
		send(r, gone, contact, past_block);
	}
}

void presence_hide(struct router *r, const struct jid *owner, const struct jid *contact)
{
	hide(r, owner, contact, false);
}

void presence_leave(struct router *r, const struct jid *owner, const struct jid *contact)
{
	hide(r, owner, contact, true);
}
