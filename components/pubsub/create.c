/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <base/rnd.h>
#include <xmpp/form.h>

#include "create.h"
#include "item.h"
#include "node.h"

enum { INSTANT = 24 }; /* characters of a name that the service makes up */

void create_limits(const struct service *s, struct config_limits *out)
{
	const struct pubsub_conf *c = s->p->conf;

	*out = (struct config_limits){ s->pep, c->max_items, c->max_item };
}

void create_defaults(const struct service *s, struct node_conf *out)
{
	struct config_limits lim;

	create_limits(s, &lim);
	config_init(out, &lim);
}

int create_form(const struct el *el, const char *form_type, struct form *out)
{
	const struct el *x = el ? el_child(el, "x", NS_XDATA) : NULL;

	if (!x)
		return 0;
	if (form_parse(out, x) < 0 || out->type != FORM_SUBMIT || !out->form_type ||
	    strcmp(out->form_type, form_type) != 0)
		return -COND_BAD_REQUEST;
	return 1;
}

int create_read(struct request *r, struct node_conf *conf, const struct form *f)
{
	struct config_limits lim;
	const char *why = NULL;
	bool model;
	int ret;

	create_limits(r->service, &lim);
	ret = config_read(conf, f, &lim, &why, &model);
	if (ret == 0)
		return 0;
	(void)request_error(
	    r, (enum el_cond)(-ret), model ? "unsupported-access-model" : NULL, why);
	return 1;
}

int create_may(struct request *r)
{
	if (r->service->pep ? !request_is_owner(r) : !pubsub_may_create(r->p, comp_from(r->rq)))
		return -COND_FORBIDDEN;
	if ((int64_t)map_len(&r->service->nodes) >= r->p->conf->max_nodes)
		return -COND_RESOURCE_CONSTRAINT;
	return 0;
}

struct node *create_obtain(struct request *r, const char *name, struct node_conf *conf)
{
	struct node *n = node_find(r->service, name);

	if (!n && create_may(r) == 0)
		n = node_create(r->service, name, conf, r->bare.s);
	config_done(conf);
	return n && items_load(n) == 0 ? n : NULL;
}

/* The name that was asked for, or a fresh one.  0, -enum el_cond, or 1: answered. */
static int pick_name(struct request *r, char fresh[INSTANT + 1], const char **out)
{
	const char *name = el_attr(r->action, "node");

	if (name && *name) {
		*out = request_node(r);
		if (!*out)
			return -COND_NOT_ACCEPTABLE; /* too long */
		return node_find(r->service, name) ? -COND_CONFLICT : 0;
	}
	if (r->service->pep) { /* there a name says what the node is for */
		(void)request_error(r, COND_NOT_ACCEPTABLE, "nodeid-required", NULL);
		return 1;
	}
	rnd_id(fresh, INSTANT);
	*out = fresh;
	return 0;
}

static int done(struct request *r, const char *name, const char *fresh)
{
	struct el *answer = comp_result(r->rq);

	if (name == fresh)
		el_set(el_add(el_add(answer, "pubsub", NS_PUBSUB), "create", NULL), "node", name);
	comp_reply(r->rq, answer);
	return COMP_DONE;
}

int create_node(struct request *r)
{
	const struct el *configure = el_next(r->action, "configure", NS_PUBSUB);
	char fresh[INSTANT + 1];
	struct node_conf conf;
	const char *name;
	struct form f;
	int ret = create_may(r);

	if (ret == 0)
		ret = pick_name(r, fresh, &name);
	if (ret == 0 && configure && el_attr(configure, "node"))
		ret = -COND_BAD_REQUEST; /* 8.1.3 */
	if (ret == 0)
		ret = request_charge(r, 1);
	if (ret != 0)
		return ret < 0 ? ret : COMP_DONE;
	create_defaults(r->service, &conf);
	ret = create_form(configure, NS_PUBSUB_NODE_CONFIG, &f);
	ret = ret > 0 ? create_read(r, &conf, &f) : ret;
	if (ret == 0) {
		(void)node_create(r->service, name, &conf, r->bare.s);
		return done(r, name, fresh);
	}
	config_done(&conf);
	return ret < 0 ? ret : COMP_DONE;
}

int create_misplaced(struct request *r)
{
	(void)r;
	return -COND_BAD_REQUEST;
}
