/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <base/sbuf.h>
#include <xmpp/stamp.h>

#include "message.h"
#include "occupant.h"
#include "room.h"
#include "store_said.h"
#include "subject.h"

#define NS_REACTIONS "urn:xmpp:reactions:0" /* XEP-0444 */

/* --- one message -------------------------------------------------------------------------------
 */

void said_free(struct said *s)
{
	if (!s)
		return;
	free(s->nick);
	free(s->jid);
	free(s->id);
	free(s->lang);
	free(s->inner);
	free(s);
}

bool history_has_content(const struct el *msg)
{
	return el_child(msg, "body", NS_CLIENT) || el_child(msg, "encrypted", NULL) ||
	       el_child(msg, "openpgp", NS_OPENPGP) || el_child(msg, "x", NS_PGP_LEGACY);
}

/* What somebody who was not there has to know, be it said in words or not. */
static bool has_meaning(const struct el *msg)
{
	return history_has_content(msg) || el_child(msg, "reactions", NS_REACTIONS) ||
	       el_child(msg, "store", NS_HINTS);
}

static unsigned flags_of(const struct room *r, const struct el *msg)
{
	bool notice = subject_is_change(msg) || el_child(msg, "retract", NS_RETRACT);
	unsigned flags = 0;

	if (el_child(msg, "no-store", NS_HINTS) || el_child(msg, "no-permanent-store", NS_HINTS))
		return 0;
	if (r->conf.history > 0 && history_has_content(msg))
		flags |= SAID_SHOWN;
	if (r->conf.archive && (notice || has_meaning(msg)))
		flags |= SAID_KEPT;
	return flags && notice ? flags | SAID_NOTICE : flags;
}

static char *dup(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

struct said *said_new(struct room *r, const struct el *msg, const struct session *by)
{
	unsigned flags = flags_of(r, msg);
	struct said *s;
	const char *raw;

	if (!flags)
		return NULL;
	s = xzalloc(sizeof(*s));
	raw = el_raw(msg, &s->len);
	s->sid = sid_next(r->history.seq, muc_wall(r->m));
	s->flags = flags;
	if (by) {
		s->flags |= (unsigned)by->occ->aff << SAID_AFF_SHIFT | (unsigned)by->occ->role
		                                                           << SAID_ROLE_SHIFT;
		s->nick = xstrdup(by->occ->nick);
		s->jid = xstrdup(by->jid.s);
	}
	s->id = dup(el_attr(msg, "id"));
	s->lang = dup(el_attr(msg, "xml:lang"));
	s->inner = xstrndup(raw, s->len);
	return s;
}

bool said_is_by(const char *author, const struct jid *who)
{
	size_t n = jid_bare_len(who);

	return author && strncmp(author, who->s, n) == 0 && (author[n] == '/' || !author[n]);
}

enum aff said_aff(unsigned flags)
{
	unsigned v = flags >> SAID_AFF_SHIFT & 7;

	return v <= AFF_OWNER ? (enum aff)v : AFF_NONE;
}

enum role said_role(unsigned flags)
{
	return (enum role)(flags >> SAID_ROLE_SHIFT & 3);
}

/* --- its id ------------------------------------------------------------------------------------
 */

static void write_stanza_id(struct sbuf *out, const struct room *r, const struct sid *sid)
{
	char id[SID_TEXT + 1];

	sid_write(sid, id);
	sbuf_puts(out, "<stanza-id xmlns=\"" NS_SID "\"");
	el_write_attr(out, "by", r->jid);
	el_write_attr(out, "id", id);
	sbuf_puts(out, "/>");
}

static void set_inner(struct el *m, struct sbuf *inner)
{
	el_set_raw(
	    m, arena_strndup(el_arena(m), sbuf_data(inner), sbuf_len(inner)), sbuf_len(inner));
	sbuf_done(inner);
}

void said_stamp(const struct room *r, const struct said *s, struct el *msg)
{
	struct sbuf inner = SBUF_INIT;

	sbuf_add(&inner, s->inner, s->len);
	write_stanza_id(&inner, r, &s->sid);
	set_inner(msg, &inner);
}

/* --- what is shown -----------------------------------------------------------------------------
 */

void history_init(struct history *h)
{
	*h = (struct history){ .n = 0 };
	list_init(&h->said);
}

static void drop_first(struct history *h)
{
	struct said *s = LIST_FIRST(&h->said, struct said, link);

	list_del(&s->link);
	h->n--;
	h->bytes -= s->len;
	said_free(s);
}

void history_done(struct history *h)
{
	while (h->n > 0)
		drop_first(h);
}

static const struct said *oldest(const struct history *h)
{
	return LIST_FIRST(&h->said, struct said, link);
}

/* What is in the archive stays there. */
void history_trim(struct room *r)
{
	struct history *h = &r->history;
	const struct said *s;

	while ((h->n > (size_t)r->conf.history || h->bytes > MUC_HISTORY_BYTES) &&
	       (s = oldest(h)) != NULL) {
		if (!(s->flags & SAID_KEPT))
			store_del_said(comp_tx(r->m->c), r, s->sid.seq);
		drop_first(h);
	}
}

void history_expire(struct room *r, int64_t seq)
{
	struct history *h = &r->history;
	const struct said *s;

	while ((s = oldest(h)) != NULL && s->sid.seq < seq)
		drop_first(h);
}

void history_keep(struct room *r, struct said *s)
{
	struct history *h = &r->history;

	store_put_said(comp_tx(r->m->c), r, s);
	h->tx = comp_tx_number(r->m->c);
	h->seq = s->sid.seq;
	if (!(s->flags & SAID_SHOWN)) {
		said_free(s);
		return;
	}
	list_add_tail(&h->said, &s->link);
	h->n++;
	h->bytes += s->len;
	history_trim(r);
}

bool history_restore(struct room *r, struct said *s)
{
	struct history *h = &r->history;

	if (h->n >= (size_t)r->conf.history || h->bytes + s->len > MUC_HISTORY_BYTES)
		return false;
	list_add_head(&h->said, &s->link);
	h->n++;
	h->bytes += s->len;
	return true;
}

struct said *history_find(struct room *r, const struct sid *id)
{
	LIST_EACH (it, &r->history.said) {
		struct said *s = LIST_ENTRY(it, struct said, link);

		if (s->sid.seq == id->seq && s->sid.salt == id->salt)
			return s;
	}
	return NULL;
}

void history_blank(struct room *r, struct said *s, const char *tombstone)
{
	r->history.bytes -= s->len;
	free(s->inner);
	s->inner = xstrdup(tombstone);
	s->len = strlen(tombstone);
	s->flags |= SAID_GONE;
	r->history.bytes += s->len;
}

/* --- what is asked for -------------------------------------------------------------------------
 */

/* A number that is not negative; -1: it is none. */
static int64_t number(const struct el *el, const char *attr)
{
	const char *s = el_attr(el, attr);
	int64_t v = 0;

	if (!s || !*s)
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *s - '0', &v))
			return INT64_MAX;
	}
	return v;
}

