/* SPDX-License-Identifier: MIT */
/* A domain that several processes serve: what comp_share.c, comp_adopt.c and comp_claim.c have for
 * the others.  Part of comp_internal.h. */
#ifndef COMP_SHARE_H
#define COMP_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct comp;
struct el;
struct jid;

enum {
	COMP_MEMBERS_MAX = 64, /* of a shared domain */
	COMP_GONE_MAX = 1024,  /* that one list of them names */
	COMP_MEMBER_ID = 64,   /* bytes of an id */
};

struct share_list {
	uint32_t epoch;
	size_t n; /* 0: there is none */
	struct {
		char id[COMP_MEMBER_ID + 1];
		uint64_t hash;
	} v[COMP_MEMBERS_MAX];
};

struct share {
	struct share_list newest, settled;
	bool active;      /* the component has been told what is its */
	bool busy;        /* a commit is waited for; no handler runs */
	uint64_t fenced;  /* the stanza for which it was done */
	uint64_t loaded;  /* deferred requests up to this were there before this process */
	uint64_t claimed; /* and those up to this it has claimed */
};

/* comp_share.c */
void share_reset(struct comp *c);
/* What the row says of this session; "": nothing. */
void share_restore(struct comp *c, const char *newest, const char *settled);
bool share_valid_id(const char *id); /* NULL: no */
/* A stanza with what only share_inbound() is for. */
bool share_is(const struct comp *c, const struct el *el);
/* Before a handler sees it; false: something else has to be committed first. */
bool share_ready(struct comp *c, const struct el *el, uint64_t n);
/* true: el was the server's word about the domain, and is used up. */
bool share_inbound(struct comp *c, struct el *el, const struct jid *from);
void share_resumed(struct comp *c);
/* Does this member win it?  Those to its own address are its own whoever wins the rest. */
bool share_wins(const struct comp *c, const struct share_list *l, const struct jid *to);
/* The winner of any text; NULL: there is no list. */
const char *share_winner(const struct share_list *l, const char *key, size_t len);

/* comp_adopt.c: iq is the element <members/>, and l what it says. */
/* Sees to it that nobody writes any more to what is to be adopted.  1: once that is committed, then
 * runs; 0: there is nothing; -Exxx. */
int adopt_fence(struct comp *c, const struct el *members, const struct share_list *l,
    void (*then)(struct comp *c));
/* In the transaction under way; what was adopted is added to the answer.  0 or -Exxx. */
int adopt(struct comp *c, const struct el *members, const struct share_list *l, struct el *answer)
    __attribute__((warn_unused_result));

/* One that has the domain for itself: what there is of processes that shared it.  Before the first
 * link. */
int adopt_rest(struct comp *c) __attribute__((warn_unused_result));

/* comp_claim.c */
int claim_rest(struct comp *c) __attribute__((warn_unused_result)); /* likewise */
/* Deferred requests that are this member's by the settled list.  first: its own, too.  In the
 * transaction under way; 1: they come once it is committed, by claim_read(); 0 or -Exxx. */
int claim(struct comp *c, bool first) __attribute__((warn_unused_result));
int claim_read(struct comp *c) __attribute__((warn_unused_result));
/* Those that are in memory and another member's by the newest list are left to it. */
void claim_give(struct comp *c);

#endif
