/* SPDX-License-Identifier: MIT */
/* What a component may do in accounts' names, and how it says so (XEP-0356). */
#include <errno.h>
#include <string.h>

#include "comp_fixture.h"

#define SERVER "test"
#define ALICE "alice@test"
#define PEP "urn:example:pep"
#define TELL(from, inner) "<message from='" from "' to='" DOM "' id='a'>" inner "</message>"
#define PRIV(version, inner) \
	"<privilege xmlns='urn:xmpp:privilege:" version "'>" inner "</privilege>"
#define ALL                                                                                       \
	"<perm access='roster' type='both' push='true'/><perm access='message' type='outgoing'/>" \
	"<perm access='presence' type='roster'/>"                                                 \
	"<perm access='iq'><namespace ns='" PEP "' type='set'/></perm>"

static unsigned seen; /* messages that a handler of the component's got */
static char outcome[256];

static int on_message(struct comp_req *rq, void *arg)
{
	(void)rq;
	(void)arg;
	seen++;
	return COMP_DONE;
}

static const struct comp_route rows[] = {
	{ EL_MESSAGE, NULL, NULL, NULL, COMP_TO_ANY, on_message },
};

static int setup(void **state)
{
	struct fix *f = fix_new();

	comp_routes(f->c, rows, 1, NULL);
	fix_online(f);
	seen = 0;
	outcome[0] = '\0';
	*state = f;
	return 0;
}

static void on_answer(struct comp *c, int err, const struct el *answer, void *arg)
{
	(void)c;
	(void)arg;
	(void)snprintf(outcome, sizeof(outcome), "%d %s %s", err,
	    answer ? el_attr(answer, "from") : "-",
	    answer && el_child(answer, NULL, NULL) ? el_name(el_child(answer, NULL, NULL)) : "-");
}

static struct el *message(void)
{
	struct el *m = el_message("chat", "bob@test");

	el_set(m, "from", ALICE);
	el_add_text(m, "body", NULL, "hi");
	return m;
}

static struct el *question(const char *type, const char *ns)
{
	struct el *iq = el_iq(type, "bob@test/r");

	el_set(iq, "from", ALICE);
	el_add(iq, "q", ns);
	return iq;
}

/* The id of the last stanza that the server got. */
static const char *last_id(struct fix *f)
{
	static char id[64];
	const char *p = strstr(fix_got(f), "id=\"");

	assert_non_null(p);
	(void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(p + 4, "\""), p + 4);
	return id;
}

static void nothing_is_granted(void **state)
{
	struct fix *f = *state;

	for (int what = COMP_MAY_ROSTER_GET; what <= COMP_MAY_PRESENCE_EXTRA; what++)
		assert_false(comp_may(f->c, ALICE, (enum comp_privilege)what));
	assert_int_equal(comp_send_as(f->c, message()), -EPERM);
	comp_ask_as(f->c, question("set", PEP), 1000, on_answer, NULL);
	assert_string_equal(outcome, ""); /* never from within the call */
	fix_spin(f);
	assert_string_equal(outcome, "-1 - -");
	outcome[0] = '\0';
	comp_presence_extra(f->c, ALICE, el_new("x", "urn:x"), on_answer, NULL);
	fix_spin(f);
	assert_string_equal(outcome, "-1 - -");
	assert_int_equal(f->n_in, 0);
	comp_ask_cancel(comp_ask_as(f->c, question("set", PEP), 1000, on_answer, NULL));
}

static void what_the_server_grants(void **state)
{
	struct fix *f = *state;

	fix_send(f, TELL(SERVER, PRIV("2", ALL) "<presence-extra ns='urn:x'"
						" xmlns='urn:switchyard:presence-extra:1'/>"));
	for (int what = COMP_MAY_ROSTER_GET; what <= COMP_MAY_PRESENCE_EXTRA; what++)
		assert_true(comp_may(f->c, ALICE "/r", (enum comp_privilege)what));
	assert_true(comp_may_iq(f->c, ALICE, PEP, "set"));
	assert_false(comp_may_iq(f->c, ALICE, PEP, "get"));
	assert_false(comp_may_iq(f->c, ALICE, PEP "#", "set"));
	assert_false(comp_may(f->c, "alice@elsewhere.test", COMP_MAY_MESSAGE));
	assert_int_equal(seen, 0); /* no handler sees it */
	assert_int_equal(f->n_in, 0);
	/* Taken back, and again, by a message in the other version that knows less. */
	fix_send(f, TELL(SERVER, PRIV("2", "<perm access='message' type='none'/>"
					   "<perm access='roster' type='get' push='false'/>")));
	assert_false(comp_may(f->c, ALICE, COMP_MAY_MESSAGE));
	assert_false(comp_may(f->c, ALICE, COMP_MAY_ROSTER_PUSH));
	assert_false(comp_may(f->c, ALICE, COMP_MAY_ROSTER_SET));
	assert_true(comp_may(f->c, ALICE, COMP_MAY_ROSTER_GET));
	fix_send(f, TELL(SERVER, PRIV("1", ALL)));
	assert_false(comp_may(f->c, ALICE, COMP_MAY_MESSAGE));
}

