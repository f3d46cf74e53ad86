/* SPDX-License-Identifier: MIT */
/* What comes to the archive, from its server and through it from anybody: it lives, an iq gets one
 * answer, what it says is stanzas, and its tables agree with each other.
 *
 * The input is stanzas one after the other, from an empty database on; each is committed before the
 * next one.  What is for an account comes as the server delegates it (XEP-0355), and a question to
 * the server is answered as soon as it is asked. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/arena.h>
#include <base/mem.h>

#include "../unit/xml_fixture.h"
#include "archive.h"
#include "comp_internal.h"
#include "link.h"
#include "routes.h"
#include "store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SERVER "test"
#define DOM "archive.test"
enum { INPUT_MAX = 8192, ROUNDS = 16 };

static struct comp *c;
static struct archive a;
static struct loop *loop;
static char dir[] = "/dev/shm/fuzz_archive.XXXXXX";

static const char grants[] =
    "<message from='" SERVER "' to='" DOM "'><privilege xmlns='" NS_PRIVILEGE_2 "'>"
    "<perm access='message' type='outgoing'/></privilege></message>";

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
	archive_committed(&a);
}

static void leave(void)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[64];

	comp_free(c);
	archive_done(&a);
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
	static struct archive_conf conf = {
		.comp = { .domain = domain,
		    .router_host = host,
		    .secret = secret,
		    .max_stanza = 1 << 16 },
		.expire = 1 << 30,
		.offline_limit = 4,
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
	if (comp_new(&c, &ops, &a, loop, NULL, &conf.comp, err, sizeof(err)) < 0)
		abort();
	archive_init(&a, c);
	archive_announce(&a);
	comp_routes(c, archive_routes, ARCHIVE_ROUTES, &a);
	c->ledger.sm_id = xstrdup(""); /* an acknowledged link, away: takes what is sent */
	(void)atexit(leave);
}

/* --- what it says ----------------------------------------------------------------------------- */

struct said {
	const char *id, *to; /* of the iq at hand, if it asks: its id and who asks */
	unsigned answers;    /* to it */
	char ask[64], account[1100];
};

static bool is_type(const struct el *el, const char *type)
{
	const char *s = el_attr(el, "type");

	return s && strcmp(s, type) == 0;
}

static void take_said(struct el *el, struct said *s)
{
	const char *its = el_attr(el, "id"), *whom = el_attr(el, "to");
	struct jid from, whose;

	assert(jid_parse(&from, el_arena(el), el_attr(el, "from")) == 0);
	assert(jid_has_domain(&from, DOM));
	if (el_kind(el) != EL_IQ)
		return;
	if (is_type(el, "result") || is_type(el, "error")) {
		assert(s->id && its && strcmp(its, s->id) == 0);
		assert(jid_parse(&whose, el_arena(el), whom) == 0 && strcmp(whose.s, s->to) == 0);
		s->answers++;
	} else {
		(void)snprintf(s->ask, sizeof(s->ask), "%s", its);
		(void)snprintf(s->account, sizeof(s->account), "%s", whom);
	}
}

/* All that is committed and would be sent. */
static void look(struct said *s)
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

static void settle(struct said *s)
{
	for (int i = 0; i < ROUNDS; i++) {
		db_sync(comp_db(c));
		(void)loop_turn(loop, false);
		assert(c->ledger.state == LEDGER_OK); /* nothing that it writes is refused */
		if (db_waiting(comp_db(c)) == 0 && i > 1 && list_empty(&a.held.next))
			break;
	}
	look(s);
}

/* --- what it is told -------------------------------------------------------------------------- */

static void hand_in(struct el *el, struct said *s)
{
	tx_begin(c, 0);
	comp_inbound(c, el, 0, false);
	tx_end(c);
	settle(s);
}

static void say(const char *text, struct said *s)
{
	hand_in(xml_one(NS_COMPONENT, "", text, strlen(text)), s);
}

static void answer(struct said *s)
{
	struct sbuf text = SBUF_INIT;

	sbuf_printf(&text, "<iq type='result' id='%s' from='", s->ask);
	el_escape(&text, s->account, strlen(s->account));
	sbuf_puts(&text, "' to='" DOM "'/>");
	s->ask[0] = '\0';
	say(sbuf_str(&text), s);
	sbuf_done(&text);
}

/* From an address, to an account here: as the server forwards it.  NULL: it is not. */
static struct el *delegate(const struct el *el)
{
	const char *to = el_attr(el, "to"), *from = el_attr(el, "from");
	struct sbuf text = SBUF_INIT;
	struct el *outer;
	struct jid j, f;

	if (el_kind(el) != EL_IQ || !to || !from || !el_attr(el, "id") ||
	    (!is_type(el, "get") && !is_type(el, "set")) || jid_parse(&j, el_arena(el), to) < 0 ||
	    jid_parse(&f, el_arena(el), from) < 0 || !jid_has_domain(&j, SERVER) ||
	    !jid_is_bare(&j) || jid_is_domain(&j))
		return NULL;
	sbuf_puts(&text,
	    "<iq type='set' id='outer' from='" SERVER "' to='" DOM
	    "'><delegation xmlns='" NS_DELEGATION "'><forwarded xmlns='" NS_FORWARD "'>");
	el_write_addr(&text, el, NULL, f.s, j.s);
	sbuf_puts(&text, "</forwarded></delegation></iq>");
	outer = xml_one(NS_COMPONENT, "", sbuf_data(&text), sbuf_len(&text));
	sbuf_done(&text);
	return outer;
}

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

static void take(struct el *el)
{
	struct el *outer = delegate(el);
	char id[256] = "", to[1100] = "";
	struct said s = { 0 };
	bool asks;

	if (outer) {
		el_free(el);
		el = outer;
	}
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
	hand_in(el, &s);
	if (s.ask[0])
		answer(&s);
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
	static struct db_q unused = { "SELECT count(*) FROM unused" };
	static struct db_q lost = { "SELECT count(*) FROM (SELECT body FROM entry UNION ALL"
				    " SELECT body FROM offline) e"
				    " WHERE NOT EXISTS (SELECT 1 FROM body WHERE id = e.body)" };
	static struct db_q waiting = { "SELECT count(*) FROM account a WHERE waiting <>"
				       " (SELECT count(*) FROM offline WHERE owner = a.id)" };
	static struct db_q homeless = { "SELECT count(*) FROM entry WHERE owner NOT IN"
					" (SELECT id FROM account)" };

	none(&unused);
	none(&lost);
	none(&waiting);
	none(&homeless);
}

static void forget(void)
{
	static struct db_q clear[] = { { "DELETE FROM entry" }, { "DELETE FROM offline" },
		{ "DELETE FROM body" }, { "DELETE FROM account" }, { "DELETE FROM prefs" },
		{ "DELETE FROM told" } };
	struct said s = { 0 };

	loop_clock_advance(loop, 100); /* what is gone is removed in part */
	settle(&s);
	check();
	comp_asks_fail(c, -ECANCELED);
	for (size_t i = 0; i < sizeof(clear) / sizeof(clear[0]); i++)
		db_batch_add(comp_tx(c), &clear[i], "");
	settle(&s);
	archive_forget(&a);
	reqs_abandon(c);
	reqs_free(c);
	tx_discard(c);
	comp_privilege_forget(c);
	(void)loop_turn(loop, false); /* what is done with is freed */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct said s = { 0 };

	if (size > INPUT_MAX)
		return 0;
	if (!c)
		start();
	if (archive_load(&a) < 0)
		abort();
	say(grants, &s);
	link_stanzas(data, size, take);
	forget();
	return 0;
}
