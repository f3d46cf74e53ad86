/* SPDX-License-Identifier: MIT */
/* What a component gets and answers: routes, requests, questions, disco. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comp_fixture.h"

#define NS_T "urn:test:0"
#define IQ(type, id, to, body) \
	"<iq type='" type "' id='" id "' from='" ME "' to='" to "'>" body "</iq>"

/* Handlers write what they saw here. */
static char seen[512];
static struct comp_req *kept;
static int next_ret;

static void see(const char *what)
{
	strncat(seen, what, sizeof(seen) - strlen(seen) - 1);
}

static int on_a(struct comp_req *rq, void *arg)
{
	(void)arg;
	see("a ");
	comp_reply_ok(rq);
	return COMP_DONE;
}

static int on_pass(struct comp_req *rq, void *arg)
{
	(void)arg;
	see("pass:");
	see(el_name(comp_payload(rq)));
	see(" ");
	return COMP_PASS;
}

static int on_ret(struct comp_req *rq, void *arg)
{
	(void)rq;
	(void)arg;
	see("ret ");
	return next_ret;
}

static int on_defer(struct comp_req *rq, void *arg)
{
	(void)arg;
	see("defer ");
	kept = comp_defer(rq);
	return COMP_DONE;
}

static int on_defer_reply(struct comp_req *rq, void *arg)
{
	(void)arg;
	comp_reply_err(comp_defer(rq), COND_CONFLICT, "both");
	return COMP_DONE;
}

static int on_msg(struct comp_req *rq, void *arg)
{
	(void)arg;
	see("msg:");
	see(comp_payload(rq) ? el_name(comp_payload(rq)) : "-");
	see(comp_to(rq)->s);
	see(" ");
	return COMP_DONE;
}

static int on_pres(struct comp_req *rq, void *arg)
{
	(void)arg;
	see("pres ");
	comp_reply(rq, el_presence(NULL, NULL));
	return COMP_DONE;
}

static const struct comp_route rows[] = {
	{ EL_IQ, "get", NS_T, "host", COMP_TO_HOST, on_a },
	{ EL_IQ, "get", NS_T, "bare", COMP_TO_BARE, on_a },
	{ EL_IQ, "get", NS_T, "full", COMP_TO_FULL, on_a },
	{ EL_IQ, NULL, NS_T, NULL, COMP_TO_ANY, on_pass },
	{ EL_IQ, "set", NS_T, "ret", COMP_TO_ANY, on_ret },
	{ EL_IQ, "set", NS_T, "defer", COMP_TO_ANY, on_defer },
	{ EL_IQ, "set", NS_T, "both", COMP_TO_ANY, on_defer_reply },
	{ EL_MESSAGE, "chat", NS_T, "x", COMP_TO_ANY, on_msg },
	{ EL_MESSAGE, NULL, NULL, NULL, COMP_TO_BARE, on_msg },
	{ EL_PRESENCE, "available", NULL, NULL, COMP_TO_ANY, on_pres },
};

static int setup(void **state)
{
	struct fix *f = fix_new();

	comp_routes(f->c, rows, sizeof(rows) / sizeof(rows[0]), NULL);
	fix_online(f);
	seen[0] = '\0';
	kept = NULL;
	*state = f;
	return 0;
}

/* --- routes ----------------------------------------------------------------------------------- */

static void test_targets(void **state)
{
	struct fix *f = *state;

	fix_send(f, IQ("get", "1", DOM, "<host xmlns='" NS_T "'/>"));
	fix_send(f, IQ("get", "2", "u@" DOM, "<bare xmlns='" NS_T "'/>"));
	fix_send(f, IQ("get", "3", "u@" DOM "/r", "<full xmlns='" NS_T "'/>"));
	assert_string_equal(seen, "a a a ");
	assert_int_equal(f->n_in, 3);
	fix_has(f, "type=\"result\"");
	fix_has(f, "from=\"u@" DOM "/r\"");
	fix_hasnt(f, "error");
	fix_clear(f);
	seen[0] = '\0';
	fix_send(f, IQ("get", "4", "u@" DOM, "<host xmlns='" NS_T "'/>"));
	assert_string_equal(seen, "pass:host ");
	fix_has(f, "service-unavailable");
	fix_has(f, "id=\"4\"");
}

