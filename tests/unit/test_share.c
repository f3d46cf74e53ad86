/* SPDX-License-Identifier: MIT */
/* Changes of the members of a shared domain: what waits, and for how long. */
#include <base/rendezvous.h>

#include "share_fixture.h"

static void what_moves_waits_for_all(void **state)
{
	struct member *a = share_fx_join(true, true), *b;

	(void)state;
	assert_int_equal(share_fx_say(share_fx_room(0), "1"), COMPONENT_TAKEN);
	share_fx_sent(share_fx_link(a), "");
	share_fx_agree(a);
	share_fx_sent(share_fx_link(a), "1 ");
	b = share_fx_join(true, true);
	share_fx_say(share_fx_room_of(b), "moves");
	share_fx_say(share_fx_room_of(a), "stays");
	share_fx_sent(share_fx_link(a), "1 stays ");
	share_fx_agree(b);
	share_fx_sent(share_fx_link(b), "");
	share_fx_answer(a, "", share_fx.c.sharing->epoch + 1);
	share_fx_answer(a, "", share_fx.c.sharing->epoch - 1);
	share_fx_sent(share_fx_link(b), "");
	share_fx_agree(a);
	share_fx_sent(share_fx_link(b), "moves ");
}

/* What waited for the one that came and went is ahead of what comes now. */
static void a_change_that_comes_to_nothing(void **state)
{
	struct member *a = share_fx_join(true, true), *b;
	char to[32];

	(void)state;
	share_fx_agree(a);
	b = share_fx_join(true, true);
	(void)snprintf(to, sizeof(to), "%s", share_fx_room_of(b));
	share_fx_say(to, "1");
	share_fx_say(to, "2");
	share_fx_sent(share_fx_link(a), "");
	share_lost(b, true);
	share_fx_say(to, "3");
	share_fx_sent(share_fx_link(a), "1 2 3 ");
	share_fx_agree(a);
	share_fx_sent(share_fx_link(a), "1 2 3 ");
	assert_int_equal(share_fx.c.own.queue.n, 0);
}

static void keep_ghost(struct member *m, const char *to)
{
	struct stanza *st;
	char xml[128];

	(void)snprintf(
	    xml, sizeof(xml), "<presence type='unavailable' from='a@example.org/r' to='%s'/>", to);
	st = stanza_of(xml);
	assert_true(ghosts_keep(&m->ghosts, st));
	stanza_release(st);
}

static unsigned presences(const struct link *l)
{
	unsigned n = 0;

	for (unsigned i = 0; i < l->n; i++)
		n += strcmp(l->sent[i], "presence") == 0;
	return n;
}

/* Who left while a queue was full has left whoever has the key now. */
static void who_left_moves_as_well(void **state)
{
	enum { ROOMS = 20 };
	struct member *a = share_fx_join(true, true), *b;
	unsigned of_b = 0;

	(void)state;
	share_fx_agree(a);
	share_fx_link(a)->full = true;
	for (unsigned i = 0; i < ROOMS; i++)
		keep_ghost(a, share_fx_room(i));
	b = share_fx_join(true, true);
	for (unsigned i = 0; i < ROOMS; i++) {
		uint64_t key = rendezvous_hash(share_fx_room(i), strlen(share_fx_room(i)));

		of_b += share_better(a, b, key) == b;
	}
	share_fx_link(a)->full = false;
	outbound_pump(a);
	assert_int_equal(presences(share_fx_link(a)), ROOMS - of_b);
	share_fx_agree(a);
	assert_int_equal(presences(share_fx_link(b)), 0);
	share_fx_agree(b);
	assert_int_equal(presences(share_fx_link(a)), ROOMS - of_b);
	assert_int_equal(presences(share_fx_link(b)), of_b);
}

static void held_ones_are_bounded(void **state)
{
	unsigned taken = 0;

	(void)state;
	(void)share_fx_join(true, true);
	while (share_fx_say(share_fx_room(0), "1") == COMPONENT_TAKEN)
		assert_true(++taken < 1000);
	assert_true(taken > 2);
	assert_true(share_fx.c.own.queue.bytes <= 65536);
}

