/* SPDX-License-Identifier: MIT */
/* One stanza to many: what is taken and what is refused, who gets a copy at once, and who the way
 * of every stanza.  That way, the policy and the link's rate are played here. */
#include "core/policy.h"
#include "core/route.h"
#include "im_fixture.h"
#include "links/component.h"
#include "links/fanout.h"
#include "xml_fixture.h"

#define A ALICE "/a"
#define B BOB "/b"
#define NICK "room@" ECHO "/nick"
#define SAID                                                                                     \
	"<message xmlns='jabber:client' from='" NICK "' type='groupchat' id='1'><body>hi</body>" \
	"</message>"
#define TO(jid) "<to jid='" jid "'/>"
#define GOT(to)                               \
	"<message to=\"" to "\" from=\"" NICK \
	"\" type=\"groupchat\" id=\"1\"><body>hi</body></message>\n"

static struct {
	struct sbuf routed; /* "to " of each copy that went the long way */
	size_t n_routed;
	struct stanza *held; /* the last of them, if hold */
	bool hold;
	bool judged_by_recipient; /* the policy has to know who it is */
	size_t charged, counted;
	unsigned done;
} t;

/* --- what is played --------------------------------------------------------------------------- */

void component_charge(const struct stanza *st, size_t bytes)
{
	assert_non_null(st->component);
	t.charged += bytes;
}

bool policy_admits_all(struct router *r, const struct stanza *st)
{
	(void)r;
	assert_non_null(st->component);
	assert_null(st->to.s);
	assert_int_equal(st->kind, EL_MESSAGE);
	return !t.judged_by_recipient;
}

void route_count(enum el_kind kind)
{
	(void)kind;
	t.counted++;
}

void route_stanza(struct router *r, struct stanza *st)
{
	(void)r;
	assert_string_equal(el_attr(st->el, "to"), st->to.s);
	assert_non_null(st->component);
	sbuf_printf(&t.routed, "%s ", st->to.s);
	t.n_routed++;
	if (t.hold)
		t.held = stanza_hold(st);
}

/* --- sending ---------------------------------------------------------------------------------- */

static void on_done(struct stanza *st)
{
	(void)st;
	t.done++;
}

static struct stanza *parse(const char *xml)
{
	struct stanza *st;

	assert_int_equal(stanza_new(&st, xml_str(NS_COMPONENT, xml)), 0);
	st->component = components_find(NULL, ECHO, strlen(ECHO));
	st->done = on_done;
	return st;
}

static void send_text(const char *xml)
{
	struct stanza *st = parse(xml);

	fanout(&im.r, st->component, st);
	stanza_release(st);
}

static void send_payload(const char *payload)
{
	struct sbuf b = SBUF_INIT;

	sbuf_printf(&b, "<message from='" ECHO "' to='example.org' id='x'>%s</message>", payload);
	send_text(sbuf_str(&b));
	sbuf_done(&b);
}

static void fan(const char *content)
{
	struct sbuf b = SBUF_INIT;

	sbuf_printf(&b, "<fanout xmlns='" NS_FANOUT "'>%s</fanout>", content);
	send_payload(sbuf_str(&b));
	sbuf_done(&b);
}

static const char *routed(void)
{
	static char text[4096];

	(void)snprintf(text, sizeof(text), "%s", sbuf_str(&t.routed));
	sbuf_clear(&t.routed);
	return text;
}

/* It has been answered with this and nobody got anything. */
static void refused(const char *cond)
{
	const char *got = im_component_got();

	if (!strstr(got, cond) || !strstr(got, "id=\"x\"") || !strstr(got, "type=\"error\""))
		fail_msg("no %s in %s", cond, got);
	assert_string_equal(routed(), "");
	assert_int_equal(t.charged, 0);
}

static int setup(void **state)
{
	memset(&t, 0, sizeof(t));
	return im_setup(state);
}

static int teardown(void **state)
{
	sbuf_done(&t.routed);
	return im_teardown(state);
}

/* --- who gets it ------------------------------------------------------------------------------ */

static void sessions_get_it_at_once(void **state)
{
	struct session *a = im_session(A), *b = im_session(B), *other = im_session(ALICE "/other");

	(void)state;
	fan(SAID TO(A) TO(B));
	assert_got(a, GOT(A));
	assert_got(b, GOT(B));
	assert_got(other, "");
	assert_string_equal(routed(), "");
	assert_component_got(""); /* success is not answered */
	assert_int_equal(t.counted, 2);
	assert_int_equal(t.charged, strlen(GOT(A) GOT(B)) - 2);
	assert_int_equal(t.done, 1);
}

static void each_time_it_is_named(void **state)
{
	struct session *a = im_session(A);

	(void)state;
	fan(SAID TO(A) TO(B) TO(A) TO(B));
	assert_got(a, GOT(A) GOT(A));
	assert_string_equal(routed(), B " " B " ");
}

