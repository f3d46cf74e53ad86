/* SPDX-License-Identifier: MIT */
/* The table of the rooms' vCards (avatar.h). */
#include <stdlib.h>
#include <string.h>

#include "store.h"

static struct db_q q_vcards = { "SELECT room, hashes, bytes FROM vcard" };
static struct db_q q_vcard = { "SELECT text FROM vcard WHERE room = $1" };
static struct db_q q_put_vcard = {
	"INSERT INTO vcard (room, hashes, bytes, text) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (room) DO UPDATE SET hashes = excluded.hashes, bytes = excluded.bytes,"
	" text = excluded.text"
};
static struct db_q q_del_vcard = { "DELETE FROM vcard WHERE room = $1" };

int store_load_vcards(struct muc *m)
{
	struct db *db = comp_db(m->c);
	struct db_q *q = &q_vcards;
	int r = db_query(db, q, "");

	while (r >= 0 && (r = db_next(db, q)) > 0) {
		const char *name = db_text(db, q, 0);
		struct room *room = store_loading(m, name);
		int64_t bytes = db_int(db, q, 2);

		if (!room || room->avatar.there)
			continue;
		room->avatar.there = true;
		room->avatar.hashes = db_text_dup(db, q, 1);
		room->avatar.bytes = bytes > 0 ? (size_t)bytes : 0;
	}
	return r;
}

int store_read_vcard(const struct room *r, char **ret_text)
{
	struct db *db = comp_db(r->m->c);
	int ret = db_query(db, &q_vcard, "s", r->local);

	*ret_text = NULL;
	while (ret >= 0 && (ret = db_next(db, &q_vcard)) > 0) {
		free(*ret_text);
		*ret_text = db_text_dup(db, &q_vcard, 0);
	}
	return ret;
}

void store_put_vcard(struct db_batch *b, const struct room *r)
{
	if (r->avatar.there)
		db_batch_add(b, &q_put_vcard, "ssis", r->local, r->avatar.hashes,
		    (int64_t)r->avatar.bytes, r->avatar.fresh);
	else
		db_batch_add(b, &q_del_vcard, "s", r->local);
}
