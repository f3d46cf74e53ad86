/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <base/sbuf.h>

#include "node.h"
#include "request.h"
#include "roster.h"

static const struct log_tag tag = { .mod = "pubsub" };

struct waiting { /* a request, until the roster is there */
	struct pubsub *p;
	struct comp_req *rq;
	request_fn *fn;
};

/* --- running -----------------------------------------------------------------------------------
 */

static int run(struct pubsub *p, struct comp_req *rq, const struct roster *ro, request_fn *fn)
{
	struct request r = { .p = p, .rq = rq, .roster = ro };
	const struct el *payload = comp_payload(rq);
	int ret;

	r.action = payload ? el_child(payload, NULL, NULL) : NULL;
	r.bare = jid_bare(comp_from(rq), el_arena(comp_el(rq)));
	ret = service_get(p, comp_to(rq)->s, &r.service);
	ret = ret < 0 ? request_failed(comp_to(rq)->s, ret) : fn(&r);
	services_trim(p);
	return ret;
}

static void answer(struct comp_req *rq, int ret)
{
	if (ret < 0)
		comp_reply_err(rq, (enum el_cond)(-ret), NULL);
}

static void on_roster(struct pubsub *p, int err, const struct roster *ro, void *arg)
{
	struct waiting *w = arg;

	if (err == -ECANCELED) /* the stanza is given out again, or answered by the library */
		;
	else if (err < 0)
		answer(w->rq, -COND_RESOURCE_CONSTRAINT);
	else
		answer(w->rq, run(p, w->rq, ro, w->fn));
	free(w);
}

int request_run(struct pubsub *p, struct comp_req *rq, request_fn *fn)
{
	const char *account = comp_to(rq)->s;
	const struct roster *ro = NULL;
	struct waiting *w;

	if (strcmp(account, comp_domain(p->c)) == 0)
		return run(p, rq, NULL, fn);
	ro = roster_ready(p, account);
	if (ro) {
		int ret = run(p, rq, ro, fn);

		rosters_trim(p); /* where none are shown nothing else makes room */
		return ret;
	}
	w = xzalloc(sizeof(*w));
	*w = (struct waiting){ p, comp_defer(rq), fn };
	roster_want(p, account, on_roster, w);
	return COMP_DONE;
}

int request_run_plain(struct pubsub *p, struct comp_req *rq, request_fn *fn)
{
	return run(p, rq, NULL, fn);
}

/* --- who and what ------------------------------------------------------------------------------
 */

bool request_is_owner(const struct request *r)
{
	return r->service->pep && strcmp(r->service->address, r->bare.s) == 0;
}

const char *request_node(const struct request *r)
{
	const char *name = r->action ? el_attr(r->action, "node") : NULL;

	return name && *name && strlen(name) <= PUBSUB_NODE_NAME ? name : NULL;
}

struct node *request_find(struct request *r, int *ret)
{
	const char *name = r->action ? el_attr(r->action, "node") : NULL;
	struct node *n;

	if (!name || !*name) {
		*ret = request_error(r, COND_BAD_REQUEST, "nodeid-required", NULL);
		return NULL;
	}
	n = node_find(r->service, name);
	*ret = n ? 0 : -COND_ITEM_NOT_FOUND;
	return n;
}

struct node *request_find_own(struct request *r, int *ret)
{
	struct node *n = request_find(r, ret);

	if (n && !node_is_owner(n, r->bare.s)) {
		*ret = -COND_FORBIDDEN;
		return NULL;
	}
	return n;
}

void request_standing(const struct request *r, const struct node *n, struct standing *out)
{
	*out = (struct standing){
		.affiliation = node_affiliation(n, r->bare.s),
		.subscribed = node_subscribed(n, r->bare.s),
	};
	if (r->roster)
		roster_standing(r->roster, r->bare.s, &n->conf, out);
}

/* --- answers -----------------------------------------------------------------------------------
 */