static void addresses_are_prepared(void **state)
{
	struct session *a = im_session(A), *u = im_session("\xc3\xa4@example.org/\xf0\x9f\x98\x80");

	(void)state;
	fan(SAID TO("ALICE@Example.ORG./a") TO("\xc3\x84@example.org/\xf0\x9f\x98\x80"));
	assert_got(a, GOT(A));
	assert_got(u, GOT("\xc3\xa4@example.org/\xf0\x9f\x98\x80"));
}

static void all_others_go_the_long_way(void **state)
{
	struct session *a = im_session(A);

	(void)state;
	fan(SAID TO(ALICE) TO(A) TO(ALICE "/gone") TO("example.org") TO(ECHO "/x")
		TO("a@b.example/c"));
	assert_string_equal(
	    routed(), ALICE " " ALICE "/gone example.org " ECHO "/x a@b.example/c ");
	assert_got(a, GOT(A));
	assert_int_equal(t.counted, 1);
}

static void those_who_block_it_too(void **state)
{
	struct session *a = im_session(A), *b = im_session(B);

	(void)state;
	im_send(a, "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='" ECHO
		   "'/></block></iq>");
	(void)im_got(a);
	fan(SAID TO(A) TO(B));
	assert_got(a, "");
	assert_got(b, GOT(B));
	assert_string_equal(routed(), A " ");
}

static void a_policy_that_looks_at_recipients(void **state)
{
	struct session *a = im_session(A);

	(void)state;
	t.judged_by_recipient = true;
	fan(SAID TO(A) TO(B));
	assert_got(a, "");
	assert_string_equal(routed(), A " " B " ");
}

static void presence(void **state)
{
	static const char *const long_ways[] = { "subscribe", "unsubscribed", "probe" };
	struct session *a = im_session(A);
	char xml[256];

	(void)state;
	t.judged_by_recipient = true; /* that is for messages */
	fan("<presence xmlns='jabber:client' from='" NICK "'/>" TO(A));
	assert_got(a, "<presence to=\"" A "\" from=\"" NICK "\"/>\n");
	fan("<presence xmlns='jabber:client' from='" NICK "' type='unavailable'/>" TO(A));
	assert_got(a, "<presence to=\"" A "\" from=\"" NICK "\" type=\"unavailable\"/>\n");
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(xml, sizeof(xml),
		    "<presence xmlns='jabber:client' from='" NICK "' type='%s'/>" TO(A),
		    long_ways[i]);
		fan(xml);
		assert_got(a, "");
		assert_string_equal(routed(), A " ");
	}
}

static void content_keeps_its_namespaces(void **state)
{
	struct session *a = im_session(A);

	(void)state;
	fan("<message xmlns='jabber:component:accept' from='" NICK
	    "' type='groupchat'><body>a&lt;b</body>"
	    "<x xmlns='urn:x'><body xmlns='jabber:client'/></x></message>" TO(A));
	assert_got(a,
	    "<message to=\"" A "\" from=\"" NICK "\" type=\"groupchat\"><body>a&lt;b</body>"
	    "<x xmlns=\"urn:x\"><body xmlns=\"jabber:client\"/></x></message>\n");
}

/* Other sessions of who gets it may get a copy (XEP-0280): that is not decided here. */
static void what_is_copied_takes_the_long_way(void **state)
{
	struct session *a = im_session(A);

	(void)state;
	fan("<message xmlns='jabber:client' from='" NICK
	    "' type='chat'><body>a</body></message>" TO(A));
	assert_got(a, "");
	assert_string_equal(routed(), A " ");
}

/* It counts as handled when the last copy does, and a held one loses its sender with it. */
static void it_ends_with_the_last_copy(void **state)
{
	struct stanza *whole =
	    parse("<message from='" ECHO "' to='example.org'><fanout xmlns='" NS_FANOUT
		  "'>" SAID TO(B) "</fanout></message>");

	(void)state;
	t.hold = true;
	fanout(&im.r, whole->component, whole);
	assert_ptr_equal(t.held->whole, whole);
	stanza_orphan(whole);
	assert_null(t.held->component);
	stanza_release(whole);
	assert_int_equal(t.done, 0);
	stanza_release(t.held);
	assert_int_equal(t.done, 1);
}

/* Whose messages it may write it may send to many; not their presence. */
static void in_an_accounts_name(void **state)
{
	struct session *a = im_session(A);

	(void)state;
	IM_GRANT("message=outgoing");
	(void)im_component_got();
	fan("<message xmlns='jabber:client' from='" BOB "' id='1'/>" TO(A) TO(ALICE "/gone"));
	assert_got(a, "<message to=\"" A "\" from=\"" BOB "\" id=\"1\"/>\n");
	assert_string_equal(routed(), ALICE "/gone ");
	t.charged = 0;
	fan("<message xmlns='jabber:client' from='" BOB "/b' id='1'/>" TO(A));
	refused("forbidden");
	fan("<presence xmlns='jabber:client' from='" BOB "'/>" TO(A));
	refused("forbidden");
	assert_got(a, "");
}

/* --- what is refused -------------------------------------------------------------------------- */

