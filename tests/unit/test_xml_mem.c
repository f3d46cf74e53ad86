/* SPDX-License-Identifier: MIT */
/* The memory of parsers: blocks keep what is in them, regions go back to the system. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <xmpp/xml.h>

#include "../../libcomp/xmpp/xml_mem.h"

#define MANY 200
#define HEAD "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"

static const XML_Memory_Handling_Suite *const suite = &xml_mem_suite;

static bool in_region(const struct xml_mem *m, const void *p)
{
	return (const char *)p > (const char *)m &&
	       (const char *)p < (const char *)m + XML_MEM_REGION;
}

static unsigned char mark(unsigned i)
{
	return (unsigned char)(i * 7 + 1);
}

static void check(const unsigned char *p, size_t n, unsigned i)
{
	assert_int_equal((uintptr_t)p % 16, 0);
	for (size_t k = 0; k < n; k++)
		assert_int_equal(p[k], mark(i));
}

/* Blocks of all sizes come, grow and go in no order; none touches another. */
static void blocks_keep_what_is_in_them(void **state)
{
	struct xml_mem *m = xml_mem_new();
	struct {
		unsigned char *p;
		size_t n;
	} b[64] = { { 0 } };
	unsigned seed = 1;

	(void)state;
	assert_non_null(m);
	assert_null(xml_mem_use(m));
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (seed = seed * 1103515245 + 12345) >> 16 & 63;
		size_t n = (seed >> 8) % (i % 8 == 0 ? 5000 : 300);

		if (b[i].p)
			check(b[i].p, b[i].n, i);
		if (step % 3 == 0) {
			suite->free_fcn(b[i].p);
			b[i].p = NULL;
			continue;
		}
		b[i].p = b[i].p ? suite->realloc_fcn(b[i].p, n) : suite->malloc_fcn(n);
		b[i].n = n;
		memset(b[i].p, mark(i), n);
	}
	for (unsigned i = 0; i < 64; i++)
		suite->free_fcn(b[i].p);
	assert_ptr_equal(xml_mem_use(NULL), m);
	xml_mem_free(m);
}

static void what_finds_no_room_is_malloc_s(void **state)
{
	struct xml_mem *m = xml_mem_new();
	void *small, *large, *rest;

	(void)state;
	(void)xml_mem_use(m);
	small = suite->malloc_fcn(100);
	large = suite->malloc_fcn(XML_MEM_REGION);
	rest = suite->malloc_fcn(XML_MEM_REGION - 1000);
	assert_true(in_region(m, small));
	assert_false(in_region(m, large));
	assert_true(in_region(m, rest));
	small = suite->realloc_fcn(small, 5000); /* it moves out */
	assert_false(in_region(m, small));
	(void)xml_mem_use(NULL);
	suite->free_fcn(small); /* a block knows whose it is */
	suite->free_fcn(large);
	suite->free_fcn(rest);
	suite->free_fcn(NULL);
	xml_mem_free(m);
}

static void a_freed_block_is_used_again(void **state)
{
	struct xml_mem *m = xml_mem_new();
	void *p, *q;

	(void)state;
	(void)xml_mem_use(m);
	p = suite->malloc_fcn(1000);
	suite->free_fcn(p);
	q = suite->malloc_fcn(900);
	assert_ptr_equal(p, q);
	assert_ptr_equal(suite->realloc_fcn(q, 1000), q);
	suite->free_fcn(q);
	(void)xml_mem_use(NULL);
	xml_mem_free(m);
}

/* Pages that hold something now. */
static unsigned resident(void *region)
{
	unsigned char pages[XML_MEM_REGION / 4096] = { 0 };
	unsigned n = 0;

	assert_int_equal(mincore(region, XML_MEM_REGION, pages), 0);
	for (size_t i = 0; i < sizeof(pages); i++)
		n += pages[i] & 1;
	return n;
}

static void regions_go_back_to_the_system(void **state)
{
	static struct xml_mem *m[MANY];
	unsigned pages = 0;

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		m[i] = xml_mem_new();
		memset((char *)m[i] + 64, 1, XML_MEM_REGION - 64);
	}
	for (unsigned i = 0; i < MANY; i++)
		xml_mem_free(m[i]);
	for (unsigned i = 0; i < MANY; i++)
		pages += resident(m[i]);
	assert_in_range(pages, 0, 40 * XML_MEM_REGION / 4096);
}

/* A parser fits, and an idle one has given up all of it. */
static void a_parser_lives_in_its_region(void **state)
{
	struct xml *x = xml_new("jabber:client", &(struct xml_limits){ 0 });
	struct xml_mem *before;
	struct el *el;

	(void)state;
	xml_feed(x, HEAD, strlen(HEAD));
	assert_int_equal(xml_pop(x, &el), XML_HEAD);
	assert_true(xml_idle(x));
	before = xml_mem_new(); /* the one that x had: last in, first out */
	xml_feed(x, "<message/>", 10);
	assert_int_equal(xml_pop(x, &el), XML_EL);
	el_free(el);
	xml_mem_free(before);
	assert_true(xml_idle(x));
	xml_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_keep_what_is_in_them),
		cmocka_unit_test(what_finds_no_room_is_malloc_s),
		cmocka_unit_test(a_freed_block_is_used_again),
		cmocka_unit_test(regions_go_back_to_the_system),
		cmocka_unit_test(a_parser_lives_in_its_region),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
