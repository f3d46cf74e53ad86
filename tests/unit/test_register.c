/* SPDX-License-Identifier: MIT */
/* In-band registration (XEP-0077), and what an account does about itself. */
#include <xmpp/scram.h>

#include "core/session.h"
#include "core/stanza.h"
#include "register_fixture.h"

/* --- without invitations ---------------------------------------------------------------------- */

static void an_account_is_made(void **state)
{
	struct registration *rg = connect_from("192.0.2.1");

	(void)state;
	assert_int_equal(say(rg, GET), REG_ANSWERED);
	assert_non_null(strstr(answer, "<username/><password/>"));
	assert_int_equal(say(rg, SET("Bill", "s3cret")), REG_LATER);
	assert_string_equal(answer, OK);
	assert_true(exists("bill@example.org"));
	assert_int_equal(say(rg, SET("second", "s3cret")), REG_ANSWERED);
	assert_refused("not-acceptable");
	assert_false(exists("second@example.org"));
	registration_free(rg);
}

#define FIELD(var, value) "<field var='" var "'><value>" value "</value></field>"
#define FORM(type, fields)                                                                   \
	"<iq type='set' id='s' to='example.org'><query xmlns='jabber:iq:register'>"          \
	"<x xmlns='jabber:x:data' type='" type "'>" FIELD("FORM_TYPE", "jabber:iq:register") \
	    fields "</x></query></iq>"
#define NAME FIELD("username", "Bill")

/* Some clients send a form whatever they were asked by. */
static void a_form_is_as_good(void **state)
{
	static const char *const bad[] = {
		FORM("cancel", NAME FIELD("password", "s3cret")),
		FORM("form", NAME FIELD("password", "s3cret")),
		FORM("submit", NAME),
		FORM("submit", NAME FIELD("password", "")),
		FORM("submit", NAME FIELD("password", "s3cret</value><value>s3cret")),
		FORM("submit", NAME NAME FIELD("password", "s3cret")),
		FORM("nonsense", NAME FIELD("password", "s3cret")),
	};
	struct registration *rg = connect_from("192.0.2.1");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(say(rg, bad[i]), REG_ANSWERED);
		assert_refused("not-acceptable");
	}
	assert_false(exists("bill@example.org"));
	assert_int_equal(
	    say(rg, FORM("submit", NAME FIELD("password", "s3cret") FIELD("email", "b@x"))),
	    REG_LATER);
	assert_string_equal(answer, OK);
	assert_true(exists("bill@example.org"));
	registration_free(rg);
}

static void what_is_refused(void **state)
{
	static const struct {
		const char *iq, *cond;
	} rows[] = {
		{ SET("", "s3cret"), "not-acceptable" },
		{ SET("bill", ""), "not-acceptable" },
		{ "<iq type='set' id='s'><query xmlns='jabber:iq:register'/></iq>",
		    "not-acceptable" },
		{ "<iq type='set' id='s'><query "
		  "xmlns='jabber:iq:register'><username>bill</username>"
		  "</query></iq>",
		    "not-acceptable" },
		{ SET("bill@example.org", "s3cret"), "not-acceptable" },
		{ SET("bill bard", "s3cret"), "not-acceptable" },
		{ SET("bill/x", "s3cret"), "not-acceptable" },
		{ SET("taken", "s3cret"), "conflict" },
		{ SET("TAKEN", "s3cret"), "conflict" },
		{ SET("boss", "s3cret"), "conflict" },               /* ADMINS */
		{ SET("bill", "s3cret\xc2\x80"), "not-acceptable" }, /* a control character */
		{ "<iq type='set' id='s'><query xmlns='jabber:iq:register'><remove/></query></iq>",
		    "unexpected-request" },
		{ "<iq type='get' id='s' to='example.net'><query xmlns='jabber:iq:register'/></iq>",
		    "service-unavailable" },
		{ "<iq type='set' id='s'><preauth xmlns='urn:xmpp:pars:0'/></iq>", "bad-request" },
		{ "<iq type='get' id='s'><preauth xmlns='urn:xmpp:pars:0' token='x'/></iq>",
		    "bad-request" },
		{ "<iq type='set' id='s'><preauth xmlns='urn:xmpp:pars:0' token=''/></iq>",
		    "item-not-found" },
	};
	static char boss[] = "boss@example.org", *admins[] = { boss };

	(void)state;
	auth.conf.admins = (struct conf_list){ admins, 1 };
	auth.conf.limit.registrations = 0;
	registrar_reload(auth.r.registrar);
	assert_int_equal(auth_add("taken@example.org", "s3cret"), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct registration *rg = connect_from("192.0.2.1");

		assert_int_equal(say(rg, rows[i].iq), REG_ANSWERED);
		assert_refused(rows[i].cond);
		registration_free(rg);
	}
	assert_false(exists("boss@example.org") || exists("bill@example.org"));
}

