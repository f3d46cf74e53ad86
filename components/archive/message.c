/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <base/digest.h>
#include <xmpp/stamp.h>

#include "archive.h"
#include "message.h"

/* --- what a retraction names it by -------------------------------------------------------------
 */

/* In a room all are of one bare JID: there it is the full one (XEP-0424 5). */
static size_t who_len(const struct jid *j, bool private)
{
	return private ? j->len : jid_bare_len(j);
}

/* Who said it, to whom, under which id: as a number that nobody can bring about for another.  A
 * retraction of the same from the same to the same has it, too. */
static int64_t origin_of(const struct message *m, bool private, const char *id)
{
	struct sbuf b = SBUF_INIT;
	uint8_t sum[DIGEST_MAX];
	uint64_t v = 0;

	sbuf_add(&b, m->from.s, who_len(&m->from, private));
	sbuf_putc(&b, '\0');
	sbuf_add(&b, m->to.s, who_len(&m->to, private));
	sbuf_putc(&b, '\0');
	sbuf_puts(&b, id);
	digest(DIGEST_SHA256, sbuf_data(&b), sbuf_len(&b), sum);
	sbuf_done(&b);
	for (size_t i = 0; i < sizeof(v); i++)
		v = v << 8 | sum[i];
	v >>= 1;
	return v > 0 ? (int64_t)v : 1;
}

/* A retraction stays in the archive, whatever takes it back. */
static void read_origin(struct message *m, const struct el *el)
{
	const struct el *retract = el_child(el, "retract", NS_RETRACT);
	bool private = el_child(el, "x", NS_MUC_USER);
	const char *named = retract ? el_attr(retract, "id") : NULL;

	m->id = el_attr(el, "id");
	if (named && *named && m->id)
		m->retracts = origin_of(m, private, named);
	else if (m->id && *m->id)
		m->origin = origin_of(m, private, m->id);
}

/* --- bytes -------------------------------------------------------------------------------------
 */

/* The first ">" outside of a value. */
static size_t end_of_tag(const char *s, size_t n)
{
	bool quoted = false;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"')
			quoted = !quoted;
		else if (s[i] == '>' && !quoted)
			return i;
	}
	return n;
}

static void split(struct message *m)
{
	const char *s = sbuf_data(&m->text);
	size_t n = sbuf_len(&m->text), end = end_of_tag(s, n);

	if (end > 0 && s[end - 1] == '/') {
		m->head = end - 1;
		return;
	}
	m->head = end;
	m->at = end + 1;
	m->len = n - m->at - strlen("</message>");
}

int message_read(struct message *m, const struct el *el)
{
	const char *from = el_attr(el, "from"), *to = el_attr(el, "to");

	*m = (struct message){ .text = SBUF_INIT };
	if (!from || jid_parse(&m->from, el_arena(el), from) < 0)
		return -EINVAL;
	if (to && jid_parse(&m->to, el_arena(el), to) < 0)
		return -EINVAL;
	m->from_bare = jid_bare(&m->from, el_arena(el));
	if (!to)
		m->to = m->from_bare;
	m->to_bare = jid_bare(&m->to, el_arena(el));
	read_origin(m, el);
	el_write(&m->text, el, NULL);
	split(m);
	return 0;
}

void message_done(struct message *m)
{
	sbuf_done(&m->text);
}

void message_tombstone(struct sbuf *out, const struct message *m, int64_t ms)
{
	char stamp[STAMP_LEN + 1];

	stamp_write(ms, stamp);
	sbuf_puts(out, "<retracted xmlns=\"" NS_RETRACT "\"");
	el_write_attr(out, "id", m->id);
	el_write_attr(out, "stamp", stamp);
	sbuf_puts(out, "/>");
}

void message_write(struct sbuf *out, const void *head, size_t head_len, const void *content,
    size_t len, const char *extra)
{
	sbuf_add(out, head, head_len);
	if (len == 0 && !extra) {
		sbuf_puts(out, "/>");
		return;
	}
	sbuf_putc(out, '>');
	sbuf_add(out, content, len);
	sbuf_puts(out, extra ? extra : "");
	sbuf_puts(out, "</message>");
}
