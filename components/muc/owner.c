/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <xmpp/form.h>

#include "apply.h"
#include "leave.h"
#include "message.h"
#include "owner.h"
#include "owner_lists.h"
#include "reach.h"
#include "store.h"

enum { CODES_LEN = 512 + 6 * 1023 }; /* of a message with codes, with the address it is to */

/* --- the form ----------------------------------------------------------------------------------
 */

int owner_get(struct muc *m, struct room *r, struct comp_req *rq)
{
	struct el *answer, *form;
	int ret;

	if (!r)
		return -COND_ITEM_NOT_FOUND;
	if (room_aff(r, comp_from(rq)) != AFF_OWNER)
		return -COND_FORBIDDEN;
	ret = message_charge(r, rq, 1);
	if (ret != 0)
		return ret;
	answer = comp_result(rq);
	form = form_add(el_add(answer, "query", NS_MUC_OWNER), FORM_FORM, NS_MUC_ROOMCONFIG);
	el_add_text(form, "title", NULL, "Configuration of the room");
	config_write(&r->conf, form, m->conf);
	owner_lists_write(r, form);
	comp_reply(rq, answer);
	return ANSWERED;
}

/* --- a new configuration -----------------------------------------------------------------------
 */

/* Occupants who are shown now and were not before, or the other way round. */
static void show_anew(struct room *r, unsigned before)
{
	static const struct note as_is = { 0 };

	LIST_EACH (it, &r->occupants) {
		struct occupant *o = LIST_ENTRY(it, struct occupant, link);

		if ((before ^ r->conf.broadcast) & ROLE_BIT(o->role))
			presence_tell(o, &as_is);
	}
}

static bool differs(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") != 0;
}

static bool about_differs(const struct room_conf *a, const struct room_conf *b)
{
	for (int i = 0; i < ABOUT_N; i++) {
		if (differs(a->about[i], b->about[i]))
			return true;
	}
	return false;
}

/* Anything that is not about privacy: code 104. */
static bool changed(const struct room_conf *a, const struct room_conf *b)
{
	return differs(a->name, b->name) || differs(a->desc, b->desc) ||
	       differs(a->lang, b->lang) || differs(a->password, b->password) ||
	       a->persistent != b->persistent || a->public != b->public ||
	       a->members_only != b->members_only || a->moderated != b->moderated ||
	       a->change_subject != b->change_subject || a->allow_invites != b->allow_invites ||
	       a->allow_pm != b->allow_pm || a->max_users != b->max_users ||
	       a->registration != b->registration || a->lock_nicks != b->lock_nicks ||
	       a->history != b->history || a->slow_mode != b->slow_mode ||
	       a->broadcast != b->broadcast || a->member_list != b->member_list ||
	       about_differs(a, b);
}

/* 10.2.1 */
static void tell_codes(struct room *r, const struct room_conf *old)
{
	unsigned codes[3], n = 0;

	if (r->conf.nonanon != old->nonanon)
		codes[n++] = r->conf.nonanon ? 172 : 173;
	if (r->conf.archive != old->archive)
		codes[n++] = r->conf.archive ? 170 : 171;
	if (changed(old, &r->conf))
		codes[n++] = 104;
	if (n > 0)
		message_codes(r, codes, n);
}

static void forget_presences(struct room *r)
{
	LIST_EACH (it, &r->occupants)
		presence_forget(LIST_ENTRY(it, struct occupant, link));
}

/* The new configuration becomes the room's; conf then is the old one, the caller's to free. */
static void apply(struct room *r, struct room_conf *conf, struct plan *p)
{
	struct db_batch *tx = comp_tx(r->m->c);
	struct room_conf old = r->conf;
	bool was_locked = r->locked;

	r->conf = *conf;
	r->locked = false;
	*conf = old;
	listing_update(r);
	store_put_conf(tx, r);
	history_trim(r);
	if (r->conf.slow_mode == 0)
		slow_done(&r->slow);
	forget_presences(r);
	plan_apply(p);
	if (r->conf.broadcast != old.broadcast)
		show_anew(r, old.broadcast);
	if (!was_locked)
		tell_codes(r, &old);
}

