/* SPDX-License-Identifier: MIT */
/* The writer thread: takes all batches that wait, runs them in one transaction and hands them back.
 *
 * One batch alone is committed at once; while that commit runs the next ones gather.  When a
 * statement fails by a fault of its own, the group begins anew with a savepoint for each batch (a
 * copy of every page that it changes): the one at fault is rolled back and fails alone.  A failure
 * of the environment (disk, lock) loses the whole group and the rest of its epoch (db_internal.h).
 *
 * Must not: touch what belongs to the loop's thread, run a completion, give up order: a group comes
 * back in the order in which it was submitted. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include <base/lim.h>
#include <base/log.h>
#include <base/loop.h>

#include "db_internal.h"

/* A database locked by another process: each try waits in the backend, then these pauses. */
#define BUSY_TRIES 8
#define BUSY_PAUSE_MS 50
#define BUSY_PAUSE_MAX_MS 1000

static const struct log_tag tag = { .mod = "db" };

static void splice_tail(struct list *dst, struct list *src)
{
	if (list_empty(src))
		return;
	src->next->prev = dst->prev;
	dst->prev->next = src->next;
	src->prev->next = dst;
	dst->prev = src->prev;
	list_init(src);
}

/* --- the writer thread: one transaction ------------------------------------------------------- */

/* Errors by which a batch fails alone. */
static bool own_fault(int err)
{
	return err == -EEXIST || err == -EINVAL || err == -ENOENT;
}

static int tx(struct db *db, enum db_tx what)
{
	int err = db->ops->tx(db->writer, what);

	/* These have no fault of a batch's in them; a COMMIT has (deferred foreign keys). */
	return what != DB_COMMIT && own_fault(err) ? -EIO : err;
}

/* False: the database is being closed. */
static bool pause_ms(struct db *db, unsigned ms)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += (time_t)(ms / 1000) + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&db->lock);
	while (!db->stop && pthread_cond_timedwait(&db->wake, &db->lock, &until) == 0)
		; /* new batches wake it too */
	stop = db->stop;
	pthread_mutex_unlock(&db->lock);
	return !stop;
}

static int begin(struct db *db)
{
	unsigned ms = BUSY_PAUSE_MS;

	for (int i = 1;; i++) {
		int err = tx(db, DB_BEGIN);

		if (err != -EBUSY || i == BUSY_TRIES || !pause_ms(db, ms))
			return err;
		ms = ms * 2 < BUSY_PAUSE_MAX_MS ? ms * 2 : BUSY_PAUSE_MAX_MS;
	}
}

static int commit(struct db *db)
{
	int err = 0;

	pthread_mutex_lock(&db->lock);
	if (db->fail_n > 0) {
		db->fail_n--;
		err = db->fail_err;
	}
	pthread_mutex_unlock(&db->lock);
	if (err == 0)
		err = tx(db, DB_COMMIT);
	if (err < 0)
		(void)tx(db, DB_ROLLBACK);
	return err;
}

static int run_statements(struct db *db, const struct db_batch *b)
{
	struct db_stmt st;
	int64_t changed;
	size_t pos = 0;
	int err;

	while (db_batch_next(b, &pos, &st)) {
		err = db->ops->exec(db->writer, st.q, &st.params, &changed);
		if (err < 0)
			return err;
		if (st.must && changed == 0)
			return -ENOENT;
	}
	return 0;
}

/* Returns the environment's failure; the batch's own goes to b->err. */
static int run_batch(struct db *db, struct db_batch *b)
{
	int err = tx(db, DB_SAVEPOINT);

	if (err < 0)
		return err;
	b->err = run_statements(db, b);
	if (b->err == 0)
		return tx(db, DB_RELEASE);
	return own_fault(b->err) ? tx(db, DB_UNDO) : b->err;
}

/* Stops at the first that fails, whosever fault that is. */
static int run_together(struct db *db, struct list *group)
{
	int err = begin(db);

	LIST_EACH (it, group) {
		if (err < 0)
			break;
		if (!batch_of(it)->lost)
			err = run_statements(db, batch_of(it));
	}
	return err;
}

