/* SPDX-License-Identifier: MIT */
/* The SQL layer: the one place that knows the database.  SQLite now (WAL, synchronous=FULL, foreign
 * keys); the shape is libpq's too: parameters are $1, $2, ... and everything that writes is
 * asynchronous.
 *
 * Writes are batches: what belongs to one stanza, with a completion.  One writer thread puts all
 * waiting batches into one transaction, each in a savepoint: a batch is never split, and one that
 * fails alone fails alone.  Completions run on the loop after the commit, in order of submission.
 * Reads are small and indexed and run on the loop, on a connection of their own; they see what is
 * committed.  State that decides before its commit lives in the caller's memory. */
#ifndef BASE_DB_H
#define BASE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct db_batch;
struct loop;

/* One per call site, static const-like: `static struct db_q q = { "SELECT ..." };`
 * idx is filled by the layer on first use. */
struct db_q {
	const char *sql;
	unsigned idx;
};

/* Schema steps, in order, versions 1, 2, 3, ...; each runs once, in one exclusive transaction with
 * the ones that follow it.  sql may hold several statements. */
struct db_step {
	int version;
	const char *sql;
};

/* path: the file; its folder must exist.  err: one line for the operator (names the file, its
 * owner and the uid this runs as if permissions are the reason).  A database whose version is newer
 * than the last step is refused. */
int db_open(struct db **out, struct loop *l, const char *path, const struct db_step *steps,
    size_t n_steps, char *err, size_t err_len) __attribute__((warn_unused_result));
/* A database of several owners: each part has its tables and a version of its own.  The first part
 * is what db_open() knows; name tells the others apart and stays the same for ever. */
struct db_part {
	const char *name;
	const struct db_step *steps; /* NULL: none (yet) */
	size_t n_steps;
};
int db_open_parts(struct db **out, struct loop *l, const char *path, const struct db_part *parts,
    size_t n_parts, char *err, size_t err_len) __attribute__((warn_unused_result));
/* Waits for what was submitted, runs the remaining completions, closes.  NULL is fine.  Not from
 * inside a completion. */
void db_close(struct db *db);

/* --- writing ---------------------------------------------------------------------------------- */
/* Parameters, by a letter each in `types`, are copied: s text (const char *, NULL is NULL), i
 * int64_t, b blob (const void *, size_t), n NULL (no argument). */
struct db_batch *db_batch_new(struct db *db);
void db_batch_add(struct db_batch *b, struct db_q *q, const char *types, ...);
/* As db_batch_add; the batch fails with -ENOENT unless this statement changes at least one row. */
void db_batch_must(struct db_batch *b, struct db_q *q, const char *types, ...);
void db_batch_free(struct db_batch *b); /* one that is not submitted after all */

/* err: 0 committed; -EEXIST a UNIQUE or PRIMARY KEY constraint failed; -EINVAL another constraint;
 * -ENOENT see above.  Losses: -ENOSPC, -EROFS, -EIO the environment; -EBUSY another process kept
 * its lock for some 20 s; -ENOBUFS too many were waiting (LIM_DB_BATCHES).  -ECANCELED submitted
 * while db_close() ran the last completions.  done may be NULL.  A loss takes with it every later
 * batch that was submitted before its completion ran, so nothing is kept that was made in the
 * belief that the lost one would stand. */
typedef void db_done_fn(int err, void *arg);
/* Takes b.  The completion always runs, never inside this call. */
void db_submit(struct db_batch *b, db_done_fn *done, void *arg);
/* Waits until all that was submitted is committed and runs the completions: at start, before the
 * loop turns, and nowhere else.  Not from inside a completion. */
void db_sync(struct db *db);
size_t db_waiting(const struct db *db); /* batches without completion yet: for back-pressure */
bool db_healthy(const struct db *db);   /* the last commit succeeded */

/* --- reading on the loop ---------------------------------------------------------------------- */
/* if (db_query(db, &q, "s", jid) == 0) while (db_next(db, &q) > 0) ...; db_next returns 1 for a
 * row, 0 at the end (and resets), < 0 on error (and resets).  A loop left early calls db_reset().
 * -EBUSY: try again later by a timer.  A statement is not used recursively. */
int db_query(struct db *db, struct db_q *q, const char *types, ...)
    __attribute__((warn_unused_result));
int db_next(struct db *db, struct db_q *q) __attribute__((warn_unused_result));
void db_reset(struct db *db, struct db_q *q);
/* In the place of db_next() and all after it, for a query of one number: 1 and *out; 0: there is
 * no row, *out is untouched; < 0 on error. */
int db_number(struct db *db, struct db_q *q, int64_t *out) __attribute__((warn_unused_result));
/* Borrowed until db_next() or db_reset(); "" if NULL. */
const char *db_text(struct db *db, struct db_q *q, int col);
char *db_text_dup(struct db *db, struct db_q *q, int col); /* on the heap; NULL if NULL */
bool db_is_null(struct db *db, struct db_q *q, int col);
int64_t db_int(struct db *db, struct db_q *q, int col);
const void *db_blob(struct db *db, struct db_q *q, int col, size_t *ret_len);

/* Tests: makes the next `n` commits fail with err. */
void db_fail_commits(struct db *db, unsigned n, int err);

#endif
