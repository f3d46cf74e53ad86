/* SPDX-License-Identifier: MIT */
/* Nobody is told of a node that he may neither subscribe to nor read; a stranger who may see none
 * of an account's is answered as if there were no account. */
#include <string.h>

#include <base/arena.h>
#include <xmpp/form.h>
#include <xmpp/rsm.h>
#include <xmpp/stamp.h>

#include "disco.h"
#include "item.h"
#include "node.h"
#include "retrieve.h"
#include "roster.h"

/* --- features ----------------------------------------------------------------------------------
 */

static const char *const both[] = {
	NS_PUBSUB,
	NS_PUBSUB "#access-authorize",
	NS_PUBSUB "#access-open",
	NS_PUBSUB "#access-whitelist",
	NS_PUBSUB "#auto-create",
	NS_PUBSUB "#config-node",
	NS_PUBSUB "#config-node-max",
	NS_PUBSUB "#create-and-configure",
	NS_PUBSUB "#create-nodes",
	NS_PUBSUB "#delete-items",
	NS_PUBSUB "#delete-nodes",
	NS_PUBSUB "#item-ids",
	NS_PUBSUB "#last-published",
	NS_PUBSUB "#manage-subscriptions",
	NS_PUBSUB "#member-affiliation",
	NS_PUBSUB "#meta-data",
	NS_PUBSUB "#modify-affiliations",
	NS_PUBSUB "#multi-items",
	NS_PUBSUB "#outcast-affiliation",
	NS_PUBSUB "#persistent-items",
	NS_PUBSUB "#publish",
	NS_PUBSUB "#publish-only-affiliation",
	NS_PUBSUB "#publish-options",
	NS_PUBSUB "#publisher-affiliation",
	NS_PUBSUB "#purge-nodes",
	NS_PUBSUB "#retract-items",
	NS_PUBSUB "#retrieve-affiliations",
	NS_PUBSUB "#retrieve-default",
	NS_PUBSUB "#retrieve-items",
	NS_PUBSUB "#retrieve-subscriptions",
	NS_PUBSUB "#rsm",
	NS_PUBSUB "#subscribe",
	NS_PUBSUB "#subscription-notifications",
	NS_RSM,
};
static const char *const of_domain[] = { NS_PUBSUB "#instant-nodes" };
static const char *const of_account[] = {
	NS_PUBSUB "#access-presence",
	NS_PUBSUB "#access-roster",
	NS_PUBSUB "#auto-subscribe",
	NS_PUBSUB "#filtered-notifications",
	NS_PUBSUB "#pubsub-on-a-jid",
};
#define N(a) (sizeof(a) / sizeof((a)[0]))

void disco_start(struct pubsub *p)
{
	struct comp *c = p->c;

	comp_identity(c, "pubsub", "service", "Publish-Subscribe");
	comp_identity_for(c, COMP_FOR_ACCOUNT, NS_PUBSUB, "pubsub", "pep", NULL);
	for (size_t i = 0; i < N(both); i++) {
		comp_feature(c, both[i]);
		comp_feature_for(c, COMP_FOR_ACCOUNT, NS_PUBSUB, both[i]);
	}
	for (size_t i = 0; i < N(of_domain); i++)
		comp_feature(c, of_domain[i]);
	for (size_t i = 0; i < N(of_account); i++)
		comp_feature_for(c, COMP_FOR_ACCOUNT, NS_PUBSUB, of_account[i]);
	/* profanity looks for it at the server, and nowhere else. */
	comp_feature_for(c, COMP_FOR_SERVER, NS_PUBSUB, NS_PUBSUB "#publish-options");
	/* ejabberd delegates no namespace of which it is told nothing (XEP-0355 7.2). */
	comp_feature_for(c, COMP_FOR_SERVER, NS_PUBSUB_OWNER, NS_PUBSUB "#publish-options");
	comp_feature_for(c, COMP_FOR_ANY, NS_VCARD, NS_VCARD);
	comp_feature_for(c, COMP_FOR_SERVER, NS_PRIVATE, NS_PRIVATE);
}

/* --- who sees what -----------------------------------------------------------------------------
 */

static bool is_listed(const struct request *r, const struct node *n)
{
	struct standing st;
	enum verdict v;

	if (node_is_hidden(n))
		return false;
	request_standing(r, n, &st);
	v = access_subscribe((enum access_model)n->conf.access, &st);
	return v == MAY || v == MAY_AFTER_APPROVAL ||
	       access_retrieve((enum access_model)n->conf.access, &st) == MAY;
}

/* Of an account: who neither owns it nor sees its presence. */
static bool is_stranger(const struct request *r)
{
	const struct contact *c;

	if (!r->service->pep || request_is_owner(r))
		return false;
	c = r->roster ? roster_contact(r->roster, r->bare.s) : NULL;
	return !c || !c->from;
}

static int not_here(const struct request *r)
{
	return is_stranger(r) ? -COND_SERVICE_UNAVAILABLE : -COND_ITEM_NOT_FOUND;
}

static struct el *begin(const struct request *r, struct el **ret_query)
{
	const struct el *asked = comp_payload(r->rq);
	struct el *answer = comp_result(r->rq);

	*ret_query = el_add(answer, "query", el_ns(asked));
	el_set(*ret_query, "node", el_attr(asked, "node"));
	return answer;
}

/* --- info --------------------------------------------------------------------------------------
 */

