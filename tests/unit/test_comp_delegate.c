/* SPDX-License-Identifier: MIT */
/* Delegated requests in a component: as any other, from nobody but the server. */
#include "comp_fixture.h"

#include <stdio.h>
#include <string.h>

#define NS_T "urn:test:0"
#define SERVER "test" /* above echo.test */
#define ALICE "alice@test/a"
#define V1 NS_DELEGATION_1
#define V2 NS_DELEGATION

static char seen[512];
static struct comp_req *kept;
static int ret;

static void see(const struct comp_req *rq, const char *row)
{
	size_t n = strlen(seen);

	(void)snprintf(
	    seen + n, sizeof(seen) - n, "%s %s>%s;", row, comp_from(rq)->s, comp_to(rq)->s);
}

/* What an answer has that is made of bytes, and the same as a tree: with stanzas inside, and what
 * is in jabber:client itself. */
#define BYTES                                                                                  \
	"<x xmlns=\"" NS_T "\"><message xmlns=\"jabber:client\"><body>a&lt;b</body></message>" \
	"</x><y><z xmlns=\"" NS_T "\"/></y>"

static void add_tree(struct el *answer)
{
	struct el *x = el_add(answer, "x", NS_T);

	el_add_text(el_add(x, "message", NS_CLIENT), "body", NULL, "a<b");
	el_add(el_add(answer, "y", NULL), "z", NS_T);
}

static int on_account(struct comp_req *rq, void *arg)
{
	(void)arg;
	see(rq, "account");
	if (!strcmp(el_name(comp_payload(rq)), "defer")) {
		kept = comp_defer(rq);
		return COMP_DONE;
	}
	if (ret < 0)
		return ret;
	struct el *answer = comp_result(rq);

	if (!strcmp(el_name(comp_payload(rq)), "bytes"))
		el_set_raw(answer, BYTES, strlen(BYTES));
	else if (!strcmp(el_name(comp_payload(rq)), "tree"))
		add_tree(answer);
	else
		el_add_copy(answer, comp_payload(rq));
	comp_reply(rq, answer);
	return COMP_DONE;
}

static int on_server(struct comp_req *rq, void *arg)
{
	(void)arg;
	see(rq, "server");
	comp_reply_ok(rq);
	return COMP_DONE;
}

static int on_own(struct comp_req *rq, void *arg)
{
	(void)arg;
	see(rq, "own");
	comp_reply_ok(rq);
	return COMP_DONE;
}

static const struct comp_route rows[] = {
	{ EL_IQ, NULL, NS_T, NULL, COMP_TO_ANY, on_own },
	{ EL_IQ, NULL, NS_T, NULL, COMP_FOR_ACCOUNT, on_account },
	{ EL_IQ, "get", NS_T, "x", COMP_FOR_SERVER, on_server },
};

static int setup(void **state)
{
	struct fix *f = fix_new();

	comp_routes(f->c, rows, sizeof(rows) / sizeof(rows[0]), NULL);
	comp_identity_for(f->c, COMP_FOR_ACCOUNT, NS_T, "pubsub", "pep", NULL);
	comp_feature_for(f->c, COMP_FOR_ANY, NS_T, NS_T);
	comp_feature_for(f->c, COMP_FOR_ACCOUNT, "urn:test:1", "urn:test:1#more");
	fix_online(f);
	seen[0] = '\0';
	kept = NULL;
	ret = 0;
	*state = f;
	return 0;
}

static void outer(struct fix *f, const char *version, const char *from, const char *inner)
{
	fix_clear(f);
	fix_sendf(f,
	    "<iq type='set' id='d1' from='%s' to='" DOM "'><delegation xmlns='%s'>"
	    "<forwarded xmlns='" NS_FORWARD "'>%s</forwarded></delegation></iq>",
	    from, version, inner);
}

#define INNER(type, attrs, body) \
	"<iq xmlns='jabber:client' type='" type "' id='q' " attrs ">" body "</iq>"
#define FROM_ALICE "from='" ALICE "' "
#define X "<x xmlns='" NS_T "'/>"
#define ANSWER(version, inner)                                                            \
	"<iq type=\"result\" id=\"d1\" from=\"" DOM "\" to=\"" SERVER                     \
	"\"><delegation xmlns=\"" version "\"><forwarded xmlns=\"" NS_FORWARD "\">" inner \
	"</forwarded></delegation></iq>"

