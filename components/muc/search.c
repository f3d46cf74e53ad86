/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <xmpp/form.h>
#include <xmpp/rsm.h>

#include "room.h"
#include "search.h"

#define NS_PARAMS "urn:xmpp:channel-search:0:search-params"
#define NS_ERROR "urn:xmpp:channel-search:0:error"
#define ORDER "{urn:xmpp:channel-search:0:order}"
#define KEYS ORDER "nusers|" ORDER "address"
#define NOT_ANONYMOUS "{urn:xmpp:channel-search:0:anonymity}none"

enum { ADDRESS_MAX = 2047, PAGE_MAX = 40, DESC_MAX = 2048, COST = 5, RETRY_SECONDS = 5 };
enum key { BY_USERS, BY_ADDRESS };

struct query {
	const char *words[SEARCH_WORDS_MAX];
	unsigned n_words;
	bool all, in_name, in_desc, in_address, rooms;
	int64_t min_users;
	int key; /* enum key */
	struct rsm rsm;
};

/* --- matching ----------------------------------------------------------------------------------
 */

unsigned search_words(char *query, const char *words[SEARCH_WORDS_MAX])
{
	char *save = NULL;
	unsigned n = 0;

	for (char *w = strtok_r(query, " \t\r\n", &save); w && n < SEARCH_WORDS_MAX;
	     w = strtok_r(NULL, " \t\r\n", &save)) {
		if (strlen(w) >= SEARCH_WORD_MIN)
			words[n++] = w;
	}
	return n;
}

bool search_match(
    const char *const *words, unsigned n_words, const char *const *texts, unsigned n_texts)
{
	for (unsigned i = 0; i < n_words; i++) {
		bool found = false;

		for (unsigned k = 0; k < n_texts && !found; k++)
			found = texts[k] && strcasestr(texts[k], words[i]);
		if (!found)
			return false;
	}
	return true;
}

/* How many are in a members-only room is for its members. */
static int64_t users_of(const struct listed *l)
{
	return l->members_only ? 0 : l->occupants;
}

static bool fits(const struct listed *l, const char *jid, const struct query *q)
{
	const char *texts[] = {
		q->in_name ? l->title : NULL,
		q->in_desc ? l->desc : NULL,
		q->in_address ? jid : NULL,
	};

	if (users_of(l) < q->min_users)
		return false;
	return q->all || search_match(q->words, q->n_words, texts, 3);
}

/* --- pages -------------------------------------------------------------------------------------
 */

struct hit {
	struct listed l;
	const char *jid;
};
struct hits {
	struct muc *m;
	const struct query *q;
	struct arena *a;
	struct hit *v;
	size_t n, cap;
};

static const char *copy(struct arena *a, const char *s)
{
	return s ? arena_strdup(a, s) : NULL;
}

static void look(const struct listed *l, void *arg)
{
	struct hits *h = arg;
	char jid[ADDRESS_MAX + 1];
	struct hit *x;

	(void)snprintf(jid, sizeof(jid), "%s@%s", l->local, comp_domain(h->m->c));
	if (!fits(l, jid, h->q))
		return;
	assert(h->n < h->cap);
	x = &h->v[h->n++];
	*x = (struct hit){ .l = *l, .jid = arena_strdup(h->a, jid) };
	x->l.local = arena_strdup(h->a, l->local);
	x->l.title = copy(h->a, l->title);
	x->l.desc = copy(h->a, l->desc);
	x->l.lang = copy(h->a, l->lang);
}

static int compare_users(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	if (users_of(&x->l) != users_of(&y->l))
		return users_of(&x->l) < users_of(&y->l) ? 1 : -1;
	return strcmp(x->l.local, y->l.local);
}

static const char *id_of(const struct hits *h, size_t at)
{
	const struct hit *x = &h->v[at];
	size_t n = strlen(x->jid) + 24;
	char *id;

	if (h->q->key == BY_ADDRESS)
		return x->jid;
	id = arena_alloc(h->a, n);
	(void)snprintf(id, n, "%lld %s", (long long)users_of(&x->l), x->jid);
	return id;
}

/* The order of a room and an id: as strcmp(). */
static int compare_id(const struct listed *l, const char *id, int key)
{
	size_t len;
	int d;

	if (key == BY_USERS) {
		char *end;
		long long users = strtoll(id, &end, 10);

		if (users != users_of(l))
			return users_of(l) > users ? -1 : 1;
		id = end + (*end == ' ');
	}
	len = strcspn(id, "@");
	d = strncmp(l->local, id, len);
	return d == 0 && strlen(l->local) > len ? 1 : d;
}

