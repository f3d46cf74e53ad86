/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <xmpp/form.h>
#include <xmpp/rsm.h>
#include <xmpp/stamp.h>

#include "mam.h"
#include "mam_page.h"

enum { TEXT_MAX = 4096 };

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

static int read_time(const struct form *f, const char *var, int64_t *out)
{
	const char *s;
	int r = form_text(f, var, 64, &s);

	if (r <= 0)
		return r;
	return stamp_parse(s, out) < 0 ? -EINVAL : 1;
}

static int read_times(struct mam_page *p, const struct form *f)
{
	int64_t ms;
	int r = read_time(f, "start", &ms);

	if (r > 0)
		above(p, sid_since(ms) - 1);
	if (r >= 0)
		r = read_time(f, "end", &ms);
	if (r > 0)
		below(p, ms < 0 ? 0 : sid_since(ms + 1));
	return r < 0 ? -COND_BAD_REQUEST : 0;
}

/* Who said it (4.1.1): the room's own address is everybody, an occupant's what was said under that
 * nick, and another one a person, if one may know who it was. */
static int read_with(
    struct mam_page *p, const struct form *f, const struct room *r, struct arena *arena)
{
	struct jid room = jid_view(r->jid), j;
	const char *s;
	int ret = form_text(f, "with", TEXT_MAX, &s);

	if (ret == 0)
		return 0;
	if (ret < 0 || jid_parse(&j, arena, s) < 0)
		return ret < 0 ? -COND_BAD_REQUEST : -COND_JID_MALFORMED;
	if (jid_same_bare(&j, &room)) {
		p->nick = jid_resource(&j);
		return 0;
	}
	p->jid = j.s;
	return p->real ? 0 : -COND_FORBIDDEN;
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

static int read_bounds(struct mam_page *p, const struct form *f, const struct room *r)
{
	static const char *const vars[] = { "after-id", "before-id" };
	struct sid id;
	const char *s;

	for (int i = 0; i < 2; i++) {
		int ret = form_text(f, vars[i], TEXT_MAX, &s);

		if (ret < 0)
			return -COND_BAD_REQUEST;
		if (ret == 0)
			continue;
		ret = known(r, s, &id);
		if (ret < 0)
			return ret;
		if (i == 0)
			above(p, id.seq);
		else
			below(p, id.seq);
	}
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

static int read_ids(struct mam_page *p, const struct form *f, const struct room *r)
{
	const struct form_field *field = form_find(f, "ids");

	if (!field)
		return 0;
	if (field->values > MUC_MAM_IDS)
		return -COND_NOT_ACCEPTABLE;
	p->ids = xreallocarray(NULL, field->values + 1, sizeof(*p->ids));
	EL_EACH (v, field->el, "value", NS_XDATA) {
		int ret = known(r, el_body(v), &p->ids[p->n_ids++]);

		if (ret < 0)
			return ret;
	}
	p->n_ids = without_doubles(p->ids, p->n_ids);
	return 0;
}

static bool is_field(const char *var)
{
	static const char *const fields[] = { "with", "start", "end", "before-id", "after-id",
		"ids" };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcmp(fields[i], var) == 0)
			return true;
	}
	return false;
}

static int check_fields(const struct form *f)
{
	if (f->type != FORM_SUBMIT || !f->form_type || strcmp(f->form_type, NS_MAM) != 0)
		return -COND_BAD_REQUEST;
	for (size_t i = 0; i < f->n; i++) {
		if (!is_field(f->fields[i].var))
			return -COND_FEATURE_NOT_IMPLEMENTED;
	}
	return 0;
}

static int read_form(struct mam_page *p, const struct room *r, const struct el *query)
{
	const struct el *x = el_child(query, "x", NS_XDATA);
	struct form f;
	int ret;

	if (!x)
		return 0;
	if (form_parse(&f, x) < 0)
		return -COND_BAD_REQUEST;
	ret = check_fields(&f);
	if (ret == 0)
		ret = read_with(p, &f, r, el_arena(query));
	if (ret == 0)
		ret = read_times(p, &f);
	if (ret == 0)
		ret = read_bounds(p, &f, r);
	return ret < 0 ? ret : read_ids(p, &f, r);
}

/* --- the page (XEP-0313 4.3) -------------------------------------------------------------------
 */

static int read_set(struct mam_page *p, const struct room *r, const struct el *query)
{
	struct sid id;
	struct rsm rsm;
	int ret;

	if (rsm_parse(&rsm, query) < 0)
		return -COND_BAD_REQUEST;
	if (rsm.index != SIZE_MAX)
		return -COND_FEATURE_NOT_IMPLEMENTED;
	p->max = rsm.max == SIZE_MAX ? MUC_MAM_PAGE : rsm.max;
	if (p->max > MUC_MAM_PAGE_MAX)
		p->max = MUC_MAM_PAGE_MAX;
	p->range.backwards = rsm.last || rsm.before;
	p->whole = !rsm.before && !rsm.after;
	p->flip = el_child(query, "flip-page", NS_MAM);
	if (p->whole)
		return 0;
	ret = known(r, rsm.after ? rsm.after : rsm.before, &id);
	if (ret == 0 && rsm.after)
		above(p, id.seq);
	else if (ret == 0)
		below(p, id.seq);
	return ret;
}

int mam_page_read(struct mam_page *p, const struct room *r, const struct el *query)
{
	const char *queryid = el_attr(query, "queryid");
	int ret;

	p->range = (struct said_range){ .room = r->no, .low = -1, .high = INT64_MAX };
	if (el_attr(query, "node")) /* XEP-0442: rooms have no such archives */
		return -COND_FEATURE_NOT_IMPLEMENTED;
	if (queryid && strlen(queryid) > MUC_MAM_QUERYID)
		return -COND_BAD_REQUEST;
	el_write_attr(&p->queryid, "queryid", queryid);
	ret = read_form(p, r, query);
	return ret < 0 ? ret : read_set(p, r, query);
}
