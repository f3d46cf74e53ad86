/* SPDX-License-Identifier: MIT */
/* What is kept, and what is found of it (XEP-0313). */
#include <errno.h>

#include "archive_fixture.h"

/* a to e, a second apart. */
static void fill(struct fix *f)
{
	static const char *const v[] = { "a", "b", "c", "d", "e" };

	for (unsigned i = 0; i < 5; i++)
		talk(f, i, v[i]);
}

/* Alice asks this, and finds the messages of these letters. */
static void finds(struct fix *f, const char *letters, const char *query, ...)
    __attribute__((format(printf, 3, 4)));
static void finds(struct fix *f, const char *letters, const char *query, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, query);
	(void)vsnprintf(text, sizeof(text), query, ap);
	va_end(ap);
	ask(f, ALICE "/a", "set", text);
	assert_string_equal(texts(f), letters);
}

static void test_kept_once(void **state)
{
	struct fix *f = *state;

	talk(f, 1, "a");
	assert_int_equal(number(f, "SELECT count(*) FROM entry"), 0);
	file(f);
	assert_int_equal(
	    number(f, "SELECT upto FROM filed"), number(f, "SELECT max(id) FROM body"));
	assert_int_equal(number(f, "SELECT count(*) FROM entry"), 2);
	assert_int_equal(number(f, "SELECT count(*) FROM body"), 1);
	talk(f, 1, "a"); /* the server was restarted, and tells again */
	assert_int_equal(number(f, "SELECT count(*) FROM entry"), 2);
	assert_int_equal(number(f, "SELECT count(*) FROM body"), 1);
	tap(f, owner_of(ALICE, id_at(T0 + 9000, 1), ""), said(FAR "/x", ALICE, "m", "x"));
	assert_int_equal(number(f, "SELECT count(*) FROM body"), 1);
	tap(f, owner_of(FAR, id_at(T0 + 9000, 1), KEEP), said(FAR "/x", ALICE, "m", "x"));
	tap(f, owner_of(ALICE, "no-id", KEEP), said(FAR "/x", ALICE, "m", "x"));
	tap(f, owner_of(ALICE, id_at(T0 + 9000, 1), KEEP), "<presence xmlns='jabber:client'/>");
	assert_int_equal(number(f, "SELECT count(*) FROM body"), 1);
	assert_int_equal(f->received, STREAM_E_NONE);
}

/* What had not been filed when the process was killed is found by the next one; and so is what was
 * told twice on the way. */
static void test_killed_before_it_was_filed(void **state)
{
	struct fix *f = *state;

	talk(f, 1, "a");
	talk(f, 2, "b");
	fix_replace(f);
	fix_spin(f);
	assert_int_equal(
	    number(f, "SELECT upto FROM filed"), number(f, "SELECT max(id) FROM body"));
	talk(f, 2, "b");
	finds(f, "ab", QUERY());
	ask(f, BOB "/a", "set", QUERY());
	assert_string_equal(texts(f), "ab");
	assert_int_equal(number(f, "SELECT count(*) FROM body"), 2);
}

static void test_a_page(void **state)
{
	struct fix *f = *state;
	char want[512];

	fill(f);
	finds(f, "abcde", QUERY());
	assert_int_equal(fix_count(f, "<fanout"), 5);
	assert_int_equal(fix_count(f, "<to jid=\"" ALICE "/a\"/>"), 5);
	(void)snprintf(want, sizeof(want),
	    "<message xmlns=\"jabber:client\" from=\"" ALICE "\"><result xmlns=\"" NS_MAM
	    "\" queryid=\"f1\" id=\"%s\"><forwarded xmlns=\"" NS_FORWARD
	    "\"><delay xmlns=\"" NS_DELAY
	    "\" stamp=\"2026-01-01T00:00:02.000Z\"/><message xmlns=\"jabber:client\" from=\"" ALICE
	    "/a\" to=\"" BOB
	    "\" type=\"chat\" id=\"m2\"><body>c</body></message></forwarded></result>"
	    "</message>",
	    id_at(T0 + 2000, 1));
	fix_has(f, want);
	(void)snprintf(want, sizeof(want),
	    "<fin xmlns=\"" NS_MAM "\" complete=\"true\"><set xmlns=\"" NS_RSM
	    "\"><first index=\"0\">%s</first><last>%s</last><count>5</count></set></fin>",
	    id_at(T0, 1), id_at(T0 + 4000, 1));
	fix_has(f, want);
	assert_true(strstr(fix_got(f), "<fin") > strstr(fix_got(f), "<body>e"));
	ask(f, BOB "/b", "set", QUERY());
	assert_string_equal(texts(f), "abcde");
	fix_has(f, id_at(T0, 2));
	fix_hasnt(f, id_at(T0, 1));
}

