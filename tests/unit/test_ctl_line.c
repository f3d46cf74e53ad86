/* SPDX-License-Identifier: MIT */
/* Requests on the control socket, read with a table of our own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <base/lim.h>
#include <base/mem.h>
#include <base/sbuf.h>

#include "core/ctl_cmd.h"

#define ARG(a) (1u << CTL_##a)

static const struct ctl_cmd cmds[] = {
	{ "go", 0, 0, NULL },
	{ "add", ARG(JID) | ARG(PASSWORD), ARG(TEXT), NULL },
	{ "list", 0, ARG(AFTER) | ARG(LIMIT), NULL },
	{ "count", ARG(LIMIT), 0, NULL },
	{ 0 },
};

static char err[256];

static int parse(struct ctl_call *out, const char *line, size_t n)
{
	char *copy = xmemdup(line, n ? n : 1); /* so that reading on is seen */
	int r;

	memset(err, 0, sizeof(err));
	r = ctl_call_parse(out, cmds, copy, n, err, sizeof(err));
	free(copy);
	return r;
}

static void good_lines(void **state)
{
	static const char add[] =
	    " {\"args\": {\"password\":\"p\\u00e4ss\", \"jid\":\"a@b\"}, \"cmd\": \"add\"}\r";
	static const char list[] =
	    "{\"cmd\":\"list\",\"args\":{\"limit\":9223372036854775807,\"after\":\"\"}}";
	struct ctl_call c = { 0 };

	(void)state;
	assert_int_equal(parse(&c, add, strlen(add)), 0);
	assert_ptr_equal(c.cmd, &cmds[1]);
	assert_string_equal(c.text[CTL_JID], "a@b");
	assert_string_equal(c.text[CTL_PASSWORD], "p\xc3\xa4ss");
	assert_null(c.text[CTL_TEXT]);
	assert_int_equal(c.number[CTL_LIMIT], 0);
	ctl_call_done(&c);
	assert_null(c.text[CTL_JID]);

	assert_int_equal(parse(&c, list, strlen(list)), 0);
	assert_ptr_equal(c.cmd, &cmds[2]);
	assert_string_equal(c.text[CTL_AFTER], "");
	assert_true(c.number[CTL_LIMIT] == INT64_MAX);
	ctl_call_done(&c);

	assert_int_equal(parse(&c, "{\"cmd\":\"go\"}", 12), 0);
	assert_ptr_equal(c.cmd, &cmds[0]);
	ctl_call_done(&c);
	ctl_call_done(&c);
}

static const struct {
	const char *line, *says;
} bad[] = {
	{ "", "not JSON" },
	{ " ", "not JSON" },
	{ "{", "not JSON" },
	{ "{\"cmd\":\"go\"} x", "not JSON" },
	{ "{\"cmd\":\"go\"}{\"cmd\":\"go\"}", "not JSON" },
	{ "{\"cmd\":\"go\",\"cmd\":\"add\"}", "not JSON" },
	{ "{\"cmd\":\"g\xffo\"}", "not JSON" },
	{ "{\"cmd\":\"g\\u0000o\"}", "not JSON" },
	{ "{\"cmd\":\"go\",\"args\":{\"a\\u0000b\":1}}", "not JSON" },
	{ "{'cmd':'go'}", "not JSON" },
	{ "\"go\"", "not JSON" }, /* without JSON_DECODE_ANY */
	{ "[]", "a request is a JSON object" },
	{ "[\"go\"]", "a request is a JSON object" },
	{ "{}", "must name a command" },
	{ "{\"cmd\":1}", "must name a command" },
	{ "{\"cmd\":null}", "must name a command" },
	{ "{\"cmd\":{\"cmd\":\"go\"}}", "must name a command" },
	{ "{\"cmd\":\"\"}", "there is no command \"\"" },
	{ "{\"cmd\":\"stop\"}", "there is no command \"stop\"" },
	{ "{\"cmd\":\"GO\"}", "there is no command \"GO\"" },
	{ "{\"cmd\":\"go\",\"id\":1}", "a request has no \"id\"" },
	{ "{\"cmd\":\"go\",\"args\":[]}", "\"args\" must be an object" },
	{ "{\"cmd\":\"go\",\"args\":null}", "\"args\" must be an object" },
	{ "{\"cmd\":\"go\",\"args\":{\"jid\":\"a@b\"}}", "go takes no argument \"jid\"" },
	{ "{\"cmd\":\"go\",\"args\":{\"what\":\"a@b\"}}", "go takes no argument \"what\"" },
	{ "{\"cmd\":\"add\"}", "add needs the argument \"jid\"" },
	{ "{\"cmd\":\"add\",\"args\":{\"jid\":\"a\"}}", "add needs the argument \"password\"" },
	{ "{\"cmd\":\"add\",\"args\":{\"jid\":1,\"password\":\"x\"}}", "add: jid must be text" },
	{ "{\"cmd\":\"add\",\"args\":{\"jid\":null,\"password\":\"x\"}}", "jid must be text" },
	{ "{\"cmd\":\"add\",\"args\":{\"jid\":{},\"password\":\"x\"}}", "jid must be text" },
	{ "{\"cmd\":\"add\",\"args\":{\"jid\":\"a\",\"password\":[]}}", "password must be text" },
	{ "{\"cmd\":\"list\",\"args\":{\"limit\":\"5\"}}", "limit must be a positive number" },
	{ "{\"cmd\":\"list\",\"args\":{\"limit\":0}}", "limit must be a positive number" },
	{ "{\"cmd\":\"list\",\"args\":{\"limit\":-1}}", "limit must be a positive number" },
	{ "{\"cmd\":\"list\",\"args\":{\"limit\":1.5}}", "limit must be a positive number" },
	{ "{\"cmd\":\"list\",\"args\":{\"limit\":9223372036854775808}}", "not JSON" },
	{ "{\"cmd\":\"count\"}", "count needs the argument \"limit\"" },
};

