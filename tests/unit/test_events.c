/* SPDX-License-Identifier: MIT */
/* Account events: written with the change, told in order, kept until everybody has acknowledged
 * them, over a restart and a reload.  The components are played; the database is real. */
#include <errno.h>

#include <base/log.h>
#include <base/sbuf.h>

#include "auth_fixture.h"
#include "links/tap.h"
#include "schema.h"

#define ROMEO "romeo@" DOMAIN
#define JULIET "juliet@" DOMAIN
#define A (&auth.components[0])
#define B (&auth.components[1])

static char accounts_tap[] = "accounts";
static char *taps[] = { accounts_tap };
static struct sbuf logged;

static void grant(struct component *c, bool yes)
{
	c->conf.tap = (struct conf_list){ taps, yes };
}

static void keep_line(const char *line, void *arg)
{
	(void)arg;
	sbuf_puts(&logged, line);
}

/* Both are configured, A is granted them and there. */
static int setup(void **state)
{
	auth_setup(state);
	A->domain = "a." DOMAIN;
	B->domain = "b." DOMAIN;
	grant(A, true);
	A->acked = true;
	log_capture(keep_line, NULL);
	return 0;
}

static void let_go(struct component *c, size_t n, bool dropped)
{
	for (size_t i = 0; i < n; i++) {
		c->held[i]->dropped = dropped;
		stanza_release(c->held[i]);
	}
	c->n_held -= n;
	for (size_t i = 0; i < c->n_held; i++)
		c->held[i] = c->held[i + n];
}

static int teardown(void **state)
{
	let_go(A, A->n_held, true);
	let_go(B, B->n_held, true);
	log_capture(NULL, NULL);
	sbuf_done(&logged);
	return auth_teardown(state);
}

static void settle(void)
{
	for (int i = 0; i < 4; i++) {
		run_all(&auth.f);
		while (loop_turn(auth.f.loop, false))
			;
	}
}

static void acknowledge(struct component *c, size_t n)
{
	let_go(c, n, false);
	settle();
}

/* The link is up: what the hook does. */
static void online(struct component *c)
{
	c->acked = true;
	events_online(auth.r.events, c);
}

static void restart(void)
{
	let_go(A, A->n_held, true);
	let_go(B, B->n_held, true);
	db_close(auth.f.db);
	events_close(auth.r.events);
	accounts_close(auth.r.accounts);
	A->acked = B->acked = false;
	fixture_open(&auth.f, router_schema, router_schema_n);
	auth.r.db = auth.f.db;
	assert_int_equal(accounts_open(&auth.r.accounts, &auth.r), 0);
	assert_int_equal(events_open(&auth.r.events, &auth.r), 0);
	settle();
}

static const char *told(const struct component *c, size_t i, const char *attr)
{
	const struct el *account;

	assert_true(i < c->n_held);
	account = el_child(c->held[i]->el, "account", NS_TAP);
	assert_non_null(account);
	return el_attr(account, attr);
}

static void assert_told(const struct component *c, const char *want)
{
	struct sbuf b = SBUF_INIT;

	for (size_t i = 0; i < c->n_held; i++)
		sbuf_printf(&b, "%s:%s:%.*s ", told(c, i, "n"), told(c, i, "event"),
		    (int)strcspn(told(c, i, "jid"), "@"), told(c, i, "jid"));
	assert_string_equal(sbuf_str(&b), want);
	sbuf_done(&b);
}

static int64_t rows(void)
{
	static struct db_q q = { "SELECT (SELECT count(*) FROM event) * 1000"
				 " + (SELECT count(*) FROM event_for)" };

	return number(auth.f.db, &q);
}

/* --- one component ---------------------------------------------------------------------------- */

