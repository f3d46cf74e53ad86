/* SPDX-License-Identifier: MIT */
#include <comp/account.h>

#include "account.h"
#include "fresh.h"
#include "held.h"
#include "owner.h"
#include "store.h"
#include "sweep.h"

static const struct log_tag tag = { .mod = "archive" };

/* Events that come again after the server was restarted are known by their numbers. */
static int take(struct archive *a, const struct comp_account_event *ev)
{
	struct owner *o;
	int64_t last;
	int r = store_read_told(a, ev->host, &last);

	if (r >= 0 && ev->n <= last)
		return 0;
	if (r >= 0)
		r = owner_find(a, ev->jid.s, &o);
	if (r < 0)
		return r;
	store_put_told(comp_tx(a->c), ev->host, ev->n);
	if (!ev->deleted || o->id == 0)
		return 0;
	fresh_file(a); /* nothing comes in behind what is removed */
	owner_drop(a, o);
	sweep_kick(a);
	log_info(&tag, "%s is gone, and so is its archive", ev->jid.s);
	return 0;
}

static enum held_next run(struct archive *a, struct comp_req *rq, void *state)
{
	struct comp_account_event ev;

	(void)state;
	if (comp_account_event(rq, &ev) && (held_fails(a) || take(a, &ev) < 0))
		return HELD_AGAIN;
	comp_reply_ok(rq);
	return HELD_DONE;
}

/* In order: a message that came before its account went must not begin an archive after that, which
 * the next of this name would have. */
int account_event(struct comp_req *rq, void *arg)
{
	static const struct held_ops ops = { .run = run };

	return held_start(arg, rq, held_behind(arg), &ops, NULL);
}
