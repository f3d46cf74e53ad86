/* SPDX-License-Identifier: MIT */
/* Rosters that are asked for: answered, refused, late, out of date before they came. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pubsub_fixture.h"

static char outcome[128]; /* of each that waited: its error, and who sees the account */

static void on_roster(struct pubsub *ps, int err, const struct roster *ro, void *arg)
{
	size_t n = strlen(outcome);

	(void)ps;
	(void)snprintf(outcome + n, sizeof(outcome) - n, "%s%d%s%s ", (const char *)arg, err,
	    ro && roster_contact(ro, "bob@test") ? "b" : "",
	    ro && roster_contact(ro, "carol@test") ? "c" : "");
}

static void want(const char *name)
{
	assert_null(roster_ready(&p, ALICE));
	roster_want(&p, ALICE, on_roster, (void *)(uintptr_t)name);
}

static void is(const char *wanted)
{
	assert_string_equal(outcome, wanted);
	outcome[0] = '\0';
}

/* The id of the last question that came. */
static const char *asked(struct fix *f)
{
	static char id[64];
	const char *at = NULL, *next = fix_got(f);

	while ((next = strstr(next, " id=\"")))
		at = next += 5;
	assert_non_null(at);
	(void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(at, "\""), at);
	return id;
}

static void answer(struct fix *f, const char *items)
{
	fix_sendf(f,
	    "<iq type='result' id='%s' from='" ALICE "' to='" DOM
	    "'><query xmlns='jabber:iq:roster'>%s</query></iq>",
	    asked(f), items);
}

static void refuse(struct fix *f, const char *condition)
{
	fix_sendf(f,
	    "<iq type='error' id='%s' from='" ALICE "' to='" DOM
	    "'><error type='cancel'><%s xmlns='" NS_STANZAS "'/></error></iq>",
	    asked(f), condition);
}

#define BOB "<item jid='bob@test' subscription='both'/>"
#define CAROL "<item jid='carol@test' subscription='from'/>"

static void test_asked_once(void **state)
{
	struct fix *f = *state;

	fix_send(f, TELL(ROSTERS));
	want("1:");
	fix_spin(f);
	want("2:");
	fix_spin(f);
	assert_int_equal(f->n_in, 1);
	is("");
	answer(f, BOB "<item jid='eve@test' subscription='none'/>");
	is("1:0b 2:0b ");
	assert_non_null(roster_ready(&p, ALICE));
	assert_null(roster_contact(roster_ready(&p, ALICE), "eve@test"));
}

/* Each is told of it; who comes later asks anew. */
static void test_refused_and_late(void **state)
{
	struct fix *f = *state;

	fix_send(f, TELL(ROSTERS));
	want("1:");
	fix_spin(f);
	refuse(f, "forbidden");
	is("1:-11 ");
	want("2:");
	fix_spin(f);
	assert_int_equal(f->n_in, 2);
	refuse(f, "item-not-found"); /* no such account: nobody sees it */
	is("2:0 ");
	assert_non_null(roster_ready(&p, ALICE));
	rosters_drop(&p);
	want("3:");
	fix_spin(f);
	fix_advance(f, 20001);
	is("3:-110 ");
	assert_true(roster_has_failed(&p, ALICE));
	rosters_drop(&p);
	assert_int_equal(p.rosters_bytes, 0);
	want("4:");
	fix_spin(f);
	assert_int_equal(f->n_in, 4);
	answer(f, BOB);
	is("4:0b ");
}

/* A push may have been lost since it was asked: it is asked again, and the first answer is nothing.
 */
static void test_again(void **state)
{
	struct fix *f = *state;

	fix_send(f, TELL(ROSTERS));
	want("1:");
	fix_spin(f);
	fix_send(f, TELL(ROSTERS));
	assert_int_equal(f->n_in, 1);
	answer(f, BOB);
	is("");
	assert_int_equal(f->n_in, 2);
	answer(f, CAROL);
	is("1:0c ");
}

/* Taken from what is granted while it is asked: nobody waits for ever. */
static void test_not_granted_any_more(void **state)
{
	struct fix *f = *state;

	fix_send(f, TELL(ROSTERS));
	want("1:");
	fix_spin(f);
	fix_send(f, TELL("<perm access='roster' type='none'/>"));
	answer(f, BOB);
	is("1:0 ");
	assert_int_equal(f->n_in, 1);
	assert_non_null(roster_ready(&p, ALICE));
	assert_null(roster_contact(roster_ready(&p, ALICE), "bob@test"));
}

static void test_end_while_it_is_asked(void **state)
{
	struct fix *f = *state;

	fix_send(f, TELL(ROSTERS));
	want("1:");
	fix_spin(f);
	pubsub_forget(&p);
	is("1:-125 ");
	assert_int_equal(p.rosters_bytes, 0);
}

