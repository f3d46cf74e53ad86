/* SPDX-License-Identifier: MIT */
/* xmppload: drives an XMPP server with many real client sessions and says what an operation costs.
 *
 * One thread, one epoll set, one core at most.  Options are a table; every mode prints one line of
 * JSON a run.  Only loopback addresses are accepted as a server: this is no tool against others.
 *
 * Ends with 0 (complete), 1 (stalled, or sessions are missing) or 2 (cannot run). */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <base/mem.h>

#include "caps.h"
#include "conn.h"
#include "modes.h"
#include "opts.h"
#include "pool.h"
#include "sasl.h"

#define NUMBER_MAX 100000000

struct opts opt = {
	.host = "127.0.0.1",
	.domain = "localhost",
	.port = 5222,
	.component_port = 5347,
	.mech = MECH_SCRAM_SHA1,
	.prefix = "u",
	.password = "",
	.sessions = 100,
	.pairs = 100,
	.parallel = 16,
	.window = 1,
	.count = 10000,
	.warmup = -1,
	.repeat = 1,
	.page = 50,
	.rooms = 1,
	.occupants = 50,
	.senders = 1,
	.contacts = 50,
	.nodes = CAPS_NODES,
	.muc = "conference.localhost",
	.pubsub = "pubsub.localhost",
	.component = "bench.localhost",
	.secret = "",
	.bytes = 200,
	.settle_ms = 1000,
	.timeout_s = 30,
};

enum kind { OPT_TEXT, OPT_NUMBER, OPT_FLAG, OPT_TLS, OPT_MECH, OPT_PIDS };

struct row {
	const char *name;
	enum kind kind;
	void *to;
	const char *value, *help;
};

static const struct row rows[] = {
	{ "host", OPT_TEXT, &opt.host, "ADDRESS", "the server, on loopback (127.0.0.1)" },
	{ "port", OPT_NUMBER, &opt.port, "N", "its port for clients (5222)" },
	{ "component-port", OPT_NUMBER, &opt.component_port, "N", "and for components (5347)" },
	{ "domain", OPT_TEXT, &opt.domain, "DOMAIN", "the accounts' domain (localhost)" },
	{ "tls", OPT_TLS, &opt.tls, "HOW", "starttls, direct, none (starttls)" },
	{ "mech", OPT_MECH, &opt.mech, "NAME", "plain, scram-sha-1, scram-sha-256 (scram-sha-1)" },
	{ "floor", OPT_FLAG, &opt.floor, NULL, "the server is tlsrelay: login, idle, chat, muc" },
	{ "prefix", OPT_TEXT, &opt.prefix, "TEXT", "accounts are PREFIX0, PREFIX1, ... (u)" },
	{ "password", OPT_TEXT, &opt.password, "TEXT", "of all of them" },
	{ "cache", OPT_TEXT, &opt.cache, "FILE", "keeps salted passwords, as clients do" },
	{ "first", OPT_NUMBER, &opt.first_user, "N", "the first account (0)" },
	{ "users", OPT_NUMBER, &opt.users, "N", "so many accounts in turn (one a session)" },
	{ "sessions", OPT_NUMBER, &opt.sessions, "N",
	    "those that log in; publish: that are notified (100)" },
	{ "pairs", OPT_NUMBER, &opt.pairs, "N", "chat: pairs of sessions (100)" },
	{ "page", OPT_NUMBER, &opt.page, "N", "page: messages of each (50)" },
	{ "rooms", OPT_NUMBER, &opt.rooms, "N", "muc: rooms (1)" },
	{ "occupants", OPT_NUMBER, &opt.occupants, "N", "muc: sessions in each (50)" },
	{ "senders", OPT_NUMBER, &opt.senders, "N", "muc: those of each room that send (1)" },
	{ "contacts", OPT_NUMBER, &opt.contacts, "N",
	    "befriend, pep-login: contacts of each (50)" },
	{ "nodes", OPT_NUMBER, &opt.nodes, "N",
	    "befriend, pep-login: nodes of each contact with an item (3, the most)" },
	{ "parallel", OPT_NUMBER, &opt.parallel, "N", "logins or joins under way (16)" },
	{ "window", OPT_NUMBER, &opt.window, "N", "messages of a sender under way (1)" },
	{ "count", OPT_NUMBER, &opt.count, "N", "messages in all that are measured (10000)" },
	{ "warmup", OPT_NUMBER, &opt.warmup, "N", "messages before those (count / 20)" },
	{ "rate", OPT_NUMBER, &opt.rate, "N",
	    "messages a second on a schedule, instead of a window; latency counts from it" },
	{ "repeat", OPT_NUMBER, &opt.repeat, "N", "measure so often on the same sessions (1)" },
	{ "muc", OPT_TEXT, &opt.muc, "DOMAIN", "the rooms' domain (conference.localhost)" },
	{ "room-prefix", OPT_TEXT, &opt.room_prefix, "TEXT",
	    "rooms are PREFIX0, ... (of the pid)" },
	{ "pubsub", OPT_TEXT, &opt.pubsub, "DOMAIN", "publish: where (pubsub.localhost)" },
	{ "component", OPT_TEXT, &opt.component, "DOMAIN",
	    "what is sent to; but for echo this program serves it" },
	{ "secret", OPT_TEXT, &opt.secret, "TEXT", "and its secret" },
	{ "bytes", OPT_NUMBER, &opt.bytes, "N", "of each message's payload (200)" },
	{ "plain-body", OPT_FLAG, &opt.plain_body, NULL, "send plain text, not OMEMO's shape" },
	{ "full-jid", OPT_FLAG, &opt.full_jid, NULL, "chat: to full JIDs" },
	{ "both-ways", OPT_FLAG, &opt.both_ways, NULL, "chat: both of a pair send" },
	{ "coalesce", OPT_FLAG, &opt.coalesce, NULL, "stanzas may share a TLS record" },
	{ "settle", OPT_NUMBER, &opt.settle_ms, "MS", "pause after logins (1000)" },
	{ "hold", OPT_NUMBER, &opt.hold_ms, "MS",
	    "idle, hibernate: then as long, and measure again (0)" },
	{ "timeout", OPT_NUMBER, &opt.timeout_s, "S", "without progress: give up (30)" },
	{ "leave", OPT_FLAG, &opt.leave, NULL, "login: each session ends at once" },
	{ "exec", OPT_TEXT, &opt.exec, "COMMAND", "coldstart: what starts the server" },
	{ "pids", OPT_PIDS, NULL, "N,N,...", "account these processes and their children" },
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

void die(const char *fmt, ...)
{
	va_list ap;

	(void)fputs("xmppload: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	exit(2);
}

static __attribute__((noreturn)) void usage(void)
{
	char left[64];

	(void)printf("usage: xmppload MODE [--OPTION VALUE]...\n\nmodes:\n");
	modes_print();
	(void)printf("\noptions:\n");
	for (size_t i = 0; i < N_ROWS; i++) {
		(void)snprintf(left, sizeof(left), "--%s %s", rows[i].name,
		    rows[i].value ? rows[i].value : "");
		(void)printf("  %-24s %s\n", left, rows[i].help);
	}
	exit(2);
}

static int number(const char *name, const char *s)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(s, &end, 10);
	if (errno != 0 || end == s || *end || n < 0 || n > NUMBER_MAX)
		die("--%s %s: a number from 0 to %d", name, s, NUMBER_MAX);
	return (int)n;
}

static int choice(const char *name, const char *s, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(s, list[i]) == 0)
			return i;
	die("--%s knows no %s", name, s);
}

