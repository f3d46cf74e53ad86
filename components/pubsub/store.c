/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/sbuf.h>

#include "account.h"
#include "item.h"
#include "store.h"

/* Times are Unix milliseconds.  Items have an index of their own that lists a node without touching
 * payloads. */
const struct db_step store_schema[STORE_SCHEMA_N] = {
	{ 1, "CREATE TABLE node ("
	     " id INTEGER PRIMARY KEY,"
	     " owner TEXT NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL,"
	     " title TEXT, description TEXT, type TEXT, language TEXT, groups BLOB,"
	     " access INTEGER NOT NULL, publish INTEGER NOT NULL, send_last INTEGER NOT NULL,"
	     " full INTEGER NOT NULL, notification INTEGER NOT NULL, max_items INTEGER NOT NULL,"
	     " max_payload INTEGER NOT NULL, flags INTEGER NOT NULL,"
	     " UNIQUE (owner, name));"
	     "CREATE TABLE affiliation ("
	     " node INTEGER NOT NULL REFERENCES node(id) ON DELETE CASCADE,"
	     " bare TEXT NOT NULL, affiliation INTEGER NOT NULL,"
	     " PRIMARY KEY (node, bare)) WITHOUT ROWID;"
	     "CREATE INDEX affiliation_bare ON affiliation(bare);"
	     "CREATE TABLE subscription ("
	     " node INTEGER NOT NULL REFERENCES node(id) ON DELETE CASCADE,"
	     " jid TEXT NOT NULL, bare TEXT NOT NULL, state INTEGER NOT NULL,"
	     " PRIMARY KEY (node, jid)) WITHOUT ROWID;"
	     "CREATE INDEX subscription_bare ON subscription(bare);"
	     "CREATE TABLE item ("
	     " seq INTEGER PRIMARY KEY,"
	     " node INTEGER NOT NULL REFERENCES node(id) ON DELETE CASCADE,"
	     " id TEXT NOT NULL, at INTEGER NOT NULL, len INTEGER NOT NULL,"
	     " publisher TEXT NOT NULL, payload TEXT NOT NULL);"
	     "CREATE INDEX item_node ON item(node, seq, id, at, len, publisher);"
	     "CREATE TABLE session ("
	     " jid TEXT PRIMARY KEY, caps TEXT, seen TEXT) WITHOUT ROWID;"
	     "CREATE TABLE caps ("
	     " key TEXT PRIMARY KEY, at INTEGER NOT NULL, names BLOB NOT NULL);"
	     "CREATE TABLE told ("
	     " host TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;" },
};

enum { LEN_MAX = 1 << 20 }; /* of a payload: more than may be set; also in q_stored */

enum flag {
	FLAG_PERSIST = 1,
	FLAG_PAYLOADS = 2,
	FLAG_NOTIFICATIONS = 4,
	FLAG_NOTIFY_CONFIG = 8,
	FLAG_NOTIFY_DELETE = 16,
	FLAG_NOTIFY_RETRACT = 32,
	FLAG_NOTIFY_SUB = 64,
	FLAG_PUBLISHER = 128,
	FLAG_SUBSCRIBE = 256,
};

static struct db_q q_numbers = { "SELECT (SELECT max(id) FROM node), (SELECT max(seq) FROM item)" };
static struct db_q q_nodes = {
	"SELECT id, name, created, title, description, type, language, groups, access, publish,"
	" send_last, full, notification, max_items, max_payload, flags FROM node"
	" WHERE owner = $1 ORDER BY id"
};
static struct db_q q_affiliations = {
	"SELECT n.name, a.bare, a.affiliation FROM node n JOIN affiliation a ON a.node = n.id"
	" WHERE n.owner = $1 ORDER BY n.id, a.bare"
};
static struct db_q q_subs = {
	"SELECT n.name, s.jid, s.bare, s.state FROM node n JOIN subscription s ON s.node = n.id"
	" WHERE n.owner = $1 ORDER BY n.id, s.jid"
};
static struct db_q q_stored = {
	"SELECT sum(max(0, min(i.len, 1048576))) FROM node n JOIN item i ON i.node = n.id"
	" WHERE n.owner = $1"
};
static struct db_q q_items = {
	"SELECT seq, id, at, len, publisher FROM item WHERE node = $1 ORDER BY seq"
};
static struct db_q q_last = { "SELECT seq, id, at, len, publisher, payload FROM item"
			      " WHERE node = $1 ORDER BY seq DESC LIMIT 1" };
