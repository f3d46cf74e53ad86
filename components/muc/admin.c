/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "admin.h"
#include "apply.h"
#include "leave.h"
#include "message.h"
#include "nick.h"
#include "reach.h"

struct actor admin_actor(const struct room *r, const struct jid *from)
{
	const struct session *s = room_session(r, from);

	if (!s)
		s = room_session_of(r, from);
	return (struct actor){ room_aff(r, from), s ? s->occ->role : ROLE_NONE };
}

/* --- lists -------------------------------------------------------------------------------------
 */

static void put_affiliated(struct el *query, const struct aff_entry *e)
{
	struct el *item = el_add(query, "item", NULL);

	el_set(item, "affiliation", aff_name(e->aff));
	el_set(item, "jid", e->jid);
	if (e->nick)
		el_set(item, "nick", e->nick);
	if (e->reason)
		el_add_text(item, "reason", NULL, e->reason);
}

static void put_occupant(struct el *query, const struct occupant *o)
{
	struct el *item = el_add(query, "item", NULL);

	el_set(item, "affiliation", aff_name(o->aff));
	el_set(item, "role", role_name(o->role));
	el_set(item, "nick", o->nick);
	el_set(item, "jid", occupant_main(o)->jid.s);
}

static int list_affiliated(
    const struct room *r, const struct actor *by, enum aff list, struct el *query)
{
	int ret = list == AFF_NONE
	              ? -COND_BAD_REQUEST
	              : perm_list_affiliation(by, list, r->conf.nonanon, r->conf.member_list);

	if (ret < 0)
		return ret;
	MAP_EACH (it, &r->affs.map) {
		const struct aff_entry *e = MAP_ENTRY(it, struct aff_entry, node);

		if (e->aff == list)
			put_affiliated(query, e);
	}
	return 0;
}

static int list_role(const struct room *r, const struct actor *by, enum role list, struct el *query)
{
	int ret = list == ROLE_NONE ? -COND_BAD_REQUEST : perm_list_role(by, list);

	if (ret < 0)
		return ret;
	LIST_EACH (it, &r->occupants) {
		const struct occupant *o = LIST_ENTRY(it, struct occupant, link);

		if (o->role == list)
			put_occupant(query, o);
	}
	return 0;
}

int admin_get(struct muc *m, struct room *r, struct comp_req *rq)
{
	const struct el *item = el_child(comp_payload(rq), "item", NS_MUC_ADMIN);
	struct el *answer, *query;
	struct actor by;
	enum role role;
	enum aff aff;
	int ret;

	(void)m;
	if (!r)
		return -COND_ITEM_NOT_FOUND;
	if (!item || el_next(item, "item", NS_MUC_ADMIN))
		return -COND_BAD_REQUEST;
	ret = message_charge(r, rq, 1); /* thousands of entries may be the answer */
	if (ret != 0)
		return ret;
	by = admin_actor(r, comp_from(rq));
	answer = comp_result(rq);
	query = el_add(answer, "query", NS_MUC_ADMIN);
	if (el_attr(item, "affiliation") && !el_attr(item, "role") &&
	    aff_parse(el_attr(item, "affiliation"), &aff) == 0)
		ret = list_affiliated(r, &by, aff, query);
	else if (el_attr(item, "role") && !el_attr(item, "affiliation") &&
		 role_parse(el_attr(item, "role"), &role) == 0)
		ret = list_role(r, &by, role, query);
	else
		ret = -COND_BAD_REQUEST;
	if (ret < 0) {
		el_free(answer);
		return ret;
	}
	comp_reply(rq, answer);
	return ANSWERED;
}

/* --- roles -------------------------------------------------------------------------------------
 */

void admin_give_role(struct occupant *o, enum role role, const char *actor, const char *reason)
{
	struct note n = { .actor = actor, .reason = reason };

	if (role == ROLE_NONE) {
		n.gone = true;
		note_code(&n, 307);
		leave_occupant(o, &n);
	} else if (role != o->role) {
		occupant_set_role(o, role);
		presence_tell(o, &n);
	}
}

static int find_by_nick(
    const struct room *r, const struct comp_req *rq, const char *nick, struct occupant **out)
{
	int ret = nick_read(el_arena(comp_el(rq)), nick, (size_t)r->m->conf->max_nick, &nick);

	if (ret < 0)
		return ret;
	*out = room_occupant(r, nick);
	return *out ? 0 : -COND_ITEM_NOT_FOUND;
}

/* One <item/> with a role: the occupant and what it is to become. */
static int read_role(const struct room *r, const struct comp_req *rq, const struct actor *by,
    const struct el *item, struct occupant **ret_o, enum role *ret_role)
{
	const char *nick = el_attr(item, "nick"), *reason;
	int ret;

	if (el_attr(item, "affiliation") || !nick ||
	    role_parse(el_attr(item, "role"), ret_role) < 0)
		return -COND_BAD_REQUEST;
	reason = el_child_text(item, "reason", NS_MUC_ADMIN);
	if (reason && strlen(reason) > MUC_REASON_MAX)
		return -COND_NOT_ACCEPTABLE;
	ret = find_by_nick(r, rq, nick, ret_o);
	if (ret < 0)
		return ret;
	return perm_role(by, (*ret_o)->aff, (*ret_o)->role, *ret_role);
}

