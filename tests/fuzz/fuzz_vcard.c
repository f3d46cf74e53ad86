/* SPDX-License-Identifier: MIT */
/* vCards: whatever one holds is converted within bounds; what has been converted once stays what
 * it is on the way there and back; the picture can be set and taken away. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/xml_fixture.h"
#include "vcard_conv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_same(const struct el *a, const struct el *b)
{
	char *x = el_canon(a), *y = el_canon(b);

	assert(!strcmp(x, y));
	free(x);
	free(y);
}

static void there_and_back(const struct el *temp)
{
	struct el *v4 = vcard_to_4(temp), *back, *again;

	assert(v4 && el_child_count(v4) <= VCARD_FIELDS_MAX + 1);
	back = vcard_from_4(v4);
	assert(back && el_child_count(back) <= VCARD_FIELDS_MAX);
	assert(!vcard_photo(back));
	el_free(v4);
	v4 = vcard_to_4(back);
	again = vcard_from_4(v4);
	assert_same(back, again);
	el_free(v4);
	el_free(back);
	el_free(again);
}

static void picture(const struct el *temp)
{
	struct el *with = vcard_with_photo(temp, "image/png", "AAAA");
	struct el *without = vcard_with_photo(with, NULL, NULL);
	struct el *a = vcard_to_4(with), *b = vcard_to_4(without);

	(void)vcard_photo(temp);
	assert(!strcmp(vcard_photo(with), "AAAA") && !vcard_photo(without));
	assert(el_child_count(with) == el_child_count(without) + 1);
	assert_same(a, b);
	el_free(a);
	el_free(b);
	el_free(with);
	el_free(without);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct el *el = xml_one(NS_CLIENT, "", (const char *)data, size), *temp;

	if (el && el_is(el, "vCard", NS_VCARD_TEMP))
		there_and_back(el);
	if (el)
		picture(el);
	temp = el ? vcard_from_4(el) : NULL;
	if (temp)
		there_and_back(temp);
	el_free(temp);
	el_free(el);
	return 0;
}
