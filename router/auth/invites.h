/* SPDX-License-Identifier: MIT */
/* Invitations to register (XEP-0445): tokens that let somebody make an account here.  Only a hash
 * of the token is kept.  An invitation for one name keeps that name free until it expires. */
#ifndef ROUTER_INVITES_H
#define ROUTER_INVITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db_batch;
struct jid;
struct router;

#define INVITE_ID 10    /* characters: what operators call it */
#define INVITE_TOKEN 32 /* characters of [a-z0-9]: 165 bits */
#define INVITE_HASH 32
#define INVITE_DAYS 7 /* how long it is good for unless said otherwise */
#define INVITE_USES_MAX 1000000
#define INVITE_SECONDS_MAX ((int64_t)10 * 365 * 86400)

struct invite { /* text is borrowed */
	const char *id, *domain;
	const char *account; /* the bare JID that it is for; NULL: any name at the domain */
	int64_t uses;        /* left */
	int64_t created_ms, expires_ms;
};

/* What a connection that has shown a token holds. */
struct invite_pass {
	uint8_t hash[INVITE_HASH];
	char id[INVITE_ID + 1];
	char *account; /* owned; NULL: any */
};
void invite_pass_done(struct invite_pass *p); /* zeroed memory is fine */

typedef void invites_done(int err, void *arg);
/* Makes one: account and domain, uses and expires_ms count; id and token are written here and valid
 * once done says 0. */
void invites_create(struct router *r, const struct invite *in, char id[INVITE_ID + 1],
    char token[INVITE_TOKEN + 1], invites_done *done, void *arg);
/* done: -ENOENT: there is none of this id. */
void invites_revoke(struct router *r, const char *id, invites_done *done, void *arg);
/* Those that can still be used, in order of their ids, behind `after` (NULL: from the first), at
 * most n.  0 or -Exxx. */
int invites_list(struct router *r, const char *after, unsigned n,
    void (*fn)(const struct invite *in, void *arg), void *arg);

/* Is the token good for this domain now?  0 and *out; -ENOENT; -EBUSY, -EIO. */
int invites_check(struct router *r, const char *token, const char *domain, struct invite_pass *out);
/* Adds to b that one use is spent; b fails with -ENOENT if none is left.  Not whether it has
 * expired: that counted when the token was shown (XEP-0445 4). */
void invites_burn(struct db_batch *b, const struct invite_pass *p);
/* Is the name kept for somebody who has been invited?  1, 0, or < 0: the database does not answer.
 */
int invites_keep(struct router *r, const struct jid *bare);

#endif
