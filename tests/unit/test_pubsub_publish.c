/* SPDX-License-Identifier: MIT */
/* Publishing while the link does not take what is to be said: nothing has happened. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pubsub_fixture.h"

enum { SESSIONS = 64, LEN = 600 << 10 }; /* more than the link takes for two of them */

static void on_roster(struct pubsub *ps, int err, const struct roster *ro, void *arg)
{
	(void)ps;
	(void)err;
	(void)ro;
	(void)arg;
}

#define GRANTS "<perm access='message' type='outgoing'/><perm access='presence' type='roster'/>"

/* All clients of a user want what is published as `n`. */
static void come(struct fix *f, const char *user)
{
	for (int i = 0; i < SESSIONS; i++)
		fix_sendf(f,
		    "<presence from='%s@test/%d' to='" DOM "'><c xmlns='" NS_CAPS
		    "' hash='sha-1' ver='v' node='c'/></presence>",
		    user, i);
}

/* What alice publishes goes to her and to bob. */
static void gather(struct fix *f)
{
	const char *id;

	fix_send(f, TELL(GRANTS));
	store_put_caps(comp_tx(p.c), "sha-1 v c", "n", sizeof("n"), 1);
	fix_spin(f);
	come(f, "alice");
	come(f, "bob");
	fix_send(f, TELL(GRANTS ROSTERS));
	assert_int_equal(p.n_sessions, 2 * SESSIONS);
	fix_clear(f);
	assert_null(roster_ready(&p, ALICE));
	roster_want(&p, ALICE, on_roster, NULL);
	fix_spin(f);
	id = strstr(fix_got(f), " id=\"");
	assert_non_null(id);
	fix_sendf(f,
	    "<iq type='result' id='%.*s' from='" ALICE "' to='" DOM
	    "'><query xmlns='jabber:iq:roster'><item jid='bob@test' subscription='both'/>"
	    "</query></iq>",
	    (int)strcspn(id + 5, "\""), id + 5);
	assert_non_null(roster_ready(&p, ALICE));
}

/* Alice to her own account, by way of the server. */
static void publish(struct fix *f, const char *id, size_t len)
{
	struct sbuf out = SBUF_INIT;

	sbuf_printf(&out,
	    "<iq type='set' id='%s' from='test' to='" DOM "'><delegation xmlns='" NS_DELEGATION
	    "'><forwarded xmlns='" NS_FORWARD "'><iq xmlns='" NS_CLIENT
	    "' type='set' id='1' from='" ALICE "/0' to='" ALICE "'><pubsub xmlns='" NS_PUBSUB
	    "'><publish node='n'><item id='%s'><x xmlns='x'>",
	    id, id);
	memset(sbuf_reserve(&out, len), 'x', len);
	sbuf_commit(&out, len);
	sbuf_puts(&out, "</x></item></publish></pubsub></iq></forwarded></delegation></iq>");
	fix_clear(f);
	fix_send(f, sbuf_str(&out));
	sbuf_done(&out);
}

static struct node *node(void)
{
	struct service *s;

	assert_int_equal(service_get(&p, ALICE, &s), 0);
	return node_find(s, "n");
}

/* It is told to wait, and nothing is there: no item, nor a node that was made for it. */
static void test_link_is_full(void **state)
{
	struct fix *f = *state;

	gather(f);
	publish(f, "a", LEN);
	fix_has(f, "<resource-constraint");
	assert_int_equal(fix_count(f, "<item"), 0);
	assert_null(node());
	services_free(&p);
	assert_null(node()); /* nor in the database */
	publish(f, "a", 1);
	assert_int_equal(fix_count(f, "<items"), 2 * SESSIONS);
	publish(f, "b", LEN);
	fix_has(f, "<resource-constraint");
	assert_int_equal(fix_count(f, "<item"), 0);
	services_free(&p);
	assert_non_null(node());
	assert_int_equal(items_load(node()), 0);
	assert_int_equal(node()->n_items, 1);
	assert_non_null(items_find(node(), "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PUBSUB_TEST(test_link_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
