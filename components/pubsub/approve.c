/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <base/arena.h>
#include <base/lim.h>
#include <base/sbuf.h>
#include <xmpp/form.h>

#include "approve.h"
#include "last.h"
#include "notify.h"
#include "subscribe.h"

#define VAR(name) "pubsub#" name

/* --- to owners ---------------------------------------------------------------------------------
 */

static void tell_owners(struct node *n, const char *from, const struct sbuf *content)
{
	struct pubsub *p = n->service->p;
	struct el *m = notify_message(NULL, from, NULL, content);
	struct comp_many *many = comp_many_begin(p->c, m);

	if (n->service->pep)
		comp_many_add(many, n->service->address);
	LIST_EACH (l, &n->followers_in_order) {
		const struct follower *f = LIST_ENTRY(l, struct follower, link);

		if (f->affiliation == AFF_OWNER)
			comp_many_add(many, f->bare);
	}
	(void)comp_many_end(many);
	el_free(m);
}

void approve_ask(struct node *n, const char *jid)
{
	struct el *scratch = el_new("x", NS_XDATA), *form;
	struct sbuf content = SBUF_INIT;

	form = form_add(scratch, FORM_FORM, NS_PUBSUB_AUTHORIZE);
	el_add_text(form, "title", NULL, "A subscription has to be allowed");
	form_add_text(form, "text-single", VAR("node"), "Node", n->name);
	form_add_text(form, "jid-single", VAR("subscriber_jid"), "Who wants to subscribe", jid);
	form_add_bool(form, VAR("allow"), "Allow it?", false);
	el_write(&content, form, NULL);
	/* A message to an account goes to its sessions: the answer has to come to our domain. */
	tell_owners(n, comp_domain(n->service->p->c), &content);
	sbuf_done(&content);
	el_free(scratch);
}

void approve_tell_owners(struct node *n, const char *jid, int state)
{
	struct sbuf content = SBUF_INIT;

	notify_subscription(&content, n, jid, subscribe_state_name(state));
	tell_owners(n, n->service->address, &content);
	sbuf_done(&content);
}

/* --- from an owner -----------------------------------------------------------------------------
 */

static void decide(struct node *n, const struct jid *jid, bool allow)
{
	struct arena *a = arena_new();
	struct jid bare = jid_bare(jid, a);
	const struct sub *s = node_sub(n, jid->s, bare.s);

	if (s && s->state == SUB_PENDING) {
		if (allow)
			(void)node_set_sub(n, jid->s, bare.s, SUB_SUBSCRIBED);
		else
			node_del_sub(n, jid->s, bare.s);
		subscribe_tell(n, jid->s, allow ? SUB_SUBSCRIBED : 0);
		if (allow)
			last_to_subscriber(n, jid->s);
	}
	arena_free(a);
}

/* Of the owner's own account, if somebody waits there, or else of the domain.  NULL: *ret; what
 * cannot be read now is not taken for one where nobody waits. */
static struct node *find(struct request *r, const char *name, const struct jid *jid, int *ret)
{
	struct jid bare = jid_bare(jid, el_arena(comp_el(r->rq)));
	struct service *own;
	struct node *n;

	if (pubsub_is_local(r->p, &r->bare)) {
		int err = service_get(r->p, r->bare.s, &own);

		if (err < 0) {
			*ret = request_failed(r->bare.s, err);
			return NULL;
		}
		n = node_find(own, name);
		if (n && node_sub(n, jid->s, bare.s))
			return n;
	}
	n = node_find(r->service, name);
	*ret = !n ? -COND_ITEM_NOT_FOUND : node_is_owner(n, r->bare.s) ? 0 : -COND_FORBIDDEN;
	return *ret < 0 ? NULL : n;
}

int approve_message(struct request *r)
{
	const struct el *x = comp_payload(r->rq);
	const char *name, *s;
	struct node *n;
	struct form f;
	struct jid jid;
	bool allow;
	int ret;

	if (form_parse(&f, x) < 0 || !f.form_type || strcmp(f.form_type, NS_PUBSUB_AUTHORIZE) != 0)
		return -COND_BAD_REQUEST;
	if (f.type == FORM_CANCEL) /* it goes on waiting */
		return COMP_DONE;
	if (form_text(&f, VAR("node"), PUBSUB_NODE_NAME, &name) <= 0 ||
	    form_text(&f, VAR("subscriber_jid"), LIM_JID, &s) <= 0 ||
	    form_bool(&f, VAR("allow"), &allow) <= 0 || jid_parse(&jid, el_arena(x), s) < 0)
		return -COND_BAD_REQUEST;
	n = find(r, name, &jid, &ret);
	if (n)
		ret = request_charge(r, 1);
	if (ret < 0)
		return ret;
	decide(n, &jid, allow);
	return COMP_DONE;
}
