/* SPDX-License-Identifier: MIT */
/* The program: its settings, start and stop. */
#include "archive.h"
#include "routes.h"
#include "store.h"

#define AT(field) offsetof(struct archive_conf, field)

static const struct conf_opt opts[] = {
	{ "archive_expire", CONF_TIME, AT(expire), "0", 0, INT64_C(36500) * 86400,
	    .flags = CONF_RELOAD, .help = "how long messages are kept; 0: for ever" },
	{ "archive_default", CONF_CHOICE, AT(dflt), "always", .choices = "always|roster|never",
	    .flags = CONF_RELOAD,
	    .help = "what is kept of an account that has not said what it wants (XEP-0441)" },
	{ "archive_offline_limit", CONF_INT, AT(offline_limit), "100000", 0, 1000000000,
	    .flags = CONF_RELOAD, .help = "messages that wait for one account; 0: any number" },
	{ 0 },
};

static int start(struct comp *c, void *arg)
{
	archive_init(arg, c);
	archive_announce(arg);
	comp_routes(c, archive_routes, ARCHIVE_ROUTES, arg);
	return 0;
}

static int load(struct comp *c, void *arg)
{
	(void)c;
	return archive_load(arg);
}

static void forget(struct comp *c, void *arg)
{
	(void)c;
	archive_forget(arg);
}

static void on_committed(struct comp *c, void *arg)
{
	(void)c;
	archive_committed(arg);
}

static void on_stop(struct comp *c, void *arg)
{
	(void)c;
	archive_stop(arg);
}

int main(int argc, char **argv)
{
	static struct archive a;
	static const struct comp_ops ops = {
		.name = "archive",
		.summary = "message archives, and messages for who is not there",
		.opts = opts,
		.conf_size = sizeof(struct archive_conf),
		.schema = store_schema,
		.n_schema = STORE_SCHEMA_N,
		.start = start,
		.load = load,
		.forget = forget,
		.committed = on_committed,
		.stop = on_stop,
	};
	int status = comp_main(argc, argv, &ops, &a);

	archive_done(&a);
	return status;
}
