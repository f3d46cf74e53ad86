/* SPDX-License-Identifier: MIT */
#include <base/sbuf.h>

#include "presence.h"
#include "reach.h"

enum {
	TAGS = 896,                /* of a presence or message: all but texts, and the link's own */
	FAREWELL_BYTES = 24 << 20, /* of one who leaves; a handler may send more than this */
};

size_t reach_text(const char *s)
{
	size_t n = 0;

	for (; s && *s; s++) { /* of each occupant at each join */
		switch (*s) {
		case '&':
		case '<':
		case '>':
		case '"':
		case '\'':
			n += 6;
			break;
		default:
			n++;
		}
	}
	return n;
}

static size_t note_texts(const struct note *n)
{
	struct sbuf out = SBUF_INIT;
	size_t len = reach_text(n->new_nick) + reach_text(n->actor) + reach_text(n->reason) +
	             reach_text(n->status) + reach_text(n->id);

	if (n->destroy)
		el_write(&out, n->destroy, NS_CLIENT);
	len += sbuf_len(&out);
	sbuf_done(&out);
	return len;
}

/* One copy of an occupant's presence but for whom it is to: as it goes, and as it is. */
static size_t gone_len(const struct occupant *o)
{
	return TAGS + reach_text(o->jid) + reach_text(occupant_main(o)->jid.s);
}

static size_t here_len(const struct occupant *o)
{
	return gone_len(o) + occupant_main(o)->pres_len + o->hats_len;
}

/* --- those who are told ------------------------------------------------------------------------
 */

struct ears {
	size_t n, to; /* sessions, and the bytes of their addresses */
};

static void add_ears(struct ears *e, const struct occupant *o)
{
	LIST_EACH (it, &o->sessions) {
		e->n++;
		e->to += reach_text(LIST_ENTRY(it, struct session, link)->jid.s);
	}
}

static size_t told(const struct ears *e, size_t len)
{
	return e->n * len + e->to;
}

static struct ears who_stays(const struct room *r)
{
	struct ears e = { 0 };

	LIST_EACH (it, &r->occupants) {
		const struct occupant *o = LIST_ENTRY(it, struct occupant, link);

		if (!o->going)
			add_ears(&e, o);
	}
	return e;
}

static size_t cost(const struct occupant *o, const struct ears *stay, size_t texts)
{
	struct ears own = { 0 };

	if (!o->going)
		return o->shows * told(stay, here_len(o) + texts);
	add_ears(&own, o);
	return told(&own, gone_len(o) + texts) + (o->visible ? told(stay, gone_len(o) + texts) : 0);
}

bool reach_fits(const struct room *r, const struct note *n, size_t more)
{
	size_t space = comp_send_space(r->m->c), texts = note_texts(n);
	struct ears stay = who_stays(r);

	LIST_EACH (it, &r->occupants) {
		if (more > space)
			return false;
		more += cost(LIST_ENTRY(it, struct occupant, link), &stay, texts);
	}
	return more <= space;
}

void reach_clear(struct room *r)
{
	LIST_EACH (it, &r->occupants) {
		struct occupant *o = LIST_ENTRY(it, struct occupant, link);

		o->going = false;
		o->shows = 0;
	}
}

bool reach_fits_session(const struct session *s, unsigned n, size_t len, bool entry)
{
	const struct room *r = s->occ->room;
	size_t to = reach_text(s->jid.s), all;
	struct ears stay = who_stays(r);

	all = n * told(&stay, TAGS + reach_text(s->occ->jid) + to) +
	      stay.n * (len + n * s->occ->hats_len);
	if (entry) {
		LIST_EACH (it, &r->occupants) {
			const struct occupant *o = LIST_ENTRY(it, struct occupant, link);

			if (o != s->occ && o->visible)
				all += here_len(o) + to;
		}
		all += r->history.bytes +
		       (r->history.n + 2) * (TAGS + to + 2 * reach_text(r->jid)) +
		       reach_text(r->subject);
	}
	return all <= comp_send_space(r->m->c);
}

bool reach_fits_show(const struct occupant *o)
{
	const struct session *s = occupant_main(o);

	return reach_fits_session(s, 1, s->pres_len, false);
}

/* --- those who leave ---------------------------------------------------------------------------
 */

/* What one session's going may cost for each that may be in the room. */
static size_t share(const struct room *r)
{
	return FAREWELL_BYTES / ((size_t)r->m->conf->max_occupants + MUC_EXTRA_USERS);
}

bool reach_may_leave(const struct session *s)
{
	return comp_send_space(s->occ->room->m->c) >= FAREWELL_BYTES;
}

/* A third for the address that a copy goes to, the rest for what is in it. */
bool reach_may_enter(const struct session *s)
{
	size_t n = share(s->occ->room), jid = reach_text(s->jid.s);

	return jid <= n / 3 && TAGS + reach_text(s->occ->jid) + jid <= n - n / 3;
}

bool reach_may_say(const struct session *s, const char *status)
{
	size_t n = share(s->occ->room);

	return TAGS + reach_text(s->occ->jid) + reach_text(s->jid.s) + reach_text(status) <=
	       n - n / 3;
}
