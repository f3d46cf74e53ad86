/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <xmpp/form.h>

#include "apply.h"
#include "message.h"
#include "nick.h"
#include "register.h"
#include "store.h"

#define VAR(name) "muc#register_" name
#define VAR_JID "x-muc#register_jid" /* whose request it is; XEP-0045 has the nick alone */

enum { COST = 5 }; /* of a request, in stanzas: admins are sent it */

struct waiting {
	struct list link; /* in room->waiting */
	char *who, *nick; /* bare JID */
};

/* --- who waits ---------------------------------------------------------------------------------
 */

static struct waiting *find(const struct room *r, const char *who)
{
	LIST_EACH (it, &r->waiting) {
		struct waiting *w = LIST_ENTRY(it, struct waiting, link);

		if (!strcmp(w->who, who))
			return w;
	}
	return NULL;
}

static struct waiting *find_nick(const struct room *r, const char *nick)
{
	LIST_EACH (it, &r->waiting) {
		struct waiting *w = LIST_ENTRY(it, struct waiting, link);

		if (!strcmp(w->nick, nick))
			return w;
	}
	return NULL;
}

const char *register_wanted(const struct room *r, const char *who)
{
	const struct waiting *w = find(r, who);

	return w ? w->nick : NULL;
}

void register_restore(struct room *r, const char *who, const char *nick)
{
	struct waiting *w = xzalloc(sizeof(*w));

	w->who = xstrdup(who);
	w->nick = xstrdup(nick);
	list_add_tail(&r->waiting, &w->link);
	r->n_waiting++;
}

static void forget(struct room *r, struct waiting *w)
{
	list_del(&w->link);
	r->n_waiting--;
	free(w->who);
	free(w->nick);
	free(w);
}

void register_settle(struct room *r, const char *who)
{
	struct waiting *w = find(r, who);

	if (!w)
		return;
	store_del_waiting(comp_tx(r->m->c), r->local, w->who);
	forget(r, w);
}

void registers_free(struct room *r)
{
	while (!list_empty(&r->waiting))
		forget(r, LIST_ENTRY(r->waiting.next, struct waiting, link));
}

/* --- asking admins -----------------------------------------------------------------------------
 */

/* 9.9 */
static struct el *request(const struct room *r, const char *who, const char *nick)
{
	struct el *msg = el_message(NULL, NULL), *form;

	el_set(msg, "from", r->jid);
	form = form_add(msg, FORM_FORM, NS_MUC_REGISTER);
	el_add_text(form, "title", NULL, "Registration request");
	el_add_text(form, "instructions", NULL,
	    "To approve this request for membership, tick the box and submit the form; to refuse "
	    "it, submit the form as it is.");
	form_add_text(form, "jid-single", VAR_JID, "User ID", who);
	form_add_text(form, "text-single", VAR("roomnick"), "Desired nickname", nick);
	form_add_bool(form, VAR("allow"), "Allow this person to register with the room?", false);
	el_freeze(msg);
	return msg;
}

static bool is_approver(const struct occupant *o)
{
	return o->aff >= AFF_ADMIN;
}

/* Nobody of them is in the room: those of the lists, owners first.  It is no loss if one cannot be
 * sent. */
static void ask_absent(const struct room *r, const struct el *msg)
{
	unsigned n = 0;

	for (int aff = AFF_OWNER; aff >= AFF_ADMIN; aff--) {
		MAP_EACH (it, &r->affs.map) {
			const struct aff_entry *e = MAP_ENTRY(it, struct aff_entry, node);

			if ((int)e->aff == aff && strchr(e->jid, '@') && n++ < MUC_APPROVERS_MAX)
				(void)comp_send_copy(r->m->c, msg, NULL, e->jid);
		}
	}
}

static int ask(const struct room *r, const char *who, const char *nick)
{
	EL_AUTO struct el *msg = request(r, who, nick);
	int n = message_to(r, msg, is_approver);

	if (n < 0)
		return -COND_RESOURCE_CONSTRAINT;
	if (n == 0)
		ask_absent(r, msg);
	return 0;
}

void register_remind(const struct session *s)
{
	const struct room *r = s->occ->room;

	if (s->occ->aff < AFF_ADMIN)
		return;
	LIST_EACH (it, &r->waiting) {
		const struct waiting *w = LIST_ENTRY(it, struct waiting, link);
		EL_AUTO struct el *msg = request(r, w->who, w->nick);

		(void)comp_send_copy(r->m->c, msg, NULL, s->jid.s);
	}
}

