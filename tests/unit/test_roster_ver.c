/* SPDX-License-Identifier: MIT */
/* Roster versions (RFC 6121 2.6): which answer a client gets that has one, and what makes a new
 * one. */
#include <errno.h>

#include "im/roster_internal.h"
#include "im_fixture.h"

#define A "alice@example.org/a"
#define SET(items) "<iq type='set' id='s'><query xmlns='jabber:iq:roster'>" items "</query></iq>"
#define EMPTY "<iq type=\"result\" id=\"g\" to=\"" A "\"/>\n"
#define NO_ITEMS                                     \
	"<iq type=\"result\" id=\"g\" to=\"" A "\">" \
	"<query xmlns=\"jabber:iq:roster\"/></iq>\n"

static void get(struct session *s, const char *ver)
{
	char xml[128];

	(void)snprintf(xml, sizeof(xml),
	    "<iq type='get' id='g'><query xmlns='jabber:iq:roster' ver='%s'/></iq>", ver);
	im_send(s, xml);
}

static struct session *interested(void)
{
	struct session *s = im_session(A);

	get(s, "");
	(void)im_got(s);
	return s;
}

/* What was pushed or answered last, as the client keeps it. */
static const char *known(void)
{
	static char ver[sizeof(im.ver)];

	assert_string_not_equal(im.ver, "");
	memcpy(ver, im.ver, sizeof(ver));
	return ver;
}

static void a_client_without_a_roster_gets_all_of_it(void **state)
{
	struct session *a = im_session(A);

	(void)state;
	get(a, "");
	assert_got(a, NO_ITEMS);
	assert_string_equal(im.ver, "0");
}

static void one_that_is_up_to_date_gets_nothing(void **state)
{
	struct session *a = im_session(A);

	(void)state;
	get(a, "0");
	assert_got(a, EMPTY);
	assert_true(a->im.interested); /* and pushes from now on */
	im_send(a, SET("<item jid='" BOB "'/>"));
	(void)im_got(a);
	get(a, known());
	assert_got(a, EMPTY);
}

static void any_other_version_gets_all_of_it(void **state)
{
	static const char *const vers[] = { "1", "00", "0 ", "x", "-1", "999999999999999999999" };
	struct session *a = im_session(A);

	(void)state;
	for (size_t i = 0; i < sizeof(vers) / sizeof(vers[0]); i++) {
		get(a, vers[i]);
		assert_got(a, NO_ITEMS);
	}
}

static void each_change_that_shows_is_a_new_version(void **state)
{
	static const char *const changes[] = {
		SET("<item jid='" BOB "'/>"),
		SET("<item jid='" BOB "' name='Bob'/>"),
		"<presence type='subscribe' to='" BOB "'/>",
		SET("<item jid='" BOB "' subscription='remove'/>"),
	};
	struct session *a = interested();
	char before[sizeof(im.ver)];

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		memcpy(before, im.ver, sizeof(before));
		im_send(a, changes[i]);
		assert_string_not_equal(im.ver, before);
		(void)im_got(a);
		get(a, before);
		assert_non_null(strstr(im_got(a), "<query"));
		get(a, known());
		assert_got(a, EMPTY);
	}
}

/* A stranger's request is no item yet: nothing that a client keeps has changed. */
static void what_does_not_show_is_none(void **state)
{
	struct session *a = interested();

	(void)state;
	im_component_sends("<presence type='subscribe' from='x@" ECHO "' to='" ALICE "'/>");
	assert_string_equal(im_item(ALICE, "x@" ECHO), "none pending unlisted");
	get(a, "0");
	assert_got(a, EMPTY);
}

static void it_is_kept_over_a_restart(void **state)
{
	struct session *a = interested();

	(void)state;
	im_send(a, SET("<item jid='" BOB "'/>"));
	(void)im_got(a);
	im_forget();
	get(a, known());
	assert_got(a, EMPTY);
}

/* The version goes with the change: a lost one is no version, and the next one is new. */
static void a_lost_change_is_none(void **state)
{
	struct session *a = interested();
	char before[sizeof(im.ver)];

	(void)state;
	im_send(a, SET("<item jid='" BOB "'/>"));
	memcpy(before, im.ver, sizeof(before));
	db_fail_commits(im.f.db, 1, -EIO);
	im_send(a, SET("<item jid='" BOB "' name='lost'/>"));
	(void)im_got(a);
	get(a, before);
	assert_got(a, EMPTY);
	im_send(a, SET("<item jid='" BOB "' name='kept'/>"));
	(void)im_got(a);
	get(a, before);
	assert_non_null(strstr(im_got(a), "kept"));
}

/* The same name again, with another roster: what its client kept of the first is not current. */
static void a_version_never_comes_again(void **state)
{
	struct session *a = interested();
	char before[sizeof(im.ver)];

	(void)state;
	im_send(a, SET("<item jid='" BOB "'/>"));
	memcpy(before, im.ver, sizeof(before));
	im_session_end(a);
	im_account_gone(ALICE);
	im_account(ALICE);
	im_forget();
	loop_clock_advance(im.r.loop, 1); /* which takes longer than nothing */
	a = interested();
	im_send(a, SET("<item jid='carol@example.org'/>"));
	(void)im_got(a);
	get(a, before);
	assert_non_null(strstr(im_got(a), "carol"));
}

static void it_grows_when_the_clock_stands_or_goes_back(void **state)
{
	struct roster ro = { .ver = 5 }, another = { .ver = 0 };

	(void)state;
	roster_bump(im.r.rosters, &ro, 1000);
	assert_int_equal(ro.ver, 1000);
	roster_bump(im.r.rosters, &ro, 1000);
	assert_int_equal(ro.ver, 1001);
	roster_bump(im.r.rosters, &ro, 3);
	assert_int_equal(ro.ver, 1002);
	roster_bump(im.r.rosters, &another, 1001); /* of an account of the same name, for one */
	assert_int_equal(another.ver, 1003);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, im_setup, im_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_client_without_a_roster_gets_all_of_it),
		T(one_that_is_up_to_date_gets_nothing),
		T(any_other_version_gets_all_of_it),
		T(each_change_that_shows_is_a_new_version),
		T(what_does_not_show_is_none),
		T(it_is_kept_over_a_restart),
		T(a_lost_change_is_none),
		T(a_version_never_comes_again),
		T(it_grows_when_the_clock_stands_or_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
