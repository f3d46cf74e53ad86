/* SPDX-License-Identifier: MIT */
/* What waits in a component: its bounds, what a cut does to it, a stop amid it, and what is found
 * damaged in the database. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include <base/mem.h>

#include "counter_fixture.h"

#define QUIET "<message from='" ME "' to='" DOM "'><quiet xmlns='" NS_N "'/></message>"

enum { BIG = 1000 * 1000 };

static char *big_text(void)
{
	char *text = malloc(BIG + 1);

	memset(text, 'x', BIG);
	text[BIG] = '\0';
	return text;
}

/* So much is not acknowledged that no handler runs. */
static void outbox_is_full(struct fix *f)
{
	fix_online(f);
	f->mute = true;
	(void)fix_fill(f);
	fix_spin(f);
	fix_clear(f);
}

static void by_hand(struct fix *f, const char *sql)
{
	sqlite3 *h;

	assert_int_equal(sqlite3_open(f->c->ledger.path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_changes(h), 1);
	sqlite3_close(h);
}

/* --- bounds ----------------------------------------------------------------------------------- */

/* The server has no bound of its own: the link is dropped, nothing is kept, and all comes again. */
static void test_inbox_bound(void **state)
{
	struct fix *f = *state;
	char *text = big_text(), *xml = xasprintf("<message from='" ME "' to='" DOM
						  "'><quiet xmlns='" NS_N "'>%s</quiet></message>",
				     text);
	unsigned n = 0;

	outbox_is_full(f);
	while (f->r && f->ended == 0 && n < 100) {
		fix_post(f, xml);
		n++;
		fix_spin(f);
	}
	assert_in_range(n, COMP_INBOX_HARD / BIG, COMP_INBOX_HARD / BIG + 1);
	assert_int_equal(f->received, STREAM_E_RESOURCE_CONSTRAINT);
	assert_false(comp_online(f->c));
	fix_logged(f, "too much waits to be handled");
	assert_int_equal(f->c->inbox.bytes, 0);
	assert_int_equal(counter.handled, 0);
	fix_advance(f, 2000); /* <resumed/> makes room */
	assert_true(f->resumed);
	assert_int_equal(f->resumed_h, 0);
	assert_int_equal(counter.handled, n);
	free(text);
	free(xml);
}

static struct comp_req *waiting[80];
static unsigned n_waiting;

static int on_wait(struct comp_req *rq, void *arg)
{
	(void)arg;
	waiting[n_waiting++] = comp_defer(rq);
	return COMP_DONE;
}

static const struct comp_route wait_rows[] = {
	{ EL_IQ, "get", NS_N, "wait", COMP_TO_ANY, on_wait, false },
};

/* Answers go above the bound of everything else, up to one of their own. */
static void test_answers_bound(void **state)
{
	struct fix *f = *state;
	char *text = big_text();
	unsigned n = 0;

	comp_routes(f->c, wait_rows, 1, NULL);
	n_waiting = 0;
	fix_online(f);
	for (unsigned i = 0; i < 80; i++)
		fix_postf(f,
		    "<iq type='get' id='w%u' from='" ME "' to='" DOM "'><wait xmlns='" NS_N
		    "'/></iq>",
		    i);
	fix_spin(f);
	assert_int_equal(n_waiting, 80);
	f->mute = true;
	(void)fix_fill(f);
	for (; n < 80 && !strstr(sbuf_str(&f->log), "an answer is dropped"); n++) {
		struct el *answer = comp_result(waiting[n]);

		el_add_text(answer, "much", NS_N, text);
		comp_reply(waiting[n], answer);
	}
	assert_in_range(n, (COMP_QUEUE_HARD - COMP_QUEUE_MAX) / BIG,
	    (COMP_QUEUE_HARD - COMP_QUEUE_MAX) / BIG + 2);
	assert_in_range(out_queued(f->c), COMP_QUEUE_HARD, COMP_QUEUE_HARD + BIG + 1000);
	fix_spin(f);
	assert_int_equal(fix_count(f, "<much "), n - 1);
	assert_int_equal(counter_rows(f, "comp_deferred"), 80 - n);
	assert_true(comp_online(f->c));
	free(text);
}

/* --- a cut ------------------------------------------------------------------------------------ */

/* What is given out again is in the database alone: the server does not send it anew. */
static void test_repeated_request_outlives_a_cut(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_post(f, Q_IQ("d1", "defer"));
	fix_spin(f);
	f->mute = true;
	(void)fix_fill(f);
	fix_spin(f);
	f->in_h = 0; /* nor does it have any of this */
	fix_kill(f, false);
	fix_revive(f);
	assert_true(comp_online(f->c));
	assert_int_equal(counter.repeated, 0); /* no handler runs yet */
	fix_post(f, Q_IQ("d2", "defer"));
	fix_spin(f);
	fix_cut(f);
	assert_int_equal(counter.handled, 1);
	fix_advance(f, 2000); /* <resumed/> makes room */
	assert_int_equal(counter.repeated, 1);
	assert_int_equal(counter.handled, 3);
	assert_string_equal(el_attr(comp_el(counter.kept), "id"), "d2");
}

/* --- a stop ----------------------------------------------------------------------------------- */

static int on_stop(struct comp_req *rq, void *arg)
{
	counter.handled++;
	fix_stop(arg);
	comp_reply_ok(rq);
	return COMP_DONE;
}

static int on_quiet_stop(struct comp_req *rq, void *arg)
{
	(void)rq;
	counter.handled++;
	fix_stop(arg);
	return COMP_DONE;
}

static const struct comp_route stop_rows[] = {
	{ EL_IQ, "set", NS_N, "stop", COMP_TO_ANY, on_stop, false },
	{ EL_MESSAGE, NULL, NS_N, "quiet-stop", COMP_TO_ANY, on_quiet_stop, false },
};

/* A handler ends the program: its own stanza is whole and counts, with those that were quiet before
 * it; what came after it is the next process's. */
static void stop_within(struct fix *f, const char *stanza, unsigned answers)
{
	int64_t seq;

	comp_routes(f->c, stop_rows, sizeof(stop_rows) / sizeof(stop_rows[0]), f);
	fix_online(f);
	seq = f->c->ledger.seq;
	fix_post(f, QUIET);
	fix_post(f, stanza);
	fix_postf(f, N_MSG, 1);
	fix_spin(f);
	assert_int_equal(f->stoppeds, 1);
	assert_int_equal(f->received, STREAM_E_NONE);
	assert_int_equal(counter.handled, 2);
	assert_int_equal(f->n_in, answers);
	assert_int_equal(f->acked_h, 2);
	assert_int_equal(f->c->ledger.seq, seq + 1); /* one transaction, not split */
	fix_kill(f, false);
	fix_revive(f);
	assert_int_equal(counter.handled, 3);
	assert_int_equal(f->n_in, answers + 1);
	fix_has(f, "got=\"1\"");
}

static void test_stop_within_a_handler(void **state)
{
	stop_within(*state, Q_IQ("s1", "stop"), 1);
}

static void test_stop_within_a_quiet_handler(void **state)
{
	stop_within(*state,
	    "<message from='" ME "' to='" DOM "'><quiet-stop xmlns='" NS_N "'/></message>", 0);
}

/* --- a damaged database ----------------------------------------------------------------------- */

/* Of each the first message is what was packed: its length, then "<message". */
static void test_damaged_outbox(void **state)
{
	static const char *const damage[] = { "UPDATE comp_outbox SET count = 2",
		"UPDATE comp_outbox SET count = 0", "UPDATE comp_outbox SET stanzas = x''",
		"UPDATE comp_outbox SET stanzas = x'010000'", /* no whole length */
		"UPDATE comp_outbox SET stanzas = x'ffffffff' || substr(stanzas, 5)",
		"UPDATE comp_outbox SET stanzas = substr(stanzas, 1, length(stanzas) - 1)",
		"UPDATE comp_outbox SET stanzas = CAST(stanzas || x'01' AS BLOB)" };

	(void)state;
	for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		struct fix *f = counter_new();
		struct comp *c = NULL;
		char err[256];

		fix_online(f);
		f->mute = true;
		assert_int_equal(comp_send(f->c, el_message(NULL, ME)), 0);
		fix_spin(f);
		by_hand(f, damage[i]);
		fix_kill(f, false);
		assert_int_equal(
		    comp_new(&c, &f->ops, f, f->l, NULL, &f->conf, err, sizeof(err)), -EBADMSG);
		assert_non_null(strstr(err, "echo.db: cannot be read"));
		fix_free(f);
	}
}

