/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <base/sbuf.h>
#include <xmpp/form.h>

#include "avatar.h"
#include "bookmarks.h"
#include "create.h"
#include "item.h"
#include "notify.h"
#include "owner.h"

/* --- configuration -----------------------------------------------------------------------------
 */

static int reply_form(struct request *r, const char *element, const char *ns,
    const struct node_conf *conf, const char *node)
{
	struct el *answer = comp_result(r->rq), *el;
	struct config_limits lim;

	create_limits(r->service, &lim);
	el = el_add(el_add(answer, "pubsub", ns), element, NULL);
	el_set(el, "node", node);
	config_write(conf, form_add(el, FORM_FORM, NS_PUBSUB_NODE_CONFIG), &lim);
	comp_reply(r->rq, answer);
	return COMP_DONE;
}

int owner_get_config(struct request *r)
{
	struct node *n;
	int ret;

	n = request_find_own(r, &ret);
	return n ? reply_form(r, "configure", NS_PUBSUB_OWNER, &n->conf, n->name) : ret;
}

int owner_get_default(struct request *r)
{
	const char *type = el_attr(r->action, "type");
	struct config_limits lim;
	struct node_conf conf;
	int ret;

	if (type && strcmp(type, "leaf") != 0)
		return request_unsupported(r, "collections");
	create_limits(r->service, &lim);
	config_init(&conf, &lim);
	ret = reply_form(r, "default", el_ns(r->action), &conf, NULL);
	config_done(&conf);
	return ret;
}

/* 8.2.5.3 */
static void tell_config(struct request *r, struct node *n)
{
	struct el *scratch = el_new("x", NS_XDATA);
	struct sbuf content = SBUF_INIT;
	struct config_limits lim;
	struct el *form;

	create_limits(r->service, &lim);
	form = form_add(scratch, FORM_RESULT, NS_PUBSUB_NODE_CONFIG);
	config_write(&n->conf, form, &lim);
	notify_about(&content, "configuration", n, n->conf.payloads ? form : NULL);
	(void)notify_all(n, r->roster, &content, NULL);
	sbuf_done(&content);
	el_free(scratch);
}

/* Something is gone from it; beside the node's own events. */
static void tell_other_views(struct request *r, struct node *n)
{
	if (!request_is_owner(r))
		return;
	avatar_removed(r, n);
	bookmarks_published(r, n);
}

static int change(struct request *r, struct node *n, const struct form *f)
{
	size_t before = n->n_items;
	struct node_conf conf;
	int ret;

	config_copy(&conf, &n->conf);
	ret = create_read(r, &conf, f);
	if (ret != 0) {
		config_done(&conf);
		return ret < 0 ? ret : COMP_DONE;
	}
	node_set_conf(n, &conf);
	if (!n->conf.persist)
		items_purge(n);
	else
		items_cut(n, n->conf.max_items);
	if (n->n_items < before)
		tell_other_views(r, n);
	if (n->conf.notify_config)
		tell_config(r, n);
	comp_reply_ok(r->rq);
	return COMP_DONE;
}

int owner_set_config(struct request *r)
{
	struct node *n;
	struct form f;
	int ret;

	n = request_find_own(r, &ret);
	if (!n)
		return ret;
	ret = create_form(r->action, NS_PUBSUB_NODE_CONFIG, &f);
	if (ret <= 0) { /* a cancelled form needs no fields, nor its type */
		const struct el *x = el_child(r->action, "x", NS_XDATA);

		if (!x || form_parse(&f, x) < 0 || f.type != FORM_CANCEL)
			return -COND_BAD_REQUEST;
	}
	if (f.type == FORM_CANCEL) {
		comp_reply_ok(r->rq);
		return COMP_DONE;
	}
	if (items_load(n) < 0)
		return -COND_RESOURCE_CONSTRAINT;
	ret = request_charge(r, 1);
	return ret < 0 ? ret : change(r, n, &f);
}

/* --- the end of items, and of the node ---------------------------------------------------------
 */

/* Also those who wait: what nobody will decide on any more. */
static int tell(struct request *r, struct node *n, const char *element, bool pending)
{
	struct sbuf content = SBUF_INIT;
	int ret;

	notify_about(&content, element, n, NULL);
	ret = notify_all(n, r->roster, &content, NULL);
	if (ret == 0 && pending)
		ret = notify_pending(n, &content);
	sbuf_done(&content);
	return ret < 0 ? -COND_RESOURCE_CONSTRAINT : 0;
}

int owner_purge(struct request *r)
{
	struct node *n;
	int ret;

	n = request_find_own(r, &ret);
	if (!n)
		return ret;
	if (!n->conf.persist)
		return request_unsupported(r, "persistent-items");
	if (items_load(n) < 0)
		return -COND_RESOURCE_CONSTRAINT;
	ret = request_charge(r, 1);
	if (ret == 0 && n->conf.notify_retract)
		ret = tell(r, n, "purge", false);
	if (ret < 0)
		return ret;
	items_purge(n);
	tell_other_views(r, n);
	comp_reply_ok(r->rq);
	return COMP_DONE;
}

int owner_delete(struct request *r)
{
	struct node *n;
	int ret;

	n = request_find_own(r, &ret);
	if (!n)
		return ret;
	if (items_load(n) < 0)
		return -COND_RESOURCE_CONSTRAINT;
	ret = request_charge(r, 1);
	if (ret == 0 && n->conf.notify_delete)
		ret = tell(r, n, "delete", true);
	if (ret < 0)
		return ret;
	items_purge(n);
	tell_other_views(r, n);
	node_delete(n);
	comp_reply_ok(r->rq);
	return COMP_DONE;
}
