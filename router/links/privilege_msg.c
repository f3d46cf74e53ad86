/* SPDX-License-Identifier: MIT */
/* Messages in an account's name (XEP-0356 5): what is wrapped goes the way of the account's own
 * messages, through policy and blocking.
 *
 * Who hears of a refusal: an error to the account's bare JID would reach nobody (RFC 6121
 * 8.5.2.1.1), and no client of the account has sent anything.  So what the router refuses is
 * answered to the component, as an error of the stanza that it came in.  What the recipient answers
 * goes to the account, as with any message. */
#include <string.h>

#include <base/arena.h>

#include "core/route.h"
#include "core/stanza.h"
#include "links/component.h"
#include "links/privilege_internal.h"
#include "router.h"

/* The error of the message becomes that of its wrapping. */
static void refused(struct router *r, struct stanza *st, const struct el *reply)
{
	const struct stanza_proxy *proxy = st->proxy;
	struct component *c = components_find(r->components, proxy->domain, strlen(proxy->domain));
	const struct el *error = el_child(reply, "error", NS_CLIENT);
	EL_AUTO struct el *outer = NULL;

	if (!c || !error)
		return;
	outer = el_message("error", el_attr(proxy->outer, "from"));
	el_set(outer, "from", el_attr(proxy->outer, "to"));
	el_set(outer, "id", el_attr(proxy->outer, "id"));
	el_add_copy(outer, error);
	(void)component_send_el(c, outer);
}

/* The start tag alone, in the arena of the stanza that it is kept for. */
static const struct el *outer_copy(struct arena *a, const struct el *el)
{
	struct el *copy = el_new_in(a, el_name(el), NS_CLIENT);

	el_set(copy, "from", el_attr(el, "from"));
	el_set(copy, "to", el_attr(el, "to"));
	el_set(copy, "id", el_attr(el, "id"));
	return copy;
}

/* The one message that is wrapped; NULL: that is not what is there. */
static const struct el *unwrap(const struct stanza *st)
{
	const struct el *privilege = el_child(st->el, "privilege", NS_PRIVILEGE_2);
	const struct el *forwarded, *message;

	if (!privilege)
		privilege = el_child(st->el, "privilege", NS_PRIVILEGE_1);
	forwarded = el_child(privilege, "forwarded", NS_FORWARD);
	message = forwarded ? el_child(forwarded, "message", NULL) : NULL;
	/* Old components forget the namespace; there is nothing else that it could be. */
	if (!message || el_next(message, "message", NULL) ||
	    (strcmp(el_ns(message), NS_CLIENT) != 0 && strcmp(el_ns(message), NS_FORWARD) != 0))
		return NULL;
	return message;
}

/* What a component without the namespace has written is in that of <forwarded/>, down to the first
 * element with one of its own. */
static struct el *in_client_ns(const struct el *message)
{
	struct el *copy;

	if (!strcmp(el_ns(message), NS_CLIENT))
		return el_dup(message);
	copy = el_message(el_attr(message, "type"), el_attr(message, "to"));
	el_set(copy, "id", el_attr(message, "id"));
	el_set(copy, "from", el_attr(message, "from"));
	el_set(copy, "xml:lang", el_attr(message, "xml:lang"));
	EL_EACH (child, message, NULL, NULL) {
		if (!strcmp(el_ns(child), NS_FORWARD))
			(void)el_add_text(copy, el_name(child), NS_CLIENT, el_body(child));
		else
			(void)el_add_copy(copy, child);
	}
	return copy;
}

/* 5.1: a bare JID of the server, or the server itself. */
static bool may_speak_for(struct privileged *p, const struct jid *from)
{
	if (!from->s || from->res)
		return false;
	if (from->dom)
		return privileged_account(p, from);
	return router_serves(p->router, from->s, from->len) &&
	       component_for_host(p->component, from->s, from->len);
}

bool privilege_may_write(struct router *r, struct component *c, const struct jid *from)
{
	struct privileged *p = privileged_of(r, c);

	return p->grants.message && may_speak_for(p, from);
}

static void send(
    struct router *r, struct privileged *p, struct stanza *st, const struct el *message)
{
	struct stanza *inner;
	struct arena *a;
	struct stanza_proxy *proxy;
	int rc = stanza_new(&inner, in_client_ns(message));

	if (rc < 0) {
		/* An address that is none: of the sender, or of the recipient. */
		route_bounce(r, st, (enum el_cond) - rc, NULL);
		stanza_release(inner);
		return;
	}
	if (!may_speak_for(p, &inner->from)) {
		route_bounce(r, st, COND_FORBIDDEN, NULL);
		stanza_release(inner);
		return;
	}
	stanza_set_from(inner, &inner->from);
	a = el_arena(inner->el);
	proxy = arena_zalloc(a, sizeof(*proxy));
	proxy->domain = arena_strdup(a, component_domain(p->component));
	proxy->outer = outer_copy(a, st->el);
	proxy->answer = refused;
	inner->proxy = proxy;
	route_stanza(r, inner);
	stanza_release(inner);
}

void privilege_message(struct router *r, struct component *c, struct stanza *st)
{
	struct privileged *p = privileged_of(r, c);
	const struct el *message = unwrap(st);

	if (!p->grants.message ||
	    !component_for_host(c, jid_domain(&st->to), jid_domain_len(&st->to)))
		route_bounce(r, st, COND_FORBIDDEN, NULL);
	else if (!message)
		route_bounce(r, st, COND_BAD_REQUEST, "one forwarded message is expected");
	else
		send(r, p, st, message);
}
