/* SPDX-License-Identifier: MIT */
/* One stanza to many from the component's side: when it is a fan-out, where that is split, and that
 * it is sent whole or not at all. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "comp_fixture.h"

#define NICK "room@" DOM "/nick"
#define BODY "<body>a&lt;b</body>"
#define ONE "<message xmlns=\"jabber:client\" type=\"groupchat\" from=\"" NICK "\">" BODY

static struct fix *f;

static int setup(void **state)
{
	(void)state;
	f = fix_new();
	f->mode = ROUTER_ACKS;
	f->offers = "<fanout xmlns='" NS_FANOUT "'/>";
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fix_free(f);
	return 0;
}

static struct el *said(size_t body)
{
	struct el *el = el_message("groupchat", NULL);
	char *text = malloc(body + 1);

	memset(text, 'x', body);
	text[body] = '\0';
	el_set(el, "from", NICK);
	el_add_text(el, "body", NULL, body ? text : "a<b");
	free(text);
	return el;
}

/* To u0@test/r and so on. */
static int send_many(size_t body, unsigned n)
{
	EL_AUTO struct el *el = said(body);
	struct comp_many *m = comp_many_begin(f->c, el);
	char to[32];
	int r;

	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(to, sizeof(to), "u%u@test/r", i);
		comp_many_add(m, to);
	}
	r = comp_many_end(m);
	fix_spin(f);
	return r;
}

/* Takes el. */
static void to_two(struct el *el, const char *one, const char *two)
{
	struct comp_many *m = comp_many_begin(f->c, el);

	comp_many_add(m, one);
	comp_many_add(m, two);
	assert_int_equal(comp_many_end(m), 0);
	el_free(el);
	fix_spin(f);
}

static void a_fanout(void **state)
{
	const char *id;

	(void)state;
	fix_online(f);
	to_two(said(0), "a@test/r", "b@test/<'\"&>");
	assert_int_equal(f->n_in, 1);
	id = strstr(fix_got(f), "id=\"fanout-");
	assert_non_null(id);
	fix_has(f, "<message to=\"test\" id=\"fanout-");
	fix_has(f,
	    "from=\"" DOM "\"><fanout xmlns=\"" NS_FANOUT "\">" ONE "</message>"
	    "<to jid=\"a@test/r\"/><to jid=\"b@test/&lt;'&quot;&amp;&gt;\"/></fanout></message>\n");
}

static void without_a_from(void **state)
{
	(void)state;
	fix_online(f);
	to_two(el_presence(NULL, NULL), "a@test/r", "b@test/r");
	fix_has(f, "<presence xmlns=\"jabber:client\" from=\"" DOM "\"/><to ");
}

static void one_is_not_many(void **state)
{
	(void)state;
	fix_online(f);
	assert_int_equal(send_many(0, 1), 0);
	assert_int_equal(f->n_in, 1);
	fix_has(f, "<message to=\"u0@test/r\" type=\"groupchat\" from=\"" NICK "\">");
	fix_hasnt(f, "fanout");
	fix_clear(f);
	assert_int_equal(send_many(0, 0), 0);
	assert_int_equal(f->n_in, 0);
}

static void single_copies_where_it_is_unknown(void **state)
{
	(void)state;
	f->offers = NULL;
	fix_online(f);
	assert_int_equal(send_many(0, 3), 0);
	assert_int_equal(f->n_in, 3);
	fix_hasnt(f, "fanout");
	fix_has(f,
	    "to=\"u0@test/r\" type=\"groupchat\" from=\"" NICK "\"><body>a&lt;b</body></message>\n"
	    "<message to=\"u1@test/r\" ");
	fix_has(f, "to=\"u2@test/r\"");
}

static void questions_are_single(void **state)
{
	struct el *iq = el_iq("get", NULL);

	(void)state;
	fix_online(f);
	el_set(iq, "id", "1");
	el_add(iq, "ping", NS_PING);
	to_two(iq, "a@test/r", "b@test/r");
	assert_int_equal(f->n_in, 2);
	fix_hasnt(f, "fanout");
}

