/* SPDX-License-Identifier: MIT */
/* Output after its commit.
 *
 * On an acknowledged link it is kept, in memory as in the database, until the server has
 * acknowledged it, and goes into the stream only as fast as that takes it: after a loss, and after
 * a restart, it is sent again from the first stanza that the server did not count.  On a plain link
 * it is written at once and forgotten; what is left over from an acknowledged past goes first.
 *
 * Must not: send anything that is not committed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>

#include "comp_internal.h"

/* --- packed stanzas --------------------------------------------------------------------------- */

enum {
	HEAD = 4,    /* the length, little endian whatever the machine is */
	USUAL = 256, /* what is made room for at once */
};

void out_pack(struct sbuf *out, const struct el *el, const char *from, const char *to)
{
	size_t at = sbuf_len(out), len;
	unsigned char *head;

	(void)sbuf_reserve(out, USUAL);
	sbuf_commit(out, HEAD);
	el_write_addr(out, el, NS_COMPONENT, from, to);
	len = sbuf_len(out) - at - HEAD;
	head = (unsigned char *)out->data + out->off + at;
	for (unsigned i = 0; i < HEAD; i++)
		head[i] = (unsigned char)(len >> (8 * i));
}

/* The inner stanza is written once, as a document of its own: its content may be bytes already. */
void out_forward(
    struct el *outer, const char *name, const char *ns, const struct el *inner, const char *to)
{
	struct sbuf b = SBUF_INIT;

	sbuf_printf(&b, "<%s xmlns=\"%s\"><forwarded xmlns=\"" NS_FORWARD "\">", name, ns);
	el_write_addr(&b, inner, NULL, NULL, to);
	sbuf_printf(&b, "</forwarded></%s>", name);
	el_set_raw(
	    outer, arena_strndup(el_arena(outer), sbuf_data(&b), sbuf_len(&b)), sbuf_len(&b));
	sbuf_done(&b);
}

/* The bytes of the stanza at *at, which moves behind it; NULL at the end. */
static const char *unpack_at(const char *out, size_t all, size_t *at, size_t *ret_len)
{
	size_t left = all - *at, len = 0;
	const char *p = out + *at;

	if (left < HEAD)
		return NULL;
	for (unsigned i = 0; i < HEAD; i++)
		len |= (size_t)(unsigned char)p[i] << (8 * i);
	if (len > left - HEAD) /* a damaged row */
		return NULL;
	*at += HEAD + len;
	*ret_len = len;
	return p + HEAD;
}

static const char *unpack(const struct tx *t, size_t *at, size_t *ret_len)
{
	return unpack_at(sbuf_data(&t->out), sbuf_len(&t->out), at, ret_len);
}

const char *out_skip(const char *p, size_t *len, uint64_t n)
{
	size_t at = 0, one;

	while (n > 0) {
		if (!unpack_at(p, *len, &at, &one))
			return NULL;
		n--;
	}
	*len -= at;
	return p + at;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* While the stream has room for it, or all of it; false: some is left. */
static bool send_tx(struct comp *c, struct tx *t, bool all)
{
	const char *p;
	size_t len;

	while (all || link_queued(&c->link) < COMP_QUEUE_HIGH) {
		p = unpack(t, &t->at, &len);
		if (!p)
			return true;
		link_put(&c->link, p, len);
		c->ledger.out_sent += t->kept;
	}
	return t->at >= sbuf_len(&t->out);
}

/* A plain link, and this is in the database: once written it counts as acknowledged. */
static void send_left_over(struct comp *c, struct tx *t)
{
	struct ledger *d = &c->ledger;

	(void)send_tx(c, t, true);
	d->out_acked = d->out_sent = t->last;
	tx_free(t);
	if (!timer_armed(&d->trim))
		timer_set(&d->trim, COMP_TRIM_MS);
}

void out_push(struct comp *c)
{
	struct ledger *d = &c->ledger;

	if (!link_online(&c->link) || d->n_sessions > 0)
		return;
	if (!c->link.acked) {
		d->next = &d->outbox;
		while (!list_empty(&d->outbox))
			send_left_over(c, LIST_ENTRY(d->outbox.next, struct tx, link));
		return;
	}
	while (d->next != &d->outbox && send_tx(c, LIST_ENTRY(d->next, struct tx, link), false))
		d->next = d->next->next;
}

static void keep(struct comp *c, struct tx *t)
{
	struct ledger *d = &c->ledger;

	list_add_tail(&d->outbox, &t->link);
	if (d->next == &d->outbox)
		d->next = &t->link;
}

void out_settle(struct tx *t)
{
	struct comp *c = t->c;

	if (t->kept) {
		keep(c, t);
		link_kick(&c->link);
		return;
	}
	if (t->count > 0 && link_online(&c->link) && !c->link.acked) {
		out_push(c); /* what is older */
		(void)send_tx(c, t, true);
	}
	tx_free(t);
}

/* --- acknowledged ----------------------------------------------------------------------------- */

int out_ack(struct comp *c, uint32_t h)
{
	struct ledger *d = &c->ledger;
	uint32_t more = h - (uint32_t)(d->out_acked - d->out_base);
	struct tx *t;

	if (more > d->out_sent - d->out_acked)
		return -ERANGE;
	d->out_acked += more;
	while ((t = LIST_FIRST(&d->outbox, struct tx, link)) && t->last <= d->out_acked) {
		if (d->next == &t->link)
			d->next = t->link.next;
		tx_free(t);
	}
	if (d->out_trimmed != d->out_acked && !timer_armed(&d->trim))
		timer_set(&d->trim, COMP_TRIM_MS);
	inbox_kick(c);
	return 0;
}

void out_rewind(struct comp *c)
{
	struct ledger *d = &c->ledger;
	struct tx *first = LIST_FIRST(&d->outbox, struct tx, link);
	size_t len;

	LIST_EACH (it, &d->outbox)
		LIST_ENTRY(it, struct tx, link)->at = 0;
	d->next = d->outbox.next;
	d->out_sent = d->out_acked;
	if (!first)
		return;
	/* Of the first some may have been acknowledged: it stays whole until all are. */
	for (uint64_t n = first->last - first->count; n < d->out_acked; n++)
		(void)unpack(first, &first->at, &len);
}

int out_unpack(struct comp *c, struct tx *t)
{
	size_t at = 0, len;
	uint32_t n = 0;

	c->ledger.bytes += sbuf_len(&t->out);
	if (t->adopted)
		c->ledger.adopted += sbuf_len(&t->out);
	while (unpack(t, &at, &len))
		n++;
	if (n != t->count || at != sbuf_len(&t->out)) {
		tx_free(t);
		return -EBADMSG;
	}
	keep(c, t);
	return 0;
}

void out_clear(struct comp *c)
{
	struct ledger *d = &c->ledger;

	while (!list_empty(&d->outbox))
		tx_free(LIST_ENTRY(d->outbox.next, struct tx, link));
	d->next = &d->outbox;
}

/* An acknowledged stream holds a copy of what is counted here already. */
size_t out_queued(const struct comp *c)
{
	return c->ledger.bytes + (c->ledger.sm_id ? 0 : link_queued(&c->link));
}
