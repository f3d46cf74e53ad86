/* SPDX-License-Identifier: MIT */
/* SQLite below the SQL layer: the one file that knows its API.
 *
 * Owns connections and their prepared statements, which are kept in an array by the number of their
 * call site, and the translation of SQLite's results to errno.  WAL and synchronous=FULL: what was
 * committed survives a power cut, and readers and the writer do not wait for each other.
 *
 * SQLite takes $1 as a name and numbers names by their first appearance, so "$2, $1" would be bound
 * the wrong way round: each parameter is looked up once, when its statement is prepared.
 *
 * Must not: wait on the reading side, log anything but debug lines and SQL that does not compile,
 * which is our bug. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include <base/log.h>
#include <base/mem.h>

#include "db_backend.h"

#define WRITER_BUSY_MS 2000
#define WAL_KEEP 67108864 /* bytes the journal keeps on disk after a checkpoint */
/* A page that many transactions write is copied into the database once for all that lie between two
 * checkpoints: 16 MiB.  What the writer has in memory is read again by none of them. */
#define CHECKPOINT_PAGES 4000
#define WRITER_CACHE_KIB 32768

struct stmt {
	sqlite3_stmt *s;
	const char *sql;       /* to notice a struct db_q that was copied */
	int at[DB_PARAMS_MAX]; /* SQLite's index of $1, $2, ... */
	unsigned n;            /* parameters */
	bool active;           /* between query and the end of its rows */
};

struct db_conn {
	sqlite3 *h;
	enum db_role role;
	char *path;
	struct stmt *stmt; /* by db_q_idx() */
	size_t n_stmt;
};

static const struct log_tag tag = { .mod = "db" };

/* --- errors ----------------------------------------------------------------------------------- */

static int constraint_errno(int rc)
{
	switch (rc) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
		return -EEXIST;
	default:
		return -EINVAL;
	}
}

/* A quota (EDQUOT, EFBIG) is an I/O error to SQLite, and when COMMIT meets it the number is left in
 * errno alone: conn_exec() clears that before it begins. */
static int io_errno(sqlite3 *h)
{
	int left = errno;
	int e = sqlite3_system_errno(h);

	if (e == 0)
		e = left;
	if (e == ENOSPC || e == EDQUOT || e == EFBIG)
		return -ENOSPC;
	return e == EROFS ? -EROFS : -EIO;
}

static int to_errno(sqlite3 *h, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		abort(); /* as xmalloc() does */
	case SQLITE_CONSTRAINT:
		return constraint_errno(rc);
	case SQLITE_ERROR:
	case SQLITE_SCHEMA:
	case SQLITE_MISMATCH:
	case SQLITE_RANGE:
	case SQLITE_TOOBIG:
		return -EINVAL;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL: /* a lock of the WAL index that could not be had */
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	default:
		return io_errno(h);
	}
}

static int failed(struct db_conn *c, int rc, const char *sql)
{
	int err = to_errno(c->h, rc);

	if (err < 0)
		log_debug(&tag, "sqlite: %s (%d) in: %s", sqlite3_errmsg(c->h), rc, sql);
	return err;
}

/* --- prepared statements ---------------------------------------------------------------------- */

static void map_params(struct stmt *st)
{
	char name[16];
	int n = sqlite3_bind_parameter_count(st->s);

	assert(n <= DB_PARAMS_MAX);
	st->n = (unsigned)n;
	for (int i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "$%d", i + 1);
		st->at[i] = sqlite3_bind_parameter_index(st->s, name);
		assert(st->at[i] > 0); /* $1 ... $n, none left out */
	}
}

static int prepare(struct db_conn *c, struct stmt *st, const char *sql)
{
	const char *tail = NULL;
	int rc = sqlite3_prepare_v3(c->h, sql, -1, SQLITE_PREPARE_PERSISTENT, &st->s, &tail);

	if (rc == SQLITE_ERROR || rc == SQLITE_SCHEMA) /* the second: on a fresh connection */
		log_error(&tag, "SQL does not compile: %s: %s", sqlite3_errmsg(c->h), sql);
	if (rc != SQLITE_OK)
		return failed(c, rc, sql);
	assert(st->s && *tail == '\0'); /* one statement and nothing behind it */
	assert(c->role == DB_WRITER || sqlite3_stmt_readonly(st->s));
	st->sql = sql;
	map_params(st);
	return 0;
}

