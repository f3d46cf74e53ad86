/* SPDX-License-Identifier: MIT */
/* What a query asks for (XEP-0313 4), and the messages that are found: bit by bit, then sent in the
 * room's name, and the answer behind them (4.2). */
#ifndef MUC_MAM_PAGE_H
#define MUC_MAM_PAGE_H

#include <xmpp/mam.h>

#include "handler.h"
#include "store_said.h"

struct mam_page {
	/* what is asked for */
	struct said_range range;
	const char *nick; /* what was said under it; NULL: under any */
	const char *jid;  /* by whom: a bare or full JID; NULL: whoever it is */
	struct sid *ids;  /* these and no others, in order; NULL: all */
	size_t n_ids, next_id;
	bool real; /* with real addresses */

	struct mam_results found;
};

/* mam_query.c: reads it.  0 or -enum el_cond. */
int mam_page_read(struct mam_page *p, const struct room *r, const struct el *query);
/* Goes on finding.  1: all is there; 0: in the next turn; -Exxx. */
int mam_page_find(struct mam_page *p, const struct room *r);
/* Sends all, and the answer. */
void mam_page_send(struct mam_page *p, const struct room *r, struct comp_req *rq);
void mam_page_done(struct mam_page *p);

#endif
