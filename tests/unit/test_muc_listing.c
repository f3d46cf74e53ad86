/* SPDX-License-Identifier: MIT */
/* The rooms that are listed (XEP-0045 6.3), in pages (XEP-0059): which, in what order, and what a
 * page of many costs. */
#include <time.h>

#include <base/arena.h>

#include "muc_fixture.h"

enum { MANY = 10000, PRIME = 7919, TURNS = 300, TIMES_MAX = 3 };

#define HIDDEN CONF("publicroom", "0")
#define PUBLIC CONF("publicroom", "1")

/* A room as the database may have had it. */
static void add_room(const char *name, bool public)
{
	struct room *r = room_new(&m, name);

	r->conf.public = public;
	listing_update(r);
}

/* step: 1: in order; prime to n: out of it. */
static void add_rooms(size_t n, size_t step, bool public)
{
	char name[32];

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "%c%06zu", public ? 'p' : 'h', i * step % n);
		add_room(name, public);
	}
}

static const char *page(struct fix *f, const char *set)
{
	fix_clear(f);
	fix_sendf(f,
	    "<iq type='get' id='q1' from='" BOB "' to='" DOM "'><query xmlns='" NS_DISCO_ITEMS
	    "'>%s</query></iq>",
	    set);
	return fix_got(f);
}

/* The addresses of a page, one letter and one number each: "p0 p1". */
static const char *names(struct fix *f, const char *set)
{
	static char out[4096];
	size_t n = 0;

	out[0] = '\0';
	for (const char *s = page(f, set); (s = strstr(s, "<item jid=\"")); s++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%.*s", n ? " " : "",
		    (int)strcspn(s + 11, "@"), s + 11);
	return out;
}

static void test_what_is_listed(void **state)
{
	struct fix *f = *state;

	assert_string_equal(names(f, ""), "");
	enter(f, ALICE, "b@" DOM "/Alice", "");
	assert_string_equal(names(f, ""), ""); /* locked */
	configure(f, ALICE, "b@" DOM, "");
	for (const char *s = "ac"; *s; s++) {
		char room[] = "x@" DOM, nick[] = "x@" DOM "/Alice";

		room[0] = nick[0] = *s;
		enter(f, ALICE, nick, "");
		configure(f, ALICE, room, *s == 'a' ? PUBLIC : HIDDEN);
	}
	assert_string_equal(names(f, ""), "a b");
	configure(f, ALICE, "c@" DOM, PUBLIC);
	configure(f, ALICE, "a@" DOM, HIDDEN);
	configure(f, ALICE, "b@" DOM, PUBLIC); /* as it was */
	assert_string_equal(names(f, ""), "b c");
	fix_replace(f);
	assert_string_equal(names(f, ""), "b c");
	fix_postf(f, "<iq type='set' id='d1' from='" ALICE "' to='b@" DOM
		     "'><query xmlns='" NS_MUC_OWNER "'><destroy/></query></iq>");
	fix_spin(f);
	assert_string_equal(names(f, ""), "c");
	fix_replace(f);
	assert_string_equal(names(f, ""), "c");
}

static void test_pages_of_many(void **state)
{
	struct fix *f = *state;

	add_rooms(MANY, PRIME, true);
	add_rooms(MANY, PRIME, false);
	assert_int_equal(m.listing.n, MANY);
	assert_string_equal(names(f, SET("<max>2</max>")), "p000000 p000001");
	fix_has(f, "<count>10000</count>");
	fix_has(f, "<first index=\"0\">p000000@" DOM "</first>");
	assert_string_equal(
	    names(f, SET("<max>2</max><after>p005000@" DOM "</after>")), "p005001 p005002");
	assert_string_equal(
	    names(f, SET("<max>2</max><after>p0050000@" DOM "</after>")), "p005001 p005002");
	assert_string_equal(
	    names(f, SET("<max>2</max><before>p005000@" DOM "</before>")), "p004998 p004999");
	assert_string_equal(
	    names(f, SET("<max>2</max><after>p00500@" DOM "</after>")), "p005000 p005001");
	assert_string_equal(names(f, SET("<max>2</max><before/>")), "p009998 p009999");
	assert_string_equal(names(f, SET("<max>1</max><index>9999</index>")), "p009999");
	assert_string_equal(names(f, SET("<max>1</max><after>h000001@" DOM "</after>")), "p000000");
	(void)page(f, ""); /* without a <set/>: the first page, which says so */
	assert_int_equal(fix_count(f, "<item "), MUC_PAGE_MAX);
	fix_has(f, "<count>10000</count>");
	room_end(rooms_find(&m, "p000000", 7));
	fix_spin(f);
	assert_string_equal(names(f, SET("<max>1</max>")), "p000001");
	fix_has(f, "<count>9999</count>");
}

/* All of them, page by page, without one left out or twice. */
static void test_all_pages(void **state)
{
	struct fix *f = *state;
	char after[128] = "", want[32];
	size_t n = 0;

	add_rooms(1050, PRIME, true);
	for (;;) {
		char set[256];
		const char *s;

		(void)snprintf(set, sizeof(set), SET("<max>100</max>%s"), after);
		s = strstr(page(f, set), "<item jid=\"");
		if (!s)
			break;
		for (; s; s = strstr(s + 1, "<item jid=\"")) {
			(void)snprintf(want, sizeof(want), "p%06zu@", n++);
			assert_memory_equal(s + 11, want, strlen(want));
		}
		(void)snprintf(after, sizeof(after), "<after>p%06zu@" DOM "</after>", n - 1);
	}
	assert_int_equal(n, 1050);
}

static int64_t nanoseconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* The least that one of many equal pages took. */
static int64_t cost(struct fix *f)
{
	int64_t least = INT64_MAX;

	for (unsigned i = 0; i < TURNS; i++) {
		int64_t began = nanoseconds(), took;

		(void)page(f, SET("<max>1</max><after>p000070@" DOM "</after>"));
		took = nanoseconds() - began;
		least = took < least ? took : least;
	}
	return least;
}

static void test_cost_of_a_page(void **state)
{
	struct fix *f = *state;
	int64_t few, many;

	add_rooms(100, 1, true);
	few = cost(f);
	rooms_free(&m);
	add_rooms(MANY * 10, 1, true);
	many = cost(f);
	if (many > few * TIMES_MAX)
		fail_msg("a page takes %lld ns of 100 rooms, %lld of %d", (long long)few,
		    (long long)many, MANY * 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MUC_TEST(test_what_is_listed),
		MUC_TEST(test_pages_of_many),
		MUC_TEST(test_all_pages),
		MUC_TEST(test_cost_of_a_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
