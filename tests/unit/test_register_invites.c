/* SPDX-License-Identifier: MIT */
/* Registration with invitations (XEP-0445). */
#include <errno.h>

#include "register_fixture.h"

/* --- invitations ------------------------------------------------------------------------------ */

static void without_an_invitation_nobody_registers(void **state)
{
	struct registration *rg = connect_from("192.0.2.1");

	(void)state;
	auth.conf.registration_invite_only = true;
	assert_int_equal(say(rg, GET), REG_ANSWERED);
	assert_refused("not-allowed");
	assert_int_equal(say(rg, SET("bill", "s3cret")), REG_ANSWERED);
	assert_refused("not-allowed");
	assert_int_equal(show(rg, "0123456789abcdef0123456789abcdef"), REG_ANSWERED);
	assert_refused("item-not-found");
	assert_int_equal(say(rg, SET("bill", "s3cret")), REG_ANSWERED);
	assert_refused("not-allowed");
	registration_free(rg);
}

static void an_invitation_is_good_once(void **state)
{
	struct invited in = invite(NULL, 1, DAY);
	struct registration *first = connect_from("192.0.2.1"), *second = connect_from("192.0.2.2");

	(void)state;
	auth.conf.registration_invite_only = true;
	assert_int_equal(strlen(in.token), INVITE_TOKEN);
	assert_int_equal(show(first, in.token), REG_ANSWERED);
	assert_string_equal(answer, OK);
	assert_int_equal(show(second, in.token), REG_ANSWERED);
	assert_string_equal(answer, OK); /* not used yet */
	assert_int_equal(say(first, SET("bill", "s3cret")), REG_LATER);
	assert_string_equal(answer, OK);
	assert_int_equal(say(second, SET("john", "s3cret")), REG_LATER);
	assert_refused("item-not-found");
	assert_false(exists("john@example.org"));
	assert_int_equal(show(second, in.token), REG_ANSWERED);
	assert_refused("item-not-found");
	registration_free(first);
	registration_free(second);
	assert_null(strstr(sbuf_str(&logged), in.token));
	assert_non_null(strstr(sbuf_str(&logged), in.id));
}

static void a_failed_registration_does_not_use_it_up(void **state)
{
	struct invited in = invite(NULL, 1, DAY);
	struct registration *rg = connect_from("192.0.2.1");

	(void)state;
	auth.conf.registration_invite_only = true;
	assert_int_equal(auth_add("taken@example.org", "s3cret"), 0);
	(void)show(rg, in.token);
	assert_int_equal(say(rg, SET("taken", "s3cret")), REG_ANSWERED);
	assert_refused("conflict");
	db_fail_commits(auth.f.db, 1, -ENOSPC);
	assert_int_equal(say(rg, SET("bill", "s3cret")), REG_LATER);
	assert_refused("resource-constraint");
	assert_false(exists("bill@example.org"));
	assert_int_equal(say(rg, SET("bill", "s3cret")), REG_LATER);
	assert_string_equal(answer, OK);
	registration_free(rg);
}

/* Both ask before either is there: the database decides, and the loser's token is not spent. */
static void two_at_once_for_one_name(void **state)
{
	struct invited in[2] = { invite(NULL, 1, DAY), invite(NULL, 1, DAY) };
	struct registration *rg[2];
	struct el *reply;

	(void)state;
	auth.conf.registration_invite_only = true;
	for (int i = 0; i < 2; i++) {
		struct el *iq = parse(SET("bill", "s3cret"));

		rg[i] = connect_from("192.0.2.1");
		(void)show(rg[i], in[i].token);
		assert_int_equal(registration_iq(rg[i], iq, &reply, on_later, NULL), REG_LATER);
		assert_int_equal(registration_iq(rg[i], iq, &reply, on_later, NULL), REG_TOO_MANY);
		el_free(iq);
	}
	run_all(&auth.f);
	assert_refused("conflict"); /* the second one's answer */
	assert_true(exists("bill@example.org"));
	assert_int_equal(say(rg[1], SET("john", "s3cret")), REG_LATER);
	assert_string_equal(answer, OK);
	registration_free(rg[0]);
	registration_free(rg[1]);
}

static void an_invitation_expires(void **state)
{
	struct invited in = invite(NULL, 5, DAY);
	struct registration *early = connect_from("192.0.2.1"), *late = connect_from("192.0.2.2");

	(void)state;
	auth.conf.registration_invite_only = true;
	assert_int_equal(show(early, in.token), REG_ANSWERED);
	loop_clock_advance(auth.f.loop, DAY);
	assert_int_equal(show(late, in.token), REG_ANSWERED);
	assert_refused("item-not-found");
	(void)invite(NULL, 1, DAY); /* making one throws old ones away, but not those in use */
	assert_int_equal(say(early, SET("bill", "s3cret")), REG_LATER);
	assert_string_equal(answer, OK); /* XEP-0445 4: shown in time */
	registration_free(early);
	registration_free(late);
}