static void looks_like_any_other(void **state)
{
	struct fix *f = *state;

	outer(f, V2, SERVER, INNER("set", FROM_ALICE "to='bob@test'", X));
	assert_string_equal(seen, "account " ALICE ">bob@test;");
	fix_has(f, ANSWER(V2, "<iq xmlns=\"jabber:client\" type=\"result\" id=\"q\" "
			      "from=\"bob@test\" to=\"" ALICE "\"><x xmlns=\"" NS_T "\"/></iq>"));
	outer(f, V1, SERVER, INNER("get", FROM_ALICE "to='test'", X));
	assert_string_equal(seen, "account " ALICE ">bob@test;server " ALICE ">test;");
	fix_has(f, ANSWER(V1, "<iq xmlns=\"jabber:client\" type=\"result\" id=\"q\" "
			      "from=\"test\" to=\"" ALICE "\"/>"));
	assert_int_equal(f->n_in, 1);
}

static void own_account_without_an_address(void **state)
{
	struct fix *f = *state;

	outer(f, V2, SERVER, INNER("get", FROM_ALICE, X));
	assert_string_equal(seen, "account " ALICE ">alice@test;");
	fix_has(f, ANSWER(V2, "<iq xmlns=\"jabber:client\" type=\"result\" id=\"q\" "
			      "to=\"" ALICE "\"><x xmlns=\"" NS_T "\"/></iq>"));
}

static void errors_are_wrapped_too(void **state)
{
	struct fix *f = *state;

	ret = -COND_ITEM_NOT_FOUND;
	outer(f, V2, SERVER, INNER("get", FROM_ALICE "to='bob@test'", X));
	fix_has(f, "<iq type=\"result\" id=\"d1\"");
	fix_has(f, "<iq xmlns=\"jabber:client\" type=\"error\" id=\"q\" from=\"bob@test\"");
	fix_has(f, "<item-not-found");
	/* What no row wants. */
	outer(f, V2, SERVER, INNER("set", FROM_ALICE "to='test'", X));
	fix_has(f, "<iq type=\"result\" id=\"d1\"");
	fix_has(f, "<service-unavailable");
	outer(f, V2, SERVER,
	    INNER("get", FROM_ALICE "to='bob@test'", "<query xmlns='" NS_DISCO_INFO "'/>"));
	fix_has(f, "<service-unavailable");
}

/* A page of items comes out of the database as it went in. */
static void answer_of_bytes(void **state)
{
	static const char *const how[] = { "<bytes xmlns='" NS_T "'/>",
		"<tree xmlns='" NS_T "'/>" };
	struct fix *f = *state;
	char inner[512];

	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		(void)snprintf(
		    inner, sizeof(inner), INNER("get", FROM_ALICE "to='bob@test'", "%s"), how[i]);
		outer(f, V2, SERVER, inner);
		fix_has(f, ANSWER(V2, "<iq xmlns=\"jabber:client\" type=\"result\" id=\"q\" "
				      "from=\"bob@test\" to=\"" ALICE "\">" BYTES "</iq>"));
		outer(f, V1, SERVER, inner);
		fix_has(f, ANSWER(V1, "<iq xmlns=\"jabber:client\" type=\"result\" id=\"q\" "
				      "from=\"bob@test\" to=\"" ALICE "\">" BYTES "</iq>"));
	}
}

static void rows_for_all_do_not_see_them(void **state)
{
	struct fix *f = *state;

	outer(f, V2, SERVER, INNER("set", FROM_ALICE "to='test'", X));
	assert_string_equal(seen, "");
	fix_send(f, "<iq type='get' id='1' from='" ALICE "' to='u@" DOM "'>" X "</iq>");
	assert_string_equal(seen, "own " ALICE ">u@" DOM ";");
}

static void deferred(void **state)
{
	struct fix *f = *state;

	outer(f, V1, SERVER, INNER("get", FROM_ALICE, "<defer xmlns='" NS_T "'/>"));
	assert_int_equal(f->n_in, 0);
	comp_reply_ok(kept);
	fix_spin(f);
	fix_has(f, ANSWER(V1, "<iq xmlns=\"jabber:client\" type=\"result\" id=\"q\" "
			      "to=\"" ALICE "\"/>"));
}