static int get_stmt(struct db_conn *c, struct db_q *q, struct stmt **out)
{
	size_t idx = db_q_idx(q);
	struct stmt *st;

	if (idx >= c->n_stmt) {
		size_t n = idx < 32 ? 64 : idx * 2;

		c->stmt = xreallocarray(c->stmt, n, sizeof(*c->stmt));
		memset(c->stmt + c->n_stmt, 0, (n - c->n_stmt) * sizeof(*c->stmt));
		c->n_stmt = n;
	}
	st = &c->stmt[idx];
	if (!st->s) {
		int err = prepare(c, st, q->sql);

		if (err < 0)
			return err;
	}
	assert(st->sql == q->sql);
	*out = st;
	return 0;
}

/* The one whose rows are being read. */
static struct stmt *active_stmt(struct db_conn *c, struct db_q *q)
{
	struct stmt *st;

	assert(q->idx > 0 && q->idx < c->n_stmt);
	st = &c->stmt[q->idx];
	assert(st->active);
	return st;
}

static int bind_one(sqlite3_stmt *s, int at, const struct db_param *v, sqlite3_destructor_type how)
{
	switch (v->kind) {
	case DB_INT:
		return sqlite3_bind_int64(s, at, v->i);
	case DB_TEXT:
		return sqlite3_bind_text64(s, at, v->p, v->len, how, SQLITE_UTF8);
	case DB_BLOB:
		return sqlite3_bind_blob64(s, at, v->p, v->len, how);
	case DB_NULL:
		break;
	}
	return sqlite3_bind_null(s, at);
}

static int bind_all(
    struct db_conn *c, struct stmt *st, const struct db_params *p, sqlite3_destructor_type how)
{
	assert(p->n == st->n);
	for (unsigned i = 0; i < p->n; i++) {
		int rc = bind_one(st->s, st->at[i], &p->v[i], how);

		if (rc != SQLITE_OK)
			return failed(c, rc, st->sql);
	}
	return 0;
}

