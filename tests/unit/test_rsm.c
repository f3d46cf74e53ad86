/* SPDX-License-Identifier: MIT */
/* Pages of a result set (XEP-0059): the numbers 10, 20, ..., 90, named by their text. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xmpp/rsm.h>

#include "xml_fixture.h"

enum { COUNT = 9, LIMIT = 5 };

static size_t find(const char *id, bool *ret_there, void *arg)
{
	size_t v = strtoul(id, NULL, 10), n = v ? (v - 1) / 10 : 0;

	(void)arg;
	*ret_there = v % 10 == 0 && v >= 10 && v <= 90;
	return n < COUNT ? n : COUNT;
}

/* The page for a request as "from+n", or "bad". */
static const char *page(const char *inner)
{
	static char out[64];
	char xml[512];
	struct rsm_page p;
	struct rsm r;
	struct el *el;

	(void)snprintf(xml, sizeof(xml), "<query xmlns='q'>%s</query>", inner);
	el = xml_str(NS_CLIENT, xml);
	if (rsm_parse(&r, el) < 0) {
		(void)snprintf(out, sizeof(out), "bad");
	} else {
		p = rsm_page(&r, COUNT, LIMIT, find, NULL);
		(void)snprintf(out, sizeof(out), "%zu+%zu%s", p.from, p.n, r.asked ? "" : "!");
	}
	el_free(el);
	return out;
}

#define SET(inner) "<set xmlns='http://jabber.org/protocol/rsm'>" inner "</set>"

static void test_pages(void **state)
{
	static const struct {
		const char *ask, *want;
	} rows[] = {
		{ "", "0+5!" },
		{ SET(""), "0+5" },
		{ SET("<max>3</max>"), "0+3" },
		{ SET("<max>0</max>"), "0+0" },
		{ SET("<max>99</max>"), "0+5" },
		{ SET("<max>3</max><after>30</after>"), "3+3" },
		{ SET("<max>3</max><after>35</after>"), "3+3" }, /* gone meanwhile */
		{ SET("<max>3</max><after>80</after>"), "8+1" },
		{ SET("<after>90</after>"), "9+0" },
		{ SET("<after></after>"), "0+5" },
		{ SET("<max>3</max><before>50</before>"), "1+3" },
		{ SET("<max>3</max><before>20</before>"), "0+1" },
		{ SET("<before>10</before>"), "0+0" },
		{ SET("<max>3</max><before/>"), "6+3" },
		{ SET("<max>3</max><index>7</index>"), "7+2" },
		{ SET("<index>9</index>"), "9+0" },
		{ SET("<index>99</index>"), "9+0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(page(rows[i].ask), rows[i].want);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		SET("<max>x</max>"),
		SET("<max></max>"),
		SET("<max>-1</max>"),
		SET("<max>99999999999999999999999</max>"),
		SET("<index>1.5</index>"),
		SET("<after>10</after><before>20</before>"),
		SET("<after>10</after><index>1</index>"),
		SET("<before/><index>1</index>"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_string_equal(page(bad[i]), "bad");
}

static void test_answer(void **state)
{
	const struct rsm_page some = { 3, 2 }, none = { 9, 0 };
	struct el *el = el_new("query", "q");
	char *text;

	(void)state;
	rsm_add(el, &some, COUNT, "40", "50");
	rsm_add(el, &none, COUNT, NULL, NULL);
	text = el_sent(el, NULL);
	assert_string_equal(text,
	    "<query xmlns=\"q\">"
	    "<set xmlns=\"http://jabber.org/protocol/rsm\"><first index=\"3\">40</first>"
	    "<last>50</last><count>9</count></set>"
	    "<set xmlns=\"http://jabber.org/protocol/rsm\"><count>9</count></set></query>");
	free(text);
	el_free(el);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
