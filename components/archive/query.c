/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <xmpp/form.h>
#include <xmpp/rsm.h>
#include <xmpp/stamp.h>

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

/* --- the form (XEP-0313 4.1) -------------------------------------------------------------------
 */

static int read_time(const struct form *f, const char *var, int64_t *out)
{
	const char *s;
	int r = form_text(f, var, 64, &s);

	if (r <= 0)
		return r;
	return stamp_parse(s, out) < 0 ? -EINVAL : 1;
}

static int read_times(struct page *p, const struct form *f)
{
	int64_t ms;
	int r = read_time(f, "start", &ms);

	if (r > 0)
		uid_since(&p->range.low, ms);
	if (r >= 0)
		r = read_time(f, "end", &ms);
	if (r > 0)
		uid_until(&p->range.high, ms);
	return r < 0 ? -COND_BAD_REQUEST : 0;
}

static int read_with(struct page *p, const struct form *f, struct arena *arena)
{
	const char *s;
	int r = form_text(f, "with", 4096, &s);
	struct jid j;

	if (r == 0)
		return 0;
	if (r < 0 || jid_parse(&j, arena, s) < 0)
		return r < 0 ? -COND_BAD_REQUEST : -COND_JID_MALFORMED;
	p->range.peer = jid_bare(&j, arena).s;
	p->resource = jid_resource(&j);
	return 0;
}

/* There has to be what is named. */
static int known(struct archive *a, const struct page *p, const char *s, struct uid *out)
{
	int r = uid_parse(out, s) < 0 ? 0 : store_has(a, p->range.owner, out);

	if (r < 0)
		return -(int)archive_failed(r);
	return r > 0 ? 0 : -COND_ITEM_NOT_FOUND;
}

static int read_id(
    struct archive *a, struct page *p, const struct form *f, const char *var, bool above)
{
	const char *s;
	struct uid uid;
	int r = form_text(f, var, 4096, &s);

	if (r <= 0)
		return r < 0 ? -COND_BAD_REQUEST : 0;
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

static int read_ids(struct archive *a, struct page *p, const struct form *f)
{
	const struct form_field *field = form_find(f, "ids");
	int r;

	if (!field)
		return 0;
	if (field->values > ARCHIVE_IDS)
		return -COND_NOT_ACCEPTABLE;
	p->ids = xreallocarray(NULL, field->values + 1, sizeof(*p->ids));
	EL_EACH (v, field->el, "value", NS_XDATA) {
		r = known(a, p, el_body(v), &p->ids[p->n_ids++]);
		if (r < 0)
			return r;
	}
	p->n_ids = without_doubles(p->ids, p->n_ids);
	return 0;
}

static bool is_field(const char *var)
{
	static const char *const fields[] = { "with", "start", "end", "before-id", "after-id",
		"ids", "include-groupchat" };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcmp(fields[i], var) == 0)
			return true;
	}
	return false;
}

/* Messages of rooms are in the rooms' archives: who wants them here as well finds none. */
static int check_fields(const struct form *f)
{
	bool rooms;

	if (f->type != FORM_SUBMIT || !f->form_type || strcmp(f->form_type, NS_MAM) != 0)
		return -COND_BAD_REQUEST;
	for (size_t i = 0; i < f->n; i++) {
		if (!is_field(f->fields[i].var))
			return -COND_FEATURE_NOT_IMPLEMENTED;
	}
	return form_bool(f, "include-groupchat", &rooms) < 0 ? -COND_BAD_REQUEST : 0;
}

static int read_form(struct archive *a, struct page *p, const struct el *query)
{
	const struct el *x = el_child(query, "x", NS_XDATA);
	struct form f;
	int r;

	if (!x)
		return 0;
	if (form_parse(&f, x) < 0)
		return -COND_BAD_REQUEST;
	r = check_fields(&f);
	if (r == 0)
		r = read_with(p, &f, el_arena(query));
	if (r == 0)
		r = read_times(p, &f);
	if (r == 0)
		r = read_id(a, p, &f, "after-id", true);
	if (r == 0)
		r = read_id(a, p, &f, "before-id", false);
	return r < 0 ? r : read_ids(a, p, &f);
}

/* --- the page (XEP-0313 4.3) -------------------------------------------------------------------
 */

static int read_page(struct archive *a, struct page *p, const struct el *query)
{
	struct uid uid;
	struct rsm rsm;
	int r;

	if (rsm_parse(&rsm, query) < 0)
		return -COND_BAD_REQUEST;
	if (rsm.index != SIZE_MAX)
		return -COND_FEATURE_NOT_IMPLEMENTED;
	p->max = rsm.max == SIZE_MAX ? ARCHIVE_PAGE : rsm.max;
	if (p->max > ARCHIVE_PAGE_MAX)
		p->max = ARCHIVE_PAGE_MAX;
	p->range.backwards = rsm.last || rsm.before;
	p->whole = !rsm.before && !rsm.after;
	p->flip = el_child(query, "flip-page", NS_MAM);
	if (p->whole)
		return 0;
	r = known(a, p, rsm.after ? rsm.after : rsm.before, &uid);
	if (r == 0 && rsm.after)
		uid_above(&p->range.low, &uid);
	else if (r == 0)
		uid_below(&p->range.high, &uid);
	return r;
}

static int read_queryid(struct page *p, const struct el *query)
{
	const char *id = el_attr(query, "queryid");

	if (id && strlen(id) > ARCHIVE_QUERYID)
		return -COND_BAD_REQUEST;
	el_write_attr(&p->queryid, "queryid", id);
	return 0;
}

/* 0 or -enum el_cond. */
static int read_query(struct archive *a, const struct comp_req *rq, struct page *p)
{
	const struct el *query = comp_payload(rq);
	struct owner *o;
	int r = owner_find(a, comp_to(rq)->s, &o);

	if (r < 0)
		return -(int)archive_failed(r);
	p->account = comp_to(rq)->s;
	p->range.owner = o->id;
	uid_first(&p->range.low);
	uid_last(&p->range.high);
	if (el_attr(query, "node")) /* XEP-0442: accounts have no such archives */
		return -COND_FEATURE_NOT_IMPLEMENTED;
	r = read_queryid(p, query);
	if (r == 0)
		r = read_form(a, p, query);
	return r < 0 ? r : read_page(a, p, query);
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