static void test_nobody_elses(void **state)
{
	struct fix *f = *state;

	fill(f);
	ask_quietly(f, BOB "/b", ALICE, "set", "q1", QUERY());
	ask_quietly(f, BOB "/b", ALICE, "get", "q2", QUERY());
	ask_quietly(f, BOB "/b", ALICE, "get", "q3", "<metadata xmlns='" NS_MAM "'/>");
	ask_quietly(f, BOB "/b", ALICE, "get", "q4", "<prefs xmlns='" NS_MAM "'/>");
	ask_quietly(f, BOB "/b", ALICE, "set", "q5", "<prefs xmlns='" NS_MAM "' default='never'/>");
	fix_spin(f);
	assert_int_equal(fix_count(f, "<forbidden"), 5);
	assert_int_equal(fix_count(f, "<result"), 0);
}

static void test_pages(void **state)
{
	struct fix *f = *state;

	fill(f);
	finds(f, "ab", QUERY(SET("<max>2</max>")));
	fix_hasnt(f, "complete");
	fix_hasnt(f, "<count");
	finds(f, "cd", QUERY(SET("<max>2</max><after>%s</after>")), id_at(T0 + 1000, 1));
	fix_hasnt(f, "complete");
	fix_hasnt(f, "index");
	finds(f, "e", QUERY(SET("<max>2</max><after>%s</after>")), id_at(T0 + 3000, 1));
	fix_has(f, "complete=\"true\"");
	finds(f, "", QUERY(SET("<max>2</max><after>%s</after>")), id_at(T0 + 4000, 1));
	fix_has(f, "complete=\"true\"><set xmlns=\"" NS_RSM "\"/></fin>");
}

static void test_backwards(void **state)
{
	struct fix *f = *state;
	char text[512];

	fill(f);
	finds(f, "de", QUERY(SET("<max>2</max><before/>")));
	fix_hasnt(f, "complete");
	(void)snprintf(text, sizeof(text), "<first>%s</first><last>%s</last></set>",
	    id_at(T0 + 3000, 1), id_at(T0 + 4000, 1));
	fix_has(f, text);
	finds(f, "bc", QUERY(SET("<max>2</max><before>%s</before>")), id_at(T0 + 3000, 1));
	fix_hasnt(f, "complete");
	finds(f, "abc", QUERY(SET("<max>3</max><before>%s</before>")), id_at(T0 + 3000, 1));
	fix_has(f, "complete=\"true\"");
	finds(f, "edc", QUERY(SET("<max>3</max><before/>") "<flip-page/>"));
	(void)snprintf(text, sizeof(text), "<first>%s</first><last>%s</last></set>",
	    id_at(T0 + 2000, 1), id_at(T0 + 4000, 1));
	fix_has(f, text);
	finds(f, "cba", QUERY(SET("<max>3</max>") "<flip-page/>"));
}

