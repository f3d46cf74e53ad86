/* SPDX-License-Identifier: MIT */
/* Counters and gauges, shown as OpenMetrics text on the health port.  Static objects register
 * themselves on first use; names follow OpenMetrics ("switchyard_stanzas_total"). */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdbool.h>
#include <stdint.h>

struct sbuf;

struct metric {
	const char *name;
	const char *help;
	const char *labels; /* "kind=\"message\"", or NULL */
	bool gauge;
	int64_t v;
	struct metric *next; /* the registry's */
	bool known;
};
#define METRIC_COUNTER(n, h, l)                         \
	{                                               \
		.name = (n), .help = (h), .labels = (l) \
	}
#define METRIC_GAUGE(n, h, l)                                          \
	{                                                              \
		.name = (n), .help = (h), .labels = (l), .gauge = true \
	}

void metric_register(struct metric *m);
static inline void metric_add(struct metric *m, int64_t n)
{
	if (__builtin_expect(!m->known, 0))
		metric_register(m);
	m->v += n;
}
static inline void metric_set(struct metric *m, int64_t v)
{
	if (__builtin_expect(!m->known, 0))
		metric_register(m);
	m->v = v;
}

/* For values that are asked for rather than kept (queue lengths per component): fn appends whole
 * sample lines, with their own # TYPE and # HELP. */
void metrics_hook(void (*fn)(struct sbuf *out, void *arg), void *arg);
void metrics_write(struct sbuf *out); /* ends with # EOF */

#endif
