/* SPDX-License-Identifier: MIT */
/* A shared domain: negotiation, lists of members, whose a key is, what goes with it. */
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

/* --- negotiation ------------------------------------------------------------------------------ */

static void test_enabled(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	assert_int_equal(f->sessions, 1);
	assert_string_equal(f->c->ledger.member, "m1");
	assert_int_equal(number(f, "SELECT member = 'm1' AND sm_id = 'sm1' FROM comp_link"), 1);
	assert_int_equal(shared.owned, 0);
	assert_false(comp_owns(f->c, "k@" DOM));
}

static void refused(struct fix *f)
{
	static const char why[] =
	    "the server does not share this domain: set connections = share; next try in";

	fix_start(f);
	assert_false(comp_online(f->c));
	fix_logged(f, why);
	assert_null(f->c->ledger.sm_id);
	assert_int_equal(f->accepted, 1);
	fix_advance(f, 1001);
	assert_int_equal(f->accepted, 2);
	assert_int_equal(f->onlines, 0);
}

static void test_no_share_in_the_features(void **state)
{
	((struct fix *)*state)->offers = NULL;
	refused(*state);
}

static void test_no_features(void **state)
{
	((struct fix *)*state)->mode = ROUTER_ACCEPT;
	refused(*state);
}

static void test_enabled_without_a_member(void **state)
{
	((struct fix *)*state)->shares_not = true;
	refused(*state);
}

static void test_enable_is_refused(void **state)
{
	((struct fix *)*state)->refuses_enable = true;
	refused(*state);
}

static void test_a_stanza_before_the_end_of_negotiations(void **state)
{
	struct fix *f = *state;

	f->mode = ROUTER_NO_FEATURES;
	fix_start(f);
	fix_send(f, "<message from='" ME "' to='" DOM "'><n xmlns='" NS_N "' seq='1'/></message>");
	assert_false(comp_online(f->c));
	assert_int_equal(counter.handled, 0);
	fix_logged(f, "does not share this domain");
}

/* Whoever does not want to share does not ask. */
static void test_offered_in_vain(void **state)
{
	struct fix *f = counter_bare();

	(void)state;
	f->offers = "<share xmlns='" NS_SHARE "'/>";
	fix_make(f);
	fix_online(f);
	assert_null(f->c->ledger.member);
	share_members(f, 1, MEMBER("m1"));
	fix_has(f, "<service-unavailable");
	fix_free(f);
}

/* --- lists ------------------------------------------------------------------------------------ */

static void test_members_and_settled(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	share_members(f, 1, MEMBER("m1"));
	fix_has(f, "<iq type=\"result\" id=\"e1\" from=\"" DOM "/m1\" to=\"test\"><members"
		   " xmlns=\"" NS_SHARE "\" epoch=\"1\"/></iq>");
	assert_int_equal(shared.owned, 0);
	assert_false(comp_owns(f->c, "k@" DOM));
	share_settled(f, 1);
	assert_int_equal(shared.owned, 1);
	assert_true(comp_owns(f->c, "k@" DOM));
	assert_true(comp_owns(f->c, DOM));
	assert_int_equal(f->n_in, 1);
}

/* What goes is not its own from <members/> on, what comes is from <settled/> on. */
static void test_keys_move(void **state)
{
	struct fix *f = *state;
	const char *mine = key_of("m1"), *other = key_of("b");

	share_online(f);
	assert_true(comp_owns(f->c, mine) && comp_owns(f->c, other));
	share_members(f, 2, BOTH);
	assert_true(comp_owns(f->c, mine));
	assert_false(comp_owns(f->c, other));
	share_members(f, 3, MEMBER("m1")); /* it has gone before that was settled */
	assert_true(comp_owns(f->c, other));
	share_change(f, 4, BOTH);
	assert_false(comp_owns(f->c, other));
	share_members(f, 5, MEMBER("m1") "<gone id='b'/>");
	assert_true(comp_owns(f->c, mine));
	assert_false(comp_owns(f->c, other));
	share_settled(f, 5);
	assert_true(comp_owns(f->c, other));
	assert_int_equal(shared.owned, 3);
}