static void unbind(struct stmt *st)
{
	(void)sqlite3_reset(st->s);
	(void)sqlite3_clear_bindings(st->s);
	st->active = false;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int conn_exec(
    struct db_conn *c, struct db_q *q, const struct db_params *p, int64_t *ret_changed)
{
	int64_t before = sqlite3_total_changes64(c->h);
	struct stmt *st;
	int rc, err;

	err = get_stmt(c, q, &st);
	if (err < 0)
		return err;
	err = bind_all(c, st, p, SQLITE_STATIC);
	if (err == 0) {
		errno = 0;
		do
			rc = sqlite3_step(st->s);
		while (rc == SQLITE_ROW);
		err = failed(c, rc, st->sql);
	}
	unbind(st);
	if (err == 0)
		*ret_changed = sqlite3_total_changes64(c->h) - before;
	return err;
}

static int conn_tx(struct db_conn *c, enum db_tx what)
{
	/* IMMEDIATE: the lock is waited for here and nowhere else. */
	static struct db_q begin = { "BEGIN IMMEDIATE" }, savepoint = { "SAVEPOINT batch" };
	static struct db_q release = { "RELEASE batch" }, undo = { "ROLLBACK TO batch" };
	static struct db_q commit = { "COMMIT" }, rollback = { "ROLLBACK" };
	const struct db_params none = { 0 };
	int64_t changed;
	int err;

	switch (what) {
	case DB_BEGIN:
		return conn_exec(c, &begin, &none, &changed);
	case DB_SAVEPOINT:
		return conn_exec(c, &savepoint, &none, &changed);
	case DB_RELEASE:
		return conn_exec(c, &release, &none, &changed);
	case DB_UNDO:
		err = conn_exec(c, &undo, &none, &changed);
		return err < 0 ? err : conn_exec(c, &release, &none, &changed);
	case DB_COMMIT:
		return conn_exec(c, &commit, &none, &changed);
	case DB_ROLLBACK:
		break;
	}
	return sqlite3_get_autocommit(c->h) ? 0 : conn_exec(c, &rollback, &none, &changed);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int conn_query(struct db_conn *c, struct db_q *q, const struct db_params *p)
{
	struct stmt *st;
	int err;

	err = get_stmt(c, q, &st);
	if (err < 0)
		return err;
	assert(!st->active); /* used recursively, or left early without db_reset() */
	err = bind_all(c, st, p, SQLITE_TRANSIENT);
	if (err < 0)
		unbind(st);
	else
		st->active = true;
	return err;
}

static int conn_next(struct db_conn *c, struct db_q *q)
{
	struct stmt *st = active_stmt(c, q);
	int rc = sqlite3_step(st->s);
	int err;

	if (rc == SQLITE_ROW)
		return 1;
	err = failed(c, rc, st->sql);
	unbind(st);
	return err;
}

static void conn_reset(struct db_conn *c, struct db_q *q)
{
	if (q->idx > 0 && q->idx < c->n_stmt && c->stmt[q->idx].s)
		unbind(&c->stmt[q->idx]);
}

static sqlite3_stmt *row(struct db_conn *c, struct db_q *q, int col)
{
	struct stmt *st = active_stmt(c, q);

	assert(col >= 0 && col < sqlite3_data_count(st->s));
	return st->s;
}

static bool conn_is_null(struct db_conn *c, struct db_q *q, int col)
{
	return sqlite3_column_type(row(c, q, col), col) == SQLITE_NULL;
}

static const char *conn_text(struct db_conn *c, struct db_q *q, int col)
{
	sqlite3_stmt *s = row(c, q, col);
	const unsigned char *text = sqlite3_column_text(s, col);

	if (!text && sqlite3_errcode(c->h) == SQLITE_NOMEM)
		abort();
	return text ? (const char *)text : "";
}

static int64_t conn_int(struct db_conn *c, struct db_q *q, int col)
{
	return sqlite3_column_int64(row(c, q, col), col);
}

static const void *conn_blob(struct db_conn *c, struct db_q *q, int col, size_t *ret_len)
{
	sqlite3_stmt *s = row(c, q, col);
	const void *p = sqlite3_column_blob(s, col);

	*ret_len = (size_t)sqlite3_column_bytes(s, col);
	return p ? p : "";
}

/* --- opening ---------------------------------------------------------------------------------- */

static int open_failed(struct db_conn *c, const char *what, char *err, size_t err_len)
{
	int rc = c->h ? sqlite3_extended_errcode(c->h) : SQLITE_NOMEM;
	int r = to_errno(c->h, rc);
	int e = sqlite3_system_errno(c->h);

	if (r == -EBUSY)
		(void)snprintf(
		    err, err_len, "%s: %s: another process holds a lock on it", c->path, what);
	else if ((rc & 0xff) == SQLITE_NOTADB || (rc & 0xff) == SQLITE_CORRUPT)
		(void)snprintf(err, err_len, "%s: not an SQLite database, or a damaged one: %s",
		    c->path, sqlite3_errmsg(c->h));
	else
		(void)snprintf(err, err_len, "%s: %s: %s%s%s", c->path, what, sqlite3_errmsg(c->h),
		    r != -EINVAL && e ? ": " : "", r != -EINVAL && e ? strerror(e) : "");
	return r < 0 ? r : -EIO;
}

static int run(struct db_conn *c, const char *sql, const char *what, char *err, size_t err_len)
{
	if (sqlite3_exec(c->h, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return open_failed(c, what, err, err_len);
}

/* The first column of the only row.  text: a buffer, or NULL for an integer in *ret_n. */
static int ask(struct db_conn *c, const char *sql, char *text, size_t text_len, int *ret_n)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(c->h, sql, -1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW && text)
		(void)snprintf(text, text_len, "%s", (const char *)sqlite3_column_text(s, 0));
	else if (rc == SQLITE_ROW)
		*ret_n = sqlite3_column_int(s, 0);
	sqlite3_finalize(s); /* keeps the connection's error */
	return rc == SQLITE_ROW ? 0 : -1;
}

/* SQL of the schema may not call what is not safe, and "x" is never a string. */
static void harden(sqlite3 *h)
{
	(void)sqlite3_db_config(h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_db_config(h, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	(void)sqlite3_db_config(h, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	(void)sqlite3_db_config(h, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
}

static int configure_writer(struct db_conn *c, char *err, size_t err_len)
{
	char sql[192], mode[16] = "", what[] = "cannot open the database";
	int tables;

	(void)sqlite3_busy_timeout(c->h, WRITER_BUSY_MS);
	if (sqlite3_db_readonly(c->h, "main") > 0) { /* SQLite falls back to that without a word */
		(void)snprintf(err, err_len, "%s: can be read but not written", c->path);
		return -EROFS;
	}
	if (ask(c, "PRAGMA journal_mode=WAL", mode, sizeof(mode), NULL) < 0)
		return open_failed(c, what, err, err_len);
	if (strcmp(mode, "wal") != 0) {
		(void)snprintf(err, err_len,
		    "%s: no write-ahead log can be kept here (a network file system?)", c->path);
		return -ENOTSUP;
	}
	/* temp_store: what a savepoint keeps of pages would else go to a file in /var/tmp. */
	(void)snprintf(sql, sizeof(sql),
	    "PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=%d;"
	    " PRAGMA cache_size=-%d; PRAGMA wal_autocheckpoint=%d",
	    WAL_KEEP, WRITER_CACHE_KIB, CHECKPOINT_PAGES);
	if (ask(c, "SELECT count(*) FROM sqlite_schema", NULL, 0, &tables) < 0)
		return open_failed(c, what, err, err_len); /* a damaged schema shows here */
	return run(c, sql, what, err, err_len);
}

static void conn_close(struct db_conn *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_stmt; i++)
		sqlite3_finalize(c->stmt[i].s);
	if (sqlite3_close(c->h) != SQLITE_OK)
		abort(); /* a statement outside of the array */
	free(c->stmt);
	free(c->path);
	free(c);
}

static int conn_open(
    struct db_conn **out, const char *path, enum db_role role, char *err, size_t err_len)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	struct db_conn *c;
	int r;

	assert(sqlite3_threadsafe());
	r = db_file_check(path, err, err_len);
	if (r < 0)
		return r;
	c = xzalloc(sizeof(*c));
	c->role = role;
	c->path = xstrdup(path);
	if (sqlite3_open_v2(path, &c->h, flags, NULL) != SQLITE_OK)
		r = open_failed(c, "cannot open the database", err, err_len);
	else {
		harden(c->h);
		r = role == DB_WRITER ? configure_writer(c, err, err_len)
		                      : run(c, "PRAGMA query_only=ON", "cannot open", err, err_len);
	}
	if (r < 0) {
		conn_close(c);
		return r;
	}
	*out = c;
	return 0;
}

/* --- the schema ------------------------------------------------------------------------------- */

/* The first part's version is the file's user_version, those of the others stand in a table that
 * is made with the second one. */
#define PARTS "schema_part"

static int conn_get_version(
    struct db_conn *c, const char *part, int *out, char *err, size_t err_len)
{
	static const char what[] = "cannot read the schema's version";
	char sql[128];
	int tables;

	(void)snprintf(sql, sizeof(sql), "PRAGMA user_version");
	if (part) {
		if (ask(c, "SELECT count(*) FROM sqlite_schema WHERE name='" PARTS "'", NULL, 0,
			&tables) < 0)
			return open_failed(c, what, err, err_len);
		*out = 0;
		if (tables == 0)
			return 0;
		(void)snprintf(sql, sizeof(sql),
		    "SELECT coalesce(max(version), 0) FROM " PARTS " WHERE part='%s'", part);
	}
	if (ask(c, sql, NULL, 0, out) < 0)
		return open_failed(c, what, err, err_len);
	return 0;
}

static int conn_set_version(
    struct db_conn *c, const char *part, int version, char *err, size_t err_len)
{
	char sql[192];

	assert(!sqlite3_get_autocommit(c->h)); /* no step ends the transaction */
	if (part)
		(void)snprintf(sql, sizeof(sql),
		    "CREATE TABLE IF NOT EXISTS " PARTS
		    " (part TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;"
		    "INSERT OR REPLACE INTO " PARTS " VALUES('%s', %d)",
		    part, version);
	else
		(void)snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", version);
	return run(c, sql, "cannot set the schema's version", err, err_len);
}

static int conn_lock_schema(struct db_conn *c, char *err, size_t err_len)
{
	return run(
	    c, "BEGIN EXCLUSIVE", "cannot lock it to bring its schema up to date", err, err_len);
}

const struct db_ops db_sqlite = {
	.open = conn_open,
	.close = conn_close,
	.get_version = conn_get_version,
	.set_version = conn_set_version,
	.lock_schema = conn_lock_schema,
	.script = run,
	.tx = conn_tx,
	.exec = conn_exec,
	.query = conn_query,
	.next = conn_next,
	.reset = conn_reset,
	.col_text = conn_text,
	.col_int = conn_int,
	.col_blob = conn_blob,
	.col_is_null = conn_is_null,
};
