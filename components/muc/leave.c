/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "leave.h"
#include "reach.h"

/* The session's own farewell: what an occupant of several sessions is to the others stays. */
static void leave_one_of_many(struct session *s, const struct note *n)
{
	struct occupant *o = s->occ;
	bool was_main = occupant_main(o) == s;
	static const struct note as_is = { 0 };

	session_speaks(s); /* so that the JID in it is its own */
	presence_tell_one(o, n, s);
	(void)session_free(s);
	if (was_main && o->visible && reach_fits_show(o)) /* else they see what it was */
		presence_tell(o, &as_is);
}

/* 10.1.3: a room that its owner leaves before it is configured ends, and says so. */
static void leave_unconfigured(struct session *s, struct note n)
{
	EL_AUTO struct el *end = el_new("destroy", NS_MUC_USER);

	n.destroy = end;
	presence_tell(s->occ, &n);
	(void)session_free(s);
}

void leave_session(struct session *s, const struct note *n)
{
	struct occupant *o = s->occ;

	if (o->sessions.next != o->sessions.prev) {
		leave_one_of_many(s, n);
		return;
	}
	if (o->room->locked && o->room->n_occupants == 1) {
		leave_unconfigured(s, *n);
		return;
	}
	presence_tell(o, n);
	(void)session_free(s);
}

void leave_occupant(struct occupant *o, const struct note *n)
{
	bool last;

	presence_tell(o, n);
	do
		last = session_free(occupant_main(o));
	while (!last);
}

void leave_all(struct room *r, const struct note *n)
{
	LIST_EACH (it, &r->occupants)
		LIST_ENTRY(it, struct occupant, link)->visible = false;
	while (!list_empty(&r->occupants))
		leave_occupant(LIST_FIRST(&r->occupants, struct occupant, link), n);
}

int leave_unavailable(struct muc *m, struct room *r, struct comp_req *rq)
{
	struct session *s = r ? room_session(r, comp_from(rq)) : NULL;
	struct note n = { .gone = true };

	(void)m;
	if (!s)
		return HANDLED; /* 17.3: silently */
	n.status = el_child_text(comp_el(rq), "status", NS_CLIENT);
	if (n.status && (strlen(n.status) > MUC_REASON_MAX || !reach_may_say(s, n.status)))
		n.status = NULL;
	n.id = el_attr(comp_el(rq), "id");
	leave_session(s, &n);
	return HANDLED; /* an empty room that is not persistent ends with this turn */
}
