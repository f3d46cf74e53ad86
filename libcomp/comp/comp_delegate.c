/* SPDX-License-Identifier: MIT */
/* Namespace delegation (XEP-0355), the managing entity's side, urn:xmpp:delegation:2 and :1.
 *
 * A delegated request is taken out of its wrapping and goes the way of any other; its answer is
 * wrapped again in the version in which it came.  The server that delegates is believed whom it
 * speaks for, nobody else is: the same bytes from another sender are a stanza that nobody knows.
 *
 * Must not: know what is delegated. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>

#include "comp_internal.h"

enum { ADVERTS_MAX = 64 }; /* domains of the server, twice */

static const struct log_tag tag = { .mod = "comp" };

struct advert { /* what a domain of the server has delegated, in one of the versions */
	struct list link;
	struct el *el; /* <delegation/> */
	char *from;
};

struct nest { /* what is said of a namespace at the server's or an account's disco#info */
	struct list link;
	unsigned where; /* COMP_FOR_... */
	char *ns;
	struct el *info; /* a <query/> */
};

static const struct el *delegation_of(const struct el *el)
{
	const struct el *d = el_child(el, "delegation", NS_DELEGATION);

	return d ? d : el_child(el, "delegation", NS_DELEGATION_1);
}

/* --- what has been delegated (XEP-0355 4.2) --------------------------------------------------- */

static void advert_free(struct advert *a)
{
	list_del(&a->link);
	el_free(a->el);
	free(a->from);
	free(a);
}

static struct advert *advert_find(struct comp *c, const char *from, const char *ns, size_t *n)
{
	*n = 0;
	LIST_EACH (it, &c->delegate.adverts) {
		struct advert *a = LIST_ENTRY(it, struct advert, link);

		if (!strcmp(a->from, from) && !strcmp(el_ns(a->el), ns))
			return a;
		(*n)++;
	}
	return NULL;
}

/* The newest message tells all.  false: there are too many. */
static bool advert_store(struct comp *c, const char *from, const struct el *delegation)
{
	size_t n;
	struct advert *a = advert_find(c, from, el_ns(delegation), &n);

	if (!a && n >= ADVERTS_MAX)
		return false;
	if (!a) {
		a = xzalloc(sizeof(*a));
		a->from = xstrdup(from);
		list_add_tail(&c->delegate.adverts, &a->link);
	}
	el_free(a->el);
	a->el = el_dup(delegation);
	return true;
}

bool comp_delegate_told(struct comp *c, const struct el *el, const struct jid *from, uint64_t n)
{
	const struct el *delegation = delegation_of(el);
	const char *type = el_attr(el, "type");

	if (!delegation || el_kind(el) != EL_MESSAGE || (type && strcmp(type, "error") == 0) ||
	    !comp_is_router(c, from))
		return false;
	if (advert_store(c, from->s, delegation) && n > 0)
		ledger_put_told(c, tx_batch(c), from->s, delegation, el);
	return true;
}

bool comp_delegated(const struct comp *c, const char *ns)
{
	LIST_EACH (it, &c->delegate.adverts) {
		const struct advert *a = LIST_ENTRY(it, struct advert, link);

		EL_EACH (row, a->el, "delegated", el_ns(a->el)) {
			const char *said = el_attr(row, "namespace");

			if (said && !strcmp(said, ns))
				return true;
		}
	}
	return false;
}

void comp_delegate_reset(struct comp *c)
{
	LIST_EACH_SAFE (it, &c->delegate.adverts)
		advert_free(LIST_ENTRY(it, struct advert, link));
}

/* --- requests (XEP-0355 4.3) ------------------------------------------------------------------ */

/* The one iq inside; NULL: there is none, or more. */
static const struct el *unwrap(const struct el *delegation)
{
	const struct el *f = el_child(delegation, "forwarded", NS_FORWARD);

	if (!f || el_child_count(delegation) != 1 || el_child_count(f) != 1)
		return NULL;
	return el_child(f, "iq", NS_CLIENT);
}

/* A request to the server's domain `at` or to an account there, both addresses filled in. */
static bool read_request(
    const struct el *iq, const struct jid *at, struct jid *from, struct jid *to)
{
	const char *type = el_attr(iq, "type"), *f = el_attr(iq, "from"), *t = el_attr(iq, "to");

	if (!type || (strcmp(type, "get") != 0 && strcmp(type, "set") != 0) || !el_attr(iq, "id") ||
	    el_child_count(iq) != 1)
		return false;
	if (!f || jid_parse(from, el_arena(iq), f) < 0)
		return false;
	if (t && jid_parse(to, el_arena(iq), t) < 0)
		return false;
	if (!t)
		*to = jid_bare(from, el_arena(iq)); /* the asker's own account */
	return jid_is_bare(to) && jid_has_domain(to, at->s);
}

static void refuse(struct comp *c, const struct el *outer)
{
	EL_AUTO struct el *err = el_error_reply(outer, COND_BAD_REQUEST, NULL);

	log_warn(&tag, "refused a malformed delegated request from %s", el_attr(outer, "from"));
	if (err)
		(void)tx_send(c, err, NULL, NULL, true);
}

static struct comp_req *request_new(
    struct comp *c, struct el *outer, const struct jid *at, const struct jid *me)
{
	const struct el *delegation = delegation_of(outer);
	const struct el *iq = unwrap(delegation);
	struct comp_req *rq;
	struct jid from, to;

