/* SPDX-License-Identifier: MIT */
/* A shared domain: deferred requests, which go where their key goes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "comp_share_fixture.h"

static const char *const two[] = { "m1", "b" };
#define BOTH MEMBER("m1") MEMBER("b")

/* A key that this member has when there are m1 and b. */
static const char *key_of(const char *id)
{
	return won_by(id, two, 2, "k", "@" DOM);
}

static void defer(struct fix *f, const char *key)
{
	fix_postf(
	    f, "<iq type='set' id='d1' from='" ME "' to='%s'><defer xmlns='" NS_N "'/></iq>", key);
	fix_spin(f);
}

/* It comes back when it is known that its key is this member's still. */
static void test_deferred_and_killed(void **state)
{
	struct fix *f = *state;

	share_online(f);
	share_change(f, 2, BOTH);
	defer(f, key_of("m1"));
	fix_kill(f, false);
	fix_make(f);
	fix_postf(f, N_MSG, 1);
	assert_int_equal(counter.repeated, 0);
	fix_start(f);
	assert_int_equal(counter.repeated, 1);
	assert_int_equal(counter.handled, 3);
	comp_reply_ok(counter.kept);
	fix_spin(f);
	assert_int_equal(fix_count(f, "id=\"d1\""), 1);
	assert_int_equal(counter_rows(f, "comp_deferred"), 0);
}

static void test_deferred_goes_with_its_key(void **state)
{
	struct fix *f = *state;
	struct comp_req *kept;

	share_online(f);
	defer(f, key_of("b"));
	kept = counter.kept;
	share_members(f, 2, BOTH);
	assert_int_equal(number(f, "SELECT count(*) FROM comp_deferred WHERE slot = 0"), 1);
	comp_reply_ok(kept); /* says nothing, and frees it */
	fix_spin(f);
	fix_hasnt(f, "id=\"d1\"");
	share_settled(f, 2);
	assert_int_equal(counter.repeated, 0);
	share_change(f, 3, MEMBER("m1") "<gone id='b'/>"); /* who had not come to it */
	assert_int_equal(counter.repeated, 1);
	assert_int_equal(number(f, "SELECT count(*) FROM comp_deferred WHERE slot = 1"), 1);
	fix_kill(f, false);
	fix_revive(f);
	assert_int_equal(counter.repeated, 2);
	comp_reply_ok(counter.kept);
	fix_spin(f);
	assert_int_equal(fix_count(f, "id=\"d1\""), 1);
	assert_int_equal(counter_rows(f, "comp_deferred"), 0);
}

/* What it has given it does not take again, while only the list before says that it is its. */
static void test_deferred_given_and_killed(void **state)
{
	struct fix *f = *state;

	share_online(f);
	defer(f, key_of("b"));
	share_members(f, 2, BOTH);
	fix_kill(f, false);
	fix_revive(f);
	assert_true(f->resumed);
	assert_int_equal(counter.repeated, 0);
	assert_int_equal(number(f, "SELECT count(*) FROM comp_deferred WHERE slot = 0"), 1);
	share_settled(f, 2);
	assert_int_equal(counter.repeated, 0);
	share_change(f, 3, MEMBER("m1") "<gone id='b'/>");
	assert_int_equal(counter.repeated, 1);
}

/* Of an adopted session's, those whose keys are here, in their order, and before what is new. */
static void claimed(struct fix *f, const char *last, const char *more)
{
	fix_online(f);
	left_request(f, 9, 4, key_of("m1"));
	left_request(f, 9, 5, key_of("b"));
	left_request(f, 9, 6, key_of("m1"));
	share_members(f, 1, BOTH);
	assert_int_equal(counter.repeated, 0);
	fix_postf(f,
	    "<message from='test' to='" DOM "/m1'><settled xmlns='" NS_SHARE
	    "' epoch='1'/></message>%s",
	    more);
	fix_spin(f);
	assert_int_equal(counter.repeated, 2);
	assert_string_equal(el_attr(comp_el(counter.kept), "id"), last);
	assert_int_equal(number(f, "SELECT count(*) FROM comp_deferred WHERE slot = 9"), 1);
	share_change(f, 2, MEMBER("m1"));
	assert_int_equal(counter.repeated, 3);
}

static void test_claimed(void **state)
{
	claimed(*state, "d6", "");
}

static void test_claimed_before_what_is_new(void **state)
{
	claimed(*state, "new", Q_IQ("new", "defer"));
}

/* Two think that it is theirs. */
static void test_claimed_by_another(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	left_request(f, 9, 4, key_of("m1"));
	share_members(f, 1, BOTH);
	by_hand(f,
	    "CREATE TRIGGER t BEFORE UPDATE OF settled ON comp_link WHEN NEW.settled NOT NULL"
	    " BEGIN UPDATE comp_deferred SET slot = 8 WHERE slot = 9; END");
	share_settled(f, 1);
	assert_int_equal(shared.owned, 1);
	assert_int_equal(counter.repeated, 0);
	fix_postf(f, N_MSG, 1);
	fix_spin(f);
	assert_int_equal(counter.handled, 1); /* nothing waits for it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHARE_TEST(test_deferred_and_killed),
		SHARE_TEST(test_deferred_goes_with_its_key),
		SHARE_TEST(test_deferred_given_and_killed),
		SHARE_TEST(test_claimed),
		SHARE_TEST(test_claimed_before_what_is_new),
		SHARE_TEST(test_claimed_by_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
