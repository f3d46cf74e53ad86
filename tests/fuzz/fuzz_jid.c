/* SPDX-License-Identifier: MIT */
/* Addresses: what is accepted is within the limits, stays the same when prepared again (the
 * property that comparing bytes rests on), and takes apart into what it was put together from. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/lim.h>
#include <base/mem.h>
#include <xmpp/jid.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct arena *a, const struct jid *j)
{
	const char *local = NULL, *domain;
	struct jid again, bare;

	assert(j->len && j->len <= LIM_JID && strlen(j->s) == j->len);
	assert(jid_local_len(j) <= LIM_JID_PART && jid_domain_len(j) <= LIM_JID_PART);
	assert(jid_domain_len(j) > 0);
	if (jid_parse(&again, a, j->s) < 0)
		abort();
	assert(jid_same(j, &again) && again.dom == j->dom && again.res == j->res);
	again = jid_view(j->s);
	assert(again.dom == j->dom && again.res == j->res && again.len == j->len);
	if (j->dom)
		local = arena_strndup(a, j->s, jid_local_len(j));
	domain = arena_strndup(a, jid_domain(j), jid_domain_len(j));
	if (jid_make(&again, a, local, domain, jid_resource(j)) < 0)
		abort();
	assert(jid_same(j, &again));
	if (jid_view_ascii(&again, j->s))
		assert(jid_same(j, &again) && again.dom == j->dom && again.res == j->res);
	bare = jid_bare(j, a);
	assert(jid_same_bare(&bare, j) && jid_is_bare(&bare));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = xstrndup(size ? (const char *)data : "", size), *out, *twice;
	struct arena *a = arena_new();
	struct jid j;

	if (!jid_parse(&j, a, s))
		check(a, &j);
	else
		assert(!jid_view_ascii(&j, s));
	if (!prep_sasl(a, s, &out))
		assert(*out && strlen(out) <= LIM_JID_PART);
	if (!prep_resource(a, s, &out)) {
		assert(*out && strlen(out) <= LIM_JID_PART);
		if (!prep_resource(a, out, &twice))
			assert(!strcmp(out, twice));
	}
	arena_free(a);
	free(s);
	return 0;
}
