/* SPDX-License-Identifier: MIT */
/* Bookmarks between XEP-0048 and XEP-0402: both ways and back, what is left out, and limits. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bookmark_conv.h"
#include "xml_fixture.h"

#define STORAGE(inner) "<storage xmlns='storage:bookmarks'>" inner "</storage>"
#define CONFERENCE(rest) "<conference xmlns='urn:xmpp:bookmarks:1'" rest
#define OUT "<conference xmlns=\"urn:xmpp:bookmarks:1\""

static struct sbuf got; /* "id payload\n" of each room */
static int stop_at;     /* the n-th room ends the walk; 0: none */

static int each(const char *id, struct el *conference, void *arg)
{
	int *n = arg;

	sbuf_printf(&got, "%s ", id);
	el_write(&got, conference, NULL);
	sbuf_putc(&got, '\n');
	return ++*n == stop_at ? -EIO : 0;
}

static int from_storage(const char *xml, bool *more)
{
	struct el *storage = xml_str(NS_CLIENT, xml);
	int n = 0, r;

	assert_non_null(storage);
	sbuf_clear(&got);
	r = bookmark_from_storage(storage, each, &n, more);
	if (r >= 0)
		assert_int_equal(r, n);
	el_free(storage);
	return r;
}

static int teardown(void **state)
{
	(void)state;
	sbuf_done(&got);
	stop_at = 0;
	return 0;
}

static void test_from_storage(void **state)
{
	bool more = true;

	(void)state;
	assert_int_equal(
	    from_storage(STORAGE("<conference name='Council of Oberon' autojoin='true'"
				 " jid='council@conference.underhill.org'><nick>Puck</nick>"
				 "</conference>"
				 "<conference name=\"The Play's the Thing\" autojoin='1'"
				 " jid='theplay@conference.shakespeare.lit'><nick>JC</nick>"
				 "<password>Gl0b3</password></conference>"),
		&more),
	    2);
	assert_false(more);
	assert_string_equal(sbuf_str(&got),
	    "council@conference.underhill.org " OUT " name=\"Council of Oberon\" autojoin=\"true\">"
	    "<nick>Puck</nick></conference>\n"
	    "theplay@conference.shakespeare.lit " OUT " name=\"The Play's the Thing\""
	    " autojoin=\"true\"><nick>JC</nick><password>Gl0b3</password></conference>\n");
}

static void test_from_storage_left_out(void **state)
{
	(void)state;
	assert_int_equal(
	    from_storage(STORAGE("<conference name='no address'/>"
				 "<conference jid=''/>"
				 "<conference jid='@nothing'/>"
				 "<conference jid='a b@c.lit'/>"
				 "<conference jid='Room@Conf.lit/nick' minimized='1' autojoin='yes'"
				 " name=''><nick/><print_status>all</print_status>"
				 "<password xmlns='other'>x</password></conference>"
				 "<conference jid='room@conf.lit' name='again'/>"
				 "<conference xmlns='other' jid='x@conf.lit'/>"
				 "<url url='http://a.lit/'/>"),
		NULL),
	    1);
	assert_string_equal(sbuf_str(&got), "room@conf.lit " OUT "/>\n");
}

static void test_from_other_elements(void **state)
{
	(void)state;
	assert_int_equal(from_storage(STORAGE(""), NULL), 0);
	assert_int_equal(from_storage("<storage xmlns='other'/>", NULL), -EINVAL);
	assert_int_equal(from_storage(CONFERENCE("/>"), NULL), -EINVAL);
}

static void test_from_storage_stops(void **state)
{
	(void)state;
	stop_at = 2;
	assert_int_equal(from_storage(STORAGE("<conference jid='a@c'/><conference jid='b@c'/>"
					      "<conference jid='d@c'/>"),
			     NULL),
	    -EIO);
	assert_string_equal(sbuf_str(&got), "a@c " OUT "/>\n"
					    "b@c " OUT "/>\n");
}

static int many(int n, const char *fmt, bool *more)
{
	struct sbuf s = SBUF_INIT;
	int r;

	sbuf_puts(&s, "<storage xmlns='storage:bookmarks'>");
	for (int i = 0; i < n; i++) {
		sbuf_puts(&s, "<conference jid='");
		sbuf_printf(&s, "%d", i);
		sbuf_puts(&s, fmt);
	}
	sbuf_puts(&s, "</storage>");
	r = from_storage(sbuf_str(&s), more);
	sbuf_done(&s);
	return r;
}

static void test_many(void **state)
{
	bool more;

	(void)state;
	assert_int_equal(many(BOOKMARKS_MAX, "@conf.lit'/>", &more), BOOKMARKS_MAX);
	assert_false(more);
	assert_int_equal(many(BOOKMARKS_MAX + 1, "@conf.lit'/>", &more), BOOKMARKS_MAX);
	assert_true(more);
	assert_int_equal(many(100000, "@conf@lit'/>", &more), 0);
	assert_false(more);
}

