/* SPDX-License-Identifier: MIT */
/* A program's settings, a folder for their files, and a load with an environment of our own. */
#ifndef CONF_FIXTURE_H
#define CONF_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <base/conf.h>
#include <base/daemon.h>
#include <base/log.h>
#include <base/mem.h>

#define SECRET "s3cr3t-word"

/* --- a program's settings --------------------------------------------------------------------- */

struct part { /* component TITLE { } */
	char *title;
	char *secret;
	struct conf_list domain;
	int64_t limit;
};
struct settings {
	struct daemon_conf daemon;
	char *domain;
	bool tls;
	int64_t port, size, time, free_size;
	int policy;
	struct conf_list admins, peers;
	char *password;
	char *name;
	struct part **parts;
};
#define AT(m) offsetof(struct settings, m)

static int check_domain(const char *value, char *err, size_t err_len)
{
	if (*value && strspn(value, "abcdefghijklmnopqrstuvwxyz.-") == strlen(value))
		return 0;
	(void)snprintf(err, err_len, "a domain name");
	return -22;
}

static const struct conf_opt opts[] = {
	{ .key = "domain",
	    .type = CONF_STR,
	    .off = AT(domain),
	    .flags = CONF_REQUIRED,
	    .check = check_domain,
	    .help = "the domain served" },
	{ .key = "c2s.tls", .type = CONF_BOOL, .off = AT(tls), .def = "true", .help = "TLS" },
	{ .key = "c2s.port",
	    .type = CONF_INT,
	    .off = AT(port),
	    .def = "5222",
	    .max = 65535,
	    .help = "port of clients" },
	{ .key = "limit.size",
	    .type = CONF_SIZE,
	    .off = AT(size),
	    .def = "64k",
	    .min = 1024,
	    .max = INT64_C(1) << 30,
	    .flags = CONF_RELOAD,
	    .help = "bytes" },
	{ .key = "limit.time",
	    .type = CONF_TIME,
	    .off = AT(time),
	    .def = "10m",
	    .flags = CONF_RELOAD,
	    .help = "seconds" },
	{ .key = "limit.free", .type = CONF_SIZE, .off = AT(free_size), .help = "bytes" },
	{ .key = "e2e",
	    .type = CONF_CHOICE,
	    .off = AT(policy),
	    .def = "required",
	    .choices = "none|optional|required",
	    .env = "E2E_POLICY",
	    .flags = CONF_RELOAD,
	    .help = "policy" },
	{ .key = "admins",
	    .type = CONF_LIST,
	    .off = AT(admins),
	    .env = "ADMINS|PROSODY_ADMINS",
	    .flags = CONF_RELOAD,
	    .help = "administrators" },
	{ .key = "peers",
	    .type = CONF_LIST,
	    .off = AT(peers),
	    .env = "PEERS|DOMAIN",
	    .flags = CONF_IN_TURN,
	    .help = "others" },
	{ .key = "db.password", .type = CONF_SECRET, .off = AT(password), .help = "password" },
	{ .key = "name", .type = CONF_STR, .off = AT(name), .def = "a b", .help = "a name|label" },
	{ 0 },
};
static const struct conf_opt part_opts[] = {
	{ .key = "secret",
	    .type = CONF_SECRET,
	    .off = offsetof(struct part, secret),
	    .flags = CONF_REQUIRED,
	    .help = "secret" },
	{ .key = "domain",
	    .type = CONF_LIST,
	    .off = offsetof(struct part, domain),
	    .env = "DOMAIN_*",
	    .check = check_domain,
	    .help = "domains" },
	{ .key = "limit",
	    .type = CONF_INT,
	    .off = offsetof(struct part, limit),
	    .def = "7",
	    .help = "limit" },
	{ 0 },
};
static const char *const builtin[] = { "muc", "file-share", NULL };
static const struct conf_section sections[] = {
	{ .name = "component",
	    .opts = part_opts,
	    .size = sizeof(struct part),
	    .off_items = AT(parts),
	    .env_secret = "secret",
	    .builtin = builtin },
	{ 0 },
};
static const struct conf_def def = { .program = "router",
	.opts = opts,
	.more = daemon_opts,
	.sections = sections,
	.size = sizeof(struct settings) };

/* --- a place for files ------------------------------------------------------------------------ */

static char folder[64];

static const char *path_of(const char *name)
{
	static char path[4][128];
	static size_t i;
	i = (i + 1) % 4;
	(void)snprintf(path[i], sizeof path[i], "%s/%s", folder, name);
	return path[i];
}

static inline void put_file(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof folder, "/tmp/test_conf.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	return mkdir(path_of("conf.d"), 0700);
}

static int drop_folder(void **state)
{
	static const char *const names[] = { "main", "word", "word2", "conf.d/10.conf",
		"conf.d/9.conf", "conf.d/x.txt", "conf.d/.h.conf", "conf.d", "" };
	(void)state;
	log_capture(NULL, NULL);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		(void)remove(path_of(names[i]));
	return 0;
}

/* --- loading ---------------------------------------------------------------------------------- */

static char *errs; /* of the last load */
static size_t errs_len;

/* A NULL main text: there is no file.  env: up to a NULL. */
static struct conf *load(const char *text, const char *const *env)
{
	struct conf *c = NULL;
	char *copy[16];
	size_t n = 0;
	for (; env && env[n]; n++)
		copy[n] = xstrdup(env[n]);
	copy[n] = NULL;
	if (text)
		put_file("main", text);
	free(errs);
	FILE *f = open_memstream(&errs, &errs_len);
	assert_non_null(f);
	int rc = conf_load(&c, &def, path_of("main"), path_of("conf.d"), copy, f);
	assert_int_equal(fclose(f), 0);
	while (n > 0)
		free(copy[--n]);
	if (rc == 0)
		assert_string_equal(errs, "");
	else
		assert_null(c);
	return c;
}
#define ENV(...) ((const char *const[]){ __VA_ARGS__, NULL })

static inline struct conf *load_good(const char *text, const char *const *env)
{
	struct conf *c = load(text, env);
	if (!c)
		fail_msg("%s", errs);
	return c;
}

static inline char *shown(const struct conf *c)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	assert_non_null(f);
	conf_print(c, f);
	assert_int_equal(fclose(f), 0);
	return text;
}

/* That a line begins so. */
static inline void assert_shows(const struct conf *c, const char *line)
{
	char *text = shown(c);
	size_t n = strlen(line), at = 0;
	while (text[at] && strncmp(text + at, line, n) != 0) {
		at += strcspn(text + at, "\n");
		at += text[at] == '\n';
	}
	if (!text[at])
		fail_msg("no line \"%s\" in:\n%s", line, text);
	free(text);
}

static inline void assert_says(const char *what)
{
	if (!strstr(errs, what))
		fail_msg("\"%s\" is not in:\n%s", what, errs);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, make_folder, drop_folder)

#endif
