/* SPDX-License-Identifier: MIT */
/* Where values come from and who wins; sections; reload; the references. */
#include "conf_fixture.h"

static void test_defaults(void **state)
{
	(void)state;
	struct conf *c = load_good(NULL, ENV("DOMAIN=a.example"));
	struct settings *s = conf_data(c);
	assert_string_equal(s->domain, "a.example");
	assert_true(s->tls);
	assert_int_equal(s->port, 5222);
	assert_int_equal(s->size, 65536);
	assert_int_equal(s->time, 600);
	assert_int_equal(s->free_size, 0);
	assert_int_equal(s->policy, 2);
	assert_int_equal(s->admins.n, 0);
	assert_string_equal(s->password, "");
	assert_string_equal(s->name, "a b");
	assert_int_equal(s->daemon.log_level, 1);
	assert_string_equal(s->daemon.data_dir, "/var/lib/switchyard");
	assert_non_null(s->parts);
	assert_null(s->parts[0]);
	assert_shows(c, "c2s.port = 5222  # default\n");
	assert_shows(c, "domain = \"a.example\"  # DOMAIN\n");
	assert_shows(c, "db.password = (not set)  # default\n");
	assert_shows(c, "e2e = required  # default\n");
	conf_free(c);
	conf_free(NULL);
}

static void test_precedence(void **state)
{
	(void)state;
	put_file("conf.d/9.conf", "name = nine # by bytes, 9 comes after 10\n");
	put_file("conf.d/10.conf", "name = ten\nlog_level = debug\n");
	put_file("conf.d/x.txt", "not = read");
	put_file("conf.d/.h.conf", "not = read");
	const char *text = "domain = a.example\nname = main\nlog_level = warn\n"
			   "c2s {\n\tport = 1\n}\n";
	struct conf *c = load_good(text, NULL);
	struct settings *s = conf_data(c);
	assert_string_equal(s->name, "nine");
	assert_int_equal(s->daemon.log_level, 0);
	assert_int_equal(s->port, 1);
	char *line = xasprintf("name = \"nine\"  # %s/conf.d/9.conf:1\n", folder);
	assert_shows(c, line);
	free(line);
	line = xasprintf("c2s.port = 1  # %s/main:5\n", folder);
	assert_shows(c, line);
	free(line);
	conf_free(c);

	c = load_good(text, ENV("NAME=env", "C2S_PORT=2", "UNKNOWN_VARIABLE=x", "LOG_LEVEL=error"));
	s = conf_data(c);
	assert_string_equal(s->name, "env");
	assert_int_equal(s->port, 2);
	assert_int_equal(s->daemon.log_level, 3);
	conf_free(c);

	/* The program's own variable wins, also over a _FILE one. */
	put_file("word", "file\n");
	char *file = xasprintf("NAME_FILE=%s/word", folder);
	c = load_good(text,
	    ENV("ROUTER_NAME=own", file, "MUC_C2S_PORT=3", "ROUTER_C2S_PORT=4", "C2S_PORT=5"));
	free(file);
	s = conf_data(c);
	assert_string_equal(s->name, "own");
	assert_int_equal(s->port, 4);
	conf_free(c);
}

static void test_name_file(void **state)
{
	(void)state;
	put_file("word", SECRET "\n\n"); /* one newline is dropped, the other is the secret's */
	put_file("word2", "a@b.example,\n c@d.example\n");
	char *a = xasprintf("DB_PASSWORD_FILE=%s/word", folder);
	char *b = xasprintf("PROSODY_ADMINS_FILE=%s/word2", folder);
	struct conf *c = load_good("domain = a\n", ENV(a, b));
	struct settings *s = conf_data(c);
	assert_string_equal(s->password, SECRET "\n");
	assert_int_equal(s->admins.n, 2);
	assert_string_equal(s->admins.v[1], "c@d.example");
	char *line = xasprintf("db.password = (set)  # DB_PASSWORD_FILE (%s/word)\n", folder);
	assert_shows(c, line);
	free(line);
	conf_free(c);

	assert_null(load(NULL, ENV(a, "DB_PASSWORD=" SECRET, "DOMAIN_FILE=/nonexistent/x")));
	assert_says("db.password: DB_PASSWORD: DB_PASSWORD and DB_PASSWORD_FILE are both set");
	assert_says("domain: DOMAIN_FILE: /nonexistent/x cannot be read: No such file");
	assert_null(strstr(errs, SECRET));
	free(a);
	free(b);
}

static void test_secret_file_key(void **state)
{
	(void)state;
	put_file("word", SECRET "\n");
	char *text = xasprintf("domain = a\ndb { password_file = '%s/word' }\n", folder);
	struct conf *c = load_good(text, NULL);
	struct settings *s = conf_data(c);
	assert_string_equal(s->password, SECRET);
	conf_free(c);

	char *both = xasprintf("%sdb { password = " SECRET " }\n", text);
	assert_null(load(both, NULL));
	assert_says("password and db.password_file are both set");
	assert_null(strstr(errs, SECRET));

	/* Another file may replace one by the other. */
	put_file("conf.d/9.conf", "db { password = other }\n");
	c = load_good(text, NULL);
	assert_string_equal(((struct settings *)conf_data(c))->password, "other");
	conf_free(c);

	assert_null(load("domain = a\ndb { password_file = /nonexistent/y }", NULL));
	assert_says("db.password_file: ");
	assert_says("/nonexistent/y cannot be read");
	free(both);
	free(text);
}

