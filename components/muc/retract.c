/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <base/arena.h>
#include <base/rnd.h>
#include <base/sbuf.h>
#include <xmpp/stamp.h>

#include "later.h"
#include "mam.h"
#include "message.h"
#include "reach.h"
#include "retract.h"
#include "store_said.h"

enum { ID_LEN = 16, NOTICE_LEN = 1024 };

/* --- what is meant -----------------------------------------------------------------------------
 */

struct target {
	const struct room *room;
	const struct jid *who; /* whose it may be */
	unsigned flags;
	bool mine;
	char by[OCCUPANT_ID_LEN + 1]; /* whose it is; "": the room's, or not known */
};

static void take(struct target *t, unsigned flags, const char *author)
{
	t->flags = flags;
	t->mine = t->who && said_is_by(author, t->who);
	if (author) {
		struct jid j = jid_view(author);

		occupant_id_make(t->room->m->id_key, t->room->jid, &j, t->by);
	}
}

static bool on_said(const struct said_row *row, void *arg)
{
	take(arg, row->flags, row->jid);
	return false;
}

/* 1: it is there; 0; -Exxx. */
static int find(struct room *r, const struct sid *id, struct target *t)
{
	const struct said *s = history_find(r, id);

	if (!s)
		return store_read_said(r->m, r->no, id, on_said, t);
	take(t, s->flags, s->jid);
	return 1;
}

/* --- tombstones --------------------------------------------------------------------------------
 */

/* author: of what was said, its occupant id.  moderated: has what says who took it back and why. */
static void write_tombstone(struct sbuf *out, const struct room *r, const char *author,
    const char *id, const struct el *moderated)
{
	char stamp[STAMP_LEN + 1];

	stamp_write(muc_wall(r->m), stamp);
	if (*author)
		occupant_id_write(out, author);
	sbuf_puts(out, "<retracted xmlns=\"" NS_RETRACT "\"");
	el_write_attr(out, "id", id);
	el_write_attr(out, "stamp", stamp);
	if (!moderated) {
		sbuf_puts(out, "/>");
		return;
	}
	sbuf_putc(out, '>');
	EL_EACH (child, moderated, NULL, NULL)
		el_write(out, child, NS_RETRACT);
	sbuf_puts(out, "</retracted>");
}

/* By author (NULL: whoever it is by), in the database and in memory. */
static void bury(
    struct room *r, const struct sid *id, const struct jid *author, const char *tombstone)
{
	struct arena *a = arena_new();
	struct said *s = history_find(r, id);
	const char *bare = author ? jid_bare(author, a).s : NULL;

	store_blank_said(comp_tx(r->m->c), r, id, bare, tombstone);
	r->history.tx = comp_tx_number(r->m->c);
	if (s && !(s->flags & (SAID_GONE | SAID_NOTICE)) && (!author || said_is_by(s->jid, author)))
		history_blank(r, s, tombstone);
	arena_free(a);
}

/* --- by who has said it (XEP-0424) -------------------------------------------------------------
 */

static const struct el *retract_of(const struct el *msg)
{
	return el_child(msg, "retract", NS_RETRACT);
}

/* A message that the room may have. */
static int named(const struct el *el, struct sid *id)
{
	const char *s = el_attr(el, "id");

	return s ? sid_parse(id, s) : -1;
}

int retract_check(struct room *r, const struct session *by, const struct el *msg)
{
	const struct el *retract = retract_of(msg);
	struct target t = { .room = r, .who = &by->jid };
	struct sid id;
	int ret;

	if (!retract)
		return 0;
	if (el_child(retract, "moderated", NULL)) /* only the room says so */
		return -COND_FORBIDDEN;
	if (named(retract, &id) < 0)
		return 0;
	ret = find(r, &id, &t);
	if (ret < 0)
		return -COND_RESOURCE_CONSTRAINT;
	return ret == 0 || t.mine ? 0 : -COND_FORBIDDEN;
}

