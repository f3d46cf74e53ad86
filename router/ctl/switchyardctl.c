/* SPDX-License-Identifier: MIT */
/* switchyardctl: a command line becomes a request to the running router, its answer a table or
 * JSON. Which commands there are to say stands in one table; what they mean is the router's
 * business. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "ctl_client.h"

#define SOCKET "/run/switchyard/ctl.sock"

enum {
	OPT_JSON = 1,
	OPT_SOCKET,
	OPT_HELP,
	OPT_VERSION,
	OPT_FILE,
	OPT_GENERATE,
	OPT_AFTER,
	OPT_LIMIT,
	OPT_ACCOUNT,
	OPT_DOMAIN,
	OPT_REUSABLE,
	OPT_EXPIRES
};
#define MAY(o) (1u << OPT_##o)

struct given { /* the command line */
	bool json, generate;
	const char *socket, *file, *after, *domain;
	int64_t limit;         /* 0: no bound */
	int64_t uses, expires; /* 0: as the router sees fit */
	unsigned used;         /* options that belong to a command, MAY() */
	char **words;
	int n_words;
	/* the words behind the command's own, or --account; NULL: none */
	const char *jid, *text, *id;
	char *password;
};

struct command {
	const char *word1, *word2; /* word2 NULL: one word */
	const char *cmd;           /* for the router */
	const char *usage;         /* behind the words */
	int min, max;              /* words: JID (or ID), then TEXT */
	unsigned may;
	bool by_id;                   /* its first word is an ID */
	const struct column *columns; /* a list; NULL: one row at most, shown by: */
	void (*show)(const json_t *row);
};

/* --- the commands ----------------------------------------------------------------------------- */

#define PASSWORD_FROM (MAY(FILE) | MAY(GENERATE))
#define PASSWORD_USAGE "JID [--password-file FILE | --generate]"

static const struct command commands[] = {
	{ "account", "add", "account add", PASSWORD_USAGE, 1, 1, PASSWORD_FROM,
	    .show = show_added },
	{ "account", "passwd", "passwd", PASSWORD_USAGE, 1, 1, PASSWORD_FROM,
	    .show = show_changed },
	{ "account", "delete", "account delete", "JID", 1, 1, .show = show_deleted },
	{ "account", "disable", "account disable", "JID", 1, 1, .show = show_disabled },
	{ "account", "enable", "account enable", "JID", 1, 1, .show = show_enabled },
	{ "account", "list", "account list", "[--after JID] [--limit N]", 0, 0,
	    MAY(AFTER) | MAY(LIMIT), .columns = account_columns },
	{ "passwd", NULL, "passwd", PASSWORD_USAGE, 1, 1, PASSWORD_FROM, .show = show_changed },
	{ "session", "list", "session list", "[--limit N]", 0, 0, MAY(LIMIT),
	    .columns = session_columns },
	{ "session", "kick", "session kick", "JID [TEXT]", 1, 2, .show = show_kicked },
	{ "invite", "create", "invite create",
	    "[--account JID | --domain DOMAIN] [--reusable N] [--expires SECONDS]", 0, 0,
	    MAY(ACCOUNT) | MAY(DOMAIN) | MAY(REUSABLE) | MAY(EXPIRES), .show = show_invited },
	{ "invite", "list", "invite list", "[--limit N]", 0, 0, MAY(LIMIT),
	    .columns = invite_columns },
	{ "invite", "revoke", "invite revoke", "ID", 1, 1, .by_id = true, .show = show_revoked },
	{ "component", "list", "component list", "", 0, 0, .columns = component_columns },
	{ "reload", NULL, "reload", "", 0, 0, .show = show_reloaded },
	{ "status", NULL, "status", "", 0, 0, .show = show_status },
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
	(void)fputs("Usage: switchyardctl [--json] [--socket PATH] COMMAND\n\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		(void)fprintf(out, "  %s%s%s%s%s\n", commands[i].word1,
		    commands[i].word2 ? " " : "", commands[i].word2 ? commands[i].word2 : "",
		    *commands[i].usage ? " " : "", commands[i].usage);
	(void)fputs(
	    "\n  --json          prints JSON instead of tables\n"
	    "  --socket PATH   the router's control socket (CTL_SOCKET, " SOCKET ")\n"
	    "  --version, --help\n\n"
	    "A name alone is the account of that name at the first domain served. Without\n"
	    "--password-file and --generate a password is asked for, or is the first line of a\n"
	    "standard input that is no terminal.\n"
	    "Status: 0 done, 1 refused, 2 arguments, 3 the router cannot be reached.\n",
	    out);
}