	if (!iq || !read_request(iq, at, &from, &to)) {
		refuse(c, outer);
		el_free(outer);
		return NULL;
	}
	rq = req_new(c, outer, at, me);
	rq->el = el_mut(iq);
	rq->payload = el_child(iq, NULL, NULL);
	rq->from = from;
	rq->to = to;
	rq->delegation = el_ns(delegation);
	return rq;
}

bool comp_delegate_inbound(struct comp *c, struct el *el, const struct jid *from,
    const struct jid *to, uint64_t n, bool repeated)
{
	const struct el *delegation = delegation_of(el);
	const char *type = el_attr(el, "type");
	struct comp_req *rq;

	if (!delegation || !jid_is_domain(to) || !comp_is_router(c, from))
		return false;
	if (comp_delegate_told(c, el, from, n)) {
		el_free(el);
		return true;
	}
	if (el_kind(el) != EL_IQ || !type || strcmp(type, "set") != 0 || !el_attr(el, "id"))
		return false;
	rq = request_new(c, el, from, to);
	if (rq) {
		rq->n = n;
		rq->repeated = rq->stored = repeated;
		comp_dispatch(rq);
	}
	return true;
}

bool comp_delegate_to(const struct el *el, const struct jid *from, struct jid *to)
{
	const struct el *delegation = delegation_of(el);
	const struct el *iq = delegation ? unwrap(delegation) : NULL;
	struct jid asker;

	return iq && read_request(iq, from, &asker, to);
}

struct el *comp_delegate_wrap(const struct comp_req *rq, const struct el *answer)
{
	struct el *iq = el_result(rq->root);

	out_forward(iq, "delegation", rq->delegation, answer, NULL);
	return iq;
}

/* --- disco nesting (XEP-0355 7.2) ------------------------------------------------------------- */

/* XEP-0355 7.1.  Both: which one the server speaks, it knows best. */
void comp_delegate_announce(struct comp *c)
{
	if (c->delegate.announced)
		return;
	c->delegate.announced = true;
	comp_feature(c, NS_DELEGATION);
	comp_feature(c, NS_DELEGATION_1);
}

static struct nest *nest_find(const struct comp *c, unsigned where, const char *ns)
{
	LIST_EACH (it, &c->delegate.nests) {
		struct nest *n = LIST_ENTRY(it, struct nest, link);

		if ((n->where & where) && !strcmp(n->ns, ns))
			return n;
	}
	return NULL;
}

static struct el *nest_info(struct comp *c, unsigned where, const char *ns)
{
	struct nest *n = nest_find(c, where, ns);

	comp_delegate_announce(c);
	if (!n) {
		n = xzalloc(sizeof(*n));
		n->where = where;
		n->ns = xstrdup(ns);
		n->info = el_new("query", NS_DISCO_INFO);
		list_add_tail(&c->delegate.nests, &n->link);
	}
	return n->info;
}

void comp_identity_for(struct comp *c, unsigned where, const char *ns, const char *category,
    const char *type, const char *name)
{
	assert(where && !(where & ~(unsigned)COMP_FOR_ANY));
	for (unsigned bit = COMP_FOR_ACCOUNT; bit <= COMP_FOR_SERVER; bit <<= 1) {
		struct el *id =
		    where & bit ? el_add(nest_info(c, bit, ns), "identity", NULL) : NULL;

		if (!id)
			continue;
		el_set(id, "category", category);
		el_set(id, "type", type);
		el_set(id, "name", name);
	}
}

void comp_feature_for(struct comp *c, unsigned where, const char *ns, const char *feature)
{
	assert(where && !(where & ~(unsigned)COMP_FOR_ANY));
	for (unsigned bit = COMP_FOR_ACCOUNT; bit <= COMP_FOR_SERVER; bit <<= 1) {
		if (where & bit)
			el_set(el_add(nest_info(c, bit, ns), "feature", NULL), "var", feature);
	}
}

static const char *behind(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s && !strncmp(s, prefix, n) ? s + n : NULL;
}

const struct el *comp_delegate_info(const struct comp *c, const char *node)
{
	const char *rest = behind(node, NS_DELEGATION), *ns;
	const struct nest *n;

	if (!rest)
		rest = behind(node, NS_DELEGATION_1);
	ns = behind(rest, ":bare:");
	n = ns ? nest_find(c, COMP_FOR_ACCOUNT, ns) : NULL;
	if (!ns && (ns = behind(rest, "::")))
		n = nest_find(c, COMP_FOR_SERVER, ns);
	if (n)
		return n->info;
	return ns && nest_find(c, COMP_FOR_ANY, ns) ? c->delegate.nothing : NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

void comp_delegate_init(struct comp *c)
{
	list_init(&c->delegate.adverts);
	list_init(&c->delegate.nests);
	c->delegate.nothing = el_new("query", NS_DISCO_INFO);
}

void comp_delegate_done(struct comp *c)
{
	comp_delegate_reset(c);
	LIST_EACH_SAFE (it, &c->delegate.nests) {
		struct nest *n = LIST_ENTRY(it, struct nest, link);

		list_del(it);
		el_free(n->info);
		free(n->ns);
		free(n);
	}
	el_free(c->delegate.nothing);
}
