/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <base/arena.h>
#include <xmpp/form.h>
#include <xmpp/mam.h>
#include <xmpp/rsm.h>
#include <xmpp/stamp.h>

#define NS_VALIDATE "http://jabber.org/protocol/xdata-validate" /* XEP-0122 */

enum {
	TEXT_MAX = 4096, /* bytes of an address or an id in the form */
	TIME_MAX = 64,
};

/* --- the form (XEP-0313 4.1) -------------------------------------------------------------------
 */

static bool is_field(const char *var, unsigned fields)
{
	static const char *const v[] = { "with", "start", "end", "before-id", "after-id", "ids" };

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		if (strcmp(v[i], var) == 0)
			return true;
	}
	return fields & MAM_GROUPCHAT && strcmp(var, "include-groupchat") == 0;
}

static int check_fields(const struct form *f, unsigned fields)
{
	bool rooms;

	if (f->type != FORM_SUBMIT || !f->form_type || strcmp(f->form_type, NS_MAM) != 0)
		return -COND_BAD_REQUEST;
	for (size_t i = 0; i < f->n; i++) {
		if (!is_field(f->fields[i].var, fields))
			return -COND_FEATURE_NOT_IMPLEMENTED;
	}
	return form_bool(f, "include-groupchat", &rooms) < 0 ? -COND_BAD_REQUEST : 0;
}

static int read_with(struct mam_query *q, const struct form *f, struct arena *arena)
{
	const char *s;
	int r = form_text(f, "with", TEXT_MAX, &s);

	if (r <= 0)
		return r < 0 ? -COND_BAD_REQUEST : 0;
	q->has_with = true;
	return jid_parse(&q->with, arena, s) < 0 ? -COND_JID_MALFORMED : 0;
}

static int read_time(const struct form *f, const char *var, int64_t *out)
{
	const char *s;
	int r = form_text(f, var, TIME_MAX, &s);

	if (r > 0)
		r = stamp_parse(s, out);
	return r < 0 ? -COND_BAD_REQUEST : 0;
}

static int read_id(const struct form *f, const char *var, const char **out)
{
	return form_text(f, var, TEXT_MAX, out) < 0 ? -COND_BAD_REQUEST : 0;
}

static int read_ids(struct mam_query *q, const struct form *f, struct arena *arena)
{
	const struct form_field *field = form_find(f, "ids");

	if (!field)
		return 0;
	if (field->values > MAM_IDS_MAX)
		return -COND_NOT_ACCEPTABLE;
	q->ids = arena_alloc(arena, (field->values + 1) * sizeof(*q->ids));
	EL_EACH (v, field->el, "value", NS_XDATA)
		q->ids[q->n_ids++] = el_body(v);
	return 0;
}

static int read_form(struct mam_query *q, const struct el *query, unsigned fields)
{
	const struct el *x = el_child(query, "x", NS_XDATA);
	struct form f;
	int r;

	if (!x)
		return 0;
	if (form_parse(&f, x) < 0)
		return -COND_BAD_REQUEST;
	r = check_fields(&f, fields);
	if (r == 0)
		r = read_with(q, &f, el_arena(query));
	if (r == 0)
		r = read_time(&f, "start", &q->start);
	if (r == 0)
		r = read_time(&f, "end", &q->end);
	if (r == 0)
		r = read_id(&f, "after-id", &q->after_id);
	if (r == 0)
		r = read_id(&f, "before-id", &q->before_id);
	return r < 0 ? r : read_ids(q, &f, el_arena(query));
}

void mam_add_form(struct el *answer, unsigned fields)
{
	struct el *x = form_add(el_add(answer, "query", NS_MAM), FORM_FORM, NS_MAM), *ids;

	(void)form_add_field(x, "jid-single", "with", NULL);
	(void)form_add_field(x, "text-single", "start", NULL);
	(void)form_add_field(x, "text-single", "end", NULL);
	(void)form_add_field(x, "text-single", "before-id", NULL);
	(void)form_add_field(x, "text-single", "after-id", NULL);
	ids = form_add_field(x, "list-multi", "ids", NULL);
	ids = el_add(ids, "validate", NS_VALIDATE);
	el_set(ids, "datatype", "xs:string");
	(void)el_add(ids, "open", NULL);
	if (fields & MAM_GROUPCHAT)
		(void)form_add_field(x, "boolean", "include-groupchat", NULL);
}

/* --- the page (XEP-0313 4.3) -------------------------------------------------------------------
 */

static int read_page(struct mam_query *q, const struct el *query)
{
	struct rsm rsm;

	if (rsm_parse(&rsm, query) < 0)
		return -COND_BAD_REQUEST;
	if (rsm.index != SIZE_MAX)
		return -COND_FEATURE_NOT_IMPLEMENTED;
	q->max = rsm.max;
	q->backwards = rsm.last || rsm.before;
	q->from = rsm.after ? rsm.after : rsm.before;
	return 0;
}

int mam_parse(struct mam_query *q, const struct el *query, unsigned fields)
{
	int r;

	*q = (struct mam_query){
		.queryid = el_attr(query, "queryid"),
		.flip = el_child(query, "flip-page", NS_MAM),
		.start = INT64_MIN,
		.end = INT64_MAX,
	};
	if (el_attr(query, "node")) /* XEP-0442 */
		return -COND_FEATURE_NOT_IMPLEMENTED;
	if (q->queryid && strlen(q->queryid) > MAM_QUERYID_MAX)
		return -COND_BAD_REQUEST;
	r = read_form(q, query, fields);
	return r < 0 ? r : read_page(q, query);
}

/* --- answers -----------------------------------------------------------------------------------
 */

void mam_add_end(struct el *metadata, const char *name, const char *id, int64_t ms)
{
	struct el *end = el_add(metadata, name, NULL);
	char stamp[STAMP_LEN + 1];

	stamp_write(ms, stamp);
	el_set(end, "id", id);
	el_set(end, "timestamp", stamp);
}