/* Can it be done?  Marks whom it is about (reach.h). */
static int check_roles(
    struct room *r, const struct comp_req *rq, const struct actor *by, const char *actor)
{
	struct note n = { .actor = actor };
	size_t longest = 0;

	EL_EACH (item, comp_payload(rq), "item", NS_MUC_ADMIN) {
		const char *reason = el_child_text(item, "reason", NS_MUC_ADMIN);
		struct occupant *o;
		enum role role;
		int ret = read_role(r, rq, by, item, &o, &role);

		if (ret < 0)
			return ret;
		if (role == ROLE_NONE)
			o->going = true;
		else
			o->shows++;
		if (reach_text(reason) > longest) {
			n.reason = reason;
			longest = reach_text(reason);
		}
	}
	return reach_fits(r, &n, 0) ? 0 : -COND_RESOURCE_CONSTRAINT;
}

/* All or none: checked first, then done. */
static int set_roles(struct room *r, struct comp_req *rq, const struct actor *by)
{
	struct session *s = room_session(r, comp_from(rq));
	char *actor = s ? xstrdup(s->occ->nick) : NULL;
	struct occupant *o;
	enum role role;
	int ret = check_roles(r, rq, by, actor);

	if (ret == 0) {
		comp_reply_ok(rq); /* before what the others are told */
		EL_EACH (item, comp_payload(rq), "item", NS_MUC_ADMIN) {
			/* a nick that came twice may be gone by now */
			if (read_role(r, rq, by, item, &o, &role) == 0)
				admin_give_role(
				    o, role, actor, el_child_text(item, "reason", NS_MUC_ADMIN));
		}
		ret = ANSWERED;
	}
	reach_clear(r);
	free(actor);
	return ret;
}

/* --- affiliations ------------------------------------------------------------------------------
 */

/* Whom an item means: its JID, else who has the nick. */
static int read_who(
    const struct room *r, const struct comp_req *rq, const struct el *item, struct jid *out)
{
	const char *jid = el_attr(item, "jid"), *nick = el_attr(item, "nick");
	struct occupant *o;
	int ret;

	if (jid)
		return jid_parse(out, el_arena(comp_el(rq)), jid) < 0 ? -COND_JID_MALFORMED : 0;
	if (!nick)
		return -COND_BAD_REQUEST;
	ret = find_by_nick(r, rq, nick, &o);
	if (ret == 0)
		*out = occupant_main(o)->jid;
	return ret;
}

static int read_change(
    struct plan *p, const struct comp_req *rq, const struct actor *by, const struct el *item)
{
	const char *nick = el_attr(item, "jid") ? el_attr(item, "nick") : NULL;
	struct jid who;
	enum aff to;
	int ret;

	if (el_attr(item, "role") || aff_parse(el_attr(item, "affiliation"), &to) < 0)
		return -COND_BAD_REQUEST;
	ret = read_who(p->room, rq, item, &who);
	if (ret < 0)
		return ret;
	return plan_add(p, by, &who, to, nick, el_child_text(item, "reason", NS_MUC_ADMIN));
}

static int set_affiliations(struct room *r, struct comp_req *rq, const struct actor *by)
{
	struct plan p;
	int ret = 0;

	plan_init(&p, r, comp_from(rq));
	EL_EACH (item, comp_payload(rq), "item", NS_MUC_ADMIN) {
		ret = read_change(&p, rq, by, item);
		if (ret < 0)
			break;
	}
	if (ret == 0)
		ret = plan_answer(&p, rq);
	plan_done(&p);
	return ret;
}

/* --- the entry ---------------------------------------------------------------------------------
 */

int admin_set(struct muc *m, struct room *r, struct comp_req *rq)
{
	const struct el *query = comp_payload(rq);
	const struct el *item = el_child(query, "item", NS_MUC_ADMIN);
	struct actor by;
	int ret;

	(void)m;
	if (!r)
		return -COND_ITEM_NOT_FOUND;
	if (!item || el_child_count(query) > MUC_ITEMS_MAX)
		return -COND_BAD_REQUEST;
	by = admin_actor(r, comp_from(rq));
	if (by.role != ROLE_MODERATOR && by.aff < AFF_ADMIN)
		return -COND_FORBIDDEN;
	ret = message_charge(r, rq, (double)el_child_count(query));
	if (ret != 0)
		return ret;
	return el_attr(item, "role") && !el_attr(item, "affiliation")
	           ? set_roles(r, rq, &by)
	           : set_affiliations(r, rq, &by);
}
