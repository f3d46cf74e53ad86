/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <base/arena.h>

#include "account.h"
#include "fresh.h"
#include "held.h"
#include "owner.h"
#include "store.h"
#include "sweep.h"

static const struct log_tag tag = { .mod = "archive" };

struct event {
	struct jid jid;
	const char *host;
	int64_t n;
	bool deleted;
};

static int64_t number_of(const struct el *account)
{
	const char *s = el_attr(account, "n");
	int64_t n = 0;

	for (; s && *s >= '0' && *s <= '9' && n < INT64_MAX / 10 - 9; s++)
		n = n * 10 + (*s - '0');
	return n;
}

static bool read_event(const struct comp_req *rq, struct event *out)
{
	const struct el *el = comp_payload(rq);
	const char *event = el_attr(el, "event"), *s = el_attr(el, "jid");

	if (!event || !s || jid_parse(&out->jid, el_arena(el), s) < 0 || !jid_is_bare(&out->jid) ||
	    jid_is_domain(&out->jid) || !jid_has_domain(&out->jid, comp_from(rq)->s))
		return false;
	out->host = comp_from(rq)->s;
	out->n = number_of(el);
	out->deleted = strcmp(event, "deleted") == 0;
	return true;
}

/* Events that come again after the server was restarted are known by their numbers. */
static int take(struct archive *a, const struct event *ev)
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
	struct event ev;

	(void)state;
	if (read_event(rq, &ev) && (held_fails(a) || take(a, &ev) < 0))
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
