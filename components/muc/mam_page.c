/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>

#include "mam.h"
#include "mam_page.h"

enum {
	AROUND = 1024,     /* bytes of a stanza around a result, addresses apart */
	AROUND_ALL = 8192, /* and with them: what is left of the longest one is content */
};

static const struct log_tag tag = { .mod = "muc" };

/* --- one result --------------------------------------------------------------------------------
 */

/* XEP-0313 5.1.2: the occupant, in who may know it. */
static void write_author(struct sbuf *out, const struct said_row *row)
{
	sbuf_puts(out, "<x xmlns=\"" NS_MUC_USER "\"><item");
	el_write_attr(out, "affiliation", aff_name(said_aff(row->flags)));
	el_write_attr(out, "jid", row->jid);
	el_write_attr(out, "role", role_name(said_role(row->flags)));
	sbuf_puts(out, "/></x>");
}

static void write_from(struct sbuf *out, const struct room *r, const char *nick)
{
	sbuf_puts(out, " from=\"");
	el_escape(out, r->jid, strlen(r->jid));
	if (nick) {
		sbuf_putc(out, '/');
		el_escape(out, nick, strlen(nick));
	}
	sbuf_putc(out, '"');
}

static bool fits(const struct mam_page *p, const struct room *r, const struct said_row *row)
{
	size_t max = (size_t)r->m->conf->comp.max_stanza / 8 * 7;

	return max > AROUND_ALL && row->len + sbuf_len(&p->found.queryid) <= max - AROUND_ALL;
}

/* One that is too long for the link is shown without its content, as one that was removed. */
static bool add(struct mam_page *p, const struct room *r, const struct said_row *row)
{
	struct sbuf *out = &p->found.text;
	char id[SID_TEXT + 1];

	sid_write(&row->sid, id);
	if (!mam_results_begin(&p->found, id, sid_ms(row->sid.seq)))
		return false;
	sbuf_puts(out, "<message xmlns=\"" NS_CLIENT "\"");
	write_from(out, r, row->nick);
	sbuf_puts(out, " type=\"groupchat\"");
	el_write_attr(out, "id", row->id);
	el_write_attr(out, "xml:lang", row->lang);
	sbuf_putc(out, '>');
	if (fits(p, r, row))
		sbuf_add(out, row->inner, row->len);
	if (p->real && row->jid)
		write_author(out, row);
	sbuf_puts(out, "</message>");
	return mam_results_end(&p->found, MUC_MAM_PAGE_BYTES);
}

/* --- finding -----------------------------------------------------------------------------------
 */

struct finding {
	struct mam_page *p;
	const struct room *r;
	int64_t last; /* that was looked at */
};

static bool is_by(const char *author, const char *jid)
{
	size_t n = strlen(jid);

	if (!author || strncmp(author, jid, n) != 0)
		return false;
	return !author[n] || (author[n] == '/' && !strchr(jid, '/'));
}

static bool matches(const struct mam_page *p, const struct said_row *row)
{
	const struct said_range *g = &p->range;

	if (row->sid.seq <= g->low || row->sid.seq >= g->high || !(row->flags & SAID_KEPT))
		return false;
	if (p->nick && (!row->nick || strcmp(row->nick, p->nick) != 0))
		return false;
	return !p->jid || (p->real && is_by(row->jid, p->jid));
}

static bool on_row(const struct said_row *row, void *arg)
{
	struct finding *f = arg;

	f->last = row->sid.seq;
	return !matches(f->p, row) || add(f->p, f->r, row);
}

/* As many as may be needed, where each one counts. */
static int find_in_range(struct finding *f)
{
	struct mam_page *p = f->p;
	struct said_range range = p->range;
	int r;

	range.most = p->nick || p->jid ? MUC_MAM_SLICE : (int64_t)(p->found.max - p->found.n) + 1;
	r = store_read_range(f->r->m, &range, on_row, f);
	if (r < 0)
		return r;
	if (p->found.more || r < range.most)
		return 1;
	if (range.backwards)
		p->range.high = f->last;
	else
		p->range.low = f->last;
	return 0;
}

static int find_ids(struct finding *f)
{
	struct mam_page *p = f->p;

	for (; p->next_id < p->n_ids && !p->found.more; p->next_id++) {
		size_t i = p->range.backwards ? p->n_ids - 1 - p->next_id : p->next_id;
		int r = store_read_said(f->r->m, p->range.room, &p->ids[i], on_row, f);

		if (r < 0)
			return r;
	}
	return 1;
}

int mam_page_find(struct mam_page *p, const struct room *r)
{
	struct finding f = { .p = p, .r = r };

	return p->ids ? find_ids(&f) : find_in_range(&f);
}

/* --- sending -----------------------------------------------------------------------------------
 */

static int send_one(
    const struct mam_page *p, const struct room *r, const struct comp_req *rq, size_t i)
{
	size_t len;
	const char *text = mam_results_get(&p->found, i, &len);
	struct el *m = el_message(NULL, comp_from(rq)->s);

	el_set(m, "from", r->jid);
	el_set_raw(m, arena_strndup(el_arena(m), text, len), len);
	return comp_send(r->m->c, m);
}

/* Before anything is sent, since nothing of it can be taken back. */
static int send_all(const struct mam_page *p, const struct room *r, const struct comp_req *rq)
{
	size_t each = AROUND + 4 * (size_t)(comp_from(rq)->len + comp_to(rq)->len);
	int ret = 0;

	if (comp_send_space(r->m->c) <= sbuf_len(&p->found.text) + (p->found.n + 1) * each)
		return -ENOBUFS;
	for (size_t i = 0; ret == 0 && i < p->found.n; i++)
		ret = send_one(p, r, rq, i);
	return ret;
}

/* XEP-0313 4.3.2: how many match, where counting costs little; -1: nobody knows. */
static int count_all(const struct mam_page *p, const struct room *r)
{
	struct said_range range = p->range;
	int n;

	if (!p->found.whole)
		return -1;
	if (!p->found.more)
		return (int)p->found.n;
	if (p->found.max > 0 || p->ids || p->nick || p->jid)
		return -1;
	range.most = MUC_MAM_COUNT + 1;
	n = store_count(r->m, &range);
	return n <= MUC_MAM_COUNT ? n : -1;
}

void mam_page_send(struct mam_page *p, const struct room *r, struct comp_req *rq)
{
	int ret = send_all(p, r, rq);
	struct el *answer;

	if (ret < 0) {
		log_err(&tag, ret == -ENOBUFS ? LOG_LVL_DEBUG : LOG_LVL_WARN, ret,
		    "a page for %s cannot be sent", comp_from(rq)->s);
		comp_reply_err(rq,
		    ret == -ENOBUFS ? COND_RESOURCE_CONSTRAINT : COND_INTERNAL_SERVER_ERROR, NULL);
		return;
	}
	answer = comp_result(rq);
	mam_results_add_fin(answer, &p->found, count_all(p, r));
	comp_reply(rq, answer);
}

void mam_page_done(struct mam_page *p)
{
	free(p->ids);
	mam_results_done(&p->found);
}
