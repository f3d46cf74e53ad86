/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "apply.h"
#include "invite.h"
#include "message.h"
#include "store.h"

struct invited {
	struct list link; /* in room->invited */
	char *who;        /* bare JID */
	struct jid by;    /* full JID of the inviter */
};

/* --- whom the room waits for -------------------------------------------------------------------
 */

static void forget(struct room *r, struct invited *i)
{
	list_del(&i->link);
	r->n_invited--;
	jid_done(&i->by);
	free(i->who);
	free(i);
}

static struct invited *find(struct room *r, const struct jid *who)
{
	size_t n = jid_bare_len(who);

	LIST_EACH (it, &r->invited) {
		struct invited *i = LIST_ENTRY(it, struct invited, link);

		if (strlen(i->who) == n && !memcmp(i->who, who->s, n))
			return i;
	}
	return NULL;
}

void invite_restore(struct room *r, const char *who, const struct jid *by)
{
	struct invited *i = xzalloc(sizeof(*i));

	i->who = xstrdup(who);
	i->by = jid_dup(by);
	list_add_tail(&r->invited, &i->link);
	r->n_invited++;
}

/* The answer has come, or there are too many. */
static void over(struct room *r, struct invited *i)
{
	store_del_invited(comp_tx(r->m->c), r->local, i->who);
	forget(r, i);
}

static void remember(struct room *r, const struct jid *who, const struct jid *by)
{
	char *bare = xstrndup(who->s, jid_bare_len(who));
	struct invited *before = find(r, who);

	if (before)
		over(r, before);
	else if (r->n_invited >= MUC_INVITED_MAX)
		over(r, LIST_ENTRY(r->invited.next, struct invited, link));
	invite_restore(r, bare, by);
	store_put_invited(comp_tx(r->m->c), r->local, bare, by->s, ++r->m->seq);
	free(bare);
}

void invites_free(struct room *r)
{
	while (!list_empty(&r->invited))
		forget(r, LIST_ENTRY(r->invited.next, struct invited, link));
}

/* --- sending -----------------------------------------------------------------------------------
 */

/* Real addresses are not for strangers where they are not for occupants. */
const char *invite_name(const struct session *s)
{
	return s->occ->room->conf.nonanon ? s->jid.s : s->occ->jid;
}

void invite_send(struct room *r, const char *by, const struct jid *to, const struct el *invite,
    const char *reason)
{
	struct el *msg = el_message(NULL, to->s), *x = el_add(msg, "x", NS_MUC_USER), *out;

	el_set(msg, "from", r->jid);
	out = invite ? el_add_copy(x, invite) : el_add(x, "invite", NULL);
	if (invite)
		el_set(out, "to", NULL);
	el_set(out, "from", by);
	if (reason)
		el_add_text(out, "reason", NULL, reason);
	if (r->conf.password)
		el_add_text(x, "password", NULL, r->conf.password);
	(void)comp_send(r->m->c, msg);
}

/* --- inviting ----------------------------------------------------------------------------------
 */

/* Whom an invitation into a members-only room makes a member (9.5). */
static int add_member(struct plan *p, struct room *r, const struct jid *to)
{
	const struct actor room = { AFF_OWNER, ROLE_MODERATOR };
	enum aff aff = room_aff(r, to);

	if (aff == AFF_OUTCAST)
		return -COND_NOT_ALLOWED;
	if (!r->conf.members_only || aff >= AFF_MEMBER)
		return 0;
	return plan_add(p, &room, to, AFF_MEMBER, NULL, NULL);
}

static int collect(
    struct plan *p, struct room *r, const struct el *x, struct arena *a, unsigned *ret_n)
{
	unsigned n = 0;

