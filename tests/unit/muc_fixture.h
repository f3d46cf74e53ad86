/* SPDX-License-Identifier: MIT */
/* Rooms behind the fake router of comp_fixture.h. */
#ifndef MUC_FIXTURE_H
#define MUC_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comp_fixture.h"
#include "disco.h"
#include "ghost.h"
#include "join.h"
#include "leave.h"
#include "message.h"
#include "muc.h"
#include "owner.h"
#include "relay.h"
#include "store.h"

#define ROOM "tea@" DOM
#define ALICE "alice@test/a"
#define BOB "bob@test/b"
#define CAROL "carol@test/c"

static struct muc m;
static struct muc_conf conf;

#define HANDLER(fn)                                        \
	static int on_##fn(struct comp_req *rq, void *arg) \
	{                                                  \
		return handler_run(arg, rq, fn);           \
	}
HANDLER(join_available)
HANDLER(leave_unavailable)
HANDLER(ghost_error)
HANDLER(message_groupchat)
HANDLER(relay_message)
HANDLER(relay_iq)
HANDLER(owner_get)
HANDLER(owner_set)
#undef HANDLER

#ifndef MUC_MORE_ROUTES /* of what a test is about */
#define MUC_MORE_ROUTES
#endif

static const struct comp_route muc_rows[] = { { EL_PRESENCE, "available", NULL, NULL, COMP_TO_ANY,
						  on_join_available },
	{ EL_PRESENCE, "unavailable", NULL, NULL, COMP_TO_ANY, on_leave_unavailable },
	{ EL_PRESENCE, "error", NULL, NULL, COMP_TO_ANY, on_ghost_error },
	{ EL_MESSAGE, "error", NULL, NULL, COMP_TO_ANY, on_ghost_error },
	{ EL_MESSAGE, "groupchat", NULL, NULL, COMP_TO_BARE, on_message_groupchat },
	{ EL_MESSAGE, NULL, NULL, NULL, COMP_TO_FULL, on_relay_message },
	{ EL_IQ, NULL, NULL, NULL, COMP_TO_FULL, on_relay_iq },
	{ EL_IQ, "get", NS_MUC_OWNER, "query", COMP_TO_BARE, on_owner_get },
	{ EL_IQ, "set", NS_MUC_OWNER, "query", COMP_TO_BARE, on_owner_set }, MUC_MORE_ROUTES };

static int on_load(struct comp *c, void *arg)
{
	(void)arg;
	if (!m.c) {
		muc_init(&m, c);
		disco_start(&m);
		comp_routes(c, muc_rows, sizeof(muc_rows) / sizeof(muc_rows[0]), &m);
	}
	return store_load_rooms(&m);
}

static void on_forget(struct comp *c, void *arg)
{
	(void)c;
	(void)arg;
	rooms_free(&m);
}

static int muc_setup(void **state)
{
	struct fix *f = fix_bare();

	m = (struct muc){ 0 };
	conf = (struct muc_conf){
		.create = MUC_CREATE_ANYONE,
		.dflt = { .public = true, .persistent = true, .history = 20 },
		.max_history = 100,
		.max_rooms = 100000,
		.max_occupants = 1000,
		.max_affiliations = 2000,
		.max_room_name = 255,
		.max_nick = 128,
		.max_subject = 2048,
		.max_description = 1024,
		.max_message = 256 << 10,
		.occupant_burst = 1,
		.room_burst = 1,
	};
	f->full = &conf.comp;
	f->mode = ROUTER_ACKS;
	f->ops.schema = store_schema;
	f->ops.n_schema = STORE_SCHEMA_N;
	f->ops.load = on_load;
	f->ops.forget = on_forget;
	fix_make(f);
	fix_online(f);
	*state = f;
	return 0;
}

static int muc_teardown(void **state)
{
	struct fix *f = *state;

	muc_stop(&m);
	comp_free(f->c);
	f->c = NULL;
	muc_done(&m);
	fix_free(f);
	return 0;
}

/* The process is killed and started again. */
static __attribute__((unused)) void muc_restart(struct fix *f)
{
	muc_stop(&m);
	fix_kill(f, false);
	muc_done(&m);
	m = (struct muc){ 0 };
	fix_revive(f);
}

/* inner: what is in the presence besides the <x/>. */
static __attribute__((unused)) void enter(
    struct fix *f, const char *who, const char *address, const char *inner)
{
	fix_postf(f, "<presence from='%s' to='%s'>%s<x xmlns='" NS_MUC "'/></presence>", who,
	    address, inner);
	fix_spin(f);
}

static __attribute__((unused)) void leave(struct fix *f, const char *who, const char *address)
{
	fix_postf(f, "<presence type='unavailable' from='%s' to='%s'/>", who, address);
	fix_spin(f);
}

/* fields: of the configuration. */
static __attribute__((unused)) void configure(
    struct fix *f, const char *who, const char *room, const char *fields)
{
	fix_postf(f,
	    "<iq type='set' id='cfg' from='%s' to='%s'><query xmlns='" NS_MUC_OWNER
	    "'><x xmlns='jabber:x:data' type='submit'>%s</x></query></iq>",
	    who, room, fields);
	fix_spin(f);
}

static __attribute__((unused)) void say(
    struct fix *f, const char *who, const char *room, const char *id, const char *inner)
{
	fix_postf(f, "<message type='groupchat' id='%s' from='%s' to='%s'>%s</message>", id, who,
	    room, inner);
	fix_spin(f);
}

/* A room with its owner Alice and, as Bob, who has no affiliation; what it said is cleared. */
static __attribute__((unused)) void two_in(struct fix *f, const char *fields)
{
	enter(f, ALICE, ROOM "/Alice", "");
	configure(f, ALICE, ROOM, fields);
	enter(f, BOB, ROOM "/Bob", "");
	fix_clear(f);
}

/* The first stanza in which both of these are; NULL: there is none.  Valid until the next
 * call. */
static __attribute__((unused)) const char *got(struct fix *f, const char *a, const char *b)
{
	static char line[1 << 16];
	const char *s = fix_got(f);

	while (*s) {
		size_t n = strcspn(s, "\n");

		assert_true(n < sizeof(line));
		memcpy(line, s, n);
		line[n] = '\0';
		if (strstr(line, a) && strstr(line, b))
			return line;
		s += n + (s[n] == '\n');
	}
	return NULL;
}

#define MUC_TEST(name) cmocka_unit_test_setup_teardown(name, muc_setup, muc_teardown)

#endif