static void deferred_until_the_end(void **state)
{
	struct fix *f = *state;

	outer(f, V2, SERVER, INNER("get", FROM_ALICE, "<defer xmlns='" NS_T "'/>"));
	comp_stop(f->c, NULL);
	fix_spin(f);
	fix_has(f, "<delegation xmlns=\"" V2 "\">");
	fix_has(f, "<service-unavailable");
	comp_reply_ok(kept);
}

/* --- whom to believe -------------------------------------------------------------------------- */

static void nobody_else_delegates(void **state)
{
	static const char *const others[] = { ALICE, "alice@test", "test/x", "other.test", DOM,
		("x@" DOM), "est", "a.test", "test.org" };
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		outer(f, V2, others[i], INNER("get", FROM_ALICE "to='bob@test'", X));
		assert_string_equal(seen, "");
		fix_has(f, "<iq type=\"error\" id=\"d1\"");
		fix_has(f, "<forbidden");
		fix_hasnt(f, "<forwarded");
		fix_sendf(f,
		    "<message from='%s' to='" DOM "'><delegation xmlns='" V2
		    "'><delegated namespace='" NS_T "'/></delegation></message>",
		    others[i]);
		assert_false(comp_delegated(f->c, NS_T));
	}
}

static void malformed(void **state)
{
	static const char *const bad[] = {
		"",
		"<message xmlns='jabber:client' id='q' " FROM_ALICE "/>",
		"<iq type='get' id='q' " FROM_ALICE ">" X "</iq>", /* in the namespace around it */
		INNER("get", FROM_ALICE, X) INNER("get", FROM_ALICE, X),
		INNER("get", FROM_ALICE, ""),
		INNER("get", FROM_ALICE, X X),
		INNER("get", "", X),
		INNER("get", "from='a@b@c'", X),
		INNER("get", FROM_ALICE "to='a@b@c'", X),
		INNER("get", FROM_ALICE "to='bob@test/r'", X),
		INNER("get", FROM_ALICE "to='test/r'", X),
		INNER("get", FROM_ALICE "to='bob@other'", X),
		INNER("get", FROM_ALICE "to='other'", X),
		INNER("get", "from='alice@other/a'", X),
		INNER("result", FROM_ALICE, X),
		INNER("error", FROM_ALICE, X),
		INNER("", FROM_ALICE, X),
		"<iq xmlns='jabber:client' type='get' " FROM_ALICE ">" X "</iq>",
	};
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		outer(f, V2, SERVER, bad[i]);
		if (f->n_in != 1 || !strstr(fix_got(f), "<iq type=\"error\" id=\"d1\"") ||
		    !strstr(fix_got(f), "<bad-request"))
			fail_msg("%s\nwas answered with %s", bad[i], fix_got(f));
	}
	assert_string_equal(seen, "");
	outer(f, "urn:xmpp:delegation:3", SERVER, INNER("get", FROM_ALICE, X));
	fix_has(f, "<service-unavailable");
	fix_hasnt(f, "<forwarded");
}

/* --- what is delegated ------------------------------------------------------------------------ */

static void advertise(struct fix *f, const char *version, const char *rows_text)
{
	fix_sendf(f,
	    "<message from='" SERVER "' to='" DOM
	    "'><delegation xmlns='%s'>%s</delegation></message>",
	    version, rows_text);
}

static void what_the_server_has_said(void **state)
{
	struct fix *f = *state;

	assert_false(comp_delegated(f->c, NS_T));
	advertise(f, V2, "<delegated namespace='a'/><delegated/><delegated namespace='" NS_T "'/>");
	assert_true(comp_delegated(f->c, NS_T));
	assert_true(comp_delegated(f->c, "a"));
	assert_false(comp_delegated(f->c, "b"));
	advertise(f, V1, "<delegated namespace='b'><attribute name='node'/></delegated>");
	assert_true(comp_delegated(f->c, NS_T));
	assert_true(comp_delegated(f->c, "b"));
	advertise(f, V2, "");
	assert_false(comp_delegated(f->c, NS_T));
	assert_true(comp_delegated(f->c, "b"));
	assert_int_equal(f->n_in, 0);
}

