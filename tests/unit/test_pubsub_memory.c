/* SPDX-License-Identifier: MIT */
/* What pubsub keeps in memory: within its bounds, and never less than the database cannot give yet.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "account.h"
#include "pubsub_fixture.h"

enum { LEN = 256 << 10 };

static struct node *new_node(const char *account, const char *name)
{
	struct config_limits lim = { true, 10000, 1 << 20 };
	struct node_conf c;
	struct service *s;

	assert_int_equal(service_get(&p, account, &s), 0);
	config_init(&c, &lim);
	return node_create(s, name, &c, account);
}

static struct node *find(const char *account, const char *name)
{
	struct service *s;

	assert_int_equal(service_get(&p, account, &s), 0);
	return node_find(s, name);
}

static void put(struct node *n, int k, char *payload)
{
	char id[16];

	(void)snprintf(id, sizeof(id), "i%d", k);
	payload[0] = (char)('A' + k % 26);
	(void)items_put(n, id, ALICE "/a", payload, LEN);
}

static void has(struct node *n, int k)
{
	struct sbuf out = SBUF_INIT;
	char id[16];

	(void)snprintf(id, sizeof(id), "i%d", k);
	assert_non_null(items_find(n, id));
	assert_int_equal(item_payload(items_find(n, id), &out), 0);
	assert_int_equal(sbuf_len(&out), LEN);
	assert_int_equal(sbuf_str(&out)[0], 'A' + k % 26);
	sbuf_done(&out);
}

/* --- payloads --------------------------------------------------------------------------------- */

static void test_payloads(void **state)
{
	enum { N = 100 }; /* 25 MiB */
	struct fix *f = *state;
	struct node *n = new_node(ALICE, "n");
	char *payload = malloc(LEN + 1);

	memset(payload, 'x', LEN);
	payload[LEN] = '\0';
	for (int k = 0; k < N; k++)
		put(n, k, payload);
	assert_int_equal(p.payloads_bytes, (size_t)N * LEN); /* nowhere else yet */
	for (int k = 0; k < N; k += 9)
		has(n, k);
	fix_spin(f);
	put(n, N, payload);
	assert_in_range(p.payloads_bytes, LEN, PUBSUB_PAYLOADS);
	for (int k = 0; k <= N; k++) /* the last one is not committed */
		has(n, k);
	assert_in_range(p.payloads_bytes, LEN, PUBSUB_PAYLOADS);
	fix_spin(f);
	items_purge(n);
	assert_int_equal(p.payloads_bytes, 0);
	assert_int_equal(n->service->stored, 0);
	fix_spin(f);
	free(payload);
}

/* What is in place of another leaves one row. */
static void test_replaced_item(void **state)
{
	struct fix *f = *state;
	struct node *n = new_node(ALICE, "n");

	for (int k = 0; k < 3; k++) {
		(void)items_put(n, "a", ALICE, "<x/>", 4);
		(void)items_put(n, "b", ALICE, "<y/>", 4);
		fix_spin(f);
	}
	assert_int_equal(n->service->stored, 8);
	pubsub_forget(&p);
	n = find(ALICE, "n");
	assert_int_equal(n->service->stored, 8);
	assert_int_equal(items_load(n), 0);
	assert_int_equal(n->n_items, 2);
}

