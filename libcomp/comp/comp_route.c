/* SPDX-License-Identifier: MIT */
/* The way of an inbound stanza: addresses are checked, answers go to comp_ask.c, requests to the
 * first row of the tables that fits, and what nobody wants gets its standard error.
 *
 * The component's rows come before the library's own (comp_disco.c), so that it may answer
 * everything by itself.  Runs from the link's drain, never inside the parser. */
#include <assert.h>
#include <string.h>

#include "comp_internal.h"

static const struct log_tag tag = { .mod = "comp" };

void comp_routes(struct comp *c, const struct comp_route *tab, size_t n, void *arg)
{
	assert(c->n_tables < COMP_TABLES_MAX);
	c->tables[c->n_tables++] = (struct comp_table){ tab, n, arg };
}

/* --- matching --------------------------------------------------------------------------------- */

static unsigned target_of(const struct jid *to)
{
	if (jid_is_domain(to))
		return COMP_TO_HOST;
	return jid_is_bare(to) ? COMP_TO_BARE : COMP_TO_FULL;
}

/* The type that a stanza without one has (RFC 6121 5.2.2; "available" is our own word). */
static const char *type_of(const struct el *el)
{
	const char *type = el_attr(el, "type");

	if (type)
		return type;
	return el_kind(el) == EL_MESSAGE ? "normal" : "available";
}

/* An error is only for a row that names it, so that nobody answers one by mistake. */
static bool type_fits(const struct comp_route *r, const char *type)
{
	return r->type ? strcmp(r->type, type) == 0 : strcmp(type, "error") != 0;
}

/* The payload of a row may be any child of a message or presence; an iq has but one. */
static bool payload_fits(const struct comp_route *r, const struct el *el)
{
	return (!r->ns && !r->name) || el_child(el, r->name, r->ns);
}

static bool row_fits(
    const struct comp_route *r, const struct comp_req *rq, const char *type, unsigned target)
{
	return r->kind == el_kind(rq->el) && (r->to & target) && type_fits(r, type) &&
	       payload_fits(r, rq->el);
}

static int run_rows(
    const struct comp_table *t, struct comp_req *rq, const char *type, unsigned target)
{
	const struct el *first = rq->payload;

	for (size_t i = 0; i < t->n; i++) {
		const struct comp_route *r = &t->rows[i];
		int ret;

		if (!row_fits(r, rq, type, target))
			continue;
		rq->payload = r->ns || r->name ? el_child(rq->el, r->name, r->ns) : first;
		ret = r->fn(rq, t->arg);
		if (ret != COMP_PASS)
			return ret;
		assert(!rq->answered && !rq->deferred); /* passed on what it had dealt with */
		rq->payload = first;
	}
	return COMP_PASS;
}

/* Nobody wants it: RFC 6120 8.4 for an iq, RFC 6121 8.5.1 for a message. */
static int fallback(const struct comp_req *rq, const char *type)
{
	if (rq->must_answer)
		return -COND_SERVICE_UNAVAILABLE;
	if (el_kind(rq->el) == EL_MESSAGE && strcmp(type, "headline") != 0 &&
	    strcmp(type, "error") != 0)
		return -COND_SERVICE_UNAVAILABLE;
	return COMP_DONE;
}

static int dispatch(struct comp_req *rq)
{
	const struct comp_table own = { comp_disco_rows, comp_disco_n_rows, NULL };
	const char *type = type_of(rq->el);
	unsigned target = target_of(&rq->to);
	int ret = COMP_PASS;

	for (size_t i = 0; i < rq->c->n_tables && ret == COMP_PASS; i++)
		ret = run_rows(&rq->c->tables[i], rq, type, target);
	if (ret == COMP_PASS)
		ret = run_rows(&own, rq, type, target);
	return ret == COMP_PASS ? fallback(rq, type) : ret;
}

/* --- checks ----------------------------------------------------------------------------------- */

/* RFC 6120 8.2.3.  0, COMP_PASS for an answer to a question of ours, or -enum el_cond. */
static int check_iq(const struct comp_req *rq)
{
	const char *type = el_attr(rq->el, "type");

	if (type && (strcmp(type, "result") == 0 || strcmp(type, "error") == 0))
		return COMP_PASS;
	if (!type || (strcmp(type, "get") != 0 && strcmp(type, "set") != 0))
		return -COND_BAD_REQUEST;
	return el_child_count(rq->el) == 1 && rq->payload ? 0 : -COND_BAD_REQUEST;
}

static void inbound_iq(struct comp_req *rq)
{
	int ret = check_iq(rq);

	if (ret == COMP_PASS) {
		comp_answer(rq->c, rq->el, &rq->from);
		req_finish(rq, COMP_DONE);
	} else if (!el_attr(rq->el, "id")) {
		log_debug(&tag, "dropped an iq without id from %s", rq->from.s);
		rq->must_answer = false; /* an answer could not be matched */
		req_finish(rq, COMP_DONE);
	} else {
		req_finish(rq, ret < 0 ? ret : dispatch(rq));
	}
}

void comp_inbound(struct comp *c, struct el *el)
{
	const char *from = el_attr(el, "from");
	const char *to = el_attr(el, "to");
	struct jid f, t;
	struct comp_req *rq;

	if (el_kind(el) == EL_OTHER) {
		log_debug(&tag, "ignored an element that is no stanza: %s", el_name(el));
		el_free(el);
		return;
	}
	/* The server stamps and prepares addresses; one that does not has nobody to be told. */
	if (!from || !to || jid_parse(&f, el_arena(el), from) < 0 ||
	    jid_parse(&t, el_arena(el), to) < 0 || !jid_has_domain(&t, c->domain)) {
		log_debug(&tag, "dropped a stanza with unusable addresses: from %s to %s",
		    from ? from : "nobody", to ? to : "nobody");
		el_free(el);
		return;
	}
	rq = req_new(c, el, &f, &t);
	if (comp_privilege_told(c, el, &f))
		req_finish(rq, COMP_DONE);
	else if (el_kind(el) == EL_IQ)
		inbound_iq(rq);
	else
		req_finish(rq, dispatch(rq));
}
