/* SPDX-License-Identifier: MIT */
/* Regions of XML_MEM_REGION bytes, cut from slabs that stay reserved: a free region's pages are
 * given back (MADV_DONTNEED), its addresses are not, so the process's map does not fall to pieces.
 * A few free ones keep their pages for the next connection.
 *
 * Within a region: blocks of the asked-for size, one after the other, and a list of freed ones
 * that is looked at a little way.  That is enough for expat, which takes nearly all at the start
 * and doubles what it has to.  What finds no room comes from malloc.
 *
 * Each block's head says whose it is, so freeing needs to know no more than the block.
 *
 * Owns the regions of the process: parsers live on one thread (base/loop.h).  */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <base/mem.h>

#include "xml_mem.h"

enum {
	SLAB_REGIONS = 64,
	WARM = 32,  /* free regions that keep their pages */
	PROBES = 8, /* freed blocks that are looked at */
	ALIGN = 16,
	FIRST = 2 * ALIGN, /* byte of a region that is a block's */
};

struct block {
	_Alignas(ALIGN) struct xml_mem *home; /* NULL: malloc's */
	size_t size;                          /* without this head */
					      /* a freed one: struct block *next */
};

struct xml_mem {     /* at the beginning of its region */
	size_t used; /* bytes from the beginning */
	size_t live; /* blocks */
	struct block *freed;
};

static_assert(sizeof(struct block) == ALIGN && sizeof(struct xml_mem) <= FIRST,
    "heads keep what follows aligned");

static struct xml_mem *in_use;
static struct {
	void **v; /* free regions; the first WARM have pages */
	size_t n, cap;
} spare;

/* --- regions ---------------------------------------------------------------------------------- */

static void spare_put(void *region)
{
	if (spare.n == spare.cap) {
		spare.cap = spare.cap ? 2 * spare.cap : SLAB_REGIONS;
		spare.v = xreallocarray(spare.v, spare.cap, sizeof(*spare.v));
	}
	spare.v[spare.n++] = region;
}

static void slab_new(void)
{
	size_t len = (size_t)SLAB_REGIONS * XML_MEM_REGION;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return; /* then malloc has to do */
	for (size_t i = SLAB_REGIONS; i-- > 0;)
		spare_put(p + i * XML_MEM_REGION);
}

struct xml_mem *xml_mem_new(void)
{
	struct xml_mem *m;

	if (spare.n == 0)
		slab_new();
	if (spare.n == 0)
		return NULL;
	m = spare.v[--spare.n];
	*m = (struct xml_mem){ .used = FIRST };
	return m;
}

void xml_mem_free(struct xml_mem *m)
{
	if (!m)
		return;
	assert(m->live == 0 && in_use != m);
	if (spare.n >= WARM)
		(void)madvise(m, XML_MEM_REGION, MADV_DONTNEED);
	spare_put(m);
}

struct xml_mem *xml_mem_use(struct xml_mem *m)
{
	struct xml_mem *before = in_use;

	in_use = m;
	return before;
}

/* --- blocks ----------------------------------------------------------------------------------- */

static void *content(struct block *b)
{
	return b + 1;
}

static struct block **next_of(struct block *b)
{
	return content(b);
}

/* A freed block that is large enough, and not by far. */
static struct block *reuse(struct xml_mem *m, size_t size)
{
	struct block **at = &m->freed;

	for (unsigned i = 0; *at && i < PROBES; i++, at = next_of(*at)) {
		struct block *b = *at;

		if (b->size < size || b->size > 2 * size)
			continue;
		*at = *next_of(b);
		return b;
	}
	return NULL;
}

static struct block *carve(struct xml_mem *m, size_t size)
{
	struct block *b;

	if (sizeof(*b) + size > XML_MEM_REGION - m->used)
		return NULL;
	b = (struct block *)(void *)((char *)m + m->used);
	m->used += sizeof(*b) + size;
	*b = (struct block){ m, size };
	return b;
}

static void *mem_malloc(size_t size)
{
	struct xml_mem *m = in_use;
	struct block *b = NULL;

	assert(size < SIZE_MAX / 2);
	size = (size + ALIGN - 1) / ALIGN * ALIGN;
	if (size == 0)
		size = ALIGN;
	if (m && size < XML_MEM_REGION) {
		b = reuse(m, size);
		if (!b)
			b = carve(m, size);
	}
	if (b) {
		m->live++;
		return content(b);
	}
	b = xmalloc(sizeof(*b) + size);
	*b = (struct block){ NULL, size };
	return content(b);
}

static struct block *block_of(void *p)
{
	return (struct block *)p - 1;
}

static void mem_free(void *p)
{
	struct block *b;
	struct xml_mem *m;

	if (!p)
		return;
	b = block_of(p);
	m = b->home;
	if (!m) {
		free(b);
		return;
	}
	*next_of(b) = m->freed;
	m->freed = b;
	m->live--;
}

static void *mem_realloc(void *p, size_t size)
{
	struct block *b;
	void *to;

	if (!p)
		return mem_malloc(size);
	b = block_of(p);
	if (size <= b->size)
		return p;
	to = mem_malloc(size);
	memcpy(to, p, b->size);
	mem_free(p);
	return to;
}

const XML_Memory_Handling_Suite xml_mem_suite = { mem_malloc, mem_realloc, mem_free };
