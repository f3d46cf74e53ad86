/* SPDX-License-Identifier: MIT */
/* A change names what is to be different.  What is not possible is left as it is and told, with an
 * error that has these entries as they are (8.8.2.4, 8.9.2.4); the others are changed. */
#include <string.h>

#include <base/arena.h>

#include "last.h"
#include "lists.h"
#include "node.h"
#include "subscribe.h"

/* --- reading -----------------------------------------------------------------------------------
 */

struct row {
	const char *jid, *value;
};
struct rows { /* of one list, in pages if it is long or that was asked for */
	struct row *v;
	size_t n;
	bool missing; /* somebody asked for what is behind an address that is not there */
};

static void put(struct el *list, const char *element, const char *jid, const char *value)
{
	struct el *el = el_add(list, element, NULL);

	el_set(el, "jid", jid);
	el_set(el, element, value);
}

static size_t find(const char *jid, bool *ret_there, void *arg)
{
	struct rows *rows = arg;

	for (size_t i = 0; i < rows->n; i++) {
		if (strcmp(rows->v[i].jid, jid) == 0) {
			*ret_there = true;
			return i;
		}
	}
	*ret_there = false;
	rows->missing = true;
	return 0;
}

static size_t row_len(void *rows, size_t i)
{
	return request_attr_len(((struct row *)rows)[i].jid) + 64;
}

static int reply(struct request *r, const struct node *n, const char *element, struct rows *rows)
{
	const struct el *payload = comp_payload(r->rq);
	struct el *answer, *pubsub, *list;
	struct rsm_page page;
	struct rsm rsm;

	if (rsm_parse(&rsm, payload) < 0)
		return -COND_BAD_REQUEST;
	page = rsm_page(&rsm, rows->n, SIZE_MAX, find, rows);
	if (rows->missing)
		return -COND_ITEM_NOT_FOUND; /* XEP-0059 2.2 */
	request_fit(r, &page, rsm.last || rsm.before, row_len, rows->v);
	answer = comp_result(r->rq);
	pubsub = el_add(answer, "pubsub", NS_PUBSUB_OWNER);
	list = el_add(pubsub, el_name(r->action), NULL);
	el_set(list, "node", n->name);
	for (size_t i = page.from; i < page.from + page.n; i++)
		put(list, element, rows->v[i].jid, rows->v[i].value);
	if (rsm.asked || page.n < rows->n)
		rsm_add(pubsub, &page, rows->n, page.n ? rows->v[page.from].jid : NULL,
		    page.n ? rows->v[page.from + page.n - 1].jid : NULL);
	return request_reply(r, answer);
}

int lists_get_affiliations(struct request *r)
{
	struct rows rows = { .n = 0 };
	struct node *n;
	int ret;

	n = request_find_own(r, &ret);
	if (!n)
		return ret;
	rows.v = arena_alloc(el_arena(r->action), (n->n_affiliations + 1) * sizeof(*rows.v));
	if (n->service->pep)
		rows.v[rows.n++] = (struct row){ n->service->address, affiliation_name(AFF_OWNER) };
	LIST_EACH (l, &n->followers_in_order) {
		const struct follower *f = LIST_ENTRY(l, struct follower, link);

		if (f->affiliation != AFF_NONE)
			rows.v[rows.n++] =
			    (struct row){ f->bare, affiliation_name(f->affiliation) };
	}
	return reply(r, n, "affiliation", &rows);
}

int lists_get_subscriptions(struct request *r)
{
	struct rows rows = { .n = 0 };
	struct node *n;
	int ret;

	n = request_find_own(r, &ret);
	if (!n)
		return ret;
	rows.v = arena_alloc(el_arena(r->action), (n->n_subs + 1) * sizeof(*rows.v));
	LIST_EACH (l, &n->followers_in_order)
		LIST_EACH (k, &LIST_ENTRY(l, struct follower, link)->subs) {
			const struct sub *s = LIST_ENTRY(k, struct sub, link);

			if (s->state == SUB_SUBSCRIBED) /* 8.8.1.2 */
				rows.v[rows.n++] =
				    (struct row){ s->jid, subscribe_state_name((int)s->state) };
		}
	return reply(r, n, "subscription", &rows);
}

/* --- changing ----------------------------------------------------------------------------------
 */

struct refused { /* entries as they are, for the error */
	struct el *list;
	size_t n;
};

/* The error with what was refused; or just the result. */
static int finish(struct request *r, struct node *n, struct refused *no)
{
	struct el *answer, *pubsub;

	if (no->n == 0) {
		comp_reply_ok(r->rq);
		return COMP_DONE;
	}
	answer = el_error_reply(comp_el(r->rq), COND_NOT_ACCEPTABLE, NULL);
	pubsub = el_add(answer, "pubsub", NS_PUBSUB_OWNER);
	el_set(el_add_copy(pubsub, no->list), "node", n->name);
	return request_reply(r, answer);
}

static bool is_last_owner(const struct node *n, const char *bare)
{
	const struct follower *f = node_follower(n, bare);

	return !n->service->pep && f && f->affiliation == AFF_OWNER && node_owners(n) == 1;
}