static void what_is_none_of_ours(void **state)
{
	static const char *const rows[] = {
		"<message><body>hi</body></message>",
		"<iq type='get'><query xmlns='jabber:iq:register'/></iq>",
		"<iq type='result' id='s'><query xmlns='jabber:iq:register'/></iq>",
		"<iq id='s'><query xmlns='jabber:iq:register'/></iq>",
		"<iq type='get' id='s'/>",
		"<iq type='get' id='s'><query xmlns='jabber:iq:roster'/></iq>",
		"<iq type='get' id='s'><x xmlns='jabber:iq:register'/></iq>",
		"<iq type='get' id='s'><query xmlns='jabber:iq:register'/><x/></iq>",
	};
	struct registration *rg = connect_from("192.0.2.1");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(say(rg, rows[i]), REG_NOT_OURS);
	registration_free(rg);
}

static void it_is_off_unless_allowed(void **state)
{
	struct registration *rg = connect_from("192.0.2.1");
	struct invited in = invite(NULL, 1, DAY);
	struct el *f = el_new("features", NS_STREAM);

	(void)state;
	registration_features(rg, f);
	assert_int_equal(el_child_count(f), 3);
	el_free(f);
	auth.conf.allow_registration = false;
	f = el_new("features", NS_STREAM);
	registration_features(rg, f);
	assert_int_equal(el_child_count(f), 0);
	el_free(f);
	assert_int_equal(say(rg, GET), REG_ANSWERED);
	assert_refused("service-unavailable");
	assert_int_equal(show(rg, in.token), REG_ANSWERED);
	assert_refused("service-unavailable");
	assert_int_equal(say(rg, SET("bill", "s3cret")), REG_ANSWERED);
	assert_refused("service-unavailable");
	assert_false(exists("bill@example.org"));
	registration_free(rg);
}

static void a_connection_that_ends_meanwhile(void **state)
{
	struct registration *rg = connect_from("192.0.2.1");
	struct el *iq = parse(SET("bill", "s3cret")), *reply;

	(void)state;
	answered = false;
	assert_int_equal(registration_iq(rg, iq, &reply, on_later, NULL), REG_LATER);
	registration_free(rg);
	el_free(iq);
	run_all(&auth.f);
	assert_false(answered);
	assert_true(exists("bill@example.org"));
}

/* --- floods ----------------------------------------------------------------------------------- */

static void an_address_registers_five_an_hour(void **state)
{
	struct registration *rg;
	char iq[512];

	(void)state;
	for (int i = 0; i < 6; i++) {
		rg = connect_from(i % 2 ? "2001:db8::1" : "2001:db8::2"); /* one /64 */
		(void)snprintf(iq, sizeof(iq), SET("u%d", "s3cret"), i);
		(void)say(rg, iq);
		if (i < 5)
			assert_string_equal(answer, OK);
		else
			assert_refused("resource-constraint");
		registration_free(rg);
	}
	rg = connect_from("192.0.2.1");
	assert_int_equal(say(rg, SET("other", "s3cret")), REG_LATER);
	registration_free(rg);
	loop_clock_advance(auth.f.loop, 12 * 60 * SECONDS + 1000);
	rg = connect_from("2001:db8::1");
	assert_int_equal(say(rg, SET("later", "s3cret")), REG_LATER);
	assert_string_equal(answer, OK);
	registration_free(rg);
}

/* With a name that is taken, so that it takes no time in which the bucket fills again. */
static void all_addresses_together_have_a_limit(void **state)
{
	unsigned passed = 0;
	char peer[32];

	(void)state;
	assert_int_equal(auth_add("taken@example.org", "s3cret"), 0);
	for (int i = 0; i < 200; i++) {
		struct registration *rg;

		(void)snprintf(peer, sizeof(peer), "192.0.2.%d", i);
		rg = connect_from(peer);
		assert_int_equal(say(rg, SET("taken", "s3cret")), REG_ANSWERED);
		if (strstr(answer, "conflict"))
			passed++;
		else
			assert_refused("resource-constraint");
		registration_free(rg);
	}
	assert_in_range(passed, 20, 100);
}

