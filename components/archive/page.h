/* SPDX-License-Identifier: MIT */
/* The messages that a query asks for: found bit by bit, then sent in the account's name, and the
 * answer behind them (XEP-0313 4.2). */
#ifndef ARCHIVE_PAGE_H
#define ARCHIVE_PAGE_H

#include <xmpp/mam.h>

#include "archive.h"
#include "store.h"

struct page {
	/* what is asked for */
	const char *account; /* borrowed from the request */
	struct store_range range;
	const char *resource; /* of the peer; NULL: any */
	struct uid *ids;      /* these and no others, in order; NULL: all */
	size_t n_ids, next_id;

	struct mam_results found;
};

/* Goes on finding.  1: all is there; 0: in the next turn; -Exxx. */
int page_find(struct archive *a, struct page *p);
/* Sends all, and the answer. */
void page_send(struct archive *a, struct comp_req *rq, struct page *p);
void page_done(struct page *p);

#endif
