/* SPDX-License-Identifier: MIT */
/* What comes to the archive, from its server and through it from anybody: it lives, an iq gets one
 * answer, what it says is stanzas, and its tables agree with each other.
 *
 * The input is stanzas one after the other, from an empty database on; each is committed before the
 * next one.  What is for an account comes as the server delegates it (XEP-0355), and a question to
 * the server is answered as soon as it is asked. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/xml_fixture.h"
#include "archive.h"
#include "behind.h"
#include "comp_internal.h"
#include "link.h"
#include "routes.h"
#include "store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DOM "archive.test"
enum { INPUT_MAX = 8192 };

static struct comp *c;
static struct archive a;

static const char grants[] =
    "<message from='" SERVER "' to='" DOM "'><privilege xmlns='" NS_PRIVILEGE_2 "'>"
    "<perm access='message' type='outgoing'/></privilege></message>";

/* --- the component ---------------------------------------------------------------------------- */

static void on_committed(struct comp *comp, void *arg)
{
	(void)comp;
	(void)arg;
	archive_committed(&a);
}

static void done(void)
{
	archive_done(&a);
}

static void start(void)
{
	static struct archive_conf conf = {
		.comp = { .max_stanza = 1 << 16 },
		.expire = 1 << 30,
		.offline_limit = 4,
	};
	static struct comp_ops ops = {
		.schema = store_schema, .n_schema = STORE_SCHEMA_N, .committed = on_committed
	};

	c = behind_start(&ops, &a, &conf.comp, DOM, done);
	archive_init(&a, c);
	archive_announce(&a);
	comp_routes(c, archive_routes, ARCHIVE_ROUTES, &a);
}

/* --- what it says ----------------------------------------------------------------------------- */

struct said {
	struct behind_said s;
	struct behind_iq ask; /* what it asks; without an id: nothing */
};

static void look(struct el *el, void *arg)
{
	struct said *s = arg;

	if (behind_says(&s->s, el))
		behind_note(&s->ask, el);
}

static void settle(struct said *s)
{
	behind_settle(&a.held.next);
	link_sent(c, look, s);
}

/* --- what it is told -------------------------------------------------------------------------- */

static void hand_in(struct el *el, struct said *s)
{
	behind_hand_in(el, 0);
	tx_end(c);
	settle(s);
}

static void take(struct el *el)
{
	struct said s = { 0 };
	struct el *answer;

	el = behind_delegated(el);
	if (!behind_expects(&s.s, el))
		return;
	hand_in(el, &s);
	if (s.ask.id[0]) {
		answer = behind_answer(&s.ask, "");
		s.ask.id[0] = '\0';
		hand_in(answer, &s);
	}
	assert(s.s.answers == s.s.asks);
}

/* --- the tables ------------------------------------------------------------------------------- */

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

	behind_none(&unused);
	behind_none(&lost);
	behind_none(&waiting);
	behind_none(&homeless);
}

static void forget_archive(void)
{
	archive_forget(&a);
}

static void forget(void)
{
	static struct db_q clear[] = { { "DELETE FROM entry" }, { "DELETE FROM offline" },
		{ "DELETE FROM body" }, { "DELETE FROM account" }, { "DELETE FROM prefs" },
		{ "DELETE FROM told" } };
	struct said s = { 0 };

	loop_clock_advance(behind_loop(), 100); /* what is gone is removed in part */
	settle(&s);
	check();
	comp_asks_fail(c, -ECANCELED);
	for (size_t i = 0; i < sizeof(clear) / sizeof(clear[0]); i++)
		db_batch_add(comp_tx(c), &clear[i], "");
	settle(&s);
	behind_forget(forget_archive);
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
	hand_in(xml_one(NS_COMPONENT, "", grants, strlen(grants)), &s);
	link_stanzas(data, size, take);
	forget();
	return 0;
}
