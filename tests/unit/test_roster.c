/* SPDX-License-Identifier: MIT */
/* Roster iqs, what is stored of them, and what happens when it cannot be stored. */
#include <errno.h>

#include <base/sbuf.h>

#include "im/roster_internal.h"
#include "im_fixture.h"

#define A "alice@example.org/a"
#define A2 "alice@example.org/a2"
#define GET "<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>"
#define SET(items) "<iq type='set' id='s'><query xmlns='jabber:iq:roster'>" items "</query></iq>"
#define PUSH(to, item)                                                                      \
	"<iq to=\"" to "\" type=\"set\" id=\"...\"><query xmlns=\"jabber:iq:roster\">" item \
	"</query></iq>\n"
#define RESULT(to) "<iq type=\"result\" id=\"s\" to=\"" to "\"/>\n"

static struct session *interested(const char *full)
{
	struct session *s = im_session(full);

	im_send(s, GET);
	(void)im_got(s);
	return s;
}

/* The condition of the one error that came. */
static void assert_error(struct session *s, const char *cond)
{
	const char *got = im_got(s);

	if (!strstr(got, "type=\"error\"") || !strstr(got, cond))
		fail_msg("no %s in %s", cond, got);
	assert_null(strstr(got, "</iq>\n<"));
}

static void test_empty(void **state)
{
	struct session *a = im_session(A);

	(void)state;
	assert_false(a->im.interested);
	im_send(a, GET);
	assert_got(a, "<iq type=\"result\" id=\"g\" to=\"" A "\">"
		      "<query xmlns=\"jabber:iq:roster\"/></iq>\n");
	assert_true(a->im.interested);
}

static void test_set(void **state)
{
	struct session *a = interested(A), *a2 = im_session(A2);

	(void)state;
	im_send(
	    a, SET("<item jid='" BOB "' name='Bob &amp; co' subscription='both' ask='subscribe'>"
		   "<group>Friends</group><group>Work</group></item>"));
	assert_got(a, PUSH(A, "<item jid=\"" BOB "\" subscription=\"none\" name=\"Bob &amp; co\">"
			      "<group>Friends</group><group>Work</group></item>") RESULT(A));
	assert_got(a2, ""); /* it has not asked for the roster */
	assert_string_equal(im_stored(ALICE, BOB), "none name=Bob & co groups=Friends,Work");

	im_send(a2, GET);
	assert_got(a2,
	    "<iq type=\"result\" id=\"g\" to=\"" A2 "\"><query xmlns=\"jabber:iq:roster\">"
	    "<item jid=\"" BOB "\" subscription=\"none\" name=\"Bob &amp; co\">"
	    "<group>Friends</group><group>Work</group></item></query></iq>\n");

	/* The whole item is replaced, and both hear of it. */
	im_send(a2, SET("<item jid='" BOB "'/>"));
	assert_got(a, PUSH(A, "<item jid=\"" BOB "\" subscription=\"none\"/>"));
	assert_got(a2, PUSH(A2, "<item jid=\"" BOB "\" subscription=\"none\"/>") RESULT(A2));
	assert_string_equal(im_stored(ALICE, BOB), "none");
}

static void test_remove(void **state)
{
	struct session *a = interested(A);

	(void)state;
	im_send(a, SET("<item jid='" BOB "' name='b'/>"));
	(void)im_got(a);
	im_send(a, SET("<item jid='" BOB "' subscription='remove'/>"));
	assert_got(a, PUSH(A, "<item jid=\"" BOB "\" subscription=\"remove\"/>") RESULT(A));
	assert_string_equal(im_stored(ALICE, BOB), "-");
	im_send(a, SET("<item jid='" BOB "' subscription='remove'/>"));
	assert_error(a, "item-not-found");
}

