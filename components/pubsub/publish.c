/* SPDX-License-Identifier: MIT */
/* An item is told before it is stored: if the link does not take what is to be said, nothing has
 * happened yet and the publisher is told to wait. */
#include <errno.h>
#include <string.h>

#include <base/rnd.h>
#include <base/sbuf.h>
#include <xmpp/form.h>

#include "avatar.h"
#include "bookmarks.h"
#include "create.h"
#include "item.h"
#include "notify.h"
#include "publish.h"

enum { FRESH_ID = 24 };

/* --- for everybody -----------------------------------------------------------------------------
 */

int publish_put(struct node *n, const struct roster *ro, const char *id, const char *publisher,
    struct sbuf *payload)
{
	const char *text = sbuf_str(payload);
	struct sbuf content = SBUF_INIT;
	int r;

	notify_item(&content, n, id, publisher, n->conf.payloads ? text : NULL);
	r = notify_all(n, ro, &content, n->service->pep ? publisher : NULL);
	if (r == 0 && n->conf.persist && id) {
		(void)items_put(n, id, publisher, text, sbuf_len(payload));
		items_cut(n, n->conf.max_items);
	}
	sbuf_done(&content);
	return r;
}

int publish_remove(struct node *n, const struct roster *ro, const char *id, bool notify)
{
	struct item *it = items_find(n, id);
	struct sbuf content = SBUF_INIT;
	int r = 0;

	if (!it)
		return 0;
	if (notify) {
		notify_retract(&content, n, id);
		r = notify_all(n, ro, &content, NULL);
	}
	sbuf_done(&content);
	if (r == 0)
		items_remove(it);
	return r;
}

/* --- publishing --------------------------------------------------------------------------------
 */

struct publishing {
	const struct el *item; /* NULL: an event without one */
	const struct el *payload;
	const char *id; /* the item's, or a fresh one; NULL: there is no item */
	char fresh[FRESH_ID + 1];
	struct form options;
	bool has_options;
};

/* It has a namespace of its own. */
static bool is_qualified(const struct el *payload)
{
	return *el_ns(payload) && strcmp(el_ns(payload), NS_PUBSUB) != 0;
}

/* 7.1.3.6: exactly one payload, or none. */
static int read_item(struct request *r, struct publishing *p)
{
	size_t items = 0;

	EL_EACH (it, r->action, NULL, NULL) {
		if (!el_is(it, "item", NS_PUBSUB))
			return -COND_BAD_REQUEST;
		p->item = it;
		items++;
	}
	if (items > 1)
		return -COND_BAD_REQUEST;
	if (!p->item)
		return 0;
	p->id = el_attr(p->item, "id");
	if (!p->id || !*p->id) {
		rnd_id(p->fresh, FRESH_ID);
		p->id = p->fresh;
	}
	if (strlen(p->id) > PUBSUB_ITEM_ID)
		return -COND_NOT_ACCEPTABLE;
	p->payload = el_child(p->item, NULL, NULL);
	if (el_child_count(p->item) > 1 || (p->payload && !is_qualified(p->payload))) {
		(void)request_error(r, COND_BAD_REQUEST, "invalid-payload", NULL);
		return 1;
	}
	return 0;
}

static int read_request(struct request *r, struct publishing *p)
{
	const struct el *options = el_next(r->action, "publish-options", NS_PUBSUB);
	const char *node = el_attr(r->action, "node");
	int ret;

	if (!node || !*node) {
		(void)request_error(r, COND_BAD_REQUEST, "nodeid-required", NULL);
		return 1;
	}
	if (!request_node(r))
		return -COND_NOT_ACCEPTABLE; /* too long */
	ret = read_item(r, p);
	if (ret != 0 || !options)
		return ret;
	ret = create_form(options, NS_PUBSUB_OPTIONS, &p->options);
	p->has_options = ret > 0;
	return ret < 0 ? ret : 0;
}

/* 7.1.3.6, the four kinds of nodes. */
static int check_shape(struct request *r, const struct node_conf *c, const struct publishing *p)
{
	const char *own = NULL;

	if (c->persist && !p->item)
		own = "item-required";
	else if (c->payloads && !p->payload)
		own = "payload-required";
	else if (!c->persist && !c->payloads && p->item)
		own = "item-forbidden";
	if (!own)
		return 0;
	(void)request_error(r, COND_BAD_REQUEST, own, NULL);
	return 1;
}

/* What makes room for one more. */
static int64_t oldest_len(const struct node *n)
{
	if (list_empty(&n->items_in_order) || (int64_t)n->n_items < n->conf.max_items)
		return 0;
	return (int64_t)LIST_ENTRY(n->items_in_order.next, struct item, link)->len;
}

static int check_size(struct request *r, const struct node_conf *c, size_t len)
{
	if ((int64_t)len <= c->max_payload && (int64_t)len <= r->p->conf->max_item)
		return 0;
	(void)request_error(r, COND_NOT_ACCEPTABLE, "payload-too-big", NULL);
	return 1;
}

/* What it would take; `len` bytes of payload. */
static int check_room(struct request *r, const struct node *n, const char *id, size_t len)
{
	const struct item *old = id ? items_find(n, id) : NULL;
	int64_t grows = (int64_t)len - (old ? (int64_t)old->len : oldest_len(n));

	if (n->conf.persist && !old && n->conf.full == FULL_REJECT &&
	    (int64_t)n->n_items >= n->conf.max_items) {
		(void)request_error(r, COND_CONFLICT, "node-full", NULL);
		return 1;
	}
	if (n->conf.persist && grows > 0 && n->service->stored + grows > r->p->conf->max_bytes)
		return -COND_RESOURCE_CONSTRAINT;
	return 0;
}

