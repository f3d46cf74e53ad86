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
#include "room.h"
#include "routes.h"
#include "store.h"
#include "sweep.h"

#define ROOM_NAME "tea"
#define ROOM ROOM_NAME "@" DOM
#define ALICE "alice@test/a"
#define BOB "bob@test/b"
#define CAROL "carol@test/c"

static struct muc m;
static struct muc_conf conf;

static int on_load(struct comp *c, void *arg)
{
	(void)arg;
	if (!m.c) {
		muc_init(&m, c);
		disco_start(&m);
		muc_routes(&m);
	}
	return muc_load(&m);
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

static int muc_setup_as(void **state, bool share)
{
	static const struct comp_ops ops = {
		.schema = store_schema,
		.n_schema = STORE_SCHEMA_N,
		.load = on_load,
		.owned = on_load,
		.forget = on_forget,
		.committed = on_committed,
	};
	struct fix *f;

	conf = (struct muc_conf){
		.comp.share = share,
		.create = MUC_CREATE_ANYONE,
		.dflt = { .persistent = true, .public = true, .history = 20, .archive = true },
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
	f = fix_whole(&ops, &conf.comp, rooms_done, share ? "<share xmlns='" NS_SHARE "'/>" : NULL);
	fix_clear(f);
	*state = f;
	return 0;
}

static inline int muc_setup(void **state)
{
	return muc_setup_as(state, false);
}

#define MUC_TEST(name) cmocka_unit_test_setup_teardown(name, muc_setup, fix_teardown)

static inline struct room *the_room(void)
{
	return rooms_find(&m, ROOM_NAME, strlen(ROOM_NAME));
}

/* inner: what is in the presence besides the <x/>. */
static inline void enter(struct fix *f, const char *who, const char *address, const char *inner)
{
	fix_postf(f, "<presence from='%s' to='%s'>%s<x xmlns='" NS_MUC "'/></presence>", who,
	    address, inner);
	fix_spin(f);
}

static inline void leave(struct fix *f, const char *who, const char *address)
{
	fix_postf(f, "<presence type='unavailable' from='%s' to='%s'/>", who, address);
	fix_spin(f);
}

#define CONF(name, value) FIELD("muc#roomconfig_" name, value)

/* fields: of the configuration. */
static inline void configure(struct fix *f, const char *who, const char *room, const char *fields)
{
	fix_postf(f,
	    "<iq type='set' id='cfg' from='%s' to='%s'><query xmlns='" NS_MUC_OWNER
	    "'><x xmlns='jabber:x:data' type='submit'>%s</x></query></iq>",
	    who, room, fields);
	fix_spin(f);
}

/* A room with its owner Alice and, as Bob, who has no affiliation; what it said is cleared. */
static inline void two_in(struct fix *f, const char *fields)
{
	enter(f, ALICE, ROOM "/Alice", "");
	configure(f, ALICE, ROOM, fields);
	enter(f, BOB, ROOM "/Bob", "");
	fix_clear(f);
}

static inline void say_quietly(
    struct fix *f, const char *who, const char *room, const char *id, const char *inner)
{
	char *xml = xasprintf("<message type='groupchat' id='%s' from='%s' to='%s'>%s</message>",
	    id, who, room, inner);

	fix_put(f, xml);
	free(xml);
}

static inline void say(
    struct fix *f, const char *who, const char *room, const char *id, const char *inner)
{
	say_quietly(f, who, room, id, inner);
	fix_spin(f);
}

/* A letter as body and id each. */
static inline void talk(struct fix *f, const char *from, const char *letters)
{
	char inner[32], id[2] = "";

	for (; *letters; letters++) {
		id[0] = *letters;
		(void)snprintf(inner, sizeof(inner), "<body>%s</body>", id);
		say(f, from, ROOM, id, inner);
	}
}

static inline void ask_quietly(
    struct fix *f, const char *from, const char *type, const char *payload)
{
	fix_postf(f, "<iq type='%s' id='q1' from='%s' to='" ROOM "'>%s</iq>", type, from, payload);
}

static inline void ask(struct fix *f, const char *from, const char *type, const char *payload)
{
	fix_clear(f);
	ask_quietly(f, from, type, payload);
	fix_spin(f);
}

/* The first stanza in which both of these are; NULL: there is none.  Valid until the next
 * call. */
static inline const char *got(struct fix *f, const char *a, const char *b)
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

/* The text behind the n-th of these, up to the next quote; for a while. */
static inline const char *behind_in(const char *s, const char *what, unsigned n)
{
	static char found[16][128];
	static unsigned at;
	char *to = found[at++ % 16];

	for (unsigned i = 0; i <= n; i++) {
		s = strstr(s, what);
		assert_non_null(s);
		s += strlen(what);
	}
	(void)snprintf(to, sizeof(found[0]), "%.*s", (int)strcspn(s, "\"<"), s);
	return to;
}

/* The same in all that was sent. */
static inline const char *behind(struct fix *f, const char *what, unsigned n)
{
	return behind_in(fix_got(f), what, n);
}

/* The id of the message that the room has sent to somebody with this in it. */
static inline const char *sid_with(struct fix *f, const char *content)
{
	const char *line = got(f, content, "<stanza-id ");

	assert_non_null(line);
	return behind_in(line, " by=\"" ROOM "\" id=\"", 0);
}

static inline const char *sid_of(struct fix *f, const char *body)
{
	char content[64];

	(void)snprintf(content, sizeof(content), "<body>%s</body>", body);
	return sid_with(f, content);
}

/* The occupant id in a stanza that has both. */
static inline const char *occupant_id_with(struct fix *f, const char *a, const char *b)
{
	const char *line = got(f, a, b);

	assert_non_null(line);
	return behind_in(line, "<occupant-id xmlns=\"" NS_OCCUPANT_ID "\" id=\"", 0);
}

#endif