/* From whom or to whom, whichever way. */
static void test_with(void **state)
{
	struct fix *f = *state;

	fill(f);
	tap(f, owner_of(ALICE, id_at(T0 + 10000, 1), KEEP), said(FAR "/x", ALICE "/a", "m", "f"));
	tap(f, owner_of(ALICE, id_at(T0 + 11000, 1), KEEP), said(ALICE "/a", FAR "/y", "m", "g"));
	tap(f, owner_of(ALICE, id_at(T0 + 12000, 1), KEEP), said(ALICE "/a", ALICE, "m", "h"));
	tap(f, owner_of(ALICE, id_at(T0 + 13000, 1), KEEP), said(FAR, ALICE, "m", "i"));
	finds(f, "fgi", QUERY(FORM(FIELD("with", FAR))));
	finds(f, "gi", QUERY(FORM(FIELD("with", FAR)) SET("<before/><max>2</max>")));
	finds(f, "f", QUERY(FORM(FIELD("with", "Carol@far.test/x"))));
	fix_has(f, "<count>1</count>");
	finds(f, "", QUERY(FORM(FIELD("with", FAR "/z"))));
	finds(f, "h", QUERY(FORM(FIELD("with", ALICE))));
	finds(f, "", QUERY(FORM(FIELD("with", "nobody@test"))));
	fix_has(f, "complete=\"true\"");
	ask(f, ALICE "/a", "set", QUERY(FORM(FIELD("with", "@"))));
	fix_has(f, "<jid-malformed");
}

/* Of very many that are looked at, few may be shown: it is done in turns. */
static void test_with_resource_in_turns(void **state)
{
	struct fix *f = *state;
	char text[256];

	for (unsigned i = 0; i < 2 * ARCHIVE_SLICE + 10; i++) {
		const char *from = i % ARCHIVE_SLICE == 3 ? FAR "/one" : FAR "/other";

		(void)snprintf(text, sizeof(text), "%c", 'a' + (int)(i / ARCHIVE_SLICE));
		tap_quietly(
		    f, owner_of(ALICE, id_at(T0 + i, 1), KEEP), said(from, ALICE, "m", text));
		if (i % 256 == 0)
			fix_spin(f);
	}
	fix_spin(f);
	finds(f, "abc", QUERY(FORM(FIELD("with", FAR "/one"))));
	fix_has(f, "complete=\"true\"");
	finds(f, "bc", QUERY(FORM(FIELD("with", FAR "/one")) SET("<before/><max>2</max>")));
	fix_hasnt(f, "complete");
}

static void test_times(void **state)
{
	struct fix *f = *state;

	fill(f);
	finds(f, "cde", QUERY(FORM(FIELD("start", "2026-01-01T00:00:02Z"))));
	finds(f, "abc", QUERY(FORM(FIELD("end", "2026-01-01T00:00:02Z"))));
	finds(f, "c",
	    QUERY(FORM(FIELD("start", "2026-01-01T01:00:00.001+01:00") FIELD("end",
		"2026-01-01T00:00:02.999Z") FIELD("with", BOB)) SET("<max>1</max><before/>")));
	finds(f, "", QUERY(FORM(FIELD("end", "1969-01-01T00:00:00Z"))));
	ask(f, ALICE "/a", "set", QUERY(FORM(FIELD("start", "yesterday"))));
	fix_has(f, "<bad-request");
}

static void test_ids(void **state)
{
	struct fix *f = *state;

	fill(f);
	finds(f, "cde", QUERY(FORM(FIELD("after-id", "%s"))), id_at(T0 + 1000, 1));
	finds(f, "cd",
	    QUERY(FORM(FIELD("before-id", "%s") FIELD("after-id", "%s"))
		    SET("<max>2</max><before/>")),
	    id_at(T0 + 4000, 1), id_at(T0, 1));
	finds(f, "ae",
	    QUERY(FORM(
		"<field var='ids'><value>%s</value><value>%s</value><value>%s</value></field>")),
	    id_at(T0 + 4000, 1), id_at(T0, 1), id_at(T0 + 4000, 1));
	finds(f, "e",
	    QUERY(FORM("<field var='ids'><value>%s</value><value>%s</value></field>")
		    SET("<max>1</max><before/>")),
	    id_at(T0 + 4000, 1), id_at(T0, 1));
	fix_hasnt(f, "complete");
}

