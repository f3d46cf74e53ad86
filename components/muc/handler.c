/* SPDX-License-Identifier: MIT */
#include "handler.h"

int handler_refuse(struct comp_req *rq, enum el_cond cond, const char *type, const char *text)
{
	comp_reply(rq, el_error_reply_type(comp_el(rq), cond, type, text));
	return ANSWERED;
}

int handler_run(struct muc *m, struct comp_req *rq, handler_fn *fn)
{
	struct room *r = rooms_find_jid(m, comp_to(rq));
	int ret;

	if (r && room_load(r) < 0) {
		(void)handler_refuse(
		    rq, COND_RESOURCE_CONSTRAINT, "wait", "The room cannot be read now.");
		return COMP_DONE;
	}
	ret = fn(m, r, rq);
	if (r)
		room_settle(r);
	if (ret == HANDLED)
		comp_reply_ok(rq);
	return ret < 0 ? ret : COMP_DONE;
}