/* By the same arithmetic as the server's (base/rendezvous.h). */
static void test_every_key_has_one_owner(void **state)
{
	static const char *const ids[] = { "a", "m1", "c" };
	struct fix *f = *state;

	share_online(f);
	share_change(f, 2, MEMBER("a") MEMBER("m1") MEMBER("c"));
	for (unsigned i = 0; i < 100; i++) {
		char prefix[16];

		(void)snprintf(prefix, sizeof(prefix), "%u-", i);
		assert_true(comp_owns(f->c, won_by("m1", ids, 3, prefix, "@" DOM)));
		assert_false(comp_owns(f->c, won_by("a", ids, 3, prefix, "@" DOM)));
	}
}

static void test_settled_what_is_not_known(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	share_settled(f, 1);
	share_members(f, 2, MEMBER("m1"));
	share_settled(f, 1);
	fix_post(
	    f, "<message from='test' to='" DOM "/m1'><settled xmlns='" NS_SHARE "'/></message>");
	fix_post(f, "<message type='error' from='test' to='" DOM "/m1'><settled xmlns='" NS_SHARE
		    "' epoch='2'/></message>");
	fix_spin(f);
	assert_int_equal(shared.owned, 0);
	assert_false(comp_owns(f->c, DOM));
}

/* One that is late. */
static void test_an_epoch_of_before(void **state)
{
	struct fix *f = *state;
	const char *other = key_of("b");

	share_online(f);
	share_change(f, 5, MEMBER("m1"));
	share_members(f, 4, BOTH);
	fix_has(f, "epoch=\"4\"");
	assert_true(comp_owns(f->c, other));
}

static void test_it_is_not_in_the_list(void **state)
{
	struct fix *f = *state;

	share_online(f);
	share_change(f, 2, MEMBER("a") MEMBER("b"));
	fix_has(f, "epoch=\"2\"");
	assert_int_equal(shared.owned, 2);
	for (int i = 0; i < 20; i++) {
		char key[16];

		(void)snprintf(key, sizeof(key), "k%d", i);
		assert_false(comp_owns(f->c, key));
	}
}

/* --- what is no list -------------------------------------------------------------------------- */

#define IQ(inner) "<iq type='set' id='x' from='test' to='" DOM "/m1'>" inner "</iq>"
#define LIST(attrs, inner) IQ("<members xmlns='" NS_SHARE "'" attrs ">" inner "</members>")

static void test_malformed(void **state)
{
	static const char *const bad[] = {
		LIST("", MEMBER("m1")),
		LIST(" epoch=''", MEMBER("m1")),
		LIST(" epoch='0'", MEMBER("m1")),
		LIST(" epoch='-1'", MEMBER("m1")),
		LIST(" epoch='4294967296'", MEMBER("m1")),
		LIST(" epoch='2'", ""),
		LIST(" epoch='2'", "<member/>"),
		LIST(" epoch='2'", MEMBER("")),
		LIST(" epoch='2'", MEMBER("a b")),
		LIST(" epoch='2'", MEMBER("m1") MEMBER("\xc3\xa4")),
		LIST(" epoch='2'",
		    MEMBER("0123456789012345678901234567890123456789012345678901234567890"
			   "1234")),
		LIST(" epoch='2'", MEMBER("m1") "<gone/>"),
		LIST(" epoch='2'", MEMBER("m1") "<gone id='x' h='y'/>"),
	};
	struct fix *f = *state;

	share_online(f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fix_clear(f);
		fix_post(f, bad[i]);
		fix_spin(f);
		fix_has(f, "<bad-request");
		assert_true(comp_owns(f->c, "k@" DOM));
		assert_true(comp_online(f->c));
	}
	fix_clear(f);
	fix_post(f, IQ("<members xmlns='" NS_SHARE "' epoch='2'>" BOTH "</members><x xmlns='y'/>"));
	fix_post(f, IQ("<other xmlns='" NS_SHARE "'/>"));
	fix_spin(f);
	fix_has(f, "<bad-request");
	fix_has(f, "<service-unavailable");
	assert_int_equal(shared.owned, 1);
}

static void many(struct fix *f, unsigned epoch, const char *what, unsigned n)
{
	struct sbuf xml = SBUF_INIT;

	sbuf_printf(&xml,
	    "<iq type='set' id='e%u' from='test' to='" DOM "/m1'><members xmlns='" NS_SHARE
	    "' epoch='%u'><member id='m1'/>",
	    epoch, epoch);
	for (unsigned i = 1; i < n; i++)
		sbuf_printf(&xml, "<%s id='x%u'/>", what, i);
	sbuf_puts(&xml, "</members></iq>");
	fix_clear(f);
	fix_post(f, sbuf_str(&xml));
	fix_spin(f);
	sbuf_done(&xml);
}

