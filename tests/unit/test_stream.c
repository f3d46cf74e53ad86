/* SPDX-License-Identifier: MIT */
/* Streams over a socketpair: both ends as struct stream, and one end as a raw peer that sends
 * exactly these bytes. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <base/lim.h>
#include <base/loop.h>
#include <base/sbuf.h>
#include <xmpp/stream.h>

#include "mint.h"

#define HEAD                                                         \
	"<?xml version='1.0'?><stream:stream xmlns='jabber:client' " \
	"xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'>"

/* One end under test and what it told. */
struct end {
	struct stream *s;
	char log[4096]; /* events, one letter or element name each: "H message " */
	unsigned els, closed;
	unsigned turn_max, turn_now; /* elements in one turn */
	bool answer;                 /* a header to a header */
	bool restart, starttls;      /* on <auth/>, <starttls/> */
	bool close_on_el, pause_on_el, error_on_el;
	int starttls_err;
	struct tls_ctx *server, *client; /* for <starttls/> and <proceed/> */
	char reason[256];
	enum stream_err sent, received;
};

struct fix {
	struct loop *l;
	struct end a;
	int fd;         /* the raw peer */
	struct sbuf in; /* what it read */
};

static void note(struct end *e, const char *what)
{
	size_t n = strlen(e->log);

	(void)snprintf(e->log + n, sizeof(e->log) - n, "%s ", what);
}

static void on_el(struct end *e, struct stream *s)
{
	const struct el *el = stream_el(s);

	e->els++;
	if (++e->turn_now > e->turn_max)
		e->turn_max = e->turn_now;
	if (e->els <= 100)
		note(e, el_name(el));
	if (e->restart && !strcmp(el_name(el), "auth")) {
		stream_puts(s, "<success/>");
		stream_restart(s);
	}
	if (e->starttls && !strcmp(el_name(el), "starttls")) {
		const struct io_tls t = { .dflt = e->server };

		stream_puts(s, "<proceed/>");
		e->starttls_err = stream_starttls(s, &t);
		if (e->starttls_err < 0)
			stream_error(s, STREAM_E_POLICY_VIOLATION, "clear bytes");
	}
	if (e->client && !strcmp(el_name(el), "proceed"))
		stream_tls_client(s, e->client, "example.org", NULL);
	if (e->close_on_el)
		stream_close(s);
	if (e->pause_on_el)
		stream_pause(s);
	if (e->error_on_el)
		stream_error(s, STREAM_E_CONFLICT, "<&> \"two\"");
}

static void on_ev(struct stream *s, enum stream_ev ev, void *arg)
{
	static const struct stream_header hd = {
		.from = "example.org", .id = "x1", .version = "1.0"
	};
	struct end *e = arg;

	switch (ev) {
	case STREAM_CONNECTED:
		note(e, "C");
		break;
	case STREAM_SECURE:
		note(e, "S");
		if (e->client)
			stream_send_header(s, &hd);
		break;
	case STREAM_HEAD:
		note(e, "H");
		assert_non_null(stream_head(s));
		if (e->answer)
			stream_send_header(s, &hd);
		break;
	case STREAM_EL:
		on_el(e, s);
		break;
	case STREAM_DRAINED:
		note(e, "D");
		break;
	case STREAM_CLOSED:
		note(e, "X");
		e->closed++;
		(void)snprintf(e->reason, sizeof(e->reason), "%s", stream_reason(s));
		e->sent = stream_error_sent(s);
		e->received = stream_error_received(s);
		assert_non_null(stream_io_of(s));
		stream_free(s);
		e->s = NULL;
		break;
	}
}

static const struct stream_conf conf = {
	.content_ns = NS_CLIENT,
	.accepts = true,
	.lim = { .stanza = 10000, .depth = 16, .attrs = 16, .nodes = 100 },
	.out_low = 1 << 16,
	.out_high = 1 << 18,
	.out_hard = 1 << 20,
};

static void nonblock(int fd)
{
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	nonblock(fd[0]);
	nonblock(fd[1]);
	f->l = loop_new();
	f->fd = fd[1];
	f->a.answer = true;
	f->a.s = stream_accept(f->l, fd[0], &conf, on_ev, &f->a);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	stream_free(f->a.s);
	(void)loop_turn(f->l, false);
	if (f->fd >= 0)
		close(f->fd);
	sbuf_done(&f->in);
	(void)loop_turn(f->l, false);
	loop_free(f->l);
	free(f);
	return 0;
}

