/* SPDX-License-Identifier: MIT */
/* The rooms that are listed, as the database has them: those of other processes, too. */
#include <stdint.h>

#include <base/arena.h>

#include "store.h"

/* As store.c's flags have it: public, not locked.  The text is that of the index. */
#define LISTED "flags & 129 = 1"

static struct db_q q_count = { "SELECT count(*) FROM room WHERE " LISTED };
static struct db_q q_before = { "SELECT count(*) FROM room WHERE " LISTED " AND name < $1" };
static struct db_q q_there = { "SELECT count(*) FROM room WHERE " LISTED " AND name = $1" };
static struct db_q q_page = {
	"SELECT name, title, description, lang, password, flags,"
	" (SELECT count(DISTINCT nick) FROM occupant WHERE occupant.room = room.name)"
	" FROM room WHERE " LISTED " ORDER BY name LIMIT $1 OFFSET $2"
};
static struct db_q q_rooms = { "SELECT count(*) FROM room" };

static int count(struct muc *m, struct db_q *q, int64_t *ret_n)
{
	int r = db_query(comp_db(m->c), q, "");

	*ret_n = 0;
	if (r == 0)
		r = db_number(comp_db(m->c), q, ret_n);
	return r < 0 ? r : 0;
}

int store_count_rooms(struct muc *m, size_t *ret_n)
{
	int64_t n;
	int r = count(m, &q_rooms, &n);

	*ret_n = (size_t)n;
	return r;
}

int store_count_listed(struct muc *m, size_t *ret_n)
{
	int64_t n;
	int r = count(m, &q_count, &n);

	*ret_n = (size_t)n;
	return r;
}

static int64_t number_of(struct muc *m, struct db_q *q, const char *name)
{
	int64_t n = 0;

	if (db_query(comp_db(m->c), q, "s", name) < 0 || db_number(comp_db(m->c), q, &n) < 0)
		return 0;
	return n;
}

size_t store_find_listed(struct muc *m, const char *name, size_t len, bool *ret_there)
{
	struct arena *a = arena_new();
	const char *text = arena_strndup(a, name, len);
	size_t at = (size_t)number_of(m, &q_before, text);

	*ret_there = number_of(m, &q_there, text) > 0;
	arena_free(a);
	return at;
}

static const char *text_or_null(struct db *db, int col)
{
	return db_is_null(db, &q_page, col) ? NULL : db_text(db, &q_page, col);
}

int store_read_listed(struct muc *m, size_t from, size_t n, listed_fn *fn, void *arg)
{
	struct db *db = comp_db(m->c);
	int64_t limit = n > INT32_MAX ? -1 : (int64_t)n;
	int r = db_query(db, &q_page, "ii", limit, (int64_t)from);

	while (r >= 0 && (r = db_next(db, &q_page)) > 0) {
		struct listed l = {
			.local = db_text(db, &q_page, 0),
			.title = text_or_null(db, 1),
			.desc = text_or_null(db, 2),
			.lang = text_or_null(db, 3),
			.password = !db_is_null(db, &q_page, 4),
			.occupants = db_int(db, &q_page, 6),
		};

		store_read_flags(db_int(db, &q_page, 5), &l);
		fn(&l, arg);
	}
	return r < 0 ? r : 0;
}
