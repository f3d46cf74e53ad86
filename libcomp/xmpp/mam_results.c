/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <xmpp/mam.h>
#include <xmpp/stamp.h>

struct mam_result {
	size_t at, len; /* in text */
	size_t id;      /* in ids, with its NUL */
};

void mam_results_init(struct mam_results *r, const struct mam_query *q, size_t dflt, size_t most)
{
	*r = (struct mam_results){
		.max = q->max == SIZE_MAX ? dflt : q->max,
		.backwards = q->backwards,
		.flip = q->flip,
		.whole = !q->from,
	};
	if (r->max > most)
		r->max = most;
	r->v = xreallocarray(NULL, r->max + 1, sizeof(*r->v));
	el_write_attr(&r->queryid, "queryid", q->queryid);
}

void mam_results_done(struct mam_results *r)
{
	free(r->v);
	sbuf_done(&r->queryid);
	sbuf_done(&r->text);
	sbuf_done(&r->ids);
}

/* --- finding -----------------------------------------------------------------------------------
 */

bool mam_results_begin(struct mam_results *r, const char *id, int64_t ms)
{
	if (r->n == r->max) {
		r->more = true;
		return false;
	}
	r->v[r->n] = (struct mam_result){ .at = sbuf_len(&r->text), .id = sbuf_len(&r->ids) };
	sbuf_add(&r->ids, id, strlen(id) + 1);
	sbuf_puts(&r->text, "<result xmlns=\"" NS_MAM "\"");
	sbuf_add(&r->text, sbuf_data(&r->queryid), sbuf_len(&r->queryid));
	el_write_attr(&r->text, "id", id);
	sbuf_puts(&r->text, "><forwarded xmlns=\"" NS_FORWARD "\">");
	stamp_delay(&r->text, NULL, ms);
	return true;
}

bool mam_results_end(struct mam_results *r, size_t bytes)
{
	struct mam_result *it = &r->v[r->n];

	sbuf_puts(&r->text, "</forwarded></result>");
	if (r->n > 0 && sbuf_len(&r->text) > bytes) {
		sbuf_truncate(&r->text, it->at);
		sbuf_truncate(&r->ids, it->id);
		r->more = true;
		return false;
	}
	it->len = sbuf_len(&r->text) - it->at;
	r->n++;
	return true;
}

/* --- sending -----------------------------------------------------------------------------------
 */

static const struct mam_result *at(const struct mam_results *r, size_t i, bool reversed)
{
	return &r->v[reversed ? r->n - 1 - i : i];
}

const char *mam_results_get(const struct mam_results *r, size_t i, size_t *ret_len)
{
	const struct mam_result *it = at(r, i, r->backwards != r->flip);

	*ret_len = it->len;
	return sbuf_data(&r->text) + it->at;
}

static const char *id_at(const struct mam_results *r, size_t i)
{
	return sbuf_data(&r->ids) + at(r, i, r->backwards)->id;
}

void mam_results_add_fin(struct el *answer, const struct mam_results *r, int count)
{
	struct el *fin = el_add(answer, "fin", NS_MAM), *set, *first;
	char text[24];

	if (!r->more)
		el_set(fin, "complete", "true");
	set = el_add(fin, "set", NS_RSM);
	if (r->n > 0) {
		first = el_add_text(set, "first", NULL, id_at(r, 0));
		if (r->whole && (!r->backwards || !r->more))
			el_set(first, "index", "0");
		el_add_text(set, "last", NULL, id_at(r, r->n - 1));
	}
	if (count >= 0) {
		(void)snprintf(text, sizeof(text), "%d", count);
		el_add_text(set, "count", NULL, text);
	}
}
