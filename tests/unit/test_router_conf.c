/* SPDX-License-Identifier: MIT */
/* The sections of our own components: when they are there, and what stands in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <base/mem.h>

#include "conf.h"

#define ENV(...) ((const char *const[]){ "DOMAIN=example.org,example.net", __VA_ARGS__, NULL })

static char folder[64], file[80];

static int setup(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/test_router_conf.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(file, sizeof(file), "%s/main", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)remove(file);
	return rmdir(folder);
}

/* With this text in the file (NULL: there is none); errs: "" or what is wrong. */
static struct conf *load(const char *text, const char *const *env, char *errs, size_t len)
{
	struct conf *c = NULL;
	char *copy[8], *said = NULL;
	size_t n = 0, said_len;
	FILE *f;

	for (; env[n]; n++)
		copy[n] = xstrdup(env[n]);
	copy[n] = NULL;
	if (text) {
		f = fopen(file, "w");
		assert_non_null(f);
		assert_true(fputs(text, f) >= 0);
		assert_int_equal(fclose(f), 0);
	}
	f = open_memstream(&said, &said_len);
	assert_non_null(f);
	if (conf_load(&c, &router_conf_def, file, folder, copy, f) < 0)
		assert_null(c);
	assert_int_equal(fclose(f), 0);
	(void)snprintf(errs, len, "%s", said);
	free(said);
	while (n > 0)
		free(copy[--n]);
	return c;
}

/* What --print-config says. */
static char *shown(const char *text, const char *const *env)
{
	char errs[1024], *out = NULL;
	size_t len;
	struct conf *c = load(text, env, errs, sizeof(errs));
	FILE *f = open_memstream(&out, &len);

	if (!c)
		fail_msg("%s", errs);
	assert_non_null(f);
	conf_print(c, f);
	assert_int_equal(fclose(f), 0);
	conf_free(c);
	return out;
}

static void has(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("no %s in:\n%s", what, text);
}

static void hasnt(const char *text, const char *what)
{
	if (strstr(text, what))
		fail_msg("%s in:\n%s", what, text);
}

static void only_with_a_secret(void **state)
{
	char *text = shown(NULL, ENV("COMPONENT_SECRET_MUC=m"));

	(void)state;
	has(text, "component.muc.domain = \"conference.example.org\"  # default\n");
	has(text, "component.muc.e2e = trusted  # default\n");
	hasnt(text, "component.echo.");
	hasnt(text, "component.pubsub.");
	free(text);
}

#define DELEGATE                                                                                \
	"{\"http://jabber.org/protocol/pubsub\", \"http://jabber.org/protocol/pubsub#owner\", " \
	"\"vcard-temp\", \"jabber:iq:private\", \"urn:xmpp:delegation:2:bare:disco#info:*\", "  \
	"\"urn:xmpp:delegation:2:bare:disco#items:*\"}"
#define PRIVILEGE                                                      \
	"{\"roster=get\", \"message=outgoing\", \"presence=roster\", " \
	"\"iq:http://jabber.org/protocol/disco#info=get\", "           \
	"\"presence-extra=vcard-temp:x:update\"}"
#define KEY(key, value) "component.pubsub." key " = " value "  # "

static void pubsub(void **state)
{
	char *text = shown(NULL, ENV("COMPONENT_SECRET_PUBSUB=secret-of-it"));

	(void)state;
	has(text, KEY("domain", "\"pubsub.example.org\"") "default\n");
	has(text, KEY("e2e", "trusted") "default\n");
	has(text, KEY("internal", "false") "default\n");
	has(text, KEY("hosts", "{}") "default\n");
	has(text, KEY("delegate", DELEGATE) "default\n");
	has(text, KEY("privilege", PRIVILEGE) "default\n");
	has(text, KEY("tap", "{\"accounts\"}") "default\n");
	has(text, KEY("rate", "268435456") "default\n");
	has(text, KEY("rate_burst", "268435456") "default\n");
	hasnt(text, "secret-of-it");
	free(text);
}