/* Turns until nothing happens any more. */
static void spin(struct fix *f)
{
	for (int quiet = 0; quiet < 3;) {
		char buf[65536];
		ssize_t n;

		f->a.turn_now = 0;
		quiet = loop_turn(f->l, false) ? 0 : quiet + 1;
		while (f->fd >= 0 && (n = read(f->fd, buf, sizeof(buf))) > 0)
			sbuf_add(&f->in, buf, (size_t)n);
	}
}

static void send_raw(struct fix *f, const char *p)
{
	assert_int_equal(write(f->fd, p, strlen(p)), (ssize_t)strlen(p));
	spin(f);
}

static const char *got(struct fix *f)
{
	return sbuf_str(&f->in);
}

static void has(struct fix *f, const char *want)
{
	if (!strstr(got(f), want))
		fail_msg("no %s in: %s", want, got(f));
}

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
		teardown(state);
		setup(state);
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
		teardown(state);
		setup(state);
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
		teardown(state);
		setup(state);
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
		teardown(state);
		setup(state);
	}
}

/* --- budget and pauses ------------------------------------------------------------------------ */

static void test_budget(void **state)
{
	struct fix *f = *state;

	send_raw(f, HEAD);
	for (int i = 0; i < 4 * LIM_TURN_STANZAS + 7; i++)
		assert_int_equal(write(f->fd, "<iq/>", 5), 5);
	spin(f);
	assert_int_equal(f->a.els, 4 * LIM_TURN_STANZAS + 7);
	assert_in_range(f->a.turn_max, 2, LIM_TURN_STANZAS);
	send_raw(f, "<presence/>"); /* reading goes on afterwards */
	assert_int_equal(f->a.els, 4 * LIM_TURN_STANZAS + 8);
}

/* What came in full before the connection went is delivered, over several turns. */
static void test_budget_then_gone(void **state)
{
	struct fix *f = *state;

	send_raw(f, HEAD);
	for (int i = 0; i < 3 * LIM_TURN_STANZAS; i++)
		assert_int_equal(write(f->fd, "<iq/>", 5), 5);
	close(f->fd);
	f->fd = -1;
	spin(f);
	assert_int_equal(f->a.els, 3 * LIM_TURN_STANZAS);
	assert_int_equal(f->a.closed, 1);
}

static void test_pause(void **state)
{
	struct fix *f = *state;

	f->a.pause_on_el = true;
	send_raw(f, HEAD "<iq/><iq/><iq/>");
	assert_int_equal(f->a.els, 1);
	send_raw(f, "<iq/>");
	assert_int_equal(f->a.els, 1);
	f->a.pause_on_el = false;
	stream_pause(f->a.s); /* counts */
	stream_resume(f->a.s);
	spin(f);
	assert_int_equal(f->a.els, 1);
	stream_resume(f->a.s);
	assert_int_equal(f->a.els, 1); /* not from within the call */
	spin(f);
	assert_int_equal(f->a.els, 4);
}

/* --- closing ---------------------------------------------------------------------------------- */

static void test_close_answered(void **state)
{
	struct fix *f = *state;

	send_raw(f, HEAD);
	stream_close(f->a.s);
	assert_true(stream_closing(f->a.s));
	stream_puts(f->a.s, "<message/>"); /* too late */
	spin(f);
	has(f, "</stream:stream>");
	assert_null(strstr(got(f), "<message"));
	send_raw(f, "<iq/>"); /* thrown away */
	assert_int_equal(f->a.closed, 0);
	send_raw(f, "</stream:stream>");
	assert_string_equal(f->a.log, "H X ");
	assert_string_equal(f->a.reason, "closed by us");
}

static void test_close_unanswered(void **state)
{
	struct fix *f = *state;

	f->a.close_on_el = true;
	send_raw(f, HEAD "<iq/><iq/>");
	assert_int_equal(f->a.closed, 0);
	loop_clock_advance(f->l, 1900);
	spin(f);
	assert_int_equal(f->a.closed, 0);
	loop_clock_advance(f->l, 200);
	spin(f);
	assert_string_equal(f->a.log, "H iq X ");
}

static void test_close_while_paused(void **state)
{
	struct fix *f = *state;

	f->a.pause_on_el = true;
	send_raw(f, HEAD "<iq/><iq/>");
	stream_close(f->a.s);
	send_raw(f, "</stream:stream>");
	assert_string_equal(f->a.log, "H iq X ");
}

