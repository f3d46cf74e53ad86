/* SPDX-License-Identifier: MIT */
/* The loop's side of the SQL layer: opening and closing, batches that go out to the writer thread
 * and their completions, and reads.
 *
 * Owns the count of what waits and the epochs (db_internal.h).  Completions run from one function,
 * called by a post from the writer thread or by db_close(), in the order of submission.
 *
 * Must not: know SQLite (db_backend.h stands between), wait outside of db_open() and db_close(). */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/lim.h>
#include <base/list.h>
#include <base/loop.h>
#include <base/mem.h>

#include "db_internal.h"

#define OPEN_MS 10000 /* at least, for whoever holds it; each try waits in the backend, too */
#define OPEN_PAUSE_MS 50

/* --- batches and completions ------------------------------------------------------------------ */

void db_deliver(void *arg)
{
	struct db *db = arg;
	struct list ready = LIST_INIT(ready);

	pthread_mutex_lock(&db->lock);
	db->posted = false;
	list_take(&ready, &db->finished);
	pthread_mutex_unlock(&db->lock);
	db->delivering = true;
	while (!list_empty(&ready)) {
		struct db_batch *b = batch_of(ready.next);
		db_done_fn *done = b->done;
		void *done_arg = b->arg;
		int err = b->err;

		list_del(&b->link);
		db->waiting--;
		if (b->lost && b->epoch == db->epoch)
			db->epoch++; /* what follows was made knowing of the loss */
		db_batch_free(b);
		if (done)
			done(err, done_arg);
	}
	db->delivering = false;
}

/* It keeps its place, so completions stay in order, but nothing else. */
static void refuse(struct db_batch *b, int err)
{
	b->lost = true;
	b->err = err;
	sbuf_done(&b->stmts);
}

void db_submit(struct db_batch *b, db_done_fn *done, void *arg)
{
	struct db *db = b->db;

	b->done = done;
	b->arg = arg;
	b->epoch = db->epoch;
	if (db->closing)
		refuse(b, -ECANCELED);
	else if (db->waiting >= LIM_DB_BATCHES || db->full_epoch == db->epoch) {
		db->full_epoch = db->epoch;
		refuse(b, -ENOBUFS);
	}
	db->waiting++;
	pthread_mutex_lock(&db->lock);
	list_add_tail(db->closing ? &db->finished : &db->queue, &b->link);
	pthread_cond_signal(&db->wake);
	pthread_mutex_unlock(&db->lock);
}

void db_sync(struct db *db)
{
	assert(!db->delivering);
	while (db->waiting > 0) {
		pthread_mutex_lock(&db->lock);
		while (list_empty(&db->finished))
			pthread_cond_wait(&db->idle, &db->lock);
		pthread_mutex_unlock(&db->lock);
		db_deliver(db);
	}
}

size_t db_waiting(const struct db *db)
{
	return db->waiting;
}

bool db_healthy(const struct db *db)
{
	return atomic_load(&db->healthy);
}

void db_fail_commits(struct db *db, unsigned n, int err)
{
	assert(err < 0);
	pthread_mutex_lock(&db->lock);
	db->fail_n = n;
	db->fail_err = err;
	pthread_mutex_unlock(&db->lock);
}

/* --- reads ------------------------------------------------------------------------------------ */

int db_query(struct db *db, struct db_q *q, const char *types, ...)
{
	struct db_params params;
	va_list ap;

	va_start(ap, types);
	db_params_read(&params, types, ap);
	va_end(ap);
	return db->ops->query(db->reader, q, &params);
}

int db_next(struct db *db, struct db_q *q)
{
	return db->ops->next(db->reader, q);
}

void db_reset(struct db *db, struct db_q *q)
{
	db->ops->reset(db->reader, q);
}

int db_number(struct db *db, struct db_q *q, int64_t *out)
{
	int r = db_next(db, q);

	if (r > 0) {
		*out = db_int(db, q, 0);
		db_reset(db, q);
	}
	return r;
}

const char *db_text(struct db *db, struct db_q *q, int col)
{
	return db->ops->col_text(db->reader, q, col);
}

char *db_text_dup(struct db *db, struct db_q *q, int col)
{
	return db_is_null(db, q, col) ? NULL : xstrdup(db_text(db, q, col));
}

bool db_is_null(struct db *db, struct db_q *q, int col)
{
	return db->ops->col_is_null(db->reader, q, col);
}

int64_t db_int(struct db *db, struct db_q *q, int col)
{
	return db->ops->col_int(db->reader, q, col);
}

const void *db_blob(struct db *db, struct db_q *q, int col, size_t *ret_len)
{
	return db->ops->col_blob(db->reader, q, col, ret_len);
}

/* --- opening and closing ---------------------------------------------------------------------- */

static struct db *db_new(struct loop *l, const struct db_ops *ops)
{
	struct db *db = xzalloc(sizeof(*db));
	pthread_condattr_t attr;

	db->loop = l;
	db->ops = ops;
	db->epoch = 1;
	atomic_init(&db->healthy, true);
	list_init(&db->queue);
	list_init(&db->finished);
	pthread_mutex_init(&db->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&db->wake, &attr);
	pthread_cond_init(&db->idle, NULL);
	pthread_condattr_destroy(&attr);
	return db;
}

static void db_free(struct db *db)
{
	db->ops->close(db->reader);
	db->ops->close(db->writer);
	pthread_cond_destroy(&db->wake);
	pthread_cond_destroy(&db->idle);
	pthread_mutex_destroy(&db->lock);
	free(db);
}

int db_open(struct db **out, struct loop *l, const char *path, const struct db_step *steps,
    size_t n_steps, char *err, size_t err_len)
{
	const struct db_part only = { NULL, steps, n_steps };

	return db_open_parts(out, l, path, &only, 1, err, err_len);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Others may open it at the same moment: the first of them makes the file and brings the schema up
 * to date, which may take longer than the backend waits. */
static int open_both(struct db *db, const char *path, const struct db_part *parts, size_t n_parts,
    char *err, size_t err_len)
{
	const struct db_ops *ops = db->ops;
	uint64_t until = now_ms() + OPEN_MS;
	int r;

	for (;;) {
		r = ops->open(&db->writer, path, DB_WRITER, err, err_len);
		if (r == 0)
			r = db_schema_update(ops, db->writer, path, parts, n_parts, err, err_len);
		if (r == 0)
			r = ops->open(&db->reader, path, DB_READER, err, err_len);
		if (r != -EBUSY || now_ms() >= until)
			return r;
		ops->close(db->writer);
		db->writer = NULL;
		(void)nanosleep(&(struct timespec){ .tv_nsec = OPEN_PAUSE_MS * 1000000L }, NULL);
	}
}

int db_open_parts(struct db **out, struct loop *l, const char *path, const struct db_part *parts,
    size_t n_parts, char *err, size_t err_len)
{
	struct db *db = db_new(l, &db_sqlite);
	int r = open_both(db, path, parts, n_parts, err, err_len);

	if (r == 0) {
		r = db_writer_start(db);
		if (r < 0)
			(void)snprintf(err, err_len, "%s: cannot start the writer thread: %s", path,
			    strerror(-r));
	}
	if (r < 0) {
		db_free(db);
		return r;
	}
	*out = db;
	return 0;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	assert(!db->delivering); /* a completion may not close its own database */
	db_writer_stop(db);
	loop_post_cancel(db->loop, db_deliver, db);
	/* What these submit is refused and comes back in the next round. */
	db->closing = true;
	while (db->waiting > 0)
		db_deliver(db);
	db_free(db);
}
