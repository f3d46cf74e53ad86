/* SPDX-License-Identifier: MIT */
/* SQL of the table `blocked` (schema.c). */
#include "im/blocking_internal.h"

static struct db_q q_load = { "SELECT jid FROM blocked WHERE owner = $1" };
static struct db_q q_put = { "INSERT INTO blocked (owner, jid) VALUES ($1, $2)"
			     " ON CONFLICT (owner, jid) DO NOTHING" };
static struct db_q q_del = { "DELETE FROM blocked WHERE owner = $1 AND jid = $2" };
static struct db_q q_any = { "SELECT 1 FROM blocked LIMIT 1" };

int blocking_store_load(
    struct db *db, const struct jid *owner, void (*fn)(const struct jid *jid, void *arg), void *arg)
{
	int r = db_query(db, &q_load, "s", owner->s);

	if (r < 0)
		return r;
	while ((r = db_next(db, &q_load)) > 0) {
		struct jid jid = jid_view(db_text(db, &q_load, 0));

		fn(&jid, arg);
	}
	return r;
}

void blocking_store_put(struct db_batch *b, const struct jid *owner, const struct jid *jid)
{
	db_batch_add(b, &q_put, "ss", owner->s, jid->s);
}

void blocking_store_del(struct db_batch *b, const struct jid *owner, const struct jid *jid)
{
	db_batch_add(b, &q_del, "ss", owner->s, jid->s);
}

int blocking_store_any(struct db *db)
{
	int r = db_query(db, &q_any, "");

	if (r == 0)
		r = db_next(db, &q_any);
	if (r > 0)
		db_reset(db, &q_any);
	return r;
}
