/* SPDX-License-Identifier: MIT */
/* One stanza to many addresses: in few stanzas of the link where the server takes <fanout/>
 * (docs/component-protocol.md 6), else in single copies.
 *
 * All that is to be sent is measured before any of it is, so that it is sent whole or not at all.
 * A fan-out is bytes from the start: the stanza once, then the addresses.
 *
 * Must not: ask for more than the protocol allows, since what the server refuses nobody gets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <base/rnd.h>
#include <base/sbuf.h>

#include "comp_internal.h"

#define ID_PREFIX "fanout-"

enum {
	FAN_TO_MAX = 1000,        /* addresses of one fan-out */
	FAN_BYTES_MAX = 16 << 20, /* of the copies that it makes */
	FAN_TAGS = 2304,          /* more than its own tags have, with two domains */
	ESCAPED = 6,              /* bytes that one becomes at most: &quot; */
	ID_LEN = 12,
};

struct comp_many {
	struct comp *c;
	const struct el *el;
	struct sbuf to; /* the addresses, each with its NUL */
	size_t n;
};

struct part { /* a fan-out to some of them */
	struct list link;
	struct el *el;
};

struct fan {
	const struct comp_many *m;
	struct sbuf inner; /* the stanza as all of them contain it */
	struct list parts;
	size_t bytes; /* of all parts */
};

static const struct log_tag tag = { .mod = "comp" };

/* --- who is asked to do it -------------------------------------------------------------------- */

/* The server has the domain above the component's. */
static const char *router_domain(const struct comp *c)
{
	const char *dot = strchr(c->domain, '.');

	return dot ? dot + 1 : c->domain;
}

int comp_many_refused(struct comp_req *rq, void *arg)
{
	const char *id = el_attr(comp_el(rq), "id"), *text;
	enum el_cond cond;

	(void)arg;
	if (!id || strncmp(id, ID_PREFIX, strlen(ID_PREFIX)) != 0 ||
	    strcmp(comp_from(rq)->s, router_domain(rq->c)) != 0)
		return COMP_PASS;
	cond = el_error(comp_el(rq), &text);
	log_warn(&tag, "the server refused a fan-out, which nobody got: %s%s%s", el_cond_name(cond),
	    text ? ": " : "", text ? text : "");
	return COMP_DONE;
}

/* --- fan-outs --------------------------------------------------------------------------------- */

static struct el *fanout_new(const struct comp *c, const struct sbuf *payload)
{
	struct el *el = el_message(NULL, router_domain(c));
	size_t n = sbuf_len(payload);
	char id[ID_LEN + 1];

	rnd_id(id, ID_LEN);
	el_setf(el, "id", ID_PREFIX "%s", id);
	el_set(el, "from", c->domain);
	el_set_raw(el, arena_strndup(el_arena(el), sbuf_data(payload), n), n);
	return el;
}

/* Writes as many addresses from *at on as one may have, and moves *at behind them.  false: not
 * even the first; then the stanza is too large to be sent so. */
static bool write_part(const struct fan *f, struct sbuf *out, const char **at, const char *end)
{
	/* The server's own bound is not known; it has the same default as ours. */
	size_t max = (size_t)f->m->c->conf->max_stanza / 8 * 7, copies = 0, n = 0;

	sbuf_puts(out, "<fanout xmlns=\"" NS_FANOUT "\">");
	sbuf_add(out, sbuf_data(&f->inner), sbuf_len(&f->inner));
	for (; *at < end && n < FAN_TO_MAX; n++) {
		size_t len = strlen(*at), before = sbuf_len(out);

		sbuf_puts(out, "<to jid=\"");
		el_escape(out, *at, len);
		sbuf_puts(out, "\"/>");
		copies += sbuf_len(&f->inner) + len;
		if (copies > FAN_BYTES_MAX || sbuf_len(out) > max) {
			sbuf_truncate(out, before);
			break;
		}
		*at += len + 1;
	}
	sbuf_puts(out, "</fanout>");
	return n > 0;
}

static bool make_parts(struct fan *f)
{
	const char *at = sbuf_data(&f->m->to), *end = at + sbuf_len(&f->m->to);
	bool fits = true;

	while (at < end && fits) {
		struct sbuf payload = SBUF_INIT;

		fits = write_part(f, &payload, &at, end);
		if (fits) {
			struct part *p = xzalloc(sizeof(*p));

			p->el = fanout_new(f->m->c, &payload);
			list_add_tail(&f->parts, &p->link);
			f->bytes += sbuf_len(&payload) + FAN_TAGS;
		}
		sbuf_done(&payload);
	}
	return fits;
}

/* 0 or the first failure; none is left in either case. */
static int end_parts(struct fan *f, bool send)
{
	int r = 0;

	while (!list_empty(&f->parts)) {
		struct part *p = LIST_FIRST(&f->parts, struct part, link);

		list_del(&p->link);
		if (send && r == 0)
			r = comp_send(f->m->c, p->el); /* takes it */
		else
			el_free(p->el);
		free(p);
	}
	return r;
}

/* --- either way ------------------------------------------------------------------------------- */

/* NULL: it has one. */
static const char *default_from(const struct comp_many *m)
{
	return el_attr(m->el, "from") ? NULL : m->c->domain;
}

static int no_space(const struct comp *c)
{
	return comp_online(c) ? -ENOBUFS : -ENOTCONN;
}

static int send_copies(const struct comp_many *m)
{
	const char *at = sbuf_data(&m->to), *end = at + sbuf_len(&m->to);
	struct sbuf one = SBUF_INIT;
	size_t bytes;
	int r = 0;

	el_write_addr(&one, m->el, NS_CLIENT, default_from(m), "");
	bytes = m->n * sbuf_len(&one) + ESCAPED * sbuf_len(&m->to);
	sbuf_done(&one);
	if (m->n > 1 && bytes > comp_send_space(m->c))
		return no_space(m->c);
	for (; at < end && r == 0; at += strlen(at) + 1)
		r = comp_send_copy(m->c, m->el, NULL, at);
	return r;
}

static int send_fanouts(const struct comp_many *m)
{
	struct fan f = { .m = m };
	bool fits, space;
	int r;

	list_init(&f.parts);
	el_write_addr(&f.inner, m->el, NULL, default_from(m), NULL);
	fits = make_parts(&f);
	space = f.bytes <= comp_send_space(m->c);
	r = end_parts(&f, fits && space);
	sbuf_done(&f.inner);
	if (!fits)
		return send_copies(m);
	return space ? r : no_space(m->c);
}

struct comp_many *comp_many_begin(struct comp *c, const struct el *el)
{
	struct comp_many *m = xzalloc(sizeof(*m));

	m->c = c;
	m->el = el;
	return m;
}

void comp_many_add(struct comp_many *m, const char *to)
{
	sbuf_add(&m->to, to, strlen(to) + 1);
	m->n++;
}

int comp_many_end(struct comp_many *m)
{
	int r = 0;

	if (m->n > 1)
		el_freeze(el_mut(m->el));
	if (m->n > 1 && el_kind(m->el) != EL_IQ && comp_offers(m->c, NS_FANOUT))
		r = send_fanouts(m);
	else if (m->n > 0)
		r = send_copies(m);
	sbuf_done(&m->to);
	free(m);
	return r;
}
