/* SPDX-License-Identifier: MIT */
/* A component of the tests' own: says whether each stanza was seen exactly once and in order.
 *
 *   <message><n xmlns='urn:switchyard:test:counter' seq='17'/></message>
 *
 * is answered once, by <n seq='17' count='...'/> with how many came from this sender to this
 * address (bare), and, where the domain is shared, by whom: member='...'.  What was expected of a
 * sender stands in memory and, in the same transaction as the answer, in the database; duplicates
 * and gaps are counted there.  <query/> in an iq get tells all sums; of a shared domain, this
 * member's.
 *
 * <hold/> in an iq set is answered by the next <n/> to the same address. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/db.h>
#include <base/lim.h>
#include <base/map.h>
#include <base/mem.h>
#include <comp/comp.h>

#define NS_COUNTER "urn:switchyard:test:counter"
#define SENDERS_MAX 10000
#define KEY_MAX (LIM_JID + 1)

static const struct db_step schema[] = {
	{ 1, "CREATE TABLE sender ("
	     " jid TEXT PRIMARY KEY,"
	     " last INTEGER NOT NULL,"
	     " count INTEGER NOT NULL,"
	     " duplicates INTEGER NOT NULL,"
	     " gaps INTEGER NOT NULL"
	     ") WITHOUT ROWID" },
	{ 2, "DROP TABLE sender;"
	     "CREATE TABLE sender ("
	     " key TEXT NOT NULL,"
	     " jid TEXT NOT NULL,"
	     " last INTEGER NOT NULL,"
	     " count INTEGER NOT NULL,"
	     " duplicates INTEGER NOT NULL,"
	     " gaps INTEGER NOT NULL,"
	     " PRIMARY KEY (key, jid)"
	     ") WITHOUT ROWID" },
};

struct sender {
	struct map_node node;
	int64_t last, count, duplicates, gaps;
	char *jid;   /* in name */
	char name[]; /* the key, a NUL, the sender */
};

struct counter {
	struct map senders;
	struct comp_req *held; /* one at a time */
};

/* --- state ------------------------------------------------------------------------------------ */

static struct sender *sender_get(struct counter *k, const char *key, const char *jid)
{
	size_t key_len = strlen(key) + 1, len = key_len + strlen(jid) + 1;
	struct sender *s = xzalloc(sizeof(*s) + len);
	struct map_node *n;

	memcpy(s->name, key, key_len);
	s->jid = s->name + key_len;
	memcpy(s->jid, jid, len - key_len);
	n = map_get(&k->senders, s->name, len);
	if (n || map_len(&k->senders) >= SENDERS_MAX) {
		free(s);
		return n ? MAP_ENTRY(n, struct sender, node) : NULL;
	}
	map_put(&k->senders, &s->node, s->name, len);
	return s;
}

static void sender_put(struct db_batch *b, const struct sender *s)
{
	static struct db_q q = {
		"INSERT OR REPLACE INTO sender(key, jid, last, count, duplicates, gaps)"
		" VALUES($1, $2, $3, $4, $5, $6)"
	};

	db_batch_add(b, &q, "ssiiii", s->name, s->jid, s->last, s->count, s->duplicates, s->gaps);
}

static int read_sender(struct counter *k, struct db *db, struct db_q *q)
{
	struct sender *s = sender_get(k, db_text(db, q, 0), db_text(db, q, 1));

	if (!s)
		return -ENOBUFS;
	if (s->count > 0) /* it was here before, and may have gone on */
		return 0;
	s->last = db_int(db, q, 2);
	s->count = db_int(db, q, 3);
	s->duplicates = db_int(db, q, 4);
	s->gaps = db_int(db, q, 5);
	return 0;
}

/* Of the keys that are this process's. */
static int load(struct comp *c, void *arg)
{
	static struct db_q q = { "SELECT key, jid, last, count, duplicates, gaps FROM sender" };
	struct counter *k = arg;
	struct db *db = comp_db(c);
	int r = db_query(db, &q, "");

	while (r == 0 && (r = db_next(db, &q)) > 0) {
		r = comp_owns(c, db_text(db, &q, 0)) ? read_sender(k, db, &q) : 0;
		if (r < 0)
			db_reset(db, &q);
	}
	return r;
}

static const char *key_of(const struct comp_req *rq, char buf[KEY_MAX])
{
	const struct jid *to = comp_to(rq);

	memcpy(buf, to->s, jid_bare_len(to));
	buf[jid_bare_len(to)] = '\0';
	return buf;
}

static void drop(struct counter *k, struct sender *s)
{
	map_del(&k->senders, &s->node);
	free(s);
}

