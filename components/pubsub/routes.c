/* SPDX-License-Identifier: MIT */
/* Which stanza goes where. */
#include <string.h>

#include "account.h"
#include "approve.h"
#include "create.h"
#include "disco.h"
#include "lists.h"
#include "owner.h"
#include "private.h"
#include "publish.h"
#include "retrieve.h"
#include "roster.h"
#include "routes.h"
#include "session.h"
#include "subscribe.h"
#include "vcard.h"

struct action {
	const char *ns, *type, *name;
	request_fn *fn;
};
static const struct action actions[] = {
	{ NS_PUBSUB, "set", "publish", publish_item },
	{ NS_PUBSUB, "get", "items", retrieve_items },
	{ NS_PUBSUB, "set", "retract", publish_retract },
	{ NS_PUBSUB, "set", "create", create_node },
	{ NS_PUBSUB, "set", "subscribe", subscribe_set },
	{ NS_PUBSUB, "set", "unsubscribe", subscribe_unset },
	{ NS_PUBSUB, "get", "subscriptions", subscribe_list },
	{ NS_PUBSUB, "get", "affiliations", subscribe_affiliations },
	{ NS_PUBSUB, "get", "options", subscribe_options },
	{ NS_PUBSUB, "set", "options", subscribe_options },
	{ NS_PUBSUB, "get", "default", subscribe_options },
	{ NS_PUBSUB, "set", "configure", create_misplaced },
	{ NS_PUBSUB, "set", "publish-options", create_misplaced },
	{ NS_PUBSUB_OWNER, "get", "configure", owner_get_config },
	{ NS_PUBSUB_OWNER, "set", "configure", owner_set_config },
	{ NS_PUBSUB_OWNER, "get", "default", owner_get_default },
	{ NS_PUBSUB_OWNER, "set", "delete", owner_delete },
	{ NS_PUBSUB_OWNER, "set", "purge", owner_purge },
	{ NS_PUBSUB_OWNER, "get", "affiliations", lists_get_affiliations },
	{ NS_PUBSUB_OWNER, "set", "affiliations", lists_set_affiliations },
	{ NS_PUBSUB_OWNER, "get", "subscriptions", lists_get_subscriptions },
	{ NS_PUBSUB_OWNER, "set", "subscriptions", lists_set_subscriptions },
};

static int on_pubsub(struct comp_req *rq, void *arg)
{
	const struct el *payload = comp_payload(rq), *action = el_child(payload, NULL, NULL);
	const char *type = el_attr(comp_el(rq), "type"), *ns = el_ns(payload);

	for (size_t i = 0; action && i < sizeof(actions) / sizeof(actions[0]); i++) {
		const struct action *a = &actions[i];

		if (!strcmp(a->ns, ns) && !strcmp(a->type, type) && el_is(action, a->name, ns))
			return request_run(arg, rq, a->fn);
	}
	return action ? -COND_FEATURE_NOT_IMPLEMENTED : -COND_BAD_REQUEST;
}

static int on_vcard(struct comp_req *rq, void *arg)
{
	bool get = strcmp(el_attr(comp_el(rq), "type"), "get") == 0;

	return request_run(arg, rq, get ? vcard_get : vcard_set);
}

static int on_private(struct comp_req *rq, void *arg)
{
	bool get = strcmp(el_attr(comp_el(rq), "type"), "get") == 0;

	return request_run(arg, rq, get ? private_get : private_set);
}

/* Without a node the library answers for the domain, and the server for an account. */
static int on_info(struct comp_req *rq, void *arg)
{
	const char *node = el_attr(comp_payload(rq), "node");

	if (!node || !*node || strncmp(node, NS_DELEGATION_ANY, strlen(NS_DELEGATION_ANY)) == 0)
		return COMP_PASS;
	return request_run(arg, rq, disco_info);
}

static int on_items(struct comp_req *rq, void *arg)
{
	return request_run(arg, rq, disco_items);
}

static int on_approval(struct comp_req *rq, void *arg)
{
	return request_run(arg, rq, approve_message);
}

enum { ANY_SERVICE = COMP_TO_HOST | COMP_FOR_ACCOUNT };

const struct comp_route pubsub_routes[PUBSUB_ROUTES] = {
	{ EL_IQ, NULL, NS_PUBSUB, "pubsub", ANY_SERVICE, on_pubsub },
	{ EL_IQ, NULL, NS_PUBSUB_OWNER, "pubsub", ANY_SERVICE, on_pubsub },
	{ EL_IQ, NULL, NS_VCARD, "vCard", COMP_FOR_ACCOUNT, on_vcard },
	{ EL_IQ, NULL, NS_PRIVATE, "query", COMP_FOR_ACCOUNT, on_private },
	{ EL_IQ, "get", NS_DISCO_INFO, "query", ANY_SERVICE, on_info },
	{ EL_IQ, "get", NS_DISCO_ITEMS, "query", ANY_SERVICE, on_items },
	{ EL_PRESENCE, "available", NULL, NULL, COMP_TO_HOST, session_available },
	{ EL_PRESENCE, "unavailable", NULL, NULL, COMP_TO_HOST, session_unavailable },
	{ EL_IQ, "set", NS_ROSTER, "query", COMP_TO_HOST, roster_push },
	{ EL_MESSAGE, NULL, NS_TAP, "account", COMP_TO_HOST, account_event },
	{ EL_MESSAGE, NULL, NS_XDATA, "x", COMP_TO_HOST, on_approval },
};