static int bad_usage(const char *why, const char *what)
{
	(void)fprintf(stderr, "switchyardctl: %s%s, see --help\n", why, what);
	return EXIT_USAGE;
}

/* Also counts the command's own words. */
static const struct command *find_command(const struct given *g, int *n)
{
	for (size_t i = 0; i < N_COMMANDS; i++) {
		const struct command *c = &commands[i];

		*n = c->word2 ? 2 : 1;
		if (g->n_words >= *n && !strcmp(g->words[0], c->word1) &&
		    (!c->word2 || !strcmp(g->words[1], c->word2)))
			return c;
	}
	return NULL;
}

/* --- asking ----------------------------------------------------------------------------------- */

/* Of one page; NULL: something is not UTF-8. */
static json_t *arguments(const struct given *g, const char *after, int64_t limit)
{
	const struct {
		const char *name, *text;
		int64_t number;
	} all[] = { { "jid", g->jid, 0 }, { "text", g->text, 0 }, { "password", g->password, 0 },
		{ "id", g->id, 0 }, { "domain", g->domain, 0 }, { "after", after, 0 },
		{ "limit", NULL, limit }, { "uses", NULL, g->uses },
		{ "expires", NULL, g->expires } };
	json_t *args = json_object();
	int r = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i].text)
			r |= json_object_set_new(args, all[i].name, json_string(all[i].text));
		else if (all[i].number > 0)
			r |= json_object_set_new(args, all[i].name, json_integer(all[i].number));
	}
	if (r == 0)
		return args;
	json_decref(args);
	return NULL;
}

/* One page's rows are added to `rows`; *next (freed before) becomes what asks for the one after.
 * An exit status. */
static int ask_page(
    struct ask *a, const struct command *c, const struct given *g, json_t *rows, char **next)
{
	int64_t left = g->limit > 0 ? g->limit - (int64_t)json_array_size(rows) : 0;
	json_t *args = arguments(g, *next ? *next : g->after, left), *answer;
	const char *error, *more;

	if (!args)
		return bad_usage("an argument or the password is not UTF-8", "");
	answer = ask_router(a, c->cmd, args);
	if (!answer)
		return EXIT_UNREACHABLE;
	free(*next);
	*next = NULL;
	if (!json_is_true(json_object_get(answer, "ok"))) {
		error = json_string_value(json_object_get(answer, "error"));
		show_error(error ? error : "refused");
		json_decref(answer);
		return EXIT_REFUSED;
	}
	(void)json_array_extend(rows, json_object_get(answer, "rows"));
	more = json_string_value(json_object_get(answer, "next"));
	if (more && json_array_size(json_object_get(answer, "rows")) > 0)
		*next = xstrdup(more);
	json_decref(answer);
	return EXIT_OK;
}

static int ask_all(const struct command *c, const struct given *g, json_t *rows)
{
	struct ask *a = ask_open(g->socket);
	char *next = NULL;
	int status;

	if (!a)
		return EXIT_UNREACHABLE;
	do
		status = ask_page(a, c, g, rows, &next);
	while (status == EXIT_OK && next &&
	       (g->limit == 0 || (int64_t)json_array_size(rows) < g->limit));
	free(next);
	ask_close(a);
	return status;
}

static void show(const struct command *c, const struct given *g, json_t *rows)
{
	json_t *row = json_array_get(rows, 0);

	if (g->json) {
		if (g->generate)
			(void)json_object_set_new(row, "password", json_string(g->password));
		(void)json_dumpf(c->columns ? rows : row, stdout,
		    JSON_INDENT(2) | JSON_ENSURE_ASCII); /* no terminal is steered by this */
		(void)putchar('\n');
	} else if (c->columns) {
		table_print(rows, c->columns);
	} else {
		c->show(row);
		if (g->generate)
			printf("password: %s\n", g->password);
	}
}

static int carry_out(const struct command *c, struct given *g)
{
	json_t *rows;
	int status;

	if (c->may & MAY(GENERATE)) {
		g->password = g->generate ? password_generate()
		              : g->file   ? password_from_file(g->file)
		                          : password_ask(g->jid);
		if (!g->password)
			return EXIT_USAGE;
	}
	rows = json_array();
	status = ask_all(c, g, rows);
	if (status == EXIT_OK)
		show(c, g, rows);
	json_decref(rows);
	password_free(g->password);
	if (fflush(stdout) == 0 || status != EXIT_OK)
		return status;
	(void)fprintf(stderr, "switchyardctl: the output: %s\n", strerror(errno));
	return EXIT_REFUSED;
}

