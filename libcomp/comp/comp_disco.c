/* SPDX-License-Identifier: MIT */
/* What every component answers by itself: disco#info and disco#items (XEP-0030), ping (XEP-0199)
 * and software version (XEP-0092) at its domain.
 *
 * The answer to disco#info is kept as a finished <query/> that comp_identity() and comp_feature()
 * add to.  Nodes, and addresses below the domain, are the component's: it is asked through the
 * functions given to comp_disco(). */
#include <assert.h>
#include <stdio.h>

#include "comp_internal.h"

void comp_identity(struct comp *c, const char *category, const char *type, const char *name)
{
	struct el *id = el_add(c->disco.info, "identity", NULL);

	el_set(id, "category", category);
	el_set(id, "type", type);
	el_set(id, "name", name);
	c->disco.has_identity = true;
}

void comp_feature(struct comp *c, const char *ns)
{
	el_set(el_add(c->disco.info, "feature", NULL), "var", ns);
}

void comp_disco(struct comp *c, comp_disco_fn *info, comp_disco_fn *items, void *arg)
{
	c->disco.info_fn = info;
	c->disco.items_fn = items;
	c->disco.arg = arg;
}

void comp_disco_init(struct comp *c)
{
	c->disco.info = el_new("query", NS_DISCO_INFO);
	comp_feature(c, NS_DISCO_INFO);
	comp_feature(c, NS_DISCO_ITEMS);
	comp_feature(c, NS_PING);
	comp_feature(c, NS_VERSION);
}

void comp_disco_done(struct comp *c)
{
	el_free(c->disco.info);
	c->disco.info = NULL;
}

/* --- answers ---------------------------------------------------------------------------------- */

static const char *node_of(const struct comp_req *rq)
{
	const char *node = el_attr(rq->payload, "node");

	return node && *node ? node : NULL;
}

/* Lets the component fill in an answer.  The function neither replies nor defers. */
static int ask_component(struct comp_req *rq, comp_disco_fn *fn, const char *ns)
{
	const char *node = node_of(rq);
	struct el *answer = comp_result(rq);
	struct el *query = el_add(answer, "query", ns);
	int ret;

	el_set(query, "node", node);
	ret = fn(rq, node, query, rq->c->disco.arg);
	assert(!rq->answered && !rq->deferred);
	if (ret == COMP_DONE) {
		comp_reply(rq, answer);
		return COMP_DONE;
	}
	el_free(answer);
	return ret == COMP_PASS ? -COND_ITEM_NOT_FOUND : ret;
}

static int on_info(struct comp_req *rq, void *arg)
{
	struct comp_disco_state *d = &rq->c->disco;
	const char *node = node_of(rq);
	const struct el *info = node ? comp_delegate_info(rq->c, node) : d->info;
	struct el *answer;

	(void)arg;
	if (jid_is_domain(&rq->to) && info) {
		answer = comp_result(rq);
		el_set(el_add_copy(answer, info), "node", node);
		comp_reply(rq, answer);
		return COMP_DONE;
	}
	if (d->info_fn)
		return ask_component(rq, d->info_fn, NS_DISCO_INFO);
	return node ? -COND_ITEM_NOT_FOUND : COMP_PASS;
}

static int on_items(struct comp_req *rq, void *arg)
{
	struct comp_disco_state *d = &rq->c->disco;
	struct el *answer;

	(void)arg;
	if (d->items_fn)
		return ask_component(rq, d->items_fn, NS_DISCO_ITEMS);
	if (node_of(rq))
		return -COND_ITEM_NOT_FOUND;
	if (!jid_is_domain(&rq->to))
		return COMP_PASS;
	answer = comp_result(rq);
	el_add(answer, "query", NS_DISCO_ITEMS);
	comp_reply(rq, answer);
	return COMP_DONE;
}

static int on_ping(struct comp_req *rq, void *arg)
{
	(void)arg;
	comp_reply_ok(rq);
	return COMP_DONE;
}

static int on_version(struct comp_req *rq, void *arg)
{
	struct el *answer = comp_result(rq);
	struct el *query = el_add(answer, "query", NS_VERSION);
	char name[64];

	(void)arg;
	(void)snprintf(name, sizeof(name), "switchyard-%s", rq->c->ops->name);
	el_add_text(query, "name", NULL, name);
	el_add_text(query, "version", NULL, SWITCHYARD_VERSION);
	comp_reply(rq, answer);
	return COMP_DONE;
}

const struct comp_route comp_disco_rows[] = {
	{ EL_IQ, "get", NS_DISCO_INFO, "query", COMP_TO_ANY, on_info },
	{ EL_IQ, "get", NS_DISCO_ITEMS, "query", COMP_TO_ANY, on_items },
	{ EL_IQ, "get", NS_PING, "ping", COMP_TO_HOST, on_ping },
	{ EL_IQ, "get", NS_VERSION, "query", COMP_TO_HOST, on_version },
	{ EL_MESSAGE, "error", NULL, NULL, COMP_TO_HOST, comp_many_refused },
};
const size_t comp_disco_n_rows = sizeof(comp_disco_rows) / sizeof(comp_disco_rows[0]);
