/* SPDX-License-Identifier: MIT */
/* Streams: headers, errors, restarts and STARTTLS. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "mint.h"
#include "stream_fixture.h"

/* --- headers ---------------------------------------------------------------------------------- */

static void test_header(void **state)
{
	struct fix *f = *state;

	send_raw(f, HEAD);
	assert_string_equal(f->a.log, "H ");
	assert_string_equal(el_attr(stream_head(f->a.s), "to"), "example.org");
	has(f, "<stream:stream xmlns=\"jabber:client\"");
	has(f, " from=\"example.org\"");
	has(f, " id=\"x1\"");
	send_raw(f, "<message to='a'/><presence/>");
	assert_string_equal(f->a.log, "H message presence ");
}

static void test_byte_by_byte(void **state)
{
	static const char text[] = HEAD "<message><body>hi</body></message> <iq/></stream:stream>";
	struct fix *f = *state;

	for (size_t i = 0; text[i]; i++) {
		char one[2] = { text[i], '\0' };

		send_raw(f, one);
	}
	assert_string_equal(f->a.log, "H message iq X ");
	assert_string_equal(f->a.reason, "closed by the peer");
	has(f, "</stream:stream>");
}

struct bad {
	const char *send, *cond;
	enum stream_err err;
};

static void bad_head(void **state, const struct bad *b)
{
	struct fix *f = *state;

	send_raw(f, b->send);
	assert_int_equal(f->a.closed, 1);
	assert_int_equal(f->a.sent, b->err);
	has(f, "<stream:stream"); /* RFC 6120 4.9.1.2: our header comes first, with an id */
	has(f, " id=\"");
	has(f, b->cond);
	assert_true(strstr(got(f), "<stream:stream") < strstr(got(f), b->cond));
	has(f, "</stream:error></stream:stream>");
	assert_null(strstr(f->a.log, "H"));
}

static void test_bad_heads(void **state)
{
	static const struct bad bads[] = {
		{ "<stream:stream xmlns='jabber:client' xmlns:stream='urn:x'>",
		    "<invalid-namespace xmlns=", STREAM_E_INVALID_NAMESPACE },
		{ "<stream:stream xmlns='jabber:server' "
		  "xmlns:stream='http://etherx.jabber.org/streams'>",
		    "<invalid-namespace xmlns=", STREAM_E_INVALID_NAMESPACE },
		{ "<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>",
		    "<invalid-namespace xmlns=", STREAM_E_INVALID_NAMESPACE },
		{ "<stream:flow xmlns='jabber:client' "
		  "xmlns:stream='http://etherx.jabber.org/streams'>",
		    "<bad-format xmlns=", STREAM_E_BAD_FORMAT },
		{ "GET / HTTP/1.1\r\n\r\n", "<not-well-formed xmlns=", STREAM_E_NOT_WELL_FORMED },
		{ "<!DOCTYPE a [<!ENTITY b 'c'>]>",
		    "<restricted-xml xmlns=", STREAM_E_RESTRICTED_XML },
		{ "<?xml version='1.0' encoding='ISO-8859-1'?><a>",
		    "<unsupported-encoding xmlns=", STREAM_E_UNSUPPORTED_ENCODING },
	};

	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		bad_head(state, &bads[i]);
		stream_teardown(state);
		stream_setup(state);
	}
}

/* The header that the owner prepared for early errors is used, and all is escaped. */
static void test_set_header(void **state)
{
	static const struct stream_header hd = { .from = "a\"b", .id = "id&1", .version = "1.0" };
	struct fix *f = *state;

	stream_set_header(f->a.s, &hd);
	stream_error(f->a.s, STREAM_E_SYSTEM_SHUTDOWN, NULL);
	assert_int_equal(f->a.closed, 0); /* never from within the call */
	spin(f);
	assert_int_equal(f->a.closed, 1);
	has(f, " from=\"a&quot;b\"");
	has(f, " id=\"id&amp;1\"");
	has(f, "<stream:error><system-shutdown");
	assert_string_equal(f->a.reason, "system-shutdown");
}

/* --- errors ----------------------------------------------------------------------------------- */

static void test_faults(void **state)
{
	static const struct bad bads[] = {
		{ HEAD "<message></body>", "<not-well-formed", STREAM_E_NOT_WELL_FORMED },
		{ HEAD "<a:message/>", "<bad-namespace-prefix", STREAM_E_BAD_NAMESPACE_PREFIX },
		{ HEAD "<!-- x -->", "<restricted-xml", STREAM_E_RESTRICTED_XML },
		{ HEAD "<?pi x?>", "<restricted-xml", STREAM_E_RESTRICTED_XML },
		{ HEAD "<a><b><c><d><e><f><g><h><i><j><k><l><m><n><o><p><q><r><s>",
		    "<policy-violation", STREAM_E_POLICY_VIOLATION },
	};

	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct fix *f = *state;

		send_raw(f, bads[i].send);
		assert_string_equal(f->a.log, "H X ");
		assert_int_equal(f->a.sent, bads[i].err);
		has(f, bads[i].cond);
		stream_teardown(state);
		stream_setup(state);
	}
}

