/* SPDX-License-Identifier: MIT */
/* Rosters for components (XEP-0356 4): their iqs are done by im/ as the owner's own; what changes
 * is pushed to them. */
#include <base/rnd.h>

#include "core/route.h"
#include "core/stanza.h"
#include "im/roster.h"
#include "links/component.h"
#include "links/privilege_internal.h"

#define PUSH_ID 12

void privilege_roster(struct router *r, struct component *c, struct stanza *st)
{
	const struct privileged *p = privileged_of(r, c);
	enum priv_type type = st->type == ST_IQ_GET ? PRIV_GET : PRIV_SET;

	if ((p->grants.roster & type) &&
	    component_for_host(c, jid_domain(&st->to), jid_domain_len(&st->to)))
		roster_iq(r, st, &st->to);
	else
		route_bounce(r, st, COND_FORBIDDEN, NULL);
}

struct push {
	const struct jid *owner;
	const struct el *el;
};

/* 4.4.  One that the link does not take is not made up for: the component reads the rosters anew
 * when it is told again what it is granted. */
static void push_to(struct privileged *p, void *arg)
{
	const struct push *push = arg;
	const struct jid *owner = push->owner;
	char id[PUSH_ID + 1];
	struct el *copy;

	if (!p->grants.push ||
	    !component_for_host(p->component, jid_domain(owner), jid_domain_len(owner)))
		return;
	copy = el_dup(push->el);
	rnd_id(id, PUSH_ID);
	el_set(copy, "id", id);
	el_set(copy, "from", owner->s);
	el_set(copy, "to", component_domain(p->component));
	if (component_tell_own(p->component, NULL, copy) == COMPONENT_FULL)
		privilege_lost(p);
}

void privilege_push(struct router *r, const struct jid *owner, const struct el *push)
{
	struct push arg = { owner, push };

	privileged_each(r, push_to, &arg);
}
