/* SPDX-License-Identifier: MIT */
/* What a client sends a second time (XEP-0198): which stanzas are the same, in which order they are
 * expected, how many are remembered, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/repeats.h"
#include "core/stanza.h"
#include "xml_fixture.h"

static struct repeats rp;

static int setup(void **state)
{
	(void)state;
	repeats_init(&rp);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	repeats_done(&rp);
	return 0;
}

static struct stanza *parse(const char *text)
{
	struct stanza *st = NULL;

	assert_true(stanza_new(&st, xml_str(NS_CLIENT, text)) <= 0);
	return st;
}

static uint64_t hash_of(const char *text)
{
	struct stanza *st = parse(text);
	uint64_t hash = repeats_hash(st);

	stanza_release(st);
	return hash;
}

/* Comes, with this number. */
static struct stanza *comes(const char *text, uint32_t number)
{
	struct stanza *st = parse(text);

	assert_true(repeats_add(&rp, st, repeats_hash(st), number));
	return st;
}

static void settles(struct stanza *st)
{
	if (st->arg)
		repeats_settled(&rp, st);
	stanza_release(st);
}

/* And settles at once. */
static void handled(const char *text, uint32_t number)
{
	settles(comes(text, number));
}

static struct repeat *match(const char *text)
{
	struct stanza *st = parse(text);
	struct repeat *rep = repeats_match(&rp, st, repeats_hash(st));

	stanza_release(st);
	return rep;
}

static bool comes_again(const char *text, uint32_t number)
{
	struct repeat *rep = match(text);

	if (rep)
		repeats_again(&rp, rep, number);
	return rep != NULL;
}

static size_t length(const struct list *l)
{
	size_t n = 0;

	LIST_EACH (it, l)
		n++;
	return n;
}

#define M(id) "<message to='b@x.org' id='" id "'><body>hi</body></message>"
#define PLAIN(text) "<message to='b@x.org'><body>" text "</body></message>"
#define AWAY "<presence><show>away</show></presence>"
#define PING(id) "<iq type='get' id='" id "'><ping xmlns='urn:xmpp:ping'/></iq>"

/* --- which is which --------------------------------------------------------------------------- */

static void the_same(void **state)
{
	(void)state;
	assert_true(hash_of(M("1")) == hash_of(M("1")));
	assert_true(hash_of(M("1")) ==
		    hash_of("<message  id=\"1\" to=\"B@x.org\" from='a@x.org/r' xml:lang='de'>"
			    "<body>hi</body></message>"));
	assert_true(
	    hash_of(M("1")) ==
	    hash_of("<message to='b@x.org' id='1'><body>hi</body>"
		    "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>"
		    "<delay xmlns='urn:xmpp:delay' stamp='2026-01-02T00:00:00Z'/></message>"));
	assert_true(hash_of("<message><x xmlns='urn:x' a='&apos;'>&gt;</x></message>") ==
		    hash_of("<message><x xmlns='urn:x' a=\"'\">></x></message>"));
}

static void not_the_same(void **state)
{
	static const char *const others[] = {
		M("1"),
		M("2"),
		M(""),
		PLAIN("hi"),
		PLAIN("ho"),
		"<message to='c@x.org' id='1'><body>hi</body></message>",
		"<message to='b@x.org' id='1' type='chat'><body>hi</body></message>",
		"<message to='b@x.org' type='1'><body>hi</body></message>",
		"<message to='b@x.org' id='1'><body>hi</body><x xmlns='urn:x'/></message>",
		"<message to='b@x.org' id='1'><body>hi</body><delay xmlns='urn:x'/></message>",
		"<message to='b@x.org' id='1'><x xmlns='urn:x'><body>hi</body></x></message>",
		"<presence to='b@x.org' id='1'><body>hi</body></presence>",
		"<message id='1'><body>hi</body></message>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		for (size_t j = 0; j < i; j++)
			assert_false(hash_of(others[i]) == hash_of(others[j]));
	}
}

/* --- what counts ------------------------------------------------------------------------------ */

static void what_counts_is_not_expected(void **state)
{
	struct stanza *first = comes(M("1"), 1), *second;

	(void)state;
	handled(M("2"), 2);
	second = comes(M("3"), 3);
	assert_int_equal(rp.n, 3);
	assert_int_equal(rp.tail_n, 0);
	settles(first);
	assert_int_equal(rp.n, 1);
	assert_int_equal(rp.tail_n, 2);
	settles(second);
	assert_int_equal(rp.n, 0);
	repeats_expect(&rp);
	assert_null(match(M("3")));
}

