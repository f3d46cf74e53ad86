/* SPDX-License-Identifier: MIT */
/* Presence: who is sent what when a session comes, changes, probes and goes (RFC 6121 4). */
#include <errno.h>

#include "im_fixture.h"

#define A "alice@example.org/a"
#define A2 "alice@example.org/a2"
#define B "bob@example.org/b"
#define C "carol@example.org/c"
#define CAROL "carol@example.org"
#define ROOM "room@" ECHO
#define HERE(from, to) "<presence to=\"" to "\" from=\"" from "\"/>\n"
#define AWAY(from, to) "<presence to=\"" to "\" from=\"" from "\"><show>away</show></presence>\n"
#define GONE(from, to) "<presence to=\"" to "\" type=\"unavailable\" from=\"" from "\"/>\n"
/* As a component gets it, or a session that was addressed directly. */
#define TO(from, to) "<presence from=\"" from "\" to=\"" to "\"/>\n"
#define GONE_TO(from, to) "<presence type=\"unavailable\" from=\"" from "\" to=\"" to "\"/>\n"
#define PROBE(from, to) "<presence type=\"probe\" from=\"" from "\" to=\"" to "\"/>\n"

/* alice and bob see each other; so do alice and the component. */
static int befriended(void **state)
{
	struct session *a, *b;

	if (im_setup(state) != 0)
		return -1;
	a = im_session(A);
	b = im_session(B);
	im_send(a, "<presence type='subscribe' to='" BOB "'/>");
	im_send(b, "<presence type='subscribed' to='" ALICE "'/>");
	im_send(b, "<presence type='subscribe' to='" ALICE "'/>");
	im_send(a, "<presence type='subscribed' to='" BOB "'/>");
	im_send(a, "<presence type='subscribe' to='" ECHO "'/>");
	im_component_sends("<presence type='subscribed' from='" ECHO "' to='" ALICE "'/>");
	im_component_sends("<presence type='subscribe' from='" ECHO "' to='" ALICE "'/>");
	im_send(a, "<presence type='subscribed' to='" ECHO "'/>");
	assert_string_equal(im_item(ALICE, BOB), "both");
	assert_string_equal(im_item(ALICE, ECHO), "both");
	im_session_end(a);
	im_session_end(b);
	im_forget();
	(void)im_component_got();
	return 0;
}

static void test_initial(void **state)
{
	struct session *a = im_session(A), *a2 = im_session(A2), *b = im_session(B);
	struct session *c;

	(void)state;
	im_account(CAROL);
	c = im_session(C);
	im_send(c, "<presence/>");
	(void)im_got(c);
	im_send(a, "<presence/>");
	assert_got(a, HERE(A, ALICE));
	assert_component_got(TO(A, ECHO) PROBE(ALICE, ECHO));
	assert_got(b, ""); /* not available yet */
	im_send(b, "<presence><show>away</show></presence>");
	assert_got(b, AWAY(B, BOB) HERE(A, B));
	assert_got(a, AWAY(B, ALICE));
	im_send(a2, "<presence/>");
	assert_got(a, HERE(A2, ALICE));
	assert_non_null(strstr(im_got(a2), HERE(A2, ALICE) HERE(A, A2)));
	assert_got(b, HERE(A2, BOB));
	assert_got(c, ""); /* a stranger */
}

static void test_change(void **state)
{
	struct session *a = im_session(A), *b = im_session(B);

	(void)state;
	im_send(a, "<presence/>");
	im_send(b, "<presence/>");
	(void)im_got(a);
	(void)im_got(b);
	(void)im_component_got();
	im_send(a, "<presence><show>away</show><priority> -5 </priority></presence>");
	assert_int_equal(a->im.priority, -5);
	assert_component_got("<presence from=\"" A "\" to=\"" ECHO "\"><show>away</show>"
			     "<priority> -5 </priority></presence>\n"); /* no second probe */
	assert_non_null(strstr(im_got(b), "<show>away</show>"));
}