static void a_thousand_addresses(void **state)
{
	(void)state;
	fix_online(f);
	assert_int_equal(send_many(0, 1000), 0);
	assert_int_equal(f->n_in, 1);
	fix_clear(f);
	assert_int_equal(send_many(0, 1001), 0);
	assert_int_equal(f->n_in, 2);
	assert_int_equal(fix_count(f, "<to "), 1001);
	fix_has(f, "<to jid=\"u999@test/r\"/></fanout></message>\n<message to=\"test\"");
	fix_has(f, "</message><to jid=\"u1000@test/r\"/></fanout>");
}

static void sixteen_mebibytes(void **state)
{
	(void)state;
	fix_online(f);
	assert_int_equal(send_many(100000, 300), 0); /* 30 MB */
	assert_int_equal(f->n_in, 2);
	assert_int_equal(fix_count(f, "<to "), 300);
	fix_has(f, "<to jid=\"u166@test/r\"/></fanout>"); /* 168 would be above */
}

static void what_the_server_takes_in_one_piece(void **state)
{
	size_t len = 0;

	(void)state;
	f->conf.max_stanza = 10000;
	fix_online(f);
	assert_int_equal(send_many(4000, 600), 0);
	assert_int_equal(f->n_in, 3);
	assert_int_equal(fix_count(f, "<to "), 600);
	for (const char *p = fix_got(f), *end; (end = strchr(p, '\n')); p = end + 1)
		len = (size_t)(end - p) > len ? (size_t)(end - p) : len;
	assert_in_range(len, 8000, 9500);
	fix_clear(f);
	assert_int_equal(send_many(9000, 3), 0); /* with an address it would be too large */
	assert_int_equal(f->n_in, 3);
	fix_hasnt(f, "fanout");
}

static void whole_or_not_at_all(void **state)
{
	(void)state;
	fix_online(f);
	assert_int_equal(send_many(600000, 3240), -ENOBUFS); /* a hundred and twenty, 72 MB */
	assert_int_equal(f->n_in, 0);
	assert_int_equal(send_many(600000, 1620), 0);
	assert_int_equal(fix_count(f, "<to "), 1620);
}

static void single_copies_too(void **state)
{
	(void)state;
	f->offers = NULL;
	fix_online(f);
	assert_int_equal(send_many(600000, 120), -ENOBUFS);
	assert_int_equal(f->n_in, 0);
	assert_int_equal(send_many(600000, 50), 0);
	assert_int_equal(f->n_in, 50);
}

/* To u0@test/r and so on. */
static struct comp_many *many_of(const struct el *el, unsigned n)
{
	struct comp_many *m = comp_many_begin(f->c, el);
	char to[32];

	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(to, sizeof(to), "u%u@test/r", i);
		comp_many_add(m, to);
	}
	return m;
}

/* The first alone would be taken; nobody is told of half of a thing. */
static void both_or_neither(void **state)
{
	EL_AUTO struct el *one = said(600000), *other = said(600000);

	(void)state;
	fix_online(f);
	assert_int_equal(comp_many_end_both(many_of(one, 1620), many_of(other, 1620)), -ENOBUFS);
	fix_spin(f);
	assert_int_equal(f->n_in, 0);
	assert_int_equal(comp_many_end_both(many_of(one, 27), many_of(other, 0)), 0);
	assert_int_equal(comp_many_end_both(many_of(one, 0), many_of(other, 27)), 0);
	assert_int_equal(comp_many_end_both(many_of(one, 0), many_of(other, 0)), 0);
	assert_int_equal(comp_many_end_both(many_of(one, 27), many_of(other, 27)), 0);
	fix_spin(f);
	assert_int_equal(fix_count(f, "<to "), 4 * 27);
}

static void without_a_link(void **state)
{
	(void)state;
	assert_int_equal(send_many(0, 1), -ENOTCONN);
	assert_int_equal(send_many(0, 2), -ENOTCONN);
}