/* 7.1.4: a node that is not there is made, with what the options say, if this can be published. */
static int make(struct request *r, const struct publishing *p, size_t len, struct node **out)
{
	struct node_conf conf;
	int ret = create_may(r);

	if (ret < 0)
		return ret == -COND_FORBIDDEN && !r->service->pep ? -COND_ITEM_NOT_FOUND : ret;
	create_defaults(r->service, &conf);
	if (p->has_options && !config_knows(&p->options)) {
		(void)request_error(r, COND_CONFLICT, "precondition-not-met", NULL);
		ret = 1;
	} else if (p->has_options) {
		ret = create_read(r, &conf, &p->options);
	}
	if (ret == 0)
		ret = check_shape(r, &conf, p);
	if (ret == 0)
		ret = check_size(r, &conf, len);
	if (ret == 0 && conf.persist && r->service->stored + (int64_t)len > r->p->conf->max_bytes)
		ret = -COND_RESOURCE_CONSTRAINT;
	if (ret == 0)
		*out = node_create(r->service, request_node(r), &conf, r->bare.s);
	config_done(&conf);
	return ret;
}

/* Its own rules, before the settings' (7.1.3). */
static int check_node(struct request *r, struct node *n, const struct publishing *p, size_t len)
{
	struct config_limits lim;
	struct standing st;
	int ret;

	request_standing(r, n, &st);
	if (!access_publish((enum publish_model)n->conf.publish, &st))
		return -COND_FORBIDDEN;
	create_limits(r->service, &lim);
	if (p->has_options && !config_meets(&n->conf, &p->options, &lim)) {
		(void)request_error(r, COND_CONFLICT, "precondition-not-met", NULL);
		return 1;
	}
	if (items_load(n) < 0)
		return -COND_RESOURCE_CONSTRAINT;
	ret = check_shape(r, &n->conf, p);
	if (ret == 0)
		ret = check_size(r, &n->conf, len);
	return ret == 0 ? check_room(r, n, p->id, len) : ret;
}

/* The oldest go if it is full, and so makes room in the bound of bytes; a singleton only ever has
 * the newest. */
static int put(struct request *r, struct node *n, const struct publishing *p, struct sbuf *payload)
{
	int ret = publish_put(n, r->roster, p->id, comp_from(r->rq)->s, payload);
	struct el *answer, *publish;

	if (ret < 0)
		return -COND_RESOURCE_CONSTRAINT;
	if (r->service->pep && request_is_owner(r)) {
		avatar_published(r, n);
		bookmarks_published(r, n);
	}
	answer = comp_result(r->rq);
	publish = el_add(el_add(answer, "pubsub", NS_PUBSUB), "publish", NULL);
	el_set(publish, "node", n->name);
	if (p->id)
		el_set(el_add(publish, "item", NULL), "id", p->id);
	comp_reply(r->rq, answer);
	return COMP_DONE;
}

int publish_item(struct request *r)
{
	struct publishing p = { .item = NULL };
	struct sbuf payload = SBUF_INIT;
	struct node *n = NULL;
	bool made;
	int ret = read_request(r, &p);

	if (ret == 0)
		ret = request_charge(r, 1);
	if (ret != 0)
		return ret < 0 ? ret : COMP_DONE;
	ret = bookmarks_publish(r, p.payload);
	if (ret != COMP_PASS)
		return ret;
	if (p.payload)
		el_write(&payload, p.payload, NULL);
	n = node_find(r->service, request_node(r));
	made = !n;
	if (made)
		ret = make(r, &p, sbuf_len(&payload), &n);
	else
		ret = check_node(r, n, &p, sbuf_len(&payload));
	if (ret == 0) {
		ret = put(r, n, &p, &payload);
		if (ret < 0 && made)
			node_delete(n);
	}
	sbuf_done(&payload);
	return ret < 0 ? ret : COMP_DONE;
}

/* --- retracting --------------------------------------------------------------------------------
 */

/* 7.2.3.4: exactly one item that is named. */
static const char *retracted_id(const struct request *r)
{
	const struct el *it = el_child(r->action, "item", NS_PUBSUB);
	const char *id = it ? el_attr(it, "id") : NULL;

	return id && *id && !el_next(it, NULL, NULL) ? id : NULL;
}

static bool is_publisher(const struct request *r, const struct item *it)
{
	return strncmp(it->publisher, r->bare.s, r->bare.len) == 0 &&
	       (it->publisher[r->bare.len] == '/' || !it->publisher[r->bare.len]);
}

int publish_retract(struct request *r)
{
	const char *id = retracted_id(r);
	const struct item *it;
	struct standing st;
	struct node *n;
	bool notify;
	int ret;

	n = request_find(r, &ret);
	if (!n)
		return ret;
	if (!id)
		return request_error(r, COND_BAD_REQUEST, "item-required", NULL);
	if (!n->conf.persist)
		return request_unsupported(r, "persistent-items");
	if (items_load(n) < 0)
		return -COND_RESOURCE_CONSTRAINT;
	request_standing(r, n, &st);
	it = items_find(n, id);
	if (!access_retract((enum publish_model)n->conf.publish, &st, it && is_publisher(r, it)))
		return -COND_FORBIDDEN;
	if (!it)
		return -COND_ITEM_NOT_FOUND;
	ret = request_charge(r, 1);
	if (ret < 0)
		return ret;
	notify = n->conf.notify_retract || el_attr_true(r->action, "notify");
	if (publish_remove(n, r->roster, id, notify) < 0)
		return -COND_RESOURCE_CONSTRAINT;
	if (request_is_owner(r)) {
		avatar_removed(r, n);
		bookmarks_published(r, n);
	}
	comp_reply_ok(r->rq);
	return COMP_DONE;
}
