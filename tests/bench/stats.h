/* SPDX-License-Identifier: MIT */
/* Time, latencies, and what the kernel says of the server's processes. */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stdbool.h>
#include <stdint.h>

uint64_t now_ns(void);
double seconds(uint64_t from, uint64_t to);

/* A histogram of nanoseconds whose buckets are 3 % wide. */
#define HIST_N 2048
struct hist {
	uint64_t n, max;
	uint64_t bucket[HIST_N];
};
void hist_add(struct hist *h, uint64_t ns);
double hist_ms(const struct hist *h, double quantile); /* 0 to 1, in milliseconds */

/* The processes of opt.pids and all below them, at one moment. */
struct snap {
	uint64_t at;         /* now_ns() */
	double cpu, own_cpu; /* seconds, of theirs and of this process */
	uint64_t rss, pss;   /* bytes */
	int procs;
};
void snap_take(struct snap *s, bool memory); /* memory: read that, too, which is slow */

#endif