static void bad_lines(void **state)
{
	struct ctl_call c = { .number[CTL_LIMIT] = 77 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int r = parse(&c, bad[i].line, strlen(bad[i].line));

		if (r != -EINVAL || !strstr(err, bad[i].says))
			fail_msg("%s: %d, %s", bad[i].line, r, err);
		assert_null(c.cmd);
		assert_int_equal(c.number[CTL_LIMIT], 77); /* untouched */
	}
}

static void a_nul_byte(void **state)
{
	static const char line[] = "{\"cmd\":\"go\"\0}";
	struct ctl_call c;

	(void)state;
	assert_int_equal(parse(&c, line, sizeof(line) - 1), -EINVAL);
}

/* Whatever is wrong with a line, the password in it is not repeated: errors are shown and logged.
 */
static void errors_do_not_quote(void **state)
{
	static const char *const lines[] = {
		"{\"cmd\":\"add\",\"args\":{\"password\":\"tops3cret",
		"{\"cmd\":\"add\",\"args\":{\"password\":\"tops3cret\"}}",
		"{\"cmd\":\"add\",\"args\":{\"password\":\"tops3cret\"}} trailing",
		"{\"cmd\":\"add\",\"args\":{\"jid\":\"tops3cret\",\"jid\":\"\"}}",
		"{\"cmd\":\"go\",\"args\":{\"password\":\"tops3cret\"}}",
		"{\"cmd\":\"add\",\"args\":{\"password\":tops3cret}}",
		"{\"cmd\":\"add\",\"args\":{\"password\":[\"tops3cret\"],\"jid\":\"a\"}}",
	};
	struct ctl_call c;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(parse(&c, lines[i], strlen(lines[i])), -EINVAL);
		assert_null(strstr(err, "tops3cret"));
	}
}

static void deep_and_long(void **state)
{
	struct sbuf b = SBUF_INIT;
	struct ctl_call c;

	(void)state;
	for (int i = 0; i < LIM_CTL_LINE / 2; i++)
		sbuf_putc(&b, '[');
	for (int i = 0; i < LIM_CTL_LINE / 2; i++)
		sbuf_putc(&b, ']');
	assert_int_equal(parse(&c, sbuf_data(&b), sbuf_len(&b)), -EINVAL);
	sbuf_clear(&b);
	sbuf_puts(&b, "{\"cmd\":\"");
	for (int i = 0; i < LIM_CTL_LINE - 64; i++)
		sbuf_putc(&b, 'x');
	sbuf_puts(&b, "\"}");
	assert_int_equal(parse(&c, sbuf_data(&b), sbuf_len(&b)), -EINVAL);
	assert_true(strlen(err) < 128);
	sbuf_done(&b);
}

static void text_is_always_json(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = { { "plain", "plain" }, { "", "" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" }, { "cut \xc3", "cut ?" },
		{ "\xed\xa0\x80", "???" }, { "a\x01z", "a\x01z" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *t = ctl_text(rows[i].in);

		assert_string_equal(json_string_value(t), rows[i].out);
		json_decref(t);
	}
	assert_true(json_is_null(ctl_text(NULL)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lines),
		cmocka_unit_test(bad_lines),
		cmocka_unit_test(a_nul_byte),
		cmocka_unit_test(errors_do_not_quote),
		cmocka_unit_test(deep_and_long),
		cmocka_unit_test(text_is_always_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
