/* SPDX-License-Identifier: MIT */
/* The way out for presence.  Local recipients get the element serialised with their address; a
 * component gets a copy, for what a link queues is an element. */
#include <string.h>

#include "core/session.h"
#include "im/presence_send.h"
#include "links/component.h"
#include "router.h"

bool presence_is_local(const struct router *r, const struct jid *j)
{
	return j->dom && router_serves(r, jid_domain(j), jid_domain_len(j));
}

static void send_local(struct router *r, const struct el *el, const struct jid *to)
{
	struct session *s = to->res ? sessions_find(r->sessions, to) : NULL;
	struct user *u = to->res ? NULL : sessions_user(r->sessions, to);

	if (s)
		session_send_addr(s, el, NULL, to->s);
	if (!u)
		return;
	LIST_EACH (it, &u->sessions) {
		s = LIST_ENTRY(it, struct session, of_user);
		if (session_available(s))
			session_send_addr(s, el, NULL, to->s);
	}
}

static struct component *component_of(struct router *r, const struct jid *to)
{
	return components_find(r->components, jid_domain(to), jid_domain_len(to));
}

void presence_send(struct router *r, const struct el *el, const struct jid *to)
{
	EL_AUTO struct el *copy = NULL;
	struct component *c;

	if (router_serves(r, jid_domain(to), jid_domain_len(to))) {
		if (to->dom)
			send_local(r, el, to);
		return;
	}
	c = component_of(r, to);
	if (!c || !component_online(c))
		return;
	copy = el_dup(el);
	el_set(copy, "to", to->s);
	(void)component_send_el(c, copy); /* away: presence is dropped */
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

		if (session_available(s))
			presence_send(r, s->im.presence, contact);
	}
}

void presence_hide(struct router *r, const struct jid *owner, const struct jid *contact)
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
		presence_send(r, gone, contact);
	}
}
