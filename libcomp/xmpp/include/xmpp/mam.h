/* SPDX-License-Identifier: MIT */
/* The shapes of Message Archive Management (XEP-0313): a query read into a plain struct, and what
 * an archive answers.  What ids are, which there are and who may read is the archive's affair. */
#ifndef XMPP_MAM_H
#define XMPP_MAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/sbuf.h>
#include <xmpp/el.h>

enum {
	MAM_IDS_MAX = 256,      /* of one query */
	MAM_QUERYID_MAX = 1023, /* bytes */
};

/* --- reading ------------------------------------------------------------------------------------
 */
enum { MAM_GROUPCHAT = 1 }; /* the field include-groupchat is known, too */

struct mam_query {           /* borrows from the element, and what it makes is in its arena */
	const char *queryid; /* NULL: none */
	bool flip;           /* the newest first */

	/* the form */
	bool has_with;
	struct jid with;                  /* prepared */
	int64_t start, end;               /* Unix ms; INT64_MIN, INT64_MAX: not said */
	const char *after_id, *before_id; /* NULL: not said */
	const char **ids;                 /* these and no others, as they were said; NULL: all */
	size_t n_ids;

	/* the page */
	size_t max;       /* SIZE_MAX: not said */
	bool backwards;   /* it ends before that, or with the last one; else it begins behind it */
	const char *from; /* NULL: no page before this one is known */
};
/* 0, or -enum el_cond: not the shape of one, or a field that is not known. */
int mam_parse(struct mam_query *q, const struct el *query, unsigned fields);

/* --- writing ------------------------------------------------------------------------------------
 */
/* <query/> with the form. */
void mam_add_form(struct el *answer, unsigned fields);

/* One of both ends of an archive, "start" or "end", in <metadata/>. */
void mam_add_end(struct el *metadata, const char *name, const char *id, int64_t ms);

/* --- a page ------------------------------------------------------------------------------------
 */
/* Its results, in the order in which they are found: backwards the newest first.  Zeroed memory is
 * an empty one without a query. */
struct mam_results {
	size_t max;          /* as many at most */
	bool backwards;      /* as in the query, */
	bool flip;           /* likewise */
	bool whole;          /* no page before this one is known */
	bool more;           /* there is something beyond */
	struct sbuf queryid; /* an attribute, or nothing */
	struct mam_result *v;
	size_t n;
	struct sbuf text, ids;
};
/* dflt: their number if nothing is said; most: whatever is said. */
void mam_results_init(struct mam_results *r, const struct mam_query *q, size_t dflt, size_t most);
void mam_results_done(struct mam_results *r);
/* One more (4.2), said at ms: what is put into text between these two is its <message/>.  false:
 * it is beyond the page, and not part of it: it would be one too many, or make the page, of more
 * than one, longer than so many bytes. */
bool mam_results_begin(struct mam_results *r, const char *id, int64_t ms);
bool mam_results_end(struct mam_results *r, size_t bytes);
/* The i-th that is sent, as bytes. */
const char *mam_results_get(const struct mam_results *r, size_t i, size_t *ret_len);
/* <fin/>, behind them; count: of all that match, -1: unknown. */
void mam_results_add_fin(struct el *answer, const struct mam_results *r, int count);

#endif
