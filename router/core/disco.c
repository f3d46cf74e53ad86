/* SPDX-License-Identifier: MIT */
/* XEP-0030: what a served domain and an account say of themselves. */
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <xmpp/form.h>

#include "conf.h"
#include "core/disco.h"
#include "core/route.h"
#include "core/stanza.h"
#include "im/roster.h"
#include "links/component.h"
#include "links/delegate.h"
#include "links/nesting.h"
#include "router.h"

static const char *const host_features[] = { NS_DISCO_INFO, NS_DISCO_ITEMS, NS_LAST, NS_PING,
	NS_ROSTER, NS_TIME, NS_VERSION, NS_BLOCKING, NS_CARBONS, NS_REGISTER, NS_DELEGATION,
	NS_DELEGATION_1 };
static const char *const account_features[] = { NS_DISCO_INFO, NS_DISCO_ITEMS, NS_LAST, NS_PING };

static bool asks(const struct stanza *st, const char *ns)
{
	return st->type == ST_IQ_GET && el_is(stanza_payload(st), "query", ns);
}

/* No node of ours has content (XEP-0030 3.2: item-not-found). */
static bool refuse_node(struct router *r, struct stanza *st)
{
	const char *node = el_attr(stanza_payload(st), "node");

	if (!node || !*node)
		return false;
	route_bounce(r, st, COND_ITEM_NOT_FOUND, NULL);
	return true;
}

/* Whom to write to (XEP-0157). */
static void add_contact(
    struct el *form, const struct stanza *st, const char *role, const struct conf_list *addresses)
{
	size_t len = jid_domain_len(&st->to);
	char *var = xasprintf("%s-addresses", role), *usual;
	struct el *field = form_add_field(form, "list-multi", var, NULL);

	for (size_t i = 0; i < addresses->n; i++)
		form_add_value(field, addresses->v[i]);
	if (addresses->n == 0) {
		usual = xasprintf("xmpp:%s@%.*s", role, (int)len, jid_domain(&st->to));
		form_add_value(field, usual);
		free(usual);
	}
	free(var);
}

static void add_contacts(struct el *query, const struct router *r, const struct stanza *st)
{
	const struct router_conf *c = r->conf;
	struct el *form = form_add(query, FORM_RESULT, NS_SERVERINFO);

	add_contact(form, st, "abuse", &c->contact.abuse);
	add_contact(form, st, "admin", &c->contact.admin);
	add_contact(form, st, "feedback", &c->contact.feedback);
	add_contact(form, st, "sales", &c->contact.sales);
	add_contact(form, st, "security", &c->contact.security);
	add_contact(form, st, "support", &c->contact.support);
}

/* What the router says itself counts only where nobody else has been given the namespace. */
static void reply_info(struct router *r, struct stanza *st, const char *category, const char *type,
    const char *const *features, size_t n)
{
	EL_AUTO struct el *res = el_result(st->el);
	struct el *query = el_add(res, "query", NS_DISCO_INFO);
	struct el *id = el_add(query, "identity", NULL);
	const struct jid *at = st->to.s ? &st->to : &st->from;
	const char *host = jid_domain(at);
	size_t len = jid_domain_len(at);
	bool server = !strcmp(category, "server");
	enum nest_place place = server ? NEST_SERVER : NEST_ACCOUNT;

	el_set(id, "category", category);
	el_set(id, "type", type);
	if (server)
		el_set(id, "name", "Switchyard");
	nesting_add(r, host, len, place, NEST_IDENTITY, query);
	for (size_t i = 0; i < n; i++) {
		if (!delegate_has(r, features[i], host, len))
			el_set(el_add(query, "feature", NULL), "var", features[i]);
	}
	nesting_add(r, host, len, place, NEST_FEATURE, query);
	if (server && !delegate_has(r, NS_SERVERINFO, host, len))
		add_contacts(query, r, st);
	nesting_add(r, host, len, place, NEST_FORM, query);
	route_reply(r, st, res);
}

static void add_item(struct component *c, void *arg)
{
	struct el *query = arg;

	if (!component_internal(c))
		el_set(el_add(query, "item", NULL), "jid", component_domain(c));
}

bool disco_host(struct router *r, struct stanza *st)
{
	if (asks(st, NS_DISCO_INFO)) {
		if (!refuse_node(r, st))
			reply_info(r, st, "server", "im", host_features,
			    sizeof(host_features) / sizeof(host_features[0]));
		return true;
	}
	if (asks(st, NS_DISCO_ITEMS)) {
		EL_AUTO struct el *res = NULL;

		if (refuse_node(r, st))
			return true;
		res = el_result(st->el);
		components_each(r->components, add_item, el_add(res, "query", NS_DISCO_ITEMS));
		route_reply(r, st, res);
		return true;
	}
	return false;
}

/* Only for those whom the account lets see its presence (XEP-0030 8: the same answer as for an
 * account that does not exist). */
static bool may_see(struct router *r, const struct stanza *st)
{
	if (!st->to.s || jid_same_bare(&st->from, &st->to))
		return true;
	return roster_sees(r, &st->to, &st->from);
}

bool disco_account(struct router *r, struct stanza *st)
{
	bool items = asks(st, NS_DISCO_ITEMS);

	if (!items && !asks(st, NS_DISCO_INFO))
		return false;
	if (!may_see(r, st)) {
		route_bounce(r, st, COND_SERVICE_UNAVAILABLE, NULL);
		return true;
	}
	if (refuse_node(r, st))
		return true;
	if (items) {
		EL_AUTO struct el *res = el_result(st->el);

		el_add(res, "query", NS_DISCO_ITEMS);
		route_reply(r, st, res);
	} else {
		reply_info(r, st, "account", "registered", account_features,
		    sizeof(account_features) / sizeof(account_features[0]));
	}
	return true;
}
