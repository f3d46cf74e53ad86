/* SPDX-License-Identifier: MIT */
/* The way of an inbound stanza: addresses are checked, answers go to comp_ask.c, requests to the
 * first row of the tables that fits, and what nobody wants gets its standard error.  What only a
 * server may say goes no further if somebody else says it.
 *
 * The component's rows come before the library's own (comp_disco.c), so that it may answer
 * everything by itself.  Runs from the inbox, never inside the parser. */
#include <assert.h>
#include <string.h>

#include "comp_internal.h"

static const struct log_tag tag = { .mod = "comp" };

void comp_routes(struct comp *c, const struct comp_route *tab, size_t n, void *arg)
{
	assert(c->n_tables < COMP_TABLES_MAX);
	c->tables[c->n_tables++] = (struct comp_table){ tab, n, arg };
	for (size_t i = 0; i < n; i++) {
		if (tab[i].to & COMP_FOR_ANY)
			comp_delegate_announce(c);
	}
}

/* --- matching --------------------------------------------------------------------------------- */

static unsigned target_of(const struct comp_req *rq)
{
	const struct jid *to = &rq->to;

	if (rq->delegation)
		return jid_is_domain(to) ? COMP_FOR_SERVER : COMP_FOR_ACCOUNT;
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
		if (r->once && rq->repeated)
			return -COND_RESOURCE_CONSTRAINT;
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
	unsigned target = target_of(rq);
	int ret = COMP_PASS;

	for (size_t i = 0; i < rq->c->n_tables && ret == COMP_PASS; i++)
		ret = run_rows(&rq->c->tables[i], rq, type, target);
	if (ret == COMP_PASS)
		ret = run_rows(&own, rq, type, target);
	return ret == COMP_PASS ? fallback(rq, type) : ret;
}

void comp_dispatch(struct comp_req *rq)
{
	req_finish(rq, dispatch(rq));
}

/* --- checks ----------------------------------------------------------------------------------- */

#define TAP "urn:switchyard:tap:"

/* What a handler believes because it is the server's word (docs/component-protocol.md). */
static bool servers_word(const char *ns)
{
	static const char *const begins[] = { "urn:xmpp:delegation:", "urn:xmpp:privilege:", TAP,
		"urn:switchyard:share:", "urn:switchyard:sasl:" };

	if (strncmp(ns, "urn:", 4) != 0)
		return false;
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
		if (strncmp(ns, begins[i], strlen(begins[i])) == 0)
			return true;
	}
	return false;
}

bool comp_is_served(const struct comp *c, const struct jid *j)
{
	return conf_list_has(&c->routers, jid_domain(j), jid_domain_len(j));
}

bool comp_is_router(const struct comp *c, const struct jid *from)
{
	return jid_is_domain(from) && comp_is_served(c, from);
}

/* Whoever asks has a full address: an iq from an account's bare one is the server's, which asks for
 * what is kept for the account. */
static bool asks_for_account(const struct comp_req *rq, const char *ns)
{
	return el_kind(rq->el) == EL_IQ && strncmp(ns, TAP, strlen(TAP)) == 0 &&
	       jid_is_bare(&rq->from) && comp_is_served(rq->c, &rq->from);
}

static bool forged(const struct comp_req *rq)
{
	EL_EACH (it, rq->el, NULL, NULL)
		if (servers_word(el_ns(it)) && !comp_is_router(rq->c, &rq->from) &&
		    !asks_for_account(rq, el_ns(it))) {
			log_info(&tag, "%s is not the server, and says {%s}%s: refused", rq->from.s,
			    el_ns(it), el_name(it));
			return true;
		}
	return false;
}

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
		if (ret == 0)
			ret = forged(rq) ? -COND_FORBIDDEN : dispatch(rq);
		req_finish(rq, ret);
	}
}

void comp_inbound(struct comp *c, struct el *el, uint64_t n, bool repeated)
{
	const char *from = el_attr(el, "from");
	const char *to = el_attr(el, "to");
	struct jid f, t;
	struct comp_req *rq;

	/* The server stamps and prepares addresses; one that does not has nobody to be told. */
	if (!from || !to || jid_parse(&f, el_arena(el), from) < 0 ||
	    jid_parse(&t, el_arena(el), to) < 0 || !jid_has_domain(&t, c->domain)) {
		log_debug(&tag, "dropped a stanza with unusable addresses: from %s to %s",
		    from ? from : "nobody", to ? to : "nobody");
		if (repeated) /* it was not always so: the domain has another name now */
			ledger_del_deferred(c, tx_batch(c), n);
		el_free(el);
		return;
	}
	if (share_inbound(c, el, &f) || comp_delegate_inbound(c, el, &f, &t, n, repeated))
		return;
	rq = req_new(c, el, &f, &t);
	rq->n = n;
	rq->repeated = rq->stored = repeated;
	if (comp_privilege_inbound(c, el, &f, n))
		req_finish(rq, COMP_DONE);
	else if (el_kind(el) == EL_IQ)
		inbound_iq(rq);
	else
		req_finish(rq, forged(rq) ? COMP_DONE : dispatch(rq));
}

void comp_told_before(struct comp *c, const struct el *el)
{
	const char *from = el_attr(el, "from");
	struct jid f;

	if (!from || jid_parse(&f, el_arena(el), from) < 0)
		return;
	if (!comp_delegate_told(c, el, &f, 0))
		comp_privilege_told(c, el, &f);
}