/* Stops at what is nobody's fault; *ret_good have not failed. */
static int run_apart(struct db *db, struct list *group, size_t *ret_good)
{
	int err = begin(db);

	*ret_good = 0;
	LIST_EACH (it, group) {
		struct db_batch *b = batch_of(it);

		if (err < 0)
			break;
		if (b->lost)
			continue;
		err = run_batch(db, b);
		*ret_good += err == 0 && b->err == 0;
	}
	return err;
}

/* Nothing of it is left in the database when it fails. */
static int transaction(struct db *db, struct list *group)
{
	size_t good = 1;
	int err = run_together(db, group);

	if (own_fault(err)) {
		err = tx(db, DB_ROLLBACK);
		if (err == 0)
			err = run_apart(db, group, &good);
	}
	if (err < 0 || good == 0) {
		(void)tx(db, DB_ROLLBACK);
		if (err < 0)
			atomic_store(&db->healthy, false);
		return err;
	}
	err = commit(db);
	atomic_store(&db->healthy, err == 0 || own_fault(err));
	return err;
}

/* --- the writer thread: groups ---------------------------------------------------------------- */

static void lose(struct db *db, struct list *group, int err)
{
	LIST_EACH (it, group) {
		struct db_batch *b = batch_of(it);

		if (b->lost)
			continue;
		b->lost = true;
		b->err = err;
		db->lost_epoch = b->epoch; /* they never fall */
	}
	db->lost_err = err;
}

/* Marks what belongs to a lost epoch; returns how many batches are left to run. */
static size_t sift(struct db *db, struct list *group)
{
	size_t n = 0;

	LIST_EACH (it, group) {
		struct db_batch *b = batch_of(it);

		if (!b->lost && b->epoch <= db->lost_epoch) {
			b->lost = true;
			b->err = db->lost_err;
		}
		n += !b->lost;
	}
	return n;
}

static void run_group(struct db *db, struct list *group);

static void run_singly(struct db *db, struct list *group)
{
	struct list ran = LIST_INIT(ran);
	struct list one = LIST_INIT(one);

	while (!list_empty(group)) {
		struct list *m = group->next;

		list_del(m);
		list_add_tail(&one, m);
		run_group(db, &one);
		splice_tail(&ran, &one);
	}
	list_take(group, &ran);
}

static void run_group(struct db *db, struct list *group)
{
	int err;

	if (sift(db, group) == 0)
		return;
	err = transaction(db, group);
	if (err == 0)
		return;
	log_debug(&tag, "transaction failed: %s", strerror(-err));
	/* A constraint that is checked at the commit fails for one of them, and nobody says which.
	 */
	if (own_fault(err) && group->next->next != group)
		run_singly(db, group);
	else if (own_fault(err))
		batch_of(group->next)->err = err;
	else
		lose(db, group, err);
}

static void *writer_main(void *arg)
{
	struct db *db = arg;
	struct list group = LIST_INIT(group);

	pthread_mutex_lock(&db->lock);
	for (;;) {
		while (list_empty(&db->queue) && !db->stop)
			pthread_cond_wait(&db->wake, &db->lock);
		if (list_empty(&db->queue))
			break;
		for (int i = 0; i < LIM_DB_GROUP && !list_empty(&db->queue); i++) {
			struct list *m = db->queue.next;

			list_del(m);
			list_add_tail(&group, m);
		}
		pthread_mutex_unlock(&db->lock);
		run_group(db, &group);
		pthread_mutex_lock(&db->lock);
		splice_tail(&db->finished, &group);
		pthread_cond_signal(&db->idle);
		if (!db->posted)
			loop_post(db->loop, db_deliver, db);
		db->posted = true;
	}
	pthread_mutex_unlock(&db->lock);
	return NULL;
}

/* --- starting and stopping -------------------------------------------------------------------- */

/* Signals are the loop's business: none reaches the writer thread. */
int db_writer_start(struct db *db)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&db->thread, NULL, writer_main, db);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

void db_writer_stop(struct db *db)
{
	pthread_mutex_lock(&db->lock);
	db->stop = true;
	pthread_cond_signal(&db->wake);
	pthread_mutex_unlock(&db->lock);
	pthread_join(db->thread, NULL);
}
