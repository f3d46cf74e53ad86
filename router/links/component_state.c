/* SPDX-License-Identifier: MIT */
/* What an operator sees of components: switchyardctl's rows and the metrics. */
#include <inttypes.h>
#include <string.h>

#include <base/sbuf.h>

#include "conf.h"
#include "links/component.h"
#include "links/link.h"
#include "links/share.h"

const char *component_phase_name(enum component_phase p)
{
	static const char *const names[] = { "never", "online", "grace", "away" };

	return names[p];
}

void component_state(const struct component *c, struct component_state *out)
{
	const struct member *m = &c->own;

	if (c->sharing) {
		share_state(c->sharing, out);
		return;
	}
	*out = (struct component_state){
		.domain = c->domain,
		.title = c->conf->title,
		.peer = m->link ? link_peer(m->link) : NULL,
		.last_error = c->last_error,
		.phase = m->phase,
		.acked = m->acked,
		.since_ms = m->since_ms,
		.in = m->in,
		.out = m->out,
		.in_total = m->in_before + m->in,
		.out_total = m->out_before + m->out,
		.queued = m->queue.unsent_bytes + (m->link ? link_queued(m->link) : 0),
		.unacknowledged = m->queue.n_unacked,
		.links = m->link != NULL,
	};
}

void component_each_member(const struct component *c, component_member_fn *fn, void *arg)
{
	if (c->sharing)
		share_each(c->sharing, fn, arg);
}

/* --- metrics ---------------------------------------------------------------------------------- */

struct metric_row {
	struct sbuf *out;
	const char *name, *suffix;
	int64_t (*value)(const struct component_state *st);
};

static void write_row(struct component *c, void *arg)
{
	const struct metric_row *m = arg;
	struct component_state st;

	component_state(c, &st);
	sbuf_printf(m->out, "switchyard_component_%s%s{domain=\"%s\"} %" PRId64 "\n", m->name,
	    m->suffix, st.domain, m->value(&st));
}

static void metric_of(struct sbuf *out, struct components *cs, const char *name, const char *type,
    const char *help, int64_t (*value)(const struct component_state *st))
{
	struct metric_row m = { out, name, strcmp(type, "counter") != 0 ? "" : "_total", value };

	sbuf_printf(out, "# TYPE switchyard_component_%s %s\n# HELP switchyard_component_%s %s\n",
	    name, type, name, help);
	components_each(cs, write_row, &m);
}

static int64_t up_of(const struct component_state *st)
{
	return st->phase == COMP_ONLINE;
}

static int64_t acked_of(const struct component_state *st)
{
	return st->phase == COMP_ONLINE && st->acked;
}

static int64_t links_of(const struct component_state *st)
{
	return (int64_t)st->links;
}

static int64_t queued_of(const struct component_state *st)
{
	return (int64_t)st->queued;
}

static int64_t unacked_of(const struct component_state *st)
{
	return (int64_t)st->unacknowledged;
}

static int64_t in_of(const struct component_state *st)
{
	return (int64_t)st->in_total;
}

static int64_t out_of(const struct component_state *st)
{
	return (int64_t)st->out_total;
}

void components_write_metrics(struct sbuf *out, void *components)
{
	struct components *cs = components;

	metric_of(out, cs, "up", "gauge", "1 while the component is connected.", up_of);
	metric_of(out, cs, "acknowledged", "gauge",
	    "1 while it is connected with acknowledgements.", acked_of);
	metric_of(out, cs, "links", "gauge", "Its connections.", links_of);
	metric_of(out, cs, "queued_bytes", "gauge", "What waits to be sent to it.", queued_of);
	metric_of(out, cs, "unacknowledged", "gauge",
	    "Stanzas it was sent and has not acknowledged.", unacked_of);
	metric_of(out, cs, "in", "counter", "Stanzas received from it.", in_of);
	metric_of(out, cs, "out", "counter", "Stanzas sent to it.", out_of);
}
