/* SPDX-License-Identifier: MIT */
/* What accounts want to be kept (XEP-0441), where the database has its say: what is remembered of
 * it and for how long, and what is answered when it fails. */
#include <errno.h>

#include "im/prefs.h"
#include "im_fixture.h"

#define NS " xmlns='urn:switchyard:tap:1'"
#define SET(to, prefs) \
	"<iq type='set' id='p' from='" ECHO "' to='" to "'><prefs" NS " " prefs "</prefs></iq>"
#define NEVER_BUT(jid) "default='never'><always><jid>" jid "</jid></always>"
#define DONE "<iq type=\"result\" id=\"p\" from=\"" ALICE "\" to=\"" ECHO "\"/>\n"

enum { KNOWN = 16384 }; /* as im/prefs.c has it */

static char messages[] = "messages", *tap[] = { messages };

static int setup(void **state)
{
	im_setup(state);
	im.component_conf.tap = (struct conf_list){ tap, 1 };
	im.conf.archive_default = ARCHIVE_ALWAYS;
	return prefs_open(&im.r.prefs, &im.r);
}

static int teardown(void **state)
{
	im_settle();
	prefs_close(im.r.prefs);
	return im_teardown(state);
}

static bool keeps(const char *account, const char *other)
{
	struct jid a = jid_view(account), o = jid_view(other);

	return prefs_keeps(&im.r, &a, &o);
}

static int commit(struct db_batch *b)
{
	struct note n = { 0 };

	db_submit(b, note_done, &n);
	run_all(&im.f);
	return n.err;
}

static void rename_table(struct db_q *q)
{
	struct db_batch *b = db_batch_new(im.f.db);

	db_batch_add(b, q, "");
	assert_int_equal(commit(b), 0);
}

/* By somebody who told nobody. */
static void write_row(const char *account, const char *element)
{
	static struct db_q q_account = { "INSERT OR IGNORE INTO account (jid, created, iterations,"
					 " salt256, stored256, server256, salt1, stored1, server1)"
					 " VALUES ($1, 0, 1, x'', x'', x'', x'', x'', x'')" };
	static struct db_q q_put = { "INSERT OR REPLACE INTO archive_prefs (account, element)"
				     " VALUES ($1, $2)" };
	struct db_batch *b = db_batch_new(im.f.db);

	db_batch_add(b, &q_account, "s", account);
	db_batch_add(b, &q_put, "ss", account, element);
	assert_int_equal(commit(b), 0);
}

static void error_is(const char *cond)
{
	const char *got = im_component_got();

	assert_non_null(strstr(got, "type=\"error\""));
	if (!strstr(got, cond))
		fail_msg("no %s in %s", cond, got);
}

/* --- deciding --------------------------------------------------------------------------------- */

static void lists_and_defaults(void **state)
{
	(void)state;
	assert_true(keeps(ALICE, BOB));
	im_component_asks(prefs_iq, SET(ALICE, NEVER_BUT("Bob@Example.ORG")));
	assert_component_got(DONE);
	assert_true(keeps(ALICE, BOB) && keeps(ALICE, BOB "/phone"));
	assert_false(keeps(ALICE, "carol@example.org"));
	im_component_asks(prefs_iq,
	    SET(ALICE, "default='always'><never><jid>example.net</jid><jid>x@example.org/y</jid>"
		       "</never>"));
	assert_component_got(DONE);
	assert_false(keeps(ALICE, "example.net") || keeps(ALICE, "a@example.net/b"));
	assert_false(keeps(ALICE, "x@example.org/y"));
	assert_true(keeps(ALICE, "x@example.org") && keeps(ALICE, "sub.example.net"));
	im_component_asks(prefs_iq, SET(ALICE, "default='roster'>"));
	assert_component_got(DONE);
	assert_false(keeps(ALICE, BOB));
	assert_true(keeps(BOB, ALICE)); /* his are others */
}

static void no_answers_are_no_settings(void **state)
{
	(void)state;
	im_component_asks(prefs_iq, "<iq type='get' id='p' from='" ECHO "' to='" ALICE "'><prefs" NS
				    " default='never'/></iq>");
	error_is("bad-request");
	im_component_asks(prefs_iq, SET(ALICE, ">"));
	error_is("bad-request");
	im_component_asks(
	    prefs_iq, SET(ALICE, "default='never'><always/><never><jid>a@b@c</jid></never>"));
	error_is("bad-request");
	im.other_host = true;
	im_component_asks(prefs_iq, SET(ALICE, "default='never'>"));
	error_is("forbidden");
	assert_true(keeps(ALICE, BOB));
}

/* --- what is remembered ----------------------------------------------------------------------- */

