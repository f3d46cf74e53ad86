/* SPDX-License-Identifier: MIT */
/* What a run was asked to do: read once by main.c, read-only afterwards (numbers of processes
 * apart, which the cold start sets itself). */
#ifndef BENCH_OPTS_H
#define BENCH_OPTS_H

#include <stdbool.h>

enum tls_mode { TLS_STARTTLS, TLS_DIRECT, TLS_NONE };
enum mech { MECH_PLAIN, MECH_SCRAM_SHA1, MECH_SCRAM_SHA256, MECH_N };

#define PIDS_MAX 64

struct opts {
	const char *mode;
	/* the server */
	const char *host, *domain;
	int port, component_port;
	int tls, mech; /* enum tls_mode, enum mech */
	bool floor;    /* it is tlsrelay: no XMPP, nobody to log in */
	/* the accounts PREFIX0, PREFIX1, ... */
	const char *prefix, *password, *cache;
	int first_user, users;
	/* how much */
	int sessions, pairs, parallel, window, count, warmup, rate, repeat;
	int page, rooms, occupants, senders, contacts, nodes;
	const char *muc, *room_prefix, *pubsub, *component, *secret;
	/* what is sent */
	int bytes;
	bool plain_body, full_jid, both_ways, coalesce;
	/* when */
	int settle_ms, hold_ms, timeout_s;
	bool leave; /* each session ends once it has logged in */
	const char *exec;
	/* the processes whose CPU time and memory are accounted, with all below them */
	int pids[PIDS_MAX], n_pids;
};

extern struct opts opt;

__attribute__((noreturn, format(printf, 1, 2))) void die(const char *fmt, ...);

#endif