static void only_a_router_is_believed(void **state)
{
	static const char *const froms[] = { "me@test/r", "me@test", "test/r", "elsewhere.test",
		"muc.test", DOM, "other" };
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(froms) / sizeof(froms[0]); i++)
		fix_sendf(f, TELL("%s", PRIV("2", ALL)), froms[i]);
	assert_int_equal(comp_send_as(f->c, message()), -EPERM);
	assert_int_equal(seen, 0);
	assert_false(comp_may(f->c, "x@elsewhere.test", COMP_MAY_MESSAGE));
	assert_false(comp_may(f->c, "x@muc.test", COMP_MAY_MESSAGE));
	/* Nor is an error that came back with it. */
	fix_send(
	    f, "<message type='error' from='" SERVER "' to='" DOM "'>" PRIV("2", ALL) "</message>");
	assert_int_equal(comp_send_as(f->c, message()), -EPERM);
}

static void message_is_wrapped_as_the_server_knows_it(void **state)
{
	struct fix *f = *state;
	struct el *m;

	fix_send(f, TELL(SERVER, PRIV("1", ALL)));
	assert_int_equal(comp_send_as(f->c, message()), 0);
	fix_spin(f);
	fix_has(f, "to=\"test\"");
	fix_has(f, "from=\"" DOM "\"");
	fix_has(f,
	    "<privilege xmlns=\"urn:xmpp:privilege:1\"><forwarded xmlns=\"urn:xmpp:forward:0\">"
	    "<message xmlns=\"jabber:client\" to=\"bob@test\" type=\"chat\" from=\"" ALICE "\">"
	    "<body>hi</body></message></forwarded></privilege></message>");
	fix_clear(f);
	fix_send(f, TELL(SERVER, PRIV("2", ALL)));
	m = message();
	el_set(m, "id", "m1");
	assert_int_equal(comp_send_as(f->c, m), 0);
	fix_spin(f);
	fix_has(f, "<message from=\"echo.test\" to=\"test\" id=\"m1\"");
	fix_has(f, "<privilege xmlns=\"urn:xmpp:privilege:2\">");
}

/* Its content may be bytes, as those of an event that goes to many. */
static void message_of_bytes(void **state)
{
	static const char bytes[] =
	    "<event xmlns=\"urn:x\"><iq xmlns=\"jabber:client\"/></event><body>a&lt;b</body>";
	static const char *const versions[] = { "1", "2" };
	struct fix *f = *state;
	char want[512];

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		struct el *m = message();

		fix_sendf(f, TELL(SERVER, PRIV("%s", ALL)), versions[i]);
		fix_clear(f);
		el_set_raw(m, bytes, strlen(bytes));
		assert_int_equal(comp_send_as(f->c, m), 0);
		fix_spin(f);
		(void)snprintf(want, sizeof(want),
		    "<privilege xmlns=\"urn:xmpp:privilege:%s\"><forwarded xmlns=\"" NS_FORWARD
		    "\"><message xmlns=\"jabber:client\" to=\"bob@test\" type=\"chat\" "
		    "from=\"" ALICE "\">%s</message></forwarded></privilege></message>\n",
		    versions[i], bytes);
		fix_has(f, want);
	}
}