static void test_aliases(void **state)
{
	(void)state;
	struct conf *c = load_good(
	    "domain = a\n", ENV("PROSODY_ADMINS=a@x, b@x", "ADMINS=a@x, b@x", "E2E_POLICY=None"));
	struct settings *s = conf_data(c);
	assert_int_equal(s->admins.n, 2);
	assert_int_equal(s->policy, 0);
	assert_shows(c, "admins = {\"a@x\", \"b@x\"}  # ADMINS\n");
	conf_free(c);

	assert_null(load("domain = a\n", ENV("PROSODY_ADMINS=a@x", "ADMINS=b@x")));
	assert_says("admins: PROSODY_ADMINS: ADMINS has another value");

	/* E2E is what its key would give, but its row names another variable. */
	c = load_good("domain = a\n", ENV("E2E=nonsense", "ROUTER_PROSODY_ADMINS=c", "ADMINS=d"));
	assert_string_equal(((struct settings *)conf_data(c))->admins.v[0], "c");
	conf_free(c);
}

static void test_lists(void **state)
{
	static const struct {
		const char *env, *text;
		size_t n;
		const char *last;
	} cases[] = {
		{ "ADMINS=a", NULL, 1, "a" }, { "ADMINS= a ,,b\t, ", NULL, 2, "b" },
		{ "ADMINS=,", NULL, 0, NULL }, { NULL, "admins = { a, 'b c' }", 2, "b c" },
		{ NULL, "admins = {\n\ta, # first\n\t\"b\"\n}", 2, "b" },
		{ NULL, "admins = a", 1, "a" }, { NULL, "admins = {}", 0, NULL },
		{ NULL, "admins = {a, b}\nadmins = {c}", 1, "c" },
		{ NULL, "admins = {a, b}\nadmins = {}", 0, NULL },
		{ "ADMINS=x", "admins = {a, b}", 1, "x" },
		{ "ADMINS=", "admins = {a, b}", 2, "b" }, /* an empty variable is not set */
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct conf *c = load_good(cases[i].text ? cases[i].text : "",
		    ENV("DOMAIN=a", cases[i].env ? cases[i].env : "X=y"));
		struct settings *s = conf_data(c);
		assert_int_equal(s->admins.n, cases[i].n);
		if (cases[i].n > 0)
			assert_string_equal(s->admins.v[cases[i].n - 1], cases[i].last);
		conf_free(c);
	}
}

