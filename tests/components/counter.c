/* SPDX-License-Identifier: MIT */
/* A component of the tests' own: says whether each stanza was seen exactly once and in order.
 *
 *   <message><n xmlns='urn:switchyard:test:counter' seq='17'/></message>
 *
 * is answered once, by <n seq='17' count='...'/> with how many came from this sender.  What was
 * expected of a sender stands in memory and, in the same transaction as the answer, in the
 * database; duplicates and gaps are counted there.  <query/> in an iq get tells all sums. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/db.h>
#include <base/map.h>
#include <base/mem.h>
#include <comp/comp.h>

#define NS_COUNTER "urn:switchyard:test:counter"
#define SENDERS_MAX 10000

static const struct db_step schema[] = {
	{ 1, "CREATE TABLE sender ("
	     " jid TEXT PRIMARY KEY,"
	     " last INTEGER NOT NULL,"
	     " count INTEGER NOT NULL,"
	     " duplicates INTEGER NOT NULL,"
	     " gaps INTEGER NOT NULL"
	     ") WITHOUT ROWID" },
};

struct sender {
	struct map_node node;
	int64_t last, count, duplicates, gaps;
	char jid[];
};

struct counter {
	struct map senders;
};

/* --- state ------------------------------------------------------------------------------------ */

static struct sender *sender_get(struct counter *k, const char *jid)
{
	struct map_node *n = map_gets(&k->senders, jid);
	size_t len = strlen(jid);
	struct sender *s;

	if (n)
		return MAP_ENTRY(n, struct sender, node);
	if (map_len(&k->senders) >= SENDERS_MAX)
		return NULL;
	s = xzalloc(sizeof(*s) + len + 1);
	memcpy(s->jid, jid, len + 1);
	map_put(&k->senders, &s->node, s->jid, len);
	return s;
}

static void sender_put(struct db_batch *b, const struct sender *s)
{
	static struct db_q q = { "INSERT OR REPLACE INTO sender(jid, last, count, duplicates, gaps)"
				 " VALUES($1, $2, $3, $4, $5)" };

	db_batch_add(b, &q, "siiii", s->jid, s->last, s->count, s->duplicates, s->gaps);
}

static int load(struct comp *c, void *arg)
{
	static struct db_q q = { "SELECT jid, last, count, duplicates, gaps FROM sender" };
	struct counter *k = arg;
	struct db *db = comp_db(c);
	int r = db_query(db, &q, "");

	while (r == 0 && (r = db_next(db, &q)) > 0) {
		struct sender *s = sender_get(k, db_text(db, &q, 0));

		if (!s) {
			db_reset(db, &q);
			return -ENOBUFS;
		}
		s->last = db_int(db, &q, 1);
		s->count = db_int(db, &q, 2);
		s->duplicates = db_int(db, &q, 3);
		s->gaps = db_int(db, &q, 4);
		r = 0;
	}
	return r;
}

static void clear(struct counter *k)
{
	struct map_node *n;

	while ((n = map_first(&k->senders))) {
		map_del(&k->senders, n);
		free(MAP_ENTRY(n, struct sender, node));
	}
}

static void forget(struct comp *c, void *arg)
{
	(void)c;
	clear(arg);
}

/* --- stanzas ---------------------------------------------------------------------------------- */

static int on_number(struct comp_req *rq, void *arg)
{
	const char *text = el_attr(comp_payload(rq), "seq");
	struct sender *s = sender_get(arg, comp_from(rq)->s);
	struct el *answer, *n;
	int64_t seq;

	if (!text || !s)
		return -COND_BAD_REQUEST;
	seq = strtoll(text, NULL, 10);
	if (seq <= s->last)
		s->duplicates++;
	else if (seq > s->last + 1)
		s->gaps++;
	if (seq > s->last)
		s->last = seq;
	s->count++;
	sender_put(comp_tx(comp_of(rq)), s);
	answer = el_message(el_attr(comp_el(rq), "type"), NULL);
	el_set(answer, "id", el_attr(comp_el(rq), "id"));
	n = el_add(answer, "n", NS_COUNTER);
	el_set(n, "seq", text);
	el_setf(n, "count", "%lld", (long long)s->count);
	comp_reply(rq, answer);
	return COMP_DONE;
}

static int on_query(struct comp_req *rq, void *arg)
{
	struct counter *k = arg;
	struct el *answer = comp_result(rq);
	struct el *query = el_add(answer, "query", NS_COUNTER);
	long long count = 0, duplicates = 0, gaps = 0;

	MAP_EACH (it, &k->senders) {
		const struct sender *s = MAP_ENTRY(it, struct sender, node);

		count += s->count;
		duplicates += s->duplicates;
		gaps += s->gaps;
	}
	el_setf(query, "senders", "%zu", map_len(&k->senders));
	el_setf(query, "count", "%lld", count);
	el_setf(query, "duplicates", "%lld", duplicates);
	el_setf(query, "gaps", "%lld", gaps);
	comp_reply(rq, answer);
	return COMP_DONE;
}

static const struct comp_route routes[] = {
	{ EL_MESSAGE, NULL, NS_COUNTER, "n", COMP_TO_ANY, on_number, false },
	{ EL_IQ, "get", NS_COUNTER, "query", COMP_TO_ANY, on_query, false },
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
		.forget = forget,
	};
	struct counter k = { .senders = MAP_INIT };
	int status = comp_main(argc, argv, &ops, &k);

	clear(&k);
	map_done(&k.senders);
	return status;
}
