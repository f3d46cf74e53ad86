/* SPDX-License-Identifier: MIT */
#include "handler.h"

/* A refused entry has the <x/> of the request (7.2.1 on): clients that look for it, profanity for
 * one, would otherwise take themselves for occupants and never ask again. */
int handler_refuse(struct comp_req *rq, enum el_cond cond, const char *type, const char *text)
{
	const struct el *asked = comp_el(rq);
	struct el *err = el_error_reply_type(asked, cond, type, text);

	if (err && el_kind(asked) == EL_PRESENCE && el_child(asked, "x", NS_MUC))
		el_add(err, "x", NS_MUC);
	comp_reply(rq, err);
	return ANSWERED;
}

int handler_run(struct muc *m, struct comp_req *rq, handler_fn *fn)
{
	struct room *r = rooms_find_jid(m, comp_to(rq));
	int ret;

	/* The service with a resource.  What a room without a name sent would end the link. */
	if (jid_local_len(comp_to(rq)) == 0) {
		(void)handler_refuse(rq, COND_ITEM_NOT_FOUND, NULL, NULL);
		return COMP_DONE;
	}
	if (r && room_load(r) < 0) {
		(void)handler_refuse(
		    rq, COND_RESOURCE_CONSTRAINT, "wait", "The room cannot be read now.");
		return COMP_DONE;
	}
	ret = fn(m, r, rq);
	if (r)
		room_settle(r);
	if (ret < 0)
		(void)handler_refuse(rq, (enum el_cond)(-ret), NULL, NULL);
	else if (ret == HANDLED)
		comp_reply_ok(rq);
	return COMP_DONE;
}