static void test_values(void **state)
{
	static const struct {
		const char *env;
		int64_t port, size, time;
		bool tls;
	} good[] = {
		{ "C2S_PORT=0", 0, 65536, 600, true },
		{ "C2S_PORT=65535", 65535, 65536, 600, true },
		{ "LIMIT_SIZE=1k", 5222, 1024, 600, true },
		{ "LIMIT_SIZE=2M", 5222, 2 << 20, 600, true },
		{ "LIMIT_SIZE=1G", 5222, 1 << 30, 600, true },
		{ "LIMIT_TIME=90", 5222, 65536, 90, true },
		{ "LIMIT_TIME=7d", 5222, 65536, 604800, true },
		{ "LIMIT_TIME=2H", 5222, 65536, 7200, true },
		{ "LIMIT_TIME=0", 5222, 65536, 0, true },
		{ "C2S_TLS=false", 5222, 65536, 600, false },
		{ "C2S_TLS=Off", 5222, 65536, 600, false },
		{ "C2S_TLS=1", 5222, 65536, 600, true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct conf *c = load_good(NULL, ENV("DOMAIN=a", good[i].env));
		struct settings *s = conf_data(c);
		assert_int_equal(s->port, good[i].port);
		assert_int_equal(s->size, good[i].size);
		assert_int_equal(s->time, good[i].time);
		assert_int_equal(s->tls, good[i].tls);
		conf_free(c);
	}
}

static void test_sections(void **state)
{
	(void)state;
	put_file("word", "from-file\n");
	char *file = xasprintf("COMPONENT_SECRET_FILE_SHARE_FILE=%s/word", folder);
	put_file("conf.d/9.conf", "component push { limit = 9 }\n");
	struct conf *c = load_good("domain = a\n"
				   "component push {\n\tsecret = " SECRET "\n"
				   "\tdomain = {push.a, p.a}\n}\n"
				   "component my-bot { }\n",
	    ENV("COMPONENT_SECRET_MY_BOT=bot", file, "COMPONENT_SECRET_FILE=/nonexistent",
		"DOMAIN_MY_BOT=x.a, y.a", "DOMAIN_NOBODY=z.a"));
	struct settings *s = conf_data(c);
	assert_string_equal(s->parts[0]->title, "push");
	assert_string_equal(s->parts[0]->secret, SECRET);
	assert_int_equal(s->parts[0]->domain.n, 2);
	assert_int_equal(s->parts[0]->limit, 9);
	assert_string_equal(s->parts[1]->title, "my-bot");
	assert_string_equal(s->parts[1]->secret, "bot");
	assert_int_equal(s->parts[1]->domain.n, 2); /* by its row's pattern */
	assert_string_equal(s->parts[1]->domain.v[1], "y.a");
	assert_int_equal(s->parts[1]->limit, 7);
	assert_string_equal(s->parts[2]->title, "file-share"); /* built in, once it has a secret */
	assert_string_equal(s->parts[2]->secret, "from-file");
	assert_null(s->parts[3]);
	assert_shows(c, "component.my-bot.secret = (set)  # COMPONENT_SECRET_MY_BOT\n");
	conf_free(c);
	free(file);
}

/* --- reload ----------------------------------------------------------------------------------- */

static void test_reload(void **state)
{
	(void)state;
	struct conf *a = load_good("domain = a\nlog_level = info\nc2s { port = 1 }\n"
				   "db { password = old }\n"
				   "component muc { secret = x }\ncomponent gone { secret = x }\n",
	    NULL);
	struct settings *s = conf_data(a);
	struct conf *b = load_good("domain = a\nlog_level = debug\nc2s { port = 2 }\n"
				   "db { password = " SECRET " }\nadmins = {x, y}\n"
				   "component muc { secret = y }\ncomponent new { secret = x }\n",
	    NULL);
	char *notes;
	size_t len;
	FILE *f = open_memstream(&notes, &len);
	assert_non_null(f);
	conf_reload(a, b, f);
	assert_int_equal(fclose(f), 0);
	assert_string_equal(notes, "c2s.port: the change from 1 to 2 needs a restart\n"
				   "db.password: the change needs a restart\n");
	free(notes);
	assert_ptr_equal(s, conf_data(a));
	assert_int_equal(s->daemon.log_level, 0);
	assert_int_equal(s->port, 1);
	assert_string_equal(s->password, "old");
	assert_int_equal(s->admins.n, 2);
	assert_string_equal(s->parts[0]->secret, "y");
	assert_string_equal(s->parts[1]->title, "new");
	assert_null(s->parts[2]);
	assert_shows(a, "c2s.port = 1  # ");
	conf_free(a);
}

/* DOMAIN of the environment is the server's; a variable of its own comes before it. */
static void test_aliases_in_turn(void **state)
{
	(void)state;
	struct conf *c = load_good(NULL, ENV("DOMAIN=a", "PEERS=b, c"));
	struct settings *s = conf_data(c);
	assert_int_equal(s->peers.n, 2);
	assert_string_equal(s->domain, "a");
	assert_shows(c, "peers = {\"b\", \"c\"}  # PEERS\n");
	conf_free(c);

	c = load_good(NULL, ENV("DOMAIN=a"));
	assert_shows(c, "peers = {\"a\"}  # DOMAIN\n");
	conf_free(c);

	/* What is the program's own beats both. */
	c = load_good(NULL, ENV("ROUTER_DOMAIN=d", "PEERS=b"));
	assert_shows(c, "peers = {\"d\"}  # ROUTER_DOMAIN\n");
	conf_free(c);
}

/* --- the references --------------------------------------------------------------------------- */

static char *printed(void (*print)(const struct conf_def *d, FILE *out))
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	assert_non_null(f);
	print(&def, f);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void test_references(void **state)
{
	(void)state;
	char *help = printed(conf_print_help);
	assert_non_null(strstr(help, "  C2S_PORT, c2s.port\n      port of clients\n"
				     "      a number from 0 to 65535; default: 5222\n"));
	assert_non_null(strstr(help, "  ADMINS, PROSODY_ADMINS, admins\n"));
	assert_non_null(strstr(help, "COMPONENT_SECRET_TITLE, secret, secret_file\n"));
	free(help);

	char *man = printed(conf_print_man);
	assert_non_null(strstr(man, ".It Ev \"\\&LOG_LEVEL\" , Cm \"\\&log_level\"\n"
				    "how much is logged.\n"));
	free(man);

	char *md = printed(conf_print_md);
	assert_non_null(strstr(md, "| `DOMAIN` | `domain` | text | required | restart | "
				   "the domain served |\n"));
	assert_non_null(strstr(md, "| a name\\|label |\n"));
	assert_non_null(strstr(md, "In sections `component TITLE { ... }`:\n"));
	/* Every setting of every table is there. */
	for (size_t i = 0; opts[i].key; i++)
		assert_non_null(strstr(md, opts[i].key));
	for (size_t i = 0; daemon_opts[i].key; i++)
		assert_non_null(strstr(md, daemon_opts[i].key));
	free(md);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_defaults),
		CASE(test_precedence),
		CASE(test_name_file),
		CASE(test_secret_file_key),
		CASE(test_aliases),
		CASE(test_aliases_in_turn),
		CASE(test_lists),
		CASE(test_values),
		CASE(test_sections),
		CASE(test_reload),
		CASE(test_references),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	free(errs);
	return rc;
}
