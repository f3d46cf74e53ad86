/* SPDX-License-Identifier: MIT */
/* What is wrong with settings, and that it is said without showing a secret. */
#include "conf_fixture.h"

#include <fcntl.h>
#include <sys/wait.h>

static void test_bad_values(void **state)
{
	static const struct {
		const char *env, *says;
	} bad[] = {
		{ "C2S_PORT=65536",
		    "c2s.port: C2S_PORT: \"65536\" is not a number from 0 to 65535" },
		{ "C2S_PORT=-1", "\"-1\" is not a number" },
		{ "C2S_PORT= 1", "\" 1\" is not a number" },
		{ "C2S_PORT=+1", "\"+1\" is not a number" },
		{ "C2S_PORT=0x10", "\"0x10\" is not a number" },
		{ "C2S_PORT=1k", "\"1k\" is not a number" },
		{ "C2S_PORT=99999999999999999999", "is not a number" },
		{ "LIMIT_SIZE=1023", "\"1023\" is not a size in bytes (64k, 2M, 1G) from 1024 to" },
		{ "LIMIT_SIZE=2G", "is not a size" },
		{ "LIMIT_SIZE=64kk", "is not a size" },
		{ "LIMIT_SIZE=5d", "is not a size" },
		{ "LIMIT_FREE=9223372036854775807G",
		    "is not a size in bytes (64k, 2M, 1G), 0 or more" },
		{ "LIMIT_TIME=-5", "\"-5\" is not a time in seconds (90, 10m, 7d), 0 or more" },
		{ "LIMIT_TIME=m", "is not a time" },
		{ "C2S_TLS=maybe", "c2s.tls: C2S_TLS: \"maybe\" is not true or false" },
		{ "E2E_POLICY=opt",
		    "e2e: E2E_POLICY: \"opt\" is not one of none, optional, required" },
		{ "LOG_LEVEL=a\nb", "log_level: LOG_LEVEL: \"a?b\" is not one of debug, info" },
		{ "DOMAIN=A B", "domain: DOMAIN: \"A B\" is not a domain name" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_null(load(NULL, ENV(bad[i].env, "DOMAIN=a")));
		assert_says(bad[i].says);
		assert_ptr_equal(strchr(errs, '\n'), errs + errs_len - 1); /* one line */
	}
	char *text = xasprintf("DOMAIN=%0500d", 1);
	assert_null(load(NULL, ENV(text)));
	assert_true(errs_len < 300);
	free(text);
}

/* It has the name that a section's key has inside, and is a list. */
static void test_dotted_key_outside_of_its_section(void **state)
{
	(void)state;
	assert_null(load("c2s.port = {} }\n", ENV("DOMAIN=a")));
	assert_says("c2s.port: ");
	assert_says("/main:1: there is no such setting\n");
}

static void test_all_errors_at_once(void **state)
{
	(void)state;
	put_file("conf.d/9.conf", "c2s { port = x }\n\nlog_levl = info\n");
	put_file("conf.d/10.conf", "name = \"never closed\n");
	assert_null(load("# first\n"
			 "log_level = loud\n"
			 "/* second\n   third */\n"
			 "doman = a\n"
			 "c2s {\n\tprot = 1\n\ttls = no\n}\n"
			 "doman = b\n"
			 "extra { a = b }\n",
	    ENV("LIMIT_SIZE=1", "DB_PASSWORD_FILE=/nonexistent/z")));
	assert_says("/main:2: \"loud\" is not one of debug, info, warn, error\n");
	assert_says("doman: ");
	assert_says("/main:5: there is no such setting\n");
	assert_says("c2s.prot: ");
	assert_says("/main:7: there is no such setting\n");
	assert_says("extra: ");
	assert_says("/main:11: there is no such setting\n");
	assert_says("/conf.d/9.conf:1: \"x\" is not a number from 0 to 65535\n");
	assert_says("log_levl: ");
	assert_says("/conf.d/9.conf:3: there is no such setting\n");
	assert_says("/conf.d/10.conf:1: this string is not closed\n");
	assert_says("limit.size: LIMIT_SIZE: \"1\" is not");
	assert_says("db.password: DB_PASSWORD_FILE: /nonexistent/z cannot be read");
	size_t lines = 0;
	for (const char *p = errs; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 9);
}

static void test_required(void **state)
{
	(void)state;
	assert_null(load(NULL, ENV("ROUTER_NAME=x")));
	assert_string_equal(errs, "domain: it is required: text, as DOMAIN or DOMAIN_FILE in the "
				  "environment or in a file\n");
	assert_null(load("domain = ''", ENV("DOMAIN=")));
	assert_says("/main:1: it is required: text");
	assert_null(load("domain = a\ncomponent x { domain = y }", NULL));
	assert_string_equal(errs, "component.x.secret: it is required: text\n");
}

static void test_syntax(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "name = *.example", ":1: put the value into quotes" },
		{ "\nname = /var/lib/\n", ":2: put the value into quotes" },
		{ "name = https://x.example/", ":1: put the value into quotes" },
		{ "name = ab#cd", ":1: put the value into quotes" },
		{ "name = a+b", ":1: put the value into quotes" },
		{ "name = \"${HOME}\"", ":1: ${...} is not expanded" },
		{ "name = ${HOME}", ":1: ${...} is not expanded" },
		{ "name = \"a\\q\"", ":1: after a backslash" },
		{ "name = 'x\ny", ":1: this string is not closed" },
		{ "\n/* x\n", ":2: this comment is not closed" },
		{ "admins += {a}", ":1: a list is written whole" },
		{ "name a", "missing equal sign" },
		{ "name = {a, b}", "unexpected token" },
		{ "name = ", "syntax: " },
		{ "name = x\nc2s { port = 1", ":2: this { is not closed" },
		{ "}", "unexpected closing brace" },
		{ "c2s = 5", "missing opening brace for section 'c2s'" },
		{ "component { secret = x }", "missing title" },
		{ "component muc { secret = x }\ncomponent muc { secret = y }", "duplicate title" },
		{ "\"\" = x", "this line is not understood" },
		{ "component|muc = x", "syntax: " },
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (load(bad[i].text, ENV("DOMAIN=a")))
			fail_msg("taken: %s", bad[i].text);
		assert_says(bad[i].says);
		assert_says("/main");
		/* The lexer's state must not reach the next file. */
		struct conf *c =
		    load_good("domain = a # comment\nname = '${x}/*' // another", NULL);
		assert_string_equal(((struct settings *)conf_data(c))->name, "${x}/*");
		conf_free(c);
	}
}