static void test_refused(void **state)
{
	static const struct {
		const char *xml, *cond;
	} t[] = {
		{ SET(""), "bad-request" },
		{ SET("<item/>"), "bad-request" },
		{ SET("<item jid='a@example.org'/><item jid='b@example.org'/>"), "bad-request" },
		{ SET("<item jid='a@@example.org'/>"), "jid-malformed" },
		{ SET("<item jid=''/>"), "jid-malformed" },
		{ SET("<item jid='bob@example.org/b'/>"), "bad-request" },
		{ SET("<item jid='" ALICE "'/>"), "not-allowed" },
		{ SET("<item jid='" BOB "'><group/></item>"), "not-acceptable" },
		{ SET("<item jid='" BOB "'><group>g</group><group>g</group></item>"),
		    "bad-request" },
		{ "<iq type='get' id='g'><other xmlns='jabber:iq:roster'/></iq>", "bad-request" },
	};
	struct session *a = interested(A);

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		im_send(a, t[i].xml);
		assert_error(a, t[i].cond);
	}
	im_send(a, GET);
	assert_null(strstr(im_got(a), "<item"));
}

static void set_name(struct session *s, size_t len)
{
	struct sbuf b = SBUF_INIT;

	sbuf_puts(&b, "<iq type='set' id='s'><query xmlns='jabber:iq:roster'>"
		      "<item jid='" BOB "' name='");
	for (size_t i = 0; i < len; i++)
		sbuf_putc(&b, 'n');
	sbuf_puts(&b, "'/></query></iq>");
	im_send(s, sbuf_str(&b));
	sbuf_done(&b);
}

static void test_long_name(void **state)
{
	struct session *a = interested(A);

	(void)state;
	set_name(a, ROSTER_NAME_MAX + 1);
	assert_error(a, "not-acceptable");
	set_name(a, ROSTER_NAME_MAX);
	assert_non_null(strstr(im_got(a), RESULT(A)));
}

/* n groups with names of that length. */
static void set_groups(struct session *s, unsigned n, int len)
{
	struct sbuf b = SBUF_INIT;

	sbuf_puts(&b, "<iq type='set' id='s'><query xmlns='jabber:iq:roster'>"
		      "<item jid='" BOB "'>");
	for (unsigned i = 0; i < n; i++)
		sbuf_printf(&b, "<group>%0*u</group>", len, i);
	sbuf_puts(&b, "</item></query></iq>");
	im_send(s, sbuf_str(&b));
	sbuf_done(&b);
}

static void test_many_groups(void **state)
{
	struct session *a = interested(A);

	(void)state;
	set_groups(a, ROSTER_GROUPS_MAX + 1, 2);
	assert_error(a, "not-acceptable");
	set_groups(a, 5, ROSTER_GROUPS_BYTES / 5 + 1);
	assert_error(a, "not-acceptable");
	set_groups(a, ROSTER_GROUPS_MAX, ROSTER_GROUPS_BYTES / ROSTER_GROUPS_MAX);
	assert_non_null(strstr(im_got(a), RESULT(A)));
}

static void test_full(void **state)
{
	struct session *a = interested(A);

	(void)state;
	im.conf.limit.roster_items = 2;
	im_send(a, SET("<item jid='1@example.org'/>"));
	im_send(a, SET("<item jid='2@example.org'/>"));
	(void)im_got(a);
	im_send(a, SET("<item jid='3@example.org'/>"));
	assert_error(a, "resource-constraint");
	im_send(a, "<presence type='subscribe' to='3@example.org'/>");
	assert_non_null(strstr(im_got(a), "resource-constraint"));
	/* What is there already may still be changed. */
	im_send(a, SET("<item jid='2@example.org' name='two'/>"));
	assert_non_null(strstr(im_got(a), RESULT(A)));
	im_send(a, SET("<item jid='1@example.org' subscription='remove'/>"));
	(void)im_got(a);
	im_send(a, SET("<item jid='3@example.org'/>"));
	assert_non_null(strstr(im_got(a), RESULT(A)));
}

/* Nothing is pushed, the requester hears of it, and memory says again what the database says. */
static void test_commit_fails(void **state)
{
	struct session *a = interested(A);

	(void)state;
	im_send(a, SET("<item jid='" BOB "' name='before'/>"));
	(void)im_got(a);
	db_fail_commits(im.f.db, 1, -EIO);
	im_send(a, SET("<item jid='" BOB "' name='after'/>"));
	assert_error(a, "internal-server-error");
	assert_string_equal(im_item(ALICE, BOB), "none name=before");

	db_fail_commits(im.f.db, 1, -ENOSPC);
	im_send(a, SET("<item jid='" BOB "' subscription='remove'/>"));
	assert_error(a, "resource-constraint");
	assert_string_equal(im_item(ALICE, BOB), "none name=before");

	im_send(a, SET("<item jid='" BOB "' name='after'/>"));
	assert_non_null(strstr(im_got(a), RESULT(A)));
	assert_string_equal(im_stored(ALICE, BOB), "none name=after");
}

