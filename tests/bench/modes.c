/* SPDX-License-Identifier: MIT */
/* The table of modes, and what those share that can be run against tlsrelay. */
#include <stdio.h>
#include <string.h>

#include "modes.h"
#include "opts.h"
#include "pool.h"
#include "session.h"

static const struct mode {
	const char *name;
	int (*run)(void);
	bool floor;
	const char *help;
} modes[] = {
	{ "login", mode_login, true, "TCP, TLS, SASL, binding, presence; an operation is a login" },
	{ "register", mode_register, false, "makes the accounts (XEP-0077)" },
	{ "idle", mode_idle, true, "logs in and measures memory" },
	{ "hibernate", mode_hibernate, false, "logs in, goes without a word, and measures memory" },
	{ "chat", mode_chat, true, "pairs; an operation is a delivered message" },
	{ "archive", mode_archive, false,
	    "the same with XEP-0198; an operation is an acknowledged and delivered message" },
	{ "page", mode_page, false, "reads the end of an archive; an operation is a page" },
	{ "iq", mode_iq, false, "pings to the server; an operation is a round trip" },
	{ "component", mode_component, false,
	    "is an echoing component, too; an operation is a round trip over it" },
	{ "echo", mode_echo, false, "the same over a component that is there already" },
	{ "muc", mode_muc, true, "joins, then messages; an operation is a join, a delivered copy" },
	{ "befriend", mode_befriend, false,
	    "makes new accounts contacts, with items; an operation is an item" },
	{ "pep-login", mode_pep_login, false,
	    "an operation is a login until contacts and their items are known" },
	{ "publish", mode_publish, true, "one node; an operation is a notification" },
	{ "coldstart", mode_coldstart, false, "starts the server; until stream features come" },
};
#define N_MODES (sizeof(modes) / sizeof(modes[0]))

void modes_print(void)
{
	for (size_t i = 0; i < N_MODES; i++)
		(void)printf("  %-10s %s\n", modes[i].name, modes[i].help);
}

int mode_run(const char *name)
{
	for (size_t i = 0; i < N_MODES; i++) {
		if (strcmp(modes[i].name, name) != 0)
			continue;
		if (opt.floor && !modes[i].floor)
			die("%s has no floor", name);
		return modes[i].run();
	}
	die("there is no mode %s", name);
}

enum conn_kind client_kind(void)
{
	return opt.floor ? CONN_RAW : CONN_CLIENT;
}

static int joined;

static void on_ok(struct conn *c, const char *s, size_t n)
{
	(void)c;
	(void)n;
	if (s[1] == 'o') /* <ok/> */
		joined++;
	pool_progress();
}

void relay_join(char kind, int per_group)
{
	on.stanza = on_ok;
	for (int i = 0; i < pool.n; i++) {
		conn_printf(pool.conns[i], "%c%07d\n", kind, i / per_group);
		net_flush();
	}
	pool_progress();
	while (joined < pool.n && !pool_stalled())
		net_turn(100000000);
	if (joined < pool.n)
		die("tlsrelay knows %d of %d connections", joined, pool.n);
}
