/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <base/sbuf.h>
#include <xmpp/stamp.h>

#include "occupant.h"
#include "room.h"

/* --- the list ----------------------------------------------------------------------------------
 */

void history_init(struct history *h)
{
	list_init(&h->said);
	h->n = h->bytes = 0;
	h->seq = 0;
}

void said_free(struct said *s)
{
	if (!s)
		return;
	free(s->nick);
	free(s->id);
	free(s->lang);
	free(s->inner);
	free(s);
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

void history_trim(struct room *r)
{
	while (r->history.n > (size_t)r->conf.history || r->history.bytes > MUC_HISTORY_BYTES)
		drop_first(&r->history);
}

int64_t history_before(const struct history *h)
{
	const struct said *first = LIST_FIRST(&h->said, struct said, link);

	return first ? first->seq - 1 : h->seq;
}

void history_add(struct room *r, struct said *s)
{
	list_add_tail(&r->history.said, &s->link);
	r->history.n++;
	r->history.bytes += s->len;
	if (s->seq > r->history.seq)
		r->history.seq = s->seq;
	history_trim(r);
}

bool history_has_content(const struct el *msg)
{
	return el_child(msg, "body", NS_CLIENT) || el_child(msg, "encrypted", NULL) ||
	       el_child(msg, "openpgp", NS_OPENPGP) || el_child(msg, "x", NS_PGP_LEGACY);
}

bool history_wants(const struct room *r, const struct el *msg)
{
	return r->conf.history > 0 && history_has_content(msg) &&
	       !el_child(msg, "no-store", NS_HINTS) &&
	       !el_child(msg, "no-permanent-store", NS_HINTS);
}

static char *dup(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

struct said *said_new(struct room *r, const struct el *msg, const char *nick, int64_t at)
{
	struct said *s = xzalloc(sizeof(*s));
	const char *raw = el_raw(msg, &s->len);

	s->seq = ++r->history.seq;
	s->at = at;
	s->nick = xstrdup(nick);
	s->id = dup(el_attr(msg, "id"));
	s->lang = dup(el_attr(msg, "xml:lang"));
	s->inner = xstrndup(raw, s->len);
	return s;
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
	char stamp[STAMP_LEN + 1];

	stamp_write(s->at, stamp);
	el_setf(m, "from", "%s/%s", r->jid, s->nick);
	el_set(m, "id", s->id);
	el_set(m, "xml:lang", s->lang);
	sbuf_add(&inner, s->inner, s->len);
	sbuf_puts(&inner, "<delay xmlns=\"" NS_DELAY "\" from=\"");
	el_escape(&inner, r->jid, strlen(r->jid));
	sbuf_printf(&inner, "\" stamp=\"%s\"/>", stamp);
	el_set_raw(
	    m, arena_strndup(el_arena(m), sbuf_data(&inner), sbuf_len(&inner)), sbuf_len(&inner));
	sbuf_done(&inner);
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
		at[i] = s->at;
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
