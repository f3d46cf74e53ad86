/* SPDX-License-Identifier: MIT */
/* What a session that is gone has left: adopted once, whole, in order, and nobody writes to it any
 * more. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comp_share_fixture.h"

static const char *const two[] = { "m1", "b" };
#define BOTH MEMBER("m1") MEMBER("b")

/* A session that m1 is to adopt while b is there, or b. */
static const char *left_to(const char *id)
{
	return won_by(id, two, 2, "g", "");
}

/* The list of both, and this one gone. */
static const char *gone(const char *id, const char *attrs)
{
	static char text[256];

	(void)snprintf(text, sizeof(text), BOTH "<gone id='%s'%s/>", id, attrs);
	return text;
}

/* The texts in order, then the answer with this. */
static void adopted(struct fix *f, const char *want, const char *id, const char *h)
{
	char text[96];

	assert_string_equal(texts(f), want);
	(void)snprintf(text, sizeof(text), "<adopted id=\"%s\"%s/>", id, h);
	assert_int_equal(fix_count(f, text), 1);
	assert_null(strstr(strstr(fix_got(f), text), "<body>"));
	assert_int_equal(number(f, "SELECT count(*) FROM comp_link"), 1);
	assert_int_equal(number(f, "SELECT count(*) FROM comp_outbox o WHERE slot NOT IN"
				   " (SELECT slot FROM comp_link)"),
	    0);
}

/* --- rows ------------------------------------------------------------------------------------- */

/* The server has three of the first five: that row is cut. */
static void test_above_the_count(void **state)
{
	struct fix *f = *state;
	const char *id = left_to("m1");

	share_online(f);
	left_session(f, 7, id);
	share_members(f, 2, gone(id, " h='13'"));
	adopted(f, "defghij", id, " h=\"98\"");
	assert_int_equal(f->c->ledger.out_last, 1 + 7 + 1);
	assert_int_equal(f->n_in, 8);
	fix_advance(f, COMP_TRIM_MS + 1);
	assert_int_equal(counter_rows(f, "comp_outbox"), 0);
	fix_cut(f); /* its numbers are right */
	assert_int_equal(comp_send(f->c, el_message("chat", ME)), 0);
	fix_advance(f, 2000);
	assert_true(f->resumed);
	assert_int_equal(f->n_in, 9);
}

static void test_at_the_end_of_a_row(void **state)
{
	struct fix *f = *state;
	const char *id = left_to("m1");

	share_online(f);
	left_session(f, 7, id);
	share_members(f, 2, gone(id, " h='15'"));
	adopted(f, "fghij", id, " h=\"98\"");
}

static void test_all_was_taken(void **state)
{
	struct fix *f = *state;
	const char *id = left_to("m1");

	share_online(f);
	left_session(f, 7, id);
	share_members(f, 2, gone(id, " h='20'"));
	adopted(f, "", id, " h=\"98\"");
	assert_int_equal(f->n_in, 1);
}

/* The server was restarted. */
static void test_without_a_count(void **state)
{
	struct fix *f = *state;
	const char *id = left_to("m1");

	share_online(f);
	left_session(f, 7, id);
	by_hand(f, "UPDATE comp_link SET out_acked = 22 WHERE slot = 7");
	share_members(f, 2, gone(id, ""));
	adopted(f, "cdefghij", id, " h=\"98\"");
}

static void test_an_impossible_count(void **state)
{
	struct fix *f = *state;
	const char *id = left_to("m1");

	share_online(f);
	left_session(f, 7, id);
	share_members(f, 2, gone(id, " h='21'"));
	adopted(f, "abcdefghij", id, " h=\"98\"");
	fix_logged(f, "the server has 21 stanzas");
}

/* Counts go on beyond 32 bits. */
static void test_counts_that_wrap(void **state)
{
	struct fix *f = *state;
	const char *id = left_to("m1");

	share_online(f);
	left_session(f, 7, id);
	by_hand(f, "UPDATE comp_link SET out_base = out_base - 4294967290,"
		   " in_base = in_base - 4294967290 WHERE slot = 7");
	share_members(f, 2, gone(id, " h='7'")); /* 13 + 2^32 - 6 */
	adopted(f, "defghij", id, " h=\"92\"");
}

