/* SPDX-License-Identifier: MIT */
/* A table from payload to extension; a row's function answers or does what is asked. */
#include <string.h>

#include "core/stanza.h"
#include "im/prefs.h"
#include "links/ask.h"
#include "links/fanout.h"
#include "links/intake.h"
#include "links/privilege.h"
#include "links/share.h"
#include "router.h"

typedef void intake_fn(struct router *r, struct component *c, struct stanza *st);

struct intake_row {
	enum el_kind kind;
	const char *ns, *name;
	intake_fn *fn;
};

/* Of messages and iq requests to a served domain, by their payload's namespace. */
static const struct intake_row rows[] = {
	{ EL_MESSAGE, NS_FANOUT, "fanout", fanout },
	{ EL_MESSAGE, NS_PRIVILEGE_2, "privilege", privilege_message },
	{ EL_MESSAGE, NS_PRIVILEGE_1, "privilege", privilege_message },
	{ EL_IQ, NS_PRIVILEGE_2, "privileged_iq", privilege_iq },
	{ EL_OTHER, NULL, NULL, NULL },
};
/* Of those to the bare JID of a local account, or of one that there might be. */
static const struct intake_row account_rows[] = {
	{ EL_IQ, NS_ROSTER, "query", privilege_roster },
	{ EL_IQ, NS_PRIVILEGE_2, "privileged_iq", privilege_iq },
	{ EL_IQ, NS_PRESENCE_EXTRA, "extra", privilege_extra },
	{ EL_IQ, NS_TAP, "prefs", prefs_iq },
	{ EL_OTHER, NULL, NULL, NULL },
};
/* Of those to a session: only what must not reach it (XEP-0356 6.3). */
static const struct intake_row session_rows[] = {
	{ EL_IQ, NS_PRIVILEGE_2, "privileged_iq", privilege_iq },
	{ EL_OTHER, NULL, NULL, NULL },
};

/* NULL: st is not for the server and its accounts. */
static const struct intake_row *rows_for(const struct router *r, const struct stanza *st)
{
	if (!st->to.s || !router_serves(r, jid_domain(&st->to), jid_domain_len(&st->to)))
		return NULL;
	if (st->to.dom)
		return st->to.res ? session_rows : account_rows;
	return st->to.res ? NULL : rows;
}

bool intake(struct router *r, struct component *c, struct stanza *st)
{
	const struct intake_row *row = rows_for(r, st);

	if (st->kind == EL_IQ && (share_answer(c, st) || asks_answer(c, st)))
		return true;
	if (!row || stanza_is_error(st) || st->type == ST_IQ_RESULT)
		return false;
	for (; row->fn; row++) {
		if (row->kind == st->kind && el_child(st->el, row->name, row->ns)) {
			row->fn(r, c, st);
			return true;
		}
	}
	return false;
}
