/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counter_fixture.h"

struct counter counter;

static const struct db_step schema[] = {
	{ 1, "CREATE TABLE seen (at INTEGER PRIMARY KEY, seq INTEGER NOT NULL);"
	     "CREATE TABLE one (k INTEGER PRIMARY KEY); INSERT INTO one VALUES(1)" },
};

/* --- handlers --------------------------------------------------------------------------------- */

static int on_n(struct comp_req *rq, void *arg)
{
	static struct db_q q = { "INSERT INTO seen(seq) VALUES($1)" };
	const char *seq = el_attr(comp_payload(rq), "seq");
	struct el *answer = el_message(NULL, NULL);

	(void)arg;
	counter.last = atoi(seq);
	counter.handled++;
	db_batch_add(comp_tx(comp_of(rq)), &q, "i", (int64_t)counter.last);
	el_set(el_add(answer, "n", NS_N), "got", seq);
	comp_reply(rq, answer);
	return COMP_DONE;
}

/* Effects that the database refuses. */
static int on_bug(struct comp_req *rq, void *arg)
{
	static struct db_q q = { "INSERT INTO one VALUES(1)" };

	(void)arg;
	counter.handled++;
	db_batch_add(comp_tx(comp_of(rq)), &q, "");
	comp_reply_ok(rq);
	return COMP_DONE;
}

static int on_defer(struct comp_req *rq, void *arg)
{
	(void)arg;
	counter.handled++;
	counter.repeated += comp_repeated(rq);
	counter.kept = comp_defer(rq);
	return COMP_DONE;
}

static int on_both(struct comp_req *rq, void *arg)
{
	(void)arg;
	comp_reply_ok(comp_defer(rq));
	return COMP_DONE;
}

static void on_asked(struct comp *c, int err, const struct el *answer, void *arg)
{
	(void)c;
	(void)answer;
	counter.asks_over++;
	counter.ask_err = err;
	if (arg) /* only when there was no failure: a late answer is suppressed */
		comp_reply_ok(arg);
}

static int on_ask(struct comp_req *rq, void *arg)
{
	struct el *iq = el_iq("get", ME);

	(void)arg;
	el_add(iq, "ping", NS_PING);
	comp_ask(comp_of(rq), iq, 50000, on_asked, comp_defer(rq));
	return COMP_DONE;
}

/* Writes and sends nothing. */
static int on_quiet(struct comp_req *rq, void *arg)
{
	(void)rq;
	(void)arg;
	counter.handled++;
	return COMP_DONE;
}

static int on_dead(struct comp_req *rq, void *arg)
{
	(void)rq;
	(void)arg;
	fail_msg("a payload of the server's from somebody else reached a handler");
	return COMP_DONE;
}

static const struct comp_route rows[] = {
	{ EL_MESSAGE, NULL, NS_N, "n", COMP_TO_ANY, on_n, false },
	{ EL_MESSAGE, NULL, NS_N, "quiet", COMP_TO_ANY, on_quiet, false },
	{ EL_IQ, "set", NS_N, "bug", COMP_TO_ANY, on_bug, false },
	{ EL_IQ, "set", NS_N, "defer", COMP_TO_ANY, on_defer, false },
	{ EL_IQ, "set", NS_N, "once", COMP_TO_ANY, on_defer, true },
	{ EL_IQ, "set", NS_N, "both", COMP_TO_ANY, on_both, false },
	{ EL_IQ, "set", NS_N, "ask", COMP_TO_ANY, on_ask, false },
	{ EL_IQ, "set", "urn:xmpp:delegation:2", NULL, COMP_TO_ANY, on_dead, false },
	{ EL_MESSAGE, NULL, "urn:xmpp:privilege:2", NULL, COMP_TO_ANY, on_dead, false },
};

/* --- the component ---------------------------------------------------------------------------- */

static int load(struct comp *c, void *arg)
{
	static struct db_q q = { "SELECT coalesce(max(seq), 0) FROM seen" };
	struct db *db = comp_db(c);

	(void)arg;
	counter.loads++;
	if (db_query(db, &q, "") < 0 || db_next(db, &q) <= 0)
		return -EIO;
	counter.last = (int)db_int(db, &q, 0);
	db_reset(db, &q);
	return 0;
}

static void forget(struct comp *c, void *arg)
{
	(void)c;
	(void)arg;
	counter.forgets++;
	counter.last = -1;
	counter.kept = NULL;
}

static void routes(struct comp *c)
{
	comp_routes(c, rows, sizeof(rows) / sizeof(rows[0]), NULL);
}

struct fix *counter_bare(void)
{
	struct fix *f = fix_bare();

	memset(&counter, 0, sizeof(counter));
	f->mode = ROUTER_ACKS;
	f->routes = routes;
	f->ops.schema = schema;
	f->ops.n_schema = sizeof(schema) / sizeof(schema[0]);
	f->ops.load = load;
	f->ops.forget = forget;
	return f;
}

struct fix *counter_new(void)
{
	struct fix *f = counter_bare();

	fix_make(f);
	return f;
}

int counter_setup(void **state)
{
	*state = counter_new();
	return 0;
}

int64_t counter_rows(struct fix *f, const char *table)
{
	char sql[64];

	(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	return number(f, sql);
}