/* What can be done only as a whole: room for the lists, and on the link. */
static int check(struct plan *p, const struct room_conf *conf, struct comp_req *rq)
{
	const struct room *r = p->room;
	size_t codes = map_len(&r->by_jid) * (CODES_LEN + reach_text(r->jid));
	int ret;

	p->members_only = conf->members_only;
	p->moderated = conf->moderated;
	p->broadcast = conf->broadcast;
	ret = message_charge(r, rq, 1.0 + (double)map_len(&p->changes));
	return ret != 0 ? ret : plan_check(p, codes);
}

static int configure(struct room *r, struct comp_req *rq, const struct form *f)
{
	struct room_conf conf = { 0 };
	const char *why = NULL;
	struct plan plan;
	int ret;

	config_copy(&conf, &r->conf);
	plan_init(&plan, r, comp_from(rq));
	ret = config_read(&conf, f, r->m->conf, &why);
	if (ret == 0)
		ret = owner_lists_read(&plan, f, el_arena(comp_el(rq)));
	if (ret == 0)
		ret = check(&plan, &conf, rq);
	if (ret == 0) {
		comp_reply_ok(rq); /* before what the others are told */
		apply(r, &conf, &plan);
		ret = ANSWERED;
	} else if (why) {
		ret = handler_refuse(rq, (enum el_cond)(-ret), NULL, why);
	}
	config_done(&conf);
	plan_done(&plan);
	return ret;
}

/* --- the end of a room -------------------------------------------------------------------------
 */

/* 10.9: the alternative venue, its password, and the reason. */
static int copy_destroy(const struct el *from, struct el *to)
{
	const char *venue = from ? el_attr(from, "jid") : NULL;
	static const char *const texts[] = { "reason", "password" };
	struct jid j;

	if (venue) {
		if (jid_parse(&j, el_arena(to), venue) < 0)
			return -COND_JID_MALFORMED;
		el_set(to, "jid", j.s);
	}
	for (size_t i = 0; from && i < 2; i++) {
		const char *s = el_child_text(from, texts[i], NS_MUC_OWNER);

		if (s && strlen(s) > MUC_REASON_MAX)
			return -COND_NOT_ACCEPTABLE;
		if (s)
			el_add_text(to, texts[i], NULL, s);
	}
	return 0;
}

static int destroy(struct room *r, struct comp_req *rq, const struct el *el)
{
	EL_AUTO struct el *out = el_new("destroy", NS_MUC_USER);
	struct note n = { .gone = true, .destroy = out };
	int ret = copy_destroy(el, out);

	if (ret < 0)
		return ret;
	LIST_EACH (it, &r->occupants)
		LIST_ENTRY(it, struct occupant, link)->going = true;
	if (!reach_fits(r, &n, 0)) {
		reach_clear(r);
		return -COND_RESOURCE_CONSTRAINT;
	}
	leave_all(r, &n);
	comp_reply_ok(rq);
	room_end(r);
	return ANSWERED;
}

/* --- the entry ---------------------------------------------------------------------------------
 */

int owner_set(struct muc *m, struct room *r, struct comp_req *rq)
{
	const struct el *query = comp_payload(rq);
	const struct el *end = el_child(query, "destroy", NS_MUC_OWNER);
	const struct el *x = el_child(query, "x", NS_XDATA);
	struct form form;

	(void)m;
	if (!r)
		return -COND_ITEM_NOT_FOUND;
	if (room_aff(r, comp_from(rq)) != AFF_OWNER)
		return -COND_FORBIDDEN;
	if (end)
		return destroy(r, rq, end);
	if (!x || form_parse(&form, x) < 0)
		return -COND_BAD_REQUEST;
	if (form.type == FORM_CANCEL) /* 10.1.3: of what was never configured, the end */
		return r->locked ? destroy(r, rq, NULL) : HANDLED;
	return form.type == FORM_SUBMIT ? configure(r, rq, &form) : -COND_BAD_REQUEST;
}
