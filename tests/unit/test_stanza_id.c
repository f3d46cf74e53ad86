/* SPDX-License-Identifier: MIT */
/* Ids that grow, whatever the clock does and however the router ended. */
#include <errno.h>

#include <base/arena.h>
#include <xmpp/xml.h>

#include "core/stanza.h"
#include "db_fixture.h"
#include "im/stanza_id.h"
#include "router.h"
#include "schema.h"

static struct fixture f;
static struct router r;
static char last[STANZA_ID + 1];

bool router_serves(const struct router *rt, const char *domain, size_t len)
{
	(void)rt;
	return len == strlen("example.org") && !memcmp(domain, "example.org", len);
}

static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	fixture_open(&f, router_schema, router_schema_n);
	r = (struct router){ .loop = f.loop, .db = f.db };
	assert_int_equal(stanza_ids_open(&r.stanza_ids, &r), 0);
	*last = '\0';
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	run_all(&f);
	stanza_ids_close(r.stanza_ids);
	fixture_done(&f);
	return 0;
}

static int64_t next(void)
{
	char id[STANZA_ID + 1];
	int64_t ms = stanza_id_new(r.stanza_ids, id);
	unsigned long long high, low;

	assert_int_equal(strlen(id), STANZA_ID);
	assert_true(strcmp(last, id) < 0);
	assert_int_equal(id[14], '7');
	assert_non_null(strchr("89ab", id[19]));
	assert_int_equal(sscanf(id, "%8llx-%4llx", &high, &low), 2);
	assert_int_equal((int64_t)(high << 16 | low), ms);
	memcpy(last, id, sizeof(last));
	return ms;
}

static void again(void)
{
	stanza_ids_close(r.stanza_ids);
	assert_int_equal(stanza_ids_open(&r.stanza_ids, &r), 0);
}

static void they_grow(void **state)
{
	int64_t from = loop_wall_ms(f.loop), ms = next();

	(void)state;
	assert_in_range(ms, from, loop_wall_ms(f.loop));
	loop_clock_advance(f.loop, 1000);
	assert_true(next() >= ms + 1000);
	for (int i = 0; i < 10000; i++) /* a millisecond may be too short for them */
		(void)next();
}

/* Behind the time and the counter no two have anything in common. */
static void one_tells_nothing_of_another(void **state)
{
	enum { TAIL = 19, N = 200 };
	char tails[N][STANZA_ID + 1 - TAIL];

	(void)state;
	for (int i = 0; i < N; i++) {
		(void)next();
		memcpy(tails[i], last + TAIL, sizeof(tails[i]));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(tails[k], tails[i]);
	}
}

static void over_a_restart(void **state)
{
	int64_t before;

	(void)state;
	for (int i = 0; i < 5; i++) {
		loop_clock_advance(f.loop, 1000);
		(void)next();
		run_all(&f);
	}
	before = next();
	again(); /* within the same millisecond, as if the clock had been set back */
	assert_true(next() > before);
	assert_true(next() <= before + 3001);
}

/* More than a millisecond has room for, which is one that is still to come: the next one has. */
static void more_than_fit_into_a_millisecond(void **state)
{
	int64_t first;

	(void)state;
	(void)next();
	run_all(&f);
	again();
	first = next();
	assert_true(first > loop_wall_ms(f.loop) + 1000);
	for (int i = 0; i < 0x1000; i++)
		(void)next();
	assert_int_equal(next(), first + 1);
}

static void nothing_is_written_while_nothing_is_made(void **state)
{
	(void)state;
	(void)next();
	run_all(&f);
	(void)next();
	assert_int_equal(db_waiting(f.db), 0);
	loop_clock_advance(f.loop, 60000);
	assert_int_equal(db_waiting(f.db), 0);
	(void)next();
	assert_int_equal(db_waiting(f.db), 1);
}

static void a_lease_that_fails_is_taken_again(void **state)
{
	(void)state;
	db_fail_commits(f.db, 1, -ENOSPC);
	(void)next();
	run_all(&f);
	(void)next();
	run_all(&f);
	again();
	(void)next();
}

static void what_is_ours_is_taken_away(void **state)
{
	static const char xml[] =
	    "<message xmlns='jabber:client' from='a@example.org/x' to='b@example.org'>"
	    "<stanza-id xmlns='urn:xmpp:sid:0' by='b@example.org' id='1'/>"
	    "<stanza-id xmlns='urn:xmpp:sid:0' by='EXAMPLE.org' id='2'/>"
	    "<body>hi</body>"
	    "<stanza-id xmlns='urn:xmpp:sid:0' by='room@c.example.org' id='3'/>"
	    "<stanza-id xmlns='urn:xmpp:sid:0' id='4'/>"
	    "<stanza-id xmlns='urn:xmpp:sid:0' by='@' id='5'/>"
	    "<origin-id xmlns='urn:xmpp:sid:0' id='6'/></message>";
	static const struct xml_limits none = { 0 };
	char *text = xstrdup(xml);
	struct jid b = jid_view("b@example.org/phone"), room = jid_view("room@c.example.org");
	struct stanza *st;

	(void)state;
	assert_int_equal(stanza_new(&st, xml_read(text, &none)), 0);
	assert_string_equal(stanza_id_of(st->el, &b), "1");
	stanza_id_strip(&r, st);
	assert_int_equal(el_child_count(st->el), 3);
	assert_null(stanza_id_of(st->el, &b));
	assert_string_equal(stanza_id_of(st->el, &room), "3");
	stanza_id_add(st->el, "b@example.org", "7");
	assert_string_equal(stanza_id_of(st->el, &b), "7");
	stanza_release(st);
	free(text);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(they_grow),
		T(one_tells_nothing_of_another),
		T(over_a_restart),
		T(more_than_fit_into_a_millisecond),
		T(nothing_is_written_while_nothing_is_made),
		T(a_lease_that_fails_is_taken_again),
		T(what_is_ours_is_taken_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