static void test_nobody_wants_it(void **state)
{
	struct fix *f = *state;

	fix_send(f, IQ("get", "1", DOM, "<q xmlns='urn:other'/>"));
	fix_send(f, IQ("set", "2", DOM, "<q xmlns='urn:other'/>"));
	assert_int_equal(f->n_in, 2);
	fix_has(f, "service-unavailable");
	fix_clear(f);
	fix_send(f, "<message from='" ME "' to='" DOM "'><body>x</body></message>");
	fix_has(f, "service-unavailable");
	fix_clear(f);
	fix_send(f, "<message type='headline' from='" ME "' to='" DOM "'><body>x</body></message>"
		    "<message type='error' from='" ME "' to='" DOM "'><body>x</body></message>"
		    "<presence type='unavailable' from='" ME "' to='" DOM "'/>");
	assert_int_equal(f->n_in, 0);
}

static void test_types_and_payloads(void **state)
{
	struct fix *f = *state;

	fix_send(f, "<message type='chat' from='" ME "' to='" DOM "'><body>b</body>"
		    "<x xmlns='" NS_T "'/></message>");
	assert_string_equal(seen, "msg:x" DOM " "); /* the payload that the row named */
	seen[0] = '\0';
	fix_send(f, "<message from='" ME "' to='u@" DOM "'><subject/><body>b</body></message>");
	assert_string_equal(seen, "msg:subjectu@" DOM " ");
	seen[0] = '\0';
	fix_send(f, "<message type='error' from='" ME "' to='u@" DOM "'><body>b</body></message>");
	assert_string_equal(seen, ""); /* "any type" is not for errors */
	fix_send(f, "<presence from='" ME "' to='u@" DOM "'/>");
	assert_string_equal(seen, "pres ");
	fix_has(f, "<presence ");
	fix_has(f, "from=\"u@" DOM "\"");
	fix_has(f, "to=\"" ME "\"");
}

static void test_bad_iqs(void **state)
{
	static const char *const bad[] = {
		IQ("get", "1", DOM, ""),
		IQ("get", "1", DOM, "<host xmlns='" NS_T "'/><host xmlns='" NS_T "'/>"),
		IQ("fetch", "1", DOM, "<host xmlns='" NS_T "'/>"),
		"<iq id='1' from='" ME "' to='" DOM "'><host xmlns='" NS_T "'/></iq>",
		IQ("set", "1", DOM, "<error/>"),
	};
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fix_clear(f);
		fix_send(f, bad[i]);
		assert_int_equal(f->n_in, 1);
		fix_has(f, "bad-request");
	}
	fix_clear(f);
	fix_send(f, "<iq type='get' from='" ME "' to='" DOM "'><host xmlns='" NS_T "'/></iq>");
	assert_int_equal(f->n_in, 0); /* without an id nobody could match the answer */
	assert_string_equal(seen, "");
}

static void test_bad_addresses(void **state)
{
	static const char *const bad[] = {
		"<iq type='get' id='1' to='" DOM "'><host xmlns='" NS_T "'/></iq>",
		"<iq type='get' id='1' from='@' to='" DOM "'><host xmlns='" NS_T "'/></iq>",
		"<iq type='get' id='1' from='" ME "'><host xmlns='" NS_T "'/></iq>",
		"<iq type='get' id='1' from='" ME "' to='other.test'><host xmlns='" NS_T "'/></iq>",
		"<other from='" ME "' to='" DOM "'/>",
		"<handshake/>",
	};
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		fix_send(f, bad[i]);
	assert_int_equal(f->n_in, 0);
	assert_string_equal(seen, "");
	assert_true(comp_online(f->c));
}

/* --- requests --------------------------------------------------------------------------------- */

static void test_returns(void **state)
{
	struct fix *f = *state;

	next_ret = -COND_FORBIDDEN;
	fix_send(f, IQ("set", "1", DOM, "<ret xmlns='" NS_T "'/>"));
	fix_has(f, "<forbidden");
	fix_clear(f);
	next_ret = COMP_DONE; /* a bug: neither answered nor deferred */
	fix_send(f, IQ("set", "2", DOM, "<ret xmlns='" NS_T "'/>"));
	fix_has(f, "<internal-server-error");
	fix_logged(f, "neither answered nor deferred");
	fix_clear(f);
	next_ret = COMP_PASS;
	fix_send(f, IQ("set", "3", DOM, "<ret xmlns='" NS_T "'/>"));
	fix_has(f, "<service-unavailable");
	assert_int_equal(f->n_in, 1);
}

