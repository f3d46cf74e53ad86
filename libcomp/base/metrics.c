/* SPDX-License-Identifier: MIT */
/* The registry of counters and gauges, and its OpenMetrics 1.0 text.
 *
 * Owns the list of registered metrics, which are static objects of the modules that count, and the
 * hooks.  Samples of one name form one family and must stand together under one TYPE and HELP line,
 * so the list keeps equal names next to each other.  The loop's thread only. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include <base/mem.h>
#include <base/metrics.h>
#include <base/sbuf.h>

struct hook {
	void (*fn)(struct sbuf *out, void *arg);
	void *arg;
	struct hook *next;
};

static struct metric *metrics;
static struct hook *hooks;

void metric_register(struct metric *m)
{
	struct metric **at, **pp;

	if (m->known)
		return;
	for (at = &metrics; *at; at = &(*at)->next)
		;
	for (pp = &metrics; *pp; pp = &(*pp)->next) {
		if (strcmp((*pp)->name, m->name) == 0)
			at = &(*pp)->next;
	}
	m->next = *at;
	*at = m;
	m->known = true;
}

void metrics_hook(void (*fn)(struct sbuf *out, void *arg), void *arg)
{
	struct hook **pp = &hooks;

	while (*pp)
		pp = &(*pp)->next;
	*pp = xzalloc(sizeof(**pp));
	(*pp)->fn = fn;
	(*pp)->arg = arg;
}

/* A counter's family is named without the _total that its samples carry. */
static void put_family(struct sbuf *out, const struct metric *m)
{
	static const char suffix[] = "_total";
	size_t len = strlen(m->name), n = sizeof(suffix) - 1;

	if (!m->gauge && len > n && strcmp(m->name + len - n, suffix) == 0)
		len -= n;
	sbuf_printf(out, "# TYPE %.*s %s\n", (int)len, m->name, m->gauge ? "gauge" : "counter");
	sbuf_printf(out, "# HELP %.*s %s\n", (int)len, m->name, m->help);
}

static void put_sample(struct sbuf *out, const struct metric *m)
{
	sbuf_puts(out, m->name);
	if (m->labels)
		sbuf_printf(out, "{%s}", m->labels);
	sbuf_printf(out, " %" PRId64 "\n", m->v);
}

void metrics_write(struct sbuf *out)
{
	const char *family = "";

	for (const struct metric *m = metrics; m; m = m->next) {
		if (strcmp(family, m->name) != 0) {
			put_family(out, m);
			family = m->name;
		}
		put_sample(out, m);
	}
	for (const struct hook *h = hooks; h; h = h->next)
		h->fn(out, h->arg);
	sbuf_puts(out, "# EOF\n");
}