/* --- the form ----------------------------------------------------------------------------------
 */

/* May it be told or do anything?  0 or -enum el_cond. */
static int may_register(const struct room *r, enum aff aff)
{
	if (!r || (r->locked && aff != AFF_OWNER))
		return -COND_ITEM_NOT_FOUND;
	if (aff == AFF_OUTCAST || (aff < AFF_MEMBER && r->conf.registration == REGISTER_NONE))
		return -COND_NOT_ALLOWED;
	return 0;
}

static void put_form(struct el *query, const char *nick)
{
	struct el *form = form_add(query, FORM_FORM, NS_MUC_REGISTER);
	struct el *field;

	el_add_text(form, "title", NULL, "Registration with the room");
	el_add_text(form, "instructions", NULL,
	    "A member of the room has a nickname that nobody else may use there.");
	field = form_add_field(form, "text-single", VAR("roomnick"), "Desired nickname");
	el_add(field, "required", NULL);
	if (nick)
		form_add_value(field, nick);
}

int register_get(struct muc *m, struct room *r, struct comp_req *rq)
{
	const struct jid *who = comp_from(rq);
	enum aff aff = r ? room_aff(r, who) : AFF_NONE;
	int ret = may_register(r, aff);
	struct el *answer, *query;
	const char *nick;

	(void)m;
	if (ret == 0)
		ret = message_charge(r, rq, 1);
	if (ret != 0)
		return ret;
	answer = comp_result(rq);
	query = el_add(answer, "query", NS_REGISTER);
	nick = room_reserved_nick(r, who);
	if (aff >= AFF_MEMBER) {
		el_add(query, "registered", NULL);
		if (nick)
			el_add_text(query, "username", NULL, nick);
	} else {
		nick = register_wanted(r, jid_bare(who, el_arena(answer)).s);
		el_add_text(query, "instructions", NULL,
		    nick ? "The request waits for an admin of the room."
			 : "Fill in the form to become a member of the room.");
	}
	if (r->conf.registration != REGISTER_NONE)
		put_form(query, nick);
	comp_reply(rq, answer);
	return ANSWERED;
}

/* --- a request ---------------------------------------------------------------------------------
 */

/* A change of the lists that the room itself makes; own: who is meant asks for it. */
static int enlist(struct room *r, struct comp_req *rq, const struct jid *who, enum aff to,
    const char *nick, bool own)
{
	static const struct actor room = { AFF_OWNER, ROLE_MODERATOR };
	struct plan p;
	int ret;

	plan_init(&p, r, comp_from(rq));
	if (own) { /* it is told by the answer, and nobody else has done it */
		p.silent = true;
		free(p.actor);
		p.actor = NULL;
	}
	ret = plan_add(&p, &room, who, to, nick, NULL);
	if (ret == 0)
		ret = plan_answer(&p, rq);
	plan_done(&p);
	return ret;
}

/* The request waits from now on. */
static int wait_for_admin(struct room *r, const char *who, const char *nick)
{
	const struct waiting *before = find(r, who);
	int ret;

	if (before && !strcmp(before->nick, nick))
		return HANDLED;
	if (!before && r->n_waiting >= MUC_WAITING_MAX)
		return -COND_RESOURCE_CONSTRAINT;
	ret = ask(r, who, nick);
	if (ret < 0)
		return ret;
	register_settle(r, who);
	register_restore(r, who, nick);
	store_put_waiting(comp_tx(r->m->c), r->local, who, nick, ++r->m->seq);
	return HANDLED;
}

static int submit(struct room *r, struct comp_req *rq, enum aff aff, const char *nick)
{
	struct jid who = jid_bare(comp_from(rq), el_arena(comp_el(rq)));
	const struct aff_entry *e = affs_find(&r->affs, who.s);
	const struct waiting *other = find_nick(r, nick);

	if (room_nick_taken(r, nick, &who) || (other && strcmp(other->who, who.s) != 0))
		return -COND_CONFLICT;
	if (aff < AFF_MEMBER && r->conf.registration == REGISTER_APPROVAL)
		return wait_for_admin(r, who.s, nick);
	return enlist(r, rq, &who, e && e->aff > AFF_MEMBER ? e->aff : AFF_MEMBER, nick, true);
}