static int owned(struct comp *c, void *arg)
{
	struct counter *k = arg;
	struct map_node *next;
	char key[KEY_MAX];

	for (struct map_node *n = map_first(&k->senders); n; n = next) {
		struct sender *s = MAP_ENTRY(n, struct sender, node);

		next = map_next(&k->senders, n);
		if (!comp_owns(c, s->name))
			drop(k, s);
	}
	/* What was held for another key is held by its new owner now. */
	if (k->held && !comp_owns(c, key_of(k->held, key))) {
		comp_reply_ok(k->held);
		k->held = NULL;
	}
	return load(c, arg);
}

static void clear(struct counter *k)
{
	struct map_node *n;

	while ((n = map_first(&k->senders)))
		drop(k, MAP_ENTRY(n, struct sender, node));
}

static void forget(struct comp *c, void *arg)
{
	struct counter *k = arg;

	(void)c;
	clear(k);
	k->held = NULL;
}

/* --- stanzas ---------------------------------------------------------------------------------- */

static void count(struct sender *s, int64_t seq)
{
	if (seq <= s->last)
		s->duplicates++;
	else if (seq > s->last + 1)
		s->gaps++;
	if (seq > s->last)
		s->last = seq;
	s->count++;
}

static void answer(struct comp_req *rq, const struct sender *s, const char *seq)
{
	struct el *el = el_message(el_attr(comp_el(rq), "type"), NULL);
	struct el *n = el_add(el, "n", NS_COUNTER);

	el_set(el, "id", el_attr(comp_el(rq), "id"));
	el_set(n, "seq", seq);
	el_setf(n, "count", "%lld", (long long)s->count);
	el_set(n, "member", comp_member(comp_of(rq)));
	comp_reply(rq, el);
}

static bool same_key(const struct comp_req *a, const struct comp_req *b)
{
	return jid_same_bare(comp_to(a), comp_to(b));
}

static int on_number(struct comp_req *rq, void *arg)
{
	const char *text = el_attr(comp_payload(rq), "seq");
	struct counter *k = arg;
	char key[KEY_MAX];
	struct sender *s = sender_get(k, key_of(rq, key), comp_from(rq)->s);

	if (!text || !s)
		return -COND_BAD_REQUEST;
	count(s, strtoll(text, NULL, 10));
	sender_put(comp_tx(comp_of(rq)), s);
	answer(rq, s, text);
	if (k->held && same_key(k->held, rq)) {
		comp_reply_ok(k->held);
		k->held = NULL;
	}
	return COMP_DONE;
}

static int on_hold(struct comp_req *rq, void *arg)
{
	struct counter *k = arg;

	if (k->held)
		comp_reply_err(k->held, COND_RESOURCE_CONSTRAINT, NULL);
	k->held = comp_defer(rq);
	return COMP_DONE;
}

static int on_query(struct comp_req *rq, void *arg)
{
	struct counter *k = arg;
	struct el *result = comp_result(rq);
	struct el *query = el_add(result, "query", NS_COUNTER);
	long long n = 0, duplicates = 0, gaps = 0;

	MAP_EACH (it, &k->senders) {
		const struct sender *s = MAP_ENTRY(it, struct sender, node);

		n += s->count;
		duplicates += s->duplicates;
		gaps += s->gaps;
	}
	el_setf(query, "senders", "%zu", map_len(&k->senders));
	el_setf(query, "count", "%lld", n);
	el_setf(query, "duplicates", "%lld", duplicates);
	el_setf(query, "gaps", "%lld", gaps);
	comp_reply(rq, result);
	return COMP_DONE;
}

static const struct comp_route routes[] = {
	{ EL_MESSAGE, NULL, NS_COUNTER, "n", COMP_TO_ANY, on_number, false },
	{ EL_IQ, "get", NS_COUNTER, "query", COMP_TO_ANY, on_query, false },
	{ EL_IQ, "set", NS_COUNTER, "hold", COMP_TO_ANY, on_hold, false },
};

static int start(struct comp *c, void *arg)
{
	comp_routes(c, routes, sizeof(routes) / sizeof(routes[0]), arg);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct comp_ops ops = {
		.name = "counter",
		.summary = "counts what it is sent, for tests",
		.conf_size = sizeof(struct comp_conf),
		.schema = schema,
		.n_schema = sizeof(schema) / sizeof(schema[0]),
		.start = start,
		.load = load,
		.owned = owned,
		.forget = forget,
	};
	struct counter k = { .senders = MAP_INIT, .held = NULL };
	int status = comp_main(argc, argv, &ops, &k);

	clear(&k);
	map_done(&k.senders);
	return status;
}
