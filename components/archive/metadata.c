/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <xmpp/mam.h>

#include "fresh.h"
#include "held.h"
#include "metadata.h"
#include "owner.h"
#include "query.h"
#include "store.h"

int metadata_form(struct comp_req *rq, void *arg)
{
	int r = query_allowed(rq);
	struct el *answer;

	(void)arg;
	if (r < 0)
		return r;
	answer = comp_result(rq);
	mam_add_form(answer, MAM_GROUPCHAT); /* of rooms, the rooms have it */
	comp_reply(rq, answer);
	return COMP_DONE;
}

static void add_end(struct el *to, const char *name, const struct uid *uid)
{
	char id[UID_TEXT + 1];

	uid_write(uid, id);
	mam_add_end(to, name, id, uid_ms(uid));
}

static enum held_next run(struct archive *a, struct comp_req *rq, void *state)
{
	struct uid first, last;
	struct owner *o;
	struct el *answer, *metadata;
	int r;

	(void)state;
	if (fresh_held(a, comp_to(rq)->s) == HELD_UNTIL)
		return HELD_UNTIL;
	r = owner_find(a, comp_to(rq)->s, &o);
	if (r == 0)
		r = store_read_end(a, o->id, false, &first);
	if (r > 0)
		r = store_read_end(a, o->id, true, &last);
	if (r < 0) {
		comp_reply_err(rq, archive_failed(r), NULL);
		return HELD_DONE;
	}
	answer = comp_result(rq);
	metadata = el_add(answer, "metadata", NS_MAM);
	if (r > 0) {
		add_end(metadata, "start", &first);
		add_end(metadata, "end", &last);
	}
	comp_reply(rq, answer);
	return HELD_DONE;
}

int metadata_get(struct comp_req *rq, void *arg)
{
	static const struct held_ops ops = { .run = run };
	struct archive *a = arg;
	struct owner *o;
	int r = query_allowed(rq);

	if (r < 0)
		return r;
	r = owner_find(a, comp_to(rq)->s, &o);
	return r < 0 ? -(int)archive_failed(r) : held_start(a, rq, 0, &ops, NULL);
}
