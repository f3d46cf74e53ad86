/* SPDX-License-Identifier: MIT */
/* What components say of their namespaces becomes part of disco#info, and for how long. */
#include "delegate_fixture.h"

#include <errno.h>
#include <stdio.h>

#include "links/nesting.h"

#define INFO(body) "<iq type='result' id='x'><query xmlns='" NS_DISCO_INFO "'>" body "</query></iq>"
#define NEWER INFO("<feature var='" NS_DELEGATION "'/>")
#define NOT_FOUND                                                                               \
	"<iq type='error' id='x'><error type='cancel'><item-not-found xmlns='" NS_STANZAS "'/>" \
	"</error></iq>"
#define FEATURE(var) "<feature var='" var "'/>"
#define FORM(type, more)                                                                           \
	"<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>" type \
	"</value></field>" more "</x>"

/* pubsub has NS_P alone: question 0 is its version, 1 the server's node, 2 the accounts'. */
static int setup(void **state)
{
	dx_setup(state);
	dx_delegate(&dx.pubsub, NS_P);
	dx_open();
	delegate_online(&dx.r, &dx.pubsub, NULL, true, false);
	dx_answer(0, NEWER);
	assert_int_equal(dx.asked, 3);
	return 0;
}

/* The <query/> of a disco#info that says `own` itself. */
static const char *said(const char *host, enum nest_place place, const char *own)
{
	static struct sbuf text = SBUF_INIT;
	static char out[1 << 18];
	char xml[1024];
	struct el *q;

	(void)snprintf(xml, sizeof(xml), "<query xmlns='" NS_DISCO_INFO "'>%s</query>", own);
	q = dx_parse(xml);
	nesting_add(&dx.r, host, strlen(host), place, NEST_IDENTITY, q);
	nesting_add(&dx.r, host, strlen(host), place, NEST_FEATURE, q);
	nesting_add(&dx.r, host, strlen(host), place, NEST_FORM, q);
	el_write(&text, q, NULL);
	el_free(q);
	(void)snprintf(out, sizeof(out), "%s", sbuf_str(&text));
	sbuf_done(&text);
	return out;
}

#define QUERY(body) "<query xmlns=\"" NS_DISCO_INFO "\">" body "</query>"
#define EMPTY "<query xmlns=\"" NS_DISCO_INFO "\"/>"
#define server(own) said("example.org", NEST_SERVER, (own))
#define account(own) said("example.org", NEST_ACCOUNT, (own))

/* --- questions -------------------------------------------------------------------------------- */

static void nodes_of_the_version(void **state)
{
	(void)state;
	assert_string_equal(dx_question(0),
	    "<iq to=\"" PUBSUB "\" type=\"get\" from=\"example.org\"><query xmlns=\"" NS_DISCO_INFO
	    "\"/></iq>");
	assert_has(dx_question(1), "node=\"urn:xmpp:delegation:2::" NS_P "\"");
	assert_has(dx_question(2), "node=\"urn:xmpp:delegation:2:bare:" NS_P "\"");
	assert_int_equal(dx.pubsub.kept, 1); /* it is all that it is asked of itself */
	delegate_online(&dx.r, &dx.pubsub, NULL, true, false);
	dx_answer(3, INFO(FEATURE("urn:xmpp:delegation:1")));
	assert_has(dx_question(4), "node=\"urn:xmpp:delegation:1::" NS_P "\"");
	assert_has(dx_question(5), "node=\"urn:xmpp:delegation:1:bare:" NS_P "\"");
}

static void no_nodes_of_what_has_none(void **state)
{
	(void)state;
	dx_delegate(&dx.archive, "urn:x");
	dx_delegate(&dx.archive, "urn:x[node]");
	dx_delegate(&dx.archive, DELEGATE_INFO_NS);
	dx_delegate(&dx.archive, DELEGATE_ITEMS_NS);
	dx_hosts(&dx.archive, "example.net");
	dx_reload();
	assert_int_equal(dx.asked, 4);
	assert_has(dx_question(3), "from=\"example.net\"");
	dx_answer(3, NEWER);
	assert_int_equal(dx.asked, 6);
}

/* --- merging ---------------------------------------------------------------------------------- */