static void answer_is_unwrapped(void **state)
{
	static const char wrapped[] =
	    "<iq type='result' id='%s' from='" ALICE "' to='" DOM "'>" PRIV("2",
		"<forwarded xmlns='urn:xmpp:forward:0'><iq xmlns='jabber:client' type='%s' id='x'"
		" from='bob@test/r' to='" ALICE "'><q xmlns='" PEP "'/></iq></forwarded>") "</iq>";
	struct fix *f = *state;

	fix_send(f, TELL(SERVER, PRIV("2", ALL)));
	comp_ask_as(f->c, question("set", PEP), 1000, on_answer, NULL);
	fix_spin(f);
	fix_has(f, "<privileged_iq xmlns=\"urn:xmpp:privilege:2\"><iq xmlns=\"jabber:client\"");
	fix_sendf(f, wrapped, last_id(f), "result");
	assert_string_equal(outcome, "0 bob@test/r q");

	fix_clear(f);
	comp_ask_as(f->c, question("set", PEP), 1000, on_answer, NULL);
	fix_spin(f);
	fix_sendf(f, wrapped, last_id(f), "error");
	assert_int_equal(strncmp(outcome, "-74 bob@test/r", 14), 0); /* -EBADMSG */

	/* The server itself refuses; or says nothing that could be unwrapped. */
	fix_clear(f);
	comp_ask_as(f->c, question("set", PEP), 1000, on_answer, NULL);
	fix_spin(f);
	fix_sendf(f,
	    "<iq type='error' id='%s' from='" ALICE "' to='" DOM "'><error type='auth'/></iq>",
	    last_id(f));
	assert_string_equal(outcome, "-74 " ALICE " error");
	comp_ask_as(f->c, question("get", PEP), 1000, on_answer, NULL);
	fix_spin(f);
	assert_string_equal(outcome, "-1 - -");
}

static void extra_is_set_and_removed(void **state)
{
	struct fix *f = *state;

	fix_send(f, TELL(SERVER, PRIV("2", ALL) "<presence-extra ns='urn:x'"
						" xmlns='urn:switchyard:presence-extra:1'/>"));
	comp_presence_extra(f->c, ALICE, el_new("x", "urn:x"), on_answer, NULL);
	fix_spin(f);
	fix_has(f, "<extra xmlns=\"urn:switchyard:presence-extra:1\"><x xmlns=\"urn:x\"/></extra>");
	fix_sendf(f, "<iq type='result' id='%s' from='" ALICE "' to='" DOM "'/>", last_id(f));
	assert_string_equal(outcome, "0 " ALICE " -");
	fix_clear(f);
	comp_presence_extra(f->c, ALICE, NULL, on_answer, NULL);
	fix_spin(f);
	fix_has(f, "<extra xmlns=\"urn:switchyard:presence-extra:1\"/>");
}

/* What was granted before may not be granted any more. */
static void new_session_begins_with_nothing(void **state)
{
	struct fix *f = *state;

	fix_send(f, TELL(SERVER, PRIV("2", ALL)));
	assert_true(comp_may(f->c, ALICE, COMP_MAY_MESSAGE));
	stream_error(f->r, STREAM_E_SYSTEM_SHUTDOWN, NULL);
	fix_spin(f);
	fix_advance(f, COMP_RETRY_MAX_MS);
	assert_true(comp_online(f->c));
	assert_false(comp_may(f->c, ALICE, COMP_MAY_MESSAGE));
}

/* Hosts and namespaces have bounds; names of what it does not know are skipped. */
static void advertisements_without_end(void **state)
{
	struct fix *f = *state;
	char xml[65536];
	size_t n = 0;

	n += (size_t)snprintf(xml + n, sizeof(xml) - n,
	    "<message from='" SERVER "' to='" DOM "'><privilege xmlns='urn:xmpp:privilege:2'>"
	    "<perm/><perm access='all' type='all'/><perm access='message'/><perm access='iq'>"
	    "<namespace/>");
	for (int i = 0; i < 400; i++)
		n += (size_t)snprintf(
		    xml + n, sizeof(xml) - n, "<namespace ns='urn:%d' type='both'/>", i);
	(void)snprintf(xml + n, sizeof(xml) - n, "</perm></privilege></message>");
	fix_send(f, xml);
	assert_true(comp_may_iq(f->c, ALICE, "urn:255", "get"));
	assert_false(comp_may_iq(f->c, ALICE, "urn:256", "get"));
	assert_false(comp_may(f->c, ALICE, COMP_MAY_MESSAGE));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fix_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_granted),
		TEST(what_the_server_grants),
		TEST(only_a_router_is_believed),
		TEST(message_is_wrapped_as_the_server_knows_it),
		TEST(message_of_bytes),
		TEST(answer_is_unwrapped),
		TEST(extra_is_set_and_removed),
		TEST(new_session_begins_with_nothing),
		TEST(advertisements_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
