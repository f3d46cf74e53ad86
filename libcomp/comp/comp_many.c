/* SPDX-License-Identifier: MIT */
/* One stanza to many addresses: in few stanzas of the link where the server takes <fanout/>
 * (docs/component-protocol.md 6), else in single copies; taken all together or not at all.
 *
 * In an account's name (XEP-0356) single copies are wrapped, and a single one is a fan-out, too: an
 * address that is not the component's may stand nowhere else.
 *
 * A fan-out is bytes from the start: the stanza once, then the addresses.
 *
 * Must not: ask for more than the protocol allows, since what the server refuses nobody gets. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <base/rnd.h>

#include "comp_internal.h"

#define ID_PREFIX "fanout-"

enum {
	FAN_TO_MAX = 1000,        /* addresses of one fan-out */
	FAN_BYTES_MAX = 16 << 20, /* of the copies that it makes */
	ID_LEN = 12,
};

struct comp_many {
	struct comp *c;
	const struct el *el;
	const struct granted *as; /* in an account's name, by that grant; at the end */
	struct sbuf to;           /* the addresses, each with its NUL */
	size_t n;
	struct sbuf packed; /* what is sent, out_pack(), so many stanzas */
	uint32_t n_packed;
};

static const struct log_tag tag = { .mod = "comp" };

int comp_many_refused(struct comp_req *rq, void *arg)
{
	const char *id = el_attr(comp_el(rq), "id"), *text;
	enum el_cond cond;

	(void)arg;
	if (!id || strncmp(id, ID_PREFIX, strlen(ID_PREFIX)) != 0 ||
	    !comp_is_router(rq->c, comp_from(rq)))
		return COMP_PASS;
	cond = el_error(comp_el(rq), &text);
	log_warn(&tag, "the server refused a fan-out, which nobody got: %s%s%s", el_cond_name(cond),
	    text ? ": " : "", text ? text : "");
	return COMP_DONE;
}

/* NULL: it has one. */
static const char *default_from(const struct comp_many *m)
{
	return el_attr(m->el, "from") ? NULL : m->c->domain;
}

/* Above this none of it will be taken: there is no need to make the rest. */
static bool is_too_much(const struct comp_many *m)
{
	return sbuf_len(&m->packed) > COMP_QUEUE_HARD;
}

/* --- fan-outs --------------------------------------------------------------------------------- */

static void pack_fanout(struct comp_many *m, const struct sbuf *payload)
{
	EL_AUTO struct el *el =
	    el_message(NULL, m->as ? comp_privilege_host(m->as) : m->c->routers.v[0]);
	size_t n = sbuf_len(payload);
	char id[ID_LEN + 1];

	rnd_id(id, ID_LEN);
	el_setf(el, "id", ID_PREFIX "%s", id);
	el_set(el, "from", m->c->domain);
	el_set_raw(el, arena_strndup(el_arena(el), sbuf_data(payload), n), n);
	out_pack(&m->packed, el, NULL, NULL);
	m->n_packed++;
}

/* Writes as many addresses from *at on as one may have, and moves *at behind them.  false: not
 * even the first; then the stanza is too large to be sent so. */
static bool write_part(const struct comp_many *m, const struct sbuf *inner, struct sbuf *out,
    const char **at, const char *end)
{
	/* The server's own bound is not known; it has the same default as ours. */
	size_t max = (size_t)m->c->conf->max_stanza / 8 * 7, copies = 0, n = 0;

	sbuf_puts(out, "<fanout xmlns=\"" NS_FANOUT "\">");
	sbuf_add(out, sbuf_data(inner), sbuf_len(inner));
	for (; *at < end && n < FAN_TO_MAX; n++) {
		size_t len = strlen(*at), before = sbuf_len(out);

		sbuf_puts(out, "<to jid=\"");
		el_escape(out, *at, len);
		sbuf_puts(out, "\"/>");
		copies += sbuf_len(inner) + len;
		if (copies > FAN_BYTES_MAX || sbuf_len(out) > max) {
			sbuf_truncate(out, before);
			break;
		}
		*at += len + 1;
	}
	sbuf_puts(out, "</fanout>");
	return n > 0;
}

static bool pack_fanouts(struct comp_many *m)
{
	const char *at = sbuf_data(&m->to), *end = at + sbuf_len(&m->to);
	struct sbuf inner = SBUF_INIT, payload = SBUF_INIT;
	bool fits = true;

	el_write_addr(&inner, m->el, NULL, default_from(m), NULL);
	while (at < end && fits && !is_too_much(m)) {
		sbuf_clear(&payload);
		fits = write_part(m, &inner, &payload, &at, end);
		if (fits)
			pack_fanout(m, &payload);
	}
	sbuf_done(&inner);
	sbuf_done(&payload);
	return fits;
}

/* --- either way ------------------------------------------------------------------------------- */

static void pack_copy(struct comp_many *m, const char *to)
{
	struct el *outer = m->as ? comp_wrap_as(m->as, m->el, to) : NULL;

	if (outer)
		out_pack(&m->packed, outer, m->c->domain, NULL);
	else
		out_pack(&m->packed, m->el, default_from(m), to);
	el_free(outer);
	m->n_packed++;
}

static void pack_copies(struct comp_many *m)
{
	const char *at = sbuf_data(&m->to), *end = at + sbuf_len(&m->to);

	sbuf_clear(&m->packed);
	m->n_packed = 0;
	for (; at < end && !is_too_much(m); at += strlen(at) + 1)
		pack_copy(m, at);
}

struct comp_many *comp_many_begin(struct comp *c, const struct el *el)
{
	struct comp_many *m = xzalloc(sizeof(*m));

	assert(!el_attr(el, "to")); /* each copy has its own */
	m->c = c;
	m->el = el;
	return m;
}

void comp_many_add(struct comp_many *m, const char *to)
{
	sbuf_add(&m->to, to, strlen(to) + 1);
	m->n++;
}

static bool may_fan_out(const struct comp_many *m)
{
	if (el_kind(m->el) == EL_IQ || !comp_offers(m->c, NS_FANOUT))
		return false;
	return m->as ? m->n > 0 : m->n > 1 && m->c->routers.n > 0;
}

static int pack(struct comp_many *m)
{
	const char *from = el_attr(m->el, "from");

	if (comp_privilege_needed(m->c, from)) {
		m->as = comp_privilege_to_write(m->c, from);
		if (!m->as || el_kind(m->el) != EL_MESSAGE)
			return -EPERM;
	}
	if (m->n > 1)
		el_freeze(el_mut(m->el));
	if (!may_fan_out(m) || !pack_fanouts(m))
		pack_copies(m);
	return 0;
}

static void many_free(struct comp_many *m)
{
	sbuf_done(&m->to);
	sbuf_done(&m->packed);
	free(m);
}

int comp_many_end(struct comp_many *m)
{
	int r = pack(m);

	if (r == 0)
		r = tx_send_packed(m->c, &m->packed, m->n_packed);
	many_free(m);
	return r;
}

int comp_many_end_both(struct comp_many *a, struct comp_many *b)
{
	int r = a->n > 0 ? pack(a) : 0;

	if (r == 0 && b->n > 0)
		r = pack(b);
	if (r == 0) {
		sbuf_add(&a->packed, sbuf_data(&b->packed), sbuf_len(&b->packed));
		r = tx_send_packed(a->c, &a->packed, a->n_packed + b->n_packed);
	}
	many_free(a);
	many_free(b);
	return r;
}
