/* SPDX-License-Identifier: MIT */
#include <base/sbuf.h>

#include "create.h"
#include "hidden.h"
#include "item.h"

int hidden_get(struct request *r, const char *kind, const char *id, struct item **out)
{
	struct node *n = node_find(r->service, kind);

	*out = NULL;
	if (!n)
		return 0;
	if (items_load(n) < 0)
		return -COND_RESOURCE_CONSTRAINT;
	*out = items_find(n, id);
	return *out != NULL;
}

static struct node *obtain(struct request *r, const char *kind)
{
	struct node *n = node_find(r->service, kind);
	struct node_conf conf;

	if (n)
		return items_load(n) < 0 ? NULL : n;
	create_defaults(r->service, &conf);
	conf.access = ACCESS_WHITELIST;
	conf.notifications = false;
	conf.max_items = r->p->conf->max_items;
	return node_create(r->service, kind, &conf, r->bare.s);
}

/* Too much of it, or no room for it. */
static int check(struct request *r, const struct node *n, const char *id, size_t len, size_t most)
{
	const struct pubsub_conf *c = r->p->conf;
	const struct item *old = items_find(n, id);
	int64_t grows = (int64_t)len - (old ? (int64_t)old->len : 0);

	if ((int64_t)len > c->max_item)
		return -COND_NOT_ACCEPTABLE;
	if ((!old && n->n_items >= most) ||
	    (grows > 0 && n->service->stored + grows > c->max_bytes))
		return -COND_RESOURCE_CONSTRAINT;
	return 0;
}

int hidden_put(
    struct request *r, const char *kind, const char *id, const struct el *el, size_t most)
{
	struct sbuf text = SBUF_INIT;
	struct item *old;
	struct node *n;
	int ret;

	if (!el) {
		ret = hidden_get(r, kind, id, &old);
		if (ret > 0)
			items_remove(old);
		return ret < 0 ? ret : 0;
	}
	n = obtain(r, kind);
	if (!n)
		return -COND_RESOURCE_CONSTRAINT;
	el_write(&text, el, NULL);
	ret = check(r, n, id, sbuf_len(&text), most);
	if (ret == 0)
		(void)items_put(n, id, comp_from(r->rq)->s, sbuf_str(&text), sbuf_len(&text));
	sbuf_done(&text);
	return ret;
}