/* Who is no member any more has no nick either; admins and owners give back the nick alone. */
static int cancel(struct room *r, struct comp_req *rq, enum aff aff)
{
	struct jid who = jid_bare(comp_from(rq), el_arena(comp_el(rq)));
	const struct aff_entry *e = affs_find(&r->affs, who.s);

	if (find(r, who.s)) {
		register_settle(r, who.s);
		return HANDLED;
	}
	if (!e)
		return aff >= AFF_MEMBER ? -COND_NOT_ALLOWED : -COND_REGISTRATION_REQUIRED;
	return enlist(r, rq, &who, e->aff > AFF_MEMBER ? e->aff : AFF_NONE, "", true);
}

/* The nick that a submitted form asks for: 1 and *ret_nick, 0: the form says never mind, or -enum
 * el_cond. */
static int read_form(const struct room *r, const struct comp_req *rq, const char **ret_nick)
{
	const struct el *x = el_child(comp_payload(rq), "x", NS_XDATA);
	const char *nick;
	struct form f;
	int ret;

	if (!x || form_parse(&f, x) < 0)
		return -COND_BAD_REQUEST;
	if (f.type == FORM_CANCEL)
		return 0;
	if (f.type != FORM_SUBMIT || !f.form_type || strcmp(f.form_type, NS_MUC_REGISTER) != 0 ||
	    form_text(&f, VAR("roomnick"), SIZE_MAX, &nick) <= 0 || !*nick)
		return -COND_BAD_REQUEST;
	ret = nick_read(el_arena(comp_el(rq)), nick, (size_t)r->m->conf->max_nick, ret_nick);
	return ret < 0 ? ret : 1;
}

int register_set(struct muc *m, struct room *r, struct comp_req *rq)
{
	const struct el *remove = el_child(comp_payload(rq), "remove", NS_REGISTER);
	enum aff aff = r ? room_aff(r, comp_from(rq)) : AFF_NONE;
	int ret = may_register(r, aff);
	const char *nick;

	(void)m;
	if (ret == 0)
		ret = message_charge(r, rq, COST);
	if (ret != 0)
		return ret;
	if (remove) /* XEP-0077 3.2: alone */
		return el_child_count(comp_payload(rq)) == 1 ? cancel(r, rq, aff)
		                                             : -COND_BAD_REQUEST;
	ret = read_form(r, rq, &nick);
	if (ret <= 0)
		return ret;
	return r->conf.registration == REGISTER_NONE ? -COND_NOT_ALLOWED : submit(r, rq, aff, nick);
}

/* --- the answer of an admin --------------------------------------------------------------------
 */

/* By the JID, and the nick if there is one too: who waits may have changed its mind. */
static const struct waiting *find_meant(const struct room *r, const char *who, const char *nick)
{
	const struct waiting *w = NULL;

	if (who)
		w = find(r, who);
	else if (nick)
		w = find_nick(r, nick);
	return w && (!nick || !strcmp(w->nick, nick)) ? w : NULL;
}

int register_answer(struct room *r, struct comp_req *rq, const struct form *f)
{
	struct arena *a = el_arena(comp_el(rq));
	const char *nick = NULL, *s = NULL;
	const struct waiting *w;
	struct jid who;
	bool allow = false;
	int ret;

	if (room_aff(r, comp_from(rq)) < AFF_ADMIN)
		return -COND_FORBIDDEN;
	ret = message_charge(r, rq, 1);
	if (ret != 0)
		return ret;
	if (form_bool(f, VAR("allow"), &allow) <= 0 ||
	    form_text(f, VAR("roomnick"), SIZE_MAX, &nick) < 0 ||
	    form_text(f, VAR_JID, SIZE_MAX, &s) < 0 || (!nick && !s))
		return -COND_BAD_REQUEST;
	if (s && jid_parse(&who, a, s) < 0)
		return -COND_JID_MALFORMED;
	w = find_meant(r, s ? jid_bare(&who, a).s : NULL, nick);
	if (!w)
		return -COND_ITEM_NOT_FOUND;
	if (!allow) {
		register_settle(r, w->who);
		return HANDLED;
	}
	who = jid_view(w->who);
	return enlist(r, rq, &who, AFF_MEMBER, w->nick, false);
}
