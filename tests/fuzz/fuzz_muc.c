/* SPDX-License-Identifier: MIT */
/* What comes to rooms from anybody: they live, an iq gets one answer, what they say is stanzas, and
 * the tables agree with each other.
 *
 * The input is stanzas one after the other, from an empty database on; each is committed before the
 * next one.  "@LAST" in them is the last id that a room has given to a message. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/arena.h>
#include <base/mem.h>

#include "../unit/muc_routes.h"
#include "../unit/xml_fixture.h"
#include "comp_internal.h"
#include "disco.h"
#include "later.h"
#include "link.h"
#include "sid.h"
#include "store.h"
#include "sweep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DOM "conference.test"
enum { INPUT_MAX = 8192, ROUNDS = 16 };

static struct comp *c;
static struct muc m;
static struct loop *loop;
static char dir[] = "/dev/shm/fuzz_muc.XXXXXX";
static char last_id[SID_TEXT + 1];

/* --- the component ---------------------------------------------------------------------------- */

static void quiet(const char *line, void *arg)
{
	(void)line;
	(void)arg;
}

static void on_committed(struct comp *comp, void *arg)
{
	(void)comp;
	(void)arg;
	later_committed(&m);
}

static void end(void)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[64];

	comp_free(c);
	muc_done(&m);
	(void)loop_turn(loop, false);
	loop_free(loop);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/fuzz.db%s", dir, ends[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