static void server_tells_anew(void **state)
{
	struct fix *f = *state;

	advertise(f, V2, "<delegated namespace='" NS_T "'/>");
	stream_close(f->r);
	fix_spin(f);
	fix_advance(f, 2000);
	assert_int_equal(f->onlines, 2);
	assert_false(comp_delegated(f->c, NS_T));
}

/* --- disco ------------------------------------------------------------------------------------ */

static void disco(struct fix *f, const char *node)
{
	fix_clear(f);
	fix_sendf(f,
	    "<iq type='get' id='i' from='" SERVER "' to='" DOM "'><query xmlns='" NS_DISCO_INFO
	    "'%s%s%s/></iq>",
	    node ? " node='" : "", node ? node : "", node ? "'" : "");
}

static void nesting_nodes(void **state)
{
	struct fix *f = *state;

	disco(f, V2 ":bare:" NS_T);
	fix_has(f,
	    "<query xmlns=\"" NS_DISCO_INFO "\" node=\"" V2 ":bare:" NS_T
	    "\"><identity category=\"pubsub\" type=\"pep\"/><feature var=\"" NS_T "\"/></query>");
	disco(f, V1 ":bare:" NS_T);
	fix_has(f, "node=\"" V1 ":bare:" NS_T "\"><identity");
	disco(f, V2 "::" NS_T);
	fix_has(f, "node=\"" V2 "::" NS_T "\"><feature var=\"" NS_T "\"/></query>");
	disco(f, V2 ":bare:urn:test:1");
	fix_has(f, "\"><feature var=\"urn:test:1#more\"/></query>");
	disco(f, V2 "::urn:test:1"); /* nothing to say there */
	fix_has(f, "type=\"result\"");
	fix_has(f, "node=\"" V2 "::urn:test:1\"/>");
}

static void nodes_that_are_none(void **state)
{
	static const char *const nodes[] = { V2 "::urn:other", V2 ":bare:urn:other", V2 ":", V2,
		V2 ":bare:", V2 "::", V2 ":x:" NS_T, ("urn:xmpp:delegation:3::" NS_T), NS_T };
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		disco(f, nodes[i]);
		fix_has(f, "<item-not-found");
	}
}

static void support_is_announced(void **state)
{
	struct fix *f = *state;

	disco(f, NULL);
	fix_has(f, "<feature var=\"" V2 "\"/><feature var=\"" V1 "\"/>");
	fix_hasnt(f, NS_T);
}

static void support_is_not_announced_without(void **state)
{
	struct fix *f = fix_new();

	(void)state;
	comp_routes(f->c, rows, 1, NULL);
	fix_online(f);
	disco(f, NULL);
	fix_hasnt(f, V2);
	fix_free(f);
}

/* Nobody but the server asks from an account's bare JID; this is no handler's, and that is all. */
static void asks_for_an_account(void **state)
{
#define ASKS(from, ns) "<iq type='set' id='1' from='" from "' to='" DOM "'><x xmlns='" ns "'/></iq>"
	struct fix *f = *state;

	fix_online(f);
	fix_send(f, ASKS("alice@test", NS_TAP));
	fix_has(f, "<service-unavailable");
	fix_clear(f);
	fix_send(f, ASKS(ALICE, NS_TAP));
	fix_send(f, ASKS("alice@far.test", NS_TAP));
	fix_send(f, ASKS("alice@test", "urn:switchyard:share:1"));
	assert_int_equal(fix_count(f, "<forbidden"), 3);
	fix_clear(f);
	fix_send(f, "<message from='alice@test' to='" DOM "'><x xmlns='" NS_TAP "'/></message>");
	assert_string_equal(fix_got(f), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fix_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(looks_like_any_other),
		TEST(own_account_without_an_address),
		TEST(errors_are_wrapped_too),
		TEST(answer_of_bytes),
		TEST(rows_for_all_do_not_see_them),
		TEST(deferred),
		TEST(deferred_until_the_end),
		TEST(nobody_else_delegates),
		TEST(asks_for_an_account),
		TEST(malformed),
		TEST(what_the_server_has_said),
		TEST(server_tells_anew),
		TEST(nesting_nodes),
		TEST(nodes_that_are_none),
		TEST(support_is_announced),
		cmocka_unit_test(support_is_not_announced_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