static void set_pids(const char *name, const char *s)
{
	char *copy = xstrdup(s), *rest = copy;

	for (const char *p; (p = strsep(&rest, ","));) {
		if (opt.n_pids == PIDS_MAX)
			die("--%s: at most %d", name, PIDS_MAX);
		opt.pids[opt.n_pids++] = number(name, p);
	}
	free(copy);
}

static void set(const struct row *row, const char *value)
{
	static const char *const tls[] = { "starttls", "direct", "none" };
	static const char *const mech[MECH_N] = { "plain", "scram-sha-1", "scram-sha-256" };

	switch (row->kind) {
	case OPT_TEXT:
		*(const char **)row->to = value;
		break;
	case OPT_NUMBER:
		*(int *)row->to = number(row->name, value);
		break;
	case OPT_FLAG:
		*(bool *)row->to = true;
		break;
	case OPT_TLS:
		*(int *)row->to = choice(row->name, value, tls, 3);
		break;
	case OPT_MECH:
		*(int *)row->to = choice(row->name, value, mech, MECH_N);
		break;
	case OPT_PIDS:
		set_pids(row->name, value);
		break;
	}
}

static const struct row *row_called(const char *word)
{
	if (strncmp(word, "--", 2) == 0)
		for (size_t i = 0; i < N_ROWS; i++)
			if (strcmp(rows[i].name, word + 2) == 0)
				return &rows[i];
	return NULL;
}

static void read_options(int argc, char **argv)
{
	static char room_prefix[32];

	if (argc < 2 || argv[1][0] == '-')
		usage();
	opt.mode = argv[1];
	for (int i = 2; i < argc; i++) {
		const struct row *row = row_called(argv[i]);

		if (!row || (row->value && i + 1 == argc))
			usage();
		set(row, row->value ? argv[++i] : NULL);
	}
	if (opt.warmup < 0)
		opt.warmup = opt.count / 20;
	if (opt.nodes > CAPS_NODES || opt.contacts == 0)
		die("--nodes is %d at most, --contacts 1 or more", CAPS_NODES);
	if (opt.floor && opt.tls == TLS_STARTTLS)
		opt.tls = TLS_DIRECT;
	if (!opt.room_prefix) {
		(void)snprintf(room_prefix, sizeof(room_prefix), "room%d-", (int)getpid());
		opt.room_prefix = room_prefix;
	}
}

int main(int argc, char **argv)
{
	struct rlimit files;
	int status;

	read_options(argc, argv);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	net_open();
	sasl_open(opt.cache);
	status = mode_run(opt.mode);
	pool_close();
	sasl_close(opt.cache);
	net_close();
	return status;
}
