/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <base/sbuf.h>

#include "approve.h"
#include "last.h"
#include "notify.h"
#include "subscribe.h"

const char *subscribe_state_name(int state)
{
	return state == SUB_SUBSCRIBED ? "subscribed" : state == SUB_PENDING ? "pending" : "none";
}

void subscribe_tell(struct node *n, const char *jid, int state)
{
	struct sbuf content = SBUF_INIT;

	notify_subscription(&content, n, jid, subscribe_state_name(state));
	(void)notify_one(n, &content, jid);
	sbuf_done(&content);
}

/* The JID that is to be subscribed, or not any more, is one of whoever asks.  0; `others`: it is
 * somebody else's; 1: answered. */
static int read_jid(struct request *r, struct jid *out, int others)
{
	const char *s = el_attr(r->action, "jid");
	bool valid = s && jid_parse(out, el_arena(r->action), s) == 0;

	if (valid && jid_same_bare(out, &r->bare))
		return 0;
	if (valid && others < 0)
		return others;
	(void)request_error(r, COND_BAD_REQUEST, "invalid-jid", NULL);
	return 1;
}

static void put_subscription(struct el *parent, const struct node *n, const char *jid, int state)
{
	struct el *s = el_add(parent, "subscription", NULL);

	el_set(s, "node", n->name);
	el_set(s, "jid", jid);
	el_set(s, "subscription", subscribe_state_name(state));
}

static int reply(struct request *r, const struct node *n, const char *jid, int state)
{
	struct el *answer = comp_result(r->rq);

	put_subscription(el_add(answer, "pubsub", NS_PUBSUB), n, jid, state);
	comp_reply(r->rq, answer);
	return COMP_DONE;
}

/* --- subscribing -------------------------------------------------------------------------------
 */

/* Who is subscribed already is told so again (6.1.6: one subscription for each JID). */
static int enter(struct request *r, struct node *n, const struct jid *jid, enum sub_state state)
{
	const struct sub *old = node_sub(n, jid->s, r->bare.s);

	if (old && old->state == SUB_PENDING && state == SUB_PENDING)
		return request_error(r, COND_NOT_AUTHORIZED, "pending-subscription", NULL);
	if (old && old->state == SUB_SUBSCRIBED)
		return reply(r, n, jid->s, SUB_SUBSCRIBED);
	if (node_set_sub(n, jid->s, r->bare.s, state) < 0)
		return request_error(r, COND_POLICY_VIOLATION, "too-many-subscriptions", NULL);
	(void)reply(r, n, jid->s, (int)state);
	if (state == SUB_PENDING)
		approve_ask(n, jid->s);
	else
		last_to_subscriber(n, jid->s);
	if (n->conf.notify_sub)
		approve_tell_owners(n, jid->s, (int)state);
	return COMP_DONE;
}

int subscribe_set(struct request *r)
{
	struct standing st;
	struct node *n;
	enum verdict v;
	struct jid jid;
	int ret;

	if (el_next(r->action, "options", NS_PUBSUB))
		return request_unsupported(r, "subscription-options");
	n = request_find(r, &ret);
	if (!n)
		return ret;
	if (read_jid(r, &jid, 1) != 0) /* 6.1.3.1 */
		return COMP_DONE;
	if (!n->conf.subscribe)
		return request_unsupported(r, "subscribe");
	request_standing(r, n, &st);
	v = access_subscribe((enum access_model)n->conf.access, &st);
	ret = request_judge(r, v);
	if (ret != 0)
		return ret < 0 ? ret : COMP_DONE;
	ret = request_charge(r, 1);
	if (ret < 0)
		return ret;
	return enter(
	    r, n, &jid, v == MAY_AFTER_APPROVAL && !st.subscribed ? SUB_PENDING : SUB_SUBSCRIBED);
}

int subscribe_unset(struct request *r)
{
	struct node *n;
	struct jid jid;
	int ret;

	n = request_find(r, &ret);
	if (!n)
		return ret;
	ret = read_jid(r, &jid, -COND_FORBIDDEN); /* 6.2.3.3 */
	if (ret != 0)
		return ret < 0 ? ret : COMP_DONE;
	if (!node_sub(n, jid.s, r->bare.s))
		return request_error(r, COND_UNEXPECTED_REQUEST, "not-subscribed", NULL);
	ret = request_charge(r, 1);
	if (ret < 0)
		return ret;
	node_del_sub(n, jid.s, r->bare.s);
	if (n->conf.notify_sub)
		approve_tell_owners(n, jid.s, 0);
	return reply(r, n, jid.s, 0);
}

/* --- lists -------------------------------------------------------------------------------------
 */

static void put_subs_of(const struct request *r, const struct node *n, struct el *list)
{
	const struct follower *f = node_follower(n, r->bare.s);

	if (f)
		LIST_EACH (l, &f->subs) {
			const struct sub *s = LIST_ENTRY(l, struct sub, link);

			put_subscription(list, n, s->jid, (int)s->state);
		}
}

static void put_affiliation_of(const struct request *r, const struct node *n, struct el *list)
{
	const struct follower *f = node_follower(n, r->bare.s);
	enum affiliation a = n->service->pep ? node_affiliation(n, r->bare.s)
	                     : f             ? f->affiliation
	                                     : AFF_NONE;
	struct el *el;

	if (a == AFF_NONE || node_is_hidden(n))
		return;
	el = el_add(list, "affiliation", NULL);
	el_set(el, "node", n->name);
	el_set(el, "affiliation", affiliation_name(a));
}

/* Of all nodes, or of the one that is named. */
static int list(struct request *r, const char *name,
    void (*put_of)(const struct request *r, const struct node *n, struct el *list))
{
	struct node *only = NULL;
	struct el *answer, *el;
	int ret;

	if (el_attr(r->action, "node")) {
		only = request_find(r, &ret);
		if (!only)
			return ret;
	}
	answer = comp_result(r->rq);
	el = el_add(el_add(answer, "pubsub", NS_PUBSUB), name, NULL);
	if (only) {
		el_set(el, "node", only->name);
		put_of(r, only, el);
		return request_reply(r, answer);
	}
	LIST_EACH (l, &r->service->in_order)
		put_of(r, LIST_ENTRY(l, struct node, link), el);
	return request_reply(r, answer);
}

int subscribe_list(struct request *r)
{
	return list(r, "subscriptions", put_subs_of);
}

int subscribe_affiliations(struct request *r)
{
	return list(r, "affiliations", put_affiliation_of);
}

int subscribe_options(struct request *r)
{
	return request_unsupported(r, "subscription-options");
}
