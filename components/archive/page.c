/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>

#include "page.h"

enum {
	AROUND = 1024, /* bytes of a stanza around a result, addresses apart */
};

static const struct log_tag tag = { .mod = "archive" };

/* --- finding -----------------------------------------------------------------------------------
 */

struct finding {
	struct archive *a;
	struct page *p;
	struct uid last; /* that was looked at */
};

static size_t longest(const struct archive *a)
{
	const size_t max = (size_t)a->conf->comp.max_stanza / 8 * 7, around = 4096;

	return max > 2 * around ? max - around : around;
}

/* One that is too long for the link is shown without its content, as one that was removed. */
static bool add(const struct archive *a, struct mam_results *to, const struct store_row *row)
{
	bool fits = row->head_len + row->len + sbuf_len(&to->queryid) <= longest(a);
	char id[UID_TEXT + 1];

	uid_write(&row->uid, id);
	if (!mam_results_begin(to, id, uid_ms(&row->uid)))
		return false;
	message_write(&to->text, row->head, row->head_len, row->content, fits ? row->len : 0, NULL);
	return mam_results_end(to, ARCHIVE_PAGE_BYTES);
}

static bool matches(const struct page *p, const struct store_row *row)
{
	if (p->range.peer && strcmp(row->peer, p->range.peer) != 0)
		return false;
	return !p->resource || (row->resource && strcmp(row->resource, p->resource) == 0);
}

static bool on_row(const struct store_row *row, void *arg)
{
	struct finding *f = arg;

	f->last = row->uid;
	return !matches(f->p, row) || add(f->a, &f->p->found, row);
}

/* As many as may be needed, where each one counts. */
static int find_in_range(struct finding *f)
{
	struct page *p = f->p;
	struct store_range range = p->range;
	int r;

	range.most = p->resource ? ARCHIVE_SLICE : (int64_t)(p->found.max - p->found.n) + 1;
	r = store_read_range(f->a, &range, on_row, f);
	if (r < 0)
		return r;
	if (p->found.more || r < range.most)
		return 1;
	if (range.backwards)
		uid_below(&p->range.high, &f->last);
	else
		uid_above(&p->range.low, &f->last);
	return 0;
}

static int find_ids(struct finding *f)
{
	struct page *p = f->p;
	int r;

	for (; p->next_id < p->n_ids && !p->found.more; p->next_id++) {
		size_t i = p->range.backwards ? p->n_ids - 1 - p->next_id : p->next_id;

		if (!uid_between(&p->range.low, &p->range.high, &p->ids[i]))
			continue;
		r = store_read_one(f->a, p->range.owner, &p->ids[i], on_row, f);
		if (r < 0)
			return r;
	}
	return 1;
}

int page_find(struct archive *a, struct page *p)
{
	struct finding f = { .a = a, .p = p };

	return p->ids ? find_ids(&f) : find_in_range(&f);
}

/* --- sending -----------------------------------------------------------------------------------
 */

static int send_one(struct archive *a, const struct comp_req *rq, const struct page *p, size_t i)
{
	size_t len;
	const char *text = mam_results_get(&p->found, i, &len);
	EL_AUTO struct el *m = el_message(NULL, NULL);
	struct comp_many *many;

	el_set(m, "from", p->account);
	el_set_raw(m, arena_strndup(el_arena(m), text, len), len);
	many = comp_many_begin(a->c, m);
	comp_many_add(many, comp_from(rq)->s);
	return comp_many_end(many);
}

/* Before anything is sent, since nothing of it can be taken back. */
static bool has_room(const struct archive *a, const struct comp_req *rq, const struct page *p)
{
	size_t each = AROUND + 4 * (size_t)(comp_from(rq)->len + comp_to(rq)->len);

	return comp_send_space(a->c) > sbuf_len(&p->found.text) + (p->found.n + 1) * each;
}

static int send_all(struct archive *a, const struct comp_req *rq, const struct page *p)
{
	int r = has_room(a, rq, p) ? 0 : -ENOBUFS;

	for (size_t i = 0; r == 0 && i < p->found.n; i++)
		r = send_one(a, rq, p, i);
	return r;
}

/* XEP-0313 4.3.2: how many match, where counting costs little; -1: nobody knows. */
static int count_all(struct archive *a, const struct page *p)
{
	struct store_range range = p->range;
	int n;

	if (!p->found.whole)
		return -1;
	if (!p->found.more)
		return (int)p->found.n;
	if (p->found.max > 0 || p->ids || p->resource)
		return -1;
	range.most = ARCHIVE_COUNT + 1;
	n = store_count(a, &range);
	return n <= ARCHIVE_COUNT ? n : -1;
}

void page_send(struct archive *a, struct comp_req *rq, struct page *p)
{
	struct el *answer;
	int r = send_all(a, rq, p);

	if (r < 0) {
		log_err(&tag, r == -ENOBUFS ? LOG_LVL_DEBUG : LOG_LVL_WARN, r,
		    "a page for %s cannot be sent", comp_from(rq)->s);
		comp_reply_err(rq,
		    r == -ENOBUFS ? COND_RESOURCE_CONSTRAINT : COND_INTERNAL_SERVER_ERROR, NULL);
		return;
	}
	answer = comp_result(rq);
	mam_results_add_fin(answer, &p->found, count_all(a, p));
	comp_reply(rq, answer);
}

void page_done(struct page *p)
{
	free(p->ids);
	mam_results_done(&p->found);
}