/* It is one stanza of the session: what the server did not count is sent again whole. */
static void across_a_lost_link(void **state)
{
	(void)state;
	fix_online(f);
	f->mute = true;
	fix_cut(f);
	assert_int_equal(send_many(0, 3), 0); /* as single copies: there is nobody to offer more */
	f->mute = false;
	fix_advance(f, 40000);
	assert_int_equal(f->resumptions, 1);
	assert_int_equal(f->n_in, 3);
	fix_hasnt(f, "fanout");
	fix_clear(f);
	assert_int_equal(send_many(0, 3), 0);
	assert_int_equal(f->n_in, 1);
	assert_int_equal(fix_count(f, "<to "), 3);
}

/* --- in an account's name --------------------------------------------------------------------- */

#define ALICE "alice@test"
#define GRANT(host, version)                                                                  \
	"<message from='" host "' to='" DOM "'><privilege xmlns='urn:xmpp:privilege:" version \
	"'><perm access='message' type='outgoing'/></privilege></message>"
#define EVENT "<event xmlns=\"urn:x\"><iq xmlns=\"jabber:client\"/></event><body>a&lt;b</body>"
#define HEAD(from) "<message xmlns=\"jabber:client\" type=\"headline\" from=\"" from "\">"
#define WRAPPED(version, from, to)                                                              \
	"\"><privilege xmlns=\"urn:xmpp:privilege:" version "\"><forwarded xmlns=\"" NS_FORWARD \
	"\"><message xmlns=\"jabber:client\" to=\"" to "\" type=\"headline\" from=\"" from      \
	"\">" EVENT "</message></forwarded></privilege></message>\n"

static int send_event(struct el *el, const char *from, unsigned n)
{
	int r;

	el_set(el, "from", from);
	r = comp_many_end(many_of(el, n));
	el_free(el);
	fix_spin(f);
	return r;
}

static struct el *event(void)
{
	struct el *el = el_message("headline", NULL);

	el_set_raw(el, EVENT, strlen(EVENT));
	return el;
}

static void nobody_elses_name(void **state)
{
	(void)state;
	fix_online(f);
	assert_int_equal(send_event(event(), ALICE, 2), -EPERM);
	assert_int_equal(send_event(event(), ALICE, 1), -EPERM);
	assert_int_equal(send_event(event(), "test", 1), -EPERM);
	fix_send(f, GRANT("test", "2"));
	assert_int_equal(send_event(event(), "alice@my" DOM, 1), -EPERM);
	assert_int_equal(send_event(event(), "alice@elsewhere.test/x@test", 1), -EPERM);
	assert_int_equal(send_event(el_presence(NULL, NULL), ALICE, 2), -EPERM);
	assert_int_equal(send_event(el_iq("get", NULL), ALICE, 2), -EPERM);
	assert_int_equal(f->n_in, 0);
	/* The component's own, and it looks like another. */
	assert_int_equal(send_event(event(), "u@" DOM "/x@test", 1), 0);
	fix_has(f, "from=\"u@" DOM "/x@test\">" EVENT "</message>\n");
}

static void a_fanout_of_an_account(void **state)
{
	(void)state;
	fix_online(f);
	fix_send(f, GRANT("test", "2"));
	assert_int_equal(send_event(event(), ALICE, 2), 0);
	assert_int_equal(f->n_in, 1);
	fix_has(f, "<message to=\"test\" id=\"fanout-");
	fix_has(f, "from=\"" DOM "\"><fanout xmlns=\"" NS_FANOUT "\">" HEAD(ALICE) EVENT
	    "</message><to jid=\"u0@test/r\"/><to jid=\"u1@test/r\"/></fanout></message>\n");
	fix_clear(f);
	assert_int_equal(send_event(event(), "test", 1), 0); /* one is one, too */
	assert_int_equal(f->n_in, 1);
	fix_has(f, HEAD("test") EVENT "</message><to jid=\"u0@test/r\"/></fanout>");
	fix_clear(f);
	assert_int_equal(send_event(event(), ALICE, 0), 0);
	assert_int_equal(f->n_in, 0);
}