/* Bytes of an answer, with what it is wrapped in.  The server ends the link of a component that
 * sends too long a stanza, and would be sent the same one again.  Its bound is not known; it has
 * the same default as ours. */
static size_t most(const struct request *r)
{
	return (size_t)r->p->conf->comp.max_stanza / 4 * 3;
}

int request_reply(struct request *r, struct el *answer)
{
	struct sbuf out = SBUF_INIT;
	size_t len;

	el_write(&out, answer, NS_CLIENT);
	len = sbuf_len(&out);
	sbuf_done(&out);
	if (len <= most(r)) {
		comp_reply(r->rq, answer);
		return COMP_DONE;
	}
	el_free(answer);
	return request_error(r, COND_RESOURCE_CONSTRAINT, NULL, "The answer would be too long.");
}

void request_fit(const struct request *r, struct rsm_page *page, bool backwards,
    size_t (*row_len)(void *rows, size_t i), void *rows)
{
	size_t bytes = 0, n = 0, room = most(r) / 3 * 2;

	for (; n < page->n; n++) {
		bytes += row_len(rows, backwards ? page->from + page->n - 1 - n : page->from + n);
		if (bytes > room && n > 0)
			break;
	}
	if (backwards)
		page->from += page->n - n;
	page->n = n;
}

size_t request_attr_len(const char *value)
{
	size_t n = strlen(value);

	/* No reference is longer than &quot; */
	for (const char *p = strpbrk(value, "\"&<>\t\n\r"); p; p = strpbrk(p + 1, "\"&<>\t\n\r"))
		n += 5;
	return n;
}

int request_error(struct request *r, enum el_cond cond, const char *own, const char *text)
{
	/* 6.1.3.9: it may be possible later. */
	const char *type = cond == COND_POLICY_VIOLATION ? "wait" : NULL;
	struct el *answer = el_error_reply_type(comp_el(r->rq), cond, type, text);
	const struct el *err = answer ? el_child(answer, "error", NS_CLIENT) : NULL;

	if (err && own)
		el_add(el_mut(err), own, NS_PUBSUB_ERRORS);
	comp_reply(r->rq, answer);
	return COMP_DONE;
}

int request_unsupported(struct request *r, const char *feature)
{
	struct el *answer = el_error_reply(comp_el(r->rq), COND_FEATURE_NOT_IMPLEMENTED, NULL);
	const struct el *err = answer ? el_child(answer, "error", NS_CLIENT) : NULL;

	if (err)
		el_set(el_add(el_mut(err), "unsupported", NS_PUBSUB_ERRORS), "feature", feature);
	comp_reply(r->rq, answer);
	return COMP_DONE;
}

int request_judge(struct request *r, enum verdict v)
{
	switch (v) {
	case MAY:
	case MAY_AFTER_APPROVAL:
		return 0;
	case NOT_OUTCAST:
		return -COND_FORBIDDEN;
	case NOT_CONTACT:
		(void)request_error(r, COND_NOT_AUTHORIZED, "presence-subscription-required", NULL);
		return 1;
	case NOT_IN_GROUP:
		(void)request_error(r, COND_NOT_AUTHORIZED, "not-in-roster-group", NULL);
		return 1;
	case NOT_SUBSCRIBED:
		(void)request_error(r, COND_NOT_AUTHORIZED, "not-subscribed", NULL);
		return 1;
	case NOT_LISTED:
		(void)request_error(r, COND_NOT_ALLOWED, "closed-node", NULL);
		return 1;
	}
	return -COND_FORBIDDEN;
}

int request_charge(struct request *r, size_t changes)
{
	uint64_t now = loop_now(comp_loop(r->p->c));

	return rate_table_charge(r->p->changes, r->bare.s, (double)changes, now)
	           ? 0
	           : -COND_RESOURCE_CONSTRAINT;
}

int request_failed(const char *address, int err)
{
	if (err != -EBUSY)
		log_err(&tag, LOG_LVL_WARN, err, "the nodes of %s cannot be read", address);
	return -COND_RESOURCE_CONSTRAINT;
}