/* The others are given out. */
static void test_damaged_deferred(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_post(f, Q_IQ("d1", "defer"));
	fix_post(f, Q_IQ("d2", "defer"));
	fix_post(f, Q_IQ("d3", "defer"));
	fix_post(f,
	    "<message from='test' to='" DOM "'><delegation xmlns='" NS_DELEGATION "'/></message>");
	fix_spin(f);
	by_hand(f, "UPDATE comp_told SET stanza = ''");
	by_hand(f, "UPDATE comp_deferred SET stanza = '<iq' WHERE n = 1");
	by_hand(f, "UPDATE comp_deferred SET stanza = '<iq xmlns=\"jabber:client\" type=\"set\"/>'"
		   " WHERE n = 2");
	fix_kill(f, false);
	fix_revive(f);
	fix_logged(f, "a deferred request is no stanza");
	fix_logged(f, "what the server told is no stanza");
	assert_int_equal(counter.repeated, 1);
	assert_string_equal(el_attr(comp_el(counter.kept), "id"), "d3");
	assert_true(comp_online(f->c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		COUNTER_TEST(test_inbox_bound),
		COUNTER_TEST(test_answers_bound),
		COUNTER_TEST(test_repeated_request_outlives_a_cut),
		COUNTER_TEST(test_stop_within_a_handler),
		COUNTER_TEST(test_stop_within_a_quiet_handler),
		cmocka_unit_test(test_damaged_outbox),
		COUNTER_TEST(test_damaged_deferred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