static void hashed_only_if_need_be(void **state)
{
	struct stanza *st = parse(AWAY), *later = parse(PING("1"));
	struct repeat *rep;

	(void)state;
	assert_true(repeats_add(&rp, st, 0, 1));
	rep = st->arg;
	repeats_routed(&rp, st);
	assert_false(rep->hashed); /* it counts in a moment */
	stanza_hold(st);
	repeats_routed(&rp, st);
	assert_true(rep->hashed);
	assert_true(repeats_add(&rp, later, 0, 2));
	rep = later->arg;
	repeats_routed(&rp, later); /* the one before does not */
	assert_true(rep->hashed);
	settles(later);
	stanza_release(st);
	settles(st);
	assert_int_equal(rp.n, 0);
}

/* --- repeats ---------------------------------------------------------------------------------- */

static void in_order(void **state)
{
	struct stanza *first = comes(M("1"), UINT32_MAX);

	(void)state;
	handled(AWAY, 0);
	handled(PING("q"), 1);
	handled(PLAIN("a"), 2);
	handled(PLAIN("a"), 3);
	repeats_expect(&rp);
	assert_true(comes_again(M("1"), UINT32_MAX));
	assert_true(comes_again(AWAY, 0));
	assert_true(comes_again(PING("q"), 1));
	assert_true(comes_again(PLAIN("a"), 2));
	assert_true(comes_again(PLAIN("a"), 3));
	assert_false(comes_again(PLAIN("a"), 4));
	assert_int_equal(length(&rp.came), 5);
	settles(first);
	assert_int_equal(rp.n, 0);
	assert_int_equal(rp.tail_n, 1);
	assert_int_equal(rp.tail[rp.tail_first].number, UINT32_MAX);
}

/* A client that leaves out some; what comes before is not repeated any more. */
static void left_out(void **state)
{
	struct stanza *first = comes(M("1"), 1);

	(void)state;
	handled(AWAY, 2);
	handled(PING("q"), 3);
	handled(PLAIN("a"), 4);
	handled(PLAIN("b"), 5);
	handled(M("6"), 6);
	handled(M("7"), 7);
	repeats_expect(&rp);
	assert_true(comes_again(M("1"), 1));
	assert_true(comes_again(PLAIN("a"), 2)); /* the first of its kind */
	assert_true(comes_again(M("7"), 3));
	assert_int_equal(length(&rp.expected), 0);
	assert_false(comes_again(M("6"), 4));
	settles(first);
	assert_int_equal(rp.tail_n, 2);
	assert_int_equal(rp.tail[rp.tail_first + 1].number, 3);
}

static void without_an_id_the_place_decides(void **state)
{
	struct stanza *first = comes(PLAIN("a"), 1);

	(void)state;
	handled(PLAIN("b"), 2);
	handled(AWAY, 3);
	handled(M("4"), 4);
	repeats_expect(&rp);
	assert_false(comes_again(PLAIN("b"), 1)); /* "a" was, so that this is new ... */
	assert_false(comes_again(PLAIN("a"), 2)); /* ... and so is all without an id behind it */
	assert_false(comes_again(AWAY, 3));
	assert_true(comes_again(M("4"), 4));
	assert_int_equal(rp.n, 0);
	assert_null(first->arg);
	settles(first);
}

static void new_ones_in_between(void **state)
{
	struct stanza *first = comes(M("1"), 1);

	(void)state;
	handled(M("2"), 2);
	repeats_expect(&rp);
	for (unsigned i = 1; i < REPEATS_STRANGERS; i++)
		assert_null(match(M("new")));
	assert_true(comes_again(M("1"), 64));
	assert_null(match(M("new")));
	assert_null(match(M("2"))); /* so many say that it has gone on */
	settles(first);
	assert_int_equal(rp.n, 0);
}

