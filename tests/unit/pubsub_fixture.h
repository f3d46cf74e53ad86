/* SPDX-License-Identifier: MIT */
/* The pubsub component behind the fake router of comp_fixture.h. */
#ifndef PUBSUB_FIXTURE_H
#define PUBSUB_FIXTURE_H

#include "comp_fixture.h"
#include "item.h"
#include "roster.h"
#include "routes.h"
#include "session.h"
#include "store.h"

#define ALICE "alice@test"
#define TELL(perms)                                                                        \
	"<message from='test' to='" DOM "'><privilege xmlns='urn:xmpp:privilege:2'>" perms \
	"</privilege></message>"
#define ROSTERS "<perm access='roster' type='get' push='true'/>"

static struct pubsub p;
static struct pubsub_conf conf;

static void on_granted(struct comp *c, void *arg)
{
	(void)c;
	(void)arg;
	rosters_drop(&p);
	sessions_granted(&p);
}

static int on_load(struct comp *c, void *arg)
{
	(void)arg;
	if (!p.c) {
		pubsub_init(&p, c);
		comp_routes(c, pubsub_routes, PUBSUB_ROUTES, &p);
	}
	return pubsub_load(&p);
}

static void on_forget(struct comp *c, void *arg)
{
	(void)c;
	(void)arg;
	pubsub_forget(&p);
}

static void services_done(void)
{
	pubsub_done(&p);
	p = (struct pubsub){ 0 };
}

static int pubsub_setup(void **state)
{
	static const struct comp_ops ops = {
		.schema = store_schema,
		.n_schema = STORE_SCHEMA_N,
		.load = on_load,
		.forget = on_forget,
		.granted = on_granted,
	};

	conf = (struct pubsub_conf){
		.max_item = 1 << 20,
		.max_items = 10000,
		.max_nodes = 1000,
		.max_bytes = 1 << 30,
		.max_affiliations = 100000,
		.max_subscriptions = 100000,
		.burst = 1,
	};
	*state = fix_whole(&ops, &conf.comp, services_done, NULL);
	return 0;
}

#define PUBSUB_TEST(name) cmocka_unit_test_setup_teardown(name, pubsub_setup, fix_teardown)

#endif