static void test_defer(void **state)
{
	struct fix *f = *state;

	fix_send(f, IQ("set", "1", DOM, "<defer xmlns='" NS_T "'/>"));
	assert_int_equal(f->n_in, 0);
	assert_string_equal(comp_from(kept)->s, ME);
	comp_reply_ok(kept);
	fix_spin(f);
	assert_int_equal(f->n_in, 1);
	fix_has(f, "type=\"result\"");
	fix_clear(f);
	fix_send(f, IQ("set", "2", DOM, "<both xmlns='" NS_T "'/>"));
	assert_int_equal(f->n_in, 1);
	fix_has(f, "<conflict");
	fix_has(f, "both");
}

static void test_deferred_at_stop(void **state)
{
	struct fix *f = *state;

	fix_send(f, IQ("set", "1", DOM, "<defer xmlns='" NS_T "'/>"));
	fix_stop(f);
	comp_reply_ok(kept); /* too late, and harmless */
	fix_spin(f);
	assert_int_equal(f->n_in, 1);
	fix_has(f, "service-unavailable");
	fix_logged(f, "1 deferred requests");
}

static void test_deferred_over_link_loss(void **state)
{
	struct fix *f = *state;

	fix_send(f, IQ("set", "1", DOM, "<defer xmlns='" NS_T "'/>"));
	stream_free(f->r);
	f->r = NULL;
	fix_spin(f);
	comp_reply_ok(kept); /* goes nowhere, frees the request */
	fix_advance(f, 2000);
	assert_true(comp_online(f->c));
	assert_int_equal(f->n_in, 0);
}

/* --- questions -------------------------------------------------------------------------------- */

struct asked {
	struct comp_iq *q;
	unsigned calls;
	int err;
	bool answer;
	bool ask_again;
};

static void on_answer(struct comp *c, int err, const struct el *answer, void *arg)
{
	struct asked *a = arg;
	struct el *iq;

	a->calls++;
	a->err = err;
	a->answer = answer != NULL;
	if (!a->ask_again)
		return;
	a->ask_again = false;
	iq = el_iq("get", ME);
	el_add(iq, "ping", NS_PING);
	a->q = comp_ask(c, iq, 1000, on_answer, a);
}

static void ask(struct fix *f, struct asked *a, unsigned ms)
{
	struct el *iq = el_iq("get", ME);

	el_add(iq, "ping", NS_PING);
	a->q = comp_ask(f->c, iq, ms, on_answer, a);
	assert_int_equal(a->calls, 0); /* never from within the call */
	fix_spin(f);
}

/* The id of the first stanza that the router received. */
static const char *asked_id(struct fix *f)
{
	static char id[64];
	const char *p = strstr(fix_got(f), "id=\"");

	assert_non_null(p);
	(void)sscanf(p, "id=\"%63[^\"]", id);
	return id;
}

static void test_ask(void **state)
{
	struct fix *f = *state;
	struct asked a = { .calls = 0 };

	ask(f, &a, 5000);
	fix_has(f, "to=\"" ME "\"");
	fix_has(f, "from=\"" DOM "\"");
	fix_sendf(f, "<iq type='result' id='%s' from='other@test' to='" DOM "'/>", asked_id(f));
	fix_sendf(f, "<iq type='result' id='%s' from='me@test' to='" DOM "'/>", asked_id(f));
	fix_send(f, "<iq type='result' id='wrong' from='" ME "' to='" DOM "'/>");
	fix_send(f, "<iq type='result' from='" ME "' to='" DOM "'/>");
	assert_int_equal(a.calls, 0);
	fix_sendf(f, "<iq type='result' id='%s' from='" ME "' to='" DOM "'/>", asked_id(f));
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.err, 0);
	assert_true(a.answer);
	fix_sendf(f, "<iq type='result' id='%s' from='" ME "' to='" DOM "'/>", asked_id(f));
	fix_advance(f, 6000);
	assert_int_equal(a.calls, 1);
	assert_int_equal(f->n_in, 1); /* answers are not answered */
}

