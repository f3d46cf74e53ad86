/* SPDX-License-Identifier: MIT */
/* The commands of the control socket, on a router of fakes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl_fixture.h"

#define ADD "{\"cmd\":\"account add\",\"args\":{\"jid\":\"%s\",\"password\":\"tops3cret\"}}"
#define STATUS "{\"cmd\":\"status\"}"

static void add(int fd, const char *jid)
{
	char line[256];

	(void)snprintf(line, sizeof(line), ADD, jid);
	say(fd, line);
}

static size_t n_rows(const json_t *answer)
{
	return json_array_size(json_object_get(answer, "rows"));
}

static int64_t row_int(const json_t *answer, size_t i, const char *key)
{
	return json_integer_value(
	    json_object_get(json_array_get(json_object_get(answer, "rows"), i), key));
}

/* --- accounts --------------------------------------------------------------------------------- */

static void an_answer_waits_for_the_commit(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f);
	char c;
	json_t *a;

	add(fd, "Alice@EXAMPLE.org");
	say(fd, STATUS);
	turns(f, 20);
	assert_string_equal(fakes.call, "add");
	assert_string_equal(fakes.jid, "alice@example.org");
	assert_string_equal(fakes.password, "tops3cret");
	assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), -1);
	complete(0);
	a = hear(f, fd);
	assert_string_equal(row_text(a, 0, "jid"), "alice@example.org");
	json_decref(a);
	a = hear(f, fd); /* only then the next one's turn came */
	assert_string_equal(row_text(a, 0, "version"), SWITCHYARD_VERSION);
	json_decref(a);
	assert_non_null(strstr(sbuf_str(&f->log), "account add: alice@example.org"));
	assert_null(strstr(sbuf_str(&f->log), "tops3cret"));
	(void)close(fd);
}

static void what_the_database_says(void **state)
{
	static const struct {
		int err;
		const char *says;
	} rows[] = { { -EEXIST, "there is an account of this name already" },
		{ -ENOENT, "there is no account of this name" },
		{ -EBUSY, "the database is busy, try again later" },
		{ -ENOSPC, "the database failed: No space left on device" } };
	struct ctl_fixture *f = *state;
	int fd = dial(f);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		add(fd, "alice@example.net");
		turns(f, 3);
		complete(rows[i].err);
		assert_error(hear(f, fd), rows[i].says);
	}
	fakes.at_once = -EINVAL;
	add(fd, "alice");
	assert_error(hear(f, fd), "this password cannot be used: it is empty, too long or has "
				  "characters that are not allowed");
	(void)close(fd);
}

static void other_account_commands(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f);

	say(fd, "{\"cmd\":\"passwd\",\"args\":{\"jid\":\"bob\",\"password\":\"x y\"}}");
	turns(f, 3);
	assert_string_equal(fakes.call, "passwd");
	assert_string_equal(fakes.jid, "bob@example.org"); /* a name alone */
	complete(0);
	json_decref(hear(f, fd));
	say(fd, "{\"cmd\":\"account delete\",\"args\":{\"jid\":\"bob@example.net\"}}");
	turns(f, 3);
	assert_string_equal(fakes.call, "delete");
	assert_string_equal(fakes.jid, "bob@example.net");
	complete(-ENOENT);
	assert_error(hear(f, fd), "there is no account of this name");
	say(fd, "{\"cmd\":\"account disable\",\"args\":{\"jid\":\"bob\"}}");
	turns(f, 3);
	assert_string_equal(fakes.call, "disable");
	complete(0);
	json_decref(hear(f, fd));
	say(fd, "{\"cmd\":\"account enable\",\"args\":{\"jid\":\"bob\"}}");
	turns(f, 3);
	assert_string_equal(fakes.call, "enable");
	complete(0);
	json_decref(hear(f, fd));
	say(fd, "{\"cmd\":\"account add\",\"args\":{\"jid\":\"bob\",\"password\":\"x\"}}");
	turns(f, 3);
	complete(-EINPROGRESS);
	assert_error(hear(f, fd),
	    "the account of this name is being removed: not every component has acknowledged "
	    "that yet");
	(void)close(fd);
}

static void addresses_that_are_none(void **state)
{
	static const struct {
		const char *jid, *says;
	} rows[] = {
		{ "", "\"\" is not the address of an account" },
		{ "@example.org", "\"@example.org\" is not the address of an account" },
		{ "a b@example.org", "\"a b@example.org\" is not the address of an account" },
		{ "example.org/x", "\"example.org/x\" is not the address of an account" },
		{ "a@b@c", "\"a@b@c\" is not the address of an account" },
		{ "alice@example.org/phone",
		    "\"alice@example.org/phone\" has a resource: an account has none" },
		{ "alice@example.com", "example.com is not served here" },
		{ "alice@sub.example.org", "sub.example.org is not served here" },
	};
	struct ctl_fixture *f = *state;
	int fd = dial(f);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		add(fd, rows[i].jid);
		assert_error(hear(f, fd), rows[i].says);
	}
	assert_int_equal(fakes.n, 0);
	(void)close(fd);
}