#define ARCHIVE(key, value) "component.archive." key " = " value "  # default\n"

static void archive(void **state)
{
	char *text = shown(NULL, ENV("COMPONENT_SECRET_ARCHIVE=secret-of-it"));

	(void)state;
	has(text, ARCHIVE("domain", "\"archive.example.org\""));
	has(text, ARCHIVE("e2e", "trusted"));
	has(text, ARCHIVE("internal", "true"));
	has(text, ARCHIVE("hosts", "{}"));
	has(text, ARCHIVE("delegate", "{\"urn:xmpp:mam:2\"}"));
	has(text, ARCHIVE("privilege", "{\"message=outgoing\"}"));
	has(text, ARCHIVE("tap", "{\"messages\", \"undelivered\", \"accounts\"}"));
	has(text, ARCHIVE("rate", "268435456"));
	has(text, ARCHIVE("rate_burst", "268435456"));
	hasnt(text, "secret-of-it");
	free(text);
}

/* A message has one archive; the other taps are for whoever is granted them. */
static void one_archive(void **state)
{
#define OTHER(tap, hosts) \
	"component keep {\n secret = s\n tap = { " tap " }\n hosts = { " hosts " }\n}\n"
	static const char both[] = "component archive {\n hosts = { \"example.org\" }\n}\n" OTHER(
	    "messages", "\"example.net\"");
	const char *const *env = ENV("COMPONENT_SECRET_ARCHIVE=s");
	char errs[1024], *text = shown(OTHER("undelivered, accounts", ""), env);

	(void)state;
	free(text);
	text = shown(both, env);
	has(text, "component.keep.tap = {\"messages\"}");
	free(text);
	assert_null(load(OTHER("messages", "\"example.net\""), env, errs, sizeof(errs)));
	has(errs, "messages are component ");
	assert_null(load(OTHER("presence", ""), env, errs, sizeof(errs)));
	has(errs, "tap: \"presence\" is not known, accounts, messages and undelivered are");
}

static void key_by_key(void **state)
{
	char *text = shown("component pubsub {\n e2e = check\n hosts = { \"example.org\" }\n"
			   " delegate = { \"urn:x\" }\n tap = {}\n}\n",
	    ENV("COMPONENT_SECRET_PUBSUB=s", "DOMAIN_PUBSUB=pep.example.net"));

	(void)state;
	has(text, KEY("domain", "\"pep.example.net\"") "DOMAIN_PUBSUB\n");
	has(text, KEY("e2e", "check") "/tmp/");
	has(text, KEY("hosts", "{\"example.org\"}") "/tmp/");
	has(text, KEY("delegate", "{\"urn:x\"}") "/tmp/");
	has(text, KEY("tap", "{}") "/tmp/");
	has(text, KEY("privilege", PRIVILEGE) "default\n");
	has(text, KEY("rate", "268435456") "default\n");
	free(text);
}

/* Another one of the kind has what its section says, and no namespace is two components'. */
static void nobody_elses(void **state)
{
	static const char other[] =
	    "component pep {\n secret = s\n delegate = { \"vcard-temp\" }\n}\n";
	char errs[1024], *text = shown(other, ENV("COMPONENT_SECRET_ECHO=e"));

	(void)state;
	has(text, "component.pep.delegate = {\"vcard-temp\"}  # ");
	has(text, "component.pep.privilege = {}  # default\n");
	has(text, "component.echo.delegate = {}  # default\n");
	free(text);
	assert_null(load(other, ENV("COMPONENT_SECRET_PUBSUB=s"), errs, sizeof(errs)));
	has(errs, "\"vcard-temp\" of example.org is component");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_with_a_secret),
		TEST(pubsub),
		TEST(archive),
		TEST(one_archive),
		TEST(key_by_key),
		TEST(nobody_elses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