static void a_connection_that_asks_without_end(void **state)
{
	struct registration *rg = connect_from("192.0.2.1");

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(show(rg, "wrong"), REG_ANSWERED);
	assert_int_equal(say(rg, GET), REG_TOO_MANY);
	registration_free(rg);
}

/* --- one's own account ------------------------------------------------------------------------ */

static struct user own_user;
static struct session own_session;

static void own(const char *jid, const char *xml)
{
	struct jid full = jid_view(jid), bare;
	struct stanza *st;
	struct arena *a;

	own_session.jid = jid_dup(&full);
	own_session.user = &own_user;
	assert_int_equal(stanza_new(&st, parse(xml)), 0);
	a = el_arena(st->el);
	bare = jid_bare(&full, a);
	own_user.jid = bare;
	st->session = &own_session;
	stanza_set_from(st, &full);
	answered = false;
	register_own(&auth.r, st);
	stanza_release(st);
	run_all(&auth.f);
	assert_true(answered);
	jid_done(&own_session.jid);
}

static bool logs_in(const char *jid, const char *password)
{
	struct account acc;

	return accounts_get(auth.r.accounts, JID(jid), &acc) == 0 &&
	       scram_check_password(&acc.sha256, password);
}

#define BILL "bill@example.org/globe"

static void a_password_is_changed(void **state)
{
	(void)state;
	auth.conf.allow_registration = false; /* that is another matter */
	assert_int_equal(auth_add("bill@example.org", "s3cret old"), 0);
	assert_int_equal(auth_add("john@example.org", "s3cret john"), 0);
	own(BILL, GET);
	assert_non_null(strstr(answer, "<registered/><username>bill</username><password/>"));
	own(BILL, SET("BILL", "s3cret new"));
	assert_non_null(strstr(answer, "type=\"result\""));
	assert_true(logs_in("bill@example.org", "s3cret new"));
	own(BILL, SET("john", "s3cret mine"));
	assert_refused("not-allowed");
	own(BILL, SET("bill", ""));
	assert_refused("bad-request");
	own(BILL, "<iq type='set' id='s'><query xmlns='jabber:iq:register'><password>s3cret"
		  "</password></query></iq>");
	assert_refused("bad-request");
	own(BILL, "<iq type='set' id='s'><x xmlns='jabber:iq:register'/></iq>");
	assert_refused("bad-request");
	assert_true(logs_in("john@example.org", "s3cret john"));
	assert_true(logs_in("bill@example.org", "s3cret new"));
}

static void passwords_change_only_so_often(void **state)
{
	(void)state;
	assert_int_equal(auth_add("bill@example.org", "s3cret old"), 0);
	for (int i = 0; i < 5; i++)
		own(BILL, SET("bill", "s3cret new"));
	assert_non_null(strstr(answer, "type=\"result\""));
	own(BILL, SET("bill", "s3cret newer"));
	assert_refused("resource-constraint");
	assert_true(logs_in("bill@example.org", "s3cret new"));
}

static void an_account_is_ended_by_its_owner(void **state)
{
	(void)state;
	assert_int_equal(auth_add("bill@example.org", "s3cret"), 0);
	auth.has_session = "bill@example.org";
	own(BILL, "<iq type='set' id='s'><query xmlns='jabber:iq:register'><remove/>"
		  "<username>bill</username></query></iq>");
	assert_refused("bad-request");
	assert_true(exists("bill@example.org"));
	own(BILL, "<iq type='set' id='s'><query xmlns='jabber:iq:register'><remove/></query></iq>");
	assert_non_null(strstr(answer, "type=\"result\""));
	assert_false(exists("bill@example.org"));
	assert_int_equal(auth.kicked, 2);
	assert_int_equal(auth.blocks_gone, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, register_setup, register_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_account_is_made),
		T(a_form_is_as_good),
		T(what_is_refused),
		T(what_is_none_of_ours),
		T(it_is_off_unless_allowed),
		T(a_connection_that_ends_meanwhile),
		T(an_address_registers_five_an_hour),
		T(all_addresses_together_have_a_limit),
		T(a_connection_that_asks_without_end),
		T(a_password_is_changed),
		T(passwords_change_only_so_often),
		T(an_account_is_ended_by_its_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
