/* SPDX-License-Identifier: MIT */
/* What goes to a component goes to its link, or to one of those that share its domain, or to all
 * of them. */
#include <errno.h>

#include "core/stanza.h"
#include "links/component.h"
#include "links/link.h"
#include "links/share.h"

enum component_verdict component_send(struct component *c, struct stanza *st)
{
	return c->sharing ? share_send(c->sharing, st) : member_send(&c->own, st);
}

enum component_verdict component_send_own(struct component *c, struct el *el)
{
	enum component_verdict v;
	struct stanza *st;

	if (!c->sharing)
		return member_send_own(&c->own, el);
	if (stanza_new(&st, el) == -EBADMSG)
		return COMPONENT_TOO_LONG;
	v = share_send(c->sharing, st);
	stanza_release(st);
	return v;
}

enum component_verdict component_send_el(struct component *c, const struct el *el)
{
	return c->sharing ? component_send_own(c, el_dup(el)) : member_send_el(&c->own, el);
}

enum component_verdict component_tell(struct component *c, struct stanza *st)
{
	return c->sharing ? share_tell(c->sharing, st) : member_send(&c->own, st);
}

enum component_verdict component_tell_own(struct component *c, struct member *m, struct el *el)
{
	enum component_verdict v;
	struct stanza *st;

	if (!c->sharing)
		return member_send_own(&c->own, el);
	if (stanza_new(&st, el) == -EBADMSG)
		return COMPONENT_TOO_LONG;
	st->for_one = m != NULL;
	v = m ? member_send(m, st) : share_tell(c->sharing, st);
	stanza_release(st);
	return v;
}

enum component_verdict component_tell_el(struct component *c, struct member *m, const struct el *el)
{
	return c->sharing ? component_tell_own(c, m, el_dup(el)) : member_send_el(&c->own, el);
}

bool component_is_only(const struct component *c, const struct member *m)
{
	return !c->sharing || share_is_only(c->sharing, m);
}