/* 8.6.2: what an owner says of somebody settles a subscription that waits. */
static void settle(struct node *n, const char *bare, enum affiliation a)
{
	const struct follower *f = node_follower(n, bare);
	bool in = a == AFF_OWNER || a == AFF_PUBLISHER || a == AFF_MEMBER;

	if (!f || (a != AFF_OUTCAST && !in))
		return;
	LIST_EACH_SAFE (l, &f->subs) {
		const struct sub *s = LIST_ENTRY(l, struct sub, link);

		if (in && s->state != SUB_PENDING)
			continue;
		subscribe_tell(n, s->jid, in ? SUB_SUBSCRIBED : 0);
		if (in) {
			(void)node_set_sub(n, s->jid, bare, SUB_SUBSCRIBED);
			last_to_subscriber(n, s->jid);
		} else {
			node_del_sub(n, s->jid, bare);
		}
	}
}

static void set_affiliation(struct node *n, const struct el *entry, struct refused *no)
{
	const char *s = el_attr(entry, "jid"), *name = el_attr(entry, "affiliation");
	enum affiliation a;
	struct jid jid;

	if (s && !name)
		return; /* 8.9.2.1: nothing is to change */
	if (!s || jid_parse(&jid, el_arena(entry), s) < 0 || !jid_is_bare(&jid)) {
		(void)el_add_copy(no->list, entry);
		no->n++;
		return;
	}
	if (affiliation_parse(name, &a) < 0 ||
	    (n->service->pep && strcmp(jid.s, n->service->address) == 0 && a != AFF_OWNER) ||
	    (a != AFF_OWNER && is_last_owner(n, jid.s)) || node_set_affiliation(n, jid.s, a) < 0) {
		put(no->list, "affiliation", jid.s, affiliation_name(node_affiliation(n, jid.s)));
		no->n++;
		return;
	}
	settle(n, jid.s, a);
}

static int state_parse(const char *s, int *out)
{
	if (s && strcmp(s, "none") == 0)
		*out = 0;
	else if (s && strcmp(s, "pending") == 0)
		*out = SUB_PENDING;
	else if (s && strcmp(s, "subscribed") == 0)
		*out = SUB_SUBSCRIBED;
	else
		return -COND_BAD_REQUEST;
	return 0;
}

static void set_subscription(struct node *n, const struct el *entry, struct refused *no)
{
	const char *s = el_attr(entry, "jid"), *name = el_attr(entry, "subscription");
	struct jid jid, bare;
	const struct sub *old;
	int state, was;

	if (s && !name)
		return;
	if (!s || jid_parse(&jid, el_arena(entry), s) < 0) {
		(void)el_add_copy(no->list, entry);
		no->n++;
		return;
	}
	bare = jid_bare(&jid, el_arena(entry));
	old = node_sub(n, jid.s, bare.s);
	was = old ? (int)old->state : 0;
	if (state_parse(name, &state) < 0) {
		put(no->list, "subscription", jid.s, subscribe_state_name(was));
		no->n++;
		return;
	}
	if (state == was)
		return;
	if (state == 0) {
		node_del_sub(n, jid.s, bare.s);
	} else if (node_affiliation(n, bare.s) == AFF_OUTCAST ||
		   node_set_sub(n, jid.s, bare.s, (enum sub_state)state) < 0) {
		put(no->list, "subscription", jid.s, subscribe_state_name(was));
		no->n++;
		return;
	}
	subscribe_tell(n, jid.s, state);
	if (state == SUB_SUBSCRIBED)
		last_to_subscriber(n, jid.s);
}

/* 8.9.2.4: each of them once at most.  There are no more than PUBSUB_LIST. */
static bool is_unique(const struct el *list, const char *element)
{
	struct jid seen[PUBSUB_LIST], jid;
	size_t count = 0;

	EL_EACH (entry, list, element, NS_PUBSUB_OWNER) {
		const char *s = el_attr(entry, "jid");

		if (!s || jid_parse(&jid, el_arena(list), s) < 0)
			continue; /* it will be refused */
		for (size_t i = 0; i < count; i++)
			if (seen[i].len == jid.len && strcmp(seen[i].s, jid.s) == 0)
				return false;
		seen[count++] = jid;
	}
	return true;
}

static int set(struct request *r, const char *element,
    void (*one)(struct node *n, const struct el *entry, struct refused *no))
{
	struct refused no = { .n = 0 };
	size_t count = 0;
	struct node *n;
	int ret;

	n = request_find_own(r, &ret);
	if (!n)
		return ret;
	EL_EACH (entry, r->action, element, NS_PUBSUB_OWNER)
		count++;
	if (count == 0 || count > PUBSUB_LIST)
		return count ? -COND_NOT_ACCEPTABLE : -COND_BAD_REQUEST;
	if (!is_unique(r->action, element))
		return -COND_BAD_REQUEST;
	ret = request_charge(r, count);
	if (ret < 0)
		return ret;
	no.list = el_new(el_name(r->action), NS_PUBSUB_OWNER);
	EL_EACH (entry, r->action, element, NS_PUBSUB_OWNER)
		one(n, entry, &no);
	ret = finish(r, n, &no);
	el_free(no.list);
	return ret;
}

int lists_set_affiliations(struct request *r)
{
	return set(r, "affiliation", set_affiliation);
}

int lists_set_subscriptions(struct request *r)
{
	return set(r, "subscription", set_subscription);
}