/* It goes to the host whose account it is. */
static void the_host_of_the_account(void **state)
{
	static char test[] = "test", other[] = "other.test";
	static char *domains[] = { test, other };

	(void)state;
	fix_free(f);
	f = fix_bare();
	f->mode = ROUTER_ACKS;
	f->offers = "<fanout xmlns='" NS_FANOUT "'/>";
	f->conf.router_domains = (struct conf_list){ domains, 2 };
	fix_make(f);
	fix_online(f);
	fix_send(f, GRANT("other.test", "2"));
	assert_int_equal(send_event(event(), ALICE, 2), -EPERM);
	assert_int_equal(send_event(event(), "alice@other.test", 2), 0);
	fix_has(f, "<message to=\"other.test\" id=\"fanout-");
	assert_int_equal(f->n_in, 1);
	f->conf.router_domains = (struct conf_list){ 0 };
}

static void wrapped_copies_of_an_account(void **state)
{
	(void)state;
	f->offers = NULL;
	fix_online(f);
	fix_send(f, GRANT("test", "1"));
	assert_int_equal(send_event(event(), ALICE, 2), 0);
	assert_int_equal(f->n_in, 2);
	assert_int_equal(fix_count(f, "<message from=\"" DOM "\" to=\"test\" id=\""), 2);
	fix_has(f, WRAPPED("1", ALICE, "u0@test/r"));
	fix_has(f, WRAPPED("1", ALICE, "u1@test/r"));
	fix_send(f, GRANT("test", "2"));
	fix_clear(f);
	assert_int_equal(send_event(event(), ALICE, 1), 0);
	assert_int_equal(f->n_in, 1);
	fix_has(f, WRAPPED("2", ALICE, "u0@test/r"));
	fix_clear(f);
	assert_int_equal(send_event(said(600000), ALICE, 120), -ENOBUFS);
	assert_int_equal(f->n_in, 0);
	assert_int_equal(send_event(said(600000), ALICE, 50), 0);
	assert_int_equal(f->n_in, 50);
}

/* With an address it would be too large for the server, which then says so to each copy. */
static void too_large_for_a_fanout(void **state)
{
	(void)state;
	f->conf.max_stanza = 10000;
	fix_online(f);
	fix_send(f, GRANT("test", "2"));
	assert_int_equal(send_event(said(9000), ALICE, 1), 0);
	assert_int_equal(send_event(said(9000), ALICE, 2), 0);
	assert_int_equal(f->n_in, 3);
	assert_int_equal(fix_count(f, "<privilege "), 3);
}

#define REFUSAL(from, id)                                                                          \
	"<message from='" from "' to='" DOM "' type='error' id='" id "'><error type='auth'>"       \
	"<forbidden xmlns='" NS_STANZAS "'/><text xmlns='" NS_STANZAS "'>not yours</text></error>" \
	"</message>"

static void a_refusal_is_logged(void **state)
{
	(void)state;
	fix_online(f);
	fix_send(f, REFUSAL("me@test/r", "fanout-x"));
	fix_send(f, REFUSAL("test", "other"));
	assert_null(strstr(sbuf_str(&f->log), "refused a fan-out"));
	fix_send(f, REFUSAL("test", "fanout-x"));
	fix_logged(f, "refused a fan-out, which nobody got: forbidden: not yours");
	assert_int_equal(f->n_in, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_fanout, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_from, setup, teardown),
		cmocka_unit_test_setup_teardown(one_is_not_many, setup, teardown),
		cmocka_unit_test_setup_teardown(single_copies_where_it_is_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(questions_are_single, setup, teardown),
		cmocka_unit_test_setup_teardown(a_thousand_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(sixteen_mebibytes, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    what_the_server_takes_in_one_piece, setup, teardown),
		cmocka_unit_test_setup_teardown(whole_or_not_at_all, setup, teardown),
		cmocka_unit_test_setup_teardown(single_copies_too, setup, teardown),
		cmocka_unit_test_setup_teardown(both_or_neither, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_link, setup, teardown),
		cmocka_unit_test_setup_teardown(across_a_lost_link, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_elses_name, setup, teardown),
		cmocka_unit_test_setup_teardown(a_fanout_of_an_account, setup, teardown),
		cmocka_unit_test_setup_teardown(the_host_of_the_account, setup, teardown),
		cmocka_unit_test_setup_teardown(wrapped_copies_of_an_account, setup, teardown),
		cmocka_unit_test_setup_teardown(too_large_for_a_fanout, setup, teardown),
		cmocka_unit_test_setup_teardown(a_refusal_is_logged, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
