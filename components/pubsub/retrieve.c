/* SPDX-License-Identifier: MIT */
/* Items come in the order in which they were published, the oldest first; of a node with more than
 * a page the newest ones, unless a page is asked for. */
#include <stdlib.h>

#include <base/arena.h>
#include <base/sbuf.h>
#include <xmpp/rsm.h>

#include "bookmarks.h"
#include "item.h"
#include "retrieve.h"

/* --- which -------------------------------------------------------------------------------------
 */

struct finding {
	struct node *n;
	struct item **v;
	size_t count;
	bool missing; /* somebody asked for what is behind an item that is not there */
};

static size_t find(const char *id, bool *ret_there, void *arg)
{
	struct finding *f = arg;
	const struct item *it = items_find(f->n, id);
	size_t lo = 0, hi = f->count;

	*ret_there = it != NULL;
	if (!it) {
		f->missing = true;
		return 0;
	}
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->v[mid]->seq < it->seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* 6.5.8: those that are named, in the order in which they are; the first of too many. */
static void pick_named(struct node *n, const struct el *asked, size_t limit, struct arena *a,
    struct retrieve_page *out)
{
	out->v = arena_alloc(a, limit * sizeof(struct item *));
	EL_EACH (el, asked, "item", NULL) {
		const char *id = el_attr(el, "id");
		struct item *it = id ? items_find(n, id) : NULL;

		if (it && out->n < limit)
			out->v[out->n++] = it;
		out->count += it != NULL;
	}
}

static size_t most(const struct el *asked, size_t limit)
{
	uint32_t max;

	return el_attr_u32(asked, "max_items", &max) == 0 && max < limit ? max : limit;
}

int retrieve_page(struct node *n, const struct el *asked, const struct el *set, size_t limit,
    struct arena *a, struct retrieve_page *out, bool *ret_paged)
{
	struct finding f = { .n = n, .count = n->n_items };
	struct rsm_page page;
	struct rsm rsm;
	size_t i = 0;

	*out = (struct retrieve_page){ .v = NULL };
	*ret_paged = false;
	if (rsm_parse(&rsm, set) < 0)
		return -COND_BAD_REQUEST;
	if (el_child(asked, "item", NULL)) {
		pick_named(n, asked, limit, a, out);
		*ret_paged = out->n < out->count;
		return 0;
	}
	out->v = f.v = arena_alloc(a, (f.count + 1) * sizeof(struct item *));
	LIST_EACH (l, &n->items_in_order)
		f.v[i++] = LIST_ENTRY(l, struct item, link);
	out->count = f.count;
	if (!rsm.asked) { /* 6.5.7: the newest */
		out->n = most(asked, limit) < f.count ? most(asked, limit) : f.count;
		out->from = f.count - out->n;
		out->backwards = true;
		*ret_paged = out->n < f.count && out->n == limit;
		return 0;
	}
	page = rsm_page(&rsm, f.count, most(asked, limit), find, &f);
	if (f.missing)
		return -COND_ITEM_NOT_FOUND; /* XEP-0059 2.2 */
	out->from = page.from;
	out->n = page.n;
	out->backwards = rsm.last || rsm.before;
	*ret_paged = true;
	return 0;
}

/* --- answering ---------------------------------------------------------------------------------
 */

static int put_item(struct sbuf *out, struct item *it)
{
	size_t before;
	int r;

	sbuf_puts(out, "<item");
	el_write_attr(out, "id", it->id);
	if (it->node->conf.publisher)
		el_write_attr(out, "publisher", it->publisher);
	if (it->len == 0) {
		sbuf_puts(out, "/>");
		return 0;
	}
	sbuf_putc(out, '>');
	before = sbuf_len(out);
	r = item_payload(it, out);
	if (r < 0)
		return r;
	if (sbuf_len(out) == before)
		return -1;
	sbuf_puts(out, "</item>");
	return 0;
}

static size_t item_len(void *rows, size_t i)
{
	const struct item *it = ((struct item **)rows)[i];
	size_t publisher = it->node->conf.publisher ? request_attr_len(it->publisher) : 0;

	return it->len + request_attr_len(it->id) + publisher + 64;
}

/* As many as there is room for: who reads backwards, or has not said, gets the newer ones. */
static void fit(const struct request *r, struct retrieve_page *page, bool *ret_paged)
{
	struct rsm_page p = { page->from, page->n };

	request_fit(r, &p, page->backwards, item_len, page->v);
	*ret_paged = *ret_paged || p.n < page->n;
	page->from = p.from;
	page->n = p.n;
}

static void put_set(struct sbuf *out, const struct retrieve_page *page, struct el *scratch)
{
	struct rsm_page p = { page->from, page->n };

	rsm_add(scratch, &p, page->count, page->n ? page->v[page->from]->id : NULL,
	    page->n ? page->v[page->from + page->n - 1]->id : NULL);
	el_write(out, el_child(scratch, "set", NS_RSM), NULL);
}

static int reply(struct request *r, struct node *n, struct retrieve_page *page, bool paged)
{
	struct el *answer = comp_result(r->rq);
	struct arena *a = el_arena(answer);
	struct sbuf out = SBUF_INIT;
	size_t len;
	int ret = 0;

	sbuf_puts(&out, "<pubsub xmlns=\"" NS_PUBSUB "\"><items");
	el_write_attr(&out, "node", n->name);
	sbuf_putc(&out, '>');
	for (size_t i = page->from; i < page->from + page->n && ret == 0; i++)
		ret = put_item(&out, page->v[i]);
	sbuf_puts(&out, "</items>");
	if (paged)
		put_set(&out, page, el_add(answer, "pubsub", NS_PUBSUB));
	sbuf_puts(&out, "</pubsub>");
	len = sbuf_len(&out);
	if (ret == 0) {
		el_set_raw(answer, arena_strndup(a, sbuf_data(&out), len), len);
		comp_reply(r->rq, answer);
	} else {
		el_free(answer);
	}
	sbuf_done(&out);
	return ret == 0 ? COMP_DONE : -COND_RESOURCE_CONSTRAINT;
}

int retrieve_items(struct request *r)
{
	const struct el *payload = comp_payload(r->rq);
	struct retrieve_page page;
	struct standing st;
	struct node *n;
	bool paged;
	int ret;

	ret = bookmarks_retrieve(r);
	if (ret != COMP_PASS)
		return ret;
	n = request_find(r, &ret);
	if (!n)
		return ret;
	request_standing(r, n, &st);
	ret = request_judge(r, access_retrieve((enum access_model)n->conf.access, &st));
	if (ret != 0)
		return ret < 0 ? ret : COMP_DONE;
	if (!n->conf.persist) /* 6.5.9.4 */
		return request_unsupported(r, "persistent-items");
	if (items_load(n) < 0)
		return -COND_RESOURCE_CONSTRAINT;
	ret = retrieve_page(n, r->action, payload, PUBSUB_PAGE, el_arena(payload), &page, &paged);
	if (ret < 0)
		return ret;
	fit(r, &page, &paged);
	return reply(r, n, &page, paged);
}