static void test_too_many(void **state)
{
	struct fix *f = *state;

	share_online(f);
	many(f, 2, "member", COMP_MEMBERS_MAX + 1);
	fix_has(f, "<bad-request");
	many(f, 3, "gone", COMP_GONE_MAX + 2);
	fix_has(f, "<bad-request");
	assert_true(comp_owns(f->c, "k@" DOM));
	many(f, 4, "gone", COMP_GONE_MAX + 1);
	fix_hasnt(f, "<bad-request");
	assert_int_equal(fix_count(f, "<adopted"), COMP_GONE_MAX);
	many(f, 5, "member", COMP_MEMBERS_MAX);
	fix_hasnt(f, "<bad-request");
	assert_int_equal(f->c->share.newest.n, COMP_MEMBERS_MAX);
}

static void test_from_a_stranger(void **state)
{
	static const char *const who[] = { ME, "other.test", "me@test", "test/r", DOM };
	struct fix *f = *state;

	share_online(f);
	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		fix_clear(f);
		fix_postf(f,
		    "<iq type='set' id='x' from='%s' to='" DOM "/m1'><members xmlns='" NS_SHARE
		    "' epoch='9'>" BOTH "</members></iq>",
		    who[i]);
		fix_postf(f,
		    "<message from='%s' to='" DOM "/m1'><settled xmlns='" NS_SHARE
		    "' epoch='1'/></message>",
		    who[i]);
		fix_spin(f);
		fix_has(f, "<forbidden");
		assert_int_equal(f->n_in, 1);
	}
	assert_int_equal(f->c->share.newest.epoch, 1);
	assert_int_equal(shared.owned, 1);
}

/* --- what it keeps over losses ---------------------------------------------------------------- */

static void test_resumed(void **state)
{
	struct fix *f = *state;
	const char *mine = key_of("m1"), *other = key_of("b");

	share_online(f);
	share_change(f, 2, BOTH);
	fix_cut(f);
	assert_true(comp_owns(f->c, mine)); /* nothing moves while the link is away */
	fix_advance(f, 2000);
	assert_true(f->resumed);
	assert_int_equal(shared.owned, 2); /* and nothing has */
	share_members(f, 3, MEMBER("m1") "<gone id='b'/>");
	fix_kill(f, false);
	f->onlines = 0;
	fix_make(f);
	assert_false(comp_owns(f->c, mine)); /* it may be over */
	fix_start(f);
	assert_true(f->resumed);
	assert_int_equal(shared.owned, 3);
	assert_true(comp_owns(f->c, mine));
	assert_false(comp_owns(f->c, other));
	share_settled(f, 3);
	assert_true(comp_owns(f->c, other));
}

/* Its session has ended: what it had is left for another one, and it is nobody until it is told. */
static void test_not_resumed(void **state)
{
	struct fix *f = *state;

	share_online(f);
	fix_postf(f, N_MSG, 1);
	fix_spin(f);
	f->mute = true;
	assert_int_equal(comp_send(f->c, el_message("chat", ME)), 0);
	fix_spin(f);
	fix_cut(f);
	f->mute = false;
	f->resume = FAILS_WITH_H;
	f->in_h--; /* it did not get that */
	fix_advance(f, 2000);
	assert_true(comp_online(f->c));
	assert_false(f->resumed);
	assert_int_equal(f->accepted, 3); /* at once */
	assert_int_equal(f->c->ledger.slot, 2);
	assert_string_equal(f->c->ledger.member, "m2");
	assert_int_equal(counter.forgets, 1);
	assert_int_equal(counter.loads, 2);
	assert_int_equal(counter_rows(f, "comp_link"), 2);
	assert_false(comp_owns(f->c, "k@" DOM));
	fix_logged(f, "the link could not be resumed");
	fix_clear(f);
	f->resume = RESUMES;
	share_change(f, 2, MEMBER("m2") "<gone id='m1' h='2'/>");
	assert_true(comp_owns(f->c, "k@" DOM));
	assert_int_equal(fix_count(f, "type=\"chat\""), 1);
	fix_has(f, "<adopted id=\"m1\" h=\"3\"/>");
	assert_true(strstr(fix_got(f), "chat") < strstr(fix_got(f), "adopted"));
	assert_int_equal(counter_rows(f, "comp_link"), 1);
}

