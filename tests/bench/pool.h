/* SPDX-License-Identifier: MIT */
/* The sessions of a run, opened at most opt.parallel at a time. */
#ifndef BENCH_POOL_H
#define BENCH_POOL_H

#include <stdbool.h>

#include "conn.h"
#include "stats.h"

struct pool {
	struct conn **conns;
	int n, ready;
	struct hist login;            /* how long each login took */
	uint64_t progress;            /* when something useful happened last */
	void (*each)(struct conn *c); /* told of each that is ready; may be NULL */
};
extern struct pool pool;

/* Opens n sessions and waits until they are ready; false, and said on stderr: some are missing. */
bool pool_open(enum conn_kind kind, int n);
void pool_close(void);
/* For the watchdog: something happened; nothing has for opt.timeout_s. */
void pool_progress(void);
bool pool_stalled(void);

#endif