static void every_change_is_told_in_order(void **state)
{
	const struct stanza *st;

	(void)state;
	online(A);
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	assert_int_equal(auth_add(JULIET, "p"), 0);
	assert_int_equal(auth_passwd(ROMEO, "q"), 0);
	assert_int_equal(auth_disable(ROMEO), 0);
	assert_int_equal(auth_enable(ROMEO), 0);
	assert_int_equal(auth_delete(JULIET), 0);
	assert_told(A,
	    "1:created:romeo 2:created:juliet 3:disabled:romeo 4:enabled:romeo 5:deleted:juliet ");
	st = A->held[0];
	assert_int_equal(st->kind, EL_MESSAGE);
	assert_string_equal(st->from.s, DOMAIN);
	assert_string_equal(st->to.s, "a." DOMAIN);
	assert_string_equal(el_attr(st->el, "id"), "account-1");
	assert_string_equal(told(A, 0, "jid"), ROMEO);
	assert_int_equal(strlen(told(A, 0, "stamp")), strlen("2026-01-01T00:00:00Z"));
	acknowledge(A, 5);
	assert_int_equal(rows(), 0);
}

static void nobody_is_granted(void **state)
{
	(void)state;
	grant(A, false);
	online(A);
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	assert_int_equal(auth_delete(ROMEO), 0);
	assert_int_equal(rows(), 0);
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	assert_told(A, "");
}

static void what_does_not_happen_is_not_told(void **state)
{
	(void)state;
	online(A);
	assert_int_equal(auth_delete(ROMEO), -ENOENT);
	assert_int_equal(auth_disable(ROMEO), -ENOENT);
	assert_int_equal(auth_enable(ROMEO), -ENOENT);
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	assert_int_equal(auth_add(ROMEO, "p"), -EEXIST);
	assert_int_equal(auth_enable(ROMEO), 0); /* as it was */
	assert_int_equal(auth_disable(ROMEO), 0);
	assert_int_equal(auth_disable(ROMEO), 0);
	db_fail_commits(auth.f.db, 1, -ENOSPC);
	assert_int_equal(auth_delete(ROMEO), -ENOSPC);
	assert_told(A, "1:created:romeo 2:disabled:romeo ");
}

static void only_over_an_acknowledged_link(void **state)
{
	(void)state;
	A->acked = false;
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	events_online(auth.r.events, A); /* a plain one: component_tell() is not called */
	settle();
	assert_told(A, "");
	assert_int_equal(rows(), 1001);
	online(A);
	assert_told(A, "1:created:romeo ");
}

/* What was handed to the link and given up comes again, from the first that was not acknowledged.
 */
static void what_a_link_gives_up_comes_again(void **state)
{
	(void)state;
	online(A);
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	assert_int_equal(auth_disable(ROMEO), 0);
	assert_int_equal(auth_enable(ROMEO), 0);
	acknowledge(A, 1);
	A->acked = false;
	let_go(A, 2, true);
	settle();
	assert_int_equal(rows(), 2002);
	assert_int_equal(auth_delete(ROMEO), 0);
	online(A);
	assert_told(A, "2:disabled:romeo 3:enabled:romeo 4:deleted:romeo ");
	acknowledge(A, 3);
	assert_int_equal(rows(), 0);
}

/* Half of a queue is given up: an acknowledgement of what came behind counts for nothing. */
static void nothing_is_skipped(void **state)
{
	(void)state;
	online(A);
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	assert_int_equal(auth_disable(ROMEO), 0);
	let_go(A, 1, true);
	let_go(A, 1, false);
	settle();
	assert_int_equal(rows(), 2002);
	loop_clock_advance(auth.f.loop, 5000);
	settle();
	assert_told(A, "1:created:romeo 2:disabled:romeo ");
}

static void a_window_at_a_time(void **state)
{
	static struct db_q q_event = { "INSERT INTO event (kind, jid, host, stamp)"
				       " VALUES ('enabled', $1, '" DOMAIN "', 0)" };
	static struct db_q q_for = { "INSERT INTO event_for SELECT $1, max(n) FROM event" };
	char want[16];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 600; i++) {
		auth_sql(&q_event, ROMEO);
		auth_sql(&q_for, A->domain);
	}
	online(A);
	assert_int_equal(A->n_held, 256);
	while (n < 600) {
		size_t some = A->n_held < 100 ? A->n_held : 100;

		assert_true(some > 0 && A->n_held <= 256);
		(void)snprintf(want, sizeof(want), "%zu", n + 1);
		assert_string_equal(told(A, 0, "n"), want);
		acknowledge(A, some);
		n += some;
	}
	assert_int_equal(rows(), 0);
}

