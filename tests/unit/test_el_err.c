/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "xml_fixture.h"

/* RFC 6120 8.3.3 and XEP-0086 3, written down once more. */
static const struct {
	enum el_cond c;
	const char *name, *type, *code;
} want[] = {
	{ COND_BAD_REQUEST, "bad-request", "modify", "400" },
	{ COND_CONFLICT, "conflict", "cancel", "409" },
	{ COND_FEATURE_NOT_IMPLEMENTED, "feature-not-implemented", "cancel", "501" },
	{ COND_FORBIDDEN, "forbidden", "auth", "403" },
	{ COND_GONE, "gone", "cancel", "302" },
	{ COND_INTERNAL_SERVER_ERROR, "internal-server-error", "cancel", "500" },
	{ COND_ITEM_NOT_FOUND, "item-not-found", "cancel", "404" },
	{ COND_JID_MALFORMED, "jid-malformed", "modify", "400" },
	{ COND_NOT_ACCEPTABLE, "not-acceptable", "modify", "406" },
	{ COND_NOT_ALLOWED, "not-allowed", "cancel", "405" },
	{ COND_NOT_AUTHORIZED, "not-authorized", "auth", "401" },
	{ COND_POLICY_VIOLATION, "policy-violation", "modify", NULL },
	{ COND_RECIPIENT_UNAVAILABLE, "recipient-unavailable", "wait", "404" },
	{ COND_REDIRECT, "redirect", "modify", "302" },
	{ COND_REGISTRATION_REQUIRED, "registration-required", "auth", "407" },
	{ COND_REMOTE_SERVER_NOT_FOUND, "remote-server-not-found", "cancel", "404" },
	{ COND_REMOTE_SERVER_TIMEOUT, "remote-server-timeout", "wait", "504" },
	{ COND_RESOURCE_CONSTRAINT, "resource-constraint", "wait", "500" },
	{ COND_SERVICE_UNAVAILABLE, "service-unavailable", "cancel", "503" },
	{ COND_SUBSCRIPTION_REQUIRED, "subscription-required", "auth", "407" },
	{ COND_UNDEFINED_CONDITION, "undefined-condition", "cancel", "500" },
	{ COND_UNEXPECTED_REQUEST, "unexpected-request", "wait", "400" },
};

static void test_conditions(void **state)
{
	EL_AUTO struct el *iq = el_iq("get", "b");

	(void)state;
	el_set(iq, "id", "7");
	el_set(iq, "from", "a");
	el_add(iq, "query", "u");
	assert_int_equal(sizeof(want) / sizeof(want[0]), COND_LAST_);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		EL_AUTO struct el *r = el_error_reply(iq, want[i].c, "why & what");
		const struct el *err = el_child(r, "error", NS_CLIENT);
		const char *text = NULL;

		assert_int_equal(want[i].c, i + 1);
		assert_int_equal(el_kind(r), EL_IQ);
		assert_string_equal(el_attr(r, "type"), "error");
		assert_string_equal(el_attr(r, "id"), "7");
		assert_string_equal(el_attr(r, "from"), "b");
		assert_string_equal(el_attr(r, "to"), "a");
		assert_int_equal(el_child_count(r), 1); /* no payload */
		assert_non_null(el_child(err, want[i].name, NS_STANZAS));
		assert_string_equal(el_attr(err, "type"), want[i].type);
		if (want[i].code)
			assert_string_equal(el_attr(err, "code"), want[i].code);
		else
			assert_null(el_attr(err, "code"));
		assert_int_equal(el_error(r, &text), want[i].c);
		assert_string_equal(text, "why & what");
		assert_string_equal(el_cond_name(want[i].c), want[i].name);
		assert_string_equal(el_cond_type(want[i].c), want[i].type);
	}
}

static void test_not_answered(void **state)
{
	static const char *const silent[] = {
		"<iq type='result' id='1'/>",
		"<iq type='error' id='1'/>",
		"<message type='error'/>",
		"<presence type='error'/>",
		"<r xmlns='urn:xmpp:sm:3'/>",
		"<foo/>",
	};
	static const char *const loud[] = {
		"<iq type='get' id='1'/>",
		"<iq type='nonsense'/>",
		"<iq/>",
		"<message/>",
		"<message type='result'/>",
		"<presence type='subscribe'/>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
		EL_AUTO struct el *el = xml_str(NS_CLIENT, silent[i]);

		assert_null(el_error_reply(el, COND_BAD_REQUEST, NULL));
	}
	for (size_t i = 0; i < sizeof(loud) / sizeof(loud[0]); i++) {
		EL_AUTO struct el *el = xml_str(NS_CLIENT, loud[i]);
		EL_AUTO struct el *r = el_error_reply(el, COND_BAD_REQUEST, NULL);

		assert_non_null(r);
		assert_null(el_attr(r, "to"));
		assert_null(el_attr(r, "from"));
	}
}

static void test_written(void **state)
{
	EL_AUTO struct el *el = xml_str(NS_COMPONENT, "<message from='a' to='b' id='i'/>");
	EL_AUTO struct el *r = el_error_reply_type(el, COND_POLICY_VIOLATION, "wait", "slow");
	char *s = el_sent(r, NS_COMPONENT);

	(void)state;
	assert_string_equal(s,
	    "<message type=\"error\" id=\"i\" from=\"b\" to=\"a\"><error type=\"wait\">"
	    "<policy-violation xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/>"
	    "<text xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\" xml:lang=\"en\">slow</text>"
	    "</error></message>");
	free(s);
}

static void test_reading(void **state)
{
	static const struct {
		const char *xml;
		enum el_cond c;
		const char *text;
	} tab[] = {
		{ "<iq type='error'/>", COND_UNDEFINED_CONDITION, NULL },
		{ "<iq type='error'><error type='cancel'/></iq>", COND_UNDEFINED_CONDITION, NULL },
		{ "<iq type='error'><error><forbidden/></error></iq>", COND_UNDEFINED_CONDITION,
		    NULL }, /* the wrong namespace */
		{ "<iq type='error'><error><text xmlns='" NS_STANZAS "'>t</text><app xmlns='u'/>"
		  "<forbidden xmlns='" NS_STANZAS "'/></error></iq>",
		    COND_FORBIDDEN, "t" },
		{ "<iq type='error'><error><new-one xmlns='" NS_STANZAS "'/></error></iq>",
		    COND_UNDEFINED_CONDITION, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		EL_AUTO struct el *el = xml_str(NS_CLIENT, tab[i].xml);
		const char *text = "unset";

		assert_int_equal(el_error(el, &text), tab[i].c);
		assert_int_equal(el_error(el, NULL), tab[i].c);
		if (tab[i].text)
			assert_string_equal(text, tab[i].text);
		else
			assert_null(text);
	}
}

static void test_result(void **state)
{
	EL_AUTO struct el *iq = xml_str(NS_CLIENT, "<iq type='set' from='a' id='1'><q/></iq>");
	EL_AUTO struct el *r = el_result(iq);
	char *s = el_sent(r, NS_CLIENT);

	(void)state;
	assert_string_equal(s, "<iq type=\"result\" id=\"1\" to=\"a\"/>");
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_not_answered),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