/* A peer that has shut its sending side down still hears the answer. */
static void test_half_closed(void **state)
{
	struct fix *f = *state;

	send_raw(f, HEAD);
	assert_int_equal(write(f->fd, "<iq/></stream:stream>", 21), 21);
	assert_int_equal(shutdown(f->fd, SHUT_WR), 0);
	spin(f);
	assert_string_equal(f->a.log, "H iq X ");
	assert_string_equal(f->a.reason, "closed by the peer");
	has(f, "</stream:stream>");
}

static void test_gone(void **state)
{
	struct fix *f = *state;

	send_raw(f, HEAD "<mess");
	close(f->fd);
	f->fd = -1;
	spin(f);
	assert_string_equal(f->a.log, "H X ");
	assert_string_equal(f->a.reason, "the connection was closed without an end of the stream");
}

static void test_free_open(void **state)
{
	struct fix *f = *state;
	char c;

	send_raw(f, HEAD);
	stream_free(f->a.s);
	f->a.s = NULL;
	spin(f);
	assert_int_equal(f->a.closed, 0);
	assert_int_equal(read(f->fd, &c, 1), 0);
}

/* --- out -------------------------------------------------------------------------------------- */

static void test_send(void **state)
{
	struct fix *f = *state;
	EL_AUTO struct el *m = el_message("chat", "b@example.org");

	el_add_text(m, "body", NULL, "a < b");
	send_raw(f, HEAD);
	stream_send(f->a.s, m);
	stream_send_addr(f->a.s, m, "x@example.org", "y@example.org");
	assert_int_equal(stream_sent(f->a.s), 2);
	spin(f);
	has(f, "<body>a &lt; b</body>");
	has(f, "to=\"b@example.org\"");
	has(f, "to=\"y@example.org\"");
	assert_int_equal(stream_queued(f->a.s), 0);
	stream_idle(f->a.s); /* the parser is given back and comes again */
	send_raw(f, "<message/>");
	assert_string_equal(f->a.log, "H message ");
}

/* A peer that does not read: the hard bound ends the stream. */
static void test_hard_bound(void **state)
{
	struct fix *f = *state;
	char *p = malloc(1 << 16);

	send_raw(f, HEAD);
	memset(p, ' ', 1 << 16);
	for (int i = 0; i < 40 && f->a.s; i++) {
		stream_send_raw(f->a.s, p, 1 << 16);
		(void)loop_turn(f->l, false);
	}
	free(p);
	for (int i = 0; i < 5; i++)
		(void)loop_turn(f->l, false);
	assert_int_equal(f->a.closed, 1);
}

/* --- both ends -------------------------------------------------------------------------------- */

static void test_both_ends(void **state)
{
	static const struct stream_header hd = { .to = "example.org", .version = "1.0" };
	struct stream_conf c = conf;
	struct fix *f = *state;
	struct end b = { .answer = false };
	EL_AUTO struct el *iq = el_iq("get", "example.org");

	c.accepts = false;
	b.s = stream_accept(f->l, f->fd, &c, on_ev, &b);
	f->fd = -1;
	stream_send_header(b.s, &hd);
	spin(f);
	assert_string_equal(f->a.log, "H ");
	assert_string_equal(b.log, "H ");
	stream_send(b.s, iq);
	spin(f);
	assert_string_equal(f->a.log, "H iq ");
	stream_error(b.s, STREAM_E_UNDEFINED_CONDITION, "enough");
	spin(f);
	assert_string_equal(f->a.log, "H iq X ");
	assert_string_equal(f->a.reason, "the peer says: undefined-condition (enough)");
	assert_string_equal(b.log, "H X ");
	assert_int_equal(f->a.received, STREAM_E_UNDEFINED_CONDITION);
}

/* STARTTLS whole: what was said in the clear is forgotten, a new stream follows. */
static void test_starttls(void **state)
{
	static const struct stream_header hd = { .to = "example.org", .version = "1.0" };
	struct stream_conf c = conf;
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
	b.s = stream_accept(f->l, f->fd, &c, on_ev, &b);
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

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

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
		T(test_budget),
		T(test_budget_then_gone),
		T(test_pause),
		T(test_close_answered),
		T(test_close_unanswered),
		T(test_close_while_paused),
		T(test_half_closed),
		T(test_gone),
		T(test_free_open),
		T(test_send),
		T(test_hard_bound),
		T(test_both_ends),
		T(test_starttls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