static size_t find(const char *id, bool *ret_there, void *arg)
{
	const struct hits *h = arg;
	size_t lo = 0, hi = h->n;

	*ret_there = false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int d = compare_id(&h->v[mid].l, id, h->q->key);

		if (d == 0) {
			*ret_there = true;
			return mid;
		}
		if (d < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void put_item(struct el *result, const struct hit *x)
{
	const struct listed *l = &x->l;
	struct el *item = el_add(result, "item", NULL), *users;

	el_set(item, "address", x->jid);
	el_add_text(item, "name", NULL, l->title ? l->title : l->local);
	if (l->desc && strlen(l->desc) <= DESC_MAX)
		el_add_text(item, "description", NULL, l->desc);
	if (l->lang)
		el_add_text(item, "language", NULL, l->lang);
	if (!l->members_only) {
		char s[24];

		users = el_add(item, "nusers", NULL);
		(void)snprintf(s, sizeof(s), "%lld", (long long)l->occupants);
		el_text(users, s);
	}
	el_add_text(item, "service-type", NULL, "xep-0045");
	if (!l->members_only && !l->password)
		el_add_text(item, "is-open", NULL, "true");
	el_add_text(item, "anonymity-mode", NULL, l->nonanon ? NOT_ANONYMOUS : "muc_semianonymous");
}

/* 0, or -Exxx: the rooms cannot be read. */
static int collect(struct hits *h)
{
	int r = listing_count(h->m, &h->cap);

	if (r < 0 || !h->q->rooms)
		return r;
	h->v = arena_alloc(h->a, (h->cap + 1) * sizeof(*h->v));
	return listing_read(h->m, 0, h->cap, look, h);
}

static void answer_hits(struct comp_req *rq, struct hits *h)
{
	struct el *out = comp_result(rq), *result = el_add(out, "result", NS_SEARCH);
	struct rsm_page page;

	if (h->q->key == BY_USERS && h->n > 0)
		qsort(h->v, h->n, sizeof(*h->v), compare_users);
	page = rsm_page(&h->q->rsm, h->n, PAGE_MAX, find, h);
	for (size_t i = page.from; i < page.from + page.n; i++)
		put_item(result, &h->v[i]);
	rsm_add(result, &page, h->n, page.n ? id_of(h, page.from) : NULL,
	    page.n ? id_of(h, page.from + page.n - 1) : NULL);
	comp_reply(rq, out);
}

static int answer(struct muc *m, struct comp_req *rq, const struct query *q)
{
	struct hits h = { .m = m, .q = q, .a = arena_new() };
	int r = collect(&h);

	if (r == 0)
		answer_hits(rq, &h);
	arena_free(h.a);
	return r < 0 ? -COND_RESOURCE_CONSTRAINT : COMP_DONE;
}

/* --- what is wrong -----------------------------------------------------------------------------
 */

/* The error with its condition of the XEP, which is returned for more; NULL: none such. */
static struct el *refuse(struct comp_req *rq, struct el **ret_err, enum el_cond cond,
    const char *type, const char *why, const char *text)
{
	struct el *err = el_error_reply_type(comp_el(rq), cond, type, text);

	*ret_err = err;
	return el_add(el_mut(el_child(err, "error", NS_CLIENT)), why, NS_ERROR);
}

static int refuse_simply(
    struct comp_req *rq, enum el_cond cond, const char *type, const char *why, const char *text)
{
	struct el *err;

	(void)refuse(rq, &err, cond, type, why, text);
	comp_reply(rq, err);
	return COMP_DONE;
}

static int refuse_fields(struct comp_req *rq, const char *text, const char *const *vars)
{
	struct el *err, *why;

	why = refuse(rq, &err, COND_BAD_REQUEST, "modify", "conflicting-fields", text);
	for (; *vars; vars++)
		el_add_text(why, "var", NULL, *vars);
	comp_reply(rq, err);
	return COMP_DONE;
}

static bool may_ask(struct muc *m, const struct jid *who)
{
	struct arena *a = arena_new();
	bool ok = rate_table_take(m->outsiders, jid_bare(who, a).s, COST, muc_now(m));

	arena_free(a);
	return ok && rate_take(&m->searches, &m->search_rate, 1, muc_now(m));
}

static int refuse_rate(struct comp_req *rq)
{
	struct el *err, *why;

	why = refuse(rq, &err, COND_RESOURCE_CONSTRAINT, "wait", "rate-limit", "Slow down.");
	el_setf(why, "retry-after", "%d", (int)RETRY_SECONDS);
	comp_reply(rq, err);
	return COMP_DONE;
}

/* --- the form ----------------------------------------------------------------------------------
 */

static int send_form(struct comp_req *rq)
{
	struct el *out = comp_result(rq), *field;
	struct el *form = form_add(el_add(out, "search", NS_SEARCH), FORM_FORM, NS_PARAMS);

	form_add_text(form, "text-single", "q", "Search for", "");
	form_add_bool(form, "all", "All rooms (no words)", false);
	form_add_bool(form, "sinname", "Search in the name", true);
	form_add_bool(form, "sindescription", "Search in the description", true);
	form_add_bool(form, "sinaddress", "Search in the address", true);
	form_add_int(form, "text-single", "min_users", "Minimum number of users", 0);
	field = form_add_field(form, "list-multi", "types", "Service types");
	form_add_value(field, "xep-0045");
	form_add_option(field, "Rooms (XEP-0045)", "xep-0045");
	field = form_add_field(form, "list-single", "key", "Sort results by");
	form_add_value(field, ORDER "nusers");
	form_add_option(field, "Number of users", ORDER "nusers");
	form_add_option(field, "Address", ORDER "address");
	comp_reply(rq, out);
	return COMP_DONE;
}

static bool asks_for_rooms(const struct form *f)
{
	const struct form_field *types = form_find(f, "types");

	for (size_t i = 0; types && i < types->values; i++) {
		if (!strcmp(form_value(types, i), "xep-0045"))
			return true;
	}
	return !types;
}

/* 0, or -EINVAL: not as the form wants it.  *ret_q: NULL or what is to be looked for. */
static int read_fields(struct query *q, const struct form *f, const char **ret_q)
{
	*q = (struct query){ .in_name = true, .in_desc = true, .in_address = true };
	*ret_q = NULL;
	q->rooms = asks_for_rooms(f);
	if (form_text(f, "q", SEARCH_QUERY_MAX, ret_q) < 0 || form_bool(f, "all", &q->all) < 0 ||
	    form_bool(f, "sinname", &q->in_name) < 0 ||
	    form_bool(f, "sindescription", &q->in_desc) < 0 ||
	    form_bool(f, "sinaddr", &q->in_address) < 0 || /* in an example of the XEP */
	    form_bool(f, "sinaddress", &q->in_address) < 0)
		return -EINVAL;
	if (*ret_q && !**ret_q)
		*ret_q = NULL; /* as the form has it */
	return form_int(f, "min_users", 0, INT32_MAX, &q->min_users) < 0 ? -EINVAL : 0;
}

/* 1: it can be answered; COMP_DONE: it has been refused; or -enum el_cond. */
static int read_query(struct query *q, struct comp_req *rq, const struct form *f)
{
	static const char *const both[] = { "all", "q", NULL };
	static const char *const nowhere[] = { "q", "sinname", "sindescription", "sinaddress",
		NULL };
	const char *text;

	if (read_fields(q, f, &text) < 0 || rsm_parse(&q->rsm, comp_payload(rq)) < 0)
		return -COND_BAD_REQUEST;
	if (form_choice(f, "key", KEYS, &q->key) < 0)
		return refuse_simply(
		    rq, COND_FEATURE_NOT_IMPLEMENTED, "modify", "invalid-sort-key", NULL);
	if (text && q->all)
		return refuse_fields(
		    rq, "Cannot both return all results and search by keywords.", both);
	if (!text && !q->all)
		return refuse_simply(rq, COND_BAD_REQUEST, "cancel", "no-search-conditions", NULL);
	if (text && !q->in_name && !q->in_desc && !q->in_address)
		return refuse_fields(rq, "There is nowhere to search.", nowhere);
	if (text)
		q->n_words = search_words(arena_strdup(el_arena(comp_el(rq)), text), q->words);
	if (text && q->n_words == 0)
		return refuse_simply(rq, COND_BAD_REQUEST, "modify", "invalid-search-terms",
		    "Search terms must have at least three characters.");
	return 1;
}

int search_handle(struct comp_req *rq, void *arg)
{
	const struct el *x = el_child(comp_payload(rq), "x", NS_XDATA);
	struct muc *m = arg;
	struct query q;
	struct form f;
	int ret;

	if (!may_ask(m, comp_from(rq)))
		return refuse_rate(rq);
	if (!x)
		return send_form(rq);
	if (form_parse(&f, x) < 0 || f.type != FORM_SUBMIT || !f.form_type ||
	    strcmp(f.form_type, NS_PARAMS) != 0)
		return -COND_BAD_REQUEST;
	ret = read_query(&q, rq, &f);
	if (ret <= 0)
		return ret;
	return answer(m, rq, &q);
}