static void test_unreadable(void **state)
{
	(void)state;
	struct conf *c = NULL;
	free(errs);
	FILE *f = open_memstream(&errs, &errs_len);
	assert_non_null(f);
	/* A folder where a file should be, a file where a folder should be. */
	put_file("main", "x");
	assert_int_equal(conf_load(&c, &def, folder, path_of("main"), NULL, f), -22);
	assert_int_equal(fclose(f), 0);
	assert_says("it cannot be read: Is a directory");
	assert_says("it cannot be read: Not a directory");
	assert_null(strstr(errs, "required")); /* nobody knows what the file would have said */
}

/* Settings through a pipe (-c <(...)): what comes late is waited for, but not for ever. */
static void test_pipes(void **state)
{
	char name[32];
	int text[2];

	(void)state;
	assert_int_equal(pipe(text), 0);
	(void)snprintf(name, sizeof name, "/dev/fd/%d", text[0]);
	assert_int_equal(symlink(name, path_of("main")), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)usleep(200000);
		bool told = write(text[1], "domain = ", 9) == 9;
		(void)usleep(200000);
		_exit(told && write(text[1], "late\n", 5) == 5 ? 0 : 1);
	}
	assert_int_equal(close(text[1]), 0);
	struct conf *c = load_good(NULL, ENV("LIMIT_SIZE=1024"));
	assert_shows(c, "domain = \"late\"");
	conf_free(c);
	(void)close(text[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);

	assert_int_equal(unlink(path_of("main")), 0);
	assert_int_equal(mkfifo(path_of("main"), 0600), 0);
	int silent = open(path_of("main"), O_RDWR);
	assert_true(silent >= 0);
	assert_null(load(NULL, ENV("DOMAIN=a")));
	assert_says("it cannot be read: its writer says nothing");
	(void)close(silent);
}

static void test_section_faults(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "component 'a b' { secret = x }", "component a b: " },
		{ "component '' { secret = x }", "a title has 1 to 63 characters" },
		{ "component a-b { secret = x }\ncomponent a_b { secret = x }",
		    "another section has the same variable" },
		{ "component my-file { secret = x }", "a title must not end in \"file\"" },
		{ "component muc { secret = x\n bogus = 1 }", "component.bogus: " },
		{ "component muc { secret = x\n limit = many }",
		    "/main:2: \"many\" is not a number, 0 or more" },
		{ "component muc { secret = x\n domain = {ok, 'N O'} }", "component.muc.domain: " },
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_null(load(bad[i].text, ENV("DOMAIN=a")));
		assert_says(bad[i].says);
	}
	assert_says("\"N O\" is not a domain name");

	char *many = xstrdup("");
	for (int i = 0; i < 300; i++) {
		char *next = xasprintf("%scomponent c%d { secret = x }\n", many, i);
		free(many);
		many = next;
	}
	assert_null(load(many, ENV("DOMAIN=a")));
	assert_says("there are too many sections of this kind");
	free(many);
}

/* --- secrets ---------------------------------------------------------------------------------- */

static char logged[4096];

static void on_log(const char *line, void *arg)
{
	size_t *n = arg;
	(*n)++;
	(void)snprintf(logged + strlen(logged), sizeof logged - strlen(logged), "%s\n", line);
}

static void test_secrets_are_not_shown(void **state)
{
	size_t lines = 0;
	(void)state;
	log_capture(on_log, &lines);
	logged[0] = '\0';
	struct conf *c =
	    load_good("domain = a\n", ENV("DB_PASSWORD=" SECRET, "COMPONENT_SECRET_MUC=" SECRET,
					  "COMPONENT_SECRET_MUCC=" SECRET));
	assert_int_equal(lines, 2); /* one about plain secrets, one about MUCC */
	assert_non_null(strstr(logged, "DB_PASSWORD, COMPONENT_SECRET_MUC"));
	assert_non_null(strstr(logged, "not used: COMPONENT_SECRET_MUCC"));
	assert_null(strstr(logged, SECRET));
	char *text = shown(c);
	assert_null(strstr(text, SECRET));
	free(text);
	conf_free(c);

	static const char *const bad[] = {
		"db { password = one " SECRET " }",
		"db { password = 'one' '" SECRET "' }",
		"db { password = {" SECRET "} }",
		"db { password = a#" SECRET " }",
		"db { password = \"" SECRET,
		"component muc { secret = x " SECRET " = }",
		"db { password = " SECRET "\npassword_file = /dev/null }",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_null(load(bad[i], ENV("DOMAIN=a")));
		assert_null(strstr(errs, SECRET));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_bad_values),
		CASE(test_dotted_key_outside_of_its_section),
		CASE(test_all_errors_at_once),
		CASE(test_required),
		CASE(test_syntax),
		CASE(test_unreadable),
		CASE(test_pipes),
		CASE(test_section_faults),
		CASE(test_secrets_are_not_shown),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	free(errs);
	return rc;
}