static struct db_q q_payload = { "SELECT payload FROM item WHERE seq = $1" };
static struct db_q q_new_node = {
	"INSERT INTO node (id, owner, name, created, title, description, type, language, groups,"
	" access, publish, send_last, full, notification, max_items, max_payload, flags) VALUES"
	" ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
};
static struct db_q q_put_conf = {
	"UPDATE node SET title = $2, description = $3, type = $4, language = $5, groups = $6,"
	" access = $7, publish = $8, send_last = $9, full = $10, notification = $11,"
	" max_items = $12, max_payload = $13, flags = $14 WHERE id = $1"
};
static struct db_q q_del_node = { "DELETE FROM node WHERE id = $1" };
static struct db_q q_put_affiliation = {
	"INSERT INTO affiliation (node, bare, affiliation) VALUES ($1, $2, $3)"
	" ON CONFLICT (node, bare) DO UPDATE SET affiliation = excluded.affiliation"
};
static struct db_q q_del_affiliation = { "DELETE FROM affiliation WHERE node = $1 AND bare = $2" };
static struct db_q q_put_sub = {
	"INSERT INTO subscription (node, jid, bare, state) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (node, jid) DO UPDATE SET state = excluded.state"
};
static struct db_q q_del_sub = { "DELETE FROM subscription WHERE node = $1 AND jid = $2" };
static struct db_q q_put_item = { "INSERT INTO item (seq, node, id, at, len, publisher, payload)"
				  " VALUES ($1, $2, $3, $4, $5, $6, $7)" };
static struct db_q q_del_item = { "DELETE FROM item WHERE seq = $1" };
static struct db_q q_purge = { "DELETE FROM item WHERE node = $1" };
static struct db_q q_del_nodes_of = { "DELETE FROM node WHERE owner = $1" };
static struct db_q q_del_affiliations_of = { "DELETE FROM affiliation WHERE bare = $1" };
static struct db_q q_del_subs_of = { "DELETE FROM subscription WHERE bare = $1" };

/* --- reading -----------------------------------------------------------------------------------
 */

int store_read_numbers(struct pubsub *p)
{
	struct db *db = comp_db(p->c);
	int r = db_query(db, &q_numbers, "");

	if (r < 0)
		return r;
	r = db_next(db, &q_numbers);
	if (r > 0) {
		p->last_node = db_int(db, &q_numbers, 0);
		p->last_seq = db_int(db, &q_numbers, 1);
		db_reset(db, &q_numbers);
	}
	return r < 0 ? r : 0;
}

/* What another hand has written is brought into range: */
static int within(int64_t v, int last)
{
	return v >= 0 && v <= last ? (int)v : 0;
}

/* Nobody is let in by it, */
static int access_of(int64_t v)
{
	return v >= 0 && v <= ACCESS_LAST_ ? (int)v : ACCESS_WHITELIST;
}

/* and what is counted is something that can be. */
static size_t len_of(int64_t v)
{
	return v < 0 ? 0 : v > LEN_MAX ? LEN_MAX : (size_t)v;
}

static char *read_groups(struct db *db, struct db_q *q, int col)
{
	size_t n;
	const char *s = db_blob(db, q, col, &n);

	if (!s || n < 2 || s[n - 1] || s[n - 2])
		return NULL;
	return xmemdup(s, n);
}