static void no_answer_in_time(void **state)
{
	struct member *a = share_fx_join(true, true), *b;
	struct link *lb;
	char id[MEMBER_ID + 1];

	(void)state;
	share_fx_agree(a);
	b = share_fx_join(true, true);
	lb = share_fx_link(b);
	memcpy(id, b->share.id, sizeof(id));
	share_fx_say(share_fx_room_of(b), "m");
	share_fx_agree(a);
	share_fx_pass(SHARE_MS - 500);
	assert_int_equal(lb->ended, STREAM_E_NONE);
	share_fx_pass(1000);
	assert_int_equal(lb->ended, STREAM_E_CONNECTION_TIMEOUT);
	assert_int_equal(share_fx.c.sharing->n, 1);
	share_fx_sent(share_fx_link(a), "m "); /* whose it has been all the time */
	share_fx_adopt(a, id, -1);
	share_fx_sent(share_fx_link(a), "m ");
	assert_int_equal(share_fx.c.sharing->n_gone, 0);
}

/* Who comes and goes makes new changes, and gives nobody more time by it. */
static void others_give_no_time(void **state)
{
	struct member *a = share_fx_join(true, true), *b, *c;
	struct link *lb;

	(void)state;
	share_fx_agree(a);
	b = share_fx_join(true, true);
	lb = share_fx_link(b);
	share_fx_agree(a);
	share_fx_agree(b);
	c = share_fx_join(true, true);
	share_fx_pass(3000);
	share_fx_agree(a);
	share_lost(c, true); /* on the list: a new change */
	share_fx_agree(a);
	assert_true(share_fx.c.sharing->running);
	share_fx_pass(2500);
	assert_int_equal(lb->ended, STREAM_E_CONNECTION_TIMEOUT);
}

/* It is late, and has begun with the newer one now. */
static void a_late_answer_gives_time(void **state)
{
	struct member *a = share_fx_join(true, true), *b;
	struct link *la = share_fx_link(a);

	(void)state;
	share_fx_agree(a);
	b = share_fx_join(true, true);
	share_fx_pass(4000);
	share_lost(b, true);
	share_fx_answer(a, "", share_fx.c.sharing->epoch - 1);
	share_fx_pass(4000);
	assert_int_equal(la->ended, STREAM_E_NONE);
	share_fx_answer(a, "", share_fx.c.sharing->epoch - 1); /* but once */
	share_fx_pass(2000);
	assert_int_equal(la->ended, STREAM_E_CONNECTION_TIMEOUT);
}

/* One that was another member's, and was taken over. */
static void an_answer_of_another(void **state)
{
	struct member *a = share_fx_join(true, true);

	(void)state;
	share_fx_answer_as(a, "someone", "", 1);
	assert_true(share_fx.c.sharing->running);
	share_fx_agree(a);
	assert_false(share_fx.c.sharing->running);
}

static void what_is_for_others_is_no_answer(void **state)
{
	struct member *a = share_fx_join(true, true);
	struct stanza *st = stanza_of("<iq type='result' id='i' from='x.org' to='a@example.org/r'>"
				      "<members xmlns='" NS_SHARE "' epoch='1'/></iq>");

	(void)state;
	st->member = a;
	assert_false(share_answer(&share_fx.c, st));
	assert_true(share_fx.c.sharing->running);
	stanza_release(st);
}

static void plain_ones_settle_at_once(void **state)
{
	struct member *a = share_fx_join(false, false), *b;

	(void)state;
	share_fx_say(share_fx_room(0), "1");
	share_fx_sent(share_fx_link(a), "1 ");
	b = share_fx_join(false, false);
	assert_false(share_fx.c.sharing->changing);
	share_fx_say(share_fx_room_of(b), "2");
	share_fx_sent(share_fx_link(b), "2 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_moves_waits_for_all, share_fx_setup, share_fx_teardown),
		cmocka_unit_test_setup_teardown(
		    a_change_that_comes_to_nothing, share_fx_setup, share_fx_teardown),
		cmocka_unit_test_setup_teardown(
		    who_left_moves_as_well, share_fx_setup, share_fx_teardown),
		cmocka_unit_test_setup_teardown(
		    an_answer_of_another, share_fx_setup, share_fx_teardown),
		cmocka_unit_test_setup_teardown(
		    held_ones_are_bounded, share_fx_setup, share_fx_teardown),
		cmocka_unit_test_setup_teardown(
		    no_answer_in_time, share_fx_setup, share_fx_teardown),
		cmocka_unit_test_setup_teardown(
		    others_give_no_time, share_fx_setup, share_fx_teardown),
		cmocka_unit_test_setup_teardown(
		    a_late_answer_gives_time, share_fx_setup, share_fx_teardown),
		cmocka_unit_test_setup_teardown(
		    what_is_for_others_is_no_answer, share_fx_setup, share_fx_teardown),
		cmocka_unit_test_setup_teardown(
		    plain_ones_settle_at_once, share_fx_setup, share_fx_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