/* Where nobody tells of changes it is read again after ten seconds, and not before. */
static void test_old(void **state)
{
	struct fix *f = *state;

	fix_send(f, TELL("<perm access='roster' type='get'/>"));
	want("1:");
	fix_spin(f);
	answer(f, BOB);
	is("1:0b ");
	fix_advance(f, 9000);
	assert_non_null(roster_ready(&p, ALICE));
	fix_advance(f, 1001);
	want("2:");
	fix_spin(f);
	assert_int_equal(f->n_in, 2);
	answer(f, CAROL);
	is("2:0c ");
	/* With pushes: never. */
	fix_send(f, TELL(ROSTERS));
	want("3:");
	fix_spin(f);
	answer(f, BOB);
	is("3:0b ");
	fix_advance(f, 3600 * 1000);
	assert_non_null(roster_ready(&p, ALICE));
}

/* Groups are memory as well. */
static void test_bound(void **state)
{
	struct fix *f = *state;
	char *items = malloc(1 << 20), *at = items;
	char account[32];

	fix_send(f, TELL(ROSTERS));
	for (int i = 0; i < 10; i++) {
		at += sprintf(at, "<item jid='u%d@test' subscription='both'>", i);
		for (int k = 0; k < 8; k++)
			at += sprintf(at, "<group>%d%01000d</group>", k, i);
		at += sprintf(at, "</item>");
	}
	for (int i = 0; i < 600; i++) { /* 80 KB each */
		(void)snprintf(account, sizeof(account), "a%d@test", i);
		assert_null(roster_ready(&p, account));
		fix_spin(f);
		stream_puts(f->r, "<iq type='result' id='");
		stream_puts(f->r, asked(f));
		stream_puts(f->r, "' from='");
		stream_puts(f->r, account);
		stream_puts(f->r, "' to='" DOM "'><query xmlns='jabber:iq:roster'>");
		stream_puts(f->r, items);
		stream_puts(f->r, "</query></iq>");
		fix_spin(f);
		fix_clear(f);
		assert_in_range(p.rosters_bytes, 80000, PUBSUB_ROSTERS);
	}
	assert_true(map_len(&p.rosters) < 450);
	rosters_drop(&p);
	assert_int_equal(p.rosters_bytes, 0);
	free(items);
}

/* Where none is shown each is little, and they are bounded, too. */
static void test_bound_without_the_grant(void **state)
{
	struct fix *f = *state;
	char account[32];

	for (int i = 0; i < 150000; i++) {
		(void)snprintf(account, sizeof(account), "a%d@test", i);
		assert_non_null(roster_ready(&p, account));
	}
	assert_true(p.rosters_bytes > PUBSUB_ROSTERS);
	fix_send(f, "<iq type='set' id='o' from='test' to='" DOM
		    "'><delegation xmlns='urn:xmpp:delegation:2'><forwarded "
		    "xmlns='urn:xmpp:forward:0'><iq xmlns='jabber:client' type='get' id='i' "
		    "from='bob@test/b' to='" ALICE "'><pubsub xmlns='" NS_PUBSUB
		    "'><items node='n'/></pubsub></iq></forwarded></delegation></iq>");
	fix_has(f, "<item-not-found");
	assert_in_range(p.rosters_bytes, 1, PUBSUB_ROSTERS);
}

/* --- who comes while something is published -----------------------------------------------------
 */

#define MOOD "urn:example:mood"
#define KEY "sha-1 ver node"
#define COME                                                                                \
	"<presence from='bob@test/x' to='" DOM                                              \
	"'><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' ver='ver' node='node'/>" \
	"</presence>"
#define PUBLISH                                                                            \
	"<iq type='set' id='p1' from='test' to='" DOM "'>"                                 \
	"<delegation xmlns='urn:xmpp:delegation:2'><forwarded xmlns='urn:xmpp:forward:0'>" \
	"<iq xmlns='jabber:client' type='set' id='1' from='" ALICE "/a'>"                  \
	"<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='" MOOD "'>"      \
	"<item id='happy'><mood xmlns='" MOOD "'/></item></publish></pubsub></iq>"         \
	"</forwarded></delegation></iq>"

/* The id of the question for this account's roster. */
static const char *roster_question(struct fix *f, const char *account)
{
	static char id[64];
	char *to = xasprintf(" to=\"%s\"", account);
	const char *at = strstr(fix_got(f), to);

	assert_non_null(at);
	while (at > fix_got(f) && at[-1] != '\n')
		at--;
	at = strstr(at, " id=\"");
	assert_non_null(at);
	(void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(at + 5, "\""), at + 5);
	free(to);
	return id;
}

/* What is published while a session waits for the roster that says whose items it gets comes once:
 * as the last item. */
