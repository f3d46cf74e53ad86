/* SPDX-License-Identifier: MIT */
/* A table from payload to extension; a row's function answers or does what is asked. */
#include <string.h>

#include "core/stanza.h"
#include "links/ask.h"
#include "links/fanout.h"
#include "links/intake.h"
#include "router.h"

typedef void intake_fn(struct router *r, struct component *c, struct stanza *st);

/* Of messages and iq requests to a served domain, by their payload's namespace. */
static const struct intake_row {
	enum el_kind kind;
	const char *ns, *name;
	intake_fn *fn;
} rows[] = {
	{ EL_MESSAGE, NS_FANOUT, "fanout", fanout },
	{ EL_OTHER, NULL, NULL, NULL },
};

static bool is_for_server(const struct router *r, const struct stanza *st)
{
	return st->to.s && !st->to.dom && !st->to.res &&
	       router_serves(r, jid_domain(&st->to), jid_domain_len(&st->to));
}

bool intake(struct router *r, struct component *c, struct stanza *st)
{
	if (st->kind == EL_IQ && asks_answer(c, st))
		return true;
	if (stanza_is_error(st) || st->type == ST_IQ_RESULT || !is_for_server(r, st))
		return false;
	for (const struct intake_row *row = rows; row->fn; row++) {
		if (row->kind == st->kind && el_child(st->el, row->name, row->ns)) {
			row->fn(r, c, st);
			return true;
		}
	}
	return false;
}
