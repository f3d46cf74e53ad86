/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <base/mem.h>
#include <xmpp/mam.h>

#include "mam.h"
#include "mam_page.h"

/* --- the range ---------------------------------------------------------------------------------
 */

static void above(struct mam_page *p, int64_t seq)
{
	if (seq > p->range.low)
		p->range.low = seq;
}

static void below(struct mam_page *p, int64_t seq)
{
	if (seq < p->range.high)
		p->range.high = seq;
}

/* --- the form (XEP-0313 4.1) -------------------------------------------------------------------
 */

/* Who said it (4.1.1): the room's own address is everybody, an occupant's what was said under that
 * nick, and another one a person, if one may know who it was. */
static int read_with(struct mam_page *p, const struct mam_query *q, const struct room *r)
{
	struct jid room = jid_view(r->jid);

	if (!q->has_with)
		return 0;
	if (jid_same_bare(&q->with, &room)) {
		p->nick = jid_resource(&q->with);
		return 0;
	}
	p->jid = q->with.s;
	return p->real ? 0 : -COND_FORBIDDEN;
}

static void read_times(struct mam_page *p, const struct mam_query *q)
{
	above(p, sid_since(q->start) - 1);
	if (q->end < INT64_MAX)
		below(p, q->end < 0 ? 0 : sid_since(q->end + 1));
}

static bool on_known(const struct said_row *row, void *arg)
{
	*(bool *)arg = row->flags & SAID_KEPT;
	return false;
}

/* There has to be what is named. */
static int known(const struct room *r, const char *s, struct sid *out)
{
	bool kept = false;
	int ret = 0;

	if (sid_parse(out, s) == 0)
		ret = store_read_said(r->m, r->no, out, on_known, &kept);
	if (ret < 0)
		return -COND_RESOURCE_CONSTRAINT;
	return kept ? 0 : -COND_ITEM_NOT_FOUND;
}

static int read_id(struct mam_page *p, const struct room *r, const char *s, bool is_low)
{
	struct sid id;
	int ret;

	if (!s)
		return 0;
	ret = known(r, s, &id);
	if (ret < 0)
		return ret;
	if (is_low)
		above(p, id.seq);
	else
		below(p, id.seq);
	return 0;
}

static int by_seq(const void *a, const void *b)
{
	const struct sid *x = a, *y = b;

	return (x->seq > y->seq) - (x->seq < y->seq);
}

static size_t without_doubles(struct sid *v, size_t n)
{
	size_t k = 0;

	qsort(v, n, sizeof(*v), by_seq);
	for (size_t i = 0; i < n; i++) {
		if (k == 0 || v[k - 1].seq != v[i].seq)
			v[k++] = v[i];
	}
	return k;
}

static int read_ids(struct mam_page *p, const struct mam_query *q, const struct room *r)
{
	if (!q->ids)
		return 0;
	p->ids = xreallocarray(NULL, q->n_ids + 1, sizeof(*p->ids));
	for (size_t i = 0; i < q->n_ids; i++) {
		int ret = known(r, q->ids[i], &p->ids[i]);

		if (ret < 0)
			return ret;
	}
	p->n_ids = without_doubles(p->ids, q->n_ids);
	return 0;
}

int mam_page_read(struct mam_page *p, const struct room *r, const struct el *query)
{
	struct mam_query q;
	int ret = mam_parse(&q, query, 0);

	if (ret < 0)
		return ret;
	p->range = (struct said_range){ .room = r->no, .low = -1, .high = INT64_MAX };
	p->range.backwards = q.backwards;
	mam_results_init(&p->found, &q, MUC_MAM_PAGE, MUC_MAM_PAGE_MAX);
	read_times(p, &q);
	ret = read_with(p, &q, r);
	if (ret == 0)
		ret = read_id(p, r, q.after_id, true);
	if (ret == 0)
		ret = read_id(p, r, q.before_id, false);
	if (ret == 0)
		ret = read_ids(p, &q, r);
	return ret < 0 ? ret : read_id(p, r, q.from, !q.backwards);
}
