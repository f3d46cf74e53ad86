/* SPDX-License-Identifier: MIT */
/* Members of a shared domain that end: who gets what waited for them. */
#include "share_fixture.h"

static const struct {
	int h; /* that the adopter says; -1: none */
	const char
	    *got; /* by it, of 1 2 3, of which the first was acknowledged, and 4, never sent */
} adoptions[] = {
	{ -1, "2 3 4 " }, { 3, "2 3 4 " },           /* members, settled, 1 */
	{ 4, "3 4 " }, { 5, "4 " }, { 6, "2 3 4 " }, /* it was not sent that many */
	{ 2, "2 3 4 " }, /* nor could it have acknowledged more than it has */
};

static void what_its_store_has(void **state)
{
	for (size_t i = 0; i < sizeof(adoptions) / sizeof(adoptions[0]); i++) {
		struct member *a, *b;
		char to[32], id[MEMBER_ID + 1];

		if (i > 0)
			(void)share_fx_setup(state);
		a = share_fx_join(true, true);
		share_fx_agree(a);
		b = share_fx_join(true, true);
		share_fx_agree(a);
		share_fx_agree(b);
		(void)snprintf(to, sizeof(to), "%s", share_fx_room_of(b));
		memcpy(id, b->share.id, sizeof(id));
		share_fx_say(to, "1");
		outbound_acked(b, 3);
		share_fx_say(to, "2");
		share_fx_say(to, "3");
		share_fx_link(b)->full = true;
		share_fx_say(to, "4");
		assert_int_equal(share_fx.done, 1);
		share_lost(b, true);
		assert_int_equal(share_fx.c.sharing->n_gone, 1);
		share_fx_sent(share_fx_link(a), "");
		share_fx_adopt(a, id, adoptions[i].h);
		share_fx_sent(share_fx_link(a), adoptions[i].got);
		assert_int_equal(share_fx.c.sharing->n_gone + share_fx.bounced, 0);
		if (i + 1 < sizeof(adoptions) / sizeof(adoptions[0]))
			(void)share_fx_teardown(state);
	}
}

/* The adopter of the adopter says it again, and another that there was nothing. */
static void the_first_number_counts(void **state)
{
	struct member *a = share_fx_join(true, true), *b, *c;
	char to[32], id[MEMBER_ID + 1];

	(void)state;
	share_fx_agree(a);
	b = share_fx_join(true, true);
	share_fx_agree(a);
	share_fx_agree(b);
	c = share_fx_join(true, true);
	share_fx_agree(a);
	share_fx_agree(b);
	share_fx_agree(c);
	(void)snprintf(to, sizeof(to), "%s", share_fx_room_of(c));
	memcpy(id, c->share.id, sizeof(id));
	outbound_acked(c, c->sm.sent);
	share_fx_say(to, "1");
	share_fx_say(to, "2");
	share_lost(c, true);
	share_fx_answer(b, "", 0); /* not this change's */
	share_fx_adopt(b, id, -1);
	{
		char xml[96];

		(void)snprintf(
		    xml, sizeof(xml), "<adopted id='%s' h='3'/><adopted id='%s' h='4'/>", id, id);
		share_fx_answer(a, xml, 1); /* an old answer */
	}
	assert_true(share_fx.c.sharing->running);
	share_fx_agree(a);
	assert_false(share_fx.c.sharing->running);
	share_fx_say(to, "3");
	assert_int_equal(share_fx.done, 1); /* the first alone: 2 and 3 are somebody's */
	assert_int_equal(share_fx.c.sharing->n_gone, 0);
}

/* What it was asked is not answered by another. */
static void questions_of_a_plain_link(void **state)
{
	struct member *a = share_fx_join(false, false), *b = share_fx_join(false, false);
	struct stanza *st;
	char xml[128];

	(void)state;
	(void)snprintf(xml, sizeof(xml),
	    "<iq type='get' from='example.org' to='%s' id='q'><x/></iq>", share_fx_room_of(b));
	st = stanza_of(xml);
	assert_int_equal(component_send(&share_fx.c, st), COMPONENT_TAKEN);
	stanza_release(st);
	share_lost(a, false);
	assert_int_equal(share_fx.asks_lost, 0);
	share_lost(b, false);
	assert_int_equal(share_fx.asks_lost, 1);
}

static void who_left_for_one_that_ended(void **state)
{
	struct member *a = share_fx_join(false, false), *b = share_fx_join(false, false);
	struct stanza *st;
	char xml[128];

	(void)state;
	(void)snprintf(xml, sizeof(xml),
	    "<presence type='unavailable' from='a@example.org/r' to='%s'/>", share_fx_room_of(b));
	st = stanza_of(xml);
	assert_true(ghosts_keep(&b->ghosts, st));
	stanza_release(st);
	share_lost(b, true);
	share_fx_sent(share_fx_link(a), "presence ");
}

static void grace_then_gone(void **state)
{
	struct member *a = share_fx_join(true, true), *b;

	(void)state;
	share_fx_agree(a);
	b = share_fx_join(true, true);
	share_fx_agree(a);
	share_fx_agree(b);
	component_let_go(b, "cut");
	share_lost(b, false);
	assert_int_equal(share_fx.c.sharing->n, 2);
	assert_false(share_fx.c.sharing->changing);
	share_fx_pass(29000);
	assert_int_equal(share_fx.c.sharing->n, 2);
	share_fx_pass(2000);
	assert_int_equal(share_fx.c.sharing->n, 1);
	assert_true(share_fx.c.sharing->changing);
}

static void nobody_is_answered_for_ever(void **state)
{
	struct member *a = share_fx_join(true, true);

	(void)state;
	share_fx_agree(a);
	share_fx_say(share_fx_room(0), "1");
	component_let_go(a, "cut");
	share_lost(a, false);
	share_fx_say(share_fx_room(0), "2");
	share_fx_pass(31000);
	share_fx_pass(1);
	assert_int_equal(share_fx.bounced, 2);
	assert_int_equal(share_phase(share_fx.c.sharing), COMP_AWAY);
	assert_int_equal(share_fx_say(share_fx_room(0), "3"), COMPONENT_AWAY);
}

static void so_many_members(void **state)
{
	struct link more = { .acked = false };

	(void)state;
	(void)share_fx_join(false, false);
	for (unsigned i = 1; i < SHARE_MAX; i++) {
		struct member *m = share_attach(share_fx.c.sharing, &more, NULL);

		assert_non_null(m);
		m->link = NULL;
	}
	assert_null(share_attach(share_fx.c.sharing, &more, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_its_store_has, share_fx_setup, share_fx_teardown),
		cmocka_unit_test_setup_teardown(
		    the_first_number_counts, share_fx_setup, share_fx_teardown),
		cmocka_unit_test_setup_teardown(
		    questions_of_a_plain_link, share_fx_setup, share_fx_teardown),
		cmocka_unit_test_setup_teardown(
		    who_left_for_one_that_ended, share_fx_setup, share_fx_teardown),
		cmocka_unit_test_setup_teardown(grace_then_gone, share_fx_setup, share_fx_teardown),
		cmocka_unit_test_setup_teardown(
		    nobody_is_answered_for_ever, share_fx_setup, share_fx_teardown),
		cmocka_unit_test_setup_teardown(so_many_members, share_fx_setup, share_fx_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
