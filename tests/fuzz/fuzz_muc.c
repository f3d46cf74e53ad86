/* SPDX-License-Identifier: MIT */
/* What comes to rooms from anybody: they live, an iq gets one answer, what they say is stanzas, and
 * the tables agree with each other.
 *
 * The input is stanzas one after the other, from an empty database on; each is committed before the
 * next one.  "@LAST" in them is the last id that a room has given to a message. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/xml_fixture.h"
#include "behind.h"
#include "comp_internal.h"
#include "disco.h"
#include "later.h"
#include "link.h"
#include "room.h"
#include "routes.h"
#include "sid.h"
#include "store.h"
#include "sweep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DOM "conference.test"
enum { INPUT_MAX = 8192 };

static struct comp *c;
static struct muc m;
static char last_id[SID_TEXT + 1];

/* --- the component ---------------------------------------------------------------------------- */

static void on_committed(struct comp *comp, void *arg)
{
	(void)comp;
	(void)arg;
	later_committed(&m);
}

static void done(void)
{
	muc_done(&m);
}

static void start(void)
{
	static struct muc_conf conf = {
		.comp = { .max_stanza = 1 << 16 },
		.create = MUC_CREATE_ANYONE,
		.dflt = { .persistent = true, .public = true, .history = 3, .archive = true },
		.max_history = 10,
		.archive_expire = 1 << 30,
		.max_rooms = 4,
		.max_occupants = 8,
		.max_affiliations = 8,
		.max_room_name = 255,
		.max_nick = 128,
		.max_subject = 1000,
		.max_description = 1000,
		.max_message = 4096,
		.occupant_burst = 1,
		.room_burst = 1,
	};
	static struct comp_ops ops = {
		.schema = store_schema, .n_schema = STORE_SCHEMA_N, .committed = on_committed
	};

	c = behind_start(&ops, &m, &conf.comp, DOM, done);
	muc_init(&m, c);
	disco_start(&m);
	muc_routes(&m);
}

/* --- what they say ---------------------------------------------------------------------------- */

/* Whoever says that it is of the room: it is one that a room gives. */
static void take_id(const struct el *id, const char *room)
{
	const char *by = el_attr(id, "by");
	struct sid sid;

	if (!by || strcmp(by, room) != 0)
		return;
	assert(sid_parse(&sid, el_attr(id, "id")) == 0);
	sid_write(&sid, last_id);
}

static void look(struct el *el, void *arg)
{
	bool asks = behind_says(arg, el);
	struct jid from;

	assert(!asks); /* they have no questions */
	assert(jid_parse(&from, el_arena(el), el_attr(el, "from")) == 0);
	EL_EACH (id, el, "stanza-id", NS_SID)
		take_id(id, jid_bare(&from, el_arena(el)).s);
}

static void settle(struct behind_said *s)
{
	behind_settle(&m.later.next);
	link_sent(c, look, s);
}

/* --- what they are told ----------------------------------------------------------------------- */

/* With the last id where it says so. */
static struct el *with_last(struct el *el)
{
	static const char mark[] = "@LAST";
	struct sbuf text = SBUF_INIT, out = SBUF_INIT;
	const char *at, *next;

	el_write(&text, el, NS_COMPONENT);
	for (at = sbuf_str(&text); (next = strstr(at, mark)); at = next + sizeof(mark) - 1) {
		sbuf_add(&out, at, (size_t)(next - at));
		sbuf_puts(&out, last_id);
	}
	sbuf_puts(&out, at);
	el_free(el);
	el = xml_one(NS_COMPONENT, "", sbuf_data(&out), sbuf_len(&out));
	sbuf_done(&text);
	sbuf_done(&out);
	return el;
}

/* What makes the room ask somebody's client: here is none that would answer. */
static bool leads_to_questions(const struct el *el)
{
	const char *to = el_attr(el, "to"), *type = el_attr(el, "type");

	if (el_kind(el) == EL_IQ)
		return to && strchr(to, '/');
	return type && strcmp(type, "error") == 0;
}

static void take(struct el *el)
{
	struct behind_said s;

	el = with_last(el);
	if (el && leads_to_questions(el)) {
		el_free(el);
		return;
	}
	if (!el || !behind_expects(&s, el))
		return;
	behind_hand_in(el, 0);
	tx_end(c);
	settle(&s);
	assert(s.answers == s.asks);
}

/* --- the tables ------------------------------------------------------------------------------- */

static void check(void)
{
	static struct db_q homeless = { "SELECT count(*) FROM said WHERE room NOT IN"
					" (SELECT no FROM room UNION ALL SELECT room FROM gone)" };
	static struct db_q doubled = { "SELECT count(*) - count(DISTINCT no) FROM room" };
	static struct db_q idle = { "SELECT count(*) FROM said WHERE flags & 3 = 0" };

	behind_none(&homeless);
	behind_none(&doubled);
	behind_none(&idle);
}

static void forget_rooms(void)
{
	later_free(&m);
	sweep_forget(&m);
	rooms_free(&m);
}

static void forget(void)
{
	static struct db_q clear[] = { { "DELETE FROM room" }, { "DELETE FROM said" },
		{ "DELETE FROM gone" } };
	struct behind_said s = { 0 };

	loop_clock_advance(behind_loop(), 100); /* what is gone is removed in part */
	settle(&s);
	check();
	for (size_t i = 0; i < sizeof(clear) / sizeof(clear[0]); i++)
		db_batch_add(comp_tx(c), &clear[i], "");
	settle(&s);
	behind_forget(forget_rooms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > INPUT_MAX)
		return 0;
	if (!c)
		start();
	if (muc_load(&m) < 0)
		abort();
	(void)snprintf(last_id, sizeof(last_id), "none");
	link_stanzas(data, size, take);
	forget();
	return 0;
}