static void a_full_queue_is_tried_again(void **state)
{
	(void)state;
	A->verdict = COMPONENT_FULL;
	online(A);
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	assert_told(A, "");
	A->verdict = COMPONENT_TAKEN;
	loop_clock_advance(auth.f.loop, 4000);
	settle();
	assert_told(A, "");
	loop_clock_advance(auth.f.loop, 1000);
	settle();
	assert_told(A, "1:created:romeo ");
}

static void one_that_is_too_long_is_said(void **state)
{
	(void)state;
	A->verdict = COMPONENT_TOO_LONG;
	online(A);
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	assert_non_null(strstr(sbuf_str(&logged), "longer than a." DOMAIN " takes"));
	A->verdict = COMPONENT_TAKEN;
	loop_clock_advance(auth.f.loop, 5000);
	settle();
	assert_told(A, "1:created:romeo ");
}

/* The acknowledgement itself is not committed: it is written again. */
static void an_acknowledgement_that_is_lost(void **state)
{
	(void)state;
	online(A);
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	db_fail_commits(auth.f.db, 1, -ENOSPC);
	acknowledge(A, 1);
	assert_int_equal(rows(), 1001);
	loop_clock_advance(auth.f.loop, 5000);
	settle();
	assert_int_equal(rows(), 0);
	assert_told(A, "");
}

/* --- names ------------------------------------------------------------------------------------ */

static void a_name_is_taken_until_its_end_is_known(void **state)
{
	(void)state;
	grant(B, true);
	online(A);
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	acknowledge(A, 1);
	assert_int_equal(auth_delete(ROMEO), 0);
	assert_int_equal(auth_add(ROMEO, "p"), -EINPROGRESS);
	assert_int_equal(auth_add(JULIET, "p"), 0);
	acknowledge(A, 1);
	assert_int_equal(auth_add(ROMEO, "p"), -EINPROGRESS);
	assert_int_equal(auth_delete(ROMEO), -ENOENT);
	online(B);
	assert_told(B, "1:created:romeo 2:deleted:romeo 3:created:juliet ");
	acknowledge(B, 1);
	assert_int_equal(auth_add(ROMEO, "p"), -EINPROGRESS);
	acknowledge(B, 1);
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	acknowledge(A, A->n_held);
	acknowledge(B, B->n_held);
	assert_int_equal(rows(), 0);
}

/* Both on their way at once. */
static void deleting_and_adding_at_once(void **state)
{
	struct note del = { 0 }, add = { 0 };

	(void)state;
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	assert_int_equal(accounts_delete(auth.r.accounts, JID(ROMEO), note_done, &del), 0);
	assert_int_equal(accounts_add(auth.r.accounts, JID(ROMEO), "p", note_done, &add), 0);
	run_all(&auth.f);
	assert_int_equal(del.err, 0);
	assert_int_equal(add.err, -EINPROGRESS);
	assert_false(accounts_exist(auth.r.accounts, JID(ROMEO)));
}

/* --- restarts and reloads --------------------------------------------------------------------- */

static void kept_over_a_restart(void **state)
{
	(void)state;
	grant(B, true);
	online(A);
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	assert_int_equal(auth_disable(ROMEO), 0);
	acknowledge(A, 1);
	assert_int_equal(auth_delete(ROMEO), 0);
	restart();
	assert_int_equal(auth_add(ROMEO, "p"), -EINPROGRESS);
	assert_int_equal(auth_add(JULIET, "p"), 0);
	online(A);
	online(B);
	assert_told(A, "2:disabled:romeo 3:deleted:romeo 4:created:juliet ");
	assert_told(B, "1:created:romeo 2:disabled:romeo 3:deleted:romeo 4:created:juliet ");
	acknowledge(A, 3);
	acknowledge(B, 4);
	assert_int_equal(rows(), 0);
	restart();
	assert_int_equal(auth_add(ROMEO, "p"), 0); /* numbers go on */
	online(A);
	assert_told(A, "5:created:romeo ");
}

