/* SPDX-License-Identifier: MIT */
/* Bookmarks: whatever a <storage/> holds becomes items within their bounds, and these become a
 * <storage/> that says the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "../unit/xml_fixture.h"
#include "bookmark_conv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct items {
	char *id[BOOKMARKS_MAX], *payload[BOOKMARKS_MAX];
	size_t n;
	size_t again; /* of these, on the way back */
};

static int note(const char *id, struct el *conference, void *arg)
{
	struct items *items = arg;

	assert(items->n < BOOKMARKS_MAX && strlen(id) <= 2047);
	items->id[items->n] = xstrdup(id);
	items->payload[items->n++] = el_canon(conference);
	return 0;
}

static int compare(const char *id, struct el *conference, void *arg)
{
	struct items *items = arg;
	struct el *first;

	assert(items->again < items->n && !strcmp(id, items->id[items->again]));
	first = bookmark_read(items->payload[items->again++]);
	assert(first && bookmark_same(first, conference));
	bookmark_keep(conference, first);
	assert(bookmark_same(first, conference));
	el_free(first);
	return 0;
}

static void there_and_back(const struct el *storage)
{
	struct items *items = xzalloc(sizeof(*items));
	struct el *back = bookmark_storage_new(), *kept = bookmark_urls(storage);
	bool more;
	int n = bookmark_from_storage(storage, note, items, &more);

	assert(n < 0 || (size_t)n == items->n);
	for (size_t i = 0; i < items->n; i++)
		assert(bookmark_to_storage(back, items->id[i], items->payload[i]));
	bookmark_add_urls(back, kept);
	assert(el_child_count(back) == items->n + (kept ? el_child_count(kept) : 0));
	assert(bookmark_from_storage(back, compare, items, &more) == (n < 0 ? 0 : n) && !more);
	assert(items->again == items->n);
	for (size_t i = 0; i < items->n; i++) {
		free(items->id[i]);
		free(items->payload[i]);
	}
	free(items);
	el_free(back);
	el_free(kept);
}

/* The input as a payload somebody has published: its id is its name. */
static void publish(const struct el *el)
{
	struct el *storage = bookmark_storage_new(), *copy = bookmark_read("<conference/>");
	char *payload = el_canon(el);
	const char *name = el_attr(el, "name");

	assert(!copy);
	if (bookmark_to_storage(storage, name ? name : "a@b", payload))
		there_and_back(storage);
	copy = bookmark_read(payload);
	(void)bookmark_same(copy, el);
	el_free(copy);
	el_free(storage);
	free(payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct el *el = xml_one(NS_CLIENT, "", (const char *)data, size);

	if (el) {
		there_and_back(el);
		publish(el);
	}
	el_free(el);
	return 0;
}
