/* SPDX-License-Identifier: MIT */
/* The tables of hats; those of rooms are in store.c. */
#include <xmpp/jid.h>

#include "store.h"

static struct db_q q_hats = { "SELECT uri, title, hue FROM hat WHERE room = $1" };
static struct db_q q_worn = { "SELECT uri, who FROM worn WHERE room = $1" };
static struct db_q q_put_hat = { "INSERT INTO hat (room, uri, title, hue) VALUES ($1, $2, $3, $4)"
				 " ON CONFLICT (room, uri) DO UPDATE SET title = excluded.title,"
				 " hue = excluded.hue" };
static struct db_q q_del_hat = { "DELETE FROM hat WHERE room = $1 AND uri = $2" };
static struct db_q q_put_worn = { "INSERT INTO worn (room, uri, who) VALUES ($1, $2, $3)"
				  " ON CONFLICT (room, uri, who) DO NOTHING" };
static struct db_q q_del_worn = { "DELETE FROM worn WHERE room = $1 AND uri = $2 AND who = $3" };

int store_load_hats(struct room *r)
{
	struct db *db = comp_db(r->m->c);
	int ret = db_query(db, &q_hats, "s", r->local);

	while (ret >= 0 && (ret = db_next(db, &q_hats)) > 0)
		hats_put(&r->hats, db_text(db, &q_hats, 0), db_text(db, &q_hats, 1),
		    db_text(db, &q_hats, 2));
	if (ret == 0)
		ret = db_query(db, &q_worn, "s", r->local);
	while (ret >= 0 && (ret = db_next(db, &q_worn)) > 0) {
		struct hat *hat = hats_find(&r->hats, db_text(db, &q_worn, 0));
		struct jid who = jid_view(db_text(db, &q_worn, 1));

		if (hat)
			hats_wear(&r->hats, hat, &who);
	}
	return ret;
}

void store_put_hat(struct db_batch *b, const char *room, const struct hat *hat)
{
	db_batch_add(b, &q_put_hat, "ssss", room, hat->uri, hat->title, hat->hue);
}

void store_del_hat(struct db_batch *b, const char *room, const char *uri)
{
	db_batch_add(b, &q_del_hat, "ss", room, uri);
}

void store_put_worn(struct db_batch *b, const char *room, const char *uri, const char *who)
{
	db_batch_add(b, &q_put_worn, "sss", room, uri, who);
}

void store_del_worn(struct db_batch *b, const char *room, const char *uri, const char *who)
{
	db_batch_add(b, &q_del_worn, "sss", room, uri, who);
}