static void test_published_before_it_is_greeted(void **state)
{
	struct fix *f = *state;

	fix_send(f, TELL(ROSTERS "<perm access='message' type='outgoing'/>"));
	store_put_caps(comp_tx(p.c), KEY, MOOD, sizeof(MOOD), 1);
	fix_spin(f);
	want("1:");
	fix_spin(f);
	answer(f, BOB); /* alice's */
	is("1:0b ");
	fix_send(f, COME);
	fix_send(f, PUBLISH);
	assert_int_equal(fix_count(f, "id=\"happy\"/></publish>"), 1); /* the answer */
	assert_int_equal(fix_count(f, "<mood"), 0);
	fix_sendf(f,
	    "<iq type='result' id='%s' from='bob@test' to='" DOM
	    "'><query xmlns='jabber:iq:roster'><item jid='" ALICE
	    "' subscription='both'/></query></iq>",
	    roster_question(f, "bob@test"));
	assert_int_equal(fix_count(f, "<mood"), 1);
	fix_send(f, PUBLISH);
	assert_int_equal(fix_count(f, "<mood"), 2); /* and from now on as it happens */
}

/* An empty node of the account that its presence and roster groups open, or an open one with an
 * item. */
static void add_node(const char *account, enum access_model access)
{
	static const char mood[] = "<mood xmlns='" MOOD "'/>";
	struct config_limits lim = { true, 10, 1 << 20 };
	struct node_conf c;
	struct service *s;
	struct node *n;

	assert_int_equal(service_get(&p, account, &s), 0);
	config_init(&c, &lim);
	c.access = (int)access;
	n = node_create(s, MOOD, &c, account);
	if (access == ACCESS_OPEN)
		(void)items_put(n, "happy", account, mood, sizeof(mood) - 1);
}

/* Whom the one question is for that has come. */
static const char *asked_of(struct fix *f)
{
	static char account[64];
	const char *at = strstr(fix_got(f), " to=\"");

	assert_non_null(at);
	(void)snprintf(account, sizeof(account), "%.*s", (int)strcspn(at + 5, "\""), at + 5);
	return account;
}

/* Rosters that are too long to be in memory together are not read by turns for ever: who comes gets
 * what does not depend on them. */
static void test_greeted_without_rosters_that_do_not_fit(void **state)
{
	enum { N = 48, CONTACTS = 12, LEN = PUBSUB_GROUPS * 1100 }; /* 36 MB */
	struct fix *f = *state;
	char *items = malloc(CONTACTS * LEN), *at = items, account[32];
	struct sbuf own = SBUF_INIT;
	int rounds = 0;

	fix_send(f, TELL(ROSTERS "<perm access='message' type='outgoing'/>"));
	store_put_caps(comp_tx(p.c), KEY, MOOD, sizeof(MOOD), 1);
	add_node(ALICE, ACCESS_OPEN);
	sbuf_puts(&own, "<item jid='" ALICE "' subscription='to'/>");
	for (int i = 0; i < N; i++) {
		(void)snprintf(account, sizeof(account), "a%d@test", i);
		add_node(account, ACCESS_ROSTER);
		sbuf_printf(&own, "<item jid='%s' subscription='to'/>", account);
	}
	for (int i = 0; i < CONTACTS; i++) {
		at += sprintf(at, "<item jid='u%d@test' subscription='both'>", i);
		for (int k = 0; k < PUBSUB_GROUPS; k++)
			at += sprintf(at, "<group>%d%01000d</group>", k, i);
		at += sprintf(at, "</item>");
	}
	fix_spin(f);
	fix_send(f, COME);
	assert_string_equal(asked_of(f), "bob@test");
	while (fix_count(f, "<mood") == 0) {
		assert_in_range(++rounds, 1, 2 * N);
		stream_puts(f->r, "<iq type='result' id='");
		stream_puts(f->r, asked(f));
		stream_puts(f->r, "' from='");
		stream_puts(f->r, asked_of(f));
		stream_puts(f->r, "' to='" DOM "'><query xmlns='jabber:iq:roster'>");
		stream_puts(f->r, strcmp(asked_of(f), "bob@test") == 0 ? sbuf_str(&own) : items);
		stream_puts(f->r, "</query></iq>");
		fix_clear(f);
		fix_spin(f);
	}
	assert_true(rounds > N / 2); /* as many as fit have been asked for */
	sbuf_done(&own);
	free(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PUBSUB_TEST(test_asked_once),
		PUBSUB_TEST(test_refused_and_late),
		PUBSUB_TEST(test_again),
		PUBSUB_TEST(test_not_granted_any_more),
		PUBSUB_TEST(test_end_while_it_is_asked),
		PUBSUB_TEST(test_old),
		PUBSUB_TEST(test_bound),
		PUBSUB_TEST(test_bound_without_the_grant),
		PUBSUB_TEST(test_published_before_it_is_greeted),
		PUBSUB_TEST(test_greeted_without_rosters_that_do_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
