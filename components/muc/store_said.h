/* SPDX-License-Identifier: MIT */
/* The table of what was said: SQL of history.h and of the archive (mam.h).
 *
 *   said  a message that a room keeps, by the room's number and its own
 *   gone  rooms that are no more, whose messages go bit by bit (sweep.h)
 *
 * Reading sees what is committed, and costs what is read: each page begins at a key. */
#ifndef MUC_STORE_SAID_H
#define MUC_STORE_SAID_H

#include <base/db.h>

#include "room.h"

/* --- reading: 0 or more, -Exxx -----------------------------------------------------------------
 */
int store_load_history(struct room *r);

struct said_row { /* borrowed */
	struct sid sid;
	unsigned flags;
	const char *nick, *jid, *id, *lang; /* NULL: none */
	const char *inner;
	size_t len;
};
typedef bool said_row_fn(const struct said_row *row, void *arg); /* false: that is enough */
struct said_range {
	int64_t room;
	int64_t low, high; /* of the archive, in between */
	bool backwards;
	int64_t most; /* rows */
};
/* How many rows were given. */
int store_read_range(struct muc *m, const struct said_range *range, said_row_fn *fn, void *arg);
/* A message of a room by its id, in the archive or not. */
int store_read_said(struct muc *m, int64_t room, const struct sid *id, said_row_fn *fn, void *arg);
int store_count(struct muc *m, const struct said_range *range); /* as far as range->most */
int store_read_end(struct muc *m, int64_t room, bool last, struct sid *out); /* 0: it is empty */

/* --- writing -----------------------------------------------------------------------------------
 */
void store_put_said(struct db_batch *b, const struct room *r, const struct said *s);
void store_del_said(struct db_batch *b, const struct room *r, int64_t seq);
/* A tombstone in the place of a message: of this author (a bare JID; NULL: of anybody). */
void store_blank_said(struct db_batch *b, const struct room *r, const struct sid *id,
    const char *author, const char *tombstone);

/* --- removing bit by bit -----------------------------------------------------------------------
 */
int store_read_oldest(struct muc *m, int64_t room, int64_t *ret_seq); /* 0: there is none */
void store_cut_said(struct db_batch *b, int64_t room, int64_t below, int64_t rows);
int store_read_gone(struct muc *m, int64_t *ret_room);
void store_del_gone(struct db_batch *b, int64_t room);

#endif
