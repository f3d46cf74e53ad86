/* SPDX-License-Identifier: MIT */
/* A database in a folder of its own, shared by the tests of the SQL layer. */
#ifndef TESTS_DB_FIXTURE_H
#define TESTS_DB_FIXTURE_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <base/db.h>
#include <base/loop.h>

struct fixture {
	char dir[64];
	char path[96];
	struct loop *loop;
	struct db *db;
	char err[512];
};

/* What a completion left behind. */
struct note {
	int err;
	unsigned order; /* 1, 2, ...; 0: has not run */
};
static unsigned note_last;

static inline void note_done(int err, void *arg)
{
	struct note *n = arg;

	assert_int_equal(n->order, 0);
	n->err = err;
	n->order = ++note_last;
}

static inline void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/test_db.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/t.db", f->dir);
	f->loop = loop_new();
	note_last = 0;
}

static inline void fixture_open(struct fixture *f, const struct db_step *steps, size_t n)
{
	int r = db_open(&f->db, f->loop, f->path, steps, n, f->err, sizeof(f->err));

	if (r < 0)
		print_message("%s\n", f->err);
	assert_int_equal(r, 0);
}

static inline void fixture_done(struct fixture *f)
{
	char name[400];
	struct dirent *e;
	DIR *d;

	db_close(f->db);
	loop_free(f->loop);
	d = opendir(f->dir);
	assert_non_null(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", f->dir, e->d_name);
		assert_int_equal(unlink(name), 0);
	}
	closedir(d);
	assert_int_equal(rmdir(f->dir), 0);
}

static inline void run_all(struct fixture *f)
{
	while (db_waiting(f->db) > 0)
		(void)loop_turn(f->loop, true);
}

/* The integer that a query without parameters gives. */
static inline int64_t number(struct db *db, struct db_q *q)
{
	int64_t n;

	assert_int_equal(db_query(db, q, ""), 0);
	assert_int_equal(db_next(db, q), 1);
	n = db_int(db, q, 0);
	assert_int_equal(db_next(db, q), 0);
	return n;
}

static inline int fixture_setup(void **state)
{
	static struct fixture f;

	fixture_init(&f);
	*state = &f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	fixture_done(*state);
	return 0;
}

#endif
