/* SPDX-License-Identifier: MIT */
#include "core/route.h"
#include "core/stanza.h"
#include "links/entered.h"
#include "links/link.h"

void entered_note(const struct stanza *st)
{
	struct component *from = st->component;

	if (!from || st->kind != EL_PRESENCE)
		return;
	if (st->type == ST_PRES_AVAILABLE && el_child(st->el, "x", NS_MUC))
		(void)ghosts_keep(&from->entered, st);
	else if (st->type != ST_PRES_AVAILABLE)
		ghosts_forget(&from->entered, st->from.s, st->to.s);
}

void entered_over(struct router *r, struct component *c)
{
	struct el *el;

	while ((el = ghosts_next(&c->entered)))
		route_own(r, el);
}
