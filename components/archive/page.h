/* SPDX-License-Identifier: MIT */
/* The messages that a query asks for: found bit by bit, then sent in the account's name, and the
 * answer behind them (XEP-0313 4.2). */
#ifndef ARCHIVE_PAGE_H
#define ARCHIVE_PAGE_H

#include <base/sbuf.h>

#include "archive.h"
#include "store.h"

struct result {
	struct uid uid;
	size_t at, len; /* in text */
};
struct page {
	/* what is asked for */
	const char *account; /* borrowed from the request */
	struct store_range range;
	const char *resource; /* of the peer; NULL: any */
	struct uid *ids;      /* these and no others, in order; NULL: all */
	size_t n_ids, next_id;
	size_t max;
	bool flip;           /* the newest first */
	bool whole;          /* no page before this one is known: what matches can be counted */
	struct sbuf queryid; /* an attribute, or nothing */

	/* what was found */
	struct result *results; /* max of them at most, in the order in which they were found */
	size_t n;
	bool more; /* there is something beyond */
	struct sbuf text;
};

/* Goes on finding.  1: all is there; 0: in the next turn; -Exxx. */
int page_find(struct archive *a, struct page *p);
/* Sends all, and the answer. */
void page_send(struct archive *a, struct comp_req *rq, struct page *p);
void page_done(struct page *p);

#endif