static void read_conf(struct db *db, struct db_q *q, struct node_conf *c)
{
	int64_t flags = db_int(db, q, 15);

	*c = (struct node_conf){
		.title = db_text_dup(db, q, 3),
		.description = db_text_dup(db, q, 4),
		.type = db_text_dup(db, q, 5),
		.language = db_text_dup(db, q, 6),
		.groups = read_groups(db, q, 7),
		.access = access_of(db_int(db, q, 8)),
		.publish = within(db_int(db, q, 9), PUBLISH_OPEN),
		.send_last = within(db_int(db, q, 10), LAST_ON_SUB_AND_PRESENCE),
		.full = within(db_int(db, q, 11), FULL_REJECT),
		.notification = within(db_int(db, q, 12), NOTIFY_CHAT),
		.max_items = db_int(db, q, 13) < 1 ? 1 : db_int(db, q, 13),
		.max_payload = (int64_t)len_of(db_int(db, q, 14)),
		.persist = flags & FLAG_PERSIST,
		.payloads = flags & FLAG_PAYLOADS,
		.notifications = flags & FLAG_NOTIFICATIONS,
		.notify_config = flags & FLAG_NOTIFY_CONFIG,
		.notify_delete = flags & FLAG_NOTIFY_DELETE,
		.notify_retract = flags & FLAG_NOTIFY_RETRACT,
		.notify_sub = flags & FLAG_NOTIFY_SUB,
		.publisher = flags & FLAG_PUBLISHER,
		.subscribe = flags & FLAG_SUBSCRIBE,
	};
}

static int read_nodes(struct service *s)
{
	struct db *db = comp_db(s->p->c);
	int r = db_query(db, &q_nodes, "s", s->address);

	if (r < 0)
		return r;
	while ((r = db_next(db, &q_nodes)) > 0) {
		struct node_conf conf;

		read_conf(db, &q_nodes, &conf);
		(void)node_new(s, db_int(db, &q_nodes, 0), db_text(db, &q_nodes, 1), &conf,
		    db_int(db, &q_nodes, 2));
	}
	return r;
}

static int read_affiliations(struct service *s)
{
	struct db *db = comp_db(s->p->c);
	int r = db_query(db, &q_affiliations, "s", s->address);

	if (r < 0)
		return r;
	while ((r = db_next(db, &q_affiliations)) > 0) {
		struct node *n = node_find(s, db_text(db, &q_affiliations, 0));
		const char *bare = db_text(db, &q_affiliations, 1);
		int64_t a = db_int(db, &q_affiliations, 2);

		if (n && a > AFF_NONE && a <= AFF_LAST_ && !account_is_gone(s->p, bare))
			node_restore_affiliation(n, bare, (enum affiliation)a);
	}
	return r;
}

static int read_subs(struct service *s)
{
	struct db *db = comp_db(s->p->c);
	int r = db_query(db, &q_subs, "s", s->address);

	if (r < 0)
		return r;
	while ((r = db_next(db, &q_subs)) > 0) {
		struct node *n = node_find(s, db_text(db, &q_subs, 0));
		const char *bare = db_text(db, &q_subs, 2);
		int64_t state = db_int(db, &q_subs, 3);

		if (n && (state == SUB_PENDING || state == SUB_SUBSCRIBED) &&
		    !account_is_gone(s->p, bare))
			node_restore_sub(n, db_text(db, &q_subs, 1), bare, (enum sub_state)state);
	}
	return r;
}

static int read_stored(struct service *s)
{
	struct db *db = comp_db(s->p->c);
	int r = db_query(db, &q_stored, "s", s->address);

	if (r < 0)
		return r;
	r = db_number(db, &q_stored, &s->stored);
	return r < 0 ? r : 0;
}

int store_read_service(struct service *s)
{
	int r = read_nodes(s);

	if (r < 0 || list_empty(&s->in_order))
		return r;
	r = read_affiliations(s);
	if (r == 0)
		r = read_subs(s);
	return r < 0 ? r : read_stored(s);
}

int store_read_items(struct node *n)
{
	struct db *db = comp_db(n->service->p->c);
	int r = db_query(db, &q_items, "i", n->id);

	if (r < 0)
		return r;
	while ((r = db_next(db, &q_items)) > 0)
		(void)item_restore(n, db_text(db, &q_items, 1), db_int(db, &q_items, 0),
		    db_int(db, &q_items, 2), len_of(db_int(db, &q_items, 3)),
		    db_text(db, &q_items, 4), NULL);
	return r;
}

int store_read_last(struct node *n, struct item **out)
{
	struct db *db = comp_db(n->service->p->c);
	int r = db_query(db, &q_last, "i", n->id);

	*out = NULL;
	if (r < 0)
		return r;
	r = db_next(db, &q_last);
	if (r > 0) {
		const char *payload = db_text(db, &q_last, 5);

		*out = item_restore(n, db_text(db, &q_last, 1), db_int(db, &q_last, 0),
		    db_int(db, &q_last, 2), strlen(payload), db_text(db, &q_last, 4), payload);
		db_reset(db, &q_last);
	}
	return r < 0 ? r : 0;
}