static void each_at_its_place(void **state)
{
	(void)state;
	assert_string_equal(server(""), EMPTY);
	dx_answer(1, INFO(FEATURE("s")));
	dx_answer(2, INFO("<identity category='pubsub' type='pep'/>" FEATURE("a")));
	assert_string_equal(server(""), QUERY("<feature var=\"s\"/>"));
	assert_string_equal(
	    account(""), QUERY("<identity category=\"pubsub\" type=\"pep\"/><feature var=\"a\"/>"));
	assert_string_equal(said("example.net", NEST_SERVER, ""), QUERY("<feature var=\"s\"/>"));
	dx_hosts(&dx.pubsub, "example.net");
	assert_string_equal(server(""), EMPTY);
}

static void nothing_is_said_twice(void **state)
{
	(void)state;
	dx_answer(1, INFO(FEATURE("a") FEATURE("b") FEATURE("b") FORM("f", "") FORM(
			 "f", "") "<identity category='c' type='t' name='1'/>"
				  "<identity category='c' type='t' name='2'/>"
				  "<identity category='c' type='t' name='3' xml:lang='de'/>"));
	dx_delegate(&dx.archive, "urn:x");
	dx_reload();
	dx_answer(3, NEWER);
	dx_answer(4, INFO(FEATURE("b") FEATURE("c") FORM("f", "<field var='x'/>")));
	assert_string_equal(server("<identity category='server' type='im'/><feature var='a'/>"),
	    QUERY("<identity category=\"server\" type=\"im\"/><feature var=\"a\"/>"
		  "<identity category=\"c\" type=\"t\" name=\"1\"/>"
		  "<identity category=\"c\" type=\"t\" name=\"3\" xml:lang=\"de\"/>"
		  "<feature var=\"b\"/><feature var=\"c\"/>"
		  "<x xmlns=\"jabber:x:data\" type=\"result\"><field var=\"FORM_TYPE\" "
		  "type=\"hidden\"><value>f</value></field></x>"));
}

static void only_what_disco_may_contain(void **state)
{
	(void)state;
	dx_answer(1, INFO("<feature/><feature var=''/><feature xmlns='urn:x' var='x'/>"
			  "<identity category='c'/><identity type='t'/><item jid='a'/>"
			  "<feature var='ok' more='1'><deep/></feature>"
			  "<x xmlns='jabber:x:data' type='result'/>"));
	assert_string_equal(server(""), QUERY("<feature var=\"ok\"/>"));
}

static void other_payload_is_nothing(void **state)
{
	(void)state;
	dx_answer(
	    1, "<iq type='result' id='x'><query xmlns='urn:x'><feature var='a'/></query></iq>");
	dx_answer(2, "<iq type='result' id='x'/>");
	assert_string_equal(server(""), EMPTY);
	assert_string_equal(account(""), EMPTY);
}

/* --- bounds ----------------------------------------------------------------------------------- */

static char *features(unsigned n, size_t each)
{
	struct sbuf b = SBUF_INIT;

	sbuf_puts(&b, "<iq type='result' id='x'><query xmlns='" NS_DISCO_INFO "'>");
	for (unsigned i = 0; i < n; i++)
		sbuf_printf(&b, "<feature var='%0*u'/>", (int)each, i);
	sbuf_puts(&b, "</query></iq>");
	return sbuf_steal(&b);
}

static void number_of_features_is_bounded(void **state)
{
	char *xml = features(300, 8);

	(void)state;
	dx_answer(1, xml);
	free(xml);
	assert_int_equal(count(server(""), "<feature"), 256);
}

static void size_of_an_answer_is_bounded(void **state)
{
	char *fits = features(200, 130), *too_long = features(200, 150);

	(void)state;
	dx_answer(1, fits);
	assert_int_equal(count(server(""), "<feature"), 200);
	dx_answer(2, too_long);
	assert_string_equal(account(""), EMPTY);
	assert_has(dx_logged(), "too long to be nested");
	/* What it said before is not true any more either. */
	delegate_online(&dx.r, &dx.pubsub, NULL, true, false);
	dx_answer(3, NEWER);
	dx_answer(4, too_long);
	assert_string_equal(server(""), EMPTY);
	free(fits);
	free(too_long);
}

static void size_of_all_answers_is_bounded(void **state)
{
	char *xml = features(200, 130);
	char row[16];

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		(void)snprintf(row, sizeof(row), "urn:x:%u", i);
		dx_delegate(&dx.archive, row);
	}
	dx_reload();
	dx_answer(3, NEWER);
	assert_int_equal(dx.asked, 4 + 12);
	for (unsigned i = 0; i < 4; i++)
		dx_answer(4 + i, xml);
	assert_hasnt(dx_logged(), "too long");
	dx_answer(8, xml);
	assert_has(dx_logged(), "too long");
	free(xml);
}