static void test_long_texts(void **state)
{
	char *s = test_malloc(BOOKMARK_TEXT_MAX + 2);
	struct sbuf b = SBUF_INIT;

	(void)state;
	memset(s, 'x', BOOKMARK_TEXT_MAX + 1);
	for (int over = 1; over >= 0; over--) {
		s[BOOKMARK_TEXT_MAX + over] = '\0';
		sbuf_clear(&b);
		sbuf_printf(&b, STORAGE("<conference jid='a@c' name='%s'/>"), s);
		assert_int_equal(from_storage(sbuf_str(&b), NULL), !over);
		sbuf_clear(&b);
		sbuf_printf(&b, STORAGE("<conference jid='a@c'><nick>%s</nick></conference>"), s);
		assert_int_equal(from_storage(sbuf_str(&b), NULL), !over);
		sbuf_clear(&b);
		sbuf_printf(
		    &b, STORAGE("<conference jid='a@c'><password>%s</password></conference>"), s);
		assert_int_equal(from_storage(sbuf_str(&b), NULL), !over);
	}
	sbuf_done(&b);
	test_free(s);
}

static void test_keep(void **state)
{
	struct el *old = bookmark_read(
	    CONFERENCE(" name='The Orcard' autojoin='1'><nick>JC</nick><password>p</password>"
		       "<extensions><state xmlns='http://myclient.example/bookmark/state'"
		       " minimized='true'/></extensions><mine xmlns='x'/></conference>"));
	struct el *new = bookmark_read(CONFERENCE(" name='The Orchard'><nick>J</nick>"
						  "</conference>"));
	char *s;

	(void)state;
	bookmark_keep(new, NULL);
	bookmark_keep(new, old);
	s = el_canon(new);
	assert_string_equal(s,
	    OUT " name=\"The Orchard\"><nick>J</nick><extensions>"
		"<state xmlns=\"http://myclient.example/bookmark/state\" minimized=\"true\"/>"
		"</extensions><mine xmlns=\"x\"/></conference>");
	free(s);
	el_free(old);
	el_free(new);
}

static void test_same(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "/>", "/>", true },
		{ " autojoin='1'/>", " autojoin='true'/>", true },
		{ " autojoin='false'/>", " autojoin='no'/>", true },
		{ " autojoin='1'/>", "/>", false },
		{ " name=''/>", "><nick/><password/></conference>", true },
		{ " name='a'/>", " name='a'/>", true },
		{ " name='a'/>", " name='A'/>", false },
		{ " name='a'/>", "/>", false },
		{ "><nick>a</nick></conference>", "><nick>b</nick></conference>", false },
		{ "><nick>a</nick></conference>", "/>", false },
		{ "><password>a</password></conference>", "/>", false },
		{ "><password>a</password></conference>", "><password>a</password></conference>",
		    true },
		{ "><extensions><a xmlns='b'/></extensions></conference>", "/>", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sbuf a = SBUF_INIT, b = SBUF_INIT;
		struct el *x, *y;

		sbuf_printf(&a, CONFERENCE("%s"), cases[i].a);
		sbuf_printf(&b, CONFERENCE("%s"), cases[i].b);
		x = bookmark_read(sbuf_str(&a));
		y = bookmark_read(sbuf_str(&b));
		assert_non_null(x);
		assert_non_null(y);
		assert_int_equal(bookmark_same(x, y), cases[i].same);
		assert_int_equal(bookmark_same(y, x), cases[i].same);
		assert_false(bookmark_same(x, NULL));
		assert_false(bookmark_same(NULL, y));
		el_free(x);
		el_free(y);
		sbuf_done(&a);
		sbuf_done(&b);
	}
	assert_true(bookmark_same(NULL, NULL));
}

static void test_same_only_bookmarks(void **state)
{
	struct el *a = xml_str(NS_CLIENT, "<conference xmlns='storage:bookmarks' jid='a@b'/>");
	struct el *b = bookmark_read(CONFERENCE("/>"));

	(void)state;
	assert_false(bookmark_same(a, b));
	assert_false(bookmark_same(b, a));
	el_free(a);
	el_free(b);
}