static void what_is_remembered_is_not_read_again(void **state)
{
	struct jid alice = jid_view(ALICE);

	(void)state;
	assert_true(keeps(ALICE, BOB));
	write_row(ALICE, "<prefs" NS " default='never'/>");
	assert_true(keeps(ALICE, BOB));
	prefs_forget(im.r.prefs, &alice);
	assert_false(keeps(ALICE, BOB));
	prefs_forget(im.r.prefs, &alice);
	prefs_forget(im.r.prefs, &alice);
}

/* Of so many accounts the one goes that nobody has asked about for longest. */
static void so_many_accounts(void **state)
{
	char jid[64];

	(void)state;
	assert_true(keeps(ALICE, BOB) && keeps(BOB, ALICE));
	write_row(ALICE, "<prefs" NS " default='never'/>");
	write_row(BOB, "<prefs" NS " default='never'/>");
	for (int i = 0; i < KNOWN - 1; i++) {
		if (i == KNOWN / 2)
			assert_true(keeps(ALICE, BOB));
		(void)snprintf(jid, sizeof(jid), "u%d@example.org", i);
		assert_true(keeps(jid, ALICE));
	}
	assert_true(keeps(ALICE, BOB));
	assert_false(keeps(BOB, ALICE));
}

/* Some have long lists: the bytes are bounded, too. */
static void so_many_addresses(void **state)
{
	enum {
		LEN = 3000,
		N = 500,
		ACCOUNTS = 13
	}; /* 12 of them are more than there is room for */
	struct sbuf row = SBUF_INIT;
	char jid[64];

	(void)state;
	assert_true(keeps(ALICE, BOB));
	write_row(ALICE, "<prefs" NS " default='never'/>");
	sbuf_puts(&row, "<prefs" NS " default='never'><always>");
	for (int i = 0; i < N; i++)
		sbuf_printf(&row, "<jid>x@example.net/%0*d</jid>", LEN, i);
	sbuf_puts(&row, "</always></prefs>");
	for (int i = 0; i < ACCOUNTS; i++) {
		(void)snprintf(jid, sizeof(jid), "u%d@example.org", i);
		write_row(jid, sbuf_str(&row));
		assert_false(keeps(jid, ALICE));
	}
	sbuf_done(&row);
	assert_false(keeps(ALICE, BOB)); /* read again */
	assert_false(keeps("u0@example.org", ALICE));
}

/* --- a database that fails -------------------------------------------------------------------- */

static void a_row_that_cannot_be_read(void **state)
{
	static struct db_q q_away = { "ALTER TABLE archive_prefs RENAME TO elsewhere" },
			   q_back = { "ALTER TABLE elsewhere RENAME TO archive_prefs" };

	(void)state;
	write_row(ALICE, "<prefs" NS " default='never'/>");
	rename_table(&q_away);
	assert_true(keeps(ALICE, BOB)); /* the server's default */
	im.conf.archive_default = ARCHIVE_NEVER;
	assert_false(keeps(ALICE, BOB));
	rename_table(&q_back);
	im.conf.archive_default = ARCHIVE_ALWAYS;
	assert_false(keeps(ALICE, BOB)); /* nothing was remembered */
}

static void a_row_that_is_damaged(void **state)
{
	(void)state;
	write_row(ALICE, "<prefs default='nev");
	assert_true(keeps(ALICE, BOB));
}

static void a_commit_that_fails(void **state)
{
	(void)state;
	assert_true(keeps(ALICE, BOB));
	db_fail_commits(im.f.db, 1, -EIO);
	im_component_asks(prefs_iq, SET(ALICE, "default='never'>"));
	error_is("resource-constraint");
	assert_true(keeps(ALICE, BOB));
}

/* It was there when that was looked at. */
static void an_account_that_goes_meanwhile(void **state)
{
	static struct db_q q = { "DELETE FROM account WHERE jid = $1" };
	struct note n = { 0 };
	struct db_batch *b = db_batch_new(im.f.db);

	(void)state;
	db_batch_add(b, &q, "s", ALICE);
	db_submit(b, note_done, &n);
	im_component_asks(prefs_iq, SET(ALICE, "default='never'>"));
	assert_int_equal(n.err, 0);
	error_is("item-not-found");
}

/* A roster that cannot be had: rather too much than too little. */
static void a_roster_that_cannot_be_read(void **state)
{
	static struct db_q q_away = { "ALTER TABLE roster RENAME TO elsewhere" };

	(void)state;
	im.conf.archive_default = ARCHIVE_ROSTER;
	assert_false(keeps(ALICE, BOB));
	im_forget();
	rename_table(&q_away);
	assert_true(keeps(ALICE, BOB));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(lists_and_defaults),
		T(no_answers_are_no_settings),
		T(what_is_remembered_is_not_read_again),
		T(so_many_accounts),
		T(so_many_addresses),
		T(a_row_that_cannot_be_read),
		T(a_row_that_is_damaged),
		T(a_commit_that_fails),
		T(an_account_that_goes_meanwhile),
		T(a_roster_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
