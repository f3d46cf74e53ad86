/* SPDX-License-Identifier: MIT */
/* Between db.c, which knows batches, the writer thread and completions, and the one file per
 * database that knows SQL connections (db_sqlite.c).
 *
 * A connection is used by one thread at a time; a database has two, one that writes (the writer
 * thread's) and one that reads (the loop's).  Everything here is synchronous: the writer thread may
 * wait, the reading side answers -EBUSY instead.  The shape is libpq's too: parameters in the order
 * of their numbers with a length each, text also ends with a NUL, prepared statements are found by
 * a small number, and savepoints are plain commands. */
#ifndef BASE_DB_BACKEND_H
#define BASE_DB_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/db.h>

#define DB_PARAMS_MAX 64 /* parameters of one statement; statements are ours, so it is asserted */

enum db_kind { DB_NULL, DB_INT, DB_TEXT, DB_BLOB };
struct db_param {
	enum db_kind kind;
	int64_t i;     /* DB_INT */
	const void *p; /* DB_TEXT, DB_BLOB: never NULL */
	size_t len;    /* the NUL after a text is not counted */
};
struct db_params {
	unsigned n;
	struct db_param v[DB_PARAMS_MAX];
};

/* The statement's number, from 1 on and the same for the life of the process, whoever asks first.
 */
unsigned db_q_idx(struct db_q *q);

enum db_role { DB_WRITER, DB_READER };

/* A batch's own savepoint stands inside the group's transaction.  DB_UNDO returns to it and leaves
 * it; DB_ROLLBACK is fine when the database has ended the transaction by itself. */
enum db_tx { DB_BEGIN, DB_SAVEPOINT, DB_RELEASE, DB_UNDO, DB_COMMIT, DB_ROLLBACK };

struct db_conn;

/* Errors are those of db_done_fn, and -EBUSY: another process holds the lock. */
struct db_ops {
	/* err: one line for the operator, as in db_open(). */
	int (*open)(
	    struct db_conn **out, const char *path, enum db_role role, char *err, size_t err_len);
	void (*close)(struct db_conn *c); /* NULL is fine */

	/* The version of a part of the schema (NULL: the first), 0 if it is not there yet, and what
	 * changes it: all of it in the one transaction that lock_schema begins.  `what` stands
	 * before the reason in the line. */
	int (*get_version)(
	    struct db_conn *c, const char *part, int *out, char *err, size_t err_len);
	int (*set_version)(
	    struct db_conn *c, const char *part, int version, char *err, size_t err_len);
	int (*lock_schema)(struct db_conn *c, char *err, size_t err_len);
	int (*script)(
	    struct db_conn *c, const char *sql, const char *what, char *err, size_t err_len);

	/* Writing.  Parameters are not copied; *ret_changed is 0 when no row was changed. */
	int (*tx)(struct db_conn *c, enum db_tx what);
	int (*exec)(
	    struct db_conn *c, struct db_q *q, const struct db_params *p, int64_t *ret_changed);

	/* Reading, as the functions of db.h.  query copies the parameters. */
	int (*query)(struct db_conn *c, struct db_q *q, const struct db_params *p);
	int (*next)(struct db_conn *c, struct db_q *q);
	void (*reset)(struct db_conn *c, struct db_q *q);
	const char *(*col_text)(struct db_conn *c, struct db_q *q, int col);
	int64_t (*col_int)(struct db_conn *c, struct db_q *q, int col);
	const void *(*col_blob)(struct db_conn *c, struct db_q *q, int col, size_t *ret_len);
	bool (*col_is_null)(struct db_conn *c, struct db_q *q, int col);
};
extern const struct db_ops db_sqlite;

/* Brings the schema up to date (db_schema.c); path is for the line. */
int db_schema_update(const struct db_ops *ops, struct db_conn *c, const char *path,
    const struct db_part *parts, size_t n_parts, char *err, size_t err_len);

/* What stands in the way of opening a database in a file (db_file.c): creates it, readable by this
 * user alone, if it is missing.  0, or -Exxx with the line for the operator. */
int db_file_check(const char *path, char *err, size_t err_len);

#endif
