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

static int pubsub_setup(void **state)
{
	struct fix *f = fix_bare();

	p = (struct pubsub){ 0 };
	conf = (struct pubsub_conf){
		.max_item = 1 << 20,
		.max_items = 10000,
		.max_nodes = 1000,
		.max_bytes = 1 << 30,
		.max_affiliations = 100000,
		.max_subscriptions = 100000,
		.burst = 1,
	};
	f->full = &conf.comp;
	f->mode = ROUTER_ACKS;
	f->ops.schema = store_schema;
	f->ops.n_schema = STORE_SCHEMA_N;
	f->ops.load = on_load;
	f->ops.forget = on_forget;
	f->ops.granted = on_granted;
	fix_make(f);
	fix_online(f);
	*state = f;
	return 0;
}

static int pubsub_teardown(void **state)
{
	struct fix *f = *state;

	comp_free(f->c);
	f->c = NULL;
	pubsub_done(&p);
	fix_free(f);
	return 0;
}

#define PUBSUB_TEST(name) cmocka_unit_test_setup_teardown(name, pubsub_setup, pubsub_teardown)

#endif
