/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <xmpp/form.h>
#include <xmpp/stamp.h>

#include "fresh.h"
#include "held.h"
#include "metadata.h"
#include "owner.h"
#include "query.h"
#include "store.h"

#define NS_VALIDATE "http://jabber.org/protocol/xdata-validate" /* XEP-0122 */

int metadata_form(struct comp_req *rq, void *arg)
{
	int r = query_allowed(rq);
	struct el *answer, *x, *ids;

	(void)arg;
	if (r < 0)
		return r;
	answer = comp_result(rq);
	x = form_add(el_add(answer, "query", NS_MAM), FORM_FORM, NS_MAM);
	(void)form_add_field(x, "jid-single", "with", NULL);
	(void)form_add_field(x, "text-single", "start", NULL);
	(void)form_add_field(x, "text-single", "end", NULL);
	(void)form_add_field(x, "text-single", "before-id", NULL);
	(void)form_add_field(x, "text-single", "after-id", NULL);
	ids = form_add_field(x, "list-multi", "ids", NULL);
	ids = el_add(ids, "validate", NS_VALIDATE);
	el_set(ids, "datatype", "xs:string");
	(void)el_add(ids, "open", NULL);
	(void)form_add_field(x, "boolean", "include-groupchat", NULL);
	comp_reply(rq, answer);
	return COMP_DONE;
}

static void add_end(struct el *to, const char *name, const struct uid *uid)
{
	struct el *end = el_add(to, name, NULL);
	char id[UID_TEXT + 1], stamp[STAMP_LEN + 1];

	uid_write(uid, id);
	stamp_write(uid_ms(uid), stamp);
	el_set(end, "id", id);
	el_set(end, "timestamp", stamp);
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