/* What was built on a change that is lost is lost with it, reading included. */
static void test_commit_fails_in_a_row(void **state)
{
	struct session *a = interested(A);
	const char *got;

	(void)state;
	db_fail_commits(im.f.db, 1, -EIO);
	im_send_only(a, SET("<item jid='" BOB "' name='1'/>"));
	im_send_only(a, SET("<item jid='" BOB "' name='2'/>"));
	im_send_only(a, GET);
	assert_got(a, ""); /* nothing before the commit */
	im_settle();
	got = im_got(a);
	assert_null(strstr(got, "<item"));
	assert_non_null(strstr(got, "id=\"s\""));
	assert_non_null(strstr(got, "id=\"g\""));
	assert_null(strstr(got, "type=\"result\""));
	assert_string_equal(im_item(ALICE, BOB), "-");
}

/* One change alone is refused (its account has gone), not by the environment. */
static void test_one_fails(void **state)
{
	struct session *a = interested(A);
	struct jid alice = jid_view(ALICE);
	struct roster *ro;

	(void)state;
	im_account_gone(ALICE);
	im_send_only(a, SET("<item jid='" BOB "'/>"));
	im_settle();
	assert_error(a, "internal-server-error");
	assert_int_equal(roster_get(im.r.rosters, &alice, &ro), -ENOENT);
	im_send(a, GET);
	assert_error(a, "internal-server-error");
}

static void test_session_ends_before_commit(void **state)
{
	struct session *a = interested(A), *a2 = interested(A2);
	struct jid alice = jid_view(ALICE);
	struct roster *ro;

	(void)state;
	im_send_only(a, SET("<item jid='" BOB "'/>"));
	im_session_end(a2);
	im_settle();
	assert_got(a, PUSH(A, "<item jid=\"" BOB "\" subscription=\"none\"/>") RESULT(A));
	assert_int_equal(roster_get(im.r.rosters, &alice, &ro), 0);
	assert_int_equal(ro->busy, 0);
}

/* Rosters that nobody needs make room for others; those in use stay. */
static void test_cache(void **state)
{
	struct session *a = interested(A);
	struct jid alice = jid_view(ALICE), j;
	struct roster *ro, *of_alice;
	char name[64];

	(void)state;
	im_send(a, SET("<item jid='" BOB "'/>"));
	assert_int_equal(roster_get(im.r.rosters, &alice, &of_alice), 0);
	for (int i = 0; i < 1100; i++) {
		(void)snprintf(name, sizeof(name), "u%d@example.org", i);
		im_account(name);
		j = jid_view(name);
		assert_int_equal(roster_get(im.r.rosters, &j, &ro), 0);
	}
	im_settle();
	j = jid_view("u0@example.org");
	assert_null(roster_peek(im.r.rosters, &j));
	j = jid_view("u1099@example.org");
	assert_non_null(roster_peek(im.r.rosters, &j));
	assert_ptr_equal(roster_peek(im.r.rosters, &alice), of_alice);
	assert_int_equal(map_len(roster_items(of_alice)), 1);
}

static void test_sees(void **state)
{
	struct jid alice = jid_view(ALICE), bob = jid_view(BOB), none = jid_view(NOBODY);

	(void)state;
	assert_true(roster_sees(&im.r, &alice, &alice));
	assert_false(roster_sees(&im.r, &alice, &bob));
	assert_false(roster_sees(&im.r, &none, &bob));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, im_setup, im_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_empty),
		T(test_set),
		T(test_remove),
		T(test_refused),
		T(test_long_name),
		T(test_many_groups),
		T(test_full),
		T(test_commit_fails),
		T(test_commit_fails_in_a_row),
		T(test_one_fails),
		T(test_session_ends_before_commit),
		T(test_cache),
		T(test_sees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