static void test_ask_error(void **state)
{
	struct fix *f = *state;
	struct asked a = { .calls = 0 };

	ask(f, &a, 5000);
	fix_sendf(f,
	    "<iq type='error' id='%s' from='" ME "' to='" DOM "'><error type='cancel'>"
	    "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
	    asked_id(f));
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.err, -EBADMSG);
	assert_true(a.answer);
}

static void test_ask_timeout(void **state)
{
	struct fix *f = *state;
	struct asked a = { .ask_again = true };

	ask(f, &a, 5000);
	fix_advance(f, 4900);
	assert_int_equal(a.calls, 0);
	fix_advance(f, 200);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.err, -ETIMEDOUT);
	assert_false(a.answer);
	fix_sendf(f, "<iq type='result' id='%s' from='" ME "' to='" DOM "'/>", asked_id(f));
	assert_int_equal(a.calls, 1);
	fix_advance(f, 1100); /* the second question */
	assert_int_equal(a.calls, 2);
}

static void test_ask_cancel(void **state)
{
	struct fix *f = *state;
	struct asked a = { .calls = 0 };

	ask(f, &a, 5000);
	comp_ask_cancel(a.q);
	fix_sendf(f, "<iq type='result' id='%s' from='" ME "' to='" DOM "'/>", asked_id(f));
	fix_advance(f, 6000);
	assert_int_equal(a.calls, 0);
	comp_ask_cancel(NULL);
}

static void test_ask_link_loss(void **state)
{
	struct fix *f = *state;
	struct asked a = { .ask_again = true }, b = { .calls = 0 };

	ask(f, &a, 50000);
	stream_free(f->r);
	f->r = NULL;
	fix_spin(f);
	assert_int_equal(a.calls, 2); /* the second one failed for want of a link */
	assert_int_equal(a.err, -ENOTCONN);
	ask(f, &b, 50000);
	assert_int_equal(b.calls, 1);
	assert_int_equal(b.err, -ENOTCONN);
}

static void test_ask_bound(void **state)
{
	static struct asked many[COMP_ASKS_MAX], one;
	struct fix *f = *state;

	memset(many, 0, sizeof(many));
	memset(&one, 0, sizeof(one));
	for (size_t i = 0; i < COMP_ASKS_MAX; i++) {
		struct el *iq = el_iq("get", ME);

		el_add(iq, "ping", NS_PING);
		many[i].q = comp_ask(f->c, iq, 1000, on_answer, &many[i]);
	}
	ask(f, &one, 1000);
	assert_int_equal(one.calls, 1);
	assert_int_equal(one.err, -ENOBUFS);
	assert_int_equal(many[0].calls, 0);
	fix_advance(f, 1100);
	for (size_t i = 0; i < COMP_ASKS_MAX; i++)
		assert_int_equal(many[i].err, -ETIMEDOUT);
	one.calls = 0;
	ask(f, &one, 1000); /* there is room again */
	assert_int_equal(one.calls, 0);
}

static void test_ask_at_stop(void **state)
{
	struct fix *f = *state;
	struct asked a = { .ask_again = true };

	ask(f, &a, 5000);
	fix_stop(f);
	fix_spin(f);
	assert_int_equal(a.calls, 2);
	assert_int_equal(a.err, -ECANCELED);
}

/* One byte more than component_max_stanza would end the link. */
static void test_answer_that_is_too_long(void **state)
{
	struct fix *f = *state;
	size_t n = (size_t)f->conf.max_stanza;
	char *text = xmalloc(n + 1);
	struct el *answer;

	memset(text, 'x', n);
	text[n] = '\0';
	fix_send(f, IQ("set", "1", DOM, "<defer xmlns='" NS_T "'/>"));
	answer = comp_result(kept);
	el_add_text(answer, "long", NS_T, text);
	comp_reply(kept, answer);
	fix_spin(f);
	assert_int_equal(f->n_in, 1);
	fix_has(f, "type=\"error\"");
	fix_has(f, "resource-constraint");
	fix_hasnt(f, "xxxx");
	answer = el_message(NULL, "somebody@example.org");
	el_add_text(answer, "body", NULL, text);
	assert_int_equal(comp_send(f->c, answer), -EMSGSIZE);
	fix_spin(f);
	assert_int_equal(f->n_in, 1);
	assert_int_equal(f->onlines, 1);
	free(text);
}

