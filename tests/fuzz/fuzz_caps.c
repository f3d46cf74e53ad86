/* SPDX-License-Identifier: MIT */
/* Answers to disco#info: any is refused or hashed, the hash does not depend on the order of
 * anything in it, and the names asked for are sorted, bounded, and not lost to a form. */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "../unit/xml_fixture.h"
#include "caps_hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOTIFY "+notify"

static const char *const attrs[] = { "category", "type", "xml:lang", "name", "var" };

/* A copy whose children stand in the opposite order, down to the text of values. */
static void copy_reversed(struct el *to, const struct el *from, int depth)
{
	size_t n = el_child_count(from), i = n;
	const struct el **kids = xreallocarray(NULL, n + 1, sizeof(const struct el *));

	for (size_t k = 0; k < sizeof(attrs) / sizeof(attrs[0]); k++)
		el_set(to, attrs[k], el_attr(from, attrs[k]));
	el_text(to, el_body(from));
	EL_EACH (it, from, NULL, NULL)
		kids[--i] = it;
	for (; i < n && depth > 0; i++)
		copy_reversed(el_add(to, el_name(kids[i]), el_ns(kids[i])), kids[i], depth - 1);
	free(kids);
}

static void check_names(const struct el *query, const struct el *reversed)
{
	struct sbuf a = SBUF_INIT, b = SBUF_INIT;
	size_t n = caps_notify(query, &a), count = 0, len;
	const char *last = NULL, *p = sbuf_data(&a), *end = p + sbuf_len(&a);

	assert(n <= CAPS_NOTIFY_MAX && caps_notify(reversed, &b) == n);
	assert(sbuf_len(&a) == sbuf_len(&b) && !memcmp(p, sbuf_data(&b), sbuf_len(&b)));
	for (; p < end; p += len + 1, count++) {
		len = strlen(p);
		assert(len > 0 && len <= CAPS_NAME_MAX && (!last || strcmp(last, p) < 0));
		last = p;
	}
	assert(p == end && count == n);
	sbuf_done(&a);
	sbuf_done(&b);
}

/* The same answer with a form, in which the feature that is asked for stands as a value. */
static void check_hidden(const struct el *query, const char *var, bool typed)
{
	struct el *copy = el_dup(query), *x = el_add(copy, "x", NS_XDATA), *field;
	char hash[CAPS_HASH_LEN + 1];

	field = el_add(x, "field", NULL);
	el_set(field, "var", "FORM_TYPE");
	el_set(field, "type", "hidden");
	el_add_text(field, "value", NULL, typed ? var : "urn:fuzz");
	field = el_add(x, "field", NULL);
	el_set(field, "var", "f");
	el_add_text(field, "value", NULL, var);
	assert(caps_hash(copy, DIGEST_SHA1, hash) == -EINVAL);
	el_free(copy);
}

static void check_hash(const struct el *query, const struct el *reversed)
{
	static const size_t len[] = { 28, 44, 88 };
	char a[CAPS_HASH_LEN + 1], b[CAPS_HASH_LEN + 1];

	for (enum digest_alg alg = DIGEST_SHA1; alg <= DIGEST_SHA512; alg++) {
		int r = caps_hash(query, alg, a);

		assert(r == 0 || r == -EINVAL);
		assert(caps_hash(reversed, alg, b) == r);
		assert(r < 0 || (strlen(a) == len[alg] && !strcmp(a, b)));
	}
	EL_EACH (it, query, "feature", NS_DISCO_INFO) {
		const char *var = el_attr(it, "var");
		size_t n = var ? strlen(var) : 0, k = sizeof(NOTIFY) - 1;

		if (n < k || strcmp(var + n - k, NOTIFY) != 0)
			continue;
		check_hidden(query, var, true);
		check_hidden(query, var, false);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct el *el = xml_one(NS_CLIENT, "", (const char *)data, size), *reversed;

	if (!el)
		return 0;
	reversed = el_new(el_name(el), el_ns(el));
	copy_reversed(reversed, el, 3);
	check_names(el, reversed);
	check_hash(el, reversed);
	el_free(reversed);
	el_free(el);
	return 0;
}
