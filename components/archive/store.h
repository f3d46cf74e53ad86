/* SPDX-License-Identifier: MIT */
/* The tables of the archive, and all SQL about them.
 *
 *   account  who has an archive, by a number; one without a name is gone, and what is left goes
 *   body     one message, for whoever has it; with the rows that are about it
 *   filed    up to which body there are entries
 *   entry    a message in an account's archive
 *   offline  a message that waits for an account
 *   prefs    what an account wants to be kept
 *   told     the last account event of each domain
 *
 * A body goes with the last row that is about it.  Reading costs what is read: each page begins at
 * a key.  All that writes adds to a batch. */
#ifndef ARCHIVE_STORE_H
#define ARCHIVE_STORE_H

#include <base/db.h>
#include <base/sbuf.h>

#include "archive.h"
#include "message.h"
#include "uid.h"

enum { STORE_SCHEMA_N = 1 };
extern const struct db_step store_schema[STORE_SCHEMA_N];

/* --- reading: 0 or more, -Exxx -----------------------------------------------------------------
 */
int store_read_numbers(struct archive *a);
int store_read_account(struct archive *a, const char *jid, int64_t *ret_id); /* 0: there is none */

struct store_row { /* borrowed */
	struct uid uid;
	const char *peer, *resource; /* NULL: none */
	const void *head, *content;
	size_t head_len, len;
};
typedef bool store_row_fn(const struct store_row *row, void *arg); /* false: that is enough */
struct store_range {
	int64_t owner;
	const char *peer; /* a bare JID; NULL: anybody */
	struct uid_end low, high;
	bool backwards;
	int64_t most; /* rows */
};
/* In the order of their ids, or against it.  How many rows were given. */
int store_read_range(
    struct archive *a, const struct store_range *range, store_row_fn *fn, void *arg);
int store_read_one(
    struct archive *a, int64_t owner, const struct uid *uid, store_row_fn *fn, void *arg);
int store_has(struct archive *a, int64_t owner, const struct uid *uid);
int store_count(struct archive *a, const struct store_range *range); /* as far as range->most */
int store_read_end(struct archive *a, int64_t owner, bool last, struct uid *out);
/* The oldest that wait, above low. */
/* Those that are in the archive as well have a peer. */
int store_read_offline(struct archive *a, int64_t owner, const struct uid_end *low, int64_t most,
    store_row_fn *fn, void *arg);
int store_read_prefs(struct archive *a, int64_t owner, struct sbuf *out);
int store_has_unfiled(struct archive *a);
int store_read_last(struct archive *a, struct uid *out); /* the largest id; zeros: none */
int store_read_told(struct archive *a, const char *host, int64_t *ret_n);

/* --- writing -----------------------------------------------------------------------------------
 */
struct store_ref {     /* a row about a body */
	int64_t owner; /* 0: none */
	struct uid uid;
};

void store_put_account(struct db_batch *b, int64_t id, const char *jid);
/* A message as one of two accounts has it. */
struct store_entry {
	struct store_ref ref;
	const char *peer, *resource; /* peer NULL: it is not in its archive, and only waits */
};
/* Entries of all bodies up to the last one. */
void store_file(struct db_batch *b, int64_t upto);
/* Unless so many wait already (0: any number may). */
void store_put_offline(
    struct db_batch *b, const struct store_ref *ref, int64_t body, int64_t limit);
/* One that is in its archive. */
void store_put_offline_known(struct db_batch *b, const struct store_ref *ref, int64_t limit);
/* One that was not there before, to be filed.  If it only waits: behind the rows that say so, and
 * only if there is one. */
void store_put_body(
    struct db_batch *b, int64_t id, const struct store_entry v[2], const struct message *m);
/* What has been filed last under this origin with e's peer is taken back, if it is among the last
 * ARCHIVE_RETRACT. */
void store_retract(
    struct db_batch *b, const struct store_entry *e, int64_t origin, const struct sbuf *tombstone);
void store_del_offline(struct db_batch *b, int64_t owner, const struct uid *last);
void store_put_prefs(struct db_batch *b, int64_t owner, const char *prefs);
void store_put_told(struct db_batch *b, const char *host, int64_t n);

/* --- removing bit by bit -----------------------------------------------------------------------
 */
void store_put_gone(struct db_batch *b, int64_t owner);
int store_read_gone(struct archive *a, int64_t *ret_owner); /* 0: there is none */
int store_has_rows(struct archive *a, int64_t owner);
void store_cut_owner(struct db_batch *b, int64_t owner, int64_t rows);
void store_del_owner(struct db_batch *b, int64_t owner);
typedef bool store_old_fn(int64_t body, const struct store_ref refs[2], void *arg);
int store_read_bodies(struct archive *a, int64_t above, int64_t most, store_old_fn *fn, void *arg);
void store_del_entry(struct db_batch *b, const struct store_ref *ref);

#endif
