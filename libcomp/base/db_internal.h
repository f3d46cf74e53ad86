/* SPDX-License-Identifier: MIT */
/* What db.c (the loop's side), db_writer.c (the thread) and db_batch.c share and nobody else
 * includes.
 *
 * Epochs.  When the environment fails a group, every batch that was submitted before the loop heard
 * of it must fail too: it was made in the belief that the lost ones would stand, and a counter in
 * it would cover them.  So each batch carries the epoch it was submitted in; the loop begins a new
 * one just before it reports a loss, and the writer refuses what belongs to a lost one.  A batch
 * refused for want of room is a loss as well. */
#ifndef BASE_DB_INTERNAL_H
#define BASE_DB_INTERNAL_H

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/db.h>
#include <base/list.h>
#include <base/sbuf.h>

#include "db_backend.h"

struct db_batch {
	struct list link; /* the queue, a group, or those whose completion is due */
	struct db *db;
	struct sbuf stmts; /* packed statements and parameters: one allocation that grows */
	db_done_fn *done;
	void *arg;
	int err;
	bool lost;      /* err is the environment's, not this batch's own */
	uint64_t epoch; /* see above */
};

/* One statement, unpacked; the parameters point into the batch. */
struct db_stmt {
	struct db_q *q;
	bool must;
	struct db_params params;
};

struct db {
	struct loop *loop;
	const struct db_ops *ops;
	struct db_conn *writer; /* the writer thread's, while it runs */
	struct db_conn *reader;
	pthread_t thread;
	atomic_bool healthy;

	/* the loop's thread alone */
	size_t waiting;
	uint64_t epoch;
	uint64_t full_epoch; /* no room was left in this epoch */
	bool closing;
	bool delivering;

	/* the writer thread alone */
	uint64_t lost_epoch; /* this one and those before it are lost */
	int lost_err;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;  /* queue or stop changed */
	pthread_cond_t idle;  /* finished has grown */
	struct list queue;
	struct list finished;
	bool posted; /* deliver() is on its way */
	bool stop;
	unsigned fail_n;
	int fail_err;
};

static inline struct db_batch *batch_of(struct list *m)
{
	return LIST_ENTRY(m, struct db_batch, link);
}

/* Runs the completions that are due: posted to the loop by the writer thread. */
void db_deliver(void *db);

int db_writer_start(struct db *db); /* 0 or -Exxx */
void db_writer_stop(struct db *db); /* after all that was submitted has been tried */

/* Reads the arguments that `types` announces; nothing is copied. */
void db_params_read(struct db_params *out, const char *types, va_list ap);
/* The statement at *pos, which starts as 0 and is moved on; false at the end. */
bool db_batch_next(const struct db_batch *b, size_t *pos, struct db_stmt *out);

#endif
