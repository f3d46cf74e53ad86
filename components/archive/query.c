/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <base/mem.h>
#include <xmpp/mam.h>

#include "fresh.h"
#include "held.h"
#include "owner.h"
#include "page.h"
#include "query.h"

struct query {
	struct page page;
	bool begun;
};

int query_allowed(const struct comp_req *rq)
{
	return jid_same_bare(comp_from(rq), comp_to(rq)) ? 0 : -COND_FORBIDDEN;
}

/* --- what is asked for -------------------------------------------------------------------------
 */

static void read_with(struct page *p, const struct mam_query *q, struct arena *arena)
{
	if (!q->has_with)
		return;
	p->range.peer = jid_bare(&q->with, arena).s;
	p->resource = jid_resource(&q->with);
}

/* There has to be what is named. */
static int known(struct archive *a, const struct page *p, const char *s, struct uid *out)
{
	int r = uid_parse(out, s) < 0 ? 0 : store_has(a, p->range.owner, out);

	if (r < 0)
		return -(int)archive_failed(r);
	return r > 0 ? 0 : -COND_ITEM_NOT_FOUND;
}

static int read_id(struct archive *a, struct page *p, const char *s, bool above)
{
	struct uid uid;
	int r;

	if (!s)
		return 0;
	r = known(a, p, s, &uid);
	if (r < 0)
		return r;
	if (above)
		uid_above(&p->range.low, &uid);
	else
		uid_below(&p->range.high, &uid);
	return 0;
}

static size_t without_doubles(struct uid *v, size_t n)
{
	size_t k = 0;

	qsort(v, n, sizeof(*v), uid_cmp);
	for (size_t i = 0; i < n; i++) {
		if (k == 0 || uid_cmp(&v[k - 1], &v[i]) != 0)
			v[k++] = v[i];
	}
	return k;
}

static int read_ids(struct archive *a, struct page *p, const struct mam_query *q)
{
	if (!q->ids)
		return 0;
	p->ids = xreallocarray(NULL, q->n_ids + 1, sizeof(*p->ids));
	for (size_t i = 0; i < q->n_ids; i++) {
		int r = known(a, p, q->ids[i], &p->ids[i]);

		if (r < 0)
			return r;
	}
	p->n_ids = without_doubles(p->ids, q->n_ids);
	return 0;
}

static int read_ranges(struct archive *a, struct page *p, const struct mam_query *q)
{
	int r = read_id(a, p, q->after_id, true);

	uid_since(&p->range.low, q->start);
	uid_until(&p->range.high, q->end);
	if (r == 0)
		r = read_id(a, p, q->before_id, false);
	if (r == 0)
		r = read_ids(a, p, q);
	return r < 0 ? r : read_id(a, p, q->from, !q->backwards);
}

/* 0 or -enum el_cond. */
static int read_query(struct archive *a, const struct comp_req *rq, struct page *p)
{
	const struct el *query = comp_payload(rq);
	struct mam_query q;
	struct owner *o;
	int r = owner_find(a, comp_to(rq)->s, &o);

	if (r < 0)
		return -(int)archive_failed(r);
	r = mam_parse(&q, query, MAM_GROUPCHAT);
	if (r < 0)
		return r;
	p->account = comp_to(rq)->s;
	p->range.owner = o->id;
	uid_first(&p->range.low);
	uid_last(&p->range.high);
	p->range.backwards = q.backwards;
	mam_results_init(&p->found, &q, ARCHIVE_PAGE, ARCHIVE_PAGE_MAX);
	read_with(p, &q, el_arena(query));
	return read_ranges(a, p, &q);
}

/* --- the request -------------------------------------------------------------------------------
 */

static enum held_next run(struct archive *a, struct comp_req *rq, void *state)
{
	struct query *q = state;
	int r = 0;

	if (!q->begun && fresh_held(a, comp_to(rq)->s) == HELD_UNTIL)
		return HELD_UNTIL;
	if (!q->begun)
		r = read_query(a, rq, &q->page);
	if (r < 0) {
		comp_reply_err(rq, (enum el_cond)(-r), NULL);
		return HELD_DONE;
	}
	q->begun = true;
	r = page_find(a, &q->page);
	if (r == 0)
		return HELD_NEXT;
	if (r < 0)
		comp_reply_err(rq, archive_failed(r), NULL);
	else
		page_send(a, rq, &q->page);
	return HELD_DONE;
}

static void drop(void *state)
{
	struct query *q = state;

	page_done(&q->page);
	free(q);
}

int query_set(struct comp_req *rq, void *arg)
{
	static const struct held_ops ops = { run, drop };
	struct archive *a = arg;
	struct owner *o;
	int r = query_allowed(rq);

	if (r < 0)
		return r;
	r = owner_find(a, comp_to(rq)->s, &o);
	if (r < 0)
		return -(int)archive_failed(r);
	return held_start(a, rq, 0, &ops, xzalloc(sizeof(struct query)));
}