static void name(struct fix *f, const char *const around[2], const char *id)
{
	struct sbuf b = SBUF_INIT;

	sbuf_printf(&b, "<query xmlns='" NS_MAM "'>%s%s%s</query>", around[0], id, around[1]);
	ask(f, ALICE "/a", "set", sbuf_str(&b));
	sbuf_done(&b);
}

/* There has to be what is named, in this archive. */
static void test_unknown_ids(void **state)
{
#define BEFORE(var) BEGIN_FORM "<field var='" var "'><value>"
#define BEHIND "</value></field></x>"
	static const char *const around[][2] = {
		{ BEFORE("after-id"), BEHIND },
		{ BEFORE("before-id"), BEHIND },
		{ BEFORE("ids"), BEHIND },
		{ "<set xmlns='" NS_RSM "'><after>", "</after></set>" },
		{ "<set xmlns='" NS_RSM "'><before>", "</before></set>" },
	};
	struct fix *f = *state;

	fill(f);
	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
		name(f, around[i], id_at(T0 + 1000, 2)); /* bob's */
		fix_has(f, "<item-not-found");
		name(f, around[i], "no-id");
		fix_has(f, "<item-not-found");
		name(f, around[i], id_at(T0 + 1000, 1));
		fix_has(f, "<fin");
	}
}

static void test_bad_queries(void **state)
{
	static const struct {
		const char *ask, *answer;
	} v[] = {
		{ QUERY(FORM(FIELD("{http://x/}search", "x"))), "<feature-not-implemented" },
		{ QUERY(SET("<index>3</index>")), "<feature-not-implemented" },
		{ "<query xmlns='" NS_MAM "' node='n'/>", "<feature-not-implemented" },
		{ QUERY(SET("<max>many</max>")), "<bad-request" },
		{ QUERY(SET("<max>-1</max>")), "<bad-request" },
		{ QUERY(SET("<max/>")), "<bad-request" },
		{ QUERY(SET("<before/><after>x</after>")), "<bad-request" },
		{ QUERY(FORM(FIELD("include-groupchat", "perhaps"))), "<bad-request" },
		{ QUERY("<x xmlns='jabber:x:data' type='submit'/>"), "<bad-request" },
		{ QUERY("<x xmlns='jabber:x:data' type='form'><field var='FORM_TYPE'><value>" NS_MAM
			"</value></field></x>"),
		    "<bad-request" },
	};
	struct fix *f = *state;

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		ask(f, ALICE "/a", "set", v[i].ask);
		fix_has(f, v[i].answer);
	}
	ask(f, ALICE "/a", "set", QUERY(FORM(FIELD("include-groupchat", "true"))));
	fix_has(f, "<fin");
}

static void test_how_many(void **state)
{
	struct fix *f = *state;

	fill(f);
	ask(f, ALICE "/a", "set", QUERY(SET("<max>0</max>")));
	fix_has(
	    f, "<fin xmlns=\"" NS_MAM "\"><set xmlns=\"" NS_RSM "\"><count>5</count></set></fin>");
	ask(f, ALICE "/a", "set", QUERY(FORM(FIELD("with", FAR)) SET("<max>0</max>")));
	fix_has(f, "complete=\"true\"");
	fix_has(f, "<count>0</count>");
}

