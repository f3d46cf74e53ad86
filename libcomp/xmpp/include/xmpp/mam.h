/* SPDX-License-Identifier: MIT */
/* The shapes of Message Archive Management (XEP-0313): a query read into a plain struct, and what
 * an archive answers.  What ids are, which there are and who may read is the archive's affair. */
#ifndef XMPP_MAM_H
#define XMPP_MAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* What is around the <message/> of a result (4.2); ms: when it was said.  queryid: an attribute, or
 * nothing. */
void mam_write_queryid(struct sbuf *out, const char *queryid);
void mam_begin_result(struct sbuf *out, const struct sbuf *queryid, const char *id, int64_t ms);
void mam_end_result(struct sbuf *out);

struct mam_fin {
	bool complete;            /* there is nothing beyond */
	const char *first, *last; /* the oldest and the newest; NULL: it is empty */
	bool whole;               /* the first is known to be the oldest of all that match */
	int count;                /* of all that match; -1: unknown */
};
void mam_add_fin(struct el *answer, const struct mam_fin *f);

/* One of both ends of an archive, "start" or "end", in <metadata/>. */
void mam_add_end(struct el *metadata, const char *name, const char *id, int64_t ms);

#endif
