/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/sbuf.h>
#include <xmpp/stamp.h>

#include "fresh.h"
#include "held.h"
#include "message.h"
#include "offline.h"
#include "owner.h"
#include "store.h"

static const struct log_tag tag = { .mod = "archive" };

struct waiting {
	struct archive *a;
	const struct jid *account;
	uint32_t max, bytes;
	bool has_after, has_until;
	struct uid after, until, last;
	uint32_t n; /* in the answer */
	bool any;   /* there was one, given or passed over */
	struct sbuf text;
};

/* What the server asks for, within what an answer has room for. */
static int read_ask(struct waiting *w, const struct el *offline)
{
	const char *after = el_attr(offline, "after"), *until = el_attr(offline, "archived-until");

	w->max = ARCHIVE_OFFLINE;
	w->bytes = ARCHIVE_OFFLINE_BYTES;
	if ((el_attr(offline, "max") && el_attr_u32(offline, "max", &w->max) < 0) ||
	    (el_attr(offline, "bytes") && el_attr_u32(offline, "bytes", &w->bytes) < 0))
		return -COND_BAD_REQUEST;
	if (w->max == 0 || w->max > ARCHIVE_OFFLINE)
		w->max = ARCHIVE_OFFLINE;
	if (w->bytes > ARCHIVE_OFFLINE_BYTES)
		w->bytes = ARCHIVE_OFFLINE_BYTES;
	w->has_after = after;
	w->has_until = until;
	if ((after && uid_parse(&w->after, after) < 0) ||
	    (until && uid_parse(&w->until, until) < 0))
		return -COND_BAD_REQUEST;
	return 0;
}

/* Bytes that an answer has for one message. */
static size_t longest(const struct archive *a)
{
	size_t max = (size_t)a->conf->comp.max_stanza, around = 8192;

	return max > 2 * around ? max - around : around;
}

/* Clients take it for a place in their archive: only what is there has one. */
static void write_stanza_id(struct sbuf *out, const struct waiting *w, const char *id)
{
	sbuf_puts(out, "<stanza-id xmlns=\"" NS_SID "\"");
	el_write_attr(out, "by", w->account->s);
	el_write_attr(out, "id", id);
	sbuf_puts(out, "/>");
}

static void write_message(struct waiting *w, const struct store_row *row)
{
	char id[UID_TEXT + 1];
	struct sbuf sid = SBUF_INIT;
	bool fits = row->head_len + row->len <= longest(w->a);

	uid_write(&row->uid, id);
	if (row->peer)
		write_stanza_id(&sid, w, id);
	if (!fits)
		log_warn(&tag, "%s gets the message %s without its content: it is too long",
		    w->account->s, id);
	sbuf_puts(&w->text, "<forwarded xmlns=\"" NS_FORWARD "\">");
	stamp_delay(&w->text, jid_domain(w->account), uid_ms(&row->uid));
	message_write(&w->text, row->head, row->head_len, row->content, fits ? row->len : 0,
	    row->peer ? sbuf_str(&sid) : NULL);
	sbuf_puts(&w->text, "</forwarded>");
	sbuf_done(&sid);
}

/* Its client finds it in the archive. */
static bool is_found(const struct waiting *w, const struct store_row *row)
{
	return w->has_until && row->peer && uid_cmp(&row->uid, &w->until) <= 0;
}

static bool on_row(const struct store_row *row, void *arg)
{
	struct waiting *w = arg;
	size_t before = sbuf_len(&w->text);

	if (is_found(w, row)) {
		w->last = row->uid;
		w->any = true;
		return true;
	}
	write_message(w, row);
	if (w->n > 0 && sbuf_len(&w->text) > w->bytes) {
		sbuf_truncate(&w->text, before);
		return false;
	}
	w->last = row->uid;
	w->any = true;
	w->n++;
	return true;
}

static void answer(struct comp_req *rq, const struct waiting *w)
{
	struct el *el = comp_result(rq);
	struct sbuf out = SBUF_INIT;
	char id[UID_TEXT + 1];

	sbuf_puts(&out, "<offline xmlns=\"" NS_TAP "\"");
	if (w->any) {
		uid_write(&w->last, id);
		el_write_attr(&out, "last", id);
	}
	sbuf_putc(&out, w->n > 0 ? '>' : '/');
	sbuf_add(&out, sbuf_data(&w->text), sbuf_len(&w->text));
	sbuf_puts(&out, w->n > 0 ? "</offline>" : ">");
	el_set_raw(
	    el, arena_strndup(el_arena(el), sbuf_data(&out), sbuf_len(&out)), sbuf_len(&out));
	sbuf_done(&out);
	comp_reply(rq, el);
}

/* What is over is read no more, though it is removed only when this is committed. */
static int read_page(struct waiting *w, struct owner *o)
{
	struct uid_end low;

	uid_first(&low);
	if (o->id == 0)
		return 0;
	if (w->has_after) {
		store_del_offline(comp_tx(w->a->c), o->id, &w->after);
		owner_touch(w->a, o);
		uid_above(&low, &w->after);
	}
	return store_read_offline(w->a, o->id, &low, w->max, on_row, w);
}

static enum held_next run(struct archive *a, struct comp_req *rq, void *state)
{
	struct waiting w = { .a = a, .account = comp_from(rq) };
	struct owner *o;
	int r = read_ask(&w, comp_payload(rq));

	(void)state;
	if (r < 0) {
		comp_reply_err(rq, (enum el_cond)(-r), NULL);
		return HELD_DONE;
	}
	if (fresh_held(a, w.account->s) == HELD_UNTIL)
		return HELD_UNTIL;
	r = owner_find(a, w.account->s, &o);
	if (r == 0)
		r = read_page(&w, o);
	if (r < 0)
		comp_reply_err(rq, archive_failed(r), NULL);
	else
		answer(rq, &w);
	sbuf_done(&w.text);
	return HELD_DONE;
}

/* The library lets nobody but the server ask in the name of an account. */
int offline_page(struct comp_req *rq, void *arg)
{
	static const struct held_ops ops = { .run = run };
	struct archive *a = arg;
	struct owner *o;
	int r;

	if (!jid_is_bare(comp_from(rq)) || jid_is_domain(comp_from(rq)))
		return -COND_BAD_REQUEST;
	r = owner_find(a, comp_from(rq)->s, &o);
	return r < 0 ? -(int)archive_failed(r) : held_start(a, rq, 0, &ops, NULL);
}