/* --- how long --------------------------------------------------------------------------------- */

static void answered_both(void)
{
	dx_answer(1, INFO(FEATURE("s")));
	dx_answer(2, INFO(FEATURE("a")));
}

#define S QUERY("<feature var=\"s\"/>")
#define A QUERY("<feature var=\"a\"/>")

static void stays_over_a_short_absence(void **state)
{
	(void)state;
	answered_both();
	delegate_online(&dx.r, &dx.pubsub, NULL, true, false);
	assert_string_equal(server(""), S); /* until it has answered anew */
	dx_answer(3, NEWER);
	assert_string_equal(server(""), S);
	dx_answer(4, INFO(FEATURE("s2")));
	assert_string_equal(server(""), QUERY("<feature var=\"s2\"/>"));
	assert_string_equal(account(""), A);
	dx_fail(5, -ETIMEDOUT);
	assert_string_equal(account(""), A);
}

static void goes_after_the_grace(void **state)
{
	(void)state;
	answered_both();
	delegate_away(&dx.r, &dx.pubsub);
	assert_string_equal(server(""), EMPTY);
	assert_string_equal(account(""), EMPTY);
}

static void goes_with_an_error(void **state)
{
	(void)state;
	answered_both();
	delegate_online(&dx.r, &dx.pubsub, NULL, true, false);
	dx_answer(3, NEWER);
	dx_answer(4, NOT_FOUND);
	assert_string_equal(server(""), EMPTY);
	assert_string_equal(account(""), A);
}

static void goes_with_the_delegation(void **state)
{
	(void)state;
	answered_both();
	dx_clear(&dx.pubsub);
	dx_delegate(&dx.pubsub, "urn:y");
	dx_reload();
	assert_string_equal(server(""), EMPTY);
	assert_string_equal(account(""), EMPTY);
}

static void late_answers_do_not_count(void **state)
{
	(void)state;
	delegate_away(&dx.r, &dx.pubsub);
	answered_both();
	assert_string_equal(server(""), EMPTY);
	delegate_online(&dx.r, &dx.pubsub, NULL, true, false);
	delegate_online(&dx.r, &dx.pubsub, NULL, true, false); /* replaced before it answered */
	dx_answer(3, INFO(FEATURE("urn:xmpp:delegation:1")));
	assert_int_equal(dx.asked, 5);
	dx_answer(4, NEWER);
	assert_has(dx_question(5), "node=\"urn:xmpp:delegation:2::");
}

/* Gone again before it could say: it still speaks what it spoke. */
static void version_is_remembered(void **state)
{
	(void)state;
	delegate_online(&dx.r, &dx.pubsub, NULL, true, false);
	dx_answer(3, INFO(FEATURE("urn:xmpp:delegation:1")));
	delegate_online(&dx.r, &dx.pubsub, NULL, true, false);
	dx_fail(6, -ENOTCONN);
	assert_has(dx_question(7), "node=\"urn:xmpp:delegation:1::");
	delegate_away(&dx.r, &dx.pubsub);
	delegate_online(&dx.r, &dx.pubsub, NULL, true, false);
	dx_fail(9, -ENOTCONN);
	assert_has(dx_question(10), "node=\"urn:xmpp:delegation:2::");
}

static void answers_when_it_has_gone(void **state)
{
	(void)state;
	dx_clear(&dx.pubsub);
	delegates_reload(dx.r.delegates);
	delegate_removed(&dx.r, &dx.pubsub);
	answered_both();
	assert_string_equal(server(""), EMPTY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, dx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nodes_of_the_version),
		TEST(no_nodes_of_what_has_none),
		TEST(each_at_its_place),
		TEST(nothing_is_said_twice),
		TEST(only_what_disco_may_contain),
		TEST(other_payload_is_nothing),
		TEST(number_of_features_is_bounded),
		TEST(size_of_an_answer_is_bounded),
		TEST(size_of_all_answers_is_bounded),
		TEST(stays_over_a_short_absence),
		TEST(goes_after_the_grace),
		TEST(goes_with_an_error),
		TEST(goes_with_the_delegation),
		TEST(late_answers_do_not_count),
		TEST(version_is_remembered),
		TEST(answers_when_it_has_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