static void test_several(void **state)
{
	static const char *const one[] = { "m1" };
	struct fix *f = *state;
	const char *a = won_by("m1", one, 1, "g", ""), *b = won_by("m1", one, 1, "h", "");
	char text[256];

	share_online(f);
	left_session(f, 7, a);
	left_session(f, 8, b);
	(void)snprintf(
	    text, sizeof(text), MEMBER("m1") "<gone id='%s' h='18'/><gone id='%s' h='17'/>", a, b);
	share_members(f, 2, text);
	assert_string_equal(texts(f), "ijhij");
	assert_int_equal(fix_count(f, "<adopted id="), 2);
	assert_int_equal(f->n_in, 6);
	assert_int_equal(number(f, "SELECT count(*) FROM comp_link"), 1);
}

/* What the server said to the process itself counts, too. */
static void test_the_count_of_a_failed_resumption(void **state)
{
	struct fix *f = *state;

	share_online(f);
	f->mute = true;
	assert_int_equal(comp_send(f->c, el_message("chat", ME)), 0);
	fix_spin(f);
	fix_cut(f);
	f->resume = FAILS_WITH_H;
	fix_advance(f, 2000);
	assert_int_equal(number(f, "SELECT out_acked FROM comp_link WHERE member = 'm1'"), 2);
	share_members(f, 2, MEMBER("m2"));
	fix_has(f, "<adopted id=\"m1\" h=\"2\"/>");
	assert_int_equal(fix_count(f, "type=\"chat\""), 1);
}

/* --- whose ------------------------------------------------------------------------------------ */

static void test_no_such_row(void **state)
{
	struct fix *f = *state;
	const char *id = left_to("m1");

	share_online(f);
	share_members(f, 2, gone(id, " h='13'"));
	adopted(f, "", id, "");
	assert_true(comp_online(f->c));
}

/* And who asks once more is told the same, though nothing is there any more. */
static void test_twice(void **state)
{
	struct fix *f = *state;
	const char *id = left_to("m1");

	share_online(f);
	left_session(f, 7, id);
	share_members(f, 2, gone(id, " h='13'"));
	share_members(f, 3, gone(id, " h='13'"));
	assert_string_equal(texts(f), "defghij");
	assert_int_equal(fix_count(f, " h=\"98\"/>"), 2);
	fix_advance(f, 25 * 3600 * 1000U); /* and for a day */
	left_session(f, 8, left_to("m1"));
	share_members(f, 4, gone(left_to("m1"), ""));
	assert_int_equal(counter_rows(f, "comp_adopted"), 1);
}

static void test_it_is_another_ones(void **state)
{
	struct fix *f = *state;
	const char *id = left_to("b");

	share_online(f);
	left_session(f, 7, id);
	share_members(f, 2, gone(id, " h='13'"));
	fix_hasnt(f, "<adopted");
	assert_string_equal(texts(f), "");
	assert_int_equal(number(f, "SELECT incarnation FROM comp_link WHERE slot = 7"), 1);
}

/* Those that the server does not know, for it was restarted. */
static void test_not_named(void **state)
{
	struct fix *f = *state;
	const char *id = left_to("m1");

	share_online(f);
	left_session(f, 7, id);
	left_session(f, 8, "b");
	share_members(f, 2, BOTH);
	assert_string_equal(texts(f), "abcdefghij");
	fix_has(f, " h=\"98\"/>");
	assert_int_equal(number(f, "SELECT count(*) FROM comp_link WHERE member = 'b'"), 1);
}

static struct comp *another(struct fix *f)
{
	struct comp *c = NULL;
	char err[256];