static void test_bounds(void **state)
{
	struct fix *f = *state;
	char big[1500];

	for (unsigned i = 0; i < ARCHIVE_PAGE_MAX + 10; i++)
		tap_quietly(
		    f, owner_of(ALICE, id_at(T0 + i, 1), KEEP), said(FAR "/x", ALICE, "m", "x"));
	fix_spin(f);
	ask(f, ALICE "/a", "set", QUERY());
	assert_int_equal(fix_count(f, "<body"), ARCHIVE_PAGE);
	ask(f, ALICE "/a", "set", QUERY(SET("<max>100000</max>")));
	assert_int_equal(fix_count(f, "<body"), ARCHIVE_PAGE_MAX);
	fix_hasnt(f, "complete");
	memset(big, 'q', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	fix_clear(f);
	{
		struct sbuf b = SBUF_INIT;

		sbuf_printf(&b, "<query xmlns='" NS_MAM "' queryid='%s'/>", big);
		ask(f, ALICE "/a", "set", sbuf_str(&b));
		sbuf_done(&b);
	}
	fix_has(f, "<bad-request");
}

/* A page of more than one message has so many bytes. */
static void test_page_bytes(void **state)
{
	enum { LEN = 300 << 10 };
	struct fix *f = *state;

	for (unsigned i = 0; i < 5; i++) {
		struct sbuf b = SBUF_INIT;

		sbuf_printf(&b,
		    "<message xmlns='jabber:client' from='" FAR "/x' to='" ALICE "'><body>%c",
		    'a' + (int)i);
		memset(sbuf_reserve(&b, LEN), 'x', LEN);
		sbuf_commit(&b, LEN);
		sbuf_puts(&b, "</body></message>");
		tap(f, owner_of(ALICE, id_at(T0 + i, 1), KEEP), sbuf_str(&b));
		sbuf_done(&b);
	}
	finds(f, "abc", QUERY());
	fix_hasnt(f, "complete");
	finds(f, "cde", QUERY(SET("<before/>")));
}

/* Who asks finds what the server was told to be kept, however soon. */
static void test_waits_for_commit(void **state)
{
	struct fix *f = *state;

	tap_quietly(f, owner_of(ALICE, id_at(T0, 1), KEEP), said(FAR "/x", ALICE, "m", "a"));
	ask_quietly(f, ALICE "/a", ALICE, "set", "q1", QUERY());
	tap_quietly(f, owner_of(ALICE, id_at(T0 + 1, 1), KEEP), said(FAR "/x", ALICE, "m", "b"));
	ask_quietly(f, ALICE "/a", ALICE, "get", "q2", "<metadata xmlns='" NS_MAM "'/>");
	fix_spin(f);
	assert_non_null(strchr(texts(f), 'a'));
	fix_has(f, "<end id");
	assert_int_equal(number(f, "SELECT count(*) FROM comp_deferred"), 0);
}

/* Sends until the link takes less than this. */
static void leave_room(struct fix *f, size_t room)
{
	char text[50001];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	while (comp_send_space(f->c) > room) {
		struct el *m = el_message(NULL, ME);

		el_add_text(m, "body", NULL, text);
		assert_int_equal(comp_send(f->c, m), 0);
	}
}

/* The link takes only a part: all of a page is sent, or nothing. */
static void test_link_is_full(void **state)
{
	char text[1500];
	struct fix *f = *state;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (unsigned i = 0; i < 200; i++)
		tap_quietly(
		    f, owner_of(ALICE, id_at(T0 + i, 1), KEEP), said(FAR "/x", ALICE, "m", text));
	ask_quietly(f, ALICE "/a", ALICE, "set", "q1", QUERY(SET("<max>200</max>")));
	while (list_empty(&a.held.uncommitted))
		(void)loop_turn(f->l, false);
	leave_room(f, 100000);
	fix_spin(f);
	fix_has(f, "<resource-constraint");
	assert_int_equal(fix_count(f, "<result"), 0);
	ask(f, ALICE "/a", "set", QUERY(SET("<max>200</max>")));
	assert_int_equal(fix_count(f, "<result"), 200);
}

static void test_form_and_metadata(void **state)
{
	struct fix *f = *state;
	char want[512];

	ask(f, ALICE "/a", "get", QUERY());
	fix_has(f, "<field type=\"list-multi\" var=\"ids\"><validate");
	fix_has(f, "<field type=\"jid-single\" var=\"with\"/>");
	ask(f, ALICE "/a", "get", "<metadata xmlns='" NS_MAM "'/>");
	fix_has(f, "<metadata xmlns=\"" NS_MAM "\"/>");
	fill(f);
	ask(f, ALICE "/a", "get", "<metadata xmlns='" NS_MAM "'/>");
	(void)snprintf(want, sizeof(want),
	    "<start id=\"%s\" timestamp=\"2026-01-01T00:00:00.000Z\"/><end id=\"%s\" "
	    "timestamp=\"2026-01-01T00:00:04.000Z\"/>",
	    id_at(T0, 1), id_at(T0 + 4000, 1));
	fix_has(f, want);
}

/* Nothing of it was acknowledged, so the server sends it again; it is there once. */
static void test_failed_commit(void **state)
{
	struct fix *f = *state;

	db_fail_commits(f->c->ledger.db, 1, -ENOSPC);
	tap_quietly(f, owner_of(ALICE, id_at(T0, 1), KEEP), said(FAR "/x", ALICE, "m", "a"));
	ask_quietly(f, ALICE "/a", ALICE, "set", "q1", QUERY());
	fix_spin(f);
	fix_hasnt(f, "<body");
	for (int i = 0; i < 20; i++)
		fix_advance(f, 3000);
	assert_int_equal(number(f, "SELECT count(*) FROM entry"), 1);
	assert_string_equal(texts(f), "a"); /* the question came again, too */
	finds(f, "a", QUERY());
}

/* What the server tells while the database cannot be read is kept when it can be. */
static void test_cannot_be_read(void **state)
{
	static struct db_q away = { "ALTER TABLE account RENAME TO elsewhere" };
	static struct db_q back = { "ALTER TABLE elsewhere RENAME TO account" };
	struct fix *f = *state;

	talk(f, 0, "a");
	db_batch_add(comp_tx(f->c), &away, "");
	fix_spin(f);
	tap(f, owner_of("dan@test", id_at(T0, 1), KEEP), said(FAR "/x", "dan@test", "m", "b"));
	ask(f, "dan@test/d", "set", QUERY());
	fix_has(f, "<resource-constraint");
	assert_int_equal(number(f, "SELECT count(*) FROM entry"), 2);
	db_batch_add(comp_tx(f->c), &back, "");
	fix_spin(f);
	fix_advance(f, 300);
	ask(f, "dan@test/d", "set", QUERY());
	assert_string_equal(texts(f), "b");
}

static void test_restart(void **state)
{
	struct fix *f = *state;

	fill(f);
	fix_replace(f);
	assert_int_equal(a.last_account, 2);
	assert_int_equal(a.last_body, 5);
	talk(f, 5, "f");
	ask(f, BOB "/b", "set", QUERY());
	assert_string_equal(texts(f), "abcdef");
	assert_int_equal(number(f, "SELECT count(*) FROM account"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ARCHIVE_TEST(test_kept_once),
		ARCHIVE_TEST(test_killed_before_it_was_filed),
		ARCHIVE_TEST(test_a_page),
		ARCHIVE_TEST(test_nobody_elses),
		ARCHIVE_TEST(test_pages),
		ARCHIVE_TEST(test_backwards),
		ARCHIVE_TEST(test_with),
		ARCHIVE_TEST(test_with_resource_in_turns),
		ARCHIVE_TEST(test_times),
		ARCHIVE_TEST(test_ids),
		ARCHIVE_TEST(test_unknown_ids),
		ARCHIVE_TEST(test_bad_queries),
		ARCHIVE_TEST(test_how_many),
		ARCHIVE_TEST(test_bounds),
		ARCHIVE_TEST(test_page_bytes),
		ARCHIVE_TEST(test_waits_for_commit),
		ARCHIVE_TEST(test_link_is_full),
		ARCHIVE_TEST(test_form_and_metadata),
		ARCHIVE_TEST(test_failed_commit),
		ARCHIVE_TEST(test_cannot_be_read),
		ARCHIVE_TEST(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