static void test_priority(void **state)
{
	static const struct {
		const char *text;
		int want; /* 1000: refused */
	} t[] = {
		{ "0", 0 },
		{ "127", 127 },
		{ "-128", -128 },
		{ "+7", 7 },
		{ " 12\n", 12 },
		{ "007", 7 },
		{ "128", 1000 },
		{ "-129", 1000 },
		{ "99999999999999999999", 1000 },
		{ "", 1000 },
		{ "-", 1000 },
		{ "1 2", 1000 },
		{ "5x", 1000 },
		{ "1.0", 1000 },
	};
	struct session *a = im_session(A);
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)snprintf(
		    text, sizeof(text), "<presence><priority>%s</priority></presence>", t[i].text);
		a->im.priority = 55;
		im_send(a, text);
		if (t[i].want == 1000) {
			assert_non_null(strstr(im_got(a), "bad-request"));
			assert_int_equal(a->im.priority, 55);
		} else {
			assert_null(strstr(im_got(a), "error"));
			assert_int_equal(a->im.priority, t[i].want);
		}
	}
}

static void test_unavailable(void **state)
{
	struct session *a = im_session(A), *b = im_session(B);

	(void)state;
	im_send(a, "<presence/>");
	im_send(b, "<presence/>");
	(void)im_got(a);
	(void)im_got(b);
	(void)im_component_got();
	im_send(a, "<presence type='unavailable'><status>bye</status></presence>");
	assert_got(b, "<presence to=\"" BOB "\" type=\"unavailable\" from=\"" A "\">"
		      "<status>bye</status></presence>\n");
	assert_got(a, "<presence to=\"" ALICE "\" type=\"unavailable\" from=\"" A "\">"
		      "<status>bye</status></presence>\n");
	assert_false(session_available(a));
	(void)im_component_got();
	im_session_end(a); /* has said so */
	assert_got(b, "");
	assert_component_got("");
}

static void test_session_end(void **state)
{
	struct session *a = im_session(A), *a2 = im_session(A2), *b = im_session(B);

	(void)state;
	im_send(a, "<presence/>");
	im_send(a2, "<presence/>");
	im_send(b, "<presence/>");
	im_send(a, "<presence to='" ROOM "/alice'/>");
	(void)im_got(a2);
	(void)im_got(b);
	(void)im_component_got();
	im_session_end(a);
	assert_got(a2, "<presence to=\"" ALICE "\" type=\"unavailable\" from=\"" A "\"/>\n");
	assert_got(b, GONE(A, BOB));
	assert_component_got(GONE_TO(A, ECHO) GONE_TO(A, ROOM "/alice"));
}

static void test_directed(void **state)
{
	struct session *a = im_session(A), *c;
	struct jid nick = jid_view(ROOM "/alice"), other = jid_view(ROOM "/other");
	struct jid room = jid_view(ROOM), carol = jid_view(CAROL);

	(void)state;
	im_account(CAROL);
	c = im_session(C);
	im_send(c, "<presence/>");
	(void)im_got(c);
	/* Without initial presence, too (4.6.1). */
	im_send(a, "<presence to='" ROOM "/alice'/>");
	im_send(a, "<presence to='" CAROL "'/>");
	assert_component_got("<presence to=\"" ROOM "/alice\" from=\"" A "\"/>\n");
	assert_got(c, HERE(A, CAROL));
	assert_true(presence_directed_to(a, &nick));
	assert_true(presence_directed_to(a, &other)); /* by its bare part */
	assert_true(presence_directed_to(a, &room));
	assert_true(presence_directed_to(a, &carol));

	im_send(a, "<presence type='unavailable' to='" ROOM "/alice'/>");
	assert_false(presence_directed_to(a, &room));
	(void)im_component_got();
	im_send(a, "<presence type='unavailable'/>");
	assert_got(c, GONE(A, CAROL)); /* it is told, though nothing was broadcast */
	assert_component_got("");
	assert_false(presence_directed_to(a, &carol));
}

static void test_directed_not_twice(void **state)
{
	struct session *a = im_session(A), *b = im_session(B);

	(void)state;
	im_send(a, "<presence/>");
	im_send(b, "<presence/>");
	im_send(a, "<presence to='" BOB "'/>");
	im_send(a, "<presence to='" B "'/>");
	im_send(a, "<presence to='" ECHO "'/>");
	im_send(a, "<presence to='" ECHO "/x'/>");
	(void)im_got(b);
	(void)im_component_got();
	im_send(a, "<presence type='unavailable'/>");
	assert_got(b, GONE(A, BOB));
	assert_component_got("<presence type=\"unavailable\" from=\"" A "\" to=\"" ECHO "\"/>\n"
			     "<presence type=\"unavailable\" from=\"" A "\" to=\"" ECHO "/x\"/>\n");
}

/* What is no available session of the contact's has not heard the broadcast. */
static void test_directed_to_unavailable(void **state)
{
	struct session *a = im_session(A), *b = im_session(B);

	(void)state;
	im_send(a, "<presence/>");
	im_send(a, "<presence to='" B "'/>");
	(void)im_got(b);
	im_session_end(a);
	assert_got(b, GONE(A, B));
}