static void test_too_long(void **state)
{
	struct fix *f = *state;
	char *p = malloc(20001);

	send_raw(f, HEAD "<message><body>");
	memset(p, 'x', 20000);
	p[20000] = '\0';
	send_raw(f, p);
	free(p);
	assert_int_equal(f->a.sent, STREAM_E_POLICY_VIOLATION);
	assert_non_null(strstr(f->a.reason, "policy-violation: "));
}

static void test_error_from_peer(void **state)
{
	struct fix *f = *state;

	send_raw(f, HEAD "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
			 "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>away</text>"
			 "</stream:error><message/></stream:stream>");
	assert_string_equal(f->a.log, "H X "); /* neither the error nor what follows is delivered */
	assert_int_equal(f->a.received, STREAM_E_CONFLICT);
	assert_int_equal(f->a.sent, STREAM_E_NONE);
	assert_string_equal(f->a.reason, "the peer says: conflict (away)");
	has(f, "</stream:stream>");
	assert_null(strstr(got(f), "stream:error"));
}

static void test_unknown_error(void **state)
{
	struct fix *f = *state;

	send_raw(f, HEAD "<stream:error><weird xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
			 "</stream:error>");
	assert_int_equal(f->a.received, STREAM_E_UNDEFINED_CONDITION);
}

static void test_error_escaped_and_last(void **state)
{
	struct fix *f = *state;

	f->a.error_on_el = true;
	send_raw(f, HEAD "<message/><message/>");
	assert_string_equal(f->a.log, "H message X ");
	has(f, "<conflict xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\"/>");
	has(f, "&lt;&amp;&gt;");
	has(f, "</text></stream:error></stream:stream>");
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned e = 1; e <= STREAM_E_LAST_; e++)
		assert_int_equal(stream_err_parse(stream_err_name((enum stream_err)e)), e);
	assert_int_equal(stream_err_parse(""), STREAM_E_UNDEFINED_CONDITION);
}

/* --- restarts --------------------------------------------------------------------------------- */

static void test_restart(void **state)
{
	struct fix *f = *state;

	f->a.restart = true;
	send_raw(f, HEAD "<auth/>\n");
	assert_false(stream_header_sent(f->a.s));
	sbuf_clear(&f->in);
	send_raw(f, HEAD "<message/>");
	assert_string_equal(f->a.log, "H auth H message ");
	has(f, "<stream:stream");
}

static void test_restart_with_rest(void **state)
{
	static const char *const rests[] = { "<message/>", "<mess", "<stream:stream>",
		"<?xml version='1.0'?>" };

	for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
		struct fix *f = *state;
		char buf[512];

		f->a.restart = true;
		(void)snprintf(buf, sizeof(buf), HEAD "<auth/>%s", rests[i]);
		send_raw(f, buf);
		assert_string_equal(f->a.log, "H auth X ");
		assert_int_equal(f->a.sent, STREAM_E_BAD_FORMAT);
		stream_teardown(state);
		stream_setup(state);
	}
}

static void test_starttls_injection(void **state)
{
	static const char *const rests[] = { "<message/>", "<mess", "garbage", "\x16\x03\x01" };

	for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
		struct fix *f = *state;
		char buf[512];

		f->a.starttls = true;
		(void)snprintf(buf, sizeof(buf), HEAD "<starttls/>%s", rests[i]);
		send_raw(f, buf);
		assert_int_equal(f->a.starttls_err, -EPROTO);
		assert_string_equal(f->a.log, "H starttls X ");
		has(f, "<policy-violation");
		stream_teardown(state);
		stream_setup(state);
	}
}

/* STARTTLS whole: what was said in the clear is forgotten, a new stream follows. */
static void test_starttls(void **state)
{
	static const struct stream_header hd = { .to = "example.org", .version = "1.0" };
	struct stream_conf c = stream_conf;
	struct fix *f = *state;
	struct end b = { .answer = false };
	char pem[64], err[256];

	(void)snprintf(pem, sizeof(pem), "/tmp/switchyard-test-%d.pem", (int)getpid());
	mint(pem, pem, &(struct mint){ "x", "example.org", -MINT_DAY, MINT_DAY, NULL });
	assert_int_equal(tls_server_new(&f->a.server, pem, pem, err, sizeof(err)), 0);
	assert_int_equal(tls_client_new(&b.client, pem, err, sizeof(err)), 0);
	(void)unlink(pem);
	f->a.starttls = true;
	c.accepts = false;
	b.s = stream_accept(f->l, f->fd, &c, end_event, &b);
	f->fd = -1;
	stream_send_header(b.s, &hd);
	stream_puts(b.s, "<starttls/>");
	spin(f);
	assert_int_equal(f->a.starttls_err, 0);
	assert_string_equal(f->a.log, "H starttls S H ");
	assert_string_equal(b.log, "H proceed S H ");
	assert_true(io_secure(stream_io_of(b.s)));
	stream_close(b.s);
	spin(f);
	assert_string_equal(f->a.log, "H starttls S H X ");
	assert_string_equal(b.log, "H proceed S H X ");
	tls_unref(f->a.server);
	tls_unref(b.client);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, stream_setup, stream_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_header),
		T(test_byte_by_byte),
		T(test_bad_heads),
		T(test_set_header),
		T(test_faults),
		T(test_too_long),
		T(test_error_from_peer),
		T(test_unknown_error),
		T(test_error_escaped_and_last),
		T(test_names),
		T(test_restart),
		T(test_restart_with_rest),
		T(test_starttls_injection),
		T(test_starttls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