static void start(void)
{
	static char domain[] = DOM, secret[] = "s", host[] = "/nowhere";
	static struct muc_conf conf = {
		.comp = { .domain = domain,
		    .router_host = host,
		    .secret = secret,
		    .max_stanza = 1 << 16 },
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
	static const struct comp_ops ops = { .name = "fuzz",
		.schema = store_schema,
		.n_schema = STORE_SCHEMA_N,
		.committed = on_committed };
	char err[256];

	log_capture(quiet, NULL);
	if (!mkdtemp(dir))
		abort();
	conf.comp.daemon.data_dir = dir;
	loop = loop_new();
	if (comp_new(&c, &ops, &m, loop, NULL, &conf.comp, err, sizeof(err)) < 0)
		abort();
	muc_init(&m, c);
	disco_start(&m);
	comp_routes(c, muc_routes, MUC_ROUTES, &m);
	c->ledger.sm_id = xstrdup(""); /* an acknowledged link, away: takes what is sent */
	(void)atexit(end);
}

/* --- what they say ---------------------------------------------------------------------------- */

struct said_to {
	const char *id, *to; /* of the iq at hand, if it asks: its id and who asks */
	unsigned answers;    /* to it */
};

static bool is_type(const struct el *el, const char *type)
{
	const char *s = el_attr(el, "type");

	return s && strcmp(s, type) == 0;
}

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

static void take_said(const struct el *el, struct said_to *s)
{
	const char *its = el_attr(el, "id");
	struct jid from, whose;

	assert(jid_parse(&from, el_arena(el), el_attr(el, "from")) == 0);
	assert(jid_has_domain(&from, DOM));
	EL_EACH (id, el, "stanza-id", NS_SID)
		take_id(id, jid_bare(&from, el_arena(el)).s);
	if (el_kind(el) != EL_IQ)
		return;
	assert(is_type(el, "result") || is_type(el, "error"));
	assert(s->id && its && strcmp(its, s->id) == 0);
	assert(
	    jid_parse(&whose, el_arena(el), el_attr(el, "to")) == 0 && strcmp(whose.s, s->to) == 0);
	s->answers++;
}

/* All that is committed and would be sent. */
static void look(struct said_to *s)
{
	LIST_EACH (l, &c->ledger.outbox) {
		const struct tx *t = LIST_ENTRY(l, struct tx, link);
		const unsigned char *p = (const unsigned char *)sbuf_data(&t->out);
		size_t left = sbuf_len(&t->out), len;

		for (; left > 0; p += 4 + len, left -= 4 + len) {
			EL_AUTO struct el *el = NULL;

			len = p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
			assert(left >= 4 && len <= left - 4);
			el = xml_one(NS_COMPONENT, "", (const char *)p + 4, len);
			assert(el && el_kind(el) != EL_OTHER && el_attr(el, "to"));
			take_said(el, s);
		}
	}
	out_clear(c);
}

static void settle(struct said_to *s)
{
	for (int i = 0; i < ROUNDS; i++) {
		db_sync(comp_db(c));
		(void)loop_turn(loop, false);
		assert(c->ledger.state == LEDGER_OK); /* nothing that they write is refused */
		if (db_waiting(comp_db(c)) == 0 && i > 1 && list_empty(&m.later.next))
			break;
	}
	look(s);
}

/* --- what they are told ----------------------------------------------------------------------- */

/* An iq that has to be answered; the sender, prepared. */
static const char *asker(const struct el *el)
{
	const char *from = el_attr(el, "from"), *to = el_attr(el, "to");
	struct jid f, t;

	if (el_kind(el) != EL_IQ || is_type(el, "result") || is_type(el, "error") ||
	    !el_attr(el, "id") || !from || !to || jid_parse(&f, el_arena(el), from) < 0 ||
	    jid_parse(&t, el_arena(el), to) < 0 || !jid_has_domain(&t, DOM))
		return NULL;
	return f.s;
}

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

static void take(struct el *el)
{
	char id[256] = "", to[1100] = "";
	struct said_to s = { 0 };
	bool asks;

	el = with_last(el);
	if (!el)
		return;
	asks = asker(el) != NULL;
	(void)snprintf(id, sizeof(id), "%s", asks ? el_attr(el, "id") : "");
	(void)snprintf(to, sizeof(to), "%s", asks ? asker(el) : "");
	if (asks && (strcmp(id, el_attr(el, "id")) != 0 || strcmp(to, asker(el)) != 0)) {
		el_free(el); /* too long for us */
		return;
	}
	if (asks) {
		s.id = id;
		s.to = to;
	}
	tx_begin(c, 0);
	comp_inbound(c, el, 0, false);
	tx_end(c);
	settle(&s);
	assert(s.answers == asks);
}

/* --- the tables ------------------------------------------------------------------------------- */

static void none(struct db_q *q)
{
	assert(db_query(comp_db(c), q, "") == 0);
	assert(db_next(comp_db(c), q) == 1);
	assert(db_int(comp_db(c), q, 0) == 0);
	db_reset(comp_db(c), q);
}

static void check(void)
{
	static struct db_q homeless = { "SELECT count(*) FROM said WHERE room NOT IN"
					" (SELECT no FROM room UNION ALL SELECT room FROM gone)" };
	static struct db_q doubled = { "SELECT count(*) - count(DISTINCT no) FROM room" };
	static struct db_q idle = { "SELECT count(*) FROM said WHERE flags & 3 = 0" };

	none(&homeless);
	none(&doubled);
	none(&idle);
}

static void forget(void)
{
	static struct db_q clear[] = { { "DELETE FROM room" }, { "DELETE FROM said" },
		{ "DELETE FROM gone" } };
	struct said_to s = { 0 };

	loop_clock_advance(loop, 100); /* what is gone is removed in part */
	settle(&s);
	check();
	for (size_t i = 0; i < sizeof(clear) / sizeof(clear[0]); i++)
		db_batch_add(comp_tx(c), &clear[i], "");
	settle(&s);
	later_free(&m);
	sweep_forget(&m);
	rooms_free(&m);
	reqs_abandon(c);
	reqs_free(c);
	tx_discard(c);
	(void)loop_turn(loop, false); /* what is done with is freed */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > INPUT_MAX)
		return 0;
	if (!c)
		start();
	if (store_load_rooms(&m) < 0)
		abort();
	sweep_load(&m);
	(void)snprintf(last_id, sizeof(last_id), "none");
	link_stanzas(data, size, take);
	forget();
	return 0;
}
