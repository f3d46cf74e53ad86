/* SPDX-License-Identifier: MIT */
/* Roster iqs (RFC 6121 2.2 to 2.5): of a session, and of a component that may (XEP-0356 4). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>

#include "core/route.h"
#include "core/session.h"
#include "core/stanza.h"
#include "im/roster_internal.h"
#include "im/roster_work.h"
#include "im/sub_state.h"
#include "im/subscribe.h"
#include "links/component.h"
#include "router.h"

/* --- get ------------------------------------------------------------------------------------ */

/* The answer is made of what memory says now, and leaves when that has been committed. */
static struct el *answer_new(struct roster_work *w, const struct stanza *st)
{
	struct el *iq = work_el(w, "iq", NS_CLIENT);

	el_set(iq, "type", "result");
	el_set(iq, "id", el_attr(st->el, "id"));
	el_set(iq, "to", el_attr(st->el, "from"));
	if (st->to.s)
		el_set(iq, "from", st->to.s);
	return iq;
}

/* Does the client have this very version (2.6)?  What is no number of ours is none of ours. */
static bool is_current(const struct roster *ro, const char *ver)
{
	char now[24];

	(void)snprintf(now, sizeof(now), "%" PRId64, ro->ver);
	return ver && !strcmp(ver, now);
}

static void write_items(struct el *query, const struct roster *ro)
{
	roster_ver_write(query, ro);
	MAP_EACH (n, &ro->items) {
		const struct roster_item *it = MAP_ENTRY(n, struct roster_item, node);

		if (it->listed)
			roster_item_write(query, it);
	}
}

static void roster_iq_get(struct router *r, struct stanza *st, struct roster *ro)
{
	struct roster_work *w = work_new(r, st);
	struct el *answer = answer_new(w, st);

	if (st->session)
		st->session->im.interested = true;
	if (!is_current(ro, el_attr(stanza_payload(st), "ver")))
		write_items(el_add(answer, "query", NS_ROSTER), ro);
	work_uses(w, ro);
	work_answer(w, answer);
	work_run(w);
}

/* --- what a set may say --------------------------------------------------------------------- */

struct item_set {
	struct jid jid;
	const char *name; /* NULL: none */
	bool remove;
	const enum sub_state *sub; /* NULL: stays as it is */
	const char *groups[ROSTER_GROUPS_MAX];
	size_t n_groups;
};

/* 2.3.3: a name may stand once, may not be empty, may not be long. */
static int parse_groups(struct item_set *set, const struct el *item)
{
	size_t bytes = 0;

	EL_EACH (g, item, "group", NS_ROSTER) {
		const char *name = el_body(g);

		if (!*name || strlen(name) > ROSTER_NAME_MAX || set->n_groups == ROSTER_GROUPS_MAX)
			return -COND_NOT_ACCEPTABLE;
		for (size_t i = 0; i < set->n_groups; i++) { /* at most 64: no need of a map */
			if (!strcmp(set->groups[i], name))
				return -COND_BAD_REQUEST;
		}
		bytes += strlen(name);
		if (bytes > ROSTER_GROUPS_BYTES)
			return -COND_NOT_ACCEPTABLE;
		set->groups[set->n_groups++] = name;
	}
	return 0;
}

/* A client's word on subscriptions is ignored (2.1.2.5).  A component's counts for contacts of its
 * own domain: there it speaks for one side of the handshake, and with roster=set for the other. */
static const enum sub_state *parse_sub(
    const struct stanza *st, const struct jid *contact, const char *sub)
{
	static const struct {
		const char *name;
		enum sub_state state;
	} subs[] = { { "none", SS_NONE }, { "to", SS_TO }, { "from", SS_FROM },
		{ "both", SS_BOTH } };

	if (!sub || !st->component || !jid_has_domain(contact, component_domain(st->component)))
		return NULL;
	for (size_t i = 0; i < sizeof(subs) / sizeof(subs[0]); i++) {
		if (!strcmp(subs[i].name, sub))
			return &subs[i].state;
	}
	return NULL;
}

