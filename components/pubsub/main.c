/* SPDX-License-Identifier: MIT */
/* The program: its settings, start and stop. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <base/arena.h>

#include "bookmarks.h"
#include "disco.h"
#include "roster.h"
#include "routes.h"
#include "session.h"
#include "store.h"
#include "vcard.h"

/* --- settings ----------------------------------------------------------------------------------
 */

/* As it is prepared. */
static int check_domain(const char *value, char *err, size_t err_len)
{
	struct arena *a = arena_new();
	int r = who_check_domain(value, err, err_len);
	struct jid j;

	if (r == 0 && (jid_parse(&j, a, value) < 0 || strcmp(j.s, value) != 0)) {
		(void)snprintf(err, err_len, "a domain in small letters, such as example.org");
		r = -EINVAL;
	}
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
	    .check = who_check_bare },
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

/* --- life --------------------------------------------------------------------------------------
 */

static int start(struct comp *c, void *arg)
{
	struct pubsub *p = arg;

	pubsub_init(p, c);
	disco_start(p);
	vcard_start(p);
	bookmarks_start(p);
	comp_routes(c, pubsub_routes, PUBSUB_ROUTES, p);
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