/* --- arguments -------------------------------------------------------------------------------- */

static int read_number(const char *option, const char *s, int64_t *out)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(s, &end, 10);
	if (errno || end == s || *end || n < 1)
		return bad_usage(option, " needs a positive number");
	*out = n;
	return EXIT_OK;
}

static int take_option(struct given *g, int opt)
{
	int status = EXIT_OK;

	switch (opt) {
	case OPT_JSON:
		g->json = true;
		return EXIT_OK;
	case OPT_SOCKET:
		g->socket = optarg;
		return EXIT_OK;
	case OPT_FILE:
		g->file = optarg;
		break;
	case OPT_GENERATE:
		g->generate = true;
		break;
	case OPT_AFTER:
		g->after = optarg;
		break;
	case OPT_ACCOUNT:
		g->jid = optarg;
		break;
	case OPT_DOMAIN:
		g->domain = optarg;
		break;
	case OPT_LIMIT:
		status = read_number("--limit", optarg, &g->limit);
		break;
	case OPT_REUSABLE:
		status = read_number("--reusable", optarg, &g->uses);
		break;
	case OPT_EXPIRES:
		status = read_number("--expires", optarg, &g->expires);
		break;
	default:
		return EXIT_USAGE; /* getopt has said why */
	}
	g->used |= 1u << opt;
	return status;
}

/* An exit status, or -1: go on. */
static int read_options(struct given *g, int argc, char **argv)
{
	static const struct option longs[] = { { "json", no_argument, NULL, OPT_JSON },
		{ "socket", required_argument, NULL, OPT_SOCKET },
		{ "help", no_argument, NULL, OPT_HELP },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "password-file", required_argument, NULL, OPT_FILE },
		{ "generate", no_argument, NULL, OPT_GENERATE },
		{ "after", required_argument, NULL, OPT_AFTER },
		{ "limit", required_argument, NULL, OPT_LIMIT },
		{ "account", required_argument, NULL, OPT_ACCOUNT },
		{ "domain", required_argument, NULL, OPT_DOMAIN },
		{ "reusable", required_argument, NULL, OPT_REUSABLE },
		{ "expires", required_argument, NULL, OPT_EXPIRES }, { 0 } };
	int opt;

	while ((opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (opt == OPT_HELP || opt == 'h') {
			usage(stdout);
			return EXIT_OK;
		}
		if (opt == OPT_VERSION) {
			(void)puts("switchyardctl " SWITCHYARD_VERSION);
			return EXIT_OK;
		}
		if (take_option(g, opt) != EXIT_OK)
			return EXIT_USAGE;
	}
	g->words = argv + optind;
	g->n_words = argc - optind;
	return -1;
}

/* The command, with its words and options checked; NULL: said what is wrong. */
static const struct command *understand(struct given *g)
{
	int own;
	const struct command *c = find_command(g, &own);
	int n = g->n_words - own;

	if (!c)
		(void)bad_usage("there is no such command: ", g->words[0]);
	else if (n < c->min)
		(void)bad_usage("too few arguments, it takes ", c->usage);
	else if (n > c->max)
		(void)bad_usage("too much: ", g->words[own + c->max]);
	else if (g->used & ~c->may)
		(void)bad_usage("an option does not belong to ", c->cmd);
	else if (g->file && g->generate)
		(void)bad_usage("--password-file and --generate exclude each other", "");
	else if (g->domain && g->jid)
		(void)bad_usage("--account and --domain exclude each other", "");
	else {
		if (n > 0)
			*(c->by_id ? &g->id : &g->jid) = g->words[own];
		g->text = n > 1 ? g->words[own + 1] : NULL;
		return c;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const char *env = getenv("CTL_SOCKET");
	struct given g = { .socket = env && *env ? env : SOCKET };
	int status = read_options(&g, argc, argv);
	const struct command *c;

	if (status >= 0)
		return status;
	if (g.n_words == 0) {
		usage(stderr);
		return EXIT_USAGE;
	}
	c = understand(&g);
	return c ? carry_out(c, &g) : EXIT_USAGE;
}
