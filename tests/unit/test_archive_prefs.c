/* SPDX-License-Identifier: MIT */
/* Preferences (XEP-0441): the server is told first. */
#include "archive_fixture.h"

#define PREFS(dflt, lists) "<prefs xmlns='" NS_MAM "' default='" dflt "'>" lists "</prefs>"
#define GET "<prefs xmlns='" NS_MAM "'/>"
#define NONE(dflt) "<prefs xmlns=\"" NS_MAM "\" default=\"" dflt "\"><always/><never/></prefs></iq>"

/* The server answers what it was asked last. */
static void answer(struct fix *f, const char *type, const char *content)
{
	const char *id = NULL;

	for (const char *s = fix_got(f); (s = strstr(s, "<iq to=")); s++)
		id = strstr(s, " id=\"");
	assert_non_null(id);
	fix_sendf(f, "<iq type='%s' id='%.*s' from='" ALICE "' to='" DOM "'>%s</iq>", type,
	    (int)strcspn(id + 5, "\""), id + 5, content);
}

static void test_default(void **state)
{
	struct fix *f = *state;

	ask(f, ALICE "/a", "get", GET);
	fix_has(f, NONE("always"));
	conf.dflt = DEFAULT_NEVER;
	ask(f, ALICE "/a", "get", GET);
	fix_has(f, NONE("never"));
}

static void test_set(void **state)
{
	static const char want[] =
	    "default=\"roster\"><always><jid>" BOB "</jid><jid>far.test</jid>"
	    "</always><never><jid>" FAR "/x</jid></never></prefs></iq>";
	struct fix *f = *state;

	ask(f, ALICE "/a", "set",
	    PREFS("roster", "<never><jid>Carol@FAR.test/x</jid></never>"
			    "<always><jid>" BOB "</jid><jid>far.test</jid></always>"));
	fix_has(f, "to=\"" ALICE "\"");
	fix_has(f, "<prefs xmlns=\"" NS_TAP "\" default=\"roster\"><always>");
	fix_has(f, want);
	fix_hasnt(f, NS_MAM);
	ask_quietly(f, ALICE "/a", ALICE, "get", "q2", GET); /* it is not yet so */
	fix_spin(f);
	fix_has(f, NONE("always"));
	answer(f, "result", "");
	assert_int_equal(fix_count(f, "<prefs xmlns=\"" NS_MAM "\" default=\"roster\">"), 1);
	ask(f, ALICE "/a", "get", GET);
	fix_has(f, want);
	fix_replace(f);
	ask(f, ALICE "/a", "get", GET);
	fix_has(f, want);
	ask(f, BOB "/b", "get", GET);
	fix_has(f, NONE("always"));
}

static void test_refused(void **state)
{
#define REFUSAL(cond) "<error type='cancel'><" cond " xmlns='" NS_STANZAS "'/></error>"
	struct fix *f = *state;

	ask(f, ALICE "/a", "set", PREFS("never", ""));
	answer(f, "error", REFUSAL("forbidden"));
	fix_has(f, "<not-allowed");
	ask(f, ALICE "/a", "set", PREFS("never", ""));
	answer(f, "error", REFUSAL("item-not-found"));
	fix_has(f, "<item-not-found");
	ask(f, ALICE "/a", "set", PREFS("never", ""));
	fix_advance(f, 60000);
	fix_has(f, "<resource-constraint");
	ask(f, ALICE "/a", "get", GET);
	fix_has(f, NONE("always"));
}

static void test_bad(void **state)
{
	struct fix *f = *state;
	struct sbuf b = SBUF_INIT;

	ask(f, ALICE "/a", "set", PREFS("sometimes", ""));
	fix_has(f, "<bad-request");
	ask(f, ALICE "/a", "set", "<prefs xmlns='" NS_MAM "'/>");
	fix_has(f, "<bad-request");
	ask(f, ALICE "/a", "set", PREFS("never", "<always><jid>@</jid></always>"));
	fix_has(f, "<jid-malformed");
	for (int i = 0; i < 2; i++) {
		sbuf_clear(&b);
		sbuf_puts(&b, "<prefs xmlns='" NS_MAM "' default='never'><always>");
		for (int k = 0; k < ARCHIVE_PREFS - 1; k++)
			sbuf_printf(&b, "<jid>u%d@far.test</jid>", k);
		sbuf_puts(&b, "</always><never><jid>a@far.test</jid>");
		sbuf_puts(
		    &b, i == 1 ? "<jid>b@far.test</jid></never></prefs>" : "</never></prefs>");
		ask(f, ALICE "/a", "set", sbuf_str(&b));
		if (i == 0)
			answer(f, "result", "");
	}
	fix_has(f, "<not-acceptable");
	sbuf_done(&b);
}

/* The process ends before the server has answered: the next one begins anew. */
static void test_killed(void **state)
{
	struct fix *f = *state;

	ask(f, ALICE "/a", "set", PREFS("never", ""));
	fix_clear(f);
	fix_replace(f);
	answer(f, "result", "");
	assert_int_equal(fix_count(f, NONE("never")), 1);
	ask(f, ALICE "/a", "get", GET);
	fix_has(f, NONE("never"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ARCHIVE_TEST(test_default),
		ARCHIVE_TEST(test_set),
		ARCHIVE_TEST(test_refused),
		ARCHIVE_TEST(test_bad),
		ARCHIVE_TEST(test_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
