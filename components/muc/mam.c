/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <base/mem.h>
#include <xmpp/mam.h>

#include "later.h"
#include "mam.h"
#include "mam_page.h"
#include "message.h"
#include "occupant.h"
#include "retract.h"

#define QUERY_COST 0.25 /* of a stanza */

static const struct log_tag tag = { .mod = "muc" };

/* --- who may read ------------------------------------------------------------------------------
 */

/* Who may enter may read; a password is known to who is inside, or belongs to the room. */
static int may_read(const struct room *r, const struct jid *who)
{
	enum aff aff = room_aff(r, who);

	if (r->locked && aff != AFF_OWNER)
		return -COND_ITEM_NOT_FOUND;
	if (aff == AFF_OUTCAST || (r->conf.members_only && aff < AFF_MEMBER))
		return -COND_FORBIDDEN;
	if (r->conf.password && aff < AFF_MEMBER && !room_session_of(r, who))
		return -COND_FORBIDDEN;
	return r->conf.archive ? 0 : -COND_SERVICE_UNAVAILABLE;
}

/* Whom the room tells real addresses. */
static bool sees_real(const struct room *r, const struct jid *who)
{
	const struct session *s = room_session(r, who);

	if (r->conf.nonanon || room_aff(r, who) >= AFF_ADMIN)
		return true;
	return s && s->occ->role == ROLE_MODERATOR;
}

static int admit(const struct room *r, struct comp_req *rq)
{
	int ret = r ? may_read(r, comp_from(rq)) : -COND_ITEM_NOT_FOUND;

	return ret < 0 ? ret : message_charge(r, rq, QUERY_COST);
}

static int failed(int err)
{
	log_err(&tag, LOG_LVL_WARN, err, "what is asked for cannot be read");
	return -COND_RESOURCE_CONSTRAINT;
}

/* --- queries -----------------------------------------------------------------------------------
 */

struct query {
	struct mam_page page;
	bool begun;
};

/* What may be asked is looked at in each turn anew. */
static int run(struct muc *m, struct room *r, struct comp_req *rq, void *state)
{
	struct query *q = state;
	int ret = r ? may_read(r, comp_from(rq)) : -COND_ITEM_NOT_FOUND;

	(void)m;
	if (ret < 0)
		return ret;
	if (q->begun && q->page.range.room != r->no) /* another one of its name */
		return -COND_ITEM_NOT_FOUND;
	q->page.real = sees_real(r, comp_from(rq));
	if (!q->begun)
		ret = mam_page_read(&q->page, r, comp_payload(rq));
	if (ret < 0)
		return ret;
	q->begun = true;
	ret = mam_page_find(&q->page, r);
	if (ret <= 0)
		return ret < 0 ? failed(ret) : LATER;
	mam_page_send(&q->page, r, rq);
	return ANSWERED;
}

static void drop(void *state)
{
	struct query *q = state;

	mam_page_done(&q->page);
	free(q);
}

int mam_query(struct muc *m, struct room *r, struct comp_req *rq)
{
	static const struct later_ops ops = { run, drop };
	int ret = admit(r, rq);

	(void)m;
	return ret != 0 ? ret : later_start(r, rq, &ops, xzalloc(sizeof(struct query)));
}

/* --- the form ----------------------------------------------------------------------------------
 */

int mam_form(struct muc *m, struct room *r, struct comp_req *rq)
{
	int ret = admit(r, rq);
	struct el *answer;

	(void)m;
	if (ret != 0)
		return ret;
	answer = comp_result(rq);
	mam_add_form(answer, 0);
	comp_reply(rq, answer);
	return ANSWERED;
}

/* --- both ends ---------------------------------------------------------------------------------
 */

static void add_end(struct el *to, const char *name, const struct sid *sid)
{
	char id[SID_TEXT + 1];

	sid_write(sid, id);
	mam_add_end(to, name, id, sid_ms(sid->seq));
}

static int tell_ends(struct muc *m, struct room *r, struct comp_req *rq, void *state)
{
	struct el *answer, *metadata;
	struct sid first, last;
	int ret = r ? may_read(r, comp_from(rq)) : -COND_ITEM_NOT_FOUND;

	(void)state;
	if (ret < 0)
		return ret;
	ret = store_read_end(m, r->no, false, &first);
	if (ret > 0)
		ret = store_read_end(m, r->no, true, &last);
	if (ret < 0)
		return failed(ret);
	answer = comp_result(rq);
	metadata = el_add(answer, "metadata", NS_MAM);
	if (ret > 0) {
		add_end(metadata, "start", &first);
		add_end(metadata, "end", &last);
	}
	comp_reply(rq, answer);
	return ANSWERED;
}

int mam_metadata(struct muc *m, struct room *r, struct comp_req *rq)
{
	static const struct later_ops ops = { .fn = tell_ends };
	int ret = admit(r, rq);

	(void)m;
	return ret != 0 ? ret : later_start(r, rq, &ops, NULL);
}

/* --- disco -------------------------------------------------------------------------------------
 */

static void add_feature(struct el *query, const char *var)
{
	el_set(el_add(query, "feature", NULL), "var", var);
}

void mam_features(const struct room *r, struct el *query)
{
	static const char *const kept[] = { NS_SID, NS_RETRACT, NS_RETRACT "#tombstone",
		NS_MODERATE };

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (r->conf.archive || r->conf.history > 0)
			add_feature(query, kept[i]);
	}
	if (r->conf.archive) {
		add_feature(query, NS_MAM);
		add_feature(query, NS_MAM "#extended");
	}
}