static void accounts_in_pages(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f);
	json_t *a;

	fakes.n_accounts = 501;
	a = ask(f, fd, "{\"cmd\":\"account list\"}");
	assert_int_equal(n_rows(a), 500);
	assert_string_equal(row_text(a, 0, "jid"), "u000@example.org");
	assert_string_equal(json_string_value(json_object_get(a, "next")), "u499@example.org");
	json_decref(a);
	a = ask(f, fd,
	    "{\"cmd\":\"account list\",\"args\":{\"after\":\"U499@example.org\",\"limit\":9}}");
	assert_string_equal(fakes.after, "u499@example.org");
	assert_int_equal(n_rows(a), 1);
	assert_null(json_object_get(a, "next"));
	json_decref(a);
	a = ask(f, fd, "{\"cmd\":\"account list\",\"args\":{\"limit\":2}}");
	assert_int_equal(n_rows(a), 2);
	assert_string_equal(json_string_value(json_object_get(a, "next")), "u001@example.org");
	json_decref(a);
	fakes.list_err = -EBUSY;
	assert_error(
	    ask(f, fd, "{\"cmd\":\"account list\"}"), "the database is busy, try again later");
	assert_error(ask(f, fd, "{\"cmd\":\"account list\",\"args\":{\"after\":\"@\"}}"),
	    "\"@\" is not an address");
	(void)close(fd);
}

/* --- sessions --------------------------------------------------------------------------------- */

static void sessions_in_pages(void **state)
{
	struct ctl_fixture *f = *state;
	struct session *s[5];
	int fd = dial(f);
	char line[128], next[64];
	json_t *a;

	for (int i = 0; i < 5; i++) {
		char jid[64], id[8];

		(void)snprintf(jid, sizeof(jid), "alice@example.org/r%d", i);
		(void)snprintf(id, sizeof(id), "id%d", i);
		s[i] = fake_session(jid, id, 1700000000000 + i / 2); /* some share a moment */
	}
	a = ask(f, fd, "{\"cmd\":\"session list\",\"args\":{\"limit\":2}}");
	assert_int_equal(n_rows(a), 2);
	assert_string_equal(row_text(a, 1, "jid"), "alice@example.org/r1");
	assert_string_equal(row_text(a, 1, "since"), "2023-11-14T22:13:20Z");
	assert_string_equal(row_text(a, 1, "peer"), "192.0.2.1");
	(void)snprintf(next, sizeof(next), "%s", json_string_value(json_object_get(a, "next")));
	json_decref(a);

	(void)snprintf(
	    line, sizeof(line), "{\"cmd\":\"session list\",\"args\":{\"after\":\"%s\"}}", next);
	a = ask(f, fd, line);
	assert_int_equal(n_rows(a), 3);
	assert_string_equal(row_text(a, 0, "id"), "id2");
	assert_null(json_object_get(a, "next"));
	json_decref(a);

	fake_session_end(s[1]); /* the page's last one has gone meanwhile */
	a = ask(f, fd, line);
	assert_int_equal(n_rows(a), 3);
	assert_string_equal(row_text(a, 0, "id"), "id2");
	json_decref(a);
	for (int i = 2; i < 5; i++)
		fake_session_end(s[i]);
	a = ask(f, fd, line);
	assert_int_equal(n_rows(a), 0);
	json_decref(a);
	(void)close(fd);
}

static void cursors_that_are_none(void **state)
{
	static const char *const after[] = { "", "x", ".id", "12", "12/id",
		"99999999999999999999.id" };
	struct ctl_fixture *f = *state;
	int fd = dial(f);

	(void)fake_session("alice@example.org/r", "id", 1);
	for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
		char line[128];

		(void)snprintf(line, sizeof(line),
		    "{\"cmd\":\"session list\",\"args\":{\"after\":\"%s\"}}", after[i]);
		assert_error(
		    ask(f, fd, line), "session list: after must be the \"next\" of a page");
	}
	(void)close(fd);
}