static void test_directed_bound(void **state)
{
	struct session *a = im_session(A);
	char text[200];
	size_t refused = 0;

	(void)state;
	for (int i = 0; i < 1100; i++) {
		(void)snprintf(text, sizeof(text), "<presence to='r%d@" ECHO "/n'/>", i);
		im_send_only(a, text);
		if (strstr(im_got(a), "resource-constraint"))
			refused++;
	}
	assert_int_equal(refused, 1100 - 1024);
	im_send(a, "<presence type='unavailable' to='r1@" ECHO "/n'/>");
	im_send(a, "<presence to='new@" ECHO "/n'/>");
	assert_got(a, "");
}

static void test_probe(void **state)
{
	struct session *a = im_session(A), *a2 = im_session(A2);

	(void)state;
	/* Nobody is there. */
	im_component_sends("<presence type='probe' from='" ECHO "' to='" ALICE "'/>");
	assert_component_got(GONE_TO(ALICE, ECHO));
	im_send(a, "<presence/>");
	im_send(a2, "<presence/>");
	(void)im_component_got();
	im_component_sends("<presence type='probe' from='" ECHO "/x' to='" ALICE "'/>");
	assert_component_got(TO(A, ECHO "/x") TO(A2, ECHO "/x"));
	im_component_sends("<presence type='probe' from='" ECHO "' to='" A2 "'/>");
	assert_component_got(TO(A2, ECHO));
	/* A stranger, one for whom there is no account, one that is not local. */
	im_component_sends("<presence type='probe' from='x@" ECHO "' to='" A "'/>");
	assert_component_got(
	    "<presence type=\"unsubscribed\" from=\"" ALICE "\" to=\"x@" ECHO "\"/>\n");
	im_component_sends("<presence type='probe' from='x@" ECHO "' to='" NOBODY "'/>");
	assert_component_got(
	    "<presence type=\"unsubscribed\" from=\"" NOBODY "\" to=\"x@" ECHO "\"/>\n");
}

/* A client's probe of somebody who shows it nothing says so to its own roster, where it changes
 * nothing. */
static void test_probe_by_client(void **state)
{
	struct session *a = im_session(A), *b = im_session(B), *c;

	(void)state;
	im_account(CAROL);
	c = im_session(C);
	im_send(a, "<presence/>");
	(void)im_got(a);
	im_send(c, "<presence type='probe' to='" ALICE "'/>");
	assert_got(c, "");
	im_send(b, "<presence type='probe' to='" ALICE "'/>");
	assert_got(b, HERE(A, B));
	assert_got(a, "");
}

static void test_inbound(void **state)
{
	struct session *a = im_session(A), *a2 = im_session(A2);

	(void)state;
	im_send(a, "<presence/>");
	(void)im_got(a);
	im_component_sends("<presence from='" ROOM "/x' to='" ALICE "'/>");
	assert_got(a, TO(ROOM "/x", ALICE));
	assert_got(a2, "");
	/* To a full JID also where no presence was sent: rooms that were joined without. */
	im_component_sends("<presence from='" ROOM "/x' to='" A2 "'/>");
	assert_got(a2, TO(ROOM "/x", A2));
	assert_got(a, "");
	im_component_sends("<presence type='error' from='" ROOM "' to='" A "'/>");
	assert_non_null(strstr(im_got(a), "error"));
	im_component_sends("<presence from='" ROOM "/x' to='" ALICE "/else'/>");
	im_component_sends("<presence from='" ROOM "/x' to='" NOBODY "'/>");
	assert_got(a, "");
	assert_component_got("<presence from=\"" A "\" to=\"" ECHO "\"/>\n" PROBE(ALICE, ECHO));
}

static void test_component_away(void **state)
{
	struct session *a = im_session(A);

	(void)state;
	im.component_away = true;
	im_send(a, "<presence/>");
	assert_got(a, HERE(A, ALICE));
	im_send(a, "<presence type='unavailable'/>");
	assert_component_got("");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, befriended, im_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_initial),
		T(test_change),
		T(test_priority),
		T(test_unavailable),
		T(test_session_end),
		T(test_directed),
		T(test_directed_not_twice),
		T(test_directed_to_unavailable),
		T(test_directed_bound),
		T(test_probe),
		T(test_probe_by_client),
		T(test_inbound),
		T(test_component_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