/* 5.4: what it is set to, and what has come about. */
static void put_meta(const struct node *n, struct el *form)
{
	int64_t subscribers = 0;
	char stamp[STAMP_LEN + 1];

	config_write_meta(&n->conf, form);
	stamp_write_s(n->created, stamp);
	form_add_text(form, "text-single", "pubsub#creation_date", NULL, stamp);
	LIST_EACH (l, &n->followers_in_order)
		subscribers += follower_subscribed(LIST_ENTRY(l, struct follower, link));
	form_add_int(form, "text-single", "pubsub#num_subscribers", NULL, subscribers);
}

int disco_info(struct request *r)
{
	const char *name = el_attr(comp_payload(r->rq), "node");
	struct node *n = name ? node_find(r->service, name) : NULL;
	struct el *answer, *query, *el;

	if (!n || !is_listed(r, n))
		return not_here(r);
	answer = begin(r, &query);
	el = el_add(query, "identity", NULL);
	el_set(el, "category", "pubsub");
	el_set(el, "type", "leaf");
	el_set(el, "name", n->conf.title);
	el_set(el_add(query, "feature", NULL), "var", NS_PUBSUB);
	put_meta(n, form_add(query, FORM_RESULT, NS_PUBSUB_META));
	comp_reply(r->rq, answer);
	return COMP_DONE;
}

/* --- items -------------------------------------------------------------------------------------
 */

struct listing {
	struct node **v;
	size_t n;
	bool missing; /* somebody asked for what is behind a node that is not there */
};

static size_t find(const char *id, bool *ret_there, void *arg)
{
	struct listing *l = arg;

	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i]->name, id) == 0) {
			*ret_there = true;
			return i;
		}
	}
	*ret_there = false;
	l->missing = true;
	return 0;
}

/* An item without its name. */
static size_t bare_len(const struct service *s)
{
	return request_attr_len(s->address) + 40;
}

static size_t node_len(void *rows, size_t i)
{
	const struct node *n = ((struct node **)rows)[i];
	size_t title = n->conf.title ? request_attr_len(n->conf.title) : 0;

	return bare_len(n->service) + request_attr_len(n->name) + title;
}

static size_t item_len(void *rows, size_t i)
{
	const struct item *it = ((struct item **)rows)[i];

	return bare_len(it->node->service) + request_attr_len(it->id);
}

static int list_nodes(struct request *r)
{
	const struct el *asked = comp_payload(r->rq);
	struct arena *a = el_arena(asked);
	struct listing l = { .n = 0 };
	struct el *answer, *query;
	struct rsm_page page;
	struct rsm rsm;

	if (rsm_parse(&rsm, asked) < 0)
		return -COND_BAD_REQUEST;
	l.v = arena_alloc(a, (map_len(&r->service->nodes) + 1) * sizeof(struct node *));
	LIST_EACH (it, &r->service->in_order) {
		struct node *n = LIST_ENTRY(it, struct node, link);

		if (is_listed(r, n))
			l.v[l.n++] = n;
	}
	if (l.n == 0 && is_stranger(r))
		return -COND_SERVICE_UNAVAILABLE;
	page = rsm_page(&rsm, l.n, PUBSUB_DISCO_PAGE, find, &l);
	if (l.missing)
		return -COND_ITEM_NOT_FOUND; /* XEP-0059 2.2 */
	request_fit(r, &page, rsm.last || rsm.before, node_len, l.v);
	answer = begin(r, &query);
	for (size_t i = page.from; i < page.from + page.n; i++) {
		struct el *item = el_add(query, "item", NULL);

		el_set(item, "jid", r->service->address);
		el_set(item, "node", l.v[i]->name);
		el_set(item, "name", l.v[i]->conf.title);
	}
	if (l.n > 0 && (rsm.asked || page.n < l.n))
		rsm_add(query, &page, l.n, page.n ? l.v[page.from]->name : NULL,
		    page.n ? l.v[page.from + page.n - 1]->name : NULL);
	comp_reply(r->rq, answer);
	return COMP_DONE;
}

/* 5.5: an item's id is its name. */
static int list_items(struct request *r, struct node *n)
{
	const struct el *asked = comp_payload(r->rq);
	struct retrieve_page found;
	struct el *answer, *query;
	struct rsm_page page;
	bool paged;
	int ret;

	if (items_load(n) < 0)
		return -COND_RESOURCE_CONSTRAINT;
	ret = retrieve_page(n, asked, asked, PUBSUB_DISCO_PAGE, el_arena(asked), &found, &paged);
	if (ret < 0)
		return ret;
	page = (struct rsm_page){ found.from, found.n };
	request_fit(r, &page, found.backwards, item_len, found.v);
	answer = begin(r, &query);
	for (size_t i = page.from; i < page.from + page.n; i++) {
		struct el *item = el_add(query, "item", NULL);

		el_set(item, "jid", r->service->address);
		el_set(item, "name", found.v[i]->id);
	}
	if (paged || page.n < found.n)
		rsm_add(query, &page, found.count, page.n ? found.v[page.from]->id : NULL,
		    page.n ? found.v[page.from + page.n - 1]->id : NULL);
	comp_reply(r->rq, answer);
	return COMP_DONE;
}

int disco_items(struct request *r)
{
	const char *name = el_attr(comp_payload(r->rq), "node");
	struct standing st;
	struct node *n;

	if (!name || !*name)
		return list_nodes(r);
	n = node_find(r->service, name);
	if (!n || !is_listed(r, n))
		return not_here(r);
	request_standing(r, n, &st);
	if (access_retrieve((enum access_model)n->conf.access, &st) != MAY)
		return -COND_FORBIDDEN;
	return list_items(r, n);
}