static void kicking(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f);
	json_t *a;

	(void)fake_session("alice@example.org/a", "1", 1);
	(void)fake_session("alice@example.org/b", "2", 2);
	a = ask(f, fd, "{\"cmd\":\"session kick\",\"args\":{\"jid\":\"alice\",\"text\":\"\"}}");
	assert_int_equal(row_int(a, 0, "ended"), 2);
	json_decref(a);
	assert_string_equal(fakes.kicked, "alice@example.org/a alice@example.org/b ");
	assert_string_equal(fakes.kick_text, "ended by an administrator");

	fakes.kicked[0] = '\0';
	a = ask(f, fd,
	    "{\"cmd\":\"session kick\",\"args\":{\"jid\":\"alice@example.org/b\",\"text\":"
	    "\"maintenance\"}}");
	assert_int_equal(row_int(a, 0, "ended"), 1);
	json_decref(a);
	assert_string_equal(fakes.kicked, "alice@example.org/b ");
	assert_string_equal(fakes.kick_text, "maintenance");

	assert_error(ask(f, fd, "{\"cmd\":\"session kick\",\"args\":{\"jid\":\"bob\"}}"),
	    "there is no session of bob@example.org");
	assert_error(
	    ask(f, fd, "{\"cmd\":\"session kick\",\"args\":{\"jid\":\"alice@example.org/c\"}}"),
	    "there is no session of alice@example.org/c");
	(void)close(fd);
}

/* --- the rest --------------------------------------------------------------------------------- */

static void components(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f);
	json_t *a;

	fakes.components[0] = (struct component_state){ .domain = "echo.example.org",
		.title = "echo",
		.peer = "127.0.0.1",
		.phase = COMP_ONLINE,
		.links = 1,
		.acked = true,
		.unacknowledged = 8,
		.since_ms = 1700000000000,
		.in = 5,
		.out = 6,
		.queued = 7 };
	fakes.components[1] = (struct component_state){ .domain = "irc.example.org",
		.title = "irc",
		.phase = COMP_GRACE,
		.last_error = "cut in a character: \xc3" };
	a = ask(f, fd, "{\"cmd\":\"component list\"}");
	assert_int_equal(n_rows(a), 2);
	assert_string_equal(row_text(a, 0, "state"), "online");
	assert_null(row_text(a, 0, "last_error"));
	assert_int_equal(
	    row_int(a, 0, "in") * 100 + row_int(a, 0, "out") * 10 + row_int(a, 0, "queued"), 567);
	assert_int_equal(row_int(a, 0, "links") * 10 + row_int(a, 0, "unacknowledged"), 18);
	assert_true(json_is_true(
	    json_object_get(json_array_get(json_object_get(a, "rows"), 0), "acknowledged")));
	assert_string_equal(row_text(a, 1, "state"), "grace");
	assert_null(row_text(a, 1, "peer"));
	assert_string_equal(row_text(a, 1, "last_error"), "cut in a character: ?");
	json_decref(a);

	loop_clock_advance(f->loop, 5000);
	turns(f, 1);
	a = ask(f, fd, STATUS);
	assert_int_equal(row_int(a, 0, "components_online"), 1);
	assert_int_equal(row_int(a, 0, "components_configured"), 2);
	assert_int_equal(row_int(a, 0, "connections"), 7);
	assert_int_equal(row_int(a, 0, "uptime"), 5);
	json_decref(a);
	(void)close(fd);
}

static void state_of_the_router(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f);
	json_t *a, *row, *certs;

	fakes.db_fails = true;
	a = ask(f, fd, STATUS);
	row = json_array_get(json_object_get(a, "rows"), 0);
	assert_true(json_is_false(json_object_get(row, "database_healthy")));
	certs = json_object_get(row, "certificates");
	assert_int_equal(json_array_size(certs), 2);
	assert_int_equal(
	    json_integer_value(json_object_get(json_array_get(certs, 0), "days_left")), 61);
	assert_true(json_is_null(json_object_get(json_array_get(certs, 1), "days_left")));
	json_decref(a);
	(void)close(fd);
}

static void reloading(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f);
	json_t *a, *notes;

	fakes.reload_notes = "c2s_port needs a restart\ndomain needs a restart\n";
	a = ask(f, fd, "{\"cmd\":\"reload\"}");
	notes = json_object_get(json_array_get(json_object_get(a, "rows"), 0), "notes");
	assert_int_equal(json_array_size(notes), 2);
	assert_string_equal(json_string_value(json_array_get(notes, 1)), "domain needs a restart");
	json_decref(a);
	fakes.reload_err = -EINVAL;
	fakes.reload_notes = "LOG_LEVEL: what?\n";
	assert_error(ask(f, fd, "{\"cmd\":\"reload\"}"),
	    "settings not reloaded, the old ones stay:\nLOG_LEVEL: what?\n");
	(void)close(fd);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, ctl_setup, ctl_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_waits_for_the_commit),
		TEST(what_the_database_says),
		TEST(other_account_commands),
		TEST(addresses_that_are_none),
		TEST(accounts_in_pages),
		TEST(sessions_in_pages),
		TEST(cursors_that_are_none),
		TEST(kicking),
		TEST(components),
		TEST(state_of_the_router),
		TEST(reloading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
