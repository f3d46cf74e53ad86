/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <xmpp/mam.h>

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
	bool full;
};

static size_t longest(const struct archive *a)
{
	const size_t max = (size_t)a->conf->comp.max_stanza / 8 * 7, around = 4096;

	return max > 2 * around ? max - around : around;
}

/* One that is too long for the link is shown without its content, as one that was removed. */
static void write_result(const struct archive *a, struct page *p, const struct store_row *row)
{
	bool fits = row->head_len + row->len + sbuf_len(&p->queryid) <= longest(a);
	char id[UID_TEXT + 1];

	uid_write(&row->uid, id);
	mam_begin_result(&p->text, &p->queryid, id, uid_ms(&row->uid));
	message_write(&p->text, row->head, row->head_len, row->content, fits ? row->len : 0, NULL);
	mam_end_result(&p->text);
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
	struct page *p = f->p;
	size_t at = sbuf_len(&p->text);

	f->last = row->uid;
	if (!matches(p, row))
		return true;
	if (p->n < p->max)
		write_result(f->a, p, row);
	if (p->n == p->max || (p->n > 0 && sbuf_len(&p->text) > ARCHIVE_PAGE_BYTES)) {
		sbuf_truncate(&p->text, at);
		p->more = f->full = true;
		return false;
	}
	p->results[p->n++] = (struct result){ row->uid, at, sbuf_len(&p->text) - at };
	return true;
}

/* As many as may be needed, where each one counts. */
static int find_in_range(struct finding *f)
{
	struct page *p = f->p;
	struct store_range range = p->range;
	int r;

	range.most = p->resource ? ARCHIVE_SLICE : (int64_t)(p->max - p->n) + 1;
	r = store_read_range(f->a, &range, on_row, f);
	if (r < 0)
		return r;
	if (f->full || r < range.most)
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

	for (; p->next_id < p->n_ids && !f->full; p->next_id++) {
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

	if (!p->results)
		p->results = xreallocarray(NULL, p->max + 1, sizeof(*p->results));
	return p->ids ? find_ids(&f) : find_in_range(&f);
}

/* --- sending -----------------------------------------------------------------------------------
 */

static const struct result *result_at(const struct page *p, size_t i, bool reversed)
{
	return &p->results[reversed ? p->n - 1 - i : i];
}

static int send_one(
    struct archive *a, const struct comp_req *rq, const struct page *p, const struct result *it)
{
	EL_AUTO struct el *m = el_message(NULL, NULL);
	struct comp_many *many;

	el_set(m, "from", p->account);
	el_set_raw(m, arena_strndup(el_arena(m), sbuf_data(&p->text) + it->at, it->len), it->len);
	many = comp_many_begin(a->c, m);
	comp_many_add(many, comp_from(rq)->s);
	return comp_many_end(many);
}

/* Before anything is sent, since nothing of it can be taken back. */
static bool has_room(const struct archive *a, const struct comp_req *rq, const struct page *p)
{
	size_t each = AROUND + 4 * (size_t)(comp_from(rq)->len + comp_to(rq)->len);

	return comp_send_space(a->c) > sbuf_len(&p->text) + (p->n + 1) * each;
}

static int send_all(struct archive *a, const struct comp_req *rq, const struct page *p)
{
	int r = has_room(a, rq, p) ? 0 : -ENOBUFS;

	for (size_t i = 0; r == 0 && i < p->n; i++)
		r = send_one(a, rq, p, result_at(p, i, p->range.backwards != p->flip));
	return r;
}

/* XEP-0313 4.3.2: how many match, where counting costs little; -1: nobody knows. */
static int count_all(struct archive *a, const struct page *p)
{
	struct store_range range = p->range;

	if (!p->whole)
		return -1;
	if (!p->more)
		return (int)p->n;
	if (p->max > 0 || p->ids || p->resource)
		return -1;
	range.most = ARCHIVE_COUNT + 1;
	return store_count(a, &range);
}

static void add_fin(struct archive *a, struct el *answer, const struct page *p)
{
	bool backwards = p->range.backwards;
	char ids[2][UID_TEXT + 1];
	struct mam_fin fin = {
		.complete = !p->more,
		.whole = p->whole && (!backwards || !p->more),
		.count = count_all(a, p),
	};

	if (p->n > 0) {
		uid_write(&result_at(p, 0, backwards)->uid, ids[0]);
		uid_write(&result_at(p, p->n - 1, backwards)->uid, ids[1]);
		fin.first = ids[0];
		fin.last = ids[1];
	}
	if (fin.count > ARCHIVE_COUNT)
		fin.count = -1;
	mam_add_fin(answer, &fin);
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
	add_fin(a, answer, p);
	comp_reply(rq, answer);
}

void page_done(struct page *p)
{
	free(p->results);
	free(p->ids);
	sbuf_done(&p->queryid);
	sbuf_done(&p->text);
}
