/* SPDX-License-Identifier: MIT */
/* The rooms behind the fake router of comp_fixture.h. */
#ifndef MUC_FIXTURE_H
#define MUC_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comp_fixture.h"
#include "disco.h"
#include "later.h"
#include "mam_fixture.h"
#include "muc_routes.h"
#include "room.h"
#include "store.h"
#include "sweep.h"

#define ROOM "room@" DOM
#define ALICE "alice@test/a"
#define BOB "bob@test/b"
#define EVE "eve@test/e"

static struct muc m;
static struct muc_conf conf;

static int on_load(struct comp *c, void *arg)
{
	int r;

	(void)arg;
	if (!m.c) {
		muc_init(&m, c);
		disco_start(&m);
		comp_routes(c, muc_routes, MUC_ROUTES, &m);
	}
	r = store_load_rooms(&m);
	if (r == 0)
		sweep_load(&m);
	return r;
}

static void on_forget(struct comp *c, void *arg)
{
	(void)c;
	(void)arg;
	later_free(&m);
	sweep_forget(&m);
	rooms_free(&m);
}

static void on_committed(struct comp *c, void *arg)
{
	(void)c;
	(void)arg;
	later_committed(&m);
}

static void rooms_done(void)
{
	muc_done(&m);
	m = (struct muc){ 0 };
}

static int muc_setup(void **state)
{
	static const struct comp_ops ops = {
		.schema = store_schema,
		.n_schema = STORE_SCHEMA_N,
		.load = on_load,
		.forget = on_forget,
		.committed = on_committed,
	};
	struct fix *f;

	conf = (struct muc_conf){
		.create = MUC_CREATE_ANYONE,
		.dflt = { .persistent = true, .public = true, .history = 3, .archive = true },
		.max_history = 100,
		.max_occupants = 100,
		.max_affiliations = 100,
		.max_room_name = 255,
		.max_nick = 128,
		.max_subject = 1000,
		.max_description = 1000,
		.max_message = 100000,
		.occupant_burst = 1,
		.room_burst = 1,
	};
	f = fix_whole(&ops, &conf.comp, rooms_done, NULL);
	fix_clear(f);
	*state = f;
	return 0;
}

#define MUC_TEST(name) cmocka_unit_test_setup_teardown(name, muc_setup, fix_teardown)

static inline void put(struct fix *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline void put(struct fix *f, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	fix_put(f, text);
	free(text);
}

static inline void enter(struct fix *f, const char *who, const char *nick)
{
	put(f, "<presence from='%s' to='" ROOM "/%s'><x xmlns='" NS_MUC "'/></presence>", who,
	    nick);
	fix_spin(f);
}

static inline void leave(struct fix *f, const char *who, const char *nick)
{
	put(f, "<presence type='unavailable' from='%s' to='" ROOM "/%s'/>", who, nick);
	fix_spin(f);
}

#define CONF(name, value) "<field var='muc#roomconfig_" name "'><value>" value "</value></field>"

static inline void configure(struct fix *f, const char *fields)
{
	put(f,
	    "<iq type='set' id='c1' from='" ALICE "' to='" ROOM "'><query xmlns='" NS_MUC_OWNER
	    "'><x xmlns='jabber:x:data' type='submit'>%s</x></query></iq>",
	    fields);
	fix_spin(f);
}

/* Alice's room, with Bob in it. */
static inline void open_room(struct fix *f, const char *fields)
{
	enter(f, ALICE, "Alice");
	configure(f, fields);
	enter(f, BOB, "Bob");
	fix_clear(f);
}

static inline void say_quietly(struct fix *f, const char *from, const char *id, const char *inner)
{
	put(f, "<message type='groupchat' id='%s' from='%s' to='" ROOM "'>%s</message>", id, from,
	    inner);
}

static inline void say(struct fix *f, const char *from, const char *id, const char *inner)
{
	say_quietly(f, from, id, inner);
	fix_spin(f);
}

/* A letter as body and id each. */
static inline void talk(struct fix *f, const char *from, const char *letters)
{
	char inner[32], id[2] = "";

	for (; *letters; letters++) {
		id[0] = *letters;
		(void)snprintf(inner, sizeof(inner), "<body>%s</body>", id);
		say(f, from, id, inner);
	}
}

static inline void ask_quietly(
    struct fix *f, const char *from, const char *type, const char *payload)
{
	put(f, "<iq type='%s' id='q1' from='%s' to='" ROOM "'>%s</iq>", type, from, payload);
}

static inline void ask(struct fix *f, const char *from, const char *type, const char *payload)
{
	fix_clear(f);
	ask_quietly(f, from, type, payload);
	fix_spin(f);
}

/* The text behind the n-th of these in what was sent, up to the next quote; for a while. */
static inline const char *behind(struct fix *f, const char *what, unsigned n)
{
	static char found[16][128];
	static unsigned at;
	const char *s = fix_got(f);
	char *to = found[at++ % 16];

	for (unsigned i = 0; i <= n; i++) {
		s = strstr(s, what);
		assert_non_null(s);
		s += strlen(what);
	}
	(void)snprintf(to, sizeof(found[0]), "%.*s", (int)strcspn(s, "\"<"), s);
	return to;
}

/* The id of the last message that the room has sent to somebody. */
static inline const char *sid_of(struct fix *f, const char *body)
{
	char what[256];

	(void)snprintf(what, sizeof(what),
	    "<body>%s</body><stanza-id xmlns=\"" NS_SID "\" by=\"" ROOM "\" id=\"", body);
	return behind(f, what, 0);
}

#endif
