/* SPDX-License-Identifier: MIT */
/* What is taken back (XEP-0424): by who has said it, from all who have it. */
#include "archive_fixture.h"

/* a to e, a second apart. */
static void fill(struct fix *f)
{
	static const char *const v[] = { "a", "b", "c", "d", "e" };

	for (unsigned i = 0; i < 5; i++)
		talk(f, i, v[i]);
}

static void retract(struct fix *f, unsigned n, const char *from, const char *to, const char *id)
{
	struct sbuf b = SBUF_INIT, fors = SBUF_INIT;

	sbuf_puts(&fors, owner_of(ALICE, id_at(T0 + n * 1000, 1), KEEP));
	sbuf_puts(&fors, owner_of(BOB, id_at(T0 + n * 1000, 2), KEEP));
	sbuf_printf(&b,
	    "<message xmlns='jabber:client' from='%s' to='%s' type='chat' id='r%u'><retract "
	    "xmlns='" NS_RETRACT "' id='%s'/><body>R</body></message>",
	    from, to, n, id);
	tap(f, sbuf_str(&fors), sbuf_str(&b));
	sbuf_done(&fors);
	sbuf_done(&b);
}

static void test_retraction(void **state)
{
	static const char stone[] =
	    "<message xmlns=\"jabber:client\" from=\"" ALICE "/a\" to=\"" BOB
	    "\" type=\"chat\" id=\"m2\"><retracted xmlns=\"" NS_RETRACT
	    "\" id=\"r7\" stamp=\"2026-01-01T00:00:07.000Z\"/></message>";
	struct fix *f = *state;

	fill(f);
	retract(f, 5, BOB "/b", ALICE, "m1");          /* who has not said it */
	retract(f, 6, ALICE "/other", FAR, "m1");      /* not to him */
	retract(f, 7, ALICE "/other", BOB "/b", "m2"); /* another client of the same */
	ask(f, ALICE "/a", "set", QUERY());
	assert_string_equal(texts(f), "abdeRRR");
	fix_has(f, stone);
	ask(f, BOB "/b", "set", QUERY());
	assert_string_equal(texts(f), "abdeRRR");
	fix_has(f, stone);
	retract(f, 7, ALICE "/other", BOB "/b", "m2"); /* told again */
	retract(f, 8, ALICE "/a", BOB, "r7");          /* what has taken back stays */
	ask(f, BOB "/b", "set", QUERY());
	assert_string_equal(texts(f), "abdeRRRR");
	fix_has(f, stone);
}

/* Under an id that was used twice it is the last one, however often it is told. */
static void test_retraction_of_the_last(void **state)
{
	struct fix *f = *state;

	for (unsigned i = 0; i < 3; i++)
		tap(f, owner_of(ALICE, id_at(T0 + i, 1), KEEP),
		    said(ALICE "/a", BOB, "same",
			i == 0   ? "a"
			: i == 1 ? "b"
				 : "c"));
	for (int i = 0; i < 2; i++)
		retract(f, 7, ALICE "/a", BOB, "same");
	ask(f, ALICE "/a", "set", QUERY());
	assert_string_equal(texts(f), "abR");
}

/* In a room all have one bare address. */
static void test_retraction_in_a_room(void **state)
{
#define ROOM "room@far.test"
#define PRIVATE(from, id, content)                                                            \
	"<message xmlns='jabber:client' from='" from "' to='" ALICE "/a' type='chat' id='" id \
	"'>" content "<x xmlns='" NS_MUC_USER "'/></message>"
#define RETRACT(id) "<retract xmlns='" NS_RETRACT "' id='" id "'/>"
	struct fix *f = *state;

	tap(f, owner_of(ALICE, id_at(T0, 1), KEEP), PRIVATE(ROOM "/one", "1", "<body>a</body>"));
	tap(f, owner_of(ALICE, id_at(T0 + 1, 1), KEEP), PRIVATE(ROOM "/two", "2", RETRACT("1")));
	ask(f, ALICE "/a", "set", QUERY());
	assert_string_equal(texts(f), "a");
	tap(f, owner_of(ALICE, id_at(T0 + 2, 1), KEEP), PRIVATE(ROOM "/one", "3", RETRACT("1")));
	ask(f, ALICE "/a", "set", QUERY());
	assert_string_equal(texts(f), "");
	fix_has(f, "<retracted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ARCHIVE_TEST(test_retraction),
		ARCHIVE_TEST(test_retraction_of_the_last),
		ARCHIVE_TEST(test_retraction_in_a_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