	EL_EACH (invite, x, "invite", NS_MUC_USER) {
		const char *s = el_attr(invite, "to"), *reason;
		struct jid to;
		int ret;

		if (++n > MUC_INVITES_MAX || !s || jid_parse(&to, a, s) < 0 || !to.dom)
			return -COND_JID_MALFORMED;
		if (jid_has_domain(&to, comp_domain(r->m->c)))
			return -COND_NOT_ACCEPTABLE;
		reason = el_child_text(invite, "reason", NS_MUC_USER);
		if (reason && strlen(reason) > MUC_REASON_MAX)
			return -COND_NOT_ACCEPTABLE;
		ret = add_member(p, r, &to);
		if (ret < 0)
			return ret;
	}
	*ret_n = n;
	return plan_check(p, 0);
}

static void send_all(struct room *r, const struct session *by, const struct el *x, struct arena *a)
{
	EL_EACH (invite, x, "invite", NS_MUC_USER) {
		struct jid to;

		if (jid_parse(&to, a, el_attr(invite, "to")) < 0)
			continue;
		invite_send(r, invite_name(by), &to, invite, NULL);
		remember(r, &to, &by->jid);
	}
}

static int invite(struct room *r, struct session *by, struct comp_req *rq, const struct el *x)
{
	struct arena *a = el_arena(comp_el(rq));
	struct plan p;
	unsigned n = 0;
	int ret;

	plan_init(&p, r, &by->jid);
	p.silent = true; /* the invitation says it */
	ret = collect(&p, r, x, a, &n);
	if (ret == 0 && !message_rate(by, n))
		ret = -COND_RESOURCE_CONSTRAINT;
	if (ret == 0) {
		plan_apply(&p);
		send_all(r, by, x, a);
	}
	plan_done(&p);
	return ret;
}

/* --- answers -----------------------------------------------------------------------------------
 */

static int decline(struct room *r, struct comp_req *rq, const struct el *el)
{
	struct invited *i = find(r, comp_from(rq));
	const char *reason = el_child_text(el, "reason", NS_MUC_USER);
	struct el *msg, *out;

	if (!i)
		return -COND_ITEM_NOT_FOUND;
	if (reason && strlen(reason) > MUC_REASON_MAX)
		return -COND_NOT_ACCEPTABLE;
	msg = el_message(NULL, i->by.s);
	el_set(msg, "from", r->jid);
	el_set(msg, "id", el_attr(comp_el(rq), "id"));
	out = el_add(el_add(msg, "x", NS_MUC_USER), "decline", NULL);
	el_setf(out, "from", "%.*s", (int)jid_bare_len(comp_from(rq)), comp_from(rq)->s);
	if (reason)
		el_add_text(out, "reason", NULL, reason);
	(void)comp_send(r->m->c, msg);
	over(r, i);
	return HANDLED;
}

void invite_bounced(struct room *r, const struct jid *from)
{
	struct invited *i = find(r, from);
	struct el *msg, *err;

	if (!i)
		return;
	msg = el_message("error", i->by.s);
	el_set(msg, "from", r->jid);
	err = el_add(msg, "error", NULL);
	el_set(err, "type", el_cond_type(COND_ITEM_NOT_FOUND));
	el_add(err, el_cond_name(COND_ITEM_NOT_FOUND), NS_STANZAS);
	el_set(el_add_text(err, "text", NS_STANZAS, "The invitation could not be delivered."),
	    "xml:lang", "en");
	(void)comp_send(r->m->c, msg);
	over(r, i);
}

/* --- the entry ---------------------------------------------------------------------------------
 */

int invite_message(struct muc *m, struct room *r, struct comp_req *rq)
{
	const struct el *x = comp_payload(rq), *no = el_child(x, "decline", NS_MUC_USER);
	struct session *by;

	(void)m;
	if (!r || r->locked)
		return -COND_ITEM_NOT_FOUND;
	if (no)
		return decline(r, rq, no);
	if (!el_child(x, "invite", NS_MUC_USER))
		return -COND_BAD_REQUEST;
	by = room_session(r, comp_from(rq));
	if (!by)
		return -COND_NOT_ACCEPTABLE;
	if (r->conf.members_only && by->occ->aff < AFF_ADMIN &&
	    !(r->conf.allow_invites && by->occ->aff == AFF_MEMBER))
		return -COND_FORBIDDEN;
	return invite(r, by, rq, x);
}