static void add_row(struct fix *f, const char *sql)
{
	sqlite3 *h;

	assert_int_equal(sqlite3_open(f->c->ledger.path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
}

static void test_two_rows_of_one_id(void **state)
{
	struct fix *f = *state;
	struct node *n = new_node(ALICE, "n");
	struct sbuf out = SBUF_INIT;

	(void)items_put(n, "a", ALICE, "<x/>", 4);
	fix_spin(f);
	add_row(f, "INSERT INTO item (seq, node, id, at, len, publisher, payload)"
		   " SELECT 99, id, 'a', 0, 4, 'x', '<z/>' FROM node");
	pubsub_forget(&p);
	n = find(ALICE, "n");
	assert_int_equal(items_load(n), 0);
	assert_int_equal(n->n_items, 1);
	assert_int_equal(item_payload(items_find(n, "a"), &out), 0);
	assert_string_equal(sbuf_str(&out), "<z/>");
	sbuf_done(&out);
}

/* --- services --------------------------------------------------------------------------------- */

/* Some 5 MB of memory, and of the database only the node. */
static void fill(struct node *n)
{
	char bare[32];

	for (int i = 0; i < 25000; i++) {
		(void)snprintf(bare, sizeof(bare), "u%d@test", i);
		node_restore_affiliation(n, bare, AFF_MEMBER);
	}
}

static void test_services(void **state)
{
	enum { N = 20 };
	struct fix *f = *state;
	char account[32];

	for (int i = 0; i < N; i++) {
		(void)snprintf(account, sizeof(account), "a%d@test", i);
		fill(new_node(account, "n"));
		services_trim(&p);
	}
	assert_int_equal(map_len(&p.services), N); /* none of it can be read again yet */
	assert_true(p.services_bytes > PUBSUB_CACHE);
	fix_spin(f);
	services_trim(&p);
	assert_in_range(p.services_bytes, 1, PUBSUB_CACHE);
	assert_null(service_loaded(&p, "a0@test")); /* used longest ago */
	assert_non_null(service_loaded(&p, "a19@test"));
	assert_non_null(find("a0@test", "n"));
	/* One that is changed now stays, the others go before it. */
	assert_int_equal(node_set_affiliation(find("a0@test", "n"), "x@test", AFF_MEMBER), 0);
	for (int i = 1; i < 12; i++) {
		(void)snprintf(account, sizeof(account), "b%d@test", i);
		fill(new_node(account, "n"));
	}
	services_trim(&p);
	assert_int_equal(node_affiliation(find("a0@test", "n"), "x@test"), AFF_MEMBER);
	fix_spin(f);
	pubsub_forget(&p);
	assert_int_equal(p.services_bytes, 0);
	assert_int_equal(node_affiliation(find("a0@test", "n"), "x@test"), AFF_MEMBER);
}

/* A transaction that failed never was; one before it was. */
static void test_lost_transaction(void **state)
{
	struct fix *f = *state;

	(void)new_node(ALICE, "before");
	fix_spin(f);
	db_fail_commits(f->c->ledger.db, 1, -ENOSPC);
	(void)new_node(ALICE, "lost");
	assert_non_null(find(ALICE, "lost"));
	fix_spin(f);
	fix_advance(f, 1001);
	fix_advance(f, 100);
	assert_true(comp_online(f->c));
	assert_non_null(find(ALICE, "before"));
	assert_null(find(ALICE, "lost"));
	(void)new_node(ALICE, "lost"); /* its number is free */
	fix_spin(f);
	assert_true(comp_online(f->c));
}

/* --- accounts that go ------------------------------------------------------------------------- */

#define GONE(n)                                                                        \
	"<message from='test' to='" DOM "' id='account-" n "'><account xmlns='" NS_TAP \
	"' event='deleted' jid='" ALICE "' n='" n "'/></message>"

static void test_account_that_goes(void **state)
{
	struct fix *f = *state;

	(void)new_node(ALICE, "n");
	assert_int_equal(node_set_affiliation(new_node("bob@test", "n"), ALICE, AFF_MEMBER), 0);
	fix_spin(f);
	stream_puts(f->r, GONE("7"));
	for (int i = 0; i < 200 && service_loaded(&p, ALICE); i++)
		(void)loop_turn(f->l, false);
	/* Whatever of it is committed by now: */
	assert_true(account_is_gone(&p, ALICE) || find(ALICE, "n") == NULL);
	assert_null(find(ALICE, "n"));
	services_free(&p);
	assert_null(find(ALICE, "n"));
	assert_int_equal(node_affiliation(find("bob@test", "n"), ALICE), AFF_NONE);
	fix_spin(f);
	assert_false(account_is_gone(&p, ALICE));
	services_free(&p);
	assert_null(find(ALICE, "n"));
	/* Told again after it was made anew: nothing of the new one goes. */
	(void)new_node(ALICE, "new");
	fix_spin(f);
	fix_send(f, GONE("7"));
	assert_non_null(find(ALICE, "new"));
	fix_send(f, GONE("8"));
	assert_null(find(ALICE, "new"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PUBSUB_TEST(test_payloads),
		PUBSUB_TEST(test_replaced_item),
		PUBSUB_TEST(test_two_rows_of_one_id),
		PUBSUB_TEST(test_services),
		PUBSUB_TEST(test_lost_transaction),
		PUBSUB_TEST(test_account_that_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