	if (comp_new(&c, &f->ops, f, f->l, NULL, &f->conf, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	return c;
}

/* One whose process lives may have come after the list was made.  Later it cannot. */
static void test_not_named_and_alive(void **state)
{
	struct fix *f = *state;
	struct comp *b;

	share_online(f);
	b = another(f);
	by_hand(f, "UPDATE comp_link SET member = '%s', since = %lld WHERE slot = 2", left_to("m1"),
	    (long long)loop_wall_ms(f->l));
	share_members(f, 2, BOTH);
	assert_int_equal(number(f, "SELECT count(*) FROM comp_link"), 2);
	loop_clock_advance(f->l, 11000);
	share_members(f, 3, BOTH);
	assert_int_equal(number(f, "SELECT count(*) FROM comp_link"), 1);
	comp_free(b);
}

/* One that has not begun, and one that never will. */
static void test_never_a_member(void **state)
{
	static const char list[] = MEMBER("m1");
	struct fix *f = *state;
	struct comp *b;

	share_online(f);
	b = another(f);
	share_members(f, 2, list);
	assert_int_equal(number(f, "SELECT count(*) FROM comp_link"), 2);
	comp_free(b);
	share_members(f, 3, list);
	assert_int_equal(number(f, "SELECT count(*) FROM comp_link"), 1);
	fix_hasnt(f, "<adopted");
}

static void test_of_another_domain(void **state)
{
	struct fix *f = *state;
	const char *id = left_to("m1");

	share_online(f);
	left_session(f, 7, id);
	by_hand(f, "UPDATE comp_link SET domain = 'old.test' WHERE slot = 7");
	share_members(f, 2, gone(id, " h='13'"));
	adopted(f, "", id, " h=\"98\"");
	fix_logged(f, "old.test");
}

/* --- kills and failures ----------------------------------------------------------------------- */

static void turns(struct fix *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		(void)loop_turn(f->l, db_waiting(f->c->ledger.db) > 0);
}

/* The adopter is killed at every point, and so is what it has submitted, or not. */
static void killed_at(unsigned at, bool lost)
{
	struct fix *f = share_new();
	const char *id = left_to("m1");

	share_online(f);
	left_session(f, 7, id);
	left_request(f, 7, 3, "k@" DOM);
	fix_postf(f,
	    "<iq type='set' id='e2' from='test' to='" DOM "/m1'><members xmlns='" NS_SHARE
	    "' epoch='2'>" MEMBER("m1") "<gone id='%s' h='13'/></members></iq>",
	    id);
	turns(f, at);
	fix_kill(f, lost);
	fix_revive(f);
	adopted(f, "defghij", id, " h=\"98\"");
	assert_int_equal(f->n_in, 8);
	share_settled(f, 2);
	assert_int_equal(counter.repeated, 1);
	fix_free(f);
}

static void test_killed_anywhere(void **state)
{
	(void)state;
	for (unsigned at = 0; at < 16; at++) {
		killed_at(at, false);
		killed_at(at, true);
	}
}

/* Who adopts the adopter sends its answer, too. */
static void test_the_adopter_is_adopted(void **state)
{
	struct fix *f = *state;
	const char *id = left_to("m1");
	char text[128];

	share_online(f);
	left_session(f, 7, id);
	f->mute = true;
	share_members(f, 2, gone(id, " h='13'"));
	adopted(f, "defghij", id, " h=\"98\"");
	fix_kill(f, false);
	fix_clear(f);
	f->mute = false;
	f->resume = FAILS;
	f->posts[f->n_posts++] = strdup("<presence from='" ME "' to='" DOM "'/>"); /* 5 of 6 safe */
	fix_revive(f);
	assert_string_equal(f->c->ledger.member, "m2");
	(void)snprintf(
	    text, sizeof(text), MEMBER("m2") "<gone id='m1' h='5'/><gone id='%s' h='13'/>", id);
	share_members(f, 3, text);
	assert_string_equal(texts(f), "hij");
	assert_int_equal(fix_count(f, "epoch=\"2\""), 1);
	assert_int_equal(fix_count(f, "epoch=\"3\""), 1);
	assert_int_equal(fix_count(f, " h=\"98\"/>"), 2); /* it says so, too */
	fix_has(f, "<adopted id=\"m1\" h=\"3\"/>");
	assert_true(strstr(fix_got(f), "epoch=\"2\"") < strstr(fix_got(f), "epoch=\"3\""));
}

static void test_a_full_disk(void **state)
{
	struct fix *f = *state;
	const char *id = left_to("m1");

	share_online(f);
	left_session(f, 7, id);
	for (unsigned i = 0; i < 2; i++) { /* the fence, or the adoption */
		share_members(f, 2 + i, BOTH);
		fix_clear(f);
	}
	left_session(f, 8, won_by("m1", two, 2, "f", ""));
	db_fail_commits(f->c->ledger.db, 1, -ENOSPC);
	share_members(f, 4, BOTH);
	assert_false(comp_online(f->c));
	assert_string_equal(texts(f), "");
	assert_int_equal(number(f, "SELECT count(*) FROM comp_link"), 2);
	fix_advance(f, 1001);
	fix_advance(f, 10);
	assert_true(f->resumed);
	assert_string_equal(texts(f), "abcdefghij");
	assert_int_equal(fix_count(f, "epoch=\"4\""), 1);
	assert_int_equal(counter_rows(f, "comp_adopted"), 2);
}

/* Another one adopts it between the look and the commit. */
static void test_another_was_faster(void **state)
{
	struct fix *f = *state;
	const char *id = left_to("m1");

	share_online(f);
	left_session(f, 7, id);
	by_hand(f,
	    "CREATE TRIGGER t BEFORE UPDATE OF newest ON comp_link WHEN NEW.newest LIKE '2 %%'"
	    " BEGIN UPDATE comp_link SET incarnation = 9 WHERE slot = 7; END");
	share_members(f, 2, gone(id, " h='13'"));
	assert_false(comp_online(f->c));
	fix_logged(f, "another member was faster");
	assert_string_equal(texts(f), "");
	by_hand(f,
	    "DROP TRIGGER t; DELETE FROM comp_link WHERE slot = 7;"
	    "DELETE FROM comp_outbox WHERE slot = 7;"
	    "INSERT INTO comp_adopted VALUES('%s', 98, 0)",
	    id);
	fix_advance(f, 1001);
	fix_advance(f, 10);
	assert_true(f->resumed);
	adopted(f, "", id, " h=\"98\"");
}

/* --- a lot of it ------------------------------------------------------------------------------ */

/* 40 MB, more than may wait: it is sent all the same, the server's next question is answered while
 * none of it has been acknowledged, and what handlers answer is not dropped. */
static void test_more_than_the_bounds(void **state)
{
	enum { ROWS = 40, SIZE = 1000000 };
	struct fix *f = *state;
	const char *id = left_to("m1");
	struct sbuf packed = SBUF_INIT;
	char *text = calloc(1, SIZE + 1);
	EL_AUTO struct el *m = el_message(NULL, ME);

	memset(text, 'x', SIZE);
	el_add_text(m, "body", NULL, text);
	free(text);
	out_pack(&packed, m, DOM, NULL);
	share_online(f);
	by_hand(f,
	    "INSERT INTO comp_link(slot, domain, incarnation, sm_id, member, out_total)"
	    " VALUES(7, '" DOM "', 1, 'smx', '%s', %d)",
	    id, ROWS);
	for (int i = 1; i <= ROWS; i++)
		left_stanzas(f, 7, i, &packed, 1);
	sbuf_done(&packed);
	f->mute = true;
	share_members(f, 2, gone(id, " h='0'"));
	assert_true(f->c->ledger.adopted > ROWS * SIZE);
	assert_int_equal(comp_send(f->c, el_message(NULL, ME)), -ENOBUFS);
	assert_int_equal(tx_may_send(f->c, true), 0);
	fix_postf(f, N_MSG, 1);
	fix_spin(f);
	assert_int_equal(counter.handled, 0);
	share_members(f, 3, MEMBER("m1"));
	assert_int_equal(counter.handled, 1); /* it came before */
	assert_int_equal(fix_count(f, "<body>"), ROWS);
	assert_int_equal(fix_count(f, "epoch=\"3\""), 1);
	f->mute = false;
	fix_sendf(f, "<a xmlns='" NS_SM "' h='%u'/>", f->in_h);
	assert_int_equal(f->c->ledger.bytes, 0);
	assert_int_equal(f->c->ledger.adopted, 0);
}

/* --- fences ----------------------------------------------------------------------------------- */

static void spin_both(struct fix *f, struct comp *b)
{
	for (int i = 0; i < 5; i++) {
		fix_spin(f);
		while (db_waiting(b->ledger.db) > 0)
			(void)loop_turn(f->l, true);
	}
}

/* The server has given a member up that lives and does not know it yet.  What it writes then comes
 * to nothing; it begins anew, and is what it was before: a member. */
static void test_a_living_one_is_adopted(void **state)
{
	static struct db_q q = { "INSERT INTO seen(seq) VALUES(77)" };
	struct fix *f = *state;
	struct stream *first;
	struct comp *b;

	share_online(f);
	first = f->r;
	f->base = f->n_posts;
	b = another(f);
	assert_int_equal(comp_start(b), 0);
	spin_both(f, b);
	assert_string_equal(b->ledger.member, "m2");
	stream_puts(first,
	    "<iq type='set' id='e' from='test' to='" DOM "/m1'><members xmlns='" NS_SHARE
	    "' epoch='2'>" MEMBER("m1") "<gone id='m2' h='0'/></members></iq>");
	spin_both(f, b);
	fix_has(f, "<adopted id=\"m2\" h=\"0\"/>");
	assert_string_equal(b->ledger.member, "m2"); /* it does not know */
	assert_int_equal(counter.forgets, 0);
	db_batch_add(comp_tx(b), &q, "");
	assert_int_equal(comp_send(b, el_message("headline", ME)), 0);
	spin_both(f, b);
	assert_int_equal(counter_rows(f, "seen"), 0);
	fix_hasnt(f, "headline");
	fix_logged(f, "another member has taken over what this one had");
	assert_int_equal(counter.forgets, 1);
	assert_true(comp_online(b));
	assert_string_equal(b->ledger.member, "m3");
	assert_int_equal(b->ledger.slot, 3);
	db_batch_add(comp_tx(b), &q, "");
	spin_both(f, b);
	assert_int_equal(counter_rows(f, "seen"), 1);
	assert_int_equal(f->c->ledger.state, LEDGER_OK);
	comp_free(b);
	stream_free(first);
}

/* It wakes before what it has left is read: that cannot change any more. */
static void test_fenced_first(void **state)
{
	struct fix *f = *state;
	struct comp *b;

	share_online(f);
	b = another(f);
	by_hand(f, "UPDATE comp_link SET member = '%s' WHERE slot = 2", left_to("m1"));
	fix_postf(f,
	    "<iq type='set' id='e2' from='test' to='" DOM "/m1'><members xmlns='" NS_SHARE
	    "' epoch='2'>%s</members></iq>",
	    gone(left_to("m1"), ""));
	for (int i = 0; !f->c->share.busy && i < 100; i++)
		(void)loop_turn(f->l, false);
	assert_true(f->c->share.busy);
	db_sync(f->c->ledger.db);
	assert_false(ledger_mine(b));
	assert_int_equal(counter_rows(f, "comp_link"), 2);
	fix_spin(f);
	assert_int_equal(counter_rows(f, "comp_link"), 1);
	comp_free(b);
}

/* The link comes back first. */
static void test_noticed_when_it_connects(void **state)
{
	struct fix *f = *state;

	share_online(f);
	fix_cut(f);
	by_hand(f, "DELETE FROM comp_link");
	fix_advance(f, 2000);
	assert_true(comp_online(f->c));
	assert_string_equal(f->c->ledger.member, "m2");
	assert_int_equal(f->c->ledger.slot, 2);
	assert_int_equal(counter.forgets, 1);
}

/* And no row can be made. */
static void test_no_room_for_a_new_row(void **state)
{
	struct fix *f = *state;

	share_online(f);
	by_hand(f, "DELETE FROM comp_link; CREATE TRIGGER t BEFORE INSERT ON comp_link"
		   " BEGIN SELECT RAISE(FAIL, 'no'); END");
	fix_postf(f, N_MSG, 1);
	fix_spin(f);
	assert_false(comp_online(f->c));
	fix_logged(f, "still cannot be written");
	fix_advance(f, 1001);
	assert_false(comp_online(f->c));
	by_hand(f, "DROP TRIGGER t");
	fix_advance(f, 2001);
	fix_advance(f, 10);
	assert_true(comp_online(f->c));
	assert_string_equal(f->c->ledger.member, "m2");
	assert_int_equal(counter_rows(f, "comp_link"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHARE_TEST(test_above_the_count),
		SHARE_TEST(test_at_the_end_of_a_row),
		SHARE_TEST(test_all_was_taken),
		SHARE_TEST(test_without_a_count),
		SHARE_TEST(test_an_impossible_count),
		SHARE_TEST(test_counts_that_wrap),
		SHARE_TEST(test_several),
		SHARE_TEST(test_the_count_of_a_failed_resumption),
		SHARE_TEST(test_no_such_row),
		SHARE_TEST(test_twice),
		SHARE_TEST(test_it_is_another_ones),
		SHARE_TEST(test_not_named),
		SHARE_TEST(test_not_named_and_alive),
		SHARE_TEST(test_never_a_member),
		SHARE_TEST(test_of_another_domain),
		cmocka_unit_test(test_killed_anywhere),
		SHARE_TEST(test_the_adopter_is_adopted),
		SHARE_TEST(test_a_full_disk),
		SHARE_TEST(test_another_was_faster),
		SHARE_TEST(test_more_than_the_bounds),
		SHARE_TEST(test_a_living_one_is_adopted),
		SHARE_TEST(test_fenced_first),
		SHARE_TEST(test_noticed_when_it_connects),
		SHARE_TEST(test_no_room_for_a_new_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
