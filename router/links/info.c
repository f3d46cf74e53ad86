/* SPDX-License-Identifier: MIT */
#include "conf.h"
#include "core/route.h"
#include "core/stanza.h"
#include "links/ask.h"
#include "links/component.h"
#include "links/info.h"
#include "links/link.h"
#include "router.h"

#define ASK_MS 30000
#define INFO_MAX 65536 /* bytes of an answer that is kept */

void info_keep(struct component *c, const struct el *answer)
{
	const struct el *query = el_child(answer, "query", NS_DISCO_INFO);

	if (!query || el_wire_len(answer) > INFO_MAX)
		return;
	info_forget(&c->info);
	c->info.query = el_dup(query);
}

static void answered(int err, const struct el *answer, void *arg)
{
	if (err == 0)
		info_keep(arg, answer);
}

void info_ask(struct router *r, struct component *c)
{
	const struct conf_list *hosts = &component_conf_of(c)->hosts;
	struct el *iq;

	iq = el_iq("get", component_domain(c));
	el_set(iq, "from", hosts->n > 0 ? hosts->v[0] : r->conf->domains.v[0]);
	el_add(iq, "query", NS_DISCO_INFO);
	component_ask(c, iq, ASK_MS, answered, c);
}

void info_forget(struct info *i)
{
	el_free(i->query);
	i->query = NULL;
}

bool info_answer(const struct info *i, struct router *r, struct stanza *st)
{
	EL_AUTO struct el *res = NULL;

	if (!i->query)
		return false;
	res = el_result(st->el);
	(void)el_add_copy(res, i->query);
	route_reply(r, st, res);
	return true;
}
