/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <string.h>

#include <base/arena.h>
#include <xmpp/rsm.h>

#include "avatar.h"
#include "disco.h"
#include "hats_cmd.h"
#include "info.h"
#include "mam.h"
#include "message.h"
#include "occupant.h"
#include "room.h"
#include "search.h"

/* What a question costs: a list may be long; clients ask what each room is like, at the login. */
#define COST_ITEMS 1
#define COST_INFO 0.25

#define NODE_NICK "x-roomuser-item"
#define NODE_TRAFFIC "http://jabber.org/protocol/muc#traffic"

/* --- a room ------------------------------------------------------------------------------------
 */

static void add_feature(struct el *query, const char *var)
{
	el_set(el_add(query, "feature", NULL), "var", var);
}

static void put_features(const struct room *r, struct el *query)
{
	static const char *const always[] = { NS_MUC, NS_MUC_STABLE_ID, NS_MUC_SELF_PING,
		NS_OCCUPANT_ID, NS_VCARD, NS_HATS, NS_COMMANDS, NS_DISCO_INFO, NS_DISCO_ITEMS,
		NS_PING, NS_MUC_REQUEST, NS_MUC_ROOMCONFIG, NS_MUC_ROOMINFO };
	const struct room_conf *c = &r->conf;

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		add_feature(query, always[i]);
	mam_features(r, query);
	if (c->registration != REGISTER_NONE) {
		add_feature(query, NS_REGISTER);
		add_feature(query, NS_MUC_REGISTER);
	}
	add_feature(query, c->password ? "muc_passwordprotected" : "muc_unsecured");
	add_feature(query, c->public ? "muc_public" : "muc_hidden");
	add_feature(query, c->persistent ? "muc_persistent" : "muc_temporary");
	add_feature(query, c->members_only ? "muc_membersonly" : "muc_open");
	add_feature(query, c->moderated ? "muc_moderated" : "muc_unmoderated");
	add_feature(query, c->nonanon ? "muc_nonanonymous" : "muc_semianonymous");
}

static const char *room_title(const struct room *r)
{
	return r->conf.name ? r->conf.name : r->local;
}

static void put_identity(struct el *query, const char *name)
{
	struct el *id = el_add(query, "identity", NULL);

	el_set(id, "category", "conference");
	el_set(id, "type", "text");
	el_set(id, "name", name);
}

/* 7.12: an empty answer if none is reserved. */
static int reserved_nick(const struct room *r, const struct jid *who, struct el *query)
{
	const char *nick = room_reserved_nick(r, who);

	if (nick)
		put_identity(query, nick);
	return COMP_DONE;
}

/* A room that can be asked about; NULL: none, *ret the answer. */
static struct room *find(struct muc *m, const struct comp_req *rq, double cost, int *ret)
{
	struct room *r = rooms_find_jid(m, comp_to(rq));

	*ret = -COND_RESOURCE_CONSTRAINT;
	if (!message_afford(m, r, comp_from(rq), cost))
		return NULL;
	*ret = -COND_ITEM_NOT_FOUND;
	if (!r || (r->locked && room_aff(r, comp_from(rq)) != AFF_OWNER))
		return NULL;
	if (room_load(r) < 0) {
		*ret = -COND_RESOURCE_CONSTRAINT;
		return NULL;
	}
	return r;
}

static int on_info(struct comp_req *rq, const char *node, struct el *query, void *arg)
{
	struct muc *m = arg;
	struct room *r;
	int ret;

	if (jid_is_domain(comp_to(rq)))
		return COMP_PASS;
	r = find(m, rq, COST_INFO, &ret);
	if (!r)
		return ret;
	if (node && !strcmp(node, NODE_NICK))
		return reserved_nick(r, comp_from(rq), query);
	if (node && !strcmp(node, NODE_TRAFFIC)) /* 18.1.1: nothing is taken out */
		return -COND_SERVICE_UNAVAILABLE;
	if (node)
		return hats_info(node, query);
	put_identity(query, room_title(r));
	put_features(r, query);
	info_write(r, comp_from(rq), query);
	return COMP_DONE;
}

/* --- items -------------------------------------------------------------------------------------
 */

/* 6.5: who is in a room is told to who is in it. */
static int room_items(const struct room *r, const struct jid *who, struct el *query)
{
	if (!room_session(r, who))
		return COMP_DONE;
	LIST_EACH (it, &r->occupants) {
		const struct occupant *o = LIST_ENTRY(it, struct occupant, link);

		if (o->visible)
			el_set(el_add(query, "item", NULL), "jid", o->jid);
	}
	return COMP_DONE;
}

struct items {
	const struct muc *m;
	struct el *query;
	const char *first, *last; /* addresses */
};

static void put_room(const struct listed *l, void *arg)
{
	struct items *i = arg;
	struct el *item = el_add(i->query, "item", NULL);

	el_setf(item, "jid", "%s@%s", l->local, comp_domain(i->m->c));
	el_set(item, "name", l->title ? l->title : l->local);
	i->last = el_attr(item, "jid");
	if (!i->first)
		i->first = i->last;
}

/* 6.3; without a <set/> a partial list says so as well. */
static int service_items(struct muc *m, const struct el *asked, struct el *query)
{
	struct items i = { .m = m, .query = query };
	struct rsm_page page;
	struct rsm rsm;
	size_t n;

	if (rsm_parse(&rsm, asked) < 0)
		return -COND_BAD_REQUEST;
	if (listing_count(m, &n) < 0)
		return -COND_RESOURCE_CONSTRAINT;
	page = rsm_page(&rsm, n, MUC_PAGE_MAX, listing_find, m);
	if (listing_read(m, page.from, page.n, put_room, &i) < 0)
		return -COND_RESOURCE_CONSTRAINT;
	if (n > 0 && (rsm.asked || page.n < n))
		rsm_add(query, &page, n, i.first, i.last);
	return COMP_DONE;
}

static int on_items(struct comp_req *rq, const char *node, struct el *query, void *arg)
{
	struct muc *m = arg;
	struct room *r;
	int ret;

	if (node && (jid_is_domain(comp_to(rq)) || strcmp(node, NS_COMMANDS) != 0))
		return COMP_PASS;
	if (jid_is_domain(comp_to(rq)))
		return message_afford(m, NULL, comp_from(rq), COST_ITEMS)
		           ? service_items(m, comp_payload(rq), query)
		           : -COND_RESOURCE_CONSTRAINT;
	r = find(m, rq, COST_ITEMS, &ret);
	if (r && node) {
		hats_items(r, comp_from(rq), query);
		return COMP_DONE;
	}
	return r ? room_items(r, comp_from(rq), query) : ret;
}

void disco_start(struct muc *m)
{
	comp_identity(m->c, "conference", "text", "Rooms");
	comp_feature(m->c, NS_MUC);
	comp_feature(m->c, NS_MUC_STABLE_ID);
	comp_feature(m->c, NS_OCCUPANT_ID); /* of every room */
	comp_feature(m->c, NS_RSM);
	comp_feature(m->c, NS_VCARD);
	comp_feature(m->c, NS_SEARCH);
	comp_disco(m->c, on_info, on_items, m);
}