void history_limits(struct history_limits *l, const struct el *x, int64_t now)
{
	const struct el *h = x ? el_child(x, "history", NS_MUC) : NULL;
	const char *since;
	int64_t seconds, at;

	*l = (struct history_limits){ -1, -1, INT64_MIN };
	if (!h)
		return;
	l->max_chars = number(h, "maxchars");
	l->max_stanzas = number(h, "maxstanzas");
	seconds = number(h, "seconds");
	if (seconds >= 0 && seconds <= now / 1000)
		l->since = now - seconds * 1000;
	since = el_attr(h, "since");
	if (since && stamp_parse(since, &at) == 0 && at > l->since)
		l->since = at;
}

size_t history_pick(
    const struct history_limits *l, const int64_t *at, const size_t *chars, size_t n)
{
	size_t k = 0;
	int64_t total = 0;

	while (k < n && (l->max_stanzas < 0 || (int64_t)k < l->max_stanzas) &&
	       at[n - 1 - k] >= l->since) {
		total += (int64_t)chars[n - 1 - k];
		if (l->max_chars >= 0 && total > l->max_chars)
			break;
		k++;
	}
	return k;
}

/* --- sending -----------------------------------------------------------------------------------
 */

static struct el *said_el(const struct room *r, const struct said *s, const struct session *to)
{
	struct el *m = el_message("groupchat", to->jid.s);
	struct sbuf inner = SBUF_INIT;

	if (s->nick)
		el_setf(m, "from", "%s/%s", r->jid, s->nick);
	else
		el_set(m, "from", r->jid);
	el_set(m, "id", s->id);
	el_set(m, "xml:lang", s->lang);
	sbuf_add(&inner, s->inner, s->len);
	write_stanza_id(&inner, r, &s->sid);
	stamp_delay(&inner, r->jid, sid_ms(s->sid.seq));
	set_inner(m, &inner);
	return m;
}

/* 7.2.14 counts characters of the whole stanza. */
static size_t count_chars(const struct el *m)
{
	struct sbuf out = SBUF_INIT;
	size_t n = 0;

	el_write(&out, m, NS_CLIENT);
	for (size_t i = 0; i < sbuf_len(&out); i++)
		n += (sbuf_data(&out)[i] & 0xc0) != 0x80;
	sbuf_done(&out);
	return n;
}

void history_send(struct room *r, const struct session *to, const struct history_limits *l)
{
	size_t n = r->history.n, i = 0, pick;
	struct el **v;
	int64_t *at;
	size_t *chars;

	if (n == 0 || l->max_chars == 0 || l->max_stanzas == 0)
		return;
	v = xreallocarray(NULL, n, sizeof(struct el *));
	at = xreallocarray(NULL, n, sizeof(*at));
	chars = xreallocarray(NULL, n, sizeof(*chars));
	LIST_EACH (it, &r->history.said) {
		const struct said *s = LIST_ENTRY(it, struct said, link);

		v[i] = said_el(r, s, to);
		at[i] = sid_ms(s->sid.seq);
		chars[i] = l->max_chars < 0 ? 0 : count_chars(v[i]);
		i++;
	}
	pick = history_pick(l, at, chars, n);
	for (i = 0; i < n; i++) {
		if (i >= n - pick)
			(void)comp_send(r->m->c, v[i]);
		else
			el_free(v[i]);
	}
	free(v);
	free(at);
	free(chars);
}