static void wrong_payloads(void **state)
{
	static const struct {
		const char *content, *cond;
	} rows[] = {
		{ "", "bad-request" },
		{ SAID, "bad-request" },
		{ TO(A), "bad-request" },
		{ TO(A) SAID, "bad-request" },
		{ SAID SAID TO(A), "bad-request" },
		{ SAID TO(A) "<x xmlns='urn:x'/>", "bad-request" },
		{ SAID TO(A) "<to/>", "bad-request" },
		{ SAID TO(A) "<to xmlns='urn:x' jid='" A "'/>", "bad-request" },
		{ SAID TO(A) TO(""), "jid-malformed" },
		{ SAID TO(A) TO("@example.org"), "jid-malformed" },
		{ SAID TO(A) TO("a b@example.org"), "jid-malformed" },
		{ "<message from='" NICK "'/>" TO(A), "bad-request" }, /* in our namespace */
		{ "<message xmlns='jabber:client'/>" TO(A), "bad-request" },
		{ "<message xmlns='jabber:client' from='" NICK "' to='" B "'/>" TO(A),
		    "bad-request" },
		{ "<message xmlns='jabber:client' from='" NICK "' type='error'/>" TO(A),
		    "bad-request" },
		{ "<message xmlns='jabber:client' from='a@b@c'/>" TO(A), "jid-malformed" },
		{ "<presence xmlns='jabber:client' from='" NICK "' type='error'/>" TO(A),
		    "bad-request" },
		{ "<presence xmlns='jabber:client' from='" NICK "' type='what'/>" TO(A),
		    "bad-request" },
		{ "<iq xmlns='jabber:client' from='" NICK
		  "' type='get' id='1'><q xmlns='u'/></iq>" TO(A),
		    "bad-request" },
		{ "<message xmlns='jabber:client' from='" BOB "'/>" TO(A), "forbidden" },
		{ "<message xmlns='jabber:client' from='example.org'/>" TO(A), "forbidden" },
		{ "<message xmlns='jabber:client' from='x." ECHO "'/>" TO(A), "forbidden" },
	};
	struct session *a = im_session(A);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fan(rows[i].content);
		refused(rows[i].cond);
		assert_got(a, "");
		assert_int_equal(t.done, i + 1);
	}
	send_payload("<fanout xmlns='" NS_FANOUT "'>" SAID TO(A) "</fanout><body/>");
	refused("bad-request");
	send_payload("<fanout xmlns='" NS_FANOUT "'>" SAID TO(A) "</fanout>"
								 "<fanout xmlns='" NS_FANOUT
								 "'>" SAID TO(A) "</fanout>");
	refused("bad-request");
	assert_got(a, "");
}

static void so_many_addresses(unsigned n)
{
	struct sbuf b = SBUF_INIT;

	sbuf_puts(&b, SAID);
	for (unsigned i = 0; i < n; i++)
		sbuf_printf(&b, "<to jid='u%u@example.org'/>", i);
	fan(sbuf_str(&b));
	sbuf_done(&b);
}

static void at_most_a_thousand(void **state)
{
	(void)state;
	so_many_addresses(1001);
	refused("not-acceptable");
	so_many_addresses(1000);
	assert_component_got("");
	assert_int_equal(t.n_routed, 1000);
	assert_memory_equal(sbuf_data(&t.routed), "u0@example.org u1@example.org ", 30);
}

static void so_many_bytes(size_t body)
{
	struct sbuf b = SBUF_INIT;
	char *text = malloc(body);

	memset(text, 'x', body);
	sbuf_puts(&b, "<message xmlns='jabber:client' from='" NICK "'><body>");
	sbuf_add(&b, text, body);
	sbuf_puts(&b, "</body></message>" TO(ALICE "/gone"));
	fan(sbuf_str(&b));
	sbuf_done(&b);
	free(text);
}

static void at_most_sixteen_mebibytes(void **state)
{
	size_t least, most = (size_t)16 << 20;

	(void)state;
	so_many_bytes(1);
	least = t.charged - 1;
	t.charged = 0;
	so_many_bytes(most - least);
	assert_int_equal(t.charged, most);
	assert_int_equal(t.n_routed, 2);
	(void)routed();
	t.charged = 0;
	so_many_bytes(most - least + 1);
	refused("not-acceptable");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sessions_get_it_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(each_time_it_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(addresses_are_prepared, setup, teardown),
		cmocka_unit_test_setup_teardown(all_others_go_the_long_way, setup, teardown),
		cmocka_unit_test_setup_teardown(those_who_block_it_too, setup, teardown),
		cmocka_unit_test_setup_teardown(a_policy_that_looks_at_recipients, setup, teardown),
		cmocka_unit_test_setup_teardown(presence, setup, teardown),
		cmocka_unit_test_setup_teardown(content_keeps_its_namespaces, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_copied_takes_the_long_way, setup, teardown),
		cmocka_unit_test_setup_teardown(it_ends_with_the_last_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(in_an_accounts_name, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_payloads, setup, teardown),
		cmocka_unit_test_setup_teardown(at_most_a_thousand, setup, teardown),
		cmocka_unit_test_setup_teardown(at_most_sixteen_mebibytes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
