/* SPDX-License-Identifier: MIT */
/* One line of JSON a run. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "stats.h"

/* What happened between two snapshots.  `op` is what was done `ops` times, `more` a list of further
 * fields, printf-like ("": none). */
void report(const char *op, long ops, const struct snap *from, const struct snap *to,
    const struct hist *latency, const char *more, ...) __attribute__((format(printf, 6, 7)));

#endif