/* 0 or -enum el_cond.  What lies in *out lives as long as the stanza. */
static int parse_set(struct item_set *out, const struct stanza *st, const struct jid *owner)
{
	const struct el *query = stanza_payload(st);
	const struct el *item = el_child(query, "item", NS_ROSTER);
	const char *jid = item ? el_attr(item, "jid") : NULL;
	const char *sub = item ? el_attr(item, "subscription") : NULL;

	*out = (struct item_set){ .name = NULL };
	if (!jid || el_next(item, "item", NS_ROSTER))
		return -COND_BAD_REQUEST;
	if (jid_parse(&out->jid, el_arena(st->el), jid) < 0)
		return -COND_JID_MALFORMED;
	if (!jid_is_bare(&out->jid))
		return -COND_BAD_REQUEST;
	if (jid_same_bare(&out->jid, owner))
		return -COND_NOT_ALLOWED;
	out->remove = sub && !strcmp(sub, "remove"); /* other values are ignored (2.1.2.5) */
	if (out->remove)
		return 0;
	out->sub = parse_sub(st, &out->jid, sub);
	out->name = el_attr(item, "name");
	if (out->name && strlen(out->name) > ROSTER_NAME_MAX)
		return -COND_NOT_ACCEPTABLE;
	return parse_groups(out, item);
}

/* --- set and remove ------------------------------------------------------------------------- */

/* What the contact sees follows from the change. */
static void subscribe_as_set(
    struct roster_work *w, struct roster *ro, struct roster_item *it, const enum sub_state *sub)
{
	bool saw = it->sub & SUB_FROM;

	if (!sub)
		return;
	sub_state_put(it, *sub);
	if (!it->pending) {
		el_free(it->request);
		it->request = NULL;
	}
	if (!saw && (it->sub & SUB_FROM))
		work_show(w, &ro->owner, &it->jid);
	else if (saw && !(it->sub & SUB_FROM))
		work_hide(w, &ro->owner, &it->jid);
}

static void roster_iq_update(
    struct router *r, struct stanza *st, struct roster *ro, const struct item_set *set)
{
	struct roster_item *it = roster_find(ro, &set->jid);
	char **groups = NULL;
	struct roster_work *w;

	if ((!it || !it->listed) && !roster_has_room(r->rosters, ro)) {
		route_bounce(r, st, COND_RESOURCE_CONSTRAINT, "the roster is full");
		return;
	}
	if (!it)
		it = roster_add(ro, &set->jid);
	roster_list(ro, it);
	roster_item_rename(it, set->name && *set->name ? set->name : NULL);
	if (set->n_groups > 0)
		groups = xreallocarray(NULL, set->n_groups, sizeof(*groups));
	for (size_t i = 0; i < set->n_groups; i++)
		groups[i] = xstrdup(set->groups[i]);
	roster_item_regroup(it, groups, set->n_groups);

	w = work_new(r, st);
	subscribe_as_set(w, ro, it, set->sub);
	work_save(w, ro, it);
	work_push(w, ro, it);
	work_answer(w, answer_new(w, st));
	work_run(w);
}

/* 2.5.2: the contact hears that nothing is left between the two. */
static void roster_iq_remove(
    struct router *r, struct stanza *st, struct roster *ro, const struct item_set *set)
{
	struct roster_item *it = roster_find(ro, &set->jid);
	enum sub_state state = sub_state_of(it);
	struct roster_work *w;

	if (!it || !it->listed) {
		route_bounce(r, st, COND_ITEM_NOT_FOUND, NULL);
		return;
	}
	if (subscribe_ready(r, &set->jid) < 0) {
		route_bounce(r, st, COND_RESOURCE_CONSTRAINT, "try again");
		return;
	}
	w = work_new(r, st);
	roster_del(ro, it);
	work_erase(w, ro, &set->jid);
	work_push_removed(w, ro, &set->jid);
	work_answer(w, answer_new(w, st));
	subscribe_sever(w, &ro->owner, &set->jid, state);
	work_run(w);
}

void roster_iq(struct router *r, struct stanza *st, const struct jid *owner)
{
	struct item_set set;
	struct roster *ro;
	int rc;

	if (!el_is(stanza_payload(st), "query", NS_ROSTER)) {
		route_bounce(r, st, COND_BAD_REQUEST, NULL);
		return;
	}
	rc = roster_get(r->rosters, owner, &ro);
	if (rc == -ENOENT && st->component) {
		route_bounce(r, st, COND_ITEM_NOT_FOUND, "there is no such account");
		return;
	}
	if (rc < 0) {
		route_bounce(r, st,
		    rc == -EBUSY ? COND_RESOURCE_CONSTRAINT : COND_INTERNAL_SERVER_ERROR, NULL);
		return;
	}
	if (st->type == ST_IQ_GET) {
		roster_iq_get(r, st, ro);
		return;
	}
	rc = parse_set(&set, st, owner);
	if (rc < 0)
		route_bounce(r, st, (enum el_cond) - rc, NULL);
	else if (set.remove)
		roster_iq_remove(r, st, ro, &set);
	else
		roster_iq_update(r, st, ro, &set);
}