static void whoever_is_granted_later_hears_of_what_follows(void **state)
{
	(void)state;
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	grant(B, true);
	events_reload(auth.r.events);
	online(B);
	assert_int_equal(auth_delete(ROMEO), 0);
	assert_told(B, "2:deleted:romeo ");
}

static void a_grant_that_is_withdrawn_keeps_nothing(void **state)
{
	(void)state;
	grant(B, true);
	online(A);
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	assert_int_equal(auth_delete(ROMEO), 0);
	acknowledge(A, 2);
	assert_int_equal(rows(), 2002);
	grant(B, false);
	events_reload(auth.r.events);
	settle();
	assert_int_equal(rows(), 0);
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	acknowledge(A, 1);
	assert_int_equal(rows(), 0);
}

/* Its section was taken out while something was on its way. */
static void a_component_that_is_removed_keeps_nothing(void **state)
{
	(void)state;
	online(A);
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	A->domain = NULL;
	let_go(A, 1, true);
	events_reload(auth.r.events);
	settle();
	loop_clock_advance(auth.f.loop, 5000);
	settle();
	assert_int_equal(rows(), 0);
	A->domain = "a." DOMAIN;
	assert_int_equal(auth_delete(ROMEO), 0);
	assert_told(A, "2:deleted:romeo ");
}

static void removed_while_the_router_was_down(void **state)
{
	(void)state;
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	assert_int_equal(rows(), 1001);
	A->domain = NULL;
	restart();
	assert_int_equal(rows(), 0);
}

static void other_hosts_are_none_of_its_business(void **state)
{
	static char other[] = "example.net", *hosts[] = { other };

	(void)state;
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	A->conf.hosts = (struct conf_list){ hosts, 1 };
	events_reload(auth.r.events);
	settle();
	assert_int_equal(rows(), 0);
	assert_int_equal(auth_delete(ROMEO), 0);
	assert_int_equal(rows(), 0);
}

/* --- what an operator hears ------------------------------------------------------------------- */

static void long_waiting_is_reported_daily(void **state)
{
	static const char line[] = "1 account events wait for a." DOMAIN;

	(void)state;
	A->acked = false;
	assert_int_equal(auth_add(ROMEO, "p"), 0);
	loop_clock_advance(auth.f.loop, 60 * 1000);
	settle();
	assert_null(strstr(sbuf_str(&logged), line));
	for (int hour = 1; hour <= 48; hour++) {
		sbuf_clear(&logged);
		loop_clock_advance(auth.f.loop, 3600 * 1000);
		settle();
		assert_int_equal(
		    strstr(sbuf_str(&logged), line) != NULL, hour == 1 || hour == 24 || hour == 48);
	}
	restart();
	sbuf_clear(&logged);
	loop_clock_advance(auth.f.loop, 60 * 1000); /* an operator who looks once hears of it */
	settle();
	assert_non_null(strstr(sbuf_str(&logged), line));
}

static void what_the_features_say(void **state)
{
	struct sbuf b = SBUF_INIT;

	(void)state;
	tap_features(B, &b);
	assert_string_equal(sbuf_str(&b), "");
	tap_features(A, &b);
	assert_string_equal(sbuf_str(&b), "<tap xmlns='urn:switchyard:tap:1'/>");
	sbuf_done(&b);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_change_is_told_in_order),
		T(nobody_is_granted),
		T(what_does_not_happen_is_not_told),
		T(only_over_an_acknowledged_link),
		T(what_a_link_gives_up_comes_again),
		T(nothing_is_skipped),
		T(a_window_at_a_time),
		T(a_full_queue_is_tried_again),
		T(one_that_is_too_long_is_said),
		T(an_acknowledgement_that_is_lost),
		T(a_name_is_taken_until_its_end_is_known),
		T(deleting_and_adding_at_once),
		T(kept_over_a_restart),
		T(whoever_is_granted_later_hears_of_what_follows),
		T(a_grant_that_is_withdrawn_keeps_nothing),
		T(a_component_that_is_removed_keeps_nothing),
		T(removed_while_the_router_was_down),
		T(other_hosts_are_none_of_its_business),
		T(long_waiting_is_reported_daily),
		T(what_the_features_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
