/* SPDX-License-Identifier: MIT */
/* The fields that all modes share.  cpu_us is what servers are compared by: CPU time of the
 * server's processes per operation. */
#include <stdarg.h>
#include <stdio.h>

#include "opts.h"
#include "report.h"
#include "session.h"

static double each(double x, long n)
{
	return n > 0 ? x / (double)n : 0;
}

void report(const char *op, long ops, const struct snap *from, const struct snap *to,
    const struct hist *latency, const char *more, ...)
{
	double wall = seconds(from->at, to->at), cpu = to->cpu - from->cpu;
	double own = to->own_cpu - from->own_cpu;
	va_list ap;

	(void)printf("{\"mode\":\"%s\",\"op\":\"%s\",\"ops\":%ld,\"wall_s\":%.3f,\"rate\":%.1f,"
		     "\"p50_ms\":%.3f,\"p95_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,"
		     "\"errors\":%ld,\"lost\":%ld,\"own_cpu_us\":%.2f",
	    opt.mode, op, ops, wall, wall > 0 ? (double)ops / wall : 0, hist_ms(latency, .50),
	    hist_ms(latency, .95), hist_ms(latency, .99), (double)latency->max / 1e6,
	    session_errors, session_lost, each(own * 1e6, ops));
	if (opt.n_pids > 0)
		(void)printf(",\"cpu_s\":%.2f,\"cpu_us\":%.2f,\"cores\":%.2f,\"procs\":%d,"
			     "\"rss\":%lu,\"pss\":%lu",
		    cpu, each(cpu * 1e6, ops), wall > 0 ? cpu / wall : 0, to->procs, to->rss,
		    to->pss);
	if (*more)
		(void)putchar(',');
	va_start(ap, more);
	(void)vprintf(more, ap);
	va_end(ap);
	(void)puts("}");
	(void)fflush(stdout);
}
