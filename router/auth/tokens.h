/* SPDX-License-Identifier: MIT */
/* Tokens that clients log in with instead of a password (XEP-0484).
 *
 * A token is made of what the database keeps of it (a nonce), whom it is for, and a secret in a
 * file beside the database: a copy of the database alone lets nobody in.  It belongs to an account,
 * a client (its user-agent id) and a mechanism.  Each client has two places: the token that it
 * uses, and a newer one that it may not have got; the first use of the newer one ends the other. */
#ifndef ROUTER_TOKENS_H
#define ROUTER_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

struct db_batch;
struct router;
struct tokens;

#define TOKEN_NONCE 32
#define TOKEN_CLIENT 32 /* SHA-256 of the client's id */
#define TOKEN_TEXT 44   /* base64 of 32 bytes */
#define TOKEN_MECH_MAX 24

enum token_place { TOKEN_CURRENT, TOKEN_NEW, TOKEN_PLACES };

struct token_owner {         /* borrowed */
	const char *account; /* bare JID */
	const uint8_t *client;
};

struct token {
	bool there; /* false: made up, and nobody has it */
	bool newer; /* in TOKEN_NEW */
	int64_t issued_ms;
	int64_t expires_ms; /* also of one for another mechanism; 0: there is none at all */
	int64_t count;      /* the highest that came with it; -1: none */
	uint8_t nonce[TOKEN_NONCE];
	char text[TOKEN_TEXT + 1];
};

/* Without its secret (and the log says why) there are no tokens, and all else works. */
struct tokens *tokens_open(struct router *r);
void tokens_reload(struct tokens *ts);
void tokens_close(struct tokens *ts); /* NULL is fine */
bool tokens_on(const struct tokens *ts);

/* What this client may show for this mechanism, expired ones too.  Each place is filled: where
 * there is no token, or one for another mechanism, with one that is made up at the same cost.  0;
 * -EBUSY, -EIO: the database does not answer. */
int tokens_find(struct tokens *ts, const struct token_owner *o, const char *mech,
    struct token out[TOKEN_PLACES]);
/* Is it time for the next one? */
bool tokens_due(const struct tokens *ts, const struct token *t);

/* --- parts of a batch --------------------------------------------------------------------------
 */
/* It was used: all of this client's that end before it go, and one that is in TOKEN_NEW takes the
 * other's place.  count: the one that came with it, -1: none.  The batch fails with -ENOENT if it
 * has gone meanwhile, or so high a count has come with it. */
void tokens_use(
    struct db_batch *b, const struct token_owner *o, const struct token *t, int64_t count);
/* As tokens_use(), and the client has none any more. */
void tokens_drop(
    struct db_batch *b, const struct token_owner *o, const struct token *t, int64_t count);
/* A new one, in TOKEN_NEW; *out is good once the batch is committed.  salt: of the keys that the
 * client's password was checked with (SCRAM_SALT bytes); the batch fails with -ENOENT if they are
 * the account's no more.  NULL: the batch has tokens_use() or tokens_drop(). */
void tokens_issue(struct tokens *ts, struct db_batch *b, const struct token_owner *o,
    const char *mech, const uint8_t *salt, struct token *out);
/* The account's password is another, or nobody may use it. */
void tokens_revoke(struct db_batch *b, const char *account);

#endif