static void test_to_storage(void **state)
{
	struct el *storage = bookmark_storage_new();
	char *s;

	(void)state;
	assert_true(bookmark_to_storage(storage, "theplay@conference.shakespeare.lit",
	    CONFERENCE(" name='The Play&apos;s the Thing' autojoin='true'><nick>JC</nick>"
		       "</conference>")));
	assert_true(bookmark_to_storage(storage, "Orchard@conference.shakespeare.lit",
	    CONFERENCE(" name='The Orcard' autojoin='0'><password>p</password><extensions>"
		       "<state xmlns='x'/></extensions></conference>")));
	assert_false(bookmark_to_storage(storage, "no address@c", CONFERENCE("/>")));
	assert_false(bookmark_to_storage(storage, "a@c", "<conference xmlns='other'/>"));
	assert_false(bookmark_to_storage(storage, "a@c", "<x xmlns='urn:xmpp:bookmarks:1'/>"));
	assert_false(bookmark_to_storage(storage, "a@c", "<conference"));
	assert_false(bookmark_to_storage(storage, "a@c", ""));
	s = el_canon(storage);
	assert_string_equal(s,
	    "<storage xmlns=\"storage:bookmarks\">"
	    "<conference jid=\"theplay@conference.shakespeare.lit\""
	    " name=\"The Play's the Thing\" autojoin=\"true\"><nick>JC</nick></conference>"
	    "<conference jid=\"orchard@conference.shakespeare.lit\" name=\"The Orcard\">"
	    "<password>p</password></conference></storage>");
	free(s);
	el_free(storage);
}

static void test_to_storage_many(void **state)
{
	struct el *storage = bookmark_storage_new();

	(void)state;
	for (int i = 0; i < BOOKMARKS_MAX; i++)
		assert_true(bookmark_to_storage(storage, "a@c", CONFERENCE("/>")));
	assert_false(bookmark_to_storage(storage, "a@c", CONFERENCE("/>")));
	assert_int_equal(el_child_count(storage), BOOKMARKS_MAX);
	el_free(storage);
}

static void test_urls(void **state)
{
	struct el *in = xml_str(NS_CLIENT,
	    STORAGE("<url name='Complete Works' url='http://the-tech.mit.edu/Shakespeare/'/>"
		    "<conference jid='a@c'/><url name='nowhere'/><url url=''/>"
		    "<url xmlns='other' url='x'/><url url='http://b.lit/'/>"));
	struct el *kept = bookmark_urls(in), *out = bookmark_storage_new();
	char *s;

	(void)state;
	assert_non_null(kept);
	assert_true(bookmark_to_storage(out, "a@c", CONFERENCE("/>")));
	bookmark_add_urls(out, kept);
	bookmark_add_urls(out, NULL);
	s = el_canon(out);
	assert_string_equal(s,
	    "<storage xmlns=\"storage:bookmarks\"><conference jid=\"a@c\"/>"
	    "<url name=\"Complete Works\" url=\"http://the-tech.mit.edu/Shakespeare/\"/>"
	    "<url url=\"http://b.lit/\"/></storage>");
	free(s);
	el_free(in);
	el_free(kept);
	el_free(out);
}

static void test_no_urls(void **state)
{
	static const char *const none[] = {
		STORAGE(""),
		STORAGE("<conference jid='a@c'/>"),
		"<storage xmlns='other'><url xmlns='storage:bookmarks' url='x'/></storage>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct el *in = xml_str(NS_CLIENT, none[i]);

		assert_null(bookmark_urls(in));
		el_free(in);
	}
}

static void test_many_urls(void **state)
{
	struct el *in = bookmark_storage_new(), *kept;

	(void)state;
	for (int i = 0; i <= BOOKMARKS_MAX; i++)
		el_set(el_add(in, "url", NULL), "url", "http://a.lit/");
	kept = bookmark_urls(in);
	assert_int_equal(el_child_count(kept), BOOKMARKS_MAX);
	el_free(kept);
	el_free(in);
}

static void test_deep(void **state)
{
	struct el *in = bookmark_storage_new(), *at = in, *kept;
	struct sbuf s = SBUF_INIT;
	int n = 0;

	(void)state;
	at = el_add(in, "conference", NULL);
	el_set(at, "jid", "a@c");
	for (int i = 0; i < 100000; i++)
		at = el_add(at, "nick", NULL);
	at = el_add(in, "url", NULL);
	el_set(at, "url", "x");
	for (int i = 0; i < 100000; i++)
		at = el_add(at, "url", NULL);
	assert_int_equal(bookmark_from_storage(in, each, &n, NULL), 1);
	kept = bookmark_urls(in);
	assert_int_equal(el_child_count(kept), 1);
	el_free(kept);
	el_free(in);
	sbuf_puts(&s, CONFERENCE(">"));
	for (int i = 0; i < BOOKMARK_ITEM_MAX / 4; i++)
		sbuf_puts(&s, "<a/>");
	sbuf_puts(&s, "</conference>");
	assert_null(bookmark_read(sbuf_str(&s)));
	sbuf_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_from_storage, teardown),
		cmocka_unit_test_teardown(test_from_storage_left_out, teardown),
		cmocka_unit_test_teardown(test_from_other_elements, teardown),
		cmocka_unit_test_teardown(test_from_storage_stops, teardown),
		cmocka_unit_test_teardown(test_many, teardown),
		cmocka_unit_test_teardown(test_long_texts, teardown),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_same_only_bookmarks),
		cmocka_unit_test(test_to_storage),
		cmocka_unit_test(test_to_storage_many),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_no_urls),
		cmocka_unit_test(test_many_urls),
		cmocka_unit_test_teardown(test_deep, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