/* --- disco ------------------------------------------------------------------------------------ */

static int on_info(struct comp_req *rq, const char *node, struct el *query, void *arg)
{
	(void)rq;
	(void)arg;
	if (node && !strcmp(node, "secret"))
		return -COND_FORBIDDEN;
	if (node && strcmp(node, "n") != 0)
		return COMP_PASS;
	el_set(el_add(query, "feature", NULL), "var", node ? "of-node" : "of-user");
	return COMP_DONE;
}

static void test_disco(void **state)
{
	struct fix *f = *state;

	comp_feature(f->c, "urn:more");
	fix_send(f, IQ("get", "1", DOM, "<query xmlns='" NS_DISCO_INFO "'/>"));
	fix_has(f, "category=\"component\"");
	fix_has(f, "var=\"urn:more\"");
	fix_has(f, "var=\"urn:xmpp:ping\"");
	fix_has(f, "<query xmlns=\"" NS_DISCO_INFO "\">");
	fix_clear(f);
	fix_send(f, IQ("get", "2", DOM, "<query xmlns='" NS_DISCO_ITEMS "'/>"));
	fix_has(f, "<query xmlns=\"" NS_DISCO_ITEMS "\"/>");
	fix_clear(f);
	fix_send(f, IQ("get", "3", DOM, "<query xmlns='" NS_DISCO_INFO "' node='n'/>"));
	fix_has(f, "item-not-found");
	fix_clear(f);
	fix_send(f, IQ("get", "4", "u@" DOM, "<query xmlns='" NS_DISCO_INFO "'/>"));
	fix_has(f, "service-unavailable");
}

static void test_disco_fn(void **state)
{
	struct fix *f = *state;

	comp_disco(f->c, on_info, NULL, NULL);
	fix_send(f, IQ("get", "1", DOM, "<query xmlns='" NS_DISCO_INFO "' node='n'/>"));
	fix_has(f, "var=\"of-node\"");
	fix_has(f, "node=\"n\"");
	fix_clear(f);
	fix_send(f, IQ("get", "2", "u@" DOM, "<query xmlns='" NS_DISCO_INFO "'/>"));
	fix_has(f, "var=\"of-user\"");
	fix_clear(f);
	fix_send(f, IQ("get", "3", DOM, "<query xmlns='" NS_DISCO_INFO "' node='z'/>"));
	fix_has(f, "item-not-found");
	fix_clear(f);
	fix_send(f, IQ("get", "4", DOM, "<query xmlns='" NS_DISCO_INFO "' node='secret'/>"));
	fix_has(f, "forbidden");
	assert_int_equal(f->n_in, 1);
}

static void test_ping_and_version(void **state)
{
	struct fix *f = *state;

	fix_send(f, IQ("get", "1", DOM, "<ping xmlns='urn:xmpp:ping'/>"));
	fix_has(f, "type=\"result\"");
	fix_clear(f);
	fix_send(f, IQ("get", "2", DOM, "<query xmlns='jabber:iq:version'/>"));
	fix_has(f, "<name>switchyard-echo</name><version>");
	fix_clear(f);
	fix_send(f, IQ("get", "3", "u@" DOM, "<ping xmlns='urn:xmpp:ping'/>"));
	fix_has(f, "service-unavailable");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, fix_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_answer_that_is_too_long),
		T(test_targets),
		T(test_nobody_wants_it),
		T(test_types_and_payloads),
		T(test_bad_iqs),
		T(test_bad_addresses),
		T(test_returns),
		T(test_defer),
		T(test_deferred_at_stop),
		T(test_deferred_over_link_loss),
		T(test_ask),
		T(test_ask_error),
		T(test_ask_timeout),
		T(test_ask_cancel),
		T(test_ask_link_loss),
		T(test_ask_bound),
		T(test_ask_at_stop),
		T(test_disco),
		T(test_disco_fn),
		T(test_ping_and_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