static void resumed_again_in_the_middle(void **state)
{
	struct stanza *first = comes(M("1"), 1), *fresh;

	(void)state;
	handled(M("2"), 2);
	handled(M("3"), 3);
	repeats_expect(&rp);
	assert_true(comes_again(M("1"), 1));
	assert_true(comes_again(M("2"), 2));
	assert_null(match(M("new")));
	fresh = comes(PLAIN("new"), 3);
	handled(PLAIN("lost"), 4);
	repeats_expect(&rp);
	assert_true(comes_again(M("1"), 1));
	assert_true(comes_again(M("2"), 2));
	assert_true(comes_again(PLAIN("new"), 3)); /* its place is known again */
	assert_null(match(M("newer")));            /* and gone again */
	assert_null(match(PLAIN("lost")));
	assert_true(comes_again(M("3"), 4));
	settles(fresh);
	assert_int_equal(rp.tail_n, 0);
	settles(first);
	assert_int_equal(rp.tail_n, 3);
	assert_int_equal(rp.n, 0);
}

/* It settles before it is repeated, or behind that. */
static void settled_meanwhile(void **state)
{
	struct stanza *first = comes(M("1"), 1), *second = comes(M("2"), 2);

	(void)state;
	repeats_expect(&rp);
	settles(second);
	assert_int_equal(rp.n, 2);
	assert_true(comes_again(M("1"), 1));
	assert_true(comes_again(M("2"), 2));
	assert_int_equal(rp.tail_n, 0);
	settles(first);
	assert_int_equal(rp.tail_n, 2);
}

static void too_many(void **state)
{
	struct stanza *first = comes(M("1"), 1), *last;

	(void)state;
	for (uint32_t i = 2; i <= REPEATS_MAX; i++)
		handled(PLAIN("a"), i);
	assert_int_equal(rp.n, REPEATS_MAX);
	last = parse(M("2"));
	assert_false(repeats_add(&rp, last, repeats_hash(last), REPEATS_MAX + 1));
	assert_int_equal(rp.n, 0);
	assert_null(first->arg);
	assert_null(last->arg);
	settles(first);
	settles(last);
	assert_false(repeats_add_settled(&rp, first, 1, 1));
}

/* --- messages that may be sent again in another session --------------------------------------- */

static void which_stay(void **state)
{
	struct stanza *failed = comes(M("3"), 5), *dropped = comes(M("4"), 6);

	(void)state;
	failed->bounced = dropped->dropped = true;
	settles(failed);
	settles(dropped);
	handled(AWAY, 1);
	handled(PING("q"), 2);
	handled(PLAIN("a"), 3);
	assert_int_equal(rp.tail_n, 0);
	handled(M("1"), 4);
	assert_int_equal(rp.tail_n, 1);
}

static void the_last_ones_stay(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= REPEATS_TAIL + 100; i++)
		handled(M("1"), i);
	assert_int_equal(rp.tail_n, REPEATS_TAIL);
	assert_int_equal(rp.tail[rp.tail_first].number, 101);
	repeats_sure(&rp, 300);
	assert_int_equal(rp.tail_n, REPEATS_TAIL - 200);
	assert_int_equal(rp.tail[rp.tail_first].number, 301);
}

static void until_it_is_sure(void **state)
{
	(void)state;
	for (uint32_t i = UINT32_MAX - 2; i != 6; i++)
		handled(M("1"), i);
	assert_int_equal(rp.tail_n, 9);
	repeats_told(&rp, UINT32_MAX, 1); /* behind one of ours */
	repeats_heard(&rp, 1);
	assert_int_equal(rp.tail_n, 9);
	repeats_told(&rp, 2, 5);
	repeats_told(&rp, 3, 6);
	repeats_heard(&rp, 5); /* it has one that came behind the first <a/> */
	assert_int_equal(rp.tail_n, 6);
	repeats_heard(&rp, 6);
	assert_int_equal(rp.tail_n, 6);
	repeats_heard(&rp, 7);
	assert_int_equal(rp.tail_n, 2);
	repeats_heard(&rp, 100);
	assert_int_equal(rp.tail_n, 2);
	repeats_told(&rp, 5, 100);
	repeats_heard(&rp, 101);
	assert_int_equal(rp.tail_n, 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_same),
		T(not_the_same),
		T(what_counts_is_not_expected),
		T(hashed_only_if_need_be),
		T(in_order),
		T(left_out),
		T(without_an_id_the_place_decides),
		T(new_ones_in_between),
		T(resumed_again_in_the_middle),
		T(settled_meanwhile),
		T(too_many),
		T(which_stay),
		T(the_last_ones_stay),
		T(until_it_is_sure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
