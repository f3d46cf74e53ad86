/* SPDX-License-Identifier: MIT */
/* Which row of comp_link is this process's: its slot.
 *
 * Alone it is slot 1, whoever had it before: a newcomer raises the incarnation, and an older
 * process ends.  Where several processes share the domain (component_share) each holds a lock on
 * its slot, the byte of that number in DATA_DIR/<name>.members, for as long as it lives.  One that
 * starts takes over the row of a dead process, whose lock is to be had, and with it the session of
 * the link; if there is none, it makes a row.
 *
 * A slot is locked before its row is made and let go after the last write to it has come back, so
 * nobody takes over what somebody is still at. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/mem.h>

#include "comp_internal.h"

enum { ALONE = 1 };

static const struct log_tag tag = { .mod = "comp" };

/* --- locks ------------------------------------------------------------------------------------ */

static struct flock byte(int64_t slot, short type)
{
	return (struct flock){
		.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)slot, .l_len = 1
	};
}

static int locks_open(struct comp *c)
{
	char *path = xasprintf("%s/%s.members", c->conf->daemon.data_dir, c->ops->name);

	c->ledger.locks = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	free(path);
	return c->ledger.locks < 0 ? -errno : 0;
}

/* 0, -EBUSY: another process has it, -Exxx. */
static int lock(struct comp *c, int64_t slot)
{
	struct flock b = byte(slot, F_WRLCK);

	if (fcntl(c->ledger.locks, F_OFD_SETLK, &b) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

static void unlock(struct comp *c, int64_t slot)
{
	struct flock b = byte(slot, F_UNLCK);

	(void)fcntl(c->ledger.locks, F_OFD_SETLK, &b);
}

bool slot_alive(struct comp *c, int64_t slot)
{
	struct flock b = byte(slot, F_WRLCK);

	return fcntl(c->ledger.locks, F_OFD_GETLK, &b) < 0 || b.l_type != F_UNLCK;
}

void slot_done(struct comp *c)
{
	if (c->ledger.locks >= 0)
		close(c->ledger.locks); /* and with it all that was locked through it */
	c->ledger.locks = -1;
}

/* --- a row of one's own ----------------------------------------------------------------------- */

void slot_put_row(struct comp *c, struct db_batch *b)
{
	static struct db_q q = { "INSERT INTO comp_link(slot, domain, incarnation)"
				 " VALUES($1, $2, 1)" };

	db_batch_add(b, &q, "is", c->ledger.slot, c->domain);
}

/* The highest that there has been. */
static int last_slot(struct comp *c, int64_t *out)
{
	static struct db_q q = {
		"SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'comp_link'"
	};
	int r = db_query(c->ledger.db, &q, "");

	if (r == 0)
		r = db_number(c->ledger.db, &q, out);
	return r < 0 ? r : 0;
}

int slot_next(struct comp *c)
{
	int64_t slot = 0;
	int r = last_slot(c, &slot);

	if (r < 0)
		return r;
	slot_leave(c);
	do
		r = lock(c, ++slot);
	while (r == -EBUSY);
	if (r == 0)
		c->ledger.slot = slot;
	return r;
}

void slot_leave(struct comp *c)
{
	if (c->ledger.slot > 0)
		unlock(c, c->ledger.slot);
	c->ledger.slot = 0;
}

/* --- at start --------------------------------------------------------------------------------- */

static void on_done(int err, void *arg)
{
	*(int *)arg = err;
}

static int run(struct comp *c, struct db_batch *b)
{
	int r = 0;

	db_submit(b, on_done, &r);
	db_sync(c->ledger.db);
	return r;
}

/* Before anything is read: what an earlier process has not committed by now, it never will. */
static int take_alone(struct comp *c)
{
	static struct db_q q = {
		"INSERT INTO comp_link(slot, domain, incarnation) VALUES($1, $2, 1)"
		" ON CONFLICT (slot) DO UPDATE SET incarnation = incarnation + 1"
	};
	struct db_batch *b = db_batch_new(c->ledger.db);

	c->ledger.slot = ALONE;
	db_batch_add(b, &q, "is", c->ledger.slot, c->domain);
	return run(c, b);
}

/* -ENOENT: it is gone, as another member has adopted what was there. */
static int take_over(struct comp *c, int64_t slot)
{
	static struct db_q q = { "UPDATE comp_link SET incarnation = incarnation + 1"
				 " WHERE slot = $1" };
	struct db_batch *b = db_batch_new(c->ledger.db);
	int r;

	db_batch_must(b, &q, "i", slot);
	r = run(c, b);
	if (r == 0)
		c->ledger.slot = slot;
	else
		unlock(c, slot);
	return r;
}

/* The next row behind this one; 0: there is none. */
static int row_behind(struct comp *c, int64_t slot, int64_t *out)
{
	static struct db_q q = { "SELECT coalesce(min(slot), 0) FROM comp_link WHERE slot > $1" };
	int r = db_query(c->ledger.db, &q, "i", slot);

	if (r == 0)
		r = db_number(c->ledger.db, &q, out);
	return r < 0 ? r : 0;
}

/* 1: it has been taken over, 0: nobody is dead. */
static int take_dead(struct comp *c)
{
	int64_t slot = 0;
	int r;

	while ((r = row_behind(c, slot, &slot)) == 0 && slot > 0) {
		r = lock(c, slot);
		if (r == 0)
			r = take_over(c, slot);
		if (r == 0)
			return 1;
		if (r != -EBUSY && r != -ENOENT)
			return r;
	}
	return r;
}

/* Others start at the same moment: the number may be taken by the time that it is written. */
static int take_new(struct comp *c)
{
	int r = -EEXIST;

	while (r == -EEXIST) {
		struct db_batch *b;

		r = slot_next(c);
		if (r < 0)
			break;
		b = db_batch_new(c->ledger.db);
		slot_put_row(c, b);
		r = run(c, b);
	}
	return r;
}

static int take_shared(struct comp *c)
{
	int r = locks_open(c);

	if (r == 0)
		r = take_dead(c);
	if (r == 0)
		r = take_new(c);
	return r < 0 ? r : 0;
}

static bool same_domain(struct comp *c)
{
	static struct db_q q = { "SELECT domain FROM comp_link WHERE slot = $1" };
	struct db *db = c->ledger.db;
	bool same = true;

	if (db_query(db, &q, "i", c->ledger.slot) < 0)
		return true;
	if (db_next(db, &q) > 0) {
		same = strcmp(db_text(db, &q, 0), c->domain) == 0;
		db_reset(db, &q);
	}
	return same;
}

/* What waits to be sent is from addresses that the component no longer has, and the session was
 * another domain's. */
static int change_domain(struct comp *c)
{
	static struct db_q row = { "UPDATE comp_link SET domain = $2, sm_id = NULL, member = NULL,"
				   " seq = seq + 1, out_acked = out_total WHERE slot = $1" };
	static struct db_q outbox = { "DELETE FROM comp_outbox WHERE slot = $1" };
	static struct db_q deferred = { "DELETE FROM comp_deferred WHERE slot = $1" };
	static struct db_q told = { "DELETE FROM comp_told WHERE slot = $1" };
	struct db_batch *b = db_batch_new(c->ledger.db);
	int64_t slot = c->ledger.slot;

	log_warn(&tag, "%s was another domain's: what it had to send is dropped", c->ledger.path);
	db_batch_add(b, &row, "is", slot, c->domain);
	db_batch_add(b, &outbox, "i", slot);
	db_batch_add(b, &deferred, "i", slot);
	db_batch_add(b, &told, "i", slot);
	return run(c, b);
}

int slot_take(struct comp *c, char *err, size_t err_len)
{
	int r = c->conf->share ? take_shared(c) : take_alone(c);

	if (r == 0 && !same_domain(c))
		r = change_domain(c);
	if (r < 0)
		(void)snprintf(
		    err, err_len, "%s: cannot be written: %s", c->ledger.path, strerror(-r));
	return r;
}