int store_read_payload(const struct item *it, struct sbuf *out)
{
	struct db *db = comp_db(it->node->service->p->c);
	int r = db_query(db, &q_payload, "i", it->seq);

	if (r < 0)
		return r;
	r = db_next(db, &q_payload);
	if (r > 0) {
		sbuf_puts(out, db_text(db, &q_payload, 0));
		db_reset(db, &q_payload);
		return 0;
	}
	return r < 0 ? r : -EIO; /* it was there */
}

/* --- writing -----------------------------------------------------------------------------------
 */

static int64_t flags_of(const struct node_conf *c)
{
	return (c->persist ? FLAG_PERSIST : 0) | (c->payloads ? FLAG_PAYLOADS : 0) |
	       (c->notifications ? FLAG_NOTIFICATIONS : 0) |
	       (c->notify_config ? FLAG_NOTIFY_CONFIG : 0) |
	       (c->notify_delete ? FLAG_NOTIFY_DELETE : 0) |
	       (c->notify_retract ? FLAG_NOTIFY_RETRACT : 0) |
	       (c->notify_sub ? FLAG_NOTIFY_SUB : 0) | (c->publisher ? FLAG_PUBLISHER : 0) |
	       (c->subscribe ? FLAG_SUBSCRIBE : 0);
}

void store_put_node(struct db_batch *b, const struct node *n)
{
	const struct node_conf *c = &n->conf;

	db_batch_add(b, &q_new_node, "ississssbiiiiiiii", n->id, n->service->address, n->name,
	    n->created, c->title, c->description, c->type, c->language, c->groups,
	    config_groups_len(c->groups), (int64_t)c->access, (int64_t)c->publish,
	    (int64_t)c->send_last, (int64_t)c->full, (int64_t)c->notification, c->max_items,
	    c->max_payload, flags_of(c));
}

void store_put_conf(struct db_batch *b, const struct node *n)
{
	const struct node_conf *c = &n->conf;

	db_batch_add(b, &q_put_conf, "issssbiiiiiiii", n->id, c->title, c->description, c->type,
	    c->language, c->groups, config_groups_len(c->groups), (int64_t)c->access,
	    (int64_t)c->publish, (int64_t)c->send_last, (int64_t)c->full, (int64_t)c->notification,
	    c->max_items, c->max_payload, flags_of(c));
}

void store_del_node(struct db_batch *b, int64_t node)
{
	db_batch_add(b, &q_del_node, "i", node);
}

void store_put_affiliation(struct db_batch *b, int64_t node, const char *bare, enum affiliation a)
{
	if (a == AFF_NONE)
		db_batch_add(b, &q_del_affiliation, "is", node, bare);
	else
		db_batch_add(b, &q_put_affiliation, "isi", node, bare, (int64_t)a);
}

void store_put_sub(
    struct db_batch *b, int64_t node, const char *jid, const char *bare, enum sub_state state)
{
	db_batch_add(b, &q_put_sub, "issi", node, jid, bare, (int64_t)state);
}

void store_del_sub(struct db_batch *b, int64_t node, const char *jid)
{
	db_batch_add(b, &q_del_sub, "is", node, jid);
}

void store_put_item(struct db_batch *b, const struct item *it, const char *payload)
{
	db_batch_add(b, &q_put_item, "iisiiss", it->seq, it->node->id, it->id, it->at,
	    (int64_t)it->len, it->publisher, payload);
}

void store_del_item(struct db_batch *b, const struct item *it)
{
	db_batch_add(b, &q_del_item, "i", it->seq);
}

void store_purge(struct db_batch *b, int64_t node)
{
	db_batch_add(b, &q_purge, "i", node);
}

void store_del_account(struct db_batch *b, const char *bare)
{
	db_batch_add(b, &q_del_nodes_of, "s", bare);
	db_batch_add(b, &q_del_affiliations_of, "s", bare);
	db_batch_add(b, &q_del_subs_of, "s", bare);
}