static void one_for_several_uses(void **state)
{
	struct invited in = invite(NULL, 2, DAY);
	char iq[512];

	(void)state;
	auth.conf.registration_invite_only = true;
	for (int i = 0; i < 3; i++) {
		struct registration *rg = connect_from("192.0.2.1");

		(void)show(rg, in.token);
		if (i < 2) {
			(void)snprintf(iq, sizeof(iq), SET("u%d", "s3cret"), i);
			assert_int_equal(say(rg, iq), REG_LATER);
			assert_string_equal(answer, OK);
		} else {
			assert_refused("item-not-found");
		}
		registration_free(rg);
	}
}

static void one_for_a_name_keeps_it(void **state)
{
	struct invited in = invite("juliet@example.org", 1, DAY);
	struct registration *rg = connect_from("192.0.2.1"), *other = connect_from("192.0.2.2");

	(void)state;
	assert_int_equal(say(other, SET("Juliet", "s3cret")), REG_ANSWERED);
	assert_refused("conflict");
	(void)show(rg, in.token);
	assert_int_equal(say(rg, GET), REG_ANSWERED);
	assert_non_null(strstr(answer, "<username>juliet</username>"));
	assert_int_equal(say(rg, SET("romeo", "s3cret")), REG_ANSWERED);
	assert_refused("not-acceptable");
	assert_int_equal(say(rg, SET("Juliet", "s3cret")), REG_LATER);
	assert_string_equal(answer, OK);
	assert_true(exists("juliet@example.org"));
	(void)invite("tybalt@example.org", 1, DAY);
	loop_clock_advance(auth.f.loop, DAY);
	assert_int_equal(say(other, SET("tybalt", "s3cret")), REG_LATER);
	assert_string_equal(answer, OK); /* nobody came */
	registration_free(rg);
	registration_free(other);
}

static void one_of_another_domain_is_none(void **state)
{
	struct invited in = invite(NULL, 1, DAY);
	struct registration *rg = registration_new(auth.r.registrar, "192.0.2.1", "example.net");
	char iq[256];

	(void)state;
	(void)snprintf(iq, sizeof(iq),
	    "<iq type='set' id='s'><preauth xmlns='urn:xmpp:pars:0' token='%s'/></iq>", in.token);
	(void)say(rg, iq);
	assert_refused("item-not-found");
	registration_free(rg);
}

static void count_one(const struct invite *in, void *arg)
{
	assert_string_equal(in->domain, DOMAIN);
	assert_true(in->uses > 0 && in->expires_ms > in->created_ms);
	(*(unsigned *)arg)++;
}

static void invitations_are_listed_and_revoked(void **state)
{
	struct invited a = invite(NULL, 3, DAY);
	struct registration *rg = connect_from("192.0.2.1");
	struct note gone = { 0 }, none = { 0 };
	unsigned n = 0;

	(void)state;
	auth.conf.registration_invite_only = true;
	(void)invite("juliet@example.org", 1, 2 * DAY);
	assert_int_equal(invites_list(&auth.r, NULL, 10, count_one, &n), 0);
	assert_int_equal(n, 2);
	n = 0;
	assert_int_equal(invites_list(&auth.r, NULL, 1, count_one, &n), 0);
	assert_int_equal(n, 1);
	(void)show(rg, a.token);
	invites_revoke(&auth.r, a.id, note_done, &gone);
	invites_revoke(&auth.r, a.id, note_done, &none);
	run_all(&auth.f);
	assert_int_equal(gone.err, 0);
	assert_int_equal(none.err, -ENOENT);
	assert_int_equal(say(rg, SET("bill", "s3cret")), REG_LATER);
	assert_refused("item-not-found"); /* shown, but taken back */
	loop_clock_advance(auth.f.loop, 3 * DAY);
	n = 0;
	assert_int_equal(invites_list(&auth.r, NULL, 10, count_one, &n), 0);
	assert_int_equal(n, 0);
	registration_free(rg);
}

#define T(f) cmocka_unit_test_setup_teardown(f, register_setup, register_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(without_an_invitation_nobody_registers),
		T(an_invitation_is_good_once),
		T(a_failed_registration_does_not_use_it_up),
		T(two_at_once_for_one_name),
		T(an_invitation_expires),
		T(one_for_several_uses),
		T(one_for_a_name_keeps_it),
		T(one_of_another_domain_is_none),
		T(invitations_are_listed_and_revoked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