static void test_an_impossible_count(void **state)
{
	struct fix *f = *state;

	share_online(f);
	fix_send(f, "<a xmlns='" NS_SM "' h='7'/>");
	assert_int_equal(f->received, STREAM_E_UNDEFINED_CONDITION);
	fix_advance(f, 2000);
	fix_advance(f, 10);
	assert_string_equal(f->c->ledger.member, "m2");
	assert_int_equal(number(f, "SELECT count(*) FROM comp_link WHERE member = 'm1'"), 1);
}

/* What the component cannot read it has not got. */
static void test_owned_fails(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	share_members(f, 1, MEMBER("m1"));
	shared.err = -EIO;
	share_settled(f, 1);
	fix_postf(f, N_MSG, 1);
	fix_spin(f);
	assert_int_equal(shared.owned, 1);
	assert_false(comp_owns(f->c, "k@" DOM));
	assert_false(comp_online(f->c));
	assert_int_equal(counter.handled, 0);
	assert_int_equal(counter.forgets, 1);
	fix_advance(f, 1001);
	fix_advance(f, 10);
	assert_true(f->resumed);
	assert_int_equal(shared.owned, 2);
	assert_true(comp_owns(f->c, "k@" DOM));
	assert_int_equal(counter.handled, 1);
	assert_int_equal(fix_count(f, "got=\"1\""), 1);
}

static void test_a_failed_commit(void **state)
{
	struct fix *f = *state;

	share_online(f);
	db_fail_commits(f->c->ledger.db, 1, -ENOSPC);
	share_members(f, 2, BOTH);
	assert_false(comp_online(f->c));
	assert_false(comp_owns(f->c, key_of("m1")));
	fix_advance(f, 1001);
	fix_advance(f, 10);
	assert_true(f->resumed);
	assert_int_equal(fix_count(f, "epoch=\"2\""), 1);
	assert_true(comp_owns(f->c, key_of("m1")));
	assert_false(comp_owns(f->c, key_of("b")));
	share_settled(f, 2);
	assert_true(comp_owns(f->c, key_of("m1")));
}

/* --- questions -------------------------------------------------------------------------------- */

static void test_answers_come_to_who_asked(void **state)
{
	struct fix *f = *state;
	const char *id;
	char from_me[64];

	share_online(f);
	fix_post(f, Q_IQ("a1", "ask"));
	fix_spin(f);
	fix_has(f, " from=\"" DOM "/m1\"");
	id = strstr(fix_got(f), " id=\"");
	(void)snprintf(from_me, sizeof(from_me), "%.16s", id + strlen(" id=\""));
	fix_postf(f, "<iq type='result' id='%s' from='" ME "' to='" DOM "/m1'/>", from_me);
	fix_spin(f);
	assert_int_equal(counter.asks_over, 1);
	assert_int_equal(counter.ask_err, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHARE_TEST(test_enabled),
		SHARE_TEST(test_no_share_in_the_features),
		SHARE_TEST(test_no_features),
		SHARE_TEST(test_enabled_without_a_member),
		SHARE_TEST(test_enable_is_refused),
		SHARE_TEST(test_a_stanza_before_the_end_of_negotiations),
		cmocka_unit_test(test_offered_in_vain),
		SHARE_TEST(test_members_and_settled),
		SHARE_TEST(test_keys_move),
		SHARE_TEST(test_every_key_has_one_owner),
		SHARE_TEST(test_settled_what_is_not_known),
		SHARE_TEST(test_an_epoch_of_before),
		SHARE_TEST(test_it_is_not_in_the_list),
		SHARE_TEST(test_malformed),
		SHARE_TEST(test_too_many),
		SHARE_TEST(test_from_a_stranger),
		SHARE_TEST(test_resumed),
		SHARE_TEST(test_not_resumed),
		SHARE_TEST(test_an_impossible_count),
		SHARE_TEST(test_owned_fails),
		SHARE_TEST(test_a_failed_commit),
		SHARE_TEST(test_answers_come_to_who_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
