/* SPDX-License-Identifier: MIT */
/* Shared by share.c (who is there), share_key.c (whose a stanza is) and share_epoch.c (changes). */
#ifndef ROUTER_SHARE_INTERNAL_H
#define ROUTER_SHARE_INTERNAL_H

#include <base/list.h>
#include <base/loop.h>

#include "links/member.h"
#include "links/share.h"

struct sharing {
	struct component *component;
	struct list members; /* struct member.share.of_share: with a link, or in grace */
	struct list gone;    /* the same: ended, and its queue has not been given to others */
	size_t n, n_gone;
	uint32_t epoch;     /* of the last change; 0: there was none */
	bool changing;      /* the two lists are not the same */
	bool running;       /* and members are asked */
	bool again;         /* something has happened that the change under way does not tell */
	struct timer timer; /* running: until they have to have answered */
	uint64_t lost_ms;   /* when the last link was lost */
};

static inline struct member *share_member(struct list *it)
{
	return LIST_ENTRY(it, struct member, share.of_share);
}

/* --- share_key.c ------------------------------------------------------------------------------ */
/* The text whose hash decides, of a stanza for the domain: n bytes of *out. */
size_t share_key(const struct stanza *st, const char **out);
/* The better one for a key; NULL is worse than anybody. */
struct member *share_better(struct member *a, struct member *b, uint64_t key);
/* Who gets it; NULL: nobody yet. */
struct member *share_pick(const struct sharing *sh, const struct stanza *st);
struct member *share_by_id(const struct sharing *sh, const char *id); /* NULL: not here */

/* --- share_epoch.c ---------------------------------------------------------------------------- */
/* pending: it is one of those that the change under way is about. */
void share_changed(struct sharing *sh, bool pending);
void share_settle(struct sharing *sh); /* if all have answered */
void share_on_timeout(void *share);

/* --- share.c ---------------------------------------------------------------------------------- */
/* As share_ended(), without a new change. */
void share_leave(struct member *m, const char *why);
void share_release(struct sharing *sh, struct member *gone); /* its queue is empty */
/* What one had is another's now; what was said to the one alone is given up. */
void share_move(struct member *from, struct lq_entry *e, struct member *to);

#endif
