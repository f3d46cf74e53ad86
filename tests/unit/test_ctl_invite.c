/* SPDX-License-Identifier: MIT */
/* The control socket's commands about invitations, on a router of fakes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl_fixture.h"

#define TOKEN "0123456789abcdefghijklmnopqrstuv"
#define CREATE(args) "{\"cmd\":\"invite create\",\"args\":{" args "}}"

/* Asks, lets the database commit, and gives the answer. */
static json_t *made(struct ctl_fixture *f, int fd, const char *line)
{
	say(fd, line);
	turns(f, 3);
	complete(0);
	return hear(f, fd);
}

static const json_t *row(const json_t *answer)
{
	return json_array_get(json_object_get(answer, "rows"), 0);
}

static void an_invitation_as_it_is_by_default(void **state)
{
	struct ctl_fixture *f = *state;
	int64_t now = loop_wall_ms(f->loop);
	int fd = dial(f);
	json_t *a;

	f->conf.allow_registration = true;
	a = made(f, fd, CREATE());
	assert_string_equal(row_text(a, 0, "uri"), "xmpp:example.org?register;preauth=" TOKEN);
	assert_string_equal(row_text(a, 0, "id"), "abcdefghij");
	assert_null(row_text(a, 0, "account"));
	assert_true(json_is_true(json_object_get(row(a), "usable")));
	json_decref(a);
	assert_int_equal(fakes.uses, 1);
	assert_in_range(fakes.expires_ms - now, 7 * 86400000LL, 7 * 86400000LL + 5000);
	assert_non_null(strstr(sbuf_str(&f->log), "invite create: abcdefghij"));
	assert_null(strstr(sbuf_str(&f->log), TOKEN));
	(void)close(fd);
}

static void for_a_name_for_an_hour_for_three(void **state)
{
	struct ctl_fixture *f = *state;
	int64_t now = loop_wall_ms(f->loop);
	int fd = dial(f);
	json_t *a = made(f, fd, CREATE("\"jid\":\"J\\u00fclia#1\",\"uses\":3,\"expires\":3600"));

	assert_string_equal(
	    row_text(a, 0, "uri"), "xmpp:j%C3%BClia%231@example.org?register;preauth=" TOKEN);
	assert_string_equal(row_text(a, 0, "account"), "j\xc3\xbclia#1@example.org");
	assert_false(json_is_true(json_object_get(row(a), "usable"))); /* nobody may register */
	json_decref(a);
	assert_int_equal(fakes.uses, 3);
	assert_in_range(fakes.expires_ms - now, 3600000, 3605000);
	a = made(f, fd, CREATE("\"domain\":\"EXAMPLE.net\""));
	assert_string_equal(row_text(a, 0, "domain"), "example.net");
	json_decref(a);
	(void)close(fd);
}

static void what_is_refused(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{ CREATE("\"jid\":\"taken\""), "there is an account of this name already" },
		{ CREATE("\"jid\":\"a b\""), "\"a b\" is not the address of an account" },
		{ CREATE("\"jid\":\"a@example.com\""), "example.com is not served here" },
		{ CREATE("\"jid\":\"a@example.org/x\""),
		    "\"a@example.org/x\" has a resource: an account has none" },
		{ CREATE("\"jid\":\"a\",\"domain\":\"example.net\""),
		    "a@example.org is not at example.net" },
		{ CREATE("\"domain\":\"example.com\""), "example.com is not served here" },
		{ CREATE("\"domain\":\"a@example.org\""), "a@example.org is not served here" },
		{ CREATE("\"uses\":0"), "invite create: uses must be a positive number" },
		{ CREATE("\"uses\":1000001"), "1000001 is too much, at most 1000000" },
		{ CREATE("\"expires\":-1"), "invite create: expires must be a positive number" },
		{ CREATE("\"expires\":9223372036854775807"),
		    "9223372036854775807 is too much, at most 315360000" },
		{ CREATE("\"limit\":5"), "invite create takes no argument \"limit\"" },
		{ "{\"cmd\":\"invite revoke\"}", "invite revoke needs the argument \"id\"" },
	};
	struct ctl_fixture *f = *state;
	int fd = dial(f);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_error(ask(f, fd, rows[i].line), rows[i].says);
	assert_string_equal(fakes.call, "");
	say(fd, CREATE());
	turns(f, 3);
	complete(-ENOSPC);
	assert_error(hear(f, fd), "the database failed: No space left on device");
	(void)close(fd);
}

static void lists_in_pages(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f);
	json_t *a;

	fakes.n_accounts = 3;
	a = ask(f, fd, "{\"cmd\":\"invite list\",\"args\":{\"limit\":2}}");
	assert_string_equal(row_text(a, 0, "id"), "i000");
	assert_string_equal(row_text(a, 1, "account"), "u@example.org");
	assert_null(row_text(a, 0, "uri")); /* the token is not known any more */
	assert_string_equal(json_string_value(json_object_get(a, "next")), "i001");
	json_decref(a);
	a = ask(f, fd, "{\"cmd\":\"invite list\",\"args\":{\"after\":\"i001\"}}");
	assert_string_equal(row_text(a, 0, "id"), "i002");
	assert_null(json_object_get(a, "next"));
	json_decref(a);
	fakes.list_err = -EBUSY;
	assert_error(
	    ask(f, fd, "{\"cmd\":\"invite list\"}"), "the database is busy, try again later");
	(void)close(fd);
}

static void taking_one_back(void **state)
{
	struct ctl_fixture *f = *state;
	int fd = dial(f);
	json_t *a = made(f, fd, "{\"cmd\":\"invite revoke\",\"args\":{\"id\":\"i001\"}}");

	assert_string_equal(fakes.call, "revoke");
	assert_string_equal(fakes.jid, "i001");
	assert_string_equal(row_text(a, 0, "id"), "i001");
	json_decref(a);
	say(fd, "{\"cmd\":\"invite revoke\",\"args\":{\"id\":\"i001\"}}");
	turns(f, 3);
	complete(-ENOENT);
	assert_error(hear(f, fd), "there is no invitation of this id");
	(void)close(fd);
}

#define T(f) cmocka_unit_test_setup_teardown(f, ctl_setup, ctl_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_invitation_as_it_is_by_default),
		T(for_a_name_for_an_hour_for_three),
		T(what_is_refused),
		T(lists_in_pages),
		T(taking_one_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