void retract_own(struct room *r, const struct session *by, const struct el *msg)
{
	const struct el *retract = retract_of(msg);
	struct sbuf text = SBUF_INIT;
	struct sid id;

	if (!retract || named(retract, &id) < 0)
		return;
	write_tombstone(&text, r, by->occ->id, el_attr(msg, "id"), NULL);
	bury(r, &id, &by->jid, sbuf_str(&text));
	sbuf_done(&text);
}

/* --- by a moderator (XEP-0425) -----------------------------------------------------------------
 */

/* The room's own word to all, which is kept. */
static struct el *announcement(
    const struct room *r, const struct session *by, const char *id, const char *reason)
{
	struct el *msg = el_message("groupchat", NULL);
	struct el *retract = el_add(msg, "retract", NS_RETRACT);
	struct el *moderated = el_add(retract, "moderated", NS_MODERATE);
	char own[ID_LEN + 1];

	rnd_id(own, ID_LEN);
	el_set(msg, "id", own);
	el_set(msg, "from", r->jid);
	el_set(retract, "id", id);
	el_set(moderated, "by", by->occ->jid);
	occupant_id_add(moderated, by->occ->id);
	if (reason && *reason)
		el_add_text(retract, "reason", NULL, reason);
	el_freeze(msg);
	return msg;
}

static int moderate(struct room *r, const struct session *by, const struct sid *id,
    const char *author, const char *reason)
{
	EL_AUTO struct el *msg = NULL;
	struct sbuf tombstone = SBUF_INIT;
	char text[SID_TEXT + 1];
	struct said *s;
	int ret;

	sid_write(id, text);
	msg = announcement(r, by, text, reason);
	s = said_new(r, msg, NULL);
	if (s)
		said_stamp(r, s, msg);
	ret = message_reflect(r, msg);
	if (ret < 0) {
		said_free(s);
		return ret;
	}
	if (s)
		history_keep(r, s);
	write_tombstone(&tombstone, r, author, el_attr(msg, "id"), retract_of(msg));
	bury(r, id, NULL, sbuf_str(&tombstone));
	sbuf_done(&tombstone);
	return HANDLED;
}

/* Once all that the room has kept until now is there to be found. */
static int run(struct muc *m, struct room *r, struct comp_req *rq, void *state)
{
	const struct el *asked = comp_payload(rq);
	const struct session *by = r ? room_session(r, comp_from(rq)) : NULL;
	struct target t = { .room = r };
	struct sid id;
	int ret;

	(void)m;
	(void)state;
	if (!r)
		return -COND_ITEM_NOT_FOUND;
	if (!by || by->occ->role != ROLE_MODERATOR)
		return -COND_FORBIDDEN;
	if (named(asked, &id) < 0)
		return -COND_ITEM_NOT_FOUND;
	ret = find(r, &id, &t);
	if (ret <= 0)
		return ret < 0 ? -COND_RESOURCE_CONSTRAINT : -COND_ITEM_NOT_FOUND;
	if (t.flags & SAID_NOTICE)
		return -COND_NOT_ALLOWED;
	if (t.flags & SAID_GONE) /* somebody was faster */
		return HANDLED;
	return moderate(r, by, &id, t.by, el_child_text(asked, "reason", NS_MODERATE));
}

int retract_moderate(struct muc *m, struct room *r, struct comp_req *rq)
{
	static const struct later_ops ops = { .fn = run };
	const struct el *asked = comp_payload(rq);
	const char *reason = el_child_text(asked, "reason", NS_MODERATE);
	struct session *by = r ? room_session(r, comp_from(rq)) : NULL;

	(void)m;
	if (!r)
		return -COND_ITEM_NOT_FOUND;
	if (!by || by->occ->role != ROLE_MODERATOR)
		return -COND_FORBIDDEN;
	if (!el_attr(asked, "id") || !el_child(asked, "retract", NS_RETRACT))
		return -COND_BAD_REQUEST;
	if (reason && strlen(reason) > MUC_REASON_MAX)
		return -COND_NOT_ACCEPTABLE;
	if (!message_rate(by, 1))
		return handler_refuse(rq, COND_RESOURCE_CONSTRAINT, "wait", "Slow down.");
	return later_start(r, rq, &ops, NULL);
}
