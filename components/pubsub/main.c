/* SPDX-License-Identifier: MIT */
/* The program: its settings, which stanza goes where, start and stop. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <base/arena.h>

#include "account.h"
#include "approve.h"
#include "bookmarks.h"
#include "create.h"
#include "disco.h"
#include "lists.h"
#include "owner.h"
#include "private.h"
#include "publish.h"
#include "retrieve.h"
#include "roster.h"
#include "session.h"
#include "store.h"
#include "subscribe.h"
#include "vcard.h"

/* --- settings ----------------------------------------------------------------------------------
 */

static int check_admin(const char *value, char *err, size_t err_len)
{
	struct arena *a = arena_new();
	struct jid j;
	int r = jid_parse(&j, a, value);

	if (r == 0 && !jid_is_bare(&j))
		r = -EINVAL;
	if (r < 0)
		(void)snprintf(
		    err, err_len, "an address without a resource, such as a@example.org");
	arena_free(a);
	return r;
}

static int check_domain(const char *value, char *err, size_t err_len)
{
	struct arena *a = arena_new();
	struct jid j;
	int r = jid_parse(&j, a, value);

	if (r == 0 && (!jid_is_domain(&j) || strcmp(j.s, value) != 0))
		r = -EINVAL;
	if (r < 0)
		(void)snprintf(err, err_len, "a domain in small letters, such as example.org");
	arena_free(a);
	return r;
}

#define AT(field) offsetof(struct pubsub_conf, field)

static const struct conf_opt opts[] = {
	{ "pubsub_create", CONF_CHOICE, AT(create), "local", .choices = "anyone|local|admins",
	    .flags = CONF_RELOAD, .help = "who may create nodes at the service's own domain" },
	{ "pubsub_local_domains", CONF_LIST, AT(local_domains), .flags = CONF_RELOAD,
	    .help = "whose users are local; none: those of the domains that the server serves",
	    .check = check_domain },
	{ "admins", CONF_LIST, AT(admins), .env = "ADMINS|PROSODY_ADMINS", .flags = CONF_RELOAD,
	    .help = "bare JIDs that own every node of the service's own domain",
	    .check = check_admin },
	{ "pubsub_max_item", CONF_SIZE, AT(max_item), "128k", 1024, 512 << 10, .flags = CONF_RELOAD,
	    .help = "bytes of an item's payload" },
	{ "pubsub_max_items", CONF_INT, AT(max_items), "10000", 1, 100000, .flags = CONF_RELOAD,
	    .help = "items of a node" },
	{ "pubsub_max_nodes", CONF_INT, AT(max_nodes), "1000", 1, 100000, .flags = CONF_RELOAD,
	    .help = "nodes of an account, and of the service's own domain" },
	{ "pubsub_max_bytes", CONF_SIZE, AT(max_bytes), "64M", 1 << 20, 1LL << 40,
	    .flags = CONF_RELOAD,
	    .help = "bytes of all items of an account, and of the service's own domain" },
	{ "pubsub_max_affiliations", CONF_INT, AT(max_affiliations), "2000", 1, 100000,
	    .flags = CONF_RELOAD, .help = "users that a node has in its lists" },
	{ "pubsub_max_subscriptions", CONF_INT, AT(max_subscriptions), "20000", 1, 1000000,
	    .flags = CONF_RELOAD, .help = "subscriptions of a node" },
	{ "pubsub_rate", CONF_INT, AT(rate), "100", 0, 1000000, .flags = CONF_RELOAD,
	    .help = "changes a second that a user may make; 0: no limit" },
	{ "pubsub_burst", CONF_INT, AT(burst), "1000", 1, 1000000, .flags = CONF_RELOAD,
	    .help = "that may come at once" },
	{ 0 },
};

/* --- stanzas -----------------------------------------------------------------------------------
 */

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

static const struct comp_route routes[] = {
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

/* --- life --------------------------------------------------------------------------------------
 */

static int start(struct comp *c, void *arg)
{
	struct pubsub *p = arg;

	pubsub_init(p, c);
	disco_start(p);
	vcard_start(p);
	bookmarks_start(p);
	comp_routes(c, routes, sizeof(routes) / sizeof(routes[0]), p);
	return 0;
}

static int load(struct comp *c, void *arg)
{
	(void)c;
	return pubsub_load(arg);
}

static void forget(struct comp *c, void *arg)
{
	(void)c;
	pubsub_forget(arg);
}

static void on_online(struct comp *c, bool resumed, void *arg)
{
	(void)c;
	if (!resumed)
		rosters_drop(arg);
	sessions_online(arg, resumed);
}

static void on_granted(struct comp *c, void *arg)
{
	(void)c;
	rosters_drop(arg);
	sessions_granted(arg);
}

static void on_reload(struct comp *c, void *arg)
{
	(void)c;
	pubsub_reload(arg);
}

static void on_stop(struct comp *c, void *arg)
{
	(void)c;
	pubsub_stop(arg);
}

int main(int argc, char **argv)
{
	static struct pubsub p;
	static const struct comp_ops ops = {
		.name = "pubsub",
		.summary = "publish-subscribe, and personal eventing for accounts",
		.opts = opts,
		.conf_size = sizeof(struct pubsub_conf),
		.schema = store_schema,
		.n_schema = STORE_SCHEMA_N,
		.start = start,
		.load = load,
		.forget = forget,
		.granted = on_granted,
		.online = on_online,
		.reload = on_reload,
		.stop = on_stop,
	};
	int status = comp_main(argc, argv, &ops, &p);

	pubsub_done(&p);
	return status;
}
