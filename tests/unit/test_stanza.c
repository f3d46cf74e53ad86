/* SPDX-License-Identifier: MIT */
/* The shape of stanzas, and the completion that goes with the last hold. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/limits.h"
#include "core/stanza.h"
#include "xml_fixture.h"

static struct el *parse(const char *stanza)
{
	return xml_str(NS_CLIENT, stanza);
}

static const struct {
	const char *xml;
	int want;
	enum stanza_type type;
} shapes[] = {
	{ "<message/>", 0, ST_MSG_NORMAL },
	{ "<message type='chat'/>", 0, ST_MSG_CHAT },
	{ "<message type='never heard of'/>", 0, ST_MSG_NORMAL },
	{ "<message to='@example.org'/>", -COND_JID_MALFORMED, ST_MSG_NORMAL },
	{ "<message to=''/>", -COND_JID_MALFORMED, ST_MSG_NORMAL },
	{ "<message from='a@b@c'/>", -COND_JID_MALFORMED, ST_MSG_NORMAL },
	{ "<presence/>", 0, ST_PRES_AVAILABLE },
	{ "<presence type='available'/>", -COND_BAD_REQUEST, ST_PRES_ERROR },
	{ "<presence type='probe' to='a@b'/>", 0, ST_PRES_PROBE },
	{ "<iq type='get' id='1'><q xmlns='u:q'/></iq>", 0, ST_IQ_GET },
	{ "<iq type='set' id='1'><q xmlns='u:q'/></iq>", 0, ST_IQ_SET },
	{ "<iq type='get'><q xmlns='u:q'/></iq>", -COND_BAD_REQUEST, ST_IQ_GET },
	{ "<iq type='get' id='1'/>", -COND_BAD_REQUEST, ST_IQ_GET },
	{ "<iq type='get' id='1'><q xmlns='u:q'/><q xmlns='u:q'/></iq>", -COND_BAD_REQUEST,
	    ST_IQ_GET },
	{ "<iq type='result' id='1'/>", 0, ST_IQ_RESULT },
	{ "<iq type='error' id='1'/>", 0, ST_IQ_ERROR },
	{ "<iq type='what' id='1'/>", -COND_BAD_REQUEST, ST_IQ_RESULT },
	{ "<iq id='1'/>", -COND_BAD_REQUEST, ST_IQ_RESULT },
	{ "<iq type='result'/>", -COND_BAD_REQUEST, ST_IQ_RESULT },
};

static void bytes(void **state)
{
	static const char *const same[] = { "<message/>", " \r\n<message/>", "<message/> " };
	struct stanza *st = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_int_equal(stanza_new(&st, parse(same[i])), 0);
		assert_int_equal(st->bytes, strlen("<message/>"));
		stanza_release(st);
	}
	assert_int_equal(stanza_new(&st, parse("<message><a b='&amp;'>\xc3\xa9</a></message>")), 0);
	assert_int_equal(st->bytes, strlen("<message><a b='&amp;'>\xc3\xa9</a></message>"));
	stanza_release(st);
	assert_int_equal(stanza_new(&st, el_new("message", NS_CLIENT)), 0);
	assert_int_equal(st->bytes, 0);
	stanza_release(st);
}

static void shape(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct stanza *st;
		int r = stanza_new(&st, parse(shapes[i].xml));

		if (r != shapes[i].want || st->type != shapes[i].type)
			fail_msg("%s: %d, type %d", shapes[i].xml, r, st->type);
		stanza_release(st);
	}
}

static void no_stanza(void **state)
{
	struct stanza *st;

	(void)state;
	assert_int_equal(stanza_new(&st, parse("<r xmlns='urn:xmpp:sm:3'/>")), -EBADMSG);
	assert_int_equal(stanza_new(&st, parse("<message xmlns='urn:example'/>")), -EBADMSG);
}

static void prepared(void **state)
{
	struct stanza *st;
	struct jid from = jid_view("alice@example.org/phone");

	(void)state;
	assert_int_equal(stanza_new(&st, parse("<message from='Room@Gate.ORG/Nick'/>")), 0);
	assert_string_equal(st->from.s, "room@gate.org/Nick");
	assert_string_equal(el_attr(st->el, "from"), "room@gate.org/Nick");
	assert_null(st->to.s);
	stanza_release(st);
	assert_int_equal(stanza_new(&st, parse("<message to='BOB@Example.ORG/Phone'/>")), 0);
	assert_string_equal(st->to.s, "bob@example.org/Phone");
	assert_string_equal(el_attr(st->el, "to"), "bob@example.org/Phone");
	assert_null(st->from.s);
	stanza_set_from(st, &from);
	assert_string_equal(el_attr(st->el, "from"), from.s);
	assert_true(jid_same(&st->from, &from));
	stanza_release(st);
}

static unsigned done_calls;

static void count_done(struct stanza *st)
{
	(void)st;
	done_calls++;
}

static void completion(void **state)
{
	struct stanza *st;

	(void)state;
	done_calls = 0;
	assert_int_equal(stanza_new(&st, parse("<message/>")), 0);
	st->done = count_done;
	stanza_hold(st);
	stanza_hold(st);
	stanza_release(st);
	stanza_release(st);
	assert_int_equal(done_calls, 0);
	stanza_release(st);
	assert_int_equal(done_calls, 1);
	stanza_release(NULL);
}

static void connections_per_address(void **state)
{
	struct conn_limit l;

	(void)state;
	conn_limit_init(&l);
	assert_true(conn_limit_enter(&l, "192.0.2.1", 2));
	assert_true(conn_limit_enter(&l, "192.0.2.1", 2));
	assert_false(conn_limit_enter(&l, "192.0.2.1", 2));
	assert_true(conn_limit_enter(&l, "192.0.2.2", 2));
	conn_limit_leave(&l, "192.0.2.1");
	assert_true(conn_limit_enter(&l, "192.0.2.1", 2));
	assert_true(conn_limit_enter(&l, "192.0.2.1", 0)); /* no bound */
	/* one household, many addresses */
	assert_true(conn_limit_enter(&l, "2001:db8:1:2::1", 1));
	assert_false(conn_limit_enter(&l, "2001:db8:1:2:ffff::9", 1));
	assert_true(conn_limit_enter(&l, "2001:db8:1:3::1", 1));
	conn_limit_leave(&l, "203.0.113.9"); /* never entered */
	assert_int_equal(conn_limit_count(&l, "203.0.113.9"), 0);
	assert_int_equal(conn_limit_count(&l, "2001:db8:1:2::7"), 1);
	assert_int_equal(conn_limit_most(&l), 3);
	assert_int_equal(l.total, 6);
	conn_limit_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes),
		cmocka_unit_test(shape),
		cmocka_unit_test(no_stanza),
		cmocka_unit_test(prepared),
		cmocka_unit_test(completion),
		cmocka_unit_test(connections_per_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
